"""Shows what remapd is for, on one machine: the daemon reads an event log and publishes mapping
versions while an example trainer learns from the same events, swaps to every version, and
compares itself with the same model on hashed ids, on frequency-based rows and on full tables.
From a fresh Debian 12 with a C++ compiler and root (or sudo); can be run again at once. Leaves
nothing running and no files but build/.

  scripts/demo                                 on a generated log
  scripts/demo --events LOG --features a,b,c --label
                                               on a log of yours: tab-separated values, NDJSON or
                                               protobuf, plain or gzip
"""

import argparse
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parent.parent
REMAPD = ROOT / "build/release/bin/remapd"
TRAINER = ROOT / "build/release/bin/click-trainer"
# Set where the demo runs itself again under scripts/kafka-broker: all is installed and built then.
IS_SET_UP = "REMAPD_DEMO_IS_SET_UP"
FIRST_SAMPLES = 1000


class DemoError(Exception):
    """Why the demo cannot go on, for people."""


def say(text):
    print(f"== {text}", file=sys.stderr, flush=True)


@dataclass
class Log:
    """An event log, and what the trainer is told about it."""
    path: pathlib.Path
    name: str
    features: str
    label: str | None = None
    negatives: str | None = None

    def options(self):
        labelled = self.label and not self.negatives
        return ["--events", self.path, "--features", self.features,
                *(["--label-column", self.label] if labelled else ["--no-labels"])]


@dataclass
class Survey:
    """What `click-trainer survey` counted."""
    samples: int = 0
    positives: int = 0
    zeros: int = 0
    tables: list = field(default_factory=list)  # (feature, rows, whether ids share rows)

    @classmethod
    def parse(cls, text):
        survey = cls()
        for line in text.splitlines():
            kind, *values = line.split("\t")
            if kind == "samples":
                survey.samples = int(values[0])
            elif kind == "labels":
                survey.positives, survey.zeros = int(values[0]), int(values[1])
            elif kind == "feature":
                name, _ids, rows, how = values
                survey.tables.append((name, int(rows), how == "shared"))
        return survey


class Demo:
    def __init__(self, options, work, brokers):
        self.options = options
        self.work = work
        self.brokers = brokers  # of the Kafka broker; None: files and a directory
        self.children = []

    def run(self):
        log = self.given_log() if self.options.events else self.generated_log()
        log, survey = self.survey(log)
        shared = [(name, rows) for name, rows, is_shared in survey.tables if is_shared]
        if not shared:
            raise DemoError("no feature has more than 1,000 ids: there is nothing worth sharing rows")
        # Versions: often at first, then one every so many samples.
        every = self.options.every_samples or max(survey.samples // 100, 2500)
        config = self.work / "remapd.toml"
        config.write_text(self.configuration(log, survey, every), encoding="utf-8")
        result = self.train(log, survey, shared, every, config)
        print(result if self.options.json else "\n" + result, end="")
        if self.options.keep:
            say(f"Configuration, mappings and remapd's log are in {self.work}")

    # --- the log -----------------------------------------------------------------------------------

    def given_log(self):
        path = self.options.events
        return Log(path, path.name, self.options.features, self.options.label,
                   self.options.negatives)

    def generated_log(self):
        samples = self.options.samples
        say(f"Generating a log of {samples} events")
        path = self.work / "events.tsv.gz"
        subprocess.run([REMAPD, "generate", "--out", path, "--samples", str(samples),
                        "--users", "60000", "--items", "30000", "--communities", "60"],
                       stdout=sys.stderr, check=True)
        return Log(path, path.name, "user,item,category", label="label")

    def survey(self, log):
        """The log to train on, and its survey. Negatives are added where all labels are alike."""
        say("Looking at the log")
        # Over Kafka the samples are sent from a log of their own, whatever the log looks like.
        samples = self.work / "samples.binpb.gz"
        if not log.negatives:
            survey = self.take_survey(log, samples if self.brokers else None)
            if survey.positives and survey.zeros:
                return (self.rewritten(log, samples) if self.brokers else log), survey
            names = log.features.split(",")
            log.negatives = names[1] if len(names) > 1 else names[0]
            say(f"All labels in column {log.label} are alike: events are taken for positives"
                if log.label else "Without --label events are taken for positives")
            say(f"Negatives are made by drawing another {log.negatives} (--negatives chooses the "
                "feature)")
        survey = self.take_survey(log, samples)
        return self.rewritten(log, samples), survey

    def take_survey(self, log, out):
        command = [TRAINER, "survey", *log.options(), "--rows", str(self.options.rows)]
        if log.negatives:
            command += ["--negatives", log.negatives]
        if out:
            command += ["--out", out]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise DemoError("the log could not be read; see above")
        return Survey.parse(done.stdout)

    @staticmethod
    def rewritten(log, samples):
        name = f"{log.name} with negatives" if log.negatives else log.name
        return Log(samples, name, log.features, label="label")

    # --- the configuration -------------------------------------------------------------------------

    def configuration(self, log, survey, every):
        if self.brokers:
            transport = f"""
[kafka]
brokers = "{self.brokers}"
[source]
kind = "kafka"
[sink]
kind = "kafka"
retain_versions = 10000"""
        else:
            transport = f"""
[source.file]
path = "{log.path}"
label_column = "{log.label}"
[sink]
retain_versions = 10000
[sink.directory]
path = "{self.work}/mappings\""""
        tables = "".join(f"""
[[table]]
name = "{name}"
rows = {rows}
[[feature]]
name = "{name}"
""" for name, rows, _ in survey.tables)
        return f"""[instance]
name = "demo"
{transport}
[dead_letter.file]
path = "{self.work}/dead-letters.ndjson"
[checkpoint]
dir = "{self.work}/checkpoints"
[admin]
listen = "127.0.0.1:0"
[publish]
first_samples = {FIRST_SAMPLES}
every_samples = {every}
full_samples = {every}
full_samples_per_id = 0.0
wait_for_publish = true
{tables}"""

    # --- the run -----------------------------------------------------------------------------------

    def train(self, log, survey, shared, every, config):
        """Runs trainer, daemon and, over Kafka, producer side by side; what the trainer prints."""
        over = ", over Kafka" if self.brokers else ""
        say(f"Starting the trainer and remapd on {survey.samples} samples: {log.name}{over}")
        if self.brokers:
            subprocess.run([REMAPD, "topics", "--config", config, "--create", "--partitions", "1"],
                           stdout=sys.stderr, check=True)
        result, ready = self.work / "result", self.work / "ready"
        training = self.begin(
            "the trainer", result,
            [TRAINER, "train",
             *(["--features", log.features] if self.brokers else log.options()),
             *(part for name, rows in shared for part in ("--share", f"{name}={rows}")),
             "--first-samples", str(FIRST_SAMPLES), "--samples", str(survey.samples),
             *(["--kafka", self.brokers] if self.brokers
               else ["--mappings", self.work / "mappings", "--await-last"]),
             "--ready-file", ready, *(["--json"] if self.options.json else [])])
        while not ready.exists():
            if training.poll() is not None:
                raise DemoError("the trainer could not start; see above")
            time.sleep(0.05)
        daemon = self.begin("remapd", None, [REMAPD, "run", "--config", config])
        running = [training, daemon]
        if self.brokers:
            running.append(self.begin(
                "the producer", subprocess.DEVNULL,
                [REMAPD, "generate", "--events", log.path, "--features", log.features,
                 "--topic", "remap.events", "--brokers", self.brokers]))
        while training.poll() is None:
            for child in running:
                self.check(child)
            time.sleep(0.05)
        self.check(training)
        if self.brokers:  # which has no end to be read to
            daemon.terminate()
        daemon.wait()
        self.check(daemon)
        return result.read_text(encoding="utf-8")

    def begin(self, name, output, command):
        """A child process. Output: a file; None: remapd, whose log goes to remapd.log."""
        with contextlib.ExitStack() as files:
            streams = {}
            if output is None:
                streams["stderr"] = files.enter_context(open(self.work / "remapd.log", "wb"))
            else:
                streams["stdout"] = output if output == subprocess.DEVNULL else files.enter_context(
                    open(output, "wb"))
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, **streams)
        child.told_as = name
        self.children.append(child)
        return child

    def check(self, child):
        """Fails if it has ended, and not well."""
        if not child.poll():
            return
        if child.told_as != "the producer":
            say("remapd's last lines:")
            with contextlib.suppress(FileNotFoundError):
                log = (self.work / "remapd.log").read_text(errors="replace")
                print("\n".join(log.splitlines()[-15:]), file=sys.stderr)
        raise DemoError(f"{child.told_as} failed (exit code {child.returncode}); see above")

    def end_children(self):
        for child in self.children:
            if child.poll() is None:
                child.terminate()
        for child in self.children:
            child.wait()


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__, usage=argparse.SUPPRESS,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=pathlib.Path, metavar="LOG")
    parser.add_argument("--features", metavar="A,B,...", help="the log's columns to learn from")
    parser.add_argument("--label", nargs="?", const="label", metavar="COLUMN",
                        help="what the model predicts, 0 or 1; default column: label")
    parser.add_argument("--negatives", metavar="FEATURE",
                        help="for a log of positives only (clicks): after each event a negative, the "
                             "same event with a random recent id of this feature")
    parser.add_argument("--rows", type=float, default=0.1, metavar="SHARE",
                        help="row budget of features with more than 1,000 ids, as a share of their "
                             "ids; default 0.1")
    parser.add_argument("--every-samples", type=int, metavar="N",
                        help="samples between versions; default: 1 %% of the log, at least 2500")
    parser.add_argument("--kafka", action="store_true",
                        help="events and mapping versions over a real Kafka broker, started for it")
    parser.add_argument("--samples", type=int, default=600_000, metavar="N",
                        help="of the generated log; default 600000")
    parser.add_argument("--json", action="store_true",
                        help="prints the result as a JSON object instead of the table")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIR",
                        help="works in DIR, which must not exist yet, and leaves it behind")
    options = parser.parse_args(arguments)
    if options.events:
        options.events = options.events.resolve()
        if not os.access(options.events, os.R_OK):
            parser.error(f"cannot read {options.events}")
        if not options.features:
            parser.error("--events needs --features: the log's columns to learn from, such as a,b,c")
    elif options.features or options.label or options.negatives:
        parser.error("--features, --label and --negatives describe a log: name it with --events")
    if options.keep:
        options.keep = options.keep.resolve()
        if options.keep.exists():
            parser.error(f"{options.keep} exists already")
    return options


def set_up():
    say("Installing what is missing")
    subprocess.run([ROOT / "scripts/install-deps"], stdout=sys.stderr, check=True)
    say("Building remapd and the example trainer")
    subprocess.run([ROOT / "scripts/build", "release", "remapd", "click-trainer"],
                   stdout=sys.stderr, check=True)


def interrupt(number, _frame):
    sys.exit(128 + number)


def main():
    options = parse(sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    if not os.environ.get(IS_SET_UP):
        set_up()
        if options.kafka:
            # The broker ends with this process, however it ends.
            os.environ[IS_SET_UP] = "1"
            broker = str(ROOT / "scripts/kafka-broker")
            os.execv(broker, [broker, "run", "--", sys.executable, __file__, *sys.argv[1:]])
    if options.keep:
        options.keep.mkdir(parents=True)
    work = options.keep or pathlib.Path(tempfile.mkdtemp(prefix="remapd-demo-"))
    demo = Demo(options, work, os.environ["REMAPD_KAFKA_BROKERS"] if options.kafka else None)
    try:
        demo.run()
    finally:
        demo.end_children()
        if not options.keep:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    try:
        main()
    except DemoError as error:
        sys.exit(f"demo: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"demo: {pathlib.Path(error.cmd[0]).name} failed (exit code {error.returncode}); "
                 "see above")

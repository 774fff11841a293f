"""The real parts of a fault run: a Kafka broker, the daemon, the generator of events."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
REMAPD = pathlib.Path(os.environ.get("REMAPD", ROOT / "build/release/bin/remapd"))
KAFKA_BROKER = ROOT / "scripts/kafka-broker"
SAMPLES_PER_MESSAGE = 40
TABLES = {"user": 200, "item": 150, "category": 16}  # and their row budgets
COMPACT = "item"  # of the tables, the one whose versions are compact artifacts


RUNNING: list[subprocess.Popen[bytes]] = []  # whatever may have to be ended in the end


def kill_all() -> None:
    for process in RUNNING:
        if process.poll() is None:
            process.kill()
            process.wait()


class FaultRunError(Exception):
    """The run itself went wrong: no verdict about remapd."""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Broker:
    """One KRaft node that can be stopped, killed and brought back on the same port."""

    def __init__(self, state: pathlib.Path) -> None:
        self.state = state
        self.address = ""

    def _call(self, *arguments: str) -> str:
        done = subprocess.run([KAFKA_BROKER, *arguments, "--state", self.state],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise FaultRunError(f"kafka-broker {arguments[0]}: {done.stderr.strip()}")
        return done.stdout.strip()

    def start(self) -> None:
        if self.address:
            self._call("start")
        else:  # what is retained is looked at often, so that retention can be tried
            self.address = self._call("start", "--property",
                                      "log.retention.check.interval.ms=1000",
                                      "--property", "log.segment.delete.delay.ms=100")

    def stop(self) -> None:
        self._call("stop")

    def kill(self) -> None:
        self._call("kill")

    def pid(self) -> int:
        return int((self.state / "pid").read_text())

    def remove(self) -> None:
        self._call("remove")

    def tool(self, main_class: str, *arguments: str) -> str:
        """One of Kafka's own command-line tools."""
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
        jars = max((cache / "remapd").glob("kafka-*/jars"), key=lambda p: p.stat().st_mtime)
        done = subprocess.run(["java", "-cp", f"{jars}/*", main_class, "--bootstrap-server",
                               self.address, *arguments], capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise FaultRunError(f"{main_class}: {done.stdout}{done.stderr}")
        return done.stdout


class Cluster(Broker):
    """Three KRaft nodes, each broker and controller, that can be killed one by one."""

    NODES = 3

    def __init__(self, state: pathlib.Path) -> None:
        super().__init__(state)
        self.nodes: dict[int, Broker] = {}

    def start(self) -> None:
        ports = {node: (free_port(), free_port()) for node in range(1, self.NODES + 1)}
        voters = ",".join(f"{node}@127.0.0.1:{ports[node][1]}" for node in ports)
        starting = []
        for node, (port, controller) in ports.items():
            settings = {
                "node.id": node, "controller.quorum.voters": voters,
                "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
                "min.insync.replicas": 2, "offsets.topic.replication.factor": 3,
                "transaction.state.log.replication.factor": 3,
                "transaction.state.log.min.isr": 2, "unclean.leader.election.enable": "false",
            }
            properties = [f for k, v in settings.items() for f in ("--property", f"{k}={v}")]
            self.nodes[node] = Broker(self.state / str(node))
            self.nodes[node].address = f"127.0.0.1:{port}"
            starting.append(subprocess.Popen(
                [KAFKA_BROKER, "start", "--state", self.state / str(node), *properties],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
        for process in starting:
            _, said = process.communicate()
            if process.returncode != 0:
                raise FaultRunError(f"kafka-broker start: {said}")
        self.address = ",".join(node.address for node in self.nodes.values())

    def leader_of(self, topic: str) -> int:
        """Of its partition 0."""
        said = self.tool("org.apache.kafka.tools.TopicCommand", "--describe", "--topic", topic)
        found = re.search(r"Partition: 0\s+Leader: (\d+)", said)
        return int(found[1]) if found else 0  # 0: none is elected yet

    def wait_for_another_leader(self, topic: str, than: int, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.leader_of(topic) != than:
                return True
        return False

    def wait_for_replicas(self, topic: str, seconds: float) -> bool:
        """Until every node has all of its partition 0."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            said = self.tool("org.apache.kafka.tools.TopicCommand", "--describe", "--topic", topic)
            in_sync = re.search(r"Partition: 0\s.*Isr: ([\d,]+)", said)
            if in_sync and len(in_sync[1].split(",")) == self.NODES:
                return True
        return False

    def remove(self) -> None:
        for node in self.nodes.values():
            node.remove()


class Daemon:
    """A daemon as configured: survives the processes that run it."""

    def __init__(self, work: pathlib.Path, name: str, ports: str, checkpoints: str) -> None:
        """`ports`: the sections of the configuration that say where from and where to;
        `checkpoints`: the time between two."""
        self.directory = work / name
        self.directory.mkdir()
        self.config = self.directory / "remapd.toml"
        self.log = self.directory / "log"
        self.checkpoints = self.directory / "checkpoints"
        self.port = free_port()
        self.environment: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None
        tables = "".join(f'[[table]]\nname = "{t}"\nrows = {rows}\nmax_tracked_ids = 20000\n'
                         f'artifact = "{"compact" if t == COMPACT else "fast"}"\n'
                         f'[[feature]]\nname = "{t}"\n' for t, rows in TABLES.items())
        self.config.write_text(f"""
[instance]
name = "{name}"
{ports}
[dead_letter]
kind = "file"
[dead_letter.file]
path = "{self.directory}/dead-letters.ndjson"
[checkpoint]
dir = "{self.checkpoints}"
interval = "{checkpoints}"
[publish]
first_samples = 1000
every_samples = 1000
full_samples = 1000
growth = 1.0
full_samples_per_id = 0
wait_for_publish = true
[admin]
listen = "127.0.0.1:{self.port}"
[log]
level = "debug"
{tables}""")

    def command(self) -> list[str]:
        return [str(REMAPD), "run", "--config", str(self.config)]

    def start(self, failpoints: str = "", under: tuple[str, ...] = ()) -> None:
        """`under`: a command that is to run it."""
        environment = {**os.environ, **self.environment}
        if failpoints:
            environment["REMAPD_FAILPOINTS"] = failpoints
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*under, *self.command()], stderr=log, stdout=log,
                                            env=environment)
        RUNNING.append(self.process)

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def wait_until_stopped(self, seconds: float) -> bool:
        """By a signal or a failpoint that halts it."""
        return self._wait_for(lambda status: "\nState:\tT" in status, seconds)

    def wait_until_traced(self, seconds: float) -> bool:
        return self._wait_for(lambda status: "\nTracerPid:\t0" not in status, seconds)

    def _wait_for(self, true_of: Callable[[str], bool], seconds: float) -> bool:
        """What is to be true of the /proc/PID/status of every thread."""
        end = time.monotonic() + seconds
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task")
        while time.monotonic() < end and self.alive():
            with contextlib.suppress(OSError):
                if all(true_of((task / "status").read_text()) for task in tasks.iterdir()):
                    return True
            time.sleep(0.01)
        return False

    def wait(self, seconds: float) -> int | None:
        """Its exit code, or None if it still runs after so long."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """An orderly stop."""
        self.process.terminate()
        if self.wait(90) != 0:
            self.process.kill()
            raise FaultRunError(f"{self.config.parent.name} did not stop well; see {self.log}")

    def get(self, path: str) -> dict | list | None:
        """What the admin server answers; None while it does not."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return json.load(answer)
        except (urllib.error.URLError, OSError):
            return None

    def samples(self) -> int:
        status = self.get("/status")
        return status["stream"]["samples"] if status else 0

    def wait_for_samples(self, samples: int, seconds: float) -> int:
        """The samples taken in once there are at least so many (or the time is over)."""
        end = time.monotonic() + seconds
        while (have := self.samples()) < samples and time.monotonic() < end:
            if not self.alive():
                raise FaultRunError(f"the daemon ended by itself; see {self.log}")
            time.sleep(0.1)
        return have

    def wait_for_versions(self, seconds: float) -> None:
        """Until no version is due or being made (or the time is over)."""
        def all_out(status: dict | None) -> bool:
            return status is not None and not any(
                t["building"] or t["due_at_samples"] <= status["stream"]["samples"]
                for t in status["tables"])
        end = time.monotonic() + seconds
        while not all_out(self.get("/status")) and time.monotonic() < end:
            time.sleep(0.1)

    def wait_for_log(self, text: str, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.log.exists() and text in self.log.read_text(errors="replace"):
                return True
            time.sleep(0.1)
        return False


class Instance(Daemon):
    """From one topic to another."""

    def __init__(self, broker: Broker, work: pathlib.Path, name: str, *, events: str,
                 mappings: str, partitions: int = 1, replication: int = 1) -> None:
        super().__init__(work, name, f"""
[source]
kind = "kafka"
[source.kafka]
topic = "{events}"
[source.kafka.properties]
"topic.metadata.refresh.interval.ms" = "1000"
[sink]
kind = "kafka"
[sink.kafka]
topic = "{mappings}"
[kafka]
brokers = "{broker.address}"
""", "300ms")
        made = subprocess.run([REMAPD, "topics", "--config", self.config, "--create",
                               "--partitions", str(partitions), "--replication", str(replication)],
                              capture_output=True, text=True, check=False)
        if made.returncode not in (0, 1):
            raise FaultRunError(f"remapd topics: {made.stdout}{made.stderr}")


class FileInstance(Daemon):
    """From a recorded log to a mapping directory; ends with the log."""

    def __init__(self, work: pathlib.Path, name: str, log: pathlib.Path) -> None:
        self.mappings = work / name / "mappings"
        super().__init__(work, name, f"""
[source]
kind = "file"
[source.file]
path = "{log}"
batch_samples = 200
[sink]
kind = "directory"
retain_versions = 1000
[sink.directory]
path = "{self.mappings}"
""", "100ms")


def _generator(samples: int, seed: int) -> list[str]:
    return [str(REMAPD), "generate", "--samples", str(samples), "--seed", str(seed),
            "--samples-per-message", str(SAMPLES_PER_MESSAGE), "--users", "600", "--items", "400",
            "--new-item-rate", "0.002"]


def generate(broker: Broker, topic: str, samples: int, *, rate: float = 0,
             seed: int = 1) -> subprocess.Popen[bytes]:
    """Starts sending generated samples: the same for the same seed, whatever the rate."""
    sender = subprocess.Popen(
        [*_generator(samples, seed), "--topic", topic, "--brokers", broker.address, "--rate",
         str(rate)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    RUNNING.append(sender)
    return sender


@functools.cache
def generated_ids() -> dict[str, list[int]]:
    """The ids that the streams of seed 1 begin with, by table."""
    with tempfile.TemporaryDirectory() as directory:
        log = pathlib.Path(directory) / "events.tsv"
        write_log(log, 20_000)
        header, *lines = log.read_text().splitlines()
    columns = header.split("\t")
    rows = [line.split("\t") for line in lines]
    return {t: sorted({int(row[columns.index(t)]) for row in rows}) for t in TABLES}


def write_log(path: pathlib.Path, samples: int) -> None:
    """The samples of seed 1 as a recorded log."""
    subprocess.run([*_generator(samples, 1), "--out", path], check=True, capture_output=True)


def send_all(broker: Broker, topic: str, samples: int, *, seed: int = 1) -> None:
    if generate(broker, topic, samples, seed=seed).wait() != 0:
        raise FaultRunError(f"could not send {samples} samples to {topic}")

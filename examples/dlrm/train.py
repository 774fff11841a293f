"""A DLRM-style click model whose tables follow remapd, on two data-parallel ranks (gloo).

Trains five models, one after another, on the same stream, predicting each batch before learning
from it (prequential), and compares their normalised entropy after the first 20 %:

  full                  one row for each id
  hash                  ids hashed over the row budget
  frequency             ids seen most have rows of their own, the rest is hashed; remade and migrated
                        where remapd made its versions
  remapd                mapping versions of remapd, with migration
  ne_without_migration  the same versions, rows left as they are

remapd says with each version how many samples it was built from, and the ranks take a version into
use at one step. There are two ways to run it:

  over a directory   remapd reads the same log before the training; a version is used only when the
                     trainer has passed the sample it was built from
  over Kafka         (--brokers) live: rank 0 sends each batch it has learned from to the access
                     topic, remapd learns and publishes meanwhile, versions come back by the
                     mapping topic

The stream is generated, or a log of your own (--events); --plot draws how the entropies went.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import itertools
import json
import multiprocessing
import queue
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

import remap
import remap.torch

SHARED_FROM = 1_000  # features of at least so many ids share rows ...
SHARE = 0.1  # ... and have this share of one row for each id
DIMENSIONS = 8
RANKS = 2
BATCH = 256  # of all ranks
WARM_UP = 0.2
WINDOWS = 50  # of the curves


class Dlrm(nn.Module):
    """Embeddings, their pairwise dot products, and a small perceptron on top."""

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(layers)
        pairs = len(layers) * (len(layers) - 1) // 2
        self.top = nn.Sequential(
            nn.Linear(pairs + len(layers) * DIMENSIONS, 16), nn.ReLU(), nn.Linear(16, 1)
        )

    def forward(self, columns: dict[str, torch.Tensor]) -> torch.Tensor:
        vectors = [layer(columns[name].reshape(-1, 1)) for name, layer in self.layers.items()]
        stacked = torch.stack(vectors, 1)
        products = stacked @ stacked.transpose(1, 2)
        i, j = torch.triu_indices(len(vectors), len(vectors), 1)
        return self.top(torch.cat([products[:, i, j], *vectors], 1)).reshape(-1)


def embedding(rows: int) -> nn.EmbeddingBag:
    bag = nn.EmbeddingBag(rows, DIMENSIONS, mode="sum")
    nn.init.normal_(bag.weight, std=0.05)
    return bag


class Placed(nn.Module):
    """An embedding whose ids are placed in rows by an array, index -> row."""

    def __init__(self, bag: nn.EmbeddingBag, rows: np.ndarray) -> None:
        super().__init__()
        self.bag = bag
        self.register_buffer("rows", torch.from_numpy(rows), persistent=False)

    def forward(self, indexes: torch.Tensor) -> torch.Tensor:
        return self.bag(self.rows[indexes])


class Log:
    """The samples: ids, the same ids numbered densely, and labels."""

    def __init__(self, path: Path, features: list[str]) -> None:
        with gzip.open(path, "rt") as file:
            reader = csv.reader(file, delimiter="\t")
            header = next(reader)
            table = np.array(list(reader))
        column = {name: table[:, i] for i, name in enumerate(header)}
        self.labels = column["label"].astype(np.float32)
        self.ids, self.dense, self.counts = {}, {}, {}
        self.features = features
        for name in features:
            self.ids[name] = column[name].astype(np.uint64)
            known, self.dense[name] = np.unique(self.ids[name], return_inverse=True)
            self.counts[name] = len(known)
        self.samples = len(self.labels)

    @property
    def shared(self) -> list[str]:
        return [name for name in self.features if self.counts[name] >= SHARED_FROM]

    def rows(self, name: str) -> int:
        return round(self.counts[name] * SHARE) if name in self.shared else self.counts[name]


def hashed(count: int, rows: int) -> np.ndarray:
    return np.random.default_rng(7).integers(0, rows, count)


def by_frequency(seen: np.ndarray, rows: int) -> np.ndarray:
    """Half of the rows to the ids seen most, the rest hashed over the others."""
    head = rows // 2
    out = head + hashed(len(seen), rows - head)
    top = np.argsort(-seen, kind="stable")[:head]
    top = top[seen[top] > 0]
    out[top] = np.arange(len(top))
    return out


@torch.no_grad()
def migrate_by_counts(
    bag: nn.EmbeddingBag, optimizer: torch.optim.Optimizer, old: np.ndarray, new: np.ndarray,
    seen: np.ndarray,
) -> None:  # fmt: skip
    """Each row becomes the mean of the old rows of its ids, weighted by how often they were seen."""
    known = np.flatnonzero(seen)
    weights = torch.from_numpy(seen[known].astype(np.float32))
    into, source = torch.from_numpy(new[known]), torch.from_numpy(old[known])
    total = torch.zeros(bag.num_embeddings).index_add_(0, into, weights)
    used = total > 0
    matrices = [bag.weight.data, optimizer.state[bag.weight]["sum"]]
    for matrix in matrices:
        mean = torch.zeros_like(matrix).index_add_(0, into, matrix[source] * weights[:, None])
        matrix[used] = mean[used] / total[used, None]


def clients_for(log: Log, directory: Path, brokers: str | None) -> dict[str, remap.Client]:
    out = {}
    for name in log.shared:
        origin = {"brokers": brokers} if brokers else {"directory": directory}
        out[name] = remap.Client(table=name, rows=log.rows(name), max_staged=10_000, **origin)
        # There before the first version: all of them are reported.
        out[name].poll(5 if brokers else 0)
    return out


def publish_every(log: Log) -> int:
    return max(2_500, log.samples // 40)


def late(deadline: float) -> bool:
    """Whether any rank's deadline has passed: all ranks get the same answer."""
    passed = torch.tensor([int(time.monotonic() > deadline)])
    dist.all_reduce(passed, op=dist.ReduceOp.MAX)
    return bool(passed)


def descend(
    loss: torch.Tensor, parameters: list[nn.Parameter], optimizer: torch.optim.Optimizer
) -> None:
    """One step down the gradient, averaged over the ranks."""
    optimizer.zero_grad()
    loss.backward()
    gradients = torch.cat([p.grad.reshape(-1) for p in parameters])
    dist.all_reduce(gradients)
    gradients /= RANKS
    at = 0
    for p in parameters:
        p.grad.copy_(gradients[at : at + p.numel()].view_as(p))
        at += p.numel()
    optimizer.step()


def train(
    how: str, log: Log, clients: dict[str, remap.Client], swap_points: list[int],
    producer: remap.Producer | None = None, live: bool = False,
) -> dict:  # fmt: skip
    """One prequential pass over the stream; `live` waits a little for the versions that are due."""
    rank = dist.get_rank()
    torch.manual_seed(3)
    layers: dict[str, nn.Module] = {}
    placed: dict[str, np.ndarray] = {}
    for name in log.features:
        rows = log.rows(name)
        if how == "full" or name not in log.shared:
            layers[name] = embedding(log.counts[name])
        elif how in ("hash", "frequency"):
            placed[name] = hashed(log.counts[name], rows)
            layers[name] = Placed(embedding(rows), placed[name])
        else:
            layers[name] = remap.torch.RemapEmbeddingBag(embedding(rows), clients[name])
    model = Dlrm(layers)
    parameters = list(model.parameters())
    optimizer = torch.optim.Adagrad(parameters, lr=0.05)
    swapper = None
    if how == "remapd":
        # A replay puts days into seconds: versions come every few steps, and ranks agree as often.
        swapper = remap.torch.Swapper(model, optimizer, every=1 if live else 8)
    windows = np.zeros((WINDOWS, 3))  # of each: log loss, positives, samples
    swaps: list[tuple[int, dict[str, int]]] = []
    points = list(swap_points)
    awaited = 0
    for step, begin in enumerate(range(0, log.samples - BATCH + 1, BATCH)):
        if swapper is not None:
            swapped = swapper.step(up_to_samples=begin)
            if live and begin // publish_every(log) > awaited:
                # Each version that is due is waited for once; remapd may have held it back.
                awaited = begin // publish_every(log)
                deadline = time.monotonic() + 5
                while min(c.version for c in clients.values()) < awaited and not late(deadline):
                    time.sleep(0.01)
                    swapped |= swapper.step(up_to_samples=begin)
            if swapped:
                swaps.append((step, swapped))
        elif how == "unmigrated":
            for name, client in clients.items():
                ready = [
                    v.version
                    for v in client.staged()
                    if v.swappable and v.built_samples <= begin
                ]
                if ready:
                    client.swap(ready[-1], allow_unmigrated=True)
        elif how == "frequency" and points and points[0] <= begin:
            points.pop(0)
            for name, old in placed.items():
                seen = np.bincount(log.dense[name][:begin], minlength=log.counts[name])
                new = by_frequency(seen, log.rows(name))
                migrate_by_counts(layers[name].bag, optimizer, old, new, seen)
                layers[name].rows = torch.from_numpy(new)
                placed[name] = new
        mine = slice(begin + rank, begin + BATCH, RANKS)
        columns = {}
        for name in log.features:
            remapped = isinstance(layers[name], remap.torch.RemapEmbeddingBag)
            values = log.ids[name].view(np.int64) if remapped else log.dense[name]
            columns[name] = torch.from_numpy(np.ascontiguousarray(values[mine]))
        labels = torch.from_numpy(log.labels[mine])
        logits = model(columns)
        losses = nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        windows[begin * WINDOWS // log.samples] += [
            float(losses.detach().double().sum()), float(labels.sum()), len(labels)
        ]  # fmt: skip
        descend(losses.mean(), parameters, optimizer)
        if producer is not None:
            batch = slice(begin, begin + BATCH)
            producer.send([log.ids[name][batch] for name in log.features], log.labels[batch])
    sums = torch.from_numpy(windows)
    dist.all_reduce(sums)
    windows = sums.numpy()
    loss, positives, counted = windows[round(WARM_UP * WINDOWS) :].sum(0)
    rate = positives / counted
    base = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    curve = [round(float(w[0] / w[2] / base), 5) for w in windows]
    return {"ne": float(loss / counted / base), "curve": curve, "swaps": swaps}


def rank_main(
    rank: int, log_path: Path, features: list[str], work: Path, remapd: str, brokers: str | None,
    results,
) -> None:  # fmt: skip
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{work}/ranks", rank=rank, world_size=RANKS
    )
    log = Log(log_path, features)
    if not log.shared:
        raise SystemExit(f"no feature has {SHARED_FROM} ids, so none shares rows: take more samples")
    config = work / "remapd.toml"
    if rank == 0:
        config.write_text(configuration(log, log_path, work, brokers))
        if brokers:
            subprocess.run(
                [remapd, "topics", "--config", config, "--create", "--partitions", "1"],
                check=True, stdout=sys.stderr,
            )  # fmt: skip
    dist.barrier()
    clients = {
        how: clients_for(log, work / "mappings", brokers) for how in ("remapd", "unmigrated")
    }
    dist.barrier()
    out = {}
    if brokers:
        daemon = producer = None
        if rank == 0:
            daemon = start_remapd(remapd, config, work)
            producer = remap.Producer(brokers=brokers, features=features)
        out["remapd"] = train("remapd", log, clients["remapd"], [], producer, live=True)
        if producer is not None and daemon is not None:
            dropped = producer.stats().dropped
            producer.close()
            daemon.terminate()
            check_remapd(daemon, work)
            if dropped:
                print(f"{dropped} batches were dropped", file=sys.stderr)
    elif rank == 0:
        check_remapd(start_remapd(remapd, config, work), work)
    dist.barrier()
    for of in clients.values():
        for client in of.values():
            while client.poll(3):
                pass  # until there is nothing more: Kafka hands over what has arrived
    points = sorted(
        {s.built_samples for c in clients["unmigrated"].values() for s in c.staged()}
    )
    shared = [points]
    dist.broadcast_object_list(shared)
    points = shared[0]
    if not points:
        raise SystemExit("remapd published no version; see remapd.log in the --keep directory")
    for how in ("full", "hash", "frequency", "remapd", "unmigrated"):
        if how not in out:
            out[how] = train(how, log, clients.get(how, {}), points)
        if rank == 0:
            print(f"{how}: NE {out[how]['ne']:.4f}", file=sys.stderr, flush=True)
    results.put((rank, out, log.samples, {n: (log.counts[n], log.rows(n)) for n in features}))
    # Before the interpreter ends: gloo's threads do not outlive it in peace.
    dist.barrier()
    dist.destroy_process_group()


def configuration(log: Log, log_path: Path, work: Path, brokers: str | None) -> str:
    lines = ["[instance]", 'name = "train-example"']
    if brokers:
        lines += ["[kafka]", f'brokers = "{brokers}"', "[source]", 'kind = "kafka"']
        lines += ["[sink]", 'kind = "kafka"', "retain_versions = 10000"]
    else:
        lines += ["[source.file]", f'path = "{log_path}"', 'label_column = "label"']
        lines += ["[sink]", "retain_versions = 10000"]
        lines += ["[sink.directory]", f'path = "{work}/mappings"']
    lines += [
        "[dead_letter.file]", f'path = "{work}/dead-letters.ndjson"',
        "[checkpoint]", f'dir = "{work}/checkpoints"',
        "[admin]", 'listen = "127.0.0.1:0"',
        "[publish]", "first_samples = 2500", f"every_samples = {publish_every(log)}",
        f"full_samples = {publish_every(log)}", "full_samples_per_id = 0.0", "wait_for_publish = true",
    ]  # fmt: skip
    for name in log.features:
        lines += ["[[table]]", f'name = "{name}"', f"rows = {log.rows(name)}"]
        lines += ["[[feature]]", f'name = "{name}"']
    return "\n".join(lines) + "\n"


def start_remapd(remapd: str, config: Path, work: Path) -> subprocess.Popen:
    with open(work / "remapd.log", "w") as output:
        return subprocess.Popen([remapd, "run", "--config", config], stderr=output)


def check_remapd(daemon: subprocess.Popen, work: Path) -> None:
    if daemon.wait():
        tail = (work / "remapd.log").read_text().splitlines()[-10:]
        raise SystemExit("\n".join(["remapd failed:", *tail]))


def generate(remapd: str, samples: int, to: Path) -> None:
    subprocess.run(
        [remapd, "generate", "--out", str(to), "--samples", str(samples),
         "--users", str(samples // 12), "--items", str(samples // 24), "--communities", "60"],
        check=True, stdout=sys.stderr,
    )  # fmt: skip


def copy_of(events: Path, samples: int, to: Path) -> None:
    """The header and the first samples of a log."""
    with gzip.open(events, "rb") as source, gzip.open(to, "wb", compresslevel=1) as target:
        target.writelines(itertools.islice(source, samples + 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--remapd", required=True, help="the remapd program")
    parser.add_argument("--samples", type=int, default=400_000, help="at most")
    parser.add_argument("--events", type=Path,
                        help="a log to train on: .tsv.gz with a header and a column label, ids are "
                             "numbers")  # fmt: skip
    parser.add_argument("--features", help="its columns, separated by commas")
    parser.add_argument("--plot", type=Path, help="draws the curves into this file (.svg, .png)")
    parser.add_argument("--brokers", help="live over Kafka: host:port of the brokers")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", type=Path, help="work in this new directory and leave it behind")
    arguments = parser.parse_args()
    temporary = None
    if arguments.keep:
        arguments.keep.mkdir(parents=True)
        work = arguments.keep.resolve()
    else:
        temporary = tempfile.TemporaryDirectory(prefix="remapd-train-")
        work = Path(temporary.name)
    log_path = work / "events.tsv.gz"
    features = ["user", "item", "category"]
    if arguments.events:
        features = (arguments.features or "user_id,item_id,category").split(",")
        copy_of(arguments.events, arguments.samples, log_path)
    else:
        generate(arguments.remapd, arguments.samples, log_path)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    ranks = [
        context.Process(target=rank_main, args=(
            r, log_path, features, work, arguments.remapd, arguments.brokers, results))
        for r in range(RANKS)
    ]
    for process in ranks:
        process.start()
    outs: dict[int, dict] = {}
    while len(outs) < RANKS:
        try:
            rank, out, samples, tables = results.get(timeout=1)
            outs[rank] = out
        except queue.Empty as error:
            if any(p.exitcode not in (None, 0) for p in ranks):
                for process in ranks:
                    process.terminate()
                raise SystemExit("a rank failed; see above") from error
    for process in ranks:
        process.join()
    ne = {how: round(outs[0][how]["ne"], 5) for how in ("full", "hash", "frequency", "remapd")}
    report = {
        "samples": samples,
        "events": arguments.events.name if arguments.events else "generated",
        "over": "kafka" if arguments.brokers else "directory",
        "tables": {n: {"ids": i, "rows": r} for n, (i, r) in tables.items()},
        "swaps": len(outs[0]["remapd"]["swaps"]),
        "ranks": RANKS,
        "ranks_in_step": all(o["remapd"]["swaps"] == outs[0]["remapd"]["swaps"]
                             for o in outs.values()),
        "ne": ne,
        "ne_without_migration": round(outs[0]["unmigrated"]["ne"], 5),
    }  # fmt: skip
    if arguments.plot:
        from plot import draw

        draw({how: o["curve"] for how, o in outs[0].items()},
             [step * BATCH for step, _ in outs[0]["remapd"]["swaps"]], samples,
             report["events"], arguments.plot)  # fmt: skip
    if arguments.json:
        print(json.dumps(report))
    else:
        for key, value in report.items():
            print(f"{key}: {value}")
    if temporary:
        temporary.cleanup()


if __name__ == "__main__":
    main()

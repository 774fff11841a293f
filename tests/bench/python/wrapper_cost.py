"""What remapd adds to a training step of the example: its model on two ranks (gloo), fed rows that were
looked up before, against the same model fed ids, with a Swapper asked at every step: agreeing as
often as it does by default (some times a second), at every 8th or at every one. See
scripts/bench-python.

The tables are the example's: users and items follow remapd, a small one does not. Batches as each
of the example's two ranks has them, and larger ones. Blocks of steps of each kind take turns, in
another order every time, so that all meet the same machine: the median of a block's processor time
over that of the turn's plain one (rank 0's process, with gloo's threads and the clients' own). A
second plain kind tells what is noise.
"""

import json
import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from operator import truediv
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

import remap
import remap.torch

sys.path.insert(0, str(Path(__file__).parents[3] / "examples/dlrm"))
import train  # noqa: E402  (the example)

SAMPLES = 120_000  # as train-example --quick
BATCHES = (train.BATCH // train.RANKS, 4_096)  # of a rank
STEPS = (96, 16)  # of a block: some rounds of agreeing by default fall into one
TURNS = 40
PLAIN = ("plain", "plain_again")
KINDS = {**dict.fromkeys(PLAIN), "default": None, "every_8th": 8, "every": 1}


class Contender:
    """The example's model with its optimiser, with or without remapd in front."""

    def __init__(
        self, log: train.Log, clients: dict[str, remap.Client], kind: str
    ) -> None:
        plain = kind in PLAIN
        torch.manual_seed(3)
        layers: dict[str, nn.Module] = {}
        for name in log.features:
            layers[name] = train.embedding(log.rows(name))
            if not plain and name in clients:
                layers[name] = remap.torch.RemapEmbeddingBag(layers[name], clients[name])
        self.model = train.Dlrm(layers)
        self.parameters = list(self.model.parameters())
        self.optimizer = torch.optim.Adagrad(self.parameters, lr=0.05)
        self.swapper = None
        if not plain:
            self.swapper = remap.torch.Swapper(self.model, self.optimizer, every=KINDS[kind])

    def step(self, columns: dict[str, torch.Tensor], labels: torch.Tensor) -> None:
        if self.swapper is not None:
            self.swapper.step()
        loss = nn.functional.binary_cross_entropy_with_logits(self.model(columns), labels)
        train.descend(loss, self.parameters, self.optimizer)


def batches_of(log: train.Log, clients: dict[str, remap.Client], size: int, steps: int, rank: int):
    """Batches of ids, and the same as rows."""
    out = []
    chosen = np.random.default_rng(rank)
    for _ in range(steps):
        samples = chosen.integers(0, log.samples, size)
        ids, rows = {}, {}
        for name in log.features:
            if name in clients:
                ids[name] = torch.from_numpy(log.ids[name][samples].view(np.int64))
                rows[name] = remap.torch.to_rows(clients[name], ids[name])
            else:
                ids[name] = rows[name] = torch.from_numpy(log.dense[name][samples])
        out.append((ids, rows, torch.from_numpy(log.labels[samples])))
    return out


def rank_main(rank: int, work: Path, remapd: str, results) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{work}/ranks", rank=rank, world_size=train.RANKS
    )
    log = train.Log(work / "events.tsv.gz", ["user", "item", "category"])
    clients = train.clients_for(log, work / "mappings", None)
    dist.barrier()
    if rank == 0:
        config = work / "remapd.toml"
        config.write_text(train.configuration(log, work / "events.tsv.gz", work, None))
        train.check_remapd(train.start_remapd(remapd, config, work), work)
    dist.barrier()
    for client in clients.values():
        while client.poll(0.5):
            pass
        client.swap(client.swappable[-1])
        client.start()
    out = {}
    for size, steps in zip(BATCHES, STEPS, strict=True):
        contenders = {kind: Contender(log, clients, kind) for kind in KINDS}
        batches = batches_of(log, clients, size, steps, rank)
        took: dict[str, list[float]] = {kind: [] for kind in KINDS}
        order = random.Random(1)  # the same on both ranks
        for _ in range(TURNS):
            for kind in order.sample(list(KINDS), len(KINDS)):
                contender = contenders[kind]
                begin = time.process_time()
                for ids, rows, labels in batches:
                    contender.step(rows if kind in PLAIN else ids, labels)
                took[kind].append((time.process_time() - begin) / steps)
        plain = took.pop("plain")
        out[f"batch_{size}"] = {
            "step_us": round(1e6 * statistics.median(plain), 1),
            "added_percent": {
                kind: round(100 * (statistics.median(map(truediv, times, plain)) - 1), 1)
                for kind, times in took.items()
            },
        }
    if rank == 0:
        results.put(out)
    dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    remapd = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="remapd-bench-") as directory:
        work = Path(directory)
        train.generate(remapd, SAMPLES, work / "events.tsv.gz")
        context = multiprocessing.get_context("spawn")
        results = context.SimpleQueue()
        ranks = [
            context.Process(target=rank_main, args=(rank, work, remapd, results))
            for rank in range(train.RANKS)
        ]
        for process in ranks:
            process.start()
        for process in ranks:
            process.join()
        if any(process.exitcode for process in ranks):
            raise SystemExit("a rank failed; see above")
        print(json.dumps(results.get()))


if __name__ == "__main__":
    main()

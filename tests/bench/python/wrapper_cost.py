"""What remapd adds to a training step of the example: its model fed rows that were looked up before,
against the same model fed ids, with a Swapper asked at every step. See scripts/bench-python.

One rank; batches as each of the example's two ranks has them, and larger ones. Steps of both models
take turns, so that both meet the same machine; medians of the processor time of the thread that
trains (torch is told to use one).
"""

import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

import remap
import remap.torch

sys.path.insert(0, str(Path(__file__).parents[3] / "connectors/trainer/examples/python/dlrm"))
import train  # noqa: E402  (the example)

ROWS = 200  # of the fixture's table; the others take the size the example has
FEATURES = {"item": ROWS, "user": 1_000, "category": 30}


def model_of(client: remap.Client | None) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(3)
    layers: dict[str, nn.Module] = {name: train.embedding(n) for name, n in FEATURES.items()}
    if client is not None:
        layers["item"] = remap.torch.RemapEmbeddingBag(layers["item"], client)
    model = train.Dlrm(layers)
    return model, torch.optim.Adagrad(model.parameters(), lr=0.05)


def step(model, optimizer, columns, labels, swapper=None) -> float:
    begin = time.thread_time()
    if swapper is not None:
        swapper.step()
    loss = nn.functional.binary_cross_entropy_with_logits(model(columns), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return time.thread_time() - begin


def main() -> None:
    torch.set_num_threads(1)
    out = {}
    with remap.Client(
        directory=sys.argv[1], table="items", rows=ROWS, seed=5, background=True
    ) as client:
        while not client.swappable:
            time.sleep(0.01)
        for batch in (train.BATCH // train.RANKS, 4_096):
            plain, plain_optimizer = model_of(None)
            remapped, optimizer = model_of(client)
            often = remap.torch.Swapper(remapped, optimizer)
            seldom = remap.torch.Swapper(remapped, optimizer, every=20)
            random = np.random.default_rng(4)
            columns = {n: torch.from_numpy(random.integers(0, r, batch)) for n, r in FEATURES.items()}
            ids = torch.from_numpy(random.integers(0, 2**62, batch))
            labels = torch.from_numpy(random.integers(0, 2, batch).astype(np.float32))
            step(remapped, optimizer, {**columns, "item": ids}, labels, often)
            rows = {**columns, "item": remap.torch.to_rows(client, ids)}
            given = {**columns, "item": ids}
            times: dict[str, list[float]] = {"plain": [], "every_step": [], "every_20": []}
            for _ in range(400):
                times["plain"].append(step(plain, plain_optimizer, rows, labels))
                times["every_step"].append(step(remapped, optimizer, given, labels, often))
                times["every_20"].append(step(remapped, optimizer, given, labels, seldom))
            medians = {name: 1e6 * statistics.median(t) for name, t in times.items()}
            out[f"batch_{batch}"] = {
                "step_us": round(medians["plain"], 1),
                "added_percent": {
                    name: round(100 * (medians[name] / medians["plain"] - 1), 1)
                    for name in ("every_step", "every_20")
                },
            }
    print(json.dumps(out))


if __name__ == "__main__":
    main()

"""Ids of arrays of text: million ids a second and core for each kind of array, as JSON. See scripts/bench-python."""

import json
import time

import numpy as np

import remap

COUNT, ROUNDS = 1_000_000, 5


def best_million_a_second(array: np.ndarray) -> float:
    best = 1e9
    for _ in range(ROUNDS):
        begin = time.process_time()
        remap.ids_of(array)
        best = min(best, time.process_time() - begin)
    return round(COUNT / best / 1e6, 1)


def main() -> None:
    numbers = np.random.default_rng(1).integers(0, 2**40, COUNT)
    texts = [f"B0{number:X}" for number in numbers]
    decimals = numbers.astype(str)
    arrays = {
        "str": np.array(texts),
        "bytes": np.array(texts, "S"),
        "objects_str": np.array(texts, object),
        "objects_bytes": np.array([text.encode() for text in texts], object),
        "objects_not_ascii": np.array(["é" + text for text in texts], object),
        "decimal_str": decimals,
    }
    print(json.dumps({name: best_million_a_second(array) for name, array in arrays.items()}))


if __name__ == "__main__":
    main()

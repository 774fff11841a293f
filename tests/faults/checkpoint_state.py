"""What a checkpoint says of the stream: everything in it but who wrote it when.

Follows docs/formats.md, "Checkpoint file" and "Checkpoint payload". The mapping each table has
adopted carries the epoch of the process that published it and the time; both are blanked."""

from __future__ import annotations

import pathlib
import struct
from dataclasses import dataclass

FILE_HEADER_BYTES = 64
# From the parent version in a mapping's info: epoch, then strategy .. seed, then the time built.
EPOCH_AT, BUILT_AT = 8, 8 + 8 + 29


@dataclass(frozen=True)
class CheckpointState:
    samples: int
    offsets: tuple[tuple[int, int], ...]
    # name, version, gap between full builds, full build due at, version due at, last built at
    tables: tuple[tuple[str, int, int, int, int, int], ...]
    state: bytes


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self, code: str) -> int:
        (value,) = struct.unpack_from("<" + code, self.data, self.at)
        self.at += struct.calcsize(code)
        return value

    def text(self) -> str:
        size = self.number("Q")
        self.at += size
        return self.data[self.at - size:self.at].decode()


def newest(directory: pathlib.Path) -> CheckpointState:
    path = sorted(directory.glob("checkpoint-*.remapd"))[-1]
    r = _Reader(path.read_bytes()[FILE_HEADER_BYTES:])
    r.number("I")  # magic
    r.number("I")  # format version
    r.text()  # stream
    r.number("q")  # saved
    samples = r.number("Q")
    offsets = tuple((r.number("I"), r.number("q")) for _ in range(r.number("Q")))
    tables = []
    for _ in range(r.number("Q")):
        tables.append((r.text(), *(r.number("Q") for _ in range(5))))
        r.number("B")  # frozen
    state = bytearray(r.data[r.at:])
    for name, version, *_ in tables:
        info = struct.pack("<Q", len(name)) + name.encode() + struct.pack("<Q", version)
        at = state.find(info)
        if version and at < 0:
            raise ValueError(f"{path}: table {name}: no mapping of version {version}")
        if version:
            at += len(info)
            state[at + EPOCH_AT:at + EPOCH_AT + 8] = bytes(8)
            state[at + BUILT_AT:at + BUILT_AT + 8] = bytes(8)
    return CheckpointState(samples, offsets, tuple(tables), bytes(state))

"""Mapping: one immutable version of a table's id -> row function."""

from __future__ import annotations

import ctypes
import enum
import os
from typing import Any

import numpy as np

from remap import _library
from remap._library import OfThisProcess, address, check, lib
from remap.ids import ids_of, prepare

_lookup = lib.remap_mapping_lookup_i64


class Role(enum.IntEnum):
    """How an id comes by its row."""

    DEDICATED = 0  # a known id with a row of its own
    SHARED = 1  # a known id in a shared row
    FALLBACK = 2  # an id the mapping does not know


class Mapping(OfThisProcess):
    """One mapping version; immutable, safe to use from any number of threads, and after a fork.

    Made by `Mapping.open` or `Client.mapping`.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle
        info = _library.MappingInfo(struct_size=ctypes.sizeof(_library.MappingInfo))
        check(lib.remap_mapping_get_info(handle, ctypes.byref(info)))
        self.table: str = info.table.decode("utf-8", "replace")
        self.version: int = info.version
        self.parent: int = info.parent
        self.rows: int = info.rows
        self.dedicated_rows: int = info.dedicated_rows
        self.ids: int = info.ids
        self.ways: int = info.ways
        self.built_ms: int = info.built_ms
        self.content_hash: int = info.content_hash

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Mapping:
        """Opens an artifact file (mapping.remap), memory mapped and checked whole.

        Raises NotFoundError, CorruptError.
        """
        handle = ctypes.c_void_p()
        check(lib.remap_mapping_open(_library.path_bytes(path), ctypes.byref(handle)))
        assert handle.value is not None
        return cls(handle.value)

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            lib.remap_mapping_close(self._handle)

    def lookup(self, ids: Any, out: np.ndarray | None = None) -> np.ndarray:
        """The row of each id, int64, in the ids' shape; new ids get their fallback row.

        `ids` is what ids_of() takes: uint64 or int64 (same bits), other integers, text, one id.
        Releases the GIL. With contiguous 64-bit ids and a contiguous `out` of int64 nothing is
        copied or allocated.
        """
        ids, out, source, target = prepare(ids, out)
        status = _lookup(self._handle, source, ids.size, target)
        if status:
            check(status)
        return out

    def lookup_second(self, ids: Any, out: np.ndarray | None = None) -> np.ndarray:
        """Under double hashing (`ways` is 2) the second row of each id; -1 where it has one."""
        ids, out, source, target = prepare(ids, out)
        check(lib.remap_mapping_lookup_second_i64(self._handle, source, ids.size, target))
        return out

    def roles(self, ids: Any) -> np.ndarray:
        """The `Role` of each id, uint8."""
        ids = ids_of(ids)
        out = np.empty(ids.shape, np.uint8)
        check(lib.remap_mapping_roles(self._handle, address(ids), ids.size, address(out)))
        return out

    def __repr__(self) -> str:
        if self.version == 0:
            return f"<remap.Mapping: no version yet, ids hashed over {self.rows:,} rows>"
        return (
            f"<remap.Mapping table={self.table!r} version={self.version} ids={self.ids:,} "
            f"rows={self.rows:,} dedicated_rows={self.dedicated_rows:,}>"
        )

"""libremap.so: its functions with their types, handles with their lifetime, errors as exceptions.

Calls release the GIL (ctypes.CDLL does).
"""

from __future__ import annotations

import atexit
import ctypes as c
import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np

from remap._errors import CorruptError, NotFoundError, RemapError, UnavailableError

ABI_VERSION = 1

_u64, _u32, _i64, _size = c.c_uint64, c.c_uint32, c.c_int64, c.c_size_t
_ptr = c.c_void_p


class MappingInfo(c.Structure):
    _fields_ = [
        ("struct_size", _size), ("version", _u64), ("parent", _u64), ("epoch", _u64),
        ("ids", _u64), ("content_hash", _u64), ("built_ms", _i64), ("rows", _u32),
        ("dedicated_rows", _u32), ("ways", _u32), ("table", c.c_char * 256),
    ]  # fmt: skip


class MigrationInfo(c.Structure):
    _fields_ = [
        ("struct_size", _size), ("from_", _u64), ("to", _u64), ("rows", _u64), ("plans", _size),
        ("complete", c.c_int),
    ]  # fmt: skip


class PlanArrays(c.Structure):
    _fields_ = [
        ("struct_size", _size), ("from_", _u64), ("to", _u64), ("from_rows", _u32),
        ("to_rows", _u32), ("changed_count", _size), ("changed", _ptr), ("source_begin", _ptr),
        ("source_count", _size), ("sources", _ptr), ("weights", _ptr), ("state", _ptr),
        ("restarted_count", _size), ("restarted", _ptr), ("restart_source_count", _size),
        ("restart_sources", _ptr), ("restart_weights", _ptr),
    ]  # fmt: skip


class ClientOptions(c.Structure):
    _fields_ = [
        ("struct_size", _size), ("table", c.c_char_p), ("rows", _u32), ("max_staged", _u32),
        ("seed", _u64), ("map_files", _u32),
    ]  # fmt: skip


class HttpOptions(c.Structure):
    _fields_ = [("struct_size", _size), ("token_file", c.c_char_p), ("ca_file", c.c_char_p)]


class Staged(c.Structure):
    _fields_ = [
        ("version", _u64), ("built_samples", _u64), ("ids", _u64), ("built_ms", _i64),
        ("swappable", c.c_int32), ("migratable", c.c_int32),
    ]  # fmt: skip


class ClientStatistics(c.Structure):
    _fields_ = [
        ("struct_size", _size),
        *[(name, _u64) for name in (
            "manifests", "stale", "staged", "from_deltas", "rejected", "plans", "plans_missing",
            "bytes", "retries", "poll_errors", "swaps", "served", "newest_staged", "staged_now",
            "waiting_to_be_freed", "readers", "problems")],
        ("last_problem", c.c_char * 512),
    ]  # fmt: skip


class ProducerOptions(c.Structure):
    _fields_ = [
        ("struct_size", _size), ("features", c.POINTER(c.c_char_p)), ("feature_count", _size),
        ("name", c.c_char_p), ("max_queued_bytes", _size),
    ]  # fmt: skip


class Column(c.Structure):
    _fields_ = [
        ("lengths", _ptr), ("length_count", _size), ("values", _ptr), ("value_count", _size),
    ]  # fmt: skip


class Batch(c.Structure):
    _fields_ = [
        ("struct_size", _size), ("columns", _ptr), ("column_count", _size), ("samples", _size),
        ("labels", _ptr), ("weights", _ptr), ("event_time_ms", _i64),
    ]  # fmt: skip


class ProducerStatistics(c.Structure):
    _fields_ = [
        ("struct_size", _size), ("batches", _u64), ("dropped", _u64), ("delivered", _u64),
        ("failed", _u64), ("queued_bytes", _u64), ("sent_again", _u64), ("renewals", _u64),
        ("last_problem", c.c_char * 512),
    ]  # fmt: skip


def _load() -> c.CDLL:
    path = os.environ.get("REMAP_LIBRARY") or str(Path(__file__).with_name("libremap.so"))
    try:
        library = c.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"cannot load {path}: {error}. Install the wheel that scripts/build-wheel makes, or "
            "set REMAP_LIBRARY to the path of libremap.so; its own libraries come with Debian's "
            "librdkafka1, libcurl4, libprotobuf32, libfmt9 and libxxhash0"
        ) from None
    offered = library.remap_abi_version()
    if offered < ABI_VERSION:
        raise ImportError(f"{path} offers ABI version {offered}, {ABI_VERSION} is needed")
    return library


lib = _load()

_strings = c.POINTER(c.c_char_p)
_signatures = {
    "remap_id_of_text": [c.c_char_p, _size, _ptr],
    "remap_ids_of_texts": [c.c_char_p, _ptr, _size, _ptr],
    "remap_ids_of_utf8_items": [_ptr, _size, _size, _ptr],
    "remap_ids_of_utf32_items": [_ptr, _size, _size, _ptr],
    "remap_mapping_open": [c.c_char_p, _ptr],
    "remap_mapping_get_info": [_ptr, _ptr],
    "remap_mapping_lookup_i64": [_ptr, _ptr, _size, _ptr],
    "remap_mapping_lookup_second_i64": [_ptr, _ptr, _size, _ptr],
    "remap_mapping_roles": [_ptr, _ptr, _size, _ptr],
    "remap_migration_open": [c.c_char_p, _ptr],
    "remap_migration_get_info": [_ptr, _ptr],
    "remap_migration_get_plan": [_ptr, _size, _ptr],
    "remap_migration_apply_f32": [_ptr, _ptr, _size, _size],
    "remap_migration_apply_state_f32": [_ptr, _ptr, _size, _size, c.c_float],
    "remap_client_open_directory": [c.c_char_p, _ptr, _ptr],
    "remap_client_open_http": [c.c_char_p, _ptr, _ptr, _ptr],
    "remap_client_open_kafka": [c.c_char_p, c.c_char_p, _strings, _size, _ptr, _ptr],
    "remap_client_poll": [_ptr, _i64, _ptr],
    "remap_client_start": [_ptr],
    "remap_client_stop": [_ptr],
    "remap_client_check": [_ptr],
    "remap_client_last_problem": [_ptr, _ptr, _ptr, _size],
    "remap_client_staged": [_ptr, _ptr, _size, _ptr],
    "remap_client_offer": [_ptr, _u64, _u64, _ptr, _ptr],
    "remap_client_served": [_ptr, _ptr],
    "remap_client_swap_next": [_ptr, c.c_int, _ptr],
    "remap_client_swap_to": [_ptr, _u64, c.c_int, _ptr],
    "remap_client_current": [_ptr, _ptr],
    "remap_client_get_stats": [_ptr, _ptr],
    "remap_client_reader": [_ptr, _ptr],
    "remap_reader_lookup_i64": [_ptr, _ptr, _size, _ptr, _ptr],
    "remap_readers_lookup_i64": [_ptr, _ptr, _size, _ptr, _ptr],
    "remap_producer_open_kafka": [c.c_char_p, c.c_char_p, _strings, _size, _ptr, _ptr],
    "remap_producer_send": [_ptr, _ptr, _i64, _ptr],
    "remap_producer_flush": [_ptr, _i64],
    "remap_producer_get_stats": [_ptr, _ptr],
}
for _name, _arguments in _signatures.items():
    if not hasattr(lib, _name):
        raise ImportError(f"{lib._name} is older than this package, it has no {_name}: build both anew")
    getattr(lib, _name).argtypes = _arguments
    getattr(lib, _name).restype = c.c_int
for _name in ("mapping", "migration", "client", "producer"):
    getattr(lib, f"remap_{_name}_close").argtypes = [_ptr]
    getattr(lib, f"remap_{_name}_close").restype = None
lib.remap_reader_close.argtypes = [_ptr]
lib.remap_reader_close.restype = None
lib.remap_last_error.restype = c.c_char_p
lib.remap_migration_missing.argtypes = [_ptr]
lib.remap_migration_missing.restype = c.c_char_p

_INVALID, _CORRUPT, _UNSUPPORTED, _NOT_FOUND, _UNAVAILABLE = 1, 3, 4, 5, 8
_exceptions: dict[int, type[RemapError]] = {
    _CORRUPT: CorruptError,
    _UNSUPPORTED: CorruptError,
    _NOT_FOUND: NotFoundError,
    _UNAVAILABLE: UnavailableError,
}


def check(status: int) -> None:
    """Raises what a status other than REMAP_OK stands for."""
    if status == 0:
        return
    message = lib.remap_last_error().decode("utf-8", "replace")
    if status == _INVALID:
        raise ValueError(message)
    error = _exceptions.get(status, RemapError)(message)
    error.retryable = bool(lib.remap_last_error_retryable())
    raise error


class Handle:
    """An opaque handle of the library. Thread safe.

    As a context manager it gives its address for one call. close() lets calls that are under way
    end first: the last of them closes. What is open when the interpreter ends is released then,
    before the library's threads lose what they stand on. A forked child has none of those threads,
    so there the handle is of no use, and is not closed either.
    """

    def __init__(self, what: str, address: int | None, close: Callable[[int], None]) -> None:
        self._what = what
        self._address = address
        self._close = close
        self.closed = ""  # why it cannot be used any more
        self._ended = False
        self._calls = 0
        self._lock = threading.Lock()
        _handles.add(self)

    def refuse(self) -> NoReturn:
        raise RemapError(self.closed or "the interpreter ends")

    def __enter__(self) -> int | None:
        with self._lock:
            if self.closed or self._ended:
                self.refuse()
            self._calls += 1
        return self._address

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._calls -= 1
            last = bool(self.closed or self._ended) and self._calls == 0
        if last:
            self._release()

    def close(self) -> None:
        with self._lock:
            if self.closed:
                return
            self.closed = f"the {self._what} is closed"
            idle = self._calls == 0
        if idle:
            self._release()

    def end(self) -> None:
        """Releases it with the interpreter: threads that go on looking up are not told."""
        with self._lock:
            self._ended = True
            idle = self._calls == 0
        if idle:
            self._release()

    def _release(self) -> None:
        address, self._address = self._address, None
        if address:
            self._close(address)

    def forked(self) -> None:
        self._lock = threading.Lock()  # another thread of the parent may have held it
        self._address = None
        self.closed = (
            f"the {self._what} was opened before this process was forked: open one in each process"
        )

    __del__ = close


_handles: weakref.WeakSet[Handle] = weakref.WeakSet()


def _end_all() -> None:
    global process
    process = 0  # threads may be looking up still: their readers are left to the system
    for handle in list(_handles):
        handle.end()


def _after_fork() -> None:
    global process
    process = os.getpid()
    for handle in list(_handles):
        handle.forked()


process = os.getpid()  # whose readers may be closed
atexit.register(_end_all)
os.register_at_fork(after_in_child=_after_fork)

_Self = TypeVar("_Self", bound="OfThisProcess")


class OfThisProcess:
    """What stands for memory of this process: copies are the object itself, pickling is refused."""

    def __copy__(self: _Self) -> _Self:
        return self

    def __deepcopy__(self: _Self, memo: dict[int, Any]) -> _Self:
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        kind = type(self).__name__
        raise TypeError(f"a remap.{kind} belongs to its process and cannot be pickled: make one in "
                        "each process that needs it")  # fmt: skip


def path_bytes(path: str | os.PathLike[str]) -> bytes:
    return os.fsencode(path)


def property_pairs(properties: dict[str, str] | None) -> tuple[c.Array[c.c_char_p], int]:
    flat = [text.encode() for pair in (properties or {}).items() for text in pair]
    return (c.c_char_p * max(len(flat), 1))(*flat), len(flat) // 2


_char_from_buffer: Any = c.c_char.from_buffer  # arrays are buffers to type checkers from 3.12 on


def address(array: np.ndarray) -> int:
    """Where the memory of a contiguous array begins."""
    try:
        return c.addressof(_char_from_buffer(array))
    except (TypeError, ValueError):  # read-only, or empty: ask numpy, which takes twice as long
        return array.ctypes.data

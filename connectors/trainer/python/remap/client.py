"""Client: follows the mapping versions of one table and swaps when the trainer says so."""

from __future__ import annotations

import ctypes
import os
import threading
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from remap import _library
from remap._errors import RemapError
from remap._library import check, lib, prepare
from remap.mapping import Mapping
from remap.migration import Migration

_lookup = lib.remap_reader_lookup_i64


@dataclass(frozen=True)
class StagedVersion:
    """A version newer than the one served."""

    version: int
    built_samples: int  # samples remapd had seen when it built it
    ids: int
    built_ms: int
    swappable: bool  # its mapping is in memory, verified
    migratable: bool  # the plans from the version served to this one are complete


@dataclass(frozen=True)
class ClientStats:
    """Counters of a client since it was opened."""

    manifests: int
    stale: int
    staged: int
    from_deltas: int
    rejected: int
    plans: int
    plans_missing: int
    bytes: int
    retries: int
    poll_errors: int
    swaps: int
    served: int
    newest_staged: int
    staged_now: int
    waiting_to_be_freed: int
    readers: int
    last_problem: str


class _Reader:
    """One thread's handle for lookups; closed when the thread ends."""

    def __init__(self, client: int) -> None:
        handle = ctypes.c_void_p()
        check(lib.remap_client_reader(client, ctypes.byref(handle)))
        self.handle = handle.value

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            lib.remap_reader_close(self.handle)


class Client:
    """Follows one table. A context manager; safe to use from any number of threads.

    Give a mapping `directory` (remapd's [sink.directory] path), or `brokers` and `topic` (its
    [kafka] brokers and [sink.kafka] topic), or the `url` of its admin server
    ("http://127.0.0.1:9643", "https://host:9643", "unix:/run/remapd/admin.sock") with `token_file`
    and `ca_file` where it asks for a token or has a certificate of your own authority. `rows` and `seed` are the table's row budget and
    [learning] seed in remapd's configuration: before the first version every id is hashed over all
    rows. `properties` are passed to librdkafka.
    """

    def __init__(
        self,
        *,
        table: str,
        rows: int,
        directory: str | os.PathLike[str] | None = None,
        brokers: str | None = None,
        topic: str = "remap.mappings",
        properties: dict[str, str] | None = None,
        url: str | None = None,
        token_file: str | os.PathLike[str] | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        seed: int = 1,
        max_staged: int = 16,
        background: bool = False,
    ) -> None:
        self._handle: int | None = None
        if sum(origin is not None for origin in (directory, brokers, url)) != 1:
            raise ValueError("give one of directory=, brokers= and url=")
        if not 0 < rows < 2**32 - 1:
            raise ValueError(f"rows is {rows}; give the row budget of table {table!r}")
        if not 0 < seed < 2**64 or not 0 < max_staged < 2**32:
            raise ValueError("seed and max_staged must be positive")
        options = _library.ClientOptions(
            struct_size=ctypes.sizeof(_library.ClientOptions),
            table=table.encode(),
            rows=rows,
            max_staged=max_staged,
            seed=seed,
        )
        handle = ctypes.c_void_p()
        if directory is not None:
            self.origin = os.fspath(directory)
            check(
                lib.remap_client_open_directory(
                    _library.path_bytes(directory), ctypes.byref(options), ctypes.byref(handle)
                )
            )
        elif url is not None:
            self.origin = url
            http = _library.HttpOptions(
                struct_size=ctypes.sizeof(_library.HttpOptions),
                token_file=None if token_file is None else _library.path_bytes(token_file),
                ca_file=None if ca_file is None else _library.path_bytes(ca_file),
            )
            check(
                lib.remap_client_open_http(
                    url.encode(), ctypes.byref(http), ctypes.byref(options), ctypes.byref(handle)
                )
            )
        else:
            assert brokers is not None
            self.origin = f"{brokers}/{topic}"
            pairs, count = _library.property_pairs(properties)
            check(
                lib.remap_client_open_kafka(
                    brokers.encode(),
                    topic.encode(),
                    pairs,
                    count,
                    ctypes.byref(options),
                    ctypes.byref(handle),
                )
            )
        self._handle = handle.value
        self.table = table
        self.rows = rows
        self._local = threading.local()
        if background:
            self.start()

    def close(self) -> None:
        """Stops following. Mappings and migrations it gave out stay usable."""
        handle, self._handle = self._handle, None
        if handle:
            lib.remap_client_close(handle)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    @property
    def _open(self) -> int:
        if not self._handle:
            raise RemapError("the client is closed")
        return self._handle

    def start(self) -> None:
        """From now on a thread of the client's own polls; errors are counted and tried again."""
        check(lib.remap_client_start(self._open))

    def stop(self) -> None:
        """Ends what start() began."""
        check(lib.remap_client_stop(self._open))

    def poll(self, timeout: float = 0.0) -> int:
        """Stages what has appeared, waiting at most `timeout` seconds; how many became swappable.

        A damaged version is no error: it is passed over, `stats().last_problem` tells. Raises
        UnavailableError when brokers or daemon cannot be reached; calling again goes on.
        """
        newly = ctypes.c_size_t()
        check(lib.remap_client_poll(self._open, int(timeout * 1000), ctypes.byref(newly)))
        return newly.value

    def staged(self) -> list[StagedVersion]:
        """The versions newer than the one served, oldest first."""
        count = ctypes.c_size_t()
        capacity = 0
        entries = (_library.Staged * 0)()
        while True:
            check(lib.remap_client_staged(self._open, entries, capacity, ctypes.byref(count)))
            if count.value <= capacity:
                break
            capacity = count.value
            entries = (_library.Staged * capacity)()
        return [
            StagedVersion(
                e.version, e.built_samples, e.ids, e.built_ms, bool(e.swappable), bool(e.migratable)
            )
            for e in entries[: count.value]
        ]

    @property
    def swappable(self) -> list[int]:
        """The staged versions that can be swapped to with their plans, ascending."""
        return [s.version for s in self.staged() if s.swappable and s.migratable]

    @property
    def version(self) -> int:
        """The version served; 0 before the first."""
        out = ctypes.c_uint64()
        check(lib.remap_client_served(self._open, ctypes.byref(out)))
        return out.value

    def swap(self, version: int | None = None, *, allow_unmigrated: bool = False) -> Migration:
        """Serves `version`, or the oldest that is staged; returns the migration to apply now.

        Lookups go on meanwhile: each batch is answered by one version. Raises NotFoundError when
        the version is not staged or a plan on the way is missing (unless `allow_unmigrated`);
        then nothing has changed.
        """
        handle = ctypes.c_void_p()
        if version is None:
            status = lib.remap_client_swap_next(self._open, allow_unmigrated, ctypes.byref(handle))
        else:
            status = lib.remap_client_swap_to(
                self._open, version, allow_unmigrated, ctypes.byref(handle)
            )
        check(status)
        assert handle.value is not None
        return Migration(handle.value)

    def lookup(self, ids: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The row of each id in the version served, int64; see Mapping.lookup."""
        return self.lookup_versioned(ids, out)[0]

    def lookup_versioned(
        self, ids: np.ndarray, out: np.ndarray | None = None
    ) -> tuple[np.ndarray, int]:
        """The rows, and the version that answered the whole batch."""
        ids, out, source, target = prepare(ids, out)
        reader = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = _Reader(self._open)
        version = ctypes.c_uint64()
        check(
            _lookup(
                reader.handle, source, ids.size, target, ctypes.byref(version)
            )
        )
        return out, version.value

    def mapping(self) -> Mapping:
        """The mapping served now; it stays as it is when the client swaps."""
        handle = ctypes.c_void_p()
        check(lib.remap_client_current(self._open, ctypes.byref(handle)))
        assert handle.value is not None
        return Mapping(handle.value)

    def stats(self) -> ClientStats:
        s = _library.ClientStatistics(struct_size=ctypes.sizeof(_library.ClientStatistics))
        check(lib.remap_client_get_stats(self._open, ctypes.byref(s)))
        values = {name: getattr(s, name) for name, _ in s._fields_ if name != "struct_size"}
        values["last_problem"] = values["last_problem"].decode("utf-8", "replace")
        return ClientStats(**values)

    def __repr__(self) -> str:
        if not self._handle:
            return "<remap.Client: closed>"
        return (
            f"<remap.Client table={self.table!r} from {self.origin!r} version={self.version} "
            f"staged={[s.version for s in self.staged()]}>"
        )

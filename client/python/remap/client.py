"""Client: follows the mapping versions of one table and swaps when the trainer says so."""

from __future__ import annotations

import ctypes
import logging
import os
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np

from remap import _library
from remap._errors import MigrationMissingError, NotFoundError, RemapError
from remap._library import Handle, OfThisProcess, check, lib
from remap.ids import prepare
from remap.mapping import Mapping
from remap.migration import Migration

_lookup = lib.remap_reader_lookup_i64
_ANY = 2**64 - 1  # every version, any number of samples
_log = logging.getLogger("remap")


@dataclass(frozen=True)
class StagedVersion:
    """A version newer than the one served."""

    version: int
    built_samples: int  # samples remapd had seen when it built it
    ids: int
    built_ms: int
    swappable: bool  # its mapping is in memory, verified
    migratable: bool  # its plans are complete, or the rows have learned nothing yet


@dataclass(frozen=True)
class ClientStats:
    """Counters of a client since it was opened, and its state now."""

    manifests: int  # versions announced by the source
    stale: int  # not newer than what was there, or of a publisher that was replaced
    staged: int  # versions whose mapping was loaded and verified
    from_deltas: int  # of these: by a delta
    rejected: int  # passed over: damaged, missing, or not what was announced
    plans: int
    plans_missing: int
    bytes: int  # fetched
    retries: int
    poll_errors: int
    swaps: int
    served: int  # version; 0: none yet
    newest_staged: int  # version that can be swapped to; 0: none
    staged_now: int  # how many can be swapped to
    waiting_to_be_freed: int  # versions replaced that a reader still uses
    readers: int  # threads that have looked up
    problems: int  # told so far
    last_problem: str  # in words; empty: nothing went wrong yet


class _Reader:
    """One thread's handle for lookups; closed when the thread ends."""

    def __init__(self, client: int | None) -> None:
        handle = ctypes.c_void_p()
        check(lib.remap_client_reader(client, ctypes.byref(handle)))
        self.handle = handle.value
        self._process = _library.process

    def __del__(self) -> None:
        if getattr(self, "handle", None) and self._process == _library.process:
            lib.remap_reader_close(self.handle)


class Client(OfThisProcess):
    """Follows one table. A context manager; safe to use from any number of threads.

    Give a mapping `directory` (remapd's [sink.directory] path), or `brokers` and `topic` (its
    [kafka] brokers and [sink.kafka] topic), or the `url` of its admin server
    ("http://127.0.0.1:9643", "https://host:9643", "unix:/run/remapd/admin.sock") with `token_file`
    and `ca_file` where it asks for a token or has a certificate of your own authority. `rows` and
    `seed` are the table's row budget and [learning] seed in remapd's configuration: before the
    first version every id is hashed over all rows; other values than the daemon's are refused.
    `properties` are passed to librdkafka. With
    `background` a thread of the client's own polls from the start, see start(). With `map_files`
    versions of a directory stay in the mapped files, whose pages processes share, instead of being
    copied into huge pages of this one.

    A client belongs to the process that opened it: a forked child cannot use it, it cannot be
    pickled, and copies (copy.deepcopy of a model) share it.
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
        map_files: bool = False,
        background: bool = False,
    ) -> None:
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
            map_files=map_files,
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
        self._handle = Handle("client", handle.value, lib.remap_client_close)
        self.table = table
        self.rows = rows
        self._problems = ctypes.c_uint64()  # told so far
        self._logged = 0
        self._local = threading.local()
        self._background = False
        if background:
            self.start()

    def close(self) -> None:
        """Stops following. Mappings and migrations it gave out stay usable."""
        self._handle.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """From now on a thread of the client's own polls; errors are counted and tried again."""
        with self._handle as handle:
            check(lib.remap_client_start(handle))
        self._background = True

    def stop(self) -> None:
        """Ends what start() began."""
        with self._handle as handle:
            check(lib.remap_client_stop(handle))
        self._background = False

    @property
    def closed(self) -> bool:
        """Whether it has been closed, or belongs to another process."""
        return bool(self._handle.closed)

    @property
    def background(self) -> bool:
        """Whether a thread of the client's own polls."""
        return self._background

    def check(self) -> None:
        """Raises the error that the last poll ended with, whoever polled; nothing if it went well."""
        with self._handle as handle:
            status = lib.remap_client_check(handle)
            self._log_problem(handle)
            check(status)

    def poll(self, timeout: float = 0.0) -> int:
        """Stages what has appeared, waiting at most `timeout` seconds; how many became swappable.

        The first poll waits, whatever the timeout, until what has been published already is taken
        in (5 seconds if it cannot be reached), so that a trainer begins with the newest version. A
        damaged version is no error: it is passed over, `stats().last_problem` and the logger
        "remap" tell. Raises UnavailableError when brokers or daemon cannot be reached (calling
        again goes on), ValueError when the table has other `rows` or another `seed`.
        """
        newly = ctypes.c_size_t()
        with self._handle as handle:
            status = lib.remap_client_poll(handle, int(timeout * 1000), ctypes.byref(newly))
            self._log_problem(handle)
            check(status)
        return newly.value

    def _log_problem(self, handle: int | None) -> None:
        """Tells the logger of a problem that it has not been told of."""
        number = self._problems
        lib.remap_client_last_problem(handle, ctypes.byref(number), None, 0)
        if number.value == self._logged:
            return
        self._logged = number.value
        text = ctypes.create_string_buffer(512)
        check(lib.remap_client_last_problem(handle, ctypes.byref(number), text, len(text)))
        _log.warning("table %r: %s", self.table, text.value.decode("utf-8", "replace"))

    def staged(self) -> list[StagedVersion]:
        """The versions newer than the one served, oldest first."""
        count = ctypes.c_size_t()
        capacity = 0
        entries = (_library.Staged * 0)()
        while True:
            with self._handle as handle:
                check(lib.remap_client_staged(handle, entries, capacity, ctypes.byref(count)))
                if self._background:
                    self._log_problem(handle)
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
        """The staged versions that can be swapped to: their plans are there, or the rows have
        learned nothing, as no id has been looked up before the first version. Ascending."""
        return [s.version for s in self.staged() if s.swappable and s.migratable]

    @property
    def version(self) -> int:
        """The version served; 0 before the first."""
        out = ctypes.c_uint64()
        with self._handle as handle:
            check(lib.remap_client_served(handle, ctypes.byref(out)))
        return out.value

    def adopt(self, timeout: float = 5.0) -> int:
        """For rows that have learned nothing yet: serves the newest version there is.

        Without migrating them, and waiting for one at most `timeout` seconds; returns the version,
        0 if there is none yet: `stats().last_problem` and the logger "remap" say so at once where
        the table, directory or topic is not there. swap() does the same by itself unless ids have
        been looked up already. Raises RemapError when a version is served.
        """
        if self.version:
            raise RemapError(f"table {self.table!r} serves version {self.version} already")
        deadline = time.monotonic() + timeout
        while True:
            there = [s.version for s in self.staged() if s.swappable]
            if there:
                self.swap(there[-1], allow_unmigrated=True)
                return there[-1]
            left = deadline - time.monotonic()
            if left <= 0:
                return 0
            self.poll(min(left, 0.5))

    def offer(self, at_most: int | None = None, up_to_samples: int | None = None) -> int:
        """For ranks that agree on a version among themselves: the newest this one could swap to.

        With its plans, no newer than `at_most` and built by remapd from no more than
        `up_to_samples` samples; 0 if there is none. The version stays staged until the next offer
        or swap. remap.torch.Swapper does the agreeing for torch.distributed.
        """
        return self._offer(
            _ANY if at_most is None else at_most, _ANY if up_to_samples is None else up_to_samples
        )[1]

    def _offer(self, at_most: int, up_to_samples: int) -> tuple[int, int]:
        """The version served, and the one offered."""
        served, version = ctypes.c_uint64(), ctypes.c_uint64()
        with self._handle as handle:
            check(
                lib.remap_client_offer(
                    handle, at_most, up_to_samples, ctypes.byref(served), ctypes.byref(version)
                )
            )
        return served.value, version.value

    def swap(self, version: int | None = None, *, allow_unmigrated: bool = False) -> Migration:
        """Serves `version`, or the oldest that is staged; returns the migration to apply now.

        Lookups go on meanwhile: each batch is answered by one version. Raises NotFoundError when
        the version is not staged, MigrationMissingError when a plan on the way is missing (unless
        `allow_unmigrated`, or no id has been looked up yet: there is nothing to migrate then); then
        nothing has changed.
        """
        out = ctypes.c_void_p()
        with self._handle as handle:
            if version is None:
                status = lib.remap_client_swap_next(handle, allow_unmigrated, ctypes.byref(out))
            else:
                status = lib.remap_client_swap_to(
                    handle, version, allow_unmigrated, ctypes.byref(out)
                )
            try:
                check(status)
            except NotFoundError as error:
                there = [s.version for s in self.staged() if s.swappable]
                if version in there or (version is None and there):  # all but a plan is there
                    raise MigrationMissingError(str(error)) from None
                raise
        assert out.value is not None
        return Migration(out.value)

    def lookup(self, ids: Any, out: np.ndarray | None = None) -> np.ndarray:
        """The row of each id in the version served, int64; see Mapping.lookup."""
        ids, out, source, target = prepare(ids, out)
        status = _lookup(self._reader().handle, source, ids.size, target, None)
        if status:
            check(status)
        return out

    def lookup_versioned(
        self, ids: Any, out: np.ndarray | None = None
    ) -> tuple[np.ndarray, int]:
        """The rows, and the version that answered the whole batch."""
        ids, out, source, target = prepare(ids, out)
        version = ctypes.c_uint64()
        check(_lookup(self._reader().handle, source, ids.size, target, ctypes.byref(version)))
        return out, version.value

    def _reader(self) -> _Reader:
        """The calling thread's."""
        if self._handle.closed:
            self._handle.refuse()
        try:
            reader: _Reader = self._local.reader
        except AttributeError:
            with self._handle as handle:
                reader = self._local.reader = _Reader(handle)
        return reader

    def mapping(self) -> Mapping:
        """The mapping served now; it stays as it is when the client swaps."""
        out = ctypes.c_void_p()
        with self._handle as handle:
            check(lib.remap_client_current(handle, ctypes.byref(out)))
        assert out.value is not None
        return Mapping(out.value)

    def stats(self) -> ClientStats:
        """Counters, what is staged and served, and what went wrong last."""
        s = _library.ClientStatistics(struct_size=ctypes.sizeof(_library.ClientStatistics))
        with self._handle as handle:
            check(lib.remap_client_get_stats(handle, ctypes.byref(s)))
        values = {name: getattr(s, name) for name, *_ in s._fields_ if name != "struct_size"}
        values["last_problem"] = values["last_problem"].decode("utf-8", "replace")
        return ClientStats(**values)

    def __repr__(self) -> str:
        if self._handle.closed:
            return f"<remap.Client table={self.table!r}: {self._handle.closed}>"
        return (
            f"<remap.Client table={self.table!r} from {self.origin!r} version={self.version} "
            f"staged={[s.version for s in self.staged()]}>"
        )

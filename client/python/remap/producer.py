"""Producer: sends a batch's ids and labels to remapd without slowing the step."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from remap import _library
from remap._library import Handle, OfThisProcess, check, contiguous_ids, lib


@dataclass(frozen=True)
class ProducerStats:
    """Batches since the producer was opened."""

    batches: int  # accepted
    dropped: int  # refused because the queue was full
    delivered: int
    failed: int
    queued_bytes: int
    last_problem: str


class Producer(OfThisProcess):
    """Sends access events to a Kafka topic from a bounded queue. A context manager, thread safe.

    `features` are the names of the columns, as in remapd's [[feature]] sections. A producer belongs
    to the process that opened it, as a `Client` does.
    """

    def __init__(
        self,
        *,
        brokers: str,
        features: list[str],
        topic: str = "remap.events",
        properties: dict[str, str] | None = None,
        name: str = "trainer",
        max_queued_bytes: int = 64 << 20,
    ) -> None:
        self.features = list(features)
        names = (ctypes.c_char_p * max(len(features), 1))(*[f.encode() for f in features])
        options = _library.ProducerOptions(
            struct_size=ctypes.sizeof(_library.ProducerOptions),
            features=names,
            feature_count=len(features),
            name=name.encode(),
            max_queued_bytes=max_queued_bytes,
        )
        pairs, count = _library.property_pairs(properties)
        handle = ctypes.c_void_p()
        check(
            lib.remap_producer_open_kafka(
                brokers.encode(),
                topic.encode(),
                pairs,
                count,
                ctypes.byref(options),
                ctypes.byref(handle),
            )
        )
        self._handle = Handle("producer", handle.value, lib.remap_producer_close)

    def send(
        self,
        values: list[np.ndarray],
        labels: np.ndarray | None = None,
        lengths: list[np.ndarray] | None = None,
        event_time_ms: int = 0,
    ) -> bool:
        """Queues one batch (copied) and returns at once; False: dropped, the queue is full.

        `values[f]` holds the ids of feature f, one for each sample, or with `lengths` as many as
        lengths[f] says for each.
        """
        if len(values) != len(self.features):
            raise ValueError(f"{len(values)} columns given for the features {self.features}")
        samples = len(lengths[0]) if lengths is not None else len(values[0])
        columns = (_library.Column * len(values))()
        keep = []
        for f, column in enumerate(values):
            column = contiguous_ids(column).reshape(-1)
            keep.append(column)
            columns[f].values = column.ctypes.data
            columns[f].value_count = column.size
            if lengths is not None:
                counts = np.ascontiguousarray(lengths[f], np.uint32)
                if counts.shape != (samples,):
                    raise ValueError(f"lengths[{f}] has shape {counts.shape}, not ({samples},)")
                keep.append(counts)
                columns[f].lengths = counts.ctypes.data
        address = None
        if labels is not None:
            labels = np.ascontiguousarray(labels, np.float32).reshape(-1)
            if labels.size != samples:
                raise ValueError(f"{labels.size} labels given for {samples} samples")
            address = labels.ctypes.data
        accepted = ctypes.c_int()
        with self._handle as handle:
            check(
                lib.remap_producer_send(
                    handle,
                    columns,
                    len(values),
                    samples,
                    address,
                    event_time_ms,
                    ctypes.byref(accepted),
                )
            )
        return bool(accepted.value)

    def flush(self, timeout: float = 30.0) -> None:
        """Waits until all that was accepted is delivered. Raises UnavailableError, RemapError."""
        with self._handle as handle:
            check(lib.remap_producer_flush(handle, int(timeout * 1000)))

    def stats(self) -> ProducerStats:
        """What was accepted, dropped, delivered and lost so far, and what went wrong last."""
        s = _library.ProducerStatistics(struct_size=ctypes.sizeof(_library.ProducerStatistics))
        with self._handle as handle:
            check(lib.remap_producer_get_stats(handle, ctypes.byref(s)))
        values = {name: getattr(s, name) for name, *_ in s._fields_ if name != "struct_size"}
        values["last_problem"] = values["last_problem"].decode("utf-8", "replace")
        return ProducerStats(**values)

    def close(self) -> None:
        """Sends what is queued, for at most 10 s, and closes."""
        self._handle.close()

    def __enter__(self) -> Producer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._handle.closed:
            return f"<remap.Producer: {self._handle.closed}>"
        s = self.stats()
        return (
            f"<remap.Producer features={self.features} batches={s.batches} "
            f"delivered={s.delivered} dropped={s.dropped} failed={s.failed}>"
        )

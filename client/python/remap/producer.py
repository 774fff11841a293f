"""Producer: sends a batch's ids and labels to remapd without slowing the step."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np

from remap import _library
from remap._errors import RemapError
from remap._library import Handle, OfThisProcess, check, lib
from remap.ids import ids_of

_log = logging.getLogger("remap")


@dataclass(frozen=True)
class ProducerStats:
    """Batches since the producer was opened."""

    batches: int  # accepted
    dropped: int  # refused because the queue was full
    delivered: int
    failed: int  # will not be delivered: too large, or not taken by the topic
    queued_bytes: int
    sent_again: int  # may have arrived twice
    renewals: int  # of the connection, after a fatal error of librdkafka
    last_problem: str  # why batches wait or have failed, in words; empty: nothing went wrong yet


class Producer(OfThisProcess):
    """Sends access events to a Kafka topic from a bounded queue. A context manager, thread safe.

    `features` are the names of the columns, as in remapd's [[feature]] sections. Batches are kept
    until the brokers have acknowledged them, through stalls, restarts and topics made anew (some may
    arrive twice then), as long as no more than `max_queued_bytes` wait: then send() waits or returns
    False. A producer belongs to the process that opened it, as a `Client` does.
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
        values: Sequence[Any],
        labels: Any = None,
        lengths: Sequence[Any] | None = None,
        event_time_ms: int = 0,
        *,
        weights: Any = None,
        timeout: float = 0.0,
    ) -> bool:
        """Queues one batch (copied); False: dropped, the queue is full.

        `values[f]` holds the ids of feature f (what `ids_of` takes: integers or text), one for each
        sample, or with `lengths` as many as lengths[f] says for each. `labels` are of 0 .. 1, NaN
        for none; `weights` say how much a sample matters, at least 0. Waits at most `timeout`
        seconds for room in the queue. Raises ValueError for what does not fit together.
        """
        if len(values) != len(self.features):
            raise ValueError(f"{len(values)} columns given for the features {self.features}")
        if lengths is not None and (len(lengths) != len(values) or np.ndim(lengths[0]) != 1):
            raise ValueError(
                f"lengths must have one array for each of the features {self.features}, with one "
                "count for each sample"
            )
        samples = len(lengths[0]) if lengths is not None else len(values[0])
        columns = (_library.Column * len(values))()
        keep = []
        for f, column in enumerate(values):
            try:
                column = ids_of(column).reshape(-1)
            except (TypeError, ValueError) as error:
                raise type(error)(f"column {self.features[f]!r}: {error}") from None
            keep.append(column)
            columns[f].values = column.ctypes.data
            columns[f].value_count = column.size
            if lengths is not None:
                counts = np.ascontiguousarray(lengths[f], np.uint32).reshape(-1)
                keep.append(counts)
                columns[f].lengths = counts.ctypes.data
                columns[f].length_count = counts.size
        batch = _library.Batch(
            struct_size=ctypes.sizeof(_library.Batch),
            columns=ctypes.addressof(columns),
            column_count=len(values),
            samples=samples,
            event_time_ms=event_time_ms,
        )
        for name, given in (("labels", labels), ("weights", weights)):
            if given is None:
                continue
            array = np.ascontiguousarray(given, np.float32).reshape(-1)
            if array.size != samples:
                raise ValueError(f"{array.size} {name} given for {samples} samples")
            keep.append(array)
            setattr(batch, name, array.ctypes.data)
        accepted = ctypes.c_int()
        with self._handle as handle:
            check(
                lib.remap_producer_send(
                    handle, ctypes.byref(batch), int(timeout * 1000), ctypes.byref(accepted)
                )
            )
        return bool(accepted.value)

    def flush(self, timeout: float = 30.0) -> None:
        """Waits until all that was accepted is delivered.

        Raises UnavailableError when the time was not enough: what is queued stays queued. Raises
        RemapError when batches have failed since the last flush, with how many.
        """
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
        """Sends what is queued, for at most 20 s, and closes.

        Raises what flush() raises if 10 s are not enough or batches have failed; it is closed all
        the same.
        """
        if self._handle.closed:
            return
        try:
            self.flush(10.0)
        except RemapError as error:
            raise type(error)(f"closed before all was delivered: {error}") from None
        finally:
            self._handle.close()

    def __enter__(self) -> Producer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except RemapError as lost:
            if error is None:
                raise
            _log.warning("%s", lost)  # the error under way is the one to be told

    def __repr__(self) -> str:
        if self._handle.closed:
            return f"<remap.Producer: {self._handle.closed}>"
        s = self.stats()
        return (
            f"<remap.Producer features={self.features} batches={s.batches} "
            f"delivered={s.delivered} dropped={s.dropped} failed={s.failed}>"
        )

"""Tables of events, as Parquet, ORC or Arrow files or as data frames, to a log that remapd reads.

    python -m remap.convert events/*.parquet --features user,item --label clicked --out events.binpb.zst

    from remap.convert import convert
    convert(frame, out="events.binpb.zst", features={"user": "user_id", "item": "items"}, label="clicked")

A row is a sample, a list is several ids. Needs pyarrow; reads and writes a piece at a time.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from remap.ids import ids_of

try:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.dataset as ds
except ImportError as error:  # pragma: no cover
    raise ImportError("remap.convert needs pyarrow: pip install pyarrow") from error

ROWS_OF_A_MESSAGE = 4096
_FORMATS = {".parquet": "parquet", ".pq": "parquet", ".orc": "orc", ".arrow": "arrow",
            ".feather": "arrow", ".ipc": "arrow", ".csv": "csv"}
_COMPRESSIONS = {".zst": "zstd", ".gz": "gzip"}


def convert(
    events: Any,
    *,
    out: str | os.PathLike[str],
    features: Sequence[str] | Mapping[str, str] | None = None,
    label: str | None = None,
    label_true: Sequence[Any] = (),
    time: str | None = None,
    weight: str | None = None,
    progress: Any = None,
) -> int:
    """Writes `events` to the log `out` (.binpb, with .zst or .gz) and returns the number of samples.

    `events` is a path or a list of them, a pandas or polars frame, or a pyarrow Table. `features`
    names the columns of ids, or maps a feature to its column; a field of a struct is "user.id".
    None: every column that is neither label, time nor weight. With `label_true` the label is 1
    where the column has one of these values, else 0. `progress` is called with the samples so far.
    Raises ValueError, naming the column, for what cannot be read.
    """
    out = os.fspath(out)
    stem, extension = os.path.splitext(out)
    compression = _COMPRESSIONS.get(extension)
    if not (stem if compression else out).endswith((".binpb", ".pb")):
        raise ValueError(f"{out}: name the log .binpb, .binpb.zst or .binpb.gz")
    schema, batches = _batches_of(events)
    taken = {name for name in (label, time, weight) if name}
    if features is None:
        features = [name for name in schema.names if name not in taken]
    columns = dict(features) if isinstance(features, Mapping) else {name: name for name in features}
    if not columns:
        raise ValueError("no column of ids: name them in features")
    samples = 0
    temporary = out + ".part"
    try:
        with pa.output_stream(temporary, compression=compression) as stream:
            for batch in batches:
                for begin in range(0, batch.num_rows, ROWS_OF_A_MESSAGE):
                    piece = batch.slice(begin, ROWS_OF_A_MESSAGE)
                    message = _message(piece, columns, label, label_true, time, weight)
                    stream.write(_varint(len(message)) + message)
                    samples += piece.num_rows
                if progress is not None:
                    progress(samples)
        os.replace(temporary, out)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    return samples


def _batches_of(events: Any) -> tuple[pa.Schema, Iterable[pa.RecordBatch]]:
    if hasattr(events, "to_arrow"):  # polars
        events = events.to_arrow()
    elif type(events).__module__.split(".")[0] == "pandas":
        events = pa.Table.from_pandas(events, preserve_index=False)
    if isinstance(events, pa.Table):
        return events.schema, events.to_batches()
    paths = [events] if isinstance(events, (str, os.PathLike)) else list(events)
    if not paths:
        raise ValueError("no file of events")
    sets = [_open(os.fspath(path)) for path in paths]

    def batches() -> Iterator[pa.RecordBatch]:
        for one in sets:
            yield from one.to_batches()

    return sets[0].schema, batches()


def _open(path: str) -> ds.Dataset:
    if os.path.isdir(path):
        return ds.dataset(path)
    extension = os.path.splitext(path)[1].lower()
    if extension not in _FORMATS:
        raise ValueError(f"{path}: its name does not end in one of {', '.join(_FORMATS)}")
    return ds.dataset(path, format=_FORMATS[extension])


def _column(batch: pa.RecordBatch, path: str) -> pa.Array:
    first, *fields = [path] if path in batch.schema.names else path.split(".")
    if first not in batch.schema.names:
        raise ValueError(f"there is no column {first!r}; there are {', '.join(batch.schema.names)}")
    column = batch.column(first)
    for field in fields:
        if not pa.types.is_struct(column.type) or column.type.get_field_index(field) < 0:
            raise ValueError(f"column {path!r}: {column.type} has no field {field!r}")
        column = pc.struct_field(column, field)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column


def _ids(column: pa.Array, path: str) -> tuple[np.ndarray, np.ndarray]:
    """How many ids each row has, and the ids."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        values = pc.list_flatten(column)
        rows = pc.list_parent_indices(column)
    else:
        values, rows = column, pa.array(np.arange(len(column)))
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        blank = pc.equal(pc.utf8_trim(values, " \t\r\n"), "")
        values = pc.if_else(blank, pa.scalar(None, values.type), values)
    present = pc.is_valid(values)
    rows = np.asarray(rows.filter(present))
    values = values.filter(present)
    lengths = np.bincount(rows, minlength=len(column)).astype(np.uint64)
    try:
        return lengths, ids_of(values.to_numpy(zero_copy_only=False)).view(np.uint64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {path!r}: {error}") from None


def _labels(column: pa.Array, path: str, true: Sequence[Any]) -> np.ndarray:
    if true:
        wanted = pa.array([str(value) for value in true])
        hit = pc.is_in(column.cast(pa.string()), value_set=wanted)
        column = pc.if_else(pc.is_valid(column), hit, pa.scalar(None, pa.bool_()))
    labels = np.asarray(column.cast(pa.float32()).fill_null(float("nan")), np.float32)
    bad = labels[(labels < 0) | (labels > 1)]
    if bad.size:
        raise ValueError(f"column {path!r}: {bad[0]} is no label, must be 0 to 1: say with "
                         "label_true which values are 1")
    return labels


def _time_ms(column: pa.Array) -> int:
    """Of the newest row; the unit of a number is told by its size, as remapd does."""
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
    newest = pc.max(column).as_py()
    if newest is None:
        return 0
    for bound, factor in ((1e11, 1000), (1e14, 1), (1e17, 1e-3)):
        if newest < bound:
            return int(newest * factor)
    return int(newest * 1e-6)


def _message(
    batch: pa.RecordBatch,
    columns: Mapping[str, str],
    label: str | None,
    label_true: Sequence[Any],
    time: str | None,
    weight: str | None,
) -> bytes:
    """An AccessBatch (connectors/proto/access.proto)."""
    keys, lengths, values = b"", [], []
    for feature, path in columns.items():
        counts, ids = _ids(_column(batch, path), path)
        name = feature.encode()
        keys += _field(1, name)
        lengths.append(counts)
        values.append(ids)
    message = keys + _field(2, _varints(np.concatenate(lengths)))
    message += _field(3, np.concatenate(values).astype("<u8").tobytes())
    if label:
        message += _field(4, _labels(_column(batch, label), label, label_true).tobytes())
    if time:
        message += b"\x28" + _varint(_time_ms(_column(batch, time)))
    message += b"\x38\x01"  # schema_version
    if weight:
        weights = _column(batch, weight).cast(pa.float32()).fill_null(1.0)
        message += _field(8, np.asarray(weights, np.float32).tobytes())
    return message


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _varints(values: np.ndarray) -> bytes:
    if values.size == 0 or values.max() < 0x80:
        return values.astype(np.uint8).tobytes()
    return b"".join(_varint(int(value)) for value in values)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m remap.convert",
        description="Parquet, ORC and Arrow files to a log that remapd reads.",
    )
    parser.add_argument("files", nargs="+", help="files, or directories of them")
    parser.add_argument("--out", required=True, help="the log: .binpb, .binpb.zst or .binpb.gz")
    parser.add_argument("--features", help="columns of ids, a,b,c; name=column where they differ; "
                        "default: all others")
    parser.add_argument("--label", help="column of the label")
    parser.add_argument("--label-true", help="values of the label that are 1, a,b; others are 0")
    parser.add_argument("--time", help="column of the event time")
    parser.add_argument("--weight", help="column of the weight")
    options = parser.parse_args(arguments)
    features = None
    if options.features:
        pairs = [item.partition("=") for item in options.features.split(",")]
        features = {name: column or name for name, _, column in pairs}
    shown = sys.stderr.isatty()

    def progress(samples: int) -> None:
        if shown:
            print(f"\r{samples:,} samples", end="", file=sys.stderr)

    try:
        samples = convert(
            options.files,
            out=options.out,
            features=features,
            label=options.label,
            label_true=options.label_true.split(",") if options.label_true else (),
            time=options.time,
            weight=options.weight,
            progress=progress,
        )
    except (ValueError, OSError, pa.ArrowException) as error:
        print(f"{'' if not shown else chr(10)}remap.convert: {error}", file=sys.stderr)
        return 1
    print(f"{chr(13) if shown else ''}{samples:,} samples in {options.out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

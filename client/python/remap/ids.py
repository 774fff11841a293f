"""Ids: the 64 bits that a number or a text stands for, the same as in every event remapd reads.

An integer of -2**63 .. 2**64 - 1 is its 64 bits, as a number or as decimal text; any other text is
XXH3-64 of its UTF-8 bytes without the blanks around it; 123.0 is 123 (docs/formats.md, "Ids").
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from remap._library import address, check, lib

_UINT64, _INT64 = np.dtype(np.uint64), np.dtype(np.int64)
_BITS = 2**64 - 1
_BLOCK = 2_048  # objects converted at a time
_EXACT = 2**53  # beyond it a float may have been rounded from another id


def id_of(value: Any) -> int:
    """The id of one value: an int of 0 .. 2**64 - 1.

    `value` is an int, a str, bytes (UTF-8), a whole float, or numpy's scalars of these. Raises
    TypeError and ValueError for what is no id: 123.5, NaN, None, True, blank text.
    """
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{value} is no id: an id is an integer or a text")
    if isinstance(value, (int, np.integer)):
        number = int(value)
        if not -(2**63) <= number <= _BITS:
            raise ValueError(f"{number} is no id: it is not within -2**63 .. 2**64 - 1")
        return number & _BITS
    if isinstance(value, (float, np.floating)):
        if not value == np.floor(value) or abs(value) > _EXACT:
            raise ValueError(f"{value} is no id: {_of_floats}")
        return int(value) & _BITS
    if isinstance(value, (str, bytes)):
        text = value.encode() if isinstance(value, str) else value
        out = ctypes.c_uint64()
        check(lib.remap_id_of_text(text, len(text), ctypes.byref(out)))
        return out.value
    raise TypeError(f"{value!r} is no id: an id is an integer or a text, not {type(value).__name__}")


_of_floats = (
    "of floats only whole ones up to 2**53 are ids; keep the column as integers or text, "
    "and leave missing values out"
)


def ids_of(values: Any) -> np.ndarray:
    """The id of each value of an array, 64 bits each, in its shape and in one piece of memory.

    Takes numpy arrays and scalars of integers, str, bytes, whole floats and objects, torch tensors,
    pandas columns and lists. What is uint64 or int64 and contiguous already is returned as it is
    (uint64 and int64 are the same bits), other integers are widened, text is hashed without a Python
    loop over the ids. Raises TypeError and ValueError, naming the value, for what is no id.
    """
    if isinstance(values, np.ndarray):
        if values.dtype is _UINT64 or values.dtype is _INT64:  # the usual case, told fast
            return values if values.flags.c_contiguous else np.ascontiguousarray(values)
    else:
        values = _as_array(values)
    kind = values.dtype.kind
    if kind == "i" or kind == "u":
        wide = _INT64 if kind == "i" else _UINT64
        # order "C": also of what lies in another order, or byte order, in memory
        return values.astype(wide, order="C", copy=False)
    convert = _conversions.get(kind)
    if convert is None:
        raise TypeError(
            f"ids must be integers or text, not an array of {values.dtype}"
            + (": make them integers first" if kind in "bmM" else "")
        )
    return convert(values)


def _as_array(values: Any) -> np.ndarray:
    if isinstance(values, (list, tuple)):
        # Not by numpy's rules: they make floats of large integers, and text of what is mixed.
        array = np.empty(len(values), object)
        array[:] = values
        return array
    if isinstance(values, (int, str, bytes, float)):  # not np.int64, which is no int
        return np.array(id_of(values), np.uint64)
    detach = getattr(values, "detach", None)  # a tensor
    array = np.asarray(detach().cpu() if detach is not None else values)
    if array.dtype.kind == "O" and array.ndim == 0:
        raise TypeError(f"ids must be an array, or one id, not {type(values).__name__}")
    return array


def _of_utf32(values: np.ndarray) -> np.ndarray:
    values = values.astype(values.dtype.newbyteorder("="), order="C", copy=False)
    return _fixed(values, lib.remap_ids_of_utf32_items, 4)


def _of_utf8(values: np.ndarray) -> np.ndarray:
    return _fixed(np.ascontiguousarray(values), lib.remap_ids_of_utf8_items, 1)


def _fixed(values: np.ndarray, function: Any, unit: int) -> np.ndarray:
    out = np.empty(values.shape, _UINT64)
    check(function(values.ctypes.data, values.dtype.itemsize // unit, values.size, address(out)))
    return out


def _of_floats_array(values: np.ndarray) -> np.ndarray:
    wrong = ~((values == np.floor(values)) & (np.abs(values) <= _EXACT))
    if wrong.any():
        at = int(np.flatnonzero(wrong.reshape(-1))[0])
        raise ValueError(f"ids[{at}] is {values.reshape(-1)[at]}, which is no id: {_of_floats}")
    return values.astype(_INT64, order="C")


def _of_objects(values: np.ndarray) -> np.ndarray:
    items = values.reshape(-1)
    ids = np.empty(items.size, _UINT64)
    for first in range(0, items.size, _BLOCK):  # in the processor's cache
        block = items[first : first + _BLOCK].tolist()
        into = ids[first : first + len(block)]
        kinds = set(map(type, block))
        try:
            if kinds == {str}:
                _of_strs(block, into)
            elif kinds == {bytes}:
                _joined(b"".join(block), block, into)
            else:
                _one_by_one(block, first, into)
        except ValueError:
            _one_by_one(block, first, into)  # names the one that is no id
            raise
    return ids.reshape(values.shape)


def _one_by_one(items: list[Any], first: int, into: np.ndarray) -> None:
    for at, item in enumerate(items):
        try:
            into[at] = id_of(item)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"ids[{first + at}]: {error}") from None


def _of_strs(items: list[str], into: np.ndarray) -> None:
    whole = "".join(items)
    if whole.isascii():
        _joined(whole.encode(), items, into)
    else:
        texts = list(map(str.encode, items))
        _joined(b"".join(texts), texts, into)


def _joined(data: bytes, items: list[Any], into: np.ndarray) -> None:
    ends = np.cumsum(np.fromiter(map(len, items), np.uint64, len(items)), dtype=np.uint64)
    check(lib.remap_ids_of_texts(data, address(ends), len(items), address(into)))


_conversions: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "U": _of_utf32,
    "S": _of_utf8,
    "f": _of_floats_array,
    "O": _of_objects,
    "T": lambda values: _of_objects(values.astype(object)),  # numpy's StringDType
}


def prepare(ids: Any, out: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, int, int]:
    """The ids in one piece, where their rows go, and the addresses of both."""
    ids = ids_of(ids)
    if out is None:
        out = np.empty(ids.shape, _INT64)
        return ids, out, address(ids), address(out)
    if not isinstance(out, np.ndarray) or (out.dtype is not _INT64 and out.dtype != _INT64):
        kind = getattr(out, "dtype", type(out).__name__)
        raise TypeError(f"out must be a numpy array of int64, not {kind}")
    flags = out.flags
    if out.shape != ids.shape or not flags.c_contiguous or not flags.writeable:
        raise ValueError(
            f"out must be writeable, contiguous and of the ids' shape {ids.shape}, not {out.shape}"
        )
    source, target = address(ids), address(out)
    if abs(source - target) < 8 * ids.size:
        raise ValueError("out overlaps the ids: give it memory of its own")
    return ids, out, source, target

"""Migration: what a swap asks of the trainer, for numpy matrices; for PyTorch see remap.torch."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from remap import _library
from remap._errors import MigrationMissingError
from remap._library import OfThisProcess, check, lib


@dataclass(frozen=True)
class Plan:
    """One plan as arrays (read-only), all read from the matrix as it was before it.

    Row changed[i] becomes the sum of weights[j] * old[sources[j]] for j in
    [source_begin[i], source_begin[i + 1]); its optimiser state becomes the same mixture, or is
    reset where reset[i]. The rows `restarted` become the sum of restart_weights[j] *
    old[restart_sources[j]] (zero without sources); their state is reset.
    """

    version_from: int
    version_to: int
    from_rows: int
    to_rows: int
    changed: np.ndarray
    source_begin: np.ndarray
    sources: np.ndarray
    weights: np.ndarray
    reset: np.ndarray
    restarted: np.ndarray
    restart_sources: np.ndarray
    restart_weights: np.ndarray


class Migration(OfThisProcess):
    """The plans from the version that was served to the one that is.

    Apply it to the embedding matrix and the optimiser state before the next step.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle
        info = _library.MigrationInfo(struct_size=ctypes.sizeof(_library.MigrationInfo))
        check(lib.remap_migration_get_info(handle, ctypes.byref(info)))
        self.version_from: int = info.from_
        self.version_to: int = info.to
        self.rows: int = info.rows
        self.complete: bool = bool(info.complete)
        self._plan_count: int = info.plans
        self.missing: str = lib.remap_migration_missing(handle).decode("utf-8", "replace")

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Migration:
        """A migration plan file (plan.remap). Raises NotFoundError, CorruptError."""
        handle = ctypes.c_void_p()
        check(lib.remap_migration_open(_library.path_bytes(path), ctypes.byref(handle)))
        assert handle.value is not None
        return cls(handle.value)

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            lib.remap_migration_close(self._handle)

    def plans(self) -> list[Plan]:
        """The plans as arrays, to be applied one after another. Views of the migration's memory."""
        out = []
        array = self._array
        for index in range(self._plan_count):
            p = _library.PlanArrays(struct_size=ctypes.sizeof(_library.PlanArrays))
            check(lib.remap_migration_get_plan(self._handle, index, ctypes.byref(p)))
            out.append(
                Plan(
                    version_from=p.from_,
                    version_to=p.to,
                    from_rows=p.from_rows,
                    to_rows=p.to_rows,
                    changed=array(p.changed, p.changed_count, np.uint32),
                    source_begin=array(p.source_begin, p.changed_count + 1, np.uint32),
                    sources=array(p.sources, p.source_count, np.uint32),
                    weights=array(p.weights, p.source_count, np.float32),
                    reset=array(p.state, p.changed_count, np.uint8).view(bool),
                    restarted=array(p.restarted, p.restarted_count, np.uint32),
                    restart_sources=array(p.restart_sources, p.restart_source_count, np.uint32),
                    restart_weights=array(p.restart_weights, p.restart_source_count, np.float32),
                )
            )
        return out

    def _array(self, address: int | None, count: int, dtype: type) -> np.ndarray:
        size = count * np.dtype(dtype).itemsize
        if not address or not size:
            return np.empty(0, dtype)
        memory: Any = (ctypes.c_char * size).from_address(address)
        memory.migration = self  # which the memory is of: lives as long as any array
        view: np.ndarray = np.frombuffer(memory, dtype)
        view.flags.writeable = False
        return view

    def _prepare(self, matrix: np.ndarray) -> tuple[int, int]:
        if not self.complete:
            raise MigrationMissingError(self.missing)
        if not isinstance(matrix, np.ndarray) or matrix.dtype != np.float32:
            kind = getattr(matrix, "dtype", type(matrix).__name__)
            raise TypeError(f"the matrix must be a numpy array of float32, not {kind}")
        if not matrix.flags.c_contiguous or not matrix.flags.writeable or matrix.ndim == 0:
            raise ValueError("the matrix must be writeable and C-contiguous: it is changed in place")
        if self.rows and matrix.shape[0] != self.rows:
            raise ValueError(f"the matrix has {matrix.shape[0]} rows, the table {self.rows}")
        return matrix.ctypes.data, matrix.size // matrix.shape[0] if matrix.shape[0] else 0

    def apply(self, matrix: np.ndarray) -> None:
        """Migrates an embedding matrix, float32 of shape (rows, ...), in place."""
        address, columns = self._prepare(matrix)
        if self.rows:
            check(lib.remap_migration_apply_f32(self._handle, address, matrix.size, columns))

    def apply_to_state(self, state: np.ndarray, initial: float = 0.0) -> None:
        """Migrates optimiser state, float32 of shape (rows, ...); reset rows become `initial`."""
        address, columns = self._prepare(state)
        if self.rows:
            check(
                lib.remap_migration_apply_state_f32(
                    self._handle, address, state.size, columns, initial
                )
            )

    def __repr__(self) -> str:
        about = "complete" if self.complete else f"incomplete: {self.missing}"
        return (
            f"<remap.Migration version {self.version_from} -> {self.version_to}, "
            f"{self._plan_count} plans, {self.rows:,} rows, {about}>"
        )

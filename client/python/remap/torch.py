"""remapd in front of PyTorch embeddings: look up, swap on all ranks at one step, migrate.

    bag = remap.torch.RemapEmbeddingBag(nn.EmbeddingBag(client.rows, 16), client)
    swapper = remap.torch.Swapper(model, optimizer)     # finds the wrapped layers of the model
    for ids, offsets, labels in batches:
        swapper.step()                                  # between two steps, on every rank
        loss(model(ids, offsets), labels).backward()
        ...

Works with PyTorch 1.13 and later. Not thread safe, as modules are not.
"""

from __future__ import annotations

import ctypes
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingType
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, fx, nn

from remap._errors import MigrationMissingError, NotFoundError, RemapError, UnavailableError
from remap._library import check, lib
from remap.client import Client
from remap.ids import id_of
from remap.migration import Migration

# Per-row state of the optimisers that are known, and the value a fresh row has.
_ROW_STATE = {
    "exp_avg": 0.0,
    "exp_avg_sq": 0.0,
    "max_exp_avg_sq": 0.0,
    "momentum_buffer": 0.0,
    "sum": None,  # Adagrad, also row-wise: its initial_accumulator_value
    "momentum1": None,  # FBGEMM's names for Adagrad's, and for Adam's two
    "momentum_1": None,
    "momentum2": 0.0,
    "momentum_2": 0.0,
}
_log = logging.getLogger("remap")
_ANY = 2**63 - 1  # every version, any number of samples
_POLL_SECONDS = 0.1
_BEGIN_SECONDS = 5.0  # so long ranks wait at the first step for one that lacks what others have
_AGREE_SECONDS = 0.2  # about so often ranks agree on versions, unless told otherwise
_FIRST_EVERY, _MAX_EVERY = 8, 4096  # calls of step(): before their pace is known, and at most

_lookup = lib.remap_reader_lookup_i64
_lookup_features = lib.remap_readers_lookup_i64


def to_rows(client: Client, ids: Tensor) -> Tensor:
    """The rows of a tensor of ids, int64, in its shape and on its device.

    `ids` is int64 (the bits of a uint64 id) or uint64 where torch has it; narrower integers are
    widened.
    """
    host = _host_ids(ids)
    rows = torch.empty_like(host)
    reader = client._reader()
    status = _lookup(reader.handle, host.data_ptr(), host.numel(), rows.data_ptr(), None)
    if status:
        check(status)
    return rows if host is ids or ids.is_cpu else rows.to(ids.device)


_INT64 = torch.int64
_UINT64 = getattr(torch, "uint64", None)


def _host_ids(ids: Tensor) -> Tensor:
    """The ids as int64, in one piece of the host's memory; copies only what is not yet."""
    if ids.dtype is _INT64 and ids.is_cpu and ids.is_contiguous():
        return ids
    if ids.dtype is _UINT64:
        ids = ids.view(_INT64)
    elif ids.dtype is not _INT64:
        if ids.dtype not in (torch.int32, torch.int16, torch.int8, torch.uint8):
            raise TypeError(f"ids must be int64 (the bits of a uint64 id), not {ids.dtype}")
        ids = ids.to(_INT64)
    return ids.cpu().contiguous()


class _FeatureLookup:
    """The rows of a whole KeyedJaggedTensor's values in one call."""

    def __init__(self, clients: MappingType[str, Client]) -> None:
        self._clients = clients
        self._distinct = {id(client): client for client in clients.values()}.values()
        self._threads = threading.local()  # .keys, .readers (kept alive), .handles: as last asked

    def __deepcopy__(self, memo: dict[int, Any]) -> _FeatureLookup:
        return _FeatureLookup(self._clients)  # clients are shared by copies

    def rows(self, keys: list[str], counts: list[int], ids: Tensor) -> Tensor:
        of = self._threads
        if getattr(of, "keys", None) != keys or any(c.closed for c in self._distinct):
            of.readers = [self._clients[k]._reader() if k in self._clients else None for k in keys]
            of.handles = (ctypes.c_void_p * len(keys))(*[r.handle if r else None for r in of.readers])
            of.keys = list(keys)
        host = _host_ids(ids)
        if sum(counts) != host.numel():
            raise ValueError(f"the keys' lengths add up to {sum(counts)}, not {host.numel()} values")
        rows = torch.empty_like(host)
        sizes = (ctypes.c_size_t * len(keys))(*counts)
        check(_lookup_features(of.handles, sizes, len(keys), host.data_ptr(), rows.data_ptr()))
        return rows if ids.is_cpu else rows.to(ids.device)


class _Leaf(nn.Module):
    """A module that torch.fx does not look into: it becomes one call of the graph."""

    def __call__(self, *arguments: Any) -> Any:
        proxy = next((a for a in arguments if isinstance(a, fx.Proxy)), None)
        if proxy is None:
            return super().__call__(*arguments)
        tracer = proxy.tracer
        return tracer.create_proxy("call_module", tracer.path_of_module(self), arguments, {})


class _IdsToRows(_Leaf):
    def __init__(self, client: Client) -> None:
        super().__init__()
        self.client = client

    def forward(self, ids: Tensor) -> Tensor:
        return to_rows(self.client, ids)


class _BagsToRows(_Leaf):
    """The rows, offsets and weights of bags without the ids that stand for padding."""

    def __init__(self, client: Client, padding_id: int, include_last_offset: bool) -> None:
        super().__init__()
        self.client = client
        self.padding_id = padding_id
        self.include_last_offset = include_last_offset

    def forward(
        self, ids: Tensor, offsets: Tensor | None = None, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        if ids.dtype is _UINT64:
            ids = ids.view(_INT64)
        if ids.dim() == 2:  # bags of one length
            if offsets is not None:
                raise ValueError("offsets are for one-dimensional ids: these have a row for each bag")
            bags, length = ids.shape
            bags += self.include_last_offset
            offsets = torch.arange(0, bags * length, max(length, 1), device=ids.device)
            if length == 0:
                offsets = torch.zeros(bags, dtype=_INT64, device=ids.device)
            ids = ids.reshape(-1)
            weights = None if weights is None else weights.reshape(-1)
        elif offsets is None:
            raise ValueError("one-dimensional ids need offsets")
        kept = ids != self.padding_id
        before = torch.zeros(len(ids) + 1, dtype=_INT64, device=ids.device)
        torch.cumsum(kept, 0, out=before[1:])
        rows = to_rows(self.client, ids[kept])
        return rows, before[offsets.to(_INT64)], None if weights is None else weights[kept]


class _FeaturesToRows(_Leaf):
    def __init__(self, clients: MappingType[str, Client]) -> None:
        super().__init__()
        self.features = _FeatureLookup(clients)

    def forward(self, features: Any) -> Any:
        return _with_rows(features, self.features)


def _signed(bits: int) -> int:
    return bits - 2**64 if bits >= 2**63 else bits


class _Remapped(nn.Module):
    """The version served goes into the checkpoint with the rows that belong to it, as a tensor: for
    each table the id of its name, the version and the content hash of the mapping."""

    _wrapped = ""  # the attribute that has the layer

    def __init__(self, restore_timeout: float) -> None:
        super().__init__()
        self.restore_timeout = restore_timeout

    def tables(self) -> dict[str, tuple[Client, nn.Parameter]]:
        """The client and the embedding matrix of each table."""
        raise NotImplementedError

    def get_extra_state(self) -> Tensor:
        state = []
        for table, (client, _) in self.tables().items():
            mapping = client.mapping()
            state.append([_signed(id_of(table)), mapping.version, _signed(mapping.content_hash)])
        return torch.tensor(state, dtype=torch.int64)

    def set_extra_state(self, state: Any) -> None:
        if not isinstance(state, Tensor) or state.dim() != 2 or state.shape[1] != 3:
            raise RemapError(f"the checkpoint's mapping versions are a {type(state).__name__} of an "
                             "unknown form, not a tensor of three columns")  # fmt: skip
        saved = {name: (version, content) for name, version, content in state.tolist()}
        for table, (client, _) in self.tables().items():
            name = _signed(id_of(table))
            if name not in saved:
                raise RemapError(f"the checkpoint has no version of table {table!r}")
            version, content = saved[name]
            restore(client, version, self.restore_timeout)
            mapping = client.mapping()
            if mapping.version and _signed(mapping.content_hash) != content:
                raise RemapError(
                    f"version {mapping.version} of table {table!r} is not the one of the "
                    f"checkpoint: it comes from another stream"
                )

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: Any, strict: bool,
        missing_keys: list[str], *others: Any,
    ) -> None:  # fmt: skip
        versions = prefix + "_extra_state"
        without = versions not in state_dict
        if without:  # of the layer as it is without remapd?
            for name in getattr(self, self._wrapped).state_dict():
                if prefix + name in state_dict:
                    inner = f"{prefix}{self._wrapped}.{name}"
                    state_dict.setdefault(inner, state_dict.pop(prefix + name))
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, *others
        )
        if without and any(key.startswith(f"{prefix}{self._wrapped}.") for key in state_dict):
            if versions in missing_keys:
                missing_keys.remove(versions)
            for table, (client, _) in self.tables().items():
                _log.warning(
                    "table %r: the checkpoint does not say which mapping version its rows are of, as "
                    "one of a layer without remapd: they are taken as rows of version %d, which is "
                    "served now. If they are of another mapping, they have to be learned again",
                    table, client.version,
                )  # fmt: skip


def restore(client: Client, version: int, timeout: float = 60.0) -> None:
    """Serves the version that rows just loaded belong to, without migrating them.

    Waits until it is staged. Raises NotFoundError when it does not appear, RemapError when the
    client is past it already.
    """
    if version == 0:  # no later version may be begun with: these rows have learned
        client.lookup(np.zeros(1, np.int64))
    deadline = time.monotonic() + timeout
    while client.version != version:
        if client.version > version:
            raise RemapError(
                f"table {client.table!r} serves version {client.version}, the checkpoint is of "
                f"version {version}: restore with a new client, before the first swap"
            )
        staged = client.staged()
        if any(s.version == version and s.swappable for s in staged):
            client.swap(version, allow_unmigrated=True)
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise NotFoundError(
                f"version {version} of table {client.table!r}, which the checkpoint is of, is not "
                f"there (staged: {[s.version for s in staged]}). Keep as many versions as there are "
                "between two checkpoints: [sink] retain_versions"
            )
        client.poll(min(left, 0.5))


class RemapEmbeddingBag(_Remapped):
    """An nn.EmbeddingBag (or nn.Embedding) that is given ids instead of rows.

    Ids that are `padding_id` (an int or a text) stand for nothing: they do not count in their bag;
    of an nn.Embedding they give zeros. No row is kept for them.
    """

    _wrapped = "bag"

    def __init__(
        self,
        bag: nn.Module,
        client: Client,
        *,
        padding_id: int | str | None = None,
        restore_timeout: float = 60.0,
    ) -> None:
        super().__init__(restore_timeout)
        weight: Any = bag.weight
        if getattr(bag, "padding_idx", None) is not None:
            raise ValueError(
                f"the layer has padding_idx={bag.padding_idx}, which is a row: remapd may give it to "
                "any id. Make the layer without, and say which id stands for padding: padding_id="
            )
        if weight.shape[0] != client.rows:
            raise ValueError(
                f"the embedding has {weight.shape[0]} rows, table {client.table!r} {client.rows}"
            )
        self.bag: Any = bag
        self.client = client
        self.padding_id = None if padding_id is None else _signed(id_of(padding_id))
        self.lookup: nn.Module
        if self.padding_id is not None and isinstance(bag, nn.EmbeddingBag):
            self.lookup = _BagsToRows(client, self.padding_id, bag.include_last_offset)
        else:
            self.lookup = _IdsToRows(client)

    def tables(self) -> dict[str, tuple[Client, nn.Parameter]]:
        return {self.client.table: (self.client, self.bag.weight)}

    def forward(
        self, ids: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None
    ) -> Tensor:
        out: Tensor
        if isinstance(self.lookup, _BagsToRows):
            rows = self.lookup(ids, offsets, per_sample_weights)
            out = self.bag(rows[0], rows[1], rows[2])
            return out
        if isinstance(self.bag, nn.EmbeddingBag):
            out = self.bag(self.lookup(ids), offsets, per_sample_weights)
            return out
        out = self.bag(self.lookup(ids))
        if self.padding_id is not None:
            out = out.masked_fill((ids == self.padding_id).unsqueeze(-1), 0.0)
        return out

    def extra_repr(self) -> str:
        return f"client={self.client}"


class RemapEmbeddingBagCollection(_Remapped):
    """Remaps a KeyedJaggedTensor's values in front of a TorchRec EmbeddingBagCollection.

    `clients` has the client of each feature; features of one table share one client. Features
    without a client go through as they are. `weights` names the embedding matrix of each table, by
    default those of `collection.embedding_bags`.
    """

    _wrapped = "collection"

    def __init__(
        self,
        collection: nn.Module,
        clients: MappingType[str, Client],
        *,
        weights: MappingType[str, nn.Parameter] | None = None,
        restore_timeout: float = 60.0,
    ) -> None:
        super().__init__(restore_timeout)
        self.collection: Any = collection
        self.clients = dict(clients)
        self.lookup = _FeaturesToRows(self.clients)
        self._weights = dict(weights) if weights is not None else None

    def tables(self) -> dict[str, tuple[Client, nn.Parameter]]:
        out = {}
        for client in self.clients.values():
            if self._weights is not None:
                weight = self._weights[client.table]
            else:
                weight = self.collection.embedding_bags[client.table].weight
            out[client.table] = (client, weight)
        return out

    def forward(self, features: Any) -> Any:
        return self.collection(self.lookup(features))

    def extra_repr(self) -> str:
        return ", ".join(f"{feature}: {client}" for feature, client in self.clients.items())


def remap_features(features: Any, clients: MappingType[str, Client]) -> Any:
    """A KeyedJaggedTensor like `features` with rows for values where there is a client.

    The rows are of the versions served now: use them before the next swap.
    """
    return _with_rows(features, _FeatureLookup(clients))


# What a KeyedJaggedTensor is made of beside its values, each passed on if this TorchRec has it.
_JAGGED_PARTS = ("lengths", "offsets", "stride", "stride_per_key_per_rank", "length_per_key",
                 "offset_per_key", "index_per_key", "inverse_indices")  # fmt: skip


def _with_rows(features: Any, lookup: _FeatureLookup) -> Any:
    keys = features.keys()
    rows = lookup.rows(keys, features.length_per_key(), features.values())
    parts = {}
    for name in _JAGGED_PARTS:
        value = getattr(features, f"_{name}", None)
        if value is not None:
            parts[name] = value
    if parts.get("stride_per_key_per_rank") is not None:
        parts.pop("stride", None)  # one or the other
    return type(features)(keys=keys, values=rows, weights=features.weights_or_none(), **parts)


@torch.no_grad()
def migrate_(
    weight: nn.Parameter,
    optimizer: torch.optim.Optimizer | Sequence[torch.optim.Optimizer] | None,
    migration: Migration,
) -> None:
    """Moves the rows of `weight`, and their state in `optimizer`, by the plans of a swap.

    SGD, Adagrad (also row-wise: state of one value per row) and Adam, TorchRec's fused ones among
    them; optimisers applied in the backward pass are found at the weight. In place, on the weight's
    device. A gradient left from before is dropped: it belongs to the old rows. Adam's step count is
    one number for the whole matrix and stays.
    """
    if not migration.complete:
        raise MigrationMissingError(migration.missing)
    if not migration.rows:
        return
    rows = weight.shape[0]
    if rows != migration.rows:
        raise ValueError(f"the embedding has {rows} rows, the table {migration.rows}")
    states = list(_row_states(weight, optimizer))
    weight.grad = None

    def index(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array.astype(np.int64)).to(weight.device)

    for plan in migration.plans():
        changed, sources, restarted = index(plan.changed), index(plan.sources), index(plan.restarted)
        counts: np.ndarray = np.diff(plan.source_begin.astype(np.int64))
        target = index(np.repeat(np.arange(len(plan.changed)), counts))
        shares = torch.from_numpy(plan.weights.copy()).to(weight.device)
        restart_sources = index(plan.restart_sources)
        restart_shares = torch.from_numpy(plan.restart_weights.copy()).to(weight.device)
        reset = torch.from_numpy(plan.reset.copy()).to(weight.device)

        def mix(
            matrix: Tensor, at: Tensor, into: Tensor, by: Tensor, count: int
        ) -> Tensor:
            flat = matrix.reshape(rows, -1)
            out = torch.zeros(count, flat.shape[1], dtype=torch.float32, device=flat.device)
            return out.index_add_(0, into, flat[at].float() * by[:, None])

        one = torch.zeros_like(restart_sources)
        restart_row = mix(weight, restart_sources, one, restart_shares, 1)
        moved = mix(weight, sources, target, shares, len(changed))
        weight[changed] = moved.reshape(-1, *weight.shape[1:]).to(weight.dtype)
        weight[restarted] = restart_row.reshape(1, *weight.shape[1:]).to(weight.dtype)
        for state, fresh in states:
            moved = mix(state, sources, target, shares, len(changed))
            moved[reset] = fresh
            state[changed] = moved.reshape(-1, *state.shape[1:]).to(state.dtype)
            state[restarted] = fresh


def _row_states(
    weight: nn.Parameter, optimizer: torch.optim.Optimizer | Sequence[torch.optim.Optimizer] | None
) -> Iterator[tuple[Tensor, float]]:
    """What optimisers keep for each row of `weight`, and the value that a fresh row has."""
    if optimizer is None:
        optimizer = []
    several = list(optimizer) if isinstance(optimizer, Sequence) else [optimizer]
    seen = set()  # TorchRec lets one state be found at several places
    for one in [*several, *getattr(weight, "_in_backward_optimizers", [])]:
        for parameter, kept in one.state.items():
            if parameter is not weight and not _same_memory(parameter, weight):
                continue
            for name, value in kept.items():
                value = _local(value)
                if not isinstance(value, Tensor) or value.dim() == 0:
                    continue
                if value.shape[0] != weight.shape[0] or value.data_ptr() in seen:
                    continue
                seen.add(value.data_ptr())
                known = name.rpartition(".")[2]  # TorchRec: TABLE.momentum_1
                if known not in _ROW_STATE:
                    raise TypeError(
                        f"{type(one).__name__} keeps {name!r} for each row, which migrate_ does "
                        "not know: use Migration.plans() to move it"
                    )
                fresh = _ROW_STATE[known]
                yield value, _initial_accumulator(one, weight) if fresh is None else fresh


def _same_memory(parameter: Any, weight: nn.Parameter) -> bool:
    """TorchRec's fused optimisers name the matrix by another view of it."""
    local = _local(parameter)
    return (
        isinstance(local, Tensor)
        and local.data_ptr() == weight.data_ptr()
        and local.shape == weight.shape
    )


def _local(value: Any) -> Any:
    """What this rank holds of a ShardedTensor: of a table that is whole on a rank, all of it."""
    if not hasattr(value, "local_shards"):
        return value
    shards = value.local_shards()
    return shards[0].tensor if len(shards) == 1 else None


def _initial_accumulator(optimizer: torch.optim.Optimizer, weight: nn.Parameter) -> float:
    settings = getattr(optimizer, "defaults", {})
    for group in optimizer.param_groups:
        if any(parameter is weight for parameter in group["params"]):
            settings = group
    return float(settings.get("initial_accumulator_value", 0.0))


class Swapper:
    """Swaps the tables of a model between two steps, on all ranks at once, and migrates them.

    `model` contains RemapEmbeddingBag or RemapEmbeddingBagCollection; `optimizer` is the one that
    holds the state of their matrices, or several (optimisers that act in the backward pass are
    found at the matrices themselves). Ranks are those of `group` (default: all), which must be able
    to talk about CPU tensors (gloo); without torch.distributed there is one.

    Every rank must call step() between the same two steps. At every `every`-th call the ranks begin
    to agree, in one small collective operation that runs beside the training step; what they agreed
    on is done at the call after it, on every rank at the same one. The first call begins and
    concludes at once. By default they agree about five times a second: they also agree on after
    how many calls to do so again, by the pace of the slowest. (Alone: at every call.)

    The first call begins with the newest version there is, on every rank, if no ids have been looked
    up yet. A client without background=True is polled by step(), ten times a second at most. When
    versions come but none can be swapped to, because a migration plan is gone, the logger "remap"
    warns.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer | Sequence[torch.optim.Optimizer] | None,
        *,
        group: Any = None,
        every: int | None = None,
    ) -> None:
        if every is not None and every < 1:
            raise ValueError(f"every is {every}; at least 1")
        self.optimizer = optimizer
        self.group = group
        self.swaps = 0
        self._tables: dict[str, tuple[Client, nn.Parameter]] = {}
        for module in model.modules():
            if isinstance(module, _Remapped):
                for name, entry in module.tables().items():
                    known = self._tables.setdefault(name, entry)
                    if known[0] is not entry[0] or known[1] is not entry[1]:
                        raise ValueError(f"table {name!r} has two clients or two matrices")
        if not self._tables:
            raise ValueError("no RemapEmbeddingBag or RemapEmbeddingBagCollection in the model")
        self._ranks = _ranks_of(group)
        self._paced = every is None and self._ranks > 1
        self._fixed_every = every if every is not None else 1
        self._next_poll = 0.0
        # Of the round under way, for each table: served, -served, offered, -offered; reduced by the
        # minimum; the last row has the calls until the next round. And how far down the ranks had to
        # look for a version in common.
        self._bounds = np.zeros((len(self._tables) + 1, 4), np.int64)
        self._reduced = torch.from_numpy(self._bounds)
        self._at_most = dict.fromkeys(self._tables, _ANY)
        self._restart()

    def _restart(self) -> None:
        self._calls = 0
        self.every = _FIRST_EVERY if self._paced else self._fixed_every
        self._next_round = 0  # the call that begins it
        self._last_round: tuple[int, float] | None = None  # its call, and when that was
        self._work: Any = None
        self._under_way = False
        self._look_again = False
        self._uneven = False  # of a table that has no version yet some ranks have one to swap to

    def step(self, up_to_samples: int | None = None) -> dict[str, int]:
        """Swaps to the newest version that every rank has staged; {table: version} of the swaps.

        With `up_to_samples` only to versions that remapd built from no more samples. A slow rank
        delays a swap, never a step. Raises UnavailableError when a rank does not answer within the
        group's timeout and RemapError when ranks serve different versions; nothing is swapped then.
        """
        call = self._calls
        self._calls = call + 1
        swapped = self._swap(self._conclude()) if self._under_way else {}
        if call >= self._next_round or self._look_again:
            self._next_round = call + self.every
            self._poll()
            most = _ANY if up_to_samples is None else up_to_samples
            self._begin(self._offers(most))
            if call == 0 or self._ranks == 1:
                swapped |= self._swap(self._conclude())
            if call == 0:
                swapped |= self._begin_together(most)
        return swapped

    def _offers(self, most: int) -> list[tuple[int, int]]:
        return [client._offer(self._at_most[name], most)
                for name, (client, _) in self._tables.items()]  # fmt: skip

    def _begin_together(self, most: int) -> dict[str, int]:
        """At the first step: a version that ranks have in common is found now, while rows have
        learned nothing; a rank that lacks what others have is waited for."""
        swapped: dict[str, int] = {}
        deadline = time.monotonic() + _BEGIN_SECONDS
        while self._look_again or (
            self._uneven and not self._on_any_rank(time.monotonic() > deadline)
        ):
            if not self._look_again:
                for client, _ in self._tables.values():
                    self._poll_one(client, 0.2)
            self._begin(self._offers(most))
            swapped |= self._swap(self._conclude())
        return swapped

    def _wished_every(self) -> int:
        """The calls between two rounds that suit this rank's pace since the last one."""
        if not self._paced:
            return self.every
        now, last = time.monotonic(), self._last_round
        self._last_round = (self._calls, now)
        if last is None or last[0] >= self._calls:
            return self.every
        calls_per_second = (self._calls - last[0]) / max(now - last[1], 1e-9)
        return int(min(max(_AGREE_SECONDS * calls_per_second, 1), _MAX_EVERY))

    def adopt(self, timeout: float = 5.0) -> dict[str, int]:
        """Before the first step of a new job, by all ranks: serve the newest version of each table.

        Rows have learned nothing yet, so nothing is migrated, and no plans are needed. Waits for a
        version at most `timeout` seconds; {table: version} of those that every rank has.
        """
        for client, _ in self._tables.values():
            if client.version:
                raise RemapError(f"table {client.table!r} serves version {client.version} already")
        deadline = time.monotonic() + timeout
        adopted: dict[str, int] = {}
        while True:
            self._begin(
                [
                    (client.version, 0 if name in adopted else self._newest(name, client))
                    for name, (client, _) in self._tables.items()
                ]
            )
            for name, version in self._conclude().items():
                self._tables[name][0].swap(version, allow_unmigrated=True)
                adopted[name] = version
            if self._look_again:
                continue
            if len(adopted) == len(self._tables) or self._on_any_rank(time.monotonic() > deadline):
                return adopted
            for client, _ in self._tables.values():
                client.poll(0.2)

    def _newest(self, name: str, client: Client) -> int:
        at_most = self._at_most[name]
        return max(
            (s.version for s in client.staged() if s.swappable and s.version <= at_most), default=0
        )

    def _on_any_rank(self, true: bool) -> bool:
        answer = torch.tensor([int(true)])
        if self._ranks > 1:
            self._work = self._reduce(answer, dist.ReduceOp.MAX)
            self._wait()
        return bool(answer)

    def join(self, source: int = 0, timeout: float = 60.0) -> None:
        """Called by all ranks when one has joined: serve the versions that rank `source` serves.

        The rows must be those of rank `source` too, loaded or broadcast; nothing is migrated. The
        calls of step() count from here again.
        """
        if self._under_way:
            self._wait()
        self._restart()
        served = torch.zeros(len(self._tables), dtype=torch.int64)
        if self._ranks == 1 or dist.get_rank(self.group) == source:
            served = torch.tensor([client.version for client, _ in self._tables.values()])
        if self._ranks > 1:
            self._work = self._reduce(served, dist.ReduceOp.MAX)
            self._wait()
        for (client, _), version in zip(self._tables.values(), served.tolist(), strict=True):
            restore(client, version, timeout)

    def _begin(self, offers: list[tuple[int, int]]) -> None:
        """Of each table: the version served, and the one this rank could swap to."""
        for i, (served, offered) in enumerate(offers):
            self._bounds[i] = (served, -served, offered, -offered)
        self._bounds[-1] = self._wished_every()
        if self._ranks > 1:
            self._work = self._reduce(self._reduced, dist.ReduceOp.MIN)
        self._under_way = True
        self._look_again = False

    def _conclude(self) -> dict[str, int]:
        """The versions that every rank has offered; self._look_again: there may be older ones."""
        self._wait()
        *bounds, (every, *_) = self._bounds.tolist()
        # The same on every rank, and so is the call at which this is concluded.
        self._next_round += every - self.every
        self.every = every
        for name, (served, highest, _, _) in zip(self._tables, bounds):
            if served != -highest:
                self._restart()  # the next call looks again at once
                raise RemapError(
                    f"ranks serve different versions of table {name!r}, from {served} to "
                    f"{-highest}; a rank that joins late calls Swapper.join() with all the others"
                )
        agreed = {}
        self._uneven = False
        for name, (served, _, lowest, highest) in zip(self._tables, bounds):
            self._at_most[name] = _ANY
            if lowest <= served:  # a rank has nothing newer
                self._uneven |= served == 0 and -highest > 0
                continue
            if lowest == -highest:
                agreed[name] = lowest
            else:
                # Nobody's newest is older: the version in common is this one, or an older one.
                self._at_most[name] = lowest
                self._look_again = True
        return agreed

    def _swap(self, agreed: dict[str, int]) -> dict[str, int]:
        for name in agreed:  # what could not be migrated is refused before anything is swapped
            list(_row_states(self._tables[name][1], self.optimizer))
        for name, version in agreed.items():
            client, weight = self._tables[name]
            migrate_(weight, self.optimizer, client.swap(version))
            self.swaps += 1
        return agreed

    def _poll(self) -> None:
        now = time.monotonic()
        if now < self._next_poll:
            return
        self._next_poll = now + _POLL_SECONDS
        for client, _ in self._tables.values():
            self._poll_one(client)

    def _poll_one(self, client: Client, timeout: float = 0.0) -> None:
        try:
            if client.background and not timeout:
                client.check()
            else:
                client.poll(timeout)
        except (RemapError, ValueError) as error:
            # What is staged can still be swapped to, and training goes on; client.stats() and the
            # log tell. What cannot work from the start is told at once: a token, a table's name, its
            # rows.
            if client.version == 0 and not isinstance(error, UnavailableError):
                raise

    def _reduce(self, tensor: Tensor, by: Any) -> Any:
        try:
            return dist.all_reduce(tensor, op=by, group=self.group, async_op=True)
        except RuntimeError as error:
            raise _no_answer(error) from error

    def _wait(self) -> None:
        work, self._work = self._work, None
        self._under_way = False
        if work is not None:
            try:
                work.wait()
            except RuntimeError as error:
                raise _no_answer(error) from error

    def __repr__(self) -> str:
        tables = {name: client.version for name, (client, _) in self._tables.items()}
        return f"<remap.torch.Swapper tables={tables} ranks={self._ranks} every={self.every}>"


def _ranks_of(group: Any) -> int:
    if not (dist.is_available() and dist.is_initialized()):
        return 1
    if dist.get_backend(group) == "nccl":
        raise ValueError(
            "the group's backend, nccl, takes no CPU tensors: give group=dist.new_group(backend="
            '"gloo")'
        )
    return int(dist.get_world_size(group))


def _no_answer(error: RuntimeError) -> UnavailableError:
    return UnavailableError(
        f"a rank did not take part in agreeing on a version, nothing is swapped: {error}"
    )

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

import time
from collections.abc import Mapping as MappingType
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from remap._errors import MigrationMissingError, NotFoundError, RemapError, UnavailableError
from remap.client import Client
from remap.migration import Migration

# Per-row state of the optimisers that are known, and the value a fresh row has.
_ROW_STATE = {
    "exp_avg": 0.0,
    "exp_avg_sq": 0.0,
    "max_exp_avg_sq": 0.0,
    "momentum_buffer": 0.0,
    "sum": None,  # Adagrad, also row-wise: its initial_accumulator_value
    "momentum1": None,  # FBGEMM's name for the same
}
_MAX_OFFERED = 16


def to_rows(client: Client, ids: Tensor) -> Tensor:
    """The rows of a tensor of int64 ids, on its device."""
    if ids.dtype != torch.int64:
        raise TypeError(f"ids must be int64 (the bits of a uint64 id), not {ids.dtype}")
    rows = client.lookup(ids.detach().cpu().contiguous().numpy())
    return torch.from_numpy(rows).to(ids.device)


class _Remapped(nn.Module):
    """The version served goes into the checkpoint with the rows that belong to it."""

    def __init__(self, restore_timeout: float) -> None:
        super().__init__()
        self.restore_timeout = restore_timeout

    def tables(self) -> dict[str, tuple[Client, nn.Parameter]]:
        """The client and the embedding matrix of each table."""
        raise NotImplementedError

    def get_extra_state(self) -> dict[str, Any]:
        out = {}
        for table, (client, _) in self.tables().items():
            mapping = client.mapping()
            out[table] = {"version": mapping.version, "content_hash": mapping.content_hash}
        return out

    def set_extra_state(self, state: dict[str, Any]) -> None:
        for table, (client, _) in self.tables().items():
            if table not in state:
                raise RemapError(f"the checkpoint has no version of table {table!r}")
            wanted = state[table]
            restore(client, wanted["version"], self.restore_timeout)
            mapping = client.mapping()
            if mapping.version and mapping.content_hash != wanted["content_hash"]:
                raise RemapError(
                    f"version {mapping.version} of table {table!r} is not the one of the "
                    f"checkpoint: it comes from another stream"
                )


def restore(client: Client, version: int, timeout: float = 60.0) -> None:
    """Serves the version that rows just loaded belong to, without migrating them.

    Waits until it is staged. Raises NotFoundError when it does not appear, RemapError when the
    client is past it already.
    """
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
    """An nn.EmbeddingBag (or nn.Embedding) that is given ids instead of rows."""

    def __init__(self, bag: nn.Module, client: Client, *, restore_timeout: float = 60.0) -> None:
        super().__init__(restore_timeout)
        weight = bag.weight
        if weight.shape[0] != client.rows:
            raise ValueError(
                f"the embedding has {weight.shape[0]} rows, table {client.table!r} {client.rows}"
            )
        self.bag = bag
        self.client = client

    def tables(self) -> dict[str, tuple[Client, nn.Parameter]]:
        return {self.client.table: (self.client, self.bag.weight)}

    def forward(self, ids: Tensor, *arguments: Any, **options: Any) -> Tensor:
        return self.bag(to_rows(self.client, ids), *arguments, **options)


class RemapEmbeddingBagCollection(_Remapped):
    """Remaps a KeyedJaggedTensor's values in front of a TorchRec EmbeddingBagCollection.

    `clients` has the client of each feature; features of one table share one client. Features
    without a client go through as they are. `weights` names the embedding matrix of each table, by
    default those of `collection.embedding_bags`.
    """

    def __init__(
        self,
        collection: nn.Module,
        clients: MappingType[str, Client],
        *,
        weights: MappingType[str, nn.Parameter] | None = None,
        restore_timeout: float = 60.0,
    ) -> None:
        super().__init__(restore_timeout)
        self.collection = collection
        self.clients = dict(clients)
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
        return self.collection(remap_features(features, self.clients))


def remap_features(features: Any, clients: MappingType[str, Client]) -> Any:
    """A KeyedJaggedTensor like `features` with rows for values where there is a client."""
    values = features.values()
    parts = torch.split(values, features.length_per_key())
    rows = [
        to_rows(clients[key], part) if key in clients else part
        for key, part in zip(features.keys(), parts, strict=True)
    ]
    return type(features)(
        keys=features.keys(),
        values=torch.cat(rows) if rows else values,
        weights=features.weights_or_none(),
        lengths=features.lengths(),
    )


@torch.no_grad()
def migrate_(
    weight: nn.Parameter, optimizer: torch.optim.Optimizer | None, migration: Migration
) -> None:
    """Moves the rows of `weight`, and their state in `optimizer`, by the plans of a swap.

    SGD, Adagrad (also row-wise: state of one value per row) and Adam. In place, on the weight's
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
    states: list[tuple[Tensor, float]] = []
    if optimizer is not None:
        for name, value in optimizer.state.get(weight, {}).items():
            if not isinstance(value, Tensor) or value.dim() == 0 or value.shape[0] != rows:
                continue
            if name not in _ROW_STATE:
                raise TypeError(
                    f"{type(optimizer).__name__} keeps {name!r} for each row, which migrate_ does "
                    "not know: use Migration.plans() to move it"
                )
            fresh = _ROW_STATE[name]
            if fresh is None:
                fresh = float(optimizer.defaults.get("initial_accumulator_value", 0.0))
            states.append((value, fresh))
    weight.grad = None

    def index(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array.astype(np.int64)).to(weight.device)

    for plan in migration.plans():
        changed, sources, prior = index(plan.changed), index(plan.sources), index(plan.to_prior)
        counts = np.diff(plan.source_begin.astype(np.int64))
        target = index(np.repeat(np.arange(len(plan.changed)), counts))
        shares = torch.from_numpy(plan.weights.copy()).to(weight.device)
        prior_sources = index(plan.prior_sources)
        prior_shares = torch.from_numpy(plan.prior_weights.copy()).to(weight.device)
        reset = torch.from_numpy(plan.reset).to(weight.device)

        def mix(
            matrix: Tensor, at: Tensor, into: Tensor, by: Tensor, count: int
        ) -> Tensor:
            flat = matrix.reshape(rows, -1)
            out = torch.zeros(count, flat.shape[1], dtype=torch.float32, device=flat.device)
            return out.index_add_(0, into, flat[at].float() * by[:, None])

        one = torch.zeros_like(prior_sources)
        fresh_row = mix(weight, prior_sources, one, prior_shares, 1)
        moved = mix(weight, sources, target, shares, len(changed))
        weight[changed] = moved.reshape(-1, *weight.shape[1:]).to(weight.dtype)
        weight[prior] = fresh_row.reshape(1, *weight.shape[1:]).to(weight.dtype)
        for state, fresh in states:
            moved = mix(state, sources, target, shares, len(changed))
            moved[reset] = fresh
            state[changed] = moved.reshape(-1, *state.shape[1:]).to(state.dtype)
            state[prior] = fresh


class Swapper:
    """Swaps the tables of a model between two steps, on all ranks at once, and migrates them.

    `model` contains RemapEmbeddingBag or RemapEmbeddingBagCollection. Ranks are those of `group`
    (default: all), which must be able to talk about CPU tensors (gloo); without torch.distributed
    there is one. Every rank must call step() between the same two steps.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer | None,
        *,
        group: Any = None,
        every: int = 1,
    ) -> None:
        if every < 1:
            raise ValueError(f"every is {every}; at least 1")
        self.optimizer = optimizer
        self.group = group
        self.every = every
        self.swaps = 0
        self._calls = 0
        self._tables: dict[str, tuple[Client, nn.Parameter]] = {}
        for module in model.modules():
            if isinstance(module, _Remapped):
                for name, entry in module.tables().items():
                    known = self._tables.setdefault(name, entry)
                    if known[0] is not entry[0] or known[1] is not entry[1]:
                        raise ValueError(f"table {name!r} has two clients or two matrices")
        if not self._tables:
            raise ValueError("no RemapEmbeddingBag or RemapEmbeddingBagCollection in the model")

    def step(self, up_to_samples: int | None = None) -> dict[str, int]:
        """Swaps to the newest version that every rank has staged; {table: version} of the swaps.

        With `up_to_samples` only to versions that remapd built from no more samples. A slow rank
        delays a swap, never a step. Raises UnavailableError when a rank does not answer within the
        group's timeout and RemapError when ranks serve different versions; nothing is swapped then.
        """
        self._calls += 1
        if (self._calls - 1) % self.every:
            return {}
        offers = np.full((len(self._tables), _MAX_OFFERED + 1), -1, np.int64)
        for offer, (client, _) in zip(offers, self._tables.values(), strict=True):
            try:
                client.poll()
            except (RemapError, ValueError) as error:
                # What is staged can still be swapped to, and training goes on; client.stats()
                # tells. What cannot work from the start is told at once: a token, a table's name.
                if client.version == 0 and not isinstance(error, UnavailableError):
                    raise
            versions = [
                s.version
                for s in client.staged()
                if s.swappable
                and s.migratable
                and (up_to_samples is None or s.built_samples <= up_to_samples)
            ][-_MAX_OFFERED:]
            offer[0] = client.version
            offer[1 : 1 + len(versions)] = versions
        chosen = {}
        for offer, name in zip(np.moveaxis(self._gather(offers), 1, 0), self._tables, strict=True):
            if len(set(offer[:, 0].tolist())) != 1:
                raise RemapError(
                    f"ranks serve different versions of table {name!r}: {offer[:, 0].tolist()}; a "
                    "rank that joins late calls Swapper.join() with all the others"
                )
            common = set.intersection(*(set(o[1:].tolist()) - {-1} for o in offer))
            if common:
                chosen[name] = max(common)
        for name, version in chosen.items():
            client, weight = self._tables[name]
            migrate_(weight, self.optimizer, client.swap(version))
            self.swaps += 1
        return chosen

    def join(self, source: int = 0, timeout: float = 60.0) -> None:
        """Called by all ranks when one has joined: serve the versions that rank `source` serves.

        The rows must be those of rank `source` too, loaded or broadcast; nothing is migrated.
        """
        served = np.array([[client.version] for client, _ in self._tables.values()], np.int64)
        wanted = self._gather(served)[source, :, 0]
        for (client, _), version in zip(self._tables.values(), wanted.tolist(), strict=True):
            restore(client, version, timeout)

    def _gather(self, mine: np.ndarray) -> np.ndarray:
        """Every rank's array, stacked."""
        if not (dist.is_available() and dist.is_initialized()):
            return mine[None]
        ranks = dist.get_world_size(self.group)
        out = [torch.empty(mine.shape, dtype=torch.int64) for _ in range(ranks)]
        try:
            dist.all_gather(out, torch.from_numpy(mine), group=self.group)
        except RuntimeError as error:
            raise UnavailableError(
                f"a rank did not take part in agreeing on a version, nothing is swapped: {error}"
            ) from error
        return torch.stack(out).numpy()

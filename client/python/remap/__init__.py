"""remap: the trainer's side of remapd, for numpy and PyTorch.

    with remap.Client(directory="/var/lib/remapd/mappings", table="item", rows=20_000) as client:
        for ids in batches:                          # numpy: integers, or text
            client.poll()
            if client.swappable:                     # the newest there is, to begin with
                client.swap().apply(weight)          # before the next step
            rows = client.lookup(ids)                # int64, ready for an embedding

`Mapping` looks ids up in one version, `Client` follows a table, `Migration` moves rows and
optimiser state when the client swaps, `Producer` sends accesses to remapd. `remap.torch` puts all
of it in front of an embedding layer.
"""

from remap._errors import (
    CorruptError,
    MigrationMissingError,
    NotFoundError,
    RemapError,
    UnavailableError,
)
from remap.client import Client, ClientStats, StagedVersion
from remap.ids import id_of, ids_of
from remap.mapping import Mapping, Role
from remap.migration import Migration, Plan
from remap.producer import Producer, ProducerStats

try:
    from remap._version import __version__  # written when the package is built
except ImportError:
    __version__ = "0+source"

__all__ = [
    "Client",
    "ClientStats",
    "CorruptError",
    "Mapping",
    "Migration",
    "MigrationMissingError",
    "NotFoundError",
    "Plan",
    "Producer",
    "ProducerStats",
    "RemapError",
    "Role",
    "StagedVersion",
    "UnavailableError",
    "id_of",
    "ids_of",
]

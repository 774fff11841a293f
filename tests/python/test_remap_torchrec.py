"""remap.torch in front of TorchRec's own EmbeddingBagCollection, its fused optimisers and its sharding.

Skipped where torchrec cannot be imported; scripts/test-torchrec makes an environment where it can.
"""

import tempfile
import unittest

import numpy as np
from chain import ROWS, SEED, TABLE, Chain
from test_remap import migrated

import remap

try:
    import torch
    import torch.distributed as dist
    import torchrec
    from torchrec.distributed.model_parallel import DistributedModelParallel
    from torchrec.distributed.planner import EmbeddingShardingPlanner, Topology
    from torchrec.distributed.planner.types import ParameterConstraints
    from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection
    from torchrec.optim.apply_optimizer_in_backward import apply_optimizer_in_backward
    from torchrec.optim.rowwise_adagrad import RowWiseAdagrad

    import remap.torch as rt
except Exception as error:  # not there, or not for this torch or Python
    torchrec = None
    WHY = error

COLUMNS = 4
# TorchRec's tables cannot be called "items" (its ModuleDict has a method of that name).
TORCHREC_TABLE = "item_table"


def setUpModule():
    if torchrec is None:
        raise unittest.SkipTest(f"torchrec cannot be imported ({WHY}); see scripts/test-torchrec")


def tables():
    return [
        torchrec.EmbeddingBagConfig(
            name=TORCHREC_TABLE, embedding_dim=COLUMNS, num_embeddings=ROWS,
            feature_names=["item", "history"],
        ),
        torchrec.EmbeddingBagConfig(
            name="site", embedding_dim=COLUMNS, num_embeddings=5, feature_names=["site"]
        ),
    ]  # fmt: skip


class TorchRecTest(unittest.TestCase):
    def setUp(self):
        self.chain = Chain()
        self.addCleanup(self.chain.close)
        self.client = remap.Client(table=TABLE, rows=ROWS, seed=SEED, directory=self.chain.root)
        self.addCleanup(self.client.close)
        self.client.poll()
        self.chain.publish(1, 2)
        self.client.poll(5)
        self.client.swap(1)

    def features(self, count=60, **parts):
        """`count` samples: one item, up to two of its history, a site."""
        ids = torch.from_numpy(self.chain.ids[1].view(np.int64))
        lengths = torch.cat([torch.ones(count), torch.arange(count) % 3, torch.ones(count)]).int()
        items = ids[:count]
        history = ids[1_000 : 1_000 + int(lengths[count : 2 * count].sum())]
        return torchrec.KeyedJaggedTensor(
            keys=["item", "history", "site"],
            values=torch.cat([items, history, torch.arange(count) % 5]), lengths=lengths, **parts,
        )  # fmt: skip

    def wrapped(self, collection):
        weight = collection.embedding_bags[TORCHREC_TABLE].weight
        return rt.RemapEmbeddingBagCollection(
            collection, {"item": self.client, "history": self.client}, weights={TABLE: weight}
        ), weight

    def swap_moves(self, swapper, weight, states):
        """Swaps to version 2; weight and states must move by the definition."""
        expected = weight.detach().numpy().copy()
        expected_states = [state.numpy().copy() for state in states]
        self.assertGreater(sum(float(np.abs(s).sum()) for s in expected_states), 0)
        plans = remap.Migration.open(self.chain.version_directory(2) / "plan.remap").plans()
        for plan in plans:
            expected = migrated(plan, expected)
            expected_states = [migrated(plan, state, 0.0) for state in expected_states]
        before = weight.detach().numpy().copy()
        self.assertEqual(swapper.step(), {TABLE: 2})
        np.testing.assert_allclose(weight.detach().numpy(), expected, rtol=1e-5, atol=1e-5)
        self.assertGreater(float(np.abs(expected - before).sum()), 0)
        for state, moved in zip(states, expected_states, strict=True):
            np.testing.assert_allclose(state.numpy(), moved, rtol=1e-5, atol=1e-5)

    def test_rows_are_what_a_plain_collection_is_given(self):
        torch.manual_seed(1)
        collection = torchrec.EmbeddingBagCollection(tables=tables())
        model, weight = self.wrapped(collection)
        features = self.features()
        counts = features.length_per_key()
        rows = torch.from_numpy(self.client.lookup(features.values()[: sum(counts[:2])].numpy()))
        given = torchrec.KeyedJaggedTensor(
            keys=features.keys(), lengths=features.lengths(),
            values=torch.cat([rows, features.values()[sum(counts[:2]) :]]),
        )  # fmt: skip
        expected = collection(given)
        out = model(features)
        self.assertEqual(out.keys(), expected.keys())
        self.assertTrue(torch.equal(out.values(), expected.values()))
        out.values().sum().backward()
        touched = weight.grad.abs().sum(1).nonzero().reshape(-1)
        self.assertEqual(touched.tolist(), sorted(set(rows.tolist())))

    def test_all_parts_of_the_features_are_kept(self):
        weights = torch.rand(self.features().values().numel())
        features = self.features(weights=weights)
        features.offset_per_key()
        out = rt.remap_features(features, {"item": self.client})
        self.assertTrue(torch.equal(out.weights(), weights))
        self.assertEqual(out.stride(), features.stride())
        self.assertEqual(out["site"].values().tolist(), features["site"].values().tolist())
        self.assertEqual(out["history"].values().tolist(), features["history"].values().tolist())
        np.testing.assert_array_equal(
            out["item"].values().numpy(), self.client.lookup(features["item"].values().numpy())
        )
        # Batches of different sizes for each key, as deduplicated features have.
        variable = torchrec.KeyedJaggedTensor(
            keys=["item", "site"], values=torch.arange(5), lengths=torch.tensor([1, 1, 1, 1, 1]),
            stride_per_key_per_rank=[[3], [2]],
        )  # fmt: skip
        out = rt.remap_features(variable, {"item": self.client})
        self.assertEqual(out.stride_per_key(), [3, 2])
        self.assertEqual(out["site"].values().tolist(), [3, 4])

    def test_an_empty_batch(self):
        model, _ = self.wrapped(torchrec.EmbeddingBagCollection(tables=tables()))
        self.assertEqual(model(self.features(0)).values().shape, (0, 3 * COLUMNS))

    def test_a_rowwise_optimiser_in_the_backward_pass(self):
        collection = torchrec.EmbeddingBagCollection(tables=tables())
        apply_optimizer_in_backward(RowWiseAdagrad, collection.parameters(), {"lr": 0.1})
        model, weight = self.wrapped(collection)
        model(self.features()).values().sum().backward()
        state = weight._in_backward_optimizers[0].state[weight]["sum"]
        self.assertEqual(state.shape[0], ROWS)
        self.swap_moves(rt.Swapper(model, None), weight, [state])

    def test_fused_optimisers(self):
        for kind in (RowWiseAdagrad, torch.optim.Adagrad):
            with self.subTest(kind.__name__):
                self.setUp()
                collection = FusedEmbeddingBagCollection(
                    tables=tables(), optimizer_type=kind, optimizer_kwargs={"lr": 0.1}
                )
                model, weight = self.wrapped(collection)
                before = weight.detach().clone()
                model(self.features()).values().sum().backward()
                self.assertFalse(torch.equal(weight, before), "the optimiser is fused")
                optimizer = collection.fused_optimizer()
                names = optimizer.state_dict()["state"][f"{TORCHREC_TABLE}.weight"]
                states = [s for name, s in names.items() if name.endswith("momentum_1")]
                self.assertEqual(len(states), 1)
                self.swap_moves(rt.Swapper(model, optimizer), weight, states)
                model(self.features()).values().sum().backward()

    def test_a_sharded_collection(self):
        """A whole table on a rank, as DistributedModelParallel places it."""
        with tempfile.TemporaryDirectory() as directory:
            dist.init_process_group(
                "gloo", init_method=f"file://{directory}/store", rank=0, world_size=1
            )
            self.addCleanup(dist.destroy_process_group)
            collection = torchrec.EmbeddingBagCollection(
                device=torch.device("meta"), tables=tables()
            )
            apply_optimizer_in_backward(RowWiseAdagrad, collection.parameters(), {"lr": 0.1})
            cpu = torch.device("cpu")
            planner = EmbeddingShardingPlanner(
                topology=Topology(world_size=1, compute_device="cpu"),
                constraints={
                    TORCHREC_TABLE: ParameterConstraints(
                        sharding_types=["table_wise"], compute_kernels=["fused"]
                    )
                },
            )
            sharders = [torchrec.distributed.embeddingbag.EmbeddingBagCollectionSharder()]
            plan = planner.plan(collection, sharders)
            sharded = DistributedModelParallel(collection, device=cpu, plan=plan).module
            model, weight = self.wrapped(sharded)
            model(self.features()).values().sum().backward()
            optimizer = sharded.fused_optimizer
            states = [
                value.local_shards()[0].tensor
                for kept in optimizer.state.values()
                for name, value in kept.items()
                if name == f"{TORCHREC_TABLE}.momentum1"
            ]
            self.assertEqual(len(states), 1)
            self.swap_moves(rt.Swapper(model, optimizer), weight, states)


if __name__ == "__main__":
    unittest.main()

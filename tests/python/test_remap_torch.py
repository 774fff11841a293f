"""remap.torch: migration of weights and optimiser state, swaps agreed by ranks, checkpoints."""

import datetime
import io
import multiprocessing
import tempfile
import time
import unittest

import numpy as np
from chain import ROWS, SEED, TABLE, Chain
from test_remap import migrated

import remap

try:
    import torch
    import torch.distributed as dist
    from torch import nn

    import remap.torch as rt
except ImportError:
    torch = None


def setUpModule():
    if torch is None:
        raise unittest.SkipTest("torch is not installed: apt-get install python3-torch")


def open_client(root, **options):
    client = remap.Client(table=TABLE, rows=ROWS, seed=SEED, directory=root, **options)
    client.poll()
    return client


def model_of(client, seed=1):
    torch.manual_seed(seed)
    return rt.RemapEmbeddingBag(nn.EmbeddingBag(ROWS, 4, mode="sum"), client)


def train_a_step(model, optimizer, ids):
    rows = torch.from_numpy(ids.view(np.int64)).reshape(-1, 1)
    optimizer.zero_grad()
    (model(rows) ** 2).sum().backward()
    optimizer.step()


def rank_main(rank, how, root, store, results):
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=2,
        timeout=datetime.timedelta(seconds=20),
    )  # fmt: skip
    client = open_client(root)
    results.put((rank, "ready"))
    while not (root / "published").exists():
        time.sleep(0.05)
    dist.barrier()
    model = model_of(client)
    swapper = rt.Swapper(model, torch.optim.SGD(model.parameters(), lr=0.1))
    if how == "dead" and rank == 1:
        results.put((rank, "gone"))
        results.close()
        results.join_thread()
        import os

        os._exit(0)
    history = []
    try:
        if how == "late":
            client.poll(5)
            if rank == 0:
                client.swap(2, allow_unmigrated=True)
            try:
                swapper.step()
                history.append("no error")
            except remap.RemapError as error:
                history.append("different" if "different versions" in str(error) else str(error))
            dist.barrier()
            swapper.join(source=0)
            history.append(client.version)
        if how == "slow" and rank == 1:
            # This rank sees nothing for a while: neither may swap.
            real, client.poll = client.poll, lambda timeout=0: 0
        if how == "slow":
            dist.barrier()
        for step in range(8):
            if how == "slow" and rank == 1 and step == 4:
                client.poll = real
                real(5)
            if how == "slow" and rank == 0 and step == 0:
                client.poll(5)
            history.append((step, sorted(swapper.step().values())))
        history.append(client.version)
    except remap.UnavailableError:
        history.append("unavailable")
        history.append(client.version)
    results.put((rank, history))


class MigrateTest(unittest.TestCase):
    def setUp(self):
        self.chain = Chain()
        self.addCleanup(self.chain.close)

    def test_weights_and_state_move_by_the_definition(self):
        optimizers = {
            "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
            "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1, initial_accumulator_value=0.5),
            "adam": lambda p: torch.optim.Adam(p, lr=0.1),
        }
        client = open_client(self.chain.root)
        self.chain.publish(1, 3)
        client.poll(5)
        client.swap(1)
        migration = client.swap(3)
        for name, make in optimizers.items():
            with self.subTest(name):
                model = model_of(client)
                optimizer = make(model.parameters())
                train_a_step(model, optimizer, self.chain.ids[3][:500])
                weight = model.bag.weight
                expected = weight.detach().numpy().copy()
                states = {
                    k: v.numpy().copy()
                    for k, v in optimizer.state[weight].items()
                    if torch.is_tensor(v) and v.dim() == 2
                }
                self.assertGreater(len(states), 0)
                initial = 0.5 if name == "adagrad" else 0.0
                for plan in migration.plans():
                    expected = migrated(plan, expected)
                    states = {k: migrated(plan, v, initial) for k, v in states.items()}
                rt.migrate_(weight, optimizer, migration)
                np.testing.assert_allclose(weight.detach().numpy(), expected, rtol=1e-5, atol=1e-5)
                for key, value in states.items():
                    np.testing.assert_allclose(
                        optimizer.state[weight][key].numpy(), value, rtol=1e-5, atol=1e-5
                    )
                self.assertIsNone(weight.grad)

    def test_rowwise_state_moves_and_unknown_state_is_refused(self):
        client = open_client(self.chain.root)
        self.chain.publish(1, 2)
        client.poll(5)
        client.swap(1)
        migration = client.swap(2)
        weight = nn.Parameter(torch.randn(ROWS, 4))
        optimizer = torch.optim.Adagrad([weight], initial_accumulator_value=0.5)
        optimizer.state[weight] = {"step": torch.tensor(1.0), "sum": torch.rand(ROWS)}
        expected = optimizer.state[weight]["sum"].numpy().copy()
        for plan in migration.plans():
            expected = migrated(plan, expected, 0.5)
        rt.migrate_(weight, optimizer, migration)
        np.testing.assert_allclose(optimizer.state[weight]["sum"].numpy(), expected, atol=1e-6)
        before = weight.detach().clone()
        optimizer.state[weight]["curvature"] = torch.rand(ROWS)
        with self.assertRaisesRegex(TypeError, "curvature"):
            rt.migrate_(weight, optimizer, migration)
        self.assertTrue(torch.equal(weight, before))

    def test_a_keyed_jagged_tensor_is_remapped_where_there_is_a_client(self):
        class Jagged:
            def __init__(self, keys, values, weights=None, lengths=None):
                self._keys, self._values, self._lengths = keys, values, lengths
                self._weights = weights

            def keys(self):
                return self._keys

            def values(self):
                return self._values

            def lengths(self):
                return self._lengths

            def weights_or_none(self):
                return self._weights

            def length_per_key(self):
                return self._lengths.view(len(self._keys), -1).sum(1).tolist()

        client = open_client(self.chain.root)
        self.chain.publish(1, 1)
        client.poll(5)
        client.swap()
        ids = torch.from_numpy(self.chain.ids[1][:5].view(np.int64))
        features = Jagged(["item", "site"], torch.cat([ids, torch.tensor([3, 4])]),
                          lengths=torch.tensor([2, 3, 1, 1], dtype=torch.int32))  # fmt: skip
        out = rt.remap_features(features, {"item": client})
        self.assertEqual(out.values().tolist(), [*self.chain.rows[1][:5].tolist(), 3, 4])
        self.assertEqual(out.lengths().tolist(), [2, 3, 1, 1])


    def test_a_keyed_jagged_tensor_of_torchrec(self):
        try:
            from torchrec.sparse.jagged_tensor import KeyedJaggedTensor
        except Exception as error:  # not installed, or not for this torch
            self.skipTest(f"torchrec cannot be imported: {error}")
        client = open_client(self.chain.root)
        self.chain.publish(1, 1)
        client.poll(5)
        client.swap()
        ids = torch.from_numpy(self.chain.ids[1][:5].view(np.int64))
        features = KeyedJaggedTensor(
            keys=["item", "site"], values=torch.cat([ids, torch.tensor([3, 4])]),
            lengths=torch.tensor([2, 3, 1, 1], dtype=torch.int32),
        )  # fmt: skip
        out = rt.remap_features(features, {"item": client})
        self.assertIsInstance(out, KeyedJaggedTensor)
        self.assertEqual(out["item"].values().tolist(), self.chain.rows[1][:5].tolist())
        self.assertEqual(out["site"].values().tolist(), [3, 4])
        self.assertEqual(out.lengths().tolist(), [2, 3, 1, 1])


class CheckpointTest(unittest.TestCase):
    def setUp(self):
        self.chain = Chain()
        self.addCleanup(self.chain.close)

    def test_the_version_goes_with_the_rows(self):
        client = open_client(self.chain.root)
        late = open_client(self.chain.root)
        self.chain.publish(1, 3)
        client.poll(5)
        model = model_of(client)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        rt.migrate_(model.bag.weight, optimizer, client.swap(2))
        saved = io.BytesIO()
        torch.save(model.state_dict(), saved)
        saved.seek(0)

        other = model_of(late, seed=9)
        other.load_state_dict(torch.load(saved))
        self.assertEqual(late.version, 2)
        ids = torch.from_numpy(self.chain.ids[2].view(np.int64)).reshape(-1, 1)
        self.assertTrue(torch.equal(model(ids), other(ids)))

        client.swap(3)
        saved.seek(0)
        with self.assertRaisesRegex(remap.RemapError, "serves version 3"):
            model.load_state_dict(torch.load(saved))

    def test_a_version_that_is_gone_is_named(self):
        client = open_client(self.chain.root)
        with self.assertRaisesRegex(remap.NotFoundError, "retain_versions"):
            rt.restore(client, 7, timeout=0.1)


class RanksTest(unittest.TestCase):
    def run_ranks(self, how):
        chain = Chain()
        self.addCleanup(chain.close)
        results = multiprocessing.get_context("spawn").Queue()
        with tempfile.TemporaryDirectory() as directory:
            context = multiprocessing.get_context("spawn")
            processes = [
                context.Process(
                    target=rank_main,
                    args=(rank, how, chain.root, directory + "/store", results),
                )
                for rank in range(2)
            ]
            for process in processes:
                process.start()
            for _ in processes:
                self.assertEqual(results.get(timeout=120)[1], "ready")
            chain.publish(1, 2)
            (chain.root / "published").touch()
            out = dict(results.get(timeout=120) for _ in processes)
            for process in processes:
                process.join(30)
        return out

    def test_a_slow_rank_delays_the_swap_of_all(self):
        out = self.run_ranks("slow")
        self.assertEqual(out[0], out[1])
        self.assertEqual([swaps for _, swaps in out[0][:4]], [[]] * 4)
        self.assertEqual(out[0][-1], 2)

    def test_a_dead_rank_is_told_and_nothing_swapped(self):
        out = self.run_ranks("dead")
        self.assertEqual(out[0], ["unavailable", 0])

    def test_a_late_rank_joins_at_the_version_of_the_others(self):
        out = self.run_ranks("late")
        for rank in range(2):
            self.assertEqual(out[rank][:2], ["different", 2])
            self.assertEqual(out[rank][-1], 2)


if __name__ == "__main__":
    unittest.main()

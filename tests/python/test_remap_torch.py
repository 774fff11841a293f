"""remap.torch: migration of weights and optimiser state, swaps agreed by ranks, checkpoints."""

import copy
import datetime
import io
import multiprocessing
import os
import tempfile
import textwrap
import threading
import time
import unittest
from pathlib import Path

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


WORLD = 2


def rank_main(rank, how, roots, store, go, results):
    """One of two ranks; what it did is the history it puts into `results`."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=WORLD,
        timeout=datetime.timedelta(seconds=20),
    )  # fmt: skip
    client = open_client(roots[rank])
    results.put((rank, "ready"))
    go.wait()
    dist.barrier()
    model = model_of(client)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    history = []
    try:
        globals()[f"rank_{how}"](rank, client, model, optimizer, history)
    except remap.UnavailableError:
        history += ["unavailable", client.version]
    results.put((rank, history))
    if how != "dead":
        dist.barrier()  # before the interpreter ends: gloo's threads do not outlive it in peace
        dist.destroy_process_group()


def rank_slow(rank, client, model, optimizer, history):
    """Rank 1 sees nothing for a while: neither may swap, and both do at the same step."""
    client.poll(5)
    real, client._offer = client._offer, lambda *_: (client.version, 0)
    swapper = rt.Swapper(model, optimizer, every=1)
    for step in range(8):
        if rank == 0 or step == 4:
            client._offer = real
        history.append((step, swapper.step()))
    history.append(client.version)


def rank_seldom(rank, client, model, optimizer, history):
    """Versions that come later are swapped to where the ranks agree, and nowhere between."""
    client.poll(5)
    real, client._offer = client._offer, lambda *_: (client.version, 0)
    swapper = rt.Swapper(model, optimizer, every=8)
    history.append(swapper.step())
    for step in range(1, 12):
        if step == (6 if rank == 0 else 3):  # seen at different steps
            client._offer = real
        if swapped := swapper.step():
            history.append((step, swapped))
    history.append(client.version)


def rank_paced(rank, client, model, optimizer, history):
    """By default ranks agree about five times a second, at the same steps whatever their pace."""
    client.poll(5)
    real, client._offer = client._offer, lambda *_: (client.version, 0)
    swapper = rt.Swapper(model, optimizer)
    for step in range(400):
        time.sleep(0.001 + 0.001 * rank)
        if step == 150 + 20 * rank:
            client._offer = real
        every = swapper.every
        swapped = swapper.step()
        if swapped or swapper.every != every:
            history.append((step, swapper.every, swapped))


def rank_differ(rank, client, model, optimizer, history):
    """Version 2 is damaged for rank 0, and 3 for rank 1: they meet at 1."""
    client.poll(5)
    swapper = rt.Swapper(model, optimizer, every=2)
    history.append([s.version for s in client.staged() if s.swappable])
    for _ in range(6):
        history.append(swapper.step())
    history.append(client.version)


def rank_dead(rank, client, model, optimizer, history):
    """Rank 1 dies between two steps, with the ranks' agreement under way."""
    swapper = rt.Swapper(model, optimizer, every=1)
    client.poll(5)
    real, client._offer = client._offer, lambda *_: (client.version, 0)
    for step in range(4):
        swapper.step()
    client._offer = real
    if rank == 1:
        os._exit(0)
    for step in range(4):
        swapper.step()


def rank_late(rank, client, model, optimizer, history):
    client.poll(5)
    if rank == 0:
        client.swap(2, allow_unmigrated=True)
    swapper = rt.Swapper(model, optimizer)
    for _ in range(2):  # says so each time
        try:
            swapper.step()
            history.append("no error")
        except remap.RemapError as error:
            history.append("different" if "different versions" in str(error) else str(error))
        dist.barrier()
    swapper.join(source=0)
    history.append(client.version)
    history.append(swapper.step())


def rank_adopt(rank, client, model, optimizer, history):
    """A new job finds versions without the plans to them; rank 1 gets the newest a little later."""
    swapper = rt.Swapper(model, optimizer)
    before = model.bag.weight.detach().clone()
    history.append(swapper.adopt())
    history.append(bool(torch.equal(before, model.bag.weight)))
    history.append(swapper.step())


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
        short = Jagged(["item", "site"], ids, lengths=torch.tensor([2, 3, 1, 1]))
        with self.assertRaisesRegex(ValueError, "add up to 7, not 5 values"):
            rt.remap_features(short, {"item": client})

        class Collection(nn.Module):
            def __init__(self):
                super().__init__()
                self.embedding_bags = {TABLE: nn.EmbeddingBag(ROWS, 4)}

            def forward(self, features):
                return features.values()

        model = rt.RemapEmbeddingBagCollection(Collection(), {"item": client})
        self.assertEqual(model(features).tolist(), out.values().tolist())
        self.assertEqual(list(model.tables()), [TABLE])
        client.close()
        with self.assertRaisesRegex(remap.RemapError, "closed"):
            model(features)

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

    def test_its_state_is_made_of_tensors(self):
        client = open_client(self.chain.root)
        late = open_client(self.chain.root)
        self.chain.publish(1, 2)
        client.poll(5)
        client.swap(2)
        model = model_of(client)
        state = {name: value.cpu() for name, value in model.state_dict().items()}
        saved = io.BytesIO()
        torch.save(state, saved)
        saved.seek(0)
        other = model_of(late, seed=9)
        other.load_state_dict(torch.load(saved, weights_only=True))
        self.assertEqual(late.version, 2)
        self.assertTrue(torch.equal(other.bag.weight, model.bag.weight))
        broken = dict(state, _extra_state={"items": {"version": 2}})
        with self.assertRaisesRegex(remap.RemapError, "are a dict of an unknown form"):
            other.load_state_dict(broken)
        elsewhere = state["_extra_state"].clone()
        elsewhere[0, 2] ^= 1
        with self.assertRaisesRegex(remap.RemapError, "comes from another stream"):
            other.load_state_dict(dict(state, _extra_state=elsewhere))

    def test_distributed_checkpoints(self):
        try:
            import torch.distributed.checkpoint as dcp
            save, load = dcp.save, dcp.load
        except (ImportError, AttributeError):
            self.skipTest("this torch has no torch.distributed.checkpoint.save")
        client = open_client(self.chain.root)
        late = open_client(self.chain.root)
        self.chain.publish(1, 2)
        client.poll(5)
        client.swap(2)
        model, other = model_of(client), model_of(late, seed=9)
        with tempfile.TemporaryDirectory() as directory:
            save(model.state_dict(), checkpoint_id=directory)
            state = other.state_dict()
            load(state, checkpoint_id=directory)
        other.load_state_dict(state)
        self.assertEqual(late.version, 2)
        self.assertTrue(torch.equal(other.bag.weight, model.bag.weight))

    def test_a_plain_layers_checkpoint_loads_and_says_so(self):
        client = open_client(self.chain.root)
        plain = nn.Sequential(nn.EmbeddingBag(ROWS, 4, mode="sum"))
        model = nn.Sequential(model_of(client))
        for state in (plain.state_dict(), {"0.bag.weight": plain[0].weight}):
            with self.assertLogs("remap", "WARNING") as logs:
                model.load_state_dict(state)
            self.assertIn("does not say which mapping version its rows are of", logs.output[0])
            self.assertTrue(torch.equal(model[0].bag.weight, plain[0].weight))
        with self.assertRaisesRegex(RuntimeError, "Missing key"):
            model.load_state_dict({})

    def test_rows_restored_at_version_0_have_learned(self):
        client = open_client(self.chain.root)
        model = model_of(client)
        state = model.state_dict()
        late = open_client(self.chain.root)
        other = model_of(late)
        other.load_state_dict(state)
        self.chain.publish(1, 3)
        (self.chain.version_directory(1) / "plan.remap").unlink()
        late.poll(5)
        self.assertEqual(late.swappable, [])

    def test_a_version_that_is_gone_is_named(self):
        client = open_client(self.chain.root)
        with self.assertRaisesRegex(remap.NotFoundError, "retain_versions"):
            rt.restore(client, 7, timeout=0.1)


class RanksTest(unittest.TestCase):
    def run_ranks(self, how, *, publish, before=lambda chains: None, answers=WORLD):
        """Both ranks through rank_`how`, each following a directory of its own."""
        chains = [Chain() for _ in range(WORLD)]
        for chain in chains:
            self.addCleanup(chain.close)
        before(chains)
        context = multiprocessing.get_context("spawn")
        results, go = context.Queue(), context.Event()
        with tempfile.TemporaryDirectory() as directory:
            processes = [
                context.Process(
                    target=rank_main,
                    args=(rank, how, [c.root for c in chains], directory + "/store", go, results),
                )
                for rank in range(WORLD)
            ]
            for process in processes:
                process.start()
            for _ in processes:
                self.assertEqual(results.get(timeout=120)[1], "ready")
            publish(chains)
            go.set()
            out = dict(results.get(timeout=120) for _ in range(answers))
            for process in processes:
                process.join(30)
                if answers == WORLD:
                    self.assertEqual(process.exitcode, 0)
        return out

    @staticmethod
    def publish_two(chains):
        for chain in chains:
            chain.publish(1, 2)

    def test_a_slow_rank_delays_the_swap_of_all(self):
        out = self.run_ranks("slow", publish=self.publish_two)
        self.assertEqual(out[0], out[1])
        swaps = [(step, swapped) for step, swapped in out[0][:-1] if swapped]
        self.assertEqual(swaps, [(5, {TABLE: 2})])  # seen by all at 4, done at the next
        self.assertEqual(out[0][-1], 2)

    def test_ranks_agree_at_every_eighth_step(self):
        out = self.run_ranks("seldom", publish=self.publish_two)
        for rank in range(WORLD):
            self.assertEqual(out[rank], [{}, (9, {TABLE: 2}), 2])

    def test_by_default_ranks_agree_some_times_a_second(self):
        out = self.run_ranks("paced", publish=self.publish_two)
        self.assertEqual(out[0], out[1])
        self.assertEqual([swapped for *_, swapped in out[0] if swapped], [{TABLE: 2}])
        every = [every for _, every, _ in out[0]]
        self.assertTrue(every and all(1 <= e <= 100 for e in every), every)  # a step takes 2 ms

    def test_ranks_that_lack_different_versions_meet_at_one_they_share(self):
        def publish(chains):
            for rank, chain in enumerate(chains):
                chain.publish(1, 3)
                damaged = chain.version_directory(2 + rank)
                for name in ("mapping.remap", "delta.remap"):
                    (damaged / name).write_bytes(b"damaged")

        out = self.run_ranks("differ", publish=publish)
        self.assertEqual(out[0][0], [1, 3])
        self.assertEqual(out[1][0], [1, 2])
        for rank in range(WORLD):
            swaps = [swapped for swapped in out[rank][1:-1] if swapped]
            self.assertEqual((swaps, out[rank][-1]), ([{TABLE: 1}], 1))

    def test_a_dead_rank_is_told_and_nothing_swapped(self):
        out = self.run_ranks("dead", publish=self.publish_two, answers=1)
        self.assertEqual(out, {0: ["unavailable", 0]})

    def test_a_late_rank_joins_at_the_version_of_the_others(self):
        out = self.run_ranks("late", publish=self.publish_two)
        for rank in range(WORLD):
            self.assertEqual(out[rank], ["different", "different", 2, {}])

    def test_a_new_job_adopts_what_is_there(self):
        def before(chains):
            for rank, chain in enumerate(chains):
                chain.publish(1, 3 - rank)

        def publish(chains):
            threading.Timer(1.0, chains[1].publish, (3, 3)).start()

        out = self.run_ranks("adopt", before=before, publish=publish)
        for rank in range(WORLD):
            self.assertEqual(out[rank], [{TABLE: 3}, True, {}])


class SwapperTest(unittest.TestCase):
    def setUp(self):
        self.chain = Chain()
        self.addCleanup(self.chain.close)

    def test_alone_it_swaps_at_the_next_step(self):
        client = open_client(self.chain.root)
        model = model_of(client)
        swapper = rt.Swapper(model, torch.optim.SGD(model.parameters(), lr=0.1))
        self.assertEqual(swapper.step(), {})
        self.chain.publish(1, 3)
        client.poll(5)
        self.assertEqual(swapper.step(up_to_samples=999), {})
        self.assertEqual(swapper.step(up_to_samples=2_000), {TABLE: 2})
        self.assertEqual(swapper.step(), {TABLE: 3})
        self.assertEqual(swapper.step(), {})
        self.assertEqual(swapper.swaps, 2)
        self.assertIn("version=3", repr(model))
        self.assertIn(f"'{TABLE}': 3", repr(swapper))

    def test_it_says_when_no_plan_leads_on(self):
        self.chain.publish(1, 2)
        client = open_client(self.chain.root)  # finds version 2, but was not there before it
        model = model_of(client)
        model(torch.tensor([[1, 2]]))  # the rows may have learned
        swapper = rt.Swapper(model, None)
        with self.assertLogs("remap", "WARNING") as logs:
            swapper.step()
        self.assertIn("stays at version 0: version 2 is there", logs.output[0])
        self.assertEqual(client.version, 0)
        self.assertEqual(swapper.adopt(), {TABLE: 2})
        self.chain.publish(3, 3)
        client.poll(5)
        self.assertEqual(swapper.step(), {TABLE: 3})
        with self.assertRaisesRegex(remap.RemapError, "serves version 3 already"):
            swapper.adopt()

    def test_the_first_step_begins_with_what_is_there(self):
        self.chain.publish(1, 3)
        for background in (False, True):
            client = remap.Client(table=TABLE, rows=ROWS, seed=SEED, directory=self.chain.root,
                                  background=background)  # fmt: skip
            self.addCleanup(client.close)
            model = model_of(client)
            before = model.bag.weight.detach().clone()
            with self.assertNoLogs("remap"):
                self.assertEqual(rt.Swapper(model, None).step(), {TABLE: 3})
            self.assertTrue(torch.equal(model.bag.weight, before))

    def test_other_rows_than_the_daemons_are_said_at_the_first_step(self):
        self.chain.publish(1, 1)
        for background in (False, True):
            client = remap.Client(table=TABLE, rows=150, seed=SEED, directory=self.chain.root,
                                  background=background)  # fmt: skip
            self.addCleanup(client.close)
            swapper = rt.Swapper(rt.RemapEmbeddingBag(nn.EmbeddingBag(150, 4), client), None)
            with self.assertLogs("remap"), self.assertRaisesRegex(ValueError, "rows = 150"):
                swapper.step()

    def test_what_cannot_work_is_said_at_once(self):
        client = open_client(self.chain.root)
        with self.assertRaisesRegex(ValueError, "no RemapEmbeddingBag"):
            rt.Swapper(nn.Linear(2, 2), None)
        with self.assertRaisesRegex(ValueError, "every is 0"):
            rt.Swapper(model_of(client), None, every=0)
        with self.assertRaisesRegex(ValueError, "200"):
            rt.RemapEmbeddingBag(nn.EmbeddingBag(ROWS + 1, 4), client)
        with self.assertRaisesRegex(ValueError, "padding_idx=0, .* padding_id="):
            rt.RemapEmbeddingBag(nn.EmbeddingBag(ROWS, 4, padding_idx=0), client)

    def test_what_cannot_be_migrated_is_not_swapped_to(self):
        client = open_client(self.chain.root)
        self.chain.publish(1, 1)
        client.poll(5)
        model = model_of(client)
        optimizer = torch.optim.Adagrad(model.parameters())
        optimizer.state[model.bag.weight]["curvature"] = torch.rand(ROWS)
        swapper = rt.Swapper(model, optimizer)
        with self.assertRaisesRegex(TypeError, "curvature"):
            swapper.step()
        self.assertEqual(client.version, 0)

    def test_a_copy_of_the_model_follows_the_same_client(self):
        client = open_client(self.chain.root)
        model = model_of(client)
        twin = copy.deepcopy(model)
        self.assertIs(twin.client, client)
        self.assertIsNot(twin.bag.weight, model.bag.weight)
        with self.assertRaisesRegex(TypeError, "cannot be pickled"):
            torch.save(model, io.BytesIO())


class DocumentationTest(unittest.TestCase):
    def test_the_lines_of_the_documentation_work(self):
        text = (Path(__file__).parents[2] / "docs/trainers.md").read_text()
        begin = text.index("    import remap, remap.torch\n")
        code = textwrap.dedent(text[begin : text.index("\n`Swapper`", begin)])
        chain = Chain()
        self.addCleanup(chain.close)
        chain.publish(1, 2)
        code = code.replace("directory=...", f"directory={str(chain.root)!r}, seed={SEED}")
        code = code.replace('"item"', repr(TABLE)).replace("20_000", str(ROWS))
        ids = torch.from_numpy(chain.ids[2][:64].view(np.int64))
        batch = (ids, torch.arange(0, 64, 2), torch.rand(32))

        class MyModel(nn.Module):
            def __init__(self, bag):
                super().__init__()
                self.bag = bag

            def forward(self, ids, offsets):
                return self.bag(ids, offsets).sum(1)

        names = {"torch": torch, "nn": nn, "MyModel": MyModel, "batches": [batch] * 3,
                 "criterion": nn.functional.binary_cross_entropy_with_logits}  # fmt: skip
        exec(code, names)
        self.addCleanup(names["client"].close)
        self.assertEqual(names["client"].version, 2)
        self.assertTrue(np.isfinite(float(names["loss"])))


class LookupTest(unittest.TestCase):
    def setUp(self):
        self.chain = Chain()
        self.addCleanup(self.chain.close)
        self.client = open_client(self.chain.root)
        self.chain.publish(1, 1)
        self.client.poll(5)
        self.client.swap()

    def test_ids_of_every_kind(self):
        ids, rows = self.chain.ids[1], torch.from_numpy(self.chain.rows[1])
        tensor = torch.from_numpy(ids.view(np.int64))
        self.assertLess(int(tensor.min()), 0)  # ids of 2^63 and more among them
        self.assertTrue(torch.equal(rt.to_rows(self.client, tensor), rows))
        self.assertTrue(torch.equal(rt.to_rows(self.client, tensor[::3]), rows[::3]))
        square = tensor[:6].reshape(2, 3)
        self.assertTrue(torch.equal(rt.to_rows(self.client, square.t()), rows[:6].reshape(2, 3).t()))
        self.assertEqual(rt.to_rows(self.client, tensor[:0]).shape, (0,))
        few = torch.tensor([1, 2, 3], dtype=torch.int32)
        self.assertTrue(
            torch.equal(rt.to_rows(self.client, few), rt.to_rows(self.client, few.long()))
        )
        if hasattr(torch, "uint64"):
            self.assertTrue(torch.equal(rt.to_rows(self.client, tensor.view(torch.uint64)), rows))
        with self.assertRaisesRegex(TypeError, "float32"):
            rt.to_rows(self.client, torch.rand(3))

    def padded_and_plain(self, mode):
        """Ids with padding among them, and what a bag gives for those that are none."""
        padding = -1
        ids = torch.from_numpy(self.chain.ids[1][:12].view(np.int64)).clone()
        ids[[0, 4, 5, 9, 10, 11]] = padding
        bag = nn.EmbeddingBag(ROWS, 4, mode=mode)
        model = rt.RemapEmbeddingBag(bag, self.client, padding_id=padding)
        bags = [ids[0:4], ids[4:6], ids[6:9], ids[9:12]]
        rows = [rt.to_rows(self.client, b[b != padding]) for b in bags]
        expected = torch.stack([bag(r.reshape(1, -1))[0] if len(r) else torch.zeros(4) for r in rows])
        return model, ids, torch.tensor([0, 4, 6, 9]), expected

    def test_padding_does_not_count(self):
        for mode in ("sum", "mean", "max"):
            with self.subTest(mode):
                model, ids, offsets, expected = self.padded_and_plain(mode)
                torch.testing.assert_close(model(ids, offsets), expected)
                torch.testing.assert_close(model(ids, offsets=offsets.int()), expected)
        model, ids, offsets, _ = self.padded_and_plain("sum")
        square = ids.reshape(3, 4)
        by_offsets = model(ids, torch.tensor([0, 4, 8]))
        torch.testing.assert_close(model(square), by_offsets)
        weights = torch.rand(12)
        torch.testing.assert_close(
            model(square, per_sample_weights=weights.reshape(3, 4)),
            model(ids, torch.tensor([0, 4, 8]), weights),
        )
        model(ids, offsets).sum().backward()
        touched = set(model.bag.weight.grad.abs().sum(1).nonzero().flatten().tolist())
        kept = ids[ids != -1]
        self.assertEqual(touched, set(rt.to_rows(self.client, kept).tolist()))
        last = rt.RemapEmbeddingBag(
            nn.EmbeddingBag(ROWS, 4, mode="sum", include_last_offset=True), self.client, padding_id="-1"
        )
        last.bag.weight = model.bag.weight
        torch.testing.assert_close(last(ids, torch.tensor([0, 4, 8, 12])), by_offsets)
        with self.assertRaisesRegex(ValueError, "need offsets"):
            model(ids)

    def test_padding_of_an_embedding_gives_zeros(self):
        table = nn.Embedding(ROWS, 4)
        model = rt.RemapEmbeddingBag(table, self.client, padding_id=0)
        ids = torch.tensor([[7, 0], [0, 9]])
        out = model(ids)
        self.assertEqual(out[0, 1].tolist() + out[1, 0].tolist(), [0.0] * 8)
        self.assertTrue(torch.equal(out[0, 0], table.weight[rt.to_rows(self.client, ids)[0, 0]]))

    def test_torch_fx_takes_the_lookup_as_one_call(self):
        model, ids, offsets, expected = self.padded_and_plain("sum")
        plain = rt.RemapEmbeddingBag(model.bag, self.client)

        class Model(nn.Module):
            def __init__(self, bag):
                super().__init__()
                self.bag = bag

            def forward(self, ids, offsets):
                return self.bag(ids, offsets).sum(1)

        for bag in (model, plain):
            whole = Model(bag)
            traced = torch.fx.symbolic_trace(whole)
            calls = [n.target for n in traced.graph.nodes if n.op == "call_module"]
            self.assertEqual(calls, ["bag.lookup", "bag.bag"])
            torch.testing.assert_close(traced(ids, offsets), whole(ids, offsets))
        alone = torch.fx.symbolic_trace(rt.RemapEmbeddingBag(nn.Embedding(ROWS, 4), self.client))
        self.assertEqual(alone(ids).shape, (12, 4))

    def test_an_empty_batch(self):
        model = model_of(self.client)
        empty = torch.empty(0, dtype=torch.int64)
        self.assertEqual(model(empty, torch.empty(0, dtype=torch.int64)).shape, (0, 4))
        self.assertEqual(model(empty, torch.zeros(2, dtype=torch.int64)).tolist(), [[0] * 4] * 2)


if __name__ == "__main__":
    unittest.main()

"""The package against what C++ answers, and against the definition of a migration in numpy."""

import base64
import hashlib
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest
import zipfile
from pathlib import Path

import numpy as np
from chain import ROWS, SEED, TABLE, Chain

import remap


def migrated(plan, matrix, initial=None):
    """A plan by its definition; with `initial` as optimiser state."""
    out = matrix.copy()
    for i, row in enumerate(plan.changed):
        span = slice(plan.source_begin[i], plan.source_begin[i + 1])
        out[row] = plan.weights[span] @ matrix[plan.sources[span]]
        if initial is not None and plan.reset[i]:
            out[row] = initial
    for row in plan.restarted:
        out[row] = plan.restart_weights @ matrix[plan.restart_sources] if initial is None else initial
    return out


class Case(unittest.TestCase):
    def setUp(self):
        self.chain = Chain()
        self.addCleanup(self.chain.close)

    def client(self, **options):
        client = remap.Client(
            table=TABLE, rows=ROWS, seed=SEED, directory=self.chain.root, **options
        )
        self.addCleanup(client.close)
        client.poll()
        return client


class MappingTest(Case):
    def setUp(self):
        super().setUp()
        self.chain.publish(1, 1)
        self.path = self.chain.version_directory(1) / "mapping.remap"

    def test_looks_up_as_cpp_does(self):
        mapping = remap.Mapping.open(self.path)
        ids, rows = self.chain.ids[1], self.chain.rows[1]
        np.testing.assert_array_equal(mapping.lookup(ids), rows)
        np.testing.assert_array_equal(mapping.lookup(ids.view(np.int64)), rows)
        out = np.full(ids.shape, -7, np.int64)
        self.assertIs(mapping.lookup(ids, out=out), out)
        np.testing.assert_array_equal(out, rows)
        np.testing.assert_array_equal(mapping.lookup(ids[::2]), rows[::2])
        self.assertEqual(mapping.lookup(ids[:0]).size, 0)
        self.assertEqual(mapping.lookup(ids[:6].reshape(2, 3)).shape, (2, 3))
        few = np.array([3, 2**31 - 1], np.int64)
        for narrow in (np.int32, np.uint32):
            np.testing.assert_array_equal(mapping.lookup(few.astype(narrow)), mapping.lookup(few))
        np.testing.assert_array_equal(mapping.lookup(ids.astype(">u8")), rows)
        self.assertIn("version=1", repr(mapping))
        known = mapping.roles(ids) != remap.Role.FALLBACK
        self.assertEqual(int(known.sum()), mapping.ids)

    def test_refuses_what_it_cannot_use(self):
        mapping = remap.Mapping.open(self.path)
        ids = self.chain.ids[1]
        with self.assertRaisesRegex(ValueError, r"ids\[0\] is .*, which is no id: of floats only"):
            mapping.lookup(ids.astype(np.float32))
        with self.assertRaisesRegex(TypeError, "an array, or one id, not object"):
            mapping.lookup(object())
        with self.assertRaisesRegex(TypeError, "int64, not int32"):
            mapping.lookup(ids, out=np.empty(ids.shape, np.int32))
        with self.assertRaisesRegex(ValueError, "contiguous"):
            mapping.lookup(ids, out=np.empty((len(ids), 2), np.int64)[:, 0])
        with self.assertRaisesRegex(ValueError, "shape"):
            mapping.lookup(ids, out=np.empty(3, np.int64))
        with self.assertRaisesRegex(ValueError, "overlaps"):
            signed = ids.view(np.int64)
            mapping.lookup(signed, out=signed)

    def test_damaged_and_missing_files(self):
        damaged = self.chain.root / "damaged"
        content = bytearray(self.path.read_bytes())
        content[len(content) // 2] ^= 1
        damaged.write_bytes(content)
        with self.assertRaisesRegex(remap.CorruptError, "damaged"):
            remap.Mapping.open(damaged)
        with self.assertRaises(remap.NotFoundError):
            remap.Mapping.open(self.chain.root / "nothing")


class WheelTest(Case):
    def test_what_is_in_the_wheel_is_enough(self):
        self.chain.publish(1, 1)
        directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        maker = Path(__file__).parents[2] / "client/python/make_wheel.py"
        made = subprocess.run(
            [sys.executable, maker, "--library", os.environ["REMAP_LIBRARY"], "--out", directory,
             "--version", "1.2.3"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        with zipfile.ZipFile(made.stdout.strip()) as wheel:
            names = wheel.namelist()
            wheel.extractall(directory / "installed")
            record = next(name for name in names if name.endswith("RECORD"))
            for line in wheel.read(record).decode().splitlines():
                name, digest, size = line.split(",")
                if name != record:
                    content = wheel.read(name)
                    encoded = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
                    self.assertEqual(digest, "sha256=" + encoded.rstrip(b"=").decode())
                    self.assertEqual(int(size), len(content))
        self.assertIn("remap/py.typed", names)
        path = self.chain.version_directory(1) / "mapping.remap"
        program = f"""
            import sys, numpy as np, remap
            assert remap.__version__ == "1.2.3", remap.__version__
            mapping = remap.Mapping.open({str(path)!r})
            print(remap.__file__.startswith({str(directory)!r}), "torch" in sys.modules)
            print(*mapping.lookup(np.arange(50)))
        """
        bare = {k: v for k, v in os.environ.items() if k != "REMAP_LIBRARY"}
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)], check=True, capture_output=True,
            text=True, env={**bare, "PYTHONPATH": str(directory / "installed")},
        )  # fmt: skip
        rows = remap.Mapping.open(path).lookup(np.arange(50))
        self.assertEqual(done.stdout.split("\n")[:2], ["True False", " ".join(map(str, rows))])


class DocumentationTest(Case):
    def test_the_ten_lines_of_the_documentation_work(self):
        text = (Path(__file__).parents[2] / "docs/trainers.md").read_text()
        begin = text.index("    import numpy as np, remap\n")
        code = textwrap.dedent(text[begin : text.index("\n`rows` and `seed`", begin)])
        code = code.replace('"/var/lib/remapd/mappings"', repr(str(self.chain.root)))
        code = code.replace('table="item"', f"table={TABLE!r}, seed={SEED}")
        code = code.replace("20_000", str(ROWS))
        self.chain.publish(1, 3)
        names = {"batches": [self.chain.ids[3]]}
        exec(code, names)
        self.addCleanup(names["client"].close)
        self.assertEqual(names["client"].version, 3)
        rows = names["client"].lookup(self.chain.ids[3])
        np.testing.assert_array_equal(rows, self.chain.rows[3])
        self.assertEqual(names["rows"].shape, rows.shape)
        self.assertLess(int(names["rows"].max()), ROWS)


    def test_the_lines_in_c_of_the_documentation_work(self):
        text = (Path(__file__).parents[2] / "docs/trainers.md").read_text()
        begin = text.index("    remap_client_options options = {")
        code = text[begin : text.index("\n      ...\n", begin)]
        code = code.replace('"item"', f'"{TABLE}"').replace("20000", str(ROWS))
        code = code.replace("0, 1, 0};", f"0, {SEED}, 0}};").replace("for (;;)", "for (; step < 100; ++step)")
        program = f"""
            #include "remap.h"
            #include <stdio.h>
            #include <stdlib.h>
            static float weight[{ROWS * 16}], accumulator[{ROWS}];
            static void die(const char* why) {{ fprintf(stderr, "%s\\n", why); exit(1); }}
            int main(int argc, char** argv) {{
              const char* dir = argv[argc - 1];
              const uint64_t ids[3] = {{1, 2, 3}};
              int64_t rows[3];
              size_t count = 3;
              int step = 0;
              {code}
              }}
              uint64_t version;
              if (remap_client_served(client, &version)) die(remap_last_error());
              printf("%d", (int)version);
              remap_reader_close(reader);
              remap_client_close(client);
              return 0;
            }}
        """
        self.chain.publish(1, 2)
        with tempfile.TemporaryDirectory() as directory:
            source, binary = Path(directory) / "trainer.c", Path(directory) / "trainer"
            source.write_text(textwrap.dedent(program))
            library = Path(os.environ["REMAP_LIBRARY"])
            header = Path(__file__).parents[2] / "client/c"
            subprocess.run(
                ["cc", "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{header}", source,
                 "-o", binary, library, f"-Wl,-rpath,{library.parent}"],
                check=True,
            )  # fmt: skip
            done = subprocess.run([binary, self.chain.root], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, "2"), done.stderr)


class ClientTest(Case):
    def test_follows_and_migrates(self):
        client = self.client()
        self.assertEqual(client.version, 0)
        self.chain.publish(1, 1)
        self.chain.publish(2, 3)
        client.poll(5)
        self.assertEqual(client.swappable, [1, 2, 3])
        matrix = np.random.default_rng(1).normal(size=(ROWS, 5)).astype(np.float32)
        state = np.abs(matrix[:, 0]).copy()
        changed = 0
        for version in (1, 3):
            migration = client.swap(version)
            expected, expected_state = matrix, state
            for plan in migration.plans():
                changed += len(plan.changed)
                expected = migrated(plan, expected)
                expected_state = migrated(plan, expected_state, 0.25)
            migration.apply(matrix)
            migration.apply_to_state(state, 0.25)
            np.testing.assert_allclose(matrix, expected, rtol=1e-5, atol=1e-5)
            np.testing.assert_allclose(state, expected_state, rtol=1e-5, atol=1e-5)
            rows, said = client.lookup_versioned(self.chain.ids[version])
            self.assertEqual(said, version)
            np.testing.assert_array_equal(rows, self.chain.rows[version])
        self.assertGreater(changed, 0)
        with self.assertRaisesRegex(remap.RemapError, "1"):
            client.swap(1)
        with self.assertRaisesRegex(ValueError, "rows"):
            migration.apply(matrix[:-1].copy())
        self.assertEqual(client.stats().swaps, 2)

    def test_versions_may_stay_in_the_mapped_files(self):
        self.chain.publish(1, 2)
        for map_files in (False, True):
            client = self.client(map_files=map_files)
            client.swap(2, allow_unmigrated=True)
            np.testing.assert_array_equal(client.lookup(self.chain.ids[2]), self.chain.rows[2])
            with open("/proc/self/maps") as maps:
                mapped = any(str(self.chain.version_directory(2)) in line for line in maps)
            self.assertEqual(mapped, map_files)

    def test_damaged_version_is_passed_over(self):
        client = self.client()
        self.chain.publish(1, 1)
        client.poll(5)
        client.swap()
        self.chain.publish(2, 2)
        for name in ("mapping.remap", "delta.remap"):
            path = self.chain.version_directory(2) / name
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
        client.poll(0.5)
        self.assertNotIn(2, client.swappable)
        with self.assertRaises(remap.NotFoundError):
            client.swap(2)
        np.testing.assert_array_equal(client.lookup(self.chain.ids[1]), self.chain.rows[1])
        self.chain.publish(3, 3)
        client.poll(5)
        with self.assertRaisesRegex(remap.NotFoundError, "not staged"):
            client.swap(9)
        client.swap(3)  # across 2, whose plan is sound
        np.testing.assert_array_equal(client.lookup(self.chain.ids[3]), self.chain.rows[3])

    def test_a_new_job_adopts_what_is_there(self):
        with self.client() as early:
            self.assertEqual(early.adopt(0.1), 0)
        self.chain.publish(1, 3)
        client = self.client()
        client.lookup(self.chain.ids[3])  # so that the rows may have learned
        self.assertEqual(client.swappable, [])  # 3 is there, without the plans from nothing
        with self.assertRaises(remap.MigrationMissingError):
            client.swap()
        with self.assertLogs("remap", "WARNING") as logs:
            client.poll()
        self.assertIn("stays at version 0: version 3 is there", logs.output[0])
        self.assertEqual(client.adopt(), 3)
        np.testing.assert_array_equal(client.lookup(self.chain.ids[3]), self.chain.rows[3])
        self.chain.publish(4, 4)
        client.poll(5)
        self.assertTrue(client.swap().complete)
        with self.assertRaisesRegex(remap.RemapError, "serves version 4 already"):
            client.adopt()

    def test_the_shortest_loop_begins_with_what_is_there(self):
        """That of the package's docstring, beside a daemon that has published for long."""
        self.chain.publish(1, 3)
        begin = remap.__doc__.index("    with remap.Client(")
        code = textwrap.dedent(remap.__doc__[begin : remap.__doc__.index("\n`Mapping`", begin)])
        code = code.replace('"/var/lib/remapd/mappings"', repr(str(self.chain.root)))
        code = code.replace('table="item"', f"table={TABLE!r}, seed={SEED}")
        code = code.replace("rows=20_000", f"rows={ROWS}")
        for how in ("", ", background=True"):
            lines = code.replace(") as client", how + ") as client")
            if how:
                lines = lines.replace("client.poll()", "pass")
            self.assertNotIn("20_000", lines)
            weight = np.ones((ROWS, 4), np.float32)
            names = {"remap": remap, "weight": weight, "batches": [self.chain.ids[3]] * 2}
            with self.assertNoLogs("remap"):
                exec(lines, names)
            np.testing.assert_array_equal(names["rows"], self.chain.rows[3])
            self.assertTrue((weight == 1).all())

    def test_a_wrong_table_or_directory_is_named_at_once(self):
        self.chain.publish(1, 1)
        cases = {
            self.chain.root: f'no table "itm" in {self.chain.root}; there are "{TABLE}"',
            self.chain.root / "maps": f"mapping directory {self.chain.root}/maps does not exist",
        }
        for directory, words in cases.items():
            with remap.Client(table="itm", rows=ROWS, directory=directory) as client:
                with self.assertLogs("remap", "WARNING") as logs:
                    self.assertEqual(client.adopt(0.1), 0)
                self.assertIn(words, logs.output[0])
                self.assertIn(words, client.stats().last_problem)
                with self.assertNoLogs("remap"):  # once
                    client.poll()

    def test_other_rows_or_another_seed_are_refused(self):
        self.chain.publish(1, 2)
        for options, words in (
            ({"rows": 150, "seed": SEED}, f"rows = {ROWS}, .* opened with rows = 150"),
            ({"rows": ROWS}, f"seed = {SEED}, .* opened with seed = 1"),
        ):
            with remap.Client(table=TABLE, directory=self.chain.root, **options) as client:
                with self.assertLogs("remap", "WARNING"), self.assertRaisesRegex(ValueError, words):
                    client.poll()
                with self.assertRaisesRegex(ValueError, words):
                    client.adopt()
                self.assertRegex(client.stats().last_problem, words)

    def test_a_missing_plan_is_told_as_such(self):
        client = self.client()
        self.chain.publish(1, 1)
        client.poll(5)
        client.swap()
        self.chain.publish(2, 3)
        (self.chain.version_directory(2) / "plan.remap").unlink()
        client.poll(5)
        for version in (None, 2, 3):
            with self.assertRaisesRegex(remap.MigrationMissingError, "plan from version 1 to 2"):
                client.swap(version)
        self.assertEqual((client.version, client.offer()), (1, 0))
        client.swap(3, allow_unmigrated=True)
        np.testing.assert_array_equal(client.lookup(self.chain.ids[3]), self.chain.rows[3])

    def test_threads_look_up_while_versions_are_swapped(self):
        client = self.client()
        self.chain.publish(1, 6)
        client.poll(5)
        client.swap(1)
        ids = self.chain.ids[1]
        mappings = {v: remap.Mapping.open(self.chain.version_directory(v) / "mapping.remap")
                    for v in range(1, 7)}  # fmt: skip
        expected = {v: m.lookup(ids) for v, m in mappings.items()}
        wrong, stop = [], threading.Event()

        def look_up():
            while not stop.is_set():
                rows, version = client.lookup_versioned(ids)
                if not np.array_equal(rows, expected[version]):
                    wrong.append(version)

        threads = [threading.Thread(target=look_up) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(2, 7):
            client.swap()
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.assertEqual(client.version, 6)

    def test_closed_and_wrong_arguments(self):
        with self.assertRaisesRegex(ValueError, "one of directory=, brokers= and url="):
            remap.Client(table=TABLE, rows=ROWS)
        with self.assertRaisesRegex(ValueError, "rows"):
            remap.Client(table=TABLE, rows=0, directory=self.chain.root)
        with self.client() as client:
            self.assertIn(TABLE, repr(client))
        with self.assertRaisesRegex(remap.RemapError, "closed"):
            client.poll()
        self.assertIn("closed", repr(client))


if __name__ == "__main__":
    unittest.main()

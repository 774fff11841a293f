"""What a platform does to a library: forks, copies, pickles, closes under use, ends the interpreter."""

import copy
import gc
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import time
import unittest

import numpy as np
from chain import ROWS, SEED, TABLE
from test_remap import Case

import remap


def in_child(work) -> bytes:
    """What `work` says in a forked child, which must end by itself."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(writer, repr(work()).encode())
        except BaseException as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        finally:
            gc.collect()
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        said = answer.read()
    deadline = time.monotonic() + 20
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            raise AssertionError("the child hangs")
        time.sleep(0.01)
    return said


class ForkTest(Case):
    def test_a_client_says_that_it_is_not_of_this_process(self):
        self.chain.publish(1, 1)
        client = self.client(background=True)
        while not client.swappable:
            time.sleep(0.01)
        client.swap()
        ids = self.chain.ids[1]
        client.lookup(ids)
        for call in (lambda: client.lookup(ids), lambda: client.poll(), lambda: client.version):
            self.assertIn(b"RemapError: the client was opened before this process was forked",
                          in_child(call))  # fmt: skip
        self.assertIn(b"forked", in_child(lambda: client))  # its repr

        def replaced():
            nonlocal client
            client = remap.Client(table=TABLE, rows=ROWS, seed=SEED, directory=self.chain.root)
            client.poll(5)
            client.swap(client.swappable[-1])
            return bool((client.lookup(ids) == self.chain.rows[1]).all())

        self.assertEqual(in_child(replaced), b"True")
        np.testing.assert_array_equal(client.lookup(ids), self.chain.rows[1])

    def test_a_mapping_is_shared(self):
        self.chain.publish(1, 1)
        mapping = remap.Mapping.open(self.chain.version_directory(1) / "mapping.remap")
        ids = self.chain.ids[1]
        same = in_child(lambda: bool((mapping.lookup(ids) == self.chain.rows[1]).all()))
        self.assertEqual(same, b"True")


class CopyTest(Case):
    def test_copies_are_the_same_and_pickles_refused(self):
        self.chain.publish(1, 1)
        client = self.client()
        client.poll(5)
        migration = client.swap()
        for thing in (client, client.mapping(), migration):
            self.assertIs(copy.copy(thing), thing)
            self.assertIs(copy.deepcopy({"a": thing})["a"], thing)
            with self.assertRaisesRegex(TypeError, "cannot be pickled: make one in each process"):
                pickle.dumps(thing)


class CloseTest(Case):
    def test_a_call_that_is_under_way_ends_in_peace(self):
        client = self.client()
        client.stop()
        polled = []
        thread = threading.Thread(target=lambda: polled.append(client.poll(1)))
        thread.start()
        time.sleep(0.2)
        begun = time.monotonic()
        client.close()
        self.assertLess(time.monotonic() - begun, 0.5)
        with self.assertRaisesRegex(remap.RemapError, "the client is closed"):
            client.lookup(np.arange(3))
        thread.join()
        self.assertEqual(polled, [0])

    def test_plans_outlive_their_migration(self):
        self.chain.publish(1, 1)
        client = self.client()
        client.poll(5)
        plan = client.swap().plans()[0]
        gc.collect()
        self.assertEqual(int(plan.source_begin[-1]), len(plan.sources))
        self.assertLess(int(plan.sources.max()), ROWS)
        self.assertFalse(plan.sources.flags.writeable)


class EndTest(Case):
    def test_the_interpreter_ends_whatever_is_open(self):
        self.chain.publish(1, 2)
        program = f"""
            import threading, time, numpy as np, remap
            client = remap.Client(table={TABLE!r}, rows={ROWS}, seed={SEED},
                                  directory={str(self.chain.root)!r}, background=True)
            kafka = remap.Client(table={TABLE!r}, rows={ROWS}, brokers="127.0.0.1:1", background=True)
            client.adopt()
            def look_up():
                ids = np.arange(10_000)
                while True:
                    client.lookup(ids)
            for _ in range(2):
                threading.Thread(target=look_up, daemon=True).start()
            time.sleep(0.2)
            print(client.version)
        """
        done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)],
                              capture_output=True, text=True, timeout=60)  # fmt: skip
        self.assertEqual((done.returncode, done.stdout), (0, "2\n"), done.stderr)
        self.assertEqual(done.stderr, "")


if __name__ == "__main__":
    unittest.main()

"""remap.id_of and remap.ids_of: one rule for ids, whatever an array is made of."""

import unittest

import numpy as np
from chain import ROWS, SEED, TABLE, Chain

import remap

try:
    import torch
except ImportError:
    torch = None

# docs/formats.md, "Ids", pins the same values.
PINNED = {
    "B00X": 4029436282391442434,
    b"B00X": 4029436282391442434,
    " B00X ": 4029436282391442434,
    "123": 123,
    " 007 ": 7,
    "123.0": 123,
    123: 123,
    123.0: 123,
    -1: 2**64 - 1,
    "-1": 2**64 - 1,
    np.int64(-7286425919675154353): 2**64 - 7286425919675154353,
    "-7286425919675154353": 2**64 - 7286425919675154353,
    "9007199254740993": 9007199254740993,
    2**64 - 1: 2**64 - 1,
    np.uint8(5): 5,
    np.float32(8): 8,
    np.str_("B00X"): 4029436282391442434,
}


class IdsTest(unittest.TestCase):
    def test_pinned_values(self):
        for value, expected in PINNED.items():
            self.assertEqual(remap.id_of(value), expected, repr(value))
        self.assertEqual(
            remap.ids_of(list(PINNED)).view(np.uint64).tolist(), list(PINNED.values())
        )

    def test_arrays_of_text_of_every_kind(self):
        texts = ["B00X", "", "été", "日本", "😀x", "17", "-4", "a" * 100, "x y"]
        texts[1] = "padding"
        expected = [remap.id_of(text) for text in texts]
        forms = {
            "str": np.array(texts),
            "swapped": np.array(texts).astype(np.dtype("U100").newbyteorder("S")),
            "bytes": np.array([text.encode() for text in texts]),
            "objects of str": np.array(texts, object),
            "objects of bytes": np.array([text.encode() for text in texts], object),
            "mixed objects": np.array([*texts[:5], 17, -4.0, np.str_(texts[7]), b"x y"], object),
            "list": texts,
        }
        if hasattr(np.dtypes, "StringDType") if hasattr(np, "dtypes") else False:
            forms["numpy strings"] = np.array(texts, np.dtypes.StringDType())
        for name, form in forms.items():
            with self.subTest(name):
                self.assertEqual(remap.ids_of(form).tolist(), expected)
        square = np.array(texts).reshape(3, 3)
        for form in (square.T, square[::2], square.astype(object).T, square.astype(object)[::2]):
            flat = [remap.id_of(str(text)) for text in form.reshape(-1)]
            self.assertEqual(remap.ids_of(form).shape, form.shape)
            self.assertEqual(remap.ids_of(form).reshape(-1).tolist(), flat)
        for empty in (np.array([], "U3"), np.array([], object), []):
            self.assertEqual(remap.ids_of(empty).shape, (0,))

    def test_integers_are_their_bits(self):
        ids = np.array([1, -1, 2**62], np.int64)
        self.assertIs(remap.ids_of(ids), ids)
        self.assertEqual(remap.ids_of(ids[::-1]).tolist(), ids[::-1].tolist())
        self.assertEqual(remap.ids_of(ids.astype(">i8")).tolist(), ids.tolist())
        self.assertEqual(remap.ids_of(np.array([-1], np.int16)).view(np.uint64)[0], 2**64 - 1)
        self.assertEqual(remap.ids_of(np.array([255], np.uint8))[0], 255)
        self.assertEqual(remap.ids_of(np.array([1.0, -3.0])).tolist(), [1, -3])
        if torch is not None:
            self.assertEqual(remap.ids_of(torch.tensor([1, -1])).tolist(), [1, -1])

    def test_what_is_no_id_is_named(self):
        for value in (True, None, 1.5, float("nan"), float("inf"), 2.0**60, 2**64, -(2**63) - 1, "  ",
                      b"", [1], {}):  # fmt: skip
            with self.assertRaises((TypeError, ValueError), msg=repr(value)) as raised:
                remap.id_of(value)
            self.assertIn("no id", str(raised.exception))
        for array, words in (
            (np.array([1.0, np.nan]), r"ids\[1\] is nan, .* leave missing values out"),
            (np.array([[1.0], [1.5]]), r"ids\[1\] is 1.5"),
            (np.array([2.0**53 * 4]), r"up to 2\*\*53"),
            (np.array([True]), "not an array of bool: make them integers first"),
            (np.array(["2024-01-01"], "M8[D]"), "datetime64"),
            (np.array([1j]), "complex"),
            (np.array(["a", " "]), r"ids\[1\] is a text of nothing but blanks"),
            (np.array(["a", None], object), r"ids\[1\]: None is no id"),
            (np.array(["a"] * 5_000 + [""], object), r"ids\[5000\]: a text of nothing but blanks"),
            (np.array([b"a"] * 5_000 + [b" "], object), r"ids\[5000\]: a text of nothing but"),
            (np.array(["a", "\ud800"], object), "surrogates"),
            (np.array(["a", "\ud800"]), r"ids\[1\]: U\+D800"),
            ({}, "not dict"),
        ):
            with self.assertRaisesRegex((TypeError, ValueError), words):
                remap.ids_of(array)

    def test_lookups_take_all_of_them(self):
        chain = Chain()
        self.addCleanup(chain.close)
        chain.publish(1, 1)
        with remap.Client(table=TABLE, rows=ROWS, seed=SEED, directory=chain.root) as client:
            client.poll()
            client.swap()
            ids, rows = chain.ids[1], chain.rows[1]
            few = [int(i) for i in ids[:9]]
            for form in (ids.view(np.int64), ids.astype(str), ids.astype("S"), few,
                         ids.astype(object)):  # fmt: skip
                np.testing.assert_array_equal(client.lookup(form), rows[: len(form)])
            for one in (np.uint64(few[0]), ids[:1].view(np.int64)[0], few[0], str(few[0])):
                answer = client.lookup(one)
                self.assertEqual((answer.shape, int(answer)), ((), rows[0]))
            mapping = client.mapping()
            np.testing.assert_array_equal(
                mapping.lookup(["B00X"]), mapping.lookup(np.array([PINNED["B00X"]], np.uint64))
            )
            self.assertEqual(mapping.roles(ids.astype(str)).tolist(), mapping.roles(ids).tolist())
            with self.assertRaisesRegex(TypeError, "bool"):
                client.lookup(np.array([True]))


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""The Python module: mobileasr_test.py FOLDER_OF_THE_MODULE SIX_FUNCTIONS_C"""

import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

import numpy

sys.path.insert(0, sys.argv[1])
import mobileasr  # noqa: E402

PROGRAM = sys.argv[2]
ASSETS = pathlib.Path(__file__).resolve().parent.parent.parent / "assets"
MODEL = str(ASSETS / "tiny.masr")
SENTENCE = ASSETS / "general" / "00-flite-slt.ogg"
TEXT = SENTENCE.with_suffix(".txt").read_text().strip()


class Module(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.checkpoint = f"{self.temporary.name}/checkpoint"
        self.model = mobileasr.Model(MODEL, threads=1)
        self.audio = self.model.read_audio(str(SENTENCE))

    def train(self, model):
        return model.train([self.audio], [TEXT])

    def test_the_same_numbers_as_in_c(self):
        said = subprocess.run([PROGRAM, MODEL, SENTENCE, TEXT, self.checkpoint], capture_output=True, text=True,
                              timeout=120, check=True).stdout.splitlines()
        self.assertEqual(said[2], f"loss {self.model.loss([self.audio], [TEXT]):.17g}")
        for line in said[3:6]:
            self.assertIn(f"loss {self.train(self.model):.17g},", line)
        probabilities, texts = self.model.infer([self.audio])
        self.assertEqual(probabilities[0].shape[1], 29)
        numpy.testing.assert_allclose(probabilities[0].sum(axis=1), 1, rtol=1e-6)
        self.assertEqual(len(texts), 1)

    def test_what_is_restored_goes_on_to_the_same_bits(self):
        self.model.configure(tuning="lora", lora_rank=4, optimizer_bits=8, seed=3)
        self.train(self.model)
        self.model.save(self.checkpoint)
        losses = [self.train(self.model) for _ in range(2)]
        other = mobileasr.Model(MODEL, threads=2)
        other.restore(self.checkpoint)
        self.assertEqual([self.train(other) for _ in range(2)], losses)
        for name, values in self.model.weights().items():
            numpy.testing.assert_array_equal(other.weights()[name], values)

    def test_parameters_and_weights(self):
        self.model.configure(freeze_blocks=6)
        learning = {p["name"]: p for p in self.model.parameters() if p["trainable"]}
        weights = self.model.weights()
        self.assertEqual({name: values.shape for name, values in weights.items()},
                         {name: p["shape"] for name, p in learning.items()})
        for values in weights.values():
            values *= 0.5
        self.model.set_weights(weights)
        numpy.testing.assert_array_equal(self.model.weights()["head.bias"], weights["head.bias"])
        wrong = dict(weights, **{"head.bias": numpy.zeros(3, numpy.float32)})
        with self.assertRaisesRegex(mobileasr.Error, r"'head.bias' is \[29\] here and \[3\]"):
            self.model.set_weights(wrong)

    def test_errors_are_told(self):
        with self.assertRaises(mobileasr.Error) as raised:
            mobileasr.Model("/no/such.masr")
        self.assertEqual(raised.exception.status, "MASR_NOT_FOUND")
        self.assertIn("/no/such.masr", str(raised.exception))
        with self.assertRaisesRegex(mobileasr.Error, "vocabulary"):
            self.model.train([self.audio], ["7"])
        for speech in ([self.audio, numpy.zeros((50, 80))], [numpy.zeros((50, 79))], [numpy.zeros((1, 2, 3))]):
            with self.assertRaises(ValueError):
                self.model.infer(speech)
        with self.assertRaises(ValueError):
            self.model.train([self.audio], [])  # a text for each
        with self.assertRaises(ValueError):
            self.model.configure(tuning="some")

    def test_another_thread_stops_it(self):
        timer = threading.Timer(0.2, self.model.set_cancelled, [True])
        timer.start()
        with self.assertRaises(mobileasr.Error) as raised:
            while True:
                self.train(self.model)
        self.assertEqual(raised.exception.status, "MASR_CANCELLED")
        self.model.set_cancelled(False)
        self.train(self.model)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

#!/usr/bin/env python3
"""The Python module: mobileasr_test.py FOLDER_OF_THE_MODULE SIX_FUNCTIONS_C"""

import json
import pathlib
import shutil
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

    def test_a_language_model_and_hotwords_change_the_texts(self):
        def heard():
            return self.model.infer([self.audio])[1][0].strip()

        greedy = heard()
        self.assertNotIn("little boat", greedy)
        self.model.set_decoding(hotwords="little boat :2")
        self.assertIn("little boat", heard())
        self.model.set_decoding(language_model=str(ASSETS / "en.lm"))
        self.assertEqual(heard(), TEXT)
        self.model.set_decoding()
        self.assertEqual(heard(), greedy)
        with self.assertRaisesRegex(mobileasr.Error, "/no/such"):
            self.model.set_decoding(language_model="/no/such")
        with self.assertRaisesRegex(mobileasr.Error, "agent 7"):
            self.model.set_decoding(hotwords="agent 7")

    def test_text_while_the_sound_arrives(self):
        stream = self.model.stream()
        partials = []
        for at in range(0, len(self.audio), 320):
            segments, partial_due = stream.push(self.audio[at:at + 320])
            self.assertEqual(segments, [])  # it is shorter than a window
            if partial_due:
                partials.append(stream.partial())
        self.assertTrue(any(partials))
        (segment,) = stream.finish()
        self.assertEqual(segment["text"], self.model.infer([self.audio])[1][0].strip())
        self.assertIsNone(segment["words"][0]["confidence"])
        self.assertEqual(stream.finish(), [])

        self.model.set_decoding(language_model=str(ASSETS / "en.lm"))
        stream = self.model.stream(whole=True, texts=3)
        del self.model  # the stream keeps it
        stream.push(self.audio)
        (segment,) = stream.finish()
        self.assertEqual(segment["text"], TEXT)
        self.assertEqual(len(segment["texts"]), 3)
        self.assertEqual(segment["texts"][0]["text"], TEXT)
        self.assertEqual(" ".join(w["word"] for w in segment["words"]), TEXT)
        for word in segment["words"]:
            self.assertLess(word["begin_s"], word["end_s"])
            self.assertTrue(0 < word["confidence"] <= 1 + 1e-9)
        with self.assertRaisesRegex(mobileasr.Error, "sample 1 "):
            stream.push(numpy.array([0, numpy.nan], numpy.float32))
        with self.assertRaises(ValueError):
            stream.push(numpy.zeros((2, 2)))

    def test_streams_say_what_they_cannot_be(self):
        with self.assertRaisesRegex(mobileasr.Error, "sample rate"):
            self.model.stream(sample_rate_hz=7)


class Rounds(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.folder = pathlib.Path(self.temporary.name)
        self.data = self.folder / "speech.jsonl"
        files = sorted((ASSETS / "general").glob("*-flite-*.ogg"))[:8]
        self.data.write_text("".join(
            json.dumps({"audio_filepath": str(f), "text": f.with_suffix(".txt").read_text().strip()}) + "\n"
            for f in files))
        self.events = []

    def open(self, name="me", on_event=None, monitor=None):
        return mobileasr.Owner(str(self.folder / name), MODEL, threads=1, on_event=on_event or self.events.append,
                               monitor=monitor)

    def run_round(self, owner, **options):
        """Two epochs of the head alone."""
        training = mobileasr.TrainingOptions(freeze_blocks=6, learning_rate=1e-3)
        return owner.run(str(self.data), epochs=2, training=training, **options)

    def kinds(self):
        return [e["kind"] for e in self.events]

    def test_learns_judges_and_takes_back(self):
        with self.open() as owner:
            result = self.run_round(owner)
            self.assertEqual((result["round"], result["epochs"]), (1, 2))
            self.assertFalse(result["unfinished"])
            self.assertEqual(result["halted_by"], "")
            self.assertGreater(result["peak_bytes"], 1 << 20)
            self.assertEqual(self.kinds().count("epoch"), 3)
            self.assertEqual(self.events[-1], {"kind": "accept" if result["accepted"] else "keep",
                                               "text": result["why"]})
            progress = next(e for e in self.events if e["kind"] == "progress")
            self.assertGreater(progress["loss"], 0)
            self.assertEqual(progress["epochs"], 2)
            (record,) = owner.history()
            self.assertEqual(record["round"], 1)
            owner.report(str(self.folder / "report.html"))
            self.assertIn("<svg", (self.folder / "report.html").read_text())
            mobileasr.Model(owner.model, threads=1)
            if result["accepted"]:
                owner.rollback()
            with self.assertRaises(mobileasr.Error) as raised:
                owner.rollback()
            self.assertEqual(raised.exception.status, "MASR_NOT_FOUND")
            self.assertEqual(pathlib.Path(owner.model).read_bytes(), pathlib.Path(MODEL).read_bytes())
            with self.assertRaises(mobileasr.Error) as raised:
                self.open()  # one folder, one handle
            self.assertEqual(raised.exception.status, "MASR_IO")
        self.open().close()
        with self.assertRaisesRegex(ValueError, "closed"):
            owner.history()

    def test_plans(self):
        asked = []
        with self.open(monitor=lambda: asked.append(1)) as owner:
            plan = owner.plan(str(self.data), ram_bytes=1 << 40)
            self.assertGreater(plan["candidates"], 3)
            self.assertEqual(plan["fitting"], plan["candidates"])
            self.assertGreater(plan["peak_bytes"], 1 << 20)
            self.assertIn(plan["training"].tuning, ("full", "vectors", "lora"))
            self.assertTrue(asked)
            with self.assertRaisesRegex(mobileasr.Error, "MB") as raised:
                owner.plan(str(self.data), ram_bytes=1000)
            self.assertEqual(raised.exception.status, "MASR_NO_SPACE")
            with self.assertRaisesRegex(mobileasr.Error, "min_batery"):
                owner.run(str(self.data), policy='{"min_batery": 3}')
            with self.assertRaisesRegex(mobileasr.Error, "needs speech"):
                owner.run()
            with self.assertRaises(ValueError):
                owner.run(str(self.data), mode="some")

    def test_a_monitor_halts_it(self):
        told = {"battery_percent": 12, "charging": False, "power_w": 1.7, "available_bytes": 2 << 30}
        with self.open(monitor=lambda: told) as owner:
            result = self.run_round(owner)
            self.assertEqual((result["halted_by"], result["unfinished"]), ("battery", True))
            halt = next(e for e in self.events if e["kind"] == "halt")
            self.assertIn("12", halt["text"])
            with self.assertRaisesRegex(mobileasr.Error, "MASR_ROUND_RESUME"):
                self.run_round(owner)
            told["battery_percent"] = 80
            result = owner.run(mode="resume")
            self.assertTrue(result["resumed"])
            self.assertFalse(result["unfinished"])

    def test_another_thread_stops_it_and_it_goes_on(self):
        middle, asked = threading.Event(), threading.Event()

        def on_event(event):
            if event["kind"] == "progress" and not middle.is_set():
                middle.set()
                asked.wait()

        with self.open(on_event=on_event) as owner:
            def stop():
                middle.wait()
                with self.assertRaises(mobileasr.Error) as raised:
                    owner.history()
                self.assertEqual(raised.exception.status, "MASR_BUSY")
                owner.set_cancelled(True)
                asked.set()

            thread = threading.Thread(target=stop)
            thread.start()
            result = self.run_round(owner)
            thread.join()
            self.assertEqual((result["halted_by"], result["unfinished"]), ("owner", True))
            with self.assertRaises(mobileasr.Error) as raised:
                owner.run(mode="resume")
            self.assertEqual(raised.exception.status, "MASR_CANCELLED")
            owner.set_cancelled(False)
            self.assertFalse(owner.run(mode="resume")["unfinished"])
            resumed = pathlib.Path(owner.model).read_bytes()
        with self.open("undisturbed") as owner:
            self.run_round(owner)
            self.assertEqual(pathlib.Path(owner.model).read_bytes(), resumed)

    def test_what_callbacks_raise_comes_out(self):
        angry = [True]

        def on_event(event):
            if event["kind"] == "progress" and angry[0]:
                raise KeyError("not today")

        with self.open(on_event=on_event) as owner:
            with self.assertRaisesRegex(KeyError, "not today"):
                self.run_round(owner)
            angry[0] = False
            self.assertFalse(owner.run(mode="resume")["unfinished"])
        for answer, error in ((lambda: {"batery": 3}, ValueError), (lambda: {"power_w": "much"}, RuntimeError),
                              (lambda: 1 / 0, ZeroDivisionError)):
            shutil.rmtree(self.folder / "other", ignore_errors=True)
            with self.open("other", monitor=answer) as owner:
                with self.assertRaises(error):
                    self.run_round(owner)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

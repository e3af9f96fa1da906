#!/usr/bin/env python3
"""The Python module: mobileasr_test.py FOLDER_OF_THE_MODULE SIX_FUNCTIONS_C"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback
import unittest
import weakref

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
        for beside in ({"tuning": "lora", "lora_rank": 4}, {"tuning": "adapters", "adapter_width": 3}):
            with self.subTest(**beside):
                model = mobileasr.Model(MODEL, threads=2)
                model.configure(**beside, optimizer_bits=8, seed=3)
                self.train(model)
                model.save(self.checkpoint)
                losses = [self.train(model) for _ in range(2)]
                other = mobileasr.Model(MODEL, threads=2)
                other.restore(self.checkpoint)
                self.assertEqual([self.train(other) for _ in range(2)], losses)
                for name, values in model.weights().items():
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

    def test_denormal_numbers_are_there(self):
        self.train(self.model)
        self.assertGreater(numpy.float32(1e-38) * numpy.float32(0.01), 0)

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

    def test_functions_by_name_do_the_same(self):
        names = [f["name"] for f in self.model.functions()]
        self.assertEqual(names, ["train", "infer", "save", "restore", "loss", "parameters"])
        audio, rate = self.model.functions()[0]["inputs"][0], self.model.functions()[0]["inputs"][3]
        self.assertEqual((audio["name"], audio["dtype"], audio["shape"], audio["optional"]),
                         ("audio", "f32", (-1,), True))
        self.assertEqual(rate["shape"], ())
        speech = {"audio": self.audio, "lengths": [len(self.audio)], "sample_rate_hz": 16000}
        loss = self.model.call("loss", dict(speech, text=TEXT + "\n"))
        self.assertEqual(loss["loss"], self.model.loss([self.audio], [TEXT]))
        self.assertEqual((loss["losses"].dtype, loss["losses"].shape), (numpy.float32, (1,)))
        heard = self.model.call("infer", speech, ["text", "probabilities"])
        self.assertEqual(sorted(heard), ["probabilities", "text"])
        probabilities, texts = self.model.infer([self.audio])
        numpy.testing.assert_array_equal(heard["probabilities"], probabilities[0])
        self.assertEqual(heard["text"].decode(), texts[0] + "\n")
        other = mobileasr.Model(MODEL, threads=1)
        self.assertEqual(self.model.call("train", dict(speech, text=TEXT))["loss"], self.train(other))
        self.assertEqual(self.model.call("save", {"path": self.checkpoint}), {})
        other.call("restore", {"path": self.checkpoint.encode()})
        self.assertEqual(len(json.loads(self.model.call("parameters")["table"])), len(self.model.parameters()))

        def refused(status, message, *arguments):
            with self.assertRaisesRegex(mobileasr.Error, message) as raised:
                self.model.call(*arguments)
            self.assertEqual(raised.exception.status, status)

        refused("MASR_NOT_FOUND", "'fly'", "fly")
        refused("MASR_INVALID_ARGUMENT", "input 'sound' is not in the signature", "infer", {"sound": self.audio})
        refused("MASR_INVALID_ARGUMENT", "output 'gain' is not", "infer", speech, ["gain"])
        refused("MASR_INVALID_ARGUMENT", "'audio' must be of dtype 1 and rank 1", "infer", dict(speech, audio=1.0))
        refused("MASR_INVALID_ARGUMENT", "rank 1", "infer", dict(speech, audio=numpy.zeros((1,) * 7)))
        with self.assertRaisesRegex(TypeError, "'lengths' must be i64, not float64"):
            self.model.call("infer", dict(speech, lengths=[1.5]))
        with self.assertRaisesRegex(ValueError, "'sample_rate_hz' has a number that i32 cannot hold"):
            self.model.call("infer", dict(speech, sample_rate_hz=1 << 33))

    def test_functions_of_ones_own(self):
        calls = []

        def embed(model, inputs):
            calls.append(inputs)
            if inputs.get("name") == b"nested":
                model.call("loss", {"lengths": [1], "text": "a"})
            probabilities, _ = model.infer([inputs["audio"]])
            return {"sum": probabilities[0].sum(), "mean": probabilities[0].mean(axis=0), "all": probabilities[0]}

        def value(name, dtype, *shape, **other):
            return dict(name=name, dtype=dtype, shape=shape, **other)

        signature = dict(inputs=[value("audio", "f32", -1, meaning="[samples]"), value("name", "u8", -1, optional=True)],
                         outputs=[value("sum", "f64"), value("mean", "f32", 29, optional=True),
                                  value("all", "f32", -1, -1, optional=True)])
        self.model.register("embed", embed, **signature, meaning="what it hears on average")
        row = self.model.functions()[6]
        self.assertEqual((row["name"], row["meaning"]), ("embed", "what it hears on average"))
        self.assertEqual(row["inputs"][0], value("audio", "f32", -1, meaning="[samples]", optional=False))
        told = self.model.call("embed", {"audio": self.audio, "name": "\u00fc"})
        probabilities, _ = self.model.infer([self.audio])
        numpy.testing.assert_array_equal(told["all"], probabilities[0])
        numpy.testing.assert_array_equal(told["mean"], probabilities[0].mean(axis=0))
        self.assertEqual(told["sum"], float(probabilities[0].sum()))
        self.assertEqual(len(calls), 1)  # although it took two calls to find room
        self.assertEqual(calls[0]["name"], "\u00fc".encode())
        self.assertEqual(list(self.model.call("embed", {"audio": self.audio}, ["sum"])), ["sum"])
        self.assertNotIn("name", calls[1])
        # An error of a call within is told with its status.
        with self.assertRaisesRegex(mobileasr.Error, "'lengths'|audio") as raised:
            self.model.call("embed", {"audio": self.audio, "name": "nested"})
        self.assertEqual(raised.exception.status, "MASR_INVALID_ARGUMENT")
        self.assertIsInstance(raised.exception.__cause__, mobileasr.Error)
        # A function may call another one.
        self.model.register("twice", lambda model, inputs: {"all": model.call("embed", inputs)["all"] * 2},
                            inputs=signature["inputs"][:1], outputs=signature["outputs"][2:])
        numpy.testing.assert_array_equal(self.model.call("twice", {"audio": self.audio})["all"], probabilities[0] * 2)
        with self.assertRaisesRegex(mobileasr.Error, "'lengths' is not|'audio' is missing"):
            self.model.call("embed")
        with self.assertRaisesRegex(mobileasr.Error, "'embed' already"):
            self.model.register("embed", embed)
        with self.assertRaisesRegex(mobileasr.Error, "'embed'"):
            mobileasr.Model(MODEL, threads=1).call("embed")
        for wrong in ("f16", "i8"):
            with self.assertRaisesRegex(ValueError, wrong):
                self.model.register("other", embed, outputs=[value("a", wrong)])
        with self.assertRaisesRegex(mobileasr.Error, "rank must be 0 to 4"):
            self.model.register("other", embed, outputs=[value("a", "f32", 1, 2, 3, 4, 5)])

    def test_what_functions_of_ones_own_do_wrong_is_told(self):
        answer = [None]

        def answers(model, inputs):
            if isinstance(answer[0], BaseException):
                raise answer[0]
            return answer[0]

        self.model.register("own", answers, outputs=[{"name": "pair", "dtype": "i32", "shape": (2,)}])
        answer[0] = {"pair": numpy.array([3, 4])}
        numpy.testing.assert_array_equal(self.model.call("own")["pair"], [3, 4])
        for wrong, message in ((None, "it has given no 'pair'"), ({"pear": 1}, "it has given no 'pair'"),
                               ([1, 2], "dict"), ({"pair": [1, 2, 3]}, "dimension 0 must not be 3"),
                               ({"pair": 7}, "rank 1"), ({"pair": [1.5, 2]}, "must be i32, not float64"),
                               ({"pair": [1 << 40, 0]}, "cannot hold")):
            answer[0] = wrong
            with self.assertRaisesRegex(mobileasr.Error, message) as raised:
                self.model.call("own")
            self.assertEqual(raised.exception.status, "MASR_INVALID_ARGUMENT")
        answer[0] = ZeroDivisionError("not by zero \u00fc")
        with self.assertRaisesRegex(mobileasr.Error, "ZeroDivisionError: not by zero \u00fc") as raised:
            self.model.call("own")
        self.assertIs(raised.exception.__cause__, answer[0])
        self.assertEqual(raised.exception.status, "MASR_INVALID_ARGUMENT")
        self.assertEqual(traceback.extract_tb(answer[0].__traceback__)[-1].name, "answers")
        answer[0] = KeyboardInterrupt()
        with self.assertRaises(KeyboardInterrupt):
            self.model.call("own")
        answer[0] = {"pair": [1, 2]}
        self.model.call("own")  # nothing is left of it

    def test_a_model_keeps_its_functions_and_both_go(self):
        class Function:
            def __call__(self, model, inputs):
                return {}

        function = Function()
        gone = weakref.ref(function)
        self.model.register("own", function)
        del function
        self.assertEqual(self.model.call("own"), {})
        self.model = None
        self.assertIsNone(gone())

    def test_another_thread_goes_on_while_a_function_is_called(self):
        middle, seen = threading.Event(), threading.Event()

        def waits(model, inputs):
            middle.set()
            return {"seen": int(seen.wait(60))}

        self.model.register("waits", waits, outputs=[{"name": "seen", "dtype": "u8", "shape": ()}])
        thread = threading.Thread(target=lambda: (middle.wait(), seen.set()))
        thread.start()
        self.assertEqual(self.model.call("waits"), {"seen": 1})
        thread.join()

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
            self.assertIn(plan["training"].tuning, ("full", "vectors", "lora", "adapters"))
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

    def test_a_profile_is_measured_once_and_handed_on(self):
        with self.open() as owner:
            with self.assertRaises(mobileasr.Error) as raised:
                owner.profile()
            self.assertEqual(raised.exception.status, "MASR_NOT_FOUND")
            owner.measure()
            profile = owner.profile()
            self.assertEqual(json.loads(profile)["threads"], 1)
        slower = json.loads(profile)
        slower["update_s"] = 10
        with self.open("other") as owner:
            owner.set_profile(json.dumps(slower))
            self.assertEqual(json.loads(owner.profile())["update_s"], 10)
            self.assertGreater(owner.plan(str(self.data))["seconds"], 1e6)
            for wrong in ("{", json.dumps(dict(slower, threads=3))):
                with self.assertRaises(mobileasr.Error):
                    owner.set_profile(wrong)
            self.assertEqual(json.loads(owner.profile())["update_s"], 10)
            owner.set_profile("")
            with self.assertRaisesRegex(mobileasr.Error, "masr_owner_measure"):
                owner.profile()

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

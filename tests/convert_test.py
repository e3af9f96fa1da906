#!/usr/bin/env python3
"""Recognisers from elsewhere through the command: convert_test.py MOBILEASR

The source is src/convert/testdata/hubert, a HubertForCTC of random weights whose letters are those of the made
"speech" of tones.py. Python's standard library only.
"""

import copy
import json
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

from tones import CONFIG, LETTERS, speak, write_manifest, write_wav

MOBILEASR = pathlib.Path(sys.argv.pop(1)).resolve()
SOURCE = pathlib.Path(__file__).resolve().parent.parent / "src" / "convert" / "testdata" / "hubert"


def run(*arguments):
    return subprocess.run([str(MOBILEASR), *map(str, arguments)], capture_output=True, text=True, timeout=300)


def tensors(path):
    """Shapes by name, of a safetensors file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    return {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}


class Convert(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.dir = pathlib.Path(cls.folder.name)
        rng = random.Random(1)
        items = []
        for i in range(10):
            path = cls.dir / f"{i}.wav"
            text = "".join(rng.choices(LETTERS, k=3))
            write_wav(path, speak(text, seed=i))
            items.append((path, text))
        write_manifest(cls.dir / "speech.jsonl", items)
        cls.model = cls.dir / "model.masr"
        result = run("convert", SOURCE, "--out", cls.model)
        assert result.returncode == 0, result.stderr

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def succeeded(self, result):
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def refused(self, result, *expected):
        self.assertEqual(result.returncode, 1, result.stderr)
        for text in expected:
            self.assertIn(str(text), result.stderr)

    def test_the_cost_of_a_format_is_measured(self):
        out = self.dir / "int8.masr"
        report = self.succeeded(run("convert", SOURCE, "--out", out, "--format", "int8", "--data",
                                    self.dir / "speech.jsonl", "--json"))
        self.assertEqual(report["bytes"], out.stat().st_size)
        self.assertEqual(report["parameters"], 5098)  # of 5155: without three tokens and the norm's g
        self.assertEqual(report["logits"]["utterances"], 10)
        self.assertGreater(report["logits"]["largest_error"], 0)
        self.assertLess(report["logits"]["rms_error"], 0.05 * report["logits"]["reference_rms"])
        self.assertEqual(report["before"]["utterances"], report["after"]["utterances"])
        self.assertTrue(any("<unk>" in note for note in report["notes"]))
        self.assertFalse(list(self.dir.glob("*.tmp")), "what was made to compare with is gone")
        full = self.succeeded(run("convert", SOURCE, "--out", self.dir / "f32.masr", "--data",
                                  self.dir / "speech.jsonl", "--json"))
        self.assertEqual(full["logits"]["largest_error"], 0)
        self.assertEqual(full["before"]["wer"], full["after"]["wer"])

    def test_a_converted_model_recognises_learns_and_goes_back(self):
        speech = self.dir / "speech.jsonl"
        transcript = self.succeeded(run("transcribe", "--model", self.model, self.dir / "0.wav", "--json"))
        self.assertIn("text", json.dumps(transcript))
        learned = self.dir / "learned.masr"
        report = self.succeeded(run("personalize", "--base", self.model, "--data", speech, "--out", learned,
                                    "--freeze-blocks", "4", "--epochs", "3", "--threads", "2", "--json"))
        self.assertGreaterEqual(len(report["epochs"]), 1)
        self.assertLessEqual(report["peak_rss_bytes"], report["planned_peak_bytes"])
        back = self.dir / "back"
        self.succeeded(run("export", "--model", learned, "--out", back, "--json"))
        source = tensors(SOURCE / "model.safetensors")
        shapes = {name.replace("parametrizations.weight.original0", "weight_g")
                  .replace("parametrizations.weight.original1", "weight_v"): shape
                  for name, shape in source.items() if not name.endswith("masked_spec_embed")}
        self.assertEqual(tensors(back / "model.safetensors"), shapes)
        onnx = self.dir / "learned.onnx"
        self.succeeded(run("export", "--model", learned, "--out", onnx, "--json"))
        self.assertIn(b"mobileasr.tokens", onnx.read_bytes())
        for name in ("config.json", "vocab.json", "preprocessor_config.json"):
            self.assertEqual((back / name).read_text(), (SOURCE / name).read_text())
        again = self.succeeded(run("convert", back, "--out", self.dir / "again.masr", "--json"))
        self.assertEqual(again["tokens"], 6)

    def test_our_own_models_change_their_format(self):
        small = self.dir / "small.masr"
        report = self.succeeded(run("convert", self.model, "--out", small, "--format", "int8", "--json"))
        self.assertEqual(report["notes"], [])
        self.assertLess(small.stat().st_size, self.model.stat().st_size)
        info = self.succeeded(run("info", small, "--json"))
        self.assertEqual(info["config"]["features"],
                         {"kind": "waveform", "sample_rate_hz": 16000, "normalization": "none"})
        self.assertEqual(info["metadata"]["convert.family"], "huggingface")

    def test_int8_costs_a_trained_model_next_to_nothing(self):
        words = ["".join(random.Random(i).choices(LETTERS, k=3)) for i in range(40)]
        items = []
        for i, text in enumerate(words):
            path = self.dir / f"word{i}.wav"
            write_wav(path, speak(text, seed=100 + i))
            items.append((path, text))
        write_manifest(self.dir / "train.jsonl", items[:30])
        write_manifest(self.dir / "test.jsonl", items[30:])
        recipe = copy.deepcopy(CONFIG)
        recipe["training"]["stages"][0]["epochs"] = 80
        (self.dir / "recipe.json").write_text(json.dumps(recipe))
        trained = self.dir / "trained.masr"
        self.succeeded(run("pretrain", "--config", self.dir / "recipe.json", "--train", self.dir / "train.jsonl",
                           "--dev", self.dir / "test.jsonl", "--out", trained, "--format", "f32", "--threads", "2",
                           "--json"))
        report = self.succeeded(run("convert", trained, "--out", self.dir / "trained8.masr", "--format", "int8",
                                    "--data", self.dir / "test.jsonl", "--json"))
        self.assertLess(report["before"]["cer"], 40, "it has learned something that could be lost")
        self.assertLessEqual(abs(report["after"]["wer"] - report["before"]["wer"]), 0.3)

    def test_what_cannot_be_converted_is_named(self):
        out = self.dir / "never.masr"
        self.refused(run("convert", self.dir / "nowhere", "--out", out), "nowhere")
        self.refused(run("convert", self.dir / "0.wav", "--out", out), "0.wav", "nothing that can be converted")
        spoilt = self.dir / "spoilt"
        shutil.copytree(SOURCE, spoilt)
        config = json.loads((spoilt / "config.json").read_text())
        (spoilt / "config.json").write_text(json.dumps({**config, "model_type": "wavlm"}))
        self.refused(run("convert", spoilt, "--out", out), "config.json", "wavlm")
        (spoilt / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
        self.refused(run("convert", spoilt, "--out", out), "hubert.encoder.layers.2.")
        self.assertFalse(out.exists())
        self.refused(run("export", "--model", self.dir / "nowhere", "--out", self.dir / "x"), "nowhere")


if __name__ == "__main__":
    unittest.main(verbosity=2)

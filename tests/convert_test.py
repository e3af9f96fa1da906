#!/usr/bin/env python3
"""Recognisers from elsewhere through the command: convert_test.py MOBILEASR

The sources are src/convert/testdata/hubert, a HubertForCTC of random weights whose letters are those of the made
"speech" of tones.py, and the .nemo file of nemo_citrinet beside it. Python's standard library only.
"""

import collections
import copy
import io
import json
import os
import pathlib
import pickle
import random
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import types
import unittest
import unittest.mock
import zipfile

from tones import CONFIG, LETTERS, speak, write_manifest, write_wav

MOBILEASR = pathlib.Path(sys.argv.pop(1)).resolve()
ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "convert" / "testdata" / "hubert"
NEMO = ROOT / "src" / "convert" / "testdata" / "nemo_citrinet"


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

    def unpack(self, packed, folder):
        return subprocess.run([sys.executable, ROOT / "scripts/unpack_nemo.py", packed, folder], capture_output=True,
                              text=True, timeout=60)

    def pack(self, name, files):
        path = self.dir / name
        with tarfile.open(path, "w") as archive:
            for member, data in files.items():
                info = tarfile.TarInfo(member)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return path

    def checkpoint(self, data_pkl, storage=bytes(48)):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("archive/data.pkl", data_pkl)
            archive.writestr("archive/data/0", storage)
        return out.getvalue()

    def test_a_nemo_file_is_unpacked_converted_and_learns(self):
        folder = self.dir / "citrinet"
        result = self.unpack(NEMO / "model.nemo", folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        for name in ("model_config.yaml", "model.safetensors", "tokenizer.model"):
            self.assertEqual((folder / name).read_bytes(), (NEMO / name).read_bytes(), name)
        model = self.dir / "citrinet.masr"
        result = run("convert", folder, "--out", model, "--format", "int8", "--json")
        if result.returncode != 0 and "reads no YAML" in result.stderr:
            self.skipTest("built without yaml-cpp")
        report = self.succeeded(result)
        self.assertEqual((report["name"], report["tokens"]), ("citrinet", 36))
        self.assertTrue(any("<unk>" in note for note in report["notes"]))
        words = ["the sea", "a hill", "rain on the sea", "the sun", "a ship", "he sells shells"]
        items = []
        for i, text in enumerate(words):
            path = self.dir / f"nemo{i}.wav"
            write_wav(path, speak("".join(LETTERS[j % len(LETTERS)] for j in range(i, i + 6)), seed=i))
            items.append((path, text))
        write_manifest(self.dir / "nemo.jsonl", items)
        learned = self.dir / "citrinet-learned.masr"
        report = self.succeeded(run("personalize", "--base", model, "--data", self.dir / "nemo.jsonl", "--out", learned,
                                    "--freeze-blocks", "2", "--epochs", "12", "--threads", "2", "--json"))
        losses = [epoch["validation_loss"] for epoch in report["epochs"]]
        self.assertLess(losses[-1], 0.98 * losses[0])
        transcript = self.succeeded(run("transcribe", "--model", learned, self.dir / "nemo0.wav", "--json"))
        self.assertIn("text", json.dumps(transcript))
        back = self.dir / "citrinet-back"
        self.succeeded(run("export", "--model", learned, "--out", back, "--json"))
        self.assertEqual((back / "model_config.yaml").read_bytes(), (NEMO / "model_config.yaml").read_bytes())
        shapes = {name: shape for name, shape in tensors(NEMO / "model.safetensors").items()
                  if not name.endswith(("num_batches_tracked", "featurizer.window", "featurizer.fb"))}
        self.assertEqual(tensors(back / "model.safetensors"), shapes)

    def test_tensors_are_unpacked_by_their_strides_and_within_their_storage(self):
        class Storage:
            """Stands for torch's, which a pickle only points to."""

        class Rebuilt:
            def __init__(self, *arguments):
                self.arguments = arguments

            def __reduce__(self):
                return (rebuild, self.arguments)

        class Pickler(pickle.Pickler):
            def persistent_id(self, value):
                return ("storage", storage_type, "0", "cpu", 12) if isinstance(value, Storage) else None

        def rebuild(*_):
            pass

        modules = {name: types.ModuleType(name) for name in ("torch", "torch._utils")}
        storage_type = type("FloatStorage", (), {"__module__": "torch"})
        modules["torch"].FloatStorage, modules["torch._utils"]._rebuild_tensor_v2 = storage_type, rebuild
        rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
        rebuild.__name__ = "_rebuild_tensor_v2"

        def weights(offset, shape, strides):
            out = io.BytesIO()
            with unittest.mock.patch.dict(sys.modules, modules):
                Pickler(out, protocol=2).dump({"t": Rebuilt(Storage(), offset, shape, strides, False, {})})
            return self.checkpoint(out.getvalue(), struct.pack("<12f", *range(12)))

        def unpacked(*tensor):
            folder = self.dir / "strides"
            packed = self.pack("strides.nemo", {"model_config.yaml": b"a: 1\n", "w.ckpt": weights(*tensor)})
            result = self.unpack(packed, folder)
            if result.returncode != 0:
                self.assertNotIn("Traceback", result.stderr)
                return None
            data = (folder / "model.safetensors").read_bytes()
            (header,) = struct.unpack("<Q", data[:8])
            self.assertEqual(tensors(folder / "model.safetensors"), {"t": list(tensor[1])})
            return list(struct.unpack(f"<{(len(data) - 8 - header) // 4}f", data[8 + header:]))

        self.assertEqual(unpacked(0, (3, 4), (4, 1)), list(range(12)))
        self.assertEqual(unpacked(2, (2, 1, 3), (3, 99, 1)), [2, 3, 4, 5, 6, 7])
        self.assertEqual(unpacked(0, (4, 3), (1, 4)), [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
        self.assertEqual(unpacked(11, (), ()), [11])
        self.assertEqual(unpacked(0, (0, 3), (3, 1)), [])
        for tensor in ((1, (3, 4), (4, 1)), (0, (3, 4), (5, 1)), (-1, (2,), (1,)), (0, (1 << 40,), (0,)), (0, (2,), ()),
                       (0, ("x",), (1,))):
            self.assertIsNone(unpacked(*tensor), tensor)

    def test_weights_that_would_run_code_are_not_unpacked(self):
        class Evil:
            def __reduce__(self):
                return (os.system, ("touch owned",))

        config = (NEMO / "model_config.yaml").read_bytes()
        folder = self.dir / "never-unpacked"
        attacks = {"code": self.checkpoint(pickle.dumps({"a": Evil()}, protocol=2)),
                   "other class": self.checkpoint(pickle.dumps(collections.Counter(), protocol=2)),
                   "no tensors": self.checkpoint(pickle.dumps({"a": 1}, protocol=2)),
                   "legacy code": pickle.dumps(Evil(), protocol=2),
                   "nothing": b""}
        for name, weights in attacks.items():
            with self.subTest(name):
                packed = self.pack("evil.nemo", {"model_config.yaml": config, "model_weights.ckpt": weights})
                result = self.unpack(packed, folder)
                self.assertNotEqual(result.returncode, 0)
                self.assertNotIn("Traceback", result.stderr)
                self.assertFalse(folder.exists())
                self.assertFalse((pathlib.Path.cwd() / "owned").exists())
        # A name that leads out of the folder is only a name.
        good = {}
        with tarfile.open(NEMO / "model.nemo") as archive:
            for member in archive.getmembers():
                good["../../" + pathlib.PurePosixPath(member.name).name] = archive.extractfile(member).read()
        self.assertEqual(self.unpack(self.pack("out.nemo", good), self.dir / "a" / "b").returncode, 0)
        self.assertEqual(sorted(p.name for p in (self.dir / "a").iterdir()), ["b"])
        result = self.unpack(NEMO / "model_config.yaml", folder)
        self.assertNotEqual(result.returncode, 0)
        self.assertNotIn("Traceback", result.stderr)

    def test_what_cannot_be_converted_is_named(self):
        out = self.dir / "never.masr"
        self.refused(run("convert", self.dir / "nowhere", "--out", out), "nowhere")
        self.refused(run("convert", self.dir / "0.wav", "--out", out), "0.wav", "nothing that can be converted")
        self.refused(run("convert", NEMO / "model.nemo", "--out", out), "model.nemo", "unpack_nemo.py")
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

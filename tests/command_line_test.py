#!/usr/bin/env python3
"""The command line as its users meet it, good input and bad: command_line_test.py MOBILEASR

Makes its own "speech" (each letter a tone of its own), trains a tiny recogniser on it, personalises it, and then
hands every command files that are missing, broken, or lies. Python's standard library only.
"""

import functools
import json
import os
import pathlib
import random
import resource
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
import wave

from tones import CONFIG, LETTERS, RATE, speak, write_manifest, write_wav

MOBILEASR = pathlib.Path(sys.argv.pop(1)).resolve()


def pcm(samples):
    return struct.pack(f"<{len(samples)}h", *(int(32767 * s) for s in samples))


def run(*arguments, env=None, preexec=None):
    return subprocess.run([str(MOBILEASR), *map(str, arguments)], capture_output=True, text=True,
                          timeout=300, env=env, preexec_fn=preexec)


def run_with_input(data, *arguments):
    result = subprocess.run([str(MOBILEASR), *map(str, arguments)], input=data, capture_output=True,
                            timeout=300)
    result.stdout, result.stderr = result.stdout.decode(), result.stderr.decode()
    return result


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.dir = pathlib.Path(cls.folder.name)
        rng = random.Random(1)
        words = ["".join(rng.choices(LETTERS, k=rng.randint(2, 4))) for _ in range(48)]
        for name, pitch, texts in (("train", 1.0, words[:32]), ("adapt", 1.04, words[32:44]),
                                   ("test", 1.04, words[44:])):
            items = []
            for i, text in enumerate(texts):
                path = cls.dir / f"{name}{i}.wav"
                write_wav(path, speak(text, pitch, seed=i))
                items.append((path, text))
            write_manifest(cls.dir / f"{name}.jsonl", items)
        (cls.dir / "config.json").write_text(json.dumps(CONFIG))
        cls.base = cls.dir / "base.masr"
        result = cls.pretrain(cls.base)
        assert result.returncode == 0, result.stderr
        cls.history = json.loads(result.stdout)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def pretrain(cls, out, *extra):
        return run("pretrain", "--config", cls.dir / "config.json", "--train", cls.dir / "train.jsonl",
                   "--dev", cls.dir / "test.jsonl", "--out", out, "--threads", "2", "--json", *extra)

    def refused(self, result, *expected):
        """Not a crash, not a success; the message says all of `expected`."""
        self.assertIn(result.returncode, (1, 2), result.stderr)
        for text in expected:
            self.assertIn(str(text), result.stderr)

    def personalize(self, *extra, **options):
        return run("personalize", "--base", self.base, "--data", self.dir / "adapt.jsonl", "--out",
                   self.dir / "personal.masr", "--json", "--threads", "2", *extra, **options)

    # What works.

    def test_pretraining_learns(self):
        losses = [epoch["train_loss"] for epoch in self.history["epochs"]]
        self.assertEqual(len(losses), 12)
        self.assertLess(losses[-1], 0.7 * losses[0])

    def test_the_log_has_a_line_per_update_and_grows_on_resume(self):
        log = self.dir / "updates.jsonl"
        out = self.dir / "logged.masr"
        self.assertEqual(self.pretrain(out, "--log", log).returncode, 0)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        self.assertEqual([line["step"] for line in lines], list(range(1, len(lines) + 1)))
        first = [line for line in lines if line["epoch"] == 1]
        tokens = sum(line["tokens"] for line in first)
        loss = sum(line["loss"] * line["tokens"] for line in first) / tokens
        self.assertAlmostEqual(loss, self.history["epochs"][0]["train_loss"], places=9)
        for field in ("stage", "learning_rate", "gradient_norm", "audio_seconds", "seconds"):
            self.assertIn(field, lines[0])
        # Half a line, as a full disk leaves it, stays alone.
        log.write_text(log.read_text() + '{"step"')
        config = json.loads(json.dumps(CONFIG))
        config["training"]["stages"].append({"name": "more", "epochs": 1, "learning_rate": 1e-3})
        path = self.dir / "more.json"
        path.write_text(json.dumps(config))
        result = run("pretrain", "--config", path, "--train", self.dir / "train.jsonl", "--dev",
                     self.dir / "test.jsonl", "--out", out, "--resume", "--log", log)
        self.assertEqual(result.returncode, 0, result.stderr)
        grown = log.read_text().splitlines()
        self.assertEqual(grown[len(lines)], '{"step"')
        self.assertEqual(json.loads(grown[len(lines) + 1])["step"], len(lines) + 1)
        self.assertEqual(json.loads(grown[-1])["stage"], "more")
        result = self.pretrain(self.dir / "x.masr", "--log", self.dir / "nowhere" / "log")
        self.refused(result, "nowhere", "cannot open the log")

    def test_the_learning_rate_finder_suggests_and_writes_nothing(self):
        out = self.dir / "found.masr"
        find = ("--find-learning-rate", "--find-updates", "30")
        result = self.pretrain(out, *find)
        self.assertEqual(result.returncode, 0, result.stderr)
        found = json.loads(result.stdout)
        self.assertLessEqual(len(found["curve"]), 30)
        self.assertTrue(1e-6 <= found["suggested"] < 1)
        self.assertIn("smallest", found["rule"])
        self.assertEqual(list(self.dir.glob("found.masr*")), [])
        self.refused(self.pretrain(out, *find, "--find-from", "2"), "lowest rate < highest rate")

    def test_average_of_the_last_epochs(self):
        out = self.dir / "kept.epochs.masr"
        self.assertEqual(self.pretrain(out, "--keep-epochs", "3").returncode, 0)
        kept = sorted(self.dir.glob("kept.epochs.epoch-*.masr"))
        self.assertEqual([path.name[-8:-5] for path in kept], ["010", "011", "012"])
        average = self.dir / "average.masr"
        result = run("average", *kept, "--out", average, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout)["format"], "f32")
        info = json.loads(run("info", average, "--json").stdout)
        self.assertEqual(len(json.loads(info["metadata"]["average.fingerprints"])), 3)
        report = run("evaluate", "--model", average, "--data", self.dir / "test.jsonl", "--json")
        self.assertEqual(report.returncode, 0, report.stderr)
        self.assertEqual(run("average", kept[0], "--out", average).returncode, 2)
        self.refused(run("average", kept[0], self.dir / "train0.wav", "--out", average), "train0.wav")

    def test_evaluate_reports_every_field(self):
        result = run("evaluate", "--model", self.base, "--data", self.dir / "test.jsonl", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        for field in ("wer", "cer", "words", "substitutions", "insertions", "deletions", "utterances",
                      "skipped", "seconds", "peak_rss_bytes"):
            self.assertIn(field, report)
        self.assertEqual(report["utterances"], 4)
        self.assertEqual(report["skipped"], 0)

    def test_personalize_reports_before_and_after(self):
        result = self.personalize("--test", self.dir / "test.jsonl", "--general",
                                  self.dir / "train.jsonl", "--epochs", "4")
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        for field in ("before", "after", "general_before", "general_after"):
            self.assertIn("wer", report[field])
        self.assertGreaterEqual(len(report["epochs"]), 2)
        info = run("info", self.dir / "personal.masr")
        self.assertEqual(info.returncode, 0, info.stderr)
        self.assertIn("personalization.base", info.stdout)

    def test_personalize_plans_its_memory_and_stays_within(self):
        for options in ((), ("--freeze-blocks", "2"), ("--tune", "vectors", "--parts", "2"),
                        ("--tune", "lora", "--lora-rank", "4"), ("--optimizer-bits", "8"),
                        ("--micro-batch-seconds", "0.1", "--validation-batch-seconds", "0.1")):
            result = self.personalize("--epochs", "1", *options)
            self.assertEqual(result.returncode, 0, result.stderr)
            report = json.loads(result.stdout)
            self.assertEqual(sum(report["memory"].values()), report["planned_peak_bytes"])
            self.assertLessEqual(report["peak_rss_bytes"], report["planned_peak_bytes"], options)

    def test_the_number_of_parts_changes_no_bit(self):
        outputs = []
        for parts in ("1", "2", "3"):
            result = self.personalize("--epochs", "2", "--parts", parts)
            self.assertEqual(result.returncode, 0, result.stderr)
            outputs.append([e["validation_loss"] for e in json.loads(result.stdout)["epochs"]])
        self.assertEqual(outputs[0], outputs[1])
        self.assertEqual(outputs[0], outputs[2])

    def plan(self, *extra):
        threads = () if "--threads" in extra else ("--threads", "2")
        return run("plan", "--base", self.base, "--data", self.dir / "adapt.jsonl", *threads, *extra)

    def test_plan_shows_what_candidates_take_and_keeps_the_device_profile(self):
        profile = self.dir / "device.json"
        result = self.plan("--json", "--profile", profile)
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual(json.loads(profile.read_text())["threads"], 2)
        names = [c["name"] for c in report["candidates"]]
        self.assertEqual(len(set(names)), len(names))
        self.assertIn(report["chosen"], names)
        for field in ("name", "trainable_parameters", "peak_bytes", "seconds_per_epoch", "joules_per_epoch",
                      "expected_gain", "fits", "refused_because"):
            self.assertIn(field, report["candidates"][0])
        written = profile.read_text()
        again = json.loads(self.plan("--json", "--profile", profile).stdout)
        self.assertEqual(profile.read_text(), written)
        for key in ("seconds_per_epoch", "expected_gain"):
            self.assertEqual([c[key] for c in again["candidates"]], [c[key] for c in report["candidates"]])
        table = self.plan("--profile", profile, "--all").stdout
        self.assertEqual(table.count("\n> "), 1)
        for name in names:
            self.assertIn(f" {name} ", table)

    def test_personalize_follows_the_plan_within_its_memory(self):
        profile = self.dir / "device_of_rounds.json"
        self.plan("--profile", profile)  # measures; the next one holds no more than a round does
        report = json.loads(self.plan("--json", "--profile", profile).stdout)
        ram = max(c["peak_bytes"] for c in report["candidates"]) + 1_000_000
        result = self.personalize("--epochs", "1", "--ram", ram, "--profile", profile)
        self.assertEqual(result.returncode, 0, result.stderr)
        round_ = json.loads(result.stdout)
        planned = {c["name"]: c for c in report["candidates"]}[round_["plan"]["chosen"]]
        self.assertEqual(round_["trainable_parameters"], planned["trainable_parameters"])
        self.assertLessEqual(round_["planned_peak_bytes"], ram)
        self.assertLessEqual(round_["peak_rss_bytes"], ram)
        self.assertEqual(round_["plan"]["candidates"], len(report["candidates"]))
        # What the user has named, a plan does not change.
        named = self.personalize("--epochs", "1", "--ram", "1GB", "--profile", profile, "--freeze-blocks", "1")
        self.assertEqual(named.returncode, 0, named.stderr)
        plan = json.loads(named.stdout)["plan"]
        self.assertEqual((plan["candidates"], plan["chosen"]), (1, "top 1 block"))
        too_little = self.personalize("--epochs", "1", "--ram", "5MB", "--profile", profile, "--freeze-blocks", "1")
        self.assertEqual(too_little.returncode, 1)
        self.assertIn("memory must be at least", too_little.stderr)

    def test_budgets_that_are_too_small_or_none(self):
        profile = self.dir / "device_of_budgets.json"
        self.refused(self.plan("--profile", profile, "--ram", "1MB"), "no sub-model fits", "memory must be at least",
                     "'head")
        self.refused(self.plan("--profile", profile, "--seconds", "1e-6"), "time must be at least")
        self.refused(self.plan("--profile", profile, "--battery", "29"), "29 %", "min_battery_percent is 30")
        self.assertEqual(self.plan("--profile", profile, "--battery", "31").returncode, 0)
        self.refused(self.plan("--ram", "much"), "'much' is not an amount of memory")
        self.refused(self.personalize("--ram", "1MB", "--profile", profile), "memory must be at least")
        self.refused(self.plan("--profile", profile, "--threads", "1"), profile, "2 threads")
        profile.write_text(profile.read_text().replace('"threads":2', '"threads":"two"'))
        self.refused(self.plan("--profile", profile), profile, "'threads'")
        table = self.dir / "gains.json"
        table.write_text('{"minutes": [1], "tunings": [{"name": "full", "shares": [1]}]}')
        self.refused(self.plan("--gain-table", table), table, "'gains'")

    def test_a_policy_stops_a_round_and_says_why(self):
        trace = self.dir / "trace.csv"
        trace.write_text("time_s,battery_percent,charging\n0,12,0\n")
        result = self.personalize("--trace", trace, "--epochs", "3")
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual(report["halted_by"], "battery")
        self.assertIn("12", report["why"])
        self.assertTrue(report["stopped"])
        self.assertFalse(report["accepted"])
        policy = self.dir / "policy.json"
        policy.write_text('{"min_battery_percent": 10}')
        result = self.personalize("--trace", trace, "--policy", policy, "--epochs", "1")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout)["halted_by"], "")

    def test_bad_policies_and_traces(self):
        policy = self.dir / "bad_policy.json"
        policy.write_text('{"min_batery_percent": 10}')
        self.refused(self.personalize("--policy", policy), "bad_policy.json", "min_batery_percent")
        trace = self.dir / "bad_trace.csv"
        trace.write_text("time_s,battery_percent\n0,full\n")
        self.refused(self.personalize("--trace", trace), "bad_trace.csv", "line 2", "battery_percent")
        self.refused(self.personalize("--policy", self.dir / "nowhere.json"), "nowhere.json")

    def test_same_seed_same_bytes_for_any_threads(self):
        outputs = []
        for threads in (1, 2, 3):
            out = self.dir / f"threads{threads}.masr"
            result = self.personalize("--epochs", "2", "--out", out)
            self.assertEqual(result.returncode, 2, "--out twice must be refused")
            result = run("personalize", "--base", self.base, "--data", self.dir / "adapt.jsonl", "--out",
                         out, "--json", "--epochs", "2", "--threads", threads)
            self.assertEqual(result.returncode, 0, result.stderr)
            report = json.loads(result.stdout)
            outputs.append([e["validation_loss"] for e in report["epochs"]])
        self.assertEqual(outputs[0], outputs[1])
        self.assertEqual(outputs[0], outputs[2])

    def test_interrupted_pretraining_resumes(self):
        out = self.dir / "resumed.masr"
        process = subprocess.Popen(
            [str(MOBILEASR), "pretrain", "--config", str(self.dir / "config.json"), "--train",
             str(self.dir / "train.jsonl"), "--dev", str(self.dir / "test.jsonl"), "--out", str(out),
             "--threads", "1", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while not out.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        if process.returncode != 0:  # 0: it was faster than the signal
            self.assertEqual(process.returncode, 130, errors)
            self.assertIn("--resume", errors)
        result = self.pretrain(out, "--resume")
        self.assertEqual(result.returncode, 0, result.stderr)
        resumed = json.loads(result.stdout)["epochs"]
        self.assertEqual([e["train_loss"] for e in resumed],
                         [e["train_loss"] for e in self.history["epochs"]])

    def augment(self, out, *extra):
        recipe = self.dir / "augment.json"
        recipe.write_text(json.dumps({"room_probability": 1, "room_t60_high_s": 0.2, "noise_probability": 0.5,
                                      "codec_probability": 0.5, "gain_db": 3}))
        return run("data", "augment", "--manifest", self.dir / "adapt.jsonl", "--noise",
                   self.dir / "test.jsonl", "--recipe", recipe, "--out", out, "--copies", "2", "--json", *extra)

    def test_augmented_copies_say_what_was_done_and_go_on_after_a_stop(self):
        whole, again = self.dir / "augmented", self.dir / "augmented_again"
        result = self.augment(whole, "--threads", "2")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout)["utterances"], 24)
        lines = [json.loads(line) for line in (whole / "manifest.jsonl").read_text().splitlines()]
        self.assertEqual(lines[2]["text"], lines[3]["text"])
        for line in lines:
            self.assertTrue((whole / line["audio_filepath"]).is_file())
            self.assertTrue((whole / line["augmented_from"]).is_file())
            self.assertIn("t60_s", next(e for e in line["effects"] if e["effect"] == "room"))
        self.assertTrue(any(e["effect"] == "noise" and "snr_db" in e and (whole / e["file"]).is_file()
                            for line in lines for e in line["effects"]))
        # As if it had been killed after five lines and a half, and lost the audio of the fifth.
        written = (whole / "manifest.jsonl").read_text().splitlines()
        again.mkdir()
        (again / "plan.json").write_text((whole / "plan.json").read_text())
        (again / "audio").mkdir()
        for line in lines[:4]:
            (again / line["audio_filepath"]).write_bytes((whole / line["audio_filepath"]).read_bytes())
        (again / "manifest.jsonl.part").write_text("\n".join(written[:5]) + "\n" + written[5][:40])
        result = self.augment(again, "--threads", "1")
        self.assertEqual(result.returncode, 0, result.stderr)
        for path in sorted(p.relative_to(whole) for p in whole.rglob("*") if p.is_file()):
            self.assertEqual((again / path).read_bytes(), (whole / path).read_bytes(), path)
        self.assertFalse((again / "manifest.jsonl.part").exists())
        self.refused(self.augment(whole, "--seed", "2"), "plan.json", "other arguments")

    def test_training_from_shards_is_the_same_training(self):
        out = self.dir / "shards"
        command = ("data", "shard", "--manifest", self.dir / "train.jsonl", "--out", out, "--shard-size", "100KB",
                   "--json")
        result = run(*command)
        self.assertEqual(result.returncode, 0, result.stderr)
        shards = json.loads(result.stdout)["shards"]
        self.assertGreater(shards, 2)
        manifest = (out / "manifest.jsonl").read_text()
        line = json.loads(manifest.splitlines()[-1])
        with tarfile.open(out / line["shard"]) as tar:
            self.assertEqual(tar.extractfile(line["audio_filepath"]).read(),
                             (self.dir / "train31.wav").read_bytes())
        result = run("pretrain", "--config", self.dir / "config.json", "--train", out / "manifest.jsonl", "--dev",
                     self.dir / "test.jsonl", "--out", self.dir / "sharded.masr", "--threads", "2", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([e["train_loss"] for e in json.loads(result.stdout)["epochs"]],
                         [e["train_loss"] for e in self.history["epochs"]])
        # A run that was stopped: one shard is missing and one is half.
        first = (out / "audio_0.tar").read_bytes()
        (out / "audio_0.tar").write_bytes(first[:1000])
        (out / "audio_1.tar").unlink()
        (out / "manifest.jsonl").unlink()
        self.assertEqual(run(*command).returncode, 0)
        self.assertEqual((out / "audio_0.tar").read_bytes(), first)
        self.assertEqual((out / "manifest.jsonl").read_text(), manifest)
        # A shard that was cut is named, with the place.
        (out / "audio_0.tar").write_bytes(first[:20000])
        result = run("evaluate", "--model", self.base, "--data", out / "manifest.jsonl", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertGreater(json.loads(result.stdout)["skipped"], 0)
        self.assertIn("audio_0.tar: holds 20000 bytes", result.stderr)

    def test_stats_count(self):
        result = run("data", "stats", "--manifest", self.dir / "train.jsonl", "--manifest",
                     self.dir / "adapt.jsonl", "--against", self.dir / "adapt.jsonl", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual(report["utterances"], 44)
        self.assertEqual(sum(b["utterances"] for b in report["durations"]), 44)
        seconds = 0
        for path in list(self.dir.glob("train*.wav")) + list(self.dir.glob("adapt*.wav")):
            with wave.open(str(path)) as audio:
                seconds += audio.getnframes() / RATE
        self.assertAlmostEqual(report["hours"], seconds / 3600, places=6)
        self.assertEqual(report["by_manifest"][str(self.dir / "adapt.jsonl")]["utterances"], 12)
        self.assertEqual(report["coverage"][str(self.dir / "adapt.jsonl")]["words_percent"], 100)
        self.assertEqual(set(report["characters"]), set(LETTERS))
        self.assertIn("44 utterances", run("data", "stats", "--manifest", self.dir / "train.jsonl", "--manifest",
                                           self.dir / "adapt.jsonl").stdout)

    # What does not.

    def test_data_commands_refuse_what_they_cannot_use(self):
        self.assertEqual(run("data").returncode, 2)
        recipe = self.dir / "wrong_recipe.json"
        recipe.write_text('{"echo_probability": 1}')
        common = ("data", "augment", "--manifest", self.dir / "adapt.jsonl", "--out", self.dir / "nothing")
        self.refused(run(*common, "--recipe", recipe), "wrong_recipe.json", "echo_probability")
        recipe.write_text('{"noise_probability": 1}')
        self.refused(run(*common, "--recipe", recipe), "wrong_recipe.json", "--noise")
        self.refused(run("data", "shard", "--manifest", self.dir / "nowhere.jsonl", "--out", self.dir / "nothing"),
                     "nowhere.jsonl")
        self.refused(run("data", "stats", "--manifest", self.dir / "train0.wav"), "train0.wav")
        self.assertFalse((self.dir / "nothing").exists())
    def stream(self, *arguments, data=b"", model=None):
        result = run_with_input(data, "transcribe", "--model", model or self.base, "--stream", "--json",
                                *arguments)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        return result, lines

    @functools.cache
    def trained(self):
        """A model that has learned the training words by heart."""
        config = json.loads(json.dumps(CONFIG))
        config["training"]["stages"][0]["epochs"] = 60
        (self.dir / "trained.json").write_text(json.dumps(config))
        result = run("pretrain", "--config", self.dir / "trained.json", "--train", self.dir / "train.jsonl", "--dev",
                     self.dir / "train.jsonl", "--out", self.dir / "trained.masr", "--json")
        self.assertEqual(json.loads(result.stdout)["epochs"][-1]["dev_wer"], 0, result.stderr)
        return self.dir / "trained.masr"

    def language_model(self, *extra):
        text = self.dir / "text.txt"
        words = [json.loads(line)["text"] for line in (self.dir / "train.jsonl").read_text().splitlines()]
        rng = random.Random(3)
        text.write_text("\n".join(" ".join(rng.choices(words, k=4)) for _ in range(40)) + "\n")
        out = self.dir / "text.lm"
        return out, run("lm", "train", "--text", text, "--order", "2", "--discount-fallback", "--out", out,
                        "--json", *extra)

    def test_a_language_model_is_trained_converted_scored_and_used(self):
        words = self.dir / "words.txt"
        words.write_text("abcdabcd 3\ndcba\n")
        out, result = self.language_model("--words", words, "--arpa", self.dir / "text.arpa", "--metadata", "a=b")
        self.assertEqual(result.returncode, 0, result.stderr)
        counts = json.loads(result.stdout)["ngrams"]
        info = json.loads(run("lm", "info", "--lm", out, "--json").stdout)
        self.assertEqual(info, {"unit": "word", "ngrams": counts, "metadata": {"a": "b"}})
        self.assertEqual(len(counts), 2)
        self.assertIn("abcdabcd", (self.dir / "text.arpa").read_text())
        exact = self.dir / "exact.lm"
        result = run("lm", "convert", self.dir / "text.arpa", "--exact", "--out", exact, "--json")
        self.assertEqual(json.loads(result.stdout)["ngrams"], counts, result.stderr)
        scores = [json.loads(run("lm", "score", "--lm", model, "--text", self.dir / "text.txt", "--json").stdout)
                  for model in (out, exact, self.dir / "text.arpa")]
        self.assertEqual(scores[1], scores[2])
        self.assertLess(abs(scores[0]["perplexity"] / scores[1]["perplexity"] - 1), 0.02)
        self.assertEqual(scores[0]["unknown"], 0)
        pruned = self.dir / "pruned.lm"
        result = run("lm", "convert", self.dir / "text.arpa", "--prune", "1e-3", "--out", pruned, "--json")
        self.assertLess(json.loads(result.stdout)["ngrams"][1], counts[1])

        # Words of its own are all that is left of what it hears when the others cost too much.
        predictions = self.dir / "predictions.jsonl"
        result = run("evaluate", "--model", self.trained(), "--data", self.dir / "test.jsonl", "--lm", out,
                     "--unknown-score", "-50", "--lm-weight", "1", "--predictions", predictions, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = [json.loads(line) for line in predictions.read_text().splitlines()]
        self.assertEqual([line["text"] for line in lines],
                         [json.loads(line)["text"] for line in (self.dir / "test.jsonl").read_text().splitlines()])
        known = {json.loads(line)["text"] for line in (self.dir / "train.jsonl").read_text().splitlines()}
        heard = [word for line in lines for word in line["pred_text"].split()]
        self.assertTrue(heard)
        self.assertEqual([word for word in heard if word not in known | {"abcdabcd", "dcba"}], [])
        # What it has learned stays.
        result = run("evaluate", "--model", self.trained(), "--data", self.dir / "train.jsonl", "--lm", out, "--json")
        self.assertEqual(json.loads(result.stdout)["wer"], 0, result.stderr)

    def test_hotwords_n_best_times_and_confidences(self):
        hotwords = self.dir / "hotwords.txt"
        text = json.loads((self.dir / "train.jsonl").read_text().splitlines()[0])["text"]
        hotwords.write_text(f"# names\n{text} :2\n")
        result = run("transcribe", "--model", self.trained(), "--hotwords", hotwords, "--nbest", "3", "--json",
                     self.dir / "train0.wav")
        self.assertEqual(result.returncode, 0, result.stderr)
        segment = json.loads(result.stdout)["files"][0]["segments"][0]
        self.assertEqual(segment["text"], text)
        self.assertEqual([t["text"] for t in segment["nbest"]][0], text)
        self.assertEqual(len(segment["nbest"]), 3)
        confidences = [t["confidence"] for t in segment["nbest"]]
        self.assertEqual(confidences, sorted(confidences, reverse=True))
        word, = segment["words"]
        # 0.3 s a letter, the last 0.1 s of it silence.
        self.assertLess(abs(word["begin_s"]), 0.25)
        self.assertLess(abs(word["end_s"] - (0.3 * len(text) - 0.1)), 0.25)
        self.assertTrue(0.5 < word["confidence"] <= 1)
        hotwords.write_text("ok\n  \nbad :loud\n")
        self.refused(run("transcribe", "--model", self.base, "--hotwords", hotwords, self.dir / "test0.wav"),
                     hotwords, "line 3", "loud")

    def test_language_models_that_are_none(self):
        self.refused(run("evaluate", "--model", self.base, "--data", self.dir / "test.jsonl", "--lm",
                         self.dir / "none.lm"), self.dir / "none.lm")
        self.refused(run("evaluate", "--model", self.base, "--data", self.dir / "test.jsonl", "--lm", self.base),
                     self.base, "not a language model")
        broken = self.dir / "broken.arpa"
        broken.write_text("\\data\\\nngram 1=2\n\n\\1-grams:\n-1 a\n")
        self.refused(run("lm", "convert", broken, "--out", self.dir / "x.lm"), broken, "line 5", "\\end\\")
        empty = self.dir / "empty.txt"
        empty.write_text("\n\n")
        self.refused(run("lm", "train", "--text", empty, "--out", self.dir / "x.lm"), "no text")
        words = self.dir / "bad_words.txt"
        words.write_text("fine 2\nnot fine at all\n")
        self.refused(self.language_model("--words", words)[1], words, "line 2")
        self.assertFalse((self.dir / "x.lm").exists())

    def test_a_stream_says_what_the_file_says(self):
        path = self.dir / "train0.wav"
        whole = run("transcribe", "--model", self.base, "--json", path)
        self.assertEqual(whole.returncode, 0, whole.stderr)
        whole = json.loads(whole.stdout)["files"][0]
        result, lines = self.stream(path)
        self.assertEqual(result.returncode, 0, result.stderr)
        summary = lines[-1]
        self.assertEqual(summary["text"], whole["text"])
        self.assertAlmostEqual(summary["audio_seconds"], whole["audio_seconds"])
        for field in ("rtf", "cpu_rtf", "peak_rss_bytes"):
            self.assertGreater(summary[field], 0)
        times = [line["time_s"] for line in lines[:-1]]
        self.assertEqual(times, sorted(times))
        # The same from a pipe, whose default rate is the model's.
        samples = wave.open(str(path)).readframes(10 ** 9)
        piped, piped_lines = self.stream("-", data=samples)
        self.assertEqual(piped.returncode, 0, piped.stderr)
        self.assertEqual(piped_lines[-1]["text"], whole["text"])

    def test_a_stream_gives_partial_results_and_segments(self):
        # The tiny recogniser says little; the one in assets/ has words for everything.
        model = pathlib.Path(__file__).parent.parent / "assets" / "base.masr"
        speech = speak("abcd", seed=1)
        rng = random.Random(2)
        silence = [rng.gauss(0, 0.003) for _ in range(2 * RATE)]
        result, lines = self.stream("-", data=pcm(speech + silence + speech), model=model)
        self.assertEqual(result.returncode, 0, result.stderr)
        finals = [line for line in lines if "final" in line]
        partials = [line for line in lines if line.get("partial")]
        summary = lines[-1]
        self.assertTrue(finals, lines)
        self.assertEqual("".join(line["final"] for line in finals).replace(" ", ""),
                         summary["text"].replace(" ", ""))
        self.assertTrue(partials)
        self.assertEqual(summary["first_partial_audio_s"], partials[0]["time_s"])
        plain = run_with_input(pcm(speech + silence + speech), "transcribe", "--model", model, "--stream", "-")
        self.assertEqual(plain.returncode, 0, plain.stderr)
        self.assertEqual(plain.stdout.splitlines(), [line["final"] for line in finals])

    def test_a_stream_at_another_rate_is_resampled(self):
        result, lines = self.stream("--rate", "8000", "-", data=pcm(speak("ab")[::2]))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertAlmostEqual(lines[-1]["audio_seconds"], 0.6, places=2)

    def test_long_files_go_through_windows(self):
        path = self.dir / "long.wav"
        write_wav(path, speak("abcd" * 40))  # 48 s
        result = run("transcribe", "--model", self.base, "--json", path)
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)["files"][0]
        self.assertAlmostEqual(report["audio_seconds"], 48, places=2)

    # What does not.

    def test_streams_that_are_none(self):
        for rate in ("0", "-16000", "fast", "999", "1e9"):
            result, _ = self.stream("--rate", rate, "-", data=pcm(speak("a")))
            self.assertEqual(result.returncode, 2, rate)
        result, _ = self.stream("--rate", "16000", self.dir / "train0.wav")
        self.refused(result, "--rate", "standard input")
        result, _ = self.stream("-", "-", data=b"")
        self.refused(result, "once")
        result, lines = self.stream("-", data=b"")
        self.refused(result, "too short")
        self.assertIn("error", lines[-1])
        result, _ = self.stream("-", data=pcm([0.1] * 50))
        self.refused(result, "too short")
        result, _ = self.stream(self.dir / "nowhere.wav")
        self.refused(result, "nowhere.wav")

    def test_pcm_that_is_cut_off_within_a_sample(self):
        data = pcm(speak("abcd"))
        whole, whole_lines = self.stream("-", data=data)
        self.assertEqual(whole.returncode, 0, whole.stderr)
        result, lines = self.stream("-", data=data + b"x")
        self.refused(result, "middle of a sample", "16-bit")
        # What was heard before is not lost.
        self.assertEqual([line["final"] for line in lines if "final" in line],
                         [line["final"] for line in whole_lines if "final" in line])

    def transcribe(self, path):
        return run("transcribe", "--model", self.base, path)

    def test_audio_that_is_missing_empty_or_something_else(self):
        self.refused(self.transcribe(self.dir / "nowhere.wav"), "nowhere.wav")
        empty = self.dir / "empty.wav"
        empty.write_bytes(b"")
        self.refused(self.transcribe(empty), "empty.wav")
        text = self.dir / "text.wav"
        text.write_text("this is not sound\n" * 100)
        self.refused(self.transcribe(text), "text.wav")
        silent = self.dir / "zero.wav"
        write_wav(silent, [])
        self.refused(self.transcribe(silent), "zero.wav")
        short = self.dir / "short.wav"
        write_wav(short, [0.1] * 50)
        self.refused(self.transcribe(short), "short.wav")
        whole = (self.dir / "train0.wav").read_bytes()
        header = self.dir / "header.wav"
        header.write_bytes(whole[:30])
        self.refused(self.transcribe(header), "header.wav")

    def test_audio_that_is_odd_but_usable(self):
        samples = speak("ab")
        for name, data, channels, width in (
                ("stereo", [s for s in samples for _ in range(2)], 2, 2), ("eight", samples, 1, 1),
                ("clipped", [9 * s for s in samples], 1, 2)):
            path = self.dir / f"{name}.wav"
            write_wav(path, data, channels, width)
            result = self.transcribe(path)
            self.assertEqual(result.returncode, 0, result.stderr)
        cut = self.dir / "cut.wav"
        cut.write_bytes((self.dir / "train0.wav").read_bytes()[:-4000])
        self.assertEqual(self.transcribe(cut).returncode, 0)

    def test_manifest_lines_that_cannot_be_used_are_named_and_counted(self):
        good = (self.dir / "test.jsonl").read_text().splitlines()
        bad = ['{"audio_filepath": "x.wav", ', '{"audio_filepath": "x.wav", "text": "ab"}',
               json.dumps({"audio_filepath": str(self.dir / "test0.wav"), "text": "abz"}),
               json.dumps({"audio_filepath": str(self.dir / "test0.wav"), "text": "abcd" * 100})]
        path = self.dir / "bad.jsonl"
        path.write_text("\n".join(good + bad) + "\n")
        result = run("evaluate", "--model", self.base, "--data", path, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual((report["utterances"], report["skipped"]), (4, 4))
        for line in (5, 6, 7):
            self.assertIn(f"line {line}", result.stderr)

    def test_manifest_that_is_none(self):
        self.refused(run("evaluate", "--model", self.base, "--data", self.dir / "nowhere.jsonl"),
                     "nowhere.jsonl")
        self.refused(run("evaluate", "--model", self.base, "--data", self.dir / "train0.wav"),
                     "train0.wav")

    def test_model_that_is_broken(self):
        whole = self.base.read_bytes()
        cases = {"cut": whole[: len(whole) // 2], "tiny": whole[:5], "none": b"",
                 "long": struct.pack("<Q", 1 << 62) + whole[8:], "noise": os.urandom(4096)}
        for name, data in cases.items():
            path = self.dir / f"{name}.masr"
            path.write_bytes(data)
            self.refused(run("info", path), f"{name}.masr")
        self.refused(run("info", self.dir / "nowhere.masr"), "nowhere.masr")

    def test_configuration_mistakes(self):
        for change, expected in ((("epochs", 0), "epochs"), (("epoch", 3), "unknown option 'epoch'")):
            config = json.loads(json.dumps(CONFIG))
            config["training"]["stages"][0][change[0]] = change[1]
            path = self.dir / "wrong.json"
            path.write_text(json.dumps(config))
            result = run("pretrain", "--config", path, "--train", self.dir / "train.jsonl", "--dev",
                         self.dir / "test.jsonl", "--out", self.dir / "x.masr")
            self.refused(result, "wrong.json", expected)

    def test_divergence_keeps_the_base(self):
        result = self.personalize("--learning-rate", "1.0", "--epochs", "3", "--test",
                                  self.dir / "test.jsonl")
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        self.assertLessEqual(report["after"]["wer"], max(report["before"]["wer"], 100.0))

    def test_full_disk_leaves_the_old_file(self):
        out = self.dir / "kept.masr"
        out.write_bytes(b"precious")

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        result = run("personalize", "--base", self.base, "--data", self.dir / "adapt.jsonl", "--out", out,
                     "--epochs", "1", preexec=limit)
        self.refused(result, "kept.masr")
        self.assertEqual(out.read_bytes(), b"precious")
        self.assertEqual(list(self.dir.glob("kept.masr.*")), [])

    def test_wrong_usage_is_exit_code_two(self):
        self.assertEqual(run("evaluate").returncode, 2)
        self.assertEqual(run("fly").returncode, 2)
        self.assertEqual(run("--help").returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=1)

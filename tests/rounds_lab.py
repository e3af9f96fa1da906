"""Rounds of one owner, for tests that interrupt them: made speech, a tiny base, folders and what they must hold."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from tones import CONFIG, write_speech

# A checkpoint after every update, and steps so small that every round is better than the one before. `quick` writes
# little: for faults at each of its calls.
_OFTEN = ("--checkpoint-seconds", "0", "--json")
OPTIONS = {
    "quick": ("--epochs", "1", "--freeze-blocks", "2", "--learning-rate", "3e-3", "--base-share", "0", *_OFTEN),
    "full": ("--epochs", "3", "--learning-rate", "3e-4", *_OFTEN),
    "lora": ("--epochs", "2", "--freeze-blocks", "1", "--tune", "lora", "--lora-rank", "2", "--optimizer-bits", "8",
             "--learning-rate", "3e-3", "--cache", "disk", *_OFTEN),
}
UNDER_WAY = ("round.json", "round.jsonl", "round.checkpoint", "candidate.masr")
# What is another each time, however the round came about.
_TIMES = ("began", "seconds", "seconds_paused", "samples", "memory", "planned_peak_bytes", "peak_rss_bytes", "hash")


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(v) for key, v in value.items() if key not in _TIMES}
    return [without_times(v) for v in value] if isinstance(value, list) else value


class Lab:
    """A base and speech of two days; what rounds on them give when nothing interrupts them."""

    def __init__(self, program, shim):
        self.program, self.shim = program, shim
        self._folder = tempfile.TemporaryDirectory()
        self.dir = pathlib.Path(self._folder.name)
        os.chmod(self.dir, 0o755)
        config = json.loads(json.dumps(CONFIG))
        config["training"]["stages"][0]["epochs"] = 60
        (self.dir / "config.json").write_text(json.dumps(config))
        train = write_speech(self.dir, "train", 32, 1)
        self.speech = [write_speech(self.dir, name, 16, seed, 1.06) for name, seed in (("first", 2), ("second", 3))]
        self.base = self.dir / "base.masr"
        self.must("pretrain", "--config", self.dir / "config.json", "--train", train, "--dev", self.speech[0], "--out",
                  self.base, "--threads", "2")
        self.folders = 0
        self._references = {}

    def close(self):
        self._folder.cleanup()

    def run(self, *arguments, env=None, prefix=(), cwd=None):
        result = subprocess.run([*prefix, str(self.program), *map(str, arguments)], capture_output=True, text=True,
                                timeout=120, cwd=cwd, env=None if env is None else {**os.environ, **env})
        if result.returncode not in (0, 1, 2, 137):
            raise AssertionError(f"exit code {result.returncode}: {arguments}\n{result.stderr}")
        return result

    def must(self, *arguments, **options):
        result = self.run(*arguments, **options)
        if result.returncode != 0:
            raise AssertionError(f"{arguments}\n{result.stderr}")
        return result

    def round(self, state, number, kind, *more, threads=1):
        """Arguments of the round with this number: each has the speech of a day of its own."""
        return ("personalize", "--base", self.base, "--data", self.speech[number - 1], "--state", state, "--threads",
                threads, *OPTIONS[kind], *more)

    def folder(self, copy_of=None):
        self.folders += 1
        path = self.dir / f"owner{self.folders}"
        if copy_of is not None:
            shutil.copytree(copy_of, path)
        return path

    def reference(self, number, kind):
        """The folder after this many rounds that nothing interrupted; 0: there is none yet."""
        if number == 0:
            return None
        if (number, kind) not in self._references:
            state = self.folder(self.reference(number - 1, kind))
            report = json.loads(self.must(*self.round(state, number, kind)).stdout)
            assert report["accepted"], report["why"]
            self._references[number, kind] = state
        return self._references[number, kind]

    def model(self, number, kind):
        """The bytes of what is accepted then."""
        return ((self.base if number == 0 else self.reference(number, kind) / "accepted.masr")).read_bytes()


def history(state):
    path = state / "history.json"
    return json.loads(path.read_text())["rounds"] if path.exists() else []


def speech(state):
    path = state / "speech.jsonl"
    return path.read_text() if path.exists() else ""


def is_over(state, number):
    return len(history(state)) >= number and not (state / "round.json").exists()

#!/usr/bin/env python3
"""Pretraining in several processes, over MPI, as its users start it: mpi_test.py MOBILEASR

Trains a tiny recogniser on tones alone and with mpirun, compares the loss of every update, and kills a process in the
middle. Skipped (exit code 77), with a message, where there is no mpirun or the command was built without its MPI module.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from tones import CONFIG, write_speech

MOBILEASR = pathlib.Path(sys.argv.pop(1)).resolve()

RECIPE = json.loads(json.dumps(CONFIG))
RECIPE["training"].update({"batch_seconds": 8, "micro_batch_seconds": 2, "ema_decay": 0.9})
RECIPE["training"]["stages"][0].update(
    {"epochs": 6, "speeds": [0.9, 1.0, 1.1], "gain_db": 3, "spec_augment": {"frequency_width": 4, "time_width": 6}})
for layer in RECIPE["model"]["encoder"]:
    layer["dropout"] = 0.1
SECONDS = 120


def mpirun(processes):
    command = ["mpirun", "-n", str(processes), "--oversubscribe", "--bind-to", "none",
               # Both on this machine: no need to look for networks.
               "--mca", "btl", "self,vader", "--mca", "btl_vader_single_copy_mechanism", "none"]
    return command + (["--allow-run-as-root"] if os.geteuid() == 0 else [])


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


class Mpi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.dir = pathlib.Path(cls.folder.name)
        cls.train = write_speech(cls.dir, "train", 40, seed=1)
        cls.dev = write_speech(cls.dir, "dev", 5, seed=2)
        (cls.dir / "config.json").write_text(json.dumps(RECIPE))
        cls.alone = cls.finish(cls.pretrain(1, "alone"))
        cls.together = cls.finish(cls.pretrain(2, "together"))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def pretrain(cls, processes, out, *extra, env=None):
        command = mpirun(processes) if processes > 1 else []
        return subprocess.Popen(
            [*command, str(MOBILEASR), "pretrain", "--config", cls.dir / "config.json", "--train", cls.train, "--dev",
             cls.dev, "--out", cls.dir / f"{out}.masr", "--format", "f32", "--threads", "1", "--json", "--log",
             cls.dir / f"{out}.log", *extra],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)

    @classmethod
    def finish(cls, process):
        output, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, errors
        return json.loads(output)

    def updates(self, out):
        """By step; of an update that was made again, the later line."""
        lines = (self.dir / f"{out}.log").read_text().splitlines()
        return {line["step"]: line for line in map(json.loads, lines)}

    def same_curve(self, a, b):
        self.assertEqual(a.keys(), b.keys())
        for step in a:
            for field in ("loss", "gradient_norm"):
                self.assertAlmostEqual(a[step][field] / b[step][field], 1, delta=1e-4, msg=f"{field} of {step}")
            for field in ("learning_rate", "tokens", "audio_seconds"):
                self.assertEqual(a[step][field], b[step][field], f"{field} of {step}")

    def test_two_processes_make_the_curve_of_one(self):
        alone = self.updates("alone")
        self.assertGreater(len(alone), 12)
        self.same_curve(self.updates("together"), alone)
        self.assertLess(list(alone.values())[-1]["loss"], 0.9 * alone[1]["loss"])
        for one, two in zip(self.alone["epochs"], self.together["epochs"]):
            self.assertAlmostEqual(one["train_loss"] / two["train_loss"], 1, delta=1e-4)

    def test_three_processes_too(self):
        self.finish(self.pretrain(3, "three"))
        self.same_curve(self.updates("three"), self.updates("alone"))

    def test_a_killed_process_ends_the_job_and_it_resumes_to_the_same_weights(self):
        # Between mpirun's SIGTERM and SIGKILL; its one second is short for the survivor of a busy machine.
        patience = {**os.environ, "OMPI_MCA_odls_base_sigkill_timeout": "5"}
        process = self.pretrain(2, "killed", "--checkpoint-seconds", "0", env=patience)
        log = self.dir / "killed.log"
        whole_epoch = len(self.updates("together")) // RECIPE["training"]["stages"][0]["epochs"]
        until = time.monotonic() + SECONDS
        while not log.exists() or log.read_text().count("\n") < whole_epoch + 1:
            self.assertLess(time.monotonic(), until)
            self.assertIsNone(process.poll(), "it ended before it could be killed")
            time.sleep(0.002)
        children = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(process.pid)], capture_output=True,
                                  text=True).stdout.splitlines()
        ranks = [int(line.split()[0]) for line in children if "mobileasr" in line.split()[1]]
        self.assertEqual(len(ranks), 2, children)
        os.kill(max(ranks), signal.SIGKILL)
        _, errors = process.communicate(timeout=SECONDS)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn("signal 9", errors)  # mpirun's own
        self.assertIn("--resume goes on from the last checkpoint", errors)  # the survivor's
        self.assertLess(max(self.updates("killed")), len(self.updates("together")))

        result = self.finish(self.pretrain(2, "killed", "--resume"))
        self.assertTrue(result["finished"])
        self.assertEqual(self.weights("killed"), self.weights("together"))
        together = self.updates("together")
        for step, line in self.updates("killed").items():
            self.assertEqual(line["loss"], together[step]["loss"])

    def test_another_number_of_processes_goes_on(self):
        process = self.pretrain(2, "other", "--checkpoint-seconds", "0")
        log = self.dir / "other.log"
        while process.poll() is None and (not log.exists() or log.read_text().count("\n") < 5):
            time.sleep(0.002)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS)
        self.finish(self.pretrain(1, "other", "--resume"))
        self.same_curve(self.updates("other"), self.updates("alone"))

    def weights(self, out):
        """The tensors' bytes: the metadata has the seconds that each epoch took."""
        data = (self.dir / f"{out}.masr").read_bytes()
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8:8 + size])
        return {name: data[8 + size + entry["data_offsets"][0]:8 + size + entry["data_offsets"][1]]
                for name, entry in header.items() if name != "__metadata__"}

    def test_what_one_process_lacks_ends_all_with_its_reason(self):
        process = self.pretrain(2, "none", "--noise", self.dir / "nowhere.jsonl")
        _, errors = process.communicate(timeout=SECONDS)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn("nowhere.jsonl", errors)
        self.assertIn("of 2", errors)

    def test_a_command_without_its_module_refuses_to_be_one_of_several(self):
        alone = self.dir / "without_module"
        shutil.copy(MOBILEASR, alone)
        done = subprocess.run([alone, "pretrain", "--config", self.dir / "config.json", "--train", self.train, "--dev",
                               self.dev, "--out", self.dir / "lonely.masr"], env={**os.environ, "PMI_SIZE": "2"},
                              capture_output=True, text=True, timeout=SECONDS)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("one of several processes, but MPI cannot be used", done.stderr)
        self.assertFalse((self.dir / "lonely.masr").exists())


if __name__ == "__main__":
    if shutil.which("mpirun") is None:
        skip("no mpirun (install openmpi-bin)")
    if not MOBILEASR.with_name("mobileasr_mpi.so").exists():
        skip("mobileasr was built without its MPI module (MASR_MPI)")
    unittest.main(verbosity=1)

#!/usr/bin/env python3
"""Rounds on devices that are not here, as a user runs them.

simulate_test.py MOBILEASR
"""

import json
import pathlib
import signal
import subprocess
import sys
import time
import unittest

from rounds_lab import Lab, history

# What the tiny recogniser takes is mostly the process itself.
DEVICE = {"name": "a phone", "total_bytes": 2_000_000_000, "available_bytes": 600_000_000, "battery_wh": 10,
          "battery_percent": 80, "core_power_w": 1, "slowdown": 1000, "cores": 4}


class Simulate(unittest.TestCase):
    def setUp(self):
        self.state = LAB.folder()

    def device(self, **changes):
        path = LAB.dir / "device.json"
        path.write_text(json.dumps({**DEVICE, **changes}))
        return path

    def policy(self, **limits):
        path = LAB.dir / "policy.json"
        path.write_text(json.dumps(limits))
        return path

    def arguments(self, *more, kind="full", **changes):
        _, *rest = LAB.round(self.state, 1, kind)
        for option, value in zip(more[::2], more[1::2]):
            if option in rest:
                rest[rest.index(option) + 1] = value
            else:
                rest += [option, value]
        return ["simulate", "--device", self.device(**changes), *rest]

    def groups(self):
        return [path for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/memory")
                for path in pathlib.Path(root).glob("mobileasr.*")]

    def test_a_round_ends_and_leaves_nothing_behind(self):
        before = self.groups()
        report = json.loads(LAB.must(*self.arguments()).stdout)
        self.assertTrue(report["accepted"], report["why"])
        self.assertEqual(self.groups(), before)
        # On the device's time, which is a thousand times this machine's.
        self.assertLessEqual(report["seconds"], report["device"]["seconds"])
        self.assertGreater(report["device"]["seconds"], 10)

    def test_what_fails_fails_as_it_does_here(self):
        done = LAB.run(*self.arguments("--base", LAB.dir / "nowhere.masr"))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count("nowhere.masr"), 1, done.stderr)
        self.assertEqual(self.groups(), [])

    def running(self):
        """A round without an end that has saved something, and its process."""
        command = self.arguments("--epochs", "10000", "--patience", "10000", battery_wh=0)
        process = subprocess.Popen([str(PROGRAM), *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        while not (self.state / "round.checkpoint").exists() and process.poll() is None:
            time.sleep(0.01)
        self.assertIsNone(process.poll(), "the round is over")
        child, = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        return process, child

    def test_a_limit_holds_the_round(self):
        process, child = self.running()
        budget = DEVICE["available_bytes"] - 256 * 2**20
        groups = self.groups()
        if groups:
            self.assertIn(child, (groups[0] / "cgroup.procs").read_text().split())
            limit, = [int(path.read_text()) for name in ("memory.max", "memory.limit_in_bytes")
                      for path in groups[0].glob(name)]
            self.assertTrue(budget - 65536 < limit <= budget, limit)
        else:
            limits = pathlib.Path(f"/proc/{child}/limits").read_text()
            self.assertRegex(limits, rf"Max data size +{budget} ")
        process.terminate()
        report = json.loads(process.communicate(timeout=60)[0])
        self.assertEqual(report["device"]["memory_limit"], "control group" if groups else "data limit")

    def test_a_request_to_stop_reaches_the_round(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number):
                self.state = LAB.folder()
                process, child = self.running()
                process.send_signal(number)
                out, error = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 0, error)
                self.assertTrue(json.loads(out)["unfinished"])
                self.assertTrue((self.state / "round.json").exists())
                self.assertEqual(history(self.state), [])
                self.assertEqual(self.groups(), [])

    def test_nobody_leaves_a_round_behind(self):
        process, child = self.running()
        process.kill()
        process.communicate()
        deadline = time.monotonic() + 60
        while pathlib.Path(f"/proc/{child}/exe").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertFalse(pathlib.Path(f"/proc/{child}/exe").exists())
        for group in self.groups():
            group.rmdir()

    def test_its_hours_end_a_round_and_not_ours(self):
        plan = json.loads(LAB.must(*self.arguments()).stdout)["plan"]
        planned_s = 3 * plan["seconds_per_epoch"]
        # A processor that is throttled to a twentieth, which nobody could plan for.
        trace = LAB.dir / "throttled.csv"
        trace.write_text("time_s,throttle_share\n0,0.05\n")
        self.state = LAB.folder()
        report = json.loads(LAB.must(*self.arguments("--policy", self.policy(max_seconds=2 * planned_s), "--trace",
                                                     trace)).stdout)
        self.assertEqual(report["halted_by"], "time", report)
        self.assertGreaterEqual(report["seconds"], 2 * planned_s)

    def test_it_is_planned_for_what_the_device_has(self):
        plan = ("--policy", self.policy(min_battery_percent=30))
        full = json.loads(LAB.must(*self.arguments(*plan)).stdout)["plan"]
        # Slower by the device's factor, give or take what a measurement is worth.
        here = json.loads(LAB.must("plan", "--base", LAB.base, "--data", LAB.speech[0], "--threads", 1, "--json").stdout)
        quickest = min(c["seconds_per_epoch"] for c in here["candidates"])
        self.assertGreater(full["seconds_per_epoch"], 100 * quickest)
        self.state = LAB.folder()
        done = LAB.run(*self.arguments(*plan, battery_percent=29))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "the battery is at 2[89].* %, and the policy's min_battery_percent is 30")


if __name__ == "__main__":
    PROGRAM = pathlib.Path(sys.argv.pop(1))
    LAB = Lab(PROGRAM, "none")
    try:
        unittest.main(verbosity=2)
    finally:
        LAB.close()

#!/usr/bin/env python3
"""Rounds that are killed, damaged, out of room or without power: nothing accepted is lost, and what is resumed ends in
the same bits as what nothing interrupted.

rounds_test.py MOBILEASR FAIL_IO [--kills N] [--flips N] [--faults N]

FAIL_IO is the library of tests/faults/fail_io.c, or "none" where there is none. The numbers: how often a process is
killed, and as often the power goes; how many bits are flipped in each file; how many of a round's calls fail (0: each).
Python's standard library only.
"""

import argparse
import fcntl
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest

from rounds_lab import OPTIONS, UNDER_WAY, Lab, history, is_over, speech, without_times

SETTINGS = argparse.Namespace()
LAB = None


def setUpModule():
    global LAB
    LAB = Lab(SETTINGS.program, SETTINGS.shim)


def tearDownModule():
    LAB.close()


class Rounds(unittest.TestCase):
    def setUp(self):
        self.rng = random.Random(7)

    def accepted_is_whole(self, state, number, kind):
        """Whether it is what the round gives; otherwise it is what there was before. Anything else fails."""
        path = state / "accepted.masr"
        if not path.exists():
            self.assertEqual(number, 1, "the accepted model is gone")
            self.assertFalse((state / "owner.json").exists(), "the accepted model is gone")
            return False
        LAB.must("info", path)
        model = path.read_bytes()
        if model == LAB.model(number, kind):
            return True
        self.assertEqual(model, LAB.model(number - 1, kind))
        return False

    def is_as_if_nothing_happened(self, state, number, kind):
        expected = LAB.reference(number, kind)
        self.assertEqual((state / "accepted.masr").read_bytes(), LAB.model(number, kind))
        self.assertEqual((state / "previous.masr").read_bytes(), LAB.model(number - 1, kind))
        self.assertEqual(without_times(history(state)), without_times(history(expected)))
        self.assertEqual(speech(state), speech(expected))
        for name in UNDER_WAY:
            self.assertFalse((state / name).exists(), name)
        self.assertEqual([p.name for p in state.glob("*.tmp")], [])

    def refused(self, result, *expected):
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        for text in expected:
            self.assertIn(str(text), result.stderr)

    def with_faults(self, state, mode, at, arguments, seed=0):
        """Runs with the library of faults. The result, the calls that it counted, and whether one failed."""
        if not SETTINGS.shim:
            self.skipTest("no library of faults in this build")
        shadow = LAB.dir / "shadow"
        shutil.rmtree(shadow, ignore_errors=True)
        shadow.mkdir()
        report = LAB.dir / "report"
        report.unlink(missing_ok=True)
        result = LAB.run(*arguments, env={
            "LD_PRELOAD": str(SETTINGS.shim), "FAULT_ROOT": str(state), "FAULT_SHADOW": str(shadow), "FAULT_MODE": mode,
            "FAULT_AT": str(at), "FAULT_SEED": str(seed), "FAULT_REPORT": str(report)})
        calls, fired = report.read_text().split()
        return result, int(calls), fired == "1"

    def count_calls(self, number, kind):
        state = LAB.folder(LAB.reference(number - 1, kind))
        result, calls, _ = self.with_faults(state, "once", 0, LAB.round(state, number, kind))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertGreater(calls, 50)
        self.is_as_if_nothing_happened(state, number, kind)
        shutil.rmtree(state)
        return calls

    def some_of(self, calls):
        each = range(1, calls + 1)
        return each if SETTINGS.faults in (0, calls) else sorted(self.rng.sample(each, min(SETTINGS.faults, calls)))


class Uninterrupted(Rounds):
    def test_two_rounds_and_one_taken_back(self):
        kind = "full"
        state = LAB.folder(LAB.reference(2, kind))
        rounds = history(state)
        self.assertEqual([r["round"] for r in rounds], [1, 2])
        self.assertGreater(rounds[1]["replayed_utterances"], 0)
        self.assertNotEqual(LAB.model(0, kind), LAB.model(1, kind))
        self.assertNotEqual(LAB.model(1, kind), LAB.model(2, kind))
        self.is_as_if_nothing_happened(state, 2, kind)
        LAB.must("rollback", "--state", state)
        self.assertEqual((state / "accepted.masr").read_bytes(), LAB.model(1, kind))
        self.assertEqual([r["rolled_back"] for r in history(state)], [False, True])
        self.refused(LAB.run("rollback", "--state", state), "one step can be undone")
        LAB.must(*LAB.round(state, 2, kind))
        self.assertEqual([r["round"] for r in history(state)], [1, 2, 3])

    def test_the_number_of_threads_changes_no_bit(self):
        state = LAB.folder(LAB.reference(1, "full"))
        LAB.must(*LAB.round(state, 2, "full", threads=3))
        self.is_as_if_nothing_happened(state, 2, "full")


class Killed(Rounds):
    def test_a_round_that_is_killed_again_and_again(self):
        kills = 0
        took = {}
        while kills < SETTINGS.kills:
            kind, number = self.rng.choice(("full", "lora")), self.rng.choice((1, 2))
            state = LAB.folder(LAB.reference(number - 1, kind))
            if kind not in took:
                whole = LAB.folder(LAB.reference(1, kind))
                began = time.monotonic()
                LAB.must(*LAB.round(whole, 2, kind))
                took[kind] = time.monotonic() - began
            accepted, resumed, left = False, (), self.rng.randint(1, 6)
            while not is_over(state, number):
                process = subprocess.Popen(
                    [str(SETTINGS.program),
                     *map(str, LAB.round(state, number, kind, *resumed, threads=self.rng.choice((1, 2, 3))))],
                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                try:
                    error = process.communicate(timeout=self.rng.uniform(0, took[kind]) if left else 120)[1]
                    self.assertEqual(process.returncode, 0, error)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.communicate()
                    kills, left = kills + 1, left - 1
                resumed = ("--resume",)
                if state.exists():
                    now = self.accepted_is_whole(state, number, kind)
                    self.assertTrue(now or not accepted, "what was accepted is lost")
                    accepted = now
            # Whatever was left to be tidied up.
            LAB.run("rollback", "--state", LAB.folder(state))
            self.is_as_if_nothing_happened(state, number, kind)
            shutil.rmtree(state)
        print(f"killed {kills} times", file=sys.stderr)


class Damaged(Rounds):
    KIND = "quick"
    # What the message tells to do about each, and how it is done.
    MOVED_AWAY = {"history.json": "move it away", "speech.jsonl": "move it away", "owner.json": "remove it"}

    def interrupted(self, condition, finished=False, first=False):
        """A folder whose second round was cut off, as late (or as early) as `condition` holds."""
        calls = self.count_calls(2, self.KIND)
        for at in range(1, calls + 1) if first else range(calls, 0, -1):
            state = LAB.folder(LAB.reference(1, self.KIND))
            self.with_faults(state, "power", at, LAB.round(state, 2, self.KIND), seed=1)
            under_way = state / "round.json"
            if under_way.exists() and json.loads(under_way.read_text())["finished"] == finished and condition(state):
                self.assertEqual(len(history(state)), 1)
                return state
            shutil.rmtree(state)
        self.fail("never so")

    def damages(self, data):
        yield "empty", b""
        yield "half", data[:len(data) // 2]
        yield "one byte less", data[:-1]
        yield "zeros", data[:len(data) // 2] + bytes(len(data) - len(data) // 2)
        yield "noise", self.rng.randbytes(len(data))
        for _ in range(SETTINGS.flips):
            bit = self.rng.randrange(8 * len(data))
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            yield f"bit {bit}", bytes(flipped)

    def goes_on_or_says_why(self, interrupted, name):
        whole = (interrupted / name).read_bytes()
        counts = {0: 0, 1: 0}
        for what, data in self.damages(whole):
            with self.subTest(file=name, damage=what):
                state = LAB.folder(interrupted)
                (state / name).write_bytes(data)
                result = LAB.run(*LAB.round(state, 2, self.KIND, "--resume"))
                self.assertIn(result.returncode, (0, 1))
                counts[result.returncode] += 1
                self.accepted_is_whole(state, 2, self.KIND)
                if result.returncode == 1:
                    self.assertIn(name, result.stderr)
                    way_on = "--resume"
                    if name in self.MOVED_AWAY:
                        self.assertIn(self.MOVED_AWAY[name], result.stderr)
                        (state / name).rename(state / "away")
                    else:
                        self.assertIn("--restart", result.stderr)
                        way_on = "--restart"
                    LAB.must(*LAB.round(state, 2, self.KIND, way_on))
                self.assertEqual((state / "accepted.masr").read_bytes(), LAB.model(2, self.KIND))
                self.assertEqual(history(state)[-1]["round"], 2)
                for line in speech(state).splitlines():
                    self.assertIn(json.loads(line)["round"], (1, 2))
                if result.returncode == 0 and name not in ("round.jsonl", "speech.jsonl"):
                    self.is_as_if_nothing_happened(state, 2, self.KIND)
                shutil.rmtree(state)
        print(f"{name}: {counts[0]} went on, {counts[1]} said why", file=sys.stderr)
        return counts

    def test_files_of_a_round_under_way(self):
        state = self.interrupted(lambda s: (s / "round.checkpoint").exists())
        for name in ("round.checkpoint", "round.json", "round.jsonl", "history.json", "speech.jsonl", "owner.json"):
            self.assertGreater(self.goes_on_or_says_why(state, name)[1], 0, name)

    def test_speech_of_a_round_without_a_checkpoint(self):
        state = self.interrupted(lambda s: not (s / "round.checkpoint").exists(), first=True)
        for name in ("round.json", "round.jsonl"):
            self.assertGreater(self.goes_on_or_says_why(state, name)[1], 0, name)

    def test_a_round_goes_on_with_what_it_began_with(self):
        state = self.interrupted(lambda s: (s / "round.checkpoint").exists(), first=True)
        again = LAB.round(state, 2, self.KIND, "--resume")
        for option, value in (("--epochs", "7"), ("--tune", "vectors"), ("--seed", "3"), ("--test", LAB.speech[0]),
                              ("--ram", "100MB"), ("--no-transcript-check", None)):
            words = [w for i, w in enumerate(again) if option not in (w, again[i - 1] if i else "")]
            self.refused(LAB.run(*words, option, *([] if value is None else [value])), option + ": ", "began with",
                         "--restart")
        LAB.must(*again)
        self.is_as_if_nothing_happened(state, 2, self.KIND)

    def test_files_of_a_round_that_is_decided(self):
        state = self.interrupted(lambda s: (s / "candidate.masr").exists(), finished=True)
        # What was judged is made again from the checkpoint.
        self.assertEqual(self.goes_on_or_says_why(state, "candidate.masr")[1], 0)
        for name in ("round.checkpoint", "round.json", "round.jsonl", "speech.jsonl", "history.json"):
            self.goes_on_or_says_why(state, name)

    def test_an_accepted_model_that_is_damaged_can_be_rolled_back(self):
        state = LAB.folder(LAB.reference(2, self.KIND))
        accepted = state / "accepted.masr"
        whole = accepted.read_bytes()
        flipped = bytearray(whole)
        flipped[-1 - self.rng.randrange(len(whole) // 2)] ^= 1 << self.rng.randrange(8)  # a weight
        for damaged in (b"", whole[: len(whole) // 2], bytes(flipped)):
            accepted.write_bytes(damaged)
            self.refused(LAB.run(*LAB.round(state, 2, self.KIND)), "accepted.masr", "roll back")
        LAB.must("rollback", "--state", state)
        self.assertEqual((state / "accepted.masr").read_bytes(), LAB.model(1, self.KIND))

    def test_a_lost_list_of_what_belongs_together_does_not_bring_the_base_back(self):
        state = LAB.folder(LAB.reference(2, self.KIND))
        for name in ("owner.json", "history.json"):
            (state / name).unlink()
        result = LAB.run(*LAB.round(state, 1, self.KIND))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(history(state)[0]["round"], 3)


class Faults(Rounds):
    KIND = "quick"

    def ends_well(self, state, number):
        """A resumed round ends as if nothing had happened."""
        if not is_over(state, number):
            LAB.must(*LAB.round(state, number, self.KIND, "--resume"))
        self.is_as_if_nothing_happened(state, number, self.KIND)
        shutil.rmtree(state)

    def test_a_full_disk_at_each_call(self):
        for number in (1, 2):
            calls = self.count_calls(number, self.KIND)
            print(f"round {number} makes {calls} calls", file=sys.stderr)
            for at in self.some_of(calls):
                for mode in ("once", "always"):
                    with self.subTest(round=number, call=at, mode=mode):
                        state = LAB.folder(LAB.reference(number - 1, self.KIND))
                        result, _, fired = self.with_faults(state, mode, at, LAB.round(state, number, self.KIND))
                        self.assertTrue(fired)
                        self.refused(result, state, "No space left")
                        self.accepted_is_whole(state, number, self.KIND)
                        self.ends_well(state, number)

    def test_the_power_goes_at_each_call(self):
        for number in (1, 2):
            calls = self.count_calls(number, self.KIND)
            for at in (*self.some_of(calls), calls + 1):
                for seed in (0, 1, self.rng.randrange(2, 1 << 30)):
                    with self.subTest(round=number, call=at, seed=seed):
                        state = LAB.folder(LAB.reference(number - 1, self.KIND))
                        result, _, fired = self.with_faults(state, "power", at,
                                                            LAB.round(state, number, self.KIND), seed)
                        self.assertTrue(fired)
                        self.assertEqual(result.returncode, 137)
                        accepted = self.accepted_is_whole(state, number, self.KIND)
                        # At the end it has said that the round is accepted.
                        self.assertEqual(bool(result.stdout), at > calls)
                        self.assertTrue(accepted or at <= calls, "reported, and lost")
                        self.ends_well(state, number)

    def test_the_power_goes_again_and_again(self):
        losses = 0
        while losses < SETTINGS.kills:
            number = self.rng.choice((1, 2))
            state = LAB.folder(LAB.reference(number - 1, self.KIND))
            accepted = False
            for at in (self.rng.randrange(1, 300) for _ in range(6)):
                seed = self.rng.randrange(2, 1 << 30)
                with self.subTest(round=number, call=at, seed=seed):
                    losses += 1
                    self.with_faults(state, "power", at, LAB.round(state, number, self.KIND, "--resume"), seed)
                    now = self.accepted_is_whole(state, number, self.KIND)
                    self.assertTrue(now or not accepted, "what was accepted is lost")
                    accepted = now
                if is_over(state, number):
                    break
            self.ends_well(state, number)
        print(f"{losses} losses of power", file=sys.stderr)

    def test_faults_while_a_round_is_taken_back(self):
        reference = LAB.reference(2, self.KIND)
        for mode, seed in (("once", 0), ("always", 0), ("power", 0), ("power", 1)):
            for at in range(1, 100):
                with self.subTest(mode=mode, seed=seed, call=at):
                    state = LAB.folder(reference)
                    result, calls, fired = self.with_faults(state, mode, at, ("rollback", "--state", state), seed)
                    taken_back = (state / "accepted.masr").read_bytes() == LAB.model(1, self.KIND)
                    if not taken_back:
                        self.assertNotEqual(result.returncode, 0)
                        self.assertEqual((state / "accepted.masr").read_bytes(), LAB.model(2, self.KIND))
                        LAB.must("rollback", "--state", state)
                    self.assertEqual((state / "accepted.masr").read_bytes(), LAB.model(1, self.KIND))
                    self.refused(LAB.run("rollback", "--state", state), "one step can be undone")
                    self.assertEqual([r["rolled_back"] for r in history(state)], [False, True])
                    shutil.rmtree(state)
                if at > calls or not fired:
                    break


class Refused(Rounds):
    KIND = "quick"

    def test_a_folder_that_may_not_be_written(self):
        state = LAB.folder(LAB.reference(1, self.KIND))
        for path in (state, *state.iterdir()):
            path.chmod(0o555 if path.is_dir() else 0o444)
        prefix = ()
        if os.geteuid() == 0:
            if shutil.which("setpriv") is None:
                self.skipTest("root may write anything, and there is no setpriv")
            prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        try:
            version = subprocess.run([*prefix, str(SETTINGS.program), "--version"], capture_output=True)
            if version.returncode != 0:
                self.skipTest("another user may not run the program here")
        except PermissionError:
            self.skipTest("another user may not run the program here")
        self.refused(LAB.run(*LAB.round(state, 2, self.KIND), prefix=prefix), state, "Permission denied")
        new = state / "new"
        self.refused(LAB.run(*LAB.round(new, 1, self.KIND), prefix=prefix), new, "Permission denied")
        self.refused(LAB.run("rollback", "--state", state, prefix=prefix), state, "Permission denied")
        self.assertTrue(self.accepted_is_whole(state, 1, self.KIND))
        state.chmod(0o755)

    def test_another_base(self):
        state = LAB.folder(LAB.reference(1, self.KIND))
        arguments = list(LAB.round(state, 2, self.KIND))
        arguments[arguments.index(LAB.base)] = state / "accepted.masr"
        self.refused(LAB.run(*arguments), state, "another base", "give that base, or another folder")
        (state / "owner.json").unlink()
        arguments[arguments.index(state / "accepted.masr")] = LAB.reference(2, self.KIND) / "accepted.masr"
        self.refused(LAB.run(*arguments), "another base")
        self.assertTrue(self.accepted_is_whole(state, 1, self.KIND))

    def test_a_folder_of_a_later_version(self):
        state = LAB.folder(LAB.reference(1, self.KIND))
        (state / "owner.json").write_text('{"format": 2, "base": "x"}')
        for arguments in (LAB.round(state, 2, self.KIND), LAB.round(state, 2, self.KIND, "--restart"),
                          ("rollback", "--state", state)):
            self.refused(LAB.run(*arguments), "owner.json", "later version", "update")
        self.assertTrue(self.accepted_is_whole(state, 1, self.KIND))

    def test_two_processes_at_once(self):
        state = LAB.folder(LAB.reference(1, self.KIND))
        with open(state / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for arguments in (LAB.round(state, 2, self.KIND, "--resume"), ("rollback", "--state", state)):
                self.refused(LAB.run(*arguments), "lock", "another process")
        both = [subprocess.Popen([str(SETTINGS.program), *map(str, LAB.round(state, 2, self.KIND, "--resume"))],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        errors = [process.communicate()[1] for process in both]
        codes = sorted(process.returncode for process in both)
        self.assertIn(codes, ([0, 0], [0, 1]), errors)  # one after the other is well too
        if codes == [0, 1]:
            self.assertIn("another process", "".join(errors))
            self.is_as_if_nothing_happened(state, 2, self.KIND)

    def test_a_round_that_is_under_way_needs_a_word(self):
        state = LAB.folder(LAB.reference(1, self.KIND))
        self.with_faults(state, "once", 60, LAB.round(state, 2, self.KIND))
        self.refused(LAB.run(*LAB.round(state, 2, self.KIND)), "round 2 was interrupted", "--resume", "--restart")
        LAB.must(*LAB.round(state, 2, self.KIND, "--restart"))
        self.is_as_if_nothing_happened(state, 2, self.KIND)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("shim", type=lambda path: None if path == "none" else pathlib.Path(path).resolve())
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--flips", type=int, default=1)
    parser.add_argument("--faults", type=int, default=4)
    parser.parse_known_args(namespace=SETTINGS)
    rest = parser.parse_known_args()[1]
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


if __name__ == "__main__":
    main()

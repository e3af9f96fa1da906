#!/usr/bin/env python3
"""The six functions in C, in C++, by the engine itself and in Java: six_functions_test.py C CPP ENGINE [JAVA COMMAND]

Each runs on the shipped model and a synthetic sentence, and says the same to the last digit; what is restored goes on
as if there had been no break. Python's standard library only.
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

ENGINE = [pathlib.Path(sys.argv[3]).resolve()]
# Each says what was wrong in the same way.
PROGRAMS = [[pathlib.Path(p).resolve()] for p in sys.argv[1:3]] + ([sys.argv[4:]] if sys.argv[4:] else [])
ASSETS = pathlib.Path(__file__).resolve().parent.parent / "assets"
SENTENCE = ASSETS / "general" / "00-flite-slt.ogg"


def run(program, text=None, model=ASSETS / "tiny.masr"):
    text = SENTENCE.with_suffix(".txt").read_text().strip() if text is None else text
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([*program, model, SENTENCE, text, f"{folder}/checkpoint"], capture_output=True, text=True,
                              timeout=120)


class SixFunctions(unittest.TestCase):
    def test_every_language_gives_the_same_bits(self):
        said = [run(program) for program in [*PROGRAMS, ENGINE]]
        for result in said:
            self.assertEqual(result.returncode, 0, result.stderr)
        lines = said[0].stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines],
                         ["parameters", "infer", "loss"] + 5 * ["train"] + ["infer"])
        for result in said[1:]:
            self.assertEqual(result.stdout, said[0].stdout)
        self.assertEqual(lines[6], lines[7], "what was restored goes on otherwise")
        losses = [float(line.split("loss ")[1].split(",")[0]) for line in lines[3:7]]
        self.assertLess(losses[3], losses[0], "nothing was learned")

    def test_errors_are_told(self):
        for program in PROGRAMS:
            for arguments, message in (({"text": "a" * 1000}, "text needs"), ({"text": "7"}, 'utterance 0: text: "7"'),
                                       ({"model": "/no/such.masr"}, "/no/such.masr")):
                result = run(program, **arguments)
                self.assertEqual(result.returncode, 1)
                self.assertIn(message, result.stderr)
                self.assertTrue(result.stderr.startswith("MASR_"), result.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

#!/usr/bin/env python3
"""What scripts/prompts.py makes: clean text, the same for the same seed, and nothing that is excluded."""

import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent / "scripts"
sys.path.insert(0, str(SCRIPTS))
import prompts  # noqa: E402

if not prompts.DICTIONARY.exists():
    sys.exit(77)  # skipped: wamerican is not installed


class Prompts(unittest.TestCase):
    def test_numbers_are_read_as_people_read_them(self):
        for n, words in ((0, "zero"), (14, "fourteen"), (40, "forty"), (99, "ninety nine"), (100, "one hundred"),
                         (305, "three hundred and five"), (1000, "one thousand"), (2010, "two thousand and ten"),
                         (12345, "twelve thousand three hundred and forty five"), (7000100, "seven million one hundred")):
            self.assertEqual(prompts.cardinal(n), words)
        for n, words in ((1, "first"), (12, "twelfth"), (20, "twentieth"), (31, "thirty first"),
                         (100, "one hundredth")):
            self.assertEqual(prompts.ordinal(n), words)
        for n, words in ((1066 + 100, "eleven sixty six"), (1900, "nineteen hundred"), (1905, "nineteen oh five"),
                         (2000, "two thousand"), (2009, "two thousand and nine"), (2026, "twenty twenty six")):
            self.assertEqual(prompts.year(n), words)

    def test_every_kind_gives_clean_text(self):
        made = prompts.Prompts()
        rng = random.Random(1)
        for kind in prompts.KINDS:
            texts = set()
            for _ in range(2000):
                text, spoken = made.draw(kind, rng)
                self.assertTrue(prompts.CLEAN.fullmatch(text), text)
                self.assertEqual(prompts.normalize(text), text)
                self.assertLessEqual(len(text.split()), 40, text)
                self.assertTrue(re.fullmatch(r"[A-Za-z', ]+", spoken), spoken)
                texts.add(text)
            self.assertGreater(len(texts), 300, kind)

    def test_spelled_words_are_read_letter_by_letter(self):
        self.assertEqual(prompts.spelled("o'neill"), ("o n e i l l", "O, N, E, I, L, L"))

    def test_excluded_texts_do_not_come(self):
        with tempfile.TemporaryDirectory() as folder:
            command = [str(SCRIPTS / "prompts.py"), "commands:400", "dates:100"]
            everything = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            self.assertEqual(everything, subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            lines = everything.splitlines()
            self.assertEqual(len(lines), 500)
            manifest, plain = pathlib.Path(folder, "test.jsonl"), pathlib.Path(folder, "test.txt")
            manifest.write_text(json.dumps({"text": lines[0].upper() + "!"}) + "\n")
            plain.write_text(lines[1] + "\n")
            fewer = subprocess.run(command + ["--exclude", manifest, plain], capture_output=True, text=True,
                                   check=True).stdout.splitlines()
            self.assertEqual(len(fewer), 500)
            self.assertNotIn(lines[0], fewer)
            self.assertNotIn(lines[1], fewer)

    def test_wrong_kinds_are_refused(self):
        for argument in ("songs:3", "names", "names:many"):
            result = subprocess.run([str(SCRIPTS / "prompts.py"), argument], capture_output=True, text=True)
            self.assertEqual(result.returncode, 1)
            self.assertIn("KIND:COUNT", result.stderr)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""What KenLM makes of a small text, for the tests of src/lm.

  scripts/make_language_model_goldens.py KENLM_BIN

KENLM_BIN holds lmplz and query, built from github.com/kpu/kenlm (measured with commit 4cb443e). Writes to
src/lm/testdata: the text, KenLM's 3-gram ARPA of it, a pruned 4-gram one, and KenLM's scores of sentences.
"""

import json
import pathlib
import random
import subprocess
import sys

OUT = pathlib.Path(__file__).resolve().parent.parent / "src" / "lm" / "testdata"
SYLLABLES = [a + b for a in "bdfklmnprst" for b in "aeiou"]
WORDS = SYLLABLES + [a + b for a in SYLLABLES[::3] for b in SYLLABLES[::4]]


def sentence(rng):
    """A walk over words, common ones first, in which each prefers a few others: counts of counts as in a text."""
    words = [WORDS[int(rng.paretovariate(1.0)) % len(WORDS)]]
    while len(words) < 12 and rng.random() > 0.12:
        step = int(rng.paretovariate(0.8) * 3)
        words.append(WORDS[(WORDS.index(words[-1]) * 5 % 23 + step) % len(WORDS)])
    return " ".join(words)


def main():
    kenlm = pathlib.Path(sys.argv[1])
    rng = random.Random(1)
    text = "\n".join(sentence(rng) for _ in range(250)) + "\n"
    (OUT / "text.txt").write_text(text)

    def lmplz(name, *options):
        made = subprocess.run([kenlm / "lmplz", "-S", "50M", *options], input=text, text=True, capture_output=True, check=True)
        (OUT / name).write_text(made.stdout)

    lmplz("kenlm3.arpa", "-o", "3")
    lmplz("kenlm4_pruned.arpa", "-o", "4", "--prune", "0", "0", "1")

    sentences = [sentence(rng) for _ in range(20)] + ["ba zebra da unknown", "ba", "ka ka ka ka"]
    scores = {"sentences": sentences}
    for name in ("kenlm3.arpa", "kenlm4_pruned.arpa"):
        asked = subprocess.run([kenlm / "query", OUT / name], input="\n".join(sentences) + "\n", text=True,
                               capture_output=True, check=True)
        lines = [line for line in asked.stdout.splitlines() if "Total:" in line]
        scores[name] = [float(line.split("Total:")[1].split()[0]) for line in lines]
        assert len(scores[name]) == len(sentences)
    (OUT / "kenlm_scores.json").write_text(json.dumps(scores, indent=1) + "\n")


if __name__ == "__main__":
    main()

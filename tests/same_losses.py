#!/usr/bin/env python3
"""Another machine's build hears and learns as this one's: same_losses.py NATIVE OTHER...

NATIVE is six_functions_engine of this machine; OTHER... the command that runs another's, say `qemu-aarch64
build/arm64/tests/six_functions_engine`. On the shipped tiny recogniser and a synthetic sound every number that they
print (losses of five updates, sums of probabilities) has to agree to 1e-4 of itself, norms of gradients to 1e-3, and
every text to the letter.
"""

import array
import math
import pathlib
import subprocess
import sys
import tempfile
import wave

ASSETS = pathlib.Path(__file__).resolve().parent.parent / "assets"
RATE = 16000


def write_sound(path):
    """Harmonics that glide and pause, as WAV, which every build reads."""
    samples = array.array("h")
    phase = 0.0
    for i in range(3 * RATE):
        t = i / RATE
        phase += (140 + 40 * math.sin(5 * t)) / RATE
        x = sum(math.sin(2 * math.pi * h * phase) / h for h in range(1, 13))
        samples.append(round(3000 * max(0.0, math.sin(9 * t)) * x))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())


def words_of(command, folder, sound, text):
    done = subprocess.run([*command, ASSETS / "tiny.masr", sound, text, folder / "checkpoint"], stdout=subprocess.PIPE,
                          text=True, check=True)
    return done.stdout.split()


def number(word):
    try:
        return float(word.rstrip(",:"))
    except ValueError:
        return None


def main():
    native, other = [sys.argv[1]], sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write_sound(folder / "sound.wav")
        ours, theirs = (words_of(command, folder, folder / "sound.wav", "call me now") for command in (native, other))
    if len(ours) != len(theirs):
        sys.exit(f"{len(ours)} words here, {len(theirs)} there")
    worst, numbers, where = 0.0, 0, ""
    for before, a, b in zip(["", *ours], ours, theirs):
        x, y = number(a), number(b)
        if x is None or y is None:
            if a != b:
                sys.exit(f"'{a}' here is '{b}' there")
            continue
        numbers += 1
        apart = abs(x - y) / max(abs(x), 1e-30) if x != y else 0.0
        if before == "gradient":
            apart /= 10
        if apart > worst:
            worst, where = apart, f": {a} here is {b} there"
    print(f"{numbers} numbers agree to {worst:.1e} of themselves{where}")
    if not worst <= 1e-4:
        sys.exit("further apart than 1e-4")


if __name__ == "__main__":
    main()

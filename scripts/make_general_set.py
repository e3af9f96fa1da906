#!/usr/bin/env python3
"""Makes assets/general, the small set of other people's speech that a round may not forget.

  scripts/make_general_set.py [--out assets/general]

The thirty sentences of assets/test_sentences_en.txt, read in turn by voices of flite, espeak-ng and festival, as
Ogg Vorbis files with a .txt beside each. Synthetic, because a set that ships with a model must be free of
anybody's voice; the texts are none of the 75 prompts that an owner reads. Needs (Debian): flite espeak-ng
festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts sox.
"""

import argparse
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
RATE_HZ = 16000
QUALITY = 3  # of Vorbis: about 40 kbit/s


def flite(voice):
    return lambda text, wav: subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(wav)], check=True)


def espeak(voice, words_per_minute):
    return lambda text, wav: subprocess.run(
        ["espeak-ng", "-v", voice, "-s", str(words_per_minute), "-w", str(wav), text], check=True)


def festival(voice):
    return lambda text, wav: subprocess.run(["text2wave", "-eval", f"(voice_{voice})", "-o", str(wav)],
                                            input=text.encode(), check=True, stderr=subprocess.DEVNULL)


READERS = {
    "flite-slt": flite("slt"),
    "flite-rms": flite("rms"),
    "espeak-us": espeak("en-us+m3", 150),
    "flite-kal16": flite("kal16"),
    "espeak-gb": espeak("en-gb+f2", 150),
    "festival-ked": festival("ked_diphone"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "assets/general")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    sentences = (ROOT / "assets/test_sentences_en.txt").read_text(encoding="utf-8").splitlines()
    with tempfile.TemporaryDirectory() as folder:
        wav = pathlib.Path(folder) / "speech.wav"
        for i, text in enumerate(sentences):
            reader = list(READERS)[i % len(READERS)]
            READERS[reader](text, wav)
            name = args.out / f"{i:02d}-{reader}"
            subprocess.run(["sox", str(wav), "-r", str(RATE_HZ), "-c", "1", "-C", str(QUALITY), f"{name}.ogg",
                            "norm", "-3"], check=True)
            pathlib.Path(f"{name}.txt").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

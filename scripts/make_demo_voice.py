#!/usr/bin/env python3
"""Makes the two manifests that the demo needs: what is learned from, and what is tested on.

  make_demo_voice.py --out DIR --synthetic        75 prompts and 30 test sentences read by flite's Scottish
                                                  voice, which no model of ours has been trained on
  make_demo_voice.py --out DIR --voice FOLDER     a folder of audio files with a .txt beside each: every
                                                  fifth recording is kept for the test

Writes DIR/adapt.jsonl and DIR/test.jsonl. Python's standard library only; --synthetic needs flite.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import wave

ASSETS = pathlib.Path(__file__).resolve().parent.parent / "assets"
AUDIO = {".wav", ".flac", ".ogg", ".opus", ".mp3"}


def write_manifest(path, items):
    with open(path, "w", encoding="utf-8") as file:
        for audio, text in items:
            file.write(json.dumps({"audio_filepath": str(audio), "text": text}) + "\n")


def speak(text, path):
    subprocess.run(["flite", "-voice", "awb", "-t", text, "-o", str(path)], check=True)
    with wave.open(str(path)) as audio:
        if audio.getnframes() == 0:
            sys.exit(f"flite wrote no sound to {path}")


def synthetic(out):
    for name, source in (("adapt", "prompts_en.txt"), ("test", "test_sentences_en.txt")):
        items = []
        for i, text in enumerate((ASSETS / source).read_text().splitlines()):
            path = out / f"{name}_{i:02d}.wav"
            if not path.exists():
                speak(text, path)
            items.append((path.resolve(), text))
        write_manifest(out / f"{name}.jsonl", items)


def from_folder(folder, out):
    items = []
    for audio in sorted(folder.rglob("*")):
        text = audio.with_suffix(".txt")
        if audio.suffix.lower() in AUDIO and text.exists():
            items.append((audio.resolve(), text.read_text(encoding="utf-8").strip()))
    if len(items) < 10:
        sys.exit(f"{folder}: found {len(items)} recordings with a .txt beside them; record at least 10")
    write_manifest(out / "adapt.jsonl", [item for i, item in enumerate(items) if i % 5 != 4])
    write_manifest(out / "test.jsonl", [item for i, item in enumerate(items) if i % 5 == 4])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--synthetic", action="store_true")
    source.add_argument("--voice", type=pathlib.Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.synthetic:
        synthetic(args.out)
    else:
        from_folder(args.voice, args.out)


if __name__ == "__main__":
    main()

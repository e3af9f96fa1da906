"""What the measuring scripts share: options, manifests of parts of a corpus, and runs whose JSON is kept."""

import argparse
import hashlib
import json
import pathlib
import subprocess


def parser_of(description):
    """With the options that every measurement on real voices has."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--mobileasr", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder of the corpora")
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="runs are kept here, and not run again")
    return parser


def parse(parser):
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    return args


def read_lines(manifest):
    """With absolute paths."""
    lines = [json.loads(text) for text in open(manifest, encoding="utf-8") if text.strip()]
    for line in lines:
        line["audio_filepath"] = str((manifest.parent / line["audio_filepath"]).resolve())
    return lines


def write_lines(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def reported_speakers(names, count):
    """`count` of a corpus's speakers, spread evenly over the manifest's order."""
    return names[:: max(1, len(names) // count)][:count]


def run(args, *command, name="", refused=None):
    """The JSON of a command, run once. None where it failed and its message has the words `refused`."""
    words = [str(word) for word in command]
    key = hashlib.sha256(json.dumps([name, *words]).encode()).hexdigest()[:16]
    path = args.work / f"{key}.json"
    if not path.exists():
        done = subprocess.run([str(args.mobileasr), *words, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True)
        if done.returncode != 0 and (refused is None or refused not in done.stderr):
            raise SystemExit(f"{' '.join(words)}:\n{done.stderr}")
        path.write_text(done.stdout or "null", encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


def info(args):
    return run(args, "info", args.model)


def word_errors(counts):
    return counts["substitutions"] + counts["insertions"] + counts["deletions"]

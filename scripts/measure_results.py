#!/usr/bin/env python3
"""Measures the base recogniser and what personalisation makes of it, on real voices; writes docs/results.md.

  scripts/measure_results.py --mobileasr build/release/apps/cli/mobileasr --data ../shared/data \
      --model assets/base.masr --lm assets/en.lm --work build/results [--tiny assets/tiny.masr]
      [--previous MODEL] [--float-model MODEL] [--ablation FOLDER] [--only models,groups,...]

Every run's JSON is kept in --work, so that an interrupted measurement goes on where it was; delete the folder
to measure again. With --only, the other sections of the page stay as they are. Test manifests are used for measuring only: nothing is trained or chosen on them
(the telephone development set has chosen the decoder's weights, and says so). Python's
standard library only.
"""

import argparse
import collections
import json
import pathlib
import re
import subprocess
import time

import ablation
from experiments import reported_speakers, word_errors
from recognition_tables import Recognition

KATHLEEN_MINUTES = (1, 2, 5, 10)
SPEECHOCEAN_SPEAKERS = 20
WUW_SPEAKERS = 12
GENERAL_EVERY = 4  # the fixed general set: every fourth utterance of the telephone development set


class Bench:
    def __init__(self, args):
        self.args = args
        self.work = args.work
        self.work.mkdir(parents=True, exist_ok=True)
        self.general = self.subset("general", args.data / "wuw-corpus-ii/base_dev.jsonl",
                                   lambda i, _: i % GENERAL_EVERY == 0)

    def subset(self, name, manifest, keep):
        """A manifest with absolute paths of the lines for which keep(index, line) holds."""
        path = self.work / f"{name}.jsonl"
        with open(manifest, encoding="utf-8") as source, open(path, "w", encoding="utf-8") as out:
            for i, text in enumerate(source):
                line = json.loads(text)
                if keep(i, line):
                    audio = (manifest.parent / line["audio_filepath"]).resolve()
                    line["audio_filepath"] = str(audio)
                    out.write(json.dumps(line) + "\n")
        return path

    def run(self, name, command):
        path = self.work / f"{name}.json"
        if not path.exists():
            started = time.time()
            result = subprocess.run([str(self.args.mobileasr), *map(str, command), "--json",
                                     "--seed", "1"], check=True, stdout=subprocess.PIPE)
            path.write_bytes(result.stdout)
            print(f"{name}: {time.time() - started:.0f} s", flush=True)
        return json.loads(path.read_text())

    def personalize(self, name, adapt, test, extra=()):
        return self.run(name, ["personalize", "--base", self.args.model, "--data", adapt, "--test",
                               test, "--general", self.general, "--out", self.model_of(name), *extra])

    def model_of(self, name):
        return self.work / f"{name}.masr"

    def speakers(self, corpus, count):
        """(speaker, adaptation manifest, test manifest) of the speakers whose rounds are reported."""
        folder = self.args.data / corpus
        with open(folder / "personal_adapt.jsonl", encoding="utf-8") as lines:
            names = list(dict.fromkeys(json.loads(text)["speaker"] for text in lines))
        for speaker in reported_speakers(names, count):
            mine = lambda _, line, s=speaker: line["speaker"] == s
            yield (speaker,
                   self.subset(f"{corpus}_{speaker}_adapt", folder / "personal_adapt.jsonl", mine),
                   self.subset(f"{corpus}_{speaker}_test", folder / "personal_test.jsonl", mine))


def relative(before, after):
    return f"{100 * (before - after) / before:.0f} %" if before > 0 else "-"


def row(*cells):
    return "| " + " | ".join(str(c) for c in cells) + " |\n"


HEADER = ("speech", "seconds learned", "WER before", "WER after", "reduction", "CER before", "CER after",
          "general WER before", "general WER after", "best epoch", "seconds")


def result_cells(r):
    before, after = r["before"], r["after"]
    return (f"{r['audio_seconds']:.0f}", f"{before['wer']:.1f}", f"{after['wer']:.1f}",
            relative(before["wer"], after["wer"]), f"{before['cer']:.1f}", f"{after['cer']:.1f}",
            f"{r['general_before']['wer']:.1f}", f"{r['general_after']['wer']:.1f}",
            r["best_epoch"], f"{r['seconds']:.0f}")


def kathleen_table(bench):
    folder = bench.args.data / "kathleen"
    test = folder / "personal_test.jsonl"
    text = "## One voice, more and more of it: Kathleen\n\n" + row(*HEADER) + row(*["---"] * len(HEADER))
    with_lm = [["speech", "WER, greedy", "WER, with LM", "CER, with LM"], ["---"] * 4]

    def add_with_lm(label, name, model, greedy):
        lm = bench.run(f"{name}_lm", ["evaluate", "--model", model, "--data", test, "--lm", bench.args.lm])
        with_lm.append([label, f"{greedy['wer']:.1f}", f"{lm['wer']:.1f}", f"{lm['cer']:.1f}"])

    for minutes in KATHLEEN_MINUTES:
        name = f"kathleen_{minutes}"
        r = bench.personalize(name, folder / "personal_adapt.jsonl", test, ["--minutes", minutes])
        text += row(f"{minutes} min", *result_cells(r))
        if minutes == KATHLEEN_MINUTES[0]:
            add_with_lm("none", "kathleen_0", bench.args.model, r["before"])
        add_with_lm(f"{minutes} min", name, bench.model_of(name), r["after"])
    return text + "\nThe same models with the language model:\n\n" + "".join(row(*line) for line in with_lm) + "\n"


def speaker_table(bench, corpus, count, title):
    text = f"## {title}\n\n" + row(*HEADER) + row(*["---"] * len(HEADER))
    errors = collections.Counter()
    worse = 0
    for speaker, adapt, test in bench.speakers(corpus, count):
        r = bench.personalize(f"{corpus}_{speaker}", adapt, test)
        text += row(speaker, *result_cells(r))
        for when in ("before", "after", "general_before", "general_after"):
            errors[when] += word_errors(r[when])
            errors[when + "_words"] += r[when]["words"]
        worse += r["after"]["wer"] > r["before"]["wer"]
    wer = {k: 100 * errors[k] / errors[k + "_words"]
           for k in ("before", "after", "general_before", "general_after")}
    text += (f"\nAll together: WER {wer['before']:.1f} % before, {wer['after']:.1f} % after "
             f"({relative(wer['before'], wer['after'])} fewer errors); {worse} speakers are worse. General "
             f"set: {wer['general_before']:.1f} % before, {wer['general_after']:.1f} % after.\n\n")
    return text


def last_dev_wer(model):
    """What the training itself measured after its last epoch, from the model file's header."""
    with open(model, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return json.loads(header["__metadata__"]["training.history"])[-1]["dev_wer"]


def ablation_table(folder):
    """Rows of what scripts/ablation.py has measured."""
    steps = [{**json.loads(path.read_text()), "dev": last_dev_wer(path.with_suffix(".masr"))}
             for path in sorted(folder.glob("step?.json"))]
    text = (f"## What each part of the recipe is worth\n\nBy `scripts/ablation.py`: a Conformer of {ablation.MODEL['blocks']} "
            f"blocks of {ablation.MODEL['dim']}, from random weights, every line with what the lines above have and one "
            "thing more, and about the same hours of sound. That is little (the base has seen 830 hours): the table "
            "tells which steps matter early, not where they end. The last column is the telephone set as the training "
            "heard it then, through a cache of 16-bit samples at 16 kHz: rounding filled the empty upper half of telephone "
            "speech with a faint noise, and a model that had only heard it so minded when it was missing. (Since then it is "
            "kept at its own rate.)\n\n")
    text += row("recipe", "hours", *(f"{ablation.SETS[i // 2]}, {'WC'[i % 2]}ER %" for i in range(4)),
                "the second in training, WER %")
    text += row(*["---"] * 7)
    for step in steps:
        text += row(step["step"], f"{step['hours']:.0f}",
                    *(f"{step[data][rate]:.1f}" for data in ablation.SETS for rate in ("wer", "cer")), f"{step['dev']:.1f}")
    return text + "\n"


def sections(text):
    """Title line -> section, in order; what stands before the first is under ''."""
    parts = re.split(r"^(?=## )", text, flags=re.M)
    return {(part.split("\n", 1)[0] if part.startswith("## ") else ""): part for part in parts}


def with_old_sections(text, old):
    """`text`, and in the order of `old` those of its sections that `text` lacks; a new one follows what it follows."""
    new, kept = sections(text), sections(old)
    titles = list(kept)
    for previous, title in zip(list(new), list(new)[1:]):
        if title not in kept:
            titles.insert(titles.index(previous) + 1, title)
    return "".join(new.get(title, kept.get(title)).rstrip("\n") + "\n\n" for title in titles)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mobileasr", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--lm", type=pathlib.Path, required=True)
    parser.add_argument("--tiny", type=pathlib.Path)
    parser.add_argument("--previous", type=pathlib.Path, help="an older base to compare with")
    parser.add_argument("--float-model", type=pathlib.Path, help="the base with 32-bit weights")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("docs/results.md"))
    parser.add_argument("--ablation", type=pathlib.Path, help="what scripts/ablation.py has written")
    parser.add_argument("--only", help="these sections, comma-separated; the others stay as they are")
    args = parser.parse_args()
    bench = Bench(args)
    recognition_before = Recognition(bench)
    parts = {
        "models": recognition_before.models_section,
        "groups": recognition_before.groups_section,
        "precision": recognition_before.precision_section,
        "peer": recognition_before.peer_section,
        "ablation": lambda: ablation_table(args.ablation) if args.ablation else "",
        "kathleen": lambda: kathleen_table(bench),
        "speechocean762": lambda: speaker_table(
            bench, "speechocean762", SPEECHOCEAN_SPEAKERS,
            "Twenty Mandarin speakers of English, twelve sentences each: speechocean762"),
        "wuw": lambda: speaker_table(bench, "wuw-corpus-ii", WUW_SPEAKERS,
                                     "Twelve non-native callers on the telephone: WUW corpus II"),
        "fsdd": lambda: speaker_table(bench, "fsdd", 4, "Spoken digits: FSDD"),
    }
    text = (
        "# Results\n\nWritten by `scripts/measure_results.py`; do not edit. Rerun it with\n\n```\n"
        "scripts/measure_results.py --mobileasr build/release/apps/cli/mobileasr --data DATA \\\n"
        "    --model assets/base.masr --lm assets/en.lm --work build/results\n```\n\n"
        "Personalisation is one round of `mobileasr personalize` with its defaults and `--seed 1`: 15 % of the "
        "adaptation utterances are kept aside to choose the epoch, the test manifest is never looked at, and what "
        "is measured is the file that was written. The general set is every fourth utterance of "
        "wuw-corpus-ii/base_dev: other people, on the telephone. Learning and evaluation seconds are those of the "
        "machine that ran this, two threads.\n\n")
    for name in args.only.split(",") if args.only else parts:
        text += parts[name]()
    if args.only and args.out.exists():
        text = with_old_sections(text, args.out.read_text())
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text.rstrip() + "\n")


if __name__ == "__main__":
    main()

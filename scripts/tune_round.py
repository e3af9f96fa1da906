#!/usr/bin/env python3
"""Compares settings of `mobileasr personalize` on speech that no result is reported on; prints a Markdown table.

  scripts/tune_round.py --mobileasr build/release/apps/cli/mobileasr --data ../shared/data \
      --model assets/base.masr --work build/tuning [--groups long,speechocean762,wuw,digits] \
      --setting "" --setting "--epochs 40 --learning-rate 1e-3" ...

Learns from a part of a speaker's personal_adapt and tests on another part of it, for speakers whose rounds
scripts/measure_results.py does not report: 24 of speechocean762 (8 sentences each, tested on 4) and 12 of WUW
corpus II (4, tested on 2). Of the voices that are reported, parts of personal_adapt too: of Kathleen the
sentences from the 1200th on are the test and the first 2, 5 and 10 minutes are learned; of the four that speak
digits every seventh is the test. No personal_test is opened. Every run's JSON is kept in --work.
"""

import collections

from experiments import parse, parser_of, read_lines, reported_speakers, run, word_errors, write_lines
from measure_results import SPEECHOCEAN_SPEAKERS, WUW_SPEAKERS

LONG_MINUTES = (2, 5, 10)
LONG_TEST_FROM = 1200
GROUPS = {"speechocean762": ("speechocean762", SPEECHOCEAN_SPEAKERS, 24, 4),
          "wuw": ("wuw-corpus-ii", WUW_SPEAKERS, 12, 2)}


def voices(data, work, group, long_minutes=LONG_MINUTES):
    """(name, manifest to learn, manifest to test, extra options) of each simulated owner."""
    if group == "long":
        lines = read_lines(data / "kathleen/personal_adapt.jsonl")
        learn = write_lines(work / "long_learn.jsonl", lines[:LONG_TEST_FROM - 100])
        test = write_lines(work / "long_test.jsonl", lines[LONG_TEST_FROM:])
        for minutes in long_minutes:
            yield f"{minutes} min", learn, test, ["--minutes", str(minutes)]
        return
    if group == "digits":
        lines = read_lines(data / "fsdd/personal_adapt.jsonl")
        for speaker in dict.fromkeys(line["speaker"] for line in lines):
            mine = [line for line in lines if line["speaker"] == speaker]
            yield (speaker,
                   write_lines(work / f"digits_{speaker}_learn.jsonl",
                               [line for i, line in enumerate(mine) if i % 7]),
                   write_lines(work / f"digits_{speaker}_test.jsonl", mine[::7]), [])
        return
    corpus, reported, wanted, held_out = GROUPS[group]
    lines = read_lines(data / corpus / "personal_adapt.jsonl")
    speakers = list(dict.fromkeys(line["speaker"] for line in lines))
    free = [s for s in speakers if s not in reported_speakers(speakers, reported)]
    for speaker in free[::max(1, len(free) // wanted)][:wanted]:
        mine = [line for line in lines if line["speaker"] == speaker]
        yield (speaker, write_lines(work / f"{corpus}_{speaker}_learn.jsonl", mine[:-held_out]),
               write_lines(work / f"{corpus}_{speaker}_test.jsonl", mine[-held_out:]), [])


def rate(counts, when, unit):
    return 100 * counts[when, unit] / max(counts[when, unit + "_of"], 1)


def measure(args, group, setting):
    """Adds the errors of a group's voices; the long voice gives a row for each length."""
    rows = []
    counts, worse, seconds, number = collections.Counter(), 0, 0, 0
    for name, learn, test, extra in voices(args.data, args.work, group):
        result = run(args, "personalize", "--base", args.model, "--data", learn, "--test", test, *extra,
                     *setting.split(), "--out", args.work / "tuned.masr", name=name)
        for when in ("before", "after"):
            r = result[when]
            counts[when, "wer"] += word_errors(r)
            counts[when, "wer_of"] += r["words"]
            counts[when, "cer"] += r["cer"] * r["words"]  # the sets' words weigh their CER
            counts[when, "cer_of"] += 100 * r["words"]
        number += 1
        worse += result["after"]["wer"] > result["before"]["wer"]
        seconds += result["seconds"]
        if group == "long":
            rows.append((name, counts, worse, seconds))
            counts, worse, seconds = collections.Counter(), 0, 0
    return rows or [(f"{group}, {number} voices", counts, worse, seconds)]


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--groups", default="long,speechocean762,wuw,digits")
    parser.add_argument("--setting", action="append", required=True, help="options of personalize")
    args = parse(parser)

    print("| voices | setting | WER before | after | CER before | after | worse | seconds |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for group in args.groups.split(","):
        for setting in args.setting:
            for name, counts, worse, seconds in measure(args, group, setting):
                print(f"| {name} | {setting or 'defaults'} | {rate(counts, 'before', 'wer'):.1f} | "
                      f"{rate(counts, 'after', 'wer'):.1f} | {rate(counts, 'before', 'cer'):.1f} | "
                      f"{rate(counts, 'after', 'cer'):.1f} | {worse} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()

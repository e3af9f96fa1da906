#!/usr/bin/env python3
"""What keeping the outputs of frozen blocks, and computing in parts, save and cost; prints a Markdown table.

  bench/epoch_savings.py --mobileasr build/release/apps/cli/mobileasr --data ../shared/data \\
      --model assets/base.masr --work build/savings [--groups long,speechocean762] [--sub-models quarter/full,...]

Rounds of the voices of scripts/tune_round.py, whose test sides no result is reported on, for each sub-model: a part of
the blocks (quarter, half, all) and what learns in them (full, vectors, lora). Each from audio in one go, in four parts
(activations are computed again), with `--cache ram` and `--cache disk` where blocks are frozen, and with both. The first
epoch of a cached round fills the cache. Of the later ones the least seconds are given: what an epoch takes when
nothing disturbs it; of several voices, the median of theirs. Memory is the largest resident size that the kernel has
seen; where a group has several voices, the largest of theirs. Rounds run one after the other: leave the computer to them.
"""

import collections
import itertools
import json
import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))
from experiments import info, parse, parser_of, word_errors  # noqa: E402
from tune_round import rate, voices  # noqa: E402

PARTS = ["--parts", "4"]
SETTINGS = {"from audio": [], "in 4 parts": PARTS, "kept in memory": ["--cache", "ram"],
            "kept on disk": ["--cache", "disk"], "kept in memory, 4 parts": ["--cache", "ram", *PARTS]}
# Blocks that learn, of how many there are.
SHARES = {"quarter": 0.25, "half": 0.5, "all": 1}


def sub_model_options(name, blocks):
    share, tune = name.split("/")
    return ["--freeze-blocks", blocks - round(SHARES[share] * blocks), "--tune", tune]


def run_round(args, learn, test, extra, setting):
    command = [args.mobileasr, "personalize", "--base", args.model, "--data", learn, "--test", test, *extra,
               "--threads", args.threads, "--out", args.work / "saved.masr", "--json", *setting]
    done = subprocess.run(["nice", "-n", "19", *map(str, command)], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    return json.loads(done.stdout)


class Group:
    """Rounds of one or more voices under one setting."""

    def __init__(self):
        self.counts = collections.Counter()
        self.first, self.later, self.seconds, self.peak, self.planned, self.kept = [], [], 0, 0, 0, 0

    def add(self, result):
        for when in ("before", "after"):
            r = result[when]
            self.counts[when, "wer"] += word_errors(r)
            self.counts[when, "wer_of"] += r["words"]
            self.counts[when, "cer"] += r["cer"] * r["words"]
            self.counts[when, "cer_of"] += 100 * r["words"]
        epochs = [e["seconds"] for e in result["epochs"][1:]]
        self.first.append(epochs[0])
        self.later.append(min(epochs[1:] or epochs))
        self.seconds += result["seconds"]
        self.peak = max(self.peak, result["peak_rss_bytes"])
        self.planned = max(self.planned, result["planned_peak_bytes"])
        self.kept += result.get("cache", {}).get("bytes", 0)

    def row(self, name, setting):
        return (f"| {name} | {setting} | {rate(self.counts, 'before', 'wer'):.1f} | "
                f"{rate(self.counts, 'after', 'wer'):.1f} | {rate(self.counts, 'after', 'cer'):.1f} | "
                f"{statistics.median(self.first):.2f} | {statistics.median(self.later):.2f} | {self.seconds:.0f} | "
                f"{self.peak / 1e6:.0f} | {self.planned / 1e6:.0f} | {self.kept / 1e6:.2f} |")


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--groups", default="long,speechocean762")
    parser.add_argument("--sub-models", default="quarter/full,quarter/lora,quarter/vectors,all/full,all/lora")
    parser.add_argument("--minutes", default="2", help="lengths of the long voice")
    parser.add_argument("--threads", type=int, default=1)
    args = parse(parser)
    blocks = len(info(args)["blocks"])
    minutes = [float(m) for m in args.minutes.split(",")]
    print("| speech | sub-model | batches | WER before | after | CER after | s, first epoch | s, later ones | s, round | "
          "peak MB | planned MB | kept MB |")
    print("|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for group in args.groups.split(","):
        everyone = list(voices(args.data, args.work, group, minutes))
        # Each length of the long voice is a group by itself.
        parts = [[v] for v in everyone] if group == "long" else [everyone]
        for part, sub_model in itertools.product(parts, args.sub_models.split(",")):
            name = part[0][0] if group == "long" else f"{group}, {len(part)} voices"
            for setting, options in SETTINGS.items():
                if sub_model.startswith("all/") and "--cache" in options:
                    continue
                total = Group()
                for _, learn, test, extra in part:
                    total.add(run_round(args, learn, test, extra, [*sub_model_options(sub_model, blocks), *options]))
                print(total.row(f"{name} | {sub_model}", setting), flush=True)


if __name__ == "__main__":
    main()

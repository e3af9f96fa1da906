#!/usr/bin/env python3
"""What keeping the outputs of frozen blocks saves and costs; prints a Markdown table.

  bench/prefix_cache.py --mobileasr build/release/apps/cli/mobileasr --data ../shared/data \\
      --model assets/base.masr --work build/prefix_cache [--freeze-blocks 10] [--threads 1]

Rounds of the voices of scripts/tune_round.py, whose test sides no result is reported on, with and without
`personalize --cache`. The first epoch of a cached round fills the cache. Of the later ones the least seconds are
given: what an epoch takes when nothing disturbs it; of several voices, the median of theirs. Memory is the largest resident size that the kernel has seen; where a group has several
voices, the largest of theirs. Rounds run one after the other: leave the computer to them.
"""

import collections
import json
import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))
from experiments import parse, parser_of, word_errors  # noqa: E402
from tune_round import rate, voices  # noqa: E402

SETTINGS = {"from audio": [], "kept in memory": ["--cache", "ram"], "kept on disk": ["--cache", "disk"]}


def run_round(args, learn, test, extra, setting):
    command = [args.mobileasr, "personalize", "--base", args.model, "--data", learn, "--test", test, *extra,
               "--freeze-blocks", args.freeze_blocks, "--threads", args.threads, "--out", args.work / "cached.masr",
               "--json", *setting]
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
    parser.add_argument("--freeze-blocks", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    args = parse(parser)
    print("| speech | batches | WER before | after | CER after | s, first epoch | s, later ones | s, round | "
          "peak MB | planned MB | kept MB |")
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for group in args.groups.split(","):
        everyone = list(voices(args.data, args.work, group))
        # Each length of the long voice is a group by itself.
        parts = [[v] for v in everyone] if group == "long" else [everyone]
        for part in parts:
            name = part[0][0] if group == "long" else f"{group}, {len(part)} voices"
            for setting, options in SETTINGS.items():
                total = Group()
                for _, learn, test, extra in part:
                    total.add(run_round(args, learn, test, extra, options))
                print(total.row(name, setting), flush=True)


if __name__ == "__main__":
    main()

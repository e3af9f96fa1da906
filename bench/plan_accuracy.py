#!/usr/bin/env python3
"""Planned against measured peak memory of rounds, over random sub-models and amounts of speech.

  bench/plan_accuracy.py --mobileasr build/release/apps/cli/mobileasr --model assets/base.masr \\
      --data adapt.jsonl [--runs 200]

Each run is `mobileasr personalize` for one epoch with a random candidate (what learns, how, in how many parts,
how much speech at a time), a random share of the manifest and one or two threads. It reports what it has planned
and the largest resident size that the kernel has seen. With --hard every run is made once more, in a control group
whose limit is its plan: the kernel ends what takes more (needs root; control groups of version 1 or 2).
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import tempfile


def random_options(rng, blocks):
    first = rng.randrange(blocks)
    options = ["--freeze-blocks", first, "--threads", rng.choice((1, 2)), "--minutes", rng.choice((0.5, 1, 2)),
               "--validation-batch-seconds", rng.choice((0.1, 5, 20))]
    options += rng.choice(([], [], ["--tune", "vectors"], ["--tune", "lora", "--lora-rank", rng.choice((2, 8, 16))],
                           ["--tune", "adapters", "--adapter-width", rng.choice((8, 16))]))
    if rng.random() < 0.3:
        options += ["--optimizer-bits", 8]
    if rng.random() < 0.5:
        options += ["--parts", rng.randint(2, 6)]
    if rng.random() < 0.5:
        options += ["--micro-batch-seconds", rng.choice((0.1, 5, 10))]
    return options


class ControlGroup:
    """Processes that start in it hold at most `limit` bytes, the files that they read first among them."""

    def __init__(self):
        for root, file in (("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")):
            self.path = pathlib.Path(root) / f"plan_accuracy.{os.getpid()}"
            try:
                self.path.mkdir()
            except OSError:
                continue
            self.file = self.path / file
            if self.file.exists():
                return
            self.path.rmdir()
        raise SystemExit("no control group can be made here; leave --hard out")

    def run(self, command, limit):
        """Exit code of the command under the limit."""
        self.file.write_text(str(limit))
        join = lambda: (self.path / "cgroup.procs").write_text(str(os.getpid()))
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=join).returncode

    def remove(self):
        self.path.rmdir()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mobileasr", required=True)
    parser.add_argument("--model", action="append", required=True, help="repeatable")
    parser.add_argument("--data", action="append", required=True, help="repeatable")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, help="also write a line of JSON per run")
    parser.add_argument("--hard", action="store_true", help="once more under a limit of the kernel")
    args = parser.parse_args()
    group = ControlGroup() if args.hard else None
    rng = random.Random(args.seed)
    blocks = {}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for run in range(args.runs):
            model = rng.choice(args.model)
            if model not in blocks:
                done = subprocess.run([args.mobileasr, "info", model, "--json"], check=True, stdout=subprocess.PIPE)
                blocks[model] = len(json.loads(done.stdout)["blocks"])
            options = random_options(rng, blocks[model])
            command = [args.mobileasr, "personalize", "--base", model, "--data", rng.choice(args.data), "--epochs", 1,
                       "--out", pathlib.Path(folder) / "out.masr", "--seed", run, "--json", *options]
            done = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            result = json.loads(done.stdout)
            rows.append({"model": model, "options": list(map(str, options)), "planned": result["planned_peak_bytes"],
                         "measured": result["peak_rss_bytes"], "memory": result["memory"]})
            if group:
                rows[-1]["exit_under_limit"] = group.run(list(map(str, command)), result["planned_peak_bytes"])
            if args.out:
                with open(args.out, "a", encoding="utf-8") as out:
                    out.write(json.dumps(rows[-1]) + "\n")
    if group:
        group.remove()
        ended = [r for r in rows if r["exit_under_limit"] != 0]
        print(f"under a limit of the plan: {len(rows) - len(ended)} of {len(rows)} runs went through")
    over = [r["measured"] - r["planned"] for r in rows]
    share = [r["planned"] / r["measured"] - 1 for r in rows]
    close = sum(abs(d) <= max(2e6, 0.05 * r["measured"]) for d, r in zip(over, rows))
    print(f"{len(rows)} runs, planned {min(r['planned'] for r in rows) / 1e6:.0f} to "
          f"{max(r['planned'] for r in rows) / 1e6:.0f} MB")
    print(f"measured above the plan: {sum(d > 0 for d in over)} runs, by at most {max(over) / 1e6:.2f} MB")
    print(f"within 5 % or 2 MB: {close} runs")
    print("planned above measured: median "
          f"{100 * statistics.median(share):.1f} %, 90th percentile {100 * sorted(share)[int(0.9 * len(share))]:.1f} %, "
          f"most {100 * max(share):.1f} %")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What an app pays for the module before it is of use: milliseconds and resident memory; prints a Markdown table.

  bench/module_start.py --program build/bench/bench/masr_module_start --model assets/base.masr [--seconds 2] [--runs 15]

bench/module_start.c from its process's start on: model loaded, a text heard, and one update learned. Medians of --runs
processes, one thread each, files in the page cache.
"""

import argparse
import json
import statistics
import subprocess
import time

POINTS = (("begun", "in main"), ("loaded", "model loaded"), ("inferred", "text heard"), ("trained", "update learned"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--seconds", type=float, default=2, help="of sound")
    parser.add_argument("--runs", type=int, default=15)
    args = parser.parse_args()
    print("| what learns | " + " | ".join(f"{words}, ms (MB)" for _, words in POINTS) + " |")
    print("|---|" + "--:|" * len(POINTS))
    for tuning in ("full", "lora", "vectors"):
        runs = []
        for _ in range(args.runs):
            command = [args.program, args.model, tuning, str(args.seconds), str(time.clock_gettime_ns(time.CLOCK_MONOTONIC))]
            runs.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
        cells = []
        for point, _ in POINTS:
            ms, size = (statistics.median(r[f"{point}_{unit}"] for r in runs) for unit in ("ms", "bytes"))
            cells.append(f"{ms:.0f} ({size / 1e6:.1f})")
        print(f"| {tuning} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()

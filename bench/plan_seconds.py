#!/usr/bin/env python3
"""Predicted against measured seconds of an epoch, over random sub-models and amounts of speech.

  bench/plan_seconds.py --mobileasr build/release/apps/cli/mobileasr --model assets/base.masr \\
      --data adapt.jsonl [--runs 20] [--threads 1]

Each run is `mobileasr personalize` for three epochs with a random candidate and share of the manifest; measured is
the median of its second and third epoch (in the first, audio is decoded too). The device profile is measured once,
at the beginning, and again at the end to tell how much the device itself has changed meanwhile.
"""

import argparse
import json
import pathlib
import random
import statistics
import subprocess
import tempfile


def call(*command):
    done = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mobileasr", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", action="append", required=True, help="repeatable")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    errors = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)

        def plan(data, minutes, profile):
            return call(args.mobileasr, "plan", "--base", args.model, "--data", data, "--minutes", minutes,
                        "--threads", args.threads, "--profile", folder / profile, "--json")

        plan(args.data[0], 1, "before.json")
        for _ in range(args.runs):
            data, minutes = rng.choice(args.data), rng.choice((0.5, 1, 2, 3))
            planned = rng.choice(plan(data, minutes, "before.json")["candidates"])
            result = call(args.mobileasr, "personalize", "--base", args.model, "--data", data, "--minutes", minutes,
                          "--threads", args.threads, "--epochs", 3, "--patience", 3, "--out", folder / "out.masr",
                          "--json", *planned["options"])
            measured = statistics.median(e["seconds"] for e in result["epochs"][2:])
            errors.append(planned["seconds_per_epoch"] / measured - 1)
            print(f"{planned['name']}, {minutes} min: planned {planned['seconds_per_epoch']:.2f} s, "
                  f"measured {measured:.2f} s, {100 * errors[-1]:+.0f} %", flush=True)
        totals = [sum(c["seconds_per_epoch"] for c in plan(args.data[0], 1, name)["candidates"])
                  for name in ("before.json", "after.json")]
    size = sorted(abs(e) for e in errors)
    print(f"{len(errors)} runs, {args.threads} threads: median {100 * statistics.median(errors):+.1f} %, size of the "
          f"error: median {100 * statistics.median(size):.1f} %, 90th percentile {100 * size[int(0.9 * len(size))]:.1f} %, "
          f"most {100 * size[-1]:.1f} %; a profile measured afterwards plans {100 * (totals[1] / totals[0] - 1):+.1f} %")


if __name__ == "__main__":
    main()

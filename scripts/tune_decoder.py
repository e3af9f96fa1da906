#!/usr/bin/env python3
"""Chooses the beam decoder's weights on a development manifest, one at a time, round and round.

  scripts/tune_decoder.py --mobileasr BIN --model MODEL --lm LM --data MANIFEST [--rounds 2]

Prints each trial and, last, the best. Never give it a test manifest. TextScorerOptions' defaults come from it.
"""

import argparse
import json
import subprocess

GRID = {
    "--lm-weight": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0),
    "--word-score": (-0.5, 0.0, 0.5, 1.0, 1.5, 2.0),
    "--unknown-score": (-1.0, -2.0, -3.0, -4.0, -5.0),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--mobileasr", "--model", "--lm", "--data"):
        parser.add_argument(name, required=True)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    tried = {}

    def wer(options):
        key = tuple(options.values())
        if key not in tried:
            command = [args.mobileasr, "evaluate", "--model", args.model, "--data", args.data, "--lm", args.lm, "--json"]
            for name, value in options.items():
                command += [name, str(value)]
            out = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
            tried[key] = json.loads(out)["wer"]
            print(f"{tried[key]:.2f}  {options}", flush=True)
        return tried[key]

    best = {"--lm-weight": 0.6, "--word-score": 0.0, "--unknown-score": -4.0}
    for _ in range(args.rounds):
        before = dict(best)
        for name, values in GRID.items():
            best[name] = min(values, key=lambda value: wer({**best, name: value}))
        if best == before:
            break
    print(f"best: {wer(best):.2f} %  {best}")


if __name__ == "__main__":
    main()

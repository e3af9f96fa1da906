#!/usr/bin/env python3
"""Measures what each sub-model gains from how much speech; writes assets/gain_table.json.

  scripts/measure_gain.py --mobileasr build/release/apps/cli/mobileasr --data ../shared/data \\
      --model assets/base.masr --work build/gain --out assets/gain_table.json

Runs `mobileasr personalize` on sub-models (what learns of the blocks that learn: --tunings; how many blocks under
the head learn: --depths) and voices, the same as scripts/tune_round.py: parts of personal_adapt, of speakers whose
rounds scripts/measure_results.py does not report, and of the long voice sentences that no result is reported on. No
personal_test is opened. Every run's JSON is kept in --work, so that an interrupted measurement goes on where it was.

A cell of the table is 1 - errors after / errors before, word errors summed over the voices whose speech is nearest
to that column's minutes (by ratio). Cells are as noisy as their words are few: `words` and `voices` stand beside
them.
"""

import collections
import json
import math
import pathlib

import experiments
from experiments import parse, parser_of, read_lines, run, word_errors
from tune_round import voices

# Options of `personalize` by the name that the table gives what learns.
TUNINGS = {"full": [], "vectors": ["--tune", "vectors"], "lora-8": ["--tune", "lora", "--lora-rank", "8"],
           "adapters-16": ["--tune", "adapters", "--adapter-width", "16"]}


def given_minutes(manifest, extra):
    """Of speech that a round is given."""
    limit = 60 * float(extra[extra.index("--minutes") + 1]) if "--minutes" in extra else math.inf
    seconds = 0
    for line in read_lines(manifest):
        if seconds + line["duration"] > limit:
            break
        seconds += line["duration"]
    return seconds / 60


def sub_models(args, blocks):
    """(tuning, share of the blocks that learn, options); the head alone is the same for every tuning."""
    head = blocks - 1
    for depth in args.depths.split(","):
        top = head if depth == "all" else min(int(depth), head)
        for tuning in args.tunings.split(","):
            options = ["--freeze-blocks", str(head - top), *([] if top == 0 else TUNINGS[tuning])]
            yield tuning, (top + 1) / blocks, options


def column_of(minutes, columns):
    return min(range(len(columns)), key=lambda i: abs(math.log(minutes / columns[i])))


def measure(args, blocks, columns):
    """{(tuning, share): a counter per column} of word errors before and after, words and voices."""
    cells = collections.defaultdict(lambda: [collections.Counter() for _ in columns])
    for group in args.groups.split(","):
        long_minutes = [m for m in columns if m >= args.long_from]
        chosen = list(voices(args.data, args.work, group, long_minutes))
        if group != "long" and args.voices:
            chosen = chosen[::max(1, len(chosen) // args.voices)][:args.voices]
        for tuning, share, options in sub_models(args, blocks):
            for name, learn, test, extra in chosen:
                result = run(args, "personalize", "--base", args.model, "--data", learn, "--test", test, *extra,
                             *options, "--threads", args.threads, "--out", args.work / "gain.masr", name=name)
                cell = cells[tuning, share][column_of(given_minutes(learn, extra), columns)]
                for when in ("before", "after"):
                    cell[when] += word_errors(result[when])
                cell["words"] += result["before"]["words"]
                cell["voices"] += 1
            print(f"{group}: {tuning}, {share:.3f} of the blocks", flush=True)
    return cells


def table_of(args, info, columns, cells):
    tunings = []
    for tuning in args.tunings.split(","):
        rows = sorted((share, row) for (name, share), row in cells.items() if name == tuning)
        tunings.append({"name": tuning,
                        "shares": [round(share, 4) for share, _ in rows],
                        "gains": [[round(1 - c["after"] / max(c["before"], 1), 4) for c in row] for _, row in rows],
                        "voices": [[c["voices"] for c in row] for _, row in rows],
                        "words": [[c["words"] for c in row] for _, row in rows]})
    for t in tunings:
        empty = [columns[i] for row in t["voices"] for i, n in enumerate(row) if n == 0]
        if empty:
            raise SystemExit(f"no voice has about {empty[0]} minutes of speech: add a group or leave the column out")
    return {"measured_on": args.note, "model": info["name"], "fingerprint": info["fingerprint"],
            "minutes": columns, "tunings": tunings}


def write_table(path, table):
    """Like json.dump(indent=1), but with a row of numbers on one line."""
    text = json.dumps(table, indent=1)
    lines = []
    for line in text.splitlines():
        if lines and (line.strip("[], ").replace(".", "").replace("-", "").isdigit() or
                      (line.strip() in ("]", "],") and lines[-1][-1].isdigit())):
            lines[-1] += ("" if lines[-1].endswith("[") or line.strip() in ("]", "],") else " ") + line.strip()
        else:
            lines.append(line)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--groups", default="wuw,speechocean762,long")
    parser.add_argument("--voices", type=int, default=0, help="at most this many of a group (0: all)")
    parser.add_argument("--minutes", default="0.2,0.5,1,2,5,10", help="columns of the table")
    parser.add_argument("--long-from", type=float, default=1, help="columns that the long voice gives, in minutes")
    parser.add_argument("--tunings", default=",".join(TUNINGS))
    parser.add_argument("--depths", default="0,1,2,4,8,all", help="blocks that learn under the head")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--note", required=True, help="what it was measured on, for people")
    args = parse(parser)
    info = experiments.info(args)
    columns = [float(m) for m in args.minutes.split(",")]
    cells = measure(args, len(info["blocks"]), columns)
    write_table(args.out, table_of(args, info, columns, cells))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What a RAM budget buys: the sub-model that the plan chooses, and how near it is to the best that fits.

  scripts/measure_selection.py --mobileasr build/release/apps/cli/mobileasr --data ../shared/data \
      --model assets/base.masr --work build/selection [--budgets 32,48,...] [--exhaustive]

For each budget: the chosen sub-models, WER on personal_test of five real voices after one round, seconds and joules as
planned. A voice for which nothing fits keeps the base. With --exhaustive every sub-model of a grid is tried too, so that
the choice can be held against the best of them: the one that gives the fewest errors, where voices for which its peak is
over the budget keep the base. Chosen is by plan alone; the tests only measure. Every run's JSON is kept in --work.
"""

from experiments import info, parse, parser_of, read_lines, reported_speakers, run, word_errors, write_lines

VOICES = (("kathleen", 1), ("speechocean762", 2), ("wuw-corpus-ii", 2))
KATHLEEN_UTTERANCES, KATHLEEN_TESTS = 40, 60
# Tried besides what is chosen: (blocks under the head that learn, options).
GRID = [(top, options) for top in (0, 1, 2, 4, 8, None)
        for options in ((), ("--tune", "vectors"), ("--tune", "lora", "--lora-rank", "8"))]


def voices(args):
    for corpus, count in VOICES:
        adapt = read_lines(args.data / corpus / "personal_adapt.jsonl")
        test = read_lines(args.data / corpus / "personal_test.jsonl")
        names = list(dict.fromkeys(line["speaker"] for line in adapt))
        for name in reported_speakers(names, count)[:count]:
            mine = [line for line in adapt if line["speaker"] == name]
            tests = [line for line in test if line["speaker"] == name]
            if corpus == "kathleen":
                mine, tests = mine[:KATHLEEN_UTTERANCES], tests[:KATHLEEN_TESTS]
            yield (f"{corpus}_{name}", write_lines(args.work / f"{corpus}_{name}_adapt.jsonl", mine),
                   write_lines(args.work / f"{corpus}_{name}_test.jsonl", tests))


def round_of(args, adapt, test, options):
    """Its JSON; None where nothing fits."""
    return run(args, "personalize", "--base", args.model, "--data", adapt, "--test", test, "--out",
               args.work / "out.masr", *options, "--threads", 1, refused="no sub-model fits")


def rate(results, when):
    """WER % of the voices together, `before` or `after`."""
    return 100 * sum(word_errors(r[when]) for r in results) / sum(r[when]["words"] for r in results)


def within(result, budget):
    """What the voice has after the round, or the base where the round is over the budget."""
    return result if result["peak_rss_bytes"] <= budget * 1e6 else {**result, "after": result["before"]}


def grid_options(blocks):
    head = blocks - 1
    for top, options in GRID:
        first = 0 if top is None else head - top
        if top == 0 and options:
            continue
        for saving in ((), ("--parts", "4", "--micro-batch-seconds", "0.01", "--optimizer-bits", "8")):
            yield ["--freeze-blocks", first, *options, *saving]


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--budgets", default="16,24,32,48,64,96,128,192,256,512", help="MB")
    parser.add_argument("--exhaustive", action="store_true")
    args = parse(parser)
    profile = ["--profile", args.work / "device.json"]
    everybody = list(voices(args))
    blocks = len(info(args)["blocks"])
    tried = []
    if args.exhaustive:
        tried = [(options, [round_of(args, adapt, test, options) for _, adapt, test in everybody])
                 for options in grid_options(blocks)]
    # Of voices for which nothing fits, the base's errors: they are the same in every run.
    base = [round_of(args, adapt, test, ["--freeze-blocks", blocks - 1]) for _, adapt, test in everybody]
    print("| MB | voices that learn | chosen | peak MB | WER before | WER after | s | J | best that fits | its WER |")
    print("|--:|--:|---|--:|--:|--:|--:|--:|---|--:|")
    for budget in map(int, args.budgets.split(",")):
        rounds = [round_of(args, adapt, test, ["--ram", f"{budget}MB", *profile]) for _, adapt, test in everybody]
        learned = [r for r in rounds if r is not None]
        after = [r or {**b, "after": b["before"]} for r, b in zip(rounds, base)]
        names = sorted({r["plan"]["chosen"] for r in learned})
        peak = max((r["peak_rss_bytes"] for r in learned), default=0)
        joules = sum(r["plan"]["joules_per_epoch"] * (len(r["epochs"]) - 1) for r in learned)
        best = min(((rate([within(r, budget) for r in results], "after"), options) for options, results in tried
                    if any(r["peak_rss_bytes"] <= budget * 1e6 for r in results)), default=None, key=lambda t: t[0])
        best_cells = f"`{' '.join(map(str, best[1]))}` | {best[0]:.1f}" if best else "- | -"
        print(f"| {budget} | {len(learned)} | {'; '.join(names)} | {peak / 1e6:.0f} | {rate(after, 'before'):.1f} | "
              f"{rate(after, 'after'):.1f} | {sum(r['seconds'] for r in learned):.0f} | {joules:.0f} | {best_cells} |",
              flush=True)


if __name__ == "__main__":
    main()

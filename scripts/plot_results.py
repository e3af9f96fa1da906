#!/usr/bin/env python3
"""Draws docs/images/*.svg from the measurements that scripts/measure_results.py left in its --work folder.

  scripts/plot_results.py --work build/results --out docs/images

recognition.svg: WER before any personalisation. results.svg: WER on held-out sentences before and after one round.
"""

import argparse
import glob
import json
import pathlib

import recognition

SETS = (
    ("Mandarin speakers of English", "speechocean762_personal_test"),
    ("telephone (development set)", "wuw-corpus-ii_base_dev"),
    ("one reader, Kathleen", "kathleen_personal_test"),
)
MODELS = (
    ("previous base, greedy", "the_base_before_{}_greedy", "#d9dfe5"),
    ("base, greedy", "base_{}_greedy", "#8fb8dd"),
    ("base with language model", "base_{}_lm", "#1769aa"),
)
VOICES = (
    ("Kathleen, 1 minute", "kathleen_1.json"),
    ("Kathleen, 2 minutes", "kathleen_2.json"),
    ("Kathleen, 5 minutes", "kathleen_5.json"),
    ("Kathleen, 10 minutes", "kathleen_10.json"),
    ("20 Mandarin speakers, 12 sentences each", "speechocean762_*.json"),
    ("12 non-native callers, 6 utterances each", "wuw-corpus-ii_*.json"),
    ("4 voices speaking digits", "fsdd_*.json"),
)
WIDTH, LEFT, BAR, TOP = 900, 345, 19, 74
INK = "#1c2733"


def chart(title, legend, rows):
    """Groups of horizontal bars; legend: (name, colour); rows: (name, value per bar or None)."""
    scale = (WIDTH - LEFT - 80) / max(value for _, values in rows for value in values if value is not None)
    row_height = BAR * len(legend) + 16
    height = TOP + row_height * len(rows) + 8
    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
           f'height="{height}" font-family="sans-serif" font-size="15" role="img">',
           f"<title>{title}</title>", f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
           f'<text x="20" y="32" font-size="19" font-weight="bold" fill="{INK}">{title}</text>']
    x = 20
    for name, colour in legend:
        svg.append(f'<rect x="{x}" y="46" width="14" height="12" fill="{colour}"/>'
                   f'<text x="{x + 20}" y="57" fill="{INK}">{name}</text>')
        x += 50 + 8 * len(name)
    for i, (name, values) in enumerate(rows):
        y = TOP + i * row_height
        middle = y + BAR * len(values) / 2 + 5
        svg.append(f'<text x="{LEFT - 12}" y="{middle}" text-anchor="end" fill="{INK}">{name}</text>')
        for j, (value, (_, colour)) in enumerate(zip(values, legend)):
            if value is None:
                continue
            svg.append(f'<rect x="{LEFT}" y="{y + j * BAR}" width="{value * scale:.1f}" height="{BAR - 2}" rx="2" '
                       f'fill="{colour}"/><text x="{LEFT + value * scale + 6:.1f}" y="{y + j * BAR + 14}" '
                       f'font-size="13" fill="{INK}">{value:.1f} %</text>')
    return "\n".join([*svg, "</svg>\n"])


def text_wer(path):
    if not path.exists():
        return None
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    return recognition.error_rates((line["text"], line["pred_text"]) for line in lines)[0]


def pooled(work, pattern, when):
    errors = words = 0
    for path in glob.glob(str(work / pattern)):
        counts = json.loads(pathlib.Path(path).read_text())[when]
        errors += counts["substitutions"] + counts["insertions"] + counts["deletions"]
        words += counts["words"]
    return 100 * errors / words if words else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    rows = [(name, [text_wer(args.work / f"texts_{model.format(data)}.jsonl") for _, model, _ in MODELS])
            for name, data in SETS]
    (args.out / "recognition.svg").write_text(chart("Word error rate before learning any voice",
                                                    [(name, colour) for name, _, colour in MODELS], rows))

    rows = [(name, [pooled(args.work, pattern, when) for when in ("before", "after")]) for name, pattern in VOICES]
    (args.out / "results.svg").write_text(
        chart("Word error rate on sentences never heard, greedy",
              [("base recogniser", "#b8c2cc"), ("after learning the voice", "#1769aa")],
              [row for row in rows if row[1][0] is not None]))


if __name__ == "__main__":
    main()

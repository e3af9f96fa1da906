#!/usr/bin/env python3
"""Draws docs/images/results.svg from the measurements that scripts/measure_results.py left in its --work folder.

  scripts/plot_results.py --work build/results --out docs/images/results.svg

One pair of bars for each group of voices: WER on held-out sentences before and after one round.
"""

import argparse
import glob
import json
import pathlib

GROUPS = (
    ("Kathleen, 1 minute", "kathleen_1.json"),
    ("Kathleen, 2 minutes", "kathleen_2.json"),
    ("Kathleen, 5 minutes", "kathleen_5.json"),
    ("Kathleen, 10 minutes", "kathleen_10.json"),
    ("20 Mandarin speakers, 12 sentences each", "speechocean762_*.json"),
    ("12 non-native callers, 6 utterances each", "wuw-corpus-ii_*.json"),
    ("4 voices speaking digits", "fsdd_*.json"),
)
WIDTH, LEFT, ROW, TOP = 900, 350, 52, 70


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
    rows = [(name, pooled(args.work, pattern, "before"), pooled(args.work, pattern, "after"))
            for name, pattern in GROUPS]
    rows = [row for row in rows if row[1] is not None]
    scale = (WIDTH - LEFT - 70) / max(max(before, after) for _, before, after in rows)
    height = TOP + ROW * len(rows) + 20
    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
           f'height="{height}" font-family="sans-serif" font-size="15" role="img">',
           "<title>Word error rate before and after learning a voice</title>",
           f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
           '<text x="20" y="32" font-size="19" font-weight="bold" fill="#1c2733">Word error rate on sentences '
           "never heard, before and after one round</text>",
           '<rect x="20" y="46" width="14" height="12" fill="#b8c2cc"/>'
           '<text x="40" y="57" fill="#1c2733">base recogniser</text>'
           '<rect x="170" y="46" width="14" height="12" fill="#1769aa"/>'
           '<text x="190" y="57" fill="#1c2733">after learning the voice</text>']
    for i, (name, before, after) in enumerate(rows):
        y = TOP + i * ROW
        svg.append(f'<text x="{LEFT - 12}" y="{y + 28}" text-anchor="end" fill="#1c2733">{name}</text>')
        for offset, value, colour in ((6, before, "#b8c2cc"), (25, after, "#1769aa")):
            svg.append(f'<rect x="{LEFT}" y="{y + offset}" width="{value * scale:.1f}" height="17" rx="2" '
                       f'fill="{colour}"/><text x="{LEFT + value * scale + 6:.1f}" y="{y + offset + 14}" '
                       f'font-size="13" fill="#1c2733">{value:.1f} %</text>')
    svg.append("</svg>\n")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text("\n".join(svg))


if __name__ == "__main__":
    main()

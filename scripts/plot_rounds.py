#!/usr/bin/env python3
"""Draws two rounds of nine owners, WER against epoch, from what scripts/measure_rounds.py (--drawn is enough) left in its
--work folder.

  scripts/plot_rounds.py --work build/rounds --data ../shared/data --out docs/images/two_rounds.svg

Owners: Kathleen, two Mandarin speakers of English, two callers, the four who speak digits; the first of each kind that
the measurement has, nobody is chosen by how it went. Lines: speech kept aside, by which a round is judged; a ring is the
epoch that was offered. Diamonds: sentences of personal_test, which no round sees, with the base and after each round.
"""

import argparse
import json
import pathlib

from measure_rounds import is_drawn, owners

NAMES = {"kathleen": "a reader", "speechocean762": "a reader", "wuw-corpus-ii": "a caller", "fsdd": "digits"}
INK, GRID, ROUNDS, TEST = "#1c2733", "#d9dfe5", ("#1769aa", "#b3541e"), "#3a7d44"
WIDTH, COLUMNS, PANEL_W, PANEL_H, LEFT, TOP = 900, 3, 265, 200, 42, 92


def chosen(data, work):
    """(title, the JSON of both rounds)."""
    seen = {}
    for number, (name, first, _, _) in enumerate(owners(data, "ordinary", work)):
        path = work / f"ordinary_{number}.json"
        if is_drawn(name, seen) and path.exists():
            accent = first[0].get("accent", "US")
            yield f"{accent}, {NAMES[name.split()[0]]}", json.loads(path.read_text(encoding="utf-8"))


def panel(x0, y0, title, rounds, top):
    """One owner's, with its upper left corner at x0, y0; `top` is the highest rate of the axis."""
    width, height = PANEL_W - LEFT - 14, PANEL_H - 62
    epochs = sum(max(len(r.get("epochs", [])), 1) for r in rounds) - 1
    x_of = lambda e: x0 + LEFT + width * e / max(epochs, 1)
    y_of = lambda rate: y0 + 26 + height * (1 - min(rate, top) / top)
    svg = [f'<text x="{x0 + LEFT}" y="{y0 + 14}" font-weight="bold" fill="{INK}">{title}</text>']
    for rate in range(0, top + 1, 25):
        svg.append(f'<line x1="{x0 + LEFT}" x2="{x0 + LEFT + width}" y1="{y_of(rate):.1f}" y2="{y_of(rate):.1f}" '
                   f'stroke="{GRID}"/><text x="{x0 + LEFT - 6}" y="{y_of(rate) + 4:.1f}" text-anchor="end" '
                   f'font-size="11" fill="{INK}">{rate}</text>')
    begin = 0
    for number, r in enumerate(rounds):
        series = r.get("epochs", [])
        points = [(x_of(begin + i), y_of(e["wer"])) for i, e in enumerate(series)]
        if points:
            svg.append(f'<polyline fill="none" stroke="{ROUNDS[number]}" stroke-width="2" points="'
                       + " ".join(f"{x:.1f},{y:.1f}" for x, y in points) + '"/>')
            x, y = points[r["best_epoch"]]
            svg.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#ffffff" stroke="{ROUNDS[number]}" '
                       'stroke-width="2"/>')
        end = begin + max(len(series) - 1, 0)
        tests = [(begin, r.get("test_before"))] if number == 0 else []
        for e, rates in [*tests, (end, r.get("test_after"))]:
            if rates:
                x, y = x_of(e), y_of(rates["wer"])
                svg.append(f'<path d="M{x:.1f} {y - 6:.1f}l5 6l-5 6l-5-6z" fill="{TEST}"/>')
        svg.append(f'<text x="{x_of(begin + max(len(series) - 1, 0) / 2):.1f}" y="{y0 + PANEL_H - 18}" font-size="11" '
                   f'text-anchor="middle" fill="{ROUNDS[number]}">round {number + 1}'
                   f'{"" if r.get("accepted") else ", refused"}</text>')
        begin = end + 1
    return svg


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    everybody = list(chosen(args.data, args.work))
    rows = -(-len(everybody) // COLUMNS)
    height = TOP + rows * PANEL_H
    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
           'font-family="sans-serif" font-size="14" role="img">',
           "<title>Word error rate against epoch, two rounds of nine owners</title>",
           f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
           f'<text x="20" y="32" font-size="19" font-weight="bold" fill="{INK}">Word error rate (%) against epoch, two '
           "rounds</text>"]
    legend = ((ROUNDS[0], "speech kept aside, first round", 20), (ROUNDS[1], "second round", 275),
              (TEST, "sentences never heard", 420), (INK, "epoch that was offered", 620))
    for colour, name, x in legend:
        mark = (f'<path d="M{x + 8} 50l5 6l-5 6l-5-6z" fill="{colour}"/>' if colour == TEST else
                f'<circle cx="{x + 8}" cy="56" r="4" fill="#ffffff" stroke="{colour}" stroke-width="2"/>' if colour == INK
                else f'<line x1="{x}" x2="{x + 16}" y1="56" y2="56" stroke="{colour}" stroke-width="3"/>')
        svg.append(mark + f'<text x="{x + 22}" y="61" fill="{INK}">{name}</text>')
    for i, (title, rounds) in enumerate(everybody):
        svg += panel(20 + (i % COLUMNS) * (PANEL_W + 30), TOP + i // COLUMNS * PANEL_H, title, rounds, 125)
    args.out.write_text("\n".join([*svg, "</svg>\n"]), encoding="utf-8")


if __name__ == "__main__":
    main()

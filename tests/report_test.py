#!/usr/bin/env python3
"""`mobileasr report` on an invented history: report_test.py MOBILEASR

The page and the figures are parsed as strict XML, and everything a reader must find is looked for in their text.
Python's standard library only.
"""

import html.parser
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

from invented_history import history

MOBILEASR = pathlib.Path(sys.argv.pop(1)).resolve()
SVG = "{http://www.w3.org/2000/svg}"
XHTML = "{http://www.w3.org/1999/xhtml}"
# Attributes by which a page asks for something that is not in it.
FETCHING = {"src", "href", "srcset", "data", "action", "poster", "background"}


def report(*arguments):
    return subprocess.run([str(MOBILEASR), "report", *map(str, arguments)], capture_output=True, text=True, timeout=120)


def text_of(element):
    return " ".join(" ".join(element.itertext()).split())


class TagCollector(html.parser.HTMLParser):
    """As a browser reads it, which is not as an XML parser does."""

    def __init__(self):
        super().__init__()
        self.tags = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)


class Report(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.dir = pathlib.Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def page(self, rounds):
        (self.dir / "history.json").write_text(json.dumps({"rounds": rounds}))
        result = report(self.dir, "--out", self.dir / "report.html", "--svg", self.dir / "svg")
        self.assertEqual(result.returncode, 0, result.stderr)
        return ElementTree.parse(self.dir / "report.html").getroot()

    def test_a_page_answers_its_readers(self):
        text = text_of(self.page(history()["rounds"]))
        for expected in ("It hears its owner better now.", "46.2 % → 29.3 %", "37 % fewer errors", "3 2 accepted",
                         "Refused: what epoch 4 offered", "General WER rose by 2.1 points", "stopped early (battery)",
                         "top 2 blocks, vectors", "2,214,912 parameters", "94 replayed", "33.8 % → 35.9 %",
                         "please call my brother answer before seven"):
            self.assertIn(expected, text)

    def test_a_page_fetches_and_runs_nothing(self):
        for element in self.page(history()["rounds"]).iter():
            self.assertNotIn(element.tag, (XHTML + "script", XHTML + "link", XHTML + "img", SVG + "image", SVG + "use"))
            for name, value in element.attrib.items():
                self.assertNotIn(name.rpartition("}")[2], FETCHING)
                self.assertFalse(name.startswith("on"), name)
                self.assertNotIn("url(", value)

    def test_every_figure_says_what_it_is(self):
        page = self.page(history()["rounds"])
        figures = list(page.iter(SVG + "svg"))
        # Two figures in two widths, three panels for each round.
        self.assertEqual(len(figures), 4 + 9)
        for figure in figures:
            self.assertEqual(figure.get("role"), "img")
            self.assertTrue(figure.get("aria-label"))
            self.assertEqual(figure.find(SVG + "title").text, figure.get("aria-label").split(".")[0])

    def test_texts_stay_texts(self):
        rounds = history()["rounds"]
        nasty = "</dd><script>alert('\"&amp;')</script>"
        for name in ("sub_model", "plan_reason", "why", "halted_by", "halt_why", "base", "began"):
            rounds[1][name] = nasty
        rounds[1]["sentences"] = [dict(reference=nasty, before=nasty + " x", after="ש " + nasty)]
        self.assertIn("<script>alert('\"&amp;')</script>", text_of(self.page(rounds)))
        collector = TagCollector()
        collector.feed((self.dir / "report.html").read_text())
        self.assertNotIn("script", collector.tags)

    def test_figures_are_files_of_their_own(self):
        self.page(history()["rounds"])
        self.assertEqual(sorted(p.name for p in (self.dir / "svg").iterdir()),
                         ["device.svg", "errors.svg", "loss.svg", "memory.svg"])
        for path in (self.dir / "svg").iterdir():
            root = ElementTree.parse(path).getroot()
            left, top, width, height = map(float, root.get("viewBox").split())
            ground = root.find(SVG + "rect")
            self.assertEqual((float(ground.get("width")), float(ground.get("height"))), (width, height))
            self.assertIn("prefers-color-scheme:dark", root.find(SVG + "style").text)

    def test_one_file_is_a_run_too(self):
        (self.dir / "one.json").write_text(json.dumps(history(1)))
        result = report(self.dir / "one.json", "--out", self.dir / "one.html")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("1 round", result.stdout)
        ElementTree.parse(self.dir / "one.html")

    def test_no_round_and_many(self):
        self.assertIn("It has not learned yet.", text_of(self.page([])))
        many = self.page(history(100)["rounds"])
        self.assertLess((self.dir / "report.html").stat().st_size, 2 << 20)
        self.assertEqual(len(list(many.iter(XHTML + "tr"))), 101)
        self.assertIn("The newest 12 of 100 rounds.", text_of(many))

    def test_what_is_no_history_is_refused_with_its_name(self):
        out = self.dir / "report.html"
        (self.dir / "bad.json").write_text('{"rounds": [{"round": "one"}]}')
        for run, expected in ((self.dir / "bad.json", "bad.json, round 1: round is not an integer"),
                              (self.dir / "none.json", "none.json"), (self.dir, "history.json")):
            result = report(run, "--out", out)
            self.assertEqual(result.returncode, 1)
            self.assertIn(expected, result.stderr)
            self.assertFalse(out.exists())
        self.assertEqual(report(self.dir).returncode, 2)


if __name__ == "__main__":
    unittest.main()

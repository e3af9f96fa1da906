"""The tables of docs/results.md on recognising before any personalisation."""

import json
import pathlib

import recognition

SETS = {
    "speechocean762/personal_test": "speechocean762 test",
    "wuw-corpus-ii/base_dev": "telephone (development set)",
    "kathleen/personal_test": "Kathleen test",
}
PEER_UTTERANCES = {"speechocean762/personal_test": 200, "wuw-corpus-ii/base_dev": 120, "kathleen/personal_test": 120}
AGES = ((0, 7, "up to 7 years"), (8, 10, "8 to 10"), (11, 15, "11 to 15"), (16, 25, "16 to 25"), (26, 99, "over 25"))


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


class Recognition:
    def __init__(self, bench):
        self.bench = bench
        self.args = bench.args
        self.models = {"base": self.args.model}  # by role
        if self.args.tiny:
            self.models["tiny"] = self.args.tiny
        if self.args.previous:
            self.models["the base before"] = self.args.previous
        self.paths = {**self.models, "float": self.args.float_model}

    def texts(self, role, data, lm):
        """The manifest's lines with "pred_text", in the manifest's order."""
        name = f"texts_{role.replace(' ', '_')}_{data.replace('/', '_')}_{'lm' if lm else 'greedy'}"
        out = self.bench.work / f"{name}.jsonl"
        manifest = self.args.data / f"{data}.jsonl"
        options = ["--lm", self.args.lm] if lm else []
        self.bench.run(name, ["evaluate", "--model", self.paths[role], "--data", manifest, "--predictions", out, *options])
        lines = recognition.read_manifest(manifest)
        heard = {line["audio_filepath"]: line["pred_text"] for line in map(json.loads, filter(None, out.read_text(encoding="utf-8").split("\n")))}
        heard = {str(pathlib.Path(path).resolve()): text for path, text in heard.items()}
        return [{**line, "pred_text": heard.get(line["audio_filepath"], "")} for line in lines]

    def rates(self, lines):
        return recognition.error_rates((line["text"], line["pred_text"]) for line in lines)

    def models_table(self):
        rows = []
        for data in SETS:
            for name in self.models:
                greedy = self.rates(self.texts(name, data, False))
                lm = self.rates(self.texts(name, data, True))
                rows.append([SETS[data], name, *(f"{rate:.1f}" for rate in (*greedy, *lm))])
        return table(["speech", "model", "WER %, greedy", "CER %, greedy", "WER %, with LM", "CER %, with LM"], rows)

    def groups_table(self):
        def groups(data, line):
            if data.startswith("speechocean762"):
                yield next(label for low, high, label in AGES if low <= line["age"] <= high)
                yield {"f": "female", "m": "male"}[line["gender"]]
            elif data.startswith("wuw"):
                yield line["accent"] + " speakers"
                yield {"landlinephone": "landline", "cellphone": "mobile", "speakerphone": "speakerphone"}[line["phone"]]

        rows = []
        for data in list(SETS)[:2]:
            greedy, lm = self.texts("base", data, False), self.texts("base", data, True)
            members = {}
            for i, line in enumerate(greedy):
                for group in groups(data, line):
                    members.setdefault(group, []).append(i)
            order = [label for _, _, label in AGES]
            for group in sorted(members, key=lambda g: (order.index(g) if g in order else len(order), g)):
                indices = members[group]
                words = sum(len(greedy[i]["text"].split()) for i in indices)
                rows.append([SETS[data], group, words, f"{self.rates([greedy[i] for i in indices])[0]:.1f}",
                             f"{self.rates([lm[i] for i in indices])[0]:.1f}"])
        return table(["speech", "group", "words", "WER %, greedy", "WER %, with LM"], rows)

    def precision_table(self):
        rows = []
        for data in SETS:
            int8 = self.rates(self.texts("base", data, False))[0]
            f32 = self.rates(self.texts("float", data, False))[0]
            rows.append([SETS[data], f"{f32:.2f}", f"{int8:.2f}", f"{int8 - f32:+.2f}"])
        return table(["speech", "WER %, f32 weights", "WER %, int8 weights", "difference"], rows)

    def peer_table(self):
        rows = []
        for data in SETS:
            lines = self.texts("base", data, True)
            greedy = self.texts("base", data, False)
            step = len(lines) / PEER_UTTERANCES[data]
            chosen = [int(i * step) for i in range(PEER_UTTERANCES[data])]
            path = self.bench.work / f"pocketsphinx_{data.replace('/', '_')}.json"
            if not path.exists():
                path.write_text(json.dumps(recognition.pocketsphinx([lines[i] for i in chosen])))
            theirs = recognition.error_rates(zip((lines[i]["text"] for i in chosen), json.loads(path.read_text())))
            rows.append([SETS[data], len(chosen), f"{theirs[0]:.1f}", f"{self.rates([lines[i] for i in chosen])[0]:.1f}",
                         f"{self.rates([greedy[i] for i in chosen])[0]:.1f}"])
        return table(["speech", "utterances", "PocketSphinx, WER %", "base with LM, WER %", "base greedy, WER %"], rows)

    def models_section(self):
        return ("## Recognising before any personalisation\n\nGreedy decoding is what a round is judged by; with LM "
                "is the beam search with `assets/en.lm` and the command's defaults, which were chosen on "
                f"wuw-corpus-ii/base_dev alone.\n\n{self.models_table()}\n")

    def groups_section(self):
        return f"## By age, sex, accent and telephone\n\nThe base, before any personalisation.\n\n{self.groups_table()}\n"

    def precision_section(self):
        if not self.args.float_model:
            return ""
        return f"## What eight bits cost\n\nThe base, greedy.\n\n{self.precision_table()}\n"

    def peer_section(self):
        if not recognition.has_pocketsphinx():
            return ""
        return ("## Beside PocketSphinx\n\nPocketSphinx 5prealpha with its own English model and language model "
                "(Debian's `pocketsphinx-en-us`), on the same utterances, spread evenly over each set.\n\n"
                f"{self.peer_table()}\n")

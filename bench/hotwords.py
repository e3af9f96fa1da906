#!/usr/bin/env python3
"""Do hotwords find rare names, and do they leave other speech alone?

  bench/hotwords.py --mobileasr BIN --model MODEL --lm LM [--general MANIFEST] [--boosts 0.5,1,2] [--work DIR]

Fifty rare names are read by a synthetic voice (flite's slt) in sentences; recall is the share of names that the
recognised text holds, without hotwords and with all fifty of them as hotwords. The same list is then held against
speech without any of the names. Prints a table as Markdown.
"""

import argparse
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))
import recognition  # noqa: E402

NAMES = """anselm aoife balthazar beatriz caoimhe cillian cressida dagmar desdemona dmitri eilidh elspeth
ezekiel fenella ferdinand gwendolen hermione hildegard ignatius imogen isambard isolde jocasta kamila leocadia
lysander magdalena mordecai nikolai niamh octavia ophelia oswald persephone quentin rosalind saoirse seraphina
siegfried sinead tamsin thaddeus theodora ulysses valentina wilhelmina xanthe yevgenia zebedee zuleika""".split()
CARRIERS = ("please call {} now", "send a message to {}", "is {} coming today", "tell {} that i am late",
            "my friend {} lives here")


def synthesise(folder):
    lines = []
    for i, name in enumerate(NAMES):
        text = CARRIERS[i % len(CARRIERS)].format(name)
        path = folder / f"{name}.wav"
        if not path.exists():
            subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", path], check=True)
        lines.append({"audio_filepath": str(path.resolve()), "text": text, "name": name})
    recognition.write_manifest(folder / "names.jsonl", lines)
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mobileasr", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--lm", required=True)
    parser.add_argument("--general")
    parser.add_argument("--boosts", default="0.5,1,1.5,2")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("build/hotwords"))
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    assert len(set(NAMES)) == 50
    named = {line["text"]: line["name"] for line in synthesise(args.work)}
    (args.work / "names.txt").write_text("\n".join(NAMES) + "\n")

    def texts(manifest, boost):
        options = ["--lm", args.lm]
        if boost:
            options += ["--hotwords", args.work / "names.txt", "--hotword-boost", boost]
        subprocess.run([args.mobileasr, "evaluate", "--model", args.model, "--data", manifest, "--json",
                        "--predictions", args.work / "predictions.jsonl", *map(str, options)],
                       check=True, stdout=subprocess.DEVNULL)
        return [(line["text"], line["pred_text"])
                for line in map(json.loads, (args.work / "predictions.jsonl").read_text().splitlines())]

    print("| hotwords | names found, of 50 | WER of these sentences, % | other speech: WER, % | "
          "names heard in it |\n| --- | --- | --- | --- | --- |")
    for boost in ["", *args.boosts.split(",")]:
        pairs = texts(args.work / "names.jsonl", boost)
        found = sum(named[text] in heard.split() for text, heard in pairs)
        cells = [f"{recognition.error_rates(pairs)[0]:.1f}"]
        if args.general:
            pairs = texts(args.general, boost)
            false = sum(w in NAMES for text, heard in pairs for w in heard.split() if w not in text.split())
            cells += [f"{recognition.error_rates(pairs)[0]:.1f}", str(false)]
        else:
            cells += ["-", "-"]
        label = f"{boost} nats per character" if boost else "none"
        print(f"| {label} | {found} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Two rounds of many simulated owners: does it get better, and is anybody ever worse off? Prints Markdown.

  scripts/measure_rounds.py --mobileasr build/release/apps/cli/mobileasr --data ../shared/data \
      --model assets/base.masr --work build/rounds [--only ordinary,wrong,...] [--limit N] [--options "..."]

Each owner has a state folder: a first round on half of the speech, a second on all of it. What is compared is the
speech of personal_test, which no round sees: with the base, after the first round, after the second. The owners:

  ordinary    Kathleen; 20 Mandarin speakers of English; 12 callers; 4 who speak digits
  few         3 utterances of a Mandarin speaker or a caller, then 6
  wrong       as ordinary, but every utterance with the text of another one
  silence     as ordinary, but every recording is the noise of a quiet room
  stranger    a second round on another person's speech, after an ordinary first one
  noisy       as ordinary, but a third of the texts are those of other utterances

Every owner's JSON is kept in --work, so that an interrupted measurement goes on. Python's standard library only.
"""

import json
import random
import shutil
import statistics
import struct
import subprocess
import wave

from experiments import parse, parser_of, read_lines, reported_speakers, write_lines
from measure_results import SPEECHOCEAN_SPEAKERS, WUW_SPEAKERS

KINDS = ("ordinary", "few", "wrong", "noisy", "silence", "stranger")
KATHLEEN_UTTERANCES = 100  # five minutes
DRAWN = {"kathleen": 1, "speechocean762": 2, "wuw-corpus-ii": 2, "fsdd": 4}  # owners of each corpus


def speakers(data, corpus, count):
    adapt = read_lines(data / corpus / "personal_adapt.jsonl")
    test = read_lines(data / corpus / "personal_test.jsonl")
    names = list(dict.fromkeys(line["speaker"] for line in adapt))
    for name in reported_speakers(names, count):
        yield (f"{corpus} {name}", [line for line in adapt if line["speaker"] == name],
               [line for line in test if line["speaker"] == name])


def ordinary(data):
    yield ("kathleen", read_lines(data / "kathleen/personal_adapt.jsonl")[:KATHLEEN_UTTERANCES],
           read_lines(data / "kathleen/personal_test.jsonl")[:60])
    yield from speakers(data, "speechocean762", SPEECHOCEAN_SPEAKERS)
    yield from speakers(data, "wuw-corpus-ii", WUW_SPEAKERS)
    for name, adapt, test in speakers(data, "fsdd", 4):
        yield name, adapt[::6], test[::4]


def shuffled_texts(lines, share, seed):
    """The texts of `share` of the lines, each given to the next of them."""
    rng = random.Random(seed)
    chosen = sorted(rng.sample(range(len(lines)), max(2, round(share * len(lines)))))
    changed = [dict(line) for line in lines]
    for i, j in zip(chosen, chosen[1:] + chosen[:1]):
        changed[i]["text"] = lines[j]["text"]
    return changed


def silent(lines, folder, seed):
    """As long as each recording, with the noise of a quiet room."""
    rng = random.Random(seed)
    made = []
    for i, line in enumerate(lines):
        path = folder / f"silence{i}.wav"
        with wave.open(str(path), "wb") as out:
            out.setparams((1, 2, 16000, 0, "NONE", ""))
            count = int(line["duration"] * 16000)
            out.writeframes(struct.pack(f"<{count}h", *(int(rng.gauss(0, 8)) for _ in range(count))))
        made.append({**line, "audio_filepath": str(path)})
    return made


def owners(data, kind, work):
    """(name, first round's speech, second round's, test)."""
    everybody = list(ordinary(data))
    if kind == "few":
        for name, adapt, test in everybody[1:9] + everybody[21:25]:
            yield name, adapt[:3], adapt[:6], test
        return
    if kind == "stranger":
        for (name, adapt, test), (_, other, _) in zip(everybody[1:9], everybody[9:17]):
            yield name, adapt, other, test
        return
    chosen = everybody if kind == "ordinary" else everybody[:9] + everybody[21:25]
    for number, (name, adapt, test) in enumerate(chosen):
        if kind in ("wrong", "noisy"):
            adapt = shuffled_texts(adapt, 1 if kind == "wrong" else 1 / 3, number)
        if kind == "silence":
            folder = work / "silence" / str(number)
            folder.mkdir(parents=True, exist_ok=True)
            adapt = silent(adapt, folder, number)
        yield name, adapt[:len(adapt) // 2], adapt, test


def run_owner(args, kind, number, first, second, test):
    path = args.work / f"{kind}_{number}.json"
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    state = args.work / "state"
    shutil.rmtree(state, ignore_errors=True)
    rounds = []
    for name, lines in (("first", first), ("second", second)):
        data = write_lines(args.work / f"{name}.jsonl", lines)
        tests = write_lines(args.work / "test.jsonl", test)
        done = subprocess.run([str(args.mobileasr), "personalize", "--base", str(args.model), "--data", str(data),
                               "--state", str(state), "--test", str(tests), "--json", *args.options.split()],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        rounds.append(json.loads(done.stdout) if done.returncode == 0 else {"error": done.stderr.strip()})
    path.write_text(json.dumps(rounds), encoding="utf-8")
    return rounds


def is_drawn(name, seen):
    """The first of each corpus: nobody is chosen by how it went."""
    corpus = name.split()[0]
    seen[corpus] = seen.get(corpus, 0) + 1
    return seen[corpus] <= DRAWN[corpus]


def rates(rounds, unit):
    """Error rate with the base, after the first round and after the second."""
    series = []
    for r in rounds:
        before, after = r.get("test_before"), r.get("test_after")
        if before is None:
            series.append(series[-1] if series else None)
            continue
        if not series:
            series.append(before[unit])
        series.append(after[unit])
    return series if len(series) == 3 else None


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--only", default=",".join(KINDS))
    parser.add_argument("--limit", type=int, default=1000, help="owners of each kind")
    parser.add_argument("--drawn", action="store_true", help="only those that scripts/plot_rounds.py draws")
    parser.add_argument("--options", default="", help="more options of personalize")
    args = parse(parser)
    print("| owners | | WER base | round 1 | round 2 | CER base | round 1 | round 2 | accepted | worse on test |"
          " worse on speech kept aside | texts agree |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|", flush=True)
    for kind in args.only.split(","):
        words, characters, accepted, worse, worse_aside, agree, count = [], [], 0, 0, 0, [], 0
        seen = {}
        for number, (name, first, second, test) in enumerate(owners(args.data, kind, args.work)):
            if number >= args.limit:
                break
            if args.drawn and not is_drawn(name, seen):
                continue
            rounds = run_owner(args, kind, number, first, second, test)
            wer, cer = rates(rounds, "wer"), rates(rounds, "cer")
            if wer is None:
                continue
            count += 1
            words.append(wer)
            characters.append(cer)
            for r in rounds:
                accepted += bool(r.get("accepted"))
                if r.get("transcript_agreement", -1) >= 0:
                    agree.append(r["transcript_agreement"])
                if r.get("accepted"):
                    epochs = r["epochs"]
                    worse_aside += epochs[r["best_epoch"]]["cer"] > epochs[0]["cer"]
            worse += cer[2] > cer[0] + 1e-9
        if not count:
            continue
        mean = lambda rows, i: statistics.mean(row[i] for row in rows)
        cells = [f"{mean(words, i):.1f}" for i in range(3)] + [f"{mean(characters, i):.1f}" for i in range(3)]
        spread = f"{min(agree):.2f} to {max(agree):.2f}" if agree else "-"
        print(f"| {kind} | {count} | " + " | ".join(cells) + f" | {accepted} of {2 * count} | {worse} | {worse_aside} |"
              f" {spread} |", flush=True)


if __name__ == "__main__":
    main()

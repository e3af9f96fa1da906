#!/usr/bin/env python3
"""Makes synthetic training speech from a list of sentences, with free engines only.

    scripts/synthesize_speech.py --sentences FILE ... --out DIR [--count N] [--seed N] [--jobs N]
                                 [--prompts KIND:COUNT ...] [--exclude FILE ...]
                                 [--voices v1,v2,...] [--variants speech|all]

writes DIR/audio/NNNNN.wav (16 kHz, mono, 16 bit) and DIR/manifest.jsonl (NeMo JSON lines). The same
arguments give the same plan, so an interrupted run goes on where it stopped: files that are there
are kept. DIR/plan.json remembers the arguments; a folder that was begun with others is refused.

Texts: 46 % whole sentences, 46 % spans of 2 to 7 words, 8 % generated lines (digits, letters,
times, dates, commands, names), the short ones first. --prompts adds lines of scripts/prompts.py's
kinds, and may do without sentences. No text equals a text of an --exclude file (a JSON-lines
manifest, or plain text with a sentence a line), and none shares six consecutive words with one.

Voices are named engine:voice. Held out, and refused if asked for: flite:awb and
espeak:en-gb-scotland. They are the new speakers of the demonstration, so no model that it starts
from may have heard them.

Needs (Debian): flite espeak-ng festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts sox,
and wamerican for --prompts
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import wave

import prompts

# Voice: (share of the items, accent). Shares need not add up to one.
VOICES = {
    "espeak:en-us": (0.10, "US"),
    "espeak:en-us-nyc": (0.05, "US New York"),
    "espeak:en-gb": (0.05, "British"),
    "espeak:en-gb-x-rp": (0.05, "British RP"),
    "espeak:en-gb-x-gbclan": (0.04, "Lancaster"),
    "espeak:en-gb-x-gbcwmd": (0.04, "West Midlands"),
    "espeak:en-029": (0.04, "Caribbean"),
    "flite:slt": (0.19, "US"),
    "flite:rms": (0.19, "US"),
    "flite:kal16": (0.08, "US"),
    "flite:kal": (0.03, "US"),
    "festival:kal_diphone": (0.04, "US"),
    "festival:ked_diphone": (0.05, "US"),
    "festival:cmu_us_slt_arctic_hts": (0.06, "US"),
}
HELD_OUT = ("flite:awb", "espeak:en-gb-scotland")
# Robots and whispers are left out: their spectra are not those of speech.
ESPEAK_VARIANTS = ([f"m{i}" for i in range(1, 8)] + [f"f{i}" for i in range(1, 6)] +
                   ["klatt", "klatt2", "klatt3", "klatt4"])
# --variants all: the other people that espeak-ng imitates.
ESPEAK_MORE_VARIANTS = (
    """m8 klatt5 klatt6 adam Alex Alicia Andrea Andy Annie antonio aunty belinda benjamin boris caleb
    david Denis Diogo ed edward edward2 Gene Gene2 grandma grandpa gustave Henrique Hugo iven iven2
    iven3 iven4 Jacky john kaukovalta Lee linda marcelo Marco Mario max Michael michel miguel Mike Mr
    Nguyen norbert pablo paul pedro quincy rob robert sandro shelby steph steph2 steph3 travis victor
    zac anika AnxiousAndy announcer""").split()
F0_MEAN_HZ = {"slt": 180, "rms": 100, "kal16": 105, "kal": 105, "kal_diphone": 105,
              "ked_diphone": 105}
FESTIVAL_BATCH = 40  # utterances per process: loading a voice costs up to a second
LONGEST_WORDS = 30
SPAN_CHECK_WORDS = 6

DIGITS = "zero one two three four five six seven eight nine".split()
TEENS = ("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
         "nineteen").split()
TENS = "twenty thirty forty fifty".split()
ORDINALS = ("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
            "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth "
            "twentieth").split()
MONTHS = ("january february march april may june july august september october november "
          "december").split()
WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
NAMES = """james mary robert patricia john jennifer michael linda david elizabeth william barbara
    richard susan joseph jessica thomas sarah charles karen daniel lisa matthew nancy anthony betty
    mark sandra paul emily steven anna andrew amanda kenneth melissa george carol brian laura
    edward helen kevin amy peter kate henry alice oliver emma lucas sophie max julia leo maria
    martin eva simon clara adam nina eric rosa""".split()
PLACES = ["kitchen", "bedroom", "hall", "living room", "garage", "office", "bathroom", "garden"]
COMMANDS = [
    "turn on the {place} light", "turn off the {place} light", "open the {place} door",
    "close the {place} window", "call {name}", "call {name} and {name}", "send a message to {name}",
    "set a timer for {number} minutes", "wake me at {time}", "play some music", "stop the music",
    "next song", "volume up", "volume down", "what time is it", "what is the weather on {day}",
    "remind me on {day} at {time}", "cancel", "go back", "help", "yes", "no", "start", "stop",
    "pause", "repeat that please", "add {number} apples to my list", "read my messages",
    "how far is it to the station", "take me home", "dial {digits}", "my name is {name}",
]


def normalize(text):
    return " ".join(re.sub(r"[^a-z' ]+", " ", text.lower()).split())


def number_words(n):
    """0 to 59."""
    if n < 10:
        return DIGITS[n]
    if n < 20:
        return TEENS[n - 10]
    tens = TENS[n // 10 - 2]
    return tens if n % 10 == 0 else f"{tens} {DIGITS[n % 10]}"


def ordinal_words(n):
    """1 to 31."""
    if n <= 20:
        return ORDINALS[n - 1]
    if n == 30:
        return "thirtieth"
    return ("twenty " if n < 30 else "thirty ") + ORDINALS[n % 10 - 1]


def time_line(rng):
    hour = number_words(rng.randint(1, 12))
    return rng.choice([
        f"{hour} o'clock", f"half past {hour}", f"quarter to {hour}", f"quarter past {hour}",
        f"{hour} {number_words(rng.randint(10, 59))}",
        f"{number_words(rng.randint(2, 29))} minutes past {hour}",
    ])


def date_line(rng):
    day, month = ordinal_words(rng.randint(1, 28)), rng.choice(MONTHS)
    year = f"nineteen {number_words(rng.randint(10, 59))}"
    return rng.choice([
        f"{month} {day}", f"the {day} of {month}", f"{month} {day} {year}",
        f"{rng.choice(WEEKDAYS)} the {day} of {month}", f"{rng.choice(WEEKDAYS)} {month} {day}",
    ])


def digits_line(rng):
    return " ".join(rng.choice(DIGITS) for _ in range(rng.randint(2, 9)))


def command_line(rng):
    line = rng.choice(COMMANDS)
    while "{name}" in line:
        line = line.replace("{name}", rng.choice(NAMES), 1)
    return line.format(place=rng.choice(PLACES), day=rng.choice(WEEKDAYS),
                       number=number_words(rng.randint(2, 59)), time=time_line(rng),
                       digits=digits_line(rng))


def generated_line(rng):
    """Returns (text, what the engine is to read)."""
    kind = rng.random()
    if kind < 0.15:
        letters = [rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(2, 6))]
        # In capitals and apart, or engines take "a" for the article.
        return " ".join(letters), ", ".join(letters).upper()
    if kind < 0.40:
        line = digits_line(rng)
    elif kind < 0.52:
        line = time_line(rng)
    elif kind < 0.64:
        line = date_line(rng)
    elif kind < 0.90:
        line = command_line(rng)
    else:
        line = " ".join(rng.choice(NAMES) for _ in range(rng.randint(1, 3)))
    return line, line


class Exclusions:
    """What the synthetic speech must not say."""

    def __init__(self, manifests):
        self.texts = set()
        self.spans = set()
        for path in manifests:
            for text in prompts.excluded_texts(path):
                self.texts.add(text)
                self.spans.update(self._spans(text.split()))

    @staticmethod
    def _spans(words):
        n = SPAN_CHECK_WORDS
        return (" ".join(words[i:i + n]) for i in range(len(words) - n + 1))

    def allows(self, text):
        words = text.split()
        return bool(words) and text not in self.texts and not any(
            span in self.spans for span in self._spans(words))


def draw_span(sentence, rng):
    words = sentence.split()
    length = min(rng.randint(2, 7), len(words))
    start = rng.randint(0, len(words) - length)
    return " ".join(words[start:start + length])


def plan_items(sentences, exclusions, voices, variants, count, prompt_counts, seed):
    """The items in order; the same arguments give the same list."""
    rng = random.Random(seed)
    sentences = sorted({s for s in map(normalize, sentences) if s})
    whole = [s for s in sentences if len(s.split()) <= LONGEST_WORDS and exclusions.allows(s)]
    rng.shuffle(whole)
    texts = []
    tries = 0
    while len(texts) < count:
        tries += 1
        if tries > 20 * count + 1000 or not whole:
            sys.exit("too few sentences are left after --exclude: give a longer --sentences file")
        kind = rng.random()
        if kind < 0.46:
            text = spoken = whole[tries % len(whole)]
        elif kind < 0.92:
            text = spoken = draw_span(rng.choice(sentences), rng)
        else:
            text, spoken = generated_line(rng)
        if exclusions.allows(text):
            texts.append((text, spoken))
    texts += prompts.draw_all(prompt_counts, seed, exclusions.allows)
    texts.sort(key=lambda item: len(item[0].split()))
    names = sorted(voices)
    weights = [VOICES[name][0] for name in names]
    return [{"index": i, "text": text, "spoken": spoken, "voice": rng.choices(names, weights)[0],
             "stretch": round(rng.uniform(0.85, 1.25), 3),
             "pitch": round(rng.uniform(0.85, 1.2), 3), "variant": rng.choice(variants)}
            for i, (text, spoken) in enumerate(texts)]


def speaker_of(item):
    engine = item["voice"].split(":")[0]
    return item["voice"] + ("+" + item["variant"] if engine == "espeak" else "")


def run(command, produced):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode != 0 or not os.path.exists(produced):
        raise RuntimeError(f"{command[0]} failed: {done.stderr.decode(errors='replace')[-300:]}")


def to_16k(source, target):
    """Renamed into place, so that a file that is there is whole."""
    partial = target + ".part"
    run(["sox", "-R", "-D", "-G", source, "-t", "wav", "-r", "16000", "-b", "16", "-c", "1",
         partial], partial)
    os.replace(partial, target)


def synthesize_one(item, target, scratch):
    engine, voice = item["voice"].split(":")
    raw = os.path.join(scratch, "raw.wav")
    if engine == "espeak":
        speed = round(160 / item["stretch"])  # words per minute: 128 to 188
        pitch = round(50 + 150 * (item["pitch"] - 1))  # of 0 to 99: 28 to 80
        run(["espeak-ng", "-v", f"{voice}+{item['variant']}", "-s", str(speed), "-p", str(pitch),
             "-w", raw, item["spoken"]], raw)
    else:
        run(["flite", "-voice", voice, "--setf", f"duration_stretch={item['stretch']}", "--setf",
             f"int_f0_target_mean={F0_MEAN_HZ[voice] * item['pitch']:.1f}", "-t", item["spoken"],
             "-o", raw], raw)
    to_16k(raw, target)


def synthesize_festival(voice, items, targets, scratch):
    script = [f"(voice_{voice})",
              "(define (speak text file) "
              "(utt.save.wave (utt.synth (eval (list 'Utterance 'Text text))) file 'riff))"]
    raws = []
    for k, item in enumerate(items):
        raws.append(os.path.join(scratch, f"raw{k}.wav"))
        script.append(f"(Parameter.set 'Duration_Stretch {item['stretch']})")
        if voice in F0_MEAN_HZ:
            mean = F0_MEAN_HZ[voice] * item["pitch"]
            script.append(f"(set! int_lr_params '((target_f0_mean {mean:.1f}) (target_f0_std 14) "
                          "(model_f0_mean 170) (model_f0_std 34)))")
        script.append(f'(speak "{item["spoken"]}" "{raws[-1]}")')
    path = os.path.join(scratch, "batch.scm")
    with open(path, "w", encoding="ascii") as out:
        out.write("\n".join(script) + "\n")
    run(["festival", "-b", path], raws[-1])
    for raw, target in zip(raws, targets):
        to_16k(raw, target)


def do_batch(items, out):
    """Items of one voice; returns messages about what failed."""
    todo = [(item, audio_path(out, item)) for item in items]
    todo = [(item, path) for item, path in todo if not os.path.exists(path)]
    problems = []
    with tempfile.TemporaryDirectory() as scratch:
        if todo and items[0]["voice"].startswith("festival:"):
            try:
                synthesize_festival(items[0]["voice"].split(":")[1], [i for i, _ in todo],
                                    [p for _, p in todo], scratch)
            except RuntimeError as error:
                problems.append(f"{items[0]['voice']}: {error}")
        else:
            for item, path in todo:
                try:
                    synthesize_one(item, path, scratch)
                except RuntimeError as error:
                    problems.append(f"{item['index']:05d} ({item['text']}): {error}")
    return problems


def audio_path(out, item):
    return os.path.join(out, "audio", f"{item['index']:05d}.wav")


def write_manifest(out, items):
    """Lists what is there, in order; returns (files, seconds)."""
    files, seconds = 0, 0.0
    partial = os.path.join(out, "manifest.jsonl.part")
    with open(partial, "w", encoding="utf-8") as manifest:
        for item in items:
            path = audio_path(out, item)
            if not os.path.exists(path):
                continue
            with wave.open(path) as audio:
                duration = audio.getnframes() / audio.getframerate()
            if duration < 0.1:
                continue  # the engine had nothing to say
            files, seconds = files + 1, seconds + duration
            manifest.write(json.dumps({
                "audio_filepath": os.path.relpath(path, out), "duration": round(duration, 3),
                "text": item["text"], "speaker": speaker_of(item),
                "accent": VOICES[item["voice"]][1], "source": item["voice"]}) + "\n")
    os.replace(partial, os.path.join(out, "manifest.jsonl"))
    return files, seconds


def make_batches(items):
    """Festival's utterances by voice, FESTIVAL_BATCH at a time, the others in runs of 20."""
    batches, festival = [], {}
    singles = []
    for item in items:
        if item["voice"].startswith("festival:"):
            waiting = festival.setdefault(item["voice"], [])
            waiting.append(item)
            if len(waiting) == FESTIVAL_BATCH:
                batches.append(festival.pop(item["voice"]))
        else:
            singles.append(item)
            if len(singles) == 20:
                batches.append(singles)
                singles = []
    return batches + list(festival.values()) + ([singles] if singles else [])


def remember_plan(out, plan):
    path = os.path.join(out, "plan.json")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            if json.load(file) != plan:
                sys.exit(f"{out} was begun with other arguments: give another --out or delete it")
    else:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(plan, file, indent=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", "--text", action="extend", nargs="+", default=[], metavar="FILE",
                        help="one sentence per line")
    parser.add_argument("--prompts", action="extend", nargs="+", default=[], metavar="KIND:COUNT",
                        help="kinds: " + ", ".join(prompts.KINDS))
    parser.add_argument("--out", required=True, help="folder to write to")
    parser.add_argument("--count", type=int, default=12000, help="of texts from sentences")
    parser.add_argument("--exclude", action="extend", nargs="*", default=[], metavar="FILE")
    parser.add_argument("--variants", choices=["speech", "all"], default="speech",
                        help="espeak-ng's: 16 clear ones, or all that are people")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--voices", default=",".join(VOICES), help="engine:voice, by commas")
    args = parser.parse_args()

    voices = args.voices.split(",")
    for voice in voices:
        if voice in HELD_OUT:
            sys.exit(f"{voice} is held out for the demonstration: choose another voice")
        if voice not in VOICES:
            sys.exit(f"unknown voice {voice}: choose from {', '.join(VOICES)}")

    if not args.sentences and not args.prompts:
        sys.exit("nothing to say: give --sentences, --prompts, or both")
    sentences = []
    for path in args.sentences:
        with open(path, encoding="utf-8") as lines:
            sentences += lines.read().splitlines()
    variants = ESPEAK_VARIANTS + (ESPEAK_MORE_VARIANTS if args.variants == "all" else [])
    items = plan_items(sentences, Exclusions(args.exclude), voices, variants,
                       args.count if args.sentences else 0, prompts.parse_counts(args.prompts), args.seed)
    digest = hashlib.sha256(json.dumps(items).encode()).hexdigest()
    os.makedirs(os.path.join(args.out, "audio"), exist_ok=True)
    remember_plan(args.out, {"seed": args.seed, "count": args.count, "voices": sorted(voices),
                             "items_sha256": digest})

    done, problems = 0, []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        futures = {pool.submit(do_batch, batch, args.out): len(batch)
                   for batch in make_batches(items)}
        for future in concurrent.futures.as_completed(futures):
            problems += future.result()
            if done // 500 != (done + futures[future]) // 500:
                files, seconds = write_manifest(args.out, items)
                print(f"{files} of {len(items)} files, {seconds / 3600:.2f} h", flush=True)
            done += futures[future]
    files, seconds = write_manifest(args.out, items)
    print(f"finished: {files} of {len(items)} files, {seconds / 3600:.2f} h")
    for problem in problems:
        print("problem:", problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

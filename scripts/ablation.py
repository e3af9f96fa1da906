#!/usr/bin/env python3
"""What each part of the recipe is worth: one small model, the same hours of sound, one step more at a time.

  scripts/ablation.py --mobileasr build/release/apps/cli/mobileasr --data ../shared/data --synthetic WORK/synthetic1 \\
      --work build/ablation [--hours 20]

Every variant is a recipe of its own, trained from random weights by `mobileasr pretrain` and measured with
`mobileasr evaluate`, greedy. The step that a recipe takes over from configs/base.json is said in STEPS. Resumable:
what is trained or measured lies in --work. scripts/measure_results.py --ablation WORK makes the table.
"""

import argparse
import json
import pathlib
import subprocess

CONFIGS = pathlib.Path(__file__).resolve().parent.parent / "configs"
SETS = ("speechocean762/personal_test", "wuw-corpus-ii/base_dev")
SYNTHETIC, ONE_VOICE, SPEECHOCEAN, WUW = 1, 2, 3, 4  # the manifests, counted as a recipe does
EVERY = 6  # of the synthetic utterances: as much as one real corpus
MODEL = {"blocks": 4, "dim": 96, "channels": 32, "feed_forward": 384, "dropout": 0.05}
SPEED_GAIN = ("speeds", "gain_db")
CHANNEL = ("telephone_probability", "noise_probability", "noise_snr_low_db", "noise_snr_high_db")
# (name, does it have synthetic speech, which augmentations of configs/base.json, are utterances joined)
STEPS = (
    ("real speech only", False, (), False),
    ("+ synthetic speech", True, (), False),
    ("+ tempo, pitch and gain", True, SPEED_GAIN, False),
    ("+ noise and telephone", True, SPEED_GAIN + CHANNEL, False),
    ("+ SpecAugment", True, SPEED_GAIN + CHANNEL + ("spec_augment",), False),
    ("+ joined utterances", True, SPEED_GAIN + CHANNEL + ("spec_augment",), True),
)


def hours_of(manifest, longest_s):
    with open(manifest, encoding="utf-8") as lines:
        durations = (json.loads(line)["duration"] for line in lines if line.strip())
        return sum(d for d in durations if d <= longest_s) / 3600


def every(manifest, step, path):
    with open(manifest, encoding="utf-8") as source, open(path, "w", encoding="utf-8") as out:
        for line in list(source)[::step]:
            utterance = json.loads(line)
            utterance["audio_filepath"] = str((manifest.parent / utterance["audio_filepath"]).resolve())
            out.write(json.dumps(utterance) + "\n")
    return path


def model_config(base):
    model = json.loads(json.dumps(base["model"]))
    model["name"] = "ablation-en"
    subsampling, blocks = model["encoder"]
    subsampling.update(channels=MODEL["channels"], dim=MODEL["dim"], dropout=MODEL["dropout"])
    blocks.update(repeat=MODEL["blocks"], feed_forward=MODEL["feed_forward"], dropout=MODEL["dropout"])
    return model


def stages_for(step, base, hours, hours_by_source):
    """Half of the hours at a constant rate, half of them falling; the first sixth on one clear voice where there is one."""
    _, synthetic, augmentations, joined = step
    stages = {stage["name"]: stage for stage in base["training"]["stages"]}
    one_voice, anneal = stages["one-voice"], stages["anneal"]
    rest = hours
    result = []
    if synthetic:
        epochs = max(1, round(hours / 6 / hours_by_source(ONE_VOICE, one_voice["max_seconds"])))
        rest -= epochs * hours_by_source(ONE_VOICE, one_voice["max_seconds"])
        result.append({**one_voice, "epochs": epochs, "sources": [ONE_VOICE]})
    sources = [SPEECHOCEAN, WUW] + [SYNTHETIC] * synthetic
    per_epoch = sum(hours_by_source(s, anneal["max_seconds"]) for s in sources)
    common = {"sources": sources, "max_seconds": anneal["max_seconds"], "learning_rate": anneal["learning_rate"],
              **{key: anneal[key] for key in augmentations}}
    if joined:
        common.update(join_probability=0.4, join_max_seconds=20)
    epochs = max(2, round(rest / per_epoch))
    falling = max(1, epochs // 2)
    result.append({"name": "constant", "epochs": epochs - falling, "schedule": "constant", "warmup_steps": 100, **common})
    result.append({"name": "falling", "epochs": falling, "schedule": "cosine", "floor": anneal["floor"], **common})
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mobileasr", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--synthetic", type=pathlib.Path, required=True, help="a folder of scripts/synthesize_speech.py")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--hours", type=float, default=20)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)

    manifests = (every(args.synthetic / "manifest.jsonl", EVERY, args.work / "synthetic.jsonl"), args.synthetic / "one_voice.jsonl",
                 args.data / "speechocean762/base_train.jsonl", args.data / "wuw-corpus-ii/base_train.jsonl")
    base = json.loads((CONFIGS / "base.json").read_text())
    for number, step in enumerate(STEPS, start=1):
        name = f"step{number}"
        model = args.work / f"{name}.masr"
        recipe = {"model": model_config(base), "training": {**base["training"], "stages": stages_for(
            step, base, args.hours, lambda source, longest: hours_of(manifests[source - 1], longest))}}
        config = args.work / f"{name}.config.json"
        config.write_text(json.dumps(recipe, indent=1))
        train = [str(args.mobileasr), "pretrain", "--config", config, "--out", model, "--resume", "--cache", "6GB",
                 "--dev", args.data / "wuw-corpus-ii/base_dev.jsonl", "--noise", args.data / "esc10/noise.jsonl",
                 "--log", args.work / f"{name}.log.jsonl"]
        for manifest in manifests:
            train += ["--train", manifest]
        print(f"{name}: {step[0]}", flush=True)
        subprocess.run(list(map(str, train)), check=True)
        result = {"step": step[0], "hours": sum(
            json.loads(line)["audio_seconds"] for line in (args.work / f"{name}.log.jsonl").read_text().splitlines()) / 3600}
        for data in SETS:
            done = subprocess.run([str(args.mobileasr), "evaluate", "--model", str(model), "--data",
                                   str(args.data / f"{data}.jsonl"), "--json"], check=True, stdout=subprocess.PIPE)
            measured = json.loads(done.stdout)
            result[data] = {"wer": measured["wer"], "cer": measured["cer"]}
        (args.work / f"{name}.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()

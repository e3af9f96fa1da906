"""A history that no device made, but one could have: two accepted rounds with pauses, a refused third.

  invented_history.py FILE [ROUNDS]    writes it; more than three rounds repeat with small changes
"""

import json
import math
import pathlib
import random
import sys

MB = 10 ** 6
SENTENCES = [
    ("she had your dark suit in greasy wash water all year", "she had the dark suit and greasy was water all year",
     "she had your dark suit in greasy wash water all year"),
    ("please call my brother ansgar before seven", "please call my brother answer before seven",
     "please call my brother ansgar before seven"),
    ("turn left at the old brewery and stop", "turned left the old bruise and stop",
     "turn left at the old brewery and stopped"),
    ("remind me to water the <tomatoes> & \"basil\"", "remind me two water the tomato is",
     "remind me to water the tomatoes basil"),
    ("i would rather walk than wait", "i would rather work than weight for it", "i would rather walk than wait"),
]
# Sub-model, why, trainable parameters, utterances, replayed, epochs, chosen, WER from, WER to, peak above base.
ROUNDS = [
    dict(sub_model="top 2 blocks, vectors", plan_reason="most gain among the 14 sub-models that fit 160 MB",
         parameters=212480, utterances=38, replayed=0, epochs=12, best=9, wer=(46.2, 38.1), trained=1, accepted=True,
         why="4 of 12 sentences kept aside got better, 1 got worse; general WER rose by 0.2 points"),
    dict(sub_model="top 4 blocks, in 2 parts", plan_reason="most gain among the 31 sub-models that fit 220 MB",
         parameters=2214912, utterances=94, replayed=38, epochs=16, best=14, wer=(37.4, 29.3), trained=9,
         accepted=True, why="9 of 19 sentences kept aside got better, 2 got worse"),
    dict(sub_model="top 4 blocks, in 2 parts", plan_reason="the sub-model of the round before still fits",
         parameters=2214912, utterances=101, replayed=94, epochs=7, best=4, wer=(29.9, 28.8), trained=9,
         accepted=False, why="general WER rose by 2.1 points, more than the 1.0 that is allowed",
         halted_by="battery",
         halt_why="the device is not charging, its battery is at 29.6 %; min_battery_percent is 30"),
]


def epochs(spec, rng):
    high, low = spec["wer"]
    result = []
    for e in range(spec["epochs"] + 1):
        share = (1 - math.exp(-3 * e / spec["best"])) / (1 - math.exp(-3))
        wer = high - (high - low) * share + (rng.uniform(-0.8, 0.8) if e not in (0, spec["best"]) else 0)
        wer += max(0, e - spec["best"]) * 0.35
        result.append({"epoch": e, "train_loss": 1.9 * math.exp(-e / 6) + 0.35 + rng.uniform(-.03, .03) if e else 0,
                       "mean": True, "validation_loss": 0.9 + 0.012 * wer + max(0, e - spec["best"]) * 0.02,
                       "wer": round(wer, 2), "cer": round(0.42 * wer + rng.uniform(-.4, .4), 2), "cer_error": 1.1,
                       "seconds": 30 + rng.uniform(-4, 4)})
    return result


def samples(spec, plan, rng):
    result = []
    time, battery, heat = 0.0, 71.0 if spec["accepted"] else 34.5, 33.0
    pauses = {3: 60, 8: 150} if spec["epochs"] > 10 else {2: 45}
    process = 0.58 * plan
    for epoch in range(1, spec["epochs"] + 1):
        def sample(paused):
            nonlocal battery, heat
            battery -= 0.035
            heat += (33 - heat) * 0.05 if paused else (46.5 - heat) * 0.03
            result.append({"time_s": round(time, 1), "epoch": epoch, "paused": paused,
                           "process_bytes": int(process + rng.uniform(-.005, .005) * plan),
                           "available_bytes": int(1.35e9 - process + 9e7 * math.sin(time / 90) + rng.uniform(-2e7, 2e7)),
                           "battery_percent": round(battery, 0), "temperature_c": round(heat, 1),
                           "power_w": round(0.9 if paused else 3.4 + rng.uniform(-.3, .3), 2)})
        for step in range(8):
            process = min(0.93 * plan, process + 0.05 * plan) if step < 7 else 0.86 * plan
            sample(False)
            time += 4
        for _ in range(pauses.get(epoch, 0) // 5):
            sample(True)
            time += 5
    return result


def history(rounds=3, seed=1):
    rng = random.Random(seed)
    result = []
    for i in range(rounds):
        spec = ROUNDS[i % 3]
        learn = 4 * spec["parameters"]
        memory = {"process": 14 * MB, "threads": 1 * MB, "weights": 7 * MB, "trained": learn, "gradients": learn,
                  "optimizer": 2 * learn, "averages": 2 * learn, "arena": 78 * MB, "inputs": 5 * MB,
                  "speech": 60000 * spec["utterances"]}
        planned = sum(memory.values())
        budget = 160 * MB if spec["trained"] == 1 else 220 * MB
        looks = samples(spec, planned, rng)
        curve = epochs(spec, rng)
        general = (33.4 + 0.2 * i, 33.6 + 0.2 * i + (1.9 if not spec["accepted"] else 0))
        result.append({
            "round": i + 1, "began": f"2026-11-{20 + i % 9}T22:41:09Z", "base": "5f3a91c2d07e44b1",
            "from": f"{i:016x}", "sub_model": spec["sub_model"], "plan_reason": spec["plan_reason"],
            "trainable_parameters": spec["parameters"], "ram_budget_bytes": budget, "memory": memory,
            "planned_peak_bytes": planned,
            "peak_rss_bytes": max(s["process_bytes"] for s in looks) + 2 * MB,
            "thresholds": {"min_battery_percent": 30, "max_temperature_c": 45, "min_available_bytes": 268435456},
            "samples": looks, "epochs": curve, "best_epoch": spec["best"], "accepted": spec["accepted"],
            "why": spec["why"], "halted_by": spec.get("halted_by", ""), "halt_why": spec.get("halt_why", ""),
            "retries": 1 if i % 3 == 1 else 0, "audio_seconds": 4.1 * spec["utterances"],
            "training_utterances": spec["utterances"], "replayed_utterances": spec["replayed"],
            "validation_utterances": spec["utterances"] // 5, "seconds": looks[-1]["time_s"] + 20,
            "seconds_paused": sum(5 for s in looks if s["paused"]),
            "general_before": {"wer": general[0], "cer": 14}, "general_after": {"wer": general[1], "cer": 14.3},
            "sentences": [dict(zip(("reference", "before", "after"), s)) for s in SENTENCES]})
    return {"rounds": result}


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_text(json.dumps(history(int(sys.argv[2]) if len(sys.argv) > 2 else 3)))

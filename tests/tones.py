"""Made "speech" for whole-program tests: each letter is a tone of its own."""

import json
import math
import random
import struct
import wave

RATE = 16000
LETTERS = "abcd"
CONFIG = {
    "model": {
        "name": "tones",
        "features": {"mels": 20},
        "characters": [" "] + list(LETTERS),
        "encoder": [
            {"layer": "conv_subsampling", "channels": 4, "dim": 16, "dropout": 0},
            {"layer": "conformer_block", "heads": 2, "feed_forward": 32, "conv_kernel": 7, "dropout": 0},
        ],
    },
    "training": {
        "batch_seconds": 10, "micro_batch_seconds": 10,
        "stages": [{"name": "tones", "epochs": 12, "schedule": "constant", "learning_rate": 5e-3,
                    "warmup_steps": 5}],
    },
}


def speak(text, pitch=1.0, seed=0):
    """Samples of a text: 0.2 s of tone a letter, 0.1 s of near silence between."""
    noise = random.Random(seed)
    samples = []
    for letter in text:
        hz = 0 if letter == " " else pitch * (400 + 500 * LETTERS.index(letter))
        samples += [0.4 * math.sin(2 * math.pi * hz * i / RATE) + noise.gauss(0, 0.003)
                    for i in range(RATE // 5)]
        samples += [noise.gauss(0, 0.003) for _ in range(RATE // 10)]
    return samples


def write_wav(path, samples, channels=1, width=2):
    with wave.open(str(path), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(width)
        out.setframerate(RATE)
        clipped = [max(-1.0, min(1.0, s)) for s in samples]
        if width == 2:
            data = struct.pack(f"<{len(clipped)}h", *(int(32767 * s) for s in clipped))
        else:
            data = bytes(int(127 * s) + 128 for s in clipped)
        out.writeframes(data)


def write_manifest(path, items):
    path.write_text("".join(json.dumps({"audio_filepath": str(a), "text": t}) + "\n" for a, t in items))


def write_speech(folder, name, count, seed, pitch=1.0):
    """`count` utterances of random letters and their manifest, whose path it gives."""
    rng = random.Random(seed)
    items = []
    for i in range(count):
        text = "".join(rng.choices(LETTERS, k=rng.randint(2, 4)))
        path = folder / f"{name}{i}.wav"
        write_wav(path, speak(text, pitch, seed=i))
        items.append((path, text))
    path = folder / f"{name}.jsonl"
    write_manifest(path, items)
    return path

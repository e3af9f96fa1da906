#!/usr/bin/env python3
"""Writes seeds for fuzz/audio_fuzz: a tenth of a second of a tone as WAV, AIFF, AU and CAF of several
encodings. scripts/make_audio_seeds.py FOLDER
"""
import math
import pathlib
import struct
import sys

RATE = 8000
FRAMES = RATE // 10


def tone(channels):
    """Values in [-1, 1], channels interleaved."""
    return [0.5 * math.sin(2 * math.pi * 440 * (channel + 1) * t / RATE)
            for t in range(FRAMES) for channel in range(channels)]


def pcm16(values, order):
    return struct.pack(f"{order}{len(values)}h", *(round(32767 * v) for v in values))


def pcm24(values):
    return b"".join((round(8388607 * v) & 0xFFFFFF).to_bytes(3, "little") for v in values)


def mu_law(values):
    """ITU-T G.711."""
    codes = bytearray()
    for v in values:
        magnitude = min(abs(round(32767 * v)), 32635) + 132
        exponent = magnitude.bit_length() - 8
        mantissa = (magnitude >> (exponent + 3)) & 15
        codes.append(~((128 if v < 0 else 0) | exponent << 4 | mantissa) & 255)
    return bytes(codes)


def chunk(name, body, order="<"):
    return name + struct.pack(f"{order}I", len(body)) + body + b"\0" * (len(body) % 2)


def wav(code, channels, bits, data):
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", code, channels, RATE, RATE * frame, frame, bits)
    return chunk(b"RIFF", b"WAVE" + chunk(b"fmt ", form) + chunk(b"data", data))


def aiff(data):
    # The rate as an 80-bit float: RATE = 2^12 * 1.953125.
    rate = struct.pack(">HQ", 16383 + 12, RATE << (63 - 12))
    common = struct.pack(">hIh", 1, FRAMES, 16) + rate
    sound = struct.pack(">II", 0, 0) + data
    return chunk(b"FORM", b"AIFF" + chunk(b"COMM", common, ">") + chunk(b"SSND", sound, ">"), ">")


def au(data):
    return b".snd" + struct.pack(">IIIII", 24, len(data), 3, RATE, 1) + data


def caf(data):
    description = struct.pack(">d4sIIIII", RATE, b"lpcm", 2, 2, 1, 1, 16)  # little endian
    chunks = [(b"desc", description), (b"data", struct.pack(">I", 0) + data)]
    return b"caff" + struct.pack(">HH", 1, 0) + b"".join(
        name + struct.pack(">q", len(body)) + body for name, body in chunks)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    mono, stereo = tone(1), tone(2)
    seeds = {
        "pcm16.wav": wav(1, 1, 16, pcm16(mono, "<")),
        "stereo.wav": wav(1, 2, 16, pcm16(stereo, "<")),
        "pcm24.wav": wav(1, 1, 24, pcm24(mono)),
        "float.wav": wav(3, 1, 32, struct.pack(f"<{len(mono)}f", *mono)),
        "mu_law.wav": wav(7, 1, 8, mu_law(mono)),
        "cut.wav": wav(1, 1, 16, pcm16(mono, "<"))[:300],
        "pcm16.aiff": aiff(pcm16(mono, ">")),
        "pcm16.au": au(pcm16(mono, ">")),
        "pcm16.caf": caf(pcm16(mono, "<")),
    }
    for name, data in seeds.items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes the impulse response that src/audio/room_test.cc compares with: every image of a small room, one by one.

  scripts/make_room_goldens.py >src/audio/testdata/room.txt

Allen and Berkley (1979) with Eyring's absorption, exact fractional delays (Hann-windowed sinc, 32 samples) and their
100 Hz high pass, in double precision.
"""

import itertools
import math

RATE = 16000
C = 343.0
SIZE = (3.1, 2.6, 2.4)
SOURCE = (1.0, 1.3, 1.5)
MICROPHONE = (2.2, 0.9, 1.1)
T60 = 0.12
TAPS = 32


def main():
    volume = math.prod(SIZE)
    surface = 2 * (SIZE[0] * SIZE[1] + SIZE[1] * SIZE[2] + SIZE[2] * SIZE[0])
    absorption = 1 - math.exp(-24 * math.log(10) / C * volume / (surface * T60))
    reflection = math.sqrt(1 - absorption)
    direct = math.dist(SOURCE, MICROPHONE)
    seconds = direct / C + T60
    length = math.ceil(seconds * RATE)
    response = [0.0] * length
    reach = range(-12, 13)
    for cell in itertools.product(reach, repeat=3):
        for mirrored in itertools.product((0, 1), repeat=3):
            image = [(1 - 2 * q) * s + 2 * k * side for q, s, k, side in zip(mirrored, SOURCE, cell, SIZE)]
            distance = math.dist(image, MICROPHONE)
            if distance > seconds * C:
                continue
            bounces = sum(abs(k - q) + abs(k) for k, q in zip(cell, mirrored))
            delay = distance / C * RATE
            gain = reflection**bounces / distance
            for n in range(max(0, math.ceil(delay - TAPS / 2)), min(length, math.floor(delay + TAPS / 2) + 1)):
                x = math.pi * (n - delay)
                sinc = math.sin(x) / x if x else 1.0
                response[n] += gain * (0.5 + 0.5 * math.cos(2 * x / TAPS)) * sinc
    w = 2 * math.pi * 100 / RATE
    r = math.exp(-w)
    b1, b2, y1, y2 = 2 * r * math.cos(w), -r * r, 0.0, 0.0
    for value in response:
        y0 = b1 * y1 + b2 * y2 + value
        print(f"{y0 - (1 + r) * y1 + r * y2:.7g}")
        y2, y1 = y1, y0


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes src/audio/testdata/: log-mel frames as torchaudio computes them (log_mel_golden.json), and as
NVIDIA NeMo's front end does, put together of torch.stft and torchaudio's filter bank (nemo_mel_golden.json).

    scripts/make_audio_goldens.py [OUT.json]

The signal is made by integer arithmetic alone, so that log_mel_test.cc makes the same one. Needs
torch and torchaudio (Debian: python3-torch python3-torchaudio).
"""

import json
import pathlib
import sys

import torch
import torchaudio

CASES = [
    {"sample_rate_hz": 16000, "mels": 80, "frames": 12},
    {"sample_rate_hz": 8000, "mels": 80, "frames": 12},
    {"sample_rate_hz": 22050, "mels": 40, "frames": 5},
]


def golden_signal(count):
    """A rising sawtooth, noise of a congruential generator and an offset, as 16-bit values."""
    state, phase, increment = 12345, 0, 1 << 24
    values = []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        noise = (state >> 16) - 32768
        phase = (phase + increment) % 2**32
        increment += 1 << 18
        saw = (phase >> 16) - 32768
        values.append((saw >> 2) + (noise >> 4) + 300)
    return values


NEMO_CASES = [
    {"sample_rate_hz": 16000, "mels": 80, "window_ms": 25, "fft_samples": 512, "samples": 2199},
    {"sample_rate_hz": 16000, "mels": 64, "window_ms": 20, "fft_samples": 512, "samples": 1600},
    {"sample_rate_hz": 8000, "mels": 40, "window_ms": 25, "fft_samples": 256, "samples": 1279},
]


def nemo_frames(case):
    """Frames before and after normalisation, in double; frame samples // hop and later are left out."""
    rate, hop = case["sample_rate_hz"], case["sample_rate_hz"] // 100
    window = int(rate * case["window_ms"] / 1000)
    x = torch.tensor(golden_signal(case["samples"]), dtype=torch.float64) / 32768
    x = torch.cat([x[:1], x[1:] - 0.97 * x[:-1]])
    power = torch.stft(x, case["fft_samples"], hop, window, torch.hann_window(window, False, dtype=torch.float64),
                       center=True, pad_mode="constant", return_complex=True).abs() ** 2
    bank = torchaudio.functional.melscale_fbanks(case["fft_samples"] // 2 + 1, 0.0, rate / 2, case["mels"], rate,
                                                 norm="slaney", mel_scale="slaney").double()
    frames = torch.log(power.T @ bank + 2**-24)[:case["samples"] // hop]
    return frames, (frames - frames.mean(0)) / (frames.std(0) + 1e-5)


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    default = root / "src/audio/testdata/log_mel_golden.json"
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    cases = []
    for case in CASES:
        rate = case["sample_rate_hz"]
        window, hop = int(rate * 0.025), int(rate * 0.010)
        waveform = torch.tensor(golden_signal(window + (case["frames"] - 1) * hop),
                                dtype=torch.float32) / 32768
        features = torchaudio.compliance.kaldi.fbank(
            waveform[None] * 32768, num_mel_bins=case["mels"], sample_frequency=float(rate),
            dither=0.0, window_type="povey", preemphasis_coefficient=0.97, remove_dc_offset=True,
            use_power=True, use_log_fbank=True, snip_edges=True, round_to_power_of_two=True,
            low_freq=20.0, high_freq=0.0, energy_floor=0.0)
        assert features.shape == (case["frames"], case["mels"])
        cases.append({**case, "log_mel": [float(f"{v:.9g}") for v in features.flatten().tolist()]})
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"torchaudio": torchaudio.__version__, "cases": cases}) + "\n")
    rounded = lambda values: [float(f"{v:.7g}") for v in values.flatten().tolist()]
    nemo = [{**case, **dict(zip(("log_mel", "normalized"), map(rounded, nemo_frames(case))))} for case in NEMO_CASES]
    (out.parent / "nemo_mel_golden.json").write_text(json.dumps({"torch": torch.__version__, "cases": nemo}) + "\n")


if __name__ == "__main__":
    main()

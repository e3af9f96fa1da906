#!/usr/bin/env python3
"""Streaming against whole files, side by side: WER, speed on one thread, first partial result, memory.

  bench/streaming.py --mobileasr build/release/apps/cli/mobileasr --model assets/base.masr \\
      --data dev.jsonl [--join speaker] [-- --chunk 2 ...]

Every utterance of the manifest (NeMo JSON lines) goes through `transcribe` whole and through `transcribe
--stream`. With --join, the utterances of one speaker are played one after the other without a pause, as one
long stream (--longest seconds at most) that needs many windows; the whole-file side hears them one by one, so
that both sides have the same words to find. What follows `--` is handed to `transcribe --stream`.

Times are those of the process: CPU is user + system of --threads 1 with the model's loading and the decoding of
the audio, in seconds per second of sound; wall is the same on the clock, on whatever else the machine does.
Speech begins where 50 ms are 20 dB above the quietest tenth of the recording, or 25 dB below the loudest
50 ms, whichever is more. Python's standard library, and libsndfile to read the audio.
"""

import argparse
import array
import collections
import ctypes
import ctypes.util
import json
import math
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import wave

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))
import recognition  # noqa: E402


class SoundInfo(ctypes.Structure):
    _fields_ = [("frames", ctypes.c_int64), ("rate", ctypes.c_int), ("channels", ctypes.c_int),
                ("format", ctypes.c_int), ("sections", ctypes.c_int), ("seekable", ctypes.c_int)]


SNDFILE = ctypes.CDLL(ctypes.util.find_library("sndfile") or "libsndfile.so.1")
SNDFILE.sf_open.restype = ctypes.c_void_p
SNDFILE.sf_readf_short.restype = ctypes.c_int64


def read_pcm(path):
    """Samples (16 bit, first channel) and rate."""
    info = SoundInfo()
    file = ctypes.c_void_p(SNDFILE.sf_open(str(path).encode(), 0x10, ctypes.byref(info)))
    if not file.value:
        raise SystemExit(f"{path}: cannot be read as audio")
    buffer = (ctypes.c_short * (info.frames * info.channels))()
    count = SNDFILE.sf_readf_short(file, buffer, ctypes.c_int64(info.frames))
    SNDFILE.sf_close(file)
    samples = array.array("h", bytes(buffer))[: count * info.channels]
    return samples[:: info.channels], info.rate


def speech_start(samples, rate):
    """Seconds before speech begins, by level."""
    step = rate // 20
    levels = [10 * math.log10(1 + sum(s * s for s in samples[i:i + step]) / step)
              for i in range(0, max(1, len(samples) - step), step)]
    threshold = max(sorted(levels)[len(levels) // 10] + 20, max(levels) - 25)
    loud = [i for i, level in enumerate(levels) if level >= min(threshold, max(levels))]
    return loud[0] * step / rate


class Process:
    """One run of the command: its lines of JSON, CPU and wall seconds."""

    def __init__(self, arguments, stdin=None):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.monotonic()
        done = subprocess.run([str(a) for a in arguments], input=stdin, capture_output=True, check=False)
        self.wall_s = time.monotonic() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        if done.returncode != 0:
            raise SystemExit(f"{arguments}: {done.stderr.decode()}")
        self.lines = [json.loads(line) for line in done.stdout.splitlines()]


def batches(items, size):
    return [items[i:i + size] for i in range(0, len(items), size)]


def whole_side(command, utterances):
    """Texts by path, and the processes."""
    texts, runs = {}, []
    for batch in batches([u["path"] for u in utterances], 64):
        run = Process([*command, "--json", *batch])
        runs.append(run)
        texts.update({f["file"]: f["text"] for f in run.lines[-1]["files"]})
    return texts, runs


def stream_side(command, utterances, speech_starts):
    """The last line of each path, seconds from speech to the first text after it, and the processes."""
    summaries, runs, first = {}, [], {}
    for batch in batches([u["path"] for u in utterances], 64):
        run = Process([*command, "--stream", "--json", *batch])
        runs.append(run)
        for line in run.lines:
            if "text" in line:
                summaries[line["file"]] = line
            elif line.get("partial") and line["time_s"] > speech_starts[line["file"]]:
                first.setdefault(line["file"], line["time_s"] - speech_starts[line["file"]])
    return summaries, list(first.values()), runs


def write_wav(path, samples, rate):
    with wave.open(path, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.tobytes())


def join(utterances, key, longest_s, folder):
    """Long recordings of what has the same `key`, as utterances of their own."""
    groups = collections.defaultdict(list)
    for u in utterances:
        groups[u.get(key, "")].append(u)
    joined = []
    for name, group in groups.items():
        samples, rate, texts = array.array("h"), None, []
        for u in group:
            piece, piece_rate = read_pcm(u["path"])
            if rate not in (None, piece_rate) or (samples and len(samples) + len(piece) > longest_s * rate):
                joined.append((name, samples, rate, texts))
                samples, texts = array.array("h"), []
            rate = piece_rate
            samples.extend(piece)
            texts.append(u["text"])
        joined.append((name, samples, rate, texts))
    result = []
    for i, (name, samples, rate, texts) in enumerate(joined):
        path = str(pathlib.Path(folder) / f"{i}.wav")
        write_wav(path, samples, rate)
        result.append({"path": path, "text": " ".join(texts), "duration": len(samples) / rate})
    return result


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mobileasr", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--join", metavar="FIELD", help="of the manifest: its utterances become one stream")
    parser.add_argument("--longest", type=float, default=600)
    parser.add_argument("options", nargs="*", help="for `transcribe --stream`, after --")
    options = parser.parse_args()

    manifest = pathlib.Path(options.data)
    utterances = [json.loads(line) for line in manifest.read_text().splitlines() if line.strip()]
    for u in utterances:
        u["path"] = str((manifest.parent / u["audio_filepath"]).resolve())
    command = [options.mobileasr, "transcribe", "--model", options.model, "--threads", "1"]

    texts, whole_runs = whole_side(command, utterances)
    whole_pairs = [(u["text"], texts[u["path"]]) for u in utterances]
    with tempfile.TemporaryDirectory() as folder:
        streams = join(utterances, options.join, options.longest, folder) if options.join else utterances
        starts = {u["path"]: speech_start(*read_pcm(u["path"])) for u in streams}
        summaries, first, stream_runs = stream_side([*command, *options.options], streams, starts)
        audio_s = sum(line["audio_seconds"] for line in summaries.values())
        stream_pairs = [(u["text"], summaries[u["path"]]["text"]) for u in streams]
        early = sum(line.get("first_partial_audio_s", math.inf) <= starts[path] + 0.05
                    for path, line in summaries.items())
        compute = [line["first_partial_compute_s"] for line in summaries.values()
                   if "first_partial_compute_s" in line]
        longest = max(streams, key=lambda u: u["duration"])
        peaks = [Process([*command, *extra, "--json", longest["path"]]).lines[-1]["peak_rss_bytes"] / 1e6
                 for extra in ([], ["--stream", *options.options])]
        same = sum(texts.get(path) == line["text"] for path, line in summaries.items())

    def total(runs, field):
        return sum(getattr(run, field) for run in runs) / audio_s

    wer = [recognition.error_rates(pairs)[0] for pairs in (whole_pairs, stream_pairs)]
    rows = [("WER %", f"{wer[0]:.2f}", f"{wer[1]:.2f}"),
            ("CPU s per s of sound", f"{total(whole_runs, 'cpu_s'):.4f}", f"{total(stream_runs, 'cpu_s'):.4f}"),
            ("wall s per s of sound", f"{total(whole_runs, 'wall_s'):.4f}",
             f"{total(stream_runs, 'wall_s'):.4f}"),
            ("peak resident MB, longest recording", f"{peaks[0]:.1f}", f"{peaks[1]:.1f}")]
    if first:
        rows += [("first text after speech begins, s of sound: median", "",
                  f"{statistics.median(first):.2f}"),
                 ("the same, 90th percentile", "", f"{percentile(first, 0.9):.2f}"),
                 ("text before speech begins, recordings", "", f"{early} of {len(streams)}"),
                 ("computing the first text, ms: median", "", f"{1000 * statistics.median(compute):.0f}")]
    if not options.join:
        rows.append(("recordings with the same text", "", f"{same} of {len(streams)}"))
    print(f"{len(streams)} recordings, {audio_s:.0f} s, longest {longest['duration']:.1f} s; "
          f"`{os.path.basename(options.model)}`, one thread {' '.join(options.options)}\n")
    print("| | whole | stream |\n| --- | --- | --- |")
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()

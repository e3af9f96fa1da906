"""What measuring scripts share: word errors, manifests, and PocketSphinx as the peer."""

import json
import pathlib
import shutil
import subprocess
import tempfile

POCKETSPHINX_MODEL = pathlib.Path("/usr/share/pocketsphinx/model/en-us")


def edit_distance(reference, hypothesis):
    """Levenshtein (1966) over two lists."""
    row = list(range(len(hypothesis) + 1))
    for i, wanted in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, given in enumerate(hypothesis, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (wanted != given))
    return row[-1]


def error_rates(pairs):
    """(WER, CER) in percent of (reference, hypothesis) texts."""
    words = characters = word_errors = character_errors = 0
    for reference, hypothesis in pairs:
        words += len(reference.split())
        characters += len(reference)
        word_errors += edit_distance(reference.split(), hypothesis.split())
        character_errors += edit_distance(reference, hypothesis)
    return 100 * word_errors / max(words, 1), 100 * character_errors / max(characters, 1)


def read_manifest(path):
    """The lines of a JSON-lines manifest, audio paths made absolute."""
    path = pathlib.Path(path)
    lines = [json.loads(text) for text in path.read_text(encoding="utf-8").split("\n") if text]
    for line in lines:
        line["audio_filepath"] = str((path.parent / line["audio_filepath"]).resolve())
    return lines


def write_manifest(path, lines):
    pathlib.Path(path).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def pocketsphinx(lines):
    """Texts that PocketSphinx's English model and language model (Debian's pocketsphinx-en-us) find."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for i, line in enumerate(lines):
            # sox resamples; libsndfile's converter reads Opus, which Debian's sox does not.
            subprocess.run(["sndfile-convert", "-pcm16", line["audio_filepath"], folder / "speech.wav"], check=True)
            subprocess.run(["sox", folder / "speech.wav", "-r", "16000", "-c", "1", "-b", "16", "-e",
                            "signed-integer", "-t", "raw", folder / f"{i}.raw"], check=True)
        (folder / "ids").write_text("".join(f"{i}\n" for i in range(len(lines))))
        subprocess.run(["pocketsphinx_batch", "-hmm", POCKETSPHINX_MODEL / "en-us", "-lm",
                        POCKETSPHINX_MODEL / "en-us.lm.bin", "-dict", POCKETSPHINX_MODEL / "cmudict-en-us.dict",
                        "-ctl", folder / "ids", "-cepdir", folder, "-cepext", ".raw", "-adcin", "yes", "-hyp",
                        folder / "hyp"], check=True, stderr=subprocess.DEVNULL)
        texts = {}
        for line in (folder / "hyp").read_text().splitlines():
            text, _, name = line.rpartition(" (")
            texts[int(name.split()[0])] = text
        return [texts.get(i, "") for i in range(len(lines))]


def has_pocketsphinx():
    return shutil.which("pocketsphinx_batch") is not None and POCKETSPHINX_MODEL.exists()

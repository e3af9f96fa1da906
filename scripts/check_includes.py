#!/usr/bin/env python3
"""Holds the include graph of src/ against the one that the architecture allows.

Every #include "folder/..." must point to the same folder or to one listed for it below; the list itself
must have no circle. Run from anywhere; prints each offence and exits with 1 if there is one.
"""

import pathlib
import re
import sys

# folder -> folders it may include from, directly.
ALLOWED = {
    "base": [],
    "io": ["base"],
    "resources": ["base", "io"],
    "tensor": ["base", "io"],
    "kernels": ["base", "io", "tensor"],
    "layers": ["base", "io", "tensor", "kernels"],
    "audio": ["base", "io"],
    "text": ["base", "io"],
    "lm": ["base", "io"],
    "model": ["base", "io", "tensor", "kernels", "layers", "audio", "text"],
    "ctc": ["base", "io", "tensor", "kernels", "text", "lm"],
    "recognize": ["base", "io", "tensor", "kernels", "layers", "audio", "text", "lm", "model", "ctc"],
    "data": ["base", "io", "audio", "text"],
    "convert": ["base", "io", "tensor", "kernels", "layers", "audio", "text", "lm", "model", "ctc"],
    "plan": ["base", "io", "tensor", "kernels", "layers", "audio", "text", "lm", "model", "ctc", "resources"],
    "train": ["base", "io", "tensor", "kernels", "layers", "audio", "text", "lm", "model", "ctc", "data", "plan",
              "resources"],
    "rounds": ["base", "io", "tensor", "kernels", "layers", "audio", "text", "lm", "model", "ctc", "data", "plan",
               "resources", "train"],
    "report": ["base", "io", "text", "plan", "train"],
    "capi": ["base", "io", "resources", "tensor", "audio", "text", "lm", "model", "ctc", "recognize", "plan", "train", "rounds",
             "report"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"/]+)/', re.MULTILINE)


def circles():
    """Folders are listed so that each one's allowances come before it."""
    seen = set()
    for folder, allowed in ALLOWED.items():
        for other in allowed:
            if other not in seen:
                yield f"{folder} may include {other}, which does not come before it"
        seen.add(folder)


def offences(src):
    for path in sorted(src.rglob("*")):
        if path.suffix not in (".h", ".cc"):
            continue
        folder = path.relative_to(src).parts[0]
        if folder not in ALLOWED:
            yield f"{path}: folder '{folder}' is not in the graph; add it to {__file__}"
            continue
        for target in INCLUDE.findall(path.read_text()):
            if target == "mobileasr" and folder == "capi":
                continue
            if target in ("hwy", folder) or target in ALLOWED[folder]:
                continue
            if target in ALLOWED or target == "mobileasr":
                yield f"{path}: includes {target}/, which {folder}/ may not"


def main():
    src = pathlib.Path(__file__).resolve().parent.parent / "src"
    found = list(circles()) + list(offences(src))
    print("\n".join(found) if found else f"include graph: {len(ALLOWED)} folders, no upward arrow")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

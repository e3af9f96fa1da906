#!/usr/bin/env python3
"""Exported models in ONNX Runtime say what ours say: onnx_test.py EXPORT_MODELS ROOT NPM_FOLDER

Every encoder of the tests' models, those of converted models, and the base. Python's `onnx` package checks the
files, if it is there. Skipped (exit code 77) where there is no node or ONNX Runtime
(scripts/install_dependencies.sh onnx).
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

PROGRAM, ROOT, NPM = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])


def models():
    yield from sorted(p for p in (ROOT / "src/model/testdata").glob("*.safetensors") if ".golden." not in p.name)
    for config in ("config.json", "model_config.yaml"):
        yield from sorted(p.parent for p in (ROOT / "src/convert/testdata").glob("*/" + config))
    yield ROOT / "assets/base.masr"


def check(files):
    try:
        import onnx
    except ImportError:
        print("no Python package onnx: files are not checked by it")
        return
    for path in files:
        onnx.checker.check_model(onnx.load(path), full_check=True)


def main():
    if shutil.which("node") is None or not (NPM / "node_modules/onnxruntime-web").exists():
        print("skipped: no node or no onnxruntime-web (scripts/install_dependencies.sh onnx)")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        done = subprocess.run([PROGRAM, folder, *models()], check=True, stdout=subprocess.PIPE)
        (folder / "cases.jsonl").write_bytes(done.stdout)
        check(sorted(folder.glob("*.onnx")))
        return subprocess.run(["node", ROOT / "tests/onnx/run.mjs", NPM, folder, folder / "cases.jsonl"]).returncode


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The wheel of the Python module, from what is built: wheel_test.py BUILD_FOLDER

Without a network. Exits with 77 where pip, setuptools or wheel are missing.
"""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(sys.argv[1]).resolve()
HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE.parent.parent / "assets" / "tiny.masr"

missing = [name for name in ("pip", "setuptools", "wheel") if importlib.util.find_spec(name) is None]
if missing:
    print("not there: " + ", ".join(missing) + "; scripts/install_dependencies.sh python")
    sys.exit(77)

with tempfile.TemporaryDirectory() as temporary:
    folder = pathlib.Path(temporary)
    # setuptools leaves its own folders beside what it packs; what it reads of the tree is the version and nothing more.
    source = folder / "tree" / "bindings" / "python"
    source.mkdir(parents=True)
    for name in ("setup.py", "pyproject.toml"):
        shutil.copy(HERE / name, source)
    shutil.copy(HERE.parent.parent / "CMakeLists.txt", folder / "tree")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--no-index",
                    "--wheel-dir", folder, source], env=dict(os.environ, MOBILEASR_BUILD=str(BUILD)), check=True)
    (wheel,) = folder.glob("mobileasr-0.*.whl")
    assert f"cp{sys.version_info.major}{sys.version_info.minor}" in wheel.name, wheel.name
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target",
                    folder / "site", wheel], check=True)
    said = subprocess.run([sys.executable, "-c", "import mobileasr, sys; m = mobileasr.Model(sys.argv[1], threads=1); "
                           "print(mobileasr.__file__, mobileasr.__version__, len(m.parameters()))", MODEL],
                          env=dict(os.environ, PYTHONPATH=str(folder / "site")), cwd=folder, capture_output=True,
                          text=True, check=True).stdout.split()
    assert said[0].startswith(str(folder / "site")), said
    assert wheel.name.split("-")[1] == said[1], said
    assert int(said[2]) > 10, said
print("a wheel, installed and used:", wheel.name)

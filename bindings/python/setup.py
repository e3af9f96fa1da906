"""A wheel of the Python module: pip wheel --no-build-isolation bindings/python

Builds with CMake what scripts/install_dependencies.sh build python is for; the wheel needs the same libraries where it
is installed. MOBILEASR_BUILD names a build folder that is there already.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def version():
    return re.search(r"project\(mobileasr VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text()).group(1)


class ByCMake(build_ext):
    def build_extension(self, extension):
        build = pathlib.Path(os.environ.get("MOBILEASR_BUILD") or ROOT / "build" / "wheel")
        if not (build / "CMakeCache.txt").exists():
            subprocess.run(["cmake", "-S", ROOT, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                            "-DMASR_TESTS=OFF", "-DMASR_JAVA=OFF", f"-DPython_EXECUTABLE={sys.executable}"], check=True)
        subprocess.run(["cmake", "--build", build, "--target", "mobileasr_python"], check=True)
        to = pathlib.Path(self.get_ext_fullpath(extension.name))
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(build / "bindings" / "python" / to.name, to)


setup(version=version(), ext_modules=[Extension("mobileasr", sources=[])], cmdclass={"build_ext": ByCMake})

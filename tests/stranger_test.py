#!/usr/bin/env python3
"""A stranger's program on the installed package: stranger_test.py CMAKE BUILD_FOLDER CC

Installs the module into a folder, moves that elsewhere, builds tests/stranger with find_package (static and shared) and
with pkg-config (static and shared), and lets each of them teach the base model a synthetic voice. All come to the same
recogniser, to the byte. Python's standard library only; espeak-ng speaks where it is there, else assets/general does.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

CMAKE, BUILD, CC = sys.argv[1:4]
HERE = pathlib.Path(__file__).resolve().parent
ASSETS = HERE.parent / "assets"
BASE = ASSETS / "tiny.masr"
SENTENCES = 16
FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def run(*command, **options):
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=280, **options)
    if result.returncode != 0:
        raise AssertionError(f"{command}\n{result.stdout}\n{result.stderr}")
    return result.stdout


def speak(folder):
    """Whether it is a voice that the base has not heard, of which two epochs are enough to be better."""
    folder.mkdir()
    if shutil.which("espeak-ng") is None:
        for file in sorted((ASSETS / "general").glob("*-flite-*")):
            shutil.copy(file, folder)
        return False
    for i, text in enumerate((ASSETS / "prompts_en.txt").read_text().splitlines()[:SENTENCES]):
        run("espeak-ng", "-v", "en-us+f3", "-w", folder / f"{i:02d}.wav", text)
        (folder / f"{i:02d}.txt").write_text(text)
    return True


class Stranger(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        run(CMAKE, "--install", BUILD, "--component", "module", "--prefix", cls.folder / "built")
        cls.prefix = cls.folder / "moved"
        (cls.folder / "built").rename(cls.prefix)
        cls.speech = cls.folder / "speech"
        cls.is_new_voice = speak(cls.speech)
        cls.programs = cls.by_cmake() + cls.by_pkg_config()

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def by_cmake(cls):
        build = cls.folder / "cmake"
        run(CMAKE, "-S", HERE / "stranger", "-B", build, f"-DCMAKE_PREFIX_PATH={cls.prefix}",
            f"-DCMAKE_C_COMPILER={CC}", f"-DCMAKE_C_FLAGS={' '.join(FLAGS[1:])}")
        run(CMAKE, "--build", build)
        return [build / "stranger_static", build / "stranger_shared"]

    @classmethod
    def by_pkg_config(cls):
        if shutil.which("pkg-config") is None:
            return []
        libraries = next(cls.prefix.rglob("mobileasr.pc")).parent
        environment = {"PKG_CONFIG_PATH": str(libraries), "PATH": "/usr/bin:/bin"}
        programs = []
        for name, option in (("static", ["--static"]), ("shared", [])):
            flags = run("pkg-config", "--cflags", "--libs", *option, "mobileasr", env=environment).split()
            link = [f"-Wl,-rpath,{libraries.parent}"]
            if name == "static":
                flags[flags.index("-lmobileasr")] = "-l:libmobileasr.a"
                link = []
            program = cls.folder / f"pkg_config_{name}"
            run(CC, *FLAGS, HERE / "stranger" / "stranger.c", "-o", program, *flags, *link)
            programs.append(program)
        return programs

    def test_all_learn_the_same(self):
        self.assertGreaterEqual(len(self.programs), 2)
        models = []
        for program in self.programs:
            rounds = self.folder / f"rounds_{program.name}"
            said = run(program, BASE, self.speech, rounds, 2, ASSETS / "general" / "00-flite-slt.ogg").splitlines()
            self.assertEqual(sum(line.startswith("epoch 2: ") for line in said), 1, said)
            self.assertIn(", LoRA 8: accepted ", said[-2])
            before, after = (float(w) for w in said[-2].split("CER ")[1].split(" %")[0].split(" to "))
            if self.is_new_voice:
                self.assertIn("accepted 1, ", said[-2])
                self.assertLess(after, before)
            self.assertLessEqual(after, before)
            self.assertTrue(said[-1].startswith("heard: "), said)
            self.assertGreater(len(said[-1]), 20, said)
            models.append((rounds / "accepted.masr").read_bytes())
        self.assertEqual(models[0] != BASE.read_bytes(), "accepted 1, " in said[-2])
        for model in models[1:]:
            self.assertEqual(model, models[0])

    def test_nothing_but_the_interface_is_shown(self):
        library = next(self.prefix.rglob("libmobileasr.so"))
        names = {line.split()[-1] for line in run("nm", "-D", "--defined-only", library).splitlines()}
        header = (self.prefix / "include" / "mobileasr" / "mobileasr.h").read_text()
        self.assertGreater(len(names), 30)
        for name in names:
            self.assertRegex(name, r"^masr_[a-z_]+$")
            self.assertIn(f"{name}(", header)

    def test_the_package_names_no_folder_of_the_build(self):
        for file in [*self.prefix.rglob("*.cmake"), *self.prefix.rglob("*.pc"), *self.prefix.rglob("*.h")]:
            text = file.read_text()
            self.assertNotIn(str(pathlib.Path(BUILD).resolve()), text, file)
            self.assertNotIn(str(HERE.parent), text, file)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

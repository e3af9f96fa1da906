#!/usr/bin/env python3
"""Times training steps of ours and of libtorch C++, one after the other in one go; writes a Markdown report.

  bench/compare.py --build build/bench [--models conformer,quartznet,lstm] [--batches 1,4] [--threads 1,2]
                   [--rounds 3] [--steps 5] [--seconds 8] [--shortest 0] [--competitor] [--products]
                   [--bf16] [--json FILE] [--out docs/performance.md]

Both sides do forward, CTC, backward and AdamW on the same shapes (bench/models/*.json), once with everything
learning and once with the last quarter only. The sides alternate, --rounds times; a figure is the median step
of the least disturbed round, for both sides. libtorch runs as installed and in the best wirings known:
OpenBLAS told to use its AVX-512 kernels, and its OpenMP build preloaded (Debian: libopenblas0-openmp). The peak
is measured on the same machine in the same go.

--competitor runs our steps with two threads also beside one busy process of the lowest priority per core, and
reports the share of the speed that is kept. --products compares matrix products with OpenBLAS's and oneDNN's.
--bf16 times our steps with products in bf16 beside those in f32 (docs/models.md, "precision").

Python's standard library only.
"""

import argparse
import collections
import glob
import json
import math
import os
import pathlib
import platform
import subprocess
import sys
import time

MODELS = pathlib.Path(__file__).resolve().parent / "models"


def words(text):
    return text.split(",")


def numbers(text):
    return [int(part) for part in text.split(",")]


def wirings():
    """Environments to run libtorch in, by name."""
    found = {"as installed": {}}
    with open("/proc/cpuinfo", encoding="utf-8") as cpu:
        avx512 = " avx512f " in cpu.read()
    wide = {"OPENBLAS_CORETYPE": "SkylakeX"} if avx512 else {}
    if avx512:
        found["SkylakeX"] = wide
    openmp = glob.glob("/usr/lib/*/openblas-openmp/libopenblas.so.0")
    if openmp:
        found["SkylakeX, OpenMP" if avx512 else "OpenMP"] = {**wide, "LD_PRELOAD": openmp[0]}
    return found


class Machine:
    def __init__(self, args):
        self.bin = args.build / "bench"
        self.steps = ["--steps", args.steps, "--seconds", args.seconds, "--shortest", args.shortest]
        self.peaks = {}

    def run(self, program, options, environment=None, threads=1):
        env = {**os.environ, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads),
               **(environment or {})}
        result = subprocess.run([str(self.bin / program), *map(str, options)], check=True, env=env,
                                stdout=subprocess.PIPE, text=True)
        return [json.loads(line) for line in result.stdout.splitlines()]

    def step(self, program, case, environment=None, extra=()):
        options = ["--model", MODELS / f"{case.model}.json", "--batch", case.batch, "--threads",
                   case.threads, "--frozen-blocks", case.frozen, *self.steps, *extra]
        return self.run(program, options, environment, case.threads)[0]

    def measure_peak(self):
        """Best of what each instruction set reaches; more than one call, for it is disturbed like anything."""
        for row in self.run("masr_peak", [], threads=2):
            sets = self.peaks.setdefault(row["threads"], {})
            sets[row["target"]] = max(row["gflops"], sets.get(row["target"], 0))

    def share_of_peak(self, flops, seconds, threads):
        peak = self.peaks.get(threads)
        return flops / seconds / (max(peak.values()) * 1e9) if peak else None  # measured for 1 and 2 threads


OURS = ("ours", "kept")  # "kept": what the frozen blocks give is kept from an earlier epoch
Case = collections.namedtuple("Case", "model batch threads frozen")


def cases(args):
    for model in args.models:
        description = json.loads((MODELS / f"{model}.json").read_text(encoding="utf-8"))
        for frozen in (0, description["last_quarter_from"]):
            for batch in args.batches:
                for threads in args.threads:
                    yield Case(model, batch, threads, frozen)


def least_disturbed(rounds):
    best = dict(min(rounds, key=lambda r: r["median_seconds"]))
    best["peak_resident_bytes"] = min(r["peak_resident_bytes"] for r in rounds)
    return best


def compare(machine, case, sides, rounds):
    results = collections.defaultdict(list)
    for _ in range(rounds):
        results["ours"].append(machine.step("masr_step_bench", case))
        if case.frozen:
            results["kept"].append(machine.step("masr_step_bench", case, extra=["--cached"]))
        for name, environment in sides.items():
            results[name].append(machine.step("torch_step_bench", case, environment))
    best = {name: least_disturbed(runs) for name, runs in results.items()}
    for name, result in best.items():
        for key in ("parameters", "trainable"):
            if result[key] != best["ours"][key]:
                sys.exit(f"{case}: {result[key]} {key} in libtorch, {best['ours'][key]} in ours; "
                         "the networks differ")
    return best


def keep_busy():
    """One process of the lowest priority per core."""
    return [subprocess.Popen([sys.executable, "-c", "while True: pass"],
                             preexec_fn=lambda: os.nice(19)) for _ in range(os.cpu_count())]


def share_kept(machine, case, rounds):
    """Speed beside competitors over speed alone; the two alternate as well."""
    alone, contended = [], []
    for _ in range(rounds):
        alone.append(machine.step("masr_step_bench", case))
        competitors = keep_busy()
        try:
            contended.append(machine.step("masr_step_bench", case))
        finally:
            for process in competitors:
                process.kill()
                process.wait()
    return (least_disturbed(alone)["median_seconds"] /
            least_disturbed(contended)["median_seconds"])


def percent(share):
    return "" if share is None else f"{100 * share:.0f} %"


def describe(case):
    return f"{case.model} | {'last quarter' if case.frozen else 'all'} | {case.batch} | {case.threads}"


def row(case, results):
    ours = results["ours"]
    torch = {name: r for name, r in results.items() if name not in OURS}
    fastest = min(torch, key=lambda name: torch[name]["median_seconds"])
    best, installed = torch[fastest], torch["as installed"]
    leanest = min(r["peak_resident_bytes"] for r in torch.values())

    def ms(result):
        return f"{1000 * result['median_seconds']:.0f}"

    def ratio(result):
        return f"{result['median_seconds'] / ours['median_seconds']:.2f}"

    return " | ".join([
        f"| {describe(case)}", ms(ours), percent(ours["share_of_peak"]), ms(installed), ratio(installed),
        f"{ms(best)} ({fastest})", percent(best["share_of_peak"]), ratio(best),
        f"{ours['peak_resident_bytes'] / 1e6:.0f}", f"{leanest / 1e6:.0f}",
        f"{leanest / ours['peak_resident_bytes']:.2f} |"])


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def summary(table):
    def ratios(key):
        return [min(r[key] for name, r in results.items() if name not in OURS) / results["ours"][key]
                for results in table.values()]
    speed, memory = ratios("median_seconds"), ratios("peak_resident_bytes")
    return (f"Against the best wiring of each case: {geometric_mean(speed):.2f} times as fast in the geometric "
            f"mean (least {min(speed):.2f}), {geometric_mean(memory):.2f} times less memory "
            f"(least {min(memory):.2f}).")


def steps_table(table):
    lines = ["| model | learns | batch | threads | ours, ms | of peak | libtorch as installed, ms | ratio "
             "| libtorch best, ms | of peak | ratio | ours, MB | libtorch, MB | ratio |",
             "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]
    lines += [row(case, results) for case, results in table.items()]
    return lines + ["", summary(table)]


def best_against_best(table):
    """Each side at its best thread count and wiring: what a user who tries both would compare."""
    lines = ["| model | learns | batch | ours, ms | libtorch, ms | time, ours / libtorch | "
             "peak memory, ours / libtorch |", "|---|---|--:|--:|--:|--:|--:|"]
    groups = collections.defaultdict(list)
    for case, results in table.items():
        groups[case._replace(threads=0)].append(results)
    for case, runs in groups.items():
        ours = min((r["ours"] for r in runs), key=lambda r: r["median_seconds"])
        torch = min((r for results in runs for name, r in results.items() if name not in OURS),
                    key=lambda r: r["median_seconds"])
        model, learns, batch, _ = describe(case).split(" | ")

        def add(ours, note):
            lines.append(f"| {model} | {learns}{note} | {batch} | {1000 * ours['median_seconds']:.0f} | "
                         f"{1000 * torch['median_seconds']:.0f} | "
                         f"{ours['median_seconds'] / torch['median_seconds']:.2f} | "
                         f"{ours['peak_resident_bytes'] / torch['peak_resident_bytes']:.2f} |")

        add(ours, "")
        if case.frozen:
            kept = min((r["kept"] for r in runs), key=lambda r: r["median_seconds"])
            add(kept, ", frozen outputs kept")
    return lines + ["", "Frozen outputs kept: in every epoch after the first of a round without augmentation below "
                    "the first block that learns, what the frozen blocks gave is read instead of computed again; "
                    "libtorch computes it again."]


def products_table(products):
    lines = ["| product | frames | out | in | threads | ours, GFLOP/s | OpenBLAS | oneDNN | ratio to the better |",
             "|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
    ratios = collections.defaultdict(list)
    for p in products:
        better = max(p["openblas_gflops"], p["onednn_gflops"])
        ratios[p["threads"]].append(p["ours_gflops"] / better)
        lines.append(f"| {p['form']} | {p['frames']} | {p['out']} | {p['in']} | {p['threads']} | "
                     f"{p['ours_gflops']:.0f} | {p['openblas_gflops']:.0f} | {p['onednn_gflops']:.0f} | "
                     f"{p['ours_gflops'] / better:.2f} |")
    for threads, values in ratios.items():
        lines += ["", f"With {threads} thread(s) {geometric_mean(values):.2f} times the speed of the better library "
                      f"of each shape in the geometric mean (least {min(values):.2f})."]
    return lines


def machine_text():
    with open("/proc/cpuinfo", encoding="utf-8") as cpu:
        fields = dict(line.split(":", 1) for line in cpu if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    amx = ", AMX" if " amx_bf16" in fields.get("flags", "") else ""
    return (f"{os.cpu_count()} cores of {fields.get('model name', platform.processor())} (family "
            f"{fields.get('cpu family', '?')}, model {fields.get('model', '?')}{amx}), "
            f"{time.strftime('%Y-%m-%d')}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--models", type=words, default=["conformer", "quartznet", "lstm"])
    parser.add_argument("--batches", type=numbers, default=[1, 4])
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--shortest", type=float, default=0, help="0: all utterances have the same length")
    parser.add_argument("--competitor", action="store_true")
    parser.add_argument("--products", action="store_true")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()

    machine = Machine(args)
    sides = wirings()
    record = {"wirings": sides}
    machine.measure_peak()
    table = {}
    for case in cases(args):
        print(f"{case}", file=sys.stderr, flush=True)
        table[case] = compare(machine, case, sides, args.rounds)
    machine.measure_peak()
    for case, results in table.items():
        for result in results.values():
            result["share_of_peak"] = machine.share_of_peak(result["flops"], result["median_seconds"],
                                                            case.threads)
    record["peak_gflops"] = machine.peaks
    record["steps"] = [{**case._asdict(), "sides": results} for case, results in table.items()]
    report = ["# Performance", "",
              "Written by `bench/compare.py`; do not edit. Build with `cmake --preset bench && cmake --build --preset "
              "bench`, then", "", "```", "bench/compare.py " + " ".join(sys.argv[1:]), "```", "",
              f"Measured on {machine_text()}. {(__doc__ or '').split(chr(10) * 2)[2].strip()}", ""]
    for threads, sets in machine.peaks.items():
        report.append(f"- Peak, {threads} thread(s): " +
                      ", ".join(f"{name} {gflops:.0f} GFLOP/s" for name, gflops in sets.items()))
    report += ["", "## Each side at its best thread count and wiring", "", *best_against_best(table), "",
               "## Every case", "", *steps_table(table)]

    if args.bf16:
        record["bf16"] = []
        report += ["", "## Products in bf16", "",
                   "Ours against ours: f32 where the CPU has no matrix tiles.", "",
                   "| model | learns | batch | threads | f32, ms | bf16, ms | ratio |", "|---|---|--:|--:|--:|--:|--:|"]
        for case, results in table.items():
            runs = [machine.step("masr_step_bench", case, extra=["--bf16"]) for _ in range(args.rounds)]
            f32, bf16 = (r["median_seconds"] for r in (results["ours"], least_disturbed(runs)))
            record["bf16"].append({**case._asdict(), "seconds": bf16})
            report.append(f"| {describe(case)} | {1000 * f32:.0f} | {1000 * bf16:.0f} | {bf16 / f32:.2f} |")

    if args.competitor:
        record["competitor"] = []
        report += ["", "## Beside a busy process of the lowest priority on each core", "",
                   "| model | learns | batch | threads | share of the speed kept |", "|---|---|--:|--:|--:|"]
        for case in table:
            if case.threads != 2:
                continue
            kept = share_kept(machine, case, args.rounds)
            record["competitor"].append({**case._asdict(), "share_kept": kept})
            report.append(f"| {describe(case)} | {percent(kept)} |")

    if args.products:
        environment = sides.get("SkylakeX", {})
        rows = machine.run("masr_peak", ["--products"], environment, threads=2)
        record["products"] = [r for r in rows if r["kind"] == "product"]
        report += ["", "## Matrix products", "", *products_table(record["products"])]

    print("\n".join(report))
    if args.out:
        args.out.write_text("\n".join(report) + "\n", encoding="utf-8")
    if args.json:
        args.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

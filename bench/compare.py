"""Runs every workload on both sides, alternating, and writes results.md. Needs nothing but Python's standard library.

    python3 bench/compare.py --python bench/.venv/bin/python

A round runs every workload once on each side, one right after the other, and every other round the other side goes first.
Each run is a process of its own, whose peak of memory the system tells when it ends. A ratio is taken within a round; the
table shows the median over the rounds and, as the spread, the smallest and the largest.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

FOLDER = pathlib.Path(__file__).resolve().parent
SIDES = ("ours", "theirs")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--bench", default="target/release/bench", help="the program that measures our side")
    arguments.add_argument("--python", default="bench/.venv/bin/python", help="a Python with requirements.txt")
    arguments.add_argument("--data", default="target/bench", help="where the arrays lie that both sides read")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--only", nargs="*", help="these workloads alone")
    arguments.add_argument("--output", type=pathlib.Path, default=FOLDER / "results.md")
    arguments = arguments.parse_args()
    workloads = json.loads((FOLDER / "workloads.json").read_text())
    names = [name for name in workloads if not arguments.only or name in arguments.only]
    begun, load = time.monotonic(), os.getloadavg()[0]
    subprocess.run([arguments.bench, "prepare", "--data", arguments.data, "--threads", str(arguments.threads)], check=True)
    commands = {"ours": [arguments.bench, "run"], "theirs": [arguments.python, str(FOLDER / "peers.py")]}
    settings = ["--threads", str(arguments.threads), "--data", arguments.data]
    runs = {name: {side: [] for side in SIDES} for name in names}
    for turn in range(arguments.rounds):
        for name in names:
            for side in SIDES if turn % 2 == 0 else reversed(SIDES):
                runs[name][side].append(measure([*commands[side], name, *settings]))
            ours, theirs = (runs[name][side][-1]["items_per_second"] for side in SIDES)
            print(f"round {turn + 1} of {arguments.rounds}  {name:<20} {ours / theirs:6.2f}", file=sys.stderr)
    minutes = (time.monotonic() - begun) / 60
    about = conditions(arguments, minutes, load)
    pathlib.Path(arguments.data, "results.json").write_text(json.dumps({"about": about, "runs": runs}, indent=1))
    arguments.output.write_text(page(workloads, runs, about))
    print(f"{arguments.output}, after {minutes:.1f} minutes", file=sys.stderr)


def measure(command):
    """The line that a process prints, and its peak of memory."""
    output, peak_memory = ended(command)
    return {**json.loads(output), "peak_memory": peak_memory}


def ended(command):
    """What a process prints, and its peak of memory in bytes."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)} ended with {process.returncode}")
        output.seek(0)
        # macOS counts bytes, the others kibibytes.
        return output.read(), usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def page(workloads, runs, about):
    lines = [
        "# Measured beside PyTorch and scikit-learn", "",
        "Written by `just bench-peers`; do not edit. Ratios above 1 mean that Topwork is faster. PyTorch runs eagerly, both",
        "sides in single precision with the same batch size, optimizer and number of threads; what is timed comes after a",
        "warm-up. The spread is the smallest and the largest ratio of a round. scikit-learn gets the number of BLAS threads",
        "with which it is faster.", "",
        *(f"- {key}: {value}" for key, value in about.items()), "",
    ]
    peak = peak_of(runs)
    if peak:
        rates = {side: rate(runs["matmul-peak"][side]) * runs["matmul-peak"][side][0]["flops_per_item"] / 1e9
                 for side in SIDES}
        lines += [f"Matrix-multiply peak with {about['threads']} threads: {rates['ours']:.0f} GFLOP/s by gemm, "
                  f"{rates['theirs']:.0f} GFLOP/s by PyTorch. The shares below are of the larger one.", ""]
    lines += ["| workload | ours, items/s | theirs, items/s | ratio | spread | bar | ours, share of peak | theirs, share of peak "
              "| ours, peak memory | theirs, peak memory |", "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for name, sides in runs.items():
        if name != "matmul-peak":
            lines.append(row(name, workloads[name], sides, peak))
    fits = {name: sides for name, sides in runs.items() if "accuracy" in sides["ours"][0]}
    if fits:
        lines += ["", "| fit | ours, held-out accuracy | theirs | ours, iterations | theirs | theirs, BLAS threads |",
                  "|---|--:|--:|--:|--:|--:|"]
    for name, sides in fits.items():
        ours, theirs = sides["ours"][-1], sides["theirs"][-1]
        lines.append(f"| {name} | {ours['accuracy']:.2%} | {theirs['accuracy']:.2%} | {ours['iterations']} "
                     f"| {theirs['iterations']} | {theirs['blas_threads']} |")
    lines += ["", "What the workloads are (all settings: `bench/workloads.json`):", ""]
    lines += [f"- **{name}**: {workloads[name]['about']}" for name in runs]
    return "\n".join(lines) + "\n"


def row(name, workload, sides, peak):
    ratios = [ours["items_per_second"] / theirs["items_per_second"] for ours, theirs in zip(sides["ours"], sides["theirs"])]
    ratio, bar = statistics.median(ratios), workload.get("bar")
    memory = {side: statistics.median(run["peak_memory"] for run in sides[side]) for side in SIDES}
    flops = sides["ours"][0].get("flops_per_item")
    share = {side: f"{rate(sides[side]) * flops / peak:.0%}" if flops and peak else "" for side in SIDES}
    told = "" if bar is None else f"≥ {bar} {'✓' if ratio >= bar else '✗'}"
    less = "" if memory["ours"] < memory["theirs"] else " ✗"
    return (f"| {name} | {rate(sides['ours']):,.0f} | {rate(sides['theirs']):,.0f} | **{ratio:.2f}** "
            f"| {min(ratios):.2f} – {max(ratios):.2f} | {told} | {share['ours']} | {share['theirs']} "
            f"| {memory['ours'] / 1e6:,.0f} MB{less} | {memory['theirs'] / 1e6:,.0f} MB |")


def rate(runs):
    return statistics.median(run["items_per_second"] for run in runs)


def peak_of(runs):
    """Additions and multiplications a second."""
    sides = runs.get("matmul-peak")
    return sides and max(rate(sides[side]) for side in SIDES) * sides["ours"][0]["flops_per_item"]


def conditions(arguments, minutes, load):
    versions = "import sys, numpy, sklearn, torch; print('Python', sys.version.split()[0], '· PyTorch', torch.__version__, " \
        "'· scikit-learn', sklearn.__version__, '· NumPy', numpy.__version__)"
    rounds = f"{arguments.rounds} rounds in {minutes:.0f} minutes"
    loaded = {library: ended([arguments.python, "-c", f"import {library}"])[1] for library in ("torch", "sklearn.linear_model")}
    return {
        "date": datetime.date.today().isoformat(),
        "commit": said(["git", "-C", FOLDER, "describe", "--always", "--dirty", "--exclude", "*"]),
        "machine": f"{processor()}, {os.cpu_count()} cores, {memory()}",
        "system": f"{platform.system()} {platform.release()}, {said(['rustc', '--version'])}",
        "theirs": said([arguments.python, "-c", versions]),
        "their memory": " and ".join(f"{peak / 1e6:.0f} MB after `import {library}`" for library, peak in loaded.items())
        + " and nothing more",
        "threads": arguments.threads,
        "measured": f"{rounds}; load in the minute before: {load:.1f} (others' work makes figures worthless)",
    }


def said(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def processor():
    if sys.platform == "darwin":
        return said(["sysctl", "-n", "machdep.cpu.brand_string"])
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":", 1)[1].strip() for line in cpuinfo if line.startswith("model name")]
    return names[0] if names else platform.machine()


def memory():
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


if __name__ == "__main__":
    main()

"""Measures workloads on both sides, alternating, and writes results.md. Needs nothing but Python's standard library.

    python3 bench/compare.py                                    all workloads, five rounds
    python3 bench/compare.py --only lenet-train --rounds 1      some, once
    python3 bench/compare.py --growth                           instead: how cost grows with batch and size of image

A round measures a workload on our side and by every peer, one right after the other; who goes first changes from round to round.
Each measurement is a process of its own, whose peak of memory the system tells when it ends. A peer that was much slower than the
fastest in the first round is not measured again. Every round is kept in measured.jsonl in the folder of the arrays, so that the
whole can be measured in parts; the page has of each workload all rounds with the commit that it was measured at last.
"""

import argparse
import datetime
import itertools
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parent
OURS = "topwork"
TORCH = ["eager", "channels-last", "compile"]
PEERS = {
    "matmul": ["eager"],
    "train": TORCH,
    "extract": [*TORCH, "onnxruntime", "openvino"],
    "frozen": ["eager"],
    "logistic-regression": ["scikit-learn"],
}
CALLED = {"eager": "PyTorch eager", "channels-last": "PyTorch channels_last", "compile": "torch.compile", "openvino": "OpenVINO"}
# A peer so many times slower than the fastest is not measured again: machines drift by a quarter between minutes.
MUCH_SLOWER = 1.5
WORKLOADS = json.loads((FOLDER / "workloads.json").read_text())


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--bench", default="target/release/bench", help="the program that measures our side")
    arguments.add_argument("--python", default="bench/.venv/bin/python", help="a Python with requirements.txt")
    arguments.add_argument("--data", default="target/bench", type=pathlib.Path, help="where the arrays lie that both sides read")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--only", nargs="*", help="these workloads alone", choices=list(WORKLOADS))
    arguments.add_argument("--growth", action="store_true", help="measure how cost grows, and nothing else")
    arguments.add_argument("--output", type=pathlib.Path, default=FOLDER / "results.md")
    arguments = arguments.parse_args()
    names = arguments.only or list(WORKLOADS)
    if arguments.growth:
        works = [(name, point) for name in names for point in points(WORKLOADS[name])]
    else:
        works = [(name, {"threads": arguments.threads}) for name in names]
    subprocess.run([arguments.bench, "prepare", "--data", arguments.data, "--threads", str(arguments.threads)], check=True)
    kept = arguments.data / "measured.jsonl"
    about = {"commit": said(["git", "-C", FOLDER, "describe", "--always", "--dirty", "--exclude", "*"]),
             "conditions": conditions(arguments)}
    sides = [sides_of(name, point) for name, point in works]
    for turn in range(arguments.rounds):
        for place, (name, point) in enumerate(works):
            round_ = {"work": name, "point": point, **about, "date": datetime.date.today().isoformat(),
                      "load": os.getloadavg()[0], "sides": {}}
            # Who goes first changes.
            first = turn % len(sides[place])
            for side in sides[place][first:] + sides[place][:first]:
                round_["sides"][side] = measured(arguments, name, point, side)
            with open(kept, "a") as file:
                file.write(json.dumps(round_) + "\n")
            sides[place] = worth_measuring(round_["sides"])
            told = ", ".join(f"{side} {run['items_per_second']:,.1f}" for side, run in round_["sides"].items() if "failed" not in run)
            print(f"round {turn + 1} of {arguments.rounds}  {titled(name, point)}: {told}", file=sys.stderr)
    arguments.output.write_text(page([json.loads(line) for line in kept.read_text().splitlines()]))


def points(work):
    """Where to measure how cost grows: batches at the size of the workload, then sizes in its batch."""
    grows = work.get("grows")
    if not grows:
        return
    batch, side = work["batch"], work["backbone"]["input"][1]
    for threads in grows["threads"]:
        sweeps = [(batch, side) for batch in grows["batch"]] + [(batch, side) for side in grows["side"]]
        for batch_, side_ in dict.fromkeys(sweeps):
            # About as many pixels as the workload has, in whole batches.
            count = max(1, round(work["samples"] * (side / side_) ** 2 / batch_))
            yield {"threads": threads, "batch": batch_, "side": side_, "samples": batch_ * count}


def sides_of(name, point):
    work = WORKLOADS[name]
    few = work["grows"]["peers"] if "batch" in point else PEERS[work["kind"]]
    return [OURS, *few]


def worth_measuring(runs):
    rates = {side: run["items_per_second"] for side, run in runs.items() if "failed" not in run}
    fastest = max((rate for side, rate in rates.items() if side != OURS), default=0)
    return [side for side, rate in rates.items() if side == OURS or rate * MUCH_SLOWER >= fastest]


def measured(arguments, name, point, side):
    """The line that a process prints, and its peak of memory, or why there is none."""
    settings = [word for key, value in point.items() for word in (f"--{key}", str(value))]
    common = [name, "--data", str(arguments.data), *settings]
    theirs = [arguments.python, str(FOLDER / "peers.py"), *common]
    if side in ("onnxruntime", "openvino") or WORKLOADS[name].get("backbone", {}).get("use") == "onnx":
        output, why = ended([*theirs, "--export"])
        if output is None:
            return {"failed": f"not exported: {why}"}
    output, told = ended([arguments.bench, "run", *common] if side == OURS else [*theirs, "--peer", side])
    if output is not None:
        return {**json.loads(output), "peak_memory": told}
    if side == OURS:
        sys.exit(f"{titled(name, point)}: {told}")
    return {"failed": told}


def ended(command):
    """What a process prints, and its peak of memory in bytes; nothing, and its last words, when it fails."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=output, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines()
            return None, lines[-1] if lines else f"ended with {process.returncode}"
        output.seek(0)
        # macOS counts bytes, the others kibibytes.
        return output.read(), usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def page(rounds):
    """The page about all that was measured."""
    by_work = {}
    for round_ in rounds:
        by_work.setdefault((round_["work"], json.dumps(round_["point"])), []).append(round_)
    # Other commits are other programs.
    by_work = {key: [one for one in all_ if one["commit"] == all_[-1]["commit"]] for key, all_ in by_work.items()}
    order = {name: place for place, name in enumerate(WORKLOADS)}
    works = [Work(all_) for (name, _), all_ in by_work.items() if name in order]
    works.sort(key=lambda work: (order[work.name], work.point["threads"], work.point.get("side", 0), work.point.get("batch", 0)))
    used = [one for work in works for one in work.rounds]
    plain, growth = [work for work in works if "batch" not in work.point], [work for work in works if "batch" in work.point]
    peaks = {work.point["threads"]: max(work.rate(side) for side in work.sides()) * work.flops() for work in plain
             if work.name == "matmul-peak"}
    plain_ = [work for work in plain if work.name != "matmul-peak"]
    lines = [
        "# Measured beside the fastest of others", "",
        "Written by `just bench-peers`; do not edit. Ratios above 1 mean that Topwork is faster than the fastest of its peers,",
        "which is named: PyTorch as it comes, with the channels_last layout or with its compiler, onnxruntime and OpenVINO on the",
        "same network in the ONNX format, scikit-learn. All in single precision with the same batch size, optimizer and number of",
        "threads; what is timed comes after a warm-up. A ratio is taken within a round; the spread is the smallest and the largest",
        "of a round. Items are images; of fits, samples.", "",
        *(f"- {key}: {value}" for key, value in told_conditions(used).items()), "",
    ]
    for work in plain:
        if work.name == "matmul-peak":
            rates = ", ".join(f"{work.rate(side) * work.flops() / 1e9:.0f} GFLOP/s by {'gemm' if side == OURS else called(side)}"
                              for side in work.sides())
            lines += [f"Matrix-multiply peak with {work.point['threads']} threads: {rates}. The shares below are of the larger "
                      "one.", ""]
    lines += ["| workload | threads | ours, items/s | fastest peer | theirs, items/s | ratio | spread | rounds | bar "
              "| ours, share of peak | theirs | ours, peak memory | theirs |",
              "|---|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]
    lines += [work.row(peaks) for work in plain_]
    several = [work for work in plain_ if len(work.peers()) > 1]
    if several:
        names = list(dict.fromkeys(itertools.chain.from_iterable(PEERS[kind] for kind in ("train", "extract"))))
        lines += ["", f"Each of them, items/s; in brackets those that were more than {MUCH_SLOWER} times slower than the fastest in "
                  "the first round and were not measured again:", "",
                  "| workload | ours | " + " | ".join(map(called, names)) + " |", "|---|--:|" + "--:|" * len(names)]
        lines += [f"| {work.name} | {number(work.rate(OURS))} | " + " | ".join(map(work.cell, names)) + " |" for work in several]
    if growth:
        lines += ["", "## Cost as work grows", "",
                  "| workload | threads | image | batch | ours, items/s | fastest peer | theirs, items/s | ratio | spread "
                  "| ours, peak memory | theirs |", "|---|--:|--:|--:|--:|---|--:|--:|--:|--:|--:|"]
        lines += [work.row_of_growth() for work in growth]
    fits = [work for work in plain if "accuracy" in work.last(OURS)]
    if fits:
        lines += ["", "| fit | ours, held-out accuracy | theirs | ours, iterations | theirs | theirs, BLAS threads |",
                  "|---|--:|--:|--:|--:|--:|"]
    for work in fits:
        ours, theirs = work.last(OURS), work.last(work.fastest())
        lines.append(f"| {work.name} | {ours['accuracy']:.2%} | {theirs['accuracy']:.2%} | {ours['iterations']} "
                     f"| {theirs['iterations']} | {theirs['blas_threads']} |")
    failed = [f"- {called(side)}, {titled(work.name, work.point)}: {why}" for work in works for side, why in work.failed().items()]
    if failed:
        lines += ["", "Peers that could not do it:", "", *failed]
    lines += ["", "What the workloads are (all settings: `bench/workloads.json`):", ""]
    lines += [f"- **{name}**: {WORKLOADS[name]['about']}" for name in dict.fromkeys(work.name for work in works)]
    return "\n".join(lines) + "\n"


class Work:
    """The rounds of one workload, or of it at one point."""

    def __init__(self, rounds):
        self.rounds, self.name, self.point = rounds, rounds[0]["work"], rounds[0]["point"]

    def runs(self, side):
        runs = (one["sides"].get(side, {"failed": ""}) for one in self.rounds)
        return [run for run in runs if "failed" not in run]

    def sides(self):
        return [side for side in dict.fromkeys(side for one in self.rounds for side in one["sides"]) if self.runs(side)]

    def peers(self):
        return [side for side in self.sides() if side != OURS]

    def failed(self):
        return {side: run["failed"] for one in self.rounds for side, run in one["sides"].items() if "failed" in run}

    def rate(self, side):
        return statistics.median(run["items_per_second"] for run in self.runs(side))

    def last(self, side):
        return self.runs(side)[-1]

    def flops(self):
        return self.last(OURS).get("flops_per_item")

    def fastest(self):
        # Of those that were measured to the end.
        most = max(len(self.runs(side)) for side in self.peers())
        return max((side for side in self.peers() if len(self.runs(side)) == most), key=self.rate)

    def ratios(self):
        pairs = ((one["sides"][OURS], one["sides"].get(self.fastest(), {})) for one in self.rounds)
        return [ours["items_per_second"] / theirs["items_per_second"] for ours, theirs in pairs if "items_per_second" in theirs]

    def memory(self, side):
        return statistics.median(run["peak_memory"] for run in self.runs(side))

    def compared(self):
        """Cells about both sides: rates, ratio and spread."""
        ratios = self.ratios()
        return [number(self.rate(OURS)), called(self.fastest()), number(self.rate(self.fastest())),
                f"**{statistics.median(ratios):.2f}**", f"{min(ratios):.2f} – {max(ratios):.2f}"]

    def memories(self):
        ours, theirs = self.memory(OURS), self.memory(self.fastest())
        return [f"{ours / 1e6:,.0f} MB{'' if ours < theirs else ' ✗'}", f"{theirs / 1e6:,.0f} MB"]

    def row(self, peaks):
        peak, flops, bar = peaks.get(self.point["threads"]), self.flops(), WORKLOADS[self.name].get("bar")
        share = lambda side: f"{self.rate(side) * flops / peak:.0%}" if flops and peak else ""
        told = "" if bar is None else f"≥ {bar} {'✓' if statistics.median(self.ratios()) >= bar else '✗'}"
        return row([self.name, self.point["threads"], *self.compared(), len(self.ratios()), told, share(OURS),
                    share(self.fastest()), *self.memories()])

    def row_of_growth(self):
        side = self.point["side"]
        return row([self.name, self.point["threads"], f"{side}×{side}", self.point["batch"], *self.compared(), *self.memories()])

    def cell(self, side):
        if side not in self.peers():
            return "failed" if side in self.failed() else ""
        told = number(self.rate(side))
        return told if len(self.runs(side)) == len(self.runs(self.fastest())) else f"({told})"


def row(cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def number(rate):
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}"


def called(side):
    return CALLED.get(side, side)


def titled(name, point):
    return f"{name} ({', '.join(f'{key} {value}' for key, value in point.items())})"


def told_conditions(rounds):
    """Under which conditions these rounds were measured, each told once."""
    several = lambda values: ", ".join(dict.fromkeys(values))
    told = {"date": several(one["date"] for one in rounds), "commit": several(one["commit"] for one in rounds)}
    for key in rounds[0]["conditions"]:
        told[key] = several(one["conditions"].get(key, "") for one in rounds)
    loads = sorted(one["load"] for one in rounds)
    told["load in the minute before a round"] = \
        f"{statistics.median(loads):.1f}, at most {loads[-1]:.1f} (ours is among it; others' work makes figures worthless)"
    return told


def conditions(arguments):
    packages = ["torch", "torchvision", "timm", "onnxruntime", "openvino", "scikit-learn", "numpy"]
    versions = f"import sys, importlib.metadata; found = {{one.name: one.version for one in importlib.metadata.distributions()}}; " \
        f"print('Python', sys.version.split()[0], *(f'· {{name}} {{found[name]}}' for name in {packages} if name in found))"
    loaded = {library: ended([arguments.python, "-c", f"import {library}"]) for library in
              ("torch", "onnxruntime", "openvino", "sklearn.linear_model")}
    return {
        "machine": f"{processor()}, {os.cpu_count()} cores, {memory()}",
        "system": f"{platform.system()} {platform.release()}, {said(['rustc', '--version'])}",
        "theirs": said([arguments.python, "-c", versions]),
        # To ten megabytes, so that parts tell the same.
        "their memory": ", ".join(f"{round(peak / 1e7) * 10} MB after `import {library}`"
                                  for library, (output, peak) in loaded.items() if output is not None) + " and nothing more",
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

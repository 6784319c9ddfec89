"""A run submitted to a real Slurm and disturbed at random: its results are those of one undisturbed process, to the bit.

    disturb.py TOPWORK [--disturbances 30] [--without "node lost"] [--seed 1] [--table FILE]

Ends with exit code 0 when that holds, and when Slurm is not installed, which is said. With --table the disturbances are counted into
a Markdown table.
"""

import argparse
import collections
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

from cluster import CannotStart, Cluster, kill, missing

# Small enough for a minute, with everything that can be lost half-way: a source, features, trainings with checkpoints, fits.
EXPERIMENT = """
name = "disturbed"
seeds = [1, 2]

[backbone]
use = "lenet"

[source]
dataset = { use = "mnist", classes = [0, 1, 2, 3, 4] }
head = { use = "mlp", hidden = [50] }
train = { epochs = 1, batch-size = 64, optimizer = "adam", learning-rate = 1e-3 }

[target]
dataset = { use = "mnist", classes = [5, 6, 7, 8, 9] }
cut = ["pool1", "features"]
metrics = ["accuracy", "log-loss"]

[[strategy]]
name = "feature classifier"
kind = "feature-classifier"
head = { use = "logistic-regression" }
train-samples = [100, 1000]

[[strategy]]
name = "frozen backbone"
kind = "frozen-backbone"
head = { use = "mlp", hidden = [50] }
train-samples = 1000
train = { epochs = 4, batch-size = 50, optimizer = "adam", learning-rate = 1e-3 }

[[strategy]]
name = "fine-tune"
kind = "fine-tune"
head = { use = "mlp", hidden = [50] }
train-samples = 3000
train = { epochs = 4, batch-size = 50, optimizer = "adam", learning-rate = 1e-3 }
"""


# Seconds that all may take before something is taken to hang.
LONGEST = 1500


class Run:
    """A folder of runs with one run in it."""

    def __init__(self, program, folder, environment):
        self.program = program
        self.folder = folder
        self.environment = dict(environment, TOPWORK_CACHE_DIR=f"{folder}/cache")

    def topwork(self, *arguments, expect=(0,)):
        command = [self.program, *arguments, "--runs-dir", f"{self.folder}/runs"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if done.returncode not in expect:
            raise SystemExit(
                f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    @property
    def path(self):
        (name,) = filter(lambda name: name[0].isdigit(), os.listdir(f"{self.folder}/runs"))
        return f"{self.folder}/runs/{name}"

    def standing(self):
        (run,) = json.loads(self.topwork("runs", "list", "--json"))
        return run["standing"]["state"]

    def left(self):
        """What came out, without what time and place say: figures, and the digests of predictions and models."""
        with open(f"{self.path}/results.json") as file:
            results = without_times(json.load(file))
        files = {}
        for kind in ["predictions", "models", "checkpoints"]:
            for folder, _, names in os.walk(f"{self.path}/{kind}"):
                for name in names:
                    path = os.path.join(folder, name)
                    with open(path, "rb") as file:
                        files[os.path.relpath(path, self.path)] = hashlib.sha256(file.read()).hexdigest()
        return results, files


def without_times(value):
    if isinstance(value, dict):
        dropped = ["run", "seconds", "features-cached"]
        return {key: without_times(of) for key, of in value.items() if key not in dropped}
    if isinstance(value, list):
        return [without_times(of) for of in value]
    return value


def disturbances(cluster, run):
    """What can happen to a run on a cluster, by name."""

    def running():
        jobs = cluster.jobs("running")
        return random.choice(jobs)[0] if jobs else None

    def process(word):
        """One of the run's processes on the node with this word in its command."""
        found = []
        for pid in cluster.steps():
            try:
                command = open(f"/proc/{pid}/cmdline", "rb").read().decode(errors="replace")
            except OSError:
                continue
            if word in command.split("\0"):
                found.append(pid)
        return random.choice(found) if found else None

    def of_job(*command):
        def act():
            job = running()
            if job is None:
                return False
            cluster.say(*command, job)
            return True

        return act

    def of_process(word, how):
        def act():
            pid = process(word)
            if pid is None:
                return False
            kill(pid, how)
            return True

        return act

    def twice():
        elements = [name for name in os.listdir(f"{run.path}/elements") if "-rows-" in name]
        element = random.choice(elements)
        subprocess.Popen(
            [run.program, "task", os.path.basename(run.path), "--element", element]
            + ["--runs-dir", f"{run.folder}/runs"],
            env=run.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return True

    def node():
        cluster.restart_node()
        return True

    return {
        "requeued while it runs (scontrol requeue)": of_job("scontrol", "requeue"),
        "cancelled (scancel)": of_job("scancel"),
        "warned that its time is over (SIGUSR1)": of_job("scancel", "--signal=USR1", "--batch"),
        "element killed (SIGKILL)": of_process("task", signal.SIGKILL),
        "worker killed (SIGKILL)": of_process("worker", signal.SIGKILL),
        "element run a second time at once": twice,
        "node lost and back (SIGKILL of slurmd and all it started)": node,
    }


def submit_until_done(run, cluster, arguments, count, without):
    """Submits, disturbs `count` times, submits what is missing until the run is done; gives what was done how often."""
    done = collections.Counter()
    run.topwork("submit", f"{run.folder}/experiment.toml", *arguments)
    kinds = disturbances(cluster, run)
    kinds = {name: act for name, act in kinds.items() if not any(name.startswith(of) for of in without)}
    begun = time.monotonic()
    submissions, since = 1, begun
    while True:
        time.sleep(random.uniform(0.2, 1.2))
        standing = run.standing()
        if standing == "done":
            return done, submissions
        if sum(done.values()) < count:
            name = random.choice(list(kinds))
            if kinds[name]():
                done[name] += 1
                print(f"{time.monotonic() - begun:6.1f} s  {name}", flush=True)
        if not cluster.jobs() and standing != "running" and time.monotonic() - since > 5:
            answer = run.topwork("submit", "--missing", "latest", *arguments, expect=(0, 2))
            submissions += bool(answer)
            since = time.monotonic()
            print(f"{since - begun:6.1f} s  {standing}: what is missing is submitted", flush=True)
        if time.monotonic() - begun > LONGEST:
            raise SystemExit(f"after {LONGEST} s and {submissions} submissions the run is {standing}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("topwork")
    parser.add_argument("--disturbances", type=int, default=30)
    parser.add_argument("--without", action="append", default=[], metavar="BEGINNING")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--table")
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    lacking = missing()
    if lacking:
        print(
            f"skipped: a run on a real Slurm, disturbed: {', '.join(lacking)} not installed"
            " (apt-get install slurmctld slurmd slurm-client munge)"
        )
        return
    if os.geteuid() != 0:
        print("skipped: a run on a real Slurm, disturbed: its processes need root")
        return
    program = os.path.abspath(arguments.topwork)
    with tempfile.TemporaryDirectory(prefix="topwork-slurm-") as folder:
        for name in ["alone", "cluster", "slurm"]:
            os.makedirs(f"{folder}/{name}")
            with open(f"{folder}/{name}/experiment.toml", "w") as file:
                file.write(EXPERIMENT)
        alone = Run(program, f"{folder}/alone", os.environ)
        alone.topwork("run", f"{alone.folder}/experiment.toml", "--ui", "none")
        with Cluster(f"{folder}/slurm") as cluster:
            run = Run(program, f"{folder}/cluster", cluster.environment)
            options = ["--to", "slurm", "--threads", "1", "--pack", "1"]
            done, submissions = submit_until_done(
                run, cluster, options, arguments.disturbances, arguments.without
            )
        (results, files), (expected, of_files) = run.left(), alone.left()
        different = [name for name in files.keys() | of_files.keys() if files.get(name) != of_files.get(name)]
        for name, count in sorted(done.items()):
            print(f"{count:3} {name}")
        print(f"{sum(done.values())} disturbances, {submissions} submissions")
        if results != expected:
            different.append("results.json")
        if different:
            sys.exit(f"not what one process makes: {', '.join(sorted(different))}")
        print(f"results.json and {len(files)} files are those of one undisturbed process, to the bit")
        if arguments.table:
            write_table(arguments.table, done, submissions, len(files))


def write_table(path, done, submissions, files):
    lines = ["| what happened to an element | times |", "|---|--:|"]
    lines += [f"| {name} | {count} |" for name, count in sorted(done.items())]
    lines += [
        "",
        f"{sum(done.values())} disturbances, {submissions} submissions in all; `results.json` and {files} files of"
        " predictions, models and weights are those of one undisturbed process, to the bit.",
        "",
    ]
    with open(path, "w") as file:
        file.write("\n".join(lines))


if __name__ == "__main__":
    try:
        main()
    except CannotStart as reason:
        print(f"skipped: a run on a real Slurm, disturbed: Slurm does not start here: {reason}")

"""Fits our classifier heads and scikit-learn's to the same features of stamps, in the same folds, and writes stamps.md.

    just fetch efficientnet-lite0 stamps
    bench/.venv/bin/python bench/stamps.py

Our side is the program itself: it runs the experiment that ships, with the heads below in the place of its strategies.
Theirs reads the features from the cache of that run, and the folds from its predictions.
"""

import argparse
import csv
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import warnings

from compare import memory, processor, said

FOLDER = pathlib.Path(__file__).resolve().parent
EXPERIMENT = FOLDER.parent / "experiments" / "stamps-efficientnet.toml"


def heads():
    """Name, our head as the experiment file has it, and the same in scikit-learn, or nothing."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    return [
        ("logistic regression", '{ use = "logistic-regression", scale = "none" }', lambda: LogisticRegression(max_iter=2000)),
        ("logistic regression, standardised", '{ use = "logistic-regression", scale = "standardise" }',
         lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))),
        ("linear SVM, C = 1", '{ use = "linear-svm", scale = "none", c = 1.0 }', LinearSVC),
        ("linear SVM, C = 0.01", '{ use = "linear-svm", scale = "none", c = 0.01 }', lambda: LinearSVC(C=0.01)),
        ("LDA with shrinkage", '{ use = "lda" }', lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")),
        ("logistic regression, our defaults", '{ use = "logistic-regression" }', None),
        ("linear SVM, our defaults", '{ use = "linear-svm" }', None),
        ("auto", '{ use = "auto" }', None),
    ]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--topwork", default="target/release/topwork", help="the program")
    arguments.add_argument("--data", type=pathlib.Path, default=pathlib.Path("target/bench/stamps"))
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--output", type=pathlib.Path, default=FOLDER / "stamps.md")
    arguments = arguments.parse_args()
    # Convergence is no matter here: how many iterations it takes is up to the method.
    warnings.filterwarnings("ignore")
    run = ours(arguments)
    rows = results(run, arguments.data / "cache")
    for row in rows:
        print("  ".join(row), file=sys.stderr)
    about = {
        "date": datetime.date.today().isoformat(),
        "commit": said(["git", "-C", FOLDER, "describe", "--always", "--dirty", "--exclude", "*"]),
        "machine": f"{processor()}, {os.cpu_count()} cores, {memory()}",
        "theirs": f"Python {platform.python_version()} · scikit-learn {importlib.metadata.version('scikit-learn')}",
    }
    arguments.output.write_text(page(rows, about, arguments.seeds))


def ours(arguments):
    """The folder of a run with these heads."""
    shutil.rmtree(arguments.data, ignore_errors=True)
    arguments.data.mkdir(parents=True)
    shared, _ = EXPERIMENT.read_text().split("[[strategy]]", 1)
    strategies = [f'[[strategy]]\nname = "{name}"\nkind = "feature-classifier"\nhead = {head}\n' for name, head, _ in heads()]
    experiment = arguments.data / "experiment.toml"
    experiment.write_text(shared.replace("../data/", f"{FOLDER.parent}/data/") + "\n".join(strategies))
    seeds = list(range(1, arguments.seeds + 1))
    subprocess.run([arguments.topwork, "run", experiment, "--set", f"seeds={seeds}", "--ui", "plain", "--runs-dir",
                    arguments.data / "runs"], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "TOPWORK_CACHE_DIR": str(arguments.data / "cache")})
    (run,) = (arguments.data / "runs").glob("0001-*")
    return run


def results(run, cache):
    """A row for every cut and head: name, cut, ours, theirs, examples on which they differ."""
    import numpy as np
    from safetensors import safe_open

    features = {}
    for file in cache.glob("*.safetensors"):
        with safe_open(file, "numpy") as entry:
            features[json.loads(entry.metadata()["key"])["cut"]] = entry.get_tensor("features")
    theirs_by_name = {name: theirs for name, _, theirs in heads()}
    rows = []
    for place, row in enumerate(json.loads((run / "results.json").read_text())["strategies"], 1):
        new, found = theirs_by_name[row["name"]], {"ours": [], "theirs": []}
        for seed in (measured["seed"] for measured in row["seeds"]):
            (file,) = (run / "predictions").glob(f"{place}-*-seed-{seed}.csv")
            examples = list(csv.DictReader(file.open()))
            examples.sort(key=lambda example: int(example["example"]))
            classes = np.array([example["class"] for example in examples])
            folds = np.array([int(example["fold"]) for example in examples])
            found["ours"].append(100 * np.mean(classes == [example["predicted"] for example in examples]))
            if new:
                predicted = np.empty_like(classes)
                for fold in np.unique(folds):
                    test = folds == fold
                    fitted = new().fit(features[row["cut"]][~test], classes[~test])
                    predicted[test] = fitted.predict(features[row["cut"]][test])
                found["theirs"].append(100 * np.mean(classes == predicted))
        rows.append([row["name"], row["cut"], figures(found["ours"]), figures(found["theirs"])])
    return rows


def figures(accuracies):
    """Mean, and the smallest and largest."""
    if not accuracies:
        return ""
    return f"{statistics.mean(accuracies):.2f} ({min(accuracies):.2f} – {max(accuracies):.2f})"


def page(rows, about, seeds):
    lines = [
        "# Stamps: our heads beside scikit-learn's", "",
        "Written by `just bench-stamps`; do not edit. What EfficientNet-Lite0 makes of 410 stamps of 13 kinds, as in",
        "`experiments/stamps-efficientnet.toml`; both sides fit the same features in the same five folds. Accuracy in percent of all",
        f"410, each classified once: the mean over {seeds} ways to cut the folds, and the smallest and largest of them. One stamp",
        "more or less is 0.24.", "",
        *(f"- {key}: {value}" for key, value in about.items()), "",
        "| method | cut | ours | theirs |", "|---|---|--:|--:|",
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

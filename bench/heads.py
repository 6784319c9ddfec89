"""Fits our classifier heads and scikit-learn's to the same features, and writes heads.md.

    bench/.venv/bin/python bench/heads.py

The features are what a LeNet, trained by us on the digits 0 to 4 for three epochs, makes of the digits 5 to 9; fitted are
draws of 1,000 training samples, judged all test examples. Then both are fitted to all training samples.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time
import warnings

from compare import memory, processor, said

FOLDER = pathlib.Path(__file__).resolve().parent
FEATURES = 800


def heads():
    """Name, our component, its parameters, and the same in scikit-learn, or nothing."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
    from sklearn.svm import LinearSVC

    return [
        ("logistic regression", "logistic-regression", {"scale": "none"}, lambda: LogisticRegression(max_iter=500)),
        ("linear SVM, C = 0.01", "linear-svm", {"scale": "none", "c": 0.01}, lambda: LinearSVC(C=0.01)),
        ("LDA with shrinkage", "lda", {}, lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")),
        ("5 nearest neighbours", "knn", {}, lambda: KNeighborsClassifier(5, n_jobs=-1)),
        ("nearest centroid", "nearest-centroid", {}, NearestCentroid),
        ("naive Bayes", "naive-bayes", {}, GaussianNB),
        ("random forest, 200 trees", "random-forest", {}, lambda: RandomForestClassifier(200, n_jobs=-1, random_state=1)),
        ("logistic regression, our defaults", "logistic-regression", {}, None),
        ("linear SVM, our defaults", "linear-svm", {}, None),
        ("auto", "auto", {}, None),
    ]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--bench", default="target/release/bench", help="the program that measures our side")
    arguments.add_argument("--data", type=pathlib.Path, default=pathlib.Path("target/bench/heads"))
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--draws", type=int, default=10)
    arguments.add_argument("--samples", type=int, default=1000)
    arguments.add_argument("--output", type=pathlib.Path, default=FOLDER / "heads.md")
    arguments = arguments.parse_args()
    load = os.getloadavg()[0]
    for library in ("OMP", "MKL", "OPENBLAS"):
        os.environ[f"{library}_NUM_THREADS"] = str(arguments.threads)
    # Convergence is told in the table's place: how many iterations it takes is up to the method.
    warnings.filterwarnings("ignore")
    where = ["--data", str(arguments.data), "--threads", str(arguments.threads)]
    subprocess.run([arguments.bench, "prepare", "--epochs", "3", *where], check=True)
    subprocess.run([arguments.bench, "draw", "--samples", str(arguments.samples), "--draws", str(arguments.draws), *where],
                   check=True)
    data = read(arguments.data)
    begun, rows = time.monotonic(), []
    for name, component, parameters, theirs in heads():
        command = [arguments.bench, "head", component, "--parameters", json.dumps(parameters), *where]
        ours = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["fits"]
        rows.append((name, ours, theirs and fitted(theirs, data)))
        print(row(*rows[-1]), file=sys.stderr)
    about = {
        "date": datetime.date.today().isoformat(),
        "commit": said(["git", "-C", FOLDER, "describe", "--always", "--dirty", "--exclude", "*"]),
        "machine": f"{processor()}, {os.cpu_count()} cores, {memory()}",
        "system": f"{platform.system()} {platform.release()}, {said(['rustc', '--version'])}",
        "theirs": f"Python {platform.python_version()} · "
        + " · ".join(f"{name} {importlib.metadata.version(name)}" for name in ("scikit-learn", "numpy", "scipy")),
        "threads": arguments.threads,
        "measured": f"in {(time.monotonic() - begun) / 60:.0f} minutes; load in the minute before: {load:.1f} "
        "(others' work makes seconds worthless)",
    }
    arguments.output.write_text(page(rows, about, arguments, len(data["draws"][-1]), len(data["test"][1])))


def read(folder):
    """The arrays that our side reads, too."""
    import numpy as np

    split = lambda name: (np.fromfile(folder / f"{name}-features.f32", np.float32).reshape(-1, FEATURES),
                          np.fromfile(folder / f"{name}-labels.u32", np.uint32))
    train = split("train")
    draws = [np.fromfile(file, np.uint32) for file in sorted(folder.glob("draw-*.u32"))]
    return {"train": train, "test": split("test"), "draws": [*draws, np.arange(len(train[1]))]}


def fitted(new, data):
    """As our side tells it."""
    (features, labels), (test_features, test_labels) = data["train"], data["test"]
    fits = []
    for drawn in data["draws"]:
        rows, classes = features[drawn], labels[drawn]
        classifier, begun = new(), time.perf_counter()
        classifier.fit(rows, classes)
        fit_seconds, begun = time.perf_counter() - begun, time.perf_counter()
        found = classifier.predict(test_features)
        predict_seconds = time.perf_counter() - begun
        fits.append({"accuracy": float((found == test_labels).mean()), "fit_seconds": fit_seconds,
                     "predict_seconds": predict_seconds})
    return fits


def row(name, ours, theirs):
    cells = [name]
    for drawn in (True, False):
        for fits in (ours, theirs):
            cells += figures(fits[:-1] if drawn else fits[-1:]) if fits else ["", ""]
    return "| " + " | ".join(cells) + " |"


def figures(fits):
    """Accuracy, and seconds of fit and prediction."""
    accuracies = [100 * fit["accuracy"] for fit in fits]
    spread = f" ± {statistics.stdev(accuracies):.2f}" if len(fits) > 1 else ""
    seconds = [statistics.median(fit[f"{what}_seconds"] for fit in fits) for what in ("fit", "predict")]
    return [f"{statistics.mean(accuracies):.2f}{spread}", " + ".join(f"{s:.3f}" if s < 1 else f"{s:.1f}" for s in seconds)]


def page(rows, about, arguments, everything, tests):
    picked = [fits[:-1] for name, fits, _ in rows if name == "auto"][0]
    lines = [
        "# Classifier heads beside scikit-learn's", "",
        f"Written by `just bench-heads`; do not edit. Both sides fit the same arrays: what a LeNet that was trained on the digits "
        f"0 to 4",
        f"makes of the digits 5 to 9 ({FEATURES} features). Accuracy is that on {tests:,} test examples: the mean ± standard "
        f"deviation of {arguments.draws} draws",
        f"of {arguments.samples:,} samples, then of one fit to all {everything:,}. Seconds are those of the fit + those of the "
        "prediction, for draws the median.", "",
        *(f"- {key}: {value}" for key, value in about.items()), "",
        f"| method | {arguments.samples:,}: ours, % | ours, s | theirs, % | theirs, s "
        f"| {everything:,}: ours, % | ours, s | theirs, % | theirs, s |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        *(row(*one) for one in rows), "",
        "The same method has the same parameters on both sides. `auto` tries logistic regression, linear SVM, LDA, nearest "
        "neighbours and the",
        "nearest centroid, of these the first and the nearest neighbours on standardised features, too, by cross-validation on "
        "the training",
        "samples; with each draw it said:", "",
        *(f"- {fit['note']}" for fit in picked),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

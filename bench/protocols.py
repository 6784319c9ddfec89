"""Sets rows that follow published protocols against scikit-learn and transcriptions of the published code, on the same features, the
same draws and the same held-out samples, and writes protocols.md.

    bench/.venv/bin/python bench/protocols.py target/release/topwork runs/0001-protocols

The run is one of experiments/protocols.toml. Of every seed the features that a row works on are taken with `topwork features`, the draws from
the run's `examples/`, what candidates were judged on from `selection/`.
"""

import argparse
import csv
import datetime
import json
import pathlib
import subprocess
import tempfile
import warnings

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression

FOLDER = pathlib.Path(__file__).resolve().parent


def lines(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def features(topwork, run, row, seed, split, folder):
    """Vectors and labels of a split, by position."""
    path = folder / f"{split}-{seed}.npz"
    if not path.exists():
        command = [topwork, "features", run.name, "--runs-dir", run.parent, "--row", row, "--seed", str(seed)]
        subprocess.run([*command, "--split", split, "--output", path], check=True, capture_output=True)
    with np.load(path) as file:
        return dict(file)


def neighbours(train, labels, test, classes, k=20, temperature=0.07):
    """`KnnModule` of dinov2/eval/knn.py: features of unit length, a softmax over the similarities of the k nearest."""
    train, test = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (train.astype(np.float64), test.astype(np.float64)))
    predicted = []
    for block in np.array_split(test, max(1, len(test) // 500)):
        similarity = block @ train.T
        nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
        weights = np.exp((np.take_along_axis(similarity, nearest, axis=1) - 1.0) / temperature)
        predicted.append((np.eye(classes)[labels[nearest]] * weights[:, :, None]).sum(axis=1).argmax(axis=1))
    return np.concatenate(predicted)


def few_shot(train, labels, test, classes, l2=1024.0):
    """`_precompute_cache` and `_eig_fewshot_acc_fn` of big_vision/evaluators/fewshot_lsr.py, in double precision."""
    train, test = train.astype(np.float64), test.astype(np.float64)
    mean, std = train.mean(axis=0, keepdims=True), train.std(axis=0, keepdims=True) + 1e-5
    x, z = ((rows - mean) / std for rows in (train, test))
    x, z = (np.pad(rows, ((0, 0), (0, 1)), constant_values=100.0) for rows in (x, z))
    y = 2.0 * np.eye(classes)[labels] - 1.0
    values, vectors = np.linalg.eigh(x @ x.T)
    weights = x.T @ (vectors @ ((vectors.T @ y) / (values + l2)[:, None]))
    return (z @ weights).argmax(axis=1)


def logistic(grid):
    """The protocol's grid by scikit-learn: chosen on what was held out, fitted to all."""

    def fit(train, labels, test, held, tolerance):
        train, test = train.astype(np.float64), test.astype(np.float64)
        learnt = np.ones(len(train), dtype=bool)
        learnt[held] = False
        accuracies = []
        for c in grid:
            model = LogisticRegression(C=c, max_iter=1000, tol=tolerance).fit(train[learnt], labels[learnt])
            accuracies.append((model.predict(train[held]) == labels[held]).mean())
        best = int(np.argmax(accuracies))
        model = LogisticRegression(C=grid[best], max_iter=1000, tol=tolerance).fit(train, labels)
        return model.predict(test), best, accuracies

    return fit


GRIDS = {
    "simclr-logistic@1": (logistic(np.logspace(-6, 5, 45)), 1e-9),
    "clip-linear@1": (logistic(np.logspace(-6, 6, 97)), 1e-4),
}


def draw(run, seed, count):
    """Positions in the split `train` that a row with so many samples learns from."""
    for path in sorted((run / "examples").glob("*.csv")):
        if path.stem == "all" or path.stem.startswith(f"seed-{seed}-"):
            used = [int(line["example"]) for line in lines(path) if line["use"] == "train"]
            if len(used) == count:
                return np.array(sorted(used))
    raise SystemExit(f"no file under {run / 'examples'} has {count} training examples of seed {seed}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topwork", type=pathlib.Path)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, help="only so many seeds: the iterative fits take minutes each")
    parser.add_argument("--protocol", help="only this one")
    arguments = parser.parse_args()
    run = arguments.run.resolve()
    results = json.loads((run / "results.json").read_text())
    classes = results["classes"]
    table = []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # That a fit of the grid does not converge is part of it.
        warnings.simplefilter("ignore")
        for number, row in enumerate(results["strategies"], 1):
            if arguments.protocol not in (None, row["protocol"]):
                continue
            for seed in row["seeds"][: arguments.seeds]:
                args = (arguments.topwork.resolve(), run, row["title"], seed["seed"])
                train, test = (features(*args, split, pathlib.Path(folder)) for split in ("train", "test"))
                [kept] = (run / "predictions").glob(f"{number}-*-seed-{seed['seed']}.csv")
                ours = lines(kept)
                place = {int(position): index for index, position in enumerate(train["example"])}
                wanted = [place[position] for position in draw(run, seed["seed"], row["train-samples"])]
                x, y = train["features"][wanted], train["label"][wanted]
                there = {int(position): index for index, position in enumerate(test["example"])}
                tested = [there[int(line["example"])] for line in ours]
                z, truth = test["features"][tested], test["label"][tested]
                chosen = ""
                if row["protocol"] in GRIDS:
                    [judged] = (run / "selection").glob(f"{number}-*-seed-{seed['seed']}-judged-on.csv")
                    held = {int(line["example"]) for line in lines(judged)}
                    position = {int(train["example"][index]): place for place, index in enumerate(wanted)}
                    fit, tolerance = GRIDS[row["protocol"]]
                    theirs, best, figures = fit(x, y, z, sorted(position[example] for example in held), tolerance)
                    told = seed["selected"]["fits"][0]
                    apart = max(abs(a - b) for a, b in zip(told["figures"], figures)) * len(held)
                    chosen = f"{told['chosen'] + 1} / {best + 1} of {len(figures)}; candidates apart by at most {apart:.0f} of {len(held)}"
                elif row["protocol"] == "dinov2-knn@1":
                    theirs = neighbours(x, y, z, len(classes))
                else:
                    theirs = few_shot(x, y, z, len(classes))
                predicted = np.array([classes.index(line["predicted"]) for line in ours])
                right = [int((answer == truth).sum()) for answer in (predicted, theirs)]
                table.append((row["protocol"], seed["seed"], len(wanted), *right, len(truth), int((predicted != theirs).sum()), chosen))
                print(*table[-1], sep="  ", flush=True)
    text = f"""# Protocols beside scikit-learn and the published code

Made by `bench/protocols.py` on {datetime.date.today()} from a run of `experiments/protocols.toml`, with scikit-learn {sklearn.__version__} and NumPy
{np.__version__}: the same features, draws and held-out samples. `dinov2-knn@1` and `big-vision-10shot@1` are set against transcriptions of the published
code in double precision, the others against scikit-learn's logistic regression on the same grid.

| protocol | seed | trained on | ours correct | theirs | of | predicted otherwise | chosen, ours / theirs |
|---|--:|--:|--:|--:|--:|--:|---|
"""
    for line in table:
        text += "| " + " | ".join(str(cell) for cell in line) + " |\n"
    (FOLDER / "protocols.md").write_text(text)


if __name__ == "__main__":
    main()

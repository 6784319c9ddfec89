"""Fits a classifier head at many values of one parameter at once, and compares time and results.

    bench/.venv/bin/python bench/path.py

Features are drawn from a mixture of Gaussians whose variances fall as those of deep features do, by a power of their rank, or
are those of LeNet that `bench prepare` has written (`--lenet`). Printed are the time of one fit with the default
parameters, the time of all values together, and how far scores at a few of them are from those of scikit-learn.
"""

import argparse
import json
import pathlib
import shutil
import struct
import subprocess

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent


def mixture(samples, dimensions, classes, decay, spread):
    random = np.random.default_rng(0)
    deviations = (1 + np.arange(dimensions)) ** -decay
    turn, _ = np.linalg.qr(random.normal(size=(dimensions, dimensions)))
    means = random.normal(size=(classes, dimensions)) * deviations * spread
    labels = random.integers(classes, size=samples)
    rows = (random.normal(size=(samples, dimensions)) * deviations + means[labels]) @ turn
    return rows.astype(np.float32), labels.astype(np.uint32)


def arrays(path):
    """The arrays of a state in the safetensors format, which are all F64 but the classes that are there."""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    kinds = {"F64": "<f8", "F32": "<f4", "U32": "<u4"}
    return {name: np.frombuffer(data[8 + length:][slice(*of["data_offsets"])], kinds[of["dtype"]])
            for name, of in header.items() if name != "__metadata__"}


def scikit_learn(component, value, rows, labels):
    """The scores of scikit-learn's own fit, centred, to its tightest tolerance."""
    if component == "logistic-regression":
        from sklearn.linear_model import LogisticRegression
        model = LogisticRegression(C=1 / value, tol=1e-6, max_iter=20_000)
    elif component == "linear-svm":
        from sklearn.svm import LinearSVC
        model = LinearSVC(C=value, tol=1e-5, max_iter=20_000)
    else:
        from sklearn.linear_model import RidgeClassifier
        model = RidgeClassifier(alpha=value, solver="cholesky")
    return model.fit(rows, labels).decision_function(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--component", default="logistic-regression")
    parser.add_argument("--parameter", default="l2")
    parser.add_argument("--classes", type=int, default=5)
    parser.add_argument("--samples", type=int, default=29_404)
    parser.add_argument("--dimensions", type=int, default=800)
    parser.add_argument("--decay", type=float, default=1.0, help="the deviations fall as rank to the power of minus this")
    parser.add_argument("--spread", type=float, default=0.3, help="deviation of the classes' means beside that of samples")
    parser.add_argument("--lenet", action="store_true", help="take the features in target/bench")
    parser.add_argument("--compare", type=int, default=3, help="at how many values scikit-learn is asked, too")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    folder = ROOT / "target/bench/path"
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.lenet:
        for kind, ours in (("features.f32", "train-features.f32"), ("labels.u32", "train-labels.u32")):
            shutil.copy(folder.parent / ours, folder / kind)
        labels = np.fromfile(folder / "labels.u32", "<u4")
        rows = np.fromfile(folder / "features.f32", "<f4").reshape(len(labels), -1)
    else:
        rows, labels = mixture(arguments.samples, arguments.dimensions, arguments.classes, arguments.decay, arguments.spread)
        rows.tofile(folder / "features.f32")
        labels.tofile(folder / "labels.u32")
    # As S. Kornblith, J. Shlens and Q. V. Le, "Do better ImageNet models transfer better?" (2019) choose C.
    values = np.logspace(-6, 5, 45)
    if arguments.parameter == "l2":
        values = 1 / values
    command = [ROOT / "target/release/bench", "path", arguments.component, "--parameter", arguments.parameter,
               "--values", json.dumps(values.tolist()), "--dimensions", str(rows.shape[1]),
               "--data", folder, "--threads", str(arguments.threads)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    ratio = found["path_seconds"] / found["alone_seconds"]
    print(f"{arguments.component}: {rows.shape[0]} samples, {rows.shape[1]} features, {labels.max() + 1} classes")
    print(f"one fit: {found['alone_seconds']:.2f} s, {found['alone_iterations']} iterations")
    iterations = sum(fit["iterations"] for fit in found["fits"])
    print(f"{len(values)} values: {found['path_seconds']:.2f} s, {iterations} iterations, {ratio:.2f} times the one fit")
    for value, fit in zip(values, found["fits"]):
        if not fit["converged"]:
            print(f"  {value:.2e}: {fit['note']}")
    if not arguments.compare:
        return
    # Where penalties neither crush all weights nor leave the minimum open.
    places = np.linspace(12, 26, arguments.compare).astype(int)
    for place in places:
        state = arrays(folder / f"state-{place:03}.safetensors")
        scaled = (rows.astype(np.float64) - state["shift"]) * state["factor"]
        weights = state["weights"].reshape(-1, rows.shape[1])
        ours = scaled @ weights.T + state["biases"]
        theirs = scikit_learn(arguments.component, values[place], scaled, labels)
        ours, theirs = (scores - scores.mean(axis=1, keepdims=True) for scores in (ours, theirs))
        apart = np.abs(ours - theirs).max() / np.abs(theirs).max()
        same = (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean()
        print(f"  {values[place]:.2e}: scores {apart:.1e} of the largest apart, {same:.4%} of the predictions the same")


if __name__ == "__main__":
    main()

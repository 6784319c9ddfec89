"""Reads what a run of topwork left, with NumPy, pandas, safetensors and onnxruntime alone:

    topwork features RUN --split test -o features.npz
    topwork export RUN --row ROW -o model.onnx
    python read_run.py runs/0001-mnist-transfer features.npz model.onnx

Everything after the folder of the run may be left out.
"""

import json
import pathlib
import sys

import numpy as np
import pandas as pd
from safetensors.numpy import load_file


def table_of(run):
    """The comparison: a line for each row, with its mean over seeds and its interval."""
    results = json.loads((run / "results.json").read_text())
    return pd.json_normalize(results["strategies"])


def predictions_of(run):
    """What each row said of every test example: class, predicted class, and scores."""
    tables = [pd.read_csv(path, dtype={"class": str, "predicted": str}).assign(row=path.stem) for path in sorted((run / "predictions").glob("*.csv"))]
    return pd.concat(tables, ignore_index=True)


def main(run, features=None, model=None):
    run = pathlib.Path(run)
    print(table_of(run)[["name", "mean"]].to_string(index=False))

    predictions = predictions_of(run)
    right = predictions["class"] == predictions["predicted"]
    print(right.groupby(predictions["row"]).agg(["sum", "count", "mean"]).to_string())

    for path in sorted((run / "checkpoints").glob("backbone-*.safetensors")):
        weights = load_file(path)
        print(path.name, {name: weights[name].shape for name in sorted(weights)})

    if features is not None:
        arrays = np.load(features)
        print("features", arrays["features"].shape, arrays["features"].dtype, "of", sorted(set(arrays) - {"features"}))

    if model is not None:
        import onnxruntime

        session = onnxruntime.InferenceSession(model)
        shape = [2 if not isinstance(size, int) else size for size in session.get_inputs()[0].shape]
        classes, scores, vectors = session.run(["class", "scores", "features"], {"images": np.zeros(shape, np.float32)})
        print("model: images", shape, "to classes", classes.shape, "scores", scores.shape, "features", vectors.shape)


if __name__ == "__main__":
    main(*sys.argv[1:])

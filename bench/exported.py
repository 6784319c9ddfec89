"""Exported models opened by onnxruntime: checked by the format's own checker, and their answers held against those there were.

The models come from the tests of the crate `export`, which leave them in a folder with the images and scores they compared:

    TOPWORK_EXPORTED=FOLDER cargo test --release -p topwork-export
    python bench/exported.py FOLDER

Needs numpy, onnx, onnxruntime and safetensors. Ends with 1 where a file does not pass the checker, a class is another one (ties
aside) or scores are further off than rounding explains.
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from safetensors import safe_open

# Scores as near as this, as a share of the largest of their image, are a tie.
TIE = 1e-5
# Scores beyond this stand for classes without training samples.
BEYOND = 1e30
# What rounding explains, through whole networks.
TOLERANCE = 1e-4
# A feature that rounding puts on the other side of a threshold moves a whole vote of these, and naive Bayes divides rounding by
# variances that may be next to nothing.
NOT_SMOOTH = ("random-forest", "knn", "neighbours", "auto", "naive-bayes")


def scales(scores):
    sizes = np.abs(scores)
    largest = np.where(sizes < BEYOND, sizes, 0).max(axis=1, keepdims=True)
    return np.where(sizes < BEYOND, np.maximum(largest, np.finfo(float).tiny), sizes)


def compare(path):
    """What was compared, the number of equal classes, of images, and the largest relative difference."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    with safe_open(path.with_suffix(".safetensors"), "numpy") as given:
        images, expected = given.get_tensor("images"), given.get_tensor("scores").astype(float)
        what = given.metadata()["what"].strip('"')
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    batch = session.get_inputs()[0].shape[0]
    step = batch if isinstance(batch, int) else len(images)
    answers = [
        session.run(["class", "scores", "features"], {"images": images[at : at + step]})
        for at in range(0, len(images), step)
    ]
    classes, scores, features = (np.concatenate(parts) for parts in zip(*answers))
    assert classes.dtype == np.int64 and len(features) == len(images), what
    scale = scales(expected)
    off = np.abs(scores - expected) / scale
    rows = np.arange(len(images))
    wanted = expected.argmax(axis=1)
    behind = (expected[rows, wanted] - expected[rows, classes]) / scale[rows, wanted]
    return what, int((behind <= TIE).sum()), len(images), float(off.max())


def main():
    paths = sorted(Path(sys.argv[1]).glob("*.onnx"))
    if not paths:
        sys.exit(f"no models in {sys.argv[1]}")
    equal = images = wrong = 0
    kinds = defaultdict(list)
    for path in paths:
        what, same, of, off = compare(path)
        equal, images = equal + same, images + of
        smooth = not any(word in what for word in NOT_SMOOTH)
        kinds["smooth" if smooth else "votes and naive Bayes"].append(off)
        if same != of or (off > TOLERANCE and smooth):
            wrong += 1
            print(f"{path.name}: {same} of {of} equal, scores off by {off:.2g}: {what}")
    print(f"onnxruntime {onnxruntime.__version__}, onnx {onnx.__version__}")
    print(f"{len(paths)} models, all pass the checker; {equal} of {images} images have the same class")
    for kind, off in sorted(kinds.items()):
        print(f"{kind}: {len(off)} models, largest relative difference of scores {max(off):.2g}, median {np.median(off):.2g}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

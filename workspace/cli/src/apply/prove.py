"""Runs an exported model by onnxruntime and compares it with the scores given. Prints a JSON object; exit code 3 without onnxruntime."""

import json
import sys

try:
    import numpy as np
    import onnxruntime as ort
except ImportError:
    sys.exit(3)

model, images, scores, channels, height, width, targets, classes, is_bytes = sys.argv[1:]
shape = (-1, int(channels), int(height), int(width))
images = np.fromfile(images, "<f4").reshape(shape)
scores = np.fromfile(scores, "<f4").reshape(-1, int(classes))
if is_bytes == "true":
    images = np.rint(images * 255).astype(np.uint8)
options = ort.SessionOptions()
options.log_severity_level = 3
session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
batch = session.get_inputs()[0].shape[0]
batch = batch if isinstance(batch, int) else 64
equal, largest = 0, 0.0
# Scores as near as that, as a share of the largest of their image, are a tie; those beyond the other bound stand for classes
# without training samples.
TIE, BEYOND = 1e-5, 1e30
# Numbers as near as that, as a share of the largest of all images, are the same.
SAME = 1e-5
for at in range(0, len(images), batch):
    expected = scores[at : at + batch].astype(np.float64)
    if targets == "numbers":
        [found] = session.run(["numbers"], {"images": images[at : at + batch]})
        apart = np.abs(expected - found).max(axis=1) / max(np.abs(scores).max(), np.finfo(np.float64).tiny)
        largest = max(largest, float(apart.max()))
        equal += int((apart <= SAME).sum())
        continue
    found_class, found = session.run(["class", "scores"], {"images": images[at : at + batch]})
    found = found.astype(np.float64)
    usual = np.where(np.abs(expected) < BEYOND, np.abs(expected), 0)
    scale = np.maximum(usual.max(axis=1), np.finfo(np.float64).tiny)
    apart = np.where(np.abs(expected) < BEYOND, np.abs(expected - found), 0) / scale[:, None]
    largest = max(largest, float(apart.max()))
    wanted = expected.argmax(axis=1)
    rows = np.arange(len(expected))
    near = expected[rows, wanted] - expected[rows, found_class] <= TIE * scale
    equal += int(((found_class == wanted) | near).sum())
print(json.dumps({"version": ort.__version__, "targets": targets, "equal": equal, "of": len(images), "largest-relative-difference": largest}))

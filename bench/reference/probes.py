"""What published ways to judge features say of a few samples, for the tests of plugins/classifiers.

    bench/.venv/bin/python bench/reference/probes.py

Writes plugins/classifiers/tests/probes.json: weights and biases of ridge regression, by scikit-learn and by a transcription of
the few-shot probe of big_vision (fewshot_lsr.py), and the classes that a transcription of DINO's eval_knn.py votes for.
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.linear_model import RidgeClassifier

TESTS = pathlib.Path(__file__).resolve().parents[2] / "plugins/classifiers/tests"


def noise(count):
    """The generator of the tests."""
    state, numbers = 1, []
    for _ in range(count):
        state = (state * 1_103_515_245 + 12_345) % 2**31
        numbers.append(state / 2**30 - 1)
    return np.array(numbers, dtype=np.float32)


def blobs(samples, dimensions, classes):
    """Noise, raised by half in the feature that has the number of the class; the first class is larger than the others."""
    rows = noise(samples * dimensions).reshape(samples, dimensions)
    labels = np.array([0 if sample % 5 == 0 else sample % classes for sample in range(samples)])
    rows[np.arange(samples), labels] += np.float32(0.5)
    return rows, labels


def few_shot(rows, labels, classes, l2):
    """big_vision's `_precompute_cache` and `_eig_fewshot_acc_fn`, in double precision, as weights of the rows themselves."""
    mean = np.mean(rows, axis=0, keepdims=True)
    std = np.std(rows, axis=0, keepdims=True) + 1e-5
    x = (rows - mean) / std
    x = np.pad(x, ((0, 0), (0, 1)), constant_values=100.0)
    y = 2.0 * np.eye(classes)[labels] - 1.0
    if x.shape[0] >= x.shape[1]:
        eigs, q = np.linalg.eigh(x.T @ x)
        rhs, lhs = q.T @ (x.T @ y), q
    else:
        eigs, q = np.linalg.eigh(x @ x.T)
        rhs, lhs = q.T @ y, x.T @ q
    w = (lhs * (1.0 / (eigs + l2)).reshape(1, -1)) @ rhs
    weights = w[:-1].T / std
    return weights, 100.0 * w[-1] - weights @ mean[0]


def neighbours(rows, labels, test, k, temperature, classes):
    """DINO's `knn_classifier`: the class with the most votes of each row."""
    rows, test = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (rows, test))
    similarity = test @ rows.T
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    weights = np.exp(np.take_along_axis(similarity, order, axis=1) / temperature)
    votes = (np.eye(classes)[labels[order]] * weights[:, :, None]).sum(axis=1)
    return votes.argmax(axis=1)


def ridge_cases():
    big_vision = {"scale": "standardise", "deviation-floor": 1e-5, "constant": 100}
    for samples, dimensions, classes in [(60, 7, 3), (60, 7, 2), (12, 20, 3), (200, 70, 5)]:
        narrow, labels = blobs(samples, dimensions, classes)
        rows = narrow.astype(np.float64)
        shape = {"samples": samples, "dimensions": dimensions, "classes": classes}
        for l2 in [0.01, 0.5, 30.0]:
            for weights in [None, "balanced"]:
                model = RidgeClassifier(alpha=l2, class_weight=weights, solver="svd").fit(rows, labels)
                coefficients, intercept = model.coef_, model.intercept_
                if classes == 2:
                    coefficients = np.concatenate([-coefficients, coefficients])
                    intercept = np.concatenate([-intercept, intercept])
                yield {"by": "scikit-learn", "parameters": {"l2": l2, "class-weights": weights or "none"}, **shape,
                       "weights": coefficients.ravel().tolist(), "biases": intercept.tolist()}
            weights, biases = few_shot(rows, labels, classes, l2)
            yield {"by": "big_vision", "parameters": {"l2": l2, **big_vision}, **shape,
                   "weights": weights.ravel().tolist(), "biases": biases.tolist()}


def neighbour_case():
    learnt, dimensions, classes = 400, 12, 5
    narrow, labels = blobs(learnt + 150, dimensions, classes)
    rows = narrow.astype(np.float64)
    winners = {k: neighbours(rows[:learnt], labels[:learnt], rows[learnt:], k, 0.07, classes).tolist()
               for k in [10, 20, 100, 200]}
    return {"learnt": learnt, "samples": learnt + 150, "dimensions": dimensions, "classes": classes, "temperature": 0.07,
            "winners": winners}


if __name__ == "__main__":
    document = {"scikit-learn": sklearn.__version__, "ridge": list(ridge_cases()), "neighbours": neighbour_case()}
    (TESTS / "probes.json").write_text(json.dumps(document) + "\n")

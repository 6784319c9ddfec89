"""What scikit-learn's classifiers say of a few samples, for the tests of plugins/classifiers.

    bench/.venv/bin/python bench/reference/heads.py

Writes plugins/classifiers/tests/scikit-learn.json and offsets.json.
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.class_weight import compute_sample_weight

TESTS = pathlib.Path(__file__).resolve().parents[2] / "plugins/classifiers/tests"

LDA = {"solver": "lsqr", "shrinkage": "auto"}
SVM = {"C": 0.5, "tol": 1e-12, "max_iter": 1_000_000}
LOGISTIC = {"C": 2.0, "tol": 1e-12, "max_iter": 100_000}
BINARY = {**LOGISTIC, "solver": "newton-cholesky"}
# Component, its parameters, the same in scikit-learn, and what the scores are there.
CASES = [
    ("lda", {}, LinearDiscriminantAnalysis(**LDA), "decision_function"),
    ("lda", {"class-weights": "balanced"}, LinearDiscriminantAnalysis(**LDA, priors=[1 / 3] * 3), "decision_function"),
    ("lda", {"shrinkage": 0.3}, LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3), "decision_function"),
    ("naive-bayes", {}, GaussianNB(), "predict_log_proba"),
    ("naive-bayes", {"variance-smoothing": 0.1, "class-weights": "balanced"},
     GaussianNB(var_smoothing=0.1, priors=[1 / 3] * 3), "predict_log_proba"),
    ("knn", {}, KNeighborsClassifier(algorithm="brute"), "predict_proba"),
    ("knn", {"k": 7, "weights": "distance"}, KNeighborsClassifier(7, weights="distance", algorithm="brute"), "predict_proba"),
    ("knn", {"k": 4, "weights": "distance", "metric": "cosine"},
     KNeighborsClassifier(4, weights="distance", metric="cosine", algorithm="brute"), "predict_proba"),
    ("linear-svm", {"c": 0.5, "scale": "none", "tolerance": 1e-7}, LinearSVC(**SVM), "decision_function"),
    ("linear-svm", {"c": 0.5, "scale": "none", "tolerance": 1e-7, "class-weights": "balanced"},
     LinearSVC(**SVM), "decision_function"),
    ("logistic-regression", {"l2": 0.5, "scale": "none", "tolerance": 1e-7}, LogisticRegression(**LOGISTIC),
     "decision_function"),
    ("logistic-regression", {"l2": 0.5, "scale": "none", "tolerance": 1e-7, "class-weights": "balanced"},
     LogisticRegression(**LOGISTIC, class_weight="balanced"), "decision_function"),
    ("nearest-centroid", {}, NearestCentroid(), "predict"),
    # One score for two classes: the second of the others of the samples against the first.
    ("logistic-regression", {"l2": 0.5, "scale": "none", "tolerance": 1e-8}, LogisticRegression(**BINARY), "binary"),
    ("logistic-regression", {"l2": 0.5, "scale": "none", "tolerance": 1e-8, "class-weights": "balanced"},
     LogisticRegression(**BINARY, class_weight="balanced"), "binary"),
    ("logistic-regression", {"scale": "none", "tolerance": 1e-8}, LogisticRegression(**{**BINARY, "C": 1.0}), "binary"),
    ("linear-svm", {"c": 0.5, "scale": "none", "tolerance": 1e-8}, LinearSVC(**SVM), "binary"),
]

# What is said of features with an offset is said of them without: scikit-learn's own answers are worse with it. The offset of
# each feature, and what features are multiplied with; all of it exact in single precision.
OFFSETS = [
    ([0, 0, 0, 0, 0], 1),
    ([10_000] * 5, 1),
    ([100_000] * 5, 1),
    ([1_000_000] * 5, 1),
    ([-1_000_000] * 5, 1),
    ([0, 1_000_000, -300_000, 50, 7_000], 1),
    ([10_000] * 5, 1 / 64),
]
TIGHT = {"tol": 1e-10, "max_iter": 100_000}


class Largest:
    """Our `max`: by the largest magnitude, from the value nearest to 0 on."""

    def fit(self, rows):
        low, high = rows.min(axis=0), rows.max(axis=0)
        self.shift = np.clip(0, low, high)
        self.largest = np.maximum(high - self.shift, self.shift - low)
        return self

    def transform(self, rows):
        return (rows - self.shift) / self.largest


class Nothing:
    def fit(self, rows):
        return self

    def transform(self, rows):
        return rows


class Directions(NearestCentroid):
    """The class mean at the smallest angle."""

    def fit(self, rows, labels):
        means = np.array([rows[labels == label].mean(axis=0) for label in np.unique(labels)])
        self.means = means / np.linalg.norm(means, axis=1, keepdims=True)
        return self

    def predict(self, rows):
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return ((rows[:, None] - self.means) ** 2).sum(axis=2).argmin(axis=1)


def with_scales(component, model, scales=("none", "max", "standardise")):
    scalers = {"none": Nothing, "max": Largest, "standardise": StandardScaler}
    return [(component, {"scale": scale}, scalers[scale](), model) for scale in scales]


# Component, its parameters, the scaler, the same in scikit-learn. Angles are about the origin and depend on the offset, and so
# does the penalised bias of a support vector machine without a scale.
HEADS = [
    *with_scales("nearest-centroid", NearestCentroid()),
    *with_scales("logistic-regression", LogisticRegression(**TIGHT)),
    *with_scales("linear-svm", LinearSVC(C=0.1, **TIGHT), ("max", "standardise")),
    *with_scales("knn", KNeighborsClassifier(algorithm="brute")),
    ("lda", {}, Nothing(), LinearDiscriminantAnalysis(**LDA)),
    ("lda", {"shrinkage": 0.2}, Nothing(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.2)),
    ("naive-bayes", {}, Nothing(), GaussianNB()),
    ("nearest-centroid", {"metric": "cosine"}, None, Directions()),
    ("knn", {"metric": "cosine"}, None, KNeighborsClassifier(metric="cosine", algorithm="brute")),
]


def scores():
    random = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], [5, 10, 15])
    centres = np.array([[0, 0, 0, 3], [1.5, 0, -1, 3], [0, 1.5, 1, 3]])
    draw = lambda labels: (centres[labels] + random.normal(size=(len(labels), 4)) * [1, 1, 1, 0.2]).astype(np.float32).round(3)
    features, queries = draw(labels), draw(np.tile([0, 1, 2], 4))
    cases = []
    for component, parameters, theirs, kind in CASES:
        # LIBLINEAR's own class weights leave the samples of the other classes as they are.
        weigh = component == "linear-svm" and "class-weights" in parameters
        weights = {"sample_weight": compute_sample_weight("balanced", labels)} if weigh else {}
        theirs.fit(features.astype(float), labels > 0 if kind == "binary" else labels, **weights)
        found = getattr(theirs, "decision_function" if kind == "binary" else kind)(queries.astype(float))
        case = {"component": component, "parameters": parameters, "kind": kind, "scores": found.tolist()}
        if component in ("lda", "naive-bayes", "knn", "logistic-regression"):
            case["probabilities"] = theirs.predict_proba(queries.astype(float)).tolist()
        cases.append(case)
    write("scikit-learn.json", {
        "scikit-learn": sklearn.__version__, "features": [[round(float(x), 3) for x in row] for row in features],
        "labels": labels.tolist(), "queries": [[round(float(x), 3) for x in row] for row in queries], "cases": cases,
    })


def offsets():
    random = np.random.default_rng(2)
    labels = np.tile([0, 1, 2], 20)
    centres = random.normal(size=(3, 5))
    draw = lambda labels: (16 * (centres[labels] + random.normal(size=(len(labels), 5)) * [1, 1, 1, 2, 0.5])).round().astype(int)
    features, queries = draw(labels), draw(np.tile([0, 1, 2], 14))
    cases = []
    for offset, factor in OFFSETS:
        told = []
        for component, parameters, scaler, theirs in HEADS:
            train, test = (rows / 16 * factor + (0 if scaler else np.array(offset)) for rows in (features, queries))
            assert (train.astype(np.float32) == train).all()
            if scaler:
                centre = 0 if isinstance(scaler, Largest) else train.mean(axis=0)
                # From the least value on, as an offset leaves no value at 0.
                if isinstance(scaler, Largest):
                    far = np.array(offset) != 0
                    low, high = train.min(axis=0), train.max(axis=0)
                    centre = np.where(far, np.where(np.array(offset) > 0, low, high), 0)
                scaler.fit(train - centre)
                train, test = scaler.transform(train - centre), scaler.transform(test - centre)
            found = theirs.fit(train, labels).predict(test)
            told.append({"component": component, "parameters": parameters, "classes": "".join(map(str, found))})
        cases.append({"offset": offset, "factor": factor, "heads": told})
    write("offsets.json", {
        "scikit-learn": sklearn.__version__, "sixteenths": features.tolist(), "labels": labels.tolist(),
        "queries": queries.tolist(), "cases": cases,
    })


def write(name, content):
    text = json.dumps(content).replace('{"component"', '\n{"component"').replace('{"offset"', '\n{"offset"')
    (TESTS / name).write_text(text + "\n")


if __name__ == "__main__":
    scores()
    offsets()

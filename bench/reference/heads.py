"""What scikit-learn's classifiers say of a few samples, for the tests of plugins/classifiers.

    bench/.venv/bin/python bench/reference/heads.py

Writes plugins/classifiers/tests/scikit-learn.json.
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.svm import LinearSVC
from sklearn.utils.class_weight import compute_sample_weight

OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "plugins/classifiers/tests/scikit-learn.json"

LDA = {"solver": "lsqr", "shrinkage": "auto"}
SVM = {"C": 0.5, "tol": 1e-12, "max_iter": 1_000_000}
LOGISTIC = {"C": 2.0, "tol": 1e-12, "max_iter": 100_000}
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
]


def main():
    random = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], [5, 10, 15])
    centres = np.array([[0, 0, 0, 3], [1.5, 0, -1, 3], [0, 1.5, 1, 3]])
    draw = lambda labels: (centres[labels] + random.normal(size=(len(labels), 4)) * [1, 1, 1, 0.2]).astype(np.float32).round(3)
    features, queries = draw(labels), draw(np.tile([0, 1, 2], 4))
    cases = []
    for component, parameters, theirs, scores in CASES:
        # LIBLINEAR's own class weights leave the samples of the other classes as they are.
        weigh = component == "linear-svm" and "class-weights" in parameters
        weights = {"sample_weight": compute_sample_weight("balanced", labels)} if weigh else {}
        theirs.fit(features.astype(float), labels, **weights)
        found = getattr(theirs, scores)(queries.astype(float))
        cases.append({"component": component, "parameters": parameters, "kind": scores, "scores": found.tolist()})
    OUTPUT.write_text(json.dumps({
        "scikit-learn": sklearn.__version__, "features": [[round(float(x), 3) for x in row] for row in features],
        "labels": labels.tolist(), "queries": [[round(float(x), 3) for x in row] for row in queries], "cases": cases,
    }, indent=None).replace('{"component"', '\n{"component"') + "\n")


if __name__ == "__main__":
    main()

"""A plugin for topwork: the classifiers and regressors of scikit-learn as heads."""

# /// script
# dependencies = ["scikit-learn"]
# ///

import importlib
import io
import warnings
from dataclasses import dataclass, field

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

__version__ = "0.1.0"
__license__ = "MIT OR Apache-2.0"


class Estimator:
    """What classifiers and regressors have in common."""

    @dataclass
    class Parameters:
        estimator: str = field(default="sklearn.svm.SVC", metadata={"description": "the class, with its module: sklearn.svm.SVC"})
        arguments: dict = field(default_factory=dict, metadata={"description": "what the class is made with: { C = 10, kernel = 'rbf' }"})
        standardize: bool = field(default=True, metadata={"description": "mean 0 and variance 1 for every feature, by the training rows"})

    def __init__(self, parameters, host):
        self.parameters = parameters
        module, _, name = parameters.estimator.rpartition(".")
        # Whatever else is installed, an experiment must not be able to call it.
        if module.split(".")[0] != "sklearn":
            raise ValueError(f"`estimator` is {parameters.estimator!r}, expected a class of scikit-learn such as sklearn.svm.SVC")
        try:
            self.of = getattr(importlib.import_module(module), name)
            made = self.of(**parameters.arguments)
        except (ImportError, AttributeError, TypeError) as error:
            raise ValueError(f"`estimator` is {parameters.estimator!r}: {error}")
        if not (isinstance(self.of, type) and self.fits(made)):
            raise ValueError(f"`estimator` is {parameters.estimator!r}, which is no {self.word}")
        self.learnt_from = None

    def fitted(self, features, targets, seed, threads):
        wishes = {"random_state": seed % 2**32, "n_jobs": threads}
        estimator = self.of(**self.parameters.arguments)
        known = estimator.get_params()
        estimator.set_params(**{name: value for name, value in wishes.items() if name in known and name not in self.parameters.arguments})
        steps = [StandardScaler(), estimator] if self.parameters.standardize else [estimator]
        pipeline = make_pipeline(*steps)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            pipeline.fit(features.astype(np.float64), targets)
        report = {"converged": True}
        for warning in caught:
            if issubclass(warning.category, ConvergenceWarning):
                report = {"converged": False, "note": str(warning.message).split("\n")[0]}
        iterations = getattr(estimator, "n_iter_", None)
        if iterations is not None:
            report["iterations"] = int(np.max(iterations))
        support = getattr(estimator, "support_", None)
        if support is not None and not callable(support):
            report["facts"] = {"support-vectors": len(support)}
        coefficients = getattr(estimator, "coef_", None)
        if coefficients is not None:
            report["parameters"] = int(np.size(coefficients) + np.size(estimator.intercept_))
        return pipeline, report

    # A pickle could run code of whoever has made it, so what is kept is what was learnt from: the same fit follows from it.
    def save(self):
        state = io.BytesIO()
        np.savez(state, **self.learnt_from)
        return state.getvalue()

    def load(self, state):
        kept = np.load(io.BytesIO(state), allow_pickle=False)
        if "numbers" in kept:
            self.fit_numbers(kept["features"], kept["numbers"], int(kept["seed"]), 1)
        else:
            self.fit(kept["features"], kept["labels"], int(kept["classes"]), int(kept["seed"]), 1)


class Classifier(Estimator):
    """a classifier of scikit-learn"""

    kind = "classifier"
    id = "sklearn"
    word, fits = "classifier", staticmethod(is_classifier)

    def fit(self, features, labels, classes, seed, threads):
        self.classes = classes
        self.pipeline, report = self.fitted(features, labels, seed, threads)
        self.learnt_from = {"features": features, "labels": labels, "classes": classes, "seed": seed}
        return report

    @property
    def scores(self):
        return "probabilities" if hasattr(self.pipeline, "predict_proba") else "ranking"

    def predict(self, features):
        features = features.astype(np.float64)
        if self.scores == "probabilities":
            given, lowest = self.pipeline.predict_proba(features), 0.0
        elif hasattr(self.pipeline, "decision_function"):
            given = self.pipeline.decision_function(features)
            given = np.stack([-given, given], axis=1) if given.ndim == 1 else given
            lowest = given.min() - 1.0
        else:
            given = self.pipeline.predict(features)[:, None] == self.pipeline.classes_
            lowest = 0.0
        scores = np.full((len(features), self.classes), lowest)
        scores[:, self.pipeline.classes_] = given
        return scores


class Regressor(Estimator):
    """a regressor of scikit-learn, for numbers, or for classes as 1 and 0"""

    kind = "classifier"
    id = "sklearn-regressor"
    word, fits = "regressor", staticmethod(is_regressor)

    @dataclass
    class Parameters(Estimator.Parameters):
        estimator: str = field(default="sklearn.svm.SVR", metadata={"description": "the class, with its module: sklearn.svm.SVR"})

    def fit(self, features, labels, classes, seed, threads):
        report = self.fit_numbers(features, np.eye(classes)[labels], seed, threads)
        self.scores, self.learnt_from = "ranking", {"features": features, "labels": labels, "classes": classes, "seed": seed}
        return report

    def fit_numbers(self, features, numbers, seed, threads):
        # A column by itself, since not all estimators take several.
        fits = [self.fitted(features, column.astype(np.float64), seed, threads) for column in numbers.T]
        self.pipelines = [pipeline for pipeline, _ in fits]
        self.scores, self.learnt_from = "numbers", {"features": features, "numbers": numbers, "seed": seed}
        reports = [report for _, report in fits]
        whole = {key: sum(report[key] for report in reports) for key in ("iterations", "parameters") if key in reports[0]}
        if "facts" in reports[0]:
            names = reports[0]["facts"]
            whole["facts"] = {name: np.mean([report["facts"][name] for report in reports]) for name in names}
        return {**next((report for report in reports if not report["converged"]), {"converged": True}), **whole}

    def predict(self, features):
        return np.stack([pipeline.predict(features.astype(np.float64)) for pipeline in self.pipelines], axis=1)

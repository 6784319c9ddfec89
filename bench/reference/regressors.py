"""What scikit-learn's regressors predict of three columns at once, and how well its random forest predicts the shipped diabetes data.

    bench/.venv/bin/python bench/reference/regressors.py

Writes plugins/classifiers/tests/regressors.json. The columns are those of linnerud: 20 samples, 3 features. Trees are such that no two
splits of theirs are equally good, so that they come out the same whatever `random_state` is. The forest's R² varies with its seed: its
mean and deviation over 20 of them are written.
"""

import csv
import json
import pathlib

import numpy as np
import sklearn
from sklearn.datasets import load_linnerud
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeRegressor

ROOT = pathlib.Path(__file__).resolve().parents[2]

data = load_linnerud()
features, numbers = data.data.astype(np.float32), data.target
# Between the samples, so that no neighbour is at distance 0.
queries = features + np.float32(0.25)


def tree(depth, leaf):
    fits = [
        DecisionTreeRegressor(max_depth=depth, min_samples_leaf=leaf, random_state=seed).fit(features, numbers)
        for seed in range(50)
    ]
    predicted = [fit.predict(features) for fit in fits]
    assert all((other == predicted[0]).all() for other in predicted)
    parameters = {"trees": 1, "bootstrap": False, "max-depth": depth, "min-samples-leaf": leaf}
    return "random-forest", parameters, "features", predicted[0]


def closed(component, parameters, regressor):
    # In double precision, as the features are there.
    fitted = regressor.fit(features.astype(float), numbers)
    return component, parameters, "queries", fitted.predict(queries.astype(float))


def split(name):
    with open(ROOT / "experiments" / "diabetes" / f"{name}.csv") as file:
        rows = np.array([[float(x) for x in row] for row in list(csv.reader(file))[1:]])
    return rows[:, :-1].astype(np.float32), rows[:, -1]


cases = [
    tree(2, 1),
    tree(4, 2),
    tree(64, 3),
    closed("ridge", {"l2": 2.0}, Ridge(2.0)),
    closed("knn", {"k": 4}, KNeighborsRegressor(4)),
    closed("knn", {"k": 4, "weights": "distance"}, KNeighborsRegressor(4, weights="distance")),
    closed("mean", {}, DummyRegressor()),
]
train, test = split("train"), split("test")
r2 = [RandomForestRegressor(200, random_state=seed, n_jobs=2).fit(*train).score(*test) for seed in range(20)]
written = {
    "scikit-learn": sklearn.__version__,
    "features": features.tolist(),
    "queries": queries.tolist(),
    "numbers": numbers.tolist(),
    "cases": [
        {"component": component, "parameters": parameters, "of": of, "predicted": np.round(predicted, 9).tolist()}
        for component, parameters, of, predicted in cases
    ],
    "forest": {"seeds": 20, "mean": float(np.mean(r2)), "deviation": float(np.std(r2, ddof=1))},
}
(ROOT / "plugins/classifiers/tests/regressors.json").write_text(json.dumps(written) + "\n")

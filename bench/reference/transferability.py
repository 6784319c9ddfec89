"""Transferability estimates by the formulas of their papers, for the tests of workspace/measure.

    bench/.venv/bin/python bench/reference/transferability.py

Writes workspace/measure/tests/transferability.json. LogME is computed from the matrix A = alpha + beta F'F itself, the H-scores
from covariance matrices and their pseudo-inverses; none of it from singular vectors, as the program does it.
"""

import json
import pathlib

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn.covariance import ledoit_wolf

TESTS = pathlib.Path(__file__).resolve().parents[2] / "workspace/measure/tests"


def log_me(f, y, classes):
    n, d = f.shape
    total = 0.0
    for k in range(classes):
        target = (y == k).astype(np.float64)
        alpha = beta = 1.0
        for _ in range(500):
            a = alpha * np.eye(d) + beta * f.T @ f
            m = beta * np.linalg.solve(a, f.T @ target)
            gamma = d - alpha * np.trace(np.linalg.inv(a))
            residual = ((f @ m - target) ** 2).sum()
            before = alpha / beta
            # The authors' program adds 1e-5 to both denominators.
            alpha, beta = gamma / (m @ m + 1e-5), (n - gamma) / (residual + 1e-5)
            if abs(alpha / beta - before) <= 1e-9 * before:
                break
        # m and the residual are those of the last step, as in the authors' program.
        a = alpha * np.eye(d) + beta * f.T @ f
        evidence = (n / 2 * np.log(beta) + d / 2 * np.log(alpha) - n / 2 * np.log(2 * np.pi)
                    - beta / 2 * residual - alpha / 2 * m @ m - np.linalg.slogdet(a)[1] / 2)
        total += evidence / n
    return total / classes


def between(f, y):
    means = np.zeros_like(f)
    for k in np.unique(y):
        means[y == k] = f[y == k].mean(axis=0)
    return np.cov(means, rowvar=False, bias=True)


def h_score(f, y):
    covariance = np.cov(f, rowvar=False, bias=True)
    return np.trace(np.linalg.pinv(covariance, rcond=1e-11, hermitian=True) @ between(f, y))


def shrunk_h_score(f, y):
    covariance, shrinkage = ledoit_wolf(f - f.mean(axis=0))
    return np.trace(np.linalg.solve(covariance, (1 - shrinkage) * between(f, y)))


def features(random, samples, dims, classes, spread, rank=None):
    y = random.integers(classes, size=samples)
    y[:classes] = np.arange(classes)
    means = random.normal(size=(classes, dims)) * spread
    f = random.normal(size=(samples, dims)) * (1 + np.arange(dims)) ** -0.5 + means[y] + 0.3
    if rank:
        # Small whole numbers, so that the products are exact and the rank is what is said.
        left = random.integers(-3, 4, size=(samples, rank))
        f = left @ random.integers(-3, 4, size=(rank, dims)).astype(np.float64)
    return f.astype(np.float32), y


def main():
    random = np.random.default_rng(5)
    cases = []
    for samples, dims, classes, spread, rank in [(40, 3, 2, 0.5, None), (120, 9, 4, 0.3, None), (300, 70, 5, 0.1, None),
                                                 (90, 8, 3, 0.2, 4), (25, 40, 3, 0.2, None), (200, 6, 3, 0.0, None)]:
        f, y = features(random, samples, dims, classes, spread, rank)
        wide = f.astype(np.float64)
        cases.append({"dims": dims, "classes": classes, "values": [round(float(x), 9) for x in f.ravel()], "labels": y.tolist(),
                      "log-me": log_me(wide, y, classes), "h-score": h_score(wide, y),
                      "shrunk-h-score": shrunk_h_score(wide, y)})
    rankings = []
    for count, kinds in [(2, None), (5, None), (12, None), (12, 4), (30, 3), (40, None)]:
        a, b = random.normal(size=count), random.normal(size=count)
        b += a
        if kinds:
            a, b = (np.round(x * kinds / 3) for x in (a, b))
        rankings.append({"a": a.tolist(), "b": b.tolist(), "tau": stats.weightedtau(a, b).statistic})
    document = {"scipy": scipy.__version__, "scikit-learn": sklearn.__version__, "features": cases, "rankings": rankings}
    (TESTS / "transferability.json").write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()

"""What SciPy says of a few samples, for the tests of workspace/measure.

    bench/.venv/bin/python bench/reference/statistics.py

Writes workspace/measure/tests/statistics.json.
"""

import json
import pathlib

import numpy as np
import scipy
from scipy import optimize, stats

TESTS = pathlib.Path(__file__).resolve().parents[2] / "workspace/measure/tests"


def estimate(value, error, freedom):
    half = stats.t.ppf(0.975, freedom) * error
    return {"value": value, "standard-error": error, "freedom": freedom, "interval": [value - half, value + half],
            "p": 2 * stats.t.sf(abs(value / error), freedom)}


def folds(values, ratio):
    """Without a correction it is the t test of one sample; both p are checked to be one."""
    values = np.asarray(values)
    count = len(values)
    error = np.sqrt((1 / count + ratio) * values.var(ddof=1))
    found = estimate(values.mean(), error, count - 1)
    if ratio == 0:
        test = stats.ttest_1samp(values, 0)
        assert np.isclose(test.pvalue, found["p"], rtol=1e-12)
        assert np.allclose(test.confidence_interval(0.95), found["interval"], rtol=1e-12)
    margin = abs(values.mean()) + 0.7 * error
    lower = stats.t.sf((values.mean() + margin) / error, count - 1)
    upper = stats.t.cdf((values.mean() - margin) / error, count - 1)
    return {"values": values.tolist(), "ratio": ratio, "margin": margin, "equivalence": max(lower, upper)} | found


def two_way(scores):
    """From the table of the analysis of variance, sums of squares over all scores."""
    seeds, examples = scores.shape
    mean = scores.mean()
    of_seeds, of_examples = scores.mean(axis=1), scores.mean(axis=0)
    residual = scores - of_seeds[:, None] - of_examples[None, :] + mean
    between_seeds = examples * ((of_seeds - mean) ** 2).sum() / (seeds - 1)
    between_examples = seeds * ((of_examples - mean) ** 2).sum() / (examples - 1)
    within = (residual ** 2).sum() / ((seeds - 1) * (examples - 1))
    all_scores = seeds * examples
    variance = max(between_seeds + between_examples - within, between_seeds, between_examples) / all_scores
    weight = between_seeds / all_scores / variance
    freedom = 1 / (weight / (seeds - 1) + (1 - weight) / (examples - 1))
    return estimate(mean, np.sqrt(variance), freedom)


def rows(random, seeds, examples, level):
    """Two rows with effects of examples and of seeds."""
    examples_effect = random.normal(0, 1, examples)
    text = []
    for shift in (0, 0.2):
        seeds_effect = random.normal(0, 0.2, (seeds, 1))
        right = level + shift + examples_effect + seeds_effect + random.normal(0, 0.7, (seeds, examples)) > 0
        text.append(right.astype(int))
    a, b = text
    as_text = lambda row: ["".join(map(str, seed)) for seed in row]
    found = two_way(a)
    # The interval of a share: Wilson's, with the quantile of t and the effective number of examples.
    share, error, freedom = found["value"], found["standard-error"], found["freedom"]
    trials, quantile = share * (1 - share) / error ** 2, stats.t.ppf(0.975, freedom)
    centre, half = share + quantile ** 2 / (2 * trials), quantile * np.sqrt(
        share * (1 - share) / trials + quantile ** 2 / (4 * trials ** 2))
    found["interval"] = [(centre - half) / (1 + quantile ** 2 / trials), (centre + half) / (1 + quantile ** 2 / trials)]
    pair = two_way(a - b)
    pair["interval"] = np.clip(pair["interval"], -1, 1).tolist()
    return {"a": as_text(a), "b": as_text(b), "row": found, "pair": pair}


def score_interval(b, c, n):
    """The differences whose score test is not rejected, with the likelihood maximised by search, where the library solves an equation."""
    def score(difference):
        # The probability of only b, given the difference; of only a it is that plus the difference.
        low, high = max(0, -difference), (1 - difference) / 2

        # The likelihood is concave in q: its slope, not its value, tells the maximum to the last digit.
        def slope(q):
            return b / (q + difference) + c / q - 2 * (n - b - c) / (1 - 2 * q - difference)

        edge = 1e-12 * (high - low)
        if slope(low + edge) < 0:
            q = low
        elif slope(high - edge) > 0:
            q = high
        else:
            q = optimize.brentq(slope, low + edge, high - edge, xtol=1e-30, rtol=1e-15)
        return (b - c - n * difference) / np.sqrt(n * (2 * q + difference * (1 - difference)))

    z = stats.norm.ppf(0.975)
    value = (b - c) / n
    return [optimize.brentq(lambda d: score(d) - z, -0.999, value - 1e-12, xtol=1e-15),
            optimize.brentq(lambda d: score(d) + z, value + 1e-12, 0.999, xtol=1e-15)]


def main():
    random = np.random.default_rng(20)
    found = {
        "scipy": scipy.__version__,
        "folds": [folds(random.normal(mean, 0.02, count), ratio)
                  for count, mean, ratio in [(2, 0.01, 0), (5, 0.03, 0), (10, 0.01, 0), (5, 0.03, 0.25), (30, 0.005, 1 / 9),
                                             (10, -0.2, 1 / 9), (1000, 0.001, 0)]],
        "rows": [rows(random, *size) for size in [(2, 10, 0.0), (3, 50, 0.5), (5, 200, 1.0), (10, 64, 1.5), (3, 1000, 2.0)]],
        "pairs": [{"only-a": b, "only-b": c, "total": n, "interval": score_interval(b, c, n)}
                  for b, c, n in [(12, 2, 50), (2, 12, 50), (5, 5, 30), (1, 0, 44), (80, 61, 10_000), (3, 90, 100), (7, 4, 11)]],
    }
    text = json.dumps(found, indent=1)
    (TESTS / "statistics.json").write_text(text + "\n")


if __name__ == "__main__":
    main()

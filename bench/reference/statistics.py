"""What SciPy and scikit-learn say of a few samples, for the tests of workspace/measure.

    bench/.venv/bin/python bench/reference/statistics.py

Writes workspace/measure/tests/statistics.json and figures.json.
"""

import json
import pathlib

import numpy as np
import scipy
import sklearn
from scipy import optimize, special, stats
from sklearn import metrics

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


def top_k(targets, scores, k):
    """Of equal scores those of lower classes come first; scikit-learn's `top_k_accuracy_score` has it the other way round."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return (order == targets[:, None]).any(axis=1).mean()


def calibration(targets, scores):
    """Bins of equal mass, examples of equal confidence in the bin of the first of them."""
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == targets
    place = np.searchsorted(np.sort(confidence), confidence, side="left")
    bins = place * 15 // len(targets)
    return sum(abs(right[bins == b].sum() - confidence[bins == b].sum()) for b in range(15)) / len(targets)


def figures(targets, scores, classes):
    """Scores are probabilities in single precision; figures are computed from them in double precision."""
    scores = scores.astype(np.float32).astype(np.float64)
    predicted = scores.argmax(axis=1)
    occurring = np.unique(targets)
    truth = np.eye(classes)[targets]
    margins = scores[:, 1] - scores[:, 0]
    by_class = np.stack([-margins, margins], axis=1) if classes == 2 else scores
    clip = float(np.finfo(np.float32).eps)
    one_class = len(occurring) == 1
    found = {
        "accuracy": metrics.accuracy_score(targets, predicted),
        "balanced-accuracy": metrics.recall_score(targets, predicted, labels=occurring, average="macro"),
        "macro-f1": metrics.f1_score(targets, predicted, labels=occurring, average="macro", zero_division=0),
        "top-3": top_k(targets, scores, 3) if classes > 3 else None,
        "top-5": top_k(targets, scores, 5) if classes > 5 else None,
        "auroc": None if one_class else
        np.mean([metrics.roc_auc_score(targets == c, by_class[:, c]) for c in occurring]),
        "average-precision": np.mean([metrics.average_precision_score(targets == c, by_class[:, c]) for c in occurring]),
        "log-loss": -np.log(np.clip(scores[np.arange(len(targets)), targets], clip, 1 - clip)).mean(),
        "brier": ((scores - truth) ** 2).sum(axis=1).mean(),
        "ece": calibration(targets, scores),
        "mcc": metrics.matthews_corrcoef(targets, predicted),
        "cohen-kappa": metrics.cohen_kappa_score(targets, predicted),
    }
    normal = scores / scores.sum(axis=1, keepdims=True)
    theirs = metrics.brier_score_loss(targets, normal, labels=range(classes), scale_by_half=False) if classes > 2 else \
        2 * metrics.brier_score_loss(targets, normal[:, 1], labels=[0, 1])
    assert np.isclose(found["brier"], theirs, rtol=1e-6 if np.allclose(scores.sum(axis=1), 1, atol=1e-6) else 0.1)
    # What they say with labels for all classes, where all classes occur.
    if len(occurring) == classes:
        assert np.isclose(found["balanced-accuracy"], metrics.balanced_accuracy_score(targets, predicted))
        # Where probabilities are rounded, those that were alike no longer are once their sum is divided out.
        if classes > 2 and scores.max() < 0.9999 and np.allclose(scores.sum(axis=1), 1, atol=1e-6):
            assert np.isclose(found["auroc"], metrics.roc_auc_score(targets, normal, multi_class="ovr"), rtol=1e-5)
            assert np.isclose(found["average-precision"], metrics.average_precision_score(truth, scores))
            assert np.isclose(found["log-loss"], metrics.log_loss(targets, normal), rtol=1e-4)
    if classes > 5 and len(np.unique(scores)) > 100:
        assert found["top-5"] == metrics.top_k_accuracy_score(targets, scores, k=5, labels=range(classes))
    found = {id: None if value is None or np.isnan(value) else float(value) for id, value in found.items()}
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        targets, predicted, labels=range(classes), zero_division=0)
    return {"classes": classes, "targets": targets.tolist(), "scores": [float(s) for s in scores.ravel()], "figures": found,
            "per-class": [{"precision": p, "recall": r, "f1": f, "support": int(n)}
                          for p, r, f, n in zip(precision, recall, f1, support)]}


def draw(random, examples, classes, sharpness, leave_out=(), decimals=None):
    targets = random.choice([c for c in range(classes) if c not in leave_out], examples)
    logits = random.normal(0, 1, (examples, classes))
    logits[np.arange(examples), targets] += 1
    scores = special.softmax(sharpness * logits, axis=1)
    return targets, scores if decimals is None else scores.round(decimals), classes


def temperature(random, examples, classes, sharpness):
    targets, scores, _ = draw(random, examples, classes, sharpness)
    logits = np.log(scores + 1e-30).astype(np.float32)

    def loss(inverse):
        scaled = inverse * logits.astype(np.float64)
        return (special.logsumexp(scaled, axis=1) - scaled[np.arange(examples), targets]).mean()

    def slope(inverse):
        scaled = inverse * logits.astype(np.float64)
        expected = (special.softmax(scaled, axis=1) * logits).sum(axis=1)
        return (expected - logits[np.arange(examples), targets]).mean()

    inverse = optimize.brentq(slope, 1e-3, 1e3, xtol=1e-15)
    searched = optimize.minimize_scalar(loss, bounds=(1e-3, 20), method="bounded", options={"xatol": 1e-10})
    assert np.isclose(searched.x, inverse, rtol=1e-5)
    return {"classes": classes, "targets": targets.tolist(), "logits": [float(z) for z in logits.ravel()],
            "temperature": 1 / inverse, "before": loss(1), "after": loss(inverse)}


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
    write("statistics.json", found)
    write("figures.json", {
        "scikit-learn": sklearn.__version__,
        "cases": [figures(*draw(random, *case)) for case in [
            (40, 2, 1.0), (30, 3, 1.0), (60, 6, 2.0), (120, 8, 0.5), (50, 4, 1.0, (1,)), (40, 2, 1.0, (), 1),
            (60, 6, 1.0, (0, 5), 1), (20, 3, 60.0), (12, 3, 1.0, (0, 1)), (300, 10, 1.5, (), 2)]],
        "temperatures": [temperature(random, *case) for case in
                         [(50, 2, 0.5), (80, 3, 1.0), (100, 5, 4.0), (40, 10, 0.2)]],
    })


def write(name, found):
    """A case on a line."""
    lines = lambda value: "[\n" + ",\n".join(map(json.dumps, value)) + "\n]" if isinstance(value, list) else json.dumps(value)
    text = ",\n".join(f"{json.dumps(key)}: {lines(value)}" for key, value in found.items())
    (TESTS / name).write_text("{\n" + text + "\n}\n")


if __name__ == "__main__":
    main()

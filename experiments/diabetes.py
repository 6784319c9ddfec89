"""Writes diabetes.csv: scikit-learn's diabetes data (442 patients, 10 measurements, a number to be predicted).

Source: B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, "Least angle regression", Ann. Statist. 32 (2004), 407-499; as
`sklearn.datasets.load_diabetes`. Every fifth patient is a test sample: `python experiments/diabetes.py` writes both files beside
itself, the same bytes every time.
"""

from pathlib import Path

from sklearn.datasets import load_diabetes

data = load_diabetes()
folder = Path(__file__).parent / "diabetes"
folder.mkdir(exist_ok=True)
header = ",".join([*data.feature_names, "progression"])
rows = [
    ",".join([*(f"{value:.6f}" for value in sample), f"{target:.0f}"])
    for sample, target in zip(data.data, data.target)
]
for name, own in [
    ("train", [row for place, row in enumerate(rows) if place % 5 != 0]),
    ("test", [row for place, row in enumerate(rows) if place % 5 == 0]),
]:
    (folder / f"{name}.csv").write_text("\n".join([header, *own]) + "\n")

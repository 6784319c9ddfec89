"""A dataset whose samples have numbers, or several labels, made from nothing but a seed."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

__version__ = "0.1.0"
__license__ = "MIT OR Apache-2.0"

LENGTHS = {"train": 120, "test": 60}


def made(split, targets):
    """Samples and what is true of them."""
    random = np.random.default_rng(len(split))
    samples = random.normal(size=(LENGTHS[split], 6)).astype("float32")
    numbers = samples[:, :2] + samples[:, 2:4] ** 2 + 0.1 * random.normal(size=(LENGTHS[split], 2))
    return samples, (numbers > 1.0 if targets == "multilabel" else numbers).astype("float32")


class Tabular:
    """six features, and two numbers or labels"""

    kind = "dataset"
    id = "tabular"
    element = "float32"

    @dataclass
    class Parameters:
        targets: Literal["numbers", "multilabel"] = "numbers"

    def __init__(self, parameters, host):
        self.targets = parameters.targets

    def describe(self):
        return {"shape": [6, 1, 1], "classes": ["first", "second"], "splits": LENGTHS, "targets": self.targets}

    def numbers(self, split):
        return made(split, self.targets)[1]

    def read(self, split, indices):
        return made(split, self.targets)[0][indices.astype(int)]

"""A plugin for topwork: a dataset in Python. Try it where this file lies:

    topwork plugins check topwork_plugin_@LIBRARY@.py     # does it keep the contract?
    topwork run experiment.toml --plugin-dir .     # its rows in a table

and copy it to ~/.local/share/topwork/plugins to have it everywhere. It needs NumPy; where an environment `.venv` lies beside it,
that is the Python it runs in.
"""

from dataclasses import dataclass, field

import numpy as np

__version__ = "0.1.0"
__license__ = "MIT OR Apache-2.0"

SIDE = 28
CLASSES = ["horizontal", "vertical", "rising", "falling"]


class Stripes:
    """stripes in four directions, 28 x 28"""

    kind = "dataset"
    id = "@NAME@"
    element = "uint8"  # or float32: the type of the numbers that `read` gives; bytes are divided by 255

    @dataclass
    class Parameters:
        samples: int = field(
            default=1000,
            metadata={"description": "images of the split train; test has as many", "minimum": 1, "maximum": 1_000_000},
        )

    def __init__(self, parameters, host):
        self.samples = parameters.samples

    def describe(self):
        return {
            "shape": [1, SIDE, SIDE],
            "classes": CLASSES,
            "splits": {"train": self.samples, "test": self.samples},
        }

    def labels(self, split):
        """The class of every image of a split, as a position in the list of classes. Of ages, counts or several labels: `describe` says
        `"targets": "numbers"` or `"multilabel"`, and `numbers(split)` gives a row of them for each image."""
        return np.arange(self.samples) % len(CLASSES)

    def read(self, split, indices):
        """Images of a split: an array of shape [indices, 1, 28, 28]. The same index gives the same image, whatever the order."""
        row, column = np.mgrid[:SIDE, :SIDE]
        across = [row, column, row + column, row + SIDE - column]
        images = np.empty((len(indices), 1, SIDE, SIDE), np.uint8)
        for image, index in zip(images, indices):
            chance = np.random.default_rng([int(index), split == "test"])
            width, shift = chance.integers(3, 7), chance.integers(8)
            bright = (across[index % len(CLASSES)] + shift) // width % 2 == 0
            image[0] = np.where(bright, 160, 30) + chance.integers(60, size=(SIDE, SIDE))
        return images

"""A plugin for topwork: features of images, computed in Python. Try it where this file lies:

    topwork plugins check topwork_plugin_@LIBRARY@.py     # does it keep the contract?
    topwork run experiment.toml --plugin-dir .     # its row in a table

and copy it to ~/.local/share/topwork/plugins to have it everywhere. It needs NumPy; where an environment `.venv` lies beside it,
that is the Python it runs in.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

__version__ = "0.1.0"
__license__ = "MIT OR Apache-2.0"

SIDE = 28


class Cells:
    """the brightness of square cells of 1 x 28 x 28 images, and its changes"""

    kind = "backbone"
    id = "@NAME@"

    @dataclass
    class Parameters:
        cell: Literal[2, 4, 7, 14] = field(default=4, metadata={"description": "pixels along the side of a cell"})

    def __init__(self, parameters, host):
        # A network would be loaded here, on the device it computes on.
        if parameters.cell not in (2, 4, 7, 14):
            raise ValueError(f"`cell` is {parameters.cell}, expected 2, 4, 7 or 14")
        self.cell = parameters.cell

    def describe(self):
        """What it takes and gives: the shape of an image, and where it can be cut, from the input on."""
        cells = SIDE // self.cell
        return {
            "input": [1, SIDE, SIDE],
            "cuts": [
                {"name": "cells", "shape": [1, cells, cells]},
                {"name": "changes", "shape": [2 * cells * (cells - 1)]},
            ],
        }

    def features(self, cut, images):
        """Features of images, float32 of shape [images, 1, 28, 28], at one of the cuts. They depend on each image alone."""
        cells = SIDE // self.cell
        means = images.reshape(-1, cells, self.cell, cells, self.cell).mean(axis=(2, 4))
        if cut == "cells":
            return means[:, None]
        right = np.diff(means, axis=2).reshape(len(images), -1)
        below = np.diff(means, axis=1).reshape(len(images), -1)
        return np.concatenate([right, below], axis=1)

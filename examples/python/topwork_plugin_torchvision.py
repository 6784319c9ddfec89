"""A plugin for topwork: the datasets of torchvision."""

# /// script
# dependencies = ["torch", "torchvision"]
# ///

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

__version__ = "0.1.0"
__license__ = "MIT OR Apache-2.0"


class Torchvision:
    """a dataset of torchvision, from its files"""

    kind = "dataset"
    id = "torchvision"
    element = "uint8"

    @dataclass
    class Parameters:
        name: Literal["CIFAR10", "CIFAR100", "FashionMNIST", "KMNIST", "MNIST", "STL10", "SVHN"] = field(
            metadata={"description": "the class in torchvision.datasets"}
        )
        root: str = field(default="~/.cache/torchvision", metadata={"description": "the folder that has, or gets, the files"})
        download: bool = field(default=False, metadata={"description": "get the files where they are not there"})

    def __init__(self, parameters, host):
        import os

        from torchvision import datasets

        of, root = getattr(datasets, parameters.name), os.path.expanduser(parameters.root)
        by_split = parameters.name in ("STL10", "SVHN")
        try:
            self.splits = {
                split: of(root, download=parameters.download, **({"split": split} if by_split else {"train": split == "train"}))
                for split in ("train", "test")
            }
        except RuntimeError as error:
            raise FileNotFoundError(f"{error}; or `download = true`, or another `root` than `{root}`")

    def describe(self):
        train = self.splits["train"]
        classes = getattr(train, "classes", None) or [str(label) for label in range(10)]
        return {
            "shape": list(self.image(train, 0).shape),
            "classes": [str(name) for name in classes],
            "splits": {name: len(split) for name, split in self.splits.items()},
        }

    def labels(self, split):
        split = self.splits[split]
        return np.asarray(split.labels if hasattr(split, "labels") else split.targets)

    @staticmethod
    def image(split, index):
        """One image, channels first."""
        image = np.asarray(split[index][0])
        return image[None] if image.ndim == 2 else image.transpose(2, 0, 1)

    def read(self, split, indices):
        return np.stack([self.image(self.splits[split], int(index)) for index in indices])

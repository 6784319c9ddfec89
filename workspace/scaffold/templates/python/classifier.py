"""A plugin for topwork: a classifier in Python. Try it where this file lies:

    topwork plugins check topwork_plugin_@LIBRARY@.py     # does it keep the contract?
    topwork run experiment.toml --plugin-dir .     # its row in a table

and copy it to ~/.local/share/topwork/plugins to have it everywhere. It needs NumPy; where an environment `.venv` lies beside it,
that is the Python it runs in.
"""

import io
from dataclasses import dataclass, field

import numpy as np

__version__ = "0.1.0"
__license__ = "MIT OR Apache-2.0"


class Nearest:
    """the class whose mean is nearest"""

    kind = "classifier"
    id = "@NAME@"
    scores = "ranking"  # or probabilities, or logits: what `predict` gives

    @dataclass
    class Parameters:
        shrink: float = field(
            default=0.0,
            metadata={
                "description": "how far the means move towards that of all samples: 0 not at all, 1 the whole way",
                "minimum": 0,
                "maximum": 1,
            },
        )

    def __init__(self, parameters, host):
        self.shrink = parameters.shrink
        self.host = host
        self.means = None

    def fit(self, features, labels, classes, seed, threads):
        """Fits to float32 features [samples, dimensions] and labels from 0 on. The same input gives the same result to the bit. A head of
        numbers has `fit_numbers(features, numbers, seed, threads)`, too, and then predicts as many columns."""
        self.host.check_stop()
        middle = features.mean(axis=0, dtype=np.float64)
        means = [features[labels == label].mean(axis=0, dtype=np.float64) if (labels == label).any() else middle + 1e9 for label in range(classes)]
        self.means = np.array(means) + self.shrink * (middle - np.array(means))
        return {"parameters": self.means.size}

    def predict(self, features):
        """Scores [samples, classes]; a greater one is a likelier class."""
        distances = [np.square(features.astype(np.float64) - mean).sum(axis=1) for mean in self.means]
        return -np.stack(distances, axis=1)

    # What is fitted is kept with the run, for `topwork predict`. Without these two methods it is not.
    def save(self):
        state = io.BytesIO()
        np.save(state, self.means, allow_pickle=False)
        return state.getvalue()

    def load(self, state):
        self.means = np.load(io.BytesIO(state), allow_pickle=False)

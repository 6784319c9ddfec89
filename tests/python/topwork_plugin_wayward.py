"""Components that go wrong on request, each in its own way."""

import os
import signal
import time
from dataclasses import dataclass, field

import numpy as np

__version__ = "0.1.0"
__license__ = "MIT OR Apache-2.0"


@dataclass
class How:
    how: str = field(default="well", metadata={"description": "what to do"})


class Head:
    """a classifier that goes wrong in fit or predict"""

    kind = "classifier"
    id = "wayward"
    Parameters = How

    def __init__(self, parameters, host):
        self.how, self.host = parameters.how, host
        if self.how == "refuse":
            raise ValueError("`how` is \"refuse\", expected something that works")

    @property
    def scores(self):
        return {"strange scores": "marks", "false probabilities": "probabilities"}.get(self.how, "ranking")

    def fit(self, features, labels, classes, seed, threads):
        self.classes = classes
        if self.how == "raise":
            raise RuntimeError("the matrix is singular")
        if self.how == "no file":
            open("/nowhere/weights.bin")
        if self.how == "no module":
            import no_such_module_anywhere  # noqa: F401
        if self.how == "exit":
            raise SystemExit(3)
        if self.how == "end":
            os._exit(4)
        if self.how == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.how == "hang":
            while True:
                time.sleep(0.01)
        if self.how == "spin":
            import ctypes

            ctypes.PyDLL(None).sleep(1000)  # holds the interpreter's lock
        if self.how == "long":
            for step in range(100_000):
                self.host.check_stop()
                self.host.progress(step, 100_000, "steps")
                time.sleep(0.01)
        if self.how == "write to stdout":
            os.write(1, b"written to the descriptor\n")
            print("printed")
            self.host.log("logged")
            self.host.log("with care", level="warning")
        if self.how == "be edited and end":
            with open(__file__, "a") as file:
                file.write("# another version\n")
            os._exit(4)
        return {
            "tell what nobody asked": {"loss": 1},
            "tell facts": {"facts": {"support-vectors": np.int64(3), "kernel": "rbf"}},
            "tell a fact of no name": {"facts": {"Loss": 1}},
            "tell a fact of no number": {"facts": {"loss": float("nan")}},
            "tell a list of facts": {"facts": [1]},
        }.get(self.how)

    def predict(self, features):
        scores = np.tile(np.arange(self.classes, dtype=np.float32), (len(features), 1))
        return {
            "give too few": scores[:-1],
            "give a column more": np.c_[scores, scores[:, :1]],
            "give text": np.full(scores.shape, "a"),
            "give nothing": None,
            "give NaN": scores * np.nan,
            "false probabilities": scores * 2,
        }.get(self.how, scores)


class Network:
    """a backbone whose features are wrong"""

    kind = "backbone"
    id = "wayward-backbone"
    Parameters = How

    def __init__(self, parameters, host):
        self.how = parameters.how

    def describe(self):
        cuts = [{"name": "pixels", "shape": [784]}]
        if self.how == "no cuts":
            cuts = []
        if self.how == "unknown word":
            return {"input": [1, 28, 28], "cuts": cuts, "mean": 0.5}
        return {"input": [1, 28, 28], "cuts": cuts, "batch": 8 if self.how == "by eight" else None}

    def features(self, cut, images):
        features = images.reshape(len(images), -1)
        if self.how == "mix":
            return features - features.mean(axis=0)
        if self.how == "by eight":
            assert len(images) == 8, len(images)
            return features + (features - features.mean(axis=0)) * 0
        return features

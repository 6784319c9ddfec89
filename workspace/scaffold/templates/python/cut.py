"""A plugin for topwork: a rule that says where to cut a backbone. Try it where this file lies:

    topwork plugins check topwork_plugin_@LIBRARY@.py     # does it keep the contract?
    topwork run experiment.toml --plugin-dir .     # its rows in a table

and copy it to ~/.local/share/topwork/plugins to have it everywhere. It needs NumPy; where an environment `.venv` lies beside it,
that is the Python it runs in.
"""

from dataclasses import dataclass, field

__version__ = "0.1.0"
__license__ = "MIT OR Apache-2.0"


class Behind:
    """behind every layer of one sort, each channel averaged"""

    kind = "cut"
    id = "@NAME@"

    @dataclass
    class Parameters:
        op: str = field(default="relu", metadata={"description": "the sort of layer: relu, max-pool2d, conv2d and so on"})

    def __init__(self, parameters, host):
        self.op = parameters.op

    def cuts(self, backbone):
        """Cuts of a backbone, whose `places` have name, op and shape, from the input on."""
        places = [place for place in backbone["places"] if place["op"] == self.op]
        if not places:
            raise ValueError(f"the backbone has no layer `{self.op}`")
        # Maps become one number per channel; a row of features stays as it is.
        return [
            {"name": place["name"], "after": place["name"], "pool": "gap" if len(place["shape"]) == 3 else None}
            for place in places
        ]

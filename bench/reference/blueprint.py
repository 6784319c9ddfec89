"""A blueprint as a PyTorch module: what each op of the blueprint JSON means, in PyTorch's own words."""

import torch
from torch import nn


def _layer(spec, shape):
    """The module for one layer with weights or settings, given its first input's shape without the batch."""
    op = spec["op"]
    if op == "conv2d":
        padding = spec.get("padding", [0, 0])
        if len(padding) == 4:
            return _PaddedConv2d(shape[0], spec)
        return nn.Conv2d(
            shape[0],
            spec["filters"],
            spec["kernel"],
            stride=spec.get("stride", [1, 1]),
            padding=padding,
            dilation=spec.get("dilation", [1, 1]),
            groups=spec.get("groups", 1),
            bias=spec.get("bias", True),
        )
    if op == "linear":
        return nn.Linear(shape[0], spec["units"], bias=spec.get("bias", True))
    if op == "batch-norm2d":
        return nn.BatchNorm2d(shape[0], eps=spec.get("epsilon", 1e-5), momentum=spec.get("momentum", 0.1))
    if op in ("max-pool2d", "avg-pool2d"):
        pool = nn.MaxPool2d if op == "max-pool2d" else nn.AvgPool2d
        kernel = spec["kernel"]
        return pool(kernel, stride=spec.get("stride", kernel), padding=spec.get("padding", [0, 0]))
    return {
        "global-avg-pool2d": lambda: nn.AdaptiveAvgPool2d(1),
        "dropout": lambda: nn.Dropout(spec["rate"]),
        "relu": nn.ReLU,
        "relu6": nn.ReLU6,
        "gelu": nn.GELU,
        "tanh": nn.Tanh,
        "sigmoid": nn.Sigmoid,
        "silu": nn.SiLU,
        "flatten": nn.Flatten,
    }[op]()


class _PaddedConv2d(nn.Conv2d):
    """A convolution whose padding [top, left, bottom, right] PyTorch's own cannot express."""

    def __init__(self, channels, spec):
        rest = {key: spec[key] for key in ("stride", "dilation", "groups", "bias") if key in spec}
        super().__init__(channels, spec["filters"], spec["kernel"], **rest)
        top, left, bottom, right = spec["padding"]
        self.sides = (left, right, top, bottom)

    def forward(self, x):
        return super().forward(nn.functional.pad(x, self.sides))


class _Add(nn.Module):
    def forward(self, *inputs):
        return sum(inputs[1:], inputs[0])


class _Multiply(nn.Module):
    def forward(self, first, second):
        return first * second


class _Concat(nn.Module):
    def forward(self, *inputs):
        return torch.cat(inputs, dim=1)


_JOINTS = {"add": _Add, "multiply": _Multiply, "concat": _Concat}


class Network(nn.Module):
    """Runs the layers of a blueprint in order; its state dict has the names of the engine's weights files."""

    def __init__(self, blueprint):
        super().__init__()
        self.wiring = []
        shapes = {"input": tuple(blueprint["input"])}
        before = "input"
        for spec in blueprint["layers"]:
            name, inputs = spec["name"], spec.get("inputs", [before])
            joint = _JOINTS.get(spec["op"])
            layer = joint() if joint else _layer(spec, shapes[inputs[0]])
            # A dot in a name is a step into a part, as torchvision's names have it.
            *parts, last = name.split(".")
            place = self
            for part in parts:
                if part not in place._modules:
                    place.add_module(part, nn.Module())
                place = place._modules[part]
            place.add_module(last, layer)
            with torch.no_grad():
                probe = [torch.zeros(2, *shapes[source]) for source in inputs]
                layer.eval()
                shapes[name] = tuple(layer(*probe).shape[1:])
                layer.train()
            self.wiring.append((name, layer, inputs))
            before = name

    def forward(self, x):
        values = {"input": x}
        for name, layer, inputs in self.wiring:
            values[name] = layer(*(values[source] for source in inputs))
        return values[name]

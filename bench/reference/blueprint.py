"""A blueprint as a PyTorch module: what each op of the blueprint JSON means, in PyTorch's own words."""

import torch
from torch import nn
from torch.nn import functional as F


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
        return nn.Linear(shape[-1], spec["units"], bias=spec.get("bias", True))
    if op in ("batch-norm1d", "batch-norm2d"):
        norm = nn.BatchNorm1d if op == "batch-norm1d" else nn.BatchNorm2d
        return norm(shape[0], eps=spec.get("epsilon", 1e-5), momentum=spec.get("momentum", 0.1),
                    affine=spec.get("affine", True))
    if op in ("max-pool2d", "avg-pool2d"):
        kernel = spec["kernel"]
        windows = {"stride": spec.get("stride", kernel), "padding": spec.get("padding", [0, 0]),
                   "ceil_mode": spec.get("ceil-mode", False)}
        if op == "max-pool2d":
            return nn.MaxPool2d(kernel, dilation=spec.get("dilation", [1, 1]), **windows)
        return nn.AvgPool2d(kernel, count_include_pad=spec.get("count-include-pad", True), **windows)
    channels, epsilon = shape[channel_axis(len(shape) + 1) - 1], spec.get("epsilon", 1e-5)
    if op == "pad":
        padding = spec["padding"]
        top, left, bottom, right = padding if len(padding) == 4 else [*padding, *padding]
        return _Function(lambda x: F.pad(x, (left, right, top, bottom), spec.get("mode", "constant"), spec.get("value")))
    if op == "slice":
        return _Function(lambda x: x[:, spec.get("from", 0):spec["to"]])
    if op == "resize":
        mode = spec.get("mode", "nearest")
        corners = None if mode == "nearest" else False
        return nn.Upsample(size=tuple(spec["size"]), mode=mode, align_corners=corners)
    if op == "mean-tokens":
        return _Function(lambda x: x[:, spec.get("skip", 0):].mean(1))
    return {
        "layer-norm": lambda: _ChannelsLast(nn.LayerNorm, channels, eps=epsilon),
        "group-norm": lambda: nn.GroupNorm(spec["groups"], channels, eps=epsilon, affine=spec.get("affine", True)),
        "instance-norm": lambda: nn.InstanceNorm2d(channels, eps=epsilon, affine=spec.get("affine", False)),
        "local-response-norm": lambda: nn.LocalResponseNorm(
            spec["size"], spec.get("alpha", 1e-4), spec.get("beta", 0.75), spec.get("k", 1.0)),
        "scale": lambda: _Scale(channels),
        "tokens": lambda: _Function(lambda x: x.flatten(2).transpose(1, 2)),
        "class-token": lambda: _ClassToken(shape[1], spec.get("registers", 0)),
        "position-embedding": lambda: _PositionEmbedding(*shape, spec.get("skip", 0)),
        "select-token": lambda: _Function(lambda x: x[:, spec.get("index", 0)]),
        "attention": lambda: _Attention(*shape, spec),
        "adaptive-avg-pool2d": lambda: nn.AdaptiveAvgPool2d(tuple(spec["size"])),
        "channel-shuffle": lambda: nn.ChannelShuffle(spec["groups"]),
        "hard-sigmoid": nn.Hardsigmoid,
        "hard-swish": nn.Hardswish,
        "leaky-relu": lambda: nn.LeakyReLU(spec.get("slope", 0.01)),
        "gelu-tanh": lambda: nn.GELU(approximate="tanh"),
        "elu": lambda: nn.ELU(spec.get("alpha", 1.0)),
        "mish": nn.Mish,
        "prelu": lambda: nn.PReLU(channels if spec.get("per-channel") else 1),
        "softmax": lambda: nn.Softmax(dim=channel_axis(len(shape) + 1)),
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


def channel_axis(dims):
    """Where the channels of a batch of vectors, tokens or maps stand, counted with the batch."""
    return {2: 1, 3: 2, 4: 1}[dims]


class _Function(nn.Module):
    """What keeps nothing."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def _ChannelsLast(norm, *arguments, **settings):
    """A norm over the last axis, of a map as well: with its channels moved there, as in ConvNeXt."""

    class Moved(norm):
        def forward(self, x):
            axis = channel_axis(x.dim())
            return super().forward(x.movedim(axis, -1)).movedim(-1, axis)

    return Moved(*arguments, **settings)


class _Scale(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x):
        axis = channel_axis(x.dim())
        return (x.movedim(axis, -1) * self.weight).movedim(-1, axis)


class _ClassToken(nn.Module):
    def __init__(self, width, registers):
        super().__init__()
        self.register_parameter("class", nn.Parameter(torch.zeros(1, 1, width)))
        if registers:
            self.registers = nn.Parameter(torch.zeros(1, registers, width))

    def forward(self, x):
        own = [token.expand(len(x), -1, -1) for token in self.parameters()]
        return torch.cat([*own, x], dim=1)


class _PositionEmbedding(nn.Module):
    def __init__(self, tokens, width, skip):
        super().__init__()
        self.skip, self.weight = skip, nn.Parameter(torch.zeros(1, tokens - skip, width))

    def forward(self, x):
        return torch.cat([x[:, :self.skip], x[:, self.skip:] + self.weight], dim=1)


class _Attention(nn.Module):
    """As timm's, with a number added for each head and pair of tokens where that is wanted."""

    def __init__(self, tokens, width, spec):
        super().__init__()
        self.heads = spec["heads"]
        self.qkv = nn.Linear(width, 3 * width, bias=spec.get("bias", True))
        self.proj = nn.Linear(width, width)
        self.position_bias = None
        if spec.get("position-bias"):
            self.position_bias = nn.Parameter(torch.zeros(self.heads, tokens, tokens))

    def forward(self, x):
        samples, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(samples, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        joined = F.scaled_dot_product_attention(q, k, v, attn_mask=self.position_bias)
        return self.proj(joined.transpose(1, 2).reshape(samples, tokens, width))


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

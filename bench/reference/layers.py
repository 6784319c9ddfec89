"""Writes the arrays of layers that were transcribed from PyTorch's documentation into NumPy, not computed by PyTorch.

    python bench/reference/layers.py

Needs numpy and safetensors. The format is that of `reference.py`. Everything is computed in double precision; gradients are
complex steps, Im f(x + ih)/h with h = 1e-30, which lose no digits and share nothing with the engine's backward passes.
"""

import json
import pathlib

import numpy as np
from safetensors.numpy import save

FOLDER = pathlib.Path(__file__).parent
RANDOM = np.random.default_rng(20)


def where(x, cases, otherwise):
    """Piecewise by the real part, so that a complex step stays within its piece."""
    return np.select([test(x.real) for test, _ in cases], [value(x) for _, value in cases], otherwise(x))


# torch.nn.Hardsigmoid, Hardswish, LeakyReLU and GELU(approximate="tanh"), as their documentation defines them.


def hard_sigmoid(x):
    return where(x, [(lambda x: x <= -3, lambda x: 0 * x), (lambda x: x >= 3, lambda x: 1 + 0 * x)], lambda x: x / 6 + 0.5)


def hard_swish(x):
    return x * hard_sigmoid(x)


def leaky_relu(x, slope=0.01):
    return where(x, [(lambda x: x >= 0, lambda x: x)], lambda x: slope * x)


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def axis_of(x):
    """Where the channels of a batch of vectors, tokens or maps stand."""
    return {2: 1, 3: 2, 4: 1}[x.ndim]


def per_channel(x, values):
    shape = [1] * x.ndim
    shape[axis_of(x)] = -1
    return values.reshape(shape)


def layer_norm(x, weights, epsilon=1e-5):
    """torch.nn.LayerNorm over the last axis; on maps over the channels at each place, as ConvNeXt's LayerNorm2d."""
    axis = axis_of(x)
    mean = x.mean(axis, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon) * per_channel(x, weights["weight"]) + per_channel(x, weights["bias"])


def batch_norm(x, weights, train, epsilon=1e-5, momentum=0.1, affine=False):
    """torch.nn.BatchNorm1d and BatchNorm2d with affine=False; `weights` are those after the pass when it is over."""
    axes = (0, *range(2, x.ndim))
    if train:
        mean = x.mean(axes)
        variance = ((x - per_channel(x, mean)) ** 2).mean(axes)
        count = x.size // x.shape[1]
        weights["after"] = {
            "running_mean": (1 - momentum) * weights["running_mean"] + momentum * mean.real,
            "running_var": (1 - momentum) * weights["running_var"] + momentum * variance.real * count / (count - 1),
        }
    else:
        mean, variance = weights["running_mean"], weights["running_var"]
    return (x - per_channel(x, mean)) / np.sqrt(per_channel(x, variance) + epsilon)


def attention(x, weights, heads, bias=True):
    """`Attention` of timm's vision_transformer.py, written out."""
    samples, tokens, width = x.shape
    maps = x @ weights["qkv.weight"].T + weights.get("qkv.bias", 0)
    q, k, v = maps.reshape(samples, tokens, 3, heads, width // heads).transpose(2, 0, 3, 1, 4)
    scores = q @ k.swapaxes(-2, -1) / np.sqrt(width // heads)
    shares = np.exp(scores - scores.real.max(-1, keepdims=True))
    shares = shares / shares.sum(-1, keepdims=True)
    joined = (shares @ v).swapaxes(1, 2).reshape(samples, tokens, width)
    return joined @ weights["proj.weight"].T + weights["proj.bias"]


FUNCTIONS = {"hard-sigmoid": hard_sigmoid, "hard-swish": hard_swish, "leaky-relu": leaky_relu, "gelu-tanh": gelu_tanh}


def run(spec, weights, inputs, train):
    x = inputs[0]
    settings = {key: value for key, value in spec.items() if key not in ("op", "name", "inputs", "initial")}
    match spec["op"]:
        case "tokens":
            return x.reshape(*x.shape[:2], -1).swapaxes(1, 2)
        case "flatten":
            return x.reshape(len(x), -1)
        case "add":
            return sum(inputs[1:], x)
        case "scale":
            return x * per_channel(x, weights["weight"])
        case "layer-norm":
            return layer_norm(x, weights, **settings)
        case "batch-norm1d" | "batch-norm2d":
            return batch_norm(x, weights, train, **settings)
        case "attention":
            return attention(x, weights, **settings)
        case op:
            return FUNCTIONS[op](x, **settings)


def first_weights(spec, shape):
    """Arrays away from their plain initial values, for a first input of this shape without the batch."""
    uniform = lambda low, high, *shape: RANDOM.uniform(low, high, shape)
    channels = shape[1] if len(shape) == 2 else shape[0]
    match spec["op"]:
        case "scale":
            return {"weight": uniform(0.5, 1.5, channels)}
        case "layer-norm":
            return {"weight": uniform(0.5, 1.5, channels), "bias": uniform(-0.5, 0.5, channels)}
        case "batch-norm1d" | "batch-norm2d":
            return {"running_mean": uniform(-0.5, 0.5, channels), "running_var": uniform(0.5, 1.5, channels)}
        case "attention":
            arrays = {"qkv.weight": uniform(-1, 1, 3 * channels, channels)}
            if spec.get("bias", True):
                arrays["qkv.bias"] = uniform(-1, 1, 3 * channels)
            return arrays | {"proj.weight": uniform(-1, 1, channels, channels), "proj.bias": uniform(-1, 1, channels)}
        case _:
            return {}


def network(layers, weights, x, train):
    values = {"input": x}
    before = "input"
    for spec in layers:
        inputs = [values[name] for name in spec.get("inputs", [before])]
        if spec["name"] not in weights:
            weights[spec["name"]] = first_weights(spec, inputs[0].shape[1:])
        before = spec["name"]
        values[before] = run(spec, weights[before], inputs, train)
    return values[before]


def layer(op, name=None, **settings):
    return {"name": name or op, "op": op, **settings}


def cases():
    case = lambda name, shape, *layers, mode="train": {
        "name": name, "mode": mode, "blueprint": {"format": 1, "input": list(shape), "layers": list(layers)}}
    for op in ("hard-sigmoid", "hard-swish", "leaky-relu", "gelu-tanh"):
        yield case(op, (3, 5, 4), layer(op))
    yield case("leaky-relu-slope", (3, 5, 4), layer("leaky-relu", slope=0.2))
    yield case("layer-norm-vector", (7,), layer("layer-norm"))
    yield case("layer-norm-map", (5, 3, 4), layer("layer-norm", epsilon=1e-3))
    yield case("layer-norm-tokens", (5, 3, 2), layer("tokens"), layer("layer-norm"))
    yield case("scale-vector", (7,), layer("scale"))
    yield case("scale-map", (5, 3, 4), layer("scale", initial=0.5))
    yield case("scale-tokens", (5, 3, 2), layer("tokens"), layer("scale"))
    for mode in ("train", "eval"):
        yield case(f"batch-norm1d-without-affine-{mode}", (6,), layer("batch-norm1d", affine=False), mode=mode)
        settings = {"epsilon": 1e-3, "momentum": 0.3, "affine": False}
        yield case(f"batch-norm2d-without-affine-{mode}", (4, 3, 3), layer("batch-norm2d", **settings), mode=mode)
    yield case("attention", (6, 3, 2), layer("tokens"), layer("attention", heads=2))
    yield case("attention-without-bias", (6, 2, 2), layer("tokens"), layer("attention", heads=3, bias=False))
    yield case(
        "transformer-block", (8, 3, 2), layer("tokens"), layer("layer-norm", "norm1"), layer("attention", heads=2),
        layer("scale", "scale1"), layer("add", "add1", inputs=["tokens", "scale1"]), layer("layer-norm", "norm2"),
        layer("gelu-tanh"), layer("add", "add2", inputs=["add1", "gelu-tanh"]), layer("flatten"),
    )


def complex_steps(function, array):
    """The gradient of a real function by every number of an array, which is changed and put back."""
    gradient = np.empty(array.shape)
    for index in np.ndindex(array.shape):
        array[index] += 1e-30j
        gradient[index] = function().imag / 1e-30
        array[index] = array[index].real
    return gradient


def main():
    tensors, about = {}, []
    for case in cases():
        name, blueprint, train = case["name"], case["blueprint"], case["mode"] == "train"
        layers = blueprint["layers"]
        x = (RANDOM.standard_normal((3, *blueprint["input"])) * 2).astype(np.float32).astype(complex)
        weights = {}
        network(layers, weights, x, train)
        for arrays in weights.values():
            for key in [key for key in arrays if key != "after"]:
                arrays[key] = arrays[key].astype(np.float32).astype(complex)
        keep = lambda key, values: tensors.update({f"{name}/{key}": np.ascontiguousarray(values.real, np.float32)})
        keep("input", x)
        for own, arrays in weights.items():
            for key, values in arrays.items():
                if key != "after":
                    keep(f"weights/{own}.{key}", values)
        output = network(layers, weights, x, train)
        keep("output", output)
        behind = RANDOM.standard_normal(output.shape).astype(np.float32)
        keep("output-gradient", behind)
        for own, arrays in weights.items():
            for key, values in arrays.get("after", {}).items():
                keep(f"after/{own}.{key}", values)
        total = lambda: (network(layers, weights, x, train) * behind).sum()
        keep("gradients/input", complex_steps(total, x))
        for own, arrays in weights.items():
            for key, values in arrays.items():
                if key != "after" and "running" not in key:
                    keep(f"gradients/{own}.{key}", complex_steps(total, values))
        about.append(case)
    (FOLDER / "layers.safetensors").write_bytes(save(tensors, {"cases": json.dumps(about)}))


if __name__ == "__main__":
    main()

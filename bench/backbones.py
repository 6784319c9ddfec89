"""Writes the features that networks of timm and torchvision give, for the tests of the plugins that have blueprints of them.

    python bench/backbones.py [PLUGIN …]

Needs timm (1.0.31), torchvision (0.24.1), torch (2.9.1) and safetensors. Weights are not kept: they are numbers made of their names
and places (`weight`), which the tests make in the same way, so that whole networks fit into a small file. It holds `images`,
`CASE: features`, and in its metadata the cases: the parameters of the plugin, names and shapes of the weights.
"""

import json
import math
import pathlib
import sys

import numpy
import timm
import torch
import torchvision
from safetensors.torch import save

PLUGINS = pathlib.Path(__file__).parent.parent / "plugins"
vision = torchvision.models


def weight(name, shape):
    """A number for each place of a weight, drawn by a hash of the weight's name (32-bit FNV-1a) and the place (murmur3's finaliser):
    variances and scales around 1, and what is multiplied with many numbers so that these stay as large as they were."""
    start = 0x811C9DC5
    for byte in name.encode():
        start = (start ^ byte) * 0x01000193 % 2**32
    count = math.prod(shape)
    bits = (start + numpy.arange(count, dtype=numpy.uint64) * 0x9E3779B9) % 2**32
    for shift, factor in [(16, 0x85EBCA6B), (13, 0xC2B2AE35)]:
        bits = (bits ^ (bits >> shift)) * factor % 2**32
    uniform = (bits ^ (bits >> 16)) / 2**32
    several = [size for size in shape if size != 1]
    if len(several) > 1:
        values = (2 * uniform - 1) * math.sqrt(6 / math.prod(shape[1:]))
    elif name.endswith("running_var"):
        values = 0.5 + uniform
    elif name.endswith((".weight", ".gamma", ".layer_scale")):
        values = 0.8 + 0.4 * uniform
    else:
        values = 0.4 * (uniform - 0.5)
    return torch.from_numpy(values.astype(numpy.float32).reshape(shape))


def small_vit(registers=0, **settings):
    return timm.models.VisionTransformer(
        img_size=12, patch_size=4, embed_dim=12, depth=2, num_heads=3, num_classes=3, reg_tokens=registers,
        global_pool="token", **settings)


def tokens(pool, registers=0):
    def features(network, images):
        if isinstance(network, vision.VisionTransformer):
            tokens = network.conv_proj(images).flatten(2).transpose(1, 2)
            tokens = network.encoder(torch.cat([network.class_token.expand(len(images), -1, -1), tokens], dim=1))
        else:
            tokens = network.forward_features(images)
        class_token, mean = tokens[:, 0], tokens[:, 1 + registers:].mean(1)
        both = torch.cat([class_token, mean], dim=1)
        return {"class-token": class_token, "mean-tokens": mean, "class+mean": both}[pool]

    return features


def vit():
    sizes = {"width": 12, "depth": 2, "heads": 3, "patch": 4, "resolution": 12}
    scaled = {"init_values": 1e-5}
    for name, parameters, network in [
        ("vit", {"variant": "vit", "pool": "class-token"}, small_vit()),
        ("deit3", {"variant": "deit3", "pool": "mean-tokens"}, small_vit(no_embed_class=True, **scaled)),
        ("dinov2", {"variant": "dinov2", "pool": "class-token"}, small_vit(**scaled)),
        ("dinov2-registers", {"variant": "dinov2", "pool": "class+mean", "registers": 4},
         small_vit(registers=4, no_embed_class=True, **scaled)),
        ("torchvision", {"variant": "vit", "pool": "class-token"},
         vision.VisionTransformer(12, 4, 2, 3, 12, 48, num_classes=3)),
    ]:
        yield name, {**sizes, **parameters}, network, tokens(parameters["pool"], parameters.get("registers", 0))


def before(last):
    """What enters a module."""

    def features(network, images):
        found = []
        hook = network.get_submodule(last).register_forward_pre_hook(lambda _module, inputs: found.append(inputs[0]))
        network(images)
        hook.remove()
        return found[0].flatten(1)

    return features


def resnet():
    for depth in (18, 50, 101):
        made = vision.get_model(f"resnet{depth}", weights=None)
        yield f"resnet{depth}", {"depth": depth, "input": [3, 64, 64]}, made, before("fc")
    yield "timm resnet50", {"depth": 50, "input": [3, 64, 64]}, timm.create_model("resnet50"), before("fc")


def mobilenet():
    for name, variant, last in [
        ("mobilenet_v2", "v2", "classifier"), ("mobilenet_v3_small", "v3-small", "classifier.3"),
        ("mobilenet_v3_large", "v3-large", "classifier.3"),
    ]:
        yield name, {"variant": variant, "resolution": 64}, vision.get_model(name, weights=None), before(last)
    yield ("mobilenet_v2 of half the width", {"variant": "v2", "width": 0.5, "resolution": 64},
           vision.mobilenet_v2(width_mult=0.5), before("classifier"))
    for name, variant in [("mobilenetv2_100", "v2"), ("mobilenetv3_small_100", "v3-small"), ("mobilenetv3_large_100", "v3-large")]:
        yield (f"timm {name}", {"variant": variant, "resolution": 64, "epsilon": 1e-5}, timm.create_model(name),
               before("classifier"))


def convnext():
    yield "convnext_tiny", {"size": "tiny", "resolution": 64}, vision.convnext_tiny(), before("classifier.2")
    yield "timm convnext_tiny", {"size": "tiny", "resolution": 64}, timm.create_model("convnext_tiny"), before("head.fc")
    yield "convnext_small", {"size": "small", "resolution": 64}, vision.convnext_small(), before("classifier.2")


# The networks of each plugin with its parameters, and what gives their features; height and width of the images.
CASES = {"vit": (vit, 12), "resnet": (resnet, 64), "mobilenet": (mobilenet, 64), "convnext": (convnext, 64)}


def main():
    torch.set_num_threads(1)
    for plugin in sys.argv[1:] or CASES:
        cases, size = CASES[plugin]
        torch.manual_seed(3)
        images = torch.rand(2, 3, size, size)
        tensors, about = {"images": images}, []
        for name, parameters, network, features in cases():
            network.eval()
            state = network.state_dict()
            shapes = {key: list(value.shape) for key, value in state.items() if value.dtype == torch.float32}
            network.load_state_dict({key: weight(key, shape) for key, shape in shapes.items()}, strict=False)
            with torch.no_grad():
                rounded = features(network, images)
                # What is compared with has twice the digits: how far PyTorch's own are apart tells what rounding does.
                found = features(network.double(), images.double())
            most = found.abs().max()
            apart, off = (float(far.abs().max() / most) for far in (found[0] - found[1], rounded - found))
            print(f"{name}: {found.shape[1]} features, images {apart:.2g} of the largest apart, PyTorch's {off:.1e}")
            found = found.float().contiguous()
            assert apart > 1e-2, "nothing would be proved where features are alike"
            tensors[f"{name}: features"] = found
            about.append({"name": name, "parameters": parameters, "weights": shapes})
        (PLUGINS / plugin / "tests/published.safetensors").write_bytes(save(tensors, {"cases": json.dumps(about)}))


if __name__ == "__main__":
    main()

"""Writes small vision transformers with timm's and torchvision's names of weights, and the features they give.

    python bench/vit.py

Needs timm (1.0.31), torchvision (0.24.1), torch (2.9.1) and safetensors. The tests of `plugins/vit` load the weights into its
blueprints. Tensors are called `CASE/NAME` as in the files of those libraries, and `CASE: features`; the cases with the parameters of
the plugin stand in the metadata.
"""

import json
import pathlib

import timm
import torch
import torchvision
from safetensors.torch import save

FILE = pathlib.Path(__file__).parent.parent / "plugins/vit/tests/reference.safetensors"

SIZES = {"width": 12, "depth": 2, "heads": 3, "patch": 4, "resolution": 12}


def of_timm(registers=0, **settings):
    return timm.models.VisionTransformer(
        img_size=12, patch_size=4, embed_dim=12, depth=2, num_heads=3, num_classes=3, reg_tokens=registers,
        global_pool="token", **settings)


def of_torchvision():
    return torchvision.models.VisionTransformer(12, 4, 2, 3, 12, 48, num_classes=3)


def cases():
    scaled = {"init_values": 1e-5}
    yield "vit", {"variant": "vit", "pool": "class-token"}, of_timm()
    yield "deit3", {"variant": "deit3", "pool": "mean-tokens"}, of_timm(no_embed_class=True, **scaled)
    yield "dinov2", {"variant": "dinov2", "pool": "class-token"}, of_timm(**scaled)
    registers = {"variant": "dinov2", "pool": "class+mean", "registers": 4}
    yield "dinov2-registers", registers, of_timm(registers=4, no_embed_class=True, **scaled)
    yield "torchvision", {"variant": "vit", "pool": "class-token"}, of_torchvision()


def features(network, pool, registers, images):
    if isinstance(network, torchvision.models.VisionTransformer):
        tokens = network.conv_proj(images).flatten(2).transpose(1, 2)
        tokens = network.encoder(torch.cat([network.class_token.expand(len(images), -1, -1), tokens], dim=1))
        return tokens[:, 0]
    tokens = network.forward_features(images)
    class_token, mean = tokens[:, 0], tokens[:, 1 + registers:].mean(1)
    return {"class-token": class_token, "mean-tokens": mean, "class+mean": torch.cat([class_token, mean], dim=1)}[pool]


def main():
    torch.set_num_threads(1)
    torch.manual_seed(3)
    images = torch.rand(2, 3, 12, 12)
    tensors, about = {"images": images}, []
    for name, parameters, network in cases():
        network.eval()
        with torch.no_grad():
            for key, value in network.state_dict().items():
                # Away from zeros and ones, so that nothing can be forgotten unseen.
                around = float(value.dim() == 1 and key.endswith((".weight", ".gamma")))
                value.uniform_(-0.3, 0.3).add_(around)
            found = features(network, parameters["pool"], parameters.get("registers", 0), images)
        tensors |= {f"{name}/{key}": value.clone() for key, value in network.state_dict().items()}
        tensors[f"{name}: features"] = found
        about.append({"name": name, "parameters": {**SIZES, **parameters}})
    tensors = {key: value.contiguous().clone() for key, value in tensors.items()}
    FILE.write_bytes(save(tensors, {"cases": json.dumps(about)}))


if __name__ == "__main__":
    main()

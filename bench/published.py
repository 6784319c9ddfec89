"""Nets as torchvision and timm define them, as files in the ONNX format.

    python bench/published.py FOLDER NAME…        such as mobilenet_v2 resnet50, or timm/vit_tiny_patch16_224

Weights are random with a fixed seed: what is compared is arithmetic, and no file is downloaded. Statistics of batch norms are
set to what maps of a trained net have, so that activations neither vanish nor grow. Needs torch, torchvision, timm and onnx.
"""

import pathlib
import sys

import torch
import torchvision


def net(name, seed=0):
    """The net of this name in evaluation."""
    torch.manual_seed(seed)
    if name.startswith("timm/"):
        import timm

        made = timm.create_model(name.removeprefix("timm/"), pretrained=False)
    else:
        made = torchvision.models.get_model(name, weights=None)
    plausible(made)
    return made.eval()


def plausible(made):
    """Draws what is constant at first: batch norms' statistics and scales as of a net that has seen something."""
    for module in made.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.8, 1.2)
            torch.nn.init.uniform_(module.bias, -0.1, 0.1)


def export(made, path, size=224, dynamo=False, fixed=False):
    images = torch.zeros(1 if fixed else 2, 3, size, size)
    open_batch = {} if fixed else {"dynamic_axes": {"images": {0: "batch"}, "scores": {0: "batch"}}}
    torch.onnx.export(
        made, (images,), path, input_names=["images"], output_names=["scores"], dynamo=dynamo, **open_batch
    )


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:]:
        path = folder / f"{name.removeprefix('timm/')}.onnx"
        export(net(name), path)
        print(path)

"""Nets as torchvision and timm define them, as files in the ONNX format.

    python bench/published.py FOLDER NAME…        such as mobilenet_v2 resnet50, or timm/vit_tiny_patch16_224

Weights are random with a fixed seed: what is compared is arithmetic, and no file is downloaded. Statistics of batch norms are
those of random pictures, as after training: with others, what the first layers tell of an image is lost in rounding behind the
last. Needs torch, torchvision, timm and onnx.
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
    seen(made)
    return made.eval()


def seen(made):
    """Draws the scales of batch norms, which are constant at first, and takes their statistics from pictures: noise in spots of many
    sizes."""
    for module in made.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            torch.nn.init.uniform_(module.weight, 0.8, 1.2)
            torch.nn.init.uniform_(module.bias, -0.1, 0.1)
            # The mean over all batches instead of one that forgets.
            module.momentum = None
            module.reset_running_stats()
    with torch.no_grad():
        for spots in (4, 8, 16, 32):
            pictures = torch.nn.functional.interpolate(torch.randn(8, 3, spots, spots), size=224, mode="bicubic")
            made.train()(pictures)


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

"""One step of gradient descent on networks out of ONNX files, by topwork and by PyTorch: gradients of all weights side by side.

    python bench/gradients.py --topwork target/release/topwork --folder target/onnx [NETWORK ...]

Writes bench/gradients.md. Networks, their weights and their images are those of imported.py, and so are the files, written by the
older exporter. `topwork run` fine-tunes network and head for one epoch of one batch, once with a learning rate that changes
nothing, which tells the weights there were, and once with one that does; the difference over the learning rate is the gradient. A
third run takes a usual step, whose weights are compared.
PyTorch starts with the same weights and computes in 64 bits, and in 32 for comparison: where rounding turns the sign of what a
rectifier gets, gradients jump. Weights are found again by their numbers, as layers have other names there.
Needs torch, torchvision, timm, onnx, safetensors and pillow.
"""

import argparse
import contextlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy
import torch
from safetensors.numpy import load_file

import imported

FOLDER = pathlib.Path(__file__).resolve().parent
# Where the network is cut, and what its features are there. Batch normalisations are folded into convolutions by both.
NETWORKS = {
    "squeezenet1_1": ("features", "gap"),
    "resnet18": ("layer4", "gap"),
    "resnet18-silu": ("layer4", "gap"),
    "convnext_tiny": ("stages.3", "gap"),
    "vit_tiny_patch16_224": ("norm", "class-token"),
    "vit_small_patch14_reg4_dinov2": ("norm", "class-token"),
    "swin_t": ("norm", "gap"),
}
# Learning rates: one that changes nothing, one that brings gradients out, and a usual one.
SMALL, LARGE, USUAL = 1e-30, 64.0, 0.01
IMAGES, NEAR = 8, 1e-5
EXPERIMENT = """name = "gradients"
[backbone]
use = "onnx"
file = "{file}"
[target]
cut = {{ at = "{cut}", pool = "{pool}" }}
dataset = {{ use = "image-folder", train-folder = "photos", test-folder = "photos", size = 224, normalise = {{ mean = [0, 0, 0], std = [1, 1, 1] }} }}
[[strategy]]
name = "step"
kind = "fine-tune"
head = {{ use = "mlp", hidden = [] }}
train = {{ epochs = 1, batch-size = {images}, optimizer = "sgd", learning-rate = {rate} }}
"""


def weights(topwork, folder, name, run, rate):
    """All weights after the step of the run of this number, by the names that topwork gives them."""
    cut, pool = NETWORKS[name]
    file = (arguments.folder / f"{name}-legacy-fixed.onnx").resolve()
    text = EXPERIMENT.format(file=file, cut=cut, pool=pool, images=IMAGES, rate=rate)
    (folder / "e.toml").write_text(text)
    for command in (["run", "e.toml", "--ui", "none"], ["export", run, "--row", "step", "-o", f"{rate}.safetensors"]):
        done = subprocess.run([topwork, *command], cwd=folder, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{name}: {command}\n{done.stderr}")
    return load_file(folder / f"{rate}.safetensors")


def drawn(name):
    """The network of this name, with SiLU in the place of its rectifiers where that is asked for: what is smooth has no jumps."""
    model = imported.drawn(name.removesuffix("-silu"))
    if name.endswith("-silu"):
        for key, module in list(model.named_modules()):
            if isinstance(module, torch.nn.ReLU):
                model.set_submodule(key, torch.nn.SiLU())
    return model.eval()


def fold_norms(model):
    """Every batch normalisation into the convolution before it, as the exporter does."""
    convolution = None
    for name, module in list(model.named_modules()):
        if isinstance(module, torch.nn.Conv2d):
            convolution = name
        elif isinstance(module, torch.nn.BatchNorm2d):
            model.set_submodule(convolution, torch.nn.utils.fusion.fuse_conv_bn_eval(model.get_submodule(convolution), module))
            model.set_submodule(name, torch.nn.Identity())
    # A bias that is folded into a convolution without one is no parameter that is learnt.
    model.requires_grad_()


def features(name, model, images):
    cut, pool = NETWORKS[name]
    found = []
    hook = model.get_submodule(cut).register_forward_hook(lambda _module, _inputs, output: found.append(output))
    model(images)
    hook.remove()
    # Swin has its channels last.
    places = (1, 2) if name == "swin_t" else (2, 3)
    return found[0].mean(dim=places) if pool == "gap" else found[0][:, 0]


def compare(topwork, name, paths):
    model = drawn(name)
    file = arguments.folder / f"{name}-legacy-fixed.onnx"
    if not file.exists():
        imported.export(model, str(file), "legacy", "fixed")
    fold_norms(model)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for number, path in enumerate(paths):
            place = folder / "photos" / "ab"[number % 2]
            place.mkdir(parents=True, exist_ok=True)
            (place / path.name).write_bytes(path.read_bytes())
        before, after, fitted = (
            weights(topwork, folder, name, str(run), rate) for run, rate in enumerate((SMALL, LARGE, USUAL), start=1)
        )
    head = {key: torch.tensor(value, requires_grad=True) for key, value in before.items() if key.startswith("head.")}
    theirs = {f"trunk.{key}": value for key, value in model.named_parameters()} | head
    found = {}
    for key, value in before.items():
        near = lambda other: numpy.abs(other.detach().numpy().ravel() - value.ravel()).max() < NEAR
        alike = [other for other, there in theirs.items() if there.numel() == value.size and near(there)]
        if not alike:
            sys.exit(f"{name}: PyTorch has no weights that are `{key}` of {value.shape}")
        # Where several are alike, such as biases of 0, the name tells them apart.
        found[key] = theirs.pop(key if key in alike else alike[0])
        with torch.no_grad():
            # Folded batch normalisations are rounded otherwise.
            found[key].copy_(torch.from_numpy(value).reshape(found[key].shape))
    images = torch.from_numpy(imported.pixels(paths))
    labels = torch.tensor([number % 2 for number in range(len(paths))])
    single = {key: gradient.double() for key, gradient in gradients(name, model, head, found, images, labels).items()}
    model.double()
    for value in head.values():
        value.data = value.data.double()
    exact = gradients(name, model, head, found, images.double(), labels)
    if any(value.grad is not None for value in theirs.values()):
        sys.exit(f"{name}: topwork lacks weights that PyTorch has gradients of")
    ours = {key: torch.from_numpy((value.astype(float) - after[key]) / LARGE) for key, value in before.items()}
    worst = lambda some: max(
        float((some[key].reshape(there.shape) - there).abs().max() / there.abs().max()) for key, there in exact.items()
    )
    stepped = {key: torch.from_numpy(value).double() for key, value in before.items()}
    for key, gradient in exact.items():
        stepped[key] -= USUAL * gradient.reshape(stepped[key].shape)
    apart = max(
        float((torch.from_numpy(fitted[key]).double() - there).abs().max() / there.abs().max()) for key, there in stepped.items()
    )
    return len(before), worst(ours), worst(single), apart


def gradients(name, model, head, found, images, labels):
    for parameter in [*model.parameters(), *head.values()]:
        parameter.grad = None
    weight = next(value for value in head.values() if value.ndim == 2)
    bias = next(value for value in head.values() if value.ndim == 1)
    logits = torch.nn.functional.linear(features(name, model, images), weight, bias)
    torch.nn.functional.cross_entropy(logits, labels).backward()
    return {key: value.grad.clone() for key, value in found.items()}


def main():
    warnings.filterwarnings("ignore")
    torch.set_num_threads(2)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    paths = imported.images(arguments.folder / "images")[:IMAGES]
    text = [
        "# Gradients of networks out of ONNX files", "",
        f"PyTorch {torch.__version__}; written by `bench/gradients.py`: one step of gradient descent on {IMAGES} images by `topwork run` and by "
        "PyTorch, from the same weights. The differences are the largest of any array of weights from PyTorch's gradients in 64 bits, as a share "
        "of the largest gradient in that array: topwork's, and those of PyTorch in 32 bits. The last column is the largest difference of any "
        f"array of weights after a step with the learning rate {USUAL}, as a share of the largest weight in that array.", "",
        "Where rounding turns the sign of what a rectifier gets, a gradient jumps: `resnet18-silu` is ResNet-18 with SiLU in the place of "
        "rectifiers, which has no such places.", "",
        "| network | arrays of weights | topwork | PyTorch, 32 bits | weights after a step |", "|---|--:|--:|--:|--:|",
    ]
    # All rows that were measured, so that the page may be made in parts.
    kept = arguments.folder / "gradients.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    for name in arguments.networks or NETWORKS:
        with contextlib.redirect_stdout(io.StringIO()):
            count, *differences = compare(arguments.topwork, name, paths)
        known[name] = f"| {name} | {count} | " + " | ".join(f"{share:.1e}" for share in differences) + " |"
        kept.write_text(json.dumps(known))
        print(known[name], flush=True)
    text += [known[name] for name in NETWORKS if name in known]
    (FOLDER / "gradients.md").write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--topwork", default="target/release/topwork", type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("--folder", default="target/onnx", type=pathlib.Path)
    parser.add_argument("networks", nargs="*")
    arguments = parser.parse_args()
    main()

"""One step of gradient descent on networks out of ONNX files, by topwork and by PyTorch: gradients of all weights side by side.

    python bench/gradients.py --topwork target/release/topwork --folder target/onnx [NETWORK ...]

Writes bench/gradients.md. Networks, their weights and their images are those of imported.py, and so are the files, written by the
older exporter. `topwork run` fine-tunes network and head for one epoch of one batch, once with a learning rate that changes
nothing, which tells the weights there were, and once with one that does; the difference over the learning rate is the gradient.
PyTorch starts with the same weights and computes in 64 bits, and in 32 for comparison: where rounding turns the sign of what a
rectifier gets, gradients jump. Weights are found again by their numbers, as layers have other names there.
Needs torch, torchvision, timm, onnx, safetensors and pillow.
"""

import argparse
import contextlib
import io
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
    "convnext_tiny": ("stages.3", "gap"),
    "vit_tiny_patch16_224": ("norm", "class-token"),
    "vit_small_patch14_reg4_dinov2": ("norm", "class-token"),
}
IMAGES, SMALL, STEP, NEAR = 8, 1e-30, 64.0, 1e-5
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
    return found[0].mean(dim=(2, 3)) if pool == "gap" else found[0][:, 0]


def compare(topwork, name, paths):
    model = imported.drawn(name)
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
        before, after = (weights(topwork, folder, name, run, rate) for run, rate in (("1", SMALL), ("2", STEP)))
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
    ours = {key: torch.from_numpy((value.astype(float) - after[key]) / STEP) for key, value in before.items()}
    worst = lambda some: max(
        float((some[key].reshape(there.shape) - there).abs().max() / there.abs().max()) for key, there in exact.items()
    )
    return len(before), worst(ours), worst(single)


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
        "of the largest gradient in that array: topwork's, and those of PyTorch in 32 bits.", "",
        "| network | arrays of weights | topwork | PyTorch, 32 bits |", "|---|--:|--:|--:|",
    ]
    for name in arguments.networks or NETWORKS:
        with contextlib.redirect_stdout(io.StringIO()):
            count, ours, single = compare(arguments.topwork, name, paths)
        text.append(f"| {name} | {count} | {ours:.1e} | {single:.1e} |")
        print(text[-1], flush=True)
    (FOLDER / "gradients.md").write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--topwork", default="target/release/topwork", type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("--folder", default="target/onnx", type=pathlib.Path)
    parser.add_argument("networks", nargs="*")
    arguments = parser.parse_args()
    main()

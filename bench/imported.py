"""Networks of torchvision and timm, exported to ONNX, as networks of topwork: features beside PyTorch's, speed beside onnxruntime's.

    python bench/imported.py --topwork target/release/topwork --folder target/onnx [NETWORK ...]
    python bench/imported.py --speed …      on a quiet machine

The first writes bench/imported.md of the networks named and those measured before, the second bench/imported-speed.md. Weights are drawn by fixed seeds, as nothing is fetched; the statistics of batch normalisations are drawn
too, and so is what begins as all zeros or all the same in networks with layer or group normalisation (biases, layer scales, learned tokens),
so that all of it changes what is computed. A network is exported by both of PyTorch's exporters, for one image and for any number
of them. Features are compared at cuts named after modules, the way a user names them, on noise of 224×224. Needs torch,
torchvision, timm, onnx, onnxscript, onnxruntime and pillow.
"""

import argparse
import json
import pathlib
import subprocess
import time
import warnings

import numpy
import onnxruntime
import timm
import torch
import torchvision
from PIL import Image

FOLDER = pathlib.Path(__file__).resolve().parent
vision = torchvision.models

# What makes a network, and the modules to cut behind: two in the middle, and what the classifier gets.
NETWORKS = {
    "resnet18": (lambda: vision.resnet18(), ["layer2", "layer3.0", "avgpool"]),
    "resnet50": (lambda: vision.resnet50(), ["layer2", "layer3.2", "avgpool"]),
    "vgg11": (lambda: vision.vgg11(), ["features.5", "features.15", "avgpool"]),
    "densenet121": (lambda: vision.densenet121(), ["features.denseblock1", "features.transition2", "features.norm5"]),
    "squeezenet1_1": (lambda: vision.squeezenet1_1(), ["features.5", "features.8", "features"]),
    "googlenet": (lambda: vision.googlenet(init_weights=False, aux_logits=False), ["inception3a", "inception4c", "avgpool"]),
    "shufflenet_v2_x1_0": (lambda: vision.shufflenet_v2_x1_0(), ["stage2", "stage3", "conv5"]),
    "mobilenet_v2": (lambda: vision.mobilenet_v2(), ["features.6", "features.13", "features"]),
    "mobilenet_v3_small": (lambda: vision.mobilenet_v3_small(), ["features.3", "features.8", "avgpool"]),
    "efficientnet_b0": (lambda: timm.create_model("efficientnet_b0"), ["blocks.2", "blocks.4.1", "global_pool"]),
    "regnety_002": (lambda: timm.create_model("regnety_002"), ["s2", "s3", "head.global_pool"]),
    "convnext_tiny": (lambda: timm.create_model("convnext_tiny"), ["stages.1", "stages.2.blocks.4", "head.norm"]),
    "vit_tiny_patch16_224": (lambda: timm.create_model("vit_tiny_patch16_224"), ["blocks.3", "blocks.8", "norm"]),
    "deit_tiny_patch16_224": (lambda: timm.create_model("deit_tiny_patch16_224"), ["blocks.3", "blocks.8", "norm"]),
    "deit_tiny_distilled_patch16_224": (lambda: timm.create_model("deit_tiny_distilled_patch16_224"), ["blocks.3", "blocks.8", "norm"]),
    "vit_b_16": (lambda: vision.vit_b_16(), [f"encoder.layers.encoder_layer_{block}" for block in (3, 8)] + ["encoder.ln"]),
    "vit_small_patch14_reg4_dinov2": (
        lambda: timm.create_model("vit_small_patch14_reg4_dinov2", img_size=224), ["blocks.3", "blocks.8", "norm"],
    ),
    "swin_t": (lambda: vision.swin_t(), ["features.1", "features.5", "avgpool"]),
    "swin_tiny_patch4_window7_224": (lambda: timm.create_model("swin_tiny_patch4_window7_224"), ["layers.0", "layers.2", "norm"]),
}
# Other families that people bring.
OTHERS = {
    "inception_v3": (lambda: vision.inception_v3(init_weights=False, aux_logits=False), ["Mixed_5c", "Mixed_6c", "avgpool"]),
    "mnasnet1_0": (lambda: vision.mnasnet1_0(), ["layers.8", "layers.10", "layers"]),
    "regnet_x_400mf": (lambda: vision.regnet_x_400mf(), ["trunk_output.block1", "trunk_output.block3", "avgpool"]),
    "efficientnet_v2_s": (lambda: vision.efficientnet_v2_s(), ["features.2", "features.4", "avgpool"]),
    "tf_efficientnetv2_b0": (lambda: timm.create_model("tf_efficientnetv2_b0"), ["blocks.2", "blocks.4", "global_pool"]),
    "repvgg_a0": (lambda: timm.create_model("repvgg_a0"), ["stages.0", "stages.2", "head.global_pool"]),
    "resnetv2_50": (lambda: timm.create_model("resnetv2_50"), ["stages.1", "stages.2", "norm"]),
    "convnextv2_atto": (lambda: timm.create_model("convnextv2_atto"), ["stages.1", "stages.2", "head.norm"]),
    "resnet50_gn": (lambda: timm.create_model("resnet50_gn"), ["layer2", "layer3", "global_pool"]),
    "hrnet_w18_small": (lambda: timm.create_model("hrnet_w18_small"), ["layer1", "final_layer", "global_pool"]),
    "mobilenetv4_conv_small": (lambda: timm.create_model("mobilenetv4_conv_small"), ["blocks.1", "blocks.3", "global_pool"]),
    "ghostnet_100": (lambda: timm.create_model("ghostnet_100"), ["blocks.2", "blocks.6", "global_pool"]),
    "fastvit_t8": (lambda: timm.create_model("fastvit_t8"), ["stages.1", "stages.2", "final_conv"]),
    "deit3_small_patch16_224": (lambda: timm.create_model("deit3_small_patch16_224"), ["blocks.3", "blocks.8", "norm"]),
    "poolformer_s12": (lambda: timm.create_model("poolformer_s12"), ["stages.1", "stages.2", "stages.3"]),
    "convformer_s18": (lambda: timm.create_model("convformer_s18"), ["stages.1", "stages.2", "stages.3"]),
    "mixer_s32_224": (lambda: timm.create_model("mixer_s32_224"), ["blocks.1", "blocks.5", "norm"]),
    "vit_b_32": (lambda: vision.vit_b_32(), [f"encoder.layers.encoder_layer_{block}" for block in (3, 8)] + ["encoder.ln"]),
    "beit_base_patch16_224": (lambda: timm.create_model("beit_base_patch16_224"), ["blocks.3", "blocks.8", "fc_norm"]),
    "eva02_tiny_patch14_224": (lambda: timm.create_model("eva02_tiny_patch14_224"), ["blocks.3", "blocks.8", "fc_norm"]),
    "cait_xxs24_224": (lambda: timm.create_model("cait_xxs24_224"), ["blocks.3", "blocks.20", "norm"]),
    "levit_128": (lambda: timm.create_model("levit_128"), ["stages.0", "stages.1", "stages.2"]),
    "swin_v2_t": (lambda: vision.swin_v2_t(), ["features.1", "features.5", "avgpool"]),
    "mobilevitv2_050": (lambda: timm.create_model("mobilevitv2_050"), ["stages.1", "stages.3", "head.global_pool"]),
    "efficientformer_l1": (lambda: timm.create_model("efficientformer_l1"), ["stages.1", "stages.2", "norm"]),
    "maxvit_nano_rw_256": (lambda: timm.create_model("maxvit_nano_rw_256", img_size=224), ["stages.1", "stages.2", "head.global_pool"]),
}
ALL = NETWORKS | OTHERS
EXPORTERS = [("legacy", "fixed"), ("legacy", "dynamic"), ("dynamo", "fixed"), ("dynamo", "dynamic")]
OTHER_WAYS = [EXPORTERS[0], EXPORTERS[-1]]
COMPARED, FEW, TIMED, ROUNDS = 8, 4, 64, 3


def drawn(name):
    torch.manual_seed(1)
    model = ALL[name][0]().eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
                count = module.num_features
                module.running_mean.copy_(torch.randn(count, generator=generator) * 0.1)
                module.running_var.copy_(torch.rand(count, generator=generator) * 0.5 + 0.75)
                module.weight.copy_(torch.rand(count, generator=generator) * 0.5 + 0.75)
                module.bias.copy_(torch.randn(count, generator=generator) * 0.1)
        if any(isinstance(module, (torch.nn.LayerNorm, torch.nn.GroupNorm)) for module in model.modules()):
            for parameter in model.parameters():
                if parameter.max() == parameter.min() or parameter.abs().max() < 1e-4:
                    parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model


def export(model, path, exporter, batch):
    several = torch.zeros(2 if batch == "dynamic" else 1, 3, 224, 224)
    named = {"input_names": ["image"], "output_names": ["logits"], "verbose": False}
    if exporter == "legacy":
        axes = {"image": {0: "batch"}} if batch == "dynamic" else None
        torch.onnx.export(model, (several,), path, dynamo=False, opset_version=17, dynamic_axes=axes, **named)
    else:
        shapes = ({0: torch.export.Dim("batch")},) if batch == "dynamic" else None
        torch.onnx.export(model, (several,), path, dynamo=True, dynamic_shapes=shapes, **named)


def images(folder):
    folder.mkdir(parents=True, exist_ok=True)
    generator = numpy.random.default_rng(3)
    paths = []
    for number in range(TIMED + COMPARED):
        path = folder / f"{number:03}.png"
        noise = generator.integers(0, 256, (224, 224, 3), dtype=numpy.uint8)
        if not path.exists():
            Image.fromarray(noise).save(path)
        paths.append(path)
    return paths


def pixels(paths):
    stacked = numpy.stack([numpy.asarray(Image.open(path), dtype=numpy.float32) / 255 for path in paths])
    return numpy.ascontiguousarray(stacked.transpose(0, 3, 1, 2))


def expected(model, cuts, batch, channels_last=False):
    found, hooks = {}, []
    for cut in cuts:
        def keep(_module, _inputs, output, cut=cut):
            output = output.detach()
            if channels_last and output.ndim == 4 and output.shape[1] == output.shape[2]:
                output = output.permute(0, 3, 1, 2)
            # A copy, since what follows may work in place.
            found[cut] = output.flatten(1).numpy().copy()

        hooks.append(model.get_submodule(cut).register_forward_hook(keep))
    with torch.no_grad():
        model(torch.from_numpy(batch))
    for hook in hooks:
        hook.remove()
    return found


def ours(topwork, model, cut, paths, output, runtime="engine", threads=2):
    command = [topwork, "features", "--backbone", "onnx", "--set", f"file={json.dumps(str(model))}", "--set", f'runtime="{runtime}"',
               "--cut", cut, "--normalise", "none", "--no-cache", "--threads", str(threads), "-o", str(output), *map(str, paths)]
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    taken = time.monotonic() - begun
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return numpy.load(output), taken


EXPERIMENT = """name = "control"
[backbone]
use = "onnx"
file = {file}
[target]
cut = "{cut}"
dataset = {{ use = "image-folder", train-folder = "photos", test-folder = "photos", size = 224, normalise = {{ mean = [0, 0, 0], std = [1, 1, 1] }} }}
[[strategy]]
name = "any"
kind = "fine-tune"
head = {{ use = "mlp", hidden = [] }}
train = {{ epochs = 1, batch-size = 8, optimizer = "sgd", learning-rate = 0.01 }}
"""


def random(arguments, model, cut, paths, output):
    """Features by the control of an experiment: the same network with weights that topwork draws."""
    folder = arguments.folder / "control"
    for number, path in enumerate(paths):
        place = folder / "photos" / "ab"[number % 2] / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    (folder / "e.toml").write_text(EXPERIMENT.format(file=json.dumps(str(model.resolve())), cut=cut))
    command = [arguments.topwork, "features", str(folder / "e.toml"), "--random", "--no-cache", "-o", str(output), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return numpy.load(output)


def theirs(session, batch):
    begun = time.monotonic()
    for start in range(0, len(batch), 16):
        session.run(None, {"image": batch[start:start + 16]})
    return len(batch) / (time.monotonic() - begun)


def speeds(arguments, paths, batch):
    """Images a second in turns: topwork's engine, rten and onnxruntime, each round one after the other."""
    rows = []
    output = arguments.folder / "features.npy"
    for name in arguments.networks or NETWORKS:
        path = arguments.folder / f"{name}-legacy-dynamic.onnx"
        if not path.exists():
            export(drawn(name), str(path), "legacy", "dynamic")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        session = onnxruntime.InferenceSession(path, options)
        theirs(session, batch[:16])
        last = {"engine": NETWORKS[name][1][-1], "rten": session.get_outputs()[0].name}
        rounds = []
        for number in range(ROUNDS):
            own = {}
            for runtime, cut in last.items() if number % 2 == 0 else reversed(last.items()):
                try:
                    # What reading the model takes is in both.
                    few, many = (ours(arguments.topwork, path, cut, some, output, runtime)[1] for some in (paths[:COMPARED], paths))
                    own[runtime] = (len(paths) - COMPARED) / (many - few)
                except RuntimeError:
                    own[runtime] = float("nan")
            rounds.append([own["engine"], own["rten"], theirs(session, batch)])
        engine, rten, runtime = numpy.median(numpy.array(rounds), axis=0)
        ratios = [row[0] / row[2] for row in rounds]
        rows.append([name, f"{engine:.1f}", f"{rten:.1f}", f"{runtime:.1f}",
                     f"{numpy.median(ratios):.2f} ({min(ratios):.2f} – {max(ratios):.2f})"])
        print(*rows[-1], sep=" | ", flush=True)
    text = [
        "# ONNX models as networks of topwork: speed", "",
        f"onnxruntime {onnxruntime.__version__}; written by `bench/imported.py --speed`. Images of 224×224 a second on two threads: "
        "topwork's engine up to the last cut, files decoded and features written; the whole model by rten within topwork, and by "
        f"onnxruntime in batches of 16 from memory. Medians of {ROUNDS} rounds, each runtime once in each; the ratio is taken within a "
        "round.", "",
        "| network | topwork | rten | onnxruntime | topwork / onnxruntime |", "|---|--:|--:|--:|--:|",
    ]
    text += ["| " + " | ".join(row) + " |" for row in rows]
    (FOLDER / "imported-speed.md").write_text("\n".join(text) + "\n")


def reason(error):
    lines = [line for line in str(error).splitlines() if "no layers for all of" in line] or str(error).splitlines()
    return (lines[0] if lines else "failed").split("no layers for all of it: ", 1)[-1]


def unexported(error):
    # What the newer exporter says first is which of its steps failed; why is said by what that came from.
    lines = str(error.__cause__ or error).splitlines()
    listed = [line.removeprefix("  - ") for line in lines if line.startswith("  - ")]
    return (listed or lines)[0]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--topwork", default="target/release/topwork")
    arguments.add_argument("--folder", default="target/onnx", type=pathlib.Path)
    arguments.add_argument("--exporters", default="", help="such as legacy-fixed,dynamo-fixed [default: all]")
    arguments.add_argument("--speed", action="store_true", help="measure speeds instead, which asks for a quiet machine")
    arguments.add_argument("networks", nargs="*")
    arguments = arguments.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(2)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    paths = images(arguments.folder / "images")
    batch = pixels(paths)
    if arguments.speed:
        speeds(arguments, paths, batch)
        return
    wanted = [way for way in EXPORTERS if not arguments.exporters or "-".join(way) in arguments.exporters.split(",")]
    header = [
        "| network | exporter | batch | difference, or why not | alone, one thread | random weights |",
        "|---|---|---|---|---|--:|",
    ]
    text = [
        "# ONNX models as networks of topwork", "",
        f"PyTorch {torch.__version__}, torchvision {torchvision.__version__}, timm {timm.__version__}; written by `bench/imported.py`. "
        "The difference is the largest of three cuts from PyTorch's features, as a share of the largest number there. Of one file of each "
        "network: whether an image alone on one thread has the same bits as among others on two, and how far the control with random weights "
        "is from the features, as a share of the same number.", "",
    ]
    # All rows that were measured, so that the page may be made in parts.
    kept = arguments.folder / "rows.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    for name in arguments.networks or ALL:
        count, ways = (COMPARED, wanted) if name in NETWORKS else (FEW, [way for way in wanted if way in OTHER_WAYS])
        for row in compared(arguments, name, ways, paths[:count], batch[:count]):
            known[" ".join(row[:3])] = row
        kept.write_text(json.dumps(known))
    for title, networks in (("", NETWORKS), ("## Other families", OTHERS)):
        text += [title, ""] * bool(title) + header
        ways = [(name, *way) for name in networks for way in EXPORTERS]
        text += ["| " + " | ".join(known[" ".join(way)]) + " |" for way in ways if " ".join(way) in known] + [""]
    (FOLDER / "imported.md").write_text("\n".join(text).rstrip() + "\n")


def compared(arguments, name, ways, paths, batch):
    """A row for each of these ways to export a network."""
    model, cuts = drawn(name), ALL[name][1]
    features = expected(model, cuts, batch, channels_last=name.startswith("swin"))
    output = arguments.folder / "features.npy"
    rows, is_checked = [], False
    for exporter, kind in ways:
        path = arguments.folder / f"{name}-{exporter}-{kind}.onnx"
        row = [name, exporter, kind]
        try:
            if not path.exists():
                export(model, str(path), exporter, kind)
            worst = 0.0
            for cut in cuts:
                found, _ = ours(arguments.topwork, path, cut, paths, output)
                far = numpy.abs(found.reshape(len(batch), -1) - features[cut]).max()
                worst = max(worst, float(far / numpy.abs(features[cut]).max()))
            row += [f"{worst:.1e}", "", ""]
            if not is_checked:
                alone, _ = ours(arguments.topwork, path, cut, paths[-1:], output, threads=1)
                row[-2] = "the same bits" if alone.tobytes() == found[-1:].tobytes() else "OTHER BITS"
                control = random(arguments, path, cut, paths, output)
                far = numpy.abs(control - found).max() / numpy.abs(found).max()
                row[-1] = f"{far:.2f}" if numpy.isfinite(control).all() else "NOT FINITE"
                is_checked = True
        except RuntimeError as error:
            row += [reason(error) if path.exists() else f"not exported: {unexported(error)}", "", ""]
        except Exception as error:
            row += [f"not exported: {unexported(error)}", "", ""]
        rows.append(row)
        print(*row, sep=" | ", flush=True)
    return rows


if __name__ == "__main__":
    main()

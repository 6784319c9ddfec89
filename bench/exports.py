"""Exports rows of real runs and has rten and onnxruntime compute them: every backbone, head and reduction.

    python bench/exports.py target/release/topwork [model.onnx CUT MEAN STD]… > bench/exports.md

Backbones have random weights, but for models in the ONNX format, such as `published.py` writes; heads are fitted to 200 photos that the script makes, and proved
on 100 others. Needs numpy, onnx, onnxruntime and pillow.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from PIL import Image

TOPWORK = str(pathlib.Path(sys.argv[1]).resolve())
HEADS = [
    "logistic-regression", "linear-svm", "ridge", "lda", "nearest-centroid", "naive-bayes", "knn", "random-forest", "auto",
]
REDUCTIONS = {
    "gap": 'pool = "gap"',
    "gap l2": 'pool = "gap", l2 = true',
    "gap pca": 'pool = "gap", pca = 8',
    "pyramid": 'pool = "pyramid"',
}
# Name, backbone, where it is cut, size and channels of an image.
BACKBONES = [
    ("lenet", 'use = "lenet"', '"pool2"', 28, 1),
    ("convnet", 'use = "convnet"', "8", 28, 1),
    ("resnet 18", 'use = "resnet"\nsize = "small"\nwidth = 16', '"layer3"', 32, 3),
    ("efficientnet-lite 0", 'use = "efficientnet-lite"\nresolution = 64', '"block7"', 64, 3),
]


def photos(folder):
    rng = np.random.default_rng(0)
    for number in range(300):
        kind = number % 3
        small = rng.integers(0, 256, (6 + 3 * kind, 6 + 3 * kind, 3), dtype=np.uint8)
        small[:, :, kind] //= 2
        place = folder / "photos" / "abc"[kind]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(small).resize((120, 100), Image.Resampling.BICUBIC).save(place / f"{number:03}.png")


def topwork(folder, *arguments):
    done = subprocess.run([TOPWORK, *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        # Of what a classifier has learnt, more than some megabytes are not kept: there is nothing to export.
        if "was not kept" in done.stderr:
            return None
        sys.exit(f"{arguments}: {done.returncode}\n{done.stderr}")
    return done.stdout


def experiment(backbone, cut, size, channels, weights, normalise):
    text = f"""name = "exports"
[backbone]
{backbone}
[target]
dataset = {{ use = "image-folder", folder = "photos", size = {size}, channels = {channels}, test-fraction = 0.3334{normalise} }}
cut = [{", ".join(f"{{ at = {cut}, {reduction} }}" for reduction in REDUCTIONS.values())}]
"""
    for head in HEADS:
        text += f'[[strategy]]\nname = "{head}"\nkind = "feature-classifier"\n{weights}head = {{ use = "{head}" }}\n'
    text += (
        f'[[strategy]]\nname = "mlp"\nkind = "frozen-backbone"\n{weights}head = {{ use = "mlp", hidden = [16] }}\n'
        "train = { epochs = 3, batch-size = 20, learning-rate = 1e-3 }\n"
    )
    return text


backbones = [(*backbone, 'weights = "random"\n', "") for backbone in BACKBONES]
models = iter(sys.argv[2:])
for model, cut, mean, std in zip(models, models, models, models):
    path = pathlib.Path(model).resolve()
    normalise = f", normalise = {{ mean = [{mean}], std = [{std}] }}"
    backbones.append((path.name, f'use = "onnx"\nfile = "{path}"', f'"{cut}"', 224, 3, "", normalise))
print("# Exported models, computed by two runtimes\n")
print("Images with the same class as in the run, and the largest difference of a score as a share of the largest of its image.\n")
print("| backbone | reduction | head | rten | | onnxruntime | |\n|---|---|---|--:|--:|--:|--:|")
for name, backbone, cut, size, channels, weights, normalise in backbones:
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        photos(folder)
        (folder / "e.toml").write_text(experiment(backbone, cut, size, channels, weights, normalise))
        topwork(folder, "run", "e.toml", "--ui", "none", "--no-cache")
        results = json.loads(next(folder.glob("runs/*/results.json")).read_text())
        for number, row in enumerate(results["strategies"]):
            reduction = list(REDUCTIONS)[number % len(REDUCTIONS)]
            told = topwork(folder, "export", "1", "--row", str(number + 1), "-o", "m.onnx", "--json")
            if told is None:
                print(f"| {name} | {reduction} | {row['name']} | not kept | | | |", flush=True)
                continue
            told = json.loads(told)
            file = onnx.load(folder / "m.onnx")
            onnx.checker.check_model(file, full_check=True)
            onnx.shape_inference.infer_shapes(file, strict_mode=True)
            cells = []
            for runtime in ["rten", "onnxruntime"]:
                found = [said for by, said in told["agreement"].items() if by.startswith(runtime)]
                found = found[0] if found else {"equal": 0, "of": 0, "largest-relative-difference": float("nan")}
                cells += [f"{found['equal']} of {found['of']}", f"{found['largest-relative-difference']:.1e}"]
            print(f"| {name} | {reduction} | {row['name']} | {' | '.join(cells)} |", flush=True)

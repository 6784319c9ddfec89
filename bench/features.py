"""Holds `topwork features` and `topwork predict` against what other programs read, and against the run's own extraction.

    python bench/features.py target/release/topwork [model.onnx CUT MEAN STD]

Writes photos into a temporary folder, takes their features in every format, and reads each by NumPy, safetensors and pandas with
pyarrow: the same bits, labels and names. With a model in the ONNX format it does the same with 1,000 photos and tells speeds, run
and features in turns. Needs numpy, pandas, pyarrow, pillow and safetensors.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import pandas as pd
from PIL import Image
from safetensors.numpy import load_file

TOPWORK = str(pathlib.Path(sys.argv[1]).resolve())
CLASSES = ["cat", "fox, red", 'the "owl"', "Bär"]


def photos(folder, count):
    rng = np.random.default_rng(0)
    for number in range(count):
        place = folder / CLASSES[number % len(CLASSES)]
        place.mkdir(parents=True, exist_ok=True)
        height, width = (int(side) for side in rng.integers(240, 480, 2))
        small = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        small[:, :, number % 3] //= 2
        image = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
        image.save(place / f"{number:04}, ü.jpg", quality=88)


def topwork(folder, *arguments):
    done = subprocess.run([TOPWORK, *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{arguments}: {done.returncode}\n{done.stderr}")
    return done.stdout


def experiment(backbone, size, normalise):
    return f"""name = "photos"
[backbone]
{backbone}
[target]
dataset = {{ use = "image-folder", folder = "photos", size = {size}, fit = "crop", test-fraction = 0.3{normalise} }}
cut = CUT
[[strategy]]
name = "logistic"
kind = "feature-classifier"
WEIGHTShead = {{ use = "logistic-regression" }}
"""


def bits(array):
    return np.ascontiguousarray(array, dtype=np.float32).view(np.uint32)


def read(path):
    """Features, labels and names of a file."""
    beside = path.with_suffix(".manifest.csv")
    rows = pd.read_csv(beside) if beside.exists() else None
    match path.suffix:
        case ".npy":
            return np.load(path), rows["label"], rows["name"]
        case ".npz":
            file = np.load(path)
            return file["features"], file["label"], file["name"]
        case ".safetensors":
            file = load_file(path)
            return file["features"], file["label"], rows["name"]
        case ".parquet":
            file = pd.read_parquet(path)
            return np.stack(file["features"]), file["label"], file["name"]
        case ".csv":
            file = pd.read_csv(path)
            columns = [name for name in file if name.startswith("feature ")]
            return file[columns].to_numpy(np.float32), file["label"], file["name"]
        case ".jsonl":
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            return (
                np.array([line["features"] for line in lines], np.float32),
                [line["label"] for line in lines],
                [line["name"] for line in lines],
            )


def formats(folder, *features):
    first = None
    for ending in ["csv", "jsonl", "parquet", "npy", "npz", "safetensors"]:
        topwork(folder, "features", *features, "-o", f"all.{ending}")
        values, labels, names = read(folder / f"all.{ending}")
        labels, names = [int(label) for label in labels], [str(name) for name in names]
        wanted = sorted(CLASSES)
        right = all(wanted[label] == name.split("/")[0] for label, name in zip(labels, names))
        first = first if first is not None else (values, names)
        same = names == first[1] and (bits(values) == bits(first[0])).all()
        print(f"  .{ending:<12} {values.shape[0]} x {values.shape[1]}  labels and names right: {right}  bits of the first: {same}")
        assert right and same
    return first


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    photos(folder / "photos", 60)
    text = experiment('use = "lenet"', 28, "").replace("size = 28", "size = 28, channels = 1")
    (folder / "e.toml").write_text(text.replace("CUT", '"pool2"').replace("WEIGHTS", 'weights = "random"\n'))
    print("60 photos, LeNet with random weights")
    formats(folder, "e.toml", "--random", "--no-cache")

if len(sys.argv) > 2:
    model, cut, mean, std = sys.argv[2:]
    model = str(pathlib.Path(model).resolve())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        photos(folder / "photos", 1000)
        normalise = f", normalise = {{ mean = [{mean}], std = [{std}] }}"
        text = experiment(f'use = "onnx"\nfile = "{model}"', 224, normalise)
        (folder / "e.toml").write_text(text.replace("CUT", f'"{cut}"').replace("WEIGHTS", ""))
        print(f"1,000 photos, {pathlib.Path(model).name} at {cut}: images a second")
        plain = ["--backbone", "onnx", "--set", f"file={model}", "--cut", cut, "--fit", "crop"]
        plain += ["--normalise", f"{mean}/{std}", "photos", "-o", "plain.npy", "--json"]
        for number in range(1, 4):
            topwork(folder, "run", "e.toml", "--ui", "none", "--no-cache")
            results = json.loads(next((folder / "runs").glob(f"{number:04}-*/results.json")).read_text())
            run = 1000 / results["strategies"][0]["seconds"]["extract"]
            files = 1000 / json.loads(topwork(folder, "features", *plain))["seconds"]
            predict = topwork(folder, "predict", "--last", "photos", "-o", "p.csv", "--json")
            predict = 1000 / json.loads(predict)["seconds"]
            print(f"  run {run:.1f}  features {files:.1f} ({files / run:.1%})  predict {predict:.1f} ({predict / run:.1%})")
        topwork(folder, "features", "e.toml", "-o", "run.npy", "--no-cache")
        rows = pd.read_csv(folder / "run.manifest.csv")
        place = {name: index for index, name in enumerate(rows["name"])}
        paths = pd.read_csv(folder / "plain.manifest.csv")["path"]
        order = [place[path.removeprefix("photos/")] for path in paths]
        same = (bits(np.load(folder / "plain.npy")) == bits(np.load(folder / "run.npy"))[order]).all()
        print(f"  features of files and of the experiment: the same bits: {same}")
        assert same

"""What the way through a plugin in Python costs: features of a model of timm as topwork has them computed, beside the same loop written
in PyTorch, in turns.

    python bench/python.py target/release/topwork [--model tf_efficientnet_lite0] [--images 640] [--rounds 3]

Needs numpy, torch and timm in the Python that runs this, which is the one that runs the plugin. Both read bytes from memory, bring
them to the normalised numbers that the model takes, and compute batches of 32 on as many threads as there are cores.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
BATCH = 32


def plain(model, images):
    """Features by a loop as anybody would write it; gives the seconds that it took."""
    import timm
    import torch

    torch.set_num_threads(os.cpu_count())
    torch.manual_seed(1)
    network = timm.create_model(model, num_classes=0).eval()
    mean, std = (torch.tensor(network.pretrained_cfg[of])[:, None, None] for of in ("mean", "std"))
    features = []
    start = time.perf_counter()
    with torch.inference_mode():
        for at in range(0, len(images), BATCH):
            part = torch.from_numpy(images[at : at + BATCH]).float() / 255
            features.append(network((part - mean) / std).numpy())
    return time.perf_counter() - start, np.concatenate(features)


def through_topwork(program, folder, model, mean, std):
    """Seconds of the stage that extracts the features of all images."""
    experiment = f"""name = "bridge"
[backbone]
use = "timm"
model = "{model}"
[target]
dataset = {{ use = "arrays", file = "images.npy", labels-file = "labels.npy", test-fraction = 0.5, normalise = {{ mean = {mean}, std = {std} }} }}
cut = "output"
[[strategy]]
name = "mean"
kind = "feature-classifier"
head = {{ use = "nearest-centroid" }}
"""
    (folder / "bridge.toml").write_text(experiment)
    command = [program, "run", "bridge.toml", "--plugin-dir", str(ROOT / "examples/python"), "--ui", "none", "--no-cache"]
    environment = {**os.environ, "VIRTUAL_ENV": sys.prefix}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    newest = max((folder / "runs").iterdir())
    row = json.loads((newest / "results.json").read_text())["strategies"][0]
    return row["seconds"]["extract"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("topwork", type=pathlib.Path)
    parser.add_argument("--model", default="tf_efficientnet_lite0")
    parser.add_argument("--images", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    program = arguments.topwork.resolve()
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (arguments.images, 3, 224, 224), dtype=np.uint8)
    import timm

    config = timm.get_pretrained_cfg(arguments.model)
    batches = arguments.images / BATCH
    print("| round | PyTorch, s | through topwork, s | of its speed | more for each batch, ms |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        np.save(folder / "images.npy", images)
        np.save(folder / "labels.npy", np.arange(arguments.images) % 2)
        for turn in range(1, arguments.rounds + 1):
            alone, _ = plain(arguments.model, images)
            ours = through_topwork(program, folder, arguments.model, list(config.mean), list(config.std))
            print(f"| {turn} | {alone:.2f} | {ours:.2f} | {alone / ours:.3f} | {(ours - alone) / batches * 1000:.1f} |", flush=True)


if __name__ == "__main__":
    main()

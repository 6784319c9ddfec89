"""The workloads of workloads.json in PyTorch (eager) and scikit-learn: one process, one line of JSON.

    python bench/peers.py NAME --threads 2 --data target/bench

Written as one would write it who wants it to be fast: arrays in memory before the clock starts, inference mode where no
gradient is wanted, gradients switched off for what is frozen.
"""

import argparse
import json
import os
import pathlib
import statistics
import time

import numpy as np

FOLDER = pathlib.Path(__file__).parent


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("name")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--data", type=pathlib.Path, default="target/bench")
    arguments.add_argument("--repetitions", type=int)
    arguments = arguments.parse_args()
    work = json.loads((FOLDER / "workloads.json").read_text())[arguments.name]
    # The libraries read these when they are loaded, which the measurements below do.
    for library in ("OMP", "MKL", "OPENBLAS"):
        os.environ[f"{library}_NUM_THREADS"] = str(arguments.threads)
    measure = {"matmul": matmul, "train": train, "extract": extract, "frozen": frozen,
               "logistic-regression": logistic_regression}[work["kind"]]
    repetitions = arguments.repetitions or work["repetitions"]
    repeat = lambda function: timed(function, repetitions)
    found = measure(work, arguments.data, arguments.threads, repeat)
    print(json.dumps({
        "name": arguments.name, "threads": arguments.threads,
        "items_per_second": found["items"] / statistics.median(found["seconds"]), **found,
    }))


def timed(function, repetitions):
    """Once to warm up, then with the clock."""
    function()
    seconds = []
    for _ in range(repetitions):
        begun = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begun)
    return seconds


def load_torch(threads):
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    return torch


def matmul(work, _, threads, repeat):
    torch = load_torch(threads)
    a, b = torch.rand(work["size"], work["size"]), torch.rand(work["size"], work["size"])
    product = torch.empty_like(a)

    def multiply():
        for _ in range(work["items"]):
            torch.mm(a, b, out=product)

    return {"seconds": repeat(multiply), "items": work["items"], "flops_per_item": 2 * work["size"] ** 3}


def networks(work):
    """The trunk and the head."""
    import torch

    from networks import ResNet18, efficientnet_lite0, lenet

    backbone = work["backbone"]
    if backbone["use"] == "lenet":
        return lenet(work.get("classes", 5))
    if backbone["use"] == "efficientnet-lite":
        return efficientnet_lite0(), torch.nn.Linear(1280, work.get("classes", 5))
    assert backbone["depth"] == 18
    resnet = ResNet18(classes=work.get("classes", 5), stem=backbone["size"])
    head, resnet.fc = resnet.fc, torch.nn.Identity()
    return resnet, head


def samples(work, data):
    import torch

    count = work["samples"]
    if work["backbone"]["use"] == "lenet":
        images = np.fromfile(data / "images.f32", "<f4", count * 784).reshape(count, 1, 28, 28)
        labels = np.fromfile(data / "train-labels.u32", "<u4", count).astype(np.int64)
        return torch.from_numpy(images), torch.from_numpy(labels)
    labels = torch.arange(count) % work.get("classes", 1)
    side = work["backbone"].get("resolution")
    shape = [3, side, side] if side else work["backbone"]["input"]
    return torch.rand(count, *shape) * 2 - 1, labels


def make_optimizer(work, parameters):
    import torch

    if work["optimizer"] == "sgd":
        return torch.optim.SGD(parameters, lr=work["learning-rate"], momentum=0.9)
    return torch.optim.Adam(parameters, lr=work["learning-rate"])


def train(work, data, threads, repeat):
    torch = load_torch(threads)
    network = torch.nn.Sequential(*networks(work))
    images, labels = samples(work, data)
    optimizer = make_optimizer(work, network.parameters())
    last = None

    def epoch():
        nonlocal last
        for start in range(0, work["samples"], work["batch"]):
            batch = slice(start, start + work["batch"])
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(network(images[batch]), labels[batch])
            loss.backward()
            optimizer.step()
            last = loss.item()

    return {"seconds": repeat(epoch), "items": work["samples"], "loss": last}


def extract(work, data, threads, repeat):
    torch = load_torch(threads)
    trunk, _ = networks(work)
    trunk.eval()
    images, _ = samples(work, data)

    @torch.inference_mode()
    def forward():
        batches = range(0, work["samples"], work["batch"])
        return torch.cat([trunk(images[start:start + work["batch"]]) for start in batches])

    return {"seconds": repeat(forward), "items": work["samples"]}


def frozen(work, data, threads, repeat):
    torch = load_torch(threads)
    trunk, first_head = networks(work)
    trunk.eval().requires_grad_(False)
    images, labels = samples(work, data)
    initial = {name: value.clone() for name, value in first_head.state_dict().items()}
    last = None

    def epochs():
        nonlocal last
        first_head.load_state_dict(initial)
        optimizer = make_optimizer(work, first_head.parameters())
        kept = None
        if work["extract-once"]:
            with torch.no_grad():
                starts = range(0, work["samples"], work["batch"])
                kept = torch.cat([trunk(images[start:start + work["batch"]]) for start in starts])
        for _ in range(work["epochs"]):
            for start in range(0, work["samples"], work["batch"]):
                batch = slice(start, start + work["batch"])
                features = trunk(images[batch]) if kept is None else kept[batch]
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(first_head(features), labels[batch])
                loss.backward()
                optimizer.step()
                last = loss.item()

    return {"seconds": repeat(epochs), "items": work["samples"] * work["epochs"], "loss": last}


def logistic_regression(work, data, threads, repeat):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler
    from threadpoolctl import threadpool_limits

    count = work["samples"]
    features = np.fromfile(data / "train-features.f32", "<f4", count * 800).reshape(count, 800)
    labels = np.fromfile(data / "train-labels.u32", "<u4", count)
    # Both sides bring each feature to a largest magnitude of 1 within the fit, so they minimise the same function.
    regression = LogisticRegression(solver="lbfgs", C=1 / work["l2"], tol=work["tolerance"], max_iter=work["iterations"])
    model = make_pipeline(MaxAbsScaler(), regression)
    # On matrices this narrow, threads of the BLAS can cost more than they bring: the faster way counts.
    ways = {}
    for blas_threads in {1, threads}:
        with threadpool_limits(blas_threads, "blas"):
            ways[blas_threads] = repeat(lambda: model.fit(features, labels))
    blas_threads = min(ways, key=lambda way: statistics.median(ways[way]))
    held_out = np.fromfile(data / "test-labels.u32", "<u4")
    accuracy = model.score(np.fromfile(data / "test-features.f32", "<f4").reshape(-1, 800), held_out)
    return {"seconds": ways[blas_threads], "items": count, "accuracy": accuracy,
            "iterations": int(regression.n_iter_[0]), "blas_threads": blas_threads}


if __name__ == "__main__":
    main()

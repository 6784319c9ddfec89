"""One workload of workloads.json by one of the others, in a process of its own: one line of JSON.

    python bench/peers.py NAME --peer eager --threads 2 --data target/bench

The peers are PyTorch as it comes (`eager`), with images in its `channels-last` layout, and with its compiler (`compile`),
`onnxruntime` and `openvino` on the network in the ONNX format, which `--export` writes, and `scikit-learn`. Written as one would
write it who wants it to be fast: arrays in memory before the clock starts, inference mode where no gradient is wanted, gradients
switched off for what is frozen, the compiler allowed to take weights for constants where nothing learns. All compute in single
precision.
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
    arguments.add_argument("--peer", default="eager")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--data", type=pathlib.Path, default="target/bench")
    arguments.add_argument("--repetitions", type=int)
    for setting in ("batch", "side", "samples"):
        arguments.add_argument(f"--{setting}", type=int, help="in place of that of workloads.json")
    arguments.add_argument("--export", action="store_true", help="write the network as a file where there is none, and measure nothing")
    arguments = arguments.parse_args()
    work = json.loads((FOLDER / "workloads.json").read_text())[arguments.name]
    work |= {setting: value for setting in ("batch", "samples") if (value := getattr(arguments, setting))}
    if arguments.side:
        work["backbone"]["input"][1:] = [arguments.side] * 2
    if arguments.export:
        return export(work, arguments.data)
    # The libraries read these when they are loaded, which the measurements below do.
    for library in ("OMP", "MKL", "OPENBLAS"):
        os.environ[f"{library}_NUM_THREADS"] = str(arguments.threads)
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(arguments.data.resolve() / "inductor"))
    if work["kind"] != "train":
        os.environ["TORCHINDUCTOR_FREEZING"] = "1"
    measure = {"onnxruntime": onnxruntime, "openvino": openvino}.get(arguments.peer)
    measure = measure or {"matmul": matmul, "train": train, "extract": extract, "frozen": frozen,
                          "logistic-regression": logistic_regression}[work["kind"]]
    repetitions = arguments.repetitions or work["repetitions"]
    found = measure(work, arguments, lambda function: timed(function, repetitions))
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


def shape_of(backbone):
    if backbone["use"] == "lenet":
        return [1, 28, 28]
    side = backbone.get("resolution")
    return [3, side, side] if side else backbone["input"]


def onnx_file(work, data):
    """Where the network lies that the peers and, where it is a model of others, our side read."""
    backbone = work["backbone"]
    words = [backbone.get("model", backbone["use"]).split("/")[-1]]
    # Those that are built for one size of image are files for each.
    words += [str(backbone[key]) for key in ("depth", "size") if key in backbone] + [str(shape_of(backbone)[1])]
    return data / "onnx" / ("-".join(words) + ".onnx")


def export(work, data):
    path = onnx_file(work, data)
    if path.exists():
        return
    import networks

    path.parent.mkdir(parents=True, exist_ok=True)
    # Under its name only once it is whole.
    networks.export(work["backbone"], shape_of(work["backbone"]), path.with_suffix(".partial"))
    path.with_suffix(".partial").rename(path)


def samples(work, data):
    count = work["samples"]
    if work["backbone"]["use"] == "lenet":
        images = np.fromfile(data / "images.f32", "<f4", count * 784).reshape(count, 1, 28, 28)
        return images, np.fromfile(data / "train-labels.u32", "<u4", count).astype(np.int64)
    images = np.random.default_rng(1).random((count, *shape_of(work["backbone"])), np.float32) * 2 - 1
    return images, np.arange(count) % work.get("classes", 1)


def matmul(work, arguments, repeat):
    torch = load_torch(arguments.threads)
    a, b = torch.rand(work["size"], work["size"]), torch.rand(work["size"], work["size"])
    product = torch.empty_like(a)

    def multiply():
        for _ in range(work["items"]):
            torch.mm(a, b, out=product)

    return {"seconds": repeat(multiply), "items": work["items"], "flops_per_item": 2 * work["size"] ** 3}


def trunk_and_head(work):
    import networks

    if work["backbone"]["use"] == "lenet":
        return networks.lenet(work.get("classes", 5))
    trunk, features = networks.backbone(work["backbone"])
    return trunk, networks.nn.Linear(features, work.get("classes", 1))


def as_peer(network, images, peer):
    """Network and images as this peer has them."""
    import torch

    images = torch.from_numpy(images)
    if peer == "channels-last":
        return network.to(memory_format=torch.channels_last), images.contiguous(memory_format=torch.channels_last)
    return torch.compile(network) if peer == "compile" else network, images


def make_optimizer(work, parameters):
    import torch

    if work["optimizer"] == "sgd":
        return torch.optim.SGD(parameters, lr=work["learning-rate"], momentum=0.9)
    return torch.optim.Adam(parameters, lr=work["learning-rate"])


def train(work, arguments, repeat):
    torch = load_torch(arguments.threads)
    images, labels = samples(work, arguments.data)
    network, images = as_peer(torch.nn.Sequential(*trunk_and_head(work)), images, arguments.peer)
    labels = torch.from_numpy(labels)
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


def extract(work, arguments, repeat):
    torch = load_torch(arguments.threads)
    trunk, images = as_peer(trunk_and_head(work)[0].eval(), samples(work, arguments.data)[0], arguments.peer)
    # The compiler takes weights for constants only where gradients are off in this way.
    off = torch.no_grad if arguments.peer == "compile" else torch.inference_mode

    @off()
    def forward():
        batches = range(0, work["samples"], work["batch"])
        return torch.cat([trunk(images[start:start + work["batch"]]) for start in batches])

    return {"seconds": repeat(forward), "items": work["samples"]}


def batches(work, arguments):
    images, _ = samples(work, arguments.data)
    return [images[start:start + work["batch"]] for start in range(0, work["samples"], work["batch"])]


def onnxruntime(work, arguments, repeat):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    options.add_free_dimension_override_by_name("batch", work["batch"])
    path = onnx_file(work, arguments.data)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    images = batches(work, arguments)
    forward = lambda: np.concatenate([session.run(None, {"images": batch})[0] for batch in images])
    return {"seconds": repeat(forward), "items": work["samples"]}


def openvino(work, arguments, repeat):
    import openvino

    core = openvino.Core()
    images = batches(work, arguments)
    # One batch on all threads, or one batch a thread: the faster way counts.
    ways = {}
    for hint in ("LATENCY", "THROUGHPUT"):
        model = core.read_model(onnx_file(work, arguments.data))
        model.reshape([work["batch"], *shape_of(work["backbone"])])
        compiled = core.compile_model(model, "CPU", {
            "INFERENCE_NUM_THREADS": arguments.threads, "PERFORMANCE_HINT": hint, "INFERENCE_PRECISION_HINT": "f32",
        })
        queue = openvino.AsyncInferQueue(compiled)
        features = [None] * len(images)
        queue.set_callback(lambda request, place: features.__setitem__(place, request.get_output_tensor().data.copy()))

        def forward():
            for place, batch in enumerate(images):
                queue.start_async([openvino.Tensor(batch, shared_memory=True)], place)
            queue.wait_all()
            return np.concatenate(features)

        ways[hint] = repeat(forward)
    way = min(ways, key=lambda way: statistics.median(ways[way]))
    return {"seconds": ways[way], "items": work["samples"], "way": way.lower()}


def frozen(work, arguments, repeat):
    torch = load_torch(arguments.threads)
    trunk, first_head = trunk_and_head(work)
    trunk.eval().requires_grad_(False)
    images, labels = map(torch.from_numpy, samples(work, arguments.data))
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


def logistic_regression(work, arguments, repeat):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler
    from threadpoolctl import threadpool_limits

    count, data = work["samples"], arguments.data
    features = np.fromfile(data / "train-features.f32", "<f4", count * 800).reshape(count, 800)
    labels = np.fromfile(data / "train-labels.u32", "<u4", count)
    # Both sides bring each feature to a largest magnitude of 1 within the fit, so they minimise the same function.
    regression = LogisticRegression(solver="lbfgs", C=1 / work["l2"], tol=work["tolerance"], max_iter=work["iterations"])
    model = make_pipeline(MaxAbsScaler(), regression)
    # On matrices this narrow, threads of the BLAS can cost more than they bring: the faster way counts.
    ways = {}
    for blas_threads in {1, arguments.threads}:
        with threadpool_limits(blas_threads, "blas"):
            ways[blas_threads] = repeat(lambda: model.fit(features, labels))
    blas_threads = min(ways, key=lambda way: statistics.median(ways[way]))
    held_out = np.fromfile(data / "test-labels.u32", "<u4")
    accuracy = model.score(np.fromfile(data / "test-features.f32", "<f4").reshape(-1, 800), held_out)
    return {"seconds": ways[blas_threads], "items": count, "accuracy": accuracy,
            "iterations": int(regression.n_iter_[0]), "blas_threads": blas_threads}


if __name__ == "__main__":
    main()

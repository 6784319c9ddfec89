"""Writes the arrays that the engine's tests compare with, computed by PyTorch.

    python bench/reference/reference.py

Needs torch, numpy and safetensors (versions: bench/requirements.txt). README.md in this folder tells the format. Every
array comes from a fixed seed; other versions of PyTorch or other processors differ in the last bits only.
"""

import collections
import copy
import json
import pathlib
import sys

import torch
from safetensors.torch import save
from torch import nn

from blueprint import Network

FOLDER = pathlib.Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))
from networks import ResNet18  # noqa: E402


def write(name, tensors, metadata):
    tensors = {key: tensor.detach().contiguous().clone() for key, tensor in tensors.items()}
    header = {key: json.dumps(value) for key, value in metadata.items()}
    (FOLDER / name).write_bytes(save(tensors, header or None))


def image_case(name, shape, *layers, mode="train", samples=3):
    return {"name": name, "mode": mode, "samples": samples,
            "blueprint": {"format": 1, "input": list(shape), "layers": list(layers)}}


def layer(op, name=None, **settings):
    return {"name": name or op, "op": op, **settings}


def op_cases():
    conv = lambda case, shape, **settings: image_case(case, shape, layer("conv2d", **settings))
    yield conv("conv2d", (3, 8, 7), filters=5, kernel=[3, 2])
    yield conv("conv2d-stride-padding", (3, 9, 8), filters=4, kernel=[3, 3], stride=[2, 1], padding=[1, 2])
    yield conv("conv2d-dilation", (2, 10, 9), filters=3, kernel=[3, 2], dilation=[2, 3], padding=[2, 1])
    yield conv("conv2d-groups", (4, 7, 7), filters=6, kernel=[3, 3], groups=2, padding=[1, 1])
    yield conv("conv2d-depthwise", (6, 8, 8), filters=6, kernel=[3, 3], groups=6, stride=[2, 2], padding=[1, 1])
    yield conv("conv2d-depthwise-multiplier", (3, 6, 6), filters=6, kernel=[3, 3], groups=3, padding=[1, 1])
    yield conv("conv2d-without-bias", (3, 6, 6), filters=4, kernel=[3, 3], padding=[1, 1], bias=False)
    yield conv("conv2d-pointwise", (5, 6, 5), filters=7, kernel=[1, 1], bias=False)
    yield conv("conv2d-pointwise-stride", (5, 7, 6), filters=4, kernel=[1, 1], stride=[2, 2])
    yield conv("conv2d-stem", (3, 16, 16), filters=4, kernel=[7, 7], stride=[2, 2], padding=[3, 3], bias=False)
    yield image_case("linear", (6,), layer("linear", units=4))
    yield image_case("linear-without-bias", (6,), layer("linear", units=4, bias=False))
    yield image_case("flatten-linear", (2, 3, 4), layer("flatten"), layer("linear", units=3))
    for mode in ("train", "eval"):
        yield image_case(f"batch-norm2d-{mode}", (4, 5, 6), layer("batch-norm2d"), mode=mode)
        settings = {"epsilon": 1e-3, "momentum": 0.3}
        yield image_case(f"batch-norm2d-settings-{mode}", (3, 4, 4), layer("batch-norm2d", **settings), mode=mode)
        yield image_case(
            f"conv-batch-norm-relu-{mode}", (3, 7, 7),
            layer("conv2d", filters=5, kernel=[3, 3], padding=[1, 1], bias=False), layer("batch-norm2d"), layer("relu"),
            mode=mode,
        )
    yield image_case("dropout-eval", (3, 4, 4), layer("dropout", rate=0.4), mode="eval")
    for op in ("relu", "relu6", "gelu", "tanh", "sigmoid", "silu"):
        yield image_case(op, (3, 5, 4), layer(op))
    yield image_case("max-pool2d", (3, 6, 7), layer("max-pool2d", kernel=[2, 3]))
    yield image_case("max-pool2d-padding", (3, 9, 8), layer("max-pool2d", kernel=[3, 3], stride=[2, 2], padding=[1, 1]))
    yield image_case("avg-pool2d", (3, 6, 7), layer("avg-pool2d", kernel=[2, 3]))
    yield image_case("avg-pool2d-padding", (3, 9, 8), layer("avg-pool2d", kernel=[3, 3], stride=[2, 2], padding=[1, 1]))
    yield image_case("global-avg-pool2d", (4, 5, 3), layer("global-avg-pool2d"))
    pointwise = lambda name, filters, source="input": layer(
        "conv2d", name, inputs=[source], filters=filters, kernel=[1, 1])
    yield image_case("add", (3, 4, 4), pointwise("left", 3), layer("add", inputs=["left", "input"]))
    yield image_case("add-three", (3, 4, 4), pointwise("left", 3), pointwise("right", 3),
                     layer("add", inputs=["left", "right", "input"]))
    yield image_case("multiply", (3, 4, 4), pointwise("left", 3), layer("multiply", inputs=["left", "input"]))
    yield image_case("concat", (3, 4, 5), pointwise("left", 2), pointwise("right", 4),
                     layer("concat", inputs=["left", "input", "right"]))
    yield image_case(
        "squeeze-and-excitation", (4, 5, 5),
        layer("conv2d", "conv", filters=6, kernel=[3, 3], padding=[1, 1]),
        layer("global-avg-pool2d", "squeeze"), pointwise("reduce", 2, "squeeze"), layer("silu"),
        pointwise("expand", 6, "silu"), layer("sigmoid"), layer("multiply", inputs=["conv", "sigmoid"]),
    )
    bn = lambda name: layer("batch-norm2d", name)
    for mode in ("train", "eval"):
        yield image_case(
            f"residual-block-{mode}", (4, 6, 6),
            layer("conv2d", "conv1", filters=6, kernel=[3, 3], stride=[2, 2], padding=[1, 1], bias=False), bn("bn1"),
            layer("relu", "relu1"),
            layer("conv2d", "conv2", filters=6, kernel=[3, 3], padding=[1, 1], bias=False), bn("bn2"),
            layer("conv2d", "downsample.0", inputs=["input"], filters=6, kernel=[1, 1], stride=[2, 2], bias=False),
            bn("downsample.1"), layer("add", inputs=["bn2", "downsample.1"]), layer("relu", "relu2"),
            mode=mode,
        )
    # TensorFlow's "SAME" padding: where a window moves by two over an even size, there is more of it behind.
    yield conv("conv2d-padding-behind", (3, 8, 10), filters=4, kernel=[3, 3], stride=[2, 2], padding=[0, 0, 1, 1])
    yield conv("conv2d-depthwise-padding-behind", (4, 8, 8), filters=4, kernel=[5, 5], groups=4, stride=[2, 2],
               padding=[1, 1, 2, 2])
    yield conv("conv2d-four-paddings", (2, 5, 6), filters=3, kernel=[2, 3], padding=[2, 0, 1, 3], bias=False)
    yield image_case("conv-relu6", (4, 6, 5), layer("conv2d", filters=5, kernel=[3, 3], padding=[1, 1]), layer("relu6"))
    yield image_case("linear-relu6", (6,), layer("linear", units=5), layer("relu6"))
    for mode in ("train", "eval"):
        yield image_case(
            f"inverted-residual-relu6-{mode}", (4, 6, 6),
            layer("conv2d", "expand", filters=12, kernel=[1, 1], bias=False), bn("bn0"), layer("relu6", "relu6_0"),
            layer("conv2d", "depthwise", filters=12, kernel=[3, 3], padding=[1, 1], groups=12, bias=False), bn("bn1"),
            layer("relu6", "relu6_1"),
            layer("conv2d", "project", filters=4, kernel=[1, 1], bias=False), bn("bn2"),
            layer("add", inputs=["bn2", "input"]),
            mode=mode,
        )


def layer_cases():
    case = image_case
    tokens = lambda name, shape, *layers, mode="train": case(name, shape, layer("tokens"), *layers, mode=mode)
    for op in ("hard-sigmoid", "hard-swish", "leaky-relu", "gelu-tanh", "elu", "mish", "prelu", "softmax"):
        yield case(op, (3, 5, 4), layer(op))
    yield case("leaky-relu-slope", (3, 5, 4), layer("leaky-relu", slope=0.2))
    yield case("elu-alpha", (9,), layer("elu", alpha=0.6))
    yield case("prelu-per-channel", (3, 4, 2), layer("prelu", **{"per-channel": True}))
    yield case("softmax-vector", (7,), layer("softmax"))
    yield tokens("softmax-tokens", (5, 3, 2), layer("softmax"))
    yield case("layer-norm-vector", (7,), layer("layer-norm"))
    yield case("layer-norm-map", (5, 3, 4), layer("layer-norm", epsilon=1e-3))
    yield tokens("layer-norm-tokens", (5, 3, 2), layer("layer-norm"))
    yield case("scale-vector", (7,), layer("scale"))
    yield case("scale-map", (5, 3, 4), layer("scale", initial=0.5))
    yield tokens("scale-tokens", (5, 3, 2), layer("scale"))
    for mode in ("train", "eval"):
        yield case(f"batch-norm1d-without-affine-{mode}", (6,), layer("batch-norm1d", affine=False), mode=mode)
        settings = {"epsilon": 1e-3, "momentum": 0.3, "affine": False}
        yield case(f"batch-norm2d-without-affine-{mode}", (4, 3, 3), layer("batch-norm2d", **settings), mode=mode)
    yield case("group-norm", (6, 2, 3), layer("group-norm", groups=3))
    yield case("group-norm-without-affine", (4, 3, 2), layer("group-norm", groups=1, epsilon=1e-2, affine=False))
    yield case("group-norm-vector", (6,), layer("group-norm", groups=2))
    yield case("instance-norm", (3, 3, 4), layer("instance-norm"))
    yield case("instance-norm-affine", (3, 3, 4), layer("instance-norm", epsilon=1e-2, affine=True))
    yield case("local-response-norm", (7, 2, 3), layer("local-response-norm", size=5, alpha=0.5))
    yield case("local-response-norm-even", (5, 2, 2), layer("local-response-norm", size=4, alpha=1.5, beta=0.6, k=2.0))
    yield tokens("linear-tokens", (5, 3, 2), layer("linear", units=4))
    yield tokens("class-token", (5, 3, 2), layer("class-token"))
    yield tokens("class-token-registers", (5, 3, 2), layer("class-token", registers=3))
    yield tokens("position-embedding", (5, 3, 2), layer("position-embedding"))
    yield tokens("position-embedding-skip", (5, 3, 2), layer("class-token", registers=1),
                 layer("position-embedding", skip=2))
    yield tokens("select-token", (5, 3, 2), layer("select-token", index=4))
    yield tokens("mean-tokens", (5, 3, 2), layer("mean-tokens", skip=1))
    yield tokens("class-and-mean", (5, 3, 2), layer("class-token"), layer("select-token"),
                 layer("mean-tokens", inputs=["class-token"], skip=1),
                 layer("concat", inputs=["select-token", "mean-tokens"]))
    yield tokens("concat-tokens", (4, 3, 2), layer("tanh"), layer("concat", inputs=["tanh", "tokens"]))
    yield tokens("slice-tokens", (4, 3, 2), layer("slice", to=2, **{"from": 1}))
    yield tokens("attention", (6, 3, 2), layer("attention", heads=2))
    yield tokens("attention-without-bias", (6, 2, 2), layer("attention", heads=3, bias=False))
    yield tokens("attention-position-bias", (6, 3, 2), layer("attention", heads=2, **{"position-bias": True}))
    yield case(
        "transformer-block", (8, 3, 2), layer("tokens"), layer("layer-norm", "norm1"), layer("attention", heads=2),
        layer("scale", "scale1"), layer("add", "add1", inputs=["tokens", "scale1"]), layer("layer-norm", "norm2"),
        layer("linear", "fc1", units=12), layer("gelu-tanh"), layer("linear", "fc2", units=8),
        layer("add", "add2", inputs=["add1", "fc2"]), layer("flatten"),
    )
    yield case("pad", (2, 3, 4), layer("pad", padding=[1, 2]))
    yield case("pad-value", (2, 3, 4), layer("pad", padding=[0, 1, 2, 3], value=-0.5))
    yield case("pad-reflect", (2, 3, 4), layer("pad", padding=[2, 3, 1, 0], mode="reflect"))
    yield case("pad-replicate", (2, 3, 4), layer("pad", padding=[2, 0, 1, 3], mode="replicate"))
    yield case("slice", (5, 3, 2), layer("slice", to=4, **{"from": 1}))
    yield case("channel-shuffle", (6, 2, 2), layer("channel-shuffle", groups=2))
    for size in ([7, 5], [2, 3], [3, 8]):
        name = "x".join(str(side) for side in size)
        yield case(f"resize-{name}", (2, 3, 4), layer("resize", size=size))
        yield case(f"resize-bilinear-{name}", (2, 3, 4), layer("resize", size=size, mode="bilinear"))
    yield case("adaptive-avg-pool2d", (2, 7, 5), layer("adaptive-avg-pool2d", size=[3, 2]))
    yield case("adaptive-avg-pool2d-to-more", (2, 2, 3), layer("adaptive-avg-pool2d", size=[3, 7]))
    ceil = {"ceil-mode": True}
    yield case("max-pool2d-ceil", (2, 6, 5), layer("max-pool2d", kernel=[3, 2], stride=[2, 2], padding=[1, 0], **ceil))
    yield case("max-pool2d-dilation", (2, 7, 6), layer("max-pool2d", kernel=[2, 3], stride=[2, 1], padding=[1, 1],
                                                       dilation=[3, 2]))
    yield case("avg-pool2d-ceil", (2, 6, 5), layer("avg-pool2d", kernel=[3, 2], stride=[2, 2], padding=[1, 0], **ceil))
    exclude = {"count-include-pad": False}
    yield case("avg-pool2d-without-pad", (2, 6, 5), layer("avg-pool2d", kernel=[3, 3], stride=[2, 2], padding=[1, 1],
                                                         **exclude))
    yield case("avg-pool2d-ceil-without-pad", (2, 6, 5), layer("avg-pool2d", kernel=[3, 3], stride=[2, 3],
                                                              padding=[1, 1], **ceil, **exclude))


def randomise(network):
    """Weights and buffers away from their plain initial values, so that none of them can be forgotten unseen."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 1.5)


def weights(network):
    return {key: value.clone() for key, value in network.state_dict().items() if "num_batches" not in key}


def gradients(network):
    return {key: parameter.grad for key, parameter in network.named_parameters()}


def prefixed(prefix, tensors):
    return {f"{prefix}/{key}": tensor for key, tensor in tensors.items()}


def randomise_all(network):
    """Every parameter and statistic uniform over an interval of length 1: around 1 what multiplies or is a variance, else
    around 0."""
    with torch.no_grad():
        for key, value in network.state_dict().items():
            scales = key.endswith("running_var") or (key.endswith("weight") and value.dim() == 1)
            if value.is_floating_point():
                value.uniform_(-0.5, 0.5).add_(float(scales))


def write_ops():
    write_cases("ops.safetensors", op_cases(), randomise)


def write_layers():
    write_cases("layers.safetensors", layer_cases(), randomise_all)


def write_cases(file, all_cases, randomise):
    tensors, cases = {}, []
    for case in all_cases:
        name, blueprint = case["name"], case["blueprint"]
        network = Network(blueprint)
        randomise(network)
        network.train(case["mode"] == "train")
        # relu6 has a bend at 6, which must be passed behind a convolution as well.
        spread = 16.0 if "relu6" in name else 1.0
        x = (torch.randn(case["samples"], *blueprint["input"]) * spread).requires_grad_()
        tensors |= prefixed(f"{name}/weights", weights(network))
        output = network(x)
        behind = torch.randn_like(output)
        output.backward(behind)
        tensors |= {f"{name}/input": x, f"{name}/output": output, f"{name}/output-gradient": behind}
        tensors |= prefixed(f"{name}/gradients", {"input": x.grad, **gradients(network)})
        if case["mode"] == "train":
            after = {key: value for key, value in weights(network).items() if "running" in key}
            tensors |= prefixed(f"{name}/after", after)
        cases.append({key: case[key] for key in ("name", "mode", "blueprint")})
    write(file, tensors, {"cases": cases})


def write_losses():
    tensors, cases = {}, []
    for name, smoothing, weighted in [("plain", 0.0, False), ("smoothed", 0.1, False),
                                      ("weighted", 0.0, True), ("weighted-smoothed", 0.2, True)]:
        logits = (torch.randn(7, 5) * 3).requires_grad_()
        labels = torch.tensor([0, 4, 1, 2, 3, 3, 0])
        class_weights = [0.5, 2.0, 1.0, 0.1, 3.0] if weighted else None
        loss = nn.functional.cross_entropy(
            logits, labels, weight=torch.tensor(class_weights) if weighted else None, label_smoothing=smoothing)
        loss.backward()
        tensors |= prefixed(name, {"logits": logits, "labels": labels, "loss": loss.reshape(1),
                                   "gradients/logits": logits.grad})
        cases.append({"name": name, "label_smoothing": smoothing, "class_weights": class_weights})
    write("losses.safetensors", tensors, {"cases": cases})


def optimizer_cases():
    plain = {"learning_rate": 0.1, "momentum": 0.0, "nesterov": False, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8,
             "weight_decay": 0.0, "clip_norm": None, "steps": 6}
    case = lambda name, optimizer, **settings: {"name": name, "optimizer": optimizer, **plain, **settings}
    yield case("sgd", "sgd")
    yield case("sgd-decay", "sgd", weight_decay=0.05)
    yield case("sgd-momentum", "sgd", momentum=0.9)
    yield case("sgd-momentum-decay", "sgd", momentum=0.9, weight_decay=0.05)
    yield case("sgd-nesterov", "sgd", momentum=0.9, nesterov=True, weight_decay=0.05)
    yield case("sgd-clip", "sgd", momentum=0.9, clip_norm=1.0)
    yield case("adam", "adam", learning_rate=1e-2)
    yield case("adam-settings", "adam", learning_rate=3e-2, beta1=0.8, beta2=0.95, epsilon=1e-4, weight_decay=0.1)
    yield case("adam-clip", "adam", learning_rate=1e-2, clip_norm=0.5)
    yield case("adamw", "adamw", learning_rate=1e-2, weight_decay=0.1)
    yield case("adamw-settings", "adamw", learning_rate=3e-2, beta1=0.8, beta2=0.95, epsilon=1e-4, weight_decay=0.01)


def make_optimizer(case, parameters):
    rate, decay = case["learning_rate"], case["weight_decay"]
    if case["optimizer"] == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=case["momentum"], nesterov=case["nesterov"],
                               weight_decay=decay)
    kind = torch.optim.Adam if case["optimizer"] == "adam" else torch.optim.AdamW
    return kind(parameters, lr=rate, betas=(case["beta1"], case["beta2"]), eps=case["epsilon"], weight_decay=decay)


def write_number_steps():
    """A few steps of a small network on numbers, by each loss of numbers. Some errors are beyond every delta."""
    tensors, cases = {}, []
    layers = [layer("linear", "hidden", units=6), layer("relu"), layer("linear", "out", units=1)]
    blueprint = {"format": 1, "input": [4], "layers": layers}
    for name, delta in [("squared", None), ("huber", 1.0), ("huber-half", 0.5)]:
        network = Network(blueprint)
        randomise_all(network)
        network.train()
        inputs, numbers = torch.randn(3, 7, 4), torch.randn(3, 7) * 2
        tensors |= prefixed(f"{name}/before", weights(network)) | {f"{name}/inputs": inputs, f"{name}/numbers": numbers}
        measure = nn.MSELoss() if delta is None else nn.HuberLoss(delta=delta)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        losses = []
        for x, t in zip(inputs, numbers):
            optimizer.zero_grad()
            loss = measure(network(x).squeeze(1), t)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        tensors |= prefixed(f"{name}/after", weights(network)) | {f"{name}/losses": torch.stack(losses)}
        cases.append({"name": name, "delta": delta, "blueprint": blueprint})
    write("number-steps.safetensors", tensors, {"cases": cases})


def write_optimizers():
    tensors, cases = {}, list(optimizer_cases())
    for case in cases:
        parameters = {"a": torch.randn(4, 3, requires_grad=True), "b": torch.randn(4, requires_grad=True)}
        tensors |= prefixed(f"{case['name']}/initial", {key: value.detach().clone() for key, value in parameters.items()})
        optimizer = make_optimizer(case, parameters.values())
        for step in range(1, case["steps"] + 1):
            for key, parameter in parameters.items():
                # Small norms too, so that clipping has to leave some of them alone.
                parameter.grad = torch.randn_like(parameter) * (0.05 if step == 3 else 1.0)
                tensors[f"{case['name']}/{step}/gradient/{key}"] = parameter.grad.clone()
            if case["clip_norm"] is not None:
                nn.utils.clip_grad_norm_(parameters.values(), case["clip_norm"])
            optimizer.step()
            for key, parameter in parameters.items():
                tensors[f"{case['name']}/{step}/after/{key}"] = parameter.detach().clone()
    write("optimizers.safetensors", tensors, {"cases": cases})


def schedule_cases():
    case = lambda name, shape, warm_up=0, total=20, base=0.1: {
        "name": name, "shape": shape, "base": base, "warm_up": warm_up, "total": total}
    yield case("constant", {"constant": {}})
    yield case("constant-warm-up", {"constant": {}}, warm_up=4)
    yield case("step", {"step": {"every": 6, "factor": 0.3}})
    yield case("step-warm-up", {"step": {"every": 5, "factor": 0.1}}, warm_up=3)
    yield case("cosine", {"cosine": {"to": 0.0}})
    yield case("cosine-warm-up", {"cosine": {"to": 0.001}}, warm_up=5, total=25)
    one_cycle = {"rise": 0.3, "start-divisor": 25.0, "end-divisor": 1e4}
    yield case("one-cycle", {"one-cycle": one_cycle})
    yield case("one-cycle-long", {"one-cycle": {"rise": 0.4, "start-divisor": 10.0, "end-divisor": 100.0}}, total=33)


def rates(case):
    """The rate of every step up to the last, by PyTorch's schedulers."""
    schedulers = torch.optim.lr_scheduler
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=case["base"])
    warm_up, steps = case["warm_up"], case["total"] - case["warm_up"]
    (kind, settings), = case["shape"].items()
    shape = {
        "constant": lambda: schedulers.ConstantLR(optimizer, factor=1.0),
        "step": lambda: schedulers.StepLR(optimizer, settings["every"], settings["factor"]),
        "cosine": lambda: schedulers.CosineAnnealingLR(optimizer, steps, settings["to"]),
        "one-cycle": lambda: schedulers.OneCycleLR(
            optimizer, case["base"], total_steps=steps, pct_start=settings["rise"],
            div_factor=settings["start-divisor"], final_div_factor=settings["end-divisor"]),
    }
    if warm_up:
        rising = schedulers.LinearLR(optimizer, start_factor=1 / (warm_up + 1), total_iters=warm_up)
        scheduler = schedulers.SequentialLR(optimizer, [rising, shape[kind]()], milestones=[warm_up])
    else:
        scheduler = shape[kind]()
    found = []
    for step in range(case["total"]):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < case["total"]:
            scheduler.step()
    return found


def write_schedules():
    cases = [{**case, "rates": rates(case)} for case in schedule_cases()]
    lines = ",\n".join(json.dumps(case) for case in cases)
    (FOLDER / "schedules.json").write_text(f"[\n{lines}\n]\n")


LENET = {
    "format": 1, "input": [1, 28, 28], "layers": [
        layer("conv2d", "conv1", filters=20, kernel=[5, 5]), layer("relu", "relu1"),
        layer("max-pool2d", "pool1", kernel=[2, 2]),
        layer("conv2d", "conv2", filters=50, kernel=[5, 5]), layer("relu", "relu2"),
        layer("max-pool2d", "pool2", kernel=[2, 2]), layer("flatten"),
        layer("linear", "hidden1", units=64), layer("relu", "relu3"), layer("linear", "logits", units=5),
    ],
}


def write_lenet_step():
    network = Network(LENET)
    images, labels = torch.rand(8, 1, 28, 28), torch.tensor([0, 1, 2, 3, 4, 4, 2, 0])
    case = {"blueprint": LENET, "sgd": {"learning_rate": 0.1},
            "adam": {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}}
    tensors = {"input": images, "labels": labels, **prefixed("weights", weights(network))}
    optimizers = {"sgd": lambda p: torch.optim.SGD(p, lr=0.1), "adam": lambda p: torch.optim.Adam(p, lr=1e-3)}
    for name, make in optimizers.items():
        learner = copy.deepcopy(network)
        logits = learner(images)
        loss = nn.functional.cross_entropy(logits, labels)
        loss.backward()
        make(learner.parameters()).step()
        tensors |= {"logits": logits, "loss": loss.reshape(1), **prefixed("gradients", gradients(learner)),
                    **prefixed(f"after-{name}", weights(learner))}
    write("lenet-step.safetensors", tensors, {"case": case})


def resnet18(width, size, classes):
    """The blueprint of ResNet-18; the tests of the plugin compare theirs with it."""
    conv = lambda name, filters, kernel, stride, padding: layer(
        "conv2d", name, filters=filters, kernel=[kernel] * 2, stride=[stride] * 2, padding=[padding] * 2, bias=False)
    bn = lambda name: layer("batch-norm2d", name)
    layers = [conv("conv1", width, 7, 2, 3), bn("bn1"), layer("relu"),
              layer("max-pool2d", "maxpool", kernel=[3, 3], stride=[2, 2], padding=[1, 1])]
    for stage in range(4):
        for block in range(2):
            at, before, filters = f"layer{stage + 1}.{block}", layers[-1]["name"], width << stage
            halves = stage > 0 and block == 0
            layers += [conv(f"{at}.conv1", filters, 3, 2 if halves else 1, 1), bn(f"{at}.bn1"), layer("relu", f"{at}.relu1"),
                       conv(f"{at}.conv2", filters, 3, 1, 1), bn(f"{at}.bn2")]
            if halves:
                layers += [{**conv(f"{at}.downsample.0", filters, 1, 2, 0), "inputs": [before]}, bn(f"{at}.downsample.1")]
                before = f"{at}.downsample.1"
            layers += [layer("add", f"{at}.add", inputs=[f"{at}.bn2", before]), layer("relu", f"{at}.relu")]
    layers += [layer("global-avg-pool2d", "avgpool"), layer("flatten"), layer("linear", "fc", units=classes)]
    return {"format": 1, "input": size, "layers": layers}


def write_resnet():
    """A ResNet-18 of width 4 written straight in PyTorch, and its blueprint run by `Network`: they must agree."""
    blueprint = resnet18(4, [3, 64, 64], 10)
    (FOLDER / "resnet18-tiny.json").write_text(json.dumps(blueprint).replace("}, ", "},\n") + "\n")
    network = ResNet18(width=4, classes=10, stem="imagenet")
    randomise(network)
    images, labels = torch.randn(2, 3, 64, 64), torch.tensor([3, 7])
    write("resnet18-tiny.safetensors", network.state_dict(), {})
    by_blueprint = Network(blueprint)
    by_blueprint.load_state_dict(network.state_dict())
    with torch.no_grad():
        features, logits = network.eval().features(images), network(images)
        torch.testing.assert_close(by_blueprint.eval()(images), logits)
    network.train()
    trained = network(images)
    loss = nn.functional.cross_entropy(trained, labels)
    loss.backward()
    torch.optim.SGD(network.parameters(), lr=0.1).step()
    tensors = {"input": images, "labels": labels, "features": features, "logits": logits,
               "train/logits": trained, "train/loss": loss.reshape(1),
               **prefixed("train/gradients", gradients(network)), **prefixed("train/after", weights(network))}
    write("resnet18-tiny-outputs.safetensors", tensors, {"case": {"blueprint": blueprint}})


def write_weights_files():
    """What `torch.save` makes of a few tensors, in its old and its new format: of every type that weights come in, one
    that is not contiguous, and two over one storage."""
    conv = torch.randn(2, 3, 2, 2)
    tied = torch.randn(4)
    state = collections.OrderedDict(
        {"conv.weight": conv, "conv.bias": torch.randn(2, dtype=torch.float64), "half": torch.randn(3).half(),
         "brain": torch.randn(3).bfloat16(), "across": torch.randn(3, 2).t(), "channels_last":
         conv.to(memory_format=torch.channels_last), "tied": tied, "tail": tied[1:], "norm.num_batches_tracked":
         torch.tensor(7), "parameter": nn.Parameter(torch.randn(2))})
    state._metadata = {"": {"version": 1}}
    saved = {"epoch": 3, "loss": 0.25, "state_dict": state, "done": True}
    torch.save(state, FOLDER / "weights-legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(saved, FOLDER / "weights-zip.pth")
    values = {name: tensor.detach().float().contiguous() for name, tensor in state.items()}
    write("weights.safetensors", values, {})


def main():
    torch.set_num_threads(1)
    for part in (write_ops, write_layers, write_losses, write_number_steps, write_optimizers, write_schedules,
                 write_lenet_step, write_resnet, write_weights_files):
        # Each file from its own seed: a new case in one changes no other.
        torch.manual_seed(1)
        part()


if __name__ == "__main__":
    main()

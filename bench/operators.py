"""The tests that ONNX has for its own operators, and its light models, as networks of topwork's engine.

    cargo build --release --locked -p topwork-onnx --example operators
    python bench/operators.py

Writes bench/operators.md. A test is one node with inputs and outputs; the operators are those that the importer's sources name. Around a node comes
what makes its input an image: images of channels × height × width, a vector as that many channels of one place, a sequence as
channels × tokens × 1, turned. The first axis counts the images of a batch, as in every network. Other inputs are weights; where they have
the shape of the first one, they are parts of the image in a second form of the test, too. Needs onnx and onnxruntime.
"""

import argparse
import pathlib
import re
import subprocess
import warnings
from collections import Counter, defaultdict

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.backend.test.runner import Runner

FOLDER = pathlib.Path(__file__).resolve().parent
IMPORTER = FOLDER.parent / "workspace/onnx/src/import"
# Halves what is negative: a layer in front of nodes that become none, undone by the image.
SLOPE = 0.5


def operators():
    """Those with a line in the importer's table, and those its patterns look for."""
    table = (IMPORTER / "operators/mod.rs").read_text()
    listed = set(re.findall(r'\("([A-Z]\w*)",', table))
    for path in [*(IMPORTER / "patterns").glob("*.rs"), IMPORTER / "split.rs"]:
        listed |= set(re.findall(r'"([A-Z]\w*)"', path.read_text()))
    known = {schema.name for schema in onnx.defs.get_all_schemas()}
    return listed & known


def as_array(item):
    """A test's input or output, which is an array, a number, or a tensor of ONNX."""
    return numpy_helper.to_array(item) if isinstance(item, TensorProto) else numpy.asarray(item)


def as_image(array):
    """The array as images, and the nodes that make it what it was, from `from` to `to`."""
    if array.ndim == 4:
        return array, lambda source, target: [helper.make_node("Identity", [source], [target])]
    if array.ndim == 3:
        count, tokens, width = array.shape
        image = numpy.ascontiguousarray(array.transpose(0, 2, 1)).reshape(count, width, tokens, 1)
        return image, lambda source, target: [
            helper.make_node("Squeeze", [source, "last"], [target + "/turned"]),
            helper.make_node("Transpose", [target + "/turned"], [target], perm=[0, 2, 1]),
        ]
    if array.ndim == 2:
        return array.reshape(*array.shape, 1, 1), lambda source, target: [helper.make_node("Flatten", [source], [target])]
    return None


def wrapped(case, number, joined):
    """A test as a model of an image; nothing, or why it is none."""
    (original,), inputs = case.model.graph.node, case.data_sets[number][0]
    node = onnx.NodeProto()
    node.CopyFrom(original)
    if node.op_type != "Split":
        # Whether others were asked for is looked at where the first depends on it.
        del node.output[1:]
    names = [value.name for value in case.model.graph.input]
    inputs = [as_array(item) for item in inputs]
    if not inputs or inputs[0].dtype != numpy.float32:
        return None, "its first input is not float32"
    if joined and (len(inputs) < 2 or any(item.shape != inputs[0].shape or item.dtype != numpy.float32 for item in inputs[1:])):
        return None, None
    made = as_image(inputs[0])
    if made is None or inputs[0].size == 0:
        return None, f"its first input has {inputs[0].ndim} axes or no numbers, expected 2 to 4"
    image, back = made
    before = [helper.make_node("LeakyRelu", ["image"], ["halved"], alpha=SLOPE)]
    constants = [numpy_helper.from_array(numpy.array([3], dtype=numpy.int64), "last")]
    if joined:
        images = [as_image(item)[0] for item in inputs]
        channels = image.shape[1]
        image = numpy.concatenate(images, axis=1)
        for place, name in enumerate(names):
            for setting, value in ((f"{name}/from", place * channels), (f"{name}/to", (place + 1) * channels), (f"{name}/axis", 1)):
                constants.append(numpy_helper.from_array(numpy.array([value], dtype=numpy.int64), setting))
            before.append(helper.make_node("Slice", ["halved", f"{name}/from", f"{name}/to", f"{name}/axis"], [f"{name}/part"]))
            before += back(f"{name}/part", name)
    else:
        before += back("halved", names[0])
        constants += [numpy_helper.from_array(item, name) for item, name in zip(inputs[1:], names[1:])]
    shape = ["batch", *image.shape[1:]]
    graph = helper.make_graph(
        [*before, node], case.name,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)], list(case.model.graph.output)[:1], constants,
    )
    # Forms of these nodes that take settings as inputs are no older.
    model = helper.make_model(graph, opset_imports=case.model.opset_import)
    expected = as_array(case.data_sets[number][1][0])
    if expected.dtype != numpy.float32:
        return None, "its output is not float32"
    return (model, numpy.where(image < 0, image / SLOPE, image).astype(numpy.float32), expected), None


def write(folder, model, image, expected):
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    (folder / "image.pb").write_bytes(numpy_helper.from_array(image).SerializeToString())
    (folder / "expected.pb").write_bytes(numpy_helper.from_array(expected).SerializeToString())


def with_weights(graph, generator):
    """Weights that the light models have as nodes that fill them with one number, to be small, are drawn."""
    sizes = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kept = []
    for node in graph.node:
        if node.op_type != "ConstantOfShape" or node.input[0] not in sizes:
            kept.append(node)
            continue
        shape = tuple(sizes[node.input[0]])
        if len(shape) > 1:
            weight = generator.normal(size=shape) * (2 / numpy.prod(shape[1:])) ** 0.5
        else:
            # Variances among them.
            weight = generator.uniform(0.5, 1, shape)
        graph.initializer.append(numpy_helper.from_array(weight.astype(numpy.float32), node.output[0]))
    del graph.node[:]
    graph.node.extend(kept)


def light(folder):
    """The light models up to a Softmax at their end, with the image that ONNX's runner gives them and onnxruntime's answers."""
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 3
    data = pathlib.Path(onnx.__file__).parent / "backend/test/data/light"
    names = []
    for path in sorted(data.glob("*.onnx")):
        model = onnx.load(path)
        with_weights(model.graph, numpy.random.default_rng(1))
        if model.graph.node[-1].op_type == "Softmax":
            model.graph.output[0].name = model.graph.node.pop().input[0]
        weights = {tensor.name for tensor in model.graph.initializer}
        (value,) = [value for value in model.graph.input if value.name not in weights]
        image = Runner.generate_dummy_data(value)
        session = onnxruntime.InferenceSession(model.SerializeToString(), quiet)
        write(folder / path.stem, model, image, session.run(None, {value.name: image})[0])
        names.append(path.stem)
    return names


def told(program, folders):
    """What the program says of each, in their order; a few hundred at a time, for the length of a command."""
    lines = []
    for start in range(0, len(folders), 200):
        command = [program, *map(str, folders[start : start + 200])]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        lines += done.stdout.splitlines()
    return [line.split("\t", 2) for line in lines]


def shortened(reason):
    """Without the names of nodes and with sizes as one word, so that reasons can be counted."""
    reason = re.sub(r' \("[^"]*"(?: and \d+ more)?\)', "", reason)
    reason = re.sub(r"\d+(?:×\d+)+|\[[\d, ]*\]|-?\b\d+(?:\.\d+)?(?:e-?\d+)?\b", "…", reason)
    return reason.replace("|", "\\|")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--program", default="target/release/examples/operators")
    arguments.add_argument("--folder", default="target/operators", type=pathlib.Path)
    arguments = arguments.parse_args()
    warnings.filterwarnings("ignore")
    wanted = operators()
    tests, folders, owners = {}, [], []
    for case in collect_testcases(None):
        if case.model is None or len(case.model.graph.node) != 1 or case.model.graph.node[0].domain not in ("", "ai.onnx"):
            continue
        operator = case.model.graph.node[0].op_type
        if operator not in wanted:
            continue
        test = tests.setdefault(case.name, {"operator": operator, "forms": [], "rtol": case.rtol})
        for joined in (False, True):
            model, reason = wrapped(case, 0, joined)
            if model is None:
                if reason:
                    test["forms"].append(("unfit", reason))
                continue
            folder = arguments.folder / f"{case.name}{'-joined' if joined else ''}"
            write(folder, *model)
            folders.append(folder)
            owners.append(test)
    models = light(arguments.folder)
    answers = told(arguments.program, folders + [arguments.folder / name for name in models])
    for owner, (_, verdict, reason) in zip(owners, answers):
        # Some tests have what they expect to four digits alone.
        if verdict == "wrong" and re.fullmatch(r"[\d.e+-]+", reason) and float(reason) <= owner["rtol"]:
            verdict = "right"
        owner["forms"].append((verdict, reason))

    counted, reasons = defaultdict(Counter), Counter()
    for name, test in tests.items():
        verdicts = [verdict for verdict, _ in test["forms"]]
        verdict = next((kind for kind in ("wrong", "broken", "right", "refused") if kind in verdicts), "unfit")
        counted[test["operator"]][verdict] += 1
        if verdict in ("refused", "unfit"):
            reasons[next(shortened(reason) for kind, reason in test["forms"] if kind == verdict)] += 1
        elif verdict != "right":
            print(name, test["forms"])
    total = sum(counted.values(), Counter())
    text = [
        "# ONNX's tests of its operators as networks of topwork", "",
        f"onnx {onnx.__version__}; written by `bench/operators.py`. Of the {total.total()} tests of the operators that the importer looks for, "
        f"{total['right']} are networks that give the expected numbers to 10⁻⁵ of the largest, or to the tolerance of the test, {total['wrong'] + total['broken']} give "
        f"others, {total['refused']} are refused with a reason, and {total['unfit']} have no form as an image network. An operator that is "
        "refused by itself may still be recognised as a part of a layer.", "",
        "| operator | right | wrong | refused | no image |", "|---|--:|--:|--:|--:|",
    ]
    for operator, counts in sorted(counted.items()):
        cells = [counts["right"], counts["wrong"] + counts["broken"], counts["refused"], counts["unfit"]]
        text.append(f"| {operator} | " + " | ".join(str(cell or "") for cell in cells) + " |")
    text += ["", "| tests | why not |", "|--:|---|"]
    text += [f"| {count} | {reason} |" for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))]
    text += ["", f"ONNX's light models without a Softmax at their end, with drawn weights, beside onnxruntime {onnxruntime.__version__}:", "", "| model | |", "|---|---|"]
    for name, (_, verdict, reason) in zip(models, answers[len(folders):]):
        says = {"right": f"right, to {reason}", "wrong": f"wrong: {reason}"}.get(verdict, reason.replace("|", "\\|"))
        text.append(f"| {name} | {says} |")
        print(name, verdict, reason)
    (FOLDER / "operators.md").write_text("\n".join(text) + "\n")
    print(dict(total))


if __name__ == "__main__":
    main()

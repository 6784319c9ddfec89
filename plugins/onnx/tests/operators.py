"""Writes operators.json: operators in forms that runtimes get wrong, with the numbers that the format asks for.

    python3 operators.py          what is kept in the repository
    python3 operators.py FILE     everything, for `TOPWORK_OPERATORS=FILE cargo test -p topwork-plugin-onnx --test operators`

The numbers are those of ONNX's reference evaluator where it has the operator of that set, and of onnxruntime; where both
have it they must agree, or the case is left out with a line on the standard error.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

CASES = []

# What runtimes got wrong, refused without need, or may get wrong next: the beginnings of the names that are kept.
KEPT = """
Conv SAME_LOWER|Conv SAME_UPPER 2|Conv VALID 2|Conv without|MaxPool SAME_LOWER 2|MaxPool SAME_UPPER 3|AveragePool SAME_LOWER 2
AveragePool SAME_UPPER 3|ConvTranspose|MaxPool-12 ceil 1 6|AveragePool-11 ceil 1 6|AveragePool-19 ceil 1 7|MaxPool-22 ceil 1 5 SAME
AveragePool [|AveragePool 1d|AveragePool odd|ConvInteger 13|DynamicQuantize|MatMulInteger|QLinearConv|Softmax-|LogSoftmax-11
Hardmax-11 axis 1|Dropout|LRN|Clip-6|Clip-13|Pad-2|Pad-18|Slice-1|Squeeze-1|Split-2|Split-18|ReduceMean-11|ReduceMean-18|Upsample
Resize-10|Resize-13 nearest asymmetric (2, 2)|Resize-13 nearest half_pixel (1.5, 2.5)|Resize-13 linear half_pixel (2, 2)
Resize-13 cubic half_pixel (2, 2)|DepthToSpace|BatchNormalization|Sign|Cast to bool|Not Cast|QDQ|Gemm|LayerNormalization|Gelu
""".strip().replace("\n", "|").split("|")


# What rten does not know and no rule writes in what it knows: it must say so.
REFUSED = {
    "QLinearConv": "QLinearConv operator not supported",
    "Hardmax": "Hardmax operator not supported",
    "Dropout-13 with a mask that is read": "Dropout operator not enabled",
    "Resize-13 cubic": "(Resize): it resizes linearly where `mode = cubic` is asked for",
    "QDQ no zero": "unsupported input type",
}


def image(shape):
    count = int(np.prod(shape))
    return ((np.arange(count) * 37 + 11) % 49 / 8 - 3).astype(np.float32).reshape(shape)


def weights(shape, seed=0):
    count = int(np.prod(shape))
    return ((np.arange(count) * 29 + 7 + seed) % 31 / 16 - 1).astype(np.float32).reshape(shape)


def case(name, nodes, opset, shape=(1, 3, 5, 6), constants=None, nhwc=False, wrong_reference=False):
    """A model whose tensors are `x`, the image, and `out`. `nodes` are (operator, inputs, outputs, attributes)."""
    made = [helper.make_node(op, ins, outs, **attributes) for op, ins, outs, attributes in nodes]
    initial = [numpy_helper.from_array(value, key) for key, value in (constants or {}).items()]
    graph = helper.make_graph(
        made,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_empty_tensor_value_info("out")],
        initial,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    feed = {"x": image(shape)}
    found = []
    try:
        if not wrong_reference:
            found.append(ReferenceEvaluator(model).run(None, feed)[0])
    except Exception as error:
        print(f"{name}: no reference: {str(error)[:80]}", file=sys.stderr)
    try:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        # The output's type is needed there.
        model.graph.output[0].CopyFrom(helper.make_tensor_value_info("out", TensorProto.FLOAT, None))
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        found.append(session.run(None, feed)[0])
    except Exception as error:
        print(f"{name}: no onnxruntime: {str(error)[:80]}", file=sys.stderr)
    found = [np.asarray(value, dtype=np.float32) for value in found]
    if not found:
        return
    if any(v.shape != found[0].shape or not np.allclose(v, found[0], atol=1e-5) for v in found[1:]):
        print(f"{name}: reference and onnxruntime differ: left out", file=sys.stderr)
        return
    if found[-1].shape[:1] != (1,) or not np.isfinite(found[-1]).all():
        print(f"{name}: shape {found[-1].shape} or not finite: left out", file=sys.stderr)
        return
    entry = {
        "name": name,
        "model": model.SerializeToString().hex(),
        "image": [shape[3], *shape[1:3]] if nhwc else list(shape[1:]),
        "expected": [float(f"{number:.7g}") for number in found[-1].ravel().tolist()],
    }
    for operator, words in REFUSED.items():
        if name.startswith(operator):
            entry["refused"] = words
    CASES.append(entry)


def one(name, op, opset, inputs=("x",), shape=(1, 3, 5, 6), constants=None, **attributes):
    case(name, [(op, list(inputs), ["out"], attributes)], opset, shape, constants)


def padding():
    for auto in ["SAME_LOWER", "SAME_UPPER", "VALID"]:
        for stride in [1, 2, 3]:
            one(f"Conv {auto} {stride}", "Conv", 11, ["x", "w"], (1, 1, 5, 6), {"w": weights((1, 1, 2, 3))},
                auto_pad=auto, strides=[stride, stride], kernel_shape=[2, 3])
            one(f"MaxPool {auto} {stride}", "MaxPool", 12, shape=(1, 1, 5, 6), auto_pad=auto,
                strides=[stride, stride], kernel_shape=[2, 3])
            one(f"AveragePool {auto} {stride}", "AveragePool", 11, shape=(1, 1, 5, 6), auto_pad=auto,
                strides=[stride, stride], kernel_shape=[2, 3])
            one(f"ConvTranspose {auto} {stride}", "ConvTranspose", 11, ["x", "w"], (1, 1, 3, 4),
                {"w": weights((1, 1, 2, 3))}, auto_pad=auto, strides=[stride, stride], kernel_shape=[2, 3])
    one("Conv SAME_LOWER dilated", "Conv", 11, ["x", "w"], (1, 2, 6, 7), {"w": weights((1, 2, 3, 2))},
        auto_pad="SAME_LOWER", dilations=[2, 2], kernel_shape=[3, 2])
    one("Conv without kernel_shape", "Conv", 11, ["x", "w"], (1, 2, 5, 6), {"w": weights((1, 2, 3, 3))}, pads=[1, 1, 1, 1])
    one("Conv without kernel_shape SAME_LOWER", "Conv", 11, ["x", "w"], (1, 2, 5, 6), {"w": weights((1, 2, 2, 2))}, auto_pad="SAME_LOWER")
    one("ConvTranspose output_shape", "ConvTranspose", 11, ["x", "w"], (1, 1, 3, 3), {"w": weights((1, 1, 3, 3))},
        output_shape=[5, 6], strides=[2, 2], kernel_shape=[3, 3])
    one("ConvTranspose output_shape SAME_UPPER", "ConvTranspose", 11, ["x", "w"], (1, 1, 3, 3), {"w": weights((1, 1, 3, 3))},
        output_shape=[6, 6], strides=[2, 2], kernel_shape=[3, 3], auto_pad="SAME_UPPER")
    one("ConvTranspose output_padding", "ConvTranspose", 11, ["x", "w"], (1, 1, 3, 3), {"w": weights((1, 1, 3, 3))},
        output_padding=[1, 0], strides=[2, 2], pads=[1, 1, 1, 1])
    one("ConvTranspose dilated", "ConvTranspose", 11, ["x", "w"], (1, 1, 3, 3), {"w": weights((1, 1, 2, 2))}, dilations=[2, 2])
    one("ConvTranspose groups", "ConvTranspose", 11, ["x", "w"], (1, 2, 3, 3), {"w": weights((2, 1, 2, 2))}, group=2)
    for op, opset in [("MaxPool", 12), ("AveragePool", 11), ("AveragePool", 19), ("MaxPool", 22), ("AveragePool", 22)]:
        for ceil in [0, 1]:
            for side in [5, 6, 7]:
                one(f"{op}-{opset} ceil {ceil} {side}", op, opset, shape=(1, 1, side, side), ceil_mode=ceil,
                    kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
                one(f"{op}-{opset} ceil {ceil} {side} bare", op, opset, shape=(1, 1, side, side), ceil_mode=ceil,
                    kernel_shape=[2, 2], strides=[3, 3])
                if op == "AveragePool":
                    one(f"{op}-{opset} ceil {ceil} {side} include", op, opset, shape=(1, 1, side, side), ceil_mode=ceil,
                        kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
                    one(f"{op}-{opset} ceil {ceil} {side} include bare", op, opset, shape=(1, 1, side, side), ceil_mode=ceil,
                        kernel_shape=[3, 3], strides=[2, 2], count_include_pad=1)
                one(f"{op}-{opset} ceil {ceil} {side} SAME_UPPER", op, opset, shape=(1, 1, side, side), ceil_mode=ceil,
                        kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER")
    one("MaxPool dilated", "MaxPool", 12, shape=(1, 1, 6, 6), kernel_shape=[2, 2], dilations=[2, 2])
    one("MaxPool odd pads", "MaxPool", 12, shape=(1, 1, 5, 5), kernel_shape=[3, 3], pads=[0, 1, 2, 0])
    one("AveragePool odd pads", "AveragePool", 11, shape=(1, 1, 5, 5), kernel_shape=[3, 3], pads=[0, 1, 2, 0])
    for pads in [[0, 1, 2, 0], [1, 1, 1, 1]]:
        one(f"AveragePool {pads} include", "AveragePool", 11, shape=(1, 1, 5, 5), kernel_shape=[3, 3], pads=pads, count_include_pad=1)
        one(f"AveragePool 1d {pads[:2]} include", "AveragePool", 11, shape=(1, 1, 1, 7), kernel_shape=[1, 3], pads=[0, pads[0], 0, pads[1]], count_include_pad=1)
    case("MatMulInteger large", [("QuantizeLinear", ["x", "s", "z"], ["q"], {}), ("MatMulInteger", ["q", "w", "z", "wz"], ["i"], {}), ("Cast", ["i"], ["out"], {"to": 1})],
         13, (1, 1, 2, 6), {"s": np.float32(0.02), "z": np.uint8(9), "w": np.full((6, 3), 127, np.int8), "wz": np.array([-5, 0, 5], np.int8)})
    one("LpPool", "LpPool", 18, kernel_shape=[2, 2], p=2)
    one("GlobalLpPool", "GlobalLpPool", 2, p=2)
    for opset in (10, 13):
        for zero in (0, 7):
            for kw in [dict(pads=[1, 0, 2, 1]), dict(auto_pad="SAME_LOWER"), dict(auto_pad="SAME_UPPER"), {}]:
                case(f"ConvInteger {opset} {zero} {kw}",
                     [("QuantizeLinear", ["x", "s", "z"], ["q"], {}),
                      ("ConvInteger", ["q", "w", "z", "wz"], ["i"], {"kernel_shape": [2, 2], **kw}),
                      ("Cast", ["i"], ["out"], {"to": 1})], opset, (1, 2, 3, 4),
                     {"s": np.float32(0.1), "z": np.uint8(zero), "w": (np.arange(8) * 31 % 256).astype(np.uint8).reshape(1, 2, 2, 2), "wz": np.uint8(3)})
    case("DynamicQuantizeLinear ConvInteger",
         [("DynamicQuantizeLinear", ["x"], ["q", "s", "z"], {}),
          ("ConvInteger", ["q", "w", "z"], ["i"], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
          ("Cast", ["i"], ["out"], {"to": 1})], 13, (1, 2, 3, 4),
         {"w": (np.arange(18) * 31 % 256).astype(np.uint8).reshape(1, 2, 3, 3)})
    case("QLinearConv", [("QuantizeLinear", ["x", "s", "z"], ["q"], {}),
          ("QLinearConv", ["q", "s", "z", "w", "s", "wz", "s", "z"], ["i"], {"kernel_shape": [2, 2], "pads": [1, 0, 1, 0]}),
          ("DequantizeLinear", ["i", "s", "z"], ["out"], {})], 13, (1, 2, 3, 4),
         {"s": np.float32(0.1), "z": np.uint8(7), "w": (np.arange(8) * 31 % 256).astype(np.uint8).reshape(1, 2, 2, 2), "wz": np.uint8(128)})


def old_sets():
    for op in ["Softmax", "LogSoftmax", "Hardmax"]:
        for opset in [7, 11, 12, 13]:
            one(f"{op}-{opset}", op, opset, shape=(1, 2, 3, 4))
            for axis in [0, 1, 2, 3, -1, -2]:
                if axis < 0 and opset < 11:
                    continue
                one(f"{op}-{opset} axis {axis}", op, opset, shape=(1, 2, 3, 4), axis=axis)
    for opset in [7, 10, 12, 13]:
        one(f"Dropout-{opset}", "Dropout", opset)
    one("Dropout-13 false", "Dropout", 13, ["x", "r", "t"], constants={"r": np.float32(0.5), "t": np.bool_(False)})
    one("Dropout-13 no ratio", "Dropout", 13, ["x", "", "t"], constants={"t": np.bool_(False)})
    case("Dropout-13 with mask", [("Dropout", ["x"], ["out", "mask"], {})], 13)
    case("Dropout-13 with a mask that is read", [("Dropout", ["x"], ["d", "mask"], {}), ("Cast", ["mask"], ["m"], {"to": 1}), ("Add", ["d", "m"], ["out"], {})], 13)
    # The reference evaluator (1.23) goes over the images where it should go over the channels.
    for size in [1, 3, 5]:
        case(f"LRN {size}", [("LRN", ["x"], ["out"], {"size": size, "alpha": 0.3, "beta": 0.6, "bias": 1.5})], 13, (1, 4, 3, 2), wrong_reference=True)
    case("LRN defaults", [("LRN", ["x"], ["out"], {"size": 5})], 9, (1, 6, 2, 2), wrong_reference=True)
    case("LRN one channel", [("LRN", ["x"], ["out"], {"size": 3, "alpha": 0.5})], 13, (1, 1, 2, 3), wrong_reference=True)
    one("Clip-6", "Clip", 6, min=-1.0, max=0.5)
    one("Clip-6 max", "Clip", 6, max=0.5)
    one("Clip-6 min", "Clip", 6, min=0.5)
    one("Clip-13 max", "Clip", 13, ["x", "", "m"], constants={"m": np.float32(0.5)})
    one("Clip-13 min", "Clip", 13, ["x", "m"], constants={"m": np.float32(0.5)})
    one("Clip-13 crossed", "Clip", 13, ["x", "a", "b"], constants={"a": np.float32(1), "b": np.float32(-1)})
    one("Pad-2", "Pad", 2, pads=[0, 0, 1, 0, 0, 0, 0, 2], value=0.5)
    one("Pad-2 reflect", "Pad", 2, pads=[0, 0, 1, 1, 0, 0, 0, 2], mode="reflect")
    one("Pad-13 edge", "Pad", 13, ["x", "p"], constants={"p": np.array([0, 0, 1, 1, 0, 0, 0, 2])}, mode="edge")
    one("Pad-18 axes", "Pad", 18, ["x", "p", "", "a"], constants={"p": np.array([1, 2, 0, 1]), "a": np.array([2, 3])})
    one("Pad-18 axes neg", "Pad", 18, ["x", "p", "v", "a"], constants={"p": np.array([1, 2, 0, 1]), "a": np.array([-1, -2]), "v": np.float32(2)})
    one("Pad negative", "Pad", 13, ["x", "p"], constants={"p": np.array([0, 0, -1, 1, 0, 0, 0, -2])})
    one("Slice-1", "Slice", 1, starts=[1, 0], ends=[4, -1], axes=[2, 3])
    one("Slice-1 no axes", "Slice", 1, starts=[0, 1], ends=[1, 3])
    one("Slice-13 steps", "Slice", 13, ["x", "s", "e", "a", "t"], constants={"s": np.array([-1]), "e": np.array([-10]), "a": np.array([-1]), "t": np.array([-2])})
    case("Squeeze-1", [("ReduceMean", ["x"], ["m"], {"axes": [2, 3], "keepdims": 1}), ("Squeeze", ["m"], ["out"], {"axes": [2, 3]})], 11)
    case("Unsqueeze-11 neg", [("Unsqueeze", ["x"], ["out"], {"axes": [-1, 1]})], 11)
    one("Split-2 even", "Identity", 13)
    case("Split-2", [("Split", ["x"], ["a", "b", "out"], {"axis": 1})], 2)
    case("Split-13", [("Split", ["x"], ["a", "b", "out"], {"axis": 1})], 13)
    case("Split-18", [("Split", ["x"], ["a", "out"], {"axis": 3, "num_outputs": 2})], 18, (1, 2, 3, 5))
    case("Split-2 sizes", [("Split", ["x"], ["a", "out"], {"axis": 3, "split": [2, 4]})], 2)
    for op in ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"]:
        inputs = ["x"]
        case(f"{op}-11", [("Abs", ["x"], ["p"], {}), (op, ["p"], ["out"], {"axes": [-1, 2], "keepdims": 0})], 11)
        case(f"{op}-18", [("Abs", ["x"], ["p"], {}), (op, ["p", "a"], ["out"], {"keepdims": 0})], 18, constants={"a": np.array([-1, 2])})
        case(f"{op}-18 all", [("Abs", ["x"], ["p"], {}), (op, ["p"], ["out"], {"keepdims": 1})], 18)
        case(f"{op}-18 noop", [("Abs", ["x"], ["p"], {}), (op, ["p"], ["out"], {"keepdims": 1, "noop_with_empty_axes": 1})], 18)
    one("Upsample-9", "Upsample", 9, ["x", "s"], constants={"s": np.array([1, 1, 2, 3], np.float32)}, mode="nearest")
    one("Upsample-7", "Upsample", 7, mode="nearest", scales=[1.0, 1.0, 2.0, 2.0])
    one("Upsample-9 linear", "Upsample", 9, ["x", "s"], constants={"s": np.array([1, 1, 2, 2], np.float32)}, mode="linear")
    one("Resize-10", "Resize", 10, ["x", "s"], constants={"s": np.array([1, 1, 2, 2], np.float32)}, mode="nearest")
    one("Resize-10 linear", "Resize", 10, ["x", "s"], constants={"s": np.array([1, 1, 2, 2], np.float32)}, mode="linear")
    for mode in ["nearest", "linear", "cubic"]:
        for coordinates in ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "tf_half_pixel_for_nn", "half_pixel_symmetric"]:
            for scale in [(2, 2), (1.5, 2.5), (0.5, 0.6)]:
                for nearest in ["round_prefer_floor", "floor", "ceil", "round_prefer_ceil"] if mode == "nearest" else [None]:
                    kw = {"nearest_mode": nearest} if nearest else {}
                    one(f"Resize-13 {mode} {coordinates} {scale} {nearest}", "Resize", 19 if "symm" in coordinates else 13, ["x", "", "s"], (1, 1, 5, 6),
                        {"s": np.array([1, 1, *scale], np.float32)}, mode=mode, coordinate_transformation_mode=coordinates, **kw)
    one("Resize-13 sizes", "Resize", 13, ["x", "", "", "s"], constants={"s": np.array([1, 3, 9, 4])}, mode="linear")
    one("Resize-18 axes", "Resize", 18, ["x", "", "s"], constants={"s": np.array([2, 2], np.float32)}, axes=[2, 3])
    one("Resize-18 antialias", "Resize", 18, ["x", "", "s"], constants={"s": np.array([1, 1, .5, .5], np.float32)}, antialias=1, mode="linear")


def elementwise():
    for op, opset, kw in [("Elu", 6, {}), ("Elu", 6, {"alpha": 0.5}), ("Selu", 6, {}), ("Celu", 12, {}), ("Celu", 12, {"alpha": 2.0}),
                          ("HardSigmoid", 6, {}), ("HardSigmoid", 6, {"alpha": 0.3}), ("HardSwish", 14, {}), ("Mish", 18, {}), ("Gelu", 20, {}),
                          ("Gelu", 20, {"approximate": "tanh"}), ("LeakyRelu", 6, {}), ("ThresholdedRelu", 10, {}), ("Softplus", 1, {}),
                          ("Softsign", 1, {}), ("Shrink", 9, {"lambd": 0.5, "bias": 0.25}), ("Round", 11, {}), ("Floor", 6, {}), ("Ceil", 6, {}),
                          ("Sign", 9, {}), ("Erf", 9, {}), ("Tanh", 6, {}), ("Sigmoid", 6, {}), ("Exp", 6, {}), ("Abs", 6, {}), ("Neg", 6, {}),
                          ("Reciprocal", 6, {}), ("Atan", 7, {}), ("Swish", 24, {}), ("MeanVarianceNormalization", 13, {}),
                          ("LpNormalization", 1, {}), ("LpNormalization", 1, {"p": 1, "axis": 1}), ("GlobalMaxPool", 1, {}), ("GlobalAveragePool", 1, {}),
                          ("Flatten", 11, {}), ("Flatten", 11, {"axis": 0}), ("Flatten", 11, {"axis": -2}), ("Transpose", 1, {})]:
        one(f"{op}-{opset} {kw}", op, opset, **kw)
    one("Transpose last", "Transpose", 1, perm=[0, 3, 1, 2])
    for mode in ["DCR", "CRD"]:
        one(f"DepthToSpace {mode}", "DepthToSpace", 13, shape=(1, 8, 2, 3), blocksize=2, mode=mode)
    one("DepthToSpace-1", "DepthToSpace", 1, shape=(1, 8, 2, 3), blocksize=2)
    one("SpaceToDepth", "SpaceToDepth", 13, shape=(1, 2, 4, 6), blocksize=2)
    one("PRelu", "PRelu", 9, ["x", "s"], constants={"s": weights((3, 1, 1))})
    one("PRelu one", "PRelu", 9, ["x", "s"], constants={"s": weights((1,))})
    one("Pow", "Pow", 13, ["x", "s"], constants={"s": np.float32(3)})
    one("Mod", "Mod", 13, ["x", "s"], constants={"s": np.float32(1.5)}, fmod=1)
    bn = {"s": weights((3,)), "b": weights((3,), 1), "m": weights((3,), 2), "v": np.abs(weights((3,), 3)) + 0.1}
    for opset in [7, 9, 14, 15]:
        one(f"BatchNormalization-{opset}", "BatchNormalization", opset, ["x", "s", "b", "m", "v"], constants=bn)
        one(f"BatchNormalization-{opset} epsilon", "BatchNormalization", opset, ["x", "s", "b", "m", "v"], constants=bn, epsilon=0.1)
    one("BatchNormalization-7 spatial", "BatchNormalization", 7, ["x", "s", "b", "m", "v"], constants=bn, spatial=1)
    one("InstanceNormalization", "InstanceNormalization", 6, ["x", "s", "b"], constants=bn)
    one("InstanceNormalization epsilon", "InstanceNormalization", 6, ["x", "s", "b"], constants=bn, epsilon=0.1)
    one("GroupNormalization-21", "GroupNormalization", 21, ["x", "s", "b"], (1, 4, 2, 3), {"s": weights((4,)), "b": weights((4,), 1)}, num_groups=2)
    one("LayerNormalization", "LayerNormalization", 17, ["x", "s", "b"], constants={"s": weights((6,)), "b": weights((6,), 1)})
    one("LayerNormalization axis 1", "LayerNormalization", 17, ["x", "s"], constants={"s": weights((3, 5, 6))}, axis=1)
    one("LayerNormalization axis 2", "LayerNormalization", 17, ["x", "s", "b"], constants={"s": weights((5, 6)), "b": weights((5, 6), 1)}, axis=2, epsilon=0.1)
    one("LayerNormalization broadcast", "LayerNormalization", 17, ["x", "s"], constants={"s": weights((1,))}, axis=2)
    one("RMSNormalization", "RMSNormalization", 23, ["x", "s"], constants={"s": weights((6,))})
    for axis in [None, 1, -1]:
        kw = {} if axis is None else {"axis": axis}
        n = 3 if axis != -1 else 6
        s = np.abs(weights((n,))) / 4 + 0.05
        case(f"QDQ axis {axis}", [("QuantizeLinear", ["x", "s", "z"], ["q"], kw), ("DequantizeLinear", ["q", "s", "z"], ["out"], kw)], 13,
             constants={"s": s.astype(np.float32), "z": (np.arange(n) + 100).astype(np.uint8)})
    case("QDQ int8", [("QuantizeLinear", ["x", "s", "z"], ["q"], {}), ("DequantizeLinear", ["q", "s", "z"], ["out"], {})], 13,
         constants={"s": np.float32(0.25), "z": np.int8(3)})
    case("QDQ no zero", [("QuantizeLinear", ["x", "s"], ["q"], {}), ("DequantizeLinear", ["q", "s"], ["out"], {})], 13, constants={"s": np.float32(0.25)})
    case("DynamicQuantize MatMulInteger",
         [("DynamicQuantizeLinear", ["x"], ["q", "s", "z"], {}), ("MatMulInteger", ["q", "w", "z", "wz"], ["i"], {}), ("Cast", ["i"], ["out"], {"to": 1})], 13,
         constants={"w": (np.arange(24) * 31 % 256).astype(np.uint8).reshape(6, 4), "wz": np.array([1, 2, 3, 4], np.uint8)})
    case("Cast to bool", [("Cast", ["x"], ["b"], {"to": 9}), ("Cast", ["b"], ["out"], {"to": 1})], 13)
    case("Cast to int", [("Cast", ["x"], ["b"], {"to": 6}), ("Cast", ["b"], ["out"], {"to": 1})], 13)
    case("Cast to int64", [("Cast", ["x"], ["b"], {"to": 7}), ("Cast", ["b"], ["out"], {"to": 1})], 13)
    # rten computes halves in 32 bits, which is nearer to what was meant.
    # case("Cast to half", [("Mul", ["x", "k"], ["y"], {}), ("Cast", ["y"], ["b"], {"to": 10}), ("Cast", ["b"], ["out"], {"to": 1})], 13, constants={"k": np.float32(1000.3)})
    case("Not Cast", [("Cast", ["x"], ["b"], {"to": 9}), ("Not", ["b"], ["n"], {}), ("Cast", ["n"], ["out"], {"to": 1})], 13)
    case("Where", [("Greater", ["x", "k"], ["b"], {}), ("Where", ["b", "x", "k"], ["out"], {})], 13, constants={"k": np.float32(0.3)})
    case("Gemm old", [("Flatten", ["x"], ["f"], {}), ("Gemm", ["f", "w", "c"], ["out"], {"transB": 1, "alpha": 0.5, "beta": 2.0})], 7,
         (1, 1, 2, 3), {"w": weights((4, 6)), "c": weights((4,), 1)})
    case("Gemm C one", [("Flatten", ["x"], ["f"], {}), ("Gemm", ["f", "w", "c"], ["out"], {})], 11,
         (1, 1, 2, 3), {"w": weights((6, 4)), "c": weights((1,), 1)})
    case("ArgMax", [("ArgMax", ["x"], ["i"], {"axis": 1}), ("Cast", ["i"], ["out"], {"to": 1})], 13)
    case("ArgMax last", [("ArgMax", ["x"], ["i"], {"axis": 1, "select_last_index": 1}), ("Cast", ["i"], ["out"], {"to": 1})], 13)
    case("TopK", [("TopK", ["x", "k"], ["out", "i"], {"axis": 3})], 11, constants={"k": np.array([2])})
    case("TopK-1", [("TopK", ["x"], ["out", "i"], {"axis": 3, "k": 2})], 1)
    case("CumSum", [("CumSum", ["x", "a"], ["out"], {"exclusive": 1, "reverse": 1})], 14, constants={"a": np.array(3)})
    case("Expand", [("Expand", ["x", "s"], ["out"], {})], 13, (1, 1, 2, 3), {"s": np.array([1, 2, 1, 1])})
    case("Tile", [("Tile", ["x", "s"], ["out"], {})], 13, (1, 1, 2, 3), {"s": np.array([1, 2, 1, 2])})
    case("Reshape 0", [("Reshape", ["x", "s"], ["out"], {})], 13, (1, 1, 2, 3), {"s": np.array([0, -1])})
    case("Constant floats", [("Constant", [], ["k"], {"value_floats": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}), ("Mul", ["x", "k"], ["out"], {})], 13)
    case("Constant float", [("Constant", [], ["k"], {"value_float": 2.5}), ("Mul", ["x", "k"], ["out"], {})], 13)
    case("Constant ints", [("Constant", [], ["k"], {"value_ints": [1, 6, 15]}), ("Reshape", ["x", "k"], ["out"], {})], 13)
    case("Gather neg", [("Gather", ["x", "i"], ["out"], {"axis": -1})], 13, constants={"i": np.array([-1, 0])})
    case("OneHot", [("ArgMax", ["x"], ["i"], {"axis": 3, "keepdims": 0}), ("OneHot", ["i", "d", "v"], ["out"], {"axis": 1})], 13, constants={"d": np.array(6), "v": np.array([-1, 2], np.float32)})
    case("Einsum", [("Einsum", ["x", "x"], ["out"], {"equation": "bchw,bdhw->bcd"})], 13)
    case("Trilu", [("Trilu", ["x"], ["out"], {"upper": 0})], 14)
    case("Trilu k", [("Trilu", ["x", "k"], ["out"], {"upper": 1})], 14, constants={"k": np.array(1)})
    case("GridSample", [("GridSample", ["x", "g"], ["out"], {})], 16, constants={"g": weights((1, 2, 3, 2))})
    case("GridSample border", [("GridSample", ["x", "g"], ["out"], {"padding_mode": "border"})], 16, constants={"g": weights((1, 2, 3, 2))})
    case("Sum", [("Sum", ["x", "x", "k"], ["out"], {})], 13, constants={"k": np.float32(0.3)})
    case("Mean", [("Mean", ["x", "k"], ["out"], {})], 13, constants={"k": np.float32(0.3)})
    case("Max", [("Max", ["x", "k"], ["out"], {})], 13, constants={"k": np.float32(0.3)})
    case("Size", [("Size", ["x"], ["n"], {}), ("Cast", ["n"], ["f"], {"to": 1}), ("Div", ["x", "f"], ["out"], {})], 13)
    case("Shape slice", [("Shape", ["x"], ["n"], {"start": -1}), ("Cast", ["n"], ["f"], {"to": 1}), ("Div", ["x", "f"], ["out"], {})], 15)
    case("Div int", [("Cast", ["x"], ["i"], {"to": 7}), ("Div", ["i", "k"], ["d"], {}), ("Cast", ["d"], ["out"], {"to": 1})], 13, constants={"k": np.int64(2)})
    case("Mod int", [("Cast", ["x"], ["i"], {"to": 7}), ("Mod", ["i", "k"], ["d"], {}), ("Cast", ["d"], ["out"], {"to": 1})], 13, constants={"k": np.int64(2)})
    for axis in [0, 1]:
        case(f"Concat {axis}", [("Concat", ["x", "x"], ["c"], {"axis": 1}), ("Identity", ["c"], ["out"], {})], 13)
    case("double inside", [("Cast", ["x"], ["d"], {"to": 11}), ("Mul", ["d", "k"], ["e"], {}), ("Cast", ["e"], ["out"], {"to": 1})], 13, constants={"k": np.float64(1.5)})
    case("half inside", [("Cast", ["x"], ["d"], {"to": 10}), ("Mul", ["d", "k"], ["e"], {}), ("Cast", ["e"], ["out"], {"to": 1})], 13, constants={"k": np.float16(1.5)})
    case("Attention-23", [("Reshape", ["x", "s"], ["t"], {}), ("Attention", ["t", "t", "t"], ["out"], {})], 23, (1, 2, 4, 6), {"s": np.array([1, 2, 4, 6])})
    case("Scatter", [("ScatterElements", ["x", "i", "u"], ["out"], {"axis": 3})], 13, constants={"i": np.zeros((1, 3, 5, 1), np.int64), "u": np.ones((1, 3, 5, 1), np.float32)})
    r, w = weights((1, 8, 2)), weights((1, 8, 6))
    case("LSTM", [("Reshape", ["x", "s"], ["t"], {}), ("LSTM", ["t", "w", "r"], ["y"], {"hidden_size": 2}), ("Transpose", ["y"], ["out"], {"perm": [1, 0, 2, 3]})], 14, constants={"s": np.array([15, 1, 6]), "w": w, "r": r})
    case("GRU", [("Reshape", ["x", "s"], ["t"], {}), ("GRU", ["t", "w", "r"], ["y"], {"hidden_size": 2}), ("Transpose", ["y"], ["out"], {"perm": [1, 0, 2, 3]})], 14, constants={"s": np.array([15, 1, 6]), "w": w[:, :6], "r": r[:, :6]})


def main():
    padding()
    old_sets()
    elementwise()
    everything = len(sys.argv) > 1
    target = sys.argv[1] if everything else pathlib.Path(__file__).with_name("operators.json")
    kept = [entry for entry in CASES if everything or any(entry["name"].startswith(name) for name in KEPT)]
    with open(target, "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in kept) + "\n]\n")
    print(len(kept), "cases", file=sys.stderr)


main()

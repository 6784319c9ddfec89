//! Operators of older networks, from Caffe and before batch normalisation.

use topwork_onnx::message::Model;

use crate::networks::{agrees, imported};
use crate::refusals::refusal;
use crate::small::{Is, NONE, Small};

#[test]
fn windows_that_are_padded_on_one_side_are_those_of_a_layer() {
    let pool = |op: &str, kernel: &[i64], stride: i64, pads: &[i64], more: &[(&str, Is<'_>)]| {
        let stride = [stride; 2];
        let mut settings = vec![
            ("kernel_shape", Is::Ints(kernel)),
            ("strides", Is::Ints(&stride)),
            ("pads", Is::Ints(pads)),
        ];
        settings.extend(more.iter().map(|(name, is)| match is {
            Is::Int(value) => (*name, Is::Int(*value)),
            _ => unreachable!("whole numbers alone"),
        }));
        Small::of(3, 8, 10)
            .node(op, &["image"], "y", &settings)
            .giving(&["y"])
    };
    let zeros = [("count_include_pad", Is::Int(1))];
    let cases = [
        // The largest of windows of 3 at a distance of 2 with one row more behind: Caffe rounds up.
        ("MaxPool", [3, 3], 2, [0, 0, 1, 1], NONE, "max-pool2d"),
        ("MaxPool", [2, 2], 1, [0, 0, 1, 1], NONE, "pad max-pool2d"),
        ("MaxPool", [2, 2], 1, [1, 1, 0, 0], NONE, "pad max-pool2d"),
        ("MaxPool", [3, 3], 1, [2, 2, 2, 2], NONE, "pad max-pool2d"),
        ("AveragePool", [3, 3], 2, [0, 0, 1, 1], NONE, "avg-pool2d"),
        (
            "AveragePool",
            [3, 3],
            2,
            [0, 0, 1, 1],
            &zeros,
            "pad avg-pool2d",
        ),
        (
            "AveragePool",
            [9, 11],
            1,
            [0, 0, 1, 1],
            NONE,
            "global-avg-pool2d",
        ),
    ];
    for (op, kernel, stride, pads, more, layers) in cases {
        let name = format!("{op} {kernel:?} {stride} {pads:?} {}", more.len());
        let model = pool(op, &kernel, stride, &pads, more);
        assert_eq!(agrees(&name, &model), layers, "{name}");
    }
    assert_eq!(
        refusal(&pool("AveragePool", &[2, 2], 1, &[0, 0, 1, 1], NONE)),
        "AveragePool pads 0×0 before and 1×1 behind, which do not count, expected the same and at most half of its windows of 2×2 (\"y\")"
    );
}

/// Group normalisation as exporters write it for operator sets without; `scales` are those of the rows that groups become.
fn groups(count: i64, scales: &[f32]) -> Small {
    Small::of(4, 6, 5)
        .integers("rows", &[0, count, -1])
        .floats("scales", &[count], scales)
        .floats("shifts", &[count], &vec![0.0; scales.len()])
        .weights("gamma", &[4, 1, 1])
        .weights("beta", &[4, 1, 1])
        .node("Reshape", &["image", "rows"], "r", NONE)
        .node(
            "InstanceNormalization",
            &["r", "scales", "shifts"],
            "n",
            &[("epsilon", Is::Float(1e-3))],
        )
        .node("Shape", &["image"], "shape", NONE)
        .node("Reshape", &["n", "shape"], "b", NONE)
        .node("Mul", &["b", "gamma"], "m", NONE)
        .node("Add", &["m", "beta"], "y", NONE)
}

/// A map of other sides, by what its own are multiplied by.
fn resized(mode: &str, places: &str, rounding: &str, [down, right]: [f32; 2]) -> Model {
    let settings = [
        ("mode", Is::Text(mode)),
        ("coordinate_transformation_mode", Is::Text(places)),
        ("nearest_mode", Is::Text(rounding)),
    ];
    Small::of(4, 6, 5)
        .floats("scales", &[4], &[1.0, 1.0, down, right])
        .node("Resize", &["image", "", "scales"], "y", &settings)
        .giving(&["y"])
}

#[test]
fn operators_of_older_networks_become_layers() {
    let small = || {
        Small::of(4, 6, 5)
            .weights("kernel", &[3, 4, 2, 2])
            .weights("v", &[4])
            .weights("w", &[4])
            .weights("s", &[4, 1, 1])
            .integers("pads", &[1, 2, 2, 1])
            .integers("axes", &[2, -1])
    };
    let one = |op: &str, inputs: &[&str], settings: &[(&str, Is<'_>)]| {
        small().node(op, inputs, "y", settings).giving(&["y"])
    };
    let cases = [
        ("prelu", one("PRelu", &["image", "s"], NONE)),
        ("elu", one("Elu", &["image"], &[("alpha", Is::Float(0.5))])),
        (
            "instance-norm",
            one("InstanceNormalization", &["image", "v", "w"], NONE),
        ),
        ("add", one("Sum", &["image", "image", "image"], NONE)),
        (
            "pad",
            small()
                .integers("sides", &[0, 0, 1, 2, 0, 0, 3, 0])
                .floats("number", &[], &[1.5])
                .node("Pad", &["image", "sides", "number"], "y", NONE)
                .giving(&["y"]),
        ),
        (
            "pad",
            small()
                .integers("sides", &[0, 0, 1, 2, 0, 0, 2, 1])
                .node(
                    "Pad",
                    &["image", "sides"],
                    "y",
                    &[("mode", Is::Text("reflect"))],
                )
                .giving(&["y"]),
        ),
        // Sizes that a model bounds while it runs.
        (
            "conv2d",
            small()
                .integers("needed", &[0, 0, 1, -1, 0, 0, 2, -3])
                .whole("none", 0)
                .node("Clip", &["needed", "none"], "sides", NONE)
                .node("Pad", &["image", "sides"], "a", NONE)
                .node("Conv", &["a", "kernel"], "y", NONE)
                .giving(&["y"]),
        ),
        (
            "relu scale add",
            small()
                .node("Relu", &["image"], "a", NONE)
                .node("Sub", &["a", "image"], "y", NONE)
                .giving(&["y"]),
        ),
        (
            "resize",
            resized("nearest", "asymmetric", "floor", [2.0, 3.0]),
        ),
        (
            "resize",
            resized("nearest", "half_pixel", "round_prefer_floor", [2.0, 3.0]),
        ),
        (
            "resize",
            resized("nearest", "asymmetric", "floor", [0.5, 0.8]),
        ),
        (
            "resize",
            resized("linear", "half_pixel", "floor", [1.5, 0.4]),
        ),
        (
            "resize",
            small()
                .integers("sizes", &[1, 4, 9, 7])
                .node(
                    "Resize",
                    &["image", "", "", "sizes"],
                    "y",
                    &[
                        ("mode", Is::Text("linear")),
                        (
                            "coordinate_transformation_mode",
                            Is::Text("pytorch_half_pixel"),
                        ),
                    ],
                )
                .giving(&["y"]),
        ),
        ("group-norm", groups(2, &[1.0, 1.0]).giving(&["y"])),
        ("group-norm", groups(1, &[1.0]).giving(&["y"])),
        // Without a shift.
        (
            "group-norm relu",
            groups(2, &[1.0, 1.0])
                .node("Relu", &["m"], "z", NONE)
                .giving(&["z"]),
        ),
        (
            "relu multiply",
            small()
                .floats("two", &[], &[2.0])
                .node("Relu", &["image"], "a", NONE)
                .node("Pow", &["a", "two"], "y", NONE)
                .giving(&["y"]),
        ),
        // One that adds nothing is none.
        (
            "relu",
            small()
                .integers("sides", &[0; 8])
                .node("Pad", &["image", "sides"], "a", NONE)
                .node("Relu", &["a"], "y", NONE)
                .giving(&["y"]),
        ),
    ];
    for (layers, model) in cases {
        assert_eq!(agrees(layers, &model), layers);
    }
    // rten knows none of these; `bench/operators.md` has their numbers.
    for (op, settings, kind) in [
        ("LRN", vec![("size", Is::Int(5))], "local-response-norm"),
        ("Mish", vec![], "mish"),
        (
            "GroupNormalization",
            vec![("num_groups", Is::Int(2))],
            "group-norm",
        ),
        ("Pad", vec![], "pad"),
    ] {
        let inputs: &[&str] = match op {
            "GroupNormalization" => &["image", "v", "w"],
            "Pad" => &["image", "pads", "", "axes"],
            _ => &["image"],
        };
        let blueprint = imported(&one(op, inputs, &settings)).blueprint;
        assert!(
            blueprint.contains(&format!("\"op\":\"{kind}\"")),
            "{blueprint}"
        );
    }
}

#[test]
fn operators_that_layers_compute_otherwise_are_refused() {
    let one = |op: &str, inputs: &[&str], settings: &[(&str, Is<'_>)]| {
        let small = Small::of(4, 6, 5)
            .integers("negative", &[0, 0, -1, 0, 0, 0, 0, 0])
            .integers("around", &[0, 1, 0, 0, 0, 0, 0, 0])
            .integers("from", &[0])
            .integers("to", &[3])
            .weights("w", &[4, 1, 1]);
        let small = small.node(op, inputs, "a", settings);
        small.node("Mul", &["a", "w"], "y", NONE).giving(&["y"])
    };
    for (model, expected) in [
        (
            one("LRN", &["image"], &[("size", Is::Int(4))]),
            "LRN takes 4 channels together, expected an odd number (\"a\")",
        ),
        (
            one("Pad", &["image", "negative"], NONE),
            "Pad adds [0, 0, -1, 0, 0, 0, 0, 0], expected no negative numbers (\"a\")",
        ),
        (
            one("Pad", &["image", "around"], NONE),
            "Pad adds [0, 1, 0, 0, 0, 0, 0, 0], expected numbers around height and width alone (\"a\")",
        ),
        (
            one("Slice", &["image", "from", "to"], NONE),
            "Slice takes some images of a batch alone (\"a\")",
        ),
        (
            resized("cubic", "half_pixel", "floor", [2.0, 2.0]),
            "Resize has the mode `cubic` with places `half_pixel`, which no layer has (\"y\")",
        ),
        (
            resized("linear", "align_corners", "floor", [2.0, 2.0]),
            "Resize has the mode `linear` with places `align_corners`, which no layer has (\"y\")",
        ),
        (
            resized("nearest", "half_pixel", "round_prefer_ceil", [0.5, 1.0]),
            "Resize has the mode `nearest` with places `half_pixel`, which no layer has (\"y\")",
        ),
        (
            resized("nearest", "asymmetric", "floor", [1.1, 1.0]),
            "Resize has the scales 1.1 and 1, which make no whole sizes (\"y\")",
        ),
        (
            groups(2, &[1.0, 2.0]).giving(&["y"]),
            "Reshape makes 1×2×60 of 1×4×6×5, which no layer does (\"r\")",
        ),
    ] {
        assert_eq!(refusal(&model), expected);
    }
}

//! Activations in every form that exporters write.

use crate::networks::agrees;
use crate::small::{Is, NONE, Small};

/// A form, the nodes that it is written in, and the layers that come of it.
type Case = (&'static str, fn(Small) -> Small, &'static str);

/// Every form of an activation that exporters write.
#[test]
fn activations_are_recognised_in_every_form() {
    let with = |nodes: fn(Small) -> Small| {
        let numbers = [
            ("half", 0.5),
            ("one", 1.0),
            ("two", 2.0),
            ("three", 3.0),
            ("six", 6.0),
            ("zero", 0.0),
            ("sixth", 1.0 / 6.0),
            ("root", std::f32::consts::SQRT_2),
            ("cubic", 0.044_715),
            ("slope", 0.797_884_6),
            ("quick", 1.702),
        ];
        let small = numbers
            .into_iter()
            .fold(Small::of(2, 5, 5), |small, (name, number)| {
                small.floats(name, &[], &[number])
            });
        nodes(small).giving(&["y"])
    };
    let cases: &[Case] = &[
        (
            "a clip at 0",
            |s| s.node("Clip", &["image", "zero"], "y", NONE),
            "relu",
        ),
        (
            "relu6",
            |s| s.node("Clip", &["image", "zero", "six"], "y", NONE),
            "relu6",
        ),
        (
            "silu",
            |s| {
                s.node("Sigmoid", &["image"], "a", NONE)
                    .node("Mul", &["image", "a"], "y", NONE)
            },
            "silu",
        ),
        (
            "silu the other way",
            |s| {
                s.node("Sigmoid", &["image"], "a", NONE)
                    .node("Mul", &["a", "image"], "y", NONE)
            },
            "silu",
        ),
        (
            "hard swish by parts",
            |s| {
                s.node("Add", &["image", "three"], "a", NONE)
                    .node("Clip", &["a", "zero", "six"], "b", NONE)
                    .node("Mul", &["image", "b"], "c", NONE)
                    .node("Div", &["c", "six"], "y", NONE)
            },
            "hard-swish",
        ),
        (
            "hard swish, divided first",
            |s| {
                s.node("Add", &["three", "image"], "a", NONE)
                    .node("Clip", &["a", "zero", "six"], "b", NONE)
                    .node("Mul", &["b", "sixth"], "c", NONE)
                    .node("Mul", &["c", "image"], "y", NONE)
            },
            "hard-swish",
        ),
        (
            "hard swish",
            |s| s.node("HardSwish", &["image"], "y", NONE),
            "hard-swish",
        ),
        (
            "hard sigmoid",
            |s| {
                s.node(
                    "HardSigmoid",
                    &["image"],
                    "y",
                    &[("alpha", Is::Float(1.0 / 6.0)), ("beta", Is::Float(0.5))],
                )
            },
            "hard-sigmoid",
        ),
        (
            "gelu of erf",
            |s| {
                s.node("Div", &["image", "root"], "a", NONE)
                    .node("Erf", &["a"], "b", NONE)
                    .node("Add", &["b", "one"], "c", NONE)
                    .node("Mul", &["image", "c"], "d", NONE)
                    .node("Mul", &["d", "half"], "y", NONE)
            },
            "gelu",
        ),
        (
            "gelu of erf, halved first",
            |s| {
                s.node("Mul", &["half", "image"], "h", NONE)
                    .node("Div", &["image", "root"], "a", NONE)
                    .node("Erf", &["a"], "b", NONE)
                    .node("Add", &["one", "b"], "c", NONE)
                    .node("Mul", &["h", "c"], "y", NONE)
            },
            "gelu",
        ),
        (
            "gelu of tanh",
            |s| {
                s.node("Mul", &["image", "image"], "q", NONE)
                    .node("Mul", &["q", "image"], "k", NONE)
                    .node("Mul", &["k", "cubic"], "kc", NONE)
                    .node("Add", &["image", "kc"], "i", NONE)
                    .node("Mul", &["i", "slope"], "m", NONE)
                    .node("Tanh", &["m"], "t", NONE)
                    .node("Add", &["t", "one"], "o", NONE)
                    .node("Mul", &["image", "o"], "p", NONE)
                    .node("Mul", &["p", "half"], "y", NONE)
            },
            "gelu-tanh",
        ),
        // Another function than any layer: its parts are layers.
        (
            "a quick gelu",
            |s| {
                s.node("Mul", &["image", "quick"], "a", NONE)
                    .node("Sigmoid", &["a"], "b", NONE)
                    .node("Mul", &["image", "b"], "y", NONE)
            },
            "scale sigmoid multiply",
        ),
    ];
    for (name, nodes, kinds) in cases {
        assert_eq!(agrees(name, &with(*nodes)), *kinds, "{name}");
    }
}

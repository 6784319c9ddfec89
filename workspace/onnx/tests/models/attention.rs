//! Attention in the forms in which programs and exporters write it, and what only looks like it.

use topwork_onnx::message::Model;
use topwork_onnx::{Nowhere, Wanted, import};

use crate::networks::{agrees, imported};
use crate::refusals::refusal;
use crate::small::{Is, NONE};
use crate::tokens::tokens;

const HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// Attention with two heads of a width of 2 as timm writes it: queries, keys and values out of one linear layer.
struct Packed {
    /// How the linear layer's numbers are cut up, and in which order.
    sizes: [i64; 5],
    order: [i64; 5],
    key_order: [i64; 4],
    query_factor: f32,
    score_factor: f32,
    value_factor: f32,
    /// What is added to the scores has this shape.
    added: Option<[i64; 4]>,
    softmax_axis: i64,
    back_order: [i64; 4],
    bias: bool,
    /// Which of the three are queries, keys and values.
    takes: [i64; 3],
}

const PACKED: Packed = Packed {
    sizes: [1, 6, 3, 2, 2],
    order: [2, 0, 3, 1, 4],
    key_order: [0, 1, 3, 2],
    query_factor: HALF,
    score_factor: 1.0,
    value_factor: 1.0,
    added: None,
    softmax_axis: -1,
    back_order: [0, 2, 1, 3],
    bias: true,
    takes: [0, 1, 2],
};

impl Packed {
    fn model(self) -> Model {
        let order = ("perm", Is::Ints(&self.order));
        let key_order = ("perm", Is::Ints(&self.key_order));
        let back_order = ("perm", Is::Ints(&self.back_order));
        let mut model = tokens()
            .weights("w", &[4, 12])
            .weights("b", &[12])
            .integers("sizes", &self.sizes)
            .node("MatMul", &["x", "w"], "product", NONE);
        let maps = if self.bias { "maps" } else { "product" };
        if self.bias {
            model = model.node("Add", &["b", "product"], "maps", NONE);
        }
        model = model.node("Reshape", &[maps, "sizes"], "five", NONE).node(
            "Transpose",
            &["five"],
            "three",
            &[order],
        );
        for (name, place) in ["q0", "k", "v0"].into_iter().zip(self.takes) {
            let index = format!("at {name}");
            model = model.whole(&index, place).node(
                "Gather",
                &["three", &index],
                name,
                &[("axis", Is::Int(0))],
            );
        }
        model = model
            .floats("fq", &[], &[self.query_factor])
            .floats("fs", &[], &[self.score_factor])
            .floats("fv", &[], &[self.value_factor])
            .weights("added", &self.added.unwrap_or([1, 1, 6, 6]))
            .node("Mul", &["q0", "fq"], "q", NONE)
            .node("Mul", &["v0", "fv"], "v", NONE)
            .node("Transpose", &["k"], "kt", &[key_order])
            .node("MatMul", &["q", "kt"], "s0", NONE)
            .node("Div", &["s0", "fs"], "s1", NONE);
        let scores = if self.added.is_some() { "s2" } else { "s1" };
        if self.added.is_some() {
            model = model.node("Add", &["s1", "added"], "s2", NONE);
        }
        model
            .node(
                "Softmax",
                &[scores],
                "shares",
                &[("axis", Is::Int(self.softmax_axis))],
            )
            .node("MatMul", &["shares", "v"], "heads", NONE)
            .node("Transpose", &["heads"], "turned", &[back_order])
            .integers("back", &[1, 6, 4])
            .node("Reshape", &["turned", "back"], "joined", NONE)
            .weights("wp", &[4, 4])
            .weights("bp", &[4])
            .node("MatMul", &["joined", "wp"], "last", NONE)
            .node("Add", &["last", "bp"], "y", NONE)
            .giving(&["y"])
    }
}

/// [`PACKED`] with all that heads do in one node, as operator sets from 23 on have it.
fn in_one_node(settings: &[(&str, Is<'_>)], more: &[&str]) -> Model {
    let turned = || ("perm", Is::Ints(&[0, 2, 1, 3]));
    let inputs = [&["q", "k", "v"], more].concat();
    tokens()
        .operator_set(23)
        .weights("w", &[4, 12])
        .weights("b", &[12])
        .weights("mask", &[1, 1, 6, 6])
        .integers("sizes", &PACKED.sizes)
        .node("MatMul", &["x", "w"], "product", NONE)
        .node("Add", &["b", "product"], "maps", NONE)
        .node("Reshape", &["maps", "sizes"], "five", NONE)
        .node(
            "Transpose",
            &["five"],
            "three",
            &[("perm", Is::Ints(&PACKED.order))],
        )
        .node(
            "Split",
            &["three"],
            "q0 k0 v0",
            &[("axis", Is::Int(0)), ("num_outputs", Is::Int(3))],
        )
        .integers("zero", &[0])
        .node("Squeeze", &["q0", "zero"], "q", NONE)
        .node("Squeeze", &["k0", "zero"], "k", NONE)
        .node("Squeeze", &["v0", "zero"], "v", NONE)
        .node("Attention", &inputs, "heads", settings)
        .node("Transpose", &["heads"], "turned", &[turned()])
        .integers("back", &[1, 6, 4])
        .node("Reshape", &["turned", "back"], "joined", NONE)
        .weights("wp", &[4, 4])
        .weights("bp", &[4])
        .node("MatMul", &["joined", "wp"], "last", NONE)
        .node("Add", &["last", "bp"], "y", NONE)
        .giving(&["y"])
}

/// Queries, keys and values out of a linear layer each, of these tokens.
fn apart(keys_of: &str, key_weight: &str, value_width: i64) -> Model {
    let heads = [1, 6, 2, value_width];
    let turned = || ("perm", Is::Ints(&[0, 2, 1, 3]));
    tokens()
        .node("Tanh", &["x"], "other", NONE)
        .integers("four", &[1, 6, 2, 2])
        .integers("of values", &heads)
        .weights("wq", &[4, 4])
        .weights("wk", &[4, 4])
        .weights("wv", &[4, 2 * value_width])
        .weights("bq", &[4])
        .node("MatMul", &["x", "wq"], "q0", NONE)
        .node("Add", &["q0", "bq"], "q1", NONE)
        .node("MatMul", &[keys_of, key_weight], "k0", NONE)
        .node("MatMul", &["x", "wv"], "v0", NONE)
        .node("Reshape", &["q1", "four"], "q2", NONE)
        .node("Reshape", &["k0", "four"], "k1", NONE)
        .node("Reshape", &["v0", "of values"], "v1", NONE)
        .node("Transpose", &["q2"], "q", &[turned()])
        .node(
            "Transpose",
            &["k1"],
            "kt",
            &[("perm", Is::Ints(&[0, 2, 3, 1]))],
        )
        .node("Transpose", &["v1"], "v", &[turned()])
        .floats("root", &[], &[std::f32::consts::SQRT_2])
        .node("MatMul", &["q", "kt"], "s0", NONE)
        .node("Div", &["s0", "root"], "s", NONE)
        .node("Softmax", &["s"], "shares", &[("axis", Is::Int(3))])
        .node("MatMul", &["shares", "v"], "heads", NONE)
        .node("Transpose", &["heads"], "turned", &[turned()])
        .integers("back", &[1, 6, 2 * value_width])
        .node("Reshape", &["turned", "back"], "joined", NONE)
        .weights("wp", &[2 * value_width, 4])
        .node("MatMul", &["joined", "wp"], "y", NONE)
        .giving(&["y"])
}

/// `MultiheadAttention` of PyTorch: the batch behind the tokens, both factors under roots, a last layer on rows.
fn batch_second() -> Model {
    let root = HALF.sqrt();
    let mut model = tokens()
        .weights("w", &[4, 12])
        .weights("b", &[12])
        .integers("rows", &[6, 2, 2])
        .integers("heads", &[1, 2, 6, 2])
        .integers("turned heads", &[1, 2, 2, 6])
        .floats("root", &[1], &[root])
        .node("Transpose", &["x"], "x1", &[("perm", Is::Ints(&[1, 0, 2]))])
        .node("MatMul", &["x1", "w"], "m", NONE)
        .node("Add", &["m", "b"], "maps", NONE)
        .node("Split", &["maps"], "q0 k0 v0", &[("axis", Is::Int(2))]);
    for name in ["q", "k", "v"] {
        let [first, second, third] = [0, 1, 2].map(|step| format!("{name}{step}"));
        model = model
            .node("Reshape", &[&first, "rows"], &second, NONE)
            .node(
                "Transpose",
                &[&second],
                &third,
                &[("perm", Is::Ints(&[1, 0, 2]))],
            );
    }
    model
        .node("Reshape", &["q2", "heads"], "q3", NONE)
        .node(
            "Transpose",
            &["k2"],
            "k3",
            &[("perm", Is::Ints(&[0, 2, 1]))],
        )
        .node("Reshape", &["k3", "turned heads"], "k4", NONE)
        .node("Reshape", &["v2", "heads"], "v3", NONE)
        .node("Mul", &["q3", "root"], "q", NONE)
        .node("Mul", &["root", "k4"], "kt", NONE)
        .node("MatMul", &["q", "kt"], "s", NONE)
        .node("Softmax", &["s"], "shares", NONE)
        .node("MatMul", &["shares", "v3"], "o", NONE)
        .node(
            "Transpose",
            &["o"],
            "o1",
            &[("perm", Is::Ints(&[2, 0, 1, 3]))],
        )
        .integers("flat", &[6, 4])
        .node("Reshape", &["o1", "flat"], "o2", NONE)
        .weights("wp", &[4, 4])
        .weights("bp", &[4])
        .node("Gemm", &["o2", "wp", "bp"], "g", &[("transB", Is::Int(1))])
        .integers("one", &[6, 1, 4])
        .node("Reshape", &["g", "one"], "g1", NONE)
        .node("Transpose", &["g1"], "y", &[("perm", Is::Ints(&[1, 0, 2]))])
        .giving(&["y"])
}

/// One head, without an axis for it.
fn single() -> Model {
    let mut model = tokens().floats("half", &[], &[0.5]);
    for name in ["q", "k", "v", "p"] {
        model = model.weights(&format!("w{name}"), &[4, 4]);
    }
    model
        .node("MatMul", &["x", "wq"], "q", NONE)
        .node("MatMul", &["x", "wk"], "k", NONE)
        .node("MatMul", &["x", "wv"], "v", NONE)
        .node("Transpose", &["k"], "kt", &[("perm", Is::Ints(&[0, 2, 1]))])
        .node("MatMul", &["q", "kt"], "s0", NONE)
        .node("Mul", &["half", "s0"], "s", NONE)
        .node("Softmax", &["s"], "shares", NONE)
        .node("MatMul", &["shares", "v"], "o", NONE)
        .node("MatMul", &["o", "wp"], "y", NONE)
        .giving(&["y"])
}

#[test]
fn attention_is_recognised_in_every_form() {
    let old = |mut model: Model, version: i64| {
        model.opset_import[0].version = version;
        model
    };
    for (name, model) in [
        ("as timm has it", PACKED.model()),
        (
            "without a bias",
            Packed {
                bias: false,
                ..PACKED
            }
            .model(),
        ),
        (
            "scores divided by a root",
            Packed {
                query_factor: 1.0,
                score_factor: std::f32::consts::SQRT_2,
                ..PACKED
            }
            .model(),
        ),
        (
            "each head with its three",
            Packed {
                sizes: [1, 6, 2, 3, 2],
                order: [3, 0, 2, 1, 4],
                ..PACKED
            }
            .model(),
        ),
        (
            "values first",
            Packed {
                takes: [2, 0, 1],
                ..PACKED
            }
            .model(),
        ),
        (
            "features of the heads in turns",
            Packed {
                back_order: [0, 2, 3, 1],
                ..PACKED
            }
            .model(),
        ),
        (
            "an axis from the front, in an old operator set",
            old(
                Packed {
                    softmax_axis: 3,
                    ..PACKED
                }
                .model(),
                11,
            ),
        ),
        (
            "biases of each head",
            Packed {
                added: Some([1, 2, 6, 6]),
                ..PACKED
            }
            .model(),
        ),
        ("three linear layers", apart("x", "wk", 2)),
        ("the batch second", batch_second()),
        ("one head", single()),
    ] {
        assert_eq!(agrees(name, &model), "tokens attention", "{name}");
    }
}

#[test]
fn what_only_looks_like_attention_is_refused() {
    let old = |mut model: Model, version: i64| {
        model.opset_import[0].version = version;
        model
    };
    for (name, model) in [
        (
            "another scale",
            Packed {
                query_factor: 0.5,
                ..PACKED
            }
            .model(),
        ),
        (
            "no scale",
            Packed {
                query_factor: 1.0,
                ..PACKED
            }
            .model(),
        ),
        (
            "values with a factor",
            Packed {
                value_factor: 2.0,
                ..PACKED
            }
            .model(),
        ),
        (
            "a mask",
            Packed {
                added: Some([1, 1, 6, 6]),
                ..PACKED
            }
            .model(),
        ),
        (
            "numbers for each head and key",
            Packed {
                added: Some([1, 2, 1, 6]),
                ..PACKED
            }
            .model(),
        ),
        (
            "shares over the queries",
            Packed {
                softmax_axis: 2,
                ..PACKED
            }
            .model(),
        ),
        (
            "shares over all axes from an old operator set's first",
            old(
                Packed {
                    softmax_axis: 1,
                    ..PACKED
                }
                .model(),
                11,
            ),
        ),
        (
            "tokens and heads of all mixed",
            Packed {
                sizes: [1, 3, 6, 2, 2],
                order: [1, 0, 3, 2, 4],
                ..PACKED
            }
            .model(),
        ),
        (
            "heads turned into one another",
            Packed {
                back_order: [0, 1, 2, 3],
                ..PACKED
            }
            .model(),
        ),
        (
            "keys that are queries",
            Packed {
                takes: [0, 0, 2],
                ..PACKED
            }
            .model(),
        ),
        ("keys of other tokens", apart("other", "wk", 2)),
        ("keys with the weights of queries", apart("x", "wq", 2)),
        ("values of another width", apart("x", "wk", 3)),
    ] {
        let refusal = refusal(&model);
        assert!(
            refusal.contains("Softmax has no layer in topwork"),
            "{name}: {refusal}"
        );
    }
}

/// rten does not know the node, so what it becomes is compared with what products become.
#[test]
fn attention_in_one_node_is_the_same_network() {
    let expected = imported(&PACKED.model());
    let found = |settings: &[(&str, Is<'_>)], more: &[&str]| {
        import(&in_one_node(settings, more), &Nowhere, &Wanted::default())
    };
    for settings in [
        NONE,
        &[("scale", Is::Float(HALF)), ("is_causal", Is::Int(0))],
    ] {
        let found = found(settings, &[]).unwrap();
        assert_eq!(found.blueprint, expected.blueprint);
        assert_eq!(found.arrays, expected.arrays);
    }
    for (settings, more) in [
        (&[("scale", Is::Float(0.5))][..], &[][..]),
        (&[("is_causal", Is::Int(1))], &[]),
        (&[("softcap", Is::Float(30.0))], &[]),
        (NONE, &["mask"]),
    ] {
        let refusal = found(settings, more).unwrap_err().to_string();
        assert!(
            refusal.contains("Attention has no layer in topwork"),
            "{refusal}"
        );
    }
}

//! Attention within windows of a map, as Swin has it, and maps that are taken for tokens in between.

use topwork_onnx::message::Model;

use crate::networks::agrees;
use crate::refusals::refusal;
use crate::small::{Is, NONE, Small};

const HEIGHT: usize = 4;
const WIDTH: usize = 6;
/// Two rows and three columns, six places.
const WINDOW: [usize; 2] = [2, 3];
const TOKENS: usize = 6;
const HEADS: usize = 2;

/// How a block writes what all Swins compute.
#[derive(Clone, Copy)]
struct Block {
    shift: [usize; 2],
    /// What pairs across the edges of the map are lowered by.
    lowered: f32,
    /// Whether one pair of the first head has a bias of its own.
    is_odd: bool,
    /// The map as tokens around the layers behind, as in timm.
    is_flat: bool,
    is_merged: bool,
}

const BLOCK: Block = Block {
    shift: [0, 0],
    lowered: -100.0,
    is_odd: false,
    is_flat: false,
    is_merged: false,
};

/// Rows and columns of a place in a window.
fn at(token: usize) -> [usize; 2] {
    [token / WINDOW[1], token % WINDOW[1]]
}

impl Block {
    fn biases(self) -> Vec<f32> {
        let mut biases = Vec::new();
        for head in 0..HEADS {
            for own in 0..TOKENS {
                for to in 0..TOKENS {
                    let [down, right] =
                        [0, 1].map(|axis| at(own)[axis] as f32 - at(to)[axis] as f32);
                    biases.push(0.3 * down - 0.7 * right + head as f32 * down * right);
                }
            }
        }
        biases[1] += f32::from(self.is_odd);
        biases
    }

    /// Numbers the parts of the moved map that were no neighbours before, as Swin's authors do.
    fn mask(self) -> Vec<f32> {
        let part = |place: usize, axis: usize, size: usize| {
            let from = |edge: usize| usize::from(place >= size - edge);
            match self.shift[axis] {
                0 => 0,
                shift => from(WINDOW[axis]) + from(shift),
            }
        };
        let mut mask = Vec::new();
        for window in 0..HEIGHT * WIDTH / TOKENS {
            let across = WIDTH / WINDOW[1];
            let parts = |token: usize| {
                let [row, column] = at(token);
                let row = window / across * WINDOW[0] + row;
                let column = window % across * WINDOW[1] + column;
                [part(row, 0, HEIGHT), part(column, 1, WIDTH)]
            };
            for own in 0..TOKENS {
                for to in 0..TOKENS {
                    let is_apart = parts(own) != parts(to);
                    mask.push(if is_apart { self.lowered } else { 0.0 });
                }
            }
        }
        mask
    }

    /// Moves rows (axis 1) or columns (axis 2) towards the front by so many, or by so many short of all back.
    fn moved(model: Small, from: &str, to: &str, axis: usize, by: usize) -> Small {
        if by.is_multiple_of([HEIGHT, WIDTH][axis - 1]) {
            return model.node("Identity", &[from], to, NONE);
        }
        let name = |what: &str| format!("{to} {what}").replace(' ', "-");
        let [zero, place, end, along, behind, before] =
            ["zero", "place", "end", "axis", "behind", "before"].map(name);
        model
            .integers(&zero, &[0])
            .integers(&place, &[by as i64])
            .integers(&end, &[i64::MAX])
            .integers(&along, &[axis as i64])
            .node("Slice", &[from, &place, &end, &along], &behind, NONE)
            .node("Slice", &[from, &zero, &place, &along], &before, NONE)
            .node(
                "Concat",
                &[&behind, &before],
                to,
                &[("axis", Is::Int(axis as i64))],
            )
    }

    fn model(self) -> Model {
        let turned = || ("perm", Is::Ints(&[0, 1, 3, 2, 4, 5]));
        let is_shifted = self.shift != [0, 0];
        let mut model = Small::of(4, HEIGHT as i64, WIDTH as i64)
            .weights("gamma", &[4])
            .weights("beta", &[4])
            .node(
                "Transpose",
                &["image"],
                "x",
                &[("perm", Is::Ints(&[0, 2, 3, 1]))],
            )
            .node("LayerNormalization", &["x", "gamma", "beta"], "n", NONE);
        let mut into = "n";
        if is_shifted {
            model = Self::moved(model, "n", "up", 1, self.shift[0]);
            model = Self::moved(model, "up", "moved", 2, self.shift[1]);
            into = "moved";
        }
        model = model
            .integers("parted", &[1, 2, 2, 2, 3, 4])
            .integers("windows", &[4, 6, 4])
            .integers("three", &[4, 6, 3, 2, 2])
            .weights("w", &[4, 12])
            .weights("b", &[12])
            .floats("root", &[], &[std::f32::consts::FRAC_1_SQRT_2])
            .floats("biases", &[1, 2, 6, 6], &self.biases())
            .node("Reshape", &[into, "parted"], "p", NONE)
            .node("Transpose", &["p"], "t", &[turned()])
            .node("Reshape", &["t", "windows"], "each", NONE)
            .node("MatMul", &["each", "w"], "product", NONE)
            .node("Add", &["product", "b"], "maps", NONE)
            .node("Reshape", &["maps", "three"], "five", NONE)
            .node(
                "Transpose",
                &["five"],
                "parts",
                &[("perm", Is::Ints(&[2, 0, 3, 1, 4]))],
            );
        for (place, name) in ["q0", "k", "v"].into_iter().enumerate() {
            let index = format!("at {name}");
            model = model.whole(&index, place as i64).node(
                "Gather",
                &["parts", &index],
                name,
                &[("axis", Is::Int(0))],
            );
        }
        model = model
            .node("Mul", &["q0", "root"], "q", NONE)
            .node(
                "Transpose",
                &["k"],
                "kt",
                &[("perm", Is::Ints(&[0, 1, 3, 2]))],
            )
            .node("MatMul", &["q", "kt"], "s0", NONE)
            .node("Add", &["s0", "biases"], "s1", NONE);
        let mut scores = "s1";
        if is_shifted {
            model = model
                .integers("by window", &[1, 4, 2, 6, 6])
                .integers("together", &[4, 2, 6, 6])
                .floats("mask", &[1, 4, 1, 6, 6], &self.mask())
                .node("Reshape", &["s1", "by window"], "s2", NONE)
                .node("Add", &["s2", "mask"], "s3", NONE)
                .node("Reshape", &["s3", "together"], "s4", NONE);
            scores = "s4";
        }
        model = model
            .weights("wp", &[4, 4])
            .weights("bp", &[4])
            .integers("map", &[1, 4, 6, 4])
            .node("Softmax", &[scores], "shares", NONE)
            .node("MatMul", &["shares", "v"], "heads", NONE)
            .node(
                "Transpose",
                &["heads"],
                "beside",
                &[("perm", Is::Ints(&[0, 2, 1, 3]))],
            )
            .node("Reshape", &["beside", "windows"], "joined", NONE)
            .node("MatMul", &["joined", "wp"], "last", NONE)
            .node("Add", &["last", "bp"], "out", NONE)
            .node("Reshape", &["out", "parted"], "apart", NONE)
            .node("Transpose", &["apart"], "rejoined", &[turned()])
            .node("Reshape", &["rejoined", "map"], "whole", NONE);
        let mut back = "whole";
        if is_shifted {
            let [down, right] = [HEIGHT - self.shift[0], WIDTH - self.shift[1]];
            model = Self::moved(model, "whole", "down", 1, down);
            model = Self::moved(model, "down", "there", 2, right);
            back = "there";
        }
        model = model.node("Add", &["x", back], "sum", NONE);
        if self.is_flat {
            model = model
                .integers("flat", &[1, 24, 4])
                .weights("wm", &[4, 4])
                .weights("bm", &[4])
                .weights("scale", &[4])
                .node("Reshape", &["sum", "flat"], "f", NONE)
                .node("LayerNormalization", &["f", "gamma", "beta"], "fn", NONE)
                .node("MatMul", &["fn", "wm"], "fm", NONE)
                .node("Add", &["fm", "bm"], "fb", NONE)
                .node("Mul", &["fb", "scale"], "fs", NONE)
                .node("Add", &["f", "fs"], "fr", NONE)
                .node("Reshape", &["fr", "map"], "y", NONE);
        }
        if self.is_merged {
            model = model
                .integers("blocks", &[1, 2, 2, 3, 2, 4])
                .integers("merged", &[1, 2, 3, 16])
                .weights("wr", &[16, 8])
                .node("Reshape", &["sum", "blocks"], "m", NONE)
                .node(
                    "Transpose",
                    &["m"],
                    "mt",
                    &[("perm", Is::Ints(&[0, 1, 3, 4, 2, 5]))],
                )
                .node("Reshape", &["mt", "merged"], "mm", NONE)
                .node("MatMul", &["mm", "wr"], "y", NONE);
        }
        let is_more = self.is_flat || self.is_merged;
        model.giving(&[if is_more { "y" } else { "sum" }])
    }
}

#[test]
fn attention_in_windows_is_recognised() {
    let own = "layer-norm window-attention add";
    for (name, block, kinds) in [
        ("side by side", BLOCK, own.to_owned()),
        (
            "shifted",
            Block {
                shift: [1, 1],
                ..BLOCK
            },
            own.to_owned(),
        ),
        (
            "shifted along one side, unlike the other",
            Block {
                shift: [0, 2],
                ..BLOCK
            },
            own.to_owned(),
        ),
        (
            "layers over the map as tokens",
            Block {
                is_flat: true,
                ..BLOCK
            },
            format!("{own} layer-norm conv2d scale add"),
        ),
        (
            "blocks as channels",
            Block {
                shift: [1, 2],
                is_merged: true,
                ..BLOCK
            },
            format!("{own} space-to-depth conv2d"),
        ),
    ] {
        let name = format!("{name}, channels last");
        assert_eq!(agrees(&name, &block.model()), kinds, "{name}");
    }
}

#[test]
fn what_only_looks_like_attention_in_windows_is_refused() {
    for (name, block) in [
        (
            "another mask",
            Block {
                shift: [1, 1],
                lowered: -50.0,
                ..BLOCK
            },
        ),
        (
            "biases of one distance that differ",
            Block {
                is_odd: true,
                ..BLOCK
            },
        ),
    ] {
        let refusal = refusal(&block.model());
        let expected = "Softmax has no layer in topwork";
        assert!(refusal.contains(expected), "{name}: {refusal}");
    }
}

/// A map as tokens is a view alone: what goes over all of them pools it, and axes turned are the places again.
#[test]
fn maps_as_tokens_are_maps() {
    let flat = || {
        Small::of(4, 3, 2)
            .integers("flat", &[1, 6, 4])
            .node(
                "Transpose",
                &["image"],
                "last",
                &[("perm", Is::Ints(&[0, 2, 3, 1]))],
            )
            .node("Reshape", &["last", "flat"], "rows", NONE)
    };
    for (name, model, kinds) in [
        (
            "the mean",
            flat().node(
                "ReduceMean",
                &["rows"],
                "y",
                &[("axes", Is::Ints(&[1])), ("keepdims", Is::Int(0))],
            ),
            "global-avg-pool2d flatten",
        ),
        (
            "channels first again",
            flat()
                .integers("map", &[1, 4, 3, 2])
                .weights("w", &[5, 4, 1, 1])
                .node("Relu", &["rows"], "r", NONE)
                .node("Transpose", &["r"], "t", &[("perm", Is::Ints(&[0, 2, 1]))])
                .node("Reshape", &["t", "map"], "m", NONE)
                .node("Conv", &["m", "w"], "y", NONE),
            "relu conv2d",
        ),
        (
            "two side by side",
            flat().node("Relu", &["rows"], "r", NONE).node(
                "Concat",
                &["rows", "r"],
                "y",
                &[("axis", Is::Int(2))],
            ),
            "relu concat",
        ),
    ] {
        let model = model.giving(&["y"]);
        let name = format!("{name}, channels last");
        assert_eq!(agrees(&name, &model), kinds, "{name}");
    }
}

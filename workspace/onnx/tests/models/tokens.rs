//! Tokens of vision transformers: learned ones, positions, some of them alone; and what is none of that.

use crate::networks::agrees;
use crate::refusals::refusal;
use crate::small::{Is, NONE, Small};

/// Six tokens of a width of 4, called `x`.
pub fn tokens() -> Small {
    Small::of(4, 3, 2)
        .integers("places", &[1, 4, 6])
        .node("Reshape", &["image", "places"], "map", NONE)
        .node(
            "Transpose",
            &["map"],
            "x",
            &[("perm", Is::Ints(&[0, 2, 1]))],
        )
}

#[test]
fn tokens_become_layers() {
    let mean = |model: Small, x: &str| {
        let settings = [("axes", Is::Ints(&[1])), ("keepdims", Is::Int(0))];
        model
            .node("ReduceMean", &[x], "y", &settings)
            .giving(&["y"])
    };
    for (name, model, kinds) in [
        (
            "a class token and positions",
            tokens()
                .weights("class", &[1, 1, 4])
                .weights("positions", &[1, 7, 4])
                .node("Concat", &["class", "x"], "c", &[("axis", Is::Int(1))])
                .node("Add", &["positions", "c"], "y", NONE)
                .giving(&["y"]),
            "tokens class-token position-embedding",
        ),
        (
            "positions of the patches alone, registers, and the class token",
            tokens()
                .weights("class", &[1, 1, 4])
                .weights("registers", &[1, 2, 4])
                .weights("positions", &[6, 4])
                .whole("zero", 0)
                .node("Add", &["x", "positions"], "p", NONE)
                .node(
                    "Concat",
                    &["class", "registers", "p"],
                    "c",
                    &[("axis", Is::Int(-2))],
                )
                .node("Gather", &["c", "zero"], "y", &[("axis", Is::Int(1))])
                .giving(&["y"]),
            "tokens position-embedding class-token select-token",
        ),
        (
            "a class token for each image of a batch",
            tokens()
                .weights("class", &[1, 1, 4])
                .integers("first", &[0])
                .integers("ones", &[1, 1])
                .node("Shape", &["x"], "sizes", NONE)
                .node("Gather", &["sizes", "first"], "batch", NONE)
                .node(
                    "Concat",
                    &["batch", "ones"],
                    "wanted",
                    &[("axis", Is::Int(0))],
                )
                .node("Expand", &["class", "wanted"], "classes", NONE)
                .node("Concat", &["classes", "x"], "y", &[("axis", Is::Int(1))])
                .giving(&["y"]),
            "tokens class-token",
        ),
        (
            "one token, with and without its axis",
            tokens()
                .whole("last", -1)
                .integers("second", &[1])
                .integers("axis", &[1])
                .node("Gather", &["x", "last"], "a", &[("axis", Is::Int(-2))])
                .node("Gather", &["x", "second"], "b", &[("axis", Is::Int(1))])
                .node("Squeeze", &["b", "axis"], "c", NONE)
                .node("Add", &["a", "c"], "y", NONE)
                .giving(&["y"]),
            "tokens select-token slice flatten add",
        ),
        ("the mean of all", mean(tokens(), "x"), "tokens mean-tokens"),
        (
            "the mean of some",
            mean(
                tokens()
                    .integers("from", &[2])
                    .integers("to", &[i64::MAX])
                    .integers("axis", &[1])
                    .node("Slice", &["x", "from", "to", "axis"], "s", NONE),
                "s",
            ),
            "tokens slice mean-tokens",
        ),
        (
            "a factor for each feature, and what all tokens come to",
            tokens()
                .weights("gamma", &[4])
                .node("Mul", &["x", "gamma"], "s", NONE)
                .node("Flatten", &["s"], "y", NONE)
                .giving(&["y"]),
            "tokens scale flatten",
        ),
        (
            "channels in two parts",
            Small::of(6, 2, 2)
                .integers("sizes", &[2, 4])
                .node("Split", &["image", "sizes"], "a b", &[("axis", Is::Int(1))])
                .node("Relu", &["b"], "c", NONE)
                .node("Concat", &["a", "c"], "y", &[("axis", Is::Int(1))])
                .giving(&["y"]),
            "slice slice relu concat",
        ),
        (
            "a view that changes nothing",
            Small::of(4, 3, 3)
                .integers("all", &[-1])
                .grid("indices", &[1, 4, 1, 1], &[0, 1, 2, 3])
                .node("GlobalAveragePool", &["image"], "p", NONE)
                .node("Reshape", &["p", "all"], "f", NONE)
                .node("Gather", &["f", "indices"], "v", NONE)
                .node("Relu", &["v"], "y", NONE)
                .giving(&["y"]),
            "global-avg-pool2d relu",
        ),
    ] {
        assert_eq!(agrees(name, &model), kinds, "{name}");
    }
}

#[test]
fn other_things_done_to_tokens_are_refused() {
    for (model, expected) in [
        (
            tokens().weights("class", &[1, 1, 4]).node(
                "Concat",
                &["x", "class"],
                "y",
                &[("axis", Is::Int(1))],
            ),
            "Concat joins 6×4, expected maps (\"y\")",
        ),
        (
            tokens().weights("class", &[1, 6, 2]).node(
                "Concat",
                &["class", "x"],
                "y",
                &[("axis", Is::Int(2))],
            ),
            "Concat puts constants in front of tokens along another axis than theirs (\"y\")",
        ),
        (
            Small::of(3, 2, 2).weights("more", &[1, 1, 2, 2]).node(
                "Concat",
                &["more", "image"],
                "y",
                &[("axis", Is::Int(1))],
            ),
            "Concat puts constants in front of 3×2×2, expected tokens (\"y\")",
        ),
        (
            tokens()
                .weights("row", &[1, 1, 4])
                .node("Add", &["x", "row"], "y", NONE),
            "Add adds constants to 6×4, expected a map (\"y\")",
        ),
        (
            tokens().whole("first", 0).node(
                "Gather",
                &["x", "first"],
                "y",
                &[("axis", Is::Int(2))],
            ),
            "Gather takes a part of 6×4, expected a token (\"y\")",
        ),
        (
            tokens()
                .whole("none", 6)
                .node("Gather", &["x", "none"], "y", &[("axis", Is::Int(1))]),
            "Gather takes a part of 6×4, expected a token (\"y\")",
        ),
        (
            tokens().node("ReduceMean", &["x"], "y", &[("axes", Is::Ints(&[1]))]),
            "ReduceMean keeps the axis of the tokens that it goes over (\"y\")",
        ),
        (
            tokens().node("ReduceMean", &["x"], "y", &[("axes", Is::Ints(&[2]))]),
            "ReduceMean goes over the axes [2] of 6×4, expected height and width of a map or the tokens of a sequence (\"y\")",
        ),
        (
            Small::of(4, 3, 3)
                .integers("all", &[-1])
                .grid("indices", &[1, 4, 1, 1], &[0, 2, 1, 3])
                .node("GlobalAveragePool", &["image"], "p", NONE)
                .node("Reshape", &["p", "all"], "f", NONE)
                .node("Gather", &["f", "indices"], "y", NONE),
            "Reshape makes 4 of 1×4×1×1, which no layer does (\"f\")",
        ),
    ] {
        // What has weights is not left out, so neither is what stands before it.
        let model = model
            .weights("after", &[4, 5])
            .node("MatMul", &["y", "after"], "z", NONE);
        assert_eq!(refusal(&model.giving(&["z"])), expected);
    }
}

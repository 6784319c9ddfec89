//! The keys of `cut` as a table: where, and what is done with the activations there.

use super::{Kind, Table, at_least, default, optional, word};

pub(crate) static CUT: Table = Table {
    title: "`cut` as a table",
    about: "A cut with what is done to the activations there, or a rule of a plugin that chooses \
            the cuts; in `[target]` and `[[strategy]]`. A pooled or normalised cut is a vector.",
    component: true,
    keys: &[
        optional(
            "at",
            PLACE,
            "`join` or `use` says where",
            "a cut point the backbone declares, or the number of layers kept",
        ),
        optional(
            "join",
            Kind::List {
                of: &PLACE,
                min: 2,
                distinct: true,
            },
            "`at` or `use` says where",
            "several such places: the activations there, each pooled by itself, are joined to one \
             vector in this order",
        ),
        optional(
            "use",
            Kind::Name,
            "`at` or `join` says where",
            "a cut rule of a plugin, such as `every-stage`; it may choose several cuts, and \
             keys beside those here are its parameters",
        ),
        optional(
            "pool",
            Kind::Choice(&[
                word("gap", "global average pooling: the mean of each channel"),
                word("gmp", "global max pooling: the maximum of each channel"),
                word("flatten", "all numbers in one row"),
                word(
                    "pyramid",
                    "spatial pyramid pooling: maxima of each channel over 1x1, 2x2 and 4x4 cells",
                ),
                word("class-token", "of a sequence of tokens the class token"),
                word(
                    "mean-tokens",
                    "the mean of all tokens but class token and registers",
                ),
                word("class+mean", "class token and mean, one behind the other"),
            ]),
            "the activations as they are, or as the rule says",
            "from a map of channels x height x width, or from tokens, to a vector",
        ),
        default(
            "l2",
            Kind::Boolean,
            "false",
            "divide each feature vector by its Euclidean length",
        ),
        optional(
            "pca",
            at_least(1),
            "all numbers",
            "keep this many principal components, fitted to the training features of each \
             row alone",
        ),
    ],
};

/// Where a backbone is cut.
const PLACE: Kind = Kind::Either(&[at_least(1), Kind::Name]);

/// A cut, or several.
pub(super) const CUTS: Kind =
    Kind::OneOrMore(&Kind::Either(&[at_least(1), Kind::Name, Kind::Table(&CUT)]));

//! How images reach the backbone.

use super::{Bounds, Kind, NORMALISE, Table, at_least, default, optional, word};

/// The sides of an image.
const SIDES: Kind = Kind::List {
    of: &at_least(1),
    min: 2,
    distinct: false,
};

/// Channels, height and width.
pub(super) const SHAPE: Kind = Kind::List {
    of: &at_least(1),
    min: 3,
    distinct: false,
};

pub(crate) static INPUT: Table = Table {
    title: "`input`",
    about: "How images reach the backbone, in `[backbone]`: scaled, cropped in the middle, with as many channels as it takes (grey \
            is repeated for three, colour becomes brightness for one), normalised. One dataset so serves backbones of any \
            shape; `{}` and `\"own\"` mean all that is said here under \"when left out\".",
    component: false,
    keys: &[
        optional(
            "shape",
            SHAPE,
            "what the backbone takes by itself",
            "channels, height and width, for a backbone that takes what its parameter `input` says: this is that parameter",
        ),
        optional(
            "resize",
            Kind::Either(&[at_least(1), SIDES]),
            "straight to the backbone's height and width; where `crop` is a fraction, to the backbone's shorter side divided by it",
            "pixels of the shorter side, the other in proportion, or [height, width]",
        ),
        optional(
            "crop",
            Kind::Either(&[Kind::Number(Bounds::above(0.0)), SIDES]),
            "the backbone's height and width",
            "what is taken from the middle: the side in pixels, below 1 a fraction of `resize`, or [height, width]; it must come to \
             what the backbone takes",
        ),
        default(
            "filter",
            Kind::Choice(&[
                word("nearest", "the one pixel that lies there"),
                word("bilinear", "a triangle, as torchvision has it by default"),
                word("bicubic", "a cubic, as Pillow has it by default"),
                word("lanczos", "a windowed sine cardinal"),
            ]),
            "\"bicubic\"",
            "how images are scaled, to the bit as Pillow does it; antialiased but for `nearest`",
        ),
        optional(
            "normalise",
            Kind::Either(&[
                Kind::Choice(&[word("none", "samples stay 0 to 1")]),
                Kind::Table(&NORMALISE),
            ]),
            "what the extractor, or the published weights, say of themselves; else `none`",
            "how samples are normalised, bytes being 0 to 1",
        ),
    ],
};

//! How pixels in between are made: the filters of Pillow, with its names.

use serde::{Deserialize, Serialize};

/// What a pixel of a scaled image is made of. All but [`Filter::Nearest`] grow when an image is made smaller, so that every
/// pixel counts (antialiasing).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// The one pixel that lies there.
    Nearest,
    /// A triangle that reaches one pixel to either side.
    Bilinear,
    /// The cubic of R. G. Keys with a = -0.5 ("Cubic convolution interpolation for digital image processing", IEEE Transactions
    /// on Acoustics, Speech, and Signal Processing 29 (6), 1981), which reaches two.
    Bicubic,
    /// A sine cardinal in the window of another three times as wide (C. E. Duchon, "Lanczos filtering in one and two
    /// dimensions", Journal of Applied Meteorology 18 (8), 1979), which reaches three.
    Lanczos,
}

impl Filter {
    /// All of them, the fastest first.
    pub const ALL: [Filter; 4] = [
        Filter::Nearest,
        Filter::Bilinear,
        Filter::Bicubic,
        Filter::Lanczos,
    ];

    /// Its word in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Filter::Nearest => "nearest",
            Filter::Bilinear => "bilinear",
            Filter::Bicubic => "bicubic",
            Filter::Lanczos => "lanczos",
        }
    }

    /// How many pixels it reaches to either side, of an image that is not made smaller.
    pub(crate) fn support(self) -> f64 {
        match self {
            Filter::Nearest => 0.5,
            Filter::Bilinear => 1.0,
            Filter::Bicubic => 2.0,
            Filter::Lanczos => 3.0,
        }
    }

    /// The weight of a pixel so far away. [`Filter::Nearest`] weighs nothing.
    pub(crate) fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Filter::Nearest => 1.0,
            Filter::Bilinear => (1.0 - x).max(0.0),
            Filter::Bicubic => cubic(x),
            // The window is open at its right end, as Pillow's is.
            Filter::Lanczos if (-3.0..3.0).contains(&distance) => {
                sinc(distance) * sinc(distance / 3.0)
            }
            Filter::Lanczos => 0.0,
        }
    }
}

fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * std::f64::consts::PI;
    x.sin() / x
}

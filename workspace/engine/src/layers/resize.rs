//! A map of another height and width. Along each side, place `i` of the result lies at `(i + ½) r - ½` of the input, with
//! `r` the input's size over the result's (PyTorch's `align_corners=False`); the nearest value is the one at `⌊i r⌋`.
//!
//! Gradient: each output's goes to the values it was made of, in the same shares.

use super::{Kind, Layer, Site, image};
use crate::operation::{Backward, Forward, Operation, each_piece};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::{Shape, by};

/// A map of another height and width, `torch.nn.functional.interpolate` with `align_corners=False` and without antialiasing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resize {
    /// The new height and width.
    pub size: [usize; 2],
    /// Where values come from.
    pub mode: Interpolation,
}

/// How values of a resized map come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// Each is one of the input.
    Nearest,
    /// Each is the mean of the four around its place, the more of each the nearer it is.
    Bilinear,
}

pub(super) static KIND: Kind = Kind {
    name: "resize",
    keys: &["size", "mode"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

fn read(place: &mut Place<'_, '_>) -> Option<Resize> {
    let size = place.pair("size", 1, None);
    let mode = place.choice("mode", &["nearest", "bilinear"]);
    Some(Resize {
        size: size?,
        mode: match mode? {
            "bilinear" => Interpolation::Bilinear,
            _ => Interpolation::Nearest,
        },
    })
}

impl Layer for Resize {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        let mode = match self.mode {
            Interpolation::Nearest => "nearest",
            Interpolation::Bilinear => "bilinear",
        };
        format!("to {}, {mode}", by(&self.size))
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let [channels, _, _] = image(&KIND, inputs[0])?;
        let [height, width] = self.size;
        Ok(Shape::image(channels, height, width))
    }

    /// Four for each number that is a mean.
    fn multiply_adds(&self, _input: Shape, output: Shape) -> u64 {
        match self.mode {
            Interpolation::Nearest => 0,
            Interpolation::Bilinear => 4 * output.elements() as u64,
        }
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let [channels, height, width] = site.inputs[0].as_image()?;
        let [rows, columns] = self.size;
        Some(Box::new(Resizing {
            channels,
            image: [height, width],
            rows: sources(self.mode, height, rows),
            columns: sources(self.mode, width, columns),
            mode: self.mode,
        }))
    }
}

/// Where along one side a value comes from: from two places, the second of which has this share.
#[derive(Clone, Copy)]
struct Source {
    places: [usize; 2],
    share: f32,
}

/// In `f32`, as PyTorch computes places.
fn sources(mode: Interpolation, from: usize, to: usize) -> Vec<Source> {
    let (ratio, last) = (from as f32 / to as f32, from - 1);
    let source = |place: usize| match mode {
        Interpolation::Nearest => {
            let place = ((place as f32 * ratio) as usize).min(last);
            Source {
                places: [place; 2],
                share: 0.0,
            }
        }
        Interpolation::Bilinear => {
            let at = ((place as f32 + 0.5) * ratio - 0.5).max(0.0);
            let first = (at as usize).min(last);
            Source {
                places: [first, (first + 1).min(last)],
                share: at - first as f32,
            }
        }
    };
    (0..to).map(source).collect()
}

struct Resizing {
    channels: usize,
    /// Height and width of the input.
    image: [usize; 2],
    rows: Vec<Source>,
    columns: Vec<Source>,
    mode: Interpolation,
}

impl Operation for Resizing {
    fn output(&self) -> usize {
        self.channels * self.rows.len() * self.columns.len()
    }

    fn forward(&self, pass: Forward<'_>) {
        let [height, width] = self.image;
        each_piece(
            pass.output,
            pass.inputs[0],
            pass.samples,
            |output, input| {
                let planes = output.chunks_exact_mut(self.rows.len() * self.columns.len());
                for (output, input) in planes.zip(input.chunks_exact(height * width)) {
                    let rows = output.chunks_exact_mut(self.columns.len());
                    for (output, source) in rows.zip(&self.rows) {
                        let [upper, lower] =
                            source.places.map(|row| &input[row * width..][..width]);
                        for (to, column) in output.iter_mut().zip(&self.columns) {
                            let [left, right] = column.places;
                            *to = match self.mode {
                                Interpolation::Nearest => upper[left],
                                Interpolation::Bilinear => {
                                    let along = |row: &[f32]| {
                                        (1.0 - column.share) * row[left] + column.share * row[right]
                                    };
                                    (1.0 - source.share) * along(upper)
                                        + source.share * along(lower)
                                }
                            };
                        }
                    }
                }
            },
        );
    }

    fn backward(&self, pass: Backward<'_>) {
        let [Some(input_gradient)] = pass.input_gradients else {
            return;
        };
        let [height, width] = self.image;
        each_piece(
            input_gradient,
            pass.output_gradient,
            pass.samples,
            |dx, dy| {
                dx.fill(0.0);
                let planes = dx.chunks_exact_mut(height * width);
                let gradients = dy.chunks_exact(self.rows.len() * self.columns.len());
                for (dx, dy) in planes.zip(gradients) {
                    for (dy, source) in dy.chunks_exact(self.columns.len()).zip(&self.rows) {
                        for (dy, column) in dy.iter().zip(&self.columns) {
                            // Where both places are the same one, their shares make up the whole.
                            let shares = |source: &Source| [1.0 - source.share, source.share];
                            for (row, down) in source.places.into_iter().zip(shares(source)) {
                                let row = &mut dx[row * width..][..width];
                                for (at, across) in column.places.into_iter().zip(shares(column)) {
                                    row[at] += dy * down * across;
                                }
                            }
                        }
                    }
                }
            },
        );
    }
}

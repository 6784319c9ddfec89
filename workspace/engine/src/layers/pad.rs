//! Rows and columns added around a map. Gradient: that of each value is the sum over the places it went to.

use super::windows::{read_sides, sides_in_words};
use super::{Kind, Layer, Site, image};
use crate::operation::{Backward, Forward, Operation, each_piece};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::Shape;

/// Rows and columns added around a map, `torch.nn.functional.pad`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pad {
    /// Rows above, columns on the left, rows below, columns on the right.
    pub padding: [usize; 4],
    /// What is put there.
    pub mode: PadMode,
}

/// What is put into added rows and columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PadMode {
    /// One and the same value.
    Constant(f32),
    /// The map as in a mirror that stands on its outermost values.
    Reflect,
    /// The outermost values again and again.
    Replicate,
}

pub(super) static KIND: Kind = Kind {
    name: "pad",
    keys: &["padding", "mode", "value"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

/// PyTorch's words.
const MODES: [&str; 3] = ["constant", "reflect", "replicate"];

fn read(place: &mut Place<'_, '_>) -> Option<Pad> {
    let padding = place
        .required("padding", "[height, width] or [top, left, bottom, right]")
        .and_then(|_| read_sides(place));
    let mode = place.choice("mode", &MODES);
    let value = place.fraction("value", Some(0.0), "a number", |x| (x as f32).is_finite());
    let mode = match (mode?, value?) {
        ("reflect", _) => PadMode::Reflect,
        ("replicate", _) => PadMode::Replicate,
        (_, value) => PadMode::Constant(value),
    };
    if mode.in_words() != MODES[0] && place.object.contains_key("value") {
        place.report(Problem::new(format!(
            "`value` says nothing where `mode` is `{}`, expected none",
            mode.in_words()
        )));
    }
    Some(Pad {
        padding: padding?,
        mode,
    })
}

impl PadMode {
    fn in_words(self) -> &'static str {
        match self {
            Self::Constant(_) => MODES[0],
            Self::Reflect => MODES[1],
            Self::Replicate => MODES[2],
        }
    }

    /// Where the value comes from that stands at this place along a padded side; nothing where it is the constant.
    fn source(self, place: usize, before: usize, size: usize) -> Option<usize> {
        let last = size - 1;
        match (place.checked_sub(before), self) {
            (Some(inside), _) if inside < size => Some(inside),
            (_, Self::Constant(_)) => None,
            (None, Self::Reflect) => Some(before - place),
            (Some(beyond), Self::Reflect) => Some(2 * last - beyond),
            (None, Self::Replicate) => Some(0),
            (Some(_), Self::Replicate) => Some(last),
        }
    }
}

impl Layer for Pad {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        let sides = sides_in_words(self.padding);
        match self.mode {
            PadMode::Constant(0.0) => sides,
            PadMode::Constant(value) => format!("{sides} with {value}"),
            mode => format!("{sides}, {}", mode.in_words()),
        }
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let [channels, height, width] = image(&KIND, inputs[0])?;
        let [top, left, bottom, right] = self.padding;
        let most = [height, width, height, width];
        let mirrored = self.mode == PadMode::Reflect;
        if mirrored && (self.padding.iter().zip(most)).any(|(&padding, size)| padding >= size) {
            return Err(Problem::new(format!(
                "`padding` is {:?}, expected less than height and width of {} where it is mirrored: at most {} rows and {} columns",
                self.padding,
                inputs[0],
                height - 1,
                width - 1
            )));
        }
        let sum = |sizes: [usize; 3]| sizes.into_iter().fold(0, usize::saturating_add);
        Ok(Shape::image(
            channels,
            sum([top, height, bottom]),
            sum([left, width, right]),
        ))
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let [_, height, width] = site.inputs[0].as_image()?;
        let [channels, rows, columns] = site.output.as_image()?;
        let [top, left, ..] = self.padding;
        let sources = |count: usize, before: usize, size: usize| -> Vec<Option<usize>> {
            (0..count)
                .map(|place| self.mode.source(place, before, size))
                .collect()
        };
        Some(Box::new(Padding {
            channels,
            image: [height, width],
            rows: sources(rows, top, height),
            columns: sources(columns, left, width),
            constant: match self.mode {
                PadMode::Constant(value) => value,
                _ => 0.0,
            },
        }))
    }
}

struct Padding {
    channels: usize,
    /// Height and width of the map.
    image: [usize; 2],
    /// Of each row and column of the padded map, which one of the map it is.
    rows: Vec<Option<usize>>,
    columns: Vec<Option<usize>>,
    constant: f32,
}

impl Operation for Padding {
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
                    for (output, row) in rows.zip(&self.rows) {
                        let Some(row) = row else {
                            output.fill(self.constant);
                            continue;
                        };
                        let row = &input[row * width..][..width];
                        for (to, column) in output.iter_mut().zip(&self.columns) {
                            *to = column.map_or(self.constant, |column| row[column]);
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
                    let rows = dy.chunks_exact(self.columns.len()).zip(&self.rows);
                    for (dy, row) in rows.filter_map(|(dy, row)| Some((dy, (*row)?))) {
                        let row = &mut dx[row * width..][..width];
                        let columns = dy.iter().zip(&self.columns);
                        for (dy, column) in columns.filter_map(|(dy, at)| Some((dy, (*at)?))) {
                            row[column] += dy;
                        }
                    }
                }
            },
        );
    }
}

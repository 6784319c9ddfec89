//! The places of each block of a map as channels of one place; the gradient goes back the same way.

use rayon::prelude::*;

use super::{Kind, Layer, Site, image};
use crate::layout::Turned;
use crate::operation::{Backward, Forward, Operation};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::{Shape, by};

/// The channels of all places of a block one behind the other: `SpaceToDepth` in ONNX takes the places row by row, the
/// merging of patches in Swin column by column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpaceToDepth {
    /// Height and width of a block.
    pub block: usize,
    /// Whether places are taken column by column.
    pub by_columns: bool,
}

pub(super) static KIND: Kind = Kind {
    name: "space-to-depth",
    keys: &["block", "order"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

const ORDERS: [&str; 2] = ["rows", "columns"];

fn read(place: &mut Place<'_, '_>) -> Option<SpaceToDepth> {
    let block = place.number("block", None);
    let order = place.choice("order", &ORDERS);
    Some(SpaceToDepth {
        block: block?,
        by_columns: order? == ORDERS[1],
    })
}

impl SpaceToDepth {
    /// Row and column within its block of each place, in the order in which their channels stand.
    pub fn places(&self) -> impl Iterator<Item = [usize; 2]> + use<> {
        let Self { block, by_columns } = *self;
        (0..block * block).map(move |number| match (number / block, number % block) {
            (column, row) if by_columns => [row, column],
            (row, column) => [row, column],
        })
    }
}

impl Layer for SpaceToDepth {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        let order = ORDERS[usize::from(self.by_columns)];
        format!("blocks of {}, by {order}", by(&[self.block; 2]))
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let [channels, height, width] = image(&KIND, inputs[0])?;
        if !height.is_multiple_of(self.block) || !width.is_multiple_of(self.block) {
            return Err(Problem::new(format!(
                "`block` is {}, expected a number that divides height and width of the map, {}",
                self.block,
                by(&[height, width])
            )));
        }
        let [height, width] = [height, width].map(|side| side / self.block);
        let channels = channels.saturating_mul(self.block.saturating_mul(self.block));
        Ok(Shape::image(channels, height, width))
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(Merging {
            layer: *self,
            input: site.inputs[0].as_image()?,
            channels_last: false,
        }))
    }
}

#[derive(Clone, Copy)]
struct Merging {
    layer: SpaceToDepth,
    /// Channels, height and width.
    input: [usize; 3],
    channels_last: bool,
}

impl Merging {
    /// Calls with the place of each number in a sample that leaves, and where it has entered.
    fn each(&self, mut with: impl FnMut(usize, usize)) {
        let ([channels, height, width], block) = (self.input, self.layer.block);
        let (rows, columns) = (height / block, width / block);
        // How far neighbouring channels and places lie apart, of what leaves and what enters.
        let (left, entered) = match self.channels_last {
            true => ((1, channels * block * block), (1, channels)),
            false => ((rows * columns, 1), (height * width, 1)),
        };
        for (part, [down, right]) in self.layer.places().enumerate() {
            for y in 0..rows {
                for x in 0..columns {
                    let to = part * channels * left.0 + (y * columns + x) * left.1;
                    let from = ((y * block + down) * width + x * block + right) * entered.1;
                    for channel in 0..channels {
                        with(to + channel * left.0, from + channel * entered.0);
                    }
                }
            }
        }
    }
}

impl Operation for Merging {
    fn output(&self) -> usize {
        self.input.iter().product()
    }

    fn channels_last(&self) -> Option<Turned> {
        Turned::either(Self {
            channels_last: true,
            ..*self
        })
    }

    fn forward(&self, pass: Forward<'_>) {
        let size = self.output();
        let samples = pass.output.par_chunks_exact_mut(size);
        let samples = samples.zip(pass.inputs[0].par_chunks_exact(size));
        samples.for_each(|(output, input)| self.each(|to, from| output[to] = input[from]));
    }

    fn backward(&self, pass: Backward<'_>) {
        if let [Some(gradient)] = pass.input_gradients {
            let size = self.output();
            let samples = gradient.par_chunks_exact_mut(size);
            let samples = samples.zip(pass.output_gradient.par_chunks_exact(size));
            samples.for_each(|(input, output)| self.each(|to, from| input[from] = output[to]));
        }
    }
}

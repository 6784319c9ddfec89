//! Dense layer, alone or with a rectifier: `y = W x + b`, `W` of `units × features` as in PyTorch, of a vector or of every
//! token. The latter is a convolution whose places are the tokens. What follows is of the former, of which there are too few
//! for that.
//!
//! Gradients: `dW = dyᵀ x`, `db = Σ dy`, `dx = dy W`, with `dy` set to zero where a rectifier has cut off.
//! The three products are cut along the weight, not along the batch: it is the largest operand, and this
//! way each of its elements is read once.

use rayon::prelude::*;

use super::conv2d::{Convolution, Sizes};
use super::{Array, Kind, Layer, Site, flat};
use crate::matrix::{Matrix, MatrixMut};
use crate::operation::{Backward, Forward, Operation, PIECES, each_piece, vectorized};
use crate::place::Place;
use crate::problem::Problem;
use crate::rectifier::Rectifier;
use crate::shape::Shape;

/// `y = W x + b`, `torch.nn.Linear`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linear {
    /// Values in the output.
    pub units: usize,
    /// Whether there is a `b`.
    pub bias: bool,
}

pub(super) static KIND: Kind = Kind {
    name: "linear",
    keys: &["units", "bias"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

fn read(place: &mut Place<'_, '_>) -> Option<Linear> {
    let units = place.number("units", None);
    let bias = place.flag("bias", true);
    Some(Linear {
        units: units?,
        bias: bias?,
    })
}

impl Layer for Linear {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        match self.bias {
            true => format!("{} units", self.units),
            false => format!("{} units, no bias", self.units),
        }
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        if let Some([tokens, _]) = inputs[0].as_tokens() {
            return Ok(Shape::tokens(tokens, self.units));
        }
        flat(&KIND, inputs[0])?;
        Ok(Shape::features(self.units))
    }

    /// A weight of `[units, features]`, the same for all tokens.
    fn arrays(&self, input: Shape) -> Vec<Array> {
        let (features, _) = input.channels();
        Array::weight_and_bias(vec![self.units, features], self.bias)
    }

    fn multiply_adds(&self, input: Shape, _output: Shape) -> u64 {
        self.units as u64 * input.elements() as u64
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let (features, _) = site.inputs[0].channels();
        let tokens = site.inputs[0].as_tokens().map(|[tokens, _]| tokens);
        if let Some(tokens) = tokens.filter(|&tokens| tokens > 1) {
            let conv = Sizes::of_tokens(tokens, features, self.units);
            return Some(Box::new(Convolution::alone(conv)));
        }
        Some(Box::new(Dense {
            features,
            units: self.units,
            rectifier: None,
        }))
    }
}

/// A dense layer of one vector.
struct Dense {
    features: usize,
    units: usize,
    rectifier: Option<Rectifier>,
}

/// Columns or rows per piece of a matrix. Never fewer than the widest vector registers want at a time.
fn block_of(length: usize) -> usize {
    length.div_ceil(PIECES).next_multiple_of(16)
}

impl Operation for Dense {
    fn output(&self) -> usize {
        self.units
    }

    fn rectifier_slot(&mut self) -> Option<&mut Option<Rectifier>> {
        Some(&mut self.rectifier)
    }

    fn forward(&self, pass: Forward<'_>) {
        let input = Matrix::new(pass.inputs[0], pass.samples, self.features);
        let block = block_of(self.units);
        let outputs = MatrixMut::new(pass.output, pass.samples, self.units)
            .into_column_blocks(block)
            .into_par_iter()
            .with_max_len(1);
        let (weight, bias) = (pass.weights[0].of("weight"), pass.weights[0].of("bias"));
        outputs
            .zip(weight.par_chunks(block * self.features))
            .enumerate()
            .for_each(|(index, (mut output, weight))| {
                let units = weight.len() / self.features;
                let bias = bias.get(index * block..index * block + units);
                let weight = Matrix::new(weight, units, self.features);
                output.set_product(input, weight.transposed());
                vectorized(
                    #[inline(always)]
                    || {
                        for sample in 0..output.rows() {
                            finish(output.row(sample), bias, self.rectifier);
                        }
                    },
                );
            });
    }

    fn backward(&self, pass: Backward<'_>) {
        if let Some(rectifier) = self.rectifier {
            each_piece(
                pass.output_gradient,
                pass.output,
                pass.samples,
                |gradient, output| {
                    vectorized(
                        #[inline(always)]
                        || rectifier.mask(gradient, output),
                    )
                },
            );
        }
        let rows = pass.samples;
        let output_gradient = Matrix::new(pass.output_gradient, rows, self.units);
        if let Some(mut gradients) = pass.parameter_gradients {
            let input = Matrix::new(pass.inputs[0], rows, self.features);
            let block = block_of(self.units);
            let weights = gradients
                .take("weight")
                .par_chunks_mut(block * self.features);
            weights
                .with_max_len(1)
                .enumerate()
                .for_each(|(index, weight)| {
                    let units = weight.len() / self.features;
                    let (from, to) = (index * block, index * block + units);
                    MatrixMut::new(weight, units, self.features)
                        .set_product(output_gradient.columns(from, to).transposed(), input);
                });
            let biases = gradients.take("bias").par_chunks_mut(block).enumerate();
            biases.for_each(|(index, bias)| {
                vectorized(
                    #[inline(always)]
                    || sum_columns(pass.output_gradient, self.units, index * block, bias),
                );
            });
        }
        if let [Some(input_gradient)] = pass.input_gradients {
            let weight = Matrix::new(pass.weights[0].of("weight"), self.units, self.features);
            let block = block_of(self.features);
            MatrixMut::new(input_gradient, rows, self.features)
                .into_column_blocks(block)
                .into_par_iter()
                .with_max_len(1)
                .enumerate()
                .for_each(|(index, mut gradient)| {
                    let from = index * block;
                    let to = self.features.min(from + block);
                    gradient.set_product(output_gradient, weight.columns(from, to));
                });
        }
    }
}

#[inline(always)]
fn finish(output: &mut [f32], bias: Option<&[f32]>, rectifier: Option<Rectifier>) {
    for (output, &bias) in output.iter_mut().zip(bias.unwrap_or_default()) {
        *output += bias;
    }
    if let Some(rectifier) = rectifier {
        rectifier.apply(output);
    }
}

/// Sums of the columns from `from` on, as many as `sums` holds, row after row.
#[inline(always)]
fn sum_columns(rows: &[f32], width: usize, from: usize, sums: &mut [f32]) {
    sums.fill(0.0);
    for row in rows.chunks_exact(width) {
        for (sum, &value) in sums.iter_mut().zip(&row[from..]) {
            *sum += value;
        }
    }
}

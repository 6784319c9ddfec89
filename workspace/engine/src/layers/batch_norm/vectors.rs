//! Batch normalisation of flat vectors while it is trained. The arithmetic is that of
//! [`maps`](super::maps) with one place per channel; here neighbouring features share an
//! instruction, since the values of one feature lie far apart.

use rayon::prelude::*;

use super::{affine, take_over};
use crate::operation::{Backward, Forward, NamedMut, Operation, vectorized};

/// Features that one thread works on together; a sum is never put together from pieces.
const BLOCK: usize = 16;

/// A batch normalisation that learns. It remembers mean and variance of the batch, feature by feature.
pub(crate) struct Normalisation {
    pub(crate) features: usize,
    pub(crate) epsilon: f32,
    pub(crate) momentum: f32,
}

impl Normalisation {
    /// The rows of one block of features, sample after sample.
    fn block<'a>(&self, values: &'a [f32], block: usize) -> impl Iterator<Item = &'a [f32]> {
        let first = block * BLOCK;
        let range = first..(first + BLOCK).min(self.features);
        (values.chunks_exact(self.features)).map(move |sample| &sample[range.clone()])
    }

    /// The rows of every block.
    fn blocks_mut<'a>(&self, values: &'a mut [f32]) -> Vec<Vec<&'a mut [f32]>> {
        let mut blocks: Vec<Vec<_>> = (0..self.features.div_ceil(BLOCK))
            .map(|_| Vec::new())
            .collect();
        for sample in values.chunks_exact_mut(self.features) {
            for (block, row) in blocks.iter_mut().zip(sample.chunks_mut(BLOCK)) {
                block.push(row);
            }
        }
        blocks
    }
}

impl Operation for Normalisation {
    fn output(&self) -> usize {
        self.features
    }

    fn remembered(&self, _samples: usize) -> usize {
        2 * self.features
    }

    fn observe(&self, samples: usize, memory: &[f32], statistics: NamedMut<'_>) {
        take_over(self.momentum, samples, memory, statistics);
    }

    fn forward(&self, pass: Forward<'_>) {
        let input = pass.inputs[0];
        let [weights, biases] = affine(&pass.weights[0], self.features);
        let count = pass.samples as f64;
        self.blocks_mut(pass.output)
            .into_par_iter()
            .zip(pass.memory.par_chunks_mut(2 * BLOCK))
            .zip(weights.par_chunks(BLOCK))
            .zip(biases.par_chunks(BLOCK))
            .enumerate()
            .for_each(|(block, (((outputs, memory), weight), bias))| {
                vectorized(
                    #[inline(always)]
                    || {
                        let mut total = [0.0; BLOCK];
                        for row in self.block(input, block) {
                            for (total, &x) in total.iter_mut().zip(row) {
                                *total += f64::from(x);
                            }
                        }
                        let mean = total.map(|total| (total / count) as f32);
                        let mut squares = [0.0; BLOCK];
                        for row in self.block(input, block) {
                            for ((squares, &x), mean) in squares.iter_mut().zip(row).zip(mean) {
                                *squares += f64::from((x - mean) * (x - mean));
                            }
                        }
                        let mut scale = [0.0; BLOCK];
                        let memory = memory.as_chunks_mut::<2>().0.iter_mut().enumerate();
                        for (feature, memory) in memory {
                            let variance = (squares[feature] / count) as f32;
                            *memory = [mean[feature], variance];
                            scale[feature] = weight[feature] / (variance + self.epsilon).sqrt();
                        }
                        for (output, row) in outputs.into_iter().zip(self.block(input, block)) {
                            for feature in 0..row.len() {
                                output[feature] =
                                    (row[feature] - mean[feature]) * scale[feature] + bias[feature];
                            }
                        }
                    },
                );
            });
    }

    fn backward(&self, pass: Backward<'_>) {
        let mut unwanted = vec![0.0; 2 * self.features];
        let (dweight, dbias) = match pass.parameter_gradients {
            Some(mut parameters) => (parameters.take("weight"), parameters.take("bias")),
            None => unwanted.split_at_mut(self.features),
        };
        let input_gradients = match pass.input_gradients {
            [Some(gradient)] => self.blocks_mut(gradient),
            _ => self.blocks_mut(&mut []),
        };
        let (input, gradient) = (pass.inputs[0], &*pass.output_gradient);
        let [weights, _] = affine(&pass.weights[0], self.features);
        let count = pass.samples as f64;
        input_gradients
            .into_par_iter()
            .zip(pass.memory.par_chunks(2 * BLOCK))
            .zip(weights.par_chunks(BLOCK))
            .zip(dweight.par_chunks_mut(BLOCK))
            .zip(dbias.par_chunks_mut(BLOCK))
            .enumerate()
            .for_each(|(block, ((((dx, memory), weight), dw), db))| {
                vectorized(
                    #[inline(always)]
                    || {
                        let memory = memory.as_chunks::<2>().0;
                        let mut mean = [0.0; BLOCK];
                        for (mean, memory) in mean.iter_mut().zip(memory) {
                            *mean = memory[0];
                        }
                        let rows = || self.block(gradient, block).zip(self.block(input, block));
                        let (mut sum_dy, mut sum_products) = ([0.0; BLOCK], [0.0; BLOCK]);
                        for (dy, x) in rows() {
                            for feature in 0..dy.len() {
                                sum_dy[feature] += f64::from(dy[feature]);
                                sum_products[feature] +=
                                    f64::from(dy[feature] * (x[feature] - mean[feature]));
                            }
                        }
                        let (mut scale, mut mean_dy, mut slope) =
                            ([0.0; BLOCK], [0.0; BLOCK], [0.0; BLOCK]);
                        for (feature, memory) in memory.iter().enumerate() {
                            let inverse = 1.0 / (memory[1] + self.epsilon).sqrt();
                            db[feature] = sum_dy[feature] as f32;
                            dw[feature] = (sum_products[feature] * f64::from(inverse)) as f32;
                            scale[feature] = weight[feature] * inverse;
                            mean_dy[feature] = (sum_dy[feature] / count) as f32;
                            slope[feature] =
                                (sum_products[feature] / count) as f32 * inverse * inverse;
                        }
                        for (dx, (dy, x)) in dx.into_iter().zip(rows()) {
                            for feature in 0..dy.len() {
                                let centred = x[feature] - mean[feature];
                                dx[feature] = scale[feature]
                                    * (dy[feature] - mean_dy[feature] - centred * slope[feature]);
                            }
                        }
                    },
                );
            });
    }
}

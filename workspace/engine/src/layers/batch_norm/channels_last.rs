//! Batch normalisation while it is trained, for values whose channels come last; see `maps` for what is computed.
//!
//! Places are gone through in chunks of a fixed size, whose sums are put together in their order and in double
//! precision: as deviations from the mean of the chunk, so that none of them is a difference of large numbers.

use rayon::prelude::*;

use super::maps::Normalisation;
use super::{affine, take_over};
use crate::operation::{Backward, Forward, Named, NamedMut, Operation, vectorized};
use crate::rectifier::Rectifier::{Relu, Relu6};

/// Channels whose sums are held in registers.
const LANES: usize = 32;

/// The same as the normalisation it holds.
pub(super) struct ChannelsLast(pub(super) Normalisation);

/// What is done with the values of each channel, and with their gradients.
struct Affine {
    means: Vec<f32>,
    scales: Vec<f32>,
    biases: Vec<f32>,
}

impl ChannelsLast {
    /// Values of a chunk of places: what is read twice stays in a core's cache.
    fn chunk(&self) -> usize {
        const VALUES: usize = 1 << 14;
        let channels = self.0.channels;
        (VALUES / channels).clamp(32, 256) * channels
    }

    /// Puts mean and variance of the chunks together, channel by channel.
    fn put_together(&self, moments: &[f32], places: usize, memory: &mut [f32]) {
        let channels = self.0.channels;
        let each = self.chunk() / channels;
        let count = |chunk: usize| each.min(places - chunk * each) as f64;
        let memory = memory.as_chunks_mut::<2>().0;
        for (channel, memory) in memory.iter_mut().enumerate() {
            let of = |which: usize| {
                let own = moments[which * channels + channel..].iter();
                own.step_by(2 * channels).map(|&moment| f64::from(moment))
            };
            let means = || of(0).enumerate();
            let total: f64 = means().map(|(chunk, mean)| count(chunk) * mean).sum();
            let mean = total / places as f64;
            let between = means().map(|(chunk, own)| count(chunk) * (own - mean) * (own - mean));
            let squares = of(1).sum::<f64>() + between.sum::<f64>();
            *memory = [mean as f32, (squares / places as f64) as f32];
        }
    }

    fn affine(&self, weights: &Named<'_>, memory: &[f32]) -> Affine {
        let [weights, biases] = affine(weights, self.0.channels);
        let memory = memory.as_chunks::<2>().0;
        let scales = memory.iter().zip(weights.iter());
        Affine {
            means: memory.iter().map(|&[mean, _]| mean).collect(),
            scales: scales
                .map(|(&[_, variance], weight)| weight / (variance + self.0.epsilon).sqrt())
                .collect(),
            biases: biases.into_owned(),
        }
    }
}

/// Does something with what a rectifier leaves of a gradient at an output: compiled for each of them, so that loops do not ask.
macro_rules! by_cut {
    ($cut:expr, $own:ident => $work:expr) => {
        match $cut {
            None => {
                let $own = |dy: f32, _: f32| dy;
                $work
            }
            Some(Relu) => {
                let $own = |dy, y| Relu.gradient(dy, y);
                $work
            }
            Some(Relu6) => {
                let $own = |dy, y| Relu6.gradient(dy, y);
                $work
            }
        }
    };
}

impl Operation for ChannelsLast {
    fn output(&self) -> usize {
        self.0.output()
    }

    fn remembered(&self, samples: usize) -> usize {
        self.0.remembered(samples)
    }

    fn observe(&self, samples: usize, memory: &[f32], statistics: NamedMut<'_>) {
        take_over(self.0.momentum, samples * self.0.places, memory, statistics);
    }

    fn forward(&self, pass: Forward<'_>) {
        let (channels, chunk) = (self.0.channels, self.chunk());
        let chunks = pass.inputs[0].len().div_ceil(chunk);
        let mut moments = pass.buffers.take(chunks * 2 * channels);
        moments
            .par_chunks_exact_mut(2 * channels)
            .zip(pass.inputs[0].par_chunks(chunk))
            .for_each(|(moments, values)| {
                vectorized(
                    #[inline(always)]
                    || find_moments(values, channels, moments),
                );
            });
        let places = pass.samples * self.0.places;
        self.put_together(&moments, places, pass.memory);
        let affine = self.affine(&pass.weights[0], pass.memory);
        let residual = self.0.residual.then(|| pass.inputs[1]);
        pass.output
            .par_chunks_mut(chunk)
            .zip(pass.inputs[0].par_chunks(chunk))
            .enumerate()
            .for_each(|(index, (output, input))| {
                let residual = residual.map(|values| &values[index * chunk..][..output.len()]);
                vectorized(
                    #[inline(always)]
                    || {
                        affine.apply(output, input);
                        if let Some(residual) = residual {
                            for (output, residual) in output.iter_mut().zip(residual) {
                                *output += residual;
                            }
                        }
                        if let Some(rectifier) = self.0.rectifier {
                            rectifier.apply(output);
                        }
                    },
                );
            });
    }

    fn backward(&self, pass: Backward<'_>) {
        let (channels, chunk) = (self.0.channels, self.chunk());
        let affine = self.affine(&pass.weights[0], pass.memory);
        // What the rectifier has cut off is seen in the input, unless something was added: so outputs are not read, and
        // gradients not written.
        let cut = self.0.rectifier.filter(|_| !self.0.residual);
        let chunks = pass.inputs[0].len().div_ceil(chunk);
        let mut sums = pass.buffers.take(chunks * 2 * channels);
        pass.output_gradient
            .par_chunks_mut(chunk)
            .zip(pass.inputs[0].par_chunks(chunk))
            .zip(pass.output.par_chunks(chunk))
            .zip(sums.par_chunks_exact_mut(2 * channels))
            .for_each(|(((dy, x), y), sums)| {
                vectorized(
                    #[inline(always)]
                    || {
                        if let Some(rectifier) = self.0.rectifier.filter(|_| self.0.residual) {
                            rectifier.mask(dy, y);
                        }
                        by_cut!(cut, own => affine.sum_products([dy, x], own, sums));
                    },
                );
            });
        let total = |which: usize, channel: usize| -> f64 {
            let own = sums[which * channels + channel..].iter();
            own.step_by(2 * channels).map(|&sum| f64::from(sum)).sum()
        };
        let count = (pass.samples * self.0.places) as f64;
        let mut slopes = vec![0.0; channels];
        let mut means = vec![0.0; channels];
        let mut own = pass.parameter_gradients;
        let (dweight, dbias) = match &mut own {
            Some(own) => (own.take("weight"), own.take("bias")),
            None => Default::default(),
        };
        for (channel, &[_, variance]) in pass.memory.as_chunks::<2>().0.iter().enumerate() {
            let inverse = 1.0 / (variance + self.0.epsilon).sqrt();
            let (dys, products) = (total(0, channel), total(1, channel));
            means[channel] = (dys / count) as f32;
            slopes[channel] = (products / count) as f32 * inverse * inverse;
            if let (Some(dweight), Some(dbias)) = (dweight.get_mut(channel), dbias.get_mut(channel))
            {
                *dbias = dys as f32;
                *dweight = (products * f64::from(inverse)) as f32;
            }
        }
        let (dx, dr) = match pass.input_gradients {
            [first] => (first.as_deref_mut(), None),
            [first, second] => (first.as_deref_mut(), second.as_deref_mut()),
            _ => (None, None),
        };
        let dy = &*pass.output_gradient;
        if let Some(dr) = dr {
            let parts = dr.par_chunks_mut(chunk).zip(dy.par_chunks(chunk));
            parts.for_each(|(dr, dy)| dr.copy_from_slice(dy));
        }
        let Some(dx) = dx else {
            return;
        };
        dx.par_chunks_mut(chunk)
            .zip(dy.par_chunks(chunk))
            .zip(pass.inputs[0].par_chunks(chunk))
            .for_each(|((dx, dy), x)| {
                vectorized(
                    #[inline(always)]
                    || {
                        let of_all = [&means[..], &slopes];
                        by_cut!(cut, own => affine.apply_back([dy, x], of_all, own, dx));
                    },
                );
            });
    }
}

impl Affine {
    /// `(x - μ) a + b`.
    #[inline(always)]
    fn apply(&self, output: &mut [f32], input: &[f32]) {
        let channels = self.means.len();
        let places = output.chunks_exact_mut(channels);
        for (output, input) in places.zip(input.chunks_exact(channels)) {
            let own = self.means.iter().zip(&self.scales).zip(&self.biases);
            for ((output, &input), ((&mean, &scale), &bias)) in
                output.iter_mut().zip(input).zip(own)
            {
                *output = (input - mean) * scale + bias;
            }
        }
    }

    /// `a (dy - Σdy/n - (x - μ) slope)`, where `dy` is what `cut` leaves of it at an output.
    #[inline(always)]
    fn apply_back(
        &self,
        [dy, x]: [&[f32]; 2],
        [means, slopes]: [&[f32]; 2],
        cut: impl Fn(f32, f32) -> f32,
        dx: &mut [f32],
    ) {
        let channels = self.means.len();
        let places = dy.chunks_exact(channels).zip(x.chunks_exact(channels));
        for (dx, (dy, x)) in dx.chunks_exact_mut(channels).zip(places) {
            let own = self.means.iter().zip(&self.scales).zip(&self.biases);
            let own = own.zip(means.iter().zip(slopes));
            let values = dx.iter_mut().zip(dy.iter().zip(x)).zip(own);
            for ((dx, (&dy, &x)), (((&mean, &scale), &bias), (&mean_dy, &slope))) in values {
                let deviation = x - mean;
                let dy = cut(dy, deviation * scale + bias);
                *dx = scale * (dy - mean_dy - deviation * slope);
            }
        }
    }

    /// Sums of `dy` over some places for each channel, then those of `dy (x - μ)`, where `dy` is what `cut` leaves of it at
    /// an output.
    #[inline(always)]
    fn sum_products(&self, [dy, x]: [&[f32]; 2], cut: impl Fn(f32, f32) -> f32, sums: &mut [f32]) {
        let channels = self.means.len();
        let (plain, products) = sums.split_at_mut(channels);
        for at in (0..channels).step_by(LANES) {
            let means = lanes(&self.means, at);
            let scales = lanes(&self.scales, at);
            let biases = lanes(&self.biases, at);
            let (mut total, mut product) = ([0.0; LANES], [0.0; LANES]);
            for place in (0..x.len()).step_by(channels) {
                let dy = lanes(dy, place + at);
                let x = lanes(x, place + at);
                for lane in 0..LANES {
                    let deviation = x[lane] - means[lane];
                    let dy = cut(dy[lane], deviation * scales[lane] + biases[lane]);
                    total[lane] += dy;
                    product[lane] += dy * deviation;
                }
            }
            store(total, at, plain);
            store(product, at, products);
        }
    }
}

/// The values from `at` on; what lies behind the end is 0.
#[inline(always)]
fn lanes(values: &[f32], at: usize) -> [f32; LANES] {
    let values = &values[at..];
    match values.first_chunk::<LANES>() {
        Some(values) => *values,
        None => {
            let mut filled = [0.0; LANES];
            filled[..values.len()].copy_from_slice(values);
            filled
        }
    }
}

/// Writes the lanes that belong to channels from `at` on.
#[inline(always)]
fn store(values: [f32; LANES], at: usize, to: &mut [f32]) {
    let count = LANES.min(to.len() - at);
    to[at..at + count].copy_from_slice(&values[..count]);
}

/// Means of all channels over some places, then the sums of the squared deviations from them.
///
/// Lanes that belong to no channel hold those of the next place, and are dropped.
#[inline(always)]
fn find_moments(values: &[f32], channels: usize, moments: &mut [f32]) {
    let (means, squares) = moments.split_at_mut(channels);
    let share = 1.0 / (values.len() / channels) as f32;
    for at in (0..channels).step_by(LANES) {
        let mut total = [0.0; LANES];
        for place in (0..values.len()).step_by(channels) {
            let values = lanes(values, place + at);
            for lane in 0..LANES {
                total[lane] += values[lane];
            }
        }
        for total in &mut total {
            *total *= share;
        }
        let mut deviations = [0.0; LANES];
        for place in (0..values.len()).step_by(channels) {
            let values = lanes(values, place + at);
            for lane in 0..LANES {
                let deviation = values[lane] - total[lane];
                deviations[lane] += deviation * deviation;
            }
        }
        store(total, at, means);
        store(deviations, at, squares);
    }
}

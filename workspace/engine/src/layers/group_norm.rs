//! Group normalisation: `y = γ x̂ + β` with `x̂ = (x - μ)/√(σ² + ε)`, `μ` and `σ²` over all values of a group of
//! neighbouring channels of one sample (Wu and He, "Group normalization", 2018). With as many groups as channels it is
//! instance normalisation (Ulyanov, Vedaldi and Lempitsky, "Instance normalization", 2016).
//!
//! Gradients, over the `n` values of a group and with `g = γ dy`: `dx = (g - Σ g/n - x̂ Σ(g x̂)/n)/√(σ² + ε)`,
//! `dγ = Σ dy x̂` and `dβ = Σ dy` over all samples and places of a channel. Those sums are put together from the pieces of
//! the batch, in order.

use rayon::prelude::*;

use super::{Array, Kind, Layer, Site, check_divides, image, several};
use crate::operation::{
    Backward, Forward, Operation, add_up, each_piece, pieces, pieces_mut, rooms, vectorized,
};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::Shape;

/// Group normalisation of a map or a vector, `torch.nn.GroupNorm`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupNorm {
    /// Into how many groups the channels are divided.
    pub groups: usize,
    /// Added to the variance.
    pub epsilon: f32,
    /// Whether each channel is scaled and shifted by learned numbers.
    pub affine: bool,
}

/// Normalisation of each channel of a map by itself, `torch.nn.InstanceNorm2d` without running statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InstanceNorm {
    /// Added to the variance.
    pub epsilon: f32,
    /// Whether each channel is scaled and shifted by learned numbers.
    pub affine: bool,
}

/// PyTorch's epsilon, for both.
const EPSILON: f32 = 1e-5;

pub(super) static KIND: Kind = Kind {
    name: "group-norm",
    keys: &["groups", "epsilon", "affine"],
    inputs: (1, 1),
    read: |place| read_groups(place).map(Into::into),
};

pub(super) static INSTANCES: Kind = Kind {
    name: "instance-norm",
    keys: &["epsilon", "affine"],
    inputs: (1, 1),
    read: |place| read_instances(place).map(Into::into),
};

fn read_epsilon(place: &mut Place<'_, '_>) -> Option<f32> {
    place.fraction("epsilon", Some(EPSILON), "a number above 0", |x| {
        x > 0.0 && (x as f32) > 0.0 && (x as f32).is_finite()
    })
}

fn read_groups(place: &mut Place<'_, '_>) -> Option<GroupNorm> {
    let groups = place.number("groups", None);
    let epsilon = read_epsilon(place);
    let affine = place.flag("affine", true);
    Some(GroupNorm {
        groups: groups?,
        epsilon: epsilon?,
        affine: affine?,
    })
}

fn read_instances(place: &mut Place<'_, '_>) -> Option<InstanceNorm> {
    let epsilon = read_epsilon(place);
    let affine = place.flag("affine", false);
    Some(InstanceNorm {
        epsilon: epsilon?,
        affine: affine?,
    })
}

/// A learned scale and shift for each channel.
fn scales_and_shifts(affine: bool, input: Shape) -> Vec<Array> {
    let (channels, _) = input.channels();
    match affine {
        true => vec![
            Array::per_channel("weight", channels, true, 1.0),
            Array::per_channel("bias", channels, true, 0.0),
        ],
        false => Vec::new(),
    }
}

fn epsilon_in_words(epsilon: f32) -> Option<String> {
    (epsilon != EPSILON).then(|| format!("epsilon {epsilon}"))
}

impl Layer for GroupNorm {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        let parts = [
            Some(several(self.groups, "group")),
            epsilon_in_words(self.epsilon),
            (!self.affine).then(|| "no scale and shift".to_owned()),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        parts.join(", ")
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        if inputs[0].as_features().is_none() {
            image(&KIND, inputs[0])?;
        }
        let (channels, _) = inputs[0].channels();
        check_divides("groups", self.groups, channels, "the number of channels")?;
        if inputs[0].elements() == self.groups {
            return Err(Problem::new(format!(
                "`groups` is {}, which leaves one value to each, expected fewer groups than the {} values",
                self.groups,
                inputs[0].elements()
            )));
        }
        Ok(inputs[0])
    }

    fn arrays(&self, input: Shape) -> Vec<Array> {
        scales_and_shifts(self.affine, input)
    }

    /// One for each number.
    fn multiply_adds(&self, _input: Shape, output: Shape) -> u64 {
        output.elements() as u64
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(Normalisation::new(
            site.output,
            self.groups,
            self.epsilon,
        )))
    }
}

impl Layer for InstanceNorm {
    fn kind(&self) -> &'static Kind {
        &INSTANCES
    }

    fn detail(&self) -> String {
        let parts = [
            epsilon_in_words(self.epsilon),
            self.affine.then(|| "scale and shift".to_owned()),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        parts.join(", ")
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        match image(&INSTANCES, inputs[0])? {
            [_, 1, 1] => Err(Problem::new(format!(
                "instance-norm needs more than one place, but gets {}, of which nothing but its shift would be left",
                inputs[0]
            ))),
            _ => Ok(inputs[0]),
        }
    }

    fn arrays(&self, input: Shape) -> Vec<Array> {
        scales_and_shifts(self.affine, input)
    }

    /// One for each number.
    fn multiply_adds(&self, _input: Shape, output: Shape) -> u64 {
        output.elements() as u64
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let (channels, _) = site.output.channels();
        Some(Box::new(Normalisation::new(
            site.output,
            channels,
            self.epsilon,
        )))
    }
}

struct Normalisation {
    channels: usize,
    /// Neighbouring values of one channel.
    places: usize,
    groups: usize,
    epsilon: f32,
}

/// What has been learned of the channels of a group; nothing where they are neither scaled nor shifted.
#[derive(Clone, Copy)]
struct Affine<'a> {
    weight: &'a [f32],
    bias: &'a [f32],
}

impl Normalisation {
    fn new(shape: Shape, groups: usize, epsilon: f32) -> Self {
        let (channels, places) = shape.channels();
        Self {
            channels,
            places,
            groups,
            epsilon,
        }
    }

    /// Values of one group of one sample, which lie side by side.
    fn size(&self) -> usize {
        self.channels / self.groups * self.places
    }

    /// Mean and 1/√(σ² + ε) of a group.
    #[inline(always)]
    fn statistics(&self, group: &[f32]) -> (f32, f32) {
        let count = group.len() as f64;
        let total: f64 = group.iter().map(|&x| f64::from(x)).sum();
        let mean = (total / count) as f32;
        let squares = group.iter().map(|&x| f64::from((x - mean) * (x - mean)));
        let variance = (squares.sum::<f64>() / count) as f32;
        (mean, 1.0 / (variance + self.epsilon).sqrt())
    }

    /// Scale and shift of a channel.
    #[inline(always)]
    fn of(affine: Affine<'_>, channel: usize) -> (f32, f32) {
        let own = |values: &[f32], plain| values.get(channel).copied().unwrap_or(plain);
        (own(affine.weight, 1.0), own(affine.bias, 0.0))
    }
}

impl Operation for Normalisation {
    fn output(&self) -> usize {
        self.channels * self.places
    }

    fn forward(&self, pass: Forward<'_>) {
        // Nothing is kept where nothing is learned.
        let affine = pass.weights.first().map_or(
            Affine {
                weight: &[],
                bias: &[],
            },
            |own| Affine {
                weight: own.of("weight"),
                bias: own.of("bias"),
            },
        );
        let channels = self.channels / self.groups;
        each_piece(
            pass.output,
            pass.inputs[0],
            pass.samples,
            |output, input| {
                vectorized(
                    #[inline(always)]
                    || {
                        let groups = output.chunks_exact_mut(self.size());
                        let groups = groups.zip(input.chunks_exact(self.size()));
                        for (index, (output, input)) in groups.enumerate() {
                            let (mean, inverse) = self.statistics(input);
                            let first = index % self.groups * channels;
                            let runs = output.chunks_exact_mut(self.places);
                            let runs = runs.zip(input.chunks_exact(self.places));
                            for (channel, (output, input)) in runs.enumerate() {
                                let (weight, bias) = Self::of(affine, first + channel);
                                for (y, x) in output.iter_mut().zip(input) {
                                    *y = (x - mean) * inverse * weight + bias;
                                }
                            }
                        }
                    },
                );
            },
        );
    }

    fn backward(&self, pass: Backward<'_>) {
        let weight = pass.weights.first().map_or(&[][..], |own| own.of("weight"));
        let affine = Affine { weight, bias: &[] };
        let input_gradient = match pass.input_gradients {
            [Some(gradient)] => &mut **gradient,
            _ => &mut [],
        };
        let dys = pieces(pass.output_gradient, pass.samples);
        let learns = pass.parameter_gradients.is_some();
        let room = if learns { 2 * self.channels } else { 0 };
        let mut sums = pass.buffers.take(dys.len() * room);
        let mut sums_of = rooms(&mut sums, dys.len(), room);
        let channels = self.channels / self.groups;
        dys.into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.inputs[0], pass.samples))
            .zip(pieces_mut(input_gradient, pass.samples))
            .zip(&mut sums_of)
            .for_each(|(((dy, input), dx), sums)| {
                sums.fill(0.0);
                let (dweight, dbias) = sums.split_at_mut(room / 2);
                let mut dx = dx.chunks_exact_mut(self.size());
                let groups = dy.chunks_exact(self.size());
                let groups = groups.zip(input.chunks_exact(self.size()));
                for (index, (dy, input)) in groups.enumerate() {
                    let (mean, inverse) = self.statistics(input);
                    let first = index % self.groups * channels;
                    let runs = || {
                        let runs = dy.chunks_exact(self.places);
                        runs.zip(input.chunks_exact(self.places)).enumerate()
                    };
                    // Over the group, each channel times its scale.
                    let (mut total, mut products) = (0.0, 0.0);
                    for (channel, (dy, input)) in runs() {
                        let (mut sum, mut product) = (0.0, 0.0);
                        for (&dy, &x) in dy.iter().zip(input) {
                            sum += f64::from(dy);
                            product += f64::from(dy * ((x - mean) * inverse));
                        }
                        let channel = first + channel;
                        if let (Some(dweight), Some(dbias)) =
                            (dweight.get_mut(channel), dbias.get_mut(channel))
                        {
                            *dweight += product as f32;
                            *dbias += sum as f32;
                        }
                        let (weight, _) = Self::of(affine, channel);
                        total += f64::from(weight) * sum;
                        products += f64::from(weight) * product;
                    }
                    let Some(dx) = dx.next() else {
                        continue;
                    };
                    let count = dy.len() as f64;
                    let (total, products) = ((total / count) as f32, (products / count) as f32);
                    let targets = dx.chunks_exact_mut(self.places);
                    for (dx, (channel, (dy, input))) in targets.zip(runs()) {
                        let (weight, _) = Self::of(affine, first + channel);
                        for (dx, (&dy, &x)) in dx.iter_mut().zip(dy.iter().zip(input)) {
                            let normal = (x - mean) * inverse;
                            *dx = inverse * (dy * weight - total - normal * products);
                        }
                    }
                }
            });
        if let Some(mut gradients) = pass.parameter_gradients {
            for (name, offset) in [("weight", 0), ("bias", self.channels)] {
                add_up(&sums, room, offset, gradients.take(name));
            }
        }
    }
}

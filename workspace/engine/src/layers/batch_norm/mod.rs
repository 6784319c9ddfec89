//! Batch normalisation, of the channels of maps or of each number of flat vectors: with the statistics of
//! the batch while it is trained, else with those it has stored.

mod channels_last;
mod frozen;
pub(crate) mod maps;
mod vectors;

use std::borrow::Cow;

use super::{Array, Kind, Layer, LayerOp, Site, flat, image};
use crate::operation::{Named, NamedMut, Operation};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::Shape;

pub(crate) use frozen::{FrozenNorm, scales_and_shifts};

/// Batch normalisation, `torch.nn.BatchNorm2d` and `torch.nn.BatchNorm1d`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    /// Whether it is one of the channels of maps; else each number of a flat vector is a channel.
    pub maps: bool,
    /// Added to the variance.
    pub epsilon: f32,
    /// Share of the batch's statistics in the new running ones.
    pub momentum: f32,
    /// Whether it has learned scales and shifts.
    pub affine: bool,
}

/// PyTorch's epsilon and momentum.
const EPSILON: f32 = 1e-5;
const MOMENTUM: f32 = 0.1;

pub(super) static MAPS: Kind = kind("batch-norm2d", |place| read(place, true));
pub(super) static VECTORS: Kind = kind("batch-norm1d", |place| read(place, false));

const fn kind(name: &'static str, read: fn(&mut Place<'_, '_>) -> Option<LayerOp>) -> Kind {
    Kind {
        name,
        keys: &["epsilon", "momentum", "affine"],
        inputs: (1, 1),
        read,
    }
}

fn read(place: &mut Place<'_, '_>, maps: bool) -> Option<LayerOp> {
    let epsilon = place.fraction("epsilon", Some(EPSILON), "a number above 0", |x| {
        x > 0.0 && (x as f32) > 0.0 && (x as f32).is_finite()
    });
    let momentum = place.fraction("momentum", Some(MOMENTUM), "a number from 0 to 1", |x| {
        (0.0..=1.0).contains(&x)
    });
    let affine = place.flag("affine", true);
    let norm = BatchNorm {
        maps,
        epsilon: epsilon?,
        momentum: momentum?,
        affine: affine?,
    };
    Some(norm.into())
}

impl Layer for BatchNorm {
    fn kind(&self) -> &'static Kind {
        match self.maps {
            true => &MAPS,
            false => &VECTORS,
        }
    }

    fn detail(&self) -> String {
        let mut settings = Vec::new();
        if self.epsilon != EPSILON {
            settings.push(format!("epsilon {}", self.epsilon));
        }
        if self.momentum != MOMENTUM {
            settings.push(format!("momentum {}", self.momentum));
        }
        if !self.affine {
            settings.push("no scale and shift".to_owned());
        }
        settings.join(", ")
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        match self.maps {
            true => image(&MAPS, inputs[0]).map(|_| inputs[0]),
            false => flat(&VECTORS, inputs[0]).map(|()| inputs[0]),
        }
    }

    fn arrays(&self, input: Shape) -> Vec<Array> {
        let channels = input.dims()[0];
        let affine = [("weight", 1.0), ("bias", 0.0)].into_iter();
        let affine = affine.filter(|_| self.affine);
        let affine = affine.map(|(name, first)| Array::per_channel(name, channels, true, first));
        let statistics = [("running_mean", 0.0), ("running_var", 1.0)].into_iter();
        let statistics =
            statistics.map(|(name, first)| Array::per_channel(name, channels, false, first));
        affine.chain(statistics).collect()
    }

    /// One for each number.
    fn multiply_adds(&self, _input: Shape, output: Shape) -> u64 {
        output.elements() as u64
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let (epsilon, momentum) = (self.epsilon, self.momentum);
        let channels = site.output.dims()[0];
        let places = site.output.elements() / channels;
        if !site.learns {
            return Some(Box::new(FrozenNorm {
                channels,
                places,
                last: false,
                epsilon,
            }));
        }
        if !self.maps {
            return Some(Box::new(vectors::Normalisation {
                features: channels,
                epsilon,
                momentum,
            }));
        }
        Some(Box::new(maps::Normalisation {
            channels,
            places,
            epsilon,
            momentum,
            residual: false,
            rectifier: None,
        }))
    }
}

/// Scales and shifts of the channels; 1 and 0 where there are none of its own.
fn affine<'a>(arrays: &Named<'a>, channels: usize) -> [Cow<'a, [f32]>; 2] {
    [("weight", 1.0), ("bias", 0.0)].map(|(name, plain)| match arrays.of(name) {
        [] => Cow::Owned(vec![plain; channels]),
        own => Cow::Borrowed(own),
    })
}

/// Running statistics take over a share of the batch's, channel by channel its mean and variance over `count`
/// values: the variance as an estimate without bias, over `n - 1` of `n` values, as in PyTorch.
fn take_over(momentum: f32, count: usize, batch: &[f32], mut statistics: NamedMut<'_>) {
    let count = count as f32;
    let unbiased = count / (count - 1.0).max(1.0);
    let means = statistics.take("running_mean").iter_mut();
    let variances = statistics.take("running_var").iter_mut();
    let batch = batch.as_chunks::<2>().0;
    for ((running_mean, running_variance), &[mean, variance]) in means.zip(variances).zip(batch) {
        *running_mean += momentum * (mean - *running_mean);
        *running_variance += momentum * (variance * unbiased - *running_variance);
    }
}

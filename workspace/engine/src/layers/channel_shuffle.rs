//! The channels of a map in another order, so that groups of convolutions see those of one another (Zhang et al.,
//! "ShuffleNet", 2018): of `g` groups of `n` channels, channel `j` of group `i` comes to place `j g + i`. The gradient goes
//! the other way.

use rayon::prelude::*;

use super::{Kind, Layer, Site, check_divides, image, several};
use crate::layout::Turned;
use crate::operation::{Backward, Forward, Operation};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::Shape;

/// The first channels of all groups, then the second ones, and so on: `torch.nn.ChannelShuffle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelShuffle {
    /// Into how many groups the channels are divided.
    pub groups: usize,
}

pub(super) static KIND: Kind = Kind {
    name: "channel-shuffle",
    keys: &["groups"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

fn read(place: &mut Place<'_, '_>) -> Option<ChannelShuffle> {
    let groups = place.number("groups", None)?;
    Some(ChannelShuffle { groups })
}

impl Layer for ChannelShuffle {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        several(self.groups, "group")
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let [channels, _, _] = image(&KIND, inputs[0])?;
        check_divides("groups", self.groups, channels, "the number of channels")?;
        Ok(inputs[0])
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let (channels, places) = site.output.channels();
        Some(Box::new(Shuffling {
            channels,
            places,
            groups: self.groups,
            channels_last: false,
        }))
    }
}

#[derive(Clone, Copy)]
struct Shuffling {
    channels: usize,
    places: usize,
    groups: usize,
    channels_last: bool,
}

impl Shuffling {
    /// Deals out the channels of every sample to so many groups.
    fn deal(&self, from: &[f32], to: &mut [f32], groups: usize) {
        let (each, size) = (self.channels / groups, self.output());
        to.par_chunks_exact_mut(size)
            .zip(from.par_chunks_exact(size))
            .for_each(|(to, from)| {
                if self.channels_last {
                    let places = to.chunks_exact_mut(self.channels);
                    for (to, from) in places.zip(from.chunks_exact(self.channels)) {
                        deal_place(to, from, groups);
                    }
                    return;
                }
                for (at, to) in to.chunks_exact_mut(self.places).enumerate() {
                    let source = at % groups * each + at / groups;
                    to.copy_from_slice(&from[source * self.places..][..self.places]);
                }
            });
    }
}

/// Deals out the channels of one place.
#[inline(always)]
fn deal_place(to: &mut [f32], from: &[f32], groups: usize) {
    let each = from.len() / groups;
    // What ShuffleNet does: pairs, which are vectorised.
    if groups == 2 {
        let (first, second) = from.split_at(each);
        let pairs = to.as_chunks_mut::<2>().0.iter_mut();
        for (to, (&first, &second)) in pairs.zip(first.iter().zip(second)) {
            *to = [first, second];
        }
        return;
    }
    for (at, to) in to.chunks_exact_mut(groups).enumerate() {
        for (to, from) in to.iter_mut().zip(from[at..].iter().step_by(each)) {
            *to = *from;
        }
    }
}

impl Operation for Shuffling {
    fn output(&self) -> usize {
        self.channels * self.places
    }

    fn channels_last(&self) -> Option<Turned> {
        Turned::either(Self {
            channels_last: true,
            ..*self
        })
    }

    fn forward(&self, pass: Forward<'_>) {
        self.deal(pass.inputs[0], pass.output, self.groups);
    }

    fn backward(&self, pass: Backward<'_>) {
        if let [Some(gradient)] = pass.input_gradients {
            self.deal(pass.output_gradient, gradient, self.channels / self.groups);
        }
    }
}

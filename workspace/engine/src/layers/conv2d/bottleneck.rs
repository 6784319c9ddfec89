//! A depthwise convolution with the pointwise one before it, the one behind it, or both, where no gradient passes: the
//! inverted bottleneck of Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018. Their maps
//! are several times as wide as what enters and leaves; see `channels_last/bottleneck.rs` for how they are kept out
//! of memory.

use super::{Convolution, Sizes, channels_last};
use crate::layout::Turned;
use crate::operation::{Backward, Forward, Operation};
use crate::rectifier::Rectifier;

/// Convolutions in order, each with what follows it. One of them is depthwise, and those around it are pointwise.
pub(crate) struct Bottleneck {
    parts: Vec<Convolution>,
}

impl Bottleneck {
    /// Both in one, where they make one.
    pub(crate) fn of(first: &Convolution, second: &Convolution) -> Option<Self> {
        let is_one = first.may_go_on() && second.pool.is_none() && {
            let (first, second) = (&first.conv, &second.conv);
            (first.is_pointwise() && second.sees_its_own())
                || (first.sees_its_own() && second.is_pointwise())
        };
        is_one.then(|| Self {
            parts: vec![first.clone(), second.clone()],
        })
    }

    /// Takes over a pointwise convolution behind the depthwise one.
    pub(crate) fn take_over(&mut self, next: &Convolution) -> bool {
        let last = self.last();
        let may = last.conv.sees_its_own()
            && last.may_go_on()
            && next.conv.is_pointwise()
            && next.pool.is_none();
        if may {
            self.parts.push(next.clone());
        }
        may
    }

    fn last(&self) -> &Convolution {
        // There are two from the beginning.
        &self.parts[self.parts.len() - 1]
    }

    pub(crate) fn last_mut(&mut self) -> &mut Convolution {
        let last = self.parts.len() - 1;
        &mut self.parts[last]
    }
}

impl Convolution {
    /// Whether its map is its sums and what is done with each by itself.
    fn may_go_on(&self) -> bool {
        self.pool.is_none() && !self.frozen.residual
    }
}

impl Sizes {
    /// Whether every place of the map sees the same place of the image, and all of its channels.
    fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1]
            && self.stride == [1, 1]
            && self.padding == [0, 0]
            && self.groups == 1
            && self.map == self.image
    }
}

impl Operation for Bottleneck {
    fn output(&self) -> usize {
        self.last().output()
    }

    fn rectifier_slot(&mut self) -> Option<&mut Option<Rectifier>> {
        self.last_mut().rectifier_slot()
    }

    fn channels_last(&self) -> Option<Turned> {
        Some(Turned {
            operation: Box::new(channels_last::Bottleneck::of(&self.parts)?),
            gains: true,
        })
    }

    /// Never asked for: `layout` takes the form with channels last wherever it gains and the input is a map, and nothing
    /// makes a map of a vector without computing it.
    fn forward(&self, _pass: Forward<'_>) {
        unreachable!("a bottleneck has its channels last");
    }

    fn backward(&self, _pass: Backward<'_>) {}
}

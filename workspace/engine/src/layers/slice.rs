//! A part of each sample: some of the channels of a map, of the tokens of a sequence or of the features of a vector.

use super::select_token::Selection;
use super::{Kind, Layer, Site};
use crate::operation::Operation;
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::Shape;

/// Some neighbouring channels of a map, tokens of a sequence or features of a vector: `x[:, from:to]` in PyTorch. Several of
/// them on one input split it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The first one, from 0.
    pub from: usize,
    /// The one behind the last.
    pub to: usize,
}

pub(super) static KIND: Kind = Kind {
    name: "slice",
    keys: &["from", "to"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

fn read(place: &mut Place<'_, '_>) -> Option<Slice> {
    let from = place.number_from(0, "from", Some(0));
    let to = place.number("to", None);
    let (from, to) = (from?, to?);
    if from >= to {
        place.report(Problem::new(format!(
            "`to` is {to}, expected more than `from`, which is {from}"
        )));
        return None;
    }
    Some(Slice { from, to })
}

impl Layer for Slice {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        format!("{} to {}", self.from, self.to)
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let count = inputs[0].dims()[0];
        if self.to > count {
            let what = match inputs[0].dims().len() {
                1 => "features",
                2 => "tokens",
                _ => "channels",
            };
            return Err(Problem::new(format!(
                "`to` is {}, expected at most the {count} {what}",
                self.to
            )));
        }
        Ok(inputs[0].with_first(self.to - self.from))
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let each = site.inputs[0].with_first(1).elements();
        Some(Box::new(Selection {
            input: site.inputs[0].elements(),
            start: self.from * each,
            length: site.output.elements(),
            places: match site.output.as_image() {
                Some(_) => each,
                None => 1,
            },
            channels_last: false,
        }))
    }
}

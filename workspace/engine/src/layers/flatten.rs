//! Channels × height × width read as one flat vector.

use super::{Kind, Layer, Site};
use crate::operation::Operation;
use crate::problem::Problem;
use crate::shape::Shape;

/// Channels × height × width read as one flat vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flatten;

pub(super) static KIND: Kind = Kind {
    name: "flatten",
    keys: &[],
    inputs: (1, 1),
    read: |_| Some(Flatten.into()),
};

impl Layer for Flatten {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        Ok(Shape::features(inputs[0].elements()))
    }

    fn operation(&self, _site: &Site<'_>) -> Option<Box<dyn Operation>> {
        None
    }
}

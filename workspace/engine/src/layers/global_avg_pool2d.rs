//! The mean of every channel.

use super::avg_pool2d::{Averaging, Axis};
use super::{Kind, Layer, Site, image};
use crate::operation::Operation;
use crate::problem::Problem;
use crate::shape::Shape;

/// The mean of every channel: C×H×W becomes C×1×1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalAvgPool2d;

pub(super) static KIND: Kind = Kind {
    name: "global-avg-pool2d",
    keys: &[],
    inputs: (1, 1),
    read: |_| Some(GlobalAvgPool2d.into()),
};

impl Layer for GlobalAvgPool2d {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let [channels, _, _] = image(&KIND, inputs[0])?;
        Ok(Shape::image(channels, 1, 1))
    }

    /// A single window as large as the image.
    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let [channels, height, width] = site.inputs[0].as_image()?;
        Some(Box::new(Averaging {
            channels,
            axes: [Axis::whole(height), Axis::whole(width)],
        }))
    }
}

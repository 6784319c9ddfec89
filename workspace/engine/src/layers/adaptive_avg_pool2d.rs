//! The means of as many parts of every channel as are wanted, whatever its size.

use super::avg_pool2d::{Averaging, Axis, Window};
use super::{Kind, Layer, Site, image};
use crate::operation::Operation;
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::{Shape, by};

/// The means of as many parts of every channel as are wanted, `torch.nn.AdaptiveAvgPool2d`. Along each side, part `i` of
/// `n` over a length `l` reaches from `⌊i l/n⌋` to `⌈(i + 1) l/n⌉`, so that neighbours may overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdaptiveAvgPool2d {
    /// Height and width of the result.
    pub size: [usize; 2],
}

pub(super) static KIND: Kind = Kind {
    name: "adaptive-avg-pool2d",
    keys: &["size"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

fn read(place: &mut Place<'_, '_>) -> Option<AdaptiveAvgPool2d> {
    let size = place.pair("size", 1, None)?;
    Some(AdaptiveAvgPool2d { size })
}

impl Layer for AdaptiveAvgPool2d {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        format!("to {}", by(&self.size))
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let [channels, _, _] = image(&KIND, inputs[0])?;
        let [height, width] = self.size;
        Ok(Shape::image(channels, height, width))
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let [channels, height, width] = site.inputs[0].as_image()?;
        let along = |image: usize, count: usize| Axis {
            image,
            windows: (0..count)
                .map(|part| {
                    let covers = part * image / count..((part + 1) * image).div_ceil(count);
                    Window {
                        counts: covers.len(),
                        covers,
                    }
                })
                .collect(),
        };
        let [rows, columns] = self.size;
        Some(Box::new(Averaging {
            channels,
            axes: [along(height, rows), along(width, columns)],
        }))
    }
}

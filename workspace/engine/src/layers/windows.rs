//! Windows over an image: where they fit, and the settings of pooling layers.

use super::{Kind, image};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::{Shape, by};

/// The windows of a pooling layer. Pairs are height, then width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pooling {
    /// Size of the window.
    pub kernel: [usize; 2],
    /// Distance between neighbouring windows.
    pub stride: [usize; 2],
    /// Rows and columns added on each side.
    pub padding: [usize; 2],
}

impl Pooling {
    /// One window over all of a map.
    pub(super) fn over(height: usize, width: usize) -> Self {
        Self {
            kernel: [height, width],
            stride: [height, width],
            padding: [0, 0],
        }
    }

    pub(super) const KEYS: &'static [&'static str] = &["kernel", "stride", "padding"];

    pub(super) fn read(place: &mut Place<'_, '_>) -> Option<Self> {
        let kernel = place.pair("kernel", 1, None);
        let stride = place.pair("stride", 1, kernel.or(Some([1, 1])));
        let padding = place.pair("padding", 0, Some([0, 0]));
        Some(Self {
            kernel: kernel?,
            stride: stride?,
            padding: padding?,
        })
    }

    pub(super) fn detail(&self) -> String {
        let mut detail = by(&self.kernel);
        if self.stride != self.kernel {
            detail += &format!(", stride {}", by(&self.stride));
        }
        if self.padding != [0, 0] {
            detail += &format!(", padding {}", by(&self.padding));
        }
        detail
    }

    pub(super) fn output(&self, kind: &Kind, input: Shape) -> Result<Shape, Problem> {
        let [channels, height, width] = image(kind, input)?;
        // A window that lies within the padding alone would have no largest value.
        if (0..2).any(|axis| self.padding[axis] > self.kernel[axis] / 2) {
            return Err(Problem::new(format!(
                "`padding` is {}, expected at most half of the kernel {}",
                by(&self.padding),
                by(&self.kernel)
            )));
        }
        let padding = on_each_side(self.padding);
        let [height, width] = count([height, width], self.kernel, self.stride, padding)
            .ok_or_else(|| does_not_fit(self.kernel, input, padding))?;
        Ok(Shape::image(channels, height, width))
    }
}

/// The same above and below, and the same left and right.
pub(super) fn on_each_side([rows, columns]: [usize; 2]) -> [usize; 4] {
    [rows, columns, rows, columns]
}

pub(super) fn does_not_fit(kernel: [usize; 2], input: Shape, padding: [usize; 4]) -> Problem {
    let padding = match padding {
        [0, 0, 0, 0] => String::new(),
        [top, left, bottom, right] if [top, left] == [bottom, right] => {
            format!(" with padding {}", by(&[top, left]))
        }
        padding => format!(" with padding {padding:?}"),
    };
    Problem::new(format!(
        "kernel {} does not fit into {input}{padding}",
        by(&kernel)
    ))
}

/// How many windows fit along height and width; nothing when not even one does.
pub(super) fn count(
    image: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 4],
) -> Option<[usize; 2]> {
    let along = |axis: usize| {
        let padded = image[axis] + padding[axis] + padding[axis + 2];
        Some(padded.checked_sub(kernel[axis])? / stride[axis] + 1)
    };
    Some([along(0)?, along(1)?])
}

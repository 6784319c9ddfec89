//! Windows over an image: where they fit, and the settings of pooling layers.

use super::{Kind, image};
use crate::place::{Place, counted, whole};
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
    /// Whether a last window that reaches beyond what was added counts as well.
    pub ceil_mode: bool,
}

impl Pooling {
    /// One window over all of a map.
    pub(super) fn over(height: usize, width: usize) -> Self {
        Self {
            kernel: [height, width],
            stride: [height, width],
            padding: [0, 0],
            ceil_mode: false,
        }
    }

    pub(super) fn read(place: &mut Place<'_, '_>) -> Option<Self> {
        let kernel = place.pair("kernel", 1, None);
        let stride = place.pair("stride", 1, kernel.or(Some([1, 1])));
        let padding = place.pair("padding", 0, Some([0, 0]));
        let ceil_mode = place.flag("ceil-mode", false);
        Some(Self {
            kernel: kernel?,
            stride: stride?,
            padding: padding?,
            ceil_mode: ceil_mode?,
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
        if self.ceil_mode {
            detail += ", ceil mode";
        }
        detail
    }

    /// Shape of one sample behind such a layer; `reach` is the size of the window from its first value to its last.
    pub(super) fn output(
        &self,
        kind: &Kind,
        input: Shape,
        reach: [usize; 2],
    ) -> Result<Shape, Problem> {
        let [channels, height, width] = image(kind, input)?;
        // A window that lies within the padding alone would have no largest value.
        if (0..2).any(|axis| self.padding[axis] > reach[axis] / 2) {
            return Err(Problem::new(format!(
                "`padding` is {}, expected at most half of the kernel {}",
                by(&self.padding),
                by(&reach)
            )));
        }
        let padding = on_each_side(self.padding);
        let image = [height, width];
        let mut map = count(image, reach, self.stride, padding)
            .ok_or_else(|| does_not_fit(reach, input, padding))?;
        for axis in (0..2).filter(|_| self.ceil_mode) {
            let first_added = image[axis] + self.padding[axis];
            // A further window counts where those so far leave something over and it begins before the padding behind.
            let next = map[axis] * self.stride[axis];
            let covered = next - self.stride[axis] + reach[axis];
            if covered < first_added + self.padding[axis] && next < first_added {
                map[axis] += 1;
            }
        }
        let [height, width] = map;
        Ok(Shape::image(channels, height, width))
    }
}

/// Rows and columns of a window from its first value to its last.
pub(super) fn reach(kernel: [usize; 2], dilation: [usize; 2]) -> [usize; 2] {
    [0, 1].map(|axis| {
        (kernel[axis] - 1)
            .saturating_mul(dilation[axis])
            .saturating_add(1)
    })
}

/// The key `padding`: `[height, width]` where both sides have the same, else `[top, left, bottom, right]`.
pub(super) fn read_sides(place: &mut Place<'_, '_>) -> Option<[usize; 4]> {
    let Some(value) = place.object.get("padding") else {
        return Some([0; 4]);
    };
    let numbers: Option<Vec<usize>> = value
        .as_array()
        .and_then(|numbers| numbers.iter().map(|number| whole(number, 0)).collect());
    match numbers.as_deref() {
        Some(&[height, width]) => Some(on_each_side([height, width])),
        Some(&[top, left, bottom, right]) => Some([top, left, bottom, right]),
        _ => {
            let expected = format!(
                "[height, width] or [top, left, bottom, right], each {}",
                counted(0)
            );
            place.wrong("padding", value, &expected);
            None
        }
    }
}

pub(super) fn sides_in_words([top, left, bottom, right]: [usize; 4]) -> String {
    match [top, left] == [bottom, right] {
        true => by(&[top, left]),
        false => format!(
            "{} before, {} behind",
            by(&[top, left]),
            by(&[bottom, right])
        ),
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

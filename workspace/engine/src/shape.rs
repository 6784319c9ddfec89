//! The shape of one sample: a flat vector of features, or channels × height × width.

use std::fmt;

/// Shape of one sample; the number of samples is never part of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    // Dimensions behind `rank` are 1, so that equality and hashing stay derivable.
    dims: [usize; 3],
    rank: usize,
}

impl Shape {
    /// A flat vector of `count` features.
    pub fn features(count: usize) -> Self {
        Self {
            dims: [count, 1, 1],
            rank: 1,
        }
    }

    /// An image or feature map.
    pub fn image(channels: usize, height: usize, width: usize) -> Self {
        Self {
            dims: [channels, height, width],
            rank: 3,
        }
    }

    /// One dimension (`[features]`) or three (`[channels, height, width]`).
    pub fn dims(&self) -> &[usize] {
        &self.dims[..self.rank]
    }

    /// Channels, height and width of an image; nothing for a flat vector.
    pub fn as_image(&self) -> Option<[usize; 3]> {
        (self.rank == 3).then_some(self.dims)
    }

    /// Values in one sample.
    pub fn elements(&self) -> usize {
        self.dims.iter().product()
    }

    /// Values in one sample, or nothing where the product leaves `usize`.
    pub(crate) fn checked_elements(&self) -> Option<usize> {
        self.dims
            .iter()
            .try_fold(1usize, |product, &dim| product.checked_mul(dim))
    }
}

impl fmt::Display for Shape {
    /// `20×12×12`, or `800` for a flat vector.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&by(self.dims()))
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Numbers joined the way sizes are written in text: `5×5`.
pub(crate) fn by(numbers: &[usize]) -> String {
    let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
    numbers.join("×")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_tell_their_elements_and_read_well() {
        for (shape, elements, text) in [
            (Shape::features(800), 800, "800"),
            (Shape::image(20, 12, 12), 2880, "20×12×12"),
            (Shape::image(1, 1, 1), 1, "1×1×1"),
        ] {
            assert_eq!(shape.elements(), elements);
            assert_eq!(shape.to_string(), text);
            assert_eq!(shape.dims().iter().product::<usize>(), elements);
        }
        assert_ne!(Shape::features(1), Shape::image(1, 1, 1));
    }
}

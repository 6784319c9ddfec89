//! The shape of one sample: a flat vector of features, tokens × width, channels × height × width.

use std::fmt;

/// The most dimensions a sample may have.
const MOST: usize = 4;

/// Shape of one sample; the number of samples is never part of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    // Dimensions behind `rank` are 1, so that equality and hashing stay derivable.
    dims: [usize; MOST],
    rank: usize,
}

impl Shape {
    fn of<const RANK: usize>(own: [usize; RANK]) -> Self {
        const { assert!(RANK > 0 && RANK <= MOST) };
        let mut dims = [1; MOST];
        dims[..RANK].copy_from_slice(&own);
        Self { dims, rank: RANK }
    }

    /// A flat vector of `count` features.
    pub fn features(count: usize) -> Self {
        Self::of([count])
    }

    /// A sequence of `count` tokens, each a vector of `width` features.
    pub fn tokens(count: usize, width: usize) -> Self {
        Self::of([count, width])
    }

    /// An image or feature map.
    pub fn image(channels: usize, height: usize, width: usize) -> Self {
        Self::of([channels, height, width])
    }

    /// One dimension or more: `[features]`, `[tokens, width]`, `[channels, height, width]`.
    pub fn dims(&self) -> &[usize] {
        &self.dims[..self.rank]
    }

    /// How many features a flat vector has; nothing for other shapes.
    pub fn as_features(&self) -> Option<usize> {
        match *self.dims() {
            [count] => Some(count),
            _ => None,
        }
    }

    /// Number and width of tokens; nothing for other shapes.
    pub fn as_tokens(&self) -> Option<[usize; 2]> {
        self.dims().try_into().ok()
    }

    /// Channels, height and width of an image; nothing for other shapes.
    pub fn as_image(&self) -> Option<[usize; 3]> {
        self.dims().try_into().ok()
    }

    /// How many channels there are, and how many neighbouring values belong to one: channels of a map; else the
    /// features of a vector or of every token, one value each.
    pub(crate) fn channels(&self) -> (usize, usize) {
        match *self.dims() {
            [channels, height, width] => (channels, height * width),
            ref dims => (dims.last().copied().unwrap_or(1), 1),
        }
    }

    /// The same with another number along the first dimension: of channels, tokens or features.
    pub(crate) fn with_first(mut self, count: usize) -> Self {
        self.dims[0] = count;
        self
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
            (Shape::tokens(50, 192), 9600, "50×192"),
            (Shape::image(20, 12, 12), 2880, "20×12×12"),
            (Shape::image(1, 1, 1), 1, "1×1×1"),
        ] {
            assert_eq!(shape.elements(), elements);
            assert_eq!(shape.to_string(), text);
            assert_eq!(shape.dims().iter().product::<usize>(), elements);
        }
        assert_ne!(Shape::features(1), Shape::image(1, 1, 1));
        assert_ne!(Shape::features(1), Shape::tokens(1, 1));
    }

    #[test]
    fn a_shape_is_of_one_form_alone() {
        for (shape, forms) in [
            (Shape::features(5), [true, false, false]),
            (Shape::tokens(5, 1), [false, true, false]),
            (Shape::image(5, 1, 1), [false, false, true]),
        ] {
            let found = [
                shape.as_features() == Some(5),
                shape.as_tokens() == Some([5, 1]),
                shape.as_image() == Some([5, 1, 1]),
            ];
            assert_eq!(found, forms, "{shape}");
        }
    }
}

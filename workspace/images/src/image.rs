//! Decoded images.

use crate::channels::{grey, grey_of_floats};
use crate::resample::Plane;
use thiserror::Error;

/// A decoded image of any size.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    channels: usize,
    height: usize,
    width: usize,
    pixels: Pixels,
}

/// The numbers of an image, channels × height × width.
#[derive(Clone, Debug, PartialEq)]
pub enum Pixels {
    /// 0 to 255.
    Bytes(Vec<u8>),
    /// As a dataset has them.
    Floats(Vec<f32>),
}

/// Why numbers are no image.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ImageError {
    /// Grey has one channel, colour three.
    #[error("an image of {0} channels, expected 1 or 3")]
    Channels(usize),
    /// As many numbers as the shape says, and one at least.
    #[error("{found} numbers for an image of shape {shape:?}, expected their product, at least 1")]
    Numbers {
        /// How many there are.
        found: usize,
        /// Channels, height and width.
        shape: [usize; 3],
    },
}

impl Pixels {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Pixels::Bytes(bytes) => bytes.len(),
            Pixels::Floats(floats) => floats.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Image {
    /// An image of these numbers, channels × height × width.
    ///
    /// # Errors
    ///
    /// Other channels than 1 and 3; as many numbers as the shape does not say.
    pub fn new(shape: [usize; 3], pixels: Pixels) -> Result<Image, ImageError> {
        let [channels, height, width] = shape;
        if !matches!(channels, 1 | 3) {
            return Err(ImageError::Channels(channels));
        }
        let numbers = shape
            .iter()
            .try_fold(1_usize, |all, &side| all.checked_mul(side));
        if numbers != Some(pixels.len()) || pixels.is_empty() {
            let found = pixels.len();
            return Err(ImageError::Numbers { found, shape });
        }
        Ok(Image {
            channels,
            height,
            width,
            pixels,
        })
    }

    /// Channels, height and width.
    pub fn shape(&self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }

    /// Its numbers, channels × height × width.
    pub fn pixels(&self) -> &Pixels {
        &self.pixels
    }

    /// Bytes that its numbers take in memory.
    pub fn bytes(&self) -> usize {
        match &self.pixels {
            Pixels::Bytes(bytes) => bytes.len(),
            Pixels::Floats(floats) => size_of_val(&**floats),
        }
    }
}

/// The planes of an image for a network of so many channels: those there are, or the one of its brightness.
pub(crate) fn planes<T: Copy>(
    [channels, height, width]: [usize; 3],
    pixels: &[T],
    wanted: usize,
    brightness: fn([T; 3]) -> T,
) -> Vec<Plane<T>> {
    let plane = |pixels: Vec<T>| Plane {
        width,
        height,
        pixels,
    };
    let mut parts = pixels.chunks_exact(height * width);
    match (channels, wanted, parts.len()) {
        (3, 1, 3) => {
            let (red, rest) = pixels.split_at(height * width);
            let (green, blue) = rest.split_at(height * width);
            let colours = red.iter().zip(green).zip(blue);
            let grey = colours.map(|((&red, &green), &blue)| brightness([red, green, blue]));
            vec![plane(grey.collect())]
        }
        _ => parts.by_ref().map(|part| plane(part.to_vec())).collect(),
    }
}

pub(crate) const OF_BYTES: fn([u8; 3]) -> u8 = grey;
pub(crate) const OF_FLOATS: fn([f32; 3]) -> f32 = grey_of_floats;

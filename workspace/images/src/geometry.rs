//! Which part of an image a network sees, and how large.

use crate::Filter;
use crate::image::{Image, OF_BYTES, OF_FLOATS, Pixels, planes};
use crate::resample::{Number, Part, Plane, Span};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The size an image is scaled to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Resize {
    /// So many pixels for the shorter side; the other keeps the proportions, cut off to whole pixels as torchvision's `Resize` does.
    Shorter(usize),
    /// Height and width, whatever the proportions.
    Exactly([usize; 2]),
}

/// How an image gets the size that a network takes: scaled, then cropped in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    resize: Resize,
    crop: [usize; 2],
    filter: Filter,
}

/// Why images cannot be brought to a size so.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GeometryError {
    /// A side of nothing.
    #[error("a side of 0 pixels, expected 1 or more")]
    Empty,
    /// There is nothing beside an image to crop from.
    #[error("a crop of {crop} pixels, expected {most} or fewer: images are scaled to that")]
    CropTooLarge {
        /// The side of the crop.
        crop: usize,
        /// The side it is taken from.
        most: usize,
    },
    /// Room that no number of channels of the size fills.
    #[error("room for {numbers} numbers, expected 1 or 3 channels of {height} × {width}")]
    Room {
        /// How many there is room for.
        numbers: usize,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
}

impl Geometry {
    /// Images are scaled to `resize` with `filter`, and `crop`, height and width, is taken from the middle.
    ///
    /// # Errors
    ///
    /// A side of 0 pixels; a crop larger than what images are scaled to.
    pub fn new(
        resize: Resize,
        crop: [usize; 2],
        filter: Filter,
    ) -> Result<Geometry, GeometryError> {
        let from = match resize {
            Resize::Shorter(side) => [side; 2],
            Resize::Exactly(sides) => sides,
        };
        if from.contains(&0) || crop.contains(&0) {
            return Err(GeometryError::Empty);
        }
        for (crop, most) in crop.into_iter().zip(from) {
            if crop > most {
                return Err(GeometryError::CropTooLarge { crop, most });
            }
        }
        Ok(Geometry {
            resize,
            crop,
            filter,
        })
    }

    /// Height and width of what comes out.
    pub fn size(&self) -> [usize; 2] {
        self.crop
    }

    /// Height and width that an image of this height and width is scaled to before it is cropped.
    pub fn scaled(&self, height: usize, width: usize) -> [usize; 2] {
        let side = match self.resize {
            Resize::Exactly(sides) => return sides,
            Resize::Shorter(side) => side,
        };
        let longer = |long: usize, short: usize| {
            let exact = side as u128 * long as u128 / short as u128;
            usize::try_from(exact).unwrap_or(usize::MAX)
        };
        match height <= width {
            true => [side, longer(width, height)],
            false => [longer(height, width), side],
        }
    }

    /// Writes the sample that an image becomes to `out`, channels × height × width: bytes divided by 255 in 32 bits, floats as
    /// they are. `out` has room for 1 or 3 channels of [`Geometry::size`]: grey is repeated for three, colour becomes its
    /// brightness (ITU-R BT.601) before it is scaled for one.
    ///
    /// # Errors
    ///
    /// Room for other numbers.
    pub fn sample(&self, image: &Image, out: &mut [f32]) -> Result<(), GeometryError> {
        let [height, width] = self.crop;
        let channels = out.len() / (height * width);
        if !matches!(channels, 1 | 3) || out.len() != channels * height * width {
            return Err(GeometryError::Room {
                numbers: out.len(),
                height,
                width,
            });
        }
        let shape = image.shape();
        match image.pixels() {
            Pixels::Bytes(bytes) => self.write(
                shape,
                planes(shape, bytes, channels, OF_BYTES),
                out,
                |byte| f32::from(byte) / 255.0,
            ),
            Pixels::Floats(floats) => {
                self.write(
                    shape,
                    planes(shape, floats, channels, OF_FLOATS),
                    out,
                    |float| float,
                );
            }
        }
        Ok(())
    }

    fn write<T: Number>(
        &self,
        [_, height, width]: [usize; 3],
        planes: Vec<Plane<T>>,
        out: &mut [f32],
        number: impl Fn(T) -> f32,
    ) {
        let [to_height, to_width] = self.scaled(height, width);
        let part = |length: usize, pixels: usize, crop: usize| {
            let first = middle(pixels, crop);
            Part {
                span: Span::whole(length, pixels),
                wanted: first..first + crop,
            }
        };
        let rows = part(height, to_height, self.crop[0]);
        let columns = part(width, to_width, self.crop[1]);
        let size = self.crop[0] * self.crop[1];
        let mut written = 0;
        for plane in planes {
            let scaled = plane.part(&columns, &rows, self.filter);
            for (place, &pixel) in out[written..].iter_mut().zip(&scaled.pixels) {
                *place = number(pixel);
            }
            written += size;
        }
        while written < out.len() {
            out.copy_within(0..size, written);
            written += size;
        }
    }
}

/// Where a crop begins: half of what is left over, and where that ends in a half the even number beside it, as Python rounds.
fn middle(length: usize, crop: usize) -> usize {
    let over = length.saturating_sub(crop);
    let half = over / 2;
    half + usize::from(over % 2 == 1 && half % 2 == 1)
}

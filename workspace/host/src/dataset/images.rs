//! The images behind the samples of a dataset, at their own size where it hands them out.

use super::{BLOCK, Dataset, Pixel};
use crate::call::{Instance, collect};
use crate::{HostError, open};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use topwork_abi as abi;
use topwork_images::{Image, Pixels};

/// An image of more bytes is taken for garbage: colour, 18,900 × 18,900.
pub(crate) const MOST_BYTES: usize = 1 << 30;

/// The bytes of decoded images that one dataset keeps. Several backbones read the images of a target one after the other, and a
/// training reads them in every epoch: 1 GiB holds 1,900 colour photographs of 500 × 375, and is little beside what a machine has
/// that computes on such images. Once it is full, those that are in stay: to drop the oldest would, for readers who come round in the
/// same order, drop each image just before it is wanted again.
const KEPT_BYTES: usize = 1 << 30;

/// What a dataset hands out, and what of that is kept.
pub(super) struct Images {
    table: Option<abi::DatasetImagesTable>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// By position of the split and of the sample in it.
    images: HashMap<(usize, u64), Arc<Image>>,
    bytes: usize,
}

impl Images {
    pub(super) fn offered_by(instance: &Instance) -> Result<Images, HostError> {
        let table = instance.extension(abi::DATASET_IMAGES);
        let table = match table.is_null() {
            true => None,
            // SAFETY: the id asked for gives the table this type.
            false => Some(
                unsafe { open::table::<abi::DatasetImagesTable>(table) }.map_err(|problem| {
                    let problem = format!("the table `{}` {problem}", abi::DATASET_IMAGES);
                    instance.broken("offering images at their own size", problem)
                })?,
            ),
        };
        Ok(Images {
            table,
            kept: Mutex::default(),
        })
    }
}

impl Dataset {
    /// Whether it has images at their own size; the others have samples of one size only.
    pub fn has_images(&self) -> bool {
        self.images.table.is_some()
    }

    /// The image behind a sample at its own size: decoded when it is asked for first, and kept as far as there is room. Where the
    /// dataset hands out none, the sample itself.
    ///
    /// # Errors
    ///
    /// A split or a sample that does not exist; whatever the plugin fails with; samples that are neither grey nor coloured.
    pub fn image(&self, split: &str, sample: u64) -> Result<Arc<Image>, HostError> {
        let call = format!("reading an image of split \"{split}\"");
        let (index, len) = self.split(split, &call)?;
        if sample >= len as u64 {
            let problem = format!("sample {sample}, expected less than {len}");
            return Err(self.instance.request(&call, problem));
        }
        let Some(table) = &self.images.table else {
            let mut images = self.samples(split, &[sample])?;
            return images
                .pop()
                .map(Arc::new)
                .ok_or_else(|| self.instance.broken(&call, "no image"));
        };
        let key = (index, sample);
        let kept = || {
            self.images
                .kept
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(image) = kept().images.get(&key) {
            return Ok(Arc::clone(image));
        }
        let image = handed_out(
            |of, shape, pixels, error| match table.read {
                // SAFETY: there is room for three sizes, and everything lives during the call.
                Some(function) => unsafe { function(of, index, sample, shape, pixels, error) },
                None => abi::Status::UNSUPPORTED,
            },
            |function| self.call(&call, function),
        )?;
        let image = image.map_err(|problem| {
            let problem = format!("sample {sample} is {problem}");
            self.instance.broken(&call, problem)
        })?;
        let image = Arc::new(image);
        let mut kept = kept();
        if kept.bytes + image.bytes() <= KEPT_BYTES && !kept.images.contains_key(&key) {
            kept.bytes += image.bytes();
            kept.images.insert(key, Arc::clone(&image));
        }
        Ok(image)
    }

    /// Samples as images: bytes where the dataset has bytes, floats where it has floats.
    pub(crate) fn samples(&self, split: &str, indices: &[u64]) -> Result<Vec<Image>, HostError> {
        let call = format!("reading split \"{split}\"");
        let shape = self.info.shape;
        let pixels: usize = shape.iter().product();
        let mut images = Vec::with_capacity(indices.len());
        for indices in indices.chunks(BLOCK) {
            let all = match self.info.pixel {
                Pixel::U8 => {
                    let (index, _) = self.split(split, &call)?;
                    let mut bytes = vec![0_u8; indices.len() * pixels];
                    let (start, len) = (bytes.as_mut_ptr(), bytes.len());
                    self.read_block(&call, index, indices, start.cast(), len)?;
                    let parts = bytes.chunks_exact(pixels);
                    parts.map(|part| Pixels::Bytes(part.to_vec())).collect()
                }
                Pixel::F32 => {
                    let mut floats = vec![0.0; indices.len() * pixels];
                    self.read(split, indices, &mut floats)?;
                    let parts = floats.chunks_exact(pixels);
                    let parts = parts.map(|part| Pixels::Floats(part.to_vec()));
                    parts.collect::<Vec<Pixels>>()
                }
            };
            for pixels in all {
                let image = Image::new(shape, pixels);
                images.push(image.map_err(|e| self.instance.request(&call, e.to_string()))?);
            }
        }
        Ok(images)
    }
}

/// The image that a call hands out; the inner `Err` completes "… is".
pub(crate) fn handed_out(
    function: impl FnOnce(abi::Instance, *mut usize, *const abi::Sink, *const abi::Sink) -> abi::Status,
    call: impl FnOnce(
        &mut dyn FnMut(abi::Instance, *const abi::Sink) -> abi::Status,
    ) -> Result<(), HostError>,
) -> Result<Result<Image, String>, HostError> {
    let mut shape = [0_usize; 3];
    let mut function = Some(function);
    let (result, written) = collect(MOST_BYTES, |pixels| {
        call(&mut |of, error| match function.take() {
            Some(function) => function(of, shape.as_mut_ptr(), pixels, error),
            None => abi::Status::BAD_CALL,
        })
    });
    result?;
    if written.overflowed {
        return Ok(Err(format!("more than {MOST_BYTES} bytes")));
    }
    let image = Image::new(shape, Pixels::Bytes(written.bytes));
    Ok(image.map_err(|error| error.to_string()))
}

//! Datasets that hand out their images at their own size, for backbones that want other samples than the ones they make.

use crate::dataset::{Instance, dataset};
use crate::decoder::{self, DecodesFiles, FileDecoder};
use crate::enter::{enter, give, instance, slice, slice_mut};
use crate::images::{Image, Pixels};
use crate::{Error, ExportedComponent, Provenance, provenance};
use std::ffi::c_void;
use topwork_abi as abi;

/// A dataset that has its images at their own size, too.
pub trait OwnSize: Provenance {
    /// The image behind a sample: bytes, decoded, the right way up, transparency put on its background, and otherwise as the
    /// file has it. `split` is a position in the description's list, `index` below the split's length.
    ///
    /// # Errors
    ///
    /// [`Error::data`] when it cannot be read any more.
    fn image(&self, split: usize, index: u64) -> Result<Image, Error>;
}

/// A decoder of files that has images at their own size, too.
pub trait DecodesImages: FileDecoder {
    /// The image in a file, the same that [`OwnSize::image`] has of it.
    ///
    /// # Errors
    ///
    /// As [`FileDecoder::decode`].
    fn image(&self, path: &std::path::Path) -> Result<Image, Error>;
}

/// The component for [`export_plugin!`](crate::export_plugin), with the abilities to tell where its samples come from and to hand
/// out images at their own size.
pub const fn dataset_with_images<D: OwnSize>() -> ExportedComponent {
    let mut component = *dataset::<D>().table();
    component.extension = Some(without_files::<D>);
    // SAFETY: the extension gives the tables that the contract names, and the rest is as it was.
    unsafe { ExportedComponent::from_table(component) }
}

/// The same with the ability to decode single files, to samples and to images.
pub const fn dataset_of_image_files<D: OwnSize + DecodesFiles>() -> ExportedComponent
where
    D::Decoder: DecodesImages,
{
    let mut component = *dataset::<D>().table();
    component.extension = Some(with_files::<D>);
    // SAFETY: the extension gives the tables that the contract names, and the rest is as it was.
    unsafe { ExportedComponent::from_table(component) }
}

struct Tables<D>(D);

impl<D: OwnSize> Tables<D> {
    const WITHOUT_FILES: &'static abi::DatasetImagesTable = &abi::DatasetImagesTable {
        size: size_of::<abi::DatasetImagesTable>(),
        read: Some(read::<D>),
        decode: None,
    };
}

impl<D: OwnSize + DecodesFiles> Tables<D>
where
    D::Decoder: DecodesImages,
{
    const WITH_FILES: &'static abi::DatasetImagesTable = &abi::DatasetImagesTable {
        size: size_of::<abi::DatasetImagesTable>(),
        read: Some(read::<D>),
        decode: Some(decode::<D::Decoder>),
    };
}

unsafe extern "C" fn without_files<D: OwnSize>(id: abi::Text) -> *const c_void {
    // SAFETY: the host lends the text for this call. Nothing here can panic.
    match unsafe { crate::enter::text("id of the ability", id) } {
        Ok(abi::DATASET_PROVENANCE) => provenance::table::<D>(),
        Ok(abi::DATASET_IMAGES) => std::ptr::from_ref(Tables::<D>::WITHOUT_FILES).cast(),
        Ok(ability) => crate::numbers::of_dataset::<D>(ability),
        Err(_) => std::ptr::null(),
    }
}

unsafe extern "C" fn with_files<D: OwnSize + DecodesFiles>(id: abi::Text) -> *const c_void
where
    D::Decoder: DecodesImages,
{
    // SAFETY: the host lends the text for this call. Nothing here can panic.
    match unsafe { crate::enter::text("id of the ability", id) } {
        Ok(abi::DATASET_PROVENANCE) => provenance::table::<D>(),
        Ok(abi::DATASET_DECODER) => decoder::table::<D>(),
        Ok(abi::DATASET_IMAGES) => std::ptr::from_ref(Tables::<D>::WITH_FILES).cast(),
        Ok(ability) => crate::numbers::of_dataset::<D>(ability),
        Err(_) => std::ptr::null(),
    }
}

unsafe extern "C" fn read<D: OwnSize>(
    pointer: abi::Instance,
    split: usize,
    index: u64,
    shape: *mut usize,
    pixels: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it; calls on datasets are shared.
        let instance = unsafe { instance::<Instance<D>>(pointer) }?;
        let len = instance.split_len(split)?;
        if index >= len {
            return Err(Error::call(format!(
                "sample {index}, expected less than {len}"
            )));
        }
        // SAFETY: the host lends room for three sizes and the sink for this call.
        unsafe { hand_out(&instance.dataset().image(split, index)?, shape, pixels) }
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

unsafe extern "C" fn decode<F: DecodesImages>(
    decoder: abi::Instance,
    path: *const u8,
    path_len: usize,
    shape: *mut usize,
    pixels: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it, and lends the path for this call.
        let (decoder, path) = unsafe { (instance::<F>(decoder)?, slice("path", path, path_len)?) };
        let image = decoder.image(&decoder::path_of(path)?)?;
        // SAFETY: the host lends room for three sizes and the sink for this call.
        unsafe { hand_out(&image, shape, pixels) }
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

/// # Safety
///
/// `shape` is null or has room for three sizes, and `pixels` is valid during the call.
unsafe fn hand_out(
    image: &Image,
    shape: *mut usize,
    pixels: *const abi::Sink,
) -> Result<(), Error> {
    let Pixels::Bytes(bytes) = image.pixels() else {
        return Err(Error::failed("an image of floats, expected bytes"));
    };
    // SAFETY: passed on.
    unsafe {
        slice_mut("shape", shape, 3)?.copy_from_slice(&image.shape());
        give("pixels", pixels, bytes)
    }
}

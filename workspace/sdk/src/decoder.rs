//! Datasets of files, which can turn a file that belongs to none of them into a sample.

use crate::component::{destroy, make};
use crate::dataset::{Element, dataset};
use crate::enter::{enter, instance, slice, slice_mut};
use crate::{Error, ExportedComponent, Host, Provenance, provenance};
use std::ffi::c_void;
use std::path::{Path, PathBuf};
use topwork_abi as abi;

/// A dataset whose samples are files: it can decode another file in the same way. Files have names, hence [`Provenance`].
pub trait DecodesFiles: Provenance {
    /// What turns files into samples.
    type Decoder: FileDecoder<Element = Self::Element>;

    /// Makes a decoder of the dataset's parameters. What says where the data lies, what of it is taken and how it is split is to
    /// be ignored, and may be missing. Quick: opens no file.
    ///
    /// # Errors
    /// When the parameters that decide what becomes of a file are wrong.
    fn decoder(host: Host, parameters: Self::Parameters) -> Result<Self::Decoder, Error>;
}

/// Turns one file into one sample. Several threads may use it at once.
pub trait FileDecoder: Send + Sync {
    /// The type of one number of a sample, that of the dataset.
    type Element: Element;

    /// Channels, height and width of every sample.
    fn shape(&self) -> [usize; 3];

    /// The sample that a file becomes, channels × height × width, the same that the dataset reads of it.
    ///
    /// # Errors
    /// [`Error::data`] when this file gives no sample, with the reason as it follows the file's name: `is empty`.
    fn decode(&self, path: &Path) -> Result<Vec<Self::Element>, Error>;
}

/// The component for [`export_plugin!`](crate::export_plugin), with the abilities to tell where its samples come from and to
/// decode single files.
pub const fn dataset_with_decoder<D: DecodesFiles>() -> ExportedComponent {
    let mut component = *dataset::<D>().table();
    component.extension = Some(extension::<D>);
    // SAFETY: the extension gives the tables that the contract names, and the rest is as it was.
    unsafe { ExportedComponent::from_table(component) }
}

struct Tables<D>(D);

impl<D: DecodesFiles> Tables<D> {
    const TABLE: &'static abi::DatasetDecoderTable = &abi::DatasetDecoderTable {
        size: size_of::<abi::DatasetDecoderTable>(),
        create: Some(create::<D>),
        shape: Some(shape::<D::Decoder>),
        decode: Some(decode::<D::Decoder>),
        destroy: Some(destroy::<D::Decoder>),
    };
}

/// The table of the ability.
pub(crate) fn table<D: DecodesFiles>() -> *const c_void {
    std::ptr::from_ref(Tables::<D>::TABLE).cast()
}

unsafe extern "C" fn extension<D: DecodesFiles>(id: abi::Text) -> *const c_void {
    // SAFETY: the host lends the text for this call. Nothing here can panic.
    match unsafe { crate::enter::text("id of the ability", id) } {
        Ok(abi::DATASET_PROVENANCE) => provenance::table::<D>(),
        Ok(abi::DATASET_DECODER) => table::<D>(),
        Ok(ability) => crate::numbers::of_dataset::<D>(ability),
        Err(_) => std::ptr::null(),
    }
}

unsafe extern "C" fn create<D: DecodesFiles>(
    host: *const abi::HostServices,
    parameters: abi::Text,
    decoder: *mut abi::Instance,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: passed on.
    unsafe { make::<D, D::Decoder>(host, parameters, decoder, error, D::decoder) }
}

unsafe extern "C" fn shape<F: FileDecoder>(
    decoder: abi::Instance,
    shape: *mut usize,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it, and lends room for three sizes.
        let (decoder, place) = unsafe { (instance::<F>(decoder)?, slice_mut("shape", shape, 3)?) };
        place.copy_from_slice(&decoder.shape());
        Ok(())
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

unsafe extern "C" fn decode<F: FileDecoder>(
    decoder: abi::Instance,
    path: *const u8,
    path_len: usize,
    sample: *mut f32,
    len: usize,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it, and lends path and sample for this call.
        let (decoder, path, sample) = unsafe {
            (
                instance::<F>(decoder)?,
                slice("path", path, path_len)?,
                slice_mut("sample", sample, len)?,
            )
        };
        let numbers: usize = decoder.shape().iter().product();
        if len != numbers {
            return Err(Error::call(format!(
                "room for {len} numbers, expected {numbers}"
            )));
        }
        let decoded = decoder.decode(&path_of(path)?)?;
        if decoded.len() != numbers {
            return Err(Error::failed(format!(
                "a sample of {} numbers, expected {numbers}",
                decoded.len()
            )));
        }
        for (place, element) in sample.iter_mut().zip(decoded) {
            *place = element.as_number();
        }
        Ok(())
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

#[cfg(unix)]
#[expect(
    clippy::unnecessary_wraps,
    reason = "other systems have bytes that are no path"
)]
pub(crate) fn path_of(bytes: &[u8]) -> Result<PathBuf, Error> {
    use std::os::unix::ffi::OsStrExt;
    Ok(PathBuf::from(std::ffi::OsStr::from_bytes(bytes)))
}

#[cfg(not(unix))]
pub(crate) fn path_of(bytes: &[u8]) -> Result<PathBuf, Error> {
    let path = std::str::from_utf8(bytes);
    path.map(PathBuf::from)
        .map_err(|_| Error::call("the path of a file is not UTF-8"))
}

//! Datasets that turn single files into samples.

use crate::call::{Instance, extension};
use crate::dataset::{MOST_PIXELS, handed_out};
use crate::library::Opened;
use crate::{Ending, HostError, Kind, Plugins, open};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;
use topwork_abi as abi;
use topwork_images::Image;

/// Turns one file into one sample, as a dataset does with files of its own. Any number of threads may decode at once.
pub struct Decoder {
    instance: Instance,
    table: abi::DatasetDecoderTable,
    shape: [usize; 3],
    images: Option<abi::DatasetImagesTable>,
}

/// Why a file gave no sample.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// It is this file; others may do.
    #[error("`{}` {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is the matter with it, to follow its name.
        reason: String,
    },
    /// It is the plugin, or the call.
    #[error(transparent)]
    Plugin(#[from] HostError),
}

impl Plugins {
    /// Makes the decoder of files of the dataset that `component` names; `None` where the dataset decodes none. `parameters` are
    /// those of the dataset; the ones that say where its data lies are ignored and may be missing.
    ///
    /// # Errors
    ///
    /// A dataset that does not exist, parameters it does not take, a plugin that breaks the contract.
    pub fn decoder(
        &self,
        component: &str,
        parameters: &Value,
    ) -> Result<Option<Decoder>, HostError> {
        let (plugin, component) = self.pick(Kind::Dataset, component)?;
        Decoder::create(plugin, component, parameters)
    }
}

impl Decoder {
    fn create(
        plugin: &Arc<Opened>,
        component: usize,
        parameters: &Value,
    ) -> Result<Option<Decoder>, HostError> {
        let id = &plugin.info.components[component].id;
        let call = format!("creating the decoder of dataset \"{id}\"");
        let mut made_of = plugin.components[component];
        let table = extension(&made_of, abi::DATASET_DECODER);
        if table.is_null() {
            return Ok(None);
        }
        // SAFETY: the id asked for gives the table this type.
        let table = unsafe { open::table::<abi::DatasetDecoderTable>(table) };
        let table = table.map_err(|problem| HostError::Broken {
            plugin: plugin.info.id.clone(),
            call: call.clone(),
            problem: format!("the table `{}` {problem}", abi::DATASET_DECODER),
        })?;
        let images = extension(&made_of, abi::DATASET_IMAGES);
        let images = match images.is_null() {
            true => None,
            // SAFETY: the id asked for gives the table this type.
            false => Some(
                unsafe { open::table::<abi::DatasetImagesTable>(images) }.map_err(|problem| {
                    HostError::Broken {
                        plugin: plugin.info.id.clone(),
                        call: call.clone(),
                        problem: format!("the table `{}` {problem}", abi::DATASET_IMAGES),
                    }
                })?,
            ),
        };
        let images = images.filter(|images| images.decode.is_some());
        // What it makes is used and released as an instance is.
        (made_of.create, made_of.destroy) = (table.create, table.destroy);
        made_of.create_in_context = None;
        let instance = Instance::create_of(plugin, made_of, &call, parameters)?;
        let call = format!("telling the shape of what the decoder of dataset \"{id}\" makes");
        let mut shape = [0_usize; 3];
        instance.call(&call, |decoder, error| match table.shape {
            // SAFETY: there is room for three sizes, and everything lives during the call.
            Some(function) => unsafe { function(decoder, shape.as_mut_ptr(), error) },
            None => abi::Status::UNSUPPORTED,
        })?;
        let numbers = shape
            .iter()
            .try_fold(1_usize, |n, &size| n.checked_mul(size));
        if !numbers.is_some_and(|numbers| (1..=MOST_PIXELS).contains(&numbers)) {
            let problem =
                format!("samples of shape {shape:?}, expected 1 to {MOST_PIXELS} numbers in each");
            return Err(instance.broken(&call, problem));
        }
        Ok(Some(Decoder {
            instance,
            table,
            shape,
            images,
        }))
    }

    /// Channels, height and width of every sample.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Whether files have images at their own size, too.
    pub fn has_images(&self) -> bool {
        self.images.is_some()
    }

    /// The image in a file at its own size.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`]; a dataset that hands out no images.
    pub fn image(&self, path: &Path) -> Result<Image, DecodeError> {
        let call = format!("decoding `{}`", path.display());
        let Some(images) = &self.images else {
            let problem =
                "the dataset hands out no images at their own size, only samples of one size";
            return Err(self.instance.request(&call, problem).into());
        };
        let bytes = self.path(path, &call)?;
        let image = handed_out(
            |decoder, shape, pixels, error| match images.decode {
                // SAFETY: the path has the length said, there is room for three sizes, and everything lives during the call.
                Some(function) => unsafe {
                    function(decoder, bytes.as_ptr(), bytes.len(), shape, pixels, error)
                },
                None => abi::Status::UNSUPPORTED,
            },
            |function| self.instance.call_in_parallel(&call, function),
        );
        let image = image.map_err(|error| told(path, error))?;
        image.map_err(|problem| {
            self.instance
                .broken(&call, format!("the image is {problem}"))
                .into()
        })
    }

    fn path<'p>(&self, path: &'p Path, call: &str) -> Result<&'p [u8], HostError> {
        let bytes = path.as_os_str().as_encoded_bytes();
        if bytes.is_empty() || bytes.contains(&0) {
            let problem = "the path is empty or has a zero byte, expected that of a file";
            return Err(self.instance.request(call, problem));
        }
        Ok(bytes)
    }

    /// Writes the sample that a file becomes to `out`: channels × height × width finite numbers, to the bit those that the
    /// dataset has of such a file. After an error `out` holds no sample.
    ///
    /// # Errors
    ///
    /// [`DecodeError::File`] when this file cannot be read or decoded; [`DecodeError::Plugin`] when the plugin fails
    /// otherwise or breaks the contract, and when `out` has another length.
    pub fn decode(&self, path: &Path, out: &mut [f32]) -> Result<(), DecodeError> {
        let call = format!("decoding `{}`", path.display());
        let numbers: usize = self.shape.iter().product();
        if out.len() != numbers {
            let problem = format!("room for {} numbers, expected {numbers}", out.len());
            return Err(self.instance.request(&call, problem).into());
        }
        let bytes = self.path(path, &call)?;
        // What the plugin does not write stays NaN and is found below.
        out.fill(f32::NAN);
        let decoded = (self.instance).call_in_parallel(&call, |decoder, error| {
            match self.table.decode {
                // SAFETY: path and room have the lengths said, and everything lives during the call.
                Some(function) => unsafe {
                    let (sample, len) = (out.as_mut_ptr(), out.len());
                    function(decoder, bytes.as_ptr(), bytes.len(), sample, len, error)
                },
                None => abi::Status::UNSUPPORTED,
            }
        });
        decoded.map_err(|error| told(path, error))?;
        if let Some(position) = out.iter().position(|number| !number.is_finite()) {
            let problem = format!(
                "{} at position {position}, expected finite numbers",
                out[position]
            );
            return Err(self.instance.broken(&call, problem).into());
        }
        Ok(())
    }
}

/// What is the matter with this file, or with the plugin.
fn told(path: &Path, error: HostError) -> DecodeError {
    match error {
        HostError::Call {
            ending: Ending::BadData,
            text,
            ..
        } => {
            let reason = match text.is_empty() {
                true => "gives no sample, and the plugin does not say why".to_owned(),
                false => text,
            };
            let path = path.to_owned();
            DecodeError::File { path, reason }
        }
        error => error.into(),
    }
}

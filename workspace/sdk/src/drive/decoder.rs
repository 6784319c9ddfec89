//! Decoders of a dataset's files, called through their table.

use crate::Error;
use crate::drive::instance::{call, handed_out, made, offered};
use crate::images::Image;
use serde_json::Value;
use std::path::Path;
use topwork_abi as abi;

/// A decoder of files, destroyed when dropped. Its calls may come from several threads at once.
pub struct DrivenDecoder {
    component: &'static abi::Component,
    table: &'static abi::DatasetDecoderTable,
    pointer: abi::Instance,
    shape: [usize; 3],
}

// SAFETY: decoders made with this sdk are `Send + Sync`.
unsafe impl Send for DrivenDecoder {}
// SAFETY: as above.
unsafe impl Sync for DrivenDecoder {}

impl DrivenDecoder {
    pub(super) fn create(
        component: &'static abi::Component,
        services: &'static abi::HostServices,
        parameters: &Value,
    ) -> Result<Self, Error> {
        let extension = offered(component.extension)?;
        // SAFETY: the text lives during the call; the id decides the type of the table, and null means that there is none.
        let table = unsafe {
            let table = extension(abi::Text::new(abi::DATASET_DECODER));
            table.cast::<abi::DatasetDecoderTable>().as_ref()
        };
        let table = table.ok_or_else(|| Error::unsupported("the dataset decodes no files"))?;
        let mut decoder = DrivenDecoder {
            component,
            table,
            pointer: made(offered(table.create)?, services, parameters)?,
            shape: [0; 3],
        };
        let shape = offered(table.shape)?;
        let place = decoder.shape.as_mut_ptr();
        // SAFETY: decoder, place and sink live during the call.
        call(|error| unsafe { shape(decoder.pointer, place, error) })?;
        Ok(decoder)
    }

    /// Channels, height and width of every sample.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The sample that a file becomes.
    pub fn decode(&self, path: &Path) -> Result<Vec<f32>, Error> {
        let mut sample = vec![0.0; self.shape.iter().product()];
        let path = path.as_os_str().as_encoded_bytes();
        let decode = offered(self.table.decode)?;
        // SAFETY: path and room have the lengths said, and everything lives during the call.
        call(|error| unsafe {
            let (place, len) = (sample.as_mut_ptr(), sample.len());
            decode(self.pointer, path.as_ptr(), path.len(), place, len, error)
        })?;
        Ok(sample)
    }

    /// The image in a file, at its own size. [`Error::unsupported`] where the dataset hands out none.
    pub fn image(&self, path: &Path) -> Result<Image, Error> {
        let extension = offered(self.component.extension)?;
        // SAFETY: the text lives during the call; the id decides the type of the table, and null means that there is none.
        let table = unsafe {
            let table = extension(abi::Text::new(abi::DATASET_IMAGES));
            table.cast::<abi::DatasetImagesTable>().as_ref()
        };
        let table = table.ok_or_else(|| Error::unsupported("the dataset hands out no images"))?;
        let decode = offered(table.decode)?;
        let path = path.as_os_str().as_encoded_bytes();
        handed_out(|shape, pixels, error| {
            // SAFETY: the path has the length said, and everything lives during the call.
            unsafe {
                decode(
                    self.pointer,
                    path.as_ptr(),
                    path.len(),
                    shape,
                    pixels,
                    error,
                )
            }
        })
    }
}

impl Drop for DrivenDecoder {
    fn drop(&mut self) {
        if let Some(destroy) = self.table.destroy {
            // SAFETY: the pointer came from `create` and is not used after this.
            unsafe { destroy(self.pointer) };
        }
    }
}

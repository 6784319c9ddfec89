//! What an extractor computes as a model file, for authors.

use crate::enter::{enter, give};
use crate::extractor::{Described, Extractor};
use crate::{Error, enter, extractor_network as network};
use serde_json::json;
use std::ffi::c_void;
use topwork_abi as abi;

/// A model in the ONNX format that computes the features at a cut from normalised samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnnxModel {
    /// The file, with all of its weights within.
    pub file: Vec<u8>,
    /// The tensor in it that takes samples.
    pub input: String,
    /// Whether that has the channels of a sample last, and not first.
    pub channels_last: bool,
    /// The tensor that holds the features in their order.
    pub output: String,
    /// How many samples it takes at once, where that is not any number.
    pub batch: Option<usize>,
}

/// The table of the ability.
pub(crate) struct Table<E>(E);

impl<E: Extractor> Table<E> {
    const TABLE: &'static abi::ExtractorOnnxTable = &abi::ExtractorOnnxTable {
        size: size_of::<abi::ExtractorOnnxTable>(),
        model: Some(model::<E>),
    };
}

pub(crate) unsafe extern "C" fn extension<E: Extractor>(id: abi::Text) -> *const c_void {
    // SAFETY: the host lends the text for this call. Nothing here can panic.
    match unsafe { enter::text("id of the ability", id) } {
        Ok(abi::EXTRACTOR_ONNX) => std::ptr::from_ref(Table::<E>::TABLE).cast(),
        Ok(abi::EXTRACTOR_NETWORK) => std::ptr::from_ref(network::Table::<E>::TABLE).cast(),
        _ => std::ptr::null(),
    }
}

unsafe extern "C" fn model<E: Extractor>(
    pointer: abi::Instance,
    cut: usize,
    description: *const abi::Sink,
    model: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it, and no exclusive call is running.
        let extractor = unsafe { enter::instance::<Described<E>>(pointer) }?;
        // Checks the position.
        extractor.description()?.sizes(cut)?;
        let found = extractor.extractor.onnx(cut)?;
        let found = found.ok_or_else(|| Error::unsupported("it has no model file to give"))?;
        let mut said = json!({
            "format": 1,
            "input": found.input,
            "layout": if found.channels_last { "nhwc" } else { "nchw" },
            "output": found.output,
        });
        if let Some(batch) = found.batch {
            said["batch"] = batch.into();
        }
        // SAFETY: the sinks are valid during the call.
        unsafe {
            give("description", description, said.to_string().as_bytes())?;
            give("model", model, &found.file)
        }
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

//! Extractor backbones for authors.

use crate::component::component;
use crate::enter::{enter, give, instance, slice, slice_mut};
use crate::extractor_network::GivenNetwork;
use crate::extractor_onnx::{OnnxModel, extension};
use crate::{Component, Error, ExportedComponent};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use std::sync::OnceLock;
use topwork_abi as abi;

/// A backbone that computes features itself, opaque to the host and frozen.
pub trait Extractor: Component {
    /// What it takes and gives, the same at every call.
    fn describe(&self) -> Result<Extraction, Error>;

    /// Fills `features` with those of every sample at the cut with position `cut` in the description. `samples` holds one
    /// sample after the other; their number is at least 1. A sample's features depend on this sample alone and are the same
    /// bits every time. Calls overlap only if the description says [`Extraction::in_parallel`].
    fn forward(&self, cut: usize, samples: &[f32], features: &mut [f32]) -> Result<(), Error>;

    /// A model in the ONNX format that computes the features at this cut, so that a host can write it into a model file of its
    /// own; `None` where there is none.
    fn onnx(&self, cut: usize) -> Result<Option<OnnxModel>, Error> {
        let _ = cut;
        Ok(None)
    }

    /// The network that this is, where topwork has layers for all of it: a host builds it and asks for no features, so that
    /// it is fine-tuned, has random weights as a control, and is as fast as any other network. `None`, or
    /// [`Error::unsupported`] with what keeps it from being one, where it is none.
    fn network(&self) -> Result<Option<GivenNetwork>, Error> {
        Ok(None)
    }
}

/// What an extractor takes and gives.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Extraction {
    format: u32,
    input: Vec<usize>,
    cuts: Vec<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    normalise: Option<Normalise>,
    #[serde(skip_serializing_if = "is_false")]
    parallel: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Place {
    name: String,
    shape: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    op: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dims: Option<Vec<usize>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<usize>,
    #[serde(skip_serializing_if = "is_false")]
    block: bool,
}

/// How the samples must be normalised before they come.
#[derive(Clone, Debug, PartialEq)]
pub enum Normalise {
    /// `(x - mean) / std` with these numbers, one of each per channel.
    With {
        /// The means.
        mean: Vec<f64>,
        /// The standard deviations.
        std: Vec<f64>,
    },
    /// The plugin cannot know: the experiment must state some normalisation.
    Stated,
}

impl Serialize for Normalise {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Normalise::With { mean, std } => {
                let mut object = serializer.serialize_struct("Normalise", 2)?;
                object.serialize_field("mean", mean)?;
                object.serialize_field("std", std)?;
                object.end()
            }
            Normalise::Stated => serializer.serialize_str("stated"),
        }
    }
}

fn is_false(truth: &bool) -> bool {
    !*truth
}

impl Extraction {
    /// Takes samples of this shape, `[channels, height, width]` or `[features]`; there are no cuts yet.
    pub fn new(input: &[usize]) -> Self {
        Extraction {
            format: 1,
            input: input.to_vec(),
            cuts: Vec::new(),
            normalise: None,
            parallel: false,
            digest: None,
            runtime: None,
            batch: None,
        }
    }

    /// Adds a cut, behind those so far, where one sample has features of this shape.
    #[must_use]
    pub fn cut(mut self, name: impl Into<String>, shape: &[usize]) -> Self {
        self.cuts.push(Place {
            name: name.into(),
            shape: shape.to_vec(),
            op: None,
            dims: None,
            channels: None,
            block: false,
        });
        self
    }

    /// Names what computes the features at the last cut so far, such as `Conv`; nothing changes where there is no cut yet.
    #[must_use]
    pub fn computed_by(mut self, op: impl Into<String>) -> Self {
        if let Some(place) = self.cuts.last_mut() {
            place.op = Some(op.into());
        }
        self
    }

    /// Says how the features at the last cut so far lie, where that is not what their shape says: all their sizes, and which of
    /// them counts channels, if one does. Pooling goes over the others; where none counts channels nothing is pooled.
    #[must_use]
    pub fn laid_out(mut self, dims: &[usize], channels: Option<usize>) -> Self {
        if let Some(place) = self.cuts.last_mut() {
            place.dims = Some(dims.to_vec());
            place.channels = channels;
        }
        self
    }

    /// Says that the last cut so far is the end of a block of a residual network.
    #[must_use]
    pub fn ends_block(mut self) -> Self {
        if let Some(place) = self.cuts.last_mut() {
            place.block = true;
        }
        self
    }

    /// Names what computes the features, with its version, such as `onnxruntime 1.32.0`: results are kept with it.
    #[must_use]
    pub fn runtime(mut self, runtime: impl Into<String>) -> Self {
        self.runtime = Some(runtime.into());
        self
    }

    /// Says that so many samples are computed at once, however many are asked about: a host then asks about whole batches where
    /// it can.
    #[must_use]
    pub fn batch(mut self, samples: usize) -> Self {
        self.batch = Some(samples);
        self
    }

    /// Says how samples must be normalised; otherwise any will do.
    #[must_use]
    pub fn normalise(mut self, normalise: Normalise) -> Self {
        self.normalise = Some(normalise);
        self
    }

    /// Says that `forward` calls may overlap.
    #[must_use]
    pub fn in_parallel(mut self) -> Self {
        self.parallel = true;
        self
    }

    /// Names the files that decide the features, for example by the SHA-256 of a model file: results of another digest are not
    /// taken for these.
    #[must_use]
    pub fn digest(mut self, digest: impl Into<String>) -> Self {
        self.digest = Some(digest.into());
        self
    }

    pub(crate) fn sizes(&self, cut: usize) -> Result<(usize, usize), Error> {
        let place = self
            .cuts
            .get(cut)
            .ok_or_else(|| Error::call(format!("no cut {cut}, there are {}", self.cuts.len())))?;
        Ok((self.input.iter().product(), place.shape.iter().product()))
    }
}

/// The component for [`export_plugin!`](crate::export_plugin).
pub const fn extractor<E: Extractor>() -> ExportedComponent {
    let component = component::<E, Described<E>>(
        abi::Kind::BACKBONE_EXTRACTOR,
        std::ptr::from_ref(Tables::<E>::TABLE).cast(),
    );
    let mut component = *component.table();
    component.extension = Some(extension::<E>);
    // SAFETY: the extension gives the table that the contract names, and the rest is as it was.
    unsafe { ExportedComponent::from_table(component) }
}

/// An extractor with what it said of itself, which decides the sizes of every call.
pub(crate) struct Described<E> {
    pub(crate) extractor: E,
    description: OnceLock<Extraction>,
}

impl<E> From<E> for Described<E> {
    fn from(extractor: E) -> Self {
        Described {
            extractor,
            description: OnceLock::new(),
        }
    }
}

impl<E: Extractor> Described<E> {
    pub(crate) fn description(&self) -> Result<&Extraction, Error> {
        if let Some(known) = self.description.get() {
            return Ok(known);
        }
        let said = self.extractor.describe()?;
        Ok(self.description.get_or_init(|| said))
    }
}

struct Tables<E>(E);

impl<E: Extractor> Tables<E> {
    const TABLE: &'static abi::ExtractorTable = &abi::ExtractorTable {
        size: size_of::<abi::ExtractorTable>(),
        describe: Some(describe::<E>),
        forward: Some(forward::<E>),
    };
}

unsafe extern "C" fn describe<E: Extractor>(
    pointer: abi::Instance,
    description: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it, and no exclusive call is running.
        let extractor = unsafe { instance::<Described<E>>(pointer) }?;
        let json = serde_json::json!(extractor.description()?).to_string();
        // SAFETY: the sink is valid during the call.
        unsafe { give("description", description, json.as_bytes()) }
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

unsafe extern "C" fn forward<E: Extractor>(
    pointer: abi::Instance,
    cut: usize,
    samples: *const f32,
    count: usize,
    features: *mut f32,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it, and no exclusive call is running.
        let extractor = unsafe { instance::<Described<E>>(pointer) }?;
        let (input, output) = extractor.description()?.sizes(cut)?;
        let len = |size: usize| {
            size.checked_mul(count)
                .ok_or_else(|| Error::call("more samples than memory has"))
        };
        // SAFETY: the host lends count × input numbers and room for count × the cut's shape for this call.
        let (samples, features) = unsafe {
            (
                slice("samples", samples, len(input)?)?,
                slice_mut("features", features, len(output)?)?,
            )
        };
        extractor.extractor.forward(cut, samples, features)
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

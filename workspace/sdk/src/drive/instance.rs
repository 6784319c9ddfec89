//! Instances of components, called through their tables.

use crate::drive::own;
use crate::enter::collect;
use crate::images::{Image, Pixels};
use crate::{Description, Element, Error, Split};
use serde_json::Value;
use std::sync::{Mutex, PoisonError};
use topwork_abi as abi;

/// An instance, destroyed when dropped.
pub(super) struct Driven {
    component: &'static abi::Component,
    pub(super) pointer: abi::Instance,
}

impl Driven {
    pub(super) fn create(
        component: &'static abi::Component,
        services: &'static abi::HostServices,
        parameters: &Value,
    ) -> Result<Driven, Error> {
        let create = offered(component.create)?;
        let pointer = made(create, services, parameters)?;
        Ok(Driven { component, pointer })
    }

    /// # Safety
    ///
    /// `T` is the table type of the component's kind.
    pub(super) unsafe fn table<T>(&self) -> &'static T {
        // SAFETY: passed on.
        unsafe { &*self.component.table.cast::<T>() }
    }

    /// # Safety
    ///
    /// `T` is the table of the ability with this id.
    pub(super) unsafe fn ability<T>(&self, id: &str) -> Result<&'static T, Error> {
        let extension = offered(self.component.extension)?;
        // SAFETY: the text lives during the call; null means that the ability is not offered.
        unsafe { extension(abi::Text::new(id)).cast::<T>().as_ref() }
            .ok_or_else(|| Error::unsupported(format!("`{id}` is not offered")))
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        if let Some(destroy) = self.component.destroy {
            // SAFETY: the pointer came from `create` and is not used after this.
            unsafe { destroy(self.pointer) };
        }
    }
}

/// What `create` of a component or of an ability makes.
pub(super) fn made(
    create: Create,
    services: &'static abi::HostServices,
    parameters: &Value,
) -> Result<abi::Instance, Error> {
    let parameters = parameters.to_string();
    let mut pointer: abi::Instance = std::ptr::null_mut();
    // SAFETY: the services live until the process ends, everything else during the call.
    call(|error| unsafe {
        create(
            services,
            abi::Text::new(&parameters),
            &raw mut pointer,
            error,
        )
    })?;
    Ok(pointer)
}

/// A function that makes an instance.
type Create = unsafe extern "C" fn(
    *const abi::HostServices,
    abi::Text,
    *mut abi::Instance,
    *const abi::Sink,
) -> abi::Status;

pub(super) fn offered<F>(function: Option<F>) -> Result<F, Error> {
    function.ok_or_else(|| Error::unsupported("the function is missing in the table"))
}

/// Runs a call and reads its status and its error text.
pub(super) fn call(function: impl FnOnce(*const abi::Sink) -> abi::Status) -> Result<(), Error> {
    let (status, text) = collect(function);
    Error::from_status(status, &text)
}

fn parse(json: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(json)
        .map_err(|error| Error::failed(format!("what was written is not JSON: {error}")))
}

/// The image that a call hands out.
pub(super) fn handed_out(
    function: impl FnOnce(*mut usize, *const abi::Sink, *const abi::Sink) -> abi::Status,
) -> Result<Image, Error> {
    let mut shape = [0; 3];
    let (result, bytes) =
        collect(|pixels| call(|error| function(shape.as_mut_ptr(), pixels, error)));
    result?;
    Image::new(shape, Pixels::Bytes(bytes)).map_err(|error| Error::failed(error.to_string()))
}

/// A backbone.
pub struct DrivenBackbone(Driven);

impl DrivenBackbone {
    pub(super) fn new(driven: Driven) -> Self {
        DrivenBackbone(driven)
    }

    /// Its blueprint.
    pub fn blueprint(&self) -> Result<Value, Error> {
        // SAFETY: a backbone has this table.
        let network = offered(unsafe { self.0.table::<abi::BackboneTable>() }.network)?;
        let (result, json) = collect(|sink| {
            // SAFETY: instance and sinks live during the call.
            call(|error| unsafe { network(self.0.pointer, sink, error) })
        });
        result?;
        parse(&json)
    }
}

/// An extractor.
pub struct DrivenExtractor {
    driven: Driven,
    description: Value,
    /// Held during a call of an extractor that does not say that calls may overlap.
    turn: Mutex<()>,
}

// SAFETY: `forward` is the only call after the first; several run at once only if the description says that they may.
unsafe impl Sync for DrivenExtractor {}

impl DrivenExtractor {
    pub(super) fn new(driven: Driven) -> Result<Self, Error> {
        // SAFETY: an extractor has this table.
        let describe = offered(unsafe { driven.table::<abi::ExtractorTable>() }.describe)?;
        let (result, json) = collect(|sink| {
            // SAFETY: instance and sinks live during the call.
            call(|error| unsafe { describe(driven.pointer, sink, error) })
        });
        result?;
        Ok(DrivenExtractor {
            driven,
            description: parse(&json)?,
            turn: Mutex::new(()),
        })
    }

    /// What it says of itself.
    pub fn description(&self) -> &Value {
        &self.description
    }

    /// A model in the ONNX format up to the cut of this name: what is said of it, and its file. [`Error::unsupported`] where
    /// there is none.
    pub fn onnx(&self, cut: &str) -> Result<(Value, Vec<u8>), Error> {
        let place = self.place(cut)?;
        // SAFETY: the id decides the type of the table.
        let table =
            unsafe { (self.driven).ability::<abi::ExtractorOnnxTable>(abi::EXTRACTOR_ONNX) }?;
        let model = offered(table.model)?;
        let ((result, file), description) = collect(|description| {
            collect(|file| {
                // SAFETY: instance and sinks live during the call.
                call(|error| unsafe { model(self.driven.pointer, place, description, file, error) })
            })
        });
        result?;
        Ok((parse(&description)?, file))
    }

    fn place(&self, cut: &str) -> Result<usize, Error> {
        let cuts = self.description["cuts"].as_array();
        let places = cuts.map_or(&[][..], Vec::as_slice);
        let place = places.iter().position(|place| place["name"] == cut);
        place.ok_or_else(|| Error::call(format!("no cut \"{cut}\"")))
    }

    /// The features of some samples at the cut of this name.
    pub fn forward(&self, cut: &str, samples: &[f32]) -> Result<Vec<f32>, Error> {
        let numbers = |shape: &Value| -> usize {
            let sizes = shape.as_array().into_iter().flatten();
            sizes.filter_map(Value::as_u64).product::<u64>() as usize
        };
        let place = self.place(cut)?;
        let input = numbers(&self.description["input"]);
        if input == 0 || samples.is_empty() || !samples.len().is_multiple_of(input) {
            return Err(Error::call("samples are not of the input's shape"));
        }
        let count = samples.len() / input;
        let mut features = vec![0.0; count * numbers(&self.description["cuts"][place]["shape"])];
        let alone = self.description["parallel"] != true;
        let _turn = alone.then(|| self.turn.lock().unwrap_or_else(PoisonError::into_inner));
        // SAFETY: an extractor has this table.
        let forward = offered(unsafe { self.driven.table::<abi::ExtractorTable>() }.forward)?;
        // SAFETY: lengths fit the description, and all pointers live during the call.
        call(|error| unsafe {
            forward(
                self.driven.pointer,
                place,
                samples.as_ptr(),
                count,
                features.as_mut_ptr(),
                error,
            )
        })?;
        Ok(features)
    }
}

/// A cut rule.
pub struct DrivenCutRule(Driven);

impl DrivenCutRule {
    pub(super) fn new(driven: Driven) -> Self {
        DrivenCutRule(driven)
    }

    /// The cuts it chooses for a backbone, described as the host would.
    pub fn cuts(&self, backbone: &Value) -> Result<Value, Error> {
        // SAFETY: a cut rule has this table.
        let cuts = offered(unsafe { self.0.table::<abi::CutRuleTable>() }.cuts)?;
        let backbone = backbone.to_string();
        let (result, json) = collect(|sink| {
            // SAFETY: instance, text and sinks live during the call.
            call(|error| unsafe { cuts(self.0.pointer, abi::Text::new(&backbone), sink, error) })
        });
        result?;
        parse(&json)
    }
}

/// A network head.
pub struct DrivenNetworkHead(Driven);

impl DrivenNetworkHead {
    pub(super) fn new(driven: Driven) -> Self {
        DrivenNetworkHead(driven)
    }

    /// Its layers for features of this shape.
    pub fn layers(&self, feature_shape: &[usize], classes: usize) -> Result<Value, Error> {
        // SAFETY: a network head has this table.
        let network = offered(unsafe { self.0.table::<abi::NetworkHeadTable>() }.network)?;
        let (result, json) = collect(|sink| {
            // SAFETY: instance, shape and sinks live during the call.
            call(|error| unsafe {
                network(
                    self.0.pointer,
                    feature_shape.as_ptr(),
                    feature_shape.len(),
                    classes,
                    sink,
                    error,
                )
            })
        });
        result?;
        parse(&json)
    }
}

/// A function that writes a text for every sample of a split.
type TellTexts =
    unsafe extern "C" fn(abi::Instance, usize, *const abi::Sink, *const abi::Sink) -> abi::Status;

/// A dataset. Its calls may come from several threads at once.
pub struct DrivenDataset {
    driven: Driven,
    description: Description,
    element: abi::Element,
}

// SAFETY: datasets made with this sdk are `Send + Sync` and say so with `READS_IN_PARALLEL`.
unsafe impl Sync for DrivenDataset {}

impl DrivenDataset {
    pub(super) fn new(driven: Driven) -> Result<Self, Error> {
        // SAFETY: a dataset has this table.
        let describe = offered(unsafe { driven.table::<abi::DatasetTable>() }.describe)?;
        let mut raw = abi::DatasetDescription {
            size: size_of::<abi::DatasetDescription>(),
            channels: 0,
            height: 0,
            width: 0,
            element: abi::Element(0),
            abilities: 0,
            classes: std::ptr::null(),
            class_count: 0,
            splits: std::ptr::null(),
            split_count: 0,
        };
        // SAFETY: instance, description and sink live during the call.
        call(|error| unsafe { describe(driven.pointer, &raw mut raw, error) })?;
        // SAFETY: the sdk made both arrays from vectors that live as long as the instance.
        let (classes, splits) = unsafe {
            (
                std::slice::from_raw_parts(raw.classes, raw.class_count),
                std::slice::from_raw_parts(raw.splits, raw.split_count),
            )
        };
        let split = |split: &abi::Split| Split {
            name: own(split.name),
            len: split.len,
        };
        let description = Description {
            classes: classes.iter().map(|&class| own(class)).collect(),
            shape: [raw.channels, raw.height, raw.width],
            splits: splits.iter().map(split).collect(),
        };
        Ok(DrivenDataset {
            driven,
            description,
            element: raw.element,
        })
    }

    /// What it holds.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The image behind a sample, at its own size. [`Error::unsupported`] where the dataset hands out none.
    pub fn image(&self, split: &str, sample: u64) -> Result<Image, Error> {
        let (split, _) = self.split(split)?;
        // SAFETY: the id decides the type of the table.
        let table =
            unsafe { (self.driven).ability::<abi::DatasetImagesTable>(abi::DATASET_IMAGES) }?;
        let read = offered(table.read)?;
        handed_out(|shape, pixels, error| {
            // SAFETY: instance, shape and sinks live during the call.
            unsafe { read(self.driven.pointer, split, sample, shape, pixels, error) }
        })
    }

    /// The numbers to be predicted of a split, as many for each sample as the description has classes; none where it has classes.
    pub fn numbers(&self, split: &str) -> Result<Vec<f32>, Error> {
        let (index, len) = self.split(split)?;
        // SAFETY: the id decides the type of the table.
        let table =
            unsafe { (self.driven).ability::<abi::DatasetNumbersTable>(abi::DATASET_NUMBERS) }?;
        let mut columns = 0;
        let function = offered(table.columns)?;
        // SAFETY: all pointers live during the call.
        call(|error| unsafe { function(self.driven.pointer, &raw mut columns, error) })?;
        let len = len.saturating_mul(columns);
        let mut numbers = vec![f32::NAN; len];
        let mut count = 0;
        if columns > 0 {
            let function = offered(table.numbers)?;
            // SAFETY: `numbers` has room for `len`, and all pointers live during the call.
            call(|error| unsafe {
                function(
                    self.driven.pointer,
                    index,
                    numbers.as_mut_ptr(),
                    len,
                    &raw mut count,
                    error,
                )
            })?;
        }
        match count == len {
            true => Ok(numbers),
            false => Err(Error::data(format!("{count} numbers, expected {len}"))),
        }
    }

    /// The labels of a split.
    pub fn labels(&self, split: &str) -> Result<Vec<u32>, Error> {
        let (index, len) = self.split(split)?;
        let mut labels = vec![u32::MAX; len];
        let mut count = 0;
        // SAFETY: a dataset has this table.
        let function = offered(unsafe { self.driven.table::<abi::DatasetTable>() }.labels)?;
        // SAFETY: `labels` has room for `len`, and all pointers live during the call.
        call(|error| unsafe {
            function(
                self.driven.pointer,
                index,
                labels.as_mut_ptr(),
                len,
                &raw mut count,
                error,
            )
        })?;
        labels.truncate(count);
        Ok(labels)
    }

    /// The samples with these indices, as `T`, which must be the dataset's element type.
    pub fn read<T: Element + Default>(
        &self,
        split: &str,
        indices: &[u64],
    ) -> Result<Vec<T>, Error> {
        if T::ELEMENT != self.element {
            return Err(Error::call("the dataset has another element type"));
        }
        let (index, _) = self.split(split)?;
        let pixels: usize = self.description.shape.iter().product();
        let mut samples = vec![T::default(); indices.len() * pixels];
        // SAFETY: a dataset has this table.
        let function = offered(unsafe { self.driven.table::<abi::DatasetTable>() }.read)?;
        // SAFETY: `samples` has as many bytes as said, and all pointers live during the call.
        call(|error| unsafe {
            function(
                self.driven.pointer,
                index,
                indices.as_ptr(),
                indices.len(),
                samples.as_mut_ptr().cast(),
                size_of_val(&*samples),
                error,
            )
        })?;
        Ok(samples)
    }

    /// What the samples of a split are called; `None` where it does not say.
    pub fn names(&self, split: &str) -> Result<Option<Vec<String>>, Error> {
        self.texts(split, |table| table.names)
    }

    /// The group of every sample of a split; `None` where there are none.
    pub fn groups(&self, split: &str) -> Result<Option<Vec<String>>, Error> {
        self.texts(split, |table| table.groups)
    }

    fn texts(
        &self,
        split: &str,
        of: fn(&abi::DatasetProvenanceTable) -> Option<TellTexts>,
    ) -> Result<Option<Vec<String>>, Error> {
        let (index, _) = self.split(split)?;
        let Some(extension) = self.driven.component.extension else {
            return Ok(None);
        };
        // SAFETY: the text lives during the call.
        let table = unsafe { extension(abi::Text::new(abi::DATASET_PROVENANCE)) };
        // SAFETY: null, or what the id asked for gives.
        let Some(table) = (unsafe { table.cast::<abi::DatasetProvenanceTable>().as_ref() }) else {
            return Ok(None);
        };
        let function = offered(of(table))?;
        let (result, bytes) = collect(|texts| {
            // SAFETY: instance and sinks live during the call.
            call(|error| unsafe { function(self.driven.pointer, index, texts, error) })
        });
        result?;
        let texts = String::from_utf8_lossy(&bytes);
        let texts = texts.split_terminator('\0').map(str::to_owned);
        Ok((!bytes.is_empty()).then(|| texts.collect()))
    }

    fn split(&self, name: &str) -> Result<(usize, usize), Error> {
        let splits = &self.description.splits;
        let index = splits.iter().position(|split| split.name == name);
        let index = index.ok_or_else(|| Error::call(format!("no split \"{name}\"")))?;
        Ok((index, splits[index].len as usize))
    }
}

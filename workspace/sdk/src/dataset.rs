//! Datasets for authors.

use crate::component::component;
use crate::enter::{enter, fill_host_table, instance, slice, slice_mut};
use crate::{Component, Error, ExportedComponent, numbers};
use std::ffi::c_void;
use std::sync::OnceLock;
use topwork_abi as abi;

/// Labelled images in named splits. The host filters classes, draws subsets, shuffles and normalises; a dataset only reads, on
/// several threads at once.
pub trait Dataset: Component {
    /// The type of one number of a sample: `u8` (the host divides by 255) or `f32` (finite).
    type Element: Element;
    /// What the dataset holds; asked once. Quick where it can be. Where all files must be looked at, to know which can be read,
    /// say so with [`Host::progress`](crate::Host::progress), keep what was found in the cache folder, and answer with what is known
    /// by then when [`Host::check_stop`](crate::Host::check_stop) fails: who only checks an experiment does not wait for ever.
    fn description(&self) -> Result<Description, Error>;
    /// The labels of a split (a position in the description's list), in its order, each below the number of classes.
    fn labels(&self, split: usize) -> Result<Vec<u32>, Error>;
    /// Fills `samples` with the samples of these indices, one after the other: `indices.len()` × channels × height × width,
    /// row-major. Indices are below the split's length, in any order, with repeats.
    fn read(
        &self,
        split: usize,
        indices: &[u64],
        samples: &mut [Self::Element],
    ) -> Result<(), Error>;

    /// Whether there are instances that have numbers in place of classes. Without them, as a rule, the ability is not offered.
    const NUMBERS: bool = false;

    /// Whether this instance has. Then the description's `classes` are the names of the columns of numbers, and every label is 0.
    fn has_numbers(&self) -> Result<bool, Error> {
        Ok(false)
    }

    /// Whether there are instances whose samples have several labels, or none, in place of one class. Without them, as a rule, the
    /// ability is not offered.
    const MULTILABEL: bool = false;

    /// Whether this instance's samples have. Then the description's `classes` are the names of the labels, [`numbers`](Dataset::numbers)
    /// are 1 for each label that a sample has and 0 for the others, and every class is 0.
    fn is_multilabel(&self) -> Result<bool, Error> {
        Ok(false)
    }

    /// The numbers of a split, sample by sample in its order, one for each column; all finite. Only asked where there are any.
    fn numbers(&self, split: usize) -> Result<Vec<f32>, Error> {
        let _ = split;
        Ok(Vec::new())
    }
}

/// What a dataset holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The names of the classes, all different; a label is a position in this list.
    pub classes: Vec<String>,
    /// Channels, height and width of every sample.
    pub shape: [usize; 3],
    /// The splits, with different names. `train` and `test` are the names that experiments use.
    pub splits: Vec<Split>,
}

/// A split of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Its name.
    pub name: String,
    /// Its number of samples.
    pub len: u64,
}

/// The type of one number of a sample: `u8` or `f32`.
pub trait Element: Copy + sealed::Sealed {
    /// Its number in the ABI.
    const ELEMENT: abi::Element;

    /// What the host makes of it: a byte is divided by 255, a float stays.
    fn as_number(self) -> f32;
}

impl Element for u8 {
    const ELEMENT: abi::Element = abi::Element::U8;

    fn as_number(self) -> f32 {
        f32::from(self) / 255.0
    }
}

impl Element for f32 {
    const ELEMENT: abi::Element = abi::Element::F32;

    fn as_number(self) -> f32 {
        self
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for f32 {}
}

/// The component for [`export_plugin!`](crate::export_plugin).
pub const fn dataset<D: Dataset>() -> ExportedComponent {
    let component = component::<D, Instance<D>>(
        abi::Kind::DATASET,
        std::ptr::from_ref(Tables::<D>::TABLE).cast(),
    );
    let mut component = *component.table();
    component.extension = Some(extension::<D>);
    // SAFETY: the extension gives the table that the contract names, and the rest is as it was.
    unsafe { ExportedComponent::from_table(component) }
}

unsafe extern "C" fn extension<D: Dataset>(id: abi::Text) -> *const c_void {
    // SAFETY: the host lends the text for this call. Nothing here can panic.
    match unsafe { crate::enter::text("id of the ability", id) } {
        Ok(ability) => numbers::of_dataset::<D>(ability),
        Err(_) => std::ptr::null(),
    }
}

struct Tables<D>(D);

impl<D: Dataset> Tables<D> {
    const TABLE: &'static abi::DatasetTable = &abi::DatasetTable {
        size: size_of::<abi::DatasetTable>(),
        describe: Some(describe::<D>),
        labels: Some(labels::<D>),
        read: Some(read::<D>),
    };
}

/// A dataset with its description in the form of the ABI, which must live as long as the instance.
pub(crate) struct Instance<D> {
    dataset: D,
    described: OnceLock<Result<Described, Error>>,
}

struct Described {
    description: Description,
    /// These point into `description`, which is never changed.
    classes: Vec<abi::Text>,
    splits: Vec<abi::Split>,
}

impl<D> From<D> for Instance<D> {
    fn from(dataset: D) -> Self {
        Instance {
            dataset,
            described: OnceLock::new(),
        }
    }
}

impl<D: Dataset> Instance<D> {
    fn described(&self) -> Result<&Described, Error> {
        let described = self.described.get_or_init(|| {
            let description = self.dataset.description()?;
            let classes = description.classes.iter().map(|c| abi::Text::new(c));
            let classes = classes.collect();
            let split = |split: &Split| abi::Split {
                name: abi::Text::new(&split.name),
                len: split.len,
            };
            let splits = description.splits.iter().map(split).collect();
            Ok(Described {
                description,
                classes,
                splits,
            })
        });
        described.as_ref().map_err(Error::clone)
    }

    pub(crate) fn dataset(&self) -> &D {
        &self.dataset
    }

    /// How many classes, or columns of numbers, it has.
    pub(crate) fn classes(&self) -> Result<usize, Error> {
        Ok(self.described()?.classes.len())
    }

    pub(crate) fn split_len(&self, split: usize) -> Result<u64, Error> {
        let splits = &self.described()?.description.splits;
        splits.get(split).map(|split| split.len).ok_or_else(|| {
            Error::call(format!(
                "split {split}, expected less than {}",
                splits.len()
            ))
        })
    }
}

unsafe extern "C" fn describe<D: Dataset>(
    pointer: abi::Instance,
    description: *mut abi::DatasetDescription,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it; calls on datasets are shared.
        let instance = unsafe { instance::<Instance<D>>(pointer) }?;
        let described = instance.described()?;
        let [channels, height, width] = described.description.shape;
        let filled = abi::DatasetDescription {
            size: size_of::<abi::DatasetDescription>(),
            channels,
            height,
            width,
            element: D::Element::ELEMENT,
            abilities: abi::READS_IN_PARALLEL,
            classes: described.classes.as_ptr(),
            class_count: described.classes.len(),
            splits: described.splits.as_ptr(),
            split_count: described.splits.len(),
        };
        // SAFETY: the host lends the table for this call, to be written.
        unsafe { fill_host_table("description", description, &filled) }
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

unsafe extern "C" fn labels<D: Dataset>(
    pointer: abi::Instance,
    split: usize,
    out: *mut u32,
    capacity: usize,
    count: *mut usize,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it; calls on datasets are shared.
        let instance = unsafe { instance::<Instance<D>>(pointer) }?;
        instance.split_len(split)?;
        // SAFETY: the host lends both for this call.
        let (out, count) = unsafe {
            (
                slice_mut("labels", out, capacity)?,
                slice_mut("count of labels", count, 1)?,
            )
        };
        let labels = instance.dataset.labels(split)?;
        // A wrong number of labels is told to the host as it is; never more are written than it has room for.
        let written = labels.len().min(capacity);
        out[..written].copy_from_slice(&labels[..written]);
        count[0] = labels.len();
        Ok(())
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

unsafe extern "C" fn read<D: Dataset>(
    pointer: abi::Instance,
    split: usize,
    indices: *const u64,
    count: usize,
    samples: *mut c_void,
    bytes: usize,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it; calls on datasets are shared.
        let instance = unsafe { instance::<Instance<D>>(pointer) }?;
        let len = instance.split_len(split)?;
        // SAFETY: the host lends the indices for this call.
        let indices = unsafe { slice("indices", indices, count) }?;
        if let Some(index) = indices.iter().find(|&&index| index >= len) {
            return Err(Error::call(format!(
                "sample {index}, expected less than {len}"
            )));
        }
        let pixels: usize = instance.described()?.description.shape.iter().product();
        let elements = bytes / size_of::<D::Element>();
        if Some(elements) != count.checked_mul(pixels) {
            return Err(Error::call(format!(
                "room for {elements} numbers, expected {count} × {pixels}"
            )));
        }
        // SAFETY: the host lends this initialised place for this call.
        let samples = unsafe { slice_mut("samples", samples.cast::<D::Element>(), elements) }?;
        instance.dataset.read(split, indices, samples)
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

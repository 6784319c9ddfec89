//! Datasets: labelled images in named splits.

use crate::{Instance, Sink, Status, Text};
use core::ffi::c_void;

/// The functions of a dataset. The host filters classes, draws subsets, shuffles and normalises; a dataset only reads.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DatasetTable {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// Fills `*description`, whose `size` the host has set: the plugin writes no field beyond it. Quick where it can be. A dataset
    /// that must look at all its files to know which can be read may take long the first time: then it reports progress,
    /// keeps what it found in the cache folder, and describes what it knows by then once the host wishes to stop.
    /// What it says never changes during the life of the instance, and the pointers in it stay valid as long.
    pub describe: Option<
        unsafe extern "C" fn(
            instance: Instance,
            description: *mut DatasetDescription,
            error: *const Sink,
        ) -> Status,
    >,
    /// Writes the labels of a split, in its order, to `labels`, which has room for `capacity` of them (the split's length),
    /// and sets `*count` to how many the split has. No label reaches the number of classes. With [`READS_IN_PARALLEL`],
    /// calls may overlap with others on the same instance.
    pub labels: Option<
        unsafe extern "C" fn(
            instance: Instance,
            split: usize,
            labels: *mut u32,
            capacity: usize,
            count: *mut usize,
            error: *const Sink,
        ) -> Status,
    >,
    /// Writes the samples with the given `count` indices (each below the split's length; any order, repeats allowed) one after
    /// the other to `samples`: `count` × channels × height × width elements, `bytes` bytes, aligned for the element type
    /// and holding some valid number already.
    /// With [`READS_IN_PARALLEL`], calls may overlap with others on the same instance.
    pub read: Option<
        unsafe extern "C" fn(
            instance: Instance,
            split: usize,
            indices: *const u64,
            count: usize,
            samples: *mut c_void,
            bytes: usize,
            error: *const Sink,
        ) -> Status,
    >,
}

/// What a dataset holds.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DatasetDescription {
    /// The bytes of this table the host has room for, set by the host.
    pub size: usize,
    /// Channels of every sample.
    pub channels: usize,
    /// Rows of every sample, in pixels.
    pub height: usize,
    /// Columns of every sample, in pixels.
    pub width: usize,
    /// The type of one number of a sample.
    pub element: Element,
    /// Bits that say what the dataset can do: [`READS_IN_PARALLEL`]. Other bits are 0.
    pub abilities: u32,
    /// `class_count` names, unique; a label is a position in this list.
    pub classes: *const Text,
    /// The number of classes, at least 1.
    pub class_count: usize,
    /// `split_count` splits with unique names. `train` and `test` are the names that experiments use.
    pub splits: *const Split,
    /// The number of splits, at least 1.
    pub split_count: usize,
}

/// One split of a dataset.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Split {
    /// Its name.
    pub name: Text,
    /// Its number of samples.
    pub len: u64,
}

/// The type of one number of a sample.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element(pub u32);

impl Element {
    /// One byte, 0 to 255; the host divides it by 255.
    pub const U8: Element = Element(1);
    /// A finite 32-bit float, used as it is.
    pub const F32: Element = Element(2);
}

/// Ability of a dataset: `labels` and `read` may be called on one instance from several threads at once.
pub const READS_IN_PARALLEL: u32 = 1;

//! Datasets as the rest of topwork sees them.

mod images;
mod numbers;
mod provenance;

pub(crate) use images::handed_out;

use crate::HostError;
use crate::call::Instance;
use crate::library::Opened;
use crate::text::{clean, read_text};
use serde_json::Value;
use std::sync::Arc;
use topwork_abi as abi;
use topwork_measure::TargetKind;

/// Counts above these are taken for garbage.
const MOST_CLASSES: usize = 100_000;
const MOST_SPLITS: usize = 64;
const MOST_SAMPLES: u64 = 1 << 31;
pub(crate) const MOST_PIXELS: usize = 1 << 28;

/// The longest name of a class or split, in bytes.
const LONGEST_NAME: usize = 256;

/// Samples read from the plugin at once, so that the bytes before their conversion stay in the processor's cache.
const BLOCK: usize = 256;

/// An instance of a dataset. Any number of threads may read; where the plugin cannot read in parallel, they take turns.
pub struct Dataset {
    instance: Instance,
    table: abi::DatasetTable,
    info: DatasetInfo,
    parallel: bool,
    images: images::Images,
}

/// What a dataset holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetInfo {
    /// The names of the classes, all different; a label is a position in this list. Of numbers the names of their columns.
    pub classes: Vec<String>,
    /// Whether samples have classes or numbers.
    pub targets: TargetKind,
    /// Channels, height and width of every sample.
    pub shape: [usize; 3],
    /// The type the samples are stored in.
    pub pixel: Pixel,
    /// The splits, with different names.
    pub splits: Vec<Split>,
}

/// A split of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Its name, such as `train`.
    pub name: String,
    /// Its number of samples.
    pub len: u64,
}

/// The type samples are stored in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pixel {
    /// Bytes, which become 0 to 1 on reading.
    U8,
    /// Floats, used as they are.
    F32,
}

impl Dataset {
    pub(crate) fn create(
        plugin: &Arc<Opened>,
        component: usize,
        parameters: &Value,
    ) -> Result<Dataset, HostError> {
        let instance = Instance::create(plugin, component, parameters)?;
        // SAFETY: this is a component of the kind with this table.
        let table = unsafe { instance.table() }?;
        let (mut info, parallel) = describe(&instance, &table)?;
        info.targets = numbers::targets(&instance, info.classes.len())?;
        let images = images::Images::offered_by(&instance)?;
        Ok(Dataset {
            instance,
            table,
            info,
            parallel,
            images,
        })
    }

    /// What the dataset holds.
    pub fn describe(&self) -> &DatasetInfo {
        &self.info
    }

    /// The labels of a split, in its order; each is below the number of classes.
    pub fn labels(&self, split: &str) -> Result<Vec<u32>, HostError> {
        let call = format!("reading the labels of split \"{split}\"");
        let (index, len) = self.split(split, &call)?;
        let mut labels: Vec<u32> = Vec::new();
        labels.try_reserve_exact(len).map_err(|_| {
            self.instance
                .broken(&call, format!("there is no memory for {len} labels"))
        })?;
        // Positions that the plugin skips hold a number that cannot be a label.
        labels.resize(len, u32::MAX);
        let mut count = 0;
        self.call(&call, |instance, error| match self.table.labels {
            // SAFETY: `labels` has room for `len`, and all pointers live during the call.
            Some(function) => unsafe {
                function(
                    instance,
                    index,
                    labels.as_mut_ptr(),
                    len,
                    &raw mut count,
                    error,
                )
            },
            None => abi::Status::UNSUPPORTED,
        })?;
        if count != len {
            let problem = format!("{count} labels, expected {len}, one for each sample");
            return Err(self.instance.broken(&call, problem));
        }
        let classes = self.info.classes.len();
        let wrong = labels.iter().position(|&label| label as usize >= classes);
        if let Some(sample) = wrong {
            let problem = format!(
                "label {} of sample {sample}, expected less than {classes}, the number of classes",
                labels[sample]
            );
            return Err(self.instance.broken(&call, problem));
        }
        Ok(labels)
    }

    /// Reads the samples with these indices into `out`, one after the other: `indices.len()` × channels × height × width.
    /// Bytes become 0 to 1 (divided by 255); floats are finite.
    pub fn read(&self, split: &str, indices: &[u64], out: &mut [f32]) -> Result<(), HostError> {
        let call = format!("reading split \"{split}\"");
        let (split_index, _) = self.split(split, &call)?;
        let pixels: usize = self.info.shape.iter().product();
        if out.len() != indices.len() * pixels {
            let problem = format!(
                "room for {} numbers, expected {} × {pixels}",
                out.len(),
                indices.len()
            );
            return Err(self.instance.request(&call, problem));
        }
        self.check_indices(split, indices, &call)?;
        let mut bytes = match self.info.pixel {
            Pixel::U8 => vec![0_u8; indices.len().min(BLOCK) * pixels],
            Pixel::F32 => Vec::new(),
        };
        for (indices, out) in indices.chunks(BLOCK).zip(out.chunks_mut(BLOCK * pixels)) {
            match self.info.pixel {
                Pixel::U8 => {
                    let bytes = &mut bytes[..out.len()];
                    let start = bytes.as_mut_ptr();
                    self.read_block(&call, split_index, indices, start.cast(), bytes.len())?;
                    for (number, &byte) in out.iter_mut().zip(&*bytes) {
                        *number = f32::from(byte) / 255.0;
                    }
                }
                Pixel::F32 => {
                    // What the plugin does not write stays NaN and is found below.
                    out.fill(f32::NAN);
                    let start = out.as_mut_ptr();
                    self.read_block(&call, split_index, indices, start.cast(), size_of_val(out))?;
                    if let Some(position) = out.iter().position(|number| !number.is_finite()) {
                        let problem = format!(
                            "{} at position {} of sample {}, expected finite numbers",
                            out[position],
                            position % pixels,
                            indices[position / pixels]
                        );
                        return Err(self.instance.broken(&call, problem));
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether these are samples of a split.
    pub(crate) fn check_indices(
        &self,
        split: &str,
        indices: &[u64],
        call: &str,
    ) -> Result<(), HostError> {
        let (_, len) = self.split(split, call)?;
        match indices.iter().find(|&&index| index >= len as u64) {
            Some(index) => {
                let problem = format!("sample {index}, expected less than {len}");
                Err(self.instance.request(call, problem))
            }
            None => Ok(()),
        }
    }

    pub(crate) fn instance(&self) -> &Instance {
        &self.instance
    }

    fn read_block(
        &self,
        call: &str,
        split: usize,
        indices: &[u64],
        samples: *mut std::ffi::c_void,
        bytes: usize,
    ) -> Result<(), HostError> {
        self.call(call, |instance, error| match self.table.read {
            // SAFETY: `samples` has room for `bytes`, which is what these indices need, and all pointers live during the call.
            Some(function) => unsafe {
                function(
                    instance,
                    split,
                    indices.as_ptr(),
                    indices.len(),
                    samples,
                    bytes,
                    error,
                )
            },
            None => abi::Status::UNSUPPORTED,
        })
    }

    fn call(
        &self,
        call: &str,
        function: impl FnOnce(abi::Instance, *const abi::Sink) -> abi::Status,
    ) -> Result<(), HostError> {
        if self.parallel {
            self.instance.call_in_parallel(call, function)
        } else {
            self.instance.call(call, function)
        }
    }

    /// Position and length of a split.
    fn split(&self, name: &str, call: &str) -> Result<(usize, usize), HostError> {
        let found = self.info.splits.iter().position(|s| s.name == name);
        match found {
            Some(index) => Ok((index, self.info.splits[index].len as usize)),
            None => {
                let names: Vec<String> = self
                    .info
                    .splits
                    .iter()
                    .map(|split| format!("\"{}\"", split.name))
                    .collect();
                let problem = format!("there is no such split, expected {}", names.join(" or "));
                Err(self.instance.request(call, problem))
            }
        }
    }
}

/// Asks for the description and checks it.
fn describe(
    instance: &Instance,
    table: &abi::DatasetTable,
) -> Result<(DatasetInfo, bool), HostError> {
    let call = "describing itself";
    let mut description = abi::DatasetDescription {
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
    instance.call(call, |pointer, error| match table.describe {
        // SAFETY: the description lives during the call and says its own size.
        Some(function) => unsafe { function(pointer, &raw mut description, error) },
        None => abi::Status::UNSUPPORTED,
    })?;
    let info = check(&description).map_err(|problem| instance.broken(call, problem))?;
    let parallel = description.abilities & abi::READS_IN_PARALLEL != 0;
    Ok((info, parallel))
}

fn check(description: &abi::DatasetDescription) -> Result<DatasetInfo, String> {
    let shape = [description.channels, description.height, description.width];
    let pixels = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
    if !pixels.is_some_and(|pixels| (1..=MOST_PIXELS).contains(&pixels)) {
        return Err(format!(
            "samples of shape {shape:?}, expected 1 to {MOST_PIXELS} numbers in each"
        ));
    }
    let pixel = match description.element {
        abi::Element::U8 => Pixel::U8,
        abi::Element::F32 => Pixel::F32,
        abi::Element(number) => {
            return Err(format!(
                "samples of element type {number}, expected 1 (u8) or 2 (f32)"
            ));
        }
    };
    let classes = array(
        "classes",
        description.classes,
        description.class_count,
        MOST_CLASSES,
    )?
    .iter()
    .map(|&class| name(class).map_err(|problem| format!("a class name that {problem}")))
    .collect::<Result<Vec<String>, String>>()?;
    unique("class", classes.iter())?;
    let mut splits = Vec::new();
    for split in array(
        "splits",
        description.splits,
        description.split_count,
        MOST_SPLITS,
    )? {
        let name = name(split.name).map_err(|problem| format!("a split name that {problem}"))?;
        if split.len > MOST_SAMPLES {
            return Err(format!(
                "a split \"{name}\" of {} samples, expected at most {MOST_SAMPLES}",
                split.len
            ));
        }
        splits.push(Split {
            name,
            len: split.len,
        });
    }
    unique("split", splits.iter().map(|split| &split.name))?;
    Ok(DatasetInfo {
        classes,
        targets: TargetKind::Classes,
        shape,
        pixel,
        splits,
    })
}

/// An array of the plugin's, checked for its count and its pointer.
fn array<'a, T>(what: &str, data: *const T, count: usize, most: usize) -> Result<&'a [T], String> {
    if !(1..=most).contains(&count) {
        return Err(format!("{count} {what}, expected 1 to {most}"));
    }
    if data.is_null() || !data.is_aligned() {
        return Err(format!("{count} {what} at an address where none can be"));
    }
    // SAFETY: the contract says that `count` of them stand there for as long as the instance lives; they are copied at once.
    Ok(unsafe { std::slice::from_raw_parts(data, count) })
}

fn name(text: abi::Text) -> Result<String, String> {
    let name = clean(&read_text(text, LONGEST_NAME)?);
    if name.is_empty() {
        Err("is empty".to_owned())
    } else {
        Ok(name)
    }
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let mut seen = std::collections::HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!("two {what} names \"{name}\""));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE_CLASS: [abi::Text; 1] = [abi::Text::new("cat")];

    type Spoil = fn(&mut abi::DatasetDescription);

    /// The complaint about a sound description after `spoil` has had its way with it.
    fn complaint(spoil: Spoil) -> Option<String> {
        let splits = [abi::Split {
            name: abi::Text::new("train"),
            len: 10,
        }];
        let mut description = abi::DatasetDescription {
            size: size_of::<abi::DatasetDescription>(),
            channels: 1,
            height: 2,
            width: 3,
            element: abi::Element::U8,
            abilities: 0,
            classes: ONE_CLASS.as_ptr(),
            class_count: 1,
            splits: splits.as_ptr(),
            split_count: 1,
        };
        spoil(&mut description);
        check(&description).err()
    }

    #[test]
    fn descriptions_are_checked() {
        assert_eq!(complaint(|_| ()), None);
        let cases: &[(Spoil, &str)] = &[
            (
                |d| d.channels = 0,
                "samples of shape [0, 2, 3], expected 1 to 268435456 numbers in each",
            ),
            (
                |d| d.element = abi::Element(77),
                "samples of element type 77, expected 1 (u8) or 2 (f32)",
            ),
            (
                |d| d.splits = std::ptr::null(),
                "1 splits at an address where none can be",
            ),
            (
                |d| d.classes = std::ptr::without_provenance(1),
                "1 classes at an address where none can be",
            ),
            (|d| d.split_count = 65, "65 splits, expected 1 to 64"),
            (
                |d| d.class_count = usize::MAX,
                "18446744073709551615 classes, expected 1 to 100000",
            ),
            (
                |d| {
                    let split = abi::Split {
                        name: abi::Text::new("all"),
                        len: u64::MAX,
                    };
                    d.splits = &raw const *Box::leak(Box::new(split));
                },
                "a split \"all\" of 18446744073709551615 samples, expected at most 2147483648",
            ),
            (
                |d| {
                    let name = abi::Text::new("\u{1b}[1m \u{7}");
                    d.classes = &raw const *Box::leak(Box::new(name));
                },
                "a class name that is empty",
            ),
        ];
        for (spoil, expected) in cases {
            assert_eq!(complaint(*spoil).as_deref(), Some(*expected));
        }
    }
}

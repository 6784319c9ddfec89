//! PyTorch's two file formats: a pickle that describes tensors, and their numbers beside it.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::archive::{self, Entry};
use crate::pickle::{Pickle, TensorView, Value};
use crate::tensor::elements;
use crate::{Format, Key, Tensor, WeightsError};

/// The magic number 0x1950a86a20f9469cfc6c as a pickle of protocol 2, with which legacy files begin.
const MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// Bytes of the numbers by the keys of the storages.
type Storages = BTreeMap<String, Bytes>;

/// The tensors of a file, and the dictionaries they lie in.
type Found = (Vec<Tensor>, Vec<Key>);

pub(crate) fn is_legacy(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Five pickles, of which the first is a magic number, the second the version, the third about the
/// machine, the fourth what was saved, the fifth the keys of the storages; then for each key the number of
/// values in 8 bytes, and the values. Source: `_legacy_save` in `torch/serialization.py`.
pub(crate) fn read_legacy(bytes: &Bytes) -> Result<Found, WeightsError> {
    let format = Format::TorchLegacy;
    let mut at = MAGIC.len();
    let mut next = || {
        let (pickle, length) = Pickle::read(format, &bytes.slice(at..))?;
        at += length;
        Ok::<_, WeightsError>(pickle)
    };
    let (version, machine, saved, keys) = (next()?, next()?, next()?, next()?);
    if !matches!(version.root(), Value::Int(1001)) {
        return Err(unsupported(format, "its version is not 1001"));
    }
    let little_endian = match machine.root() {
        Value::Dict(about) => machine
            .entries(about)
            .any(|entry| matches!(entry, ("little_endian", Value::Bool(true)))),
        _ => false,
    };
    if !little_endian {
        return Err(unsupported(format, "its numbers are not little-endian"));
    }
    let Value::List(keys_in_order) = keys.root() else {
        return Err(damaged(format, "the keys of its storages are no list"));
    };
    let sizes = storage_sizes(&saved);
    let mut storages = Storages::new();
    for &key in keys_in_order {
        let Value::Text(key) = keys.value(key) else {
            return Err(damaged(format, "a key of a storage is no text"));
        };
        let too_early = || {
            damaged(
                format,
                &format!("it ends before the end of storage `{key}`"),
            )
        };
        let count = bytes[at..].first_chunk::<8>().ok_or_else(too_early)?;
        at += count.len();
        let size = sizes.get(key.as_str()).copied().unwrap_or(0);
        let length = usize::try_from(u64::from_le_bytes(*count)).ok();
        let length = length.and_then(|count| count.checked_mul(size));
        let end = length.and_then(|length| at.checked_add(length));
        let end = end
            .filter(|&end| end <= bytes.len())
            .ok_or_else(too_early)?;
        storages.insert(key.clone(), bytes.slice(at..end));
        at = end;
    }
    tensors(format, &saved, &storages)
}

/// Bytes of one value in each storage that a tensor uses.
fn storage_sizes(saved: &Pickle) -> BTreeMap<&str, usize> {
    let views = saved.values().filter_map(|value| match value {
        Value::Storage(storage) => Some(storage),
        _ => None,
    });
    views
        .filter_map(|storage| Some((saved.text(storage.key), storage.dtype.size()?)))
        .collect()
}

/// An archive `NAME/data.pkl`, `NAME/data/KEY` for each storage, and perhaps `NAME/byteorder`. Source: `_save`
/// in `torch/serialization.py`.
pub(crate) fn read_zip(bytes: &Bytes) -> Result<Found, WeightsError> {
    let format = Format::TorchZip;
    let entries = archive::read(bytes)?;
    let pickle = entries.iter().find_map(|entry| {
        let folder = entry.name.strip_suffix("data.pkl")?;
        let alone = folder.ends_with('/') && folder.matches('/').count() == 1;
        alone.then_some((folder, entry))
    });
    let Some((folder, pickle)) = pickle else {
        return Err(other_archive(&entries));
    };
    let mut storages = Storages::new();
    for entry in &entries {
        let Some(path) = entry.name.strip_prefix(folder) else {
            continue;
        };
        if path == "constants.pkl" || path.starts_with("code/") {
            return Err(WeightsError::NotWeights {
                what: "a TorchScript program, as `torch.jit.save` writes it",
                hint: "have PyTorch save its weights alone: `torch.save(torch.jit.load(FILE).state_dict(), \"weights.pth\")`",
            });
        }
        if path == "byteorder" && entry.contents()? != "little" {
            return Err(unsupported(format, "its numbers are not little-endian"));
        }
        if let Some(key) = path.strip_prefix("data/") {
            storages.insert(key.to_owned(), entry.contents()?);
        }
    }
    let (saved, _) = Pickle::read(format, &pickle.contents()?)?;
    tensors(format, &saved, &storages)
}

/// What an archive is that PyTorch's `torch.save` has not written.
fn other_archive(entries: &[Entry]) -> WeightsError {
    const WEIGHTS: [&str; 7] = ["pth", "pt", "bin", "ckpt", "safetensors", "onnx", "h5"];
    let named = |test: &dyn Fn(&str) -> bool| entries.iter().find(|entry| test(&entry.name));
    let ending = |name: &str| {
        name.rsplit_once('.')
            .map(|(_, ending)| ending.to_ascii_lowercase())
    };
    let exported = |name: &str| {
        name.ends_with("serialized_exported_program.json") || name.ends_with("archive_format")
    };
    if named(&exported).is_some() {
        return WeightsError::NotWeights {
            what: "a program of `torch.export` (.pt2)",
            hint: "have PyTorch save its weights alone: `torch.save(torch.export.load(FILE).state_dict, \"weights.pth\")`",
        };
    }
    if !entries.is_empty() && named(&|name| ending(name).as_deref() != Some("npy")).is_none() {
        return WeightsError::NotWeights {
            what: "an archive of NumPy's arrays (.npz)",
            hint: "write its arrays with `safetensors.numpy.save_file`",
        };
    }
    let weights =
        |name: &str| ending(name).is_some_and(|ending| WEIGHTS.contains(&ending.as_str()));
    if let Some(entry) = named(&weights) {
        return WeightsError::Packed {
            inside: entry.name.clone(),
        };
    }
    let first = entries
        .first()
        .map(|entry| format!(", beginning with `{}`", entry.name));
    unsupported(
        Format::TorchZip,
        &format!(
            "it is a ZIP archive without the `data.pkl` of PyTorch{}",
            first.unwrap_or_default()
        ),
    )
}

/// All tensors that can be reached from what was saved by keys and indices, named by the way to them: those of
/// `{"model": {"fc.bias": …}}` as `model.fc.bias`.
fn tensors(format: Format, saved: &Pickle, storages: &Storages) -> Result<Found, WeightsError> {
    let mut search = Search {
        saved,
        format,
        way: Vec::new(),
        looks: 0,
        found: Vec::new(),
        keys: Vec::new(),
    };
    search.look_into(saved.root_number(), "")?;
    let Search { found, keys, .. } = search;
    if found.is_empty() {
        let foreign = saved.values().find_map(|value| match value {
            Value::Foreign(name) => Some(name.clone()),
            _ => None,
        });
        return Err(match (foreign, saved.root()) {
            (Some(name), _) => WeightsError::Refused { name },
            (None, Value::Dict(dict)) => {
                let keys = saved
                    .entries(dict)
                    .map(|(key, _)| format!("`{key}`"))
                    .take(8);
                let keys: Vec<String> = keys.collect();
                let keys = match keys.is_empty() {
                    true => String::new(),
                    false => format!("; its keys are {}", keys.join(", ")),
                };
                unsupported(format, &format!("it holds no dictionary of tensors{keys}"))
            }
            _ => unsupported(format, "it holds no dictionary of tensors"),
        });
    }
    let tensors = found
        .into_iter()
        .map(|(name, view)| tensor(format, &name, view, saved.text(view.storage.key), storages));
    Ok((tensors.collect::<Result<_, _>>()?, keys))
}

/// A search for tensors in dictionaries and lists within each other. One that is saved under two keys is found under
/// both.
struct Search<'a> {
    saved: &'a Pickle,
    format: Format,
    /// The values looked into at the moment, each within the one before.
    way: Vec<usize>,
    /// How many entries of dictionaries and lists were looked at.
    looks: usize,
    found: Vec<(String, &'a TensorView)>,
    /// The dictionaries and lists with tensors of their own.
    keys: Vec<Key>,
}

impl<'a> Search<'a> {
    fn look_into(&mut self, number: usize, prefix: &str) -> Result<(), WeightsError> {
        /// Deeper than any program nests its checkpoints.
        const DEEPEST: usize = 16;
        /// More than any has, optimizer and all. A few that hold each other can stand for endlessly many.
        const MOST: usize = 1 << 20;
        let saved = self.saved;
        let entries: Vec<(String, usize)> = match saved.value(number) {
            Value::Dict(entries) => (entries.iter())
                .filter_map(|&(key, value)| match saved.value(key) {
                    Value::Text(key) => Some((key.clone(), value)),
                    Value::Int(key) => Some((key.to_string(), value)),
                    _ => None,
                })
                .collect(),
            Value::List(items) | Value::Tuple(items) => {
                let items = items.iter().enumerate();
                items
                    .map(|(index, &item)| (index.to_string(), item))
                    .collect()
            }
            _ => return Ok(()),
        };
        if self.way.len() > DEEPEST || self.way.contains(&number) {
            return Ok(());
        }
        self.looks += 1 + entries.len();
        if self.looks > MOST {
            let problem = format!("its dictionaries and lists have more than {MOST} entries");
            return Err(unsupported(self.format, &problem));
        }
        self.way.push(number);
        let before = self.found.len();
        for (key, value) in &entries {
            if let Value::Tensor(view) = saved.value(*value) {
                self.found.push((format!("{prefix}{key}"), view));
            }
        }
        let tensors = self.found.len() - before;
        if tensors > 0 {
            let prefix = prefix.to_owned();
            self.keys.push(Key { prefix, tensors });
        }
        for (key, value) in entries {
            self.look_into(value, &format!("{prefix}{key}."))?;
        }
        self.way.pop();
        Ok(())
    }
}

fn tensor(
    format: Format,
    name: &str,
    view: &TensorView,
    key: &str,
    storages: &Storages,
) -> Result<Tensor, WeightsError> {
    let wrong = |problem: String| damaged(format, &format!("tensor `{name}`: {problem}"));
    let TensorView {
        storage,
        first,
        shape,
        strides,
    } = view;
    let data = storages
        .get(key)
        .ok_or_else(|| wrong(format!("there is no storage `{key}`")))?;
    let size = storage.dtype.size().unwrap_or(1);
    if storage.count.checked_mul(size) != Some(data.len()) {
        let (found, count) = (data.len(), storage.count);
        return Err(wrong(format!(
            "its storage has {found} bytes, expected {count} values of {size}"
        )));
    }
    // A tensor that repeats values, as `expand` makes them, is no weight of anything.
    let count = elements(shape).filter(|&count| count <= storage.count);
    let last = (shape.iter().zip(strides)).try_fold(*first, |last, (dim, stride)| {
        last.checked_add(dim.saturating_sub(1).checked_mul(*stride)?)
    });
    match (count, last) {
        (Some(0), _) => {}
        (Some(_), Some(last)) if last < storage.count => {}
        _ => return Err(wrong("it does not lie within its storage".to_owned())),
    }
    let count = count.unwrap_or(0);
    let mut distance = count;
    let contiguous = shape.iter().zip(strides).all(|(&dim, &stride)| {
        distance = distance.checked_div(dim).unwrap_or(0);
        dim <= 1 || stride == distance
    });
    let (data, strides) = match contiguous && count > 0 {
        true => (data.slice(first * size..(first + count) * size), None),
        false => (data.clone(), Some((*first, strides.clone()))),
    };
    Ok(Tensor {
        name: name.to_owned(),
        shape: shape.clone(),
        dtype: storage.dtype.clone(),
        data,
        strides,
    })
}

fn damaged(format: Format, problem: &str) -> WeightsError {
    WeightsError::Damaged {
        format,
        problem: problem.to_owned(),
    }
}

fn unsupported(format: Format, problem: &str) -> WeightsError {
    WeightsError::Unsupported {
        format,
        problem: problem.to_owned(),
    }
}

//! A file of weights: which format it has, and the tensors in it.

use std::fmt;

use bytes::Bytes;
use safetensors::SafeTensors;

use crate::onnx::Graph;
use crate::tensor::check_length;
use crate::{Dtype, Key, Tensor, WeightsError, onnx, torch};

/// The formats that are read. A file is recognised by its beginning, never by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `torch.save` up to PyTorch 1.5: pickles one after another, then the numbers.
    TorchLegacy,
    /// `torch.save` since PyTorch 1.6: a ZIP archive with a pickle and a file for each storage.
    TorchZip,
    /// <https://github.com/huggingface/safetensors>
    SafeTensors,
    /// <https://onnx.ai>
    Onnx,
}

impl Format {
    /// The format of a file that begins with these bytes.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        recognise(bytes)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TorchLegacy => "PyTorch (before 1.6)",
            Self::TorchZip => "PyTorch",
            Self::SafeTensors => "safetensors",
            Self::Onnx => "ONNX",
        })
    }
}

/// The named tensors of a file.
#[derive(Clone, Debug)]
pub struct WeightsFile {
    format: Format,
    tensors: Vec<Tensor>,
    keys: Vec<Key>,
    graph: Option<Graph>,
}

impl WeightsFile {
    /// Reads a file of any format. The values stay where they are: the tensors share `bytes`.
    ///
    /// # Errors
    /// When the format is not known, the file is damaged, or it uses what is not read.
    pub fn read(bytes: impl Into<Bytes>) -> Result<Self, WeightsError> {
        let bytes = bytes.into();
        let format = recognise(&bytes).ok_or_else(|| unknown(&bytes))?;
        let mut graph = None;
        let (tensors, keys) = match format {
            Format::TorchLegacy => torch::read_legacy(&bytes)?,
            Format::TorchZip => torch::read_zip(&bytes)?,
            Format::SafeTensors => (read_safetensors(&bytes)?, Vec::new()),
            Format::Onnx => {
                let tensors;
                (tensors, graph) = onnx::read(bytes)?;
                (tensors, Vec::new())
            }
        };
        Ok(Self {
            format,
            tensors,
            keys,
            graph,
        })
    }

    /// What it was recognised as.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The tensors in the file's order.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The dictionaries of a checkpoint that hold tensors.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// What an ONNX file tells beyond names.
    pub(crate) fn graph(&self) -> Option<&Graph> {
        self.graph.as_ref()
    }
}

fn recognise(bytes: &[u8]) -> Option<Format> {
    if bytes.starts_with(b"PK\x03\x04") {
        return Some(Format::TorchZip);
    }
    if torch::is_legacy(bytes) {
        return Some(Format::TorchLegacy);
    }
    if let Some((length, rest)) = bytes.split_first_chunk::<8>()
        && rest.first() == Some(&b'{')
        && u64::from_le_bytes(*length) <= rest.len() as u64
    {
        return Some(Format::SafeTensors);
    }
    onnx::looks_like_one(bytes).then_some(Format::Onnx)
}

/// What a file is that holds no weights in any known way.
fn unknown(bytes: &[u8]) -> WeightsError {
    let index = b"\"weight_map\"";
    if bytes.starts_with(b"{") && bytes.windows(index.len()).any(|window| window == index) {
        return WeightsError::NotWeights {
            what: "an index of weights that lie in several files",
            hint: IN_ONE_FILE,
        };
    }
    WeightsError::UnknownFormat {
        kind: topwork_sniff::kind(bytes),
        begins: match bytes.len() {
            0 => None,
            length => Some(bytes[..length.min(16)].escape_ascii().to_string()),
        },
    }
}

/// The way out for weights in several files.
pub(crate) const IN_ONE_FILE: &str = "have them saved as one: `model.save_pretrained(FOLDER, max_shard_size=\"100GB\")`, or put together what `safetensors.torch.load_file` gives for each of them, and `save_file` that";

/// Which part of how many a file is by its name, as in `model-00001-of-00003.safetensors`.
pub fn part_by_name(name: &str) -> Option<(u32, u32)> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let (before, parts) = stem.rsplit_once("-of-")?;
    let (_, part) = before.rsplit_once('-')?;
    let number = |digits: &str| {
        let all_digits = digits.len() >= 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u32>().ok().filter(|_| all_digits)
    };
    let (part, parts) = (number(part)?, number(parts)?);
    (parts > 1 && part <= parts).then_some((part, parts))
}

fn read_safetensors(bytes: &Bytes) -> Result<Vec<Tensor>, WeightsError> {
    let format = Format::SafeTensors;
    let damaged = |error: safetensors::SafeTensorError| WeightsError::Damaged {
        format,
        problem: error.to_string(),
    };
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let mut tensors = Vec::new();
    // In the order of the file: the library gives them in another one every time.
    let mut views: Vec<_> = file.iter().collect();
    views.sort_by_key(|(name, view)| (view.data().as_ptr() as usize, *name));
    for (name, view) in views {
        let dtype = match view.dtype() {
            safetensors::Dtype::F64 => Dtype::F64,
            safetensors::Dtype::F32 => Dtype::F32,
            safetensors::Dtype::F16 => Dtype::F16,
            safetensors::Dtype::BF16 => Dtype::Bf16,
            safetensors::Dtype::I64 => Dtype::I64,
            safetensors::Dtype::I32 => Dtype::I32,
            safetensors::Dtype::I16 => Dtype::I16,
            safetensors::Dtype::I8 => Dtype::I8,
            safetensors::Dtype::U8 => Dtype::U8,
            safetensors::Dtype::BOOL => Dtype::Bool,
            other => Dtype::Other(format!("{other:?}")),
        };
        let data = bytes.slice_ref(view.data());
        check_length(format, name, view.shape(), &dtype, &data)?;
        tensors.push(Tensor {
            name: name.to_owned(),
            shape: view.shape().to_vec(),
            dtype,
            data,
            strides: None,
        });
    }
    Ok(tensors)
}

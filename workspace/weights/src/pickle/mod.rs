//! Just enough of Python's pickle format to read a dictionary of tensors.
//!
//! A pickle is a program for a small stack machine (CPython's `Lib/pickletools.py` describes every
//! opcode). Here it builds plain values and nothing else: the few names that PyTorch's own files ask for
//! stand for fixed values, and so does nothing else. What training programs keep beside the weights (arguments,
//! scores as NumPy numbers) is passed over, a call of anything that could act is refused by its name, and so is
//! every opcode that weights do without.
//! Values refer to others by number, so that neither cycles nor deep nesting can do harm.

mod machine;

use bytes::Bytes;

use crate::{Dtype, Format, WeightsError};

/// The value of a pickle, and all values it refers to.
#[derive(Debug)]
pub(crate) struct Pickle {
    values: Vec<Value>,
    root: usize,
}

/// One value. Others are referred to by their number.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Text(String),
    Tuple(Vec<usize>),
    List(Vec<usize>),
    Dict(Vec<(usize, usize)>),
    Name(Name),
    Storage(Storage),
    Tensor(TensorView),
    /// Something of Python that is not known here, or made from it, by its name. It is never used.
    Foreign(String),
    /// A number too large, a floating-point number, bytes: may occur, is never used.
    Other,
}

/// What a pickle may ask Python for.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Dtype),
}

/// Numbers that lie outside the pickle.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    /// The number of the text that names it.
    pub(crate) key: usize,
    pub(crate) dtype: Dtype,
    pub(crate) count: usize,
}

/// A tensor over a storage.
#[derive(Clone, Debug)]
pub(crate) struct TensorView {
    pub(crate) storage: Storage,
    pub(crate) first: usize,
    pub(crate) shape: Vec<usize>,
    pub(crate) strides: Vec<usize>,
}

impl Name {
    fn find(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                Self::RebuildParameter
            }
            ("torch", "DoubleStorage") => Self::Storage(Dtype::F64),
            ("torch", "FloatStorage") => Self::Storage(Dtype::F32),
            ("torch", "HalfStorage") => Self::Storage(Dtype::F16),
            ("torch", "BFloat16Storage") => Self::Storage(Dtype::Bf16),
            ("torch", "LongStorage") => Self::Storage(Dtype::I64),
            ("torch", "IntStorage") => Self::Storage(Dtype::I32),
            ("torch", "ShortStorage") => Self::Storage(Dtype::I16),
            ("torch", "CharStorage") => Self::Storage(Dtype::I8),
            ("torch", "ByteStorage") => Self::Storage(Dtype::U8),
            ("torch", "BoolStorage") => Self::Storage(Dtype::Bool),
            _ => return None,
        })
    }
}

/// Whether calling it makes a plain value and nothing else, as people keep them beside weights. Nothing is called
/// either way; but a file that would have Python do more is not to be trusted.
fn makes_a_value(name: &str) -> bool {
    const MODULES: [&str; 7] = [
        "numpy",
        "pathlib",
        "collections",
        "datetime",
        "argparse",
        "copyreg",
        "copy_reg",
    ];
    const BUILT_IN: [&str; 7] = [
        "set",
        "frozenset",
        "complex",
        "slice",
        "range",
        "bytearray",
        "object",
    ];
    let (module, own) = name.rsplit_once('.').unwrap_or(("", name));
    let package = module.split('.').next().unwrap_or_default();
    match module {
        "builtins" | "__builtin__" => BUILT_IN.contains(&own),
        "torch" => matches!(own, "device" | "Size"),
        "_codecs" => own == "encode",
        _ => MODULES.contains(&package),
    }
}

impl Pickle {
    /// Reads the pickle at the beginning of `bytes`, and tells where it ends.
    pub(crate) fn read(format: Format, bytes: &Bytes) -> Result<(Self, usize), WeightsError> {
        machine::run(format, bytes)
    }

    /// What the pickle stands for.
    pub(crate) fn root(&self) -> &Value {
        &self.values[self.root]
    }

    /// The number of what the pickle stands for.
    pub(crate) fn root_number(&self) -> usize {
        self.root
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        self.values.iter()
    }

    pub(crate) fn text(&self, number: usize) -> &str {
        match self.value(number) {
            Value::Text(text) => text,
            _ => "",
        }
    }

    pub(crate) fn value(&self, number: usize) -> &Value {
        &self.values[number]
    }

    /// The entries of a dictionary that have a text as their key.
    pub(crate) fn entries<'a>(
        &'a self,
        dict: &'a [(usize, usize)],
    ) -> impl Iterator<Item = (&'a str, &'a Value)> {
        dict.iter()
            .filter_map(|&(key, value)| match self.value(key) {
                Value::Text(key) => Some((key.as_str(), self.value(value))),
                _ => None,
            })
    }
}

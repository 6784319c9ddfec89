//! The ONNX format: its messages, the values of its tensors wherever they lie, and models made networks of topwork.
//!
//! Field numbers are those of <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>; what operators mean is said in
//! <https://github.com/onnx/onnx/blob/main/docs/Operators.md>.

mod error;
mod external;
mod import;
pub mod message;
mod tensor;
pub mod verbatim;

pub use error::OnnxError;
pub use external::{Beside, DataFile, DataFileError, Folder, Nowhere};
pub use import::{ImportError, Imported, NamedArray, Obstacle, Obstacles, Wanted, import};
pub use tensor::{Array, Element, Numbers};

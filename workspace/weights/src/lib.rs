//! Weights that other programs have written: PyTorch's two formats, safetensors, ONNX. A file is read into
//! named tensors, which are then fitted to a network.
//!
//! This crate must not know plugins, experiments or the terminal, and it opens no files: bytes come in,
//! bytes go out. Nothing in a file is ever executed, and hostile bytes end in an error.
//!
//! ```
//! # fn example(bytes: Vec<u8>, blueprint: &str) -> Result<(), topwork_weights::WeightsError> {
//! let file = topwork_weights::WeightsFile::read(bytes)?;
//! let imported = topwork_weights::import(&file, blueprint, None)?;
//! println!("{} of {} tensors taken", imported.taken, file.tensors().len());
//! # Ok(())
//! # }
//! ```

mod archive;
mod error;
mod file;
mod import;
mod onnx;
mod pickle;
mod tensor;
mod torch;

pub use error::WeightsError;
pub use file::{Format, WeightsFile, part_by_name};
pub use import::{Imported, Key, Match, import};
pub use tensor::{Dtype, Tensor};

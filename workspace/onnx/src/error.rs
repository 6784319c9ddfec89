//! What can be wrong with a model file.

use thiserror::Error;

/// A model file that cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum OnnxError {
    /// The bytes are no model.
    #[error("is no model in the ONNX format: {0}")]
    Damaged(String),
    /// A tensor does not hold what it says.
    #[error("tensor `{name}` {problem}")]
    Tensor {
        /// Its name in the file.
        name: String,
        /// Completes the sentence that the name begins.
        problem: String,
    },
    /// Values lie in another file, which cannot be read.
    #[error("the values of `{name}` lie in `{file}`, {problem}")]
    External {
        /// The tensor's name.
        name: String,
        /// The file as the model names it.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The model asks for what no image of the experiment can be.
    #[error("{0}")]
    Input(String),
}

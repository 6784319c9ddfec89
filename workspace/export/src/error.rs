//! Why a model could not be exported.

/// Why a model could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The parts do not fit each other.
    #[error("{0}")]
    Parts(String),
    /// A layer has no form in ONNX here.
    #[error("layer `{name}` ({op}) cannot be written in ONNX")]
    Layer {
        /// The layer's name.
        name: String,
        /// Its kind.
        op: &'static str,
    },
    /// A layer has no counterpart in the operator set of the file that is extended.
    #[error("{op} needs operator set {needs} of ONNX, and the model file has {found}")]
    OperatorSet {
        /// The operator of ONNX.
        op: &'static str,
        /// The first version that has it in this form.
        needs: i64,
        /// The version of the file.
        found: i64,
    },
    /// The file to extend is not what was said of it.
    #[error("the trunk's model file {0}")]
    File(String),
    /// One file of the format holds 2 GiB at most.
    #[error(
        "the model has {bytes} bytes, expected at most {} in one ONNX file",
        i32::MAX
    )]
    TooLarge {
        /// How many it has.
        bytes: usize,
    },
    /// The arrays cannot be written.
    #[error("cannot write the weights: {0}")]
    Tensors(#[from] topwork_tensors::TensorsError),
}

impl ExportError {
    /// What may help.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OperatorSet { .. } => {
                Some("convert the model file to a newer operator set: onnx.version_converter does")
            }
            Self::TooLarge { .. } => Some(
                "cut earlier, or choose a head that keeps fewer numbers than the training features",
            ),
            Self::Parts(_) | Self::File(_) | Self::Layer { .. } | Self::Tensors(_) => None,
        }
    }
}

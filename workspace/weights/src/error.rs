//! What can be wrong with a file of weights.

use topwork_engine::{BlueprintError, EngineError};

use crate::Format;

/// Why weights could not be read or do not fit. [`WeightsError::hint`] tells the way out where one is known.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// Bytes of no format that is known.
    #[error("the file is none of PyTorch's, safetensors or ONNX")]
    UnknownFormat,
    /// The file breaks the rules of its format.
    #[error("the file is damaged as {format}: {problem}")]
    Damaged {
        /// What it begins like.
        format: Format,
        /// What is wrong, and where.
        problem: String,
    },
    /// The file is sound, but uses something that this program does not read.
    #[error("the file cannot be read as {format}: {problem}")]
    Unsupported {
        /// Its format.
        format: Format,
        /// What it uses.
        problem: String,
    },
    /// A pickle asks Python for something that weights do not need.
    #[error("the file asks Python for `{name}`, which is refused")]
    Refused {
        /// Module and name.
        name: String,
    },
    /// The layers of an ONNX graph are not those of the network.
    #[error("the graph does not fit the network: {problem}")]
    Graph {
        /// Which layer and node, and what differs.
        problem: String,
    },
    /// The network itself is wrong.
    #[error(transparent)]
    Blueprint(#[from] BlueprintError),
    /// The weights are not those of the network.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl WeightsError {
    /// What would put it right, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Refused { .. } => Some(
                "have PyTorch save the weights alone: `torch.save(model.state_dict(), \"weights.pth\")`",
            ),
            Self::Engine(EngineError::Weights { .. }) => Some(
                "`topwork weights list FILE` shows all tensors; a plugin names what its layers are called elsewhere",
            ),
            _ => None,
        }
    }
}

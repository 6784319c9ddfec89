//! What can be wrong with a file of weights.

use topwork_engine::{BlueprintError, EngineError};

use crate::file::IN_ONE_FILE;
use crate::{Format, Key};

/// Why weights could not be read or do not fit. [`WeightsError::hint`] tells the way out where one is known.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// Bytes of no format that is known.
    #[error("the file is none of PyTorch's, safetensors or ONNX: {}", described(*kind, begins.as_deref()))]
    UnknownFormat {
        /// What it is, where that can be told.
        kind: Option<topwork_sniff::Kind>,
        /// Its first bytes as text; nothing where it is empty.
        begins: Option<String>,
    },
    /// Something that people take for weights.
    #[error("the file is {what}, expected a dictionary of tensors")]
    NotWeights {
        /// What it is.
        what: &'static str,
        /// The way out.
        hint: &'static str,
    },
    /// An archive with a file of weights in it.
    #[error("the file is an archive that holds `{inside}`, expected the weights themselves")]
    Packed {
        /// The first file of weights in it.
        inside: String,
    },
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
    /// Several parts of the file hold weights that fit.
    #[error("the weights under {} all fit, expected one choice", named(fitting))]
    Several {
        /// What their names begin with.
        fitting: Vec<Key>,
    },
    /// No tensor has a name that begins as asked.
    #[error("no tensor has a name that begins with `{prefix}`")]
    NoPrefix {
        /// What was asked for.
        prefix: String,
        /// What there is.
        known: Vec<Key>,
    },
    /// The tensors are not those of the network.
    #[error("{}{problem}", among(prefix))]
    Misfit {
        /// What the names begin with of the tensors that come nearest; empty for all of them.
        prefix: String,
        /// Every weight that is missing, unexpected or of another shape or type.
        problem: Box<EngineError>,
        /// The dictionaries of a checkpoint that hold tensors.
        known: Vec<Key>,
    },
    /// Numbers that no trained network has.
    #[error("some weights are of no use:\n  {}", problems.join("\n  "))]
    Values {
        /// The tensors, what is wrong with them, and where.
        problems: Vec<String>,
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
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Refused { .. } => {
                "have PyTorch save the weights alone: `torch.save(model.state_dict(), \"weights.pth\")`"
            }
            Self::NotWeights { hint, .. } => hint,
            Self::Packed { .. } => "unpack it first",
            Self::UnknownFormat { kind, .. } => {
                return kind.and_then(|kind| kind.hint()).map(str::to_owned);
            }
            Self::Several { fitting } => {
                let first = fitting.first().map_or("", |key| &key.prefix);
                return Some(format!(
                    "`--prefix` chooses, for example `--prefix {first}`"
                ));
            }
            Self::NoPrefix { known, .. } if !known.is_empty() => {
                return Some(format!("the file has tensors under {}", named(known)));
            }
            Self::Misfit { known, .. } if known.len() > 1 => {
                return Some(format!(
                    "the file has tensors under {}; `--prefix` chooses among them",
                    named(known)
                ));
            }
            Self::Misfit { .. } => {
                "`topwork weights list FILE` shows all tensors; a plugin names what its layers are called elsewhere"
            }
            Self::Values { .. } => {
                "the training that they come from has diverged: take an earlier checkpoint"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// The way out for a file that is one part of several by its name.
    pub fn hint_for_parts() -> &'static str {
        IN_ONE_FILE
    }
}

fn described(kind: Option<topwork_sniff::Kind>, begins: Option<&str>) -> String {
    match (kind, begins) {
        (_, None) => "it is empty".to_owned(),
        (Some(topwork_sniff::Kind::Text) | None, Some(begins)) => {
            format!("it begins with `{begins}`")
        }
        (Some(kind), _) => format!("it is {kind}"),
    }
}

fn among(prefix: &str) -> String {
    match prefix {
        "" => String::new(),
        prefix => format!("of the tensors under `{prefix}`, "),
    }
}

/// The keys with the most tensors, in the file's order.
fn named(keys: &[Key]) -> String {
    const MOST: usize = 8;
    let mut counts: Vec<usize> = keys.iter().map(|key| key.tensors).collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let least = counts.get(MOST - 1).copied().unwrap_or(0);
    let told = keys.iter().filter(|key| key.tensors >= least).take(MOST);
    let told: Vec<String> = told
        .map(|Key { prefix, tensors }| match prefix.as_str() {
            "" => format!("no key ({tensors})"),
            prefix => format!("`{prefix}` ({tensors})"),
        })
        .collect();
    match keys.len() - told.len() {
        0 => told.join(", "),
        rest => format!("{} and {rest} more", told.join(", ")),
    }
}

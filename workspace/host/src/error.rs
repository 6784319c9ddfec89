//! The one error of this crate: what was asked of which plugin, and how it ended.

use crate::Kind;
use thiserror::Error;

/// Whose turn it is to put something right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The user's: a component that does not exist, or parameters or shapes that it does not take.
    Parameters,
    /// The plugin author's: the plugin failed, panicked or gave back something wrong.
    Plugin,
    /// Whoever keeps the data: it is missing, altered or unreadable.
    Data,
    /// Nobody's: the user asked to stop.
    Stopped,
}

/// Why a component could not be had or used.
#[derive(Debug, Error)]
pub enum HostError {
    /// No plugin offers such a component.
    #[error("there is no {} `{name}`{}", one_of(.kinds), known(.choices))]
    Unknown {
        /// The kinds looked for.
        kinds: Vec<Kind>,
        /// The name as the user wrote it.
        name: String,
        /// The names that would have been right.
        choices: Vec<String>,
        /// The nearest of them, or what else may help.
        hint: Option<String>,
    },
    /// Several plugins offer such a component.
    #[error("several plugins offer a {} `{name}`: {}", one_of(.kinds), quoted(.choices))]
    Ambiguous {
        /// The kinds looked for.
        kinds: Vec<Kind>,
        /// The name as the user wrote it.
        name: String,
        /// The full names to choose from.
        choices: Vec<String>,
        /// How to choose.
        hint: Option<String>,
    },
    /// The caller asked for something that this component cannot be asked for.
    #[error("plugin \"{plugin}\" cannot be asked for this while {call}: {problem}")]
    Request {
        /// The plugin's id.
        plugin: String,
        /// What was to be done.
        call: String,
        /// What is wrong with it.
        problem: String,
        /// What would be right.
        hint: Option<String>,
    },
    /// The plugin itself said that it did not succeed.
    #[error("plugin \"{plugin}\" {ending} while {call}{}", after_colon(.text))]
    Call {
        /// The plugin's id.
        plugin: String,
        /// What it was doing.
        call: String,
        /// How the call ended.
        ending: Ending,
        /// The plugin's own message; may be empty.
        text: String,
        /// The plugin's own hint.
        hint: Option<String>,
    },
    /// The plugin said that it succeeded, but what it gave back breaks the contract.
    #[error("plugin \"{plugin}\" gave back something wrong while {call}: {problem}")]
    Broken {
        /// The plugin's id.
        plugin: String,
        /// What it was doing.
        call: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl HostError {
    /// Whose turn it is to put something right; the exit code follows from it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            HostError::Unknown { .. } | HostError::Ambiguous { .. } | HostError::Request { .. } => {
                ErrorKind::Parameters
            }
            HostError::Broken { .. } => ErrorKind::Plugin,
            HostError::Call { ending, .. } => match ending {
                Ending::BadParameters => ErrorKind::Parameters,
                Ending::BadData => ErrorKind::Data,
                Ending::Stopped => ErrorKind::Stopped,
                Ending::Failed | Ending::Panicked | Ending::Unsupported | Ending::BadCall => {
                    ErrorKind::Plugin
                }
            },
        }
    }

    /// What may help, apart from the message.
    pub fn hint(&self) -> Option<&str> {
        match self {
            HostError::Unknown { hint, .. }
            | HostError::Ambiguous { hint, .. }
            | HostError::Request { hint, .. }
            | HostError::Call { hint, .. } => hint.as_deref(),
            HostError::Broken { .. } => None,
        }
    }
}

/// How a call ended that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// For a reason that is none of the following.
    Failed,
    /// The component does not work with these parameters or shapes.
    BadParameters,
    /// Its data is missing, altered or unreadable.
    BadData,
    /// It was asked to stop.
    Stopped,
    /// A panic was caught at its edge.
    Panicked,
    /// It does not offer this.
    Unsupported,
    /// It says that the host broke the contract.
    BadCall,
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Ending::Failed => "failed",
            Ending::BadParameters => "rejected its input",
            Ending::BadData => "could not use its data",
            Ending::Stopped => "stopped as asked",
            Ending::Panicked => "panicked",
            Ending::Unsupported => "does not offer what was asked",
            Ending::BadCall => "was called wrongly",
        })
    }
}

fn one_of(kinds: &[Kind]) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.words()).collect();
    names.join(" or ")
}

fn quoted(choices: &[String]) -> String {
    let quoted: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
    quoted.join(", ")
}

fn known(choices: &[String]) -> String {
    if choices.is_empty() {
        ", and no plugin offers any".to_owned()
    } else {
        let one_of = if choices.len() == 1 { "" } else { "one of " };
        format!(", expected {one_of}{}", quoted(choices))
    }
}

fn after_colon(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

//! What computes a model: rten, which is part of this plugin, or onnxruntime, a library of the user's.

mod onnxruntime;
mod provider;
mod rten;

use onnxruntime::Absence;
pub use provider::{Kind, Provider};
use serde::Deserialize;
use std::fmt;
use topwork_sdk::{Error, Host, Level};

/// The runtime that the experiment asks for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Wish {
    /// The engine of topwork where it has layers for the model, else onnxruntime where its library is found, else rten.
    Auto,
    /// The engine.
    Engine,
    /// rten.
    Rten,
    /// onnxruntime.
    OnnxRuntime,
}

/// A runtime that is there.
#[derive(Clone, Copy)]
pub enum Runtime {
    /// rten.
    Rten,
    /// onnxruntime, loaded, and what it computes with.
    OnnxRuntime(&'static onnxruntime::Library, Provider),
}

/// A model file for a runtime.
pub struct ModelFile<'n> {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The name of its input.
    pub input: &'n str,
    /// The shape of the input.
    pub shape: [usize; 4],
    /// The names of its outputs.
    pub outputs: &'n [&'n str],
    /// Whether it is made faster first. That takes its time, and tensors that are always the same can become one, which a model
    /// with all of them as outputs does not stand.
    pub optimise: bool,
}

/// A model that a runtime has read, with one output or more.
pub trait Network: Send + Sync {
    /// Something that computes it on one thread. What several of them have in common is in memory once, if the runtime can.
    fn lane(&self) -> Result<Box<dyn Lane>, Trouble>;
}

/// Computes a network on one thread, one sample after the other: so a sample's features are the same bits whatever samples
/// come with it and however many threads there are.
pub trait Lane: Send {
    /// Computes a batch and shows every output that is a tensor.
    fn run(&mut self, sample: &[f32], show: &mut Show<'_>) -> Result<(), Trouble>;
}

/// Takes the position of an output, its shape, and its numbers if they are 32-bit floating point ones.
pub type Show<'s> = dyn FnMut(usize, &[usize], Option<&[f32]>) + 's;

/// What a runtime says when it cannot do something.
#[derive(Clone, Debug)]
pub struct Trouble(String);

impl Trouble {
    /// What it says, on one line.
    pub fn new(reason: impl fmt::Display) -> Self {
        // Runtimes write sentences of several lines; a message has one.
        let text = reason.to_string();
        let words: Vec<&str> = text.split_whitespace().collect();
        Trouble(words.join(" ").trim_end_matches('.').to_owned())
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Runtime {
    /// The runtime asked for, or why it is not there.
    pub fn find(wish: Wish, provider: Provider, host: Host) -> Result<Runtime, Error> {
        if wish == Wish::Rten {
            return Ok(Runtime::Rten);
        }
        match onnxruntime::library() {
            Ok(library) => {
                provider.check(&library.named())?;
                Ok(Runtime::OnnxRuntime(library, provider))
            }
            // With the engine asked for, whoever computes features meanwhile is of no matter.
            Err(Absence::NotFound) if wish != Wish::OnnxRuntime => Ok(Runtime::Rten),
            Err(Absence::Unusable(reason)) if wish != Wish::OnnxRuntime => {
                let text = format!("rten computes the model, since onnxruntime cannot: {reason}");
                host.log(Level::Warning, &text);
                Ok(Runtime::Rten)
            }
            Err(absence) => Err(absence.error()),
        }
    }

    /// What identifies the runtime: its bits differ from another's.
    pub fn identity(self) -> String {
        match self {
            Runtime::Rten => self.named(),
            Runtime::OnnxRuntime(..) => format!("{} {}", self.named(), ort::info()),
        }
    }

    /// Whether an execution provider computes, which may find no device here.
    pub fn uses_provider(self) -> bool {
        matches!(self, Runtime::OnnxRuntime(_, provider) if !provider.is_cpu())
    }

    /// Whether several threads may compute at once.
    pub fn is_parallel(self) -> bool {
        match self {
            Runtime::Rten => true,
            Runtime::OnnxRuntime(_, provider) => provider.is_parallel(),
        }
    }

    /// Its name and version, and the provider if it has several, for people.
    pub fn named(self) -> String {
        match self {
            Runtime::Rten => format!("{self} {}", rten::VERSION),
            Runtime::OnnxRuntime(library, provider) if provider.is_cpu() => library.named(),
            Runtime::OnnxRuntime(library, provider) => format!("{} on {provider}", library.named()),
        }
    }

    /// Reads a model file.
    pub fn read(self, model: ModelFile<'_>) -> Result<Box<dyn Network>, Trouble> {
        Ok(match self {
            Runtime::Rten => Box::new(rten::read(model)?),
            Runtime::OnnxRuntime(library, provider) => {
                Box::new(onnxruntime::read(library, provider, model))
            }
        })
    }

    /// The error of a model that the runtime does not take.
    pub fn refused(self, path: impl fmt::Display, trouble: &Trouble) -> Error {
        let error = Error::data(format!("{self} cannot compute `{path}`: {trouble}"));
        let cuts = "if only what comes late in the model is to blame, name the tensors to cut at in `cuts`";
        match self {
            Runtime::Rten => error.with_hint(format!(
                "onnxruntime may be able to: `pip install onnxruntime` and lead `{}` to its library; {cuts}",
                onnxruntime::VARIABLE
            )),
            Runtime::OnnxRuntime(..) => error.with_hint(cuts),
        }
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Runtime::Rten => f.write_str("rten"),
            Runtime::OnnxRuntime(_, provider) if provider.is_cpu() => f.write_str("onnxruntime"),
            Runtime::OnnxRuntime(_, provider) => write!(f, "onnxruntime on {provider}"),
        }
    }
}

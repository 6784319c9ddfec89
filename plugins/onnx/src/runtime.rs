//! What computes a model: rten, which is part of this plugin, or onnxruntime, a library of the user's.

mod onnxruntime;
mod rten;

use onnxruntime::Absence;
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
    /// onnxruntime, loaded.
    OnnxRuntime(&'static onnxruntime::Library),
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
    pub fn find(wish: Wish, host: Host) -> Result<Runtime, Error> {
        if wish == Wish::Rten {
            return Ok(Runtime::Rten);
        }
        match onnxruntime::library() {
            Ok(library) => Ok(Runtime::OnnxRuntime(library)),
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
            Runtime::OnnxRuntime(_) => format!("{} {}", self.named(), ort::info()),
        }
    }

    /// Its name and version, for people.
    pub fn named(self) -> String {
        match self {
            Runtime::Rten => format!("{self} {}", rten::VERSION),
            Runtime::OnnxRuntime(library) => format!("{self} {}", library.version),
        }
    }

    /// Reads a model file.
    pub fn read(self, model: ModelFile<'_>) -> Result<Box<dyn Network>, Trouble> {
        Ok(match self {
            Runtime::Rten => Box::new(rten::read(model)?),
            Runtime::OnnxRuntime(library) => Box::new(onnxruntime::read(library, model)),
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
            Runtime::OnnxRuntime(_) => error.with_hint(cuts),
        }
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Runtime::Rten => "rten",
            Runtime::OnnxRuntime(_) => "onnxruntime",
        })
    }
}

//! A plugin that misbehaves on request: a dataset, a backbone and a classifier head, all named `misbehave`, with a parameter
//! `fault`. Without a fault they work, so that a test can put one broken part into a whole that is sound.
//!
//! The library's file name is not that of a plugin, so nobody loads it by accident: tests copy it under such a name.
#![allow(
    unsafe_code,
    reason = "a crash, and answers that the sdk does not let pass, need it"
)]

mod guess;
mod images;
mod network;

use guess::Guess;
use images::Images;

use serde::Deserialize;
use topwork_sdk::{Error, Host, Level, classifier, dataset, export_plugin};

export_plugin! {
    id: "misbehave",
    licence: "MIT OR Apache-2.0",
    components: [
        dataset::<Images>(),
        network::component(),
        classifier::<Guess>(),
    ],
}

/// What is to go wrong. A fault that a component has no place for does nothing in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// A panic in Rust.
    Panic,
    /// The process aborts itself.
    Abort,
    /// A write to an address that is not there.
    Segfault,
    /// A call that never comes back.
    Hang,
    /// An error whose text would move a terminal's cursor.
    Fail,
    /// An error about data.
    BadData,
    /// Lines on stdout and stderr, and no fault otherwise.
    Print,
    /// Log lines and progress with control characters, and no fault otherwise.
    ControlCharacters,
    /// Dataset: a class name that is not UTF-8. Backbone: a blueprint that is not.
    BadUtf8,
    /// Dataset: NaN in a sample. Classifier: NaN in the scores.
    Nan,
    /// Dataset: fewer labels than samples. Classifier: fewer scores than samples.
    WrongLengths,
    /// Dataset: a label that is no class.
    LabelOutOfRange,
    /// Dataset: two classes of one name.
    DuplicateClasses,
    /// Dataset: no classes.
    NoClasses,
    /// Dataset: samples larger than memory.
    WildShape,
    /// Backbone: text that is no JSON.
    NotJson,
    /// Backbone: a JSON list where an object belongs.
    JsonList,
    /// Backbone: JSON nested deeper than a parser's stack.
    DeepJson,
    /// Backbone: more JSON than anyone wants.
    HugeJson,
    /// Backbone: a layer's name with control characters.
    ControlName,
}

/// Which call goes wrong, for the faults that any call can have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    /// The creation.
    Create,
    /// The main work: reading samples of the split `train`, writing the blueprint, fitting.
    #[default]
    Work,
    /// Dataset: reading labels. Classifier: predicting.
    Second,
}

/// The parameters of all three.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    fault: Fault,
    at: At,
}

const SCHEMA: &str = r#"{
    "type": "object",
    "properties": {
        "fault": {"type": "string", "description": "what is to go wrong", "default": "none"},
        "at": {
            "enum": ["create", "work", "second"],
            "description": "which call goes wrong",
            "default": "work"
        }
    },
    "additionalProperties": false
}"#;

/// A component's parameters and its host: the means to go wrong.
#[derive(Clone, Copy)]
pub struct Trouble {
    host: Host,
    parameters: Parameters,
}

impl Trouble {
    fn new(host: Host, parameters: Parameters) -> Result<Self, Error> {
        let trouble = Trouble { host, parameters };
        trouble.strike(At::Create)?;
        Ok(trouble)
    }

    fn is(&self, fault: Fault) -> bool {
        self.parameters.fault == fault
    }

    /// Goes wrong if it is this call's turn, in one of the ways that any call can.
    fn strike(&self, at: At) -> Result<(), Error> {
        if self.parameters.at != at {
            return Ok(());
        }
        match self.parameters.fault {
            Fault::Panic => panic!("told to panic"),
            Fault::Abort => std::process::abort(),
            // SAFETY: none at all; the crash is what was asked for.
            Fault::Segfault => unsafe {
                std::ptr::without_provenance_mut::<u8>(8).write_volatile(1)
            },
            Fault::Hang => loop {
                std::thread::sleep(std::time::Duration::from_secs(1));
            },
            Fault::Fail => {
                return Err(Error::failed("told to \u{1b}[2J\u{1b}[31mfail\u{7}")
                    .with_hint("ask for \u{1b}[1mno fault"));
            }
            Fault::BadData => return Err(Error::data("told to miss its data")),
            Fault::Print => {
                println!("a plugin's line on stdout");
                eprintln!("a plugin's line on stderr");
            }
            Fault::ControlCharacters => {
                self.host.log(
                    Level::Warning,
                    "a \u{1b}[31mred\u{1b}[0m line\r\nand another",
                );
                self.host.progress(1, 2, "half\u{8}way");
            }
            _ => {}
        }
        Ok(())
    }
}

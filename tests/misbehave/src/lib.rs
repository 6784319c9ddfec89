//! A plugin that misbehaves on request: a dataset, a backbone, an extractor (`misbehave-extractor`), a network head
//! (`misbehave-network`) and a classifier head, with a parameter `fault`. Without a fault they work, so that a test can put one
//! broken part into a whole that is sound. The datasets named `liar-…` have parameter schemas that are wrong in themselves.
//!
//! The library's file name is not that of a plugin, so nobody loads it by accident: tests copy it under such a name.
#![allow(
    unsafe_code,
    reason = "a crash, and answers that the sdk does not let pass, need it"
)]

mod crash;
mod files;
mod guess;
mod images;
mod liar;
mod network;
mod row_means;

use images::Images;

use serde::Deserialize;
use topwork_sdk::{Error, Host, Level, dataset, dataset_with_decoder, export_plugin, extractor};

export_plugin! {
    id: "misbehave",
    licence: "MIT OR Apache-2.0",
    components: [
        dataset_with_decoder::<Images>(),
        network::backbone_component(),
        extractor::<row_means::RowMeans>(),
        network::head_component(),
        guess::classifier_component(),
        dataset::<liar::Default>(),
        dataset::<liar::Type>(),
        dataset::<liar::Recursion>(),
        dataset::<liar::Elsewhere>(),
        dataset::<liar::Promise>(),
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
    /// A recursion without end.
    StackOverflow,
    /// The process ends as if all were well.
    ExitZero,
    /// The process ends with the code by which a worker tells that its run folder is lost.
    ExitFolderLost,
    /// A thread that crashes while the call has long come back.
    ThreadCrash,
    /// A thread that panics while the call has long come back.
    ThreadPanic,
    /// A call that never comes back.
    Hang,
    /// A call that never comes back and tells its progress.
    BusyHang,
    /// A call that never comes back unless the host wishes to stop.
    PoliteHang,
    /// A call that prints for ever.
    EndlessOutput,
    /// A call that writes to the log for ever.
    EndlessLog,
    /// More output than anyone wants, and no fault otherwise.
    ManyLines,
    /// Log lines longer and more than anyone wants, and no fault otherwise.
    ManyLogLines,
    /// The signals that ask a process to stop are ignored from here on, and no fault otherwise.
    Signals,
    /// Standard input, output and error are closed, and no fault otherwise.
    Streams,
    /// The current folder is another, and no fault otherwise.
    Folder,
    /// Small numbers become zero and others are rounded up from here on, and no fault otherwise.
    Rounding,
    /// An error whose text would move a terminal's cursor.
    Fail,
    /// An error about data.
    BadData,
    /// Lines on stdout and stderr, and no fault otherwise.
    Print,
    /// Log lines and progress with control characters, and no fault otherwise.
    ControlCharacters,
    /// Dataset: a class name that is not UTF-8. Backbone and network head: a blueprint that is not. Any call: an error that is not.
    BadUtf8,
    /// Dataset: NaN in a sample. Classifier: NaN in the scores.
    Nan,
    /// Dataset: fewer labels than samples. Classifier: fewer scores than samples.
    WrongLengths,
    /// Dataset: a name for the first sample alone.
    FewerNames,
    /// Dataset: a label that is no class.
    LabelOutOfRange,
    /// Dataset: a split longer than any memory. Classifier: as many parameters as there are numbers.
    HugeCounts,
    /// Dataset: two classes of one name.
    DuplicateClasses,
    /// Dataset: no classes.
    NoClasses,
    /// Dataset: the split `train` alone, and no fault otherwise.
    NoTestSplit,
    /// Dataset: samples larger than memory.
    WildShape,
    /// Classifier: its scores are a number that stands for nothing.
    UnknownScores,
    /// Classifier: counts are said to be probabilities.
    CountsAsProbabilities,
    /// Classifier: a probability below 0, the others so that all add up to 1.
    NegativeProbability,
    /// Classifier: counts are said to be logits.
    CountsAsLogits,
    /// Extractor: features of an image depend on the others in its batch.
    BatchStatistics,
    /// Extractor: features of images are others after some of them, those of noise are not.
    Drift,
    /// Backbone and network head: text that is no JSON.
    NotJson,
    /// Backbone and network head: a JSON list where an object belongs.
    JsonList,
    /// Backbone and network head: JSON nested deeper than a parser's stack.
    DeepJson,
    /// Backbone and network head: more JSON than anyone wants.
    HugeJson,
    /// Backbone and network head: a layer's name with control characters.
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
    /// Dataset: reading labels, decoding a file. Classifier: predicting.
    Second,
}

/// The parameters of all of them.
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

    fn fault(&self) -> Fault {
        self.parameters.fault
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault() == fault
    }

    /// Goes wrong if it is this call's turn, in one of the ways that any call can.
    fn strike(&self, at: At) -> Result<(), Error> {
        if self.parameters.at != at {
            return Ok(());
        }
        match self.parameters.fault {
            Fault::Panic => panic!("told to panic"),
            Fault::Fail => {
                return Err(Error::failed("told to \u{1b}[2J\u{1b}[31mfail\u{7}")
                    .with_hint("ask for \u{1b}[1mno fault"));
            }
            Fault::BadData => return Err(Error::data("told to miss its data")),
            Fault::Print => {
                println!("a plugin's \u{1b}[2Jline on stdout");
                eprintln!("a plugin's line on stderr");
            }
            Fault::ControlCharacters => {
                self.host.log(
                    Level::Warning,
                    "a \u{1b}[31mred\u{1b}[0m line\r\nand another",
                );
                self.host.progress(1, 2, "half\u{8}way");
            }
            fault => crash::strike(fault, self.host)?,
        }
        Ok(())
    }
}

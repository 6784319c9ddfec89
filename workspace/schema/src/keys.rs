//! Every table and key of the experiment file, declared once.
//!
//! The checks, the JSON Schema and the reference page are all read from here. To add a key, add it
//! here and a field of its name to the table's type in `plan`: the reader fills that in, and the
//! resolved experiment has it.

mod cut;
mod input;
mod select;
mod target;
mod training;

use crate::protocols;
use crate::strategies::StrategyKind;

pub(crate) use cut::CUT;
use cut::CUTS;
pub(crate) use input::INPUT;
pub(crate) use select::SELECT;
pub(crate) use target::{REFERENCE, TARGET, TEST};
pub(crate) use training::TRAIN;

/// A table of the file.
pub(crate) struct Table {
    /// What the reference page calls it.
    pub title: &'static str,
    pub about: &'static str,
    pub keys: &'static [Key],
    /// Whether it names a component, whose parameters stand beside the keys listed here.
    pub component: bool,
}

/// A key of a table.
pub(crate) struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub presence: Presence,
    pub about: &'static str,
}

/// Whether a key must be written.
pub(crate) enum Presence {
    Required,
    /// Taken as if written, given as TOML.
    Default(&'static str),
    /// May be left out; the text says what that means.
    Optional(&'static str),
}

/// What a key's value may be.
pub(crate) enum Kind {
    Text,
    /// Text that is not empty.
    Name,
    Path,
    /// 64 hexadecimal digits.
    Digest,
    Boolean,
    Integer {
        min: u64,
        /// `u64::MAX` for no limit.
        max: u64,
    },
    Number(Bounds),
    Choice(&'static [Choice]),
    List {
        of: &'static Kind,
        min: usize,
        /// Whether no value may stand in it twice.
        distinct: bool,
    },
    /// A value of a kind that is no list, or a list of one or more of them, none twice: what a
    /// strategy is repeated for.
    OneOrMore(&'static Kind),
    /// Any of kinds that do not overlap.
    Either(&'static [Kind]),
    Table(&'static Table),
    /// A table whose keys are the user's own, at least one; their order counts.
    Entries {
        /// What the keys are, in words.
        keys: &'static str,
        of: &'static Kind,
    },
    Tables {
        of: &'static Table,
        min: usize,
    },
    /// A table, or a list of one or more of them.
    TableOrTables(&'static Table),
}

/// The numbers allowed; all are finite.
pub(crate) struct Bounds {
    pub min: f64,
    /// Whether `min` itself is too small.
    pub above: bool,
    pub max: Option<f64>,
    /// Whether `max` itself is too large.
    pub below: bool,
}

/// One word of a choice.
pub(crate) struct Choice {
    pub word: &'static str,
    pub about: &'static str,
}

impl Bounds {
    const ANY: Bounds = Bounds::at_least(f64::NEG_INFINITY);

    const fn at_least(min: f64) -> Bounds {
        Bounds {
            min,
            above: false,
            max: None,
            below: false,
        }
    }

    const fn above(min: f64) -> Bounds {
        Bounds {
            above: true,
            ..Bounds::at_least(min)
        }
    }

    const fn at_most(self, max: f64) -> Bounds {
        Bounds {
            max: Some(max),
            ..self
        }
    }

    const fn below(self, max: f64) -> Bounds {
        Bounds {
            below: true,
            ..self.at_most(max)
        }
    }
}

impl Table {
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// Whether it must name one in `use`.
    pub fn names_a_component(&self) -> bool {
        let named = self.key("use");
        self.component && named.is_some_and(|key| matches!(key.presence, Presence::Required))
    }
}

const fn required(name: &'static str, kind: Kind, about: &'static str) -> Key {
    let presence = Presence::Required;
    Key {
        name,
        kind,
        presence,
        about,
    }
}

/// A key that is taken as this TOML when it is left out.
const fn default(name: &'static str, kind: Kind, toml: &'static str, about: &'static str) -> Key {
    let presence = Presence::Default(toml);
    Key {
        name,
        kind,
        presence,
        about,
    }
}

/// A key that may be left out, which means this.
const fn optional(
    name: &'static str,
    kind: Kind,
    left_out: &'static str,
    about: &'static str,
) -> Key {
    let presence = Presence::Optional(left_out);
    Key {
        name,
        kind,
        presence,
        about,
    }
}

/// An integer of this size or above.
const fn at_least(min: u64) -> Kind {
    let max = u64::MAX;
    Kind::Integer { min, max }
}

const fn word(word: &'static str, about: &'static str) -> Choice {
    Choice { word, about }
}

/// The kinds of strategy.
static KINDS: [Choice; StrategyKind::ALL.len()] = {
    let mut kinds = [const { word("", "") }; StrategyKind::ALL.len()];
    let mut index = 0;
    while index < kinds.len() {
        let kind = StrategyKind::ALL[index].declared();
        kinds[index] = word(kind.word, kind.about);
        index += 1;
    }
    kinds
};

/// The protocols.
static PROTOCOLS: [Choice; protocols::ALL.len()] = {
    let mut words = [const { word("", "") }; protocols::ALL.len()];
    let mut index = 0;
    while index < words.len() {
        let protocol = &protocols::ALL[index];
        words[index] = word(protocol.id, protocol.about);
        index += 1;
    }
    words
};

pub(crate) static EXPERIMENT: Table = Table {
    title: "The experiment",
    about: "Keys before the first table, and the tables.",
    component: false,
    keys: &[
        required("name", Kind::Name, "name of the experiment"),
        default("about", Kind::Text, "\"\"", "one line on what is asked"),
        default(
            "seeds",
            Kind::List {
                of: &at_least(0),
                min: 1,
                distinct: true,
            },
            "[1]",
            "everything is repeated for each seed; the table shows mean and spread",
        ),
        required(
            "backbone",
            Kind::TableOrTables(&BACKBONE),
            "the network whose features are reused; with several, `[[backbone]]`, every strategy has rows for each",
        ),
        optional(
            "source",
            Kind::Table(&SOURCE),
            "needs `backbone.weights`, or `weights = \"random\"` on every strategy",
            "what the backbone learns first; of several those that have no `weights` and do not compute features themselves",
        ),
        required(
            "target",
            Kind::TableOrTables(&TARGET),
            "the new task, and where the backbone is cut for it; with several, `[[target]]`, each has a table of its own",
        ),
        required(
            "strategy",
            Kind::Tables {
                of: &STRATEGY,
                min: 1,
            },
            "one way to reach the target: a row of the table, or one for each of its cuts and \
             numbers of training samples",
        ),
        optional(
            "reference",
            Kind::Tables {
                of: &REFERENCE,
                min: 0,
            },
            "none",
            "a figure from elsewhere, shown under the table and never ranked",
        ),
        optional(
            "plugins",
            Kind::Entries {
                keys: "plugin ids",
                of: &Kind::Table(&PLUGIN),
            },
            "the plugins that are installed, whatever their bytes",
            "what is known of plugins beforehand, a table `[plugins.ID]` for each",
        ),
    ],
};

pub(crate) static BACKBONE: Table = Table {
    title: "`[backbone]`",
    about: "The network whose features are reused; `[[backbone]]` for each of several.",
    component: true,
    keys: &[
        optional(
            "name",
            Kind::Name,
            "the component; of several backbones each has a name of its own",
            "what rows and `backbones` of strategies call it",
        ),
        USE,
        optional(
            "weights",
            Kind::Path,
            "trained on the source",
            "a safetensors file of trained weights, used instead of `[source]`",
        ),
        optional(
            "cut",
            CUTS,
            "that of `[target]`",
            "where this backbone is cut, for all targets",
        ),
        optional(
            "input",
            Kind::Either(&[
                Kind::Choice(&[word("own", "as the backbone says of itself")]),
                Kind::Table(&INPUT),
                input::SHAPE,
            ]),
            "samples are taken as the dataset makes them",
            "how images of any size reach this backbone, whatever shape the dataset gives its samples; a \
             list is the parameter of this name that some backbones have for their shape",
        ),
    ],
};

pub(crate) static SOURCE: Table = Table {
    title: "`[source]`",
    about: "What the backbone learns first.",
    component: false,
    keys: &[DATASET_KEY, HEAD_KEY, TRAIN_KEY],
};

pub(crate) static STRATEGY: Table = Table {
    title: "`[[strategy]]`",
    about: "One way to reach the target: a row of the table, or one for each of its cuts and \
            numbers of training samples.",
    component: false,
    keys: &[
        required("name", Kind::Name, "name of its rows"),
        required("kind", Kind::Choice(&KINDS), "how the head is obtained"),
        optional(
            "backbones",
            NAMES,
            "all",
            "names of the backbones it is for",
        ),
        optional("targets", NAMES, "all", "names of the targets it is for"),
        optional(
            "protocol",
            Kind::Choice(&PROTOCOLS),
            "none: what the other keys say",
            "a published protocol that keys of this table are taken from, with their exact values; \
             one that is written beside it and says something else is refused. Rows under different \
             protocols are not ranked against each other",
        ),
        HEAD_KEY,
        optional(
            "train",
            Kind::Table(&TRAIN),
            "refused for `feature-classifier`, required for every other kind",
            "how a network head is trained",
        ),
        optional(
            "cut",
            CUTS,
            "that of `[target]`",
            "where the backbone is cut for this strategy alone: before the cut is the trunk, \
             which the strategy freezes or trains, and the head takes the place of the rest; \
             a row for each",
        ),
        optional(
            "train-samples",
            Kind::OneOrMore(&at_least(1)),
            "all",
            "number of training samples, drawn stratified with the seed (with `folds` from \
             the folds learnt from); with several, a row for each, and the samples of a \
             smaller number are among those of a larger one",
        ),
        optional(
            "train-per-class",
            Kind::OneOrMore(&at_least(1)),
            "`train-samples`, or all",
            "number of training samples of every class, drawn with the seed; with several, a row \
             for each, and the samples of a smaller number are among those of a larger one. Every \
             strategy draws the same ones. Refused beside `train-samples`",
        ),
        optional(
            "test-samples",
            at_least(1),
            "all",
            "number of test samples, drawn stratified; refused with `folds`, which measure \
             every example once",
        ),
        default(
            "weights",
            Kind::Choice(&[
                word(
                    "source",
                    "those learnt on the source, or `backbone.weights`",
                ),
                word(
                    "random",
                    "the initial ones: the control for every claim of transfer",
                ),
            ]),
            "\"source\"",
            "the weights the backbone begins with; `from-scratch` has no choice",
        ),
        optional(
            "learning-rate-multipliers",
            Kind::Entries {
                keys: "layers",
                of: &Kind::Either(&[
                    Kind::Number(Bounds::at_least(0.0)),
                    Kind::Choice(&[word("none", "0: the layers stay frozen")]),
                ]),
            },
            "every layer has 1",
            "`fine-tune` only: what the learning rate of layers is multiplied by, 0 or \
             `none` for frozen. A key is a layer number as `topwork show` has it (trunk, \
             then head), a range `3..=7`, `..=4` or `8..`, the name of a trunk layer, \
             `head`, or `*` for all; the first that matches counts",
        ),
        optional(
            "unfreeze-after",
            at_least(1),
            "never frozen as a whole",
            "`fine-tune` only: epochs for which the trunk stays frozen while the head learns",
        ),
        optional(
            "select",
            Kind::Table(&SELECT),
            "what the other keys say is used as it is",
            "values of the head's parameters, and of keys of `train`, that are chosen on training \
             samples alone: each combination is fitted to some and tried on the others, the best is \
             fitted once more to all",
        ),
        default(
            "calibrate",
            Kind::Boolean,
            "false",
            "temperature scaling: the head's logits are divided by the number that makes its \
             probabilities as sure as they are right on a fifth of the training samples, which a \
             first fit does not see; it takes two fits",
        ),
    ],
};

pub(crate) static PLUGIN: Table = Table {
    title: "`[plugins.ID]`",
    about: "A plugin that must be the one it was, to the byte; `topwork plugins show ID` prints \
            these lines. Where plugins are loaded from is not for an experiment to say.",
    component: false,
    keys: &[required(
        "sha256",
        Kind::Digest,
        "SHA-256 of the plugin's file in hexadecimal; another file is refused",
    )],
};

pub(crate) static DATASET: Table = Table {
    title: "`dataset`",
    about: "A dataset and the classes taken from it, in `[source]` and `[target]`.",
    component: true,
    keys: &[
        USE,
        optional(
            "classes",
            Kind::List {
                of: &Kind::Either(&[at_least(0), Kind::Name]),
                min: 2,
                distinct: true,
            },
            "all",
            "integers are class indices, strings are class names",
        ),
        optional(
            "normalise",
            Kind::Table(&NORMALISE),
            "samples are taken as they are",
            "every channel is shifted by its mean and divided by its standard deviation",
        ),
    ],
};

pub(crate) static NORMALISE: Table = Table {
    title: "`normalise`",
    about: "How samples enter the network, in `dataset`: `(x - mean) / std`.",
    component: false,
    keys: &[
        required(
            "mean",
            Kind::List {
                of: &Kind::Number(Bounds::ANY),
                min: 1,
                distinct: false,
            },
            "mean of every channel; images of bytes are numbers from 0 to 1",
        ),
        required(
            "std",
            Kind::List {
                of: &Kind::Number(Bounds::above(0.0)),
                min: 1,
                distinct: false,
            },
            "standard deviation of every channel",
        ),
    ],
};

pub(crate) static HEAD: Table = Table {
    title: "`head`",
    about: "What is grafted on, in `[source]` and `[[strategy]]`.",
    component: true,
    keys: &[USE],
};

/// Of backbones or targets.
const NAMES: Kind = Kind::List {
    of: &Kind::Name,
    min: 1,
    distinct: true,
};

const USE: Key = required(
    "use",
    Kind::Name,
    "a component id, or `plugin/component` when two plugins offer the same id",
);

const DATASET_KEY: Key = required(
    "dataset",
    Kind::Table(&DATASET),
    "the samples; keys beside `use` and `classes` are parameters of the dataset",
);

const HEAD_KEY: Key = required(
    "head",
    Kind::Table(&HEAD),
    "what is grafted on; keys beside `use` are parameters of the head. In a strategy `{ each = [1, 5] }` in place of a value makes \
     several of it, one for each value",
);

const TRAIN_KEY: Key = required(
    "train",
    Kind::Table(&TRAIN),
    "how backbone and head are trained",
);

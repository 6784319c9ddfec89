//! Every table and key of the experiment file, declared once.
//!
//! The checks, the JSON Schema and the reference page are all read from here; to add a key, add
//! it here and read it in `written`.

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
    Integer {
        min: u64,
    },
    Number(Bounds),
    Choice(&'static [Choice]),
    /// A list without repeated values.
    List {
        of: &'static Kind,
        min: usize,
    },
    /// Any of kinds that do not overlap.
    Either(&'static [Kind]),
    Table(&'static Table),
    Tables {
        of: &'static Table,
        min: usize,
    },
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
    /// False for words that are understood and not built yet.
    pub available: bool,
    pub about: &'static str,
}

impl Table {
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

const fn word(word: &'static str, about: &'static str) -> Choice {
    Choice {
        word,
        available: true,
        about,
    }
}

const fn planned(word: &'static str, about: &'static str) -> Choice {
    Choice {
        word,
        available: false,
        about,
    }
}

pub(crate) static EXPERIMENT: Table = Table {
    title: "The experiment",
    about: "Keys before the first table, and the tables.",
    component: false,
    keys: &[
        Key {
            name: "name",
            kind: Kind::Name,
            presence: Presence::Required,
            about: "name of the experiment",
        },
        Key {
            name: "about",
            kind: Kind::Text,
            presence: Presence::Default("\"\""),
            about: "one line on what is asked",
        },
        Key {
            name: "seeds",
            kind: Kind::List {
                of: &Kind::Integer { min: 0 },
                min: 1,
            },
            presence: Presence::Default("[1]"),
            about: "everything is repeated for each seed; the table shows mean and spread",
        },
        Key {
            name: "backbone",
            kind: Kind::Table(&BACKBONE),
            presence: Presence::Required,
            about: "the network whose features are reused",
        },
        Key {
            name: "source",
            kind: Kind::Table(&SOURCE),
            presence: Presence::Optional(
                "needs `backbone.weights`, or `weights = \"random\"` on every strategy",
            ),
            about: "what the backbone learns first",
        },
        Key {
            name: "target",
            kind: Kind::Table(&TARGET),
            presence: Presence::Required,
            about: "the new task, and where the backbone is cut for it",
        },
        Key {
            name: "strategy",
            kind: Kind::Tables {
                of: &STRATEGY,
                min: 1,
            },
            presence: Presence::Required,
            about: "one way to reach the target; each is a row of the table",
        },
        Key {
            name: "reference",
            kind: Kind::Tables {
                of: &REFERENCE,
                min: 0,
            },
            presence: Presence::Optional("none"),
            about: "a figure from elsewhere, shown under the table and never ranked",
        },
    ],
};

pub(crate) static BACKBONE: Table = Table {
    title: "`[backbone]`",
    about: "The network whose features are reused.",
    component: true,
    keys: &[
        USE,
        Key {
            name: "weights",
            kind: Kind::Path,
            presence: Presence::Optional("trained on the source"),
            about: "a safetensors file of trained weights, used instead of `[source]`",
        },
    ],
};

pub(crate) static SOURCE: Table = Table {
    title: "`[source]`",
    about: "What the backbone learns first.",
    component: false,
    keys: &[DATASET_KEY, HEAD_KEY, TRAIN_KEY],
};

pub(crate) static TARGET: Table = Table {
    title: "`[target]`",
    about: "The new task, and where the backbone is cut for it.",
    component: false,
    keys: &[
        DATASET_KEY,
        Key {
            name: "cut",
            kind: Kind::Either(&[Kind::Integer { min: 1 }, Kind::Name]),
            presence: Presence::Required,
            about: "a cut point the backbone declares, or the number of layers kept",
        },
    ],
};

pub(crate) static STRATEGY: Table = Table {
    title: "`[[strategy]]`",
    about: "One way to reach the target; each is a row of the table.",
    component: false,
    keys: &[
        Key {
            name: "name",
            kind: Kind::Name,
            presence: Presence::Required,
            about: "name of the row",
        },
        Key {
            name: "kind",
            kind: Kind::Choice(&[
                word(
                    "frozen-backbone",
                    "train a network head on the frozen backbone",
                ),
                word(
                    "feature-classifier",
                    "fit a classifier head once on the features",
                ),
                planned("fine-tune", "train head and backbone"),
                planned("from-scratch", "train everything on the target alone"),
            ]),
            presence: Presence::Required,
            about: "how the head is obtained",
        },
        HEAD_KEY,
        Key {
            name: "train",
            kind: Kind::Table(&TRAIN),
            presence: Presence::Optional(
                "required for `frozen-backbone`, refused for `feature-classifier`",
            ),
            about: "how a network head is trained",
        },
        Key {
            name: "train-samples",
            kind: Kind::Integer { min: 1 },
            presence: Presence::Optional("all"),
            about: "number of training samples, drawn stratified with the seed",
        },
        Key {
            name: "test-samples",
            kind: Kind::Integer { min: 1 },
            presence: Presence::Optional("all"),
            about: "number of test samples, drawn stratified with the seed",
        },
        Key {
            name: "weights",
            kind: Kind::Choice(&[
                word(
                    "source",
                    "those learnt on the source, or `backbone.weights`",
                ),
                word(
                    "random",
                    "the initial ones: the control for every claim of transfer",
                ),
            ]),
            presence: Presence::Default("\"source\""),
            about: "the weights of the backbone",
        },
    ],
};

pub(crate) static REFERENCE: Table = Table {
    title: "`[[reference]]`",
    about: "A figure from elsewhere, shown under the table and never ranked.",
    component: false,
    keys: &[
        Key {
            name: "strategy",
            kind: Kind::Name,
            presence: Presence::Required,
            about: "name of the strategy it belongs to, or `source`",
        },
        Key {
            name: "accuracy",
            kind: Kind::Number(Bounds {
                min: 0.0,
                above: false,
                max: Some(1.0),
                below: false,
            }),
            presence: Presence::Required,
            about: "accuracy as a fraction",
        },
        Key {
            name: "note",
            kind: Kind::Text,
            presence: Presence::Default("\"\""),
            about: "where the figure comes from and what to keep in mind",
        },
    ],
};

pub(crate) static DATASET: Table = Table {
    title: "`dataset`",
    about: "A dataset and the classes taken from it, in `[source]` and `[target]`.",
    component: true,
    keys: &[
        USE,
        Key {
            name: "classes",
            kind: Kind::List {
                of: &Kind::Either(&[Kind::Integer { min: 0 }, Kind::Name]),
                min: 2,
            },
            presence: Presence::Optional("all"),
            about: "integers are class indices, strings are class names",
        },
    ],
};

pub(crate) static HEAD: Table = Table {
    title: "`head`",
    about: "What is grafted on, in `[source]` and `[[strategy]]`.",
    component: true,
    keys: &[USE],
};

pub(crate) static TRAIN: Table = Table {
    title: "`train`",
    about: "How layers are trained, in `[source]` and `[[strategy]]`.",
    component: false,
    keys: &[
        Key {
            name: "epochs",
            kind: Kind::Integer { min: 1 },
            presence: Presence::Required,
            about: "passes over the training samples",
        },
        Key {
            name: "batch-size",
            kind: Kind::Integer { min: 1 },
            presence: Presence::Default("64"),
            about: "samples per optimizer step",
        },
        Key {
            name: "optimizer",
            kind: Kind::Choice(&[
                word("adam", "Adam"),
                word(
                    "sgd",
                    "stochastic gradient descent, with momentum if wanted",
                ),
            ]),
            presence: Presence::Default("\"adam\""),
            about: "the rule that changes the weights",
        },
        Key {
            name: "learning-rate",
            kind: Kind::Number(Bounds {
                min: 0.0,
                above: true,
                max: None,
                below: false,
            }),
            presence: Presence::Default("1e-3"),
            about: "step size of the optimizer",
        },
        Key {
            name: "momentum",
            kind: Kind::Number(Bounds {
                min: 0.0,
                above: false,
                max: Some(1.0),
                below: true,
            }),
            presence: Presence::Default("0.0"),
            about: "momentum of `sgd`",
        },
        Key {
            name: "weight-decay",
            kind: Kind::Number(Bounds {
                min: 0.0,
                above: false,
                max: None,
                below: false,
            }),
            presence: Presence::Default("0.0"),
            about: "L2 penalty on the weights",
        },
    ],
};

const USE: Key = Key {
    name: "use",
    kind: Kind::Name,
    presence: Presence::Required,
    about: "a component id, or `plugin/component` when two plugins offer the same id",
};

const DATASET_KEY: Key = Key {
    name: "dataset",
    kind: Kind::Table(&DATASET),
    presence: Presence::Required,
    about: "the samples; keys beside `use` and `classes` are parameters of the dataset",
};

const HEAD_KEY: Key = Key {
    name: "head",
    kind: Kind::Table(&HEAD),
    presence: Presence::Required,
    about: "what is grafted on; keys beside `use` are parameters of the head",
};

const TRAIN_KEY: Key = Key {
    name: "train",
    kind: Kind::Table(&TRAIN),
    presence: Presence::Required,
    about: "how backbone and head are trained",
};

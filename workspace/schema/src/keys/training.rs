//! The keys of `train`: how layers are trained.

use super::{Bounds, Key, Kind, Presence, Table, word};

/// More epochs than anyone trains, and few enough to be counted in 32 bits.
const MOST_EPOCHS: u64 = 1_000_000;

/// A batch is held in memory as a whole.
const MOST_SAMPLES: u64 = 1_000_000;

pub(crate) static TRAIN: Table = Table {
    title: "`train`",
    about: "How layers are trained, in `[source]` and `[[strategy]]`.",
    component: false,
    keys: &[
        Key {
            name: "epochs",
            kind: Kind::Integer {
                min: 1,
                max: MOST_EPOCHS,
            },
            presence: Presence::Required,
            about: "passes over the training samples",
        },
        Key {
            name: "batch-size",
            kind: Kind::Integer {
                min: 1,
                max: MOST_SAMPLES,
            },
            presence: Presence::Default("64"),
            about: "samples per optimizer step",
        },
        Key {
            name: "optimizer",
            kind: Kind::Choice(&[
                word("adam", "Adam"),
                word("adamw", "Adam with decoupled weight decay"),
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
            kind: Kind::Number(Bounds::above(0.0)),
            presence: Presence::Default("1e-3"),
            about: "step size of the optimizer",
        },
        Key {
            name: "momentum",
            kind: Kind::Number(Bounds::at_least(0.0).below(1.0)),
            presence: Presence::Default("0.0"),
            about: "momentum of `sgd`",
        },
        Key {
            name: "nesterov",
            kind: Kind::Boolean,
            presence: Presence::Default("false"),
            about: "whether the momentum is Nesterov's",
        },
        Key {
            name: "weight-decay",
            kind: Kind::Number(Bounds::at_least(0.0)),
            presence: Presence::Default("0.0"),
            about: "L2 penalty on the weights; with `adamw`, decay beside the gradient",
        },
        Key {
            name: "schedule",
            kind: Kind::Choice(&[
                word("constant", "it stays"),
                word(
                    "step",
                    "times `step-factor` after every `step-every` epochs",
                ),
                word("cosine", "down to 0 along half a cosine"),
                word("one-cycle", "up to `learning-rate`, then down to almost 0"),
            ]),
            presence: Presence::Default("\"constant\""),
            about: "how the learning rate changes",
        },
        Key {
            name: "step-every",
            kind: Kind::Integer {
                min: 1,
                max: u64::MAX,
            },
            presence: Presence::Optional("required with the schedule `step`"),
            about: "epochs from one change of the learning rate to the next",
        },
        Key {
            name: "step-factor",
            kind: Kind::Number(Bounds::above(0.0).at_most(1.0)),
            presence: Presence::Default("0.1"),
            about: "what the schedule `step` multiplies the learning rate by",
        },
        Key {
            name: "warm-up",
            kind: Kind::Number(Bounds::at_least(0.0)),
            presence: Presence::Default("0.0"),
            about: "epochs, or parts of one, over which the learning rate first grows to its size",
        },
        Key {
            name: "label-smoothing",
            kind: Kind::Number(Bounds::at_least(0.0).below(1.0)),
            presence: Presence::Default("0.0"),
            about: "share of every label that is spread evenly over all classes",
        },
        Key {
            name: "class-weights",
            kind: Kind::Either(&[
                Kind::Choice(&[word(
                    "balanced",
                    "rare classes weigh as much as frequent ones",
                )]),
                Kind::List {
                    of: &Kind::Number(Bounds::above(0.0)),
                    min: 2,
                    distinct: false,
                },
            ]),
            presence: Presence::Optional("all alike"),
            about: "weights of the classes in the loss: `balanced`, so that rare classes count as \
                    much as frequent ones, or one number per class",
        },
        Key {
            name: "clip-norm",
            kind: Kind::Number(Bounds::above(0.0)),
            presence: Presence::Optional("not limited"),
            about: "largest norm of all gradients together",
        },
        Key {
            name: "validation",
            kind: Kind::Number(Bounds::at_least(0.0).at_most(0.9)),
            presence: Presence::Default("0.0"),
            about: "share of the training samples held out, stratified, to watch the training by",
        },
        Key {
            name: "patience",
            kind: Kind::Integer {
                min: 1,
                max: u64::MAX,
            },
            presence: Presence::Optional("every epoch is trained"),
            about: "epochs without a better validation loss after which training stops, and the \
                    best weights are kept",
        },
        Key {
            name: "augment",
            kind: Kind::Table(&AUGMENT),
            presence: Presence::Optional("images are taken as they are"),
            about: "random changes of the training images, drawn anew in every epoch",
        },
    ],
};

static AUGMENT: Table = Table {
    title: "`augment`",
    about: "Random changes of the training images, in `train`. What comes in from outside is 0.",
    component: false,
    keys: &[
        Key {
            name: "shift",
            kind: Kind::Integer {
                min: 0,
                max: u64::MAX,
            },
            presence: Presence::Default("0"),
            about: "farthest shift along each axis, in pixels",
        },
        Key {
            name: "rotate",
            kind: Kind::Number(Bounds::at_least(0.0).at_most(180.0)),
            presence: Presence::Default("0.0"),
            about: "largest rotation either way, in degrees",
        },
        Key {
            name: "flip",
            kind: Kind::Boolean,
            presence: Presence::Default("false"),
            about: "whether every other image, by chance, is mirrored left to right",
        },
        Key {
            name: "crop",
            kind: Kind::Integer {
                min: 0,
                max: u64::MAX,
            },
            presence: Presence::Default("0"),
            about: "pixels of padding on every side before a window of the image's size is cut \
                    out at random",
        },
    ],
};

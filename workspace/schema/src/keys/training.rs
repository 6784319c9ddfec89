//! The keys of `train`: how layers are trained.

use super::{Bounds, Kind, Table, at_least, default, optional, required, word};

/// More epochs than anyone trains, and few enough to be counted in 32 bits.
const MOST_EPOCHS: u64 = 1_000_000;

/// A batch is held in memory as a whole.
const MOST_SAMPLES: u64 = 1_000_000;

pub(crate) static TRAIN: Table = Table {
    title: "`train`",
    about: "How layers are trained, in `[source]` and `[[strategy]]`.",
    component: false,
    keys: &[
        required(
            "epochs",
            Kind::Integer {
                min: 1,
                max: MOST_EPOCHS,
            },
            "passes over the training samples",
        ),
        default(
            "batch-size",
            Kind::Integer {
                min: 1,
                max: MOST_SAMPLES,
            },
            "64",
            "samples per optimizer step",
        ),
        default(
            "optimizer",
            Kind::Choice(&[
                word("adam", "Adam"),
                word("adamw", "Adam with decoupled weight decay"),
                word(
                    "sgd",
                    "stochastic gradient descent, with momentum if wanted",
                ),
            ]),
            "\"adam\"",
            "the rule that changes the weights",
        ),
        default(
            "learning-rate",
            Kind::Number(Bounds::above(0.0)),
            "1e-3",
            "step size of the optimizer",
        ),
        default(
            "momentum",
            Kind::Number(Bounds::at_least(0.0).below(1.0)),
            "0.0",
            "momentum of `sgd`",
        ),
        default(
            "nesterov",
            Kind::Boolean,
            "false",
            "whether the momentum is Nesterov's",
        ),
        default(
            "weight-decay",
            Kind::Number(Bounds::at_least(0.0)),
            "0.0",
            "L2 penalty on the weights; with `adamw`, decay beside the gradient",
        ),
        default(
            "schedule",
            Kind::Choice(&[
                word("constant", "it stays"),
                word(
                    "step",
                    "times `step-factor` after every `step-every` epochs",
                ),
                word("cosine", "down to 0 along half a cosine"),
                word("one-cycle", "up to `learning-rate`, then down to almost 0"),
            ]),
            "\"constant\"",
            "how the learning rate changes",
        ),
        optional(
            "step-every",
            at_least(1),
            "required with the schedule `step`",
            "epochs from one change of the learning rate to the next",
        ),
        default(
            "step-factor",
            Kind::Number(Bounds::above(0.0).at_most(1.0)),
            "0.1",
            "what the schedule `step` multiplies the learning rate by",
        ),
        default(
            "warm-up",
            Kind::Number(Bounds::at_least(0.0)),
            "0.0",
            "epochs, or parts of one, over which the learning rate first grows to its size",
        ),
        default(
            "label-smoothing",
            Kind::Number(Bounds::at_least(0.0).below(1.0)),
            "0.0",
            "share of every label that is spread evenly over all classes",
        ),
        optional(
            "class-weights",
            Kind::Either(&[
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
            "all alike",
            "weights of the classes in the loss: `balanced`, so that rare classes count as \
             much as frequent ones, or one number per class",
        ),
        optional(
            "loss",
            Kind::Choice(&[
                word("squared", "the mean squared error"),
                word(
                    "huber",
                    "half the squared error up to `huber-delta`, linear beyond (Huber, 1964): far \
                     errors count less",
                ),
            ]),
            "`squared` of numbers; classes have the cross-entropy",
            "what is minimised where the target has numbers, which are standardised by mean and \
             standard deviation of the training samples meanwhile",
        ),
        optional(
            "huber-delta",
            Kind::Number(Bounds::above(0.0)),
            "1.0, with the loss `huber`",
            "error from which the loss `huber` is linear, in standard deviations of the numbers",
        ),
        optional(
            "clip-norm",
            Kind::Number(Bounds::above(0.0)),
            "not limited",
            "largest norm of all gradients together",
        ),
        default(
            "validation",
            Kind::Number(Bounds::at_least(0.0).at_most(0.9)),
            "0.0",
            "share of the training samples held out, stratified, to watch the training by",
        ),
        optional(
            "patience",
            at_least(1),
            "every epoch is trained",
            "epochs without a better validation loss after which training stops, and the \
             best weights are kept",
        ),
        optional(
            "augment",
            Kind::Table(&AUGMENT),
            "images are taken as they are",
            "random changes of the training images, drawn anew in every epoch",
        ),
    ],
};

static AUGMENT: Table = Table {
    title: "`augment`",
    about: "Random changes of the training images, in `train`. What comes in from outside is 0.",
    component: false,
    keys: &[
        default(
            "shift",
            at_least(0),
            "0",
            "farthest shift along each axis, in pixels",
        ),
        default(
            "rotate",
            Kind::Number(Bounds::at_least(0.0).at_most(180.0)),
            "0.0",
            "largest rotation either way, in degrees",
        ),
        default(
            "flip",
            Kind::Boolean,
            "false",
            "whether every other image, by chance, is mirrored left to right",
        ),
        default(
            "crop",
            at_least(0),
            "0",
            "pixels of padding on every side before a window of the image's size is cut \
             out at random",
        ),
    ],
};

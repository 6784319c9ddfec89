//! The keys of `select`: which values are tried, and on what they are judged.

use super::{Bounds, CUTS, Kind, Table, optional, required};
use crate::keys::target::METRICS;
use crate::select::MOST_VALUES;

pub(crate) static SELECT: Table = Table {
    title: "`select`",
    about: "Cuts and values chosen on training samples alone, in `[[strategy]]`: every combination of the \
            lists is tried, at most 512 of them. The order is that of the file, the last list \
            changing fastest, and of equally good combinations the first is taken. What is chosen \
            is fitted once more to all training samples and measured once; with `target.folds` \
            all of this happens in every fold. Principal components of a cut are those of all \
            training features. With `cut` the strategy has one row for all its cuts.",
    component: false,
    keys: &[
        required(
            "on",
            Kind::Table(&ON),
            "which training samples the combinations are judged on, the same for all strategies of \
             a seed",
        ),
        optional(
            "by",
            Kind::Choice(&METRICS),
            "`target.rank-by`",
            "the figure they are judged by; with `folds` of the samples of all of them together",
        ),
        optional(
            "cut",
            CUTS,
            "where `cut` says, a row for each",
            "the cuts that are chosen from, written as `cut` is: features of each are extracted once, a \
             rule may give several",
        ),
        optional(
            "head",
            LISTS,
            "its parameters are what `head` says",
            "values of the head's parameters, a list or a range for each",
        ),
        optional(
            "train",
            LISTS,
            "its keys are what `train` says",
            "values of keys of `train`, a list or a range for each",
        ),
    ],
};

static ON: Table = Table {
    title: "`on`",
    about: "What `select` judges on: one of these keys.",
    component: false,
    keys: &[
        optional(
            "holdout",
            Kind::Number(Bounds::above(0.0).below(1.0)),
            "`folds` is given",
            "this share of the training samples of every class is held out, at least one of a class \
             that has two or more; groups stay together",
        ),
        optional(
            "folds",
            Kind::Integer { min: 2, max: 100 },
            "`holdout` is given",
            "the training samples are cut into so many stratified folds, each of which is held out \
             once; groups stay together",
        ),
    ],
};

const LISTS: Kind = Kind::Entries {
    keys: "keys",
    of: &Kind::Either(&[
        Kind::List {
            of: &Kind::Either(&[Kind::Boolean, Kind::Number(Bounds::ANY), Kind::Text]),
            min: 1,
            distinct: true,
        },
        Kind::Table(&RANGE),
    ]),
};

static RANGE: Table = Table {
    title: "A range of values",
    about: "Values at equal distances, in `select`: `log` or `linear` from one end to the other, both \
            among them. Where the parameter is an integer they are rounded, and each is taken once.",
    component: false,
    keys: &[
        optional(
            "log",
            Kind::List {
                of: &Kind::Number(Bounds::above(0.0)),
                min: 2,
                distinct: true,
            },
            "`linear` is given",
            "both ends; the ratio of a value to the next is always the same",
        ),
        optional(
            "linear",
            Kind::List {
                of: &Kind::Number(Bounds::ANY),
                min: 2,
                distinct: true,
            },
            "`log` is given",
            "both ends; the difference of a value to the next is always the same",
        ),
        required(
            "count",
            Kind::Integer {
                min: 2,
                max: MOST_VALUES as u64,
            },
            "how many values",
        ),
    ],
};

//! The keys of `[target]`, and of figures from elsewhere: what is measured and compared.

use topwork_measure::{FIGURES, TOP_K, TRANSFERABILITY};

use super::{
    Bounds, CUTS, Choice, DATASET, DATASET_KEY, Kind, Table, at_least, default, optional, required,
    word,
};

/// What can be measured.
pub(super) static METRICS: [Choice; FIGURES.len() + TOP_K.len()] = {
    let mut metrics = [const { word("", "") }; FIGURES.len() + TOP_K.len()];
    let mut index = 0;
    while index < metrics.len() {
        let figure = match index < FIGURES.len() {
            true => &FIGURES[index],
            false => &TOP_K[index - FIGURES.len()],
        };
        metrics[index] = word(figure.id, figure.about);
        index += 1;
    }
    metrics
};

/// What can be estimated without training.
static ESTIMATES: [Choice; TRANSFERABILITY.len()] = {
    let mut estimates = [const { word("", "") }; TRANSFERABILITY.len()];
    let mut index = 0;
    while index < estimates.len() {
        estimates[index] = word(TRANSFERABILITY[index].id, TRANSFERABILITY[index].about);
        index += 1;
    }
    estimates
};

pub(crate) static TARGET: Table = Table {
    title: "`[target]`",
    about: "The new task, and where the backbone is cut for it; `[[target]]` for each of several.",
    component: false,
    keys: &[
        optional(
            "name",
            Kind::Name,
            "there is one target; of several each has a name of its own",
            "what tables and `targets` of strategies call it",
        ),
        DATASET_KEY,
        optional(
            "cut",
            CUTS,
            "every backbone says it",
            "a cut point the backbone declares, the number of layers kept, or a table; with \
             several, every strategy has a row for each",
        ),
        optional(
            "folds",
            at_least(2),
            "strategies learn from the split `train` and are measured on the split `test`",
            "cross-validation: the split `train` is cut into so many stratified folds, the \
             same for every strategy; each is fitted once for every fold, on the other \
             folds, and measured on the one left out. The split `test` is not touched",
        ),
        optional(
            "test",
            Kind::Tables { of: &TEST, min: 0 },
            "none",
            "further test sets: what is fitted for the target is measured on them, too, with a table for each; \
             nothing is learnt or chosen on them",
        ),
        optional(
            "metrics",
            Kind::List {
                of: &Kind::Choice(&METRICS),
                min: 1,
                distinct: true,
            },
            "`accuracy`",
            "the figures that have columns. `balanced-accuracy` is put beside them where the \
             largest class of the test examples has more than 3 times as many as the smallest",
        ),
        optional(
            "rank-by",
            Kind::Choice(&METRICS),
            "the first of `metrics`",
            "the figure that rows are ranked and pairs of rows compared by",
        ),
        optional(
            "transferability",
            Kind::List {
                of: &Kind::Choice(&ESTIMATES),
                min: 1,
                distinct: true,
            },
            "none",
            "estimates of how well the features of a row's training samples suit the target, made without a head and shown beside what \
             is measured; how well they order features is told, too",
        ),
        optional(
            "compare-to",
            Kind::Name,
            "rows are compared with all others of their family: those with the same cut and \
             number of training samples",
            "name of the strategy that every other one is compared with: fewer pairs, and so less \
             to correct for",
        ),
        optional(
            "equivalent-within",
            Kind::Number(Bounds::above(0.0)),
            "no pair is called equivalent",
            "how far apart two rows may be and still count as equally good: in percentage points \
             for a share such as `accuracy`, otherwise in the unit of `rank-by`; two one-sided \
             tests decide",
        ),
    ],
};

pub(crate) static TEST: Table = Table {
    title: "`[[target.test]]`",
    about: "A further test set: other examples of the target's classes, numbers or labels, such as from another camera, artist or year.",
    component: false,
    keys: &[
        required("name", Kind::Name, "what its table is called"),
        required(
            "dataset",
            Kind::Table(&DATASET),
            "the samples; those of classes that the target does not have are left out. Without `normalise` they are \
             normalised as those of the target",
        ),
        optional(
            "split",
            Kind::Name,
            "`test`; `train` where the dataset has no such split",
            "the split that is measured",
        ),
        optional(
            "class-map",
            Kind::Entries {
                keys: "names of classes of this dataset, of columns of its numbers, or of its labels",
                of: &Kind::Name,
            },
            "those of the same name are the same",
            "the class, column or label of the target that each stands for",
        ),
    ],
};

pub(crate) static REFERENCE: Table = Table {
    title: "`[[reference]]`",
    about: "A figure from elsewhere, shown under the table and never ranked.",
    component: false,
    keys: &[
        required(
            "strategy",
            Kind::Name,
            "name of the strategy it belongs to, or `source`",
        ),
        optional(
            "accuracy",
            Kind::Number(Bounds::at_least(0.0).at_most(1.0)),
            "`metric` and `value` give another figure",
            "accuracy as a fraction",
        ),
        optional(
            "metric",
            Kind::Choice(&METRICS),
            "`accuracy` is given",
            "which figure it is",
        ),
        optional(
            "value",
            Kind::Number(Bounds::ANY),
            "`accuracy` is given",
            "its value; a share as a fraction",
        ),
        optional(
            "target",
            Kind::Name,
            "all targets",
            "name of the target it belongs to",
        ),
        default(
            "note",
            Kind::Text,
            "\"\"",
            "where the figure comes from and what to keep in mind",
        ),
    ],
};

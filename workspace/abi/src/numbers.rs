//! Numbers and several labels as targets: datasets whose samples have these in place of classes, and heads that are fitted to numbers.

use crate::{Features, FitOptions, FitReport, Instance, Sink, Status};

/// Id of the ability of a dataset to have numbers as targets: a [`DatasetNumbersTable`]. Since 1.2.
pub const DATASET_NUMBERS: &str = "topwork.dataset.numbers/1";

/// Id of the ability of a dataset to have several labels for each sample, or none: a [`DatasetNumbersTable`] with a column for each
/// label, whose numbers are 1 where the sample has the label and else 0. An instance has these or numbers, not both. Since 1.2.
pub const DATASET_MULTILABEL: &str = "topwork.dataset.multilabel/1";

/// The functions behind [`DATASET_NUMBERS`] and [`DATASET_MULTILABEL`]. Since 1.2.
///
/// A dataset with numbers has a column for each number of a sample. The names of the columns stand where those of classes would, in
/// `classes` of its description, and every label is 0: a host that does not know the ability sees a dataset of one class.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DatasetNumbersTable {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// Sets `*columns` to how many numbers each sample has: as many as the description has `classes`, or 0 where this instance has
    /// classes. Never changes during the life of the instance.
    pub columns: Option<
        unsafe extern "C" fn(instance: Instance, columns: *mut usize, error: *const Sink) -> Status,
    >,
    /// Writes the numbers of a split, sample by sample in its order, to `numbers`, which has room for `capacity` of them (the
    /// split's length × columns), and sets `*count` to how many there are. All are finite. Only called where there are columns; may
    /// overlap with other calls where those of `labels` may.
    pub numbers: Option<
        unsafe extern "C" fn(
            instance: Instance,
            split: usize,
            numbers: *mut f32,
            capacity: usize,
            count: *mut usize,
            error: *const Sink,
        ) -> Status,
    >,
}

/// Id of the ability of a classifier head to be fitted to numbers: a [`ClassifierNumbersTable`]. It needs
/// [`CLASSIFIER_SCORES`](crate::CLASSIFIER_SCORES), too. Since 1.2.
pub const CLASSIFIER_NUMBERS: &str = "topwork.classifier.numbers/1";

/// The functions behind [`CLASSIFIER_NUMBERS`]. Since 1.2.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ClassifierNumbersTable {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// As `fit` of [`ClassifierTable`](crate::ClassifierTable), with samples × `columns` finite numbers, sample by sample, in place
    /// of labels. After it, and after a state of such a fit is loaded, `predict` writes as many numbers for each sample, with
    /// `columns` in place of the number of classes, in the unit of those it has learnt from, and the scores are said to be
    /// [`Scores::NUMBERS`](crate::Scores::NUMBERS).
    pub fit: Option<
        unsafe extern "C" fn(
            instance: Instance,
            features: *const Features,
            numbers: *const f32,
            columns: usize,
            options: *const FitOptions,
            report: *mut FitReport,
            note: *const Sink,
            error: *const Sink,
        ) -> Status,
    >,
}

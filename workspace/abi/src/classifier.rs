//! Classifier heads: fitted once to features, without gradients through the backbone.

use crate::{Instance, Sink, Status, Text};

/// The functions of a classifier head.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ClassifierTable {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// Fits the instance to `features` with one label for each sample, each below `classes`; an earlier fit is forgotten.
    /// The same input, `seed` included, gives the same result to the bit, whatever the number of threads.
    /// Fills `*report`, whose `size` the host has set. What is written to `note` is one line for people, shown with the result;
    /// nothing when there is nothing to say. Of a fit that did not converge it says why not and how far off it is, and is
    /// a warning, too.
    /// A long fit asks the host now and then whether to stop, and reports its progress.
    pub fit: Option<
        unsafe extern "C" fn(
            instance: Instance,
            features: *const Features,
            labels: *const u32,
            classes: usize,
            options: *const FitOptions,
            report: *mut FitReport,
            note: *const Sink,
            error: *const Sink,
        ) -> Status,
    >,
    /// Writes samples × `classes` finite scores to `scores`, sample by sample; a greater score is a likelier class. `classes`
    /// is the number that the fit (or the loaded state) had. Calls may overlap with other `predict` calls on one instance.
    pub predict: Option<
        unsafe extern "C" fn(
            instance: Instance,
            features: *const Features,
            classes: usize,
            scores: *mut f32,
            error: *const Sink,
        ) -> Status,
    >,
}

/// Features of several samples: a row-major matrix, `samples` × `dimensions`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Features {
    /// The first number.
    pub data: *const f32,
    /// The number of rows.
    pub samples: usize,
    /// The number of columns.
    pub dimensions: usize,
}

/// What the host wishes for a fit.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FitOptions {
    /// The bytes of this table that the host filled.
    pub size: usize,
    /// The seed of everything random in the fit.
    pub seed: u64,
    /// How many threads the fit may keep busy, at least 1.
    pub threads: usize,
}

/// What a fit came to.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FitReport {
    /// The bytes of this table the host has room for, set by the host.
    pub size: usize,
    /// The number of iterations made.
    pub iterations: u64,
    /// The number of parameters fitted.
    pub parameters: u64,
    /// 1 when the method met its own criterion of convergence, 0 when it ended for another reason.
    pub converged: u32,
    /// 0. It leaves no padding, in which a later field would seem to be there.
    pub reserved: u32,
}

/// Id of the ability to save a fitted classifier and to load it again: a [`ClassifierSaveTable`].
pub const CLASSIFIER_SAVE: &str = "topwork.classifier.save/1";

/// The functions behind [`CLASSIFIER_SAVE`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ClassifierSaveTable {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// Writes the state of a fitted instance to `state`, in a form of the plugin's own that says its version.
    pub save: Option<
        unsafe extern "C" fn(instance: Instance, state: *const Sink, error: *const Sink) -> Status,
    >,
    /// Puts an instance into a state that `save` wrote, `len` bytes at `data`. Bytes it cannot read are
    /// [`Status::BAD_DATA`].
    pub load: Option<
        unsafe extern "C" fn(
            instance: Instance,
            data: *const u8,
            len: usize,
            error: *const Sink,
        ) -> Status,
    >,
}

/// What the scores of a classifier are. Whatever they are, a greater score is a likelier class. A host refuses numbers that it
/// does not know. Since 1.2.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scores(pub u32);

impl Scores {
    /// They rank the classes and promise no more, as without the ability.
    pub const RANKING: Scores = Scores(0);
    /// Probabilities: none is below 0, and those of a sample add up to 1 within 0.001. A class without training samples has 0.
    /// The host checks each sample.
    pub const PROBABILITIES: Scores = Scores(1);
    /// Logits: their softmax, exp(s) / Σ exp(s) over the classes of a sample, gives the probabilities. They need not be
    /// centred; a class without training samples has one far below the others, such as the lowest finite number.
    pub const LOGITS: Scores = Scores(2);
    /// No scores but predicted numbers, after a fit to numbers: see [`CLASSIFIER_NUMBERS`](crate::CLASSIFIER_NUMBERS).
    pub const NUMBERS: Scores = Scores(3);
}

/// Id of the ability to say what the scores of a fitted classifier are: a [`ClassifierScoresTable`]. Since 1.2.
pub const CLASSIFIER_SCORES: &str = "topwork.classifier.scores/1";

/// The functions behind [`CLASSIFIER_SCORES`]. Since 1.2.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ClassifierScoresTable {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// Sets `*scores` to what `predict` of this instance writes. The host asks after every fit and every state loaded, and the
    /// answer holds until the next of them: it may depend on parameters and on what the fit has found.
    pub scores: Option<
        unsafe extern "C" fn(instance: Instance, scores: *mut Scores, error: *const Sink) -> Status,
    >,
}

/// Id of the ability to tell what a fit has found, fact by fact: a [`ClassifierFactsTable`]. Since 1.2.
pub const CLASSIFIER_FACTS: &str = "topwork.classifier.facts/1";

/// The functions behind [`CLASSIFIER_FACTS`]. Since 1.2.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ClassifierFactsTable {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// Writes a JSON object with what the latest fit has found to `facts`, such as `{"support-vectors": 213, "kernel": "rbf"}`:
    /// 32 entries at most, names of lower-case letters, digits and hyphens, and for each a finite number or a text of one line.
    /// They are shown with the result and kept in its JSON. The host asks after every fit.
    pub facts: Option<
        unsafe extern "C" fn(instance: Instance, facts: *const Sink, error: *const Sink) -> Status,
    >,
}

/// Id of the ability to fit one set of features for several values of one parameter at once: a [`ClassifierPathTable`].
/// Since 1.2.
pub const CLASSIFIER_PATH: &str = "topwork.classifier.path/1";

/// What stands behind [`CLASSIFIER_PATH`]. Since 1.2.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ClassifierPathTable {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// `parameter_count` names of parameters of the component, each of which a path may vary.
    pub parameters: *const Text,
    /// How many names there are, at least 1.
    pub parameter_count: usize,
    /// Fits `count` instances of this component to the same features, as `fit` of [`ClassifierTable`] would fit each of them
    /// alone: closed forms to rounding, searches to their own tolerance. The host has created them with the same parameters but
    /// for `parameter`, one of those above; their order means nothing. No instance is there twice, and no other call on any of
    /// them is running. What is known of one value may serve the next: a decomposition, a place to start from.
    /// `reports` and `notes` have a report and a sink for each instance, to be filled as by `fit`. Whatever the status, each
    /// instance is destroyed by itself; after any but [`Status::OK`] none of them is used before it is fitted again.
    pub fit: Option<
        unsafe extern "C" fn(
            instances: *const Instance,
            count: usize,
            parameter: Text,
            features: *const Features,
            labels: *const u32,
            classes: usize,
            options: *const FitOptions,
            reports: *const *mut FitReport,
            notes: *const Sink,
            error: *const Sink,
        ) -> Status,
    >,
}

// SAFETY: a table is written once by the plugin before it is shown, is read-only afterwards, and points to texts that are too.
unsafe impl Sync for ClassifierPathTable {}
// SAFETY: as above; nothing in it belongs to a thread.
unsafe impl Send for ClassifierPathTable {}

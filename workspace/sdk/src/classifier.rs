//! Classifier heads for authors.

use crate::classifier_facts::{self, Facts};
use crate::classifier_layers::{self, ClassifierLayers};
use crate::classifier_path;
use crate::component::component;
use crate::enter::{
    check_host_table, enter, fill_host_table, give, host_table, instance, instance_mut, slice,
    slice_mut, write,
};
use crate::{Component, Error, ExportedComponent, numbers};
use std::ffi::c_void;
use topwork_abi as abi;

/// A head that is fitted to features once.
pub trait Classifier: Component {
    /// Fits to features with one label below `classes` for each sample; an earlier fit is forgotten. The same input, seed
    /// included, gives the same result to the bit, whatever the number of threads. A long fit calls
    /// [`Host::check_stop`](crate::Host::check_stop) and [`Host::progress`](crate::Host::progress) now and then.
    fn fit(
        &mut self,
        features: Features<'_>,
        labels: &[u32],
        classes: usize,
        options: FitOptions,
    ) -> Result<FitReport, Error>;

    /// Fills `scores`, samples × `classes`, with finite scores; a greater one is a likelier class.
    fn predict(
        &self,
        features: Features<'_>,
        classes: usize,
        scores: &mut [f32],
    ) -> Result<(), Error>;

    /// What the scores of the present fit, or of the state that was loaded, are. Asked after each of them, and only then.
    fn scores(&self) -> Result<Scores, Error> {
        Ok(Scores::Ranking)
    }

    /// What the latest fit has found. Asked after each of them.
    fn facts(&self) -> Result<Facts, Error> {
        Ok(Facts::default())
    }

    /// What [`predict`](Classifier::predict) of the present fit does, as layers that a host can write into a model file; `None`
    /// where these have no words for it.
    fn layers(&self) -> Result<Option<ClassifierLayers>, Error> {
        Ok(None)
    }

    /// Whether [`fit_numbers`](Classifier::fit_numbers) is there. Without it, as a rule, the ability is not offered.
    const NUMBERS: bool = false;

    /// The same as [`fit`](Classifier::fit) to `columns` numbers for each sample, all finite, in place of a label. From then on
    /// [`predict`](Classifier::predict) gives as many numbers for each sample, in their unit, and
    /// [`scores`](Classifier::scores) are [`Scores::Numbers`].
    fn fit_numbers(
        &mut self,
        features: Features<'_>,
        numbers: &[f32],
        columns: usize,
        options: FitOptions,
    ) -> Result<FitReport, Error> {
        let _ = (features, numbers, columns, options);
        Err(Error::unsupported(format!(
            "`{}` is fitted to classes alone",
            Self::ID
        )))
    }

    /// The parameters for several values of which [`fit_path`](Classifier::fit_path) fits at once, eight at most. With none, as
    /// a rule, the ability is not offered.
    const PATH_PARAMETERS: &[&str] = &[];

    /// Fits several instances, made with the same parameters but for `parameter`, to the same features. Gives a report for each,
    /// in their order, which means nothing. Each must come out as [`fit`](Classifier::fit) leaves it: closed forms to rounding,
    /// searches to their own tolerance. This one fits one after the other; it is worth its own way where a decomposition serves
    /// all values, or one solution is a good start for the next.
    fn fit_path(
        path: &mut [&mut Self],
        parameter: &str,
        features: Features<'_>,
        labels: &[u32],
        classes: usize,
        options: FitOptions,
    ) -> Result<Vec<FitReport>, Error> {
        let _ = parameter;
        let fits = path.iter_mut();
        fits.map(|one| one.fit(features, labels, classes, options))
            .collect()
    }
}

/// What the scores of a classifier are. Whatever they are, a greater one is a likelier class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scores {
    /// They rank the classes and promise no more.
    #[default]
    Ranking,
    /// None is below 0, and those of a sample add up to 1 within 0.001. A class without training samples has 0. The host checks
    /// each sample.
    Probabilities,
    /// Their softmax gives the probabilities. A class without training samples has one far below the others, such as
    /// [`f32::MIN`].
    Logits,
    /// No scores but predicted numbers, after [`fit_numbers`](Classifier::fit_numbers).
    Numbers,
}

impl Scores {
    /// The number that stands for it in the C interface.
    const fn number(self) -> abi::Scores {
        match self {
            Scores::Ranking => abi::Scores::RANKING,
            Scores::Probabilities => abi::Scores::PROBABILITIES,
            Scores::Logits => abi::Scores::LOGITS,
            Scores::Numbers => abi::Scores::NUMBERS,
        }
    }

    /// What a number of the C interface stands for.
    pub(crate) fn of_number(number: abi::Scores) -> Option<Self> {
        let known = [
            Scores::Ranking,
            Scores::Probabilities,
            Scores::Logits,
            Scores::Numbers,
        ];
        known.into_iter().find(|scores| scores.number() == number)
    }
}

/// A classifier whose fitted state can be kept.
pub trait SavedClassifier: Classifier {
    /// The fitted state, in a form of its own that says its version.
    fn save(&self) -> Result<Vec<u8>, Error>;
    /// Puts this instance into a saved state. Bytes it cannot read are [`Error::data`].
    fn load(&mut self, state: &[u8]) -> Result<(), Error>;
}

/// Features of several samples: a row-major matrix.
#[derive(Clone, Copy, Debug)]
pub struct Features<'a> {
    data: &'a [f32],
    dimensions: usize,
}

impl<'a> Features<'a> {
    /// `data` holds one row of `dimensions` numbers for each sample. An error when the lengths do not fit or are 0.
    pub fn new(data: &'a [f32], dimensions: usize) -> Result<Self, Error> {
        if dimensions == 0 || data.is_empty() || !data.len().is_multiple_of(dimensions) {
            return Err(Error::call(format!(
                "{} features, expected a multiple of {dimensions} dimensions and more than none",
                data.len()
            )));
        }
        Ok(Features { data, dimensions })
    }

    /// All numbers, row by row.
    pub fn data(&self) -> &'a [f32] {
        self.data
    }

    /// The number of rows, at least 1.
    pub fn samples(&self) -> usize {
        self.data.len() / self.dimensions
    }

    /// The number of columns, at least 1.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }
}

/// What the host wishes for a fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FitOptions {
    /// The seed of everything random in it.
    pub seed: u64,
    /// How many threads it may keep busy, at least 1.
    pub threads: usize,
}

/// What a fit came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FitReport {
    /// Whether the method met its own criterion of convergence.
    pub converged: bool,
    /// The iterations made.
    pub iterations: u64,
    /// The number of parameters fitted.
    pub parameters: u64,
    /// One line for people, shown with the result; empty when there is nothing to say. Of a fit that did not converge it says
    /// why not and how far off it is, and is a warning, too.
    pub note: String,
}

/// The component for [`export_plugin!`](crate::export_plugin).
pub const fn classifier<C: Classifier>() -> ExportedComponent {
    let component = component::<C, C>(
        abi::Kind::CLASSIFIER_HEAD,
        std::ptr::from_ref(Tables::<C>::TABLE).cast(),
    );
    let mut component = *component.table();
    component.extension = Some(extension::<C>);
    // SAFETY: the extension gives the table that the contract names, and the rest is as it was.
    unsafe { ExportedComponent::from_table(component) }
}

/// The component for [`export_plugin!`](crate::export_plugin), with the ability to be saved.
pub const fn saved_classifier<C: SavedClassifier>() -> ExportedComponent {
    let mut component = *classifier::<C>().table();
    component.extension = Some(extension_of_saved::<C>);
    // SAFETY: the extension gives the tables that the contract names, and the rest is as it was.
    unsafe { ExportedComponent::from_table(component) }
}

struct Tables<C>(C);

impl<C: Classifier> Tables<C> {
    const TABLE: &'static abi::ClassifierTable = &abi::ClassifierTable {
        size: size_of::<abi::ClassifierTable>(),
        fit: Some(fit::<C>),
        predict: Some(predict::<C>),
    };
    const SCORES: &'static abi::ClassifierScoresTable = &abi::ClassifierScoresTable {
        size: size_of::<abi::ClassifierScoresTable>(),
        scores: Some(scores::<C>),
    };
}

impl<C: SavedClassifier> Tables<C> {
    const SAVE: &'static abi::ClassifierSaveTable = &abi::ClassifierSaveTable {
        size: size_of::<abi::ClassifierSaveTable>(),
        save: Some(save::<C>),
        load: Some(load::<C>),
    };
}

unsafe extern "C" fn extension<C: Classifier>(id: abi::Text) -> *const c_void {
    // SAFETY: the host lends the text for this call. Nothing here can panic.
    match unsafe { crate::enter::text("id of the ability", id) } {
        Ok(abi::CLASSIFIER_NUMBERS) => numbers::of_classifier::<C>(),
        Ok(abi::CLASSIFIER_SCORES) => std::ptr::from_ref(Tables::<C>::SCORES).cast(),
        Ok(abi::CLASSIFIER_FACTS) => std::ptr::from_ref(classifier_facts::Table::<C>::TABLE).cast(),
        Ok(abi::CLASSIFIER_LAYERS) => {
            std::ptr::from_ref(classifier_layers::Table::<C>::TABLE).cast()
        }
        Ok(abi::CLASSIFIER_PATH) => classifier_path::Table::<C>::offered()
            .map_or(std::ptr::null(), |table| std::ptr::from_ref(table).cast()),
        _ => std::ptr::null(),
    }
}

unsafe extern "C" fn extension_of_saved<C: SavedClassifier>(id: abi::Text) -> *const c_void {
    // SAFETY: the host lends the text for this call. Nothing here can panic.
    match unsafe { crate::enter::text("id of the ability", id) } {
        Ok(abi::CLASSIFIER_SAVE) => std::ptr::from_ref(Tables::<C>::SAVE).cast(),
        // SAFETY: handed on as it came.
        _ => unsafe { extension::<C>(id) },
    }
}

/// # Safety
///
/// `features` is null or what the host lends for the call.
pub(crate) unsafe fn borrow<'a>(features: *const abi::Features) -> Result<Features<'a>, Error> {
    // SAFETY: passed on.
    let [features] = (unsafe { slice("features", features, 1) })? else {
        return Err(Error::call("no features"));
    };
    let len = features.samples.checked_mul(features.dimensions);
    let len = len.ok_or_else(|| Error::call("more features than memory has"))?;
    // SAFETY: the host says that this many stand there.
    let data = unsafe { slice("features", features.data, len) }?;
    Features::new(data, features.dimensions)
}

/// # Safety
///
/// `labels` is null or points to `samples` numbers that the host lends for the call.
pub(crate) unsafe fn checked_labels<'a>(
    labels: *const u32,
    samples: usize,
    classes: usize,
) -> Result<&'a [u32], Error> {
    // SAFETY: passed on.
    let labels = unsafe { slice("labels", labels, samples) }?;
    match labels.iter().find(|&&label| label as usize >= classes) {
        None => Ok(labels),
        Some(label) => Err(Error::call(format!(
            "label {label}, expected less than {classes}"
        ))),
    }
}

/// What the host is told of a fit, but for its note.
pub(crate) fn report_table(fitted: &FitReport) -> abi::FitReport {
    abi::FitReport {
        size: size_of::<abi::FitReport>(),
        iterations: fitted.iterations,
        parameters: fitted.parameters,
        converged: u32::from(fitted.converged),
        reserved: 0,
    }
}

#[allow(
    clippy::too_many_arguments,
    reason = "the signature is that of the C interface"
)]
unsafe extern "C" fn fit<C: Classifier>(
    pointer: abi::Instance,
    features: *const abi::Features,
    labels: *const u32,
    classes: usize,
    options: *const abi::FitOptions,
    report: *mut abi::FitReport,
    note: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it and makes no other call on it meanwhile.
        let classifier = unsafe { instance_mut::<C>(pointer) }?;
        // SAFETY: the host lends all of these for this call.
        let (features, options) = unsafe {
            // Before the fit, which may take long and would be lost.
            check_host_table("report", report)?;
            (borrow(features)?, host_table("options", options)?)
        };
        // SAFETY: the host says that there is one label for each sample.
        let labels = unsafe { checked_labels(labels, features.samples(), classes) }?;
        let options = FitOptions {
            seed: options.seed,
            threads: options.threads.max(1),
        };
        let fitted = classifier.fit(features, labels, classes, options)?;
        // SAFETY: the host lends report and sink for this call, to be written.
        unsafe {
            fill_host_table("report", report, &report_table(&fitted))?;
            write(note, fitted.note.as_bytes());
        }
        Ok(())
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

unsafe extern "C" fn predict<C: Classifier>(
    pointer: abi::Instance,
    features: *const abi::Features,
    classes: usize,
    scores: *mut f32,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it, and no exclusive call is running.
        let classifier = unsafe { instance::<C>(pointer) }?;
        // SAFETY: the host lends the features for this call.
        let features = unsafe { borrow(features) }?;
        let len = features.samples().checked_mul(classes);
        let len = len.ok_or_else(|| Error::call("more scores than memory has"))?;
        // SAFETY: the host has room for samples × classes initialised numbers.
        let scores = unsafe { slice_mut("scores", scores, len) }?;
        classifier.predict(features, classes, scores)
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

unsafe extern "C" fn scores<C: Classifier>(
    pointer: abi::Instance,
    scores: *mut abi::Scores,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it, and no exclusive call is running.
        let classifier = unsafe { instance::<C>(pointer) }?;
        // SAFETY: the host lends the place for this call.
        let place = unsafe { slice_mut("scores", scores, 1) }?;
        place.fill(classifier.scores()?.number());
        Ok(())
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

unsafe extern "C" fn save<C: SavedClassifier>(
    pointer: abi::Instance,
    state: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it, and no exclusive call is running.
        let classifier = unsafe { instance::<C>(pointer) }?;
        let bytes = classifier.save()?;
        // SAFETY: the sink is valid during the call.
        unsafe { give("state", state, &bytes) }
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

unsafe extern "C" fn load<C: SavedClassifier>(
    pointer: abi::Instance,
    data: *const u8,
    len: usize,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it and makes no other call on it meanwhile.
        let classifier = unsafe { instance_mut::<C>(pointer) }?;
        // SAFETY: the host lends the bytes for this call.
        let state = unsafe { slice("state", data, len) }?;
        classifier.load(state)
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

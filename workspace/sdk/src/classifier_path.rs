//! Classifiers that are fitted for several values of a parameter at once, for authors.

use crate::classifier::{Classifier, FitOptions, borrow, checked_labels, report_table};
use crate::enter::{
    check_host_table, enter, fill_host_table, host_table, instance_mut, slice, text, write,
};
use crate::{Error, ErrorKind};
use topwork_abi as abi;

/// The most parameters that a component can name for paths.
const MOST_PARAMETERS: usize = 8;

/// The table of the ability.
pub(crate) struct Table<C>(C);

impl<C: Classifier> Table<C> {
    /// The names as the table shows them; the places behind them are empty and not counted.
    const NAMES: &'static [abi::Text; MOST_PARAMETERS] = &{
        let names = C::PATH_PARAMETERS;
        assert!(
            names.len() <= MOST_PARAMETERS,
            "a path can name eight parameters at most"
        );
        let mut texts = [abi::Text::new(""); MOST_PARAMETERS];
        let mut place = 0;
        while place < names.len() {
            texts[place] = abi::Text::new(names[place]);
            place += 1;
        }
        texts
    };

    const TABLE: &'static abi::ClassifierPathTable = &abi::ClassifierPathTable {
        size: size_of::<abi::ClassifierPathTable>(),
        parameters: Self::NAMES.as_ptr(),
        parameter_count: C::PATH_PARAMETERS.len(),
        fit: Some(fit::<C>),
    };

    /// The table; `None` where no parameter is named.
    pub(crate) fn offered() -> Option<&'static abi::ClassifierPathTable> {
        (!C::PATH_PARAMETERS.is_empty()).then_some(Self::TABLE)
    }
}

#[allow(
    clippy::too_many_arguments,
    reason = "the signature is that of the C interface"
)]
unsafe extern "C" fn fit<C: Classifier>(
    instances: *const abi::Instance,
    count: usize,
    parameter: abi::Text,
    features: *const abi::Features,
    labels: *const u32,
    classes: usize,
    options: *const abi::FitOptions,
    reports: *const *mut abi::FitReport,
    notes: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host lends all of these for this call.
        let (pointers, parameter, reports, notes, features, options) = unsafe {
            (
                slice("instances", instances, count)?,
                text("name of the parameter", parameter)?,
                slice("reports", reports, count)?,
                slice("notes", notes, count)?,
                borrow(features)?,
                host_table("options", options)?,
            )
        };
        if !C::PATH_PARAMETERS.contains(&parameter) {
            return Err(Error::call(format!(
                "the parameter `{parameter}`, expected one of {}",
                C::PATH_PARAMETERS.join(", ")
            )));
        }
        let mut sorted = pointers.to_vec();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::call("an instance is there twice"));
        }
        for report in reports {
            // SAFETY: the host lends the reports for this call.
            unsafe { check_host_table("report", *report) }?;
        }
        // SAFETY: the host says that there is one label for each sample.
        let labels = unsafe { checked_labels(labels, features.samples(), classes) }?;
        let path: Result<Vec<&mut C>, Error> = (pointers.iter())
            // SAFETY: the host hands back what `create` gave it, makes no other call on any of them meanwhile, and they differ.
            .map(|pointer| unsafe { instance_mut::<C>(*pointer) })
            .collect();
        let options = FitOptions {
            seed: options.seed,
            threads: options.threads.max(1),
        };
        let fitted = C::fit_path(&mut path?, parameter, features, labels, classes, options)?;
        if fitted.len() != count {
            return Err(Error::new(
                ErrorKind::Failed,
                format!("{} reports of a path, expected {count}", fitted.len()),
            ));
        }
        for ((report, note), fitted) in reports.iter().zip(notes).zip(fitted) {
            // SAFETY: the host lends report and sink for this call, to be written.
            unsafe {
                fill_host_table("report", *report, &report_table(&fitted))?;
                write(note, fitted.note.as_bytes());
            }
        }
        Ok(())
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

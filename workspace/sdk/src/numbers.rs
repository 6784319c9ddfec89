//! Numbers and several labels as targets, for authors: what [`Dataset::numbers`] and [`Classifier::fit_numbers`] are in the C interface.

use crate::Error;
use crate::classifier::{Classifier, FitOptions, borrow, report_table};
use crate::dataset::{Dataset, Instance};
use crate::enter::{
    check_host_table, enter, fill_host_table, host_table, instance, instance_mut, slice, slice_mut,
    write,
};
use std::ffi::c_void;
use topwork_abi as abi;

/// The table of an ability that is about a dataset's targets; null for any other, and where it has not these.
pub(crate) fn of_dataset<D: Dataset>(ability: &str) -> *const c_void {
    match ability {
        abi::DATASET_NUMBERS if D::NUMBERS => std::ptr::from_ref(OfDataset::<D>::NUMBERS).cast(),
        abi::DATASET_MULTILABEL if D::MULTILABEL => {
            std::ptr::from_ref(OfDataset::<D>::MULTILABEL).cast()
        }
        _ => std::ptr::null(),
    }
}

/// The table of a head's ability; null where it takes classes only.
pub(crate) fn of_classifier<C: Classifier>() -> *const c_void {
    match C::NUMBERS {
        true => std::ptr::from_ref(OfClassifier::<C>::TABLE).cast(),
        false => std::ptr::null(),
    }
}

struct OfDataset<D>(D);

impl<D: Dataset> OfDataset<D> {
    const NUMBERS: &'static abi::DatasetNumbersTable = &abi::DatasetNumbersTable {
        size: size_of::<abi::DatasetNumbersTable>(),
        columns: Some(columns::<D>),
        numbers: Some(numbers::<D>),
    };
    const MULTILABEL: &'static abi::DatasetNumbersTable = &abi::DatasetNumbersTable {
        columns: Some(labels::<D>),
        ..*Self::NUMBERS
    };
}

struct OfClassifier<C>(C);

impl<C: Classifier> OfClassifier<C> {
    const TABLE: &'static abi::ClassifierNumbersTable = &abi::ClassifierNumbersTable {
        size: size_of::<abi::ClassifierNumbersTable>(),
        fit: Some(fit::<C>),
    };
}

unsafe extern "C" fn columns<D: Dataset>(
    pointer: abi::Instance,
    columns: *mut usize,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: the arguments are those of this call.
    unsafe { columns_where::<D>(pointer, columns, error, D::has_numbers) }
}

unsafe extern "C" fn labels<D: Dataset>(
    pointer: abi::Instance,
    columns: *mut usize,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: the arguments are those of this call.
    unsafe { columns_where::<D>(pointer, columns, error, D::is_multilabel) }
}

/// # Safety
///
/// The contract of the table's `columns`.
unsafe fn columns_where<D: Dataset>(
    pointer: abi::Instance,
    columns: *mut usize,
    error: *const abi::Sink,
    has: fn(&D) -> Result<bool, Error>,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it; calls on datasets are shared.
        let instance = unsafe { instance::<Instance<D>>(pointer) }?;
        // SAFETY: the host lends the place for this call.
        let place = unsafe { slice_mut("count of columns", columns, 1) }?;
        place.fill(match has(instance.dataset())? {
            true => instance.classes()?,
            false => 0,
        });
        Ok(())
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

unsafe extern "C" fn numbers<D: Dataset>(
    pointer: abi::Instance,
    split: usize,
    out: *mut f32,
    capacity: usize,
    count: *mut usize,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it; calls on datasets are shared.
        let instance = unsafe { instance::<Instance<D>>(pointer) }?;
        instance.split_len(split)?;
        // SAFETY: the host lends both for this call.
        let (out, count) = unsafe {
            (
                slice_mut("numbers", out, capacity)?,
                slice_mut("count of numbers", count, 1)?,
            )
        };
        let numbers = instance.dataset().numbers(split)?;
        // A wrong number of them is told to the host as it is; never more are written than it has room for.
        let written = numbers.len().min(capacity);
        out[..written].copy_from_slice(&numbers[..written]);
        count[0] = numbers.len();
        Ok(())
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

#[allow(
    clippy::too_many_arguments,
    reason = "the signature is that of the C interface"
)]
unsafe extern "C" fn fit<C: Classifier>(
    pointer: abi::Instance,
    features: *const abi::Features,
    numbers: *const f32,
    columns: usize,
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
        let len = features.samples().checked_mul(columns);
        let len = len.ok_or_else(|| Error::call("more numbers than memory has"))?;
        // SAFETY: the host says that so many stand there.
        let numbers = unsafe { slice("numbers", numbers, len) }?;
        if let Some(number) = numbers.iter().find(|number| !number.is_finite()) {
            return Err(Error::call(format!(
                "a target of {number}, expected finite numbers"
            )));
        }
        let options = FitOptions {
            seed: options.seed,
            threads: options.threads.max(1),
        };
        let fitted = classifier.fit_numbers(features, numbers, columns, options)?;
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

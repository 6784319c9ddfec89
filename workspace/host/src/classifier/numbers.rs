//! Heads that are fitted to numbers.

use super::{Classifier, EMPTY_REPORT, Fit, FitOptions, LONGEST_NOTE};
use crate::HostError;
use crate::call::{collect, extension};
use topwork_abi as abi;
use topwork_measure::TargetKind;

/// Whether a component is a head that can be fitted to numbers.
pub(crate) fn takes_numbers(component: &abi::Component) -> bool {
    component.kind == abi::Kind::CLASSIFIER_HEAD
        && !extension(component, abi::CLASSIFIER_NUMBERS).is_null()
}

impl Classifier {
    /// Whether it can be fitted to numbers.
    pub fn takes_numbers(&self) -> bool {
        self.numbers.is_some()
    }

    /// Fits to features, row-major `samples` × `dims`, with `columns` finite numbers for each sample. From then on
    /// [`predict`](Classifier::predict) gives `columns` numbers for each.
    ///
    /// # Errors
    ///
    /// Whatever the plugin fails with, one that cannot do it among that; lengths that do not fit.
    pub fn fit_numbers(
        &mut self,
        features: &[f32],
        samples: usize,
        dims: usize,
        (numbers, columns): (&[f32], usize),
        options: FitOptions,
    ) -> Result<Fit, HostError> {
        let call = format!("fitting to numbers of {samples} samples");
        let features = self.features(&call, features, samples, dims)?;
        if columns == 0 || Some(numbers.len()) != samples.checked_mul(columns) {
            let problem = format!("{} numbers, expected {samples} × {columns}", numbers.len());
            return Err(self.instance.request(&call, problem));
        }
        let fit = self.numbers.and_then(|table| table.fit);
        let options = options.table();
        let mut report = EMPTY_REPORT;
        let (result, note) = collect(LONGEST_NOTE, |note| {
            self.instance.call(&call, |instance, error| match fit {
                // SAFETY: features and numbers have the lengths said, and all pointers live during the call.
                Some(fit) => unsafe {
                    fit(
                        instance,
                        &raw const features,
                        numbers.as_ptr(),
                        columns,
                        &raw const options,
                        &raw mut report,
                        note,
                        error,
                    )
                },
                None => abi::Status::UNSUPPORTED,
            })
        });
        result?;
        self.fitted(&call, &report, &note, TargetKind::Numbers)
    }
}

//! Fits for several values of one parameter at once.

use super::{Classifier, EMPTY_REPORT, Fit, FitOptions, LONGEST_NOTE, ability};
use crate::HostError;
use crate::call::{Instance, collect_several};
use crate::text::read_text;
use serde_json::Value;
use std::sync::Arc;
use topwork_abi as abi;
use topwork_measure::TargetKind;

/// The longest name of a parameter, in bytes.
const LONGEST_NAME: usize = 64;

/// More names than this are taken for garbage.
const MOST_NAMES: usize = 64;

/// The ability of a plugin's component.
pub(super) struct Path {
    table: abi::ClassifierPathTable,
    parameters: Vec<String>,
}

/// A classifier with what its fit came to.
pub struct FittedClassifier {
    /// An instance of its own, used as one that was fitted alone.
    pub classifier: Classifier,
    /// What its fit came to.
    pub fit: Fit,
}

impl Path {
    pub(super) fn offered(instance: &Instance) -> Result<Option<Path>, HostError> {
        let call = "offering to be fitted for several values of a parameter";
        // SAFETY: the id gives its table the type named.
        let table =
            unsafe { ability::<abi::ClassifierPathTable>(instance, abi::CLASSIFIER_PATH, call) }?;
        let Some(table) = table else { return Ok(None) };
        let (names, count) = (table.parameters, table.parameter_count);
        if names.is_null() || !names.is_aligned() || !(1..=MOST_NAMES).contains(&count) {
            let problem = format!(
                "{count} names of parameters at {names:?}, expected a pointer to 1 to {MOST_NAMES}"
            );
            return Err(instance.broken(call, problem));
        }
        // SAFETY: the plugin says that so many stand there, and its tables live until the process ends.
        let names = unsafe { std::slice::from_raw_parts(names, count) };
        let names = names.iter().map(|name| read_text(*name, LONGEST_NAME));
        let parameters = names.collect::<Result<_, _>>().map_err(|problem| {
            instance.broken(call, format!("a parameter whose name {problem}"))
        })?;
        Ok(Some(Path { table, parameters }))
    }
}

impl Classifier {
    /// The parameters that [`fit_path`](Classifier::fit_path) can vary; none where the plugin does not offer it.
    pub fn path_parameters(&self) -> &[String] {
        self.path.as_ref().map_or(&[], |path| &path.parameters)
    }

    /// Fits a classifier for each of `values` of one parameter, to the same features, row-major `samples` × `dims`, with one label
    /// below `classes` for each sample. All other parameters are those of this one, which is not fitted itself. They come in
    /// the order of the values, and each is as its fit alone would be, up to rounding or to the tolerance of the search.
    ///
    /// # Errors
    ///
    /// Whatever [`fit`](Classifier::fit) fails with; a parameter that is not one of [`path_parameters`](Classifier::path_parameters);
    /// a value that the component refuses.
    #[allow(
        clippy::too_many_arguments,
        reason = "those of a fit, and what is varied"
    )]
    pub fn fit_path(
        &self,
        parameter: &str,
        values: &[Value],
        features: &[f32],
        samples: usize,
        dims: usize,
        labels: &[u32],
        classes: usize,
        options: FitOptions,
    ) -> Result<Vec<FittedClassifier>, HostError> {
        let call = format!(
            "fitting to {samples} samples for {} values of `{parameter}`",
            values.len()
        );
        let features = self.features(&call, features, samples, dims)?;
        self.check_labels(&call, samples, labels, classes)?;
        let known = self.path.as_ref();
        let Some(path) = known.filter(|path| path.parameters.iter().any(|name| name == parameter))
        else {
            let problem = match self.path_parameters() {
                [] => "it is fitted for one value at a time".to_owned(),
                names => format!(
                    "a path of `{parameter}`, expected one of {}",
                    names.join(", ")
                ),
            };
            return Err(self.instance.request(&call, problem));
        };
        let mut path_of = values
            .iter()
            .map(|value| self.with(parameter, value))
            .collect::<Result<Vec<Classifier>, _>>()?;
        if path_of.is_empty() {
            return Ok(Vec::new());
        }
        let instances: Vec<abi::Instance> =
            path_of.iter().map(|one| one.instance.pointer()).collect();
        let mut reports = vec![EMPTY_REPORT; instances.len()];
        let places: Vec<*mut abi::FitReport> = reports.iter_mut().map(std::ptr::from_mut).collect();
        let options = options.table();
        let (result, notes) = collect_several(instances.len(), LONGEST_NOTE, |notes| {
            // The instances are new, and nobody else has them: to hold the turn of one is enough.
            path_of[0]
                .instance
                .call(&call, |_, error| match path.table.fit {
                    // SAFETY: features and labels have the lengths said, there are as many reports and sinks as instances, and
                    // all pointers live during the call.
                    Some(fit) => unsafe {
                        fit(
                            instances.as_ptr(),
                            instances.len(),
                            abi::Text::new(parameter),
                            &raw const features,
                            labels.as_ptr(),
                            classes,
                            &raw const options,
                            places.as_ptr(),
                            notes,
                            error,
                        )
                    },
                    None => abi::Status::UNSUPPORTED,
                })
        });
        result?;
        let told = reports.iter().zip(&notes);
        let fits = path_of
            .iter_mut()
            .zip(told)
            .map(|(classifier, (report, note))| {
                classifier.fitted(&call, report, note, TargetKind::Classes)
            })
            .collect::<Result<Vec<Fit>, _>>()?;
        let fitted = path_of.into_iter().zip(fits);
        Ok(fitted
            .map(|(classifier, fit)| FittedClassifier { classifier, fit })
            .collect())
    }

    /// Another one with the same parameters but for one.
    fn with(&self, parameter: &str, value: &Value) -> Result<Classifier, HostError> {
        let (plugin, component, parameters) = &self.made_of;
        let mut parameters = parameters.as_object().cloned().unwrap_or_default();
        parameters.insert(parameter.to_owned(), value.clone());
        Classifier::create(&Arc::clone(plugin), *component, &Value::Object(parameters))
    }
}

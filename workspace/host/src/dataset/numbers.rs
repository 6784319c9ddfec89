//! Datasets whose samples have numbers in place of classes.

use super::Dataset;
use crate::HostError;
use crate::call::Instance;
use crate::open;
use topwork_abi as abi;
use topwork_measure::TargetKind;

/// The table of the ability, where the plugin offers it.
fn table(instance: &Instance, call: &str) -> Result<Option<abi::DatasetNumbersTable>, HostError> {
    let table = instance.extension(abi::DATASET_NUMBERS);
    if table.is_null() {
        return Ok(None);
    }
    // SAFETY: the id asked for gives the table this type.
    let table = unsafe { open::table::<abi::DatasetNumbersTable>(table) };
    table.map(Some).map_err(|problem| {
        let problem = format!("the table `{}` {problem}", abi::DATASET_NUMBERS);
        instance.broken(call, problem)
    })
}

/// Whether an instance that names so many classes has numbers in their place.
pub(super) fn targets(instance: &Instance, classes: usize) -> Result<TargetKind, HostError> {
    let call = "saying whether it has numbers";
    let Some(function) = table(instance, call)?.and_then(|table| table.columns) else {
        return Ok(TargetKind::Classes);
    };
    let mut columns = 0;
    // SAFETY: instance, place and sink live during the call.
    instance.call(call, |instance, error| unsafe {
        function(instance, &raw mut columns, error)
    })?;
    match columns {
        0 => Ok(TargetKind::Classes),
        columns if columns == classes => Ok(TargetKind::Numbers),
        columns => Err(instance.broken(
            call,
            format!("{columns} columns of numbers, expected {classes}, as it names, or 0"),
        )),
    }
}

impl Dataset {
    /// The numbers of a split, sample by sample in its order, one for each column: all finite. None where it has classes.
    ///
    /// # Errors
    ///
    /// Whatever the plugin fails with; a plugin that breaks the contract.
    pub fn numbers(&self, split: &str) -> Result<Vec<f32>, HostError> {
        if self.info.targets == TargetKind::Classes {
            return Ok(Vec::new());
        }
        let call = format!("reading the numbers of split \"{split}\"");
        let (index, len) = self.split(split, &call)?;
        let columns = self.info.classes.len();
        let table = table(&self.instance, &call)?;
        // What the plugin does not write stays NaN and is found below.
        let mut numbers = vec![f32::NAN; len * columns];
        let mut count = 0;
        self.call(&call, |instance, error| {
            match table.and_then(|table| table.numbers) {
                // SAFETY: there is room for `numbers.len()`, and all pointers live during the call.
                Some(function) => unsafe {
                    function(
                        instance,
                        index,
                        numbers.as_mut_ptr(),
                        numbers.len(),
                        &raw mut count,
                        error,
                    )
                },
                None => abi::Status::UNSUPPORTED,
            }
        })?;
        if count != numbers.len() {
            let problem = format!("{count} numbers, expected {len} × {columns}");
            return Err(self.instance.broken(&call, problem));
        }
        match numbers.iter().position(|number| !number.is_finite()) {
            None => Ok(numbers),
            Some(place) => {
                let problem = format!(
                    "{} for `{}` of sample {}, expected finite numbers",
                    numbers[place],
                    self.info.classes[place % columns],
                    place / columns
                );
                Err(self.instance.broken(&call, problem))
            }
        }
    }
}

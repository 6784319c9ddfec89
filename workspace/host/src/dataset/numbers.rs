//! Datasets whose samples have numbers or several labels in place of classes.

use super::Dataset;
use crate::HostError;
use crate::call::Instance;
use crate::open;
use topwork_abi as abi;
use topwork_measure::TargetKind;

/// The abilities, with what an instance has that says so.
const ABILITIES: [(&str, TargetKind); 2] = [
    (abi::DATASET_NUMBERS, TargetKind::Numbers),
    (abi::DATASET_MULTILABEL, TargetKind::Multilabel),
];

/// The table of an ability, where the plugin offers it.
fn table(
    instance: &Instance,
    ability: &str,
    call: &str,
) -> Result<Option<abi::DatasetNumbersTable>, HostError> {
    let table = instance.extension(ability);
    if table.is_null() {
        return Ok(None);
    }
    // SAFETY: the id asked for gives the table this type.
    let table = unsafe { open::table::<abi::DatasetNumbersTable>(table) };
    table.map(Some).map_err(|problem| {
        let problem = format!("the table `{ability}` {problem}");
        instance.broken(call, problem)
    })
}

/// What an instance that names so many classes has in their place.
pub(super) fn targets(instance: &Instance, classes: usize) -> Result<TargetKind, HostError> {
    let mut found = TargetKind::Classes;
    for (ability, kind) in ABILITIES {
        let call = format!("saying whether it has {}", kind.word());
        let Some(function) = table(instance, ability, &call)?.and_then(|table| table.columns)
        else {
            continue;
        };
        let mut columns = 0;
        // SAFETY: instance, place and sink live during the call.
        instance.call(&call, |instance, error| unsafe {
            function(instance, &raw mut columns, error)
        })?;
        let problem = match columns {
            0 => continue,
            _ if found != TargetKind::Classes => "that it has numbers, too".to_owned(),
            columns if columns == classes => {
                found = kind;
                continue;
            }
            columns => format!(
                "{columns} columns of {}, expected {classes}, as it names, or 0",
                kind.word()
            ),
        };
        return Err(instance.broken(&call, problem));
    }
    Ok(found)
}

impl Dataset {
    /// The numbers of a split, sample by sample in its order, one for each column: all finite, or of several labels 0 or 1. None where it
    /// has classes.
    ///
    /// # Errors
    ///
    /// Whatever the plugin fails with; a plugin that breaks the contract.
    pub fn numbers(&self, split: &str) -> Result<Vec<f32>, HostError> {
        let kind = self.info.targets;
        let Some((ability, _)) = ABILITIES.into_iter().find(|(_, of)| *of == kind) else {
            return Ok(Vec::new());
        };
        let call = format!("reading the {} of split \"{split}\"", kind.word());
        let (index, len) = self.split(split, &call)?;
        let columns = self.info.classes.len();
        let table = table(&self.instance, ability, &call)?;
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
        let (fits, expected): (fn(f32) -> bool, &str) = match kind {
            TargetKind::Multilabel => (|number| number == 0.0 || number == 1.0, "0 or 1"),
            _ => (f32::is_finite, "finite numbers"),
        };
        match numbers.iter().position(|number| !fits(*number)) {
            None => Ok(numbers),
            Some(place) => {
                let problem = format!(
                    "{} for `{}` of sample {}, expected {expected}",
                    numbers[place],
                    self.info.classes[place % columns],
                    place / columns
                );
                Err(self.instance.broken(&call, problem))
            }
        }
    }
}

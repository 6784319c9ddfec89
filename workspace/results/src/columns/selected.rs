//! The columns of what rows have chosen on their training samples.

use topwork_events::{Selection, chosen_words};
use topwork_measure::Figure;

use super::{Column, Part, Value};
use crate::RowResult;

pub(super) const SELECTED_ON: Column =
    Column::new("selected-on", "selected on", Part::Cost, 6, |row| {
        let selected = selected(row.strategy).next();
        let value = match (selected, row.strategy.seeds.is_empty()) {
            (Some(selected), _) => Value::Text(selected.on.words()),
            (None, true) => Value::Missing,
            (None, false) => Value::Text("fixed".to_owned()),
        };
        value.into()
    })
    .left()
    .only(chooses);

pub(super) const CHOSEN: Column = Column::new("chosen", "chosen", Part::Cost, 5, |row| {
    let chosen = chosen_words(selected(row.strategy));
    match chosen.is_empty() {
        true => Value::Blank,
        false => Value::Text(chosen),
    }
    .into()
})
.left()
.only(chooses);

fn chooses(_: Option<&Figure>, rows: &[&RowResult]) -> bool {
    rows.iter().any(|row| selected(row).next().is_some())
}

/// What was chosen with each seed.
fn selected(row: &RowResult) -> impl Iterator<Item = &Selection> {
    row.seeds.iter().filter_map(|seed| seed.selected.as_ref())
}

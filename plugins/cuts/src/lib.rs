//! Rules that say where to cut any backbone: where its stages end, or its last cut points.

mod every_stage;
mod last_n;

use every_stage::EveryStage;
use last_n::LastN;
use topwork_sdk::{CutPlace, cut_rule, export_plugin};

export_plugin! {
    id: "cuts",
    licence: "MIT OR Apache-2.0",
    components: [cut_rule::<EveryStage>(), cut_rule::<LastN>()],
}

/// The places that the backbone itself declares as cut points; all of them where it declares none.
fn candidates(places: &[CutPlace]) -> Vec<&CutPlace> {
    let declared: Vec<&CutPlace> = places.iter().filter(|place| place.cut.is_some()).collect();
    match declared.is_empty() {
        true => places.iter().collect(),
        false => declared,
    }
}

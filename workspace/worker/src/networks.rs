//! Networks as viewers are told of them.

use topwork_engine::Blueprint;
use topwork_events::{CutPlan, LayerPlan, NetworkPlan};
use topwork_graft::{Backbone, layer_entries};
use topwork_schema::{Component, CutEntry, LayerEntry};

/// A network that is made here. `role` tells what it is for, `before` how many layers come before it.
pub fn network_plan(
    role: &str,
    component: &Component,
    before: usize,
    blueprint: &Blueprint,
) -> NetworkPlan {
    let cuts = blueprint.cuts().iter().filter_map(|cut| {
        Some(CutEntry {
            name: cut.name.clone(),
            layers: blueprint.cut(&cut.name)?,
        })
    });
    NetworkPlan {
        part: 0,
        role: role.to_owned(),
        component: component.component.clone(),
        computed_by: None,
        input: blueprint.input().dims().to_vec(),
        first: before + 1,
        layers: told(layer_entries(blueprint)),
        cuts: cuts_told(cuts),
    }
}

/// The backbone.
pub fn backbone_plan(backbone: &Backbone, component: &Component) -> NetworkPlan {
    let opaque = backbone.extractor().filter(|given| !given.network);
    let computed_by = opaque.map(|extractor| {
        let plugin = || format!("plugin {}", component.plugin());
        extractor.runtime.unwrap_or_else(plugin)
    });
    NetworkPlan {
        part: 0,
        role: "backbone".to_owned(),
        component: component.component.clone(),
        computed_by,
        input: backbone.input(),
        first: 1,
        layers: told(backbone.layers()),
        cuts: cuts_told(backbone.cuts()),
    }
}

fn told(layers: Vec<LayerEntry>) -> Vec<LayerPlan> {
    (layers.into_iter())
        .map(|layer| LayerPlan {
            output: layer.sizes().to_vec(),
            name: layer.name,
            op: layer.op,
            detail: layer.detail,
            parameters: layer.parameters,
            multiply_adds: layer.multiply_adds,
        })
        .collect()
}

fn cuts_told(cuts: impl IntoIterator<Item = CutEntry>) -> Vec<CutPlan> {
    let told = |CutEntry { name, layers }| CutPlan { name, layers };
    cuts.into_iter().map(told).collect()
}

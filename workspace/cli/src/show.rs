//! `topwork show`: the networks of an experiment, or where a model file can be cut.

mod model;

use serde_json::{Value, json};
use topwork_events::{LayerPlan, NetworkPlan};
use topwork_report::{Align, thousands};
use topwork_schema::CutPoint;

use crate::{
    arguments::{FileArguments, ShowArguments},
    experiment::{self, Checked, ask, request},
    failure::Failure,
    output::{self, print},
};

/// Shows layers, shapes, parameters and cut points.
pub fn show(arguments: &ShowArguments) -> Result<u8, Failure> {
    if model::is_model(&arguments.file.file) {
        return model::show(arguments);
    }
    show_experiment(&arguments.file, arguments.json)
}

fn show_experiment(arguments: &FileArguments, json: bool) -> Result<u8, Failure> {
    let Checked { plan, folders, .. } = experiment::check(arguments)?;
    let folder = arguments
        .file
        .parent()
        .unwrap_or(std::path::Path::new("."))
        .to_owned();
    let cuts: Vec<CutPoint> = plan.cuts().into_iter().cloned().collect();
    let mut request = request(&folders, Vec::new(), &folder);
    request.plan = Some(plan);
    let networks = ask(&request)?.networks.map_err(Failure::from)?;
    if json {
        return print_json(&json!({ "format": 1, "networks": networks }));
    }
    let mut text = String::new();
    for (index, network) in networks.iter().enumerate() {
        let cuts = if index == 0 { &cuts[..] } else { &[] };
        text.push_str(&describe(network, cuts));
        text.push('\n');
    }
    print(text.trim_end_matches('\n'))?;
    print("\n")?;
    Ok(0)
}

fn print_json(document: &Value) -> Result<u8, Failure> {
    output::data(&format!("{document:#}\n"))?;
    Ok(0)
}

fn describe(network: &NetworkPlan, made: &[CutPoint]) -> String {
    let columns = [
        ("", Align::Right),
        ("layer", Align::Left),
        ("op", Align::Left),
        ("", Align::Left),
        ("output", Align::Left),
        ("parameters", Align::Right),
        ("multiply-adds", Align::Right),
        ("cut points", Align::Left),
    ];
    let rows = network.layers.iter().enumerate().map(|(index, layer)| {
        let kept = index + network.first;
        let mut cuts: Vec<String> = (network.cuts.iter())
            .filter(|point| point.layers == kept)
            .map(|point| point.name.clone())
            .collect();
        if let Some(CutPoint { name, layers, .. }) = made.iter().find(|cut| cut.layers == kept) {
            cuts.retain(|point| point != name);
            cuts.insert(0, format!("◀ cut here: {name} ({layers} layers kept)"));
        }
        vec![
            kept.to_string(),
            layer.name.clone(),
            layer.op.clone(),
            layer.detail.clone(),
            shape(&layer.output),
            thousands(layer.parameters),
            thousands(layer.multiply_adds),
            cuts.join(", "),
        ]
    });
    let total = |figure: fn(&LayerPlan) -> u64| thousands(network.layers.iter().map(figure).sum());
    format!(
        "{}: {}, input {}\n{}{} parameters, {} multiply-adds per sample\n",
        network.role,
        network.component,
        shape(&network.input),
        output::table(&columns, rows),
        total(|layer| layer.parameters),
        total(|layer| layer.multiply_adds),
    )
}

fn shape(dims: &[usize]) -> String {
    dims.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("×")
}

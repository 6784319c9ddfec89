//! `topwork show`: the networks of an experiment, or where a model file can be cut.

mod model;

pub use model::is_model;

use std::path::Path;

use serde_json::{Value, json};
use topwork_events::{LayerPlan, NetworkPlan};
use topwork_measure::thousands;
use topwork_pages::Align;
use topwork_schema::{CutPoint, Plan};

use crate::{
    arguments::{FileArguments, ShowArguments},
    experiment::{self, Checked, ask, request},
    failure::{Failure, WRONG_USE},
    output::{self, print},
};

/// Shows layers, shapes, parameters and cut points.
pub fn show(arguments: &ShowArguments) -> Result<u8, Failure> {
    let file = &arguments.file.file;
    if model::is_model(file) {
        return model::show(arguments);
    }
    if file.is_dir() {
        let message = format!(
            "`{}` is a folder, expected an experiment or a model file",
            file.display()
        );
        let failure = Failure::new(WRONG_USE, message);
        return Err(match shown_in(file) {
            Some(names) => failure.hint(format!("in it lie {names}")),
            None => failure,
        });
    }
    show_experiment(&arguments.file, arguments.json)
}

/// What could be shown in a folder.
fn shown_in(folder: &Path) -> Option<String> {
    const MOST: usize = 5;
    let entries = std::fs::read_dir(folder).ok()?;
    let files = entries.flatten().map(|entry| entry.path());
    let mut files: Vec<String> = files
        .filter(|file| {
            let ending = file.extension().and_then(|ending| ending.to_str());
            ending.is_some_and(|ending| ["toml", "onnx"].contains(&ending))
        })
        .map(|file| format!("`{}`", file.display()))
        .collect();
    files.sort();
    files.truncate(MOST);
    (!files.is_empty()).then(|| files.join(", "))
}

fn show_experiment(arguments: &FileArguments, json: bool) -> Result<u8, Failure> {
    let Checked { plans, folders, .. } = experiment::check(arguments)?;
    let folder = arguments
        .file
        .parent()
        .unwrap_or(std::path::Path::new("."))
        .to_owned();
    let mut request = request(&folders, Vec::new(), &folder);
    // The layers of a backbone do not depend on what it is used for.
    let mut shown: Vec<&Plan> = Vec::new();
    for plan in plans.plans() {
        if !shown.iter().any(|known| known.backbone == plan.backbone) {
            shown.push(plan);
        }
    }
    request.plans = shown.iter().map(|plan| (*plan).clone()).collect();
    let networks = ask(&request)?.networks.map_err(Failure::from)?;
    if json {
        let networks: Vec<&NetworkPlan> = networks.iter().flatten().collect();
        return print_json(&json!({ "format": 1, "networks": networks }));
    }
    let mut text = String::new();
    for (plan, networks) in shown.into_iter().zip(&networks) {
        if let Some(backbone) = &plan.backbone {
            text.push_str(&format!("{backbone}\n\n"));
        }
        let cuts: Vec<CutPoint> = plan.cuts().into_iter().cloned().collect();
        for (index, network) in networks.iter().enumerate() {
            let cuts = if index == 0 { &cuts[..] } else { &[] };
            text.push_str(&describe(network, cuts));
            text.push('\n');
        }
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
    // Of what somebody else computes nobody can tell how much it is.
    let counts = network.computed_by.is_none();
    let mut columns = vec![
        ("", Align::Right),
        ("layer", Align::Left),
        ("op", Align::Left),
        ("", Align::Left),
        ("output", Align::Left),
    ];
    if counts {
        columns.extend([
            ("parameters", Align::Right),
            ("multiply-adds", Align::Right),
        ]);
    }
    columns.push(("cut points", Align::Left));
    let rows = network.layers.iter().enumerate().map(|(index, layer)| {
        let kept = index + network.first;
        let mut cuts: Vec<String> = (network.cuts.iter())
            .filter(|point| point.layers == kept)
            .map(|point| point.name.clone())
            .collect();
        let here: Vec<&str> = (made.iter().filter(|cut| cut.layers == kept))
            .map(|cut| cut.name.as_str())
            .collect();
        if !here.is_empty() {
            cuts.retain(|point| !here.contains(&point.as_str()));
            let names = here.join(", ");
            cuts.insert(0, format!("◀ cut here: {names} ({kept} layers kept)"));
        }
        let mut row = vec![
            kept.to_string(),
            layer.name.clone(),
            layer.op.clone(),
            layer.detail.clone(),
            shape(&layer.output),
        ];
        if counts {
            row.extend([layer.parameters, layer.multiply_adds].map(thousands));
        }
        row.push(cuts.join(", "));
        row
    });
    let total = |figure: fn(&LayerPlan) -> u64| thousands(network.layers.iter().map(figure).sum());
    let summary = match &network.computed_by {
        Some(runtime) => format!("computed by {runtime}\n"),
        None => format!(
            "{} parameters, {} multiply-adds per sample\n",
            total(|layer| layer.parameters),
            total(|layer| layer.multiply_adds)
        ),
    };
    format!(
        "{}: {}, input {}\n{}{summary}",
        network.role,
        network.component,
        shape(&network.input),
        output::table(&columns, rows),
    )
}

fn shape(dims: &[usize]) -> String {
    dims.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("×")
}

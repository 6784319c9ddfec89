//! `topwork check --json` and `topwork plan --json`: what the text says, for programs.

use std::path::Path;

use serde::Serialize;
use topwork_schema::{Category, Diagnostics};

use super::{
    data::{self, Task},
    matrix::Outlook,
};
use crate::experiment::Checked;

/// Version of both documents: it grows when a key goes or means something else, not when one is added.
const FORMAT: u32 = 1;

/// What a check comes to.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CheckReport<'a> {
    format: u32,
    file: &'a Path,
    ok: bool,
    /// Left out where there are mistakes.
    #[serde(skip_serializing_if = "Option::is_none")]
    experiment: Option<Outline<'a>>,
    errors: Vec<Finding<'a>>,
    warnings: Vec<Finding<'a>>,
}

/// An experiment that can be run.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Outline<'a> {
    name: &'a str,
    targets: Vec<&'a str>,
    backbones: Vec<&'a str>,
    strategies: usize,
    rows: usize,
    seeds: &'a [u64],
    tasks: Vec<Task>,
    images_compared: bool,
}

/// A mistake, or what may be one.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Finding<'a> {
    message: &'a str,
    hint: Option<&'a str>,
    category: Category,
    /// Both from 1; `null` where the file as a whole is meant.
    line: Option<usize>,
    column: Option<usize>,
}

fn findings(diagnostics: &Diagnostics) -> Vec<Finding<'_>> {
    let finding = |diagnostic| {
        let place = diagnostics.place(diagnostic);
        Finding {
            message: &diagnostic.message,
            hint: diagnostic.hint.as_deref(),
            category: diagnostic.category,
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
        }
    };
    diagnostics.iter().map(finding).collect()
}

/// An experiment without a mistake.
pub fn checked<'a>(file: &'a Path, checked: &'a Checked) -> CheckReport<'a> {
    let plans = &checked.plans;
    let experiment = plans.experiment();
    CheckReport {
        format: FORMAT,
        file,
        ok: true,
        experiment: Some(Outline {
            name: &experiment.name,
            targets: plans.targets(),
            backbones: plans.backbones(),
            strategies: plans.strategies(),
            rows: plans.rows(),
            seeds: &experiment.seeds,
            tasks: data::tasks(checked),
            images_compared: data::compared(checked),
        }),
        errors: Vec::new(),
        warnings: findings(&checked.warnings),
    }
}

/// One with mistakes.
pub fn mistaken<'a>(file: &'a Path, diagnostics: &'a Diagnostics) -> CheckReport<'a> {
    CheckReport {
        format: FORMAT,
        file,
        ok: false,
        experiment: None,
        errors: findings(diagnostics),
        warnings: Vec::new(),
    }
}

/// What a run would do.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlanReport<'a> {
    format: u32,
    file: &'a Path,
    parts: &'a [Part],
}

/// One backbone with one target.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Part {
    /// Its name, where the experiment has several.
    pub target: Option<String>,
    /// Its name, where the experiment has several.
    pub backbone: Option<String>,
    /// What is done, in this order.
    pub stages: Vec<Stage>,
    /// What comes out, and what of it is there.
    #[serde(flatten)]
    pub outlook: Outlook,
}

/// One stage.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stage {
    pub title: String,
    /// `null` for what all seeds share.
    pub seed: Option<u64>,
    /// In words.
    pub what: String,
}

/// What a run of this file would do.
pub fn planned<'a>(file: &'a Path, parts: &'a [Part]) -> PlanReport<'a> {
    PlanReport {
        format: FORMAT,
        file,
        parts,
    }
}

//! The networks of a plan, layer by layer.

use topwork_events::NetworkPlan;
use topwork_graft::{Backbone, GraftError, head_blueprint, shape};
use topwork_host::Plugins;
use topwork_schema::{Component, CutPoint, Plan, Problem, Row};

use super::problem::problem;
use crate::networks::{backbone_plan, network_plan};

/// The backbone first, then the heads that are trained.
pub(super) fn networks(plugins: &Plugins, plan: &Plan) -> Result<Vec<NetworkPlan>, Problem> {
    let experiment = &plan.experiment;
    let fail = |error: GraftError| problem(&error);
    let backbone = Backbone::of_plan(plugins, plan).map_err(fail)?;
    let mut entries = vec![backbone_plan(&backbone, &experiment.backbone)];
    let mut push = |role: &str, component: &Component, before, features: &[usize], classes| {
        let head = head_blueprint(plugins, component, features, classes).map_err(fail)?;
        entries.push(network_plan(role, component, before, &head));
        Ok(())
    };
    if let Some(source) = &experiment.source {
        let features = backbone.blueprint().map_err(fail)?.output();
        let classes = plan.source_classes.len();
        let before = backbone.layers().len();
        push(
            "source head",
            &source.head,
            before,
            features.dims(),
            classes,
        )?;
    }
    for (index, strategy) in experiment.strategies.iter().enumerate() {
        let mut cuts: Vec<&CutPoint> = (plan.rows.iter())
            .filter(|row| row.strategy == index)
            .flat_map(Row::cuts)
            .collect();
        cuts.dedup();
        if strategy.kind.fits_a_classifier() {
            continue;
        }
        let several = cuts.len() > 1;
        for cut in cuts {
            let activations = backbone.activations_at(cut).map_err(fail)?;
            let features = match cut.reduction.pca {
                Some(components) => vec![components],
                None => shape(&activations, cut.reduction),
            };
            let classes = plan.target_classes.len();
            let role = match several {
                true => format!("{} · {}", strategy.name, cut.name),
                false => strategy.name.clone(),
            };
            push(&role, &strategy.head, cut.layers, &features, classes)?;
        }
    }
    Ok(entries)
}

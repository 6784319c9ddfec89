//! What components say of themselves, for the check of an experiment.

use std::path::Path;

use topwork_graft::{Backbone, initialised, load_weights};
use topwork_host::{CutPlace, Kind, Plugins, RuleCut, RulePool};
use topwork_schema::{
    Catalog, Component, ComponentEntry, ComponentKind, CutChoice, Described, Description,
    PluginEntry, Pool, Problem, SkippedPlugin, Use, UseKind, resolve_parameters,
};

use super::data::Data;
use super::problem::problem;

/// What is known of the installed components, and of the used ones with their parameters; `weights`
/// is a file to try on the backbone, `data` takes the datasets opened.
pub(crate) fn catalog(
    plugins: &Plugins,
    uses: &[Use],
    folder: &Path,
    weights: Option<&Path>,
    mut data: Option<&mut Data<'_>>,
) -> Catalog {
    let mut components = Vec::new();
    for plugin in plugins.list() {
        for component in &plugin.components {
            components.push(ComponentEntry {
                kind: match component.kind {
                    Kind::Backbone => ComponentKind::Backbone,
                    Kind::Extractor => ComponentKind::Extractor,
                    Kind::CutRule => ComponentKind::CutRule,
                    Kind::Dataset => ComponentKind::Dataset,
                    Kind::NetworkHead => ComponentKind::NetworkHead,
                    Kind::ClassifierHead => ComponentKind::ClassifierHead,
                },
                plugin: plugin.id.clone(),
                id: component.id.clone(),
                about: component.about.clone(),
                schema: component.schema.clone(),
                numbers: component.numbers,
            });
        }
    }
    let skipped = (plugins.skipped().iter())
        .map(|skipped| SkippedPlugin {
            path: skipped.path.display().to_string(),
            reason: skipped.reason.clone(),
        })
        .collect();
    // Rules choose cuts for the backbone, so that comes first.
    let mut backbone = None;
    let described = (uses.iter())
        .filter_map(|of| {
            Some(Described {
                of: of.clone(),
                outcome: describe(plugins, of, folder, &mut backbone, data.as_deref_mut())?,
            })
        })
        .collect();
    let weights = match (&backbone, weights) {
        (Some(Backbone::Network(blueprint)), Some(path)) if path.is_file() => {
            let mut network = initialised(blueprint, 0, "backbone");
            let loaded = load_weights(&mut network, path);
            Some(loaded.map_err(|error| problem(&error)))
        }
        _ => None,
    };
    let published = match &backbone {
        Some(Backbone::Network(blueprint)) => blueprint.published_normalise(),
        _ => None,
    };
    Catalog {
        weights,
        published: published.map(|published| topwork_schema::Normalise {
            mean: published.mean.clone(),
            std: published.std.clone(),
        }),
        counted: Vec::new(),
        content: None,
        plugins: (plugins.list().iter())
            .map(|plugin| PluginEntry {
                id: plugin.id.clone(),
                path: plugin.path.display().to_string(),
                sha256: plugin.sha256.clone(),
            })
            .collect(),
        components,
        skipped,
        described,
    }
}

/// What a used component says of itself. `None` when there is no such component: the check of
/// the file says so, with the place.
fn describe(
    plugins: &Plugins,
    of: &Use,
    folder: &Path,
    backbone: &mut Option<Backbone>,
    data: Option<&mut Data<'_>>,
) -> Option<Result<Description, Problem>> {
    let kinds: &[Kind] = match of.kind {
        UseKind::Backbone => &Kind::BACKBONES,
        UseKind::Cut => &[Kind::CutRule],
        UseKind::Dataset => &[Kind::Dataset],
        UseKind::Head => &Kind::HEADS,
    };
    let (plugin, component) = plugins.find(kinds, &of.component).ok()?;
    let parameters = resolve_parameters(&component.schema, of.parameters.as_object()?, folder);
    let id = format!("{}/{}", plugin.id, component.id);
    let description = match component.kind {
        Kind::Dataset => {
            if let Some(data) = &data {
                data.begin();
            }
            let opened = plugins.dataset(&id, &parameters.clone().into());
            opened.map(|dataset| {
                let info = dataset.describe().clone();
                if let Some(data) = data {
                    let component = id;
                    data.add(
                        Component {
                            component,
                            parameters,
                        },
                        dataset,
                    );
                }
                Description::Dataset {
                    classes: info.classes,
                    targets: info.targets,
                    shape: info.shape,
                    splits: (info.splits.into_iter())
                        .map(|split| (split.name, split.len))
                        .collect(),
                }
            })
        }
        Kind::NetworkHead => plugins
            .network_head(&id, &parameters.into())
            .map(|_| Description::Head),
        Kind::ClassifierHead => plugins
            .classifier(&id, &parameters.into())
            .map(|_| Description::Head),
        Kind::Backbone | Kind::Extractor => {
            let component = Component {
                component: id,
                parameters,
            };
            let opened = match Backbone::open(plugins, &component) {
                Ok(opened) => backbone.insert(opened),
                Err(error) => return Some(Err(problem(&error))),
            };
            Ok(Description::Backbone {
                input: opened.input(),
                layers: opened.layers(),
                cuts: opened.cuts(),
                extractor: opened.extractor(),
                opaque_because: opened.opaque_because().map(str::to_owned),
            })
        }
        Kind::CutRule => {
            let backbone = backbone.as_ref()?;
            let places = backbone.places();
            let rule = plugins.cut_rule(&id, &parameters.into());
            let cuts = rule.and_then(|rule| rule.cuts(&backbone.input(), &places));
            cuts.map(|cuts| Description::Cuts(choices(cuts, &places)))
        }
    };
    Some(description.map_err(|error| problem(&error.into())))
}

/// The cuts of a rule, each with the layers it keeps.
fn choices(cuts: Vec<RuleCut>, places: &[CutPlace]) -> Vec<CutChoice> {
    (cuts.into_iter())
        .filter_map(|cut| {
            let last = places.iter().position(|place| place.name == cut.after)?;
            Some(CutChoice {
                name: cut.name,
                layers: last + 1,
                pool: cut.pool.map(|pool| match pool {
                    RulePool::Gap => Pool::Gap,
                    RulePool::Gmp => Pool::Gmp,
                    RulePool::Flatten => Pool::Flatten,
                    RulePool::Pyramid => Pool::Pyramid,
                }),
            })
        })
        .collect()
}

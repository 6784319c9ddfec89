//! A look at plugins, for a process that must not load them itself: which there are, and what
//! the components of an experiment say of themselves.

mod catalog;
mod data;
mod networks;
mod observer;
mod problem;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use topwork_events::NetworkPlan;
use topwork_host::{HostError, Kind, Level, Observer, Options, PluginInfo, Plugins};
use topwork_schema::{
    Ask, Catalog, Category, Component, Plan, Problem, check_parameters, resolve_parameters,
};

use self::data::Data;
use self::networks::networks;
pub use self::problem::problem;
pub(crate) use self::{catalog::catalog, observer::Calls};
use crate::{PlannedFeatures, planned::planned_features};

/// What to look at.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProbeRequest {
    /// Folders plugins are loaded from.
    pub plugin_folders: Vec<PathBuf>,
    /// Folders plugins find their data in.
    pub data_folders: Vec<PathBuf>,
    /// Folder plugins may keep derived files in.
    pub cache_folder: PathBuf,
    /// The components to create and ask, for each backbone with each target.
    pub asks: Vec<Ask>,
    /// What paths among their parameters are relative to.
    pub folder: PathBuf,
    /// File the plugin call in progress is noted in, so that a crash can be attributed.
    pub call_path: PathBuf,
    /// Plans whose networks are to be described.
    pub plans: Vec<Plan>,
    /// Whether to tell which features the plans need; this reads the data.
    pub explain: bool,
    /// Files of the backbone as the source leaves it, by seed, where they are known.
    #[serde(default)]
    pub source_weights: Vec<(u64, PathBuf)>,
    /// A backbone whose blueprint is wanted; its parameters as written.
    #[serde(default)]
    pub blueprint: Option<Component>,
    /// Whether to compare all images of the datasets, as far as there is time.
    #[serde(default)]
    pub compare: bool,
}

impl ProbeRequest {
    /// How long the answer may take: plugins only say what they are, unless all images are read.
    pub fn limit(&self) -> Duration {
        Duration::from_secs(if self.explain { 3600 } else { 60 })
    }

    /// File in which how far a plugin says it is stands, for people.
    pub fn progress_path(&self) -> PathBuf {
        self.call_path.with_extension("progress")
    }
}

/// What was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProbeAnswer {
    /// The plugins.
    pub plugins: Vec<PluginInfo>,
    /// Everything the experiment file is checked against, one for each of what was asked; at least one.
    pub catalogs: Vec<Catalog>,
    /// The networks of each plan: the backbone first, then the heads.
    pub networks: Result<Vec<Vec<NetworkPlan>>, Problem>,
    /// The features each plan needs, where that was asked for.
    pub features: Result<Vec<Vec<PlannedFeatures>>, Problem>,
    /// The blueprint, where one was wanted.
    pub blueprint: Result<Option<BlueprintAnswer>, Problem>,
    /// What plugins said of the data they were asked for.
    pub heard: Vec<Heard>,
}

/// A line that a plugin wrote to its log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Heard {
    /// The dataset it was asked for, its parameters resolved.
    pub dataset: Component,
    /// How much it matters.
    pub level: Level,
    /// The text, without control characters.
    pub text: String,
}

/// A backbone's blueprint.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BlueprintAnswer {
    /// `plugin/component`.
    pub component: String,
    /// As the plugin gives it.
    pub json: String,
}

/// Loads the plugins and answers.
pub fn probe(request: &ProbeRequest) -> ProbeAnswer {
    // A dataset may have to look at many files.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (limit, progress) = (request.limit(), request.progress_path());
    let calls = Arc::new(Calls::new(&request.call_path, progress, limit));
    let plugins = Plugins::load(Options {
        folders: request.plugin_folders.clone(),
        data_folders: request.data_folders.clone(),
        cache_folder: request.cache_folder.clone(),
        threads,
        observer: Arc::clone(&calls) as Arc<dyn Observer>,
    });
    let mut data = Data::new(&calls);
    let nothing = [Ask::default()];
    let asks = match request.asks.as_slice() {
        [] => &nothing,
        asks => asks,
    };
    let mut catalogs: Vec<Catalog> = (asks.iter())
        .map(|ask| {
            let weights = ask.weights.as_deref();
            catalog(
                &plugins,
                &ask.uses,
                &request.folder,
                weights,
                Some(&mut data),
            )
        })
        .collect();
    let counted = std::mem::take(&mut data.counted);
    let content = (request.compare).then(|| data.compare(threads)).flatten();
    for catalog in &mut catalogs {
        catalog.counted.clone_from(&counted);
        catalog.content.clone_from(&content);
    }
    let plans = request.plans.iter();
    ProbeAnswer {
        catalogs,
        heard: data.heard,
        networks: plans.clone().map(|plan| networks(&plugins, plan)).collect(),
        features: match request.explain {
            true => plans
                .map(|plan| planned_features(&plugins, plan, &request.source_weights))
                .collect::<Result<_, _>>()
                .map_err(|error| problem(&error)),
            false => Ok(Vec::new()),
        },
        blueprint: (request.blueprint.as_ref())
            .map(|component| blueprint(&plugins, component, &request.folder))
            .transpose(),
        plugins: plugins.list().to_vec(),
    }
}

/// What a backbone that no experiment names says of its layers.
fn blueprint(
    plugins: &Plugins,
    component: &Component,
    folder: &Path,
) -> Result<BlueprintAnswer, Problem> {
    let fail = |error: HostError| problem(&error.into());
    let (plugin, found) = (plugins.find(&[Kind::Backbone], &component.component)).map_err(fail)?;
    let parameters = resolve_parameters(&found.schema, &component.parameters, folder);
    check_parameters(&found.schema, &parameters).map_err(|reason| Problem {
        category: Category::Experiment,
        message: format!("parameters of `{}`: {reason}", found.id),
        hint: Some(format!("`topwork plugins show {}` lists them", found.id)),
    })?;
    let id = format!("{}/{}", plugin.id, found.id);
    let backbone = plugins.backbone(&id, &parameters.into()).map_err(fail)?;
    Ok(BlueprintAnswer {
        component: id,
        json: backbone.blueprint().map_err(fail)?,
    })
}

//! A look at plugins, for a process that must not load them itself: which there are, and what
//! the components of an experiment say of themselves.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use topwork_events::NetworkPlan;
use topwork_host::{
    CutPlace, ErrorKind, HostError, Kind, Level, Observer, Options, PluginInfo, Plugins, RuleCut,
    RulePool,
};
use topwork_report::thousands;
use topwork_schema::{
    Catalog, Category, Component, ComponentEntry, ComponentKind, CutChoice, CutPoint, Described,
    Description, Plan, PluginEntry, Pool, Problem, SkippedPlugin, Use, UseKind, check_parameters,
    resolve_parameters,
};
use topwork_store::CallRecorder;

use crate::{
    PlannedFeatures, WorkerError,
    backbone::Backbone,
    network::{head_blueprint, initialised, load_weights, network_plan},
    planned::planned_features,
    probe_data::Data,
    reduce,
    watchdog::Watchdog,
};

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
    /// The components to create and ask.
    pub uses: Vec<Use>,
    /// What paths among their parameters are relative to.
    pub folder: PathBuf,
    /// File the plugin call in progress is noted in, so that a crash can be attributed.
    pub call_path: PathBuf,
    /// A plan whose networks are to be described.
    pub plan: Option<Plan>,
    /// Whether to tell which features the plan needs; this reads the data.
    pub explain: bool,
    /// Files of the backbone as the source leaves it, by seed, where they are known.
    #[serde(default)]
    pub source_weights: Vec<(u64, PathBuf)>,
    /// A backbone whose blueprint is wanted; its parameters as written.
    #[serde(default)]
    pub blueprint: Option<Component>,
    /// A file of weights to try on the backbone among the uses.
    #[serde(default)]
    pub weights: Option<PathBuf>,
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
    /// Everything the experiment file is checked against.
    pub catalog: Catalog,
    /// The networks of the plan: the backbone first, then the heads.
    pub networks: Result<Vec<NetworkPlan>, Problem>,
    /// The features the plan needs, where that was asked for.
    pub features: Result<Vec<PlannedFeatures>, Problem>,
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
    let calls = Arc::new(Calls {
        watchdog: CallRecorder::create(&request.call_path)
            .ok()
            .map(Watchdog::new),
        patience: Instant::now() + request.limit() / 2,
        progress: Mutex::new((Instant::now(), request.progress_path())),
        heard: Mutex::default(),
    });
    let plugins = Plugins::load(Options {
        folders: request.plugin_folders.clone(),
        data_folders: request.data_folders.clone(),
        cache_folder: request.cache_folder.clone(),
        threads,
        observer: Arc::clone(&calls) as Arc<dyn Observer>,
    });
    let mut data = Data::new(&calls);
    let weights = request.weights.as_deref();
    let mut catalog = catalog(
        &plugins,
        &request.uses,
        &request.folder,
        weights,
        Some(&mut data),
    );
    catalog.counted = std::mem::take(&mut data.counted);
    if request.compare {
        catalog.content = data.compare(threads);
    }
    ProbeAnswer {
        catalog,
        heard: data.heard,
        networks: request
            .plan
            .as_ref()
            .map_or(Ok(Vec::new()), |plan| networks(&plugins, plan)),
        features: match &request.plan {
            Some(plan) if request.explain => {
                planned_features(&plugins, plan, &request.source_weights)
                    .map_err(|error| problem(&error))
            }
            _ => Ok(Vec::new()),
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

/// Notes the plugin call in progress and how far it is, and keeps what is said of the data.
pub(crate) struct Calls {
    /// Without the file a crash is told all the same, only not in which plugin.
    watchdog: Option<Watchdog>,
    /// From when on calls are asked to end soon: half an answer in time is better than none.
    patience: Instant,
    /// When progress was last noted, and where.
    progress: Mutex<(Instant, PathBuf)>,
    /// What was said and not taken yet.
    heard: Mutex<Vec<(Level, String)>>,
}

/// So many lines of one dataset are kept: nobody reads more.
const MOST_HEARD: usize = 1000;

impl Calls {
    /// What was said since the last time.
    pub(crate) fn take_heard(&self) -> Vec<(Level, String)> {
        std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether there is time for more.
    pub(crate) fn has_time(&self) -> bool {
        Instant::now() < self.patience
    }
}

/// How often progress is noted at the most.
const NOTED: Duration = Duration::from_millis(100);

impl Observer for Calls {
    fn call(&self, plugin: &str, call: &str) {
        if let Some(calls) = &self.watchdog {
            calls.entered(plugin, call);
        }
    }
    fn returned(&self) {
        if let Some(calls) = &self.watchdog {
            calls.left();
        }
    }
    fn log(&self, _: &str, level: Level, text: &str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if level != Level::Debug && heard.len() < MOST_HEARD {
            heard.push((level, text.to_owned()));
        }
    }
    fn progress(&self, _: &str, done: u64, total: u64, what: &str) {
        // Another thread is at it.
        let Ok(mut noted) = self.progress.try_lock() else {
            return;
        };
        if noted.0.elapsed() >= NOTED {
            let done = match total {
                0 => thousands(done),
                total => format!("{} of {}", thousands(done), thousands(total)),
            };
            // Nobody misses a note that could not be written.
            let _ = std::fs::write(&noted.1, format!("{done} {what}"));
            noted.0 = Instant::now();
        }
    }
    fn should_stop(&self) -> bool {
        !self.has_time()
    }
}

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

fn networks(plugins: &Plugins, plan: &Plan) -> Result<Vec<NetworkPlan>, Problem> {
    let experiment = &plan.experiment;
    let fail = |error: WorkerError| problem(&error);
    let backbone = Backbone::open(plugins, &experiment.backbone).map_err(fail)?;
    let mut entries = vec![backbone.plan(&experiment.backbone)];
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
            .map(|row| &row.cut)
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
                None => reduce::shape(&activations, cut.reduction),
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

/// A failure as the check of an experiment file wants it.
pub(crate) fn problem(error: &WorkerError) -> Problem {
    let category = match error {
        WorkerError::Weights { .. } => Category::Data,
        WorkerError::Host(error) => category(error),
        WorkerError::Blueprint { .. } => Category::Plugin,
        _ => Category::Experiment,
    };
    Problem {
        category,
        message: error.to_string(),
        hint: error.hint(),
    }
}

fn category(error: &HostError) -> Category {
    match error.kind() {
        ErrorKind::Parameters | ErrorKind::Stopped => Category::Experiment,
        ErrorKind::Plugin => Category::Plugin,
        ErrorKind::Data => Category::Data,
    }
}

//! A run, or an experiment, opened to be used: its plan, plugins and backbone.

use std::path::Path;

use topwork_engine::{Compute, Network};
use topwork_graft::{
    Backbone, FeaturePass, Fold, GraftError, Model, Predictor, ReadPart, Services, Tools, engine,
    initialised, load_weights,
};
use topwork_host::{Level, Plugins};
use topwork_keys::FeatureKey;
use topwork_schema::{Plan, Row, Start, WantedNormalise};
use topwork_store::{FeatureCache, Lookup, Manifest, RunFolder};

use crate::{
    ApplyError, Fits,
    speaker::{Speaker, is_stopped},
};

/// What finished work is used with: says what it has to say, keeps features where they are kept.
pub struct Conductor<'a> {
    pub speaker: &'a Speaker,
    pub cache: Option<FeatureCache>,
}

impl Services for Conductor<'_> {
    fn step(&self, progress: topwork_graft::Progress<'_>) -> Result<(), topwork_graft::Halt> {
        self.speaker.progress(progress.done, Some(progress.total));
        self.check_stop()
    }

    fn check_stop(&self) -> Result<(), topwork_graft::Halt> {
        match is_stopped() {
            true => Err(topwork_graft::Halt {
                stopped: true,
                cause: Box::new(ApplyError::Stopped),
            }),
            false => Ok(()),
        }
    }

    fn log(&self, level: Level, _: &str, text: String) -> Result<(), topwork_graft::Halt> {
        self.speaker.tell(level, text);
        Ok(())
    }

    fn features(
        &self,
        key: &FeatureKey,
    ) -> Result<Option<(topwork_graft::Held, f64)>, topwork_graft::Halt> {
        // A damaged entry was removed, and one that cannot be read is computed again.
        let found = self.cache.as_ref().and_then(|cache| cache.get(key).ok());
        Ok(match found {
            Some(Lookup::Hit(values, seconds)) => Some((Box::new(values), seconds)),
            _ => None,
        })
    }

    fn keep_features(
        &self,
        key: &FeatureKey,
        values: &[f32],
        seconds: f64,
    ) -> Result<(), topwork_graft::Halt> {
        if let Some(cache) = &self.cache
            && let Err(error) = cache.put(key, values, seconds)
        {
            let text = format!("cannot keep features for other runs: {error}");
            self.speaker.tell(Level::Warning, text);
        }
        Ok(())
    }

    fn keeps_features(&self) -> bool {
        self.cache.is_some()
    }

    fn may_have_features(&self, key: &FeatureKey) -> bool {
        (self.cache.as_ref()).is_some_and(|cache| cache.may_hold(key))
    }
}

/// Opens what one fit of a row has left.
type Open<'a, T> =
    fn(&Tools<'a>, &Row, &Model, Option<&Network>, ReadPart<'_>) -> Result<T, GraftError>;

/// A run whose models are to be used.
pub struct OpenedRun<'a> {
    folder: RunFolder,
    pub plan: Plan,
    pub backbone: Backbone,
    plugins: &'a Plugins,
    compute: &'a Compute,
}

impl<'a> OpenedRun<'a> {
    /// Reads the plan and opens the backbone. Plugins need not be to the byte what they were: a program that was built anew can use
    /// the models of an older one. It is told, and what the backbone computes is compared where it says so.
    pub fn open(
        path: &Path,
        plugins: &'a Plugins,
        compute: &'a Compute,
        speaker: &Speaker,
    ) -> Result<Self, ApplyError> {
        let folder = RunFolder::at(path);
        let manifest = folder.manifest()?;
        let plan = topwork_worker::plan_as_made(&folder, plugins)?;
        tell_changed_plugins(&manifest, plugins, speaker);
        let backbone = Backbone::of_plan(plugins, &plan)?;
        if let Some((then, now)) = plan.extractor.as_ref().zip(backbone.extractor())
            && then.digest != now.digest
        {
            return Err(ApplyError::Other {
                message: format!(
                    "the files of the backbone `{}` have changed since the run: {}, expected {}",
                    plan.experiment.backbone.component,
                    now.digest.as_deref().unwrap_or("unknown"),
                    then.digest.as_deref().unwrap_or("unknown"),
                ),
                hint: Some("put the file back that the run was made with".to_owned()),
            });
        }
        Ok(Self {
            folder,
            plan,
            backbone,
            plugins,
            compute,
        })
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn tools<'b>(&'b self, services: &'b dyn Services) -> Tools<'b> {
        Tools {
            plan: &self.plan,
            plugins: self.plugins,
            compute: self.compute,
            backbone: &self.backbone,
            services,
        }
    }

    /// The row at this position.
    pub fn row(&self, row: usize) -> Result<&Row, ApplyError> {
        self.plan.rows.get(row).ok_or_else(|| ApplyError::Other {
            message: format!("row {}: the run has {}", row + 1, self.plan.rows.len()),
            hint: None,
        })
    }

    /// The backbone as the source has left it with this seed; `None` where there is no source, or `weights` is a file.
    pub fn trained(&self, seed: u64) -> Result<Option<Network>, ApplyError> {
        if self.plan.experiment.source.is_none() {
            return Ok(None);
        }
        let path = self.folder.weights_path("backbone", seed);
        Ok(Some(trained(&self.backbone, seed, &path)?))
    }

    /// What the row has fitted, for each fold asked for.
    pub fn predictors<'b>(
        &'b self,
        fits: &Fits,
        services: &'b dyn Services,
    ) -> Result<Vec<Predictor<'b>>, ApplyError> {
        self.fitted(fits, services, Predictor::open)
    }

    /// What the heads of these fits get, whether the heads were kept or not.
    pub fn passes<'b>(
        &'b self,
        fits: &Fits,
        services: &'b dyn Services,
    ) -> Result<Vec<FeaturePass<'b>>, ApplyError> {
        self.fitted(fits, services, FeaturePass::open)
    }

    fn fitted<'b, T>(
        &'b self,
        fits: &Fits,
        services: &'b dyn Services,
        open: Open<'b, T>,
    ) -> Result<Vec<T>, ApplyError> {
        let row = self.row(fits.row)?;
        let strategy = self.plan.strategy(row);
        let needs_source = strategy.weights == Start::Source && !strategy.kind.trains_the_trunk();
        let trained = match needs_source {
            true => self.trained(fits.seed)?,
            false => None,
        };
        let tools = self.tools(services);
        let folds: Vec<Option<u32>> = match fits.folds.is_empty() {
            true => vec![None],
            false => fits.folds.iter().copied().map(Some).collect(),
        };
        folds
            .into_iter()
            .map(|fold| {
                let title = self.plan.title(row);
                let place = self.folder.model(fits.row, &title, fits.seed, fold);
                let described = place.read("model", "json");
                let model = match described.map(|bytes| serde_json::from_slice(&bytes)) {
                    Some(Ok(model)) => model,
                    Some(Err(error)) => {
                        return Err(ApplyError::Other {
                            message: format!(
                                "`{}` cannot be read: {error}",
                                place.part("model", "json").display()
                            ),
                            hint: None,
                        });
                    }
                    // Runs of versions before 0.1 had no descriptions: the plan says the same.
                    None => self.described(row, fits.seed, fold),
                };
                let read = |part: &str, extension: &str| place.read(part, extension);
                Ok(open(&tools, row, &model, trained.as_ref(), &read)?)
            })
            .collect()
    }

    fn described(&self, row: &Row, seed: u64, number: Option<u32>) -> Model {
        let of = number.unwrap_or(1);
        let fold = number.map(|number| Fold { number, of });
        let input = <[usize; 3]>::try_from(self.backbone.input()).unwrap_or_default();
        Model::of(&self.plan, (row, &row.cut), seed, fold, input)
    }
}

/// Whether a backbone has weights to compute with: trained or random ones, as said, its own, or those of a plugin.
pub fn knows_weights(backbone: &Backbone, said: bool) -> Result<(), ApplyError> {
    let none = matches!(backbone, Backbone::Network(_)) && backbone.given().is_none() && !said;
    match none {
        false => Ok(()),
        true => Err(ApplyError::Other {
            message: "the backbone has learnt nothing: the experiment has neither `[source]` nor `backbone.weights`".to_owned(),
            hint: Some("`--random` takes its random weights".to_owned()),
        }),
    }
}

/// The backbone that a source has trained, from its file.
pub fn trained(backbone: &Backbone, seed: u64, path: &Path) -> Result<Network, ApplyError> {
    let mut network = initialised(backbone.blueprint()?, seed, "backbone");
    load_weights(&mut network, path)?;
    Ok(network)
}

/// Opens the pool.
pub fn pool(threads: usize) -> Result<Compute, ApplyError> {
    Ok(Compute::new(threads).map_err(engine("starting"))?)
}

fn tell_changed_plugins(manifest: &Manifest, plugins: &Plugins, speaker: &Speaker) {
    let changed: Vec<&str> = (manifest.plugins.iter())
        .filter(|used| {
            let found = plugins.list().iter().find(|plugin| plugin.id == used.id);
            found.is_some_and(|found| found.sha256 != used.sha256)
        })
        .map(|used| used.id.as_str())
        .collect();
    if !changed.is_empty() {
        let (word, are) = match changed.len() {
            1 => ("plugin", "is"),
            _ => ("plugins", "are"),
        };
        speaker.tell(
            Level::Info,
            format!(
                "the {word} {} {are} not to the byte what the run was made with: last digits may differ",
                changed.join(", ")
            ),
        );
    }
}

/// How images must be normalised for a backbone that says so.
pub fn wanted_normalise(
    backbone: &Backbone,
    given: Option<topwork_schema::Normalise>,
    stated: bool,
) -> Result<Option<topwork_schema::Normalise>, ApplyError> {
    let Some(extractor) = backbone.extractor() else {
        return Ok(given);
    };
    match (extractor.normalise, given) {
        (WantedNormalise::Exactly(wanted), _) => Ok(Some(wanted)),
        (WantedNormalise::Stated, None) if !stated => Err(ApplyError::Other {
            message: "the backbone cannot know how images must be normalised".to_owned(),
            hint: Some(
                "`--normalise imagenet` or `--normalise MEAN,…/STD,…` says it, `--normalise none` that images stay as they are"
                    .to_owned(),
            ),
        }),
        (_, given) => Ok(given),
    }
}

//! One request, from opening the plugins to the last line.

use std::{io::Write, path::Path, sync::Arc};

use serde_json::{Map, Value, json};
use topwork_engine::Compute;
use topwork_graft::{
    Backbone, Extraction, FeaturePass, Services, Tools, Trunk,
    data::{Draw, SplitName, TaskExamples, channels_of, draws, seen, view},
};
use topwork_host::{Decoder, Kind, Options, Plugins, Seen};
use topwork_measure::TargetKind;
use topwork_schema::{Component, DatasetUse, Plan, Start, TaskRole, resolve_parameters};
use topwork_store::FeatureCache;
use topwork_tasks::TrunkId;

use crate::{
    ApplyError, BareBackbone, Done, Export, Fits, Images, Output, Request, Said, Split, TrunkOf,
    Work,
    cuts::{cut_of, cut_of_backbone, fits_input, input_of},
    evaluate::{Evaluation, Labelled, resolved},
    export::Exporting,
    features::Described,
    images::{Examples, Files, Item, OfSplit, Source},
    opened::{Conductor, OpenedRun, knows_weights, pool, trained, wanted_normalise},
    predict::Predictions,
    rows::Table,
    speaker::Speaker,
};

/// The dataset whose way to decode files is taken where that of a run cannot decode any.
const DECODES: &str = "image-folder";

/// Does what is asked; `out` hears how far it is and how it ended, `table` takes what goes to standard output.
pub fn serve(request: &Request, out: Box<dyn Write + Send>, table: Box<dyn Write + Send>) {
    let speaker = Arc::new(Speaker::new(out, &request.call_path));
    let end = match done(request, &speaker, table) {
        Ok(done) => Said::Done(done),
        Err(error) if error.is_broken_pipe() => Said::Done(Done {
            cut_short: true,
            ..Done::default()
        }),
        Err(error) => Said::Failed(error.problem()),
    };
    speaker.say(&end);
}

fn done(
    request: &Request,
    speaker: &Arc<Speaker>,
    table: Box<dyn Write + Send>,
) -> Result<Done, ApplyError> {
    let plugins = Plugins::load(Options {
        folders: request.plugin_folders.clone(),
        data_folders: request.data_folders.clone(),
        cache_folder: request.cache_folder.clone(),
        threads: request.threads,
        observer: Arc::clone(speaker) as Arc<dyn topwork_host::Observer>,
    });
    let compute = pool(request.threads)?;
    let cache =
        (request.feature_cache.as_ref()).map(|cache| FeatureCache::at(&cache.folder, cache.limit));
    let at_work = AtWork {
        plugins: &plugins,
        compute: &compute,
        speaker,
        conductor: Conductor { speaker, cache },
    };
    match &request.work {
        Work::Predict {
            fits,
            images,
            output,
        } => at_work.predict(fits, images, output, table),
        Work::Features {
            trunk,
            images,
            output,
        } => at_work.features(trunk, images, output, table),
        Work::Export(asked) => at_work.export(asked),
        Work::Evaluate {
            run,
            rows,
            dataset,
            before,
            plan: run_plan,
        } => {
            let opened = OpenedRun::open(run, &plugins, &compute, speaker)?;
            let (plan, channels) = (&opened.plan, channels_of(&opened.backbone));
            let seen = at_work.seen(Some(plan), channels)?;
            let labelled = Labelled::open(&plugins, dataset, Some(plan), seen)?;
            Evaluation {
                run: &opened,
                data: &labelled,
                before,
                plan: run_plan,
            }
            .of(rows, &at_work.conductor, &|done, total| {
                speaker.progress(done, Some(total));
            })
        }
    }
}

struct AtWork<'a> {
    plugins: &'a Plugins,
    compute: &'a Compute,
    speaker: &'a Speaker,
    conductor: Conductor<'a>,
}

impl AtWork<'_> {
    fn predict(
        &self,
        fits: &Fits,
        images: &Images,
        output: &Output,
        stdout: Box<dyn Write + Send>,
    ) -> Result<Done, ApplyError> {
        let run = OpenedRun::open(&fits.run, self.plugins, self.compute, self.speaker)?;
        let services: &dyn Services = &self.conductor;
        let predictors = run.predictors(fits, services)?;
        let first = &predictors[0];
        let classes = &run.plan.target_classes;
        let said = |done, total| self.speaker.progress(done, total);
        let mut predictions = Predictions {
            classes,
            are: (predictors.iter().map(|one| one.scores_are()))
                .reduce(|a, b| {
                    if a == b {
                        a
                    } else {
                        topwork_host::Scores::Ranking
                    }
                })
                .unwrap_or(topwork_host::Scores::Ranking),
            labelled: true,
            named: false,
            folds: false,
        };
        let begin = |predictions: &Predictions<'_>| {
            Table::create(output, &predictions.columns(), None, stdout)
        };
        let mut done;
        match images {
            Images::Files(list) => {
                let dataset = &run.plan.experiment.target.dataset.component;
                let input = first.features.input();
                let seen = self.seen(Some(&run.plan), input[0])?;
                let decoder = self.decoder(Some(dataset), input, None, seen.is_some())?;
                predictions.labelled = false;
                let mut table = begin(&predictions)?;
                let mut files = Files::new(&decoder, seen, list, self.compute.threads())?;
                done = predictions.write(&predictors, &mut files, &mut table, &said)?;
                table.finish()?;
            }
            Images::Splits(splits) => {
                let task = self.task(&run.plan, channels_of(&run.backbone))?;
                let folds = run.plan.experiment.target.folds.is_some();
                predictions.folds = folds && splits.contains(&Split::Test);
                let draws = draws(&run.plan, &task, fits.seed)?;
                let of_row = &draws[fits.row];
                let mut examples = Vec::new();
                for split in splits {
                    let of_split = match split {
                        Split::Train if folds => {
                            return Err(ApplyError::Other {
                                message:
                                    "with folds every example is a test example of one of them"
                                        .to_owned(),
                                hint: Some("leave `--split train` out".to_owned()),
                            });
                        }
                        Split::Train => {
                            let train = of_row[0].train.iter();
                            (
                                SplitName::Train,
                                train.map(|&example| (example, None)).collect(),
                            )
                        }
                        Split::Test => (SplitName::Test, tested(of_row)),
                    };
                    examples.push(of_split);
                }
                let mut source = Examples::new(&task, examples)?;
                predictions.named = source
                    .items()
                    .next()
                    .is_some_and(|item| item.path.is_some());
                let mut table = begin(&predictions)?;
                done = predictions.write(&predictors, &mut source, &mut table, &said)?;
                table.finish()?;
            }
            Images::Dataset(data) => {
                let input = first.features.input();
                let seen = self.seen(Some(&run.plan), input[0])?;
                let labelled = Labelled::open(self.plugins, data, Some(&run.plan), seen)?;
                fits_input(&labelled.view.shape(), input)?;
                let mut source = labelled.source()?;
                predictions.named = source.names.is_some();
                let mut table = begin(&predictions)?;
                done = predictions.write(&predictors, &mut source, &mut table, &said)?;
                done.unknown = labelled.unknown.clone();
                table.finish()?;
            }
        }
        Ok(done)
    }

    fn export(&self, asked: &Export) -> Result<Done, ApplyError> {
        let fits = &asked.fits;
        let run = OpenedRun::open(&fits.run, self.plugins, self.compute, self.speaker)?;
        let predictors = run.predictors(fits, &self.conductor)?;
        let [predictor] = predictors.as_slice() else {
            return Err(ApplyError::Other {
                message: "every fold has a model of its own".to_owned(),
                hint: Some("`--fold N` names one".to_owned()),
            });
        };
        let task = self.task(&run.plan, channels_of(&run.backbone))?;
        let draws = || -> Result<_, ApplyError> {
            let of_row = draws(&run.plan, &task, fits.seed)?.swap_remove(fits.row);
            Ok(match fits.folds.as_slice() {
                // What the fold's model has not seen.
                [fold] => tested(&of_row[*fold as usize - 1..*fold as usize]),
                _ => tested(&of_row),
            })
        };
        Exporting {
            run: &run,
            asked,
            predictor,
            services: &self.conductor,
        }
        .write(draws, &task, &|done, total| {
            self.speaker.progress(done, Some(total));
        })
    }

    fn features(
        &self,
        trunk: &TrunkOf,
        images: &Images,
        output: &Output,
        stdout: Box<dyn Write + Send>,
    ) -> Result<Done, ApplyError> {
        match trunk {
            TrunkOf::Row(fits) => {
                let run = OpenedRun::open(&fits.run, self.plugins, self.compute, self.speaker)?;
                let passes = run.passes(fits, &self.conductor)?;
                // Folds share a frozen trunk, unless each has chosen its cut or has principal components of its own.
                let pass = passes.first();
                let pass = pass.filter(|first| passes.iter().all(|pass| pass.gives_what(first)));
                let pass = pass.ok_or_else(|| ApplyError::Other {
                    message: "every fold has features of its own".to_owned(),
                    hint: Some("`--fold N` names one".to_owned()),
                })?;
                self.by_pass(pass, Some(&run.plan), None, images, output, stdout)
            }
            TrunkOf::Plan {
                plan,
                cut,
                seed,
                random,
                trained: file,
            } => {
                let backbone = Backbone::of_plan(self.plugins, plan)?;
                let weights = if *random {
                    Start::Random
                } else {
                    Start::Source
                };
                let trained = match file {
                    Some(path) if !random => Some(trained(&backbone, *seed, path)?),
                    _ => None,
                };
                knows_weights(&backbone, trained.is_some() || *random)?;
                let tools = Tools {
                    plan,
                    plugins: self.plugins,
                    compute: self.compute,
                    backbone: &backbone,
                    services: &self.conductor,
                };
                let cut = cut_of(plan, cut.as_deref())?;
                let id = TrunkId {
                    weights,
                    cut: cut.clone(),
                };
                if let Images::Splits(splits) = images {
                    return self.by_extraction(
                        &tools,
                        id,
                        *seed,
                        trained.as_ref(),
                        splits,
                        output,
                        stdout,
                    );
                }
                let trunk = match &backbone {
                    Backbone::Network(_) => {
                        let kept = tools.trunk_with(*seed, weights, trained.as_ref(), &cut)?;
                        Trunk::Network(Box::new(kept))
                    }
                    Backbone::Extractor(opaque) => Trunk::extractor(opaque, &cut),
                };
                let input = input_of(&backbone)?;
                let normalise = plan
                    .experiment
                    .seen(&plan.experiment.target.dataset)
                    .normalise;
                let pass = FeaturePass::new(self.compute, trunk, &cut, input, normalise)?;
                self.by_pass(&pass, Some(plan), None, images, output, stdout)
            }
            TrunkOf::Backbone(bare) => {
                let BareBackbone {
                    component,
                    folder,
                    weights,
                    cut,
                    reduction,
                    normalise,
                    stated,
                    decode,
                } = &**bare;
                let component = resolved(self.plugins, component, folder, Kind::Backbone)?;
                let backbone = Backbone::open(self.plugins, &component)?;
                let cut = cut_of_backbone(&backbone, cut.as_deref(), *reduction)?;
                let trunk = match &backbone {
                    Backbone::Network(blueprint) => {
                        let network = match (weights, blueprint.given()) {
                            (Some(path), _) => {
                                let mut network =
                                    topwork_graft::initialised(blueprint, 0, "backbone");
                                topwork_graft::load_weights(&mut network, path)?;
                                network
                            }
                            (None, Some(given)) => given.clone(),
                            (None, None) => {
                                return Err(ApplyError::Other {
                                    message: format!("the backbone `{}` has no weights", component.component),
                                    hint: Some("`--weights FILE` names a file of them; `topwork weights import` makes one".to_owned()),
                                });
                            }
                        };
                        Trunk::Network(Box::new(topwork_graft::cut(&network, &cut)?))
                    }
                    Backbone::Extractor(opaque) => Trunk::extractor(opaque, &cut),
                };
                let normalise = wanted_normalise(&backbone, normalise.clone(), *stated)?;
                let input = input_of(&backbone)?;
                let pass = FeaturePass::new(self.compute, trunk, &cut, input, normalise)?;
                self.by_pass(&pass, None, Some(decode), images, output, stdout)
            }
        }
    }

    /// Features of files, of a dataset, or of a row's own examples, in blocks.
    fn by_pass(
        &self,
        pass: &FeaturePass<'_>,
        plan: Option<&Plan>,
        decode: Option<&Map<String, Value>>,
        images: &Images,
        output: &Output,
        stdout: Box<dyn Write + Send>,
    ) -> Result<Done, ApplyError> {
        let said = |done, total| self.speaker.progress(done, total);
        let unreadable = |item: &Item| {
            let (path, error) = (item.path.as_deref(), item.error.as_deref());
            let text = format!(
                "`{}`: {}",
                path.unwrap_or_default(),
                error.unwrap_or_default()
            );
            self.speaker.say(&Said::Warning(text));
        };
        let mut described = Described {
            targets: plan.map_or_else(Default::default, targets_of),
            labelled: true,
            named: false,
            splits: false,
        };
        let write = |described: &Described<'_>,
                     source: &mut dyn Source|
         -> Result<Done, ApplyError> {
            let mut table = Table::create(output, &described.columns(), Some(pass.dim()), stdout)?;
            let done = described.write(pass, source, &mut table, &said, &unreadable)?;
            table.finish()?;
            Ok(done)
        };
        match images {
            Images::Files(list) => {
                let dataset = plan.map(|plan| &plan.experiment.target.dataset.component);
                let seen = self.seen(plan, pass.input()[0])?;
                let decoder = self.decoder(dataset, pass.input(), decode, seen.is_some())?;
                described = Described {
                    targets: Default::default(),
                    labelled: false,
                    named: true,
                    ..described
                };
                write(
                    &described,
                    &mut Files::new(&decoder, seen, list, self.compute.threads())?,
                )
            }
            Images::Splits(splits) => {
                let Some(plan) = plan else {
                    return Err(ApplyError::Other {
                        message: "without an experiment there are no splits".to_owned(),
                        hint: Some("name files or folders of images".to_owned()),
                    });
                };
                let task = self.task(plan, pass.input()[0])?;
                let mut source = Examples::new(&task, all_of(&task, splits))?;
                described.named = source
                    .items()
                    .next()
                    .is_some_and(|item| item.path.is_some());
                described.splits = true;
                write(&described, &mut source)
            }
            Images::Dataset(data) => {
                let seen = self.seen(plan, pass.input()[0])?;
                let labelled = Labelled::open(self.plugins, data, plan, seen)?;
                fits_input(&labelled.view.shape(), pass.input())?;
                let mut source = labelled.source()?;
                described.named = source.names.is_some();
                write(&described, &mut source)
            }
        }
    }

    /// Features of an experiment's examples: from the cache, where they are there.
    #[expect(clippy::too_many_arguments, reason = "each is of another kind")]
    fn by_extraction(
        &self,
        tools: &Tools<'_>,
        id: TrunkId,
        seed: u64,
        trained: Option<&topwork_engine::Network>,
        splits: &[Split],
        output: &Output,
        stdout: Box<dyn Write + Send>,
    ) -> Result<Done, ApplyError> {
        let began = std::time::Instant::now();
        let task = self.task(tools.plan, channels_of(tools.backbone))?;
        let all = |split: Split| -> Vec<usize> {
            let examples = task.examples(name_of(split));
            let wanted = splits.contains(&split);
            (0..if wanted { examples.labels.len() } else { 0 }).collect()
        };
        // With folds both are the same examples.
        let (train, test) = match task.folds() {
            Some(_) => (all(splits[0]), Vec::new()),
            None => (all(Split::Train), all(Split::Test)),
        };
        let examples = Draw { train, test };
        let extraction = Extraction {
            tools,
            further: &[],
            task: &task,
            seed,
            trained,
            examples: &examples,
        };
        let extracted = extraction.run(vec![id])?;
        let (_, features) = &extracted[0];
        let items: Vec<Item> = Examples::new(&task, all_of(&task, splits))?
            .items()
            .collect();
        let described = Described {
            targets: targets_of(tools.plan),
            labelled: true,
            named: items.first().is_some_and(|item| item.path.is_some()),
            splits: true,
        };
        let mut table = Table::create(output, &described.columns(), Some(features.dim), stdout)?;
        let of_test = features.test.iter().flat_map(|rows| rows.vectors());
        for (item, vector) in items.iter().zip(features.train.vectors().chain(of_test)) {
            table.line(&described.cells(item), vector)?;
        }
        table.finish()?;
        Ok(Done {
            images: items.len() as u64,
            seconds: began.elapsed().as_secs_f64(),
            dim: features.dim as u64,
            cached: if features.paid { items.len() as u64 } else { 0 },
            ..Done::default()
        })
    }

    /// How images become samples of so many channels, where the experiment says it of its backbone.
    fn seen(&self, plan: Option<&Plan>, channels: usize) -> Result<Option<Seen>, ApplyError> {
        let said = plan.and_then(|plan| plan.experiment.backbone_input.as_ref());
        Ok(seen(said, channels, self.compute.threads())?)
    }

    /// The target's examples, for a backbone that takes so many channels.
    fn task(&self, plan: &Plan, channels: usize) -> Result<TaskExamples, ApplyError> {
        let target = &plan.experiment.target;
        let DatasetUse { component, .. } = &target.dataset;
        let parameters = component.parameters.clone().into();
        let dataset = Arc::new(self.plugins.dataset(&component.component, &parameters)?);
        let dataset = view(dataset, self.seen(Some(plan), channels)?);
        let used = plan.experiment.seen(&target.dataset);
        Ok(TaskExamples::new(
            TaskRole::Target,
            dataset,
            &used,
            target.folds,
        )?)
    }

    /// What turns files into samples of this shape, or into images at their own size: the dataset itself, where it decodes files,
    /// else the one that decodes them for everybody.
    fn decoder(
        &self,
        dataset: Option<&Component>,
        input: [usize; 3],
        parameters: Option<&Map<String, Value>>,
        own_size: bool,
    ) -> Result<Decoder, ApplyError> {
        let gives = |decoder: &Decoder| match own_size {
            true => decoder.has_images(),
            false => decoder.shape() == input,
        };
        if let Some(Component {
            component,
            parameters,
        }) = dataset
        {
            let own = self
                .plugins
                .decoder(component, &parameters.clone().into())?;
            if let Some(own) = own.filter(gives) {
                return Ok(own);
            }
        }
        let [channels, height, width] = input;
        let mut all = parameters.cloned().unwrap_or_default();
        all.insert("size".to_owned(), json!([height, width]));
        all.insert("channels".to_owned(), json!(channels));
        let (plugin, found) = self.plugins.find(&[Kind::Dataset], DECODES)?;
        let id = format!("{}/{}", plugin.id, found.id);
        let all = resolve_parameters(&found.schema, &all, Path::new("."));
        let decoder = self.plugins.decoder(&id, &all.into())?;
        let decoder = decoder.ok_or_else(|| ApplyError::Other {
            message: format!("the dataset `{id}` decodes no files"),
            hint: None,
        })?;
        fits_input(&decoder.shape(), input)?;
        Ok(decoder)
    }
}

/// What is true of the examples of a target, and what its classes, columns of numbers or labels are called.
fn targets_of(plan: &Plan) -> (TargetKind, &[String]) {
    (plan.targets, &plan.target_classes)
}

fn name_of(split: Split) -> SplitName {
    match split {
        Split::Train => SplitName::Train,
        Split::Test => SplitName::Test,
    }
}

/// The examples a row is measured on, as its predictions have them.
fn tested(draws: &[Draw]) -> Vec<(usize, Option<u32>)> {
    let folds = draws.len() > 1;
    let mut all: Vec<(usize, Option<u32>)> = (1..)
        .zip(draws)
        .flat_map(|(fold, draw)| {
            draw.test
                .iter()
                .map(move |&test| (test, folds.then_some(fold)))
        })
        .collect();
    all.sort_unstable();
    all
}

/// All examples of some splits.
fn all_of(task: &TaskExamples, splits: &[Split]) -> Vec<OfSplit> {
    (splits.iter())
        .map(|split| {
            let split = name_of(*split);
            let count = task.examples(split).labels.len();
            (split, (0..count).map(|example| (example, None)).collect())
        })
        .collect()
}

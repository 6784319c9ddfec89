//! Rows of a run, measured on other labelled examples.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use topwork_events::{Outcome, RunPlan, Seconds};
use topwork_graft::{
    GraftError, Services,
    data::{in_order_of_target, view},
};
use topwork_host::{Dataset, DatasetView, Kind, Plugins, Seen};
use topwork_keys::{Digest, Sha256, hexadecimal};
use topwork_measure::{ScoresFor, TargetKind, Targets, Truth};
use topwork_nearest::nearest;
use topwork_schema::{Component, Plan, check_parameters, resolve_parameters, target_labels};
use topwork_worker::{Measured, Resampling};

use crate::{
    ApplyError, Done, Fits, LabelledData,
    images::{OfDataset, each_block},
    opened::OpenedRun,
    predict::mean_scores,
};

/// A dataset whose labels are those of a run, or that has numbers as the run does.
pub struct Labelled {
    pub view: DatasetView,
    pub split: String,
    /// Positions and labels of the examples whose class the run knows; of other targets those of all, with labels that say nothing.
    pub examples: Vec<(u64, Option<u32>)>,
    /// What is true of the examples; of classes nothing where the run is not asked about.
    pub truth: Truth,
    /// How many examples have another class, by its name.
    pub unknown: BTreeMap<String, u64>,
}

impl Labelled {
    /// Opens it for a run that does as the plan says, or without one for what has no targets; `seen` is how the backbone sees images.
    pub fn open(
        plugins: &Plugins,
        data: &LabelledData,
        plan: Option<&Plan>,
        seen: Option<Seen>,
    ) -> Result<Self, ApplyError> {
        let component = resolved(plugins, &data.component, &data.folder, Kind::Dataset)?;
        let dataset = plugins.dataset(&component.component, &component.parameters.into())?;
        let info = dataset.describe();
        let splits: Vec<&str> = info
            .splits
            .iter()
            .map(|split| split.name.as_str())
            .collect();
        let split = match (&data.split, splits.as_slice()) {
            (Some(wanted), _) if splits.contains(&wanted.as_str()) => wanted.clone(),
            (Some(wanted), _) => return Err(no_such("split", wanted, &splits)),
            (None, [only]) => (*only).to_owned(),
            (None, _) if splits.contains(&"test") => "test".to_owned(),
            (None, _) => {
                return Err(ApplyError::Other {
                    message: "which split is meant?".to_owned(),
                    hint: Some(format!("`split = …`, one of {}", splits.join(", "))),
                });
            }
        };
        let (examples, truth, unknown) = match (plan, info.targets) {
            (None, _) if !data.class_map.is_empty() => {
                return Err(ApplyError::Other {
                    message: "`class-map` names classes of a run, and there is none".to_owned(),
                    hint: Some(
                        "name an experiment file or a run, or remove `class-map`".to_owned(),
                    ),
                });
            }
            (None, _) => {
                let all = dataset.labels(&split)?.len() as u64;
                let examples = (0..all).map(|position| (position, None));
                (
                    examples.collect(),
                    Truth::Classes(Vec::new()),
                    BTreeMap::new(),
                )
            }
            (Some(plan), TargetKind::Classes) if plan.targets == TargetKind::Classes => {
                let (examples, unknown) = of_classes(&dataset, &split, data, plan)?;
                let labels = examples.iter().filter_map(|(_, label)| *label).collect();
                (examples, Truth::Classes(labels), unknown)
            }
            (Some(plan), kind) if plan.targets == kind => {
                let truth = of_columns(&dataset, &split, data, plan)?;
                let count = truth.targets().len() as u64;
                let examples = (0..count).map(|position| (position, Some(0)));
                (examples.collect(), truth, BTreeMap::new())
            }
            (Some(plan), of_dataset) => {
                return Err(ApplyError::Other {
                    message: format!(
                        "the dataset has {}, and the run predicts {}",
                        of_dataset.word(),
                        plan.targets.word()
                    ),
                    hint: Some(
                        "parameters such as `targets` of the datasets that can be either decide it"
                            .to_owned(),
                    ),
                });
            }
        };
        Ok(Self {
            view: view(Arc::new(dataset), seen),
            split,
            examples,
            truth,
            unknown,
        })
    }

    /// Its examples as images to be read.
    pub fn source(&self) -> Result<OfDataset<'_>, ApplyError> {
        Ok(OfDataset {
            view: &self.view,
            split: self.split.clone(),
            examples: self.examples.clone(),
            names: self.view.dataset().names(&self.split)?,
            truth: self.truth.targets(),
            given: 0,
        })
    }
}

/// Positions and labels of the examples whose class the run knows, and how many have another one.
type OfClasses = (Vec<(u64, Option<u32>)>, BTreeMap<String, u64>);

fn of_classes(
    dataset: &Dataset,
    split: &str,
    data: &LabelledData,
    plan: &Plan,
) -> Result<OfClasses, ApplyError> {
    let (info, classes) = (dataset.describe(), &plan.target_classes);
    check_map(data, "class", &info.classes, classes)?;
    let map: Vec<(String, String)> = data.class_map.clone().into_iter().collect();
    let label_of = target_labels(&info.classes, &map, classes);
    let (mut examples, mut unknown) = (Vec::new(), BTreeMap::new());
    for (position, class) in (0..).zip(dataset.labels(split)?) {
        match label_of[class as usize] {
            Some(label) => examples.push((position, Some(label))),
            None => {
                *unknown
                    .entry(info.classes[class as usize].clone())
                    .or_default() += 1;
            }
        }
    }
    if examples.is_empty() {
        return Err(ApplyError::Other {
            message: format!(
                "no example of the split `{split}` has a class of the run: its classes are {}, those of the run {}",
                some(&info.classes),
                some(classes)
            ),
            hint: Some(
                "`class-map = { \"name there\" = \"name here\" }` tells which are the same"
                    .to_owned(),
            ),
        });
    }
    Ok((examples, unknown))
}

/// Refuses a `class-map` with names that the dataset or the run does not have; `what` they are names of.
fn check_map(
    data: &LabelledData,
    what: &str,
    theirs: &[String],
    ours: &[String],
) -> Result<(), ApplyError> {
    for (there, here) in &data.class_map {
        for (name, of, known) in [(there, "dataset", theirs), (here, "run", ours)] {
            if !known.contains(name) {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                return Err(no_such(&format!("{what} of the {of}"), name, &known));
            }
        }
    }
    Ok(())
}

/// The numbers or labels of every example, in the order of the run's. One column is that of the run whatever it is called; of several
/// each is the one of its name, or that `class-map` names.
fn of_columns(
    dataset: &Dataset,
    split: &str,
    data: &LabelledData,
    plan: &Plan,
) -> Result<Truth, ApplyError> {
    let (theirs, wanted) = (&dataset.describe().classes, &plan.target_classes);
    let what = match plan.targets {
        TargetKind::Multilabel => "label",
        TargetKind::Classes | TargetKind::Numbers => "column",
    };
    check_map(data, what, theirs, wanted)?;
    let map: Vec<(String, String)> = data.class_map.clone().into_iter().collect();
    let places = match (theirs.len(), wanted.len()) {
        (1, 1) => vec![Some(0)],
        _ => target_labels(theirs, &map, wanted),
    };
    let times = |of: usize| {
        places
            .iter()
            .flatten()
            .filter(|&&place| place as usize == of)
            .count()
    };
    if (0..wanted.len()).any(|of| times(of) != 1) {
        return Err(ApplyError::Other {
            message: format!(
                "the dataset has the {} {}, and the run predicts {}",
                plan.targets.word(),
                some(theirs),
                some(wanted)
            ),
            hint: Some(
                "`class-map = { \"name there\" = \"name here\" }` tells which are the same"
                    .to_owned(),
            ),
        });
    }
    let columns = wanted.len();
    let values = in_order_of_target(&dataset.numbers(split)?, &places, columns);
    Ok(match plan.targets {
        TargetKind::Multilabel => Truth::Multilabel { values, columns },
        _ => Truth::Numbers { values, columns },
    })
}

/// A component as written, its parameters resolved and checked.
pub fn resolved(
    plugins: &Plugins,
    written: &Component,
    folder: &std::path::Path,
    kind: Kind,
) -> Result<Component, ApplyError> {
    let kinds = match kind {
        Kind::Backbone => &Kind::BACKBONES[..],
        _ => std::slice::from_ref(&kind),
    };
    let (plugin, found) = plugins.find(kinds, &written.component)?;
    let parameters = resolve_parameters(&found.schema, &written.parameters, folder);
    check_parameters(&found.schema, &parameters).map_err(|reason| ApplyError::Other {
        message: format!("parameters of `{}`: {reason}", found.id),
        hint: Some(format!("`topwork plugins show {}` lists them", found.id)),
    })?;
    Ok(Component {
        component: format!("{}/{}", plugin.id, found.id),
        parameters,
    })
}

/// What to say of a name that does not exist.
pub fn no_such(what: &str, wanted: &str, known: &[&str]) -> ApplyError {
    let hint = match nearest(wanted, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("there are {}", some(known)),
    };
    ApplyError::Other {
        message: format!("there is no {what} `{wanted}`"),
        hint: Some(hint),
    }
}

/// Names for a message.
fn some(names: &[impl AsRef<str>]) -> String {
    const MOST: usize = 12;
    let shown: Vec<String> = (names.iter().take(MOST))
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    let more = names.len().saturating_sub(MOST);
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Rows of a run and examples that they are to be measured on.
pub struct Evaluation<'a> {
    pub run: &'a OpenedRun<'a>,
    pub data: &'a Labelled,
    /// What the run says of its rows.
    pub before: &'a [Outcome],
    /// The run's plan, with what they are judged by.
    pub plan: &'a RunPlan,
}

impl Evaluation<'_> {
    /// Measures rows, each with one seed. With folds the scores of what was fitted for each are averaged.
    pub fn of(
        &self,
        rows: &[(usize, u64)],
        services: &dyn Services,
        said: &dyn Fn(u64, u64),
    ) -> Result<Done, ApplyError> {
        let began = Instant::now();
        let classes = self.run.plan.target_classes.len();
        let truth = self.data.truth.targets();
        let count = truth.len();
        let total = (rows.len() * count) as u64;
        let mut done = Done {
            images: count as u64,
            unknown: self.data.unknown.clone(),
            ..Done::default()
        };
        let folds = self.run.plan.experiment.target.folds.unwrap_or(0);
        let mut test_set = None;
        let judging = &self.plan.judging;
        let mut resampling = Resampling::default();
        let draws = Resampling::draws(truth);
        let mut figures = None;
        for (index, &(row, seed)) in rows.iter().enumerate() {
            let Some(known) = self
                .before
                .iter()
                .find(|known| (known.row, known.seed) == (row, seed))
            else {
                continue;
            };
            let fits = Fits {
                run: self.run.path().to_owned(),
                row,
                seed,
                folds: (1..=u32::try_from(folds).unwrap_or(u32::MAX)).collect(),
            };
            let predictors = self.run.predictors(&fits, services)?;
            let first = &predictors[0];
            let input = first.features.input();
            let shape = self.data.view.shape();
            if shape != input {
                return Err(ApplyError::Other {
                    message: format!(
                        "the dataset's samples are {}, those of the run {}",
                        dims(&shape),
                        dims(&input)
                    ),
                    hint: Some(
                        "parameters of the dataset such as `size` and `channels` decide it"
                            .to_owned(),
                    ),
                });
            }
            let mut scores = Vec::with_capacity(count * classes);
            let mut content = Sha256::new();
            each_block(
                &mut self.data.source()?,
                first.features.block(),
                |mut block| {
                    if test_set.is_none() {
                        for number in &block.images {
                            content.update(number.to_le_bytes());
                        }
                    }
                    scores.extend(mean_scores(&predictors, &mut block.images)?);
                    said((index * count + scores.len() / classes) as u64, total);
                    Ok(())
                },
            )?;
            match truth {
                Targets::Classes(labels) => {
                    labels
                        .iter()
                        .for_each(|label| content.update(label.to_le_bytes()));
                }
                Targets::Numbers(numbers) | Targets::Multilabel(numbers) => {
                    (numbers.values.iter()).for_each(|number| content.update(number.to_le_bytes()));
                }
            }
            let test_set = test_set.get_or_insert_with(|| hexadecimal(&content.finalize()));
            let are = first.scores_are();
            let measured = Measured::of(truth, &scores, are, classes, judging);
            let outcome = Outcome {
                correct: measured.confusion.correct(),
                total: truth.len() as u64,
                figures: measured.figures,
                folds: Vec::new(),
                test_set: test_set.clone(),
                confusion: measured.confusion,
                reliability: measured.reliability,
                right: measured.right,
                columns: measured.columns,
                predictions: None,
                without_duplicates: None,
                transferability: BTreeMap::new(),
                calibrated: None,
                selected: None,
                seconds: Seconds {
                    extract: 0.0,
                    fit: known.seconds.fit,
                    evaluate: began.elapsed().as_secs_f64(),
                },
                ..known.clone()
            };
            let figures = figures.get_or_insert_with(|| Resampling::figures(judging, &outcome));
            let of = ScoresFor::new(are, &scores, classes);
            let wanted = resampling.wanted(&outcome, figures);
            services.check_stop().map_err(GraftError::from)?;
            resampling.add(&draws, &outcome, &wanted, (&of, truth));
            done.outcomes.push(outcome);
        }
        services.check_stop().map_err(GraftError::from)?;
        resampling.take(&draws);
        let outcomes: Vec<&Outcome> = done.outcomes.iter().collect();
        let figures = figures.unwrap_or_default();
        done.resampled = resampling.told(self.plan, judging, &outcomes, &figures);
        done.seconds = began.elapsed().as_secs_f64();
        Ok(done)
    }
}

/// A shape for a message.
pub fn dims(shape: &[usize]) -> String {
    let sides: Vec<String> = shape.iter().map(usize::to_string).collect();
    sides.join(" × ")
}

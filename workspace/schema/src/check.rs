//! Checks the written experiment against the installed components and builds the plan.

mod data;
mod extractor;
mod further;
mod input;
mod numbers;
mod pins;
mod rows;
mod select;
mod training;

use std::path::Path;

use crate::catalog::{Catalog, CutEntry, Description, LayerEntry};
use crate::components::{Components, Wanted};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::input::Input;
use crate::pairs::WrittenPair;
use crate::paths;
use crate::plan::{Cut, Experiment, Plan, Row, Source, Strategy, Target};
use crate::shape;
use crate::task::{self, Role, Task};
use crate::training::Train;
use crate::view::Located;
use crate::words::{Component, Extractor};
use crate::written::{Written, WrittenCut, WrittenDataset, WrittenSource, WrittenStrategy};

use rows::Cuts;
pub(crate) use select::range;

/// The state of one check.
pub(crate) struct Check<'a> {
    components: Components<'a>,
    folder: &'a Path,
    pub diagnostics: Diagnostics,
    /// What may be wrong and stops nothing.
    pub warnings: Diagnostics,
}

/// The rows of all strategies, and the cuts they come from as written.
struct Grid {
    of_target: Vec<Cut>,
    /// For each strategy; empty where it takes those of the target.
    of_strategies: Vec<Vec<Cut>>,
    /// For each strategy those that it chooses from; empty where it does not choose.
    chosen_from: Vec<Vec<Cut>>,
    rows: Vec<Row>,
}

/// A backbone with what it says of itself.
struct Backbone<'a> {
    component: Component,
    input: &'a [usize],
    layers: &'a [LayerEntry],
    cuts: &'a [CutEntry],
    extractor: Option<&'a Extractor>,
    /// Whether samples are made for it by its `input`.
    has_input: bool,
}

impl Backbone<'_> {
    /// Whether a plugin computes its features, so that it has neither layers nor weights here.
    fn computes_itself(&self) -> bool {
        (self.extractor).is_some_and(|extractor| !extractor.network)
    }
}

impl<'a> Check<'a> {
    pub fn new(catalog: &'a Catalog, folder: &'a Path, diagnostics: Diagnostics) -> Self {
        Check {
            components: Components::new(catalog, folder),
            folder,
            warnings: diagnostics.warnings(),
            diagnostics,
        }
    }

    /// The plan of one backbone with one target among others: `[source]` is for those that are trained here.
    pub fn pair(&mut self, pair: &WrittenPair) -> Option<Plan> {
        if !pair.others {
            return self.plan(&pair.written);
        }
        let mut written = pair.written.clone();
        let named = written
            .backbone
            .as_ref()
            .and_then(|backbone| backbone.component.as_ref());
        // What is wrong with it is told by the check itself.
        let found = named.and_then(|named| {
            let mut unheard = self.diagnostics.clone();
            self.components.find(named, Wanted::Backbone, &mut unheard)
        });
        let is_given = matches!(
            found.and_then(|found| found.description),
            Some(Description::Backbone {
                extractor: Some(_),
                ..
            })
        );
        if is_given {
            written.source = None;
        }
        if written.source.is_none()
            && let Some(backbone) = &mut written.backbone
        {
            backbone.source = None;
        }
        self.plan(&written)
    }

    /// The plan; `None` when something that belongs into it is wrong.
    ///
    /// Every part is looked at before any is asked for, so that no mistake hides another.
    pub fn plan(&mut self, written: &Written) -> Option<Plan> {
        let backbone = self.backbone(written);
        let input = self.input(written, backbone.as_ref());
        let source = written
            .source
            .as_ref()
            .map(|source| self.source(source, backbone.as_ref()));
        let pins = pins::check(
            &written.pins,
            self.components.catalog(),
            &mut self.diagnostics,
        );
        let target = written.target.as_ref();
        let dataset = target.and_then(|target| target.dataset.as_ref());
        let role = Role::Target(target.and_then(|target| target.folds.as_ref()));
        let task = dataset.and_then(|dataset| self.task(dataset, role, backbone.as_ref()));
        let further = target.map(|target| self.further(target, task.as_ref(), backbone.as_ref()));
        let of_source = source.as_ref().and_then(|(task, _)| task.as_ref());
        self.numbers(written, of_source, task.as_ref());
        self.data(written, of_source, task.as_ref());
        self.weights(written);
        let targets = task.as_ref().map(|task| task.targets).unwrap_or_default();
        let ranked_by = select::ranked_by(written, targets);
        let strategies: Vec<Option<Strategy>> = written
            .strategies
            .iter()
            .map(|strategy| self.strategy(strategy, task.as_ref(), &ranked_by))
            .collect();
        if let Some(backbone) = &backbone {
            self.as_published(written, &backbone.component);
            extractor::check(written, backbone, &mut self.diagnostics);
        }
        let rows = backbone
            .as_ref()
            .map(|backbone| self.rows(written, backbone));

        let (source, source_classes) = match source {
            Some((task, learnt)) => {
                let (task, (head, train)) = (task?, learnt?);
                let source = Source {
                    dataset: task.dataset,
                    head,
                    train,
                };
                (Some(source), task.class_names)
            }
            None => (None, Vec::new()),
        };
        if let Some(grid) = &rows {
            for (index, strategy) in strategies.iter().enumerate() {
                let mut rows = grid.rows.iter().filter(|row| row.strategy == index);
                if let (Some(strategy), Some(row)) = (strategy, rows.next()) {
                    let table = &written.strategies[index];
                    select::with_cuts(table, strategy, &row.among, &mut self.diagnostics);
                }
            }
        }
        let (task, grid) = (task?, rows?);
        let backbone = backbone?;
        let weights = written.backbone.as_ref()?.weights.as_ref();
        let experiment = Experiment {
            backbone: backbone.component,
            backbone_weights: weights.map(|weights| paths::resolve(&weights.value, self.folder)),
            backbone_input: input,
            source,
            target: Target {
                dataset: task.dataset,
                cuts: grid.of_target,
                tests: further??,
                metrics: numbers::metrics(target?.plain.as_ref()?, task.targets),
                ..target?.plain.clone()?
            },
            strategies: (strategies.into_iter())
                .zip(grid.of_strategies.into_iter().zip(grid.chosen_from))
                .map(|(strategy, (cuts, chosen_from))| {
                    let mut strategy = Strategy { cuts, ..strategy? };
                    if let Some(select) = &mut strategy.select {
                        select.cuts = chosen_from;
                    }
                    Some(strategy)
                })
                .collect::<Option<_>>()?,
            pins,
            ..written.plain.clone()?
        };
        Some(Plan {
            experiment,
            rows: grid.rows,
            extractor: backbone.extractor.cloned(),
            source_classes,
            target_classes: task.class_names,
            targets: task.targets,
            target: None,
            backbone: None,
        })
    }

    /// The rows of all strategies.
    fn rows(&mut self, written: &Written, backbone: &Backbone<'a>) -> Grid {
        let mut cuts = |path: &str, written: &[Located<WrittenCut>]| {
            let (components, diagnostics) = (&self.components, &mut self.diagnostics);
            rows::cuts(path, written, backbone, components, diagnostics)
        };
        let of_target = (written.target.as_ref()).map_or(Cuts::default(), |target| {
            cuts(&target.cut_path, &target.cuts)
        });
        let own: Vec<Option<Cuts>> = (written.strategies.iter())
            .map(|strategy| {
                strategy.node.get("cut")?;
                Some(cuts(&strategy.path, &strategy.cuts))
            })
            .collect();
        let chosen: Vec<Option<Cuts>> = (written.strategies.iter())
            .map(|strategy| {
                strategy.node.get("select")?.get("cut")?;
                let path = shape::join(&strategy.path, "select");
                Some(cuts(&path, &strategy.select_cuts))
            })
            .collect();
        let mut grid = Grid {
            of_target: of_target.written,
            of_strategies: Vec::new(),
            chosen_from: Vec::new(),
            rows: Vec::new(),
        };
        for (index, (strategy, (own, chosen))) in
            (written.strategies.iter().zip(own.into_iter().zip(chosen))).enumerate()
        {
            let made = own.as_ref().map_or(&of_target.made, |own| &own.made);
            training::multipliers(strategy, backbone.layers, made, &mut self.diagnostics);
            extractor::trained_cuts(strategy, made, backbone.layers, &mut self.diagnostics);
            let [in_all, per_class] =
                [&strategy.train_samples, &strategy.train_per_class].map(|list| sizes(list));
            let places = match &chosen {
                None => rows::Places::Each(made),
                Some(chosen) => rows::Places::ChosenFrom(&chosen.made),
            };
            (grid.rows).extend(rows::of_strategy(index, places, &in_all, &per_class));
            let written = |cuts: Option<Cuts>| cuts.map_or(Vec::new(), |cuts| cuts.written);
            grid.of_strategies.push(written(own));
            grid.chosen_from.push(written(chosen));
        }
        grid
    }

    fn backbone(&mut self, written: &Written) -> Option<Backbone<'a>> {
        let named = written.backbone.as_ref()?.component.as_ref()?;
        let found = self
            .components
            .find(named, Wanted::Backbone, &mut self.diagnostics)?;
        match found.description? {
            Description::Backbone {
                input,
                layers,
                cuts,
                extractor,
                opaque_because: _,
            } => Some(Backbone {
                component: found.component,
                input,
                layers,
                cuts,
                extractor: extractor.as_ref(),
                has_input: (written.backbone.as_ref()).is_some_and(|table| table.input.is_some()),
            }),
            Description::Dataset { .. } | Description::Cuts(_) | Description::Head => None,
        }
    }

    /// How images reach the backbone, where the file says it.
    fn input(&mut self, written: &Written, backbone: Option<&Backbone<'a>>) -> Option<Input> {
        let table = written.backbone.as_ref()?;
        let weights = table.weights.as_ref();
        let published = weights.and(self.components.catalog().published.as_ref());
        input::check(
            table.input.as_ref()?,
            backbone?,
            published,
            &mut self.diagnostics,
        )
    }

    fn task(
        &mut self,
        dataset: &WrittenDataset,
        role: Role<'_>,
        backbone: Option<&Backbone<'a>>,
    ) -> Option<Task> {
        let seen = backbone.filter(|backbone| backbone.has_input);
        let taken = backbone.filter(|backbone| !backbone.has_input);
        let normalise = taken.and_then(|backbone| {
            let wanted = &backbone.extractor?.normalise;
            Some((&backbone.component, wanted))
        });
        if let Some((component, wanted)) = normalise {
            extractor::normalise(dataset, component, wanted, &mut self.diagnostics);
        }
        let backbone = taken.map(|backbone| (&backbone.component, backbone.input));
        let components = &self.components;
        let task = task::check(dataset, role, backbone, components, &mut self.diagnostics);
        if seen.is_some() {
            let channels = task.as_ref().map(|task| task.shape[0]);
            input::dataset(dataset, channels, &mut self.diagnostics);
        }
        let mut task = task?;
        if let Some(Ok(shape)) = seen.map(|backbone| backbone.input.try_into()) {
            task.shape = shape;
        }
        self.ambiguous_classes(dataset, &task.all_classes);
        Some(task)
    }

    /// The task of the source, and what is trained on it how.
    fn source(
        &mut self,
        written: &WrittenSource,
        backbone: Option<&Backbone<'a>>,
    ) -> (Option<Task>, Option<(Component, Train)>) {
        let dataset = written.dataset.as_ref();
        let task = dataset.and_then(|dataset| self.task(dataset, Role::Source, backbone));
        let head = written.head.as_ref().and_then(|head| {
            self.components
                .find(head, Wanted::SourceHead, &mut self.diagnostics)
        });
        if let (Some(train), Some(task)) = (&written.train, &task) {
            training::samples(train, task, &mut self.diagnostics);
        }
        let train = (written.train.as_ref()).and_then(|train| train.train.clone());
        (task, head.map(|head| head.component).zip(train))
    }

    /// A strategy; `ranked_by` is what it chooses by where it does not say that itself.
    fn strategy(
        &mut self,
        written: &WrittenStrategy,
        task: Option<&Task>,
        ranked_by: &str,
    ) -> Option<Strategy> {
        let kind = written.kind.as_ref().map(|kind| kind.value);
        let (head, select) = match written.node.get("select") {
            Some(_) => self.select(written, ranked_by).unzip(),
            None => {
                let head = written.head.as_ref().and_then(|head| {
                    self.components
                        .find(head, Wanted::StrategyHead(kind), &mut self.diagnostics)
                });
                (head.map(|head| head.component), None)
            }
        };
        if let Some(task) = task {
            self.samples(written, task);
            self.samples_per_class(written, task);
            if let Some(train) = &written.train {
                training::samples(train, task, &mut self.diagnostics);
            }
        }
        Some(Strategy {
            head: head?,
            select,
            train: written.train.as_ref().and_then(|train| train.train.clone()),
            // Filled in with the rows, which need the backbone.
            cuts: Vec::new(),
            weights: written.weights?,
            multipliers: written
                .multipliers
                .iter()
                .map(|(pattern, multiplier)| (pattern.value.clone(), *multiplier))
                .collect(),
            ..written.plain.clone()?
        })
    }

    /// Whether there are as many samples as asked for.
    fn samples(&mut self, written: &WrittenStrategy, task: &Task) {
        let id = task.dataset.component.id();
        let classes = task.dataset.classes.len();
        let train = written.train_samples.iter();
        let test = written.test_samples.iter();
        let numbers = train
            .map(|samples| ("train", samples, task.learnt_length()))
            // Refused where the split is not used.
            .chain(test.filter_map(|samples| Some(("test", samples, task.test_length?))));
        for (split, Located { value, span }, length) in numbers {
            let problem = if *value > length {
                let whole = format!("the split `{split}` of `{id}`");
                let have = match task.folds {
                    Some(folds) => format!("{} of {folds} folds of {whole} have", folds - 1),
                    None => format!("{whole} has"),
                };
                // Where nobody counted, the length is that of the whole split.
                let taken = match task.train.is_some() && classes < task.all_classes.len() {
                    true => " of the classes taken",
                    false => "",
                };
                format!("{have} {length} samples{taken}, found {value}")
            } else if split == "train" && *value < classes as u64 {
                format!("{classes} classes need at least {classes} samples, found {value}")
            } else {
                continue;
            };
            let message = format!("`{}.{split}-samples`: {problem}", written.path);
            self.diagnostics
                .push(Diagnostic::new(message, Some(span.clone())));
        }
    }
}

impl Check<'_> {
    /// Whether there are as many samples of every class as asked for.
    fn samples_per_class(&mut self, written: &WrittenStrategy, task: &Task) {
        let Some(counts) = &task.train else {
            return;
        };
        let counted = counts.iter().zip(&task.class_names);
        let Some((count, class)) = counted.min_by_key(|(count, _)| **count) else {
            return;
        };
        // With folds, those outside the one with most of them.
        let most = count - task.folds.map_or(0, |folds| count.div_ceil(folds));
        for Located { value, span } in &written.train_per_class {
            if *value <= most {
                continue;
            }
            let learnt = match task.folds {
                Some(folds) => format!(" ({most} in {} of {folds} folds)", folds - 1),
                None => String::new(),
            };
            let message = format!(
                "`{}.train-per-class`: the class `{class}` has {count} training samples{learnt}, found \
                 {value}",
                written.path
            );
            let few = Diagnostic::new(message, Some(span.clone())).label("too many");
            self.diagnostics.push(few.hint(match most {
                0 => "leave it out".to_owned(),
                most => format!("write {most} or less"),
            }));
        }
    }
}

fn sizes(written: &[Located<u64>]) -> Vec<usize> {
    let values = written.iter();
    values
        .filter_map(|located| usize::try_from(located.value).ok())
        .collect()
}

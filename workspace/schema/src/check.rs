//! Checks the written experiment against the installed components and builds the plan.

mod pins;
mod training;

use std::path::Path;

use crate::catalog::{Catalog, CutEntry, Description, LayerEntry};
use crate::components::{Components, Wanted};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::nearest::nearest;
use crate::plan::{Component, Cut, Experiment, Plan, Reference, Source, Strategy, Target};
use crate::task::{self, Task};
use crate::written::{Located, Written, WrittenDataset, WrittenSource, WrittenStrategy};

/// The state of one check.
pub(crate) struct Check<'a> {
    components: Components<'a>,
    folder: &'a Path,
    pub diagnostics: Diagnostics,
}

/// A backbone with what it says of itself.
struct Backbone<'a> {
    component: Component,
    input: &'a [usize],
    layers: &'a [LayerEntry],
    cuts: &'a [CutEntry],
}

impl<'a> Check<'a> {
    pub fn new(catalog: &'a Catalog, folder: &'a Path, diagnostics: Diagnostics) -> Self {
        Check {
            components: Components::new(catalog, folder),
            folder,
            diagnostics,
        }
    }

    /// The plan; `None` when something that belongs into it is wrong.
    ///
    /// Every part is looked at before any is asked for, so that no mistake hides another.
    pub fn plan(&mut self, written: &Written) -> Option<Plan> {
        let backbone = self.backbone(written);
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
        let task = dataset.and_then(|dataset| self.task(dataset, backbone.as_ref()));
        let cut = target.and_then(|target| self.cut(target.cut.as_ref()?, backbone.as_ref()?));
        let strategies: Vec<Option<Strategy>> = written
            .strategies
            .iter()
            .map(|strategy| self.strategy(strategy, task.as_ref()))
            .collect();
        if let (Some(backbone), Some((_, kept, _))) = (&backbone, &cut) {
            for strategy in &written.strategies {
                training::multipliers(strategy, backbone.layers, *kept, &mut self.diagnostics);
            }
        }

        let (source, source_classes) = match source {
            Some(source) => source.map(|(source, classes)| (Some(source), classes))?,
            None => (None, Vec::new()),
        };
        let (task, (cut, cut_layers, cut_name)) = (task?, cut?);
        let weights = written.backbone.as_ref()?.weights.as_ref();
        let experiment = Experiment {
            name: written.name.clone()?,
            about: written.about.clone(),
            seeds: written.seeds.clone(),
            backbone: backbone?.component,
            backbone_weights: weights.map(|weights| self.folder.join(&weights.value)),
            source,
            target: Target {
                dataset: task.dataset,
                cut,
            },
            strategies: strategies.into_iter().collect::<Option<_>>()?,
            references: references(written)?,
            pins,
        };
        Some(Plan {
            experiment,
            cut_layers,
            cut_name,
            source_classes,
            target_classes: task.class_names,
        })
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
            } => Some(Backbone {
                component: found.component,
                input,
                layers,
                cuts,
            }),
            Description::Dataset { .. } | Description::Head => None,
        }
    }

    fn task(&mut self, dataset: &WrittenDataset, backbone: Option<&Backbone<'a>>) -> Option<Task> {
        let backbone = backbone.map(|backbone| (&backbone.component, backbone.input));
        task::check(dataset, backbone, &self.components, &mut self.diagnostics)
    }

    /// The source and the names of its classes.
    fn source(
        &mut self,
        written: &WrittenSource,
        backbone: Option<&Backbone<'a>>,
    ) -> Option<(Source, Vec<String>)> {
        let dataset = written.dataset.as_ref();
        let task = dataset.and_then(|dataset| self.task(dataset, backbone));
        let head = written.head.as_ref().and_then(|head| {
            self.components
                .find(head, Wanted::SourceHead, &mut self.diagnostics)
        });
        if let (Some(train), Some(task)) = (&written.train, &task) {
            training::samples(train, task, &mut self.diagnostics);
        }
        let (task, head) = (task?, head?);
        let source = Source {
            dataset: task.dataset,
            head: head.component,
            train: written.train.as_ref()?.train.clone()?,
        };
        Some((source, task.class_names))
    }

    /// The cut as written, the number of layers it keeps and its name.
    fn cut(
        &mut self,
        written: &Located<Cut>,
        backbone: &Backbone<'a>,
    ) -> Option<(Cut, usize, String)> {
        let id = backbone.component.id();
        let declared: Vec<String> = backbone
            .cuts
            .iter()
            .map(|cut| format!("`{}` ({} layers)", cut.name, cut.layers))
            .collect();
        let all = backbone.layers.len();
        let (problem, hint) = match &written.value {
            Cut::Layers(layers) => {
                if let Some(last) = layers
                    .checked_sub(1)
                    .and_then(|last| backbone.layers.get(last))
                {
                    let same = backbone.cuts.iter().find(|cut| cut.layers == *layers);
                    let name = same.map_or(&last.name, |cut| &cut.name);
                    return Some((written.value.clone(), *layers, name.clone()));
                }
                let problem = format!("`{id}` has {all} layers, found {layers}");
                (problem, format!("write a layer count from 1 to {all}"))
            }
            Cut::Name(name) => {
                if let Some(cut) = backbone.cuts.iter().find(|cut| cut.name == *name) {
                    return Some((written.value.clone(), cut.layers, name.clone()));
                }
                let problem = format!("`{id}` has no cut point {name:?}");
                let names = backbone.cuts.iter().map(|cut| cut.name.as_str());
                let meant = nearest(name, names)
                    .map_or(String::new(), |name| format!("did you mean `{name}`? "));
                let points = if declared.is_empty() {
                    "none".to_owned()
                } else {
                    declared.join(", ")
                };
                (
                    problem,
                    format!("{meant}cut points: {points}; or a layer count from 1 to {all}"),
                )
            }
        };
        let wrong = Diagnostic::new(
            format!("`target.cut`: {problem}"),
            Some(written.span.clone()),
        );
        self.diagnostics.push(wrong.label("no such cut").hint(hint));
        None
    }

    fn strategy(&mut self, written: &WrittenStrategy, task: Option<&Task>) -> Option<Strategy> {
        let kind = written.kind.as_ref().map(|kind| kind.value);
        let head = written.head.as_ref().and_then(|head| {
            self.components
                .find(head, Wanted::StrategyHead(kind), &mut self.diagnostics)
        });
        if let Some(task) = task {
            self.samples(written, task);
            if let Some(train) = &written.train {
                training::samples(train, task, &mut self.diagnostics);
            }
        }
        let size = |samples: &Option<Located<u64>>| {
            samples
                .as_ref()
                .and_then(|samples| usize::try_from(samples.value).ok())
        };
        Some(Strategy {
            name: written.name.as_ref()?.value.clone(),
            kind: kind?,
            head: head?.component,
            train: written.train.as_ref().and_then(|train| train.train.clone()),
            train_samples: size(&written.train_samples),
            test_samples: size(&written.test_samples),
            weights: written.weights?,
            multipliers: written
                .multipliers
                .iter()
                .map(|(pattern, multiplier)| (pattern.value.clone(), *multiplier))
                .collect(),
            unfreeze_after: size(&written.unfreeze_after),
        })
    }

    /// Whether there are as many samples as asked for. Only the lengths of whole splits are known
    /// here; how many are left of the classes taken shows when the labels are read.
    fn samples(&mut self, written: &WrittenStrategy, task: &Task) {
        let id = task.dataset.component.id();
        let classes = task.dataset.classes.len();
        let splits = [
            ("train", &written.train_samples, task.train_length),
            ("test", &written.test_samples, task.test_length),
        ];
        for (split, samples, length) in splits {
            let Some(Located { value, span }) = samples else {
                continue;
            };
            let problem = if *value > length {
                format!("the split `{split}` of `{id}` has {length} samples, found {value}")
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

fn references(written: &Written) -> Option<Vec<Reference>> {
    let references = written.references.iter().map(|reference| {
        Some(Reference {
            strategy: reference.strategy.as_ref()?.value.clone(),
            accuracy: reference.accuracy?,
            note: reference.note.clone(),
        })
    });
    references.collect()
}

//! What is known of the examples set against the file: counts of classes, identical images,
//! numbers and their normalisation.

use std::ops::Range;

use super::{Check, extractor};
use crate::catalog::{Catalog, Counted};
use crate::data::{About, Finding, TaskData, TaskRole, learnt_before};
use crate::diagnostics::Diagnostic;
use crate::task::Task;
use crate::words::Component;
use crate::written::{Written, WrittenClass, WrittenDataset};

impl Check<'_> {
    /// Checks the examples of both tasks, as far as they are known.
    pub(super) fn data(&mut self, written: &Written, source: Option<&Task>, target: Option<&Task>) {
        let catalog = self.components.catalog();
        let content = match &catalog.content {
            Some(Ok(content)) => Some(content),
            Some(Err(problem)) => {
                let failed = Diagnostic::new(problem.message.clone(), None);
                let failed = failed.hint(problem.hint.clone()).category(problem.category);
                self.diagnostics.push(failed);
                None
            }
            None => None,
        };
        let source = source.map(|task| task.data(TaskRole::Source));
        let target = target.map(|task| task.data(TaskRole::Target));
        let mut findings = Vec::new();
        for data in [&source, &target].into_iter().flatten() {
            // A list of fewer than two classes is a mistake of its own.
            let listed = dataset_of(written, data.role);
            let listed = listed.and_then(|dataset| dataset.classes.as_ref());
            if listed.is_none_or(|classes| classes.len() > 1) {
                findings.extend(data.counted());
            }
            if let Some(content) = content {
                findings.extend(data.twins(content));
                let seen =
                    (content.datasets.iter()).find(|seen| seen.component == data.dataset.component);
                findings.extend(seen.and_then(|seen| data.normalised(seen.numbers)));
            }
        }
        if let (Some(source), Some(target)) = (&source, &target) {
            findings.extend(learnt_before(source, target, content));
        }
        for finding in findings {
            self.tell(written, finding);
        }
    }

    fn tell(&mut self, written: &Written, finding: Finding) {
        let dataset = |role| dataset_of(written, role);
        let folds = || Some(written.target.as_ref()?.folds.as_ref()?.span.clone());
        let span: Option<Range<usize>> = match finding.about {
            About::Folds => folds(),
            About::Dataset(role) => dataset(role).map(|of| of.component.component.span.clone()),
            About::Normalise(role) => {
                dataset(role).and_then(|of| Some(of.normalise.as_ref()?.span.clone()))
            }
        };
        let told = Diagnostic::new(finding.message, span)
            .label(finding.label)
            .hint(finding.hint);
        match finding.refused {
            true => self.diagnostics.push(told),
            false => self.warnings.push(told),
        }
    }

    /// A number among `classes` that is also the name of another class.
    pub(super) fn ambiguous_classes(&mut self, written: &WrittenDataset, names: &[String]) {
        let path = &written.component.path;
        for class in written.classes.iter().flatten() {
            let WrittenClass::Index(index) = class.value else {
                continue;
            };
            let named = names.iter().position(|name| *name == index.to_string());
            let taken = usize::try_from(index)
                .ok()
                .and_then(|index| names.get(index));
            if let (Some(named), Some(taken)) = (named, taken)
                && named as u64 != index
            {
                let message = format!(
                    "`{path}.classes`: {index} is a position, that of the class {taken:?}; \
                     another class has the name \"{index}\""
                );
                let doubtful = Diagnostic::new(message, Some(class.span.clone()));
                self.warnings.push(
                    doubtful
                        .label(format!("taken as {taken:?}"))
                        .hint(format!("write \"{index}\" to mean the class of this name")),
                );
            }
        }
    }

    /// The weights must fit the backbone.
    pub(super) fn weights(&mut self, written: &Written) {
        let weights = (written.backbone.as_ref()).and_then(|table| table.weights.as_ref());
        if let (Some(weights), Some(Err(problem))) = (weights, &self.components.catalog().weights) {
            let message = format!("`backbone.weights`: {}", problem.message);
            let refused = Diagnostic::new(message, Some(weights.span.clone()));
            let refused = refused
                .hint(problem.hint.clone())
                .category(problem.category);
            self.diagnostics.push(refused);
        }
    }
}

impl Check<'_> {
    /// Published weights want samples as they learnt them.
    pub(super) fn as_published(&mut self, written: &Written, backbone: &Component) {
        let catalog = self.components.catalog();
        let given = (written.backbone.as_ref()).is_some_and(|table| table.weights.is_some());
        let has_input = (written.backbone.as_ref()).is_some_and(|table| table.input.is_some());
        let (Some(wanted), true) = (&catalog.published, given && !has_input) else {
            return;
        };
        let target = written.target.as_ref();
        let Some(dataset) = target.and_then(|target| target.dataset.as_ref()) else {
            return;
        };
        let stated = dataset.normalise.as_ref();
        let wrong = stated.is_none() && dataset.component.node.get("normalise").is_some();
        if wrong || stated.is_some_and(|stated| extractor::near(&stated.value, wanted)) {
            return;
        }
        let path = &dataset.component.path;
        let id = backbone.id();
        let what = match stated {
            Some(_) => "is normalised otherwise than",
            None => "is not normalised as",
        };
        let span = match stated {
            Some(stated) => stated.span.clone(),
            None => dataset.component.component.span.clone(),
        };
        let message = format!("`{path}` {what} published weights of `{id}` want it");
        let doubtful = Diagnostic::new(message, Some(span)).label("other samples than learnt from");
        self.warnings.push(doubtful.hint(format!(
            "write normalise = {{ mean = {:?}, std = {:?} }}, unless these weights learnt from \
             samples that were normalised like yours",
            wanted.mean, wanted.std
        )));
    }
}

fn dataset_of(written: &Written, role: TaskRole) -> Option<&WrittenDataset> {
    match role {
        TaskRole::Source => written.source.as_ref()?.dataset.as_ref(),
        TaskRole::Target => written.target.as_ref()?.dataset.as_ref(),
    }
}

impl Catalog {
    /// The examples of a split by class of the dataset, if they were counted.
    pub(crate) fn count(&self, dataset: &Component, split: &str) -> Option<&Counted> {
        (self.counted.iter())
            .find(|counted| counted.component == *dataset && counted.split == split)
    }
}

impl Task {
    /// What the rules on examples want to know.
    fn data(&self, role: TaskRole) -> TaskData<'_> {
        TaskData {
            targets: self.targets,
            role,
            dataset: &self.dataset,
            names: &self.class_names,
            folds: self.folds,
            train: self.train.clone(),
            test: self.test.clone(),
            groups: self.groups.clone(),
        }
    }
}

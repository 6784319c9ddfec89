//! The data of both tasks: read, recognised, compared.

use std::sync::Arc;

use topwork_events::{Event, Made, Sizes};
use topwork_graft::data::{SplitName, TaskExamples, channels_of, seen, view};
use topwork_host::{Dataset, Seen};
use topwork_keys::{Digest, Sha256, hexadecimal};
use topwork_schema::{DatasetUse, Source, TaskRole};

use crate::{WorkerError, execute::Execution};

impl Execution<'_> {
    pub fn read_data(&mut self) -> Result<Made, WorkerError> {
        let experiment = &self.plan.experiment;
        let target = &experiment.target.dataset;
        let seen = seen(
            experiment.backbone_input.as_ref(),
            channels_of(self.tools.backbone),
            self.tools.compute.threads(),
        )?;
        let target_data = self.open(target)?;
        let mut of_source = None;
        if let Some(Source {
            dataset: source, ..
        }) = &experiment.source
        {
            // One dataset for both tasks is opened, and held in memory, once.
            let same = source.component == target.component;
            let source_data = if same {
                Arc::clone(&target_data)
            } else {
                self.open(source)?
            };
            let used = &experiment.seen(source);
            let task = TaskExamples::new(TaskRole::Source, view(source_data, seen), used, None)?;
            task.touch()?;
            of_source = Some(sizes(&task));
            self.data.source = Some(task);
        }
        let folds = experiment.target.folds;
        let used = &experiment.seen(target);
        let task = TaskExamples::new(
            TaskRole::Target,
            view(Arc::clone(&target_data), seen),
            used,
            folds,
        )?;
        task.touch()?;
        let of_target = sizes(&task);
        self.data.target = Some(task);
        self.data.further = self.further(&target_data, seen)?;
        self.same_data()?;
        self.compare_images()?;
        Ok(Made::Data {
            source: of_source,
            target: of_target,
        })
    }

    fn open(&self, used: &DatasetUse) -> Result<Arc<Dataset>, WorkerError> {
        let component = &used.component;
        let parameters = component.parameters.clone().into();
        let dataset = (self.tools.plugins).dataset(&component.component, &parameters)?;
        Ok(Arc::new(dataset))
    }

    /// The further test sets of the target, whose dataset is opened already.
    fn further(
        &self,
        target: &Arc<Dataset>,
        seen: Option<Seen>,
    ) -> Result<Vec<TaskExamples>, WorkerError> {
        let experiment = &self.plan.experiment;
        let tests = experiment.target.tests.iter().map(|test| {
            let of = &test.dataset;
            let dataset = match of.component == experiment.target.dataset.component {
                true => Arc::clone(target),
                false => self.open(of)?,
            };
            let (view, used) = (view(dataset, seen), experiment.seen(of));
            let task = TaskExamples::further(view, test, &used, &self.plan.target_classes)?;
            task.touch()?;
            Ok(task)
        });
        tests.collect()
    }

    /// A run that goes on finds the data it began with.
    fn same_data(&self) -> Result<(), WorkerError> {
        let mut hash = Sha256::new();
        let tasks = [&self.data.source, &self.data.target];
        for task in tasks.into_iter().flatten().chain(&self.data.further) {
            task.fingerprint(&mut hash)?;
        }
        let found = hexadecimal(&hash.finalize());
        match self.emitter.look(|state| state.data.clone()) {
            Some(expected) if expected != found => {
                Err(WorkerError::DataChanged { found, expected })
            }
            Some(_) => Ok(()),
            None => Ok(self.emitter.emit(Event::DataRead { digest: found })?),
        }
    }
}

fn sizes(task: &TaskExamples) -> Sizes {
    let count = |split: SplitName| task.examples(split).labels.len() as u64;
    let folds = task.folds().map(|folds| folds as u64);
    let test = folds.is_none().then(|| count(SplitName::Test));
    Sizes::new(count(SplitName::Train), test, folds, &task.names)
}

//! The source: trained, measured, its weights kept.

use topwork_events::{Event, Made, SourceOutcome};
use topwork_graft::{Source, engine, out_of_order};

use crate::{WorkerError, execute::Execution};

impl Execution<'_> {
    pub fn train_source(&mut self, seed: u64) -> Result<Made, WorkerError> {
        let task = self.data.source.as_ref();
        let task = task.ok_or_else(|| out_of_order("the source's data was not read"))?;
        let Source {
            backbone,
            head,
            correct,
            total,
            epochs,
            train_samples,
            trainable_parameters,
            seconds,
        } = self.tools.train_source(task, seed)?;
        for (name, network) in [("backbone", &backbone), ("source-head", &head)] {
            let bytes = network.to_safetensors().map_err(engine("saving weights"))?;
            let path = self.folder.weights_path(name, seed);
            self.folder.write(&path, &bytes)?;
        }
        self.emitter.emit(Event::SourceEvaluated(SourceOutcome {
            part: 0,
            seed,
            correct,
            total,
            epochs,
            train_samples,
            trainable_parameters,
            seconds,
            weights: Some(backbone.digest()),
        }))?;
        self.seed.trained = Some(backbone);
        Ok(Made::Measured {
            correct,
            total,
            before: false,
        })
    }
}

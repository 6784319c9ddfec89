//! What a network is trained and tried on: images as the dataset has them, or features that
//! were extracted before.

use topwork_engine::Stream;

use crate::{
    GraftError,
    data::{Augment, SplitName, TaskExamples},
    features::Rows,
};

/// Inputs of a network, by example.
pub trait Samples: Sync {
    /// Puts the inputs of these examples into `inputs`, which is made to fit. With a stream they
    /// are varied at random, which is for learning only.
    fn read(
        &self,
        examples: &[usize],
        inputs: &mut Vec<f32>,
        vary: Option<&mut Stream>,
    ) -> Result<(), GraftError>;
}

/// Images of a task.
pub struct Images<'a> {
    /// The task.
    pub task: &'a TaskExamples,
    /// The split.
    pub split: SplitName,
    /// How images are varied for learning.
    pub augment: Option<Augment>,
}

impl Samples for Images<'_> {
    fn read(
        &self,
        examples: &[usize],
        inputs: &mut Vec<f32>,
        vary: Option<&mut Stream>,
    ) -> Result<(), GraftError> {
        self.task.read_raw(self.split, examples, inputs)?;
        if let (Some(augment), Some(stream)) = (&self.augment, vary) {
            augment.apply(inputs, self.task.image_shape(), stream);
        }
        self.task.normalise(inputs);
        Ok(())
    }
}

impl Samples for Rows {
    fn read(
        &self,
        examples: &[usize],
        inputs: &mut Vec<f32>,
        _: Option<&mut Stream>,
    ) -> Result<(), GraftError> {
        self.gather(examples, inputs);
        Ok(())
    }
}

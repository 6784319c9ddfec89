//! Features of a frozen trunk: computed once, shared by every strategy that wants them.

use std::time::Instant;

use topwork_engine::{Compute, Network};

use crate::{
    WorkerError,
    emitter::{Emitter, Progress},
    task::{SplitName, Task},
};

/// Images read and passed through the trunk at once.
const BLOCK: usize = 512;

/// A frozen trunk with the features it gives.
pub struct Trunk {
    /// The layers before the cut.
    pub network: Network,
    /// Their SHA-256 when they were frozen.
    pub digest: String,
    /// Length of one feature vector.
    pub dim: usize,
    /// Features of training examples.
    pub train: Rows,
    /// Features of test examples.
    pub test: Rows,
    /// What the extraction cost.
    pub seconds: f64,
    /// Whether a strategy has accounted for that cost.
    pub paid: bool,
}

/// Feature vectors of some examples.
pub struct Rows {
    /// The examples, ascending.
    examples: Vec<usize>,
    /// One vector after the other.
    values: Vec<f32>,
    dim: usize,
}

impl Trunk {
    /// Freezes `network` and passes these examples of the task through it.
    pub fn extract(
        compute: &Compute,
        emitter: &Emitter,
        network: Network,
        task: &Task,
        train: Vec<usize>,
        test: Vec<usize>,
    ) -> Result<Self, WorkerError> {
        let begun = Instant::now();
        let digest = network.digest();
        let dim = network.blueprint().output().elements();
        let total = (train.len() + test.len()) as u64;
        let mut done = 0;
        let mut rows = |split, examples: Vec<usize>| -> Result<Rows, WorkerError> {
            let mut values = vec![0.0; examples.len() * dim];
            let mut images = Vec::new();
            for (block, out) in examples.chunks(BLOCK).zip(values.chunks_mut(BLOCK * dim)) {
                task.read(split, block, &mut images)?;
                (network.forward(compute, &images, out)).map_err(|source| WorkerError::Engine {
                    stage: "extracting features".to_owned(),
                    source,
                })?;
                done += block.len() as u64;
                emitter.step(Progress {
                    done,
                    total,
                    unit: "images",
                    ..Progress::default()
                })?;
            }
            Ok(Rows {
                examples,
                values,
                dim,
            })
        };
        let train = rows(SplitName::Train, train)?;
        let test = rows(SplitName::Test, test)?;
        let seconds = begun.elapsed().as_secs_f64();
        Ok(Self {
            network,
            digest,
            dim,
            train,
            test,
            seconds,
            paid: false,
        })
    }
}

impl Rows {
    /// The vectors of all examples, when these are exactly the ones wanted: no copy is needed.
    pub fn all_of(&self, examples: &[usize]) -> Option<&[f32]> {
        (self.examples == examples).then_some(self.values.as_slice())
    }

    /// Copies the vectors of `examples` into `out`, which is made to fit. Examples that were
    /// not extracted are a mistake of the caller and give zeros.
    pub fn gather(&self, examples: &[usize], out: &mut Vec<f32>) {
        out.resize(examples.len() * self.dim, 0.0);
        for (example, out) in examples.iter().zip(out.chunks_exact_mut(self.dim)) {
            match self.examples.binary_search(example) {
                Ok(row) => out.copy_from_slice(&self.values[row * self.dim..(row + 1) * self.dim]),
                Err(_) => {
                    debug_assert!(false, "example {example} was not extracted");
                    out.fill(0.0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_example() {
        let rows = Rows {
            examples: vec![2, 5, 9],
            values: vec![2.0, 2.5, 5.0, 5.5, 9.0, 9.5],
            dim: 2,
        };
        let mut out = vec![7.0; 9];
        rows.gather(&[9, 2], &mut out);
        assert_eq!(out, [9.0, 9.5, 2.0, 2.5]);
        assert!(rows.all_of(&[2, 5]).is_none());
        assert_eq!(rows.all_of(&[2, 5, 9]).unwrap().len(), 6);
    }
}

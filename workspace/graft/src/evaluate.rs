//! Trying networks on examples, without learning from them.

use topwork_engine::{Compute, Network};

pub use topwork_measure::{correct, cross_entropy};

use crate::{GraftError, data::Samples};

/// Examples read and classified at once.
const BLOCK: usize = 512;

/// The scores of these examples, `examples × classes`: the output of the last of `networks`,
/// each taking what the one before gives. `step` hears how many are done.
pub fn scores(
    compute: &Compute,
    networks: &[&Network],
    samples: &dyn Samples,
    examples: &[usize],
    classes: usize,
    mut step: impl FnMut(usize) -> Result<(), GraftError>,
) -> Result<Vec<f32>, GraftError> {
    let mut scores = vec![0.0; examples.len() * classes];
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    let mut done = 0;
    for (block, scores) in examples
        .chunks(BLOCK)
        .zip(scores.chunks_mut(BLOCK * classes))
    {
        samples.read(block, &mut inputs, None)?;
        for network in networks {
            let len = network.blueprint().output().elements();
            outputs.resize(block.len() * len, 0.0);
            network
                .forward(compute, &inputs, &mut outputs)
                .map_err(|source| GraftError::Engine {
                    stage: "evaluating".to_owned(),
                    source,
                })?;
            std::mem::swap(&mut inputs, &mut outputs);
        }
        scores.copy_from_slice(&inputs);
        done += block.len();
        step(done)?;
    }
    Ok(scores)
}

//! Trying networks on examples, without learning from them.

use topwork_engine::{Compute, Network};

pub use topwork_measure::{correct, cross_entropy};

use crate::{
    GraftError,
    data::{Samples, read_ahead},
    error::out_of_order,
};

/// Examples classified at once, while as many are read.
const BLOCK: usize = 256;

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
    let mut outputs = Vec::new();
    let mut done = 0;
    let mut to_read = examples.chunks(BLOCK);
    let mut to_fill = scores.chunks_mut(BLOCK * classes);
    read_ahead(
        |inputs: &mut Vec<f32>| match to_read.next() {
            Some(block) => samples.read(block, inputs, None).map(|()| true),
            None => Ok(false),
        },
        |inputs| {
            let Some(scores) = to_fill.next() else {
                return Err(out_of_order("more scores than examples"));
            };
            let count = scores.len() / classes;
            for network in networks {
                let len = network.blueprint().output().elements();
                outputs.resize(count * len, 0.0);
                network
                    .forward(compute, inputs, &mut outputs)
                    .map_err(|source| GraftError::Engine {
                        stage: "evaluating".to_owned(),
                        source,
                    })?;
                std::mem::swap(inputs, &mut outputs);
            }
            scores.copy_from_slice(inputs);
            done += count;
            step(done)
        },
    )?;
    Ok(scores)
}

//! Models computed by rten, a runtime written in Rust.

use super::{Lane, ModelFile, Network, Show, Trouble};
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueView};
use rten_tensor::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The version of rten that is part of this plugin; it does not tell its own.
pub const VERSION: &str = "0.27.0";

/// A model in memory.
pub struct RtenNetwork(Arc<Loaded>);

struct Loaded {
    model: Model,
    input: NodeId,
    outputs: Vec<NodeId>,
    shape: [usize; 4],
}

/// Reads a model file.
pub fn read(file: ModelFile<'_>) -> Result<RtenNetwork, Trouble> {
    caught(|| {
        let mut options = ModelOptions::with_all_ops();
        let model = options
            .enable_optimization(file.optimise)
            .prepack_weights(file.optimise)
            .load(file.bytes)
            .map_err(Trouble::new)?;
        let node = |name: &str| model.node_id(name).map_err(Trouble::new);
        Ok(RtenNetwork(Arc::new(Loaded {
            input: node(file.input)?,
            outputs: file
                .outputs
                .iter()
                .map(|name| node(name))
                .collect::<Result<_, _>>()?,
            shape: file.shape,
            model,
        })))
    })
}

impl Network for RtenNetwork {
    fn lane(&self) -> Result<Box<dyn Lane>, Trouble> {
        Ok(Box::new(RtenLane {
            network: Arc::clone(&self.0),
            // A pool of one thread: rten's own would take every core, whatever the host grants.
            thread: Arc::new(ThreadPool::with_num_threads(1)),
        }))
    }
}

struct RtenLane {
    network: Arc<Loaded>,
    thread: Arc<ThreadPool>,
}

impl Lane for RtenLane {
    fn run(&mut self, sample: &[f32], show: &mut Show<'_>) -> Result<(), Trouble> {
        let Loaded {
            model,
            input,
            outputs,
            shape,
        } = &*self.network;
        let values = caught(|| {
            let image = ValueView::from_shape(shape, sample).map_err(Trouble::new)?;
            let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.thread)));
            model
                .run(vec![(*input, image.into())], outputs, Some(options))
                .map_err(Trouble::new)
        })?;
        for (position, value) in values.iter().enumerate() {
            match value {
                Value::FloatTensor(tensor) => {
                    let tensor = tensor.to_contiguous();
                    show(position, tensor.shape(), Some(tensor.data()));
                }
                Value::Sequence(_) => {}
                other => show(position, &other.shape(), None),
            }
        }
        Ok(())
    }
}

/// A panic of rten's, which a damaged model can cause, as what it could not do.
fn caught<T>(work: impl FnOnce() -> Result<T, Trouble>) -> Result<T, Trouble> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let text = text.unwrap_or_default();
        Err(Trouble::new(format!("it panicked: {text}")))
    })
}

#[cfg(test)]
mod tests {
    /// The version above is that of the lock file.
    #[test]
    fn the_version_is_that_which_is_built_in() {
        let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock");
        let lock = std::fs::read_to_string(lock).unwrap();
        let entry = format!("name = \"rten\"\nversion = \"{}\"", super::VERSION);
        assert!(lock.contains(&entry), "{entry}");
    }
}

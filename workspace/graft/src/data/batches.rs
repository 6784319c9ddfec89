//! Batches of an epoch, read while the one before is learnt from.

use topwork_engine::Stream;

use crate::{
    GraftError,
    data::{Samples, read_ahead},
};

/// Inputs of some examples.
pub struct Batch {
    /// `examples × input elements`.
    pub inputs: Vec<f32>,
    /// Which they are.
    pub examples: Vec<usize>,
    /// The stream that varies inputs, as it was when these had been read. Reading runs ahead of
    /// learning, so this alone tells where to go on after this batch.
    pub vary: Stream,
}

/// Gives `learn` the examples of `order`, `batch_size` at a time, in that order. Inputs are
/// varied with draws from `stream`, one batch after the other, so what is drawn does not
/// depend on how fast anything is.
pub fn each_batch(
    samples: &dyn Samples,
    order: &[usize],
    batch_size: usize,
    mut stream: Stream,
    mut learn: impl FnMut(&Batch) -> Result<(), GraftError>,
) -> Result<(), GraftError> {
    let mut chunks = order.chunks(batch_size);
    read_ahead(
        |batch: &mut Option<Batch>| {
            let Some(examples) = chunks.next() else {
                return Ok(false);
            };
            let batch = batch.get_or_insert_with(|| Batch {
                inputs: Vec::new(),
                examples: Vec::new(),
                vary: stream.clone(),
            });
            samples.read(examples, &mut batch.inputs, Some(&mut stream))?;
            batch.examples.clear();
            batch.examples.extend_from_slice(examples);
            batch.vary = stream.clone();
            Ok(true)
        },
        |batch| batch.as_ref().map_or(Ok(()), &mut learn),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken() -> GraftError {
        GraftError::System {
            action: "read",
            reason: "it is broken".to_owned(),
        }
    }

    /// Examples whose input is their own number, varied by a draw; number 13 cannot be read.
    struct Numbers;

    impl Samples for Numbers {
        fn read(
            &self,
            examples: &[usize],
            inputs: &mut Vec<f32>,
            vary: Option<&mut Stream>,
        ) -> Result<(), GraftError> {
            let stream = vary.unwrap();
            inputs.clear();
            inputs.extend(
                examples
                    .iter()
                    .map(|&i| i as f32 + stream.uniform(0.0, 0.5)),
            );
            match examples.contains(&13) {
                true => Err(broken()),
                false => Ok(()),
            }
        }
    }

    fn run(order: &[usize]) -> (Vec<Vec<f32>>, Result<(), GraftError>) {
        let mut seen = Vec::new();
        let result = each_batch(&Numbers, order, 4, Stream::new(1, "vary"), |batch| {
            let expected = batch.inputs.iter().map(|input| *input as usize);
            assert!(expected.eq(batch.examples.iter().copied()));
            seen.push(batch.inputs.clone());
            Ok(())
        });
        (seen, result)
    }

    #[test]
    fn batches_come_in_order_and_the_same_each_time() {
        let order = [7, 3, 1, 0, 9, 8, 2, 4, 5, 6];
        let (seen, result) = run(&order);
        result.unwrap();
        assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
        let numbers: Vec<usize> = seen.iter().flatten().map(|input| *input as usize).collect();
        assert_eq!(numbers, order);
        assert_eq!(run(&order).0, seen);
    }

    #[test]
    fn failures_of_either_side_end_it() {
        let (seen, result) = run(&[0, 1, 2, 3, 4, 5, 6, 13, 8, 9, 10, 11]);
        assert!(matches!(result, Err(GraftError::System { .. })));
        assert_eq!(seen.len(), 1);
        let order: Vec<usize> = (0..12).collect();
        let stream = Stream::new(1, "vary");
        let result = each_batch(&Numbers, &order, 2, stream, |_| Err(broken()));
        assert!(matches!(result, Err(GraftError::System { .. })));
    }
}

//! The written file computed by a runtime, and its answers compared with those there were.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use rten::{Dimension, Model, ModelOptions, RunOptions, ThreadPool, Value, ValueOrView};
use rten_tensor::{NdTensorView, prelude::*};
use serde::{Deserialize, Serialize};
use topwork_measure::TargetKind;

use crate::model::{CLASS, IMAGES, SCORES, values_of};

/// Images at a time.
const BATCH: usize = 16;

/// Scores that are as near as that, as a share of the largest of their image, are a tie.
const TIE: f64 = 1e-5;

/// Scores beyond this stand for classes without training samples, and are no measure for others.
const BEYOND: f64 = 1e30;

/// Images as the exported model takes them, one after the other.
#[derive(Clone, Copy, Debug)]
pub enum Images<'a> {
    /// Numbers from 0 to 1.
    Numbers(&'a [f32]),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// Predicted numbers that are as near as that, as a share of the largest of all images, are the same.
const SAME: f64 = 1e-5;

/// How far the answers of an exported model are those of the model it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Agreement {
    /// What it predicts.
    #[serde(default, skip_serializing_if = "TargetKind::is_classes")]
    pub targets: TargetKind,
    /// Images with the same class; where the scores of both classes are a tie, either is. Of numbers images whose numbers differ by
    /// no more than 1e-5 of the largest number of all images.
    pub equal: usize,
    /// Images compared.
    pub of: usize,
    /// The largest difference of two scores, as a share of the largest score of that image by magnitude; of numbers as a share of
    /// the largest of all images.
    pub largest_relative_difference: f64,
}

/// Why there are no answers to compare.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The runtime cannot read the file or compute it.
    #[error("rten cannot {action} the exported model: {reason}")]
    Runtime {
        /// What it cannot do.
        action: &'static str,
        /// Its own words.
        reason: String,
    },
    /// What was given to compare with does not fit.
    #[error(
        "{images} numbers of images and {scores} scores, expected {shape:?} and {classes} for each image"
    )]
    Given {
        /// The numbers of all images.
        images: usize,
        /// All scores.
        scores: usize,
        /// The shape of an image.
        shape: [usize; 3],
        /// The number of classes.
        classes: usize,
    },
    /// The answers have another shape than the format of exported models says.
    #[error("the exported model gives {found} {output} for {images} images, expected {expected}")]
    Answer {
        /// The output.
        output: &'static str,
        /// Numbers found.
        found: usize,
        /// Numbers expected.
        expected: usize,
        /// For so many images.
        images: usize,
    },
}

/// Runs an exported model by rten and compares its classes and scores with those given, images × `classes`, or its numbers, or scores
/// of labels.
///
/// # Errors
/// When rten cannot read or compute it, or the lengths do not fit.
pub fn prove(
    model: &[u8],
    images: Images<'_>,
    shape: [usize; 3],
    scores: &[f32],
    (targets, classes): (TargetKind, usize),
) -> Result<Agreement, ProofError> {
    let numbers = match images {
        Images::Numbers(images) => images.len(),
        Images::Bytes(images) => images.len(),
    };
    let each: usize = shape.iter().product();
    if each == 0
        || classes == 0
        || !numbers.is_multiple_of(each)
        || numbers / each * classes != scores.len()
    {
        return Err(ProofError::Given {
            images: numbers,
            scores: scores.len(),
            shape,
            classes,
        });
    }
    let exported = caught("read", || ModelOptions::with_all_ops().load(model.to_vec()))?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = Arc::new(ThreadPool::with_num_threads(threads));
    let batch = match exported.input_shape(0).as_deref() {
        Some([Dimension::Fixed(batch), ..]) => (*batch).max(1),
        _ => BATCH,
    };
    let largest_of_all = scores
        .iter()
        .map(|x| f64::from(x.abs()))
        .fold(0.0, f64::max);
    let mut agreement = Agreement {
        targets,
        equal: 0,
        of: 0,
        largest_relative_difference: 0.0,
    };
    for (number, scores) in scores.chunks(batch * classes).enumerate() {
        let count = scores.len() / classes;
        let range = number * batch * each..(number * batch + count) * each;
        let [c, h, w] = shape;
        let (found_classes, found) = match images {
            Images::Numbers(images) => {
                let view = NdTensorView::from_data([count, c, h, w], &images[range]);
                answers(&exported, targets, view.as_dyn().into(), &pool)
            }
            Images::Bytes(images) => {
                let view = NdTensorView::from_data([count, c, h, w], &images[range]);
                answers(&exported, targets, view.as_dyn().into(), &pool)
            }
        }?;
        let of_class = if targets.is_classes() { count } else { 0 };
        let output = values_of(targets);
        for (output, found, expected) in [
            (CLASS, found_classes.len(), of_class),
            (output, found.len(), count * classes),
        ] {
            if found != expected {
                return Err(ProofError::Answer {
                    output,
                    found,
                    expected,
                    images: count,
                });
            }
        }
        let rows = scores
            .chunks_exact(classes)
            .zip(found.chunks_exact(classes));
        match targets {
            TargetKind::Classes => {
                for ((expected, found), class) in rows.zip(found_classes) {
                    agreement.take(expected, found, class);
                }
            }
            TargetKind::Numbers | TargetKind::Multilabel => {
                rows.for_each(|(expected, found)| {
                    agreement.take_numbers(expected, found, largest_of_all);
                });
            }
        }
    }
    Ok(agreement)
}

/// Classes and scores of a batch; of numbers and of several labels no classes.
fn answers(
    model: &Model,
    targets: TargetKind,
    images: ValueOrView<'_>,
    pool: &Arc<ThreadPool>,
) -> Result<(Vec<i32>, Vec<f32>), ProofError> {
    let outputs = caught("compute", || {
        let node = |name: &str| model.node_id(name);
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
        let outputs = match targets {
            TargetKind::Classes => vec![node(CLASS)?, node(SCORES)?],
            targets => vec![node(values_of(targets))?],
        };
        model.run(vec![(node(IMAGES)?, images)], &outputs, Some(options))
    })?;
    match outputs.as_slice() {
        [Value::FloatTensor(numbers)] => Ok((Vec::new(), numbers.to_vec())),
        [Value::Int32Tensor(classes), Value::FloatTensor(scores)] => {
            Ok((classes.to_vec(), scores.to_vec()))
        }
        _ => Err(ProofError::Runtime {
            action: "compute",
            reason: "an output is of another type".to_owned(),
        }),
    }
}

impl Agreement {
    /// Takes the numbers of an image in. `scale` is the largest of all images by magnitude: a number near 0 is the difference of larger
    /// ones, and exact to these.
    fn take_numbers(&mut self, expected: &[f32], found: &[f32], scale: f64) {
        let mut apart: f64 = 0.0;
        for (expected, found) in expected.iter().zip(found) {
            let relative =
                (f64::from(*expected) - f64::from(*found)).abs() / scale.max(f64::MIN_POSITIVE);
            // What is no number is as far off as can be.
            apart = apart.max(if relative.is_nan() {
                f64::INFINITY
            } else {
                relative
            });
        }
        self.largest_relative_difference = self.largest_relative_difference.max(apart);
        self.of += 1;
        self.equal += usize::from(apart <= SAME);
    }

    /// Takes an image in.
    fn take(&mut self, expected: &[f32], found: &[f32], class: i32) {
        let size = |score: &f32| f64::from(*score).abs();
        let largest = |scores: &[f32]| {
            let sizes = scores.iter().map(size).filter(|size| *size < BEYOND);
            sizes.fold(0.0, f64::max)
        };
        let scale = largest(expected).max(largest(found)).max(f64::MIN_POSITIVE);
        for (expected, found) in expected.iter().zip(found) {
            let apart = (f64::from(*expected) - f64::from(*found)).abs();
            let relative = match size(expected).max(size(found)) {
                beyond if beyond >= BEYOND => apart / beyond,
                _ => apart / scale,
            };
            // What is no number is as far off as can be.
            let relative = if relative.is_finite() {
                relative
            } else {
                f64::INFINITY
            };
            self.largest_relative_difference = self.largest_relative_difference.max(relative);
        }
        let wanted = topwork_measure::predicted(expected) as usize;
        let class = usize::try_from(class).unwrap_or(usize::MAX);
        let same = class == wanted
            || (expected.get(class)).is_some_and(|score| {
                f64::from(expected[wanted]) - f64::from(*score) <= TIE * scale
            });
        self.of += 1;
        self.equal += usize::from(same);
    }
}

/// What the runtime did, or why not; a panic of its own is a reason, too.
fn caught<T, E: ToString>(
    action: &'static str,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, ProofError> {
    let failed = |reason: String| ProofError::Runtime { action, reason };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| failed(error.to_string())),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(failed(format!("it panicked: {}", text.unwrap_or_default())))
        }
    }
}

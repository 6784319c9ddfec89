//! What viewers draw of a run besides its figures: a sample of features and of test images,
//! written to the run folder. See `topwork_store` for the files.

use topwork_events::{Event, LogLevel};
use topwork_graft::{
    Features, Tested,
    data::{SplitName, TaskExamples},
};
use topwork_measure::{TargetKind, highest, predicted};
use topwork_store::{FeatureSample, ImageSample, StoreError, evenly_spaced};

use topwork_tasks::TrunkId;

use crate::{WorkerError, execute::Execution, prepare::as_told};

impl Execution<'_> {
    /// Keeps some of the features a trunk gave of the test examples.
    pub fn keep_feature_sample(
        &self,
        seed: u64,
        wanted: &TrunkId,
        trunk: &Features,
        test: &[usize],
    ) -> Result<(), WorkerError> {
        let task = self.target()?;
        if task.targets != TargetKind::Classes {
            // What viewers make of it is how far it separates classes.
            return Ok(());
        }
        let dimensions = evenly_spaced(trunk.dim, FeatureSample::DIMENSIONS);
        let examples = sampled(
            test,
            task,
            FeatureSample::BYTES / 4 / dimensions.len().max(1),
        );
        let mut vectors = Vec::new();
        trunk.tested().gather(&examples, &mut vectors);
        let sample = FeatureSample {
            cut: wanted.cut.name.clone(),
            weights: as_told(wanted.weights),
            seed,
            classes: self.plan.target_classes.clone(),
            extracted: test.len(),
            examples: (examples.iter().map(|&i| task.measured().positions[i])).collect(),
            labels: (examples.iter().map(|&i| task.measured().labels[i])).collect(),
            dim: trunk.dim,
            values: (vectors.chunks_exact(trunk.dim))
                .flat_map(|vector| dimensions.iter().map(|&dimension| vector[dimension]))
                .collect(),
            dimensions: (dimensions.iter())
                .map(|&dimension| dimension as u32)
                .collect(),
        };
        self.kept(sample.write(self.folder))
    }

    /// Keeps some of the test images with the scores, `tested.len() × classes`, that a strategy
    /// gives them.
    pub fn keep_image_sample(
        &self,
        (row, title): (usize, &str),
        seed: u64,
        Tested {
            examples: tested,
            scores,
            ..
        }: &Tested,
        names: &[String],
    ) -> Result<(), WorkerError> {
        let task = self.target()?;
        let of = |example: usize| &scores[example * task.classes..(example + 1) * task.classes];
        let labels: Vec<u32> = (tested.iter().map(|&i| task.measured().labels[i])).collect();
        let said: Vec<u32> = (0..labels.len())
            .map(|example| predicted(of(example)) as u32)
            .collect();
        let smaller = Smaller::than(task.image_shape());
        let room = ImageSample::room(smaller.to, task.classes);
        let chosen = ImageSample::choose(&labels, &said, room);
        let examples: Vec<usize> = chosen.iter().map(|&index| tested[index]).collect();
        let mut images = Vec::new();
        let mut small = Vec::new();
        for block in examples.chunks(BLOCK) {
            task.read_raw(SplitName::Test, block, &mut images)?;
            for image in images.chunks_exact(task.image_len()) {
                smaller.append(image, &mut small);
            }
        }
        let (pixels, range) = as_bytes(&small);
        let sample = ImageSample {
            classes: self.plan.target_classes.clone(),
            shape: smaller.to,
            range,
            examples: (examples.iter().map(|&i| task.measured().positions[i])).collect(),
            names: (chosen.iter().filter_map(|&index| names.get(index).cloned())).collect(),
            labels: chosen.iter().map(|&index| labels[index]).collect(),
            predicted: chosen.iter().map(|&index| said[index]).collect(),
            scores: (chosen.iter())
                .map(|&index| shown(of(index), labels[index] as usize))
                .collect(),
            pixels,
        };
        self.kept(sample.write(self.folder, row, title, seed))
    }

    /// Samples are for looking at: a run that cannot write them goes on without.
    fn kept(&self, outcome: Result<(), StoreError>) -> Result<(), WorkerError> {
        let Err(error) = outcome else { return Ok(()) };
        Ok(self.emitter.emit(Event::Log {
            level: LogLevel::Warning,
            from: "topwork".to_owned(),
            text: format!("viewers will miss a picture: {error}"),
        })?)
    }
}

/// The scores kept of one image: all, or of many classes the highest and that of its own class.
fn shown(scores: &[f32], label: usize) -> Vec<(u32, f32)> {
    let classes: Vec<usize> = match scores.len() {
        all @ ..=ImageSample::ALL_SCORES => (0..all).collect(),
        _ => {
            let mut classes = highest(scores, ImageSample::SCORES);
            if !classes.contains(&label) {
                classes.pop();
                classes.push(label);
            }
            classes
        }
    };
    let score = |class: usize| (class as u32, scores[class]);
    classes.into_iter().map(score).collect()
}

/// Images read at once.
const BLOCK: usize = 64;

/// The same number of each class, as far as it has them, when `room` vectors fit: ascending.
fn sampled(test: &[usize], task: &TaskExamples, room: usize) -> Vec<usize> {
    let mut of_class = vec![Vec::new(); task.classes];
    for &example in test {
        of_class[task.measured().labels[example] as usize].push(example);
    }
    let each = (room / task.classes.max(1)).clamp(1, FeatureSample::PER_CLASS);
    let mut examples: Vec<usize> = (of_class.iter())
        .flat_map(|examples| {
            (evenly_spaced(examples.len(), each).into_iter()).map(|index| examples[index])
        })
        .collect();
    examples.sort_unstable();
    // Only where there are more classes than room.
    (evenly_spaced(examples.len(), room).into_iter())
        .map(|index| examples[index])
        .collect()
}

/// How images become small enough to keep and to draw.
struct Smaller {
    from: [usize; 3],
    to: [usize; 3],
}

impl Smaller {
    /// One channel or three, and no side longer than [`ImageSample::SIDE`].
    fn than(from: [usize; 3]) -> Self {
        let [channels, height, width] = from;
        let longest = height.max(width).max(1);
        let scaled = |side: usize| match longest <= ImageSample::SIDE {
            true => side,
            false => (side * ImageSample::SIDE / longest).max(1),
        };
        let channels = if channels == 3 { 3 } else { 1 };
        let to = [channels, scaled(height), scaled(width)];
        Self { from, to }
    }

    /// Appends the small form of one image: every pixel is the mean of the pixels it stands
    /// for, over all channels where their number is neither 1 nor 3.
    fn append(&self, image: &[f32], out: &mut Vec<f32>) {
        let ([channels, height, width], [kept, rows, columns]) = (self.from, self.to);
        let merged = channels / kept;
        for channel in 0..kept {
            for row in 0..rows {
                let lines = row * height / rows..((row + 1) * height).div_ceil(rows);
                for column in 0..columns {
                    let across = column * width / columns..((column + 1) * width).div_ceil(columns);
                    let (mut sum, mut count) = (0.0_f32, 0.0_f32);
                    for plane in channel * merged..(channel + 1) * merged {
                        for line in lines.clone() {
                            let begin = (plane * height + line) * width;
                            for value in &image[begin + across.start..begin + across.end] {
                                sum += value;
                                count += 1.0;
                            }
                        }
                    }
                    out.push(sum / count.max(1.0));
                }
            }
        }
    }
}

/// Values as bytes, and what 0 and 255 stand for: 0 to 1, as bytes are read, or the values' own
/// range where they leave that.
fn as_bytes(values: &[f32]) -> (Vec<u8>, [f32; 2]) {
    let range = |start: [f32; 2]| {
        (values.iter()).fold(start, |[low, high], value| {
            [low.min(*value), high.max(*value)]
        })
    };
    let [low, high] = match range([0.0, 1.0]) {
        [0.0, 1.0] => [0.0, 1.0],
        _ => range([f32::INFINITY, f32::NEG_INFINITY]),
    };
    let span = (high - low).max(f32::MIN_POSITIVE);
    let bytes = (values.iter())
        .map(|value| ((value - low) / span * 255.0).round() as u8)
        .collect();
    (bytes, [low, high])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_become_small_by_means() {
        let check = |from: [usize; 3], to: [usize; 3], image: &[f32], expected: &[f32]| {
            let mut out = Vec::new();
            Smaller { from, to }.append(image, &mut out);
            assert_eq!(out, expected, "{from:?} to {to:?}");
        };
        let ramp: Vec<f32> = (0..8).map(|value| value as f32).collect();
        check([1, 2, 4], [1, 2, 4], &ramp, &ramp);
        check([1, 2, 4], [1, 1, 2], &ramp, &[2.5, 4.5]);
        check([2, 1, 4], [1, 1, 2], &ramp, &[2.5, 4.5]);
        check([1, 1, 3], [1, 1, 2], &[0.0, 2.0, 4.0], &[1.0, 3.0]);
    }

    #[test]
    fn sizes_are_kept_where_they_fit() {
        let check = |from, to| assert_eq!(Smaller::than(from).to, to, "{from:?}");
        check([1, 28, 28], [1, 28, 28]);
        check([3, 224, 112], [3, 64, 32]);
        check([4, 64, 3], [1, 64, 3]);
        check([2, 1000, 1], [1, 64, 1]);
    }

    #[test]
    fn bytes_tell_their_range() {
        assert_eq!(as_bytes(&[0.0, 0.5, 1.0]), (vec![0, 128, 255], [0.0, 1.0]));
        assert_eq!(as_bytes(&[0.25]), (vec![64], [0.0, 1.0]));
        assert_eq!(
            as_bytes(&[-3.0, 0.0, 3.0]),
            (vec![0, 128, 255], [-3.0, 3.0])
        );
        assert_eq!(as_bytes(&[2.0, 2.0]), (vec![0, 0], [2.0, 2.0]));
        assert_eq!(as_bytes(&[]), (vec![], [0.0, 1.0]));
    }
}

//! A sample of the features a trunk gives.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use topwork_events::Start;
use topwork_tensors::Writer;

use super::tensors::{labels, read, write};
use crate::{RunFolder, StoreError};

const KIND: &str = "features";

/// Feature vectors of some test examples of the target: what a trunk, cut at one point, makes
/// of images nobody has learnt from. The same examples for every seed and every trunk.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureSample {
    /// Name of the cut.
    pub cut: String,
    /// Where the trunk's weights come from.
    pub weights: Start,
    /// The seed.
    pub seed: u64,
    /// Names of the target's classes, in the order of the labels.
    pub classes: Vec<String>,
    /// Test examples whose features were extracted: those this is a sample of.
    pub extracted: usize,
    /// Positions of the sampled examples in the dataset's test split, ascending.
    pub examples: Vec<u64>,
    /// Their labels.
    pub labels: Vec<u32>,
    /// Length of a whole feature vector.
    pub dim: usize,
    /// The dimensions kept of each vector, ascending.
    pub dimensions: Vec<u32>,
    /// The features, `examples × dimensions`, row-major, as the trunk gave them to the bit.
    pub values: Vec<f32>,
}

impl FeatureSample {
    /// The most bytes the features of one file take.
    pub const BYTES: usize = 2 << 20;
    /// The most examples of one class.
    pub const PER_CLASS: usize = 100;
    /// The most dimensions: more than any screen has rows.
    pub const DIMENSIONS: usize = 1024;

    /// Writes the sample to its place in a run folder.
    pub fn write(&self, folder: &RunFolder) -> Result<(), StoreError> {
        let (examples, dimensions) = (self.examples.len(), self.dimensions.len());
        let facts = Facts {
            cut: self.cut.clone(),
            weights: self.weights,
            seed: self.seed,
            classes: self.classes.clone(),
            extracted: self.extracted,
            dim: self.dim,
        };
        let mut file = Writer::default();
        file.array("examples", &[examples], &self.examples)
            .array("labels", &[examples], &self.labels)
            .array("dimensions", &[dimensions], &self.dimensions)
            .array("features", &[examples, dimensions], &self.values);
        let path = folder.feature_sample_path(&self.cut, self.weights, self.seed);
        write(folder, &path, KIND, facts, file)
    }

    /// Reads a sample; `None` when there is no such file.
    pub fn read(path: &Path) -> Result<Option<Self>, StoreError> {
        read(path, KIND, |facts: Facts, tensors| {
            let [examples, dimensions] = tensors.shape("features")?;
            let kept: Vec<u32> = tensors.values("dimensions", &[dimensions])?;
            if let Some(wrong) = kept.iter().find(|kept| **kept as usize >= facts.dim) {
                return Err(format!(
                    "`dimensions` holds {wrong}, expected less than {}",
                    facts.dim
                ));
            }
            Ok(Self {
                examples: tensors.values("examples", &[examples])?,
                labels: labels(tensors, "labels", &[examples], facts.classes.len())?,
                values: tensors.values("features", &[examples, dimensions])?,
                dimensions: kept,
                cut: facts.cut,
                weights: facts.weights,
                seed: facts.seed,
                classes: facts.classes,
                extracted: facts.extracted,
                dim: facts.dim,
            })
        })
    }
}

/// The metadata.
#[derive(Serialize, Deserialize)]
struct Facts {
    cut: String,
    weights: Start,
    seed: u64,
    classes: Vec<String>,
    extracted: usize,
    dim: usize,
}

impl RunFolder {
    /// The sample of features of the trunk with these weights.
    pub fn feature_sample_path(&self, cut: &str, weights: Start, seed: u64) -> PathBuf {
        let weights = match weights {
            Start::Source => "source",
            Start::Random => "random",
        };
        let cut = crate::folder::slug(cut);
        let name = format!("features-{cut}-{weights}-seed-{seed}.safetensors");
        self.path().join("samples").join(name)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn sample() -> FeatureSample {
        FeatureSample {
            cut: "pool/2".to_owned(),
            weights: Start::Random,
            seed: u64::MAX,
            classes: vec!["a \"b\"".to_owned(), "ö".to_owned()],
            extracted: 40,
            examples: vec![3, 1 << 40, 9],
            labels: vec![0, 1, 1],
            dim: 800,
            dimensions: vec![0, 799],
            values: vec![0.5, -1.0, f32::INFINITY, 0.0, 1e-30, 7.25],
        }
    }

    #[test]
    fn a_sample_is_read_as_it_was_written() {
        let temp = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(temp.path());
        let written = sample();
        let path = folder.feature_sample_path(&written.cut, written.weights, written.seed);
        assert_eq!(FeatureSample::read(&path).unwrap(), None);
        written.write(&folder).unwrap();
        assert_eq!(FeatureSample::read(&path).unwrap(), Some(written));
    }

    #[test]
    fn an_earlier_file_is_read_and_written_again_to_the_byte() {
        let earlier = include_bytes!("features-1.safetensors");
        let temp = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(temp.path());
        let written = sample();
        let path = folder.feature_sample_path(&written.cut, written.weights, written.seed);
        written.write(&folder).unwrap();
        assert_eq!(fs::read(&path).unwrap(), earlier);
        fs::write(&path, earlier).unwrap();
        assert_eq!(FeatureSample::read(&path).unwrap(), Some(written));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let check = |change: fn(&mut FeatureSample), expected: &str| {
            let temp = tempfile::tempdir().unwrap();
            let folder = RunFolder::at(temp.path());
            let mut sample = sample();
            change(&mut sample);
            let path = folder.feature_sample_path(&sample.cut, sample.weights, sample.seed);
            let outcome = sample
                .write(&folder)
                .and_then(|()| FeatureSample::read(&path));
            let message = outcome.unwrap_err().to_string();
            assert!(message.ends_with(expected), "{message}\n{expected}");
        };
        check(
            |sample| sample.labels[2] = 2,
            "`labels` holds 2, expected less than the 2 classes",
        );
        check(
            |sample| sample.dimensions[1] = 800,
            "`dimensions` holds 800, expected less than 800",
        );
        check(
            |sample| {
                sample.labels.pop();
            },
            "can't be created from 8 bytes",
        );
    }

    #[test]
    fn damaged_files_are_told_from_missing_ones() {
        let temp = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(temp.path());
        let whole = sample();
        whole.write(&folder).unwrap();
        let path = folder.feature_sample_path(&whole.cut, whole.weights, whole.seed);
        let bytes = fs::read(&path).unwrap();
        for length in [0, 7, 8, 40, bytes.len() - 1] {
            fs::write(&path, &bytes[..length]).unwrap();
            let error = FeatureSample::read(&path).unwrap_err();
            assert!(
                matches!(error, StoreError::Damaged { .. }),
                "{length}: {error}"
            );
        }
        let other = RunFolder::at(temp.path()).image_sample_path(0, "x", 1);
        fs::write(&other, &bytes).unwrap();
        let error = crate::ImageSample::read(&other).unwrap_err().to_string();
        assert!(error.ends_with("it holds `features` in format 1, expected `images` in format 1"));
        let other = bytes.len() - 20;
        fs::write(&path, [&bytes[..other], &[0; 20]].concat()).unwrap();
        assert!(FeatureSample::read(&path).is_ok(), "numbers are not judged");
    }
}

//! A sample of the test images with what one strategy says of them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use topwork_tensors::Writer;

use super::{
    evenly_spaced,
    tensors::{labels, read, write},
};
use crate::{RunFolder, StoreError};

const KIND: &str = "images";

/// Test images behind the cells of one strategy's confusion matrix, with one seed: the ones it
/// gets wrong and some that it gets right.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageSample {
    /// Names of the target's classes, in the order of the labels.
    pub classes: Vec<String>,
    /// Channels (1 or 3), height and width of one image as kept.
    pub shape: [usize; 3],
    /// The values that pixels of 0 and 255 stand for.
    pub range: [f32; 2],
    /// Positions of the images in the dataset's test split, ascending.
    pub examples: Vec<u64>,
    /// What the dataset calls them, such as paths; empty where it does not say, where names would take more than
    /// [`Self::BYTES`], and in files of earlier versions.
    pub names: Vec<String>,
    /// Their labels.
    pub labels: Vec<u32>,
    /// The labels predicted.
    pub predicted: Vec<u32>,
    /// For every image classes and their scores: all classes in their order, or of more than
    /// [`Self::ALL_SCORES`] the [`Self::SCORES`] that tell most.
    pub scores: Vec<Vec<(u32, f32)>>,
    /// The pixels, one image after the other: channel by channel, row by row.
    pub pixels: Vec<u8>,
}

impl ImageSample {
    /// The most bytes the pixels of one file take.
    pub const BYTES: usize = 1 << 20;
    /// The most images of a cell that holds mistakes.
    pub const WRONG: usize = 100;
    /// The most images of a cell on the diagonal.
    pub const RIGHT: usize = 20;
    /// Larger images are scaled down to this height and width.
    pub const SIDE: usize = 64;
    /// With more classes than this not all scores are kept.
    pub const ALL_SCORES: usize = 100;
    /// But so many of each image: the highest, that of its own class among them.
    pub const SCORES: usize = 6;

    /// How many images of this shape fit, with their scores, into a file: neither take more than
    /// [`Self::BYTES`].
    pub fn room(shape: [usize; 3], classes: usize) -> usize {
        let scores = match classes {
            0..=Self::ALL_SCORES => classes * size_of::<f32>(),
            _ => Self::SCORES * (size_of::<u32>() + size_of::<f32>()),
        };
        let pixels = shape.iter().product::<usize>();
        Self::BYTES / pixels.max(scores).max(1)
    }

    /// Which of the test examples with these labels and predictions to keep, ascending, when
    /// `room` images fit. Mistakes come first; where there is not room for all, every cell
    /// gives the same number, evenly spaced over its examples, and where there is not room for one of
    /// each, cells are evenly spaced.
    pub fn choose(labels: &[u32], predicted: &[u32], room: usize) -> Vec<usize> {
        // Of the cells of many classes nearly all are empty.
        let mut cells: BTreeMap<(u32, u32), Vec<usize>> = BTreeMap::new();
        for (example, (label, predicted)) in labels.iter().zip(predicted).enumerate() {
            cells.entry((*label, *predicted)).or_default().push(example);
        }
        let (right, wrong): (Vec<_>, Vec<_>) =
            (cells.into_iter()).partition(|((label, predicted), _)| label == predicted);
        let mut chosen = Vec::new();
        for (cells, most) in [(wrong, Self::WRONG), (right, Self::RIGHT)] {
            let left = room - chosen.len();
            let taken = |most: usize| -> usize {
                (cells.iter().map(|(_, examples)| examples.len().min(most))).sum()
            };
            let most = (1..=most).take_while(|&most| taken(most) <= left).last();
            let mut of_cells: Vec<usize> = Vec::new();
            for (_, examples) in &cells {
                let spaced = evenly_spaced(examples.len(), most.unwrap_or(1));
                of_cells.extend(spaced.into_iter().map(|index| examples[index]));
            }
            // Not even one per cell fits when `most` is none.
            let fitting = evenly_spaced(of_cells.len(), left);
            chosen.extend(fitting.into_iter().map(|index| of_cells[index]));
        }
        chosen.sort_unstable();
        chosen
    }

    /// The score that an image gives a class, where it is kept.
    pub fn score(&self, index: usize, class: u32) -> Option<f32> {
        let scores = self.scores.get(index)?;
        let found = scores.iter().find(|(of, _)| *of == class);
        found.map(|(_, score)| *score)
    }

    /// Bytes of one image as kept.
    pub fn image_bytes(&self) -> usize {
        self.shape.iter().product()
    }

    /// Writes the sample of the strategy at `row` of the file to its place in a run folder.
    pub fn write(
        &self,
        folder: &RunFolder,
        row: usize,
        strategy: &str,
        seed: u64,
    ) -> Result<(), StoreError> {
        let (examples, [channels, height, width]) = (self.examples.len(), self.shape);
        let facts = Facts {
            strategy: strategy.to_owned(),
            seed,
            classes: self.classes.clone(),
            low: self.range[0],
            high: self.range[1],
            names: match self.names.iter().map(String::len).sum::<usize>() {
                0..=Self::BYTES => self.names.clone(),
                _ => Vec::new(),
            },
        };
        let each = self.scores.first().map_or(self.classes.len(), Vec::len);
        let (classes, scores): (Vec<u32>, Vec<f32>) = self.scores.iter().flatten().copied().unzip();
        let images = [examples, channels, height, width];
        let mut file = Writer::default();
        file.array("examples", &[examples], &self.examples)
            .array("labels", &[examples], &self.labels)
            .array("predicted", &[examples], &self.predicted)
            .array("scores", &[examples, each], &scores)
            .array("images", &images, &self.pixels);
        if each < self.classes.len() {
            file.array("score-classes", &[examples, each], &classes);
        }
        let path = folder.image_sample_path(row, strategy, seed);
        write(folder, &path, KIND, facts, file)
    }

    /// Reads a sample; `None` when there is no such file.
    pub fn read(path: &Path) -> Result<Option<Self>, StoreError> {
        read(path, KIND, |facts: Facts, tensors| {
            let [examples, channels, height, width] = tensors.shape("images")?;
            if ![1, 3].contains(&channels) {
                return Err(format!(
                    "its images have {channels} channels, expected 1 or 3"
                ));
            }
            let names = facts.names.len();
            if ![0, examples].contains(&names) {
                return Err(format!("it has {names} names, expected {examples} or none"));
            }
            let classes = facts.classes.len();
            let [_, each] = tensors.shape("scores")?;
            let scores: Vec<f32> = tensors.values("scores", &[examples, each])?;
            let of: Vec<u32> = match each < classes {
                true => labels(tensors, "score-classes", &[examples, each], classes)?,
                false => (0..examples).flat_map(|_| 0..each as u32).collect(),
            };
            let scores: Vec<(u32, f32)> = of.into_iter().zip(scores).collect();
            Ok(Self {
                shape: [channels, height, width],
                range: [facts.low, facts.high],
                examples: tensors.values("examples", &[examples])?,
                labels: labels(tensors, "labels", &[examples], classes)?,
                predicted: labels(tensors, "predicted", &[examples], classes)?,
                scores: match each {
                    0 => vec![Vec::new(); examples],
                    each => scores.chunks_exact(each).map(<[_]>::to_vec).collect(),
                },
                pixels: tensors.values("images", &[examples, channels, height, width])?,
                names: facts.names,
                classes: facts.classes,
            })
        })
    }
}

/// The metadata.
#[derive(Serialize, Deserialize)]
struct Facts {
    strategy: String,
    seed: u64,
    classes: Vec<String>,
    low: f32,
    high: f32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
}

impl RunFolder {
    /// The sample of test images with what one strategy says of them, with one seed.
    pub fn image_sample_path(&self, row: usize, strategy: &str, seed: u64) -> PathBuf {
        self.path().join("samples").join(format!(
            "images-{}-{}-seed-{seed}.safetensors",
            row + 1,
            crate::folder::slug(strategy)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_sample_is_read_as_it_was_written() {
        let temp = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(temp.path());
        let written = ImageSample {
            classes: vec!["5".to_owned(), "6".to_owned()],
            shape: [1, 1, 2],
            range: [-1.5, 1.0],
            examples: vec![7, 8],
            names: vec!["5/a, \"b\".png".to_owned(), "6/ä.png".to_owned()],
            labels: vec![0, 1],
            predicted: vec![1, 1],
            scores: vec![vec![(0, 0.25), (1, 0.75)], vec![(0, 0.0), (1, 1.0)]],
            pixels: vec![0, 255, 128, 1],
        };
        let path = folder.image_sample_path(1, "Two words", 3);
        assert_eq!(ImageSample::read(&path).unwrap(), None);
        written.write(&folder, 1, "Two words", 3).unwrap();
        assert!(path.ends_with("samples/images-2-two-words-seed-3.safetensors"));
        assert_eq!(written.score(0, 1), Some(0.75));
        assert_eq!(ImageSample::read(&path).unwrap(), Some(written.clone()));
        // Without names it is the file of an earlier version, to the byte.
        let unnamed = ImageSample {
            names: Vec::new(),
            ..written.clone()
        };
        unnamed.write(&folder, 1, "Two words", 3).unwrap();
        assert_eq!(ImageSample::read(&path).unwrap(), Some(unnamed.clone()));
        let bytes = std::fs::read(&path).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("names"));
        // Names that would make the file too large are left out, and half of them are none.
        let long = ImageSample {
            names: vec!["x".repeat(ImageSample::BYTES), "y".to_owned()],
            ..written.clone()
        };
        long.write(&folder, 1, "Two words", 3).unwrap();
        assert_eq!(ImageSample::read(&path).unwrap(), Some(unnamed));
        let half = ImageSample {
            names: vec!["a".to_owned()],
            ..written.clone()
        };
        half.write(&folder, 1, "Two words", 3).unwrap();
        let error = ImageSample::read(&path).unwrap_err().to_string();
        assert!(
            error.contains("it has 1 names, expected 2 or none"),
            "{error}"
        );
        // Of many classes not all have a score.
        let many = ImageSample {
            classes: (0..200).map(|class| class.to_string()).collect(),
            scores: vec![vec![(199, 0.5), (0, 0.25)], vec![(7, 1.0), (1, 0.0)]],
            ..written
        };
        many.write(&folder, 1, "Two words", 3).unwrap();
        assert_eq!((many.score(0, 0), many.score(0, 7)), (Some(0.25), None));
        assert_eq!(ImageSample::read(&path).unwrap(), Some(many));
    }

    #[test]
    fn neither_pixels_nor_scores_take_more_than_their_room() {
        let check = |shape, classes, expected| {
            assert_eq!(
                ImageSample::room(shape, classes),
                expected,
                "{shape:?} {classes}"
            );
        };
        check([1, 28, 28], 10, 1337);
        check([1, 28, 28], 10_000, 1337);
        check([3, 64, 64], 1_000, 85);
        check([1, 8, 8], 10, 16_384);
        check([1, 8, 8], 100, 2621);
        check([1, 8, 8], 101, 16_384);
        check([1, 1, 1], 10_000, 21_845);
    }

    #[test]
    fn mistakes_come_first_and_cells_share_the_room() {
        // Cell (0, 1) has four mistakes, (1, 0) one, the diagonal two and one.
        let labels = [0, 0, 0, 0, 1, 0, 0, 1];
        let predicted = [1, 1, 1, 1, 0, 0, 0, 1];
        let check = |room, expected: &[usize]| {
            let chosen = ImageSample::choose(&labels, &predicted, room);
            assert_eq!(chosen, expected, "room for {room}");
        };
        check(8, &[0, 1, 2, 3, 4, 5, 6, 7]);
        check(7, &[0, 1, 2, 3, 4, 5, 7]);
        check(5, &[0, 1, 2, 3, 4]);
        check(3, &[0, 2, 4]);
        check(1, &[0]);
        check(0, &[]);
    }

    proptest! {
        #[test]
        fn what_is_chosen_fits_and_is_sorted(cells in prop::collection::vec((0_u32..5, 0_u32..5), 0..400), room in 0_usize..300) {
            let (labels, predicted): (Vec<u32>, Vec<u32>) = cells.iter().copied().unzip();
            let chosen = ImageSample::choose(&labels, &predicted, room);
            prop_assert!(chosen.len() <= room);
            prop_assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
            let wrong = |example: &usize| labels[*example] != predicted[*example];
            let mistakes = (0..labels.len()).filter(wrong).count();
            if mistakes <= room && mistakes <= ImageSample::WRONG {
                prop_assert_eq!(chosen.iter().filter(|example| wrong(example)).count(), mistakes);
            }
        }
    }
}

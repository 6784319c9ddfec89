//! A sample of the test images with what one strategy says of them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    evenly_spaced,
    tensors::{Writer, read},
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
    /// Their labels.
    pub labels: Vec<u32>,
    /// The labels predicted.
    pub predicted: Vec<u32>,
    /// The scores, `examples × classes`.
    pub scores: Vec<f32>,
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

    /// Which of the test examples with these labels and predictions to keep, ascending, when
    /// `room` images fit. Mistakes come first; where there is not room for all, every cell
    /// gives the same number, evenly spaced over its examples.
    pub fn choose(labels: &[u32], predicted: &[u32], classes: usize, room: usize) -> Vec<usize> {
        let mut cells = vec![Vec::new(); classes * classes];
        for (example, (label, predicted)) in labels.iter().zip(predicted).enumerate() {
            if let Some(cell) = cells.get_mut(*label as usize * classes + *predicted as usize) {
                cell.push(example);
            }
        }
        let on_diagonal = |cell: usize| cell / classes == cell % classes;
        let (right, wrong): (Vec<_>, Vec<_>) =
            (cells.into_iter().enumerate()).partition(|(cell, _)| on_diagonal(*cell));
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
            of_cells.truncate(left);
            chosen.append(&mut of_cells);
        }
        chosen.sort_unstable();
        chosen
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
        };
        Writer::default()
            .tensor("examples", &[examples], &self.examples)
            .tensor("labels", &[examples], &self.labels)
            .tensor("predicted", &[examples], &self.predicted)
            .tensor("scores", &[examples, self.classes.len()], &self.scores)
            .tensor("images", &[examples, channels, height, width], &self.pixels)
            .write(
                folder,
                &folder.image_sample_path(row, strategy, seed),
                KIND,
                facts,
            )
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
            let classes = facts.classes.len();
            Ok(Self {
                shape: [channels, height, width],
                range: [facts.low, facts.high],
                examples: tensors.values("examples", &[examples])?,
                labels: tensors.labels("labels", examples, classes)?,
                predicted: tensors.labels("predicted", examples, classes)?,
                scores: tensors.values("scores", &[examples, classes])?,
                pixels: tensors.values("images", &[examples, channels, height, width])?,
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
            labels: vec![0, 1],
            predicted: vec![1, 1],
            scores: vec![0.25, 0.75, 0.0, 1.0],
            pixels: vec![0, 255, 128, 1],
        };
        let path = folder.image_sample_path(1, "Two words", 3);
        assert_eq!(ImageSample::read(&path).unwrap(), None);
        written.write(&folder, 1, "Two words", 3).unwrap();
        assert!(path.ends_with("samples/images-2-two-words-seed-3.safetensors"));
        assert_eq!(ImageSample::read(&path).unwrap(), Some(written));
    }

    #[test]
    fn mistakes_come_first_and_cells_share_the_room() {
        // Cell (0, 1) has four mistakes, (1, 0) one, the diagonal two and one.
        let labels = [0, 0, 0, 0, 1, 0, 0, 1];
        let predicted = [1, 1, 1, 1, 0, 0, 0, 1];
        let check = |room, expected: &[usize]| {
            let chosen = ImageSample::choose(&labels, &predicted, 2, room);
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
            let chosen = ImageSample::choose(&labels, &predicted, 5, room);
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

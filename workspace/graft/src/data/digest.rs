//! What a set of examples is recognised by: what their images show, and their classes.

use std::{borrow::Cow, sync::PoisonError};

use topwork_keys::{Digest, Sha256, hexadecimal};
use topwork_measure::Targets;

use crate::{
    GraftError,
    data::{Comparison, SplitName, TaskExamples, content::Fingerprint, read_ahead},
    error::out_of_order,
};

/// Stands before a digest of contents. Runs of earlier versions recorded one of positions, which says nothing of
/// the images, without a mark.
const MARK: &str = "v2:";

/// Images read at once where nothing is computed from them but a digest.
const BLOCK: usize = 128;

/// SHA-256 of an image as it enters a network.
pub type ImageDigest = [u8; 32];

impl TaskExamples {
    /// Takes from a comparison what the examples show.
    pub fn know_content(&mut self, found: &Comparison) {
        let content = SplitName::ALL.map(|split| {
            let read = match self.splits().contains(&split) {
                true => split,
                // With folds both are the split `train`.
                false => SplitName::Train,
            };
            let positions = &self.examples(split).positions;
            found.shown(&self.used().component, read, positions)
        });
        let [train, test] = content;
        self.content = train.zip(test).map(|(train, test)| [train, test]);
    }

    /// What the examples of a split show.
    ///
    /// # Errors
    ///
    /// Nobody has compared the images yet.
    pub fn content(&self, split: SplitName) -> Result<&[Fingerprint], GraftError> {
        let content = self.content.as_ref();
        let content = content.ok_or_else(|| out_of_order("the images were not compared"))?;
        Ok(&content[split as usize])
    }

    /// The mark `v2:` and the SHA-256, in hexadecimal, over image and class of every one of these examples in
    /// their order: the first 16 bytes of the SHA-256 of the image, the name of the class in UTF-8, or the shortest decimal forms of the
    /// numbers, or of 1 and 0 for labels, with blanks between them, a zero byte.
    /// An image counts as its bytes, channel by channel and row by row: its numbers times 255 where those are
    /// whole numbers from 0 to 255, else the numbers themselves where these are, else the numbers as 32-bit floats, little-endian.
    ///
    /// # Errors
    ///
    /// As [`TaskExamples::content`].
    pub fn digest(&self, split: SplitName, examples: &[usize]) -> Result<String, GraftError> {
        let (content, of) = (self.content(split)?, self.examples(split));
        let targets = of.targets();
        let pairs = examples.iter().map(|&example| {
            let name = match targets {
                Targets::Classes(labels) => {
                    Cow::Borrowed(self.names[labels[example] as usize].as_str())
                }
                Targets::Numbers(columns) | Targets::Multilabel(columns) => {
                    let numbers = columns.of(&[example]).into_iter();
                    let numbers: Vec<String> = numbers.map(|number| number.to_string()).collect();
                    Cow::Owned(numbers.join(" "))
                }
            };
            (&content[example], name)
        });
        Ok(digest_of(pairs))
    }

    /// The same of all examples of a split.
    ///
    /// # Errors
    ///
    /// As [`TaskExamples::content`].
    pub fn digest_of_split(&self, split: SplitName) -> Result<String, GraftError> {
        self.digest(split, &self.examples(split).all())
    }

    /// Notes what the images of these examples are, which [`TaskExamples::read`] has just given.
    pub fn note_entering(&self, split: SplitName, examples: &[usize], images: &[f32]) {
        let mut bytes = Vec::new();
        let digests = images.chunks_exact(self.image_len()).map(|image| {
            bytes.clear();
            bytes.extend(image.iter().flat_map(|number| number.to_le_bytes()));
            ImageDigest::from(Sha256::digest(&bytes))
        });
        let digests: Vec<ImageDigest> = digests.collect();
        let known = self.entering[split as usize].lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        known.extend(examples.iter().copied().zip(digests));
    }

    /// SHA-256, in hexadecimal, over those of these images as they enter a network. Images that were not read for that before are
    /// read.
    pub fn entering(&self, split: SplitName, examples: &[usize]) -> Result<String, GraftError> {
        let known = || {
            let known = self.entering[split as usize].lock();
            known.unwrap_or_else(PoisonError::into_inner)
        };
        let unknown: Vec<usize> = {
            let known = known();
            let unknown = |example: &usize| !known.contains_key(example);
            examples.iter().copied().filter(unknown).collect()
        };
        let mut blocks = unknown.chunks(BLOCK);
        read_ahead(
            |(block, images): &mut (&[usize], Vec<f32>)| match blocks.next() {
                Some(next) => {
                    *block = next;
                    self.read(split, block, images).map(|()| true)
                }
                None => Ok(false),
            },
            |(block, images)| {
                self.note_entering(split, block, images);
                Ok(())
            },
        )?;
        let known = known();
        let mut hash = Sha256::new();
        for example in examples {
            let digest = known.get(example);
            hash.update(digest.ok_or_else(|| out_of_order("an image was not read"))?);
        }
        Ok(hexadecimal(&hash.finalize()))
    }

    /// What earlier versions recorded of these test examples, without looking at what they show.
    pub fn digest_of_positions(&self, examples: &[usize]) -> String {
        let mut hash = Sha256::new();
        hash.update(self.used().component.component.as_bytes());
        hash.update(self.source_of(SplitName::Test).as_bytes());
        for &example in examples {
            hash.update(self.measured().positions[example].to_le_bytes());
        }
        hexadecimal(&hash.finalize())
    }
}

fn digest_of<'a>(examples: impl Iterator<Item = (&'a Fingerprint, impl AsRef<str>)>) -> String {
    let mut hash = Sha256::new();
    for (image, class) in examples {
        hash.update(image);
        hash.update(class.as_ref().as_bytes());
        hash.update([0]);
    }
    format!("{MARK}{}", hexadecimal(&hash.finalize()))
}

/// Whether a digest of test examples was recorded by an earlier version.
pub fn is_of_positions(test_set: &str) -> bool {
    !test_set.starts_with(MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_what_the_recipe_in_python_gives() {
        // h = hashlib.sha256()
        // for image, name in [(bytes([0, 1, 2]), "cat"), (bytes([255] * 3), "Hund 1")]:
        //     h.update(hashlib.sha256(image).digest()[:16] + name.encode() + b"\0")
        let expected = "v2:a56fb68f82007959f979ede28d181214c00cf9be7d659c2b219ea7b92e7013f6";
        let half = |image: &[u8]| -> Fingerprint {
            let mut half = Fingerprint::default();
            half.copy_from_slice(&Sha256::digest(image)[..16]);
            half
        };
        let images = [half(&[0, 1, 2]), half(&[255; 3])];
        let found = digest_of(images.iter().zip(["cat", "Hund 1"]));
        assert_eq!(found, expected);
        assert!(!is_of_positions(&found) && is_of_positions(&found[3..]));
        let other_order = digest_of(images.iter().rev().zip(["Hund 1", "cat"]));
        assert_ne!(found, other_order);
    }
}

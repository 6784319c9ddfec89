//! The dataset: 300 images of 28 × 28 random-looking floats in ten classes.

use crate::{At, Fault, Parameters, SCHEMA, Trouble};
use topwork_sdk::{Component, Dataset, Description, Error, Host, Split};

pub const PIXELS: usize = 28 * 28;
const CLASSES: u64 = 10;
const TRAIN: u64 = 200;

pub struct Images(Trouble);

impl Component for Images {
    const ID: &str = "misbehave";
    const ABOUT: &str = "images that go wrong on request";
    const SCHEMA: &str = SCHEMA;
    type Parameters = Parameters;

    fn create(host: Host, parameters: Parameters) -> Result<Self, Error> {
        Trouble::new(host, parameters).map(Images)
    }
}

impl Images {
    pub fn trouble(&self) -> &Trouble {
        &self.0
    }
}

impl Dataset for Images {
    type Element = f32;

    fn description(&self) -> Result<Description, Error> {
        let name = |class: u64| match class {
            1 if self.0.is(Fault::DuplicateClasses) => "0".to_owned(),
            // SAFETY: such a string is unsound; here it goes through the sdk as bytes and nobody reads it as text.
            2 if self.0.is(Fault::BadUtf8) => unsafe {
                String::from_utf8_unchecked(vec![b'o', 0xff])
            },
            class if self.0.is(Fault::ControlCharacters) => format!("\u{1b}[3{class}m{class}"),
            class => class.to_string(),
        };
        let split = |name: &str, len| Split {
            name: name.to_owned(),
            len,
        };
        let classes = if self.0.is(Fault::NoClasses) {
            0
        } else {
            CLASSES
        };
        let width = if self.0.is(Fault::WildShape) {
            usize::MAX
        } else {
            28
        };
        let train = if self.0.is(Fault::HugeCounts) {
            u64::MAX
        } else {
            TRAIN
        };
        let mut splits = vec![split("train", train), split("test", 100)];
        splits.truncate(if self.0.is(Fault::NoTestSplit) { 1 } else { 2 });
        Ok(Description {
            classes: (0..classes).map(name).collect(),
            shape: [1, 28, width],
            splits,
        })
    }

    fn labels(&self, split: usize) -> Result<Vec<u32>, Error> {
        self.0.strike(At::Second)?;
        let len = if split == 0 { TRAIN } else { 100 };
        let mut labels: Vec<u32> = (0..len).map(|index| label(index) as u32).collect();
        if self.0.is(Fault::WrongLengths) {
            labels.pop();
        }
        if self.0.is(Fault::LabelOutOfRange) {
            labels[3] = CLASSES as u32;
        }
        Ok(labels)
    }

    fn read(&self, split: usize, indices: &[u64], samples: &mut [f32]) -> Result<(), Error> {
        if split == 0 {
            self.0.strike(At::Work)?;
        }
        for (sample, &index) in samples.chunks_exact_mut(PIXELS).zip(indices) {
            // No test image is a training image, too.
            draw(index + TRAIN * split as u64, sample);
        }
        if self.0.is(Fault::Nan) {
            samples[5] = f32::NAN;
        }
        Ok(())
    }
}

/// The image with this position among those of both splits.
pub fn draw(index: u64, sample: &mut [f32]) {
    for (position, pixel) in sample.iter_mut().enumerate() {
        // Brighter in a stripe that tells the class, so that a network can learn something.
        let stripe = position / 28 / 2 == label(index) as usize;
        let noise = (index.wrapping_mul(31)).wrapping_add(position as u64 * 17) % 64;
        *pixel = noise as f32 / 256.0 + if stripe { 0.7 } else { 0.0 };
    }
}

fn label(index: u64) -> u64 {
    index % CLASSES
}

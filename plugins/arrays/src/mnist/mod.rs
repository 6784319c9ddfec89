//! `mnist`: 70,000 handwritten digits of 28 × 28 pixels.
//!
//! Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten digits". The files are the published ones, gzipped
//! IDX; a file whose unpacked bytes have another SHA-256 is refused, so that figures from two machines can be compared.

mod files;

use files::{File, HEADER_OF_IMAGES, HEADER_OF_LABELS, TEST, TRAIN};
use serde::Deserialize;
use std::path::PathBuf;
use topwork_sdk::{Component, Dataset, Description, Error, Host, Split};

/// Bytes of one image.
const PIXELS: usize = 28 * 28;

/// What the user says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    folder: Option<PathBuf>,
}

/// Both splits, in the order of the description. Files are unpacked when they are first needed.
pub struct Mnist {
    splits: [Files; 2],
}

struct Files {
    images: File,
    labels: File,
}

impl Component for Mnist {
    const ID: &str = "mnist";
    const ABOUT: &str = "handwritten digits 0-9, 28×28 grey: 60,000 to train and 10,000 to test";
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "folder": {"type": "string", "format": "path",
            "description": "folder with the four IDX files, gzipped or not; by default `mnist` in the data folders"}
    }, "additionalProperties": false}"#;
    type Parameters = Parameters;

    fn create(host: Host, parameters: Parameters) -> Result<Self, Error> {
        let find = |published| File::find(host, parameters.folder.as_deref(), published);
        let files = |[images, labels]: &'static [files::Published; 2]| {
            Ok(Files {
                images: find(images)?,
                labels: find(labels)?,
            })
        };
        Ok(Mnist {
            splits: [files(&TRAIN)?, files(&TEST)?],
        })
    }
}

impl Dataset for Mnist {
    type Element = u8;

    fn description(&self) -> Result<Description, Error> {
        let split = |name: &str, published: &[files::Published; 2]| Split {
            name: name.to_owned(),
            len: (published[1].bytes - HEADER_OF_LABELS) as u64,
        };
        Ok(Description {
            classes: (0..10).map(|digit| digit.to_string()).collect(),
            shape: [1, 28, 28],
            splits: vec![split("train", &TRAIN), split("test", &TEST)],
        })
    }

    fn labels(&self, split: usize) -> Result<Vec<u32>, Error> {
        let bytes = self.splits[split].labels.unpacked()?;
        let labels = &bytes[HEADER_OF_LABELS..];
        Ok(labels.iter().map(|&label| u32::from(label)).collect())
    }

    fn read(&self, split: usize, indices: &[u64], samples: &mut [u8]) -> Result<(), Error> {
        let bytes = self.splits[split].images.unpacked()?;
        let images = &bytes[HEADER_OF_IMAGES..];
        for (sample, &index) in samples.chunks_exact_mut(PIXELS).zip(indices) {
            let start = index as usize * PIXELS;
            sample.copy_from_slice(&images[start..start + PIXELS]);
        }
        Ok(())
    }
}

//! `idx`: any folder of IDX files, the format of MNIST and its relatives.
//!
//! An IDX file is two zero bytes, the type of the numbers, the number of dimensions, their sizes (32 bits each, big-endian), the
//! numbers (big-endian): Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten digits".

use crate::folder::Folder;
use crate::labels::{Column, Labels};
use crate::npy::Content;
use crate::numbers::{Array, Kind, Order};
use crate::problem::Problem;
use crate::samples::{Files, Form, FromFiles, Layout, Part, Samples, split_properties};
use crate::unpack::Unpacked;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use topwork_sdk::{Error, Host};

/// What the names of files of images and of labels have in common.
const TRAIN: [&[&str]; 2] = [&["train-images"], &["train-labels"]];
const TEST: [&[&str]; 2] = [
    &["t10k-images", "test-images"],
    &["t10k-labels", "test-labels"],
];

/// The component.
pub type Idx = FromFiles<Parameters>;

/// What the user says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameters {
    folder: PathBuf,
    train_images: Option<String>,
    train_labels: Option<String>,
    test_images: Option<String>,
    test_labels: Option<String>,
    layout: Layout,
    scale: Option<f64>,
    class_names: Vec<String>,
    test_fraction: Option<f64>,
    split_seed: u64,
}

impl Files for Parameters {
    const ID: &str = "idx";
    const ABOUT: &str = "a folder of IDX files, plain or gzipped: MNIST, Fashion-MNIST, EMNIST, …";
    const SCHEMA: &str = concat!(
        r#"{"type": "object", "properties": {
        "folder": {"type": "string", "format": "path",
            "description": "folder with the files, or with folders that hold them"},
        "train-images": {"type": "string",
            "description": "file of training images in it; by default the one whose name has `train-images`"},
        "train-labels": {"type": "string",
            "description": "file of their labels; by default the one whose name has `train-labels`"},
        "test-images": {"type": "string",
            "description": "file of test images; by default the one whose name has `t10k-images` or `test-images`, if there is one"},
        "test-labels": {"type": "string",
            "description": "file of their labels; by default the one whose name has `t10k-labels` or `test-labels`"},
        "layout": {"enum": ["chw", "hwc"], "default": "chw",
            "description": "order of the three dimensions of colour images: channels, height, width, or height, width, channels"},
        "scale": {"type": "number", "exclusiveMinimum": 0,
            "description": "numbers are divided by this; by default 255 for bytes and 1 for others"},
        "class-names": {"type": "array", "items": {"type": "string", "minLength": 1}, "uniqueItems": true,
            "default": [],
            "description": "names of the labels 0, 1, …; without them every different label is a class of its own name"},
        "#,
        split_properties!(),
        r#"
    }, "required": ["folder"], "additionalProperties": false}"#
    );

    fn check(&self) -> Result<(), Error> {
        if self.test_images.is_some() != self.test_labels.is_some() {
            return Err(Error::parameters(
                "`test-images` and `test-labels` belong together",
            ));
        }
        Ok(())
    }

    fn read(&self, host: Host) -> Result<Samples, Error> {
        let folder = Folder::open(&self.folder, &[TRAIN, TEST].concat().concat())?;
        let [train_images, train_labels] = TRAIN;
        let [test_images, test_labels] = TEST;
        let train = [
            folder.wanted("train-images", &self.train_images, train_images, host)?,
            folder.wanted("train-labels", &self.train_labels, train_labels, host)?,
        ];
        let mut splits = vec![(train, false)];
        if self.test_images.is_some() || folder.has(test_images) || folder.has(test_labels) {
            let test = [
                folder.wanted("test-images", &self.test_images, test_images, host)?,
                folder.wanted("test-labels", &self.test_labels, test_labels, host)?,
            ];
            splits.push((test, true));
        }
        let mut parts = Vec::new();
        let mut columns = Vec::new();
        for ([images, labels], is_test) in splits {
            let part = Part::new(format!("`{}`", images.display()), file(&images)?, is_test)?;
            let name = format!("`{}`", labels.display());
            let labels = Content::Numbers(file(&labels)?);
            columns.push(Column::from_array(
                name,
                labels,
                part.count(),
                part.name(),
                host,
            )?);
            parts.push(part);
        }
        let labels = Labels::new(&columns, &self.class_names, host)?;
        let form = Form {
            layout: self.layout,
            scale: self.scale,
            test_fraction: self.test_fraction,
            split_seed: self.split_seed,
        };
        Samples::new(parts, labels, None, form, host)
    }
}

/// The array in an IDX file.
fn file(path: &Path) -> Result<Array, Error> {
    parse(Unpacked::only(path)?).map_err(|problem| problem.in_file(path))
}

/// The array in the bytes of an IDX file.
fn parse(mut bytes: Vec<u8>) -> Result<Array, Problem> {
    let Some(&[0, 0, kind, count]) = bytes.first_chunk::<4>() else {
        return Err(Problem::other_file(&bytes, "an IDX file"));
    };
    let kind = match kind {
        0x08 => Kind::U8,
        0x09 => Kind::I8,
        0x0b => Kind::I16,
        0x0c => Kind::I32,
        0x0d => Kind::F32,
        0x0e => Kind::F64,
        other => {
            return Err(format!(
                "holds numbers of type {other:#04x}, expected 0x08 (bytes), 0x09, 0x0b, 0x0c, 0x0d or 0x0e"
            )
            .into());
        }
    };
    if count > 4 {
        return Err(format!("has {count} dimensions, expected 1 to 4").into());
    }
    let begin = 4 + 4 * usize::from(count);
    let Some(sizes) = bytes.get(4..begin) else {
        return Err(format!("ends within the sizes of its {count} dimensions").into());
    };
    let sizes = sizes.as_chunks::<4>().0.iter();
    let shape = sizes
        .map(|size| u32::from_be_bytes(*size) as usize)
        .collect();
    bytes.drain(..begin);
    Array::new(shape, kind, Order::Big, bytes).map_err(|problem| format!("has {problem}").into())
}

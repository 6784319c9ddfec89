//! `idx`: any folder of IDX files, the format of MNIST and its relatives.
//!
//! An IDX file is two zero bytes, the type of the numbers, the number of dimensions, their sizes (32 bits each, big-endian), the
//! numbers (big-endian): Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten digits".

use crate::labels::Labels;
use crate::numbers::{Array, Kind, Order};
use crate::samples::{
    Files, Form, FromFiles, Layout, Part, Samples, integer_labels, split_properties, wrong_label,
};
use crate::unpack::Unpacked;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use topwork_sdk::Error;

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
    #[serde(default)]
    layout: Layout,
    scale: Option<f64>,
    #[serde(default)]
    class_names: Vec<String>,
    test_fraction: Option<f64>,
    #[serde(default)]
    split_seed: u64,
}

impl Files for Parameters {
    const ID: &str = "idx";
    const ABOUT: &str = "a folder of IDX files, plain or gzipped: MNIST, Fashion-MNIST, EMNIST, …";
    const SCHEMA: &str = concat!(
        r#"{
    "type": "object",
    "properties": {
        "folder": {
            "type": "string",
            "format": "path",
            "description": "folder with the files"
        },
        "train-images": {
            "type": "string",
            "description": "file of training images in it; by default the one whose name has `train-images`"
        },
        "train-labels": {
            "type": "string",
            "description": "file of their labels; by default the one whose name has `train-labels`"
        },
        "test-images": {
            "type": "string",
            "description": "file of test images; by default the one whose name has `t10k-images` or `test-images`, if there is one"
        },
        "test-labels": {
            "type": "string",
            "description": "file of their labels; by default the one whose name has `t10k-labels` or `test-labels`"
        },
        "layout": {
            "enum": ["chw", "hwc"],
            "default": "chw",
            "description": "order of the three dimensions of colour images: channels, height, width, or height, width, channels"
        },
        "scale": {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "numbers are divided by this; by default 255 for bytes and 1 for others"
        },
        "class-names": {
            "type": "array",
            "items": { "type": "string", "minLength": 1 },
            "uniqueItems": true,
            "default": [],
            "description": "names of the labels 0, 1, …; without them every different label is a class of its own name"
        },
        "#,
        split_properties!(),
        r#"
    },
    "required": ["folder"],
    "additionalProperties": false
}"#
    );

    fn check(&self) -> Result<(), Error> {
        if self.test_images.is_some() != self.test_labels.is_some() {
            return Err(Error::parameters(
                "`test-images` and `test-labels` belong together",
            ));
        }
        Ok(())
    }

    fn read(&self) -> Result<Samples, Error> {
        let names = self.names()?;
        let train = [
            self.wanted(
                &self.train_images,
                &names,
                &["train-images"],
                "train-images",
            )?,
            self.wanted(
                &self.train_labels,
                &names,
                &["train-labels"],
                "train-labels",
            )?,
        ];
        let test_images = ["t10k-images", "test-images"];
        let test_labels = ["t10k-labels", "test-labels"];
        let mut splits = vec![(train, false)];
        let has_test = names
            .iter()
            .any(|name| test_images.iter().any(|part| name.contains(part)));
        if self.test_images.is_some() || has_test {
            let test = [
                self.wanted(&self.test_images, &names, &test_images, "test-images")?,
                self.wanted(&self.test_labels, &names, &test_labels, "test-labels")?,
            ];
            splits.push((test, true));
        }
        let mut parts = Vec::new();
        let mut values = Vec::new();
        for ([images, labels], is_test) in splits {
            let part = Part::new(&images, file(&images)?, is_test)?;
            let name = format!("`{}`", labels.display());
            values.extend(integer_labels(&part, &file(&labels)?, &name)?);
            parts.push(part);
        }
        let labels = Labels::from_integers(&values, &self.class_names)
            .map_err(|problem| wrong_label(&parts, &problem))?;
        let form = Form {
            layout: self.layout,
            scale: self.scale,
            test_fraction: self.test_fraction,
            split_seed: self.split_seed,
        };
        Samples::new(parts, labels, form)
    }
}

impl Parameters {
    /// The names of the files in the folder, sorted. Of a file that is there packed and unpacked only the latter counts.
    fn names(&self) -> Result<Vec<String>, Error> {
        let folder = std::fs::read_dir(&self.folder).map_err(|error| {
            let folder = self.folder.display();
            Error::data(format!("cannot open the folder `{folder}`: {error}"))
                .with_hint("paths are relative to the experiment file")
        })?;
        let names = folder.flatten().filter(|entry| entry.path().is_file());
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        let all = names.clone();
        names.retain(|name| {
            let unpacked = name.strip_suffix(".gz");
            !unpacked.is_some_and(|unpacked| all.iter().any(|other| other == unpacked))
        });
        Ok(names)
    }

    /// The file that the user names, or the only one with one of these parts in its name.
    fn wanted(
        &self,
        written: &Option<String>,
        names: &[String],
        parts: &[&str],
        parameter: &str,
    ) -> Result<PathBuf, Error> {
        if let Some(name) = written {
            return Ok(self.folder.join(name));
        }
        let fits = |name: &&String| parts.iter().any(|part| name.contains(part));
        let fitting: Vec<&String> = names.iter().filter(fits).collect();
        let problem = match &*fitting {
            [name] => return Ok(self.folder.join(name)),
            [] => format!("no file whose name has `{}`", parts.join("` or `")),
            several => {
                let several: Vec<String> = several.iter().map(|name| format!("`{name}`")).collect();
                format!("several files that may be meant: {}", several.join(", "))
            }
        };
        let message = format!("`{}` has {problem}", self.folder.display());
        Err(Error::data(message).with_hint(format!("name the file: `{parameter} = \"…\"`")))
    }
}

/// The array in an IDX file.
fn file(path: &Path) -> Result<Array, Error> {
    let bytes = Unpacked::whole(path)?;
    parse(bytes).map_err(|problem| Error::data(format!("`{}` {problem}", path.display())))
}

/// The array in the bytes of an IDX file.
fn parse(mut bytes: Vec<u8>) -> Result<Array, String> {
    let Some(&[0, 0, kind, count]) = bytes.first_chunk::<4>() else {
        let begin = &bytes[..bytes.len().min(4)];
        return Err(format!(
            "is no IDX file: it begins with {begin:?}, expected [0, 0, type, dimensions]"
        ));
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
            ));
        }
    };
    if count > 4 {
        return Err(format!("has {count} dimensions, expected 1 to 4"));
    }
    let begin = 4 + 4 * usize::from(count);
    let Some(sizes) = bytes.get(4..begin) else {
        return Err(format!("ends within the sizes of its {count} dimensions"));
    };
    let sizes = sizes.as_chunks::<4>().0.iter();
    let shape = sizes
        .map(|size| u32::from_be_bytes(*size) as usize)
        .collect();
    bytes.drain(..begin);
    Array::new(shape, kind, Order::Big, bytes).map_err(|problem| format!("has {problem}"))
}

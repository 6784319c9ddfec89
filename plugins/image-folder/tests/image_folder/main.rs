//! The dataset through the tables that the host uses, on images made by the tests.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "nobody else uses what stands here")]

mod any_bytes;
mod cache;
mod decoder;
mod formats;
mod groups;
mod left_out;
mod lists;
mod names;
mod numbers;
mod pillow;
mod remarks;
mod selection;
mod sizes;
mod tiffs;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde_json::{Map, Value, json};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use topwork_plugin_image_folder::PLUGIN;
use topwork_sdk::Error;
use topwork_sdk::drive::{DrivenDataset, Driver, TestHost};

pub const RED: [u8; 3] = [255, 0, 0];
pub const BLUE: [u8; 3] = [0, 0, 255];
pub const WHITE: [u8; 3] = [255; 3];
pub const BLACK: [u8; 3] = [0; 3];

/// A folder of images `images`, beside it a folder for caches, and a host.
pub struct Place {
    folder: TempDir,
    pub host: TestHost,
}

impl Place {
    pub fn empty() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let host = TestHost::new().cache_folder(folder.path().join("cache"));
        Place { folder, host }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Adds a PNG file in one colour.
    pub fn plain(&self, name: &str, colour: [u8; 3]) -> PathBuf {
        self.write(name, &encoded(&plain(2, 2, colour), ImageFormat::Png))
    }

    /// Opens `images` with a size of 2 × 2 and these parameters.
    pub fn open(&self, parameters: Value) -> Result<DrivenDataset, Error> {
        let mut all = Map::new();
        if parameters.get("list").is_none() && parameters.get("train-folder").is_none() {
            all.insert("folder".to_owned(), json!(self.path("images")));
        }
        all.insert("size".to_owned(), json!(2));
        all.extend(parameters.as_object().unwrap().clone());
        Driver::new(&PLUGIN, &self.host).dataset("image-folder", &Value::Object(all))
    }

    /// A text of ours without the name of the temporary folder.
    pub fn redact(&self, text: &str) -> String {
        text.replace(&self.folder.path().display().to_string(), "[here]")
    }

    /// What was logged, without times.
    pub fn lines(&self) -> Vec<String> {
        let lines = self.host.lines().into_iter();
        let told = lines.filter(|line| !line.starts_with("3: decoded"));
        told.map(|line| self.redact(&line)).collect()
    }

    /// How often files were decoded.
    pub fn decodings(&self) -> Vec<String> {
        let lines = self.host.lines().into_iter();
        let told = lines.filter_map(|line| Some(line.strip_prefix("3: decoded ")?.to_owned()));
        told.map(|line| line.split(' ').next().unwrap().to_owned())
            .collect()
    }

    pub fn told(&self, error: &Error) -> String {
        let hint = error.hint().map(|hint| format!("\n  hint: {hint}"));
        let text = format!("{:?}: {error}{}", error.kind(), hint.unwrap_or_default());
        self.redact(&text)
    }
}

pub fn plain(width: u32, height: u32, colour: [u8; 3]) -> DynamicImage {
    RgbImage::from_pixel(width, height, Rgb(colour)).into()
}

/// The left half in one colour, the right half in another.
pub fn halves(width: u32, height: u32, left: [u8; 3], right: [u8; 3]) -> DynamicImage {
    let colour = |x, _| Rgb(if x < width / 2 { left } else { right });
    RgbImage::from_fn(width, height, colour).into()
}

pub fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The pixels of a sample, row by row.
pub fn pixels(dataset: &DrivenDataset, split: &str, index: u64) -> Vec<[u8; 3]> {
    let bytes: Vec<u8> = dataset.read(split, &[index]).unwrap();
    let plane = bytes.len() / 3;
    (0..plane)
        .map(|place| [bytes[place], bytes[plane + place], bytes[2 * plane + place]])
        .collect()
}

/// All samples of a split, each by the colour of its first pixel.
pub fn colours(dataset: &DrivenDataset, split: &str) -> Vec<[u8; 3]> {
    let len = dataset.labels(split).unwrap().len() as u64;
    (0..len)
        .map(|index| pixels(dataset, split, index)[0])
        .collect()
}

pub fn splits(dataset: &DrivenDataset) -> Vec<(String, u64)> {
    let splits = dataset.description().splits.iter();
    splits
        .map(|split| (split.name.clone(), split.len))
        .collect()
}

pub fn touch(path: &Path, seconds: u64) {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

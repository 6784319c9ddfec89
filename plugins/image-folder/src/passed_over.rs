//! What lies in the folders and is no image by its name, and the folders that are no classes therefore.

use crate::names::{listed, shown, some};
use crate::remarks::Remark;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use topwork_sdk::{Level, sniff};

/// Endings of pictures that are not read, in lower case: who has them expects them to count.
const PICTURES: [&str; 38] = [
    "heic", "heif", "hif", "avif", "jxl", "jp2", "j2k", "jpx", "ppm", "pgm", "pbm", "pnm", "pfm",
    "tga", "svg", "ico", "psd", "xcf", "exr", "hdr", "dds", "pcx", "qoi", "raw", "dng", "cr2",
    "cr3", "nef", "arw", "orf", "rw2", "raf", "dcm", "nii", "apng", "btf", "npy", "pdf",
];

/// The most files without an ending that are looked into.
const MOST_OPENED: usize = 1000;

/// What was passed over below a folder.
#[derive(Default)]
pub struct PassedOver {
    /// Files by their ending, in lower case; those without one by "".
    endings: BTreeMap<String, usize>,
    /// How many of those without an ending are images by their first bytes.
    bare_images: usize,
    opened: usize,
    pictures: bool,
    folders: BTreeMap<Vec<u8>, Contents>,
}

#[derive(Default)]
struct Contents {
    images: bool,
    /// Images that the user's patterns leave out.
    excluded: usize,
}

impl PassedOver {
    /// A folder that should be a class, or a part of one.
    pub fn folder(&mut self, name: Vec<u8>) {
        self.folders.entry(name).or_default();
    }

    /// There is an image in that folder.
    pub fn has_images(&mut self, folder: &[u8]) {
        if let Some(contents) = self.folders.get_mut(folder) {
            contents.images = true;
        }
    }

    /// An image that the user's patterns leave out.
    pub fn excluded(&mut self, relative: &[u8]) {
        let inside = |folder: &[u8]| {
            let rest = relative.strip_prefix(folder);
            rest.is_some_and(|rest| rest.starts_with(b"/"))
        };
        for (folder, contents) in &mut self.folders {
            if inside(folder) {
                contents.excluded += 1;
            }
        }
    }

    /// A file that is no image by its name.
    pub fn file(&mut self, path: &Path) {
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        if ending.is_empty() {
            self.opened += 1;
            if self.opened <= MOST_OPENED && is_picture(path) {
                self.bare_images += 1;
                self.pictures = true;
            }
        }
        self.pictures |= PICTURES.iter().any(|known| ending == *known);
        *self
            .endings
            .entry(shown(ending.as_encoded_bytes()))
            .or_default() += 1;
    }

    /// What the user should know of it.
    pub fn remarks(&self, folder: &Path) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let lost = |excluded: bool| -> Vec<String> {
            let lost = self.folders.iter().filter(|(_, contents)| !contents.images);
            let lost = lost.filter(|(_, contents)| (contents.excluded > 0) == excluded);
            lost.map(|(name, _)| shown(name)).collect()
        };
        let (no_classes, excluded) = (lost(false), lost(true));
        let mut parts = Vec::new();
        if !self.endings.is_empty() {
            let over = format!("{} passed over in `{}`", self.counts(), folder.display());
            parts.push(match self.bare_images {
                0 => over,
                count => format!("{over} ({count} of those without an ending are images by their first bytes: with an ending such as .png they would be read)"),
            });
        }
        if !no_classes.is_empty() {
            let names = some(&no_classes, 6);
            let (are, hold) = match no_classes.len() {
                1 => ("is no class", "it holds"),
                _ => ("are no classes", "they hold"),
            };
            parts.push(match parts.is_empty() {
                true => format!(
                    "{names} in `{}` {are}: {hold} no image that is read",
                    folder.display()
                ),
                false => format!("{names} {are} therefore: {hold} no image that is read"),
            });
        }
        if !parts.is_empty() {
            let matters = self.pictures || !no_classes.is_empty();
            let level = if matters { Level::Warning } else { Level::Info };
            remarks.push((level, parts.join("; ")));
        }
        if !excluded.is_empty() {
            let names = some(&excluded, 6);
            let are = if excluded.len() == 1 {
                "is no class"
            } else {
                "are no classes"
            };
            remarks.push((
                Level::Info,
                format!("{names} {are}: `include` and `exclude` leave out every image"),
            ));
        }
        remarks
    }

    /// "6 .heic, 1 .avif and 3 files without an ending": the most frequent first, those without an ending last.
    fn counts(&self) -> String {
        let mut endings: Vec<(&String, &usize)> = self
            .endings
            .iter()
            .filter(|(ending, _)| !ending.is_empty())
            .collect();
        endings.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        let told = endings.iter().take(6);
        let mut parts: Vec<String> = told
            .map(|(ending, count)| format!("{count} .{ending}"))
            .collect();
        let others: usize = endings.iter().skip(6).map(|(_, count)| **count).sum();
        if others > 0 {
            parts.push(format!("{others} of other endings"));
        }
        match self.endings.get("") {
            Some(1) => parts.push("1 file without an ending".to_owned()),
            Some(count) => parts.push(format!("{count} files without an ending")),
            None => {}
        }
        listed(&parts, usize::MAX - 1)
    }
}

/// Whether a file is a picture by its first bytes.
fn is_picture(path: &Path) -> bool {
    let mut beginning = Vec::new();
    let file = File::open(path);
    let read = file.and_then(|file| file.take(sniff::WANTED as u64).read_to_end(&mut beginning));
    // What cannot be read is not called a picture.
    let is_bitmap = beginning.starts_with(b"BM")
        && beginning
            .get(14..18)
            .is_some_and(|size| size[1..] == [0, 0, 0]);
    read.is_ok() && (is_bitmap || sniff::kind(&beginning) == Some(sniff::Kind::Picture))
}

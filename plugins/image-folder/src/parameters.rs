//! What a user may say of a folder of images: as written, and as checked.

use crate::names::{canonical, path_of};
use globset::{Glob, GlobSet, GlobSetBuilder};
use regex::Regex;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use topwork_sdk::{Error, LabelColumns, Targets, targets_property};
use unicode_normalization::UnicodeNormalization;

/// The JSON Schema of [`Parameters`].
pub const SCHEMA: &str = concat!(
    r##"{"type": "object", "properties": {
    "folder": {"type": "string", "format": "path",
        "description": "folder with one subfolder per class; with `list`, the folder its paths are relative to"},
    "train-folder": {"type": "string", "format": "path",
        "description": "in place of `folder`: the folder whose class folders hold the training images"},
    "test-folder": {"type": "string", "format": "path", "description": "the same for the test images"},
    "list": {"type": "string", "format": "path",
        "description": "text file with the columns path, label and, if wanted, split (`train` or `test`), separated by commas, semicolons or tabs; without it the folders are the classes"},
    "label": {"type": ["string", "integer", "array"], "minimum": 0,
        "items": {"type": ["string", "integer"], "minimum": 0}, "minItems": 1, "uniqueItems": true,
        "description": "column of the label in `list`: its name, or its position counted from 0; by default the one that is called label, class, target or the like, or the only one left; with other `targets` than classes a list of columns, too"},
    "##,
    targets_property!(),
    r##"
    "classes-from": {"type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
        "description": "classes by name, each with the folders it is made of, relative to `folder`; without it every subfolder is a class"},
    "include": {"type": "array", "items": {"type": "string", "minLength": 1}, "default": [],
        "description": "patterns of the files to take, on the path relative to `folder`; `*` matches any text, `/` too; without one all are taken"},
    "exclude": {"type": "array", "items": {"type": "string", "minLength": 1}, "default": [],
        "description": "patterns of files to leave out"},
    "size": {"type": ["integer", "array"], "minimum": 1, "maximum": 8192,
        "items": {"type": "integer", "minimum": 1, "maximum": 8192}, "minItems": 2, "maxItems": 2,
        "description": "height and width of every sample in pixels, [height, width] or one number for both"},
    "channels": {"enum": [3, 1], "default": 3, "description": "3 for red, green and blue, 1 for grey"},
    "fit": {"enum": ["pad", "crop", "stretch"], "default": "pad",
        "description": "how an image of other proportions gets its size: padded with `background`, cropped in the middle, or stretched"},
    "background": {"type": "string", "pattern": "^(white|black|#[0-9a-fA-F]{6})$", "default": "white",
        "description": "colour behind transparent pixels and beside padded images: `white`, `black` or `#rrggbb`"},
    "test-fraction": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1,
        "description": "part of every class to set apart as the split `test`"},
    "split-seed": {"type": "integer", "minimum": 0, "default": 0,
        "description": "decides which images `test-fraction` sets apart"},
    "groups": {"type": "string", "minLength": 1,
        "description": "regular expression that finds in the path of an image, relative to `folder`, which images belong together (patients, series): what its first parentheses match, or all it matches. Images with the same text stay in one fold, and in one split where `test-fraction` draws it"},
    "max-pixels": {"type": "integer", "minimum": 1, "maximum": 4000000000, "default": 100000000,
        "description": "images with more pixels than this are left out without being decoded"}
}, "required": ["size"], "additionalProperties": false}"##
);

/// The parameters as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameters {
    folder: Option<PathBuf>,
    train_folder: Option<PathBuf>,
    test_folder: Option<PathBuf>,
    list: Option<PathBuf>,
    label: Option<LabelColumns>,
    targets: Targets,
    label_separator: Option<String>,
    classes_from: Option<BTreeMap<String, Vec<String>>>,
    include: Vec<String>,
    exclude: Vec<String>,
    size: Size,
    channels: usize,
    fit: Fit,
    background: String,
    test_fraction: Option<f64>,
    split_seed: u64,
    groups: Option<String>,
    max_pixels: u64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Size {
    Square(usize),
    Sides([usize; 2]),
}

/// How an image of other proportions gets the size of a sample.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// The whole image, centred on the background.
    Pad,
    /// The largest part from its middle that has the right proportions.
    Crop,
    /// Its proportions are changed.
    Stretch,
}

/// Where images and their classes come from.
pub enum From {
    /// Class folders, or a table of classes, in one folder.
    Folder(PathBuf),
    /// The same in two folders, one for each split.
    TwoFolders {
        /// For learning.
        train: PathBuf,
        /// For measuring.
        test: PathBuf,
    },
    /// A table of paths and labels.
    List {
        /// The file.
        file: PathBuf,
        /// What its paths are relative to.
        folder: PathBuf,
        /// Its columns of labels, where the user says them.
        label: Option<LabelColumns>,
        /// What these are.
        targets: Targets,
        /// Between the words of several labels, where they stand in one column.
        separator: Option<String>,
    },
}

impl From {
    /// What labels are.
    pub fn targets(&self) -> Targets {
        match self {
            From::List { targets, .. } => *targets,
            _ => Targets::Classes,
        }
    }
}

/// Which files are samples.
pub struct Selection {
    /// Where they come from.
    pub from: From,
    /// Folders by class, where the user gave them.
    pub classes: Option<BTreeMap<String, Vec<String>>>,
    include: Option<GlobSet>,
    exclude: GlobSet,
    /// Finds the group in a path.
    pub groups: Option<Regex>,
}

impl Selection {
    /// Whether the user wants the file with this path, relative to the folder.
    pub fn takes(&self, relative: &[u8]) -> bool {
        let name = canonical(relative);
        let path = path_of(&name);
        let included = self.include.as_ref().is_none_or(|g| g.is_match(&path));
        included && !self.exclude.is_match(&path)
    }
}

/// What becomes of an image file: everything that decides the bytes of its sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// Rows of a sample.
    pub height: usize,
    /// Columns of a sample.
    pub width: usize,
    /// 3 or 1.
    pub channels: usize,
    /// How an image gets this size.
    pub fit: Fit,
    /// Red, green and blue behind and beside an image.
    pub background: [u8; 3],
    /// An image with more pixels is not decoded.
    pub max_pixels: u64,
}

impl Recipe {
    /// Bytes of a sample.
    pub fn bytes(&self) -> usize {
        self.channels * self.height * self.width
    }
}

/// The part of every class to test on, and the seed that draws it.
#[derive(Clone, Copy)]
pub struct TestFraction {
    /// Above 0 and below 1.
    pub fraction: f64,
    /// The same seed gives the same images.
    pub seed: u64,
}

impl Parameters {
    /// What becomes of a file, wherever it lies, or the rule that this breaks.
    pub fn recipe(&self) -> Result<Recipe, Error> {
        let [height, width] = match self.size {
            Size::Square(side) => [side; 2],
            Size::Sides(sides) => sides,
        };
        Ok(Recipe {
            height,
            width,
            channels: self.channels,
            fit: self.fit,
            background: colour(&self.background)?,
            max_pixels: self.max_pixels,
        })
    }

    /// The parameters as checked, or the rule that they break.
    pub fn check(self) -> Result<(Selection, Recipe, Option<TestFraction>), Error> {
        let recipe = self.recipe()?;
        if self.list.is_none() {
            if self.targets != Targets::Classes {
                return Err(Error::parameters(
                    "`targets` needs `list`, whose columns are numbers or labels: folders are classes",
                ));
            }
            if self.label.is_some() {
                return Err(Error::parameters(
                    "`label` names a column of `list`, and there is none",
                ));
            }
        }
        let separator = self.label_separator.as_deref();
        LabelColumns::check(self.label.as_ref(), self.targets, separator)?;
        let from = match (self.list, self.folder, self.train_folder, self.test_folder) {
            (None, Some(folder), None, None) => From::Folder(folder),
            (None, None, Some(train), Some(test)) => From::TwoFolders { train, test },
            (Some(file), folder, None, None) => {
                let beside = || file.parent().map(PathBuf::from).unwrap_or_default();
                From::List {
                    folder: folder.unwrap_or_else(beside),
                    file,
                    label: self.label,
                    targets: self.targets,
                    separator: self.label_separator,
                }
            }
            _ => {
                return Err(Error::parameters(
                    "expected `folder`, `train-folder` and `test-folder`, or `list`, and one of these only",
                )
                .with_hint("`list` may have `folder` beside it"));
            }
        };
        if self.classes_from.is_some() && matches!(from, From::List { .. }) {
            return Err(Error::parameters(
                "`classes-from` names folders, but the labels come from `list`",
            ));
        }
        if self.test_fraction.is_some() && matches!(from, From::TwoFolders { .. }) {
            return Err(Error::parameters(
                "`test-fraction` sets test images apart, but `test-folder` has them already",
            ));
        }
        let include = match &*self.include {
            [] => None,
            patterns => Some(globs("include", patterns)?),
        };
        let selection = Selection {
            from,
            classes: self.classes_from,
            include,
            exclude: globs("exclude", &self.exclude)?,
            groups: self.groups.as_deref().map(pattern).transpose()?,
        };
        let seed = self.split_seed;
        let tested = |fraction| TestFraction { fraction, seed };
        Ok((selection, recipe, self.test_fraction.map(tested)))
    }
}

fn globs(parameter: &str, patterns: &[String]) -> Result<GlobSet, Error> {
    let wrong = |pattern: &str, error: &globset::Error| {
        let reason = error.kind();
        Error::parameters(format!("`{parameter}`: the pattern {pattern:?}: {reason}"))
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        // Paths are compared in this form, too.
        let spelled: String = pattern.nfc().collect();
        set.add(Glob::new(&spelled).map_err(|error| wrong(pattern, &error))?);
    }
    set.build()
        .map_err(|error| wrong(&patterns.join(" "), &error))
}

fn pattern(text: &str) -> Result<Regex, Error> {
    Regex::new(text).map_err(|error| {
        // The last line of several says what is wrong, those above it where.
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim();
        let reason = reason.trim_start_matches("error: ");
        Error::parameters(format!("`groups`: the pattern {text:?}: {reason}")).with_hint(
            "it is a regular expression, such as \"^[^/]+/([^/]+)/\" for the folder below the class folder",
        )
    })
}

fn colour(text: &str) -> Result<[u8; 3], Error> {
    let byte = |from: usize| {
        let digits = text.get(from..from + 2)?;
        u8::from_str_radix(digits, 16).ok()
    };
    match text {
        "white" => Some([255; 3]),
        "black" => Some([0; 3]),
        _ if text.len() == 7 && text.starts_with('#') => byte(1)
            .zip(byte(3))
            .zip(byte(5))
            .map(|((r, g), b)| [r, g, b]),
        _ => None,
    }
    .ok_or_else(|| {
        Error::parameters(format!(
            "`background`: {text:?}, expected `white`, `black` or `#rrggbb`"
        ))
    })
}

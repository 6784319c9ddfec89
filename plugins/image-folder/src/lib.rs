//! Image files in folders as a dataset: one folder per class, or a CSV file that names images and labels.
//!
//! Which files can be read is found out once, when the dataset is first described, by decoding all of them; samples and findings
//! are kept in the cache folder. What cannot be read is left out and told; only when nothing is left is that an error.

mod cache;
mod decode;
mod decoder;
mod groups;
mod images;
mod list;
mod listing;
mod names;
mod parameters;
mod passed_over;
mod remarks;
mod tiff;

use images::{Images, Looked};
use listing::{Listed, Listing, Rejected};
use parameters::{From, Parameters, Recipe, SCHEMA, Selection, TestFraction};
use std::sync::OnceLock;
use topwork_sdk::{
    Component, Dataset, Description, Error, Host, OwnSize, Provenance, Splits, Targets,
    check_target_numbers, dataset_of_image_files, export_plugin, images::Image,
};

export_plugin! {
    id: "image-folder",
    licence: "MIT OR Apache-2.0",
    components: [dataset_of_image_files::<ImageFolder>()],
}

struct ImageFolder {
    host: Host,
    selection: Selection,
    recipe: Recipe,
    test_fraction: Option<TestFraction>,
    opened: OnceLock<Result<Opened, Error>>,
}

/// What is known once the files have been looked at.
struct Opened {
    classes: Vec<String>,
    images: Images,
    /// The class of every image.
    labels: Vec<u32>,
    /// images × columns, where numbers are to be predicted.
    numbers: Vec<f32>,
    /// The path of every image.
    names: Vec<String>,
    /// The group of every image, where the user says what they are.
    groups: Option<Vec<String>>,
    splits: Splits,
}

impl Component for ImageFolder {
    const ID: &str = "image-folder";
    const ABOUT: &str = "image files (PNG, JPEG, WebP, GIF, BMP, TIFF) in one folder per class, or listed in a CSV file";
    const SCHEMA: &str = SCHEMA;
    type Parameters = Parameters;

    fn create(host: Host, parameters: Parameters) -> Result<Self, Error> {
        let (selection, recipe, test_fraction) = parameters.check()?;
        Ok(ImageFolder {
            host,
            selection,
            recipe,
            test_fraction,
            opened: OnceLock::new(),
        })
    }
}

impl ImageFolder {
    fn opened(&self) -> Result<&Opened, Error> {
        let opened = self.opened.get_or_init(|| self.open());
        opened.as_ref().map_err(Error::clone)
    }

    fn open(&self) -> Result<Opened, Error> {
        let listing = Listing::find(&self.selection)?;
        if self.test_fraction.is_some() && listing.given_splits {
            return Err(Error::parameters(
                "`test-fraction` sets test images apart, but `list` has them already in its column split",
            ));
        }
        let Listing {
            classes,
            files,
            mut rejected,
            mut remarks,
            given_splits,
        } = listing;
        let place = self.place();
        let all = files.len() + rejected.len();
        let (images, looked) = Images::open(self.host, &place, self.recipe, &files);
        let unreadable = files.iter().zip(&looked).filter_map(|(file, looked)| {
            Some(Rejected {
                name: file.name.clone(),
                line: None,
                reason: looked.rejected.clone()?,
            })
        });
        rejected.extend(unreadable);
        let is_readable = |(_, looked): &(&Listed, &Looked)| looked.rejected.is_none();
        let (readable, readable_looked): (Vec<&Listed>, Vec<&Looked>) =
            files.iter().zip(&looked).filter(is_readable).unzip();
        if let (true, Some(first)) = (readable.is_empty(), rejected.first()) {
            let message = match rejected.len() {
                1 => "the only image cannot be read".to_owned(),
                count => format!("none of {count} images can be read"),
            };
            let first = format!("{} {}", first.told(), first.reason);
            return Err(Error::data(format!("{message} ({place})")).with_hint(first));
        }
        let labels: Vec<u32> = readable.iter().map(|file| file.class).collect();
        let numbers: Vec<f32> = (readable.iter())
            .flat_map(|file| &file.numbers)
            .copied()
            .collect();
        let names: Vec<String> = readable.iter().map(|file| file.name.clone()).collect();
        let groups = match &self.selection.groups {
            Some(pattern) => Some(groups::of(pattern, names.iter().map(String::as_str))?),
            None => None,
        };
        let splits = match self.test_fraction {
            Some(TestFraction { fraction, seed }) => match &groups {
                Some(groups) => Splits::grouped(&labels, groups, fraction, seed)?,
                None => Splits::stratified(&labels, fraction, seed),
            },
            None if given_splits => {
                let is_test: Vec<bool> = readable.iter().map(|file| file.is_test).collect();
                Splits::given(&is_test)
            }
            None => Splits::whole(labels.len()),
        };
        let is_test = (self.test_fraction.is_some() || given_splits).then(|| {
            let mut is_test = vec![false; labels.len()];
            for &position in splits.positions(1) {
                is_test[position as usize] = true;
            }
            is_test
        });
        let from = &self.selection.from;
        if from.targets() == Targets::Numbers {
            check_target_numbers(&place, &classes, &numbers)?;
            let given = splits.describe().into_iter().enumerate();
            for (split, of) in given.filter(|_| given_splits) {
                let place = format!("{place}, split `{}`", of.name);
                let of_split = splits.numbers(split, &numbers, classes.len());
                check_target_numbers(&place, &classes, &of_split)?;
            }
        }
        let too_high = remarks::split_folders(from, &classes)
            .or_else(|| remarks::one_class(from, &classes, &files));
        remarks.extend(too_high);
        remarks.extend(remarks::left_out(&place, &rejected, all));
        if from.targets() == Targets::Classes {
            remarks.extend(remarks::emptied(&classes, &files, &looked));
        }
        remarks.extend(remarks::floats(&looked));
        remarks.extend(remarks::repeated(
            &classes,
            &readable,
            &readable_looked,
            is_test.as_deref(),
        ));
        remarks.extend(remarks::not_looked_at(&looked));
        for (level, text) in remarks {
            // A run opens a dataset more than once.
            self.host.log_once(level, &text);
        }
        Ok(Opened {
            classes,
            images,
            labels,
            numbers,
            names,
            groups,
            splits,
        })
    }

    /// Where the images are, for people.
    fn place(&self) -> String {
        match &self.selection.from {
            From::Folder(folder) => format!("`{}`", folder.display()),
            From::TwoFolders { train, test } => {
                format!("`{}` and `{}`", train.display(), test.display())
            }
            From::List { file, .. } => format!("`{}`", file.display()),
        }
    }
}

impl Dataset for ImageFolder {
    type Element = u8;

    fn description(&self) -> Result<Description, Error> {
        let opened = self.opened()?;
        Ok(Description {
            classes: opened.classes.clone(),
            shape: [self.recipe.channels, self.recipe.height, self.recipe.width],
            splits: opened.splits.describe(),
        })
    }

    fn labels(&self, split: usize) -> Result<Vec<u32>, Error> {
        let opened = self.opened()?;
        Ok(opened.splits.labels(split, &opened.labels))
    }

    fn read(&self, split: usize, indices: &[u64], samples: &mut [u8]) -> Result<(), Error> {
        let opened = self.opened()?;
        let of_split = opened.splits.positions(split);
        let positions: Vec<u64> = indices
            .iter()
            .map(|&index| of_split[index as usize])
            .collect();
        opened.images.read(&positions, samples)
    }

    const NUMBERS: bool = true;

    fn has_numbers(&self) -> Result<bool, Error> {
        Ok(self.selection.from.targets() == Targets::Numbers)
    }

    const MULTILABEL: bool = true;

    fn is_multilabel(&self) -> Result<bool, Error> {
        Ok(self.selection.from.targets() == Targets::Multilabel)
    }

    fn numbers(&self, split: usize) -> Result<Vec<f32>, Error> {
        let opened = self.opened()?;
        let (numbers, columns) = (&opened.numbers, opened.classes.len());
        Ok(opened.splits.numbers(split, numbers, columns))
    }
}

impl OwnSize for ImageFolder {
    fn image(&self, split: usize, index: u64) -> Result<Image, Error> {
        let opened = self.opened()?;
        opened
            .images
            .image(opened.splits.positions(split)[index as usize])
    }
}

impl Provenance for ImageFolder {
    fn names(&self, split: usize) -> Result<Option<Vec<String>>, Error> {
        let opened = self.opened()?;
        Ok(Some(opened.splits.texts(split, &opened.names)))
    }

    fn groups(&self, split: usize) -> Result<Option<Vec<String>>, Error> {
        let opened = self.opened()?;
        let groups = opened.groups.as_ref();
        Ok(groups.map(|groups| opened.splits.texts(split, groups)))
    }
}

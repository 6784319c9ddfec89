//! Image files in folders as a dataset: one folder per class, or a CSV file that names images and labels.
//!
//! Which files can be read is found out once, when the dataset is first described, by decoding all of them; samples and findings
//! are kept in the cache folder. What cannot be read is left out and told; only when nothing is left is that an error.

mod cache;
mod decode;
mod images;
mod listing;
mod parameters;

use images::Images;
use listing::{Listing, Rejected};
use parameters::{From, Parameters, Recipe, SCHEMA, Selection, TestFraction};
use std::sync::{Once, OnceLock};
use topwork_sdk::{
    Component, Dataset, Description, Error, Host, Level, Splits, dataset, export_plugin,
};

export_plugin! {
    id: "image-folder",
    licence: "MIT OR Apache-2.0",
    components: [dataset::<ImageFolder>()],
}

/// The most files that are told by name when they are left out.
const MOST_TOLD: usize = 10;

struct ImageFolder {
    host: Host,
    selection: Selection,
    recipe: Recipe,
    test_fraction: Option<TestFraction>,
    opened: OnceLock<Result<Opened, Error>>,
    told: Once,
}

/// What is known once the files have been looked at.
struct Opened {
    classes: Vec<String>,
    images: Images,
    /// The class of every image.
    labels: Vec<u32>,
    splits: Splits,
    rejected: Vec<Rejected>,
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
            told: Once::new(),
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
        let mut rejected = listing.rejected;
        let (images, is_readable) = Images::open(
            self.host,
            &self.place(),
            self.recipe,
            &listing.files,
            &mut rejected,
        );
        let files = listing.files.iter().zip(is_readable);
        let readable: Vec<_> = files.filter(|(_, is)| *is).map(|(file, _)| file).collect();
        if let (true, Some(first)) = (readable.is_empty(), rejected.first()) {
            let message = match rejected.len() {
                1 => "the only image cannot be read".to_owned(),
                count => format!("none of {count} images can be read"),
            };
            let first = format!("`{}` {}", first.name, first.reason);
            return Err(Error::data(format!("{message} ({})", self.place())).with_hint(first));
        }
        let labels: Vec<u32> = readable.iter().map(|file| file.class).collect();
        let splits = match self.test_fraction {
            Some(TestFraction { fraction, seed }) => Splits::stratified(&labels, fraction, seed),
            None if listing.given_splits => {
                let is_test: Vec<bool> = readable.iter().map(|file| file.is_test).collect();
                Splits::given(&is_test)
            }
            None => Splits::whole(labels.len()),
        };
        Ok(Opened {
            classes: listing.classes,
            images,
            labels,
            splits,
            rejected,
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

    /// Tells once what is left out.
    fn tell(&self, opened: &Opened) {
        let (left_out, all) = (
            opened.rejected.len(),
            opened.rejected.len() + opened.labels.len(),
        );
        if left_out == 0 {
            return;
        }
        let mut text = format!(
            "{left_out} of {all} images in {} are left out",
            self.place()
        );
        if left_out > MOST_TOLD {
            text.push_str(&format!("; the first {MOST_TOLD}:"));
        }
        self.host.log(Level::Warning, &text);
        for Rejected { name, reason } in opened.rejected.iter().take(MOST_TOLD) {
            self.host.log(Level::Warning, &format!("`{name}` {reason}"));
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
        // Here and not on opening: whoever only asks what there is has no log to read.
        self.told.call_once(|| self.tell(opened));
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
}

//! The experiment as text: keys with the reasons for them.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use topwork_measure::thousands;
use topwork_schema::Normalise;

use crate::folders::absolute;

/// Height and width of samples where a pretrained network does not say its own.
pub const SIZE: u64 = 224;

/// The same of a network that has learnt nothing: what is learnt from few images should be little.
pub const SMALL: u64 = 32;

/// Classes that are named.
const MOST_CLASSES: usize = 12;

/// Classes are uneven where the largest has so many times the images of the smallest.
const UNEVEN: u64 = 2;

/// The network that is cut.
pub struct Backbone {
    pub id: String,
    /// A model file.
    pub file: Option<PathBuf>,
    pub weights: Option<PathBuf>,
    /// Parameters as the user set them.
    pub sets: Map<String, Value>,
}

/// What there is to learn from.
pub struct Seen {
    /// Classes with their numbers of training images.
    pub classes: Vec<(String, u64)>,
    /// Classes of too few images to be learnt and measured.
    pub left_out: Vec<String>,
    /// Folders beside those of the splits.
    pub unused: Vec<String>,
    /// Width and height of some images.
    pub sizes: Vec<(u32, u32)>,
    pub measured: Measured,
}

/// What rows are measured on.
pub enum Measured {
    OnTest,
    OnFraction(f64),
    InFolds(u64),
}

/// What a backbone says of itself.
pub struct Network<'a> {
    /// Shape of an image.
    pub input: &'a [usize],
    /// Where to cut it: behind its last layer but those that make scores of classes.
    pub cut: String,
    /// Whether it is a network of layers, or computes its features itself.
    pub is_ours: bool,
}

/// The keys of `[backbone]`.
pub struct Told {
    keys: Vec<(String, Value)>,
    knows_its_input: bool,
    learnt: bool,
    id: String,
}

impl Backbone {
    /// Its parameters, with paths from this folder.
    pub fn parameters(&self, place: &Path) -> Map<String, Value> {
        let mut parameters = self.sets.clone();
        if let Some(file) = &self.file {
            parameters.insert("file".to_owned(), json!(relative(file, place)));
        }
        parameters
    }

    /// It as it stands in a file of this folder.
    pub fn told(&self, place: &Path) -> Told {
        let mut keys = vec![("use".to_owned(), json!(self.id))];
        keys.extend(self.parameters(place));
        if let Some(weights) = &self.weights {
            keys.push(("weights".to_owned(), json!(relative(weights, place))));
        }
        Told {
            keys,
            knows_its_input: self.file.is_none() && self.weights.is_some(),
            learnt: self.file.is_some() || self.weights.is_some(),
            id: self.id.clone(),
        }
    }
}

/// The whole file.
pub fn experiment(
    name: &str,
    dataset: &Map<String, Value>,
    seen: &Seen,
    backbone: &Told,
    network: &Network<'_>,
) -> String {
    let size = match network.input {
        [_, height, width] if height == width => json!(height),
        [_, height, width] => json!([height, width]),
        _ => json!(SIZE),
    };
    let mut text = format!(
        "# {}\n# Every key: docs/experiment-file.md. `topwork check` tells all mistakes of this file at once.\n\nname  = {}\nseeds = [1]\n\n",
        seen.words(),
        json!(name)
    );
    text.push_str(&backbone.table(network.input));
    text.push_str(&target(dataset, seen, &size, network));
    text.push_str(&strategies(backbone, network, seen));
    text
}

impl Seen {
    /// What was seen, in one line.
    fn words(&self) -> String {
        let total: u64 = self.classes.iter().map(|(_, count)| count).sum();
        let named = self.classes.iter().take(MOST_CLASSES);
        let mut named: Vec<String> = named
            .map(|(class, count)| format!("{class} {count}"))
            .collect();
        if self.classes.len() > named.len() {
            named.push("…".to_owned());
        }
        let mut words = format!(
            "{} images of {} classes: {}.",
            thousands(total),
            thousands(self.classes.len() as u64),
            named.join(", ")
        );
        let sorted = |of: fn(&(u32, u32)) -> u32| {
            let mut all: Vec<u32> = self.sizes.iter().map(of).collect();
            all.sort_unstable();
            all
        };
        let (widths, heights) = (sorted(|size| size.0), sorted(|size| size.1));
        if let (Some(width), Some(height)) = (middle(&widths), middle(&heights)) {
            words.push_str(&format!(
                " Half of them are {width}×{height} pixels or smaller."
            ));
        }
        words
    }

    fn is_uneven(&self) -> bool {
        let counts = || self.classes.iter().map(|(_, count)| *count);
        counts().max().unwrap_or(0) >= UNEVEN * counts().min().unwrap_or(0).max(1)
    }
}

impl Told {
    fn table(&self, input: &[usize]) -> String {
        let mut text = match self.learnt {
            true => "# The network that is cut. Its own weights are what it has learnt before.\n".to_owned(),
            false => "# A network that has learnt nothing: its features are those of chance, which is what others have to beat.\n".to_owned(),
        };
        text.push_str("[backbone]\n");
        let width = self
            .keys
            .iter()
            .map(|(key, _)| key.len())
            .max()
            .unwrap_or(0);
        for (key, value) in &self.keys {
            text.push_str(&format!("{key:<width$} = {}\n", written(value)));
        }
        if self.knows_its_input {
            text.push_str("# Images reach it as it says of itself; `input = { resize = 256, crop = 224 }` says otherwise.\n");
            text.push_str(&format!("{:<width$} = \"own\"\n", "input"));
        } else if let ([_, height, another], true) = (input, self.learnt) {
            let Normalise { mean, std } = Normalise::imagenet();
            text.push_str(&format!(
                "# A model file does not say how its images were prepared: this is how most were that learnt from ImageNet.\n\
                 {:<width$} = {{ resize = [{height}, {another}], normalise = {{ mean = {mean:?}, std = {std:?} }} }}\n",
                "input"
            ));
        }
        text.push('\n');
        text
    }

    /// Cuts for a strategy that chooses among them.
    fn cuts(&self, network: &Network<'_>) -> &'static str {
        match (self.id.as_str(), network.is_ours) {
            ("efficientnet-lite", _) => {
                "[{ at = \"block10\", pool = \"gap\" }, { at = \"block15\", pool = \"gap\" }, \"gap\"]"
            }
            (_, true) => "{ use = \"every-stage\", pool = \"gap\" }",
            // Each of its cuts is a pass over the images.
            (_, false) => "{ use = \"last-n\", n = 3, pool = \"gap\" }",
        }
    }
}

fn target(
    dataset: &Map<String, Value>,
    seen: &Seen,
    size: &Value,
    network: &Network<'_>,
) -> String {
    let cut = json!(network.cut);
    let mut text = format!(
        "[target]\n# The features that its own classifier gets, as one vector; `topwork show` lists all places to cut.\n\
         cut = {{ at = {cut}, pool = \"gap\" }}\n"
    );
    match seen.measured {
        Measured::OnTest => {}
        Measured::OnFraction(_) => {}
        Measured::InFolds(folds) => text.push_str(&format!(
            "# So few images are all measured, each by what was fitted on the other folds.\nfolds = {folds}\n"
        )),
    }
    if seen.is_uneven() {
        text.push_str(
            "# Classes are uneven: a row that always says the largest one is no good, and accuracy alone would not tell.\n\
             metrics = [\"balanced-accuracy\", \"accuracy\", \"macro-f1\"]\n",
        );
    }
    text.push_str("\n[target.dataset]\n");
    let mut keys: Vec<(&str, Value)> = vec![("use", json!(super::DATASET))];
    keys.extend(
        dataset
            .iter()
            .map(|(key, value)| (key.as_str(), value.clone())),
    );
    keys.push(("size", size.clone()));
    if !seen.unused.is_empty() {
        text.push_str(&format!(
            "# Not used: {}. What is chosen is chosen on parts of the training images.\n",
            seen.unused.join(", ")
        ));
    }
    if !seen.left_out.is_empty() {
        text.push_str(&format!(
            "# Left out, as one image cannot be learnt from and measured on: {}.\n",
            seen.left_out.join(", ")
        ));
        let taken: Vec<&str> = seen
            .classes
            .iter()
            .map(|(class, _)| class.as_str())
            .collect();
        keys.push(("classes", json!(taken)));
    }
    if let Measured::OnFraction(fraction) = seen.measured {
        keys.push(("test-fraction", json!(fraction)));
    }
    let width = keys.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    for (key, value) in keys {
        text.push_str(&format!("{key:<width$} = {}\n", written(&value)));
    }
    text
}

/// A value as people write it.
fn written(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(written).collect();
            format!("[{}]", items.join(", "))
        }
        value => value.to_string(),
    }
}

fn strategies(backbone: &Told, network: &Network<'_>, seen: &Seen) -> String {
    let weights = match backbone.learnt {
        true => "",
        false => "weights = \"random\"\n",
    };
    // A share that leaves an image of the smallest class on either side.
    let on = match seen.classes.iter().map(|(_, count)| *count).min() {
        Some(count) if count >= 8 => "{ folds = 3 }",
        _ => "{ holdout = 0.3 }",
    };
    let mut text = format!(
        "\n# A classifier fitted to the features of the frozen network. Its penalty is chosen on training images alone.\n\
         [[strategy]]\nname = \"logistic regression\"\nkind = \"feature-classifier\"\n{weights}head = {{ use = \"logistic-regression\" }}\n\n\
         [strategy.select]\non   = {on}\nhead = {{ l2 = {{ log = [1e-1, 1e4], count = 6 }} }}\n\n\
         # The same with the cut among what is chosen.\n\
         [[strategy]]\nname = \"chosen cut\"\nkind = \"feature-classifier\"\n{weights}head = {{ use = \"logistic-regression\" }}\n\n\
         [strategy.select]\non   = {on}\ncut  = {}\nhead = {{ l2 = {{ log = [1e-1, 1e4], count = 6 }} }}\n\n\
         # The class of the most similar training image.\n\
         [[strategy]]\nname = \"nearest neighbour\"\nkind = \"feature-classifier\"\n{weights}head = {{ use = \"knn\", k = 1 }}\n",
        backbone.cuts(network)
    );
    if backbone.learnt && network.is_ours {
        text.push_str(
            "\n# The control: the same network before it has learnt anything.\n\
             [[strategy]]\nname = \"untrained network\"\nkind = \"feature-classifier\"\nweights = \"random\"\nhead = { use = \"logistic-regression\" }\n\
             \n# The whole network trained further on these images: better where there are many, and slow without a GPU.\n\
             # [[strategy]]\n# name = \"fine-tune\"\n# kind = \"fine-tune\"\n# head = { use = \"linear\" }\n\
             # train = { epochs = 3, batch-size = 16, learning-rate = 1e-4 }\n",
        );
    }
    if !backbone.learnt {
        text.push_str(
            "\n# The whole network trained on these images.\n\
             [[strategy]]\nname  = \"from scratch\"\nkind  = \"from-scratch\"\nhead  = { use = \"linear\" }\n\
             train = { epochs = 10, batch-size = 16, learning-rate = 1e-3 }\n",
        );
    }
    text
}

/// A path as it is written in a file of this folder: from there, where it lies below it or a few folders above, else the whole.
pub fn relative(path: &Path, place: &Path) -> String {
    let (path, place) = (absolute(path), absolute(place));
    let shared = path
        .components()
        .zip(place.components())
        .take_while(|(a, b)| a == b)
        .count();
    let up = place.components().count() - shared;
    if shared < 2 || up > 2 {
        return path.display().to_string();
    }
    let below: PathBuf = path.components().skip(shared).collect();
    let above: PathBuf = std::iter::repeat_n("..", up).collect();
    let relative = above.join(below);
    match relative.as_os_str().is_empty() {
        true => ".".to_owned(),
        false => relative.display().to_string(),
    }
}

fn middle(sorted: &[u32]) -> Option<u32> {
    sorted.get(sorted.len() / 2).copied()
}

//! What the examples of a task must be like to be learnt from and measured on. The check of a file
//! and the run that reads the data ask the same rules.

use serde::{Deserialize, Serialize};

use crate::catalog::{Content, Place, SharedImages};
use crate::diagnostics::in_one_line;
use crate::groups::GroupCounts;
use crate::words::{Component, DatasetUse, Normalise};
use topwork_measure::TargetKind;

/// More names than this are not listed in one sentence.
const MOST_NAMED: usize = 8;

/// More examples than this are not named in one sentence.
const MOST_PAIRS: usize = 3;

/// The two tasks of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskRole {
    /// What the backbone learns first.
    Source,
    /// The new task.
    Target,
}

impl TaskRole {
    /// Its table in the experiment file.
    pub fn table(self) -> &'static str {
        match self {
            TaskRole::Source => "source",
            TaskRole::Target => "target",
        }
    }
}

/// The examples of a task, as far as they are known.
#[derive(Clone, Debug)]
pub struct TaskData<'a> {
    /// Which task.
    pub role: TaskRole,
    /// Dataset and classes.
    pub dataset: &'a DatasetUse,
    /// Names of the classes taken, in label order.
    pub names: &'a [String],
    /// Whether they are classes; otherwise `names` are those of columns of numbers or of labels, and all examples are counted under the
    /// first.
    pub targets: TargetKind,
    /// How many folds the split `train` is cut into.
    pub folds: Option<u64>,
    /// Examples of each class taken in the split `train`; `None` when nobody counted.
    pub train: Option<Vec<u64>>,
    /// The same of the split `test`; `None` with folds, too.
    pub test: Option<Vec<u64>>,
    /// Their groups; `None` where nothing belongs together.
    pub groups: Option<GroupCounts>,
}

/// The key of the experiment file that a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// `dataset` of this task.
    Dataset(TaskRole),
    /// `target.folds`.
    Folds,
    /// `dataset.normalise` of this task.
    Normalise(TaskRole),
}

/// What is wrong with the examples, or may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The key to point at.
    pub about: About,
    /// Whether it cannot be run like this; otherwise it is worth a word.
    pub refused: bool,
    /// One sentence, lowercase, without a final period; it names the key.
    pub message: String,
    /// A few words for the place in the file.
    pub label: &'static str,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Finding {
    /// Finding and advice in one line, for a log.
    pub fn remark(&self) -> String {
        in_one_line(&self.message, self.hint.as_deref())
    }
}

impl TaskData<'_> {
    fn id(&self) -> &str {
        self.dataset.component.id()
    }

    pub(crate) fn finding(&self, message: String, label: &'static str) -> Finding {
        Finding {
            about: About::Dataset(self.role),
            refused: true,
            message: format!("`{}.dataset`: {message}", self.role.table()),
            label,
            hint: None,
        }
    }

    /// The classes for which `is` holds, each as `show` has it.
    pub(crate) fn named(
        &self,
        is: impl Fn(usize) -> bool,
        show: impl Fn(usize) -> String,
    ) -> Names {
        let all: Vec<usize> = (0..self.names.len()).filter(|class| is(*class)).collect();
        let named: Vec<String> = (all.iter().take(MOST_NAMED))
            .map(|class| format!("`{}`{}", self.names[*class], show(*class)))
            .collect();
        let more = all.len() - named.len();
        let text = match (named.as_slice(), more) {
            (rest, 1..) => format!("{} and {more} more", rest.join(", ")),
            ([], 0) => String::new(),
            ([one], 0) => one.clone(),
            ([rest @ .., last], 0) => format!("{} and {last}", rest.join(", ")),
        };
        Names {
            count: all.len(),
            text,
        }
    }

    /// What the numbers of examples of each class say.
    pub fn counted(&self) -> Vec<Finding> {
        let id = self.id();
        if !self.targets.is_classes() {
            return self.numbers_counted();
        }
        if let [only] = self.names {
            let message =
                format!("`{id}` has the one class `{only}`, and two are needed to tell apart");
            return vec![self.finding(message, "one class")];
        }
        let Some(train) = &self.train else {
            return Vec::new();
        };
        for (split, counts) in [("train", Some(train)), ("test", self.test.as_ref())] {
            if counts.is_some_and(|counts| counts.iter().all(|count| *count == 0)) {
                let message =
                    format!("the split `{split}` of `{id}` has no example of the classes wanted");
                return vec![self.finding(message, "no examples")];
            }
        }
        let mut findings = match (self.folds, &self.test) {
            (Some(folds), _) => self.folds_too_many(folds, train).into_iter().collect(),
            (None, Some(test)) => self.split_unevenly(train, test),
            (None, None) => Vec::new(),
        };
        findings.extend(self.grouped());
        findings
    }

    /// What the number of examples says where they have no classes.
    fn numbers_counted(&self) -> Vec<Finding> {
        let counts = [("train", &self.train), ("test", &self.test)];
        let count = |counts: &Option<Vec<u64>>| Some(counts.as_ref()?.iter().sum::<u64>());
        for (split, counts) in counts {
            if count(counts) == Some(0) {
                let message = format!("the split `{split}` of `{}` has no example", self.id());
                return vec![self.finding(message, "no examples")];
            }
        }
        match (self.folds, count(&self.train)) {
            (Some(folds), Some(count)) if count < folds => vec![Finding {
                about: About::Folds,
                refused: true,
                message: format!("`target.folds` is {folds}, but there are {count} examples"),
                label: "too many",
                hint: Some("use fewer folds".to_owned()),
            }],
            _ => self.grouped(),
        }
    }

    /// A fold needs an example of every class.
    fn folds_too_many(&self, folds: u64, train: &[u64]) -> Option<Finding> {
        let counted = |class: usize| match train[class] {
            1 => " (1 sample)".to_owned(),
            count => format!(" ({count} samples)"),
        };
        let small = self.named(|class| train[class] < folds, counted);
        let message = match small.count {
            0 => return None,
            1 => format!("the class {} has fewer", small.text),
            _ => format!("the classes {} have fewer", small.text),
        };
        Some(Finding {
            about: About::Folds,
            refused: true,
            message: format!(
                "`target.folds` is {folds}, but {message}: every fold needs one of every class"
            ),
            label: "too many",
            hint: Some("use fewer folds, or leave such classes out with `classes`".to_owned()),
        })
    }

    /// Classes that are not in both splits.
    fn split_unevenly(&self, train: &[u64], test: &[u64]) -> Vec<Finding> {
        let learnt = self.named(|class| train[class] > 0, |_| String::new());
        if learnt.count == 1 {
            let message = format!(
                "all examples of the split `train` of `{}` are of the class {}, and two are needed \
                 to tell apart",
                self.id(),
                learnt.text
            );
            return vec![self.finding(message, "one class")];
        }
        type Is = fn(u64, u64) -> bool;
        let kinds: [(Is, &str, &str); 3] = [
            (
                |train, test| (train, test) == (0, 0),
                "without any example",
                "no examples",
            ),
            (
                |train, test| train == 0 && test > 0,
                "tested and never learnt, so that every such example counts as wrong",
                "tested, never learnt",
            ),
            (
                |train, test| train > 0 && test == 0,
                "learnt and never tested",
                "learnt, never tested",
            ),
        ];
        let told = kinds.into_iter().filter_map(|(is, what, label)| {
            let classes = self.named(|class| is(train[class], test[class]), |_| String::new());
            let message = match classes.count {
                0 => return None,
                1 => format!("the class {} of `{}` is {what}", classes.text, self.id()),
                _ => format!("the classes {} of `{}` are {what}", classes.text, self.id()),
            };
            Some(Finding {
                refused: false,
                ..self.finding(message, label)
            })
        });
        told.collect()
    }

    /// Where among `content` the dataset is.
    fn within(&self, content: &Content) -> Option<usize> {
        let same = |dataset: &Component| *dataset == self.dataset.component;
        (content.datasets.iter()).position(|seen| same(&seen.component))
    }

    /// The places of an image that are this task's examples in a split.
    fn places<'c>(
        &'c self,
        content: &Content,
        image: &'c SharedImages,
        split: &'c str,
    ) -> impl Iterator<Item = &'c Place> {
        let dataset = self.within(content);
        image.places.iter().filter(move |place| {
            Some(place.dataset) == dataset
                && place.split == split
                && self.dataset.classes.contains(&place.class)
        })
    }

    /// The split that strategies are measured on.
    fn measured(&self) -> &'static str {
        match self.folds {
            Some(_) => "train",
            None => "test",
        }
    }

    fn class_name(&self, class: usize) -> &str {
        let label = self
            .dataset
            .classes
            .iter()
            .position(|taken| *taken == class);
        label
            .and_then(|label| self.names.get(label))
            .map_or("", String::as_str)
    }

    /// Whether numbers and `normalise` are made for each other; `numbers` are the smallest and the
    /// largest of the samples.
    pub fn normalised(&self, numbers: (f32, f32)) -> Option<Finding> {
        let Normalise { mean, std } = self.dataset.normalise.as_ref()?;
        let reach = numbers.0.abs().max(numbers.1.abs());
        let all = |numbers: &[f64], is: fn(f64) -> bool| numbers.iter().all(|number| is(*number));
        // No numbers from 0 to 1 have a larger standard deviation than 0.5, and no bytes that show
        // anything one as small as 2. Where nothing is changed, features may be of any size, and
        // only what looks like pixels is doubted.
        let nothing = all(mean, |mean| mean == 0.0) && all(std, |std| std == 1.0);
        let pixels = [100.0..=255.0, 10_000.0..=65_535.0];
        let pixels = numbers.0 >= 0.0 && pixels.iter().any(|range| range.contains(&reach));
        let narrow = all(mean, |mean| (0.0..=1.0).contains(&mean)) && all(std, |std| std <= 0.51);
        let (message, hint) = if nothing && pixels {
            (
                format!("leaves samples as they are, but the samples reach {reach}"),
                "networks trained on images take numbers from 0 to 1: divide them, in the file or \
                 with a parameter such as scale = 255",
            )
        } else if narrow && reach > 2.0 {
            (
                format!("is made for numbers from 0 to 1, but the samples reach {reach}"),
                "divide them, in the file or with a parameter such as scale = 255",
            )
        } else if reach <= 1.0 && all(mean, |mean| mean > 2.0) && all(std, |std| std > 2.0) {
            (
                "is made for numbers up to 255, but the samples are from 0 to 1".to_owned(),
                "divide `mean` and `std` by 255: bytes are 0 to 1",
            )
        } else {
            return None;
        };
        Some(Finding {
            about: About::Normalise(self.role),
            refused: false,
            message: format!("`{}.dataset.normalise` {message}", self.role.table()),
            label: "of another scale",
            hint: Some(hint.to_owned()),
        })
    }

    /// What identical images within the task come to, in sentences.
    pub fn twins(&self, content: &Content) -> Vec<Finding> {
        let mut twice = Tally::default();
        let mut contrary = Tally::default();
        for image in &content.shared {
            let train: Vec<_> = self.places(content, image, "train").collect();
            let test: Vec<_> = match self.folds {
                Some(_) => Vec::new(),
                None => self.places(content, image, "test").collect(),
            };
            let all = || train.iter().chain(&test);
            let measured = match self.folds {
                None if !train.is_empty() => test.iter().map(|place| place.examples).sum(),
                Some(_) if train.len() > 1 || train.iter().any(|place| place.several) => {
                    train.iter().map(|place| place.examples).sum()
                }
                _ => 0,
            };
            let named = |number: usize| -> Vec<(u64, String)> {
                let of = |place: &&Place| -> Vec<(u64, String)> {
                    let class = self.class_name(place.class);
                    let positions = place.first.get(number).into_iter().flatten();
                    positions
                        .map(|position| {
                            (*position, format!("{} {position} `{class}`", place.split))
                        })
                        .collect()
                };
                test.iter().chain(&train).flat_map(of).collect()
            };
            if measured > 0 {
                twice.add(measured, image, named);
            }
            let classes: std::collections::BTreeSet<usize> =
                all().map(|place| place.class).collect();
            if classes.len() > 1 {
                contrary.add(image.images, image, named);
            }
        }
        let mut findings = Vec::new();
        let mut tell = |message: String, label| {
            findings.push(Finding {
                refused: false,
                ..self.finding(message, label)
            });
        };
        let id = self.id();
        if twice.count > 0 {
            let (examples, named) = (examples(twice.count), twice.text());
            let message = match self.folds {
                None => format!(
                    "{examples} of the split `test` of `{id}` {} the same image as one of the split \
                     `train`: {named}",
                    have(twice.count)
                ),
                Some(_) => format!(
                    "{examples} of `{id}` {} the same image as another, so that one fold may be \
                     measured on what another has learnt: {named}",
                    have(twice.count)
                ),
            };
            tell(message, "identical images");
        }
        if contrary.count > 0 {
            let images = match contrary.count {
                1 => "1 image".to_owned(),
                count => format!("{count} images"),
            };
            let message = format!(
                "{images} of `{id}` {} under several labels: {}",
                if contrary.count == 1 { "is" } else { "are" },
                contrary.text()
            );
            tell(message, "several labels");
        }
        findings
    }
}

/// Classes in a sentence.
pub(crate) struct Names {
    pub count: usize,
    pub text: String,
}

/// A count with the first of what was counted.
#[derive(Default)]
struct Tally {
    count: u64,
    /// What they are called, by the position of the first example.
    named: Vec<(u64, String)>,
}

impl Tally {
    /// `named` calls an image by its examples, each with its position.
    fn add(
        &mut self,
        count: u64,
        image: &SharedImages,
        named: impl Fn(usize) -> Vec<(u64, String)>,
    ) {
        self.count += count;
        // One more than is told, so that it shows whether that is all.
        for number in 0..image.images.min(MOST_PAIRS as u64 + 1) as usize {
            let examples = named(number);
            let Some((first, _)) = examples.first() else {
                continue;
            };
            let texts = examples.iter().map(|(_, text)| text.as_str());
            self.named.push((*first, shortened(texts, " = ")));
        }
    }

    fn text(&self) -> String {
        let mut named: Vec<&(u64, String)> = self.named.iter().collect();
        named.sort();
        shortened(named.into_iter().map(|(_, text)| text.as_str()), ", ")
    }
}

/// The first of the texts.
fn shortened<'a>(texts: impl Iterator<Item = &'a str>, between: &str) -> String {
    let mut texts: Vec<&str> = texts.collect();
    if texts.len() > MOST_PAIRS {
        texts.truncate(MOST_PAIRS);
        texts.push("…");
    }
    texts.join(between)
}

/// What the target is measured on must not have been learnt by the source, however it got there:
/// by the same split, by another cut of the same file, by a copy.
pub fn learnt_before(
    source: &TaskData<'_>,
    target: &TaskData<'_>,
    content: Option<&Content>,
) -> Option<Finding> {
    // Seen without a look at the images.
    if target.folds.is_some() && source.dataset.component == target.dataset.component {
        let shared = (target.dataset.classes.iter().zip(target.names))
            .find(|(class, _)| source.dataset.classes.contains(class));
        if let Some((_, name)) = shared {
            return Some(Finding {
                about: About::Folds,
                refused: true,
                message: format!(
                    "`target.folds`: folds are cut from the split `train` of `{}`, and the source \
                     learns from it, too: the backbone would be measured on examples of the class \
                     {name:?} that it has learnt",
                    target.id()
                ),
                label: "learnt before",
                hint: Some(
                    "take other classes for the source or the target, or remove `folds` to measure \
                     on the split `test`"
                        .to_owned(),
                ),
            });
        }
    }
    let content = content?;
    let measured = target.measured();
    let mut tally = Tally::default();
    for image in &content.shared {
        let mut learnt = source.places(content, image, "train").peekable();
        let tested: Vec<_> = target.places(content, image, measured).collect();
        if learnt.peek().is_none() || tested.is_empty() {
            continue;
        }
        let learnt: Vec<_> = learnt.collect();
        let examples = tested.iter().map(|place| place.examples).sum();
        tally.add(examples, image, |number| {
            let first = |places: &[&Place]| {
                (places.iter()).find_map(|place| place.first.get(number)?.first().copied())
            };
            let (Some(tested), Some(learnt)) = (first(&tested), first(&learnt)) else {
                return Vec::new();
            };
            let text = format!("{measured} {tested} = train {learnt} of the source");
            vec![(tested, text)]
        });
    }
    if tally.count == 0 {
        return None;
    }
    let all: Option<u64> = match target.folds {
        Some(_) => target.train.as_ref().map(|counts| counts.iter().sum()),
        None => target.test.as_ref().map(|counts| counts.iter().sum()),
    };
    let all = all.map_or(String::new(), |all| format!(" of {all}"));
    Some(Finding {
        about: About::Dataset(TaskRole::Source),
        refused: true,
        message: format!(
            "`source.dataset`: the source learns from what the target is measured on: {}{all} \
             examples of the target's split `{measured}` {} the same image as a training example \
             of the source: {}",
            tally.count,
            have(tally.count),
            tally.text()
        ),
        label: "learns from the target's test examples",
        hint: Some(format!(
            "give the source other files or other classes than the target is measured on{}; images \
             that are the same by accident must be left out of one of the two",
            match target.folds {
                Some(_) => ", or remove `folds` and measure on a split `test` of its own",
                None => "",
            }
        )),
    })
}

fn have(count: u64) -> &'static str {
    if count == 1 { "has" } else { "have" }
}

fn examples(count: u64) -> String {
    match count {
        1 => "1 example".to_owned(),
        count => format!("{count} examples"),
    }
}

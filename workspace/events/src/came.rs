//! What a stage has come to, as data; viewers make the sentence of it.

use std::fmt;

use serde::{Deserialize, Serialize};
use topwork_measure::{percent, thousands};

/// Classes that are named where it is said what was read.
const MOST_NAMED: usize = 10;

/// What came of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Came {
    /// A sentence: why it was given up, what predicted numbers come to, and all that streams of earlier versions have.
    Said(String),
    /// What it has made.
    Made(Made),
}

/// What a stage has made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Made {
    /// The examples of the tasks.
    Data {
        /// The source; none where nothing is trained on one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<Sizes>,
        /// The target.
        target: Sizes,
    },
    /// Feature vectors.
    Features {
        /// How many.
        vectors: u64,
        /// Their length.
        dim: u64,
        /// Where they come from.
        from: From,
        /// How many more cuts the same pass through the network has reached.
        more_cuts: u64,
    },
    /// Test examples classified.
    Measured {
        /// Correctly.
        correct: u64,
        /// In all.
        total: u64,
        /// By an earlier session, or by another run.
        before: bool,
    },
    /// Nothing, for nobody needs it. A table like the others, for a word alone would be a sentence.
    Nothing {},
}

/// Where features come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    /// A pass of this stage.
    Pass,
    /// That of an earlier stage.
    EarlierPass,
    /// The cache.
    Cache,
}

/// How many examples a task has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sizes {
    /// For learning; with folds all.
    pub train: u64,
    /// For measuring; none with folds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<u64>,
    /// How many folds they are cut into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<u64>,
    /// How many classes there are.
    pub classes: u64,
    /// Names of the first ones.
    pub named: Vec<String>,
}

impl Sizes {
    /// Of a task with these classes.
    pub fn new(train: u64, test: Option<u64>, folds: Option<u64>, names: &[String]) -> Self {
        Self {
            train,
            test,
            folds,
            classes: names.len() as u64,
            named: names.iter().take(MOST_NAMED).cloned().collect(),
        }
    }
}

impl fmt::Display for Came {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said(sentence) => f.write_str(sentence),
            Self::Made(made) => made.fmt(f),
        }
    }
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data { source, target } => {
                if let Some(source) = source {
                    write!(f, "source {source}; ")?;
                }
                write!(f, "target {target}")
            }
            Self::Features {
                vectors,
                dim,
                from,
                more_cuts,
            } => {
                let (vectors, dim) = (thousands(*vectors), thousands(*dim));
                write!(f, "{vectors} vectors of {dim} numbers")?;
                let word = if *more_cuts == 1 { "cut" } else { "cuts" };
                match (from, more_cuts) {
                    (From::Pass, 0) => Ok(()),
                    (From::Pass, more) => write!(f, ", in one pass with {more} more {word}"),
                    (From::EarlierPass, _) => f.write_str(", from the same pass"),
                    (From::Cache, 0) => f.write_str(", from the cache"),
                    (From::Cache, more) => {
                        write!(f, ", from the cache; {more} more {word} in one pass")
                    }
                }
            }
            Self::Measured {
                correct,
                total,
                before,
            } => {
                let share = percent(*correct as f64 / (*total).max(1) as f64);
                let (correct, total) = (thousands(*correct), thousands(*total));
                write!(f, "{correct} of {total} correct, {share}")?;
                f.write_str(if *before { ", measured before" } else { "" })
            }
            Self::Nothing {} => f.write_str("not needed"),
        }
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&thousands(self.train))?;
        match (self.test, self.folds) {
            (Some(test), _) => write!(f, " + {} test", thousands(test))?,
            (None, folds) => write!(f, " in {} folds", folds.unwrap_or(1))?,
        }
        let named = self.named.join(", ");
        match self.classes > self.named.len() as u64 {
            true => write!(f, " ({named}, … {} classes)", thousands(self.classes)),
            false => write!(f, " ({named})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_reads_as_a_sentence_and_comes_back_from_json() {
        let check = |came: Came, expected: &str| {
            assert_eq!(came.to_string(), expected);
            let json = serde_json::to_string(&came).unwrap();
            assert_eq!(serde_json::from_str::<Came>(&json).unwrap(), came, "{json}");
        };
        let features = |from, more_cuts| {
            Came::Made(Made::Features {
                vectors: 12_000,
                dim: 800,
                from,
                more_cuts,
            })
        };
        let sizes = |test, folds, count: usize| {
            let names: Vec<String> = (0..count).map(|class| format!("c{class}")).collect();
            Sizes::new(29_404, test, folds, &names)
        };
        let data = |source, target| Came::Made(Made::Data { source, target });
        let measured = |before| {
            Came::Made(Made::Measured {
                correct: 4_813,
                total: 4_861,
                before,
            })
        };
        check(Came::Said("it broke".to_owned()), "it broke");
        check(Came::Made(Made::Nothing {}), "not needed");
        check(measured(false), "4,813 of 4,861 correct, 99.01 %");
        check(
            measured(true),
            "4,813 of 4,861 correct, 99.01 %, measured before",
        );
        let vectors = "12,000 vectors of 800 numbers";
        check(features(From::Pass, 0), vectors);
        let with = |rest: &str| format!("{vectors}, {rest}");
        check(
            features(From::Pass, 1),
            &with("in one pass with 1 more cut"),
        );
        check(features(From::EarlierPass, 0), &with("from the same pass"));
        check(features(From::Cache, 0), &with("from the cache"));
        check(
            features(From::Cache, 2),
            &with("from the cache; 2 more cuts in one pass"),
        );
        check(
            data(Some(sizes(Some(10), None, 2)), sizes(None, Some(5), 1)),
            "source 29,404 + 10 test (c0, c1); target 29,404 in 5 folds (c0)",
        );
        check(
            data(None, sizes(Some(10), None, 1_200)),
            "target 29,404 + 10 test (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, … 1,200 classes)",
        );
    }
}

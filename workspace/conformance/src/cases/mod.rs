//! The cases, by what they are about.

mod backbone;
mod classifier;
mod classifier_extremes;
mod classifier_layers;
mod classifier_path;
mod classifier_scores;
mod component;
mod creation;
mod cut_rule;
mod dataset;
mod dataset_files;
mod extractor;
mod head;
mod numbers;
mod plugin;

use crate::{Case, Outcome};
use std::sync::OnceLock;
use std::thread::ScopedJoinHandle;

/// All cases: those about the plugin first, then those about every component, then kind by kind.
pub fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| {
        [
            plugin::CASES,
            component::CASES,
            creation::CASES,
            dataset::CASES,
            dataset_files::CASES,
            backbone::CASES,
            extractor::CASES,
            cut_rule::CASES,
            head::CASES,
            classifier::CASES,
            classifier_extremes::CASES,
            classifier_scores::CASES,
            classifier_layers::CASES,
            classifier_path::CASES,
            numbers::CASES,
        ]
        .concat()
    })
}

/// Makes a case out of a function that may end early.
macro_rules! case {
    ($name:literal, $kinds:expr, $about:literal, $run:expr) => {
        crate::Case {
            name: $name,
            about: $about,
            kinds: $kinds,
            beyond: false,
            run: |subject| $run(subject).unwrap_or_else(|outcome| outcome),
        }
    };
    (beyond $name:literal, $kinds:expr, $about:literal, $run:expr) => {
        crate::Case {
            beyond: true,
            ..crate::cases::case!($name, $kinds, $about, $run)
        }
    };
}
use case;

/// `Ok` where all is well, else a failure that says what is not.
fn expect(holds: bool, problem: impl FnOnce() -> String) -> Result<(), Outcome> {
    if holds {
        Ok(())
    } else {
        Err(Outcome::Failed(problem()))
    }
}

/// As [`expect`], for what is advice.
fn advise(holds: bool, problem: impl FnOnce() -> String) -> Result<(), Outcome> {
    if holds {
        Ok(())
    } else {
        Err(Outcome::Warning(problem()))
    }
}

/// What a thread came to; a panic of ours on it is a failure.
fn joined<T>(thread: ScopedJoinHandle<'_, Result<T, Outcome>>) -> Result<T, Outcome> {
    thread
        .join()
        .unwrap_or_else(|_| Err(Outcome::Failed("a thread of the check panicked".to_owned())))
}

/// Whether two rows of numbers are the same to the bit.
fn same(left: &[f32], right: &[f32]) -> bool {
    left.len() == right.len()
        && (left.iter().zip(right)).all(|(left, right)| left.to_bits() == right.to_bits())
}

#[cfg(test)]
mod tests {
    use super::cases;
    use std::collections::HashSet;
    use topwork_host::Kind;

    #[test]
    fn names_are_unique_and_every_kind_has_its_cases() {
        let names: HashSet<_> = cases().iter().map(|case| case.name).collect();
        assert_eq!(names.len(), cases().len());
        assert!(names.len() >= 40, "{}", names.len());
        for kind in Kind::ALL {
            let own = |case: &&crate::Case| case.kinds == [kind];
            assert!(cases().iter().filter(own).count() >= 3, "{kind:?}");
        }
        for case in cases() {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(case.name.chars().all(plain), "{}", case.name);
            assert!(!case.about.ends_with('.'), "{}", case.name);
        }
    }
}

//! Which rows are set against each other.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::event::{RowPlan, RunPlan, Start};

/// Up to this many rows every one is set against every other.
pub const ALL: usize = 40;

/// The most rows of a family in which that is so.
pub const FAMILY: usize = 15;

/// What pairs there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Every row against every other one.
    #[default]
    All,
    /// Only rows with the same cut and number of training samples.
    Families,
}

/// Which rows of a plan are set against each other.
///
/// With few rows all of them. In a grid of hundreds most pairs are of no interest, and correcting
/// for them hides those that are: there, a *family* is the rows with the same cut and number of
/// training samples, and rows are compared within it. In a family of many every row is set against the first one in the file
/// and against its control, the row with the same head on random weights. So there are at most
/// [`FAMILY`] pairs for a row, however many rows there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairing {
    scope: Scope,
    /// The rows of each family, ascending.
    families: Vec<Vec<usize>>,
    /// The family of each row.
    family_of: Vec<usize>,
    /// The control of each row.
    control_of: Vec<Option<usize>>,
    /// The rows of which each row is the control.
    controlled: Vec<Vec<usize>>,
}

impl Pairing {
    /// For the rows of a plan.
    pub fn of(plan: &RunPlan) -> Self {
        let rows = &plan.rows;
        let scope = match rows.len() {
            0..=ALL => Scope::All,
            _ => Scope::Families,
        };
        let mut pairing = Self {
            scope,
            families: Vec::new(),
            family_of: Vec::with_capacity(rows.len()),
            control_of: vec![None; rows.len()],
            controlled: vec![Vec::new(); rows.len()],
        };
        let mut known: HashMap<Option<(&str, Option<u64>)>, usize> = HashMap::new();
        let mut controls: HashMap<(usize, &str, &str), usize> = HashMap::new();
        for (index, row) in rows.iter().enumerate() {
            let key = (scope == Scope::Families).then_some((row.cut.as_str(), row.train_samples));
            let family = *known.entry(key).or_insert(pairing.families.len());
            match pairing.families.get_mut(family) {
                Some(rows) => rows.push(index),
                None => pairing.families.push(vec![index]),
            }
            pairing.family_of.push(family);
            if row.weights == Start::Random {
                let kind = (family, row.kind.as_str(), row.head.as_str());
                controls.entry(kind).or_insert(index);
            }
        }
        for (index, row) in rows.iter().enumerate() {
            if row.weights == Start::Source {
                let family = pairing.family_of[index];
                let kind = (family, control_kind(row), row.head.as_str());
                pairing.control_of[index] = controls.get(&kind).copied();
                if let Some(control) = pairing.control_of[index] {
                    pairing.controlled[control].push(index);
                }
            }
        }
        pairing
    }

    /// What pairs there are.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The rows that this one is set against, each once.
    pub fn with(&self, row: usize) -> Vec<usize> {
        let Some(family) = self
            .family_of
            .get(row)
            .map(|family| &self.families[*family])
        else {
            return Vec::new();
        };
        let first = family.first().copied();
        if !self.is_large(family) || first == Some(row) {
            return family
                .iter()
                .copied()
                .filter(|other| *other != row)
                .collect();
        }
        let controls = self.control_of[row].iter().chain(&self.controlled[row]);
        let mut others: Vec<usize> = first.into_iter().chain(controls.copied()).collect();
        others.sort_unstable();
        others.dedup();
        others
    }

    /// Whether these two rows are set against each other.
    pub fn has(&self, a: usize, b: usize) -> bool {
        let (Some(of_a), Some(of_b)) = (self.family_of.get(a), self.family_of.get(b)) else {
            return false;
        };
        let family = &self.families[*of_a];
        let first = family.first().copied();
        a != b
            && of_a == of_b
            && (!self.is_large(family)
                || [Some(a), Some(b)].contains(&first)
                || self.control_of[a] == Some(b)
                || self.control_of[b] == Some(a))
    }

    fn is_large(&self, family: &[usize]) -> bool {
        self.scope == Scope::Families && family.len() > FAMILY
    }
}

/// The kind of the rows that are a control of this one.
fn control_kind(row: &RowPlan) -> &str {
    match row.kind.as_str() {
        "fine-tune" => "from-scratch",
        kind => kind,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    fn row(kind: &str, cut: &str, train_samples: u64, weights: Start) -> RowPlan {
        RowPlan {
            name: "row".into(),
            detail: None,
            kind: kind.into(),
            cut: cut.into(),
            feature_dim: 8,
            head: "knn".into(),
            weights,
            train_samples: Some(train_samples),
            classes: Vec::new(),
        }
    }

    fn pairs(rows: Vec<RowPlan>) -> Vec<(usize, usize)> {
        let plan = RunPlan {
            rows,
            ..RunPlan::default()
        };
        let pairing = Pairing::of(&plan);
        let all = 0..plan.rows.len();
        let told = all
            .clone()
            .flat_map(|a| pairing.with(a).into_iter().map(move |b| (a, b)));
        let told: Vec<(usize, usize)> = told.collect();
        let once: BTreeSet<_> = told.iter().copied().collect();
        assert_eq!(told.len(), once.len(), "a pair is told twice: {told:?}");
        let has = all.clone().flat_map(|a| all.clone().map(move |b| (a, b)));
        let has: BTreeSet<_> = has.filter(|(a, b)| pairing.has(*a, *b)).collect();
        assert_eq!(once, has);
        once.into_iter().filter(|(a, b)| a < b).collect()
    }

    #[test]
    fn few_rows_are_all_compared_and_many_in_families() {
        let grid = |cuts: u64, sizes: u64, methods: usize| -> Vec<RowPlan> {
            let places = (0..cuts).flat_map(|cut| (0..sizes).map(move |size| (cut, size)));
            let row = |(cut, size)| {
                let row = row(
                    "frozen-backbone",
                    &format!("cut {cut}"),
                    size,
                    Start::Source,
                );
                vec![row; methods]
            };
            places.flat_map(row).collect()
        };
        assert_eq!(pairs(grid(4, 10, 1)).len(), 40 * 39 / 2);
        assert_eq!(pairs(grid(41, 1, 1)).len(), 0);
        assert_eq!(pairs(grid(5, 100, 2)).len(), 500);
        assert_eq!(pairs(grid(2, 10, 15)).len(), 20 * 15 * 14 / 2);
        // In a large family against the first.
        assert_eq!(pairs(grid(2, 10, 16)).len(), 20 * 15);
        assert_eq!(pairs(grid(1, 1, 1000)).len(), 999);
    }

    #[test]
    fn in_a_large_family_the_control_counts_too() {
        let mut rows = vec![row("feature-classifier", "a", 10, Start::Source); 41];
        rows[7].weights = Start::Random;
        rows[9].kind = "fine-tune".into();
        rows[11].kind = "from-scratch".into();
        rows[11].weights = Start::Random;
        let found = pairs(rows);
        let first = (1..41).map(|other| (0, other));
        let control = (1..41).filter(|row| ![7, 9, 11].contains(row));
        let control = control.map(|row| (row.min(7), row.max(7)));
        let expected: BTreeSet<_> = first.chain(control).chain([(9, 11)]).collect();
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn pairs_are_linear_in_the_rows(
            rows in prop::collection::vec((0_usize..3, 0_u64..2, any::<bool>(), any::<bool>()), 0..120)
        ) {
            let rows: Vec<RowPlan> = (rows.into_iter())
                .map(|(kind, size, random, cut)| {
                    let kind = ["frozen-backbone", "fine-tune", "from-scratch"][kind];
                    let weights = if random { Start::Random } else { Start::Source };
                    row(kind, if cut { "a" } else { "b" }, size, weights)
                })
                .collect();
            let count = rows.len();
            let found = pairs(rows);
            prop_assert!(count > ALL || found.len() == count * count.saturating_sub(1) / 2);
            prop_assert!(count <= ALL || found.len() <= count * FAMILY.div_ceil(2));
        }
    }
}

//! Which rows are set against each other, and which of those pairs are corrected for together.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use topwork_events::{RowPlan, RunPlan, Start};

/// Up to this many rows every pair is told, if not corrected for.
pub const ALL: usize = 40;

/// The most rows of a family in which every row is set against every other.
pub const FAMILY: usize = 15;

/// Which pairs are corrected for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Among {
    /// Every row against every other one.
    #[default]
    All,
    /// Rows with the same cut and number of training samples.
    Families,
    /// Every row against one the experiment names.
    CompareTo,
    /// Rows of different runs; where rows are repeated for several cuts or numbers of training samples,
    /// those with the same ones.
    Runs,
}

/// Which rows of a plan are set against each other.
///
/// Rows that stand side by side in the file are one *family*: all of them are compared, and Holm's
/// correction is for all those pairs. Where strategies are repeated for several cuts or numbers of
/// training samples, most pairs are of no interest (ten images against three thousand), and
/// correcting for them hides those that are: there a family is the rows with the same cut and number
/// of training samples, each with a correction of its own. In a family of many in a file of many rows, every row is set
/// against the first one in the file and against its control, the row with the same head on random
/// weights. An experiment that names the strategy to compare with has the pairs with its rows alone:
/// with the one in the row's own family, or with its only one.
///
/// Of several backbones, whose cuts are not each other's, rows are of one family whatever their cuts.
/// Rows under different protocols are of different families, whatever else they have in common.
///
/// Pairs of different families are told up to [`ALL`] rows, uncorrected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Families {
    among: Among,
    /// The rows of each family, ascending.
    families: Vec<Vec<usize>>,
    /// The family of each row.
    family_of: Vec<usize>,
    /// The control of each row.
    control_of: Vec<Option<usize>>,
    /// The row of the strategy named that each row is compared with.
    named_for: Vec<Option<usize>>,
    /// The run of each row; empty where all are of one.
    run_of: Vec<usize>,
}

/// What the rows of a family have in common: the cut and the number of training samples, where rows are
/// repeated for several, and the protocol.
type Kin<'a> = (Option<(&'a str, Option<u64>)>, Option<&'a str>);

impl Families {
    /// Those of a plan.
    pub fn of(plan: &RunPlan) -> Self {
        let rows = &plan.rows;
        let repeated = rows.iter().any(|row| row.detail.is_some());
        // The cuts of one backbone are not those of another.
        let backbones = rows.iter().any(|row| row.backbone.is_some());
        let mut known: HashMap<Kin<'_>, usize> = HashMap::new();
        let mut families: Vec<Vec<usize>> = Vec::new();
        let mut family_of = Vec::with_capacity(rows.len());
        for (index, row) in rows.iter().enumerate() {
            let cut = if backbones { "" } else { row.cut.as_str() };
            let repeats = repeated.then_some((cut, row.train_samples));
            let key = (repeats, row.protocol.as_deref());
            let family = *known.entry(key).or_insert(families.len());
            match families.get_mut(family) {
                Some(rows) => rows.push(index),
                None => families.push(vec![index]),
            }
            family_of.push(family);
        }
        let named_for = match &plan.judging.compare_to {
            None => Vec::new(),
            Some(name) => named(rows, name, &family_of),
        };
        Self {
            among: match &plan.judging.compare_to {
                Some(_) => Among::CompareTo,
                None if repeated || families.len() > 1 => Among::Families,
                None => Among::All,
            },
            control_of: controls(rows, &family_of),
            families,
            family_of,
            named_for,
            run_of: Vec::new(),
        }
    }

    /// Those of a plan whose rows are of several runs, `run_of` telling of which each is: rows of one run are not
    /// set against each other, which the run itself has done.
    pub fn across(plan: &RunPlan, run_of: Vec<usize>) -> Self {
        Self {
            among: Among::Runs,
            run_of,
            ..Self::of(plan)
        }
    }

    /// Whether both rows are of one run of several.
    fn same_run(&self, a: usize, b: usize) -> bool {
        let run = |row: usize| self.run_of.get(row);
        run(a).is_some() && run(a) == run(b)
    }

    /// Which pairs are corrected for.
    pub fn among(&self) -> Among {
        self.among
    }

    /// The rows that this one is set against, each once: all of them up to [`ALL`] rows, of more
    /// those with which it makes a pair that is corrected for.
    pub fn with(&self, row: usize) -> Vec<usize> {
        let rows = self.family_of.len();
        let others = (0..rows).filter(|other| *other != row && !self.same_run(row, *other));
        if rows <= ALL {
            return others.collect();
        }
        if self.among == Among::CompareTo {
            return others
                .filter(|other| self.corrected(row, *other).is_some())
                .collect();
        }
        let family = self.family_of.get(row).map(|at| &self.families[*at]);
        let family = family.into_iter().flatten().copied();
        family
            .filter(|other| self.corrected(row, *other).is_some())
            .collect()
    }

    /// What tells the family that this pair is corrected in; `None` for a pair that is not.
    pub fn corrected(&self, a: usize, b: usize) -> Option<usize> {
        let of_a = *self.family_of.get(a)?;
        let of_b = *self.family_of.get(b)?;
        let holds = match self.among {
            _ if a == b || self.same_run(a, b) => false,
            Among::CompareTo => {
                if self.named_for[a] == Some(b) {
                    return Some(of_b);
                }
                return (self.named_for[b] == Some(a)).then_some(of_a);
            }
            _ if of_a != of_b => false,
            Among::All | Among::Families | Among::Runs => {
                let family = &self.families[of_a];
                let first = family.first().copied();
                self.family_of.len() <= ALL
                    || family.len() <= FAMILY
                    || [Some(a), Some(b)].contains(&first)
                    || self.control_of[a] == Some(b)
                    || self.control_of[b] == Some(a)
            }
        };
        holds.then_some(of_a)
    }
}

/// For each row that of the strategy named which it is compared with: its only one, that of the same backbone in the row's
/// family, or else the family's.
fn named(rows: &[RowPlan], name: &str, family_of: &[usize]) -> Vec<Option<usize>> {
    let of_name: Vec<usize> = (0..rows.len())
        .filter(|row| rows[*row].name == name)
        .collect();
    let mut in_family: HashMap<(usize, Option<&str>), usize> = HashMap::new();
    for row in &of_name {
        let backbone = rows[*row].backbone.as_deref();
        in_family.insert((family_of[*row], backbone), *row);
        in_family.entry((family_of[*row], None)).or_insert(*row);
    }
    (0..rows.len())
        .filter(|_| !of_name.is_empty())
        .map(|row| match (rows[row].name == name, of_name.as_slice()) {
            (true, _) => None,
            (false, [only]) => Some(*only),
            (false, _) => {
                let at = |backbone| in_family.get(&(family_of[row], backbone)).copied();
                at(rows[row].backbone.as_deref()).or_else(|| at(None))
            }
        })
        .chain(std::iter::repeat(None))
        .take(rows.len())
        .collect()
}

/// The control of each row: with the same head and backbone in the same family, on random weights.
fn controls(rows: &[RowPlan], family_of: &[usize]) -> Vec<Option<usize>> {
    let alike = |index: usize, kind| {
        let row = &rows[index];
        (
            family_of[index],
            row.backbone.as_deref(),
            kind,
            row.head.as_str(),
        )
    };
    let mut controls = HashMap::new();
    for (index, row) in rows.iter().enumerate() {
        if row.weights == Start::Random {
            controls
                .entry(alike(index, row.kind.as_str()))
                .or_insert(index);
        }
    }
    (rows.iter().enumerate())
        .map(|(index, row)| {
            let control = controls.get(&alike(index, control_kind(row))).copied();
            control.filter(|_| row.weights == Start::Source)
        })
        .collect()
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

    use proptest::prelude::*;
    use topwork_events::Judging;

    use super::*;

    fn row(kind: &str, cut: &str, train_samples: u64, weights: Start) -> RowPlan {
        RowPlan {
            name: "row".into(),
            detail: Some(format!("{cut} · {train_samples}")),
            kind: kind.into(),
            cut: cut.into(),
            feature_dim: 8,
            head: "knn".into(),
            weights,
            train_samples: Some(train_samples),
            ..RowPlan::default()
        }
    }

    /// The pairs told, with whether they are corrected for.
    fn pairs(rows: Vec<RowPlan>, compare_to: Option<&str>) -> (usize, BTreeSet<(usize, usize)>) {
        let plan = RunPlan {
            rows,
            judging: Judging {
                compare_to: compare_to.map(str::to_owned),
                ..Judging::default()
            },
            ..RunPlan::default()
        };
        let families = Families::of(&plan);
        let all = 0..plan.rows.len();
        let told: Vec<(usize, usize)> = (all.clone())
            .flat_map(|a| families.with(a).into_iter().map(move |b| (a, b)))
            .collect();
        let once: BTreeSet<_> = told.iter().copied().collect();
        assert_eq!(told.len(), once.len(), "a pair is told twice: {told:?}");
        assert!(told.iter().all(|(a, b)| once.contains(&(*b, *a))));
        let corrected: BTreeSet<_> = (all.clone())
            .flat_map(|a| all.clone().map(move |b| (a, b)))
            .filter(|(a, b)| families.corrected(*a, *b).is_some())
            .collect();
        assert!(corrected.is_subset(&once));
        for (a, b) in &corrected {
            assert_eq!(families.corrected(*a, *b), families.corrected(*b, *a));
        }
        let corrected = corrected.into_iter().filter(|(a, b)| a < b).collect();
        (told.len() / 2, corrected)
    }

    fn grid(cuts: u64, sizes: u64, methods: usize) -> Vec<RowPlan> {
        let places = (0..cuts).flat_map(|cut| (0..sizes).map(move |size| (cut, size)));
        let row = |(cut, size)| {
            let cut = format!("cut {cut}");
            (0..methods).map(move |method| RowPlan {
                name: format!("method {method}"),
                ..row("frozen-backbone", &cut, size, Start::Source)
            })
        };
        places.flat_map(row).collect()
    }

    #[test]
    fn rows_side_by_side_are_one_family_and_grids_have_many() {
        let check = |rows: Vec<RowPlan>, told: usize, corrected: usize| {
            let found = pairs(rows, None);
            assert_eq!((found.0, found.1.len()), (told, corrected));
        };
        let mut side_by_side = grid(1, 1, 4);
        for (samples, row) in (1..).zip(&mut side_by_side) {
            row.detail = None;
            row.train_samples = Some(samples);
        }
        check(side_by_side, 6, 6);
        check(grid(1, 1, 1), 0, 0);
        check(grid(4, 10, 1), 40 * 39 / 2, 0);
        check(grid(2, 3, 2), 12 * 11 / 2, 6);
        check(grid(41, 1, 1), 0, 0);
        check(grid(5, 100, 2), 500, 500);
        check(grid(2, 10, 15), 20 * 15 * 14 / 2, 20 * 15 * 14 / 2);
        // In a large family against the first.
        check(grid(2, 10, 16), 20 * 15, 20 * 15);
        check(grid(1, 1, 1000), 999, 999);
    }

    #[test]
    fn in_a_large_family_the_control_counts_too() {
        let mut rows = vec![row("feature-classifier", "a", 10, Start::Source); 41];
        rows[7].weights = Start::Random;
        rows[9].kind = "fine-tune".into();
        rows[11].kind = "from-scratch".into();
        rows[11].weights = Start::Random;
        let (_, found) = pairs(rows, None);
        let first = (1..41).map(|other| (0, other));
        let control = (1..41).filter(|row| ![7, 9, 11].contains(row));
        let control = control.map(|row| (row.min(7), row.max(7)));
        let expected: BTreeSet<_> = first.chain(control).chain([(9, 11)]).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_strategy_named_is_compared_with() {
        let expected = |pairs: &[(usize, usize)]| pairs.iter().copied().collect::<BTreeSet<_>>();
        // Two cuts with three methods each: the second method of the same cut.
        let (told, found) = pairs(grid(2, 1, 3), Some("method 1"));
        assert_eq!(told, 15);
        assert_eq!(found, expected(&[(0, 1), (1, 2), (3, 4), (4, 5)]));
        // It has but one row: that.
        let mut rows = grid(2, 1, 2);
        rows[3].name = "alone".into();
        let (_, found) = pairs(rows, Some("alone"));
        assert_eq!(found, expected(&[(0, 3), (1, 3), (2, 3)]));
        assert_eq!(pairs(grid(1, 1, 2), Some("another")).1.len(), 0);
    }

    #[test]
    fn rows_of_one_run_are_not_compared_again() {
        let check = |rows: Vec<RowPlan>, run_of: &[usize], expected: &[(usize, usize)]| {
            let plan = RunPlan {
                rows,
                ..RunPlan::default()
            };
            let families = Families::across(&plan, run_of.to_vec());
            let all = 0..run_of.len();
            let found: Vec<(usize, usize)> = (all.clone())
                .flat_map(|a| all.clone().map(move |b| (a, b)))
                .filter(|(a, b)| a < b && families.corrected(*a, *b).is_some())
                .collect();
            assert_eq!(found, expected);
            let told = |a: usize| families.with(a).into_iter();
            assert!(all.clone().all(|a| told(a).all(|b| run_of[a] != run_of[b])));
        };
        let mut side_by_side = grid(1, 1, 4);
        for row in &mut side_by_side {
            row.detail = None;
        }
        check(
            side_by_side,
            &[0, 0, 1, 1],
            &[(0, 2), (0, 3), (1, 2), (1, 3)],
        );
        // Two cuts with two methods each: the same cut of the other run.
        check(grid(2, 1, 2), &[0, 1, 0, 1], &[(0, 1), (2, 3)]);
        check(grid(2, 1, 2), &[0, 0, 1, 1], &[]);
    }

    proptest! {
        #[test]
        fn pairs_are_linear_in_the_rows(
            rows in prop::collection::vec((0_usize..3, 0_u64..2, any::<bool>(), any::<bool>()), 0..120),
            named: bool,
        ) {
            let rows: Vec<RowPlan> = (rows.into_iter())
                .map(|(kind, size, random, cut)| {
                    let kind = ["frozen-backbone", "fine-tune", "from-scratch"][kind];
                    let weights = if random { Start::Random } else { Start::Source };
                    let row = row(kind, if cut { "a" } else { "b" }, size, weights);
                    RowPlan { name: kind.into(), ..row }
                })
                .collect();
            let count = rows.len();
            let (told, corrected) = pairs(rows, named.then_some("fine-tune"));
            prop_assert!(count > ALL || told == count * count.saturating_sub(1) / 2);
            prop_assert!(count <= ALL || told <= count * FAMILY.div_ceil(2));
            prop_assert!(corrected.len() <= told);
        }
    }
}

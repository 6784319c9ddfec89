//! Examples that belong together, such as images of one patient: what their groups must be like.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::data::{About, Finding, TaskData};

/// The examples of a split that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Group {
    /// What the dataset calls it.
    pub name: String,
    /// The classes it has examples of, as the dataset counts them, ascending.
    pub classes: Vec<usize>,
}

impl Group {
    /// The groups of a split by name. There is a label and the name of a group for every example.
    pub fn of_split(labels: &[u32], names: &[String]) -> Vec<Self> {
        let mut groups: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for (label, name) in labels.iter().zip(names) {
            groups.entry(name).or_default().insert(*label as usize);
        }
        let group = |(name, classes): (&str, BTreeSet<usize>)| Self {
            name: name.to_owned(),
            classes: classes.into_iter().collect(),
        };
        groups.into_iter().map(group).collect()
    }
}

/// The groups of a task's examples, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupCounts {
    /// Groups in the split `train`.
    pub groups: u64,
    /// Of those the ones with examples of each class taken.
    pub of_class: Vec<u64>,
    /// The names of those that have examples in the split `test`, too.
    pub in_both: Vec<String>,
}

impl GroupCounts {
    /// Of the examples of these classes; `test` is `None` with folds.
    pub fn new(train: &[Group], test: Option<&[Group]>, classes: &[usize]) -> Self {
        let taken = |group: &&Group| group.classes.iter().any(|class| classes.contains(class));
        let of_class = |class: &usize| {
            let groups = train.iter().filter(|group| group.classes.contains(class));
            groups.count() as u64
        };
        let tested: BTreeSet<&str> = (test.into_iter().flatten())
            .filter(taken)
            .map(|group| group.name.as_str())
            .collect();
        let in_both = (train.iter().filter(taken)).filter(|group| tested.contains(&*group.name));
        Self {
            groups: train.iter().filter(taken).count() as u64,
            of_class: classes.iter().map(of_class).collect(),
            in_both: in_both.map(|group| group.name.clone()).collect(),
        }
    }
}

impl TaskData<'_> {
    /// What the groups say.
    pub(crate) fn grouped(&self) -> Vec<Finding> {
        let Some(counts) = &self.groups else {
            return Vec::new();
        };
        match self.folds {
            Some(folds) if counts.groups < folds => vec![self.too_few_groups(folds, counts)],
            Some(folds) => self.in_few_groups(folds, counts),
            None => self.in_both_splits(counts).into_iter().collect(),
        }
    }

    fn too_few_groups(&self, folds: u64, counts: &GroupCounts) -> Finding {
        let id = self.dataset.component.id();
        let (groups, hint) = match counts.groups {
            1 => (
                "1 group".to_owned(),
                "name another source of `groups`, or measure on a split `test`".to_owned(),
            ),
            count => (
                format!("{count} groups"),
                format!("use {count} folds or fewer"),
            ),
        };
        Finding {
            about: About::Folds,
            refused: true,
            message: format!(
                "`target.folds` is {folds}, but the examples of `{id}` are in {groups}: every fold \
                 needs one at least, as groups stay together"
            ),
            label: "too many",
            hint: Some(hint),
        }
    }

    /// Classes that are not in every fold.
    fn in_few_groups(&self, folds: u64, counts: &GroupCounts) -> Vec<Finding> {
        let alone = self.named(|class| counts.of_class[class] == 1, |_| String::new());
        let few = |class: usize| (2..folds).contains(&counts.of_class[class]);
        let few = self.named(few, |class| format!(" ({} groups)", counts.of_class[class]));
        let mut findings = Vec::new();
        let mut tell = |message, label| {
            findings.push(Finding {
                refused: false,
                ..self.finding(message, label)
            });
        };
        if alone.count > 0 {
            let message = match alone.count {
                1 => format!("the class {} is in a single group", alone.text),
                _ => format!("the classes {} are in a single group each", alone.text),
            };
            let rest = "so that it is measured only where it was not learnt, and counts as wrong";
            tell(format!("{message}, {rest}"), "one group");
        }
        if few.count > 0 {
            let message = match few.count {
                1 => format!("the class {} is", few.text),
                _ => format!("the classes {} are", few.text),
            };
            tell(
                format!("{message} in fewer groups than the {folds} folds: some folds have none"),
                "few groups",
            );
        }
        findings
    }

    fn in_both_splits(&self, counts: &GroupCounts) -> Option<Finding> {
        /// Groups that are named.
        const NAMED: usize = 3;
        let mut names: Vec<String> = (counts.in_both.iter().take(NAMED))
            .map(|name| format!("`{name}`"))
            .collect();
        if counts.in_both.len() > NAMED {
            names.push("…".to_owned());
        }
        let (groups, have) = match counts.in_both.len() {
            0 => return None,
            1 => ("1 group".to_owned(), "has"),
            count => (format!("{count} groups"), "have"),
        };
        let message = format!(
            "{groups} of `{}` {have} examples in both splits, `train` and `test`: {}",
            self.dataset.component.id(),
            names.join(", ")
        );
        Some(Finding {
            refused: false,
            ..self.finding(message, "learnt and tested")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_counted_by_the_classes_taken() {
        let groups = |labels: &[u32], names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            Group::of_split(labels, &names)
        };
        let train = groups(&[0, 1, 0, 2, 2], &["b", "a", "b", "a", "c"]);
        let names: Vec<&str> = train.iter().map(|group| &*group.name).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(train[0].classes, [1, 2]);
        let test = groups(&[0, 2], &["b", "c"]);
        let check = |classes: &[usize], test, expected: (u64, &[u64], &[&str])| {
            let found = GroupCounts::new(&train, test, classes);
            let in_both: Vec<&str> = found.in_both.iter().map(|name| &**name).collect();
            assert_eq!((found.groups, &*found.of_class, &*in_both), expected);
        };
        check(&[0, 1, 2], Some(&*test), (3, &[1, 1, 2], &["b", "c"]));
        check(&[2, 0], Some(&*test), (3, &[2, 1], &["b", "c"]));
        check(&[0, 1], Some(&*test), (2, &[1, 1], &["b"]));
        check(&[0, 1, 2], None, (3, &[1, 1, 2], &[]));
    }
}

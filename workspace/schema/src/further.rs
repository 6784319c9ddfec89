//! Further test sets of a target: what is fitted for it is measured on them, too.

use serde::{Deserialize, Serialize};

use crate::file_form::DatasetForm;
use crate::keys;
use crate::tree::Node;
use crate::view::{Located, View};
use crate::words::DatasetUse;
use crate::written::WrittenDataset;

/// A further test set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TestSet {
    /// What it is called; no other one of its target is.
    pub name: String,
    /// The dataset; classes of it that the target does not have are left out.
    #[serde(with = "DatasetForm")]
    pub dataset: DatasetUse,
    /// The split that is measured.
    pub split: String,
    /// Classes of the dataset, each with the one of the target that it stands for; any other is the one of the same name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_map: Vec<(String, String)>,
}

impl TestSet {
    /// The label of the target that each class of the dataset has, in their order; `None` for a class that the target does not have, or
    /// that is not taken.
    pub fn labels(&self, theirs: &[String], target: &[String]) -> Vec<Option<u32>> {
        let taken = |class: usize| self.dataset.classes.contains(&class);
        let labels = target_labels(theirs, &self.class_map, target).into_iter();
        (labels.enumerate())
            .map(|(class, label)| label.filter(|_| taken(class)))
            .collect()
    }
}

/// The label that each class of a dataset has among those of a target, by its name or by what the map says it stands for; `None` for
/// one that the target does not have.
pub fn target_labels<'a>(
    theirs: &[String],
    class_map: impl IntoIterator<Item = &'a (String, String)> + Clone,
    target: &[String],
) -> Vec<Option<u32>> {
    let label = |name: &String| {
        let mut mapped = class_map.clone().into_iter();
        let name = mapped
            .find(|(there, _)| there == name)
            .map_or(name, |(_, here)| here);
        let label = target.iter().position(|class| class == name)?;
        u32::try_from(label).ok()
    };
    theirs.iter().map(label).collect()
}

/// A further test set as written.
#[derive(Clone, Debug)]
pub(crate) struct WrittenTestSet {
    pub path: String,
    pub name: Option<Located<String>>,
    pub dataset: Option<WrittenDataset>,
    pub split: Option<Located<String>>,
    /// Classes there and here.
    pub class_map: Vec<(Located<String>, Located<String>)>,
}

impl WrittenTestSet {
    pub fn read(view: View<'_>) -> Self {
        debug_assert!(std::ptr::eq(view.table, &keys::TEST));
        let entries = view.node.get("class-map").map_or(&[][..], Node::entries);
        let class_map = entries.iter().filter_map(|entry| {
            let (value, span) = (entry.key.clone(), entry.key_span.clone());
            let here = Located {
                value: entry.node.text()?.to_owned(),
                span: entry.node.span.clone(),
            };
            Some((Located { value, span }, here))
        });
        Self {
            name: view.text("name"),
            dataset: view.dataset(),
            split: view.text("split"),
            class_map: class_map.collect(),
            path: view.path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_the_same_by_name_or_by_the_map() {
        let names =
            |names: &[&str]| -> Vec<String> { names.iter().map(|&name| name.to_owned()).collect() };
        let check = |theirs: &[&str], map: &[(&str, &str)], expected: &[Option<u32>]| {
            let map: Vec<(String, String)> = (map.iter())
                .map(|&(there, here)| (there.to_owned(), here.to_owned()))
                .collect();
            let found = target_labels(&names(theirs), &map, &names(&["cat", "dog", "owl"]));
            assert_eq!(found, expected, "{theirs:?} {map:?}");
        };
        check(&["owl", "cat"], &[], &[Some(2), Some(0)]);
        check(&["hound", "fox"], &[("hound", "dog")], &[Some(1), None]);
        check(&["dog", "cat"], &[("dog", "cat")], &[Some(0), Some(0)]);
    }
}

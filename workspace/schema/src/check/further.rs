//! Further test sets: their classes set against those of the target.

use std::collections::HashSet;

use topwork_measure::TargetKind;
use topwork_nearest::{choices, listed};

use super::{Backbone, Check};
use crate::diagnostics::Diagnostic;
use crate::further::{TestSet, WrittenTestSet, target_labels};
use crate::task::{Role, Task};
use crate::view::Located;
use crate::written::WrittenTarget;

impl<'a> Check<'a> {
    /// The further test sets of a target; `None` when one of them is wrong.
    pub(super) fn further(
        &mut self,
        written: &WrittenTarget,
        task: Option<&Task>,
        backbone: Option<&Backbone<'a>>,
    ) -> Option<Vec<TestSet>> {
        let mut names: HashSet<&str> = HashSet::new();
        let mut all = Some(Vec::new());
        for test in &written.tests {
            if let Some(name) = &test.name
                && !names.insert(&name.value)
            {
                let message = format!("`{}.name`: the name {:?} is taken", test.path, name.value);
                let taken = Diagnostic::new(message, Some(name.span.clone()));
                self.diagnostics
                    .push(taken.label("another test set has this name"));
                all = None;
            }
            match (self.test_set(test, written, task, backbone), &mut all) {
                (Some(test), Some(all)) => all.push(test),
                _ => all = None,
            }
        }
        all
    }

    fn test_set(
        &mut self,
        test: &WrittenTestSet,
        target: &WrittenTarget,
        task: Option<&Task>,
        backbone: Option<&Backbone<'a>>,
    ) -> Option<TestSet> {
        let mut dataset = test.dataset.clone()?;
        // Samples enter the network as those that heads are fitted to, unless it is said how.
        if dataset.component.node.get("normalise").is_none() {
            let own = target.dataset.as_ref();
            dataset.normalise = own.and_then(|own| own.normalise.clone());
        }
        let split = test.split.as_ref().map(|split| split.value.as_str());
        let found = self.task(&dataset, Role::Further(split), backbone)?;
        self.same_targets(test, &found, task?)?;
        Some(TestSet {
            name: test.name.as_ref()?.value.clone(),
            split: found.measured.clone()?,
            class_map: (test.class_map.iter())
                .map(|(there, here)| (there.value.clone(), here.value.clone()))
                .collect(),
            dataset: found.dataset,
        })
    }

    /// That classes of the dataset are classes of the target, or that it has all columns of numbers or labels of the target; `None` where
    /// one that is named does not exist, and where no class or not every column is there.
    fn same_targets(&mut self, test: &WrittenTestSet, found: &Task, task: &Task) -> Option<()> {
        let id = found.dataset.component.id();
        let path = &test.path;
        let kind = task.targets;
        if found.targets != kind {
            let message = format!(
                "`{path}`: `{id}` has {}, and the target has {}",
                found.targets.word(),
                kind.word()
            );
            let span = test.dataset.as_ref()?.component.component.span.clone();
            let other = Diagnostic::new(message, Some(span)).label("another kind of target");
            self.diagnostics.push(
                other.hint(
                    "parameters such as `targets` of the datasets that can be either decide it"
                        .to_owned(),
                ),
            );
            return None;
        }
        let (one, several) = match kind {
            TargetKind::Classes => ("class", "classes"),
            TargetKind::Numbers => ("column", "columns"),
            TargetKind::Multilabel => ("label", "labels"),
        };
        let mut wrong = false;
        let mut unknown = |name: &Located<String>, of: &str, known: &[String]| {
            if !known.contains(&name.value) {
                let message = format!("`{path}.class-map`: {of} has no {one} {:?}", name.value);
                let unknown = Diagnostic::new(message, Some(name.span.clone()));
                let hint = choices(&name.value, several, known.iter().map(String::as_str));
                self.diagnostics
                    .push(unknown.label(format!("no such {one}")).hint(hint));
                wrong = true;
            }
        };
        for (there, here) in &test.class_map {
            unknown(there, &format!("`{id}`"), &found.all_classes);
            unknown(here, "the target", &task.class_names);
        }
        if wrong {
            return None;
        }
        let map: Vec<(String, String)> = (test.class_map.iter())
            .map(|(there, here)| (there.value.clone(), here.value.clone()))
            .collect();
        let all = target_labels(&found.all_classes, &map, &task.class_names);
        let (known, left_out): (Vec<usize>, Vec<usize>) =
            (found.dataset.classes.iter()).partition(|class| all[**class].is_some());
        let span = test.dataset.as_ref()?.component.component.span.clone();
        let named = |classes: &[usize]| {
            listed(
                classes
                    .iter()
                    .map(|class| found.all_classes[*class].as_str()),
            )
        };
        let hint = format!(
            "class-map = {{ \"name there\" = \"name here\" }} says which are the same; those of the target are {}",
            listed(task.class_names.iter().map(String::as_str))
        );
        if known.is_empty() {
            let message = format!(
                "`{path}`: no {one} of `{id}` is one of the target: it has {}",
                named(&left_out)
            );
            let none = Diagnostic::new(message, Some(span)).label(format!("other {several}"));
            self.diagnostics.push(none.hint(hint));
            return None;
        }
        if !kind.is_classes() {
            // Each column of the target is one of the dataset's, and one alone: what is true of a sample has no gap.
            let times = |of: usize| {
                (all.iter().flatten())
                    .filter(|&&at| at as usize == of)
                    .count()
            };
            let all_there = (0..task.class_names.len()).map(|of| (of, times(of)));
            let wrong = all_there.filter(|(_, times)| *times != 1);
            let wrong: Vec<(usize, usize)> = wrong.collect();
            if let Some((of, times)) = wrong.first() {
                let name = &task.class_names[*of];
                let message = match times {
                    0 => format!("`{path}`: `{id}` has no {one} `{name}`, which the target has"),
                    _ => format!("`{path}`: several {several} of `{id}` stand for `{name}`"),
                };
                let gap = Diagnostic::new(message, Some(span)).label(format!("other {several}"));
                self.diagnostics.push(gap.hint(hint));
                return None;
            }
        }
        if !left_out.is_empty() {
            let message = format!(
                "`{path}`: {} of `{id}` {} left out: the target has no such {one}",
                named(&left_out),
                if left_out.len() == 1 { "is" } else { "are" }
            );
            let told = Diagnostic::new(message, Some(span)).label("not measured");
            self.warnings.push(told.hint(hint));
        }
        Some(())
    }
}

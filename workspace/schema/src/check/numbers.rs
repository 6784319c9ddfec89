//! Targets of numbers and of several labels: what goes with them, and what is of classes alone.

use std::ops::Range;

use topwork_measure::{Figure, TargetKind};
use topwork_nearest::listed;

use super::Check;
use crate::diagnostics::Diagnostic;
use crate::plan::Target;
use crate::shape::join;
use crate::task::Task;
use crate::tree::Node;
use crate::written::{Written, WrittenStrategy};

/// The figures that have columns: those written, or where there are no classes all there are.
pub(super) fn metrics(target: &Target, targets: TargetKind) -> Vec<String> {
    match (target.metrics.is_empty(), targets) {
        (true, targets) if !targets.is_classes() && target.rank_by.is_none() => {
            let usual = targets.usual_figures().into_iter();
            usual.map(|figure| figure.id.to_owned()).collect()
        }
        _ => target.metrics.clone(),
    }
}

impl Check<'_> {
    /// Refuses what does not go with the kind of targets that the datasets have.
    pub(super) fn numbers(
        &mut self,
        written: &Written,
        source: Option<&Task>,
        target: Option<&Task>,
    ) {
        if let Some(task) = source.filter(|task| !task.targets.is_classes())
            && let Some(dataset) = written.source.as_ref().and_then(|of| of.dataset.as_ref())
        {
            self.refuse(
                format!(
                    "`{}`: its samples have {}, and a source has classes",
                    dataset.component.path,
                    task.targets.word()
                ),
                dataset.component.component.span.clone(),
                "no classes",
                &format!(
                    "train on classes, or give the backbone weights; {} can be the target",
                    task.targets.word()
                ),
            );
        }
        let Some(task) = target else { return };
        self.figures(written, task.targets);
        let kind = task.targets;
        if kind.is_classes() {
            return;
        }
        let Some(table) = &written.target else { return };
        if let Some(dataset) = &table.dataset {
            let path = &dataset.component.path;
            let node = &dataset.component.node;
            let problem = format!("the target has {}, of which all are taken", kind.word());
            // A resolved experiment names all of several columns.
            if !task
                .dataset
                .classes
                .iter()
                .copied()
                .eq(0..task.all_classes.len())
            {
                self.refuse_key(node, path, "classes", &problem);
            }
        }
        let problem = format!(
            "the estimates are of classes alone, and the target has {}",
            kind.word()
        );
        self.refuse_key(&table.node, &table.path, "transferability", &problem);
        for strategy in &written.strategies {
            self.strategy_without_classes(strategy, kind);
        }
    }

    /// What is measured must be a figure of what the target has.
    fn figures(&mut self, written: &Written, targets: TargetKind) {
        let Some(table) = &written.target else { return };
        let is_other = |id: &str| Figure::named(id).is_some_and(|figure| !figure.is_of(targets));
        let what = targets.word();
        let known = listed(targets.figures().map(|figure| figure.id));
        let lists = table.node.get("metrics").map_or(&[][..], Node::items);
        let nodes = lists.iter().chain(table.node.get("rank-by"));
        let of_target = nodes.map(|node| (table.path.clone(), node));
        let of_strategies = written.strategies.iter().filter_map(|strategy| {
            let by = strategy.node.get("select")?.get("by")?;
            Some((join(&strategy.path, "select.by"), by))
        });
        let wrong: Vec<(String, String, Range<usize>)> = (of_target.chain(of_strategies))
            .filter_map(|(path, node)| Some((path, node.text()?.to_owned(), node.span.clone())))
            .filter(|(_, id, _)| is_other(id))
            .collect();
        for (path, id, span) in wrong {
            self.refuse(
                format!("`{path}`: the figure `{id}` is not one of {what}, which this target has"),
                span,
                "another kind of target",
                &format!("figures of {what}: {known}"),
            );
        }
    }

    fn strategy_without_classes(&mut self, written: &WrittenStrategy, targets: TargetKind) {
        let path = &written.path;
        for key in ["calibrate", "train-per-class"] {
            let problem = format!(
                "it is of classes alone, and the target has {}",
                targets.word()
            );
            self.refuse_key(&written.node, path, key, &problem);
        }
        // The layers of a network head give as many outputs as there are classes, labels or columns of numbers, and a head of classes
        // learns each label against the rest.
        let kind = written.kind.as_ref();
        if targets != TargetKind::Numbers || kind.is_none_or(|kind| !kind.value.fits_a_classifier())
        {
            return;
        }
        let Some(head) = &written.head else { return };
        let named = head.component.value.as_str();
        let entries = &self.components.catalog().components;
        let mut known = (entries.iter())
            .filter(|entry| entry.id == named || entry.full_id() == named)
            .peekable();
        // That it does not exist is told elsewhere.
        if known.peek().is_some() && !known.any(|entry| entry.numbers) {
            self.refuse(
                format!("`{path}.head`: `{named}` is fitted to classes alone, and the target has numbers"),
                head.component.span.clone(),
                "learns classes",
                &format!("heads for numbers: {}", self.heads_for_numbers()),
            );
        }
    }

    /// The heads that can be fitted to numbers, for a hint.
    fn heads_for_numbers(&self) -> String {
        let entries = self.components.catalog().components.iter();
        let ids: Vec<&str> = entries
            .filter(|entry| entry.numbers)
            .map(|entry| entry.id.as_str())
            .collect();
        match ids.is_empty() {
            true => "none of the plugins found has one".to_owned(),
            false => listed(ids),
        }
    }

    fn refuse_key(&mut self, table: &Node, path: &str, key: &str, problem: &str) {
        if let Some(entry) = table.entry(key) {
            let message = format!("`{path}.{key}`: {problem}");
            self.refuse(
                message,
                entry.key_span.clone(),
                "only with classes",
                "remove it",
            );
        }
    }

    fn refuse(&mut self, message: String, span: Range<usize>, label: &str, hint: &str) {
        let refused = Diagnostic::new(message, Some(span)).label(label);
        self.diagnostics.push(refused.hint(hint.to_owned()));
    }
}

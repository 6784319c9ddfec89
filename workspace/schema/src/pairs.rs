//! Files of several backbones or targets: what each backbone does for each target is checked, planned and computed like a
//! file of its own.

use std::collections::HashSet;

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::plan::{Experiment, Plan};
use crate::view::Located;
use crate::written::{Written, WrittenBackbone, WrittenFile, WrittenTarget};
use topwork_nearest::choices;

/// The most pairs of backbones and targets of a file.
pub(crate) const MOST_PAIRS: usize = 400;

/// The plans of an experiment: one for each of its backbones with each of its targets, targets outermost.
#[derive(Clone, Debug, PartialEq)]
pub struct Plans {
    /// Never none.
    pub pairs: Vec<Pair>,
}

/// One backbone with one target.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// What is done, as if there were no other.
    pub plan: Plan,
    /// Whether the cuts of its target are those of the backbone.
    pub own_cuts: bool,
    /// The strategies' places in the file.
    pub strategies: Vec<usize>,
}

impl Plans {
    /// The plan of an experiment with one backbone and one target; `None` where there are several.
    pub fn only(&self) -> Option<&Plan> {
        match self.pairs.as_slice() {
            [pair] => Some(&pair.plan),
            _ => None,
        }
    }

    /// All that the pairs have in common, told by the first.
    pub fn experiment(&self) -> &Experiment {
        // Never none: a file without a pair is refused.
        &self.pairs[0].plan.experiment
    }

    /// The plans in their order.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.pairs.iter().map(|pair| &pair.plan)
    }

    /// How many strategies the file has that are for some pair.
    pub fn strategies(&self) -> usize {
        let all: HashSet<usize> = (self.pairs.iter())
            .flat_map(|pair| pair.strategies.iter().copied())
            .collect();
        all.len()
    }

    /// The names of the backbones; none where there is one.
    pub fn backbones(&self) -> Vec<&str> {
        distinct(self.plans().filter_map(|plan| plan.backbone.as_deref()))
    }

    /// The names of the targets; none where there is one.
    pub fn targets(&self) -> Vec<&str> {
        distinct(self.plans().filter_map(|plan| plan.target.as_deref()))
    }

    /// How many rows the tables have together.
    pub fn rows(&self) -> usize {
        self.plans().map(|plan| plan.rows.len()).sum()
    }
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut distinct: Vec<&str> = Vec::new();
    for name in names {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    distinct
}

/// What is written of a pair.
#[derive(Clone, Debug)]
pub(crate) struct WrittenPair {
    pub written: Written,
    pub own_cuts: bool,
    pub strategies: Vec<usize>,
    /// Names of target and backbone, where there are several of them.
    pub target: Option<String>,
    pub backbone: Option<String>,
    /// Whether the file has other backbones, which may be what `[source]` is for.
    pub others: bool,
}

impl WrittenFile {
    /// The pairs that strategies are for, targets outermost.
    pub fn pairs(&self) -> Vec<WrittenPair> {
        let or_none = |count: usize| (0..count.max(1)).collect::<Vec<_>>();
        let several = self.backbones.len() > 1 || self.targets.len() > 1;
        let mut pairs = Vec::new();
        for target in or_none(self.targets.len()) {
            for backbone in or_none(self.backbones.len()) {
                let pair = self.pair(self.targets.get(target), self.backbones.get(backbone));
                if !several || !pair.strategies.is_empty() {
                    pairs.push(pair);
                }
                if pairs.len() == MOST_PAIRS {
                    return pairs;
                }
            }
        }
        pairs
    }

    fn pair(
        &self,
        target: Option<&WrittenTarget>,
        backbone: Option<&WrittenBackbone>,
    ) -> WrittenPair {
        let name = |name: Option<&Option<Located<String>>>| Some(name?.as_ref()?.value.clone());
        let of_target = name(target.map(|target| &target.name));
        let of_backbone = name(backbone.map(|backbone| &backbone.name));
        let is_for = |names: &[Located<String>], name: &Option<String>| {
            names.is_empty()
                || names
                    .iter()
                    .any(|named| Some(&named.value) == name.as_ref())
        };
        let strategies: Vec<usize> = (self.first.strategies.iter().enumerate())
            .filter(|(_, strategy)| {
                is_for(&strategy.backbones, &of_backbone) && is_for(&strategy.targets, &of_target)
            })
            .map(|(index, _)| index)
            .collect();
        let taken = strategies
            .iter()
            .map(|index| self.first.strategies[*index].clone());
        let own_cuts = backbone.is_some_and(|backbone| backbone.node.get("cut").is_some());
        let mut target = target.cloned();
        if let (true, Some(target), Some(backbone)) = (own_cuts, &mut target, backbone) {
            target.cuts.clone_from(&backbone.cuts);
            target.cut_path.clone_from(&backbone.path);
        }
        let others = self.backbones.len() > 1;
        let mut written = Written {
            strategies: taken.collect(),
            backbone: backbone.cloned(),
            ..self.first.clone()
        };
        let names: HashSet<&str> = (written.strategies.iter())
            .filter_map(|strategy| Some(strategy.name.as_ref()?.value.as_str()))
            .collect();
        written.references.retain(|reference| {
            let of_this = reference
                .target
                .as_ref()
                .is_none_or(|named| Some(&named.value) == of_target.as_ref());
            let strategy = reference.strategy.as_ref();
            of_this
                && (!others
                    || strategy.is_none_or(|named| {
                        named.value == "source" || names.contains(named.value.as_str())
                    }))
        });
        let references: HashSet<&str> = written
            .references
            .iter()
            .map(|reference| reference.path.as_str())
            .collect();
        let kept: Vec<bool> = (self.first.references.iter())
            .map(|reference| references.contains(reference.path.as_str()))
            .collect();
        written.plain = match (
            &self.first.plain,
            target.as_ref().map(|target| &target.plain),
        ) {
            (Some(plain), Some(Some(of_target))) => Some(Experiment {
                backbone_name: of_backbone.clone(),
                target: of_target.clone(),
                references: (plain.references.iter().zip(kept))
                    .filter(|(_, kept)| *kept)
                    .map(|(reference, _)| reference.clone())
                    .collect(),
                ..plain.clone()
            }),
            _ => None,
        };
        if others && backbone.is_some_and(|backbone| backbone.weights_given) {
            written.source = None;
        }
        written.target = target;
        WrittenPair {
            written,
            own_cuts,
            strategies,
            target: of_target.filter(|_| self.targets.len() > 1),
            backbone: of_backbone.filter(|_| others),
            others,
        }
    }
}

/// Checks that backbones and targets can be told apart, and that what names one names one there is.
pub(crate) fn check(file: &WrittenFile, diagnostics: &mut Diagnostics) {
    let backbones: Vec<_> = (file.backbones.iter())
        .map(|table| (&table.path, &table.name, &table.node))
        .collect();
    let targets: Vec<_> = (file.targets.iter())
        .map(|table| (&table.path, &table.name, &table.node))
        .collect();
    for (tables, what) in [(&backbones, "backbone"), (&targets, "target")] {
        let mut seen: HashSet<&str> = HashSet::new();
        for (path, name, node) in tables.iter().filter(|_| tables.len() > 1) {
            let Some(name) = name else {
                if node.get("name").is_none() {
                    let missing = Diagnostic::new(
                        format!("missing key `name` in `{path}`"),
                        Some(node.span.clone()),
                    );
                    diagnostics.push(
                        missing.hint(format!("with several, every {what} has a name of its own")),
                    );
                }
                continue;
            };
            if !seen.insert(&name.value) {
                let message = format!("`{path}.name`: the name {:?} is taken", name.value);
                let taken = Diagnostic::new(message, Some(name.span.clone()));
                diagnostics.push(taken.label(format!("another {what} has this name")));
            }
        }
    }
    let names = |tables: &[(&String, &Option<Located<String>>, &crate::tree::Node)]| {
        (tables.iter())
            .filter_map(|(_, name, _)| Some(name.as_ref()?.value.clone()))
            .collect::<Vec<String>>()
    };
    let (of_backbones, of_targets) = (names(&backbones), names(&targets));
    for strategy in &file.first.strategies {
        for (key, named, known, all) in [
            (
                "backbones",
                &strategy.backbones,
                &of_backbones,
                backbones.len(),
            ),
            ("targets", &strategy.targets, &of_targets, targets.len()),
        ] {
            // A name that could not be read may be the one that is meant.
            if known.len() == all {
                named.iter().for_each(|name| {
                    unknown(
                        &format!("{}.{key}", strategy.path),
                        key,
                        name,
                        known,
                        diagnostics,
                    )
                });
            }
        }
    }
    for reference in &file.first.references {
        if let Some(name) = reference
            .target
            .as_ref()
            .filter(|_| of_targets.len() == targets.len())
        {
            unknown(
                &format!("{}.target", reference.path),
                "targets",
                name,
                &of_targets,
                diagnostics,
            );
        }
    }
    if backbones.len() * targets.len() > MOST_PAIRS {
        let message = format!(
            "{} backbones with {} targets are more than {MOST_PAIRS} pairs",
            backbones.len(),
            targets.len()
        );
        diagnostics.push(Diagnostic::new(message, None));
    }
    cuts(file, diagnostics);
}

fn unknown(
    path: &str,
    what: &str,
    name: &Located<String>,
    known: &[String],
    diagnostics: &mut Diagnostics,
) {
    if known.contains(&name.value) {
        return;
    }
    let single = what.trim_end_matches('s');
    let message = format!("`{path}`: there is no {single} called {:?}", name.value);
    let unknown =
        Diagnostic::new(message, Some(name.span.clone())).label(format!("unknown {single}"));
    diagnostics.push(match known {
        [] => unknown.hint(format!("write a `name` in `[{single}]`")),
        known => unknown.hint(choices(&name.value, what, known.iter().map(String::as_str))),
    });
}

/// Backbones that do not say where they are cut need a target that does.
fn cuts(file: &WrittenFile, diagnostics: &mut Diagnostics) {
    let own = file
        .backbones
        .iter()
        .filter(|backbone| backbone.node.get("cut").is_some());
    if !file.backbones.is_empty() && own.count() == file.backbones.len() {
        return;
    }
    for target in file
        .targets
        .iter()
        .filter(|target| target.node.get("cut").is_none())
    {
        let own = |strategy: &crate::written::WrittenStrategy| {
            let select = strategy.node.get("select");
            [Some(&strategy.node), select]
                .into_iter()
                .flatten()
                .any(|table| table.get("cut").is_some())
        };
        let strategies = &file.first.strategies;
        if file.backbones.len() > 1 && !strategies.is_empty() && strategies.iter().all(own) {
            continue;
        }
        crate::shape::missing(
            &crate::keys::TARGET,
            "cut",
            &target.node,
            &target.path,
            diagnostics,
        );
    }
}

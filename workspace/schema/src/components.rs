//! Finds the components a file names among the installed ones.

use std::path::Path;

use serde_json::Value;

use crate::catalog::{Catalog, ComponentEntry, ComponentKind, Description, UseKind};
use crate::diagnostics::{Category, Diagnostic, Diagnostics};
use crate::parameters;
use crate::strategies::StrategyKind;
use crate::words::Component;
use crate::written::WrittenUse;
use topwork_nearest::{listed, nearest};

/// The installed components, and the folder that paths in parameters are relative to.
pub(crate) struct Components<'a> {
    catalog: &'a Catalog,
    folder: &'a Path,
}

/// A component that is there and takes the parameters written.
pub(crate) struct Found<'a> {
    pub component: Component,
    /// `None` for a head that nobody asked.
    pub description: Option<&'a Description>,
}

/// What the place where a component is named asks for.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    Backbone,
    CutRule,
    Dataset,
    SourceHead,
    /// The head of a strategy, whose kind may itself be wrong.
    StrategyHead(Option<StrategyKind>),
}

impl Wanted {
    fn kinds(self) -> &'static [ComponentKind] {
        use ComponentKind::{Backbone, ClassifierHead, CutRule, Dataset, Extractor, NetworkHead};
        match self {
            Wanted::Backbone => &[Backbone, Extractor],
            Wanted::CutRule => &[CutRule],
            Wanted::Dataset => &[Dataset],
            Wanted::SourceHead => &[NetworkHead],
            Wanted::StrategyHead(Some(kind)) if kind.fits_a_classifier() => &[ClassifierHead],
            Wanted::StrategyHead(Some(_)) => &[NetworkHead],
            Wanted::StrategyHead(None) => &[NetworkHead, ClassifierHead],
        }
    }

    /// "the source trains a network head".
    fn reason(self) -> String {
        let reason = match self {
            Wanted::Backbone => "a backbone is wanted here",
            Wanted::CutRule => "a cut rule is wanted here",
            Wanted::Dataset => "a dataset is wanted here",
            Wanted::SourceHead => "the source trains a network head",
            Wanted::StrategyHead(Some(kind)) => {
                let verb = match kind.fits_a_classifier() {
                    true => "fits",
                    false => "trains",
                };
                return format!("`{}` {verb} {}", kind.as_str(), kind.head().with_article());
            }
            Wanted::StrategyHead(None) => "a head is wanted here",
        };
        reason.to_owned()
    }

    fn plural(self) -> &'static str {
        match self.kinds() {
            [kind] | [kind @ ComponentKind::Backbone, ..] => kind.plural(),
            _ => "heads",
        }
    }
}

impl<'a> Components<'a> {
    pub fn new(catalog: &'a Catalog, folder: &'a Path) -> Self {
        Components { catalog, folder }
    }

    /// All that is installed.
    pub fn catalog(&self) -> &'a Catalog {
        self.catalog
    }

    /// The component that `named` stands for; what is wrong with it goes to `diagnostics`.
    pub fn find(
        &self,
        named: &WrittenUse,
        wanted: Wanted,
        diagnostics: &mut Diagnostics,
    ) -> Option<Found<'a>> {
        let entry = self.entry(named, wanted, diagnostics)?;
        if !parameters::check(entry, named, self.folder, diagnostics) {
            return None;
        }
        let component = Component {
            component: entry.full_id(),
            parameters: parameters::resolve_parameters(
                &entry.schema,
                &named.parameters,
                self.folder,
            ),
        };
        let description = self.description(entry, &component, named, diagnostics)?;
        Some(Found {
            component,
            description,
        })
    }

    /// The schema of the parameters of the first head that is called so.
    pub fn head_schema(&self, written: &str) -> Option<&'a Value> {
        let mut heads = (self.named(written)).filter(|entry| entry.kind.role() == UseKind::Head);
        Some(&heads.next()?.schema)
    }

    fn entry(
        &self,
        named: &WrittenUse,
        wanted: Wanted,
        diagnostics: &mut Diagnostics,
    ) -> Option<&'a ComponentEntry> {
        let written = named.component.value.as_str();
        let matches: Vec<&ComponentEntry> = self.named(written).collect();
        let fitting: Vec<&ComponentEntry> = matches
            .iter()
            .copied()
            .filter(|entry| wanted.kinds().contains(&entry.kind))
            .collect();
        let problem = match (fitting.as_slice(), matches.as_slice()) {
            ([entry], _) => return Some(entry),
            // Which kind is meant is not known, and that has been reported.
            ([entry, ..], _) if matches!(wanted, Wanted::StrategyHead(None)) => return Some(entry),
            ([_, ..], _) => {
                let ids: Vec<String> = fitting.iter().map(|entry| entry.full_id()).collect();
                let ids = listed(ids.iter().map(String::as_str));
                self.complain(
                    named,
                    format!("{} plugins offer `{written}`", fitting.len()),
                )
                .label("ambiguous")
                .hint(format!("write one of {ids}"))
            }
            ([], [other, ..]) => {
                // An extractor is named as what it is to an experiment.
                let is = match other.kind.role() {
                    UseKind::Backbone => ComponentKind::Backbone.with_article(),
                    _ => other.kind.with_article(),
                };
                self.complain(
                    named,
                    format!("`{written}` is {is}, but {}", wanted.reason()),
                )
                .label(is)
                .hint(self.offered(wanted))
            }
            ([], []) => self.unknown(named, wanted),
        };
        diagnostics.push(problem);
        None
    }

    /// The components that `written` may mean.
    fn named<'w>(
        &self,
        written: &'w str,
    ) -> impl Iterator<Item = &'a ComponentEntry> + use<'a, 'w> {
        let (plugin, id) = match written.split_once('/') {
            Some((plugin, id)) => (Some(plugin), id),
            None => (None, written),
        };
        self.catalog.components.iter().filter(move |entry| {
            entry.id == id && plugin.is_none_or(|plugin| entry.plugin == plugin)
        })
    }

    fn complain(&self, named: &WrittenUse, problem: String) -> Diagnostic {
        let message = format!("`{}`: {problem}", named.path);
        Diagnostic::new(message, Some(named.component.span.clone()))
    }

    /// "network heads: `mlp`".
    fn offered(&self, wanted: Wanted) -> String {
        let fitting = |entry: &&ComponentEntry| wanted.kinds().contains(&entry.kind);
        let entries = self.catalog.components.iter().filter(fitting);
        let ids = listed(entries.map(|entry| entry.id.as_str()));
        if ids.is_empty() {
            format!("no {} are installed", wanted.plural())
        } else {
            format!("{}: {ids}", wanted.plural())
        }
    }

    fn unknown(&self, named: &WrittenUse, wanted: Wanted) -> Diagnostic {
        let written = named.component.value.as_str();
        let id = written.rsplit('/').next().unwrap_or(written);
        let fitting = self
            .catalog
            .components
            .iter()
            .filter(|entry| wanted.kinds().contains(&entry.kind));
        let full = written.contains('/');
        let names: Vec<String> = fitting
            .map(|entry| {
                if full {
                    entry.full_id()
                } else {
                    entry.id.clone()
                }
            })
            .collect();
        let meant = nearest(written, names.iter().map(String::as_str));
        let mut hint = self.offered(wanted);
        if let Some(meant) = meant {
            hint = format!("did you mean `{meant}`? {hint}");
        }
        let skipped = &self.catalog.skipped;
        for plugin in skipped {
            hint.push_str(&format!("\nskipped `{}`: {}", plugin.path, plugin.reason));
        }
        // A slip of the pen is the file's mistake; a library that could not be loaded, or is not
        // there at all, is the plugin's.
        let library = |path: &str| {
            Path::new(path)
                .file_name()
                .map(|name| name.to_string_lossy().replace('_', "-"))
        };
        let in_skipped = skipped
            .iter()
            .any(|plugin| library(&plugin.path).is_some_and(|name| name.contains(id)));
        let absent = meant.is_none() && (!skipped.is_empty() || names.is_empty());
        let category = if in_skipped || absent {
            Category::Plugin
        } else {
            Category::Experiment
        };
        let what = wanted.plural().trim_end_matches('s');
        self.complain(named, format!("there is no {what} `{written}`"))
            .label("not found")
            .hint(hint)
            .category(category)
    }

    /// What the component said of itself with these parameters: `Some(None)` for a head nobody
    /// asked, `None` after a problem.
    fn description(
        &self,
        entry: &ComponentEntry,
        component: &Component,
        named: &WrittenUse,
        diagnostics: &mut Diagnostics,
    ) -> Option<Option<&'a Description>> {
        // Compared as resolved: the same component may be written in different ways.
        let described = self.catalog.described.iter().find(|described| {
            described.of.kind == entry.kind.role()
                && self
                    .named(&described.of.component)
                    .any(|other| std::ptr::eq(other, entry))
                && described
                    .of
                    .parameters
                    .as_object()
                    .is_some_and(|parameters| {
                        let resolved =
                            parameters::resolve_parameters(&entry.schema, parameters, self.folder);
                        resolved == component.parameters
                    })
        });
        let fits = |description: &Description| {
            matches!(
                (description, entry.kind.role()),
                (Description::Backbone { .. }, UseKind::Backbone)
                    | (Description::Cuts(_), UseKind::Cut)
                    | (Description::Dataset { .. }, UseKind::Dataset)
                    | (Description::Head, UseKind::Head)
            )
        };
        match described.map(|described| &described.outcome) {
            Some(Ok(description)) if fits(description) => Some(Some(description)),
            // A rule is not asked about a backbone that is not there.
            None if matches!(named.kind, UseKind::Head | UseKind::Cut) => Some(None),
            Some(Err(problem)) => {
                let known = diagnostics
                    .iter()
                    .any(|other| other.message.ends_with(&problem.message));
                // A plugin or its data fail alike wherever they are used.
                if problem.category == Category::Experiment || !known {
                    diagnostics.push(
                        self.complain(named, problem.message.clone())
                            .hint(problem.hint.clone())
                            .category(problem.category),
                    );
                }
                None
            }
            Some(Ok(_)) | None => {
                let message = format!("`{}` did not say what it is", entry.full_id());
                diagnostics.push(self.complain(named, message).category(Category::Plugin));
                None
            }
        }
    }
}

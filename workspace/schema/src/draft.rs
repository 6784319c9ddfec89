//! An experiment file that has been read, with the mistakes that show without its components.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, Use};
use crate::check::Check;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::keys;
use crate::pairs::{self, Pair, Plans, WrittenPair};
use crate::plan::Plan;
use crate::written::WrittenFile;
use crate::{each, paths, protocols, rules, shape, tree};

/// What could be read of an experiment file, with the mistakes found so far.
#[derive(Clone, Debug)]
pub struct Draft {
    folder: PathBuf,
    diagnostics: Diagnostics,
    /// `None` when the text is not TOML.
    written: Option<WrittenFile>,
}

/// What to ask the plugins for one backbone with one target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ask {
    /// The components, each with its parameters as written, once.
    pub uses: Vec<Use>,
    /// The file of weights of the backbone, absolute.
    pub weights: Option<PathBuf>,
}

impl Draft {
    /// Reads the text of an experiment file.
    ///
    /// `file_name` is what messages call the file; `folder` is what its paths are relative to,
    /// itself taken from the current folder when it is relative.
    pub fn read(file_name: &str, text: &str, folder: &Path) -> Draft {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let mut diagnostics = Diagnostics::new(file_name, text);
        let root = tree::parse(text, &mut diagnostics);
        let written = root.map(|mut root| {
            protocols::expand(&mut root, &mut diagnostics);
            shape::check_table(&keys::EXPERIMENT, &root, "", &mut diagnostics);
            each::expand(&mut root, &mut diagnostics);
            let written = WrittenFile::read(&root);
            pairs::check(&written, &mut diagnostics);
            rules::check(&written, &root, &folder, &mut diagnostics);
            written
        });
        Draft {
            folder,
            diagnostics,
            written,
        }
    }

    /// Every component the file names, each with its parameters as written, once.
    ///
    /// Components are found in a file with mistakes, too, so that one look at the plugins brings
    /// all mistakes to light.
    pub fn uses(&self) -> Vec<Use> {
        let mut uses: Vec<Use> = Vec::new();
        for ask in self.asks() {
            for named in ask.uses {
                if !uses.contains(&named) {
                    uses.push(named);
                }
            }
        }
        uses
    }

    /// What to ask for each backbone with each target; a [`Catalog`] answers each.
    pub fn asks(&self) -> Vec<Ask> {
        self.pairs().iter().map(|pair| self.ask(pair)).collect()
    }

    fn pairs(&self) -> Vec<WrittenPair> {
        self.written.as_ref().map_or(Vec::new(), WrittenFile::pairs)
    }

    fn ask(&self, pair: &WrittenPair) -> Ask {
        let mut uses: Vec<Use> = Vec::new();
        for component in pair.written.components() {
            let named = Use {
                kind: component.kind,
                component: component.component.value.clone(),
                parameters: component.parameters.clone().into(),
            };
            if !uses.contains(&named) {
                uses.push(named);
            }
        }
        let backbone = pair.written.backbone.as_ref();
        let weights = backbone.and_then(|backbone| backbone.weights.as_ref());
        Ask {
            uses,
            weights: weights.map(|weights| paths::resolve(&weights.value, &self.folder)),
        }
    }

    /// The folder that paths in the file are relative to, absolute.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The mistakes that show without looking at any component.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }

    /// Checks a file of one backbone and one target against the installed components.
    ///
    /// # Errors
    ///
    /// All mistakes of the file and of its components, never none.
    pub fn check(&self, catalog: &Catalog) -> Result<Plan, Diagnostics> {
        let (plans, _) = self.judge(std::slice::from_ref(catalog))?;
        let mut pairs = plans.pairs.into_iter();
        match (pairs.next(), pairs.next()) {
            (Some(pair), None) => Ok(pair.plan),
            _ => Err(self.several()),
        }
    }

    /// Checks the file against what was answered to each of [`Draft::asks`], in their order, and tells besides the plans
    /// what may be wrong and stops nothing.
    ///
    /// # Errors
    ///
    /// All mistakes of the file and of its components, never none.
    pub fn judge(&self, catalogs: &[Catalog]) -> Result<(Plans, Diagnostics), Diagnostics> {
        let mut diagnostics = self.diagnostics.clone();
        let mut warnings = diagnostics.warnings();
        let mut pairs: Vec<Pair> = Vec::new();
        let written = self.pairs();
        let all = written.len();
        for (pair, catalog) in written.into_iter().zip(catalogs) {
            let mut check = Check::new(catalog, &self.folder, self.diagnostics.clone());
            let plan = check.pair(&pair);
            diagnostics.extend(check.diagnostics);
            warnings.extend(check.warnings);
            pairs.extend(plan.map(|plan| Pair {
                plan: Plan {
                    target: pair.target,
                    backbone: pair.backbone,
                    ..plan
                },
                own_cuts: pair.own_cuts,
                strategies: pair.strategies,
            }));
        }
        match diagnostics.is_empty() && !pairs.is_empty() && pairs.len() == all {
            true => Ok((Plans { pairs }, warnings)),
            // Fewer answers than pairs: nothing else is wrong.
            false if diagnostics.is_empty() => Err(self.several()),
            false => Err(diagnostics),
        }
    }

    /// That the file has more pairs than were looked at.
    fn several(&self) -> Diagnostics {
        let mut diagnostics = self.diagnostics.clone();
        let message = "the file has several backbones or targets, expected one of each";
        diagnostics.push(Diagnostic::new(message, None));
        diagnostics
    }
}

//! An experiment file that has been read, with the mistakes that show without its components.

use std::path::{Path, PathBuf};

use crate::catalog::{Catalog, Use};
use crate::check::Check;
use crate::diagnostics::Diagnostics;
use crate::keys;
use crate::plan::Plan;
use crate::written::Written;
use crate::{paths, protocols, rules, shape, tree};

/// What could be read of an experiment file, with the mistakes found so far.
#[derive(Clone, Debug)]
pub struct Draft {
    folder: PathBuf,
    diagnostics: Diagnostics,
    /// `None` when the text is not TOML.
    written: Option<Written>,
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
            let written = Written::read(&root);
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
        for component in self.written.iter().flat_map(Written::components) {
            let named = Use {
                kind: component.kind,
                component: component.component.value.clone(),
                parameters: component.parameters.clone().into(),
            };
            if !uses.contains(&named) {
                uses.push(named);
            }
        }
        uses
    }

    /// The folder that paths in the file are relative to, absolute.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The mistakes that show without looking at any component.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }

    /// Checks the file against the installed components.
    ///
    /// # Errors
    ///
    /// All mistakes of the file and of its components, never none.
    pub fn check(&self, catalog: &Catalog) -> Result<Plan, Diagnostics> {
        self.judge(catalog).map(|(plan, _)| plan)
    }

    /// The same, with what may be wrong and stops nothing.
    ///
    /// # Errors
    ///
    /// As with [`Draft::check`].
    pub fn judge(&self, catalog: &Catalog) -> Result<(Plan, Diagnostics), Diagnostics> {
        let Some(written) = &self.written else {
            return Err(self.diagnostics.clone());
        };
        let mut check = Check::new(catalog, &self.folder, self.diagnostics.clone());
        let plan = check.plan(written);
        match plan {
            Some(plan) if check.diagnostics.is_empty() => Ok((plan, check.warnings)),
            _ => Err(check.diagnostics),
        }
    }

    /// The file that `backbone.weights` names, absolute.
    pub fn weights(&self) -> Option<PathBuf> {
        let backbone = self.written.as_ref()?.backbone.as_ref()?;
        Some(paths::resolve(
            &backbone.weights.as_ref()?.value,
            &self.folder,
        ))
    }
}

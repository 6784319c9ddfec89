//! `topwork plugins new`: a project of one plugin.

use std::path::Path;

use topwork_scaffold::{Language, Project, ScaffoldError};

use crate::{
    arguments::{NewArguments, NewLanguage},
    failure::{Failure, RUN_FAILED, WRONG_USE},
    output::print,
};

/// Writes the project and says what to do with it.
pub fn new(arguments: &NewArguments) -> Result<u8, Failure> {
    let program = std::env::current_exe().ok();
    let project = Project {
        name: &arguments.name,
        kind: arguments.kind,
        language: match arguments.lang {
            NewLanguage::Rust => Language::Rust,
            NewLanguage::C => Language::C,
            NewLanguage::Python => Language::Python,
        },
        sdk: arguments.sdk_path.as_deref(),
        program: program.as_deref(),
    };
    project.write(Path::new("")).map_err(|error| {
        let code = match error {
            ScaffoldError::Io { .. } => RUN_FAILED,
            _ => WRONG_USE,
        };
        Failure::new(code, error.to_string())
    })?;
    let name = &arguments.name;
    let next = match project.language {
        Language::Rust | Language::C => {
            "  make test     # its tests\n  make check    # does it keep the contract?\n  make run      # its experiment\n".to_owned()
        }
        Language::Python => format!(
            "  topwork plugins check topwork_plugin_{}.py    # does it keep the contract?\n  topwork run experiment.toml --plugin-dir .    # its experiment\n",
            name.replace('-', "_")
        ),
    };
    print(&format!(
        "made `{name}`, a plugin of the kind {} that works as it is. Next:\n  cd {name}\n{next}",
        project.kind.short()
    ))?;
    Ok(0)
}

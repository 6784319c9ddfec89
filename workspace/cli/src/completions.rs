//! `topwork completions`: scripts that have shells complete what is typed.

use clap_complete::{Shell, generate};

use crate::{
    arguments,
    failure::{Failure, RUN_FAILED},
    output::data,
};

/// Prints the script for a shell.
pub fn print(shell: Shell) -> Result<u8, Failure> {
    let mut script = Vec::new();
    generate(shell, &mut arguments::typed(), "topwork", &mut script);
    let script = String::from_utf8(script)
        .map_err(|error| Failure::new(RUN_FAILED, format!("the script is not UTF-8: {error}")))?;
    data(&script)?;
    Ok(0)
}

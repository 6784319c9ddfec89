//! References that are made from the code, so that they cannot say anything else than it does.

use std::path::Path;

use clap::CommandFactory;

use crate::{
    arguments::Arguments,
    failure::{Failure, RUN_FAILED},
    output::data,
};

/// `topwork schema`.
pub fn schema() -> Result<u8, Failure> {
    data(&schema_text()?)?;
    Ok(0)
}

/// Writes all references below the project's folder, or checks that they are fresh.
pub fn write(project: &Path, check: bool) -> Result<u8, Failure> {
    let references = [
        ("experiments/experiment.schema.json", schema_text()?),
        ("docs/experiment-file.md", topwork_schema::reference()),
        ("docs/command-line.md", command_line()),
        ("docs/keys.md", topwork_tui::keys_reference()),
        ("docs/figures.md", topwork_measure::reference()),
        (
            "docs/results.schema.json",
            pretty(&topwork_results::json_schema())?,
        ),
    ];
    let mut stale = Vec::new();
    for (name, text) in references {
        let path = project.join(name);
        if check {
            if std::fs::read_to_string(&path).ok().as_ref() != Some(&text) {
                stale.push(format!("`{name}`"));
            }
            continue;
        }
        let fail = |error: std::io::Error| {
            Failure::new(
                RUN_FAILED,
                format!("cannot write `{}`: {error}", path.display()),
            )
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(fail)?;
        }
        std::fs::write(&path, text).map_err(fail)?;
    }
    if stale.is_empty() {
        return Ok(0);
    }
    Err(
        Failure::new(RUN_FAILED, format!("stale: {}", stale.join(", ")))
            .hint("`just generate` makes them afresh"),
    )
}

fn schema_text() -> Result<String, Failure> {
    pretty(&topwork_schema::json_schema())
}

fn pretty(schema: &serde_json::Value) -> Result<String, Failure> {
    serde_json::to_string_pretty(schema)
        .map(|text| text + "\n")
        .map_err(|error| Failure::new(RUN_FAILED, error.to_string()))
}

/// The help of every command that is not hidden, as one page.
fn command_line() -> String {
    let mut text =
        String::from("# Command line\n\nMade from the program's own help by `just generate`.\n");
    let mut command = Arguments::command()
        .term_width(100)
        .disable_help_subcommand(true);
    command.build();
    append(&mut text, &mut command, "##");
    text
}

fn append(text: &mut String, command: &mut clap::Command, heading: &str) {
    let name = command
        .get_bin_name()
        .unwrap_or(command.get_name())
        .to_owned();
    let help: Vec<String> = command
        .render_long_help()
        .to_string()
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    text.push_str(&format!(
        "\n{heading} `{name}`\n\n```text\n{}\n```\n",
        help.join("\n").trim_end()
    ));
    for sub in command
        .get_subcommands_mut()
        .filter(|sub| !sub.is_hide_set())
    {
        append(text, sub, &format!("{heading}#"));
    }
}

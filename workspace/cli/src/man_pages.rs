//! A man page for every command, made from the arguments.

use std::{io, path::Path};

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, roman},
};
use topwork_sniff::reason;

use crate::{
    arguments,
    failure::{Failure, RUN_FAILED},
};

/// Writes `topwork.1`, `topwork-run.1` and so on to a folder.
pub fn write(folder: &Path) -> Result<u8, Failure> {
    let mut command = arguments::typed().disable_help_subcommand(true);
    command.build();
    write_all(command, folder)?;
    Ok(0)
}

fn write_all(command: Command, folder: &Path) -> Result<(), Failure> {
    for sub in command.get_subcommands() {
        write_all(sub.clone(), folder)?;
    }
    let man = Man::new(command.clone());
    let path = folder.join(man.get_filename());
    let written = page(&man, &command).and_then(|page| std::fs::write(&path, page));
    written.map_err(|error| {
        let message = format!("cannot write `{}`: {}", path.display(), reason(&error));
        Failure::new(RUN_FAILED, message)
    })
}

fn page(man: &Man, command: &Command) -> io::Result<Vec<u8>> {
    // `Man` would leave out an empty date, and what follows would stand in its place.
    let name = man.get_filename().to_uppercase();
    let (title, section) = name.rsplit_once('.').unwrap_or((&name, "1"));
    let version = env!("CARGO_PKG_VERSION");
    let mut page =
        format!(".TH {title} {section} \"\" \"topwork {version}\" Topwork\n").into_bytes();
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(notes) = command.get_after_help() {
        // `Man` would run the lines together, and most of them are examples and lists.
        let mut roff = Roff::new();
        roff.control("SH", ["NOTES"]).control("nf", []);
        for line in notes.to_string().lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
        roff.to_writer(&mut page)?;
    }
    Ok(page)
}

//! Cases about the plugin as a whole.

use super::{advise, case, expect};
use crate::subject::{Subject, Tried};
use crate::{Case, Outcome};
use topwork_host::{is_plugin_file_name, plugin_file_names};

pub const CASES: &[Case] = &[
    case!(
        "plugin-opens",
        &[],
        "the library opens, and its tables and texts are those of the contract",
        opens
    ),
    case!(
        "plugin-file-name",
        &[],
        "the file's name is one under which topwork finds it",
        file_name
    ),
    case!(
        "plugin-version",
        &[],
        "the version is one for people: 1.4.0",
        version
    ),
    case!(
        "plugin-licence",
        &[],
        "the licence is an SPDX expression",
        licence
    ),
    case!(
        "plugin-kinds",
        &[],
        "every component is of a kind that this topwork knows",
        kinds
    ),
    case!(
        "plugin-two-hosts",
        &[],
        "two hosts in one process can open it, and the second goes on when the first is gone",
        two_hosts
    ),
    case!(
        "plugin-threads",
        &[],
        "threads can open it at the same time",
        threads
    ),
];

fn opens(subject: &Subject) -> Tried<Outcome> {
    subject.plugin().map(|_| Outcome::Ok)
}

fn file_name(subject: &Subject) -> Tried<Outcome> {
    let name = subject.library().file_name().unwrap_or_default();
    let name = name.to_string_lossy();
    advise(is_plugin_file_name(&name), || {
        format!(
            "`{name}` is not found in a plugin folder, expected {}",
            plugin_file_names()
        )
    })?;
    Ok(Outcome::Ok)
}

fn version(subject: &Subject) -> Tried<Outcome> {
    let version = &subject.plugin()?.version;
    let numbers = version.split(['-', '+']).next().unwrap_or_default();
    let parts = numbers.split('.');
    let fits = parts.clone().count() == 3 && parts.clone().all(|part| part.parse::<u64>().is_ok());
    advise(fits, || {
        format!("`{version}`, expected three numbers: 1.4.0")
    })?;
    Ok(Outcome::Ok)
}

fn licence(subject: &Subject) -> Tried<Outcome> {
    let licence = &subject.plugin()?.licence;
    let word = |c: char| c.is_ascii_alphanumeric() || " .+-()".contains(c);
    let fits = !licence.is_empty() && licence.chars().all(word);
    advise(fits, || {
        format!("`{licence}`, expected an SPDX expression: MIT OR Apache-2.0")
    })?;
    Ok(Outcome::Ok)
}

fn kinds(subject: &Subject) -> Tried<Outcome> {
    let notes = &subject.plugin()?.notes;
    advise(notes.is_empty(), || notes.join("; "))?;
    Ok(Outcome::Ok)
}

fn two_hosts(subject: &Subject) -> Tried<Outcome> {
    let first = subject.open_again()?;
    let second = subject.open_again()?;
    let (one, other) = (first.list().to_vec(), second.list().to_vec());
    expect(one == other, || {
        "it tells the second host something else than the first".to_owned()
    })?;
    drop(first);
    let third = subject.open_again()?;
    expect(third.list() == other, || {
        "it tells a later host something else".to_owned()
    })?;
    Ok(Outcome::Ok)
}

fn threads(subject: &Subject) -> Tried<Outcome> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| subject.open_again().map(|plugins| plugins.list().to_vec())))
            .collect();
        let mut lists = Vec::new();
        for thread in threads {
            lists.push(super::joined(thread)?);
        }
        expect(lists.windows(2).all(|pair| pair[0] == pair[1]), || {
            "it tells threads different things".to_owned()
        })?;
        Ok(Outcome::Ok)
    })
}

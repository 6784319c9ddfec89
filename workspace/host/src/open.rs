//! The checks of a plugin's tables, before any of its functions but the entry is called.

use crate::classifier::takes_numbers;
use crate::json::{LARGEST, parse_object};
use crate::text::{clean, is_id, read_text};
use crate::{ComponentInfo, Kind, PluginInfo};
use std::path::PathBuf;
use topwork_abi as abi;

/// Lines for people (version, licence, what a component is about) are at most this long.
const LONGEST_LINE: usize = 1024;

/// More components than this are taken for garbage.
const MOST_COMPONENTS: usize = 4096;

pub(crate) struct Checked {
    /// Without path and digest, which the tables do not say.
    pub(crate) info: PluginInfo,
    pub(crate) components: Vec<abi::Component>,
}

/// Reads the size and the two version numbers, which keep their place in every ABI, and nothing else before they fit.
///
/// # Safety
///
/// `entry` is null or points at least to the first three fields of an entry that lives until the process ends.
pub(crate) unsafe fn check_version(entry: *const abi::Entry) -> Result<abi::Entry, String> {
    if entry.is_null() || !entry.is_aligned() {
        return Err(format!(
            "`{}` gave back no table, so the plugin offers nothing",
            abi::ENTRY_SYMBOL
        ));
    }
    // SAFETY: the caller vouches for these; they are read through the pointer, as the rest may not be there.
    let (major, minor) = unsafe { ((*entry).abi_major, (*entry).abi_minor) };
    if major != abi::ABI_MAJOR {
        return Err(format!(
            "speaks ABI {major}.{minor}, this topwork speaks {}.{}",
            abi::ABI_MAJOR,
            abi::ABI_MINOR
        ));
    }
    // SAFETY: the version fits, so this is an entry as far as its size goes.
    unsafe { abi::read_table(entry) }.map_err(|short| format!("its entry {short}"))
}

/// Checks everything that an entry says.
///
/// # Safety
///
/// `entry` keeps the contract's promises about its pointers.
pub(crate) unsafe fn check_entry(entry: &abi::Entry) -> Result<Checked, String> {
    let id = id(entry.id).map_err(|problem| format!("the plugin's id {problem}"))?;
    let version = line(entry.version).map_err(|problem| format!("the version {problem}"))?;
    let licence = line(entry.licence).map_err(|problem| format!("the licence {problem}"))?;
    if entry.component_count > MOST_COMPONENTS {
        return Err(format!(
            "claims {} components, expected at most {MOST_COMPONENTS}",
            entry.component_count
        ));
    }
    if entry.component_count == 0 {
        return Err("offers no components".to_owned());
    }
    if entry.components.is_null() || !entry.components.is_aligned() {
        return Err("its list of components is not there".to_owned());
    }
    let mut checked = Checked {
        info: PluginInfo {
            id,
            version,
            licence,
            path: PathBuf::new(),
            sha256: String::new(),
            components: Vec::new(),
            notes: Vec::new(),
        },
        components: Vec::new(),
    };
    for index in 0..entry.component_count {
        // SAFETY: the list has `component_count` entries.
        let component = unsafe { *entry.components.add(index) };
        // SAFETY: each is null or points to a component that lives until the process ends.
        unsafe { add_component(&mut checked, component) }
            .map_err(|problem| format!("component {}: {problem}", index + 1))?;
    }
    Ok(checked)
}

unsafe fn add_component(
    checked: &mut Checked,
    component: *const abi::Component,
) -> Result<(), String> {
    // SAFETY: passed on.
    let component = unsafe { table::<abi::Component>(component.cast()) }
        .map_err(|problem| format!("its table {problem}"))?;
    let id = id(component.id).map_err(|problem| format!("its id {problem}"))?;
    let named = |problem: String| format!("`{id}` {problem}");
    let Some(kind) = Kind::from_abi(component.kind) else {
        let number = component.kind.0;
        checked.info.notes.push(format!(
            "`{id}` is of kind {number}, which this topwork does not know"
        ));
        return Ok(());
    };
    let twin = |other: &&ComponentInfo| other.id == id && other.kind.role() == kind.role();
    if let Some(twin) = checked.info.components.iter().find(twin) {
        return Err(named(format!(
            "has the same id as an earlier {}",
            twin.kind.words()
        )));
    }
    let about = line(component.about).map_err(|p| named(format!("has a description that {p}")))?;
    let schema = read_text(component.parameter_schema, LARGEST)
        .and_then(|text| parse_object(text.as_bytes()))
        .map_err(|problem| named(format!("has a parameter schema that {problem}")))?;
    if component.create.is_none() || component.destroy.is_none() {
        return Err(named("lacks `create` or `destroy`".to_owned()));
    }
    // SAFETY: the contract gives the table of each kind this type.
    let complete = unsafe {
        match kind {
            Kind::Dataset => table::<abi::DatasetTable>(component.table)
                .map(|t| t.describe.is_some() && t.labels.is_some() && t.read.is_some()),
            Kind::Backbone => {
                table::<abi::BackboneTable>(component.table).map(|t| t.network.is_some())
            }
            Kind::Extractor => table::<abi::ExtractorTable>(component.table)
                .map(|t| t.describe.is_some() && t.forward.is_some()),
            Kind::CutRule => table::<abi::CutRuleTable>(component.table).map(|t| t.cuts.is_some()),
            Kind::NetworkHead => {
                table::<abi::NetworkHeadTable>(component.table).map(|t| t.network.is_some())
            }
            Kind::ClassifierHead => table::<abi::ClassifierTable>(component.table)
                .map(|t| t.fit.is_some() && t.predict.is_some()),
        }
    }
    .map_err(|problem| named(format!("has a table of functions that {problem}")))?;
    if !complete {
        return Err(named("has a table with a function missing".to_owned()));
    }
    checked.components.push(component);
    checked.info.components.push(ComponentInfo {
        kind,
        id,
        about,
        schema,
        numbers: takes_numbers(&component),
    });
    Ok(())
}

/// A copy of a table as far as its size goes; an `Err` completes "the table …".
///
/// # Safety
///
/// `pointer` is null or points to a table of type `T` (as far as its size field says).
pub(crate) unsafe fn table<T: abi::Table>(pointer: *const std::ffi::c_void) -> Result<T, String> {
    let pointer = pointer.cast::<T>();
    if pointer.is_null() {
        return Err("is a null pointer".to_owned());
    }
    if !pointer.is_aligned() {
        return Err("is at an address no table can have".to_owned());
    }
    // SAFETY: aligned, and the caller vouches for the rest.
    unsafe { abi::read_table(pointer) }.map_err(|short| short.to_string())
}

fn id(text: abi::Text) -> Result<String, String> {
    let id = read_text(text, LONGEST_LINE)?;
    if is_id(&id) {
        Ok(id)
    } else {
        Err(format!(
            "is `{}`, expected 1 to 64 of a-z, 0-9 and -",
            id.escape_debug()
        ))
    }
}

fn line(text: abi::Text) -> Result<String, String> {
    read_text(text, LONGEST_LINE).map(|line| clean(&line))
}

#[cfg(test)]
mod tests;

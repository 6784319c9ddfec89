//! Datasets that know more of their samples than image and label.

use crate::dataset::{Dataset, Instance, dataset};
use crate::enter::{enter, give, instance};
use crate::{Error, ExportedComponent};
use std::ffi::c_void;
use topwork_abi as abi;

/// The longest name of a sample or a group, in bytes.
const LONGEST: usize = 1024;

/// A dataset that knows what its samples are called, or which belong together.
pub trait Provenance: Dataset {
    /// What the samples of a split (a position in the description's list) are called, in its order, such as paths of images
    /// below their folder; `None` where they have no names.
    fn names(&self, split: usize) -> Result<Option<Vec<String>>, Error> {
        let _ = split;
        Ok(None)
    }

    /// The group of every sample of a split, in its order. Samples of the same group, in whatever split, belong together: they
    /// stay in one fold. `None` where the user has not asked for groups.
    fn groups(&self, split: usize) -> Result<Option<Vec<String>>, Error> {
        let _ = split;
        Ok(None)
    }
}

/// The component for [`export_plugin!`](crate::export_plugin), with the ability to tell where its samples come from.
pub const fn dataset_with_provenance<D: Provenance>() -> ExportedComponent {
    let mut component = *dataset::<D>().table();
    component.extension = Some(extension::<D>);
    // SAFETY: the extension gives the table that the contract names, and the rest is as it was.
    unsafe { ExportedComponent::from_table(component) }
}

struct Tables<D>(D);

impl<D: Provenance> Tables<D> {
    const TABLE: &'static abi::DatasetProvenanceTable = &abi::DatasetProvenanceTable {
        size: size_of::<abi::DatasetProvenanceTable>(),
        names: Some(names::<D>),
        groups: Some(groups::<D>),
    };
}

/// The table of the ability.
pub(crate) fn table<D: Provenance>() -> *const c_void {
    std::ptr::from_ref(Tables::<D>::TABLE).cast()
}

unsafe extern "C" fn extension<D: Provenance>(id: abi::Text) -> *const c_void {
    // SAFETY: the host lends the text for this call. Nothing here can panic.
    match unsafe { crate::enter::text("id of the ability", id) } {
        Ok(abi::DATASET_PROVENANCE) => table::<D>(),
        Ok(ability) => crate::numbers::of_dataset::<D>(ability),
        Err(_) => std::ptr::null(),
    }
}

unsafe extern "C" fn names<D: Provenance>(
    pointer: abi::Instance,
    split: usize,
    texts: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: passed on.
    unsafe { tell(pointer, split, ("name", D::names), texts, error) }
}

unsafe extern "C" fn groups<D: Provenance>(
    pointer: abi::Instance,
    split: usize,
    texts: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: passed on.
    unsafe { tell(pointer, split, ("group", D::groups), texts, error) }
}

type Texts<D> = fn(&D, usize) -> Result<Option<Vec<String>>, Error>;

/// # Safety
///
/// The pointers are those of a call of the host.
unsafe fn tell<D: Provenance>(
    pointer: abi::Instance,
    split: usize,
    (what, of): (&str, Texts<D>),
    texts: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it; calls on datasets are shared.
        let instance = unsafe { instance::<Instance<D>>(pointer) }?;
        let len = instance.split_len(split)?;
        let Some(found) = of(instance.dataset(), split)? else {
            return Ok(());
        };
        let bytes = joined(what, &found, len)?;
        // SAFETY: the sink is valid during the call.
        unsafe { give(what, texts, &bytes) }
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

/// The texts with a zero byte behind each.
fn joined(what: &str, texts: &[String], len: u64) -> Result<Vec<u8>, Error> {
    if texts.len() as u64 != len {
        let count = texts.len();
        return Err(Error::failed(format!(
            "a {what} for {count} samples, expected {len}"
        )));
    }
    let mut bytes = Vec::new();
    for (sample, text) in texts.iter().enumerate() {
        if !(1..=LONGEST).contains(&text.len()) || text.contains('\0') {
            return Err(Error::data(format!(
                "the {what} of sample {sample} has {} bytes or a zero among them, expected 1 to {LONGEST} without",
                text.len()
            )));
        }
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_joined_or_refused() {
        let check = |texts: &[&str], len, expected: Result<&[u8], &str>| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            let found = joined("group", &texts, len).map_err(|error| error.to_string());
            assert_eq!(
                found.as_deref(),
                expected.map_err(str::to_owned).as_ref().copied()
            );
        };
        check(&["a", "b c"], 2, Ok(b"a\0b c\0"));
        check(&[], 0, Ok(b""));
        check(&["a"], 2, Err("a group for 1 samples, expected 2"));
        let empty =
            "the group of sample 1 has 0 bytes or a zero among them, expected 1 to 1024 without";
        check(&["a", ""], 2, Err(empty));
        let zero =
            "the group of sample 0 has 3 bytes or a zero among them, expected 1 to 1024 without";
        check(&["a\0b"], 1, Err(zero));
    }
}

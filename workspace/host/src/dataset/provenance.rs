//! What a dataset knows of its samples besides image and label.

use super::Dataset;
use crate::HostError;
use crate::call::collect;
use crate::open;
use crate::text::{clean, utf8};
use topwork_abi as abi;

/// The longest name of a sample or a group, in bytes.
const LONGEST: usize = 1024;

/// A function that writes a text for every sample of a split.
type Texts =
    unsafe extern "C" fn(abi::Instance, usize, *const abi::Sink, *const abi::Sink) -> abi::Status;

impl Dataset {
    /// What the samples of a split are called, in its order; `None` where the plugin does not say.
    ///
    /// # Errors
    ///
    /// Whatever the plugin fails with; a plugin that breaks the contract.
    pub fn names(&self, split: &str) -> Result<Option<Vec<String>>, HostError> {
        self.texts(split, "name", |table| table.names)
    }

    /// The group of every sample of a split, in its order; samples with the same text belong together. `None` where there are
    /// no groups.
    ///
    /// # Errors
    ///
    /// As [`Dataset::names`].
    pub fn groups(&self, split: &str) -> Result<Option<Vec<String>>, HostError> {
        self.texts(split, "group", |table| table.groups)
    }

    fn texts(
        &self,
        split: &str,
        what: &str,
        of: fn(&abi::DatasetProvenanceTable) -> Option<Texts>,
    ) -> Result<Option<Vec<String>>, HostError> {
        let call = format!("reading the {what}s of split \"{split}\"");
        let (index, len) = self.split(split, &call)?;
        let table = self.instance.extension(abi::DATASET_PROVENANCE);
        if table.is_null() {
            return Ok(None);
        }
        // SAFETY: the id asked for gives the table this type.
        let table = unsafe { open::table::<abi::DatasetProvenanceTable>(table) };
        let table = table.map_err(|problem| {
            let problem = format!("the table `{}` {problem}", abi::DATASET_PROVENANCE);
            self.instance.broken(&call, problem)
        })?;
        let limit = len.saturating_mul(LONGEST + 1);
        let (result, written) = collect(limit, |texts| {
            self.call(&call, |instance, error| match of(&table) {
                // SAFETY: both sinks live during the call.
                Some(function) => unsafe { function(instance, index, texts, error) },
                None => abi::Status::UNSUPPORTED,
            })
        });
        result?;
        if written.overflowed {
            let problem = format!("more than {limit} bytes for {len} samples");
            return Err(self.instance.broken(&call, problem));
        }
        split_texts(&written.bytes, len, what)
            .map_err(|problem| self.instance.broken(&call, problem))
    }
}

/// The texts, each of which a zero byte ends.
fn split_texts(bytes: &[u8], len: usize, what: &str) -> Result<Option<Vec<String>>, String> {
    let Some(bytes) = bytes.strip_suffix(&[0]) else {
        return match bytes {
            [] => Ok(None),
            _ => Err(format!("the last {what} has no zero byte behind it")),
        };
    };
    let parts = bytes.split(|byte| *byte == 0);
    let texts: Result<Vec<String>, String> = (parts.enumerate())
        .map(|(sample, text)| {
            let wrong = |problem: String| format!("the {what} of sample {sample} {problem}");
            if text.len() > LONGEST {
                let problem = format!("has {} bytes, expected at most {LONGEST}", text.len());
                return Err(wrong(problem));
            }
            let text = clean(utf8(text).map_err(wrong)?);
            match text.is_empty() {
                true => Err(wrong("is empty".to_owned())),
                false => Ok(text),
            }
        })
        .collect();
    let texts = texts?;
    match texts.len() == len {
        true => Ok(Some(texts)),
        false => Err(format!(
            "a {what} for {} samples, expected {len}",
            texts.len()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_checked() {
        let check = |bytes: &[u8], len, expected: Result<Option<&[&str]>, &str>| {
            let expected = expected.map(|texts| {
                let texts = texts?.iter().map(|text| (*text).to_owned());
                Some(texts.collect::<Vec<String>>())
            });
            let found = split_texts(bytes, len, "group");
            assert_eq!(found, expected.map_err(str::to_owned), "{bytes:?}");
        };
        check(b"", 2, Ok(None));
        check(b"a\0b/c\0", 2, Ok(Some(&["a", "b/c"])));
        check(b"\x1b[1ma\0", 1, Ok(Some(&["a"])));
        check(b"a\0b", 2, Err("the last group has no zero byte behind it"));
        check(b"a\0", 2, Err("a group for 1 samples, expected 2"));
        check(b"a\0\0", 2, Err("the group of sample 1 is empty"));
        let long = [[b'x'; LONGEST + 1].as_slice(), b"\0"].concat();
        let message = "the group of sample 0 has 1025 bytes, expected at most 1024";
        check(&long, 1, Err(message));
        let message = "the group of sample 1 is not UTF-8 at byte 1";
        check(b"a\0b\xff\0", 2, Err(message));
    }
}

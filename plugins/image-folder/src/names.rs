//! Names of files and classes as people see them: on one line, with everything visible, and two different ones never alike.

use std::collections::HashMap;
#[cfg(unix)]
use std::ffi::OsStr;
use std::fmt::Write;
use std::path::PathBuf;
use topwork_sdk::Error;
use unicode_normalization::UnicodeNormalization;

/// The longest class name that hosts take, in bytes.
const LONGEST_CLASS: usize = 256;

/// A name, or a path with `/` between its parts, for people: letters in one piece (NFC), what cannot be seen or is not UTF-8 as
/// an escape.
pub fn shown(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().nfc() {
            match is_visible(character) {
                true => text.push(character),
                false => escape(&mut text, character),
            }
        }
        for byte in chunk.invalid() {
            // Writing to a text cannot fail.
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    let end = text.trim_end().len();
    let blank = text.split_off(end);
    blank
        .chars()
        .for_each(|character| escape(&mut text, character));
    let begin = text.len() - text.trim_start().len();
    let mut whole = String::new();
    text[..begin]
        .chars()
        .for_each(|character| escape(&mut whole, character));
    whole + &text[begin..]
}

/// Whether a terminal shows something for this character, and only that.
fn is_visible(character: char) -> bool {
    let hides = matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !hides && !character.is_control()
}

fn escape(text: &mut String, character: char) {
    let _ = match u32::from(character) {
        code @ 0..0x80 => write!(text, "\\x{code:02X}"),
        code => write!(text, "\\u{{{code:X}}}"),
    };
}

/// A name in the one form that stands for all its spellings.
pub fn canonical(name: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(name) {
        Ok(text) => text.nfc().collect::<String>().into_bytes(),
        Err(_) => name.to_vec(),
    }
}

/// The path with this name. Where paths are no bytes, what is not Unicode in a name cannot be looked for.
pub fn path_of(name: &[u8]) -> PathBuf {
    #[cfg(unix)]
    let name: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(name);
    #[cfg(not(unix))]
    let name = String::from_utf8_lossy(name).into_owned();
    PathBuf::from(name)
}

/// Some names, the rest as a number: "`a`, `b` and 7 more".
pub fn some<T: AsRef<str>>(names: &[T], most: usize) -> String {
    let quoted: Vec<String> = names
        .iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    listed(&quoted, most)
}

/// Some parts, the rest as a number: "a, b and 7 more".
pub fn listed(parts: &[String], most: usize) -> String {
    // "and 1 more" would be no shorter than what it leaves out.
    let told = if parts.len() <= most + 1 {
        parts.len()
    } else {
        most
    };
    let mut parts = parts.to_vec();
    let more = parts.split_off(told).len();
    if more > 0 {
        parts.push(format!("{more} more"));
    }
    match parts.pop() {
        Some(last) if parts.is_empty() => last,
        Some(last) => format!("{} and {last}", parts.join(", ")),
        None => String::new(),
    }
}

/// The classes met so far.
#[derive(Default)]
pub struct Classes {
    /// Every spelling with the name shown for it.
    spellings: HashMap<Vec<u8>, String>,
    /// By the name shown: the canonical form, the first spelling and where it was met, and whether there are others.
    classes: HashMap<String, Met>,
}

struct Met {
    canonical: Vec<u8>,
    spelling: Vec<u8>,
    place: String,
    again: bool,
}

impl Classes {
    /// The name of a class that is spelled so; `place` says where, for people.
    pub fn name(&mut self, spelling: &[u8], place: impl Fn() -> String) -> Result<String, Error> {
        if let Some(name) = self.spellings.get(spelling) {
            return Ok(name.clone());
        }
        let (name, canonical) = (shown(spelling), canonical(spelling));
        if name.len() > LONGEST_CLASS {
            let length = name.len();
            return Err(Error::data(format!(
                "the name of a class has {length} bytes, expected at most {LONGEST_CLASS}: `{name}` ({})",
                place()
            )));
        }
        match self.classes.get_mut(&name) {
            Some(met) if met.canonical == canonical => met.again = true,
            Some(met) => {
                let raw = |name: &[u8]| format!("\"{}\"", name.escape_ascii());
                return Err(Error::data(format!(
                    "two classes would both be shown as `{name}`: {} ({}) and {} ({})",
                    raw(&met.spelling),
                    met.place,
                    raw(spelling),
                    place()
                ))
                .with_hint("rename one of the two"));
            }
            None => {
                let met = Met {
                    canonical,
                    spelling: spelling.to_vec(),
                    place: place(),
                    again: false,
                };
                self.classes.insert(name.clone(), met);
            }
        }
        self.spellings.insert(spelling.to_vec(), name.clone());
        Ok(name)
    }

    /// The classes that were spelled in more than one way.
    pub fn spelled_in_two_ways(&self) -> Vec<String> {
        let several = self.classes.iter().filter(|(_, met)| met.again);
        let mut names: Vec<String> = several.map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }

    /// The classes whose names differ in nothing but capital letters from another's.
    pub fn alike_but_for_case(&self) -> Vec<String> {
        let mut by_case: HashMap<String, Vec<&String>> = HashMap::new();
        for name in self.classes.keys() {
            by_case.entry(name.to_lowercase()).or_default().push(name);
        }
        let several = by_case.into_values().filter(|names| names.len() > 1);
        let mut names: Vec<String> = several.flatten().cloned().collect();
        names.sort();
        names
    }
}

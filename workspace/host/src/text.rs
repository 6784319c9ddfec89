//! Texts from plugins: read with their lengths checked, and cleaned before anyone prints them.

use topwork_abi as abi;

/// Copies a plugin's text; an `Err` says what is wrong with it and completes "a text that …".
pub(crate) fn read_text(text: abi::Text, longest: usize) -> Result<String, String> {
    if text.len == 0 {
        return Ok(String::new());
    }
    if text.data.is_null() {
        return Err(format!("has {} bytes at a null pointer", text.len));
    }
    if text.len > longest {
        return Err(format!(
            "has {} bytes, expected at most {longest}",
            text.len
        ));
    }
    // SAFETY: not null, and the contract says that `len` bytes stand there during the call; `longest` keeps a wild length small.
    let bytes = unsafe { std::slice::from_raw_parts(text.data, text.len) };
    utf8(bytes).map(str::to_owned)
}

/// The same, of a text that may be longer: as much as fits into `longest` bytes, with a mark where it is cut off.
pub(crate) fn read_cut(text: abi::Text, longest: usize) -> Result<String, String> {
    if text.len <= longest {
        return read_text(text, longest);
    }
    // The cut may fall into a character, which has up to 4 bytes.
    let cut = |off: usize| {
        let len = longest.saturating_sub(off);
        read_text(abi::Text { len, ..text }, longest)
    };
    let whole = (0..4).find_map(|off| cut(off).ok());
    whole.map_or_else(|| cut(0), |text| Ok(text + " …"))
}

/// The bytes as text; an `Err` says where they are not UTF-8 and completes "a text that …".
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes)
        .map_err(|error| format!("is not UTF-8 at byte {}", error.valid_up_to()))
}

/// One line that a terminal can show: line breaks and tabs become spaces; escape sequences, other control characters and
/// those that turn the direction of writing are left out.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\t' | '\u{2028}' | '\u{2029}' => cleaned.push(' '),
            // ESC [ begins a sequence that a character from `@` to `~` ends; without its ESC it would be left as noise.
            '\u{1b}' if characters.peek() == Some(&'[') => {
                characters.next();
                characters.find(|c| ('@'..='~').contains(c));
            }
            c if c.is_control() => {}
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c => cleaned.push(c),
        }
    }
    cleaned.trim().to_owned()
}

/// Whether `id` is one that experiments can name: 1 to 64 of `a-z`, `0-9` and `-`.
pub(crate) fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleaned_texts() {
        let cases = [
            ("plain", "plain"),
            ("  two\r\nlines\there ", "two lines here"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}[2J\u{1b}[1;1Htop", "top"),
            ("\u{1b}]0;title\u{7}", "]0;title"),
            ("cut off \u{1b}[", "cut off"),
            ("\u{9b}31m eight bits", "31m eight bits"),
            ("\u{202e}backwards\u{2069}", "backwards"),
            ("übung ≥ 1", "übung ≥ 1"),
        ];
        for (text, expected) in cases {
            assert_eq!(clean(text), expected, "{text:?}");
        }
    }

    #[test]
    fn texts_are_read_with_care() {
        let bytes = [b'a', b'b', 0xc3];
        let text = |len| abi::Text {
            data: bytes.as_ptr(),
            len,
        };
        let null = |len| abi::Text {
            data: std::ptr::null(),
            len,
        };
        let cases = [
            (text(2), Ok("ab")),
            (text(3), Err("is not UTF-8 at byte 2")),
            (text(0), Ok("")),
            (null(0), Ok("")),
            (null(1), Err("has 1 bytes at a null pointer")),
            (
                text(usize::MAX),
                Err("has 18446744073709551615 bytes, expected at most 5"),
            ),
        ];
        for (text, expected) in cases {
            let read = read_text(text, 5);
            assert_eq!(read.as_deref().map_err(|e| &**e), expected);
        }
        let long = abi::Text::new("aéb");
        for (longest, expected) in [(4, "aéb"), (3, "aé …"), (2, "a …"), (1, "a …")] {
            assert_eq!(read_cut(long, longest).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn ids() {
        let long = "a".repeat(65);
        let cases = [
            ("lenet", true),
            ("logistic-regression-2", true),
            ("", false),
            ("LeNet", false),
            ("a/b", false),
            ("a b", false),
            (&long[..64], true),
            (&long, false),
        ];
        for (id, expected) in cases {
            assert_eq!(is_id(id), expected, "{id:?}");
        }
    }
}

//! Changes to an experiment file from the command line: `--seed N` and `--set path=value`.

use toml_edit::{Array, DocumentMut, Item, Value};

/// Why a change could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// A seed TOML cannot hold.
    #[error("seed {0} is too large, expected at most {max}", max = i64::MAX)]
    Seed(u64),
    /// A path with an empty or unreadable part.
    #[error("cannot read the path `{0}`, expected keys like `strategy[0].train.epochs`")]
    Path(String),
    /// An index beyond the end of a list.
    #[error("`{path}`: `{list}` has length {length}, found the index {index}, counted from 0")]
    Index {
        /// The path asked for.
        path: String,
        /// The list within it.
        list: String,
        /// The index asked for.
        index: usize,
        /// How many items there are.
        length: usize,
    },
    /// A step into something that has no parts of this kind.
    #[error("`{path}`: expected `{at}` to be {expected}, found {found}")]
    NoSuchPart {
        /// The path asked for.
        path: String,
        /// The value stepped into.
        at: String,
        /// "a table" or "a list".
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
}

/// The text with `seeds`, unless empty, in place of the file's own, and every path of `sets` set
/// to its value. Comments and order are kept; tables that are missing on a path are made.
///
/// Paths are written like `strategy[0].train.epochs` or `strategy.0.train.epochs`. A value is read
/// as TOML (`3`, `[1, 2]`, `"text"`), and as a plain string if it is none.
///
/// Text that is not TOML comes back as it is: [`Draft::read`](crate::Draft::read) shows where it
/// is wrong.
///
/// # Errors
///
/// A path that cannot be read or leads into something without parts, an index beyond a list's
/// end, a seed beyond 2^63 - 1. Whether the key means anything is not looked at here.
pub fn apply_overrides(
    text: &str,
    seeds: &[u64],
    sets: &[(String, String)],
) -> Result<String, OverrideError> {
    let Ok(mut document) = text.parse::<DocumentMut>() else {
        return Ok(text.to_owned());
    };
    if !seeds.is_empty() {
        let seeds: Result<Array, OverrideError> = seeds
            .iter()
            .map(|seed| i64::try_from(*seed).map_err(|_| OverrideError::Seed(*seed)))
            .collect();
        set(&mut document, "seeds", Value::Array(seeds?))?;
    }
    for (path, written) in sets {
        let value = written
            .parse::<Value>()
            .unwrap_or_else(|_| written.as_str().into());
        set(&mut document, path, value)?;
    }
    Ok(document.to_string())
}

enum Step {
    Key(String),
    Index(usize),
}

fn steps(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (key, mut indices) = match part.find('[') {
            Some(at) => part.split_at(at),
            None => (part, ""),
        };
        steps.push(match key.parse() {
            Ok(index) => Step::Index(index),
            Err(_) if key.is_empty() => return None,
            Err(_) => Step::Key(key.to_owned()),
        });
        while !indices.is_empty() {
            let (index, rest) = indices.strip_prefix('[')?.split_once(']')?;
            steps.push(Step::Index(index.parse().ok()?));
            indices = rest;
        }
    }
    Some(steps)
}

/// A comment behind the old value stays.
fn set(document: &mut DocumentMut, path: &str, new: Value) -> Result<(), OverrideError> {
    let steps = steps(path).ok_or_else(|| OverrideError::Path(path.to_owned()))?;
    let mut part = document.as_item_mut();
    let mut at = String::new();
    for step in &steps {
        let found = with_article(part.type_name());
        let wrong = |expected| OverrideError::NoSuchPart {
            path: path.to_owned(),
            at: at.clone(),
            expected,
            found,
        };
        part = match step {
            // Makes what is missing.
            Step::Key(key) => part.get_mut(key).ok_or_else(|| wrong("a table"))?,
            Step::Index(index) => {
                let length = match &*part {
                    Item::ArrayOfTables(tables) => tables.len(),
                    Item::Value(Value::Array(list)) => list.len(),
                    _ => return Err(wrong("a list")),
                };
                part.get_mut(*index).ok_or_else(|| OverrideError::Index {
                    path: path.to_owned(),
                    list: at.clone(),
                    index: *index,
                    length,
                })?
            }
        };
        match step {
            Step::Key(key) if at.is_empty() => at.push_str(key),
            Step::Key(key) => at.push_str(&format!(".{key}")),
            Step::Index(index) => at.push_str(&format!("[{index}]")),
        }
    }
    match (&*part, new, steps.last()) {
        // One of several `[[tables]]` can only become another table.
        (Item::Table(_), Value::InlineTable(new), Some(Step::Index(_))) => {
            *part = Item::Table(new.into_table());
        }
        (Item::Table(_), new, Some(Step::Index(_))) => {
            return Err(OverrideError::NoSuchPart {
                path: path.to_owned(),
                at: path.to_owned(),
                expected: "a table",
                found: with_article(new.type_name()),
            });
        }
        (old, mut new, _) => {
            if let Some(old) = old.as_value() {
                *new.decor_mut() = old.decor().clone();
            }
            *part = Item::Value(new);
        }
    }
    Ok(())
}

fn with_article(type_name: &str) -> &'static str {
    match type_name {
        "string" => "a string",
        "integer" => "an integer",
        "float" => "a number",
        "boolean" => "a boolean",
        "datetime" => "a date",
        "array" | "array of tables" => "a list",
        "table" | "inline table" => "a table",
        _ => "nothing",
    }
}

#[cfg(test)]
mod tests {
    use super::apply_overrides;

    const FILE: &str = r#"name = "x" # stays
seeds = [1]
[source]
train = { epochs = 3 } # three
[[strategy]]
name = "a"
train = { epochs = 1 }
[[strategy]]
name = "b"
"#;

    fn set(path: &str, value: &str) -> String {
        let sets = [(path.to_owned(), value.to_owned())];
        match apply_overrides(FILE, &[], &sets) {
            Err(error) => format!("error: {error}"),
            Ok(changed) => {
                let old: Vec<&str> = FILE.lines().collect();
                let new = changed
                    .lines()
                    .filter(|line| !line.is_empty() && !old.contains(line));
                new.collect::<Vec<_>>().join("; ")
            }
        }
    }

    #[test]
    fn a_path_is_set_and_all_else_stays() {
        let cases = [
            ("name", "y", r#"name = "y" # stays"#),
            ("name", "\"y z\"", r#"name = "y z" # stays"#),
            ("about", "hello there", r#"about = "hello there""#),
            ("seeds", "[1, 2]", "seeds = [1, 2]"),
            ("source.train.epochs", "5", "train = { epochs = 5 } # three"),
            (
                "source.train.batch-size",
                "32",
                "train = { epochs = 3 , batch-size = 32 } # three",
            ),
            ("strategy[0].train.epochs", "7", "train = { epochs = 7 }"),
            ("strategy.0.train.epochs", "7", "train = { epochs = 7 }"),
            ("strategy[1].train.epochs", "7", "train = { epochs = 7 }"),
            ("source.head.hidden", "[1]", "head = { hidden = [1] }"),
            (
                "source.train.augment.shift",
                "2",
                "train = { epochs = 3 , augment = { shift = 2 } } # three",
            ),
            (
                "strategy[1].learning-rate-multipliers",
                "{ \"8..=10\" = 1.0, \"*\" = 0 }",
                r#"learning-rate-multipliers = { "8..=10" = 1.0, "*" = 0 }"#,
            ),
            ("seeds[0]", "4", "seeds = [4]"),
            ("strategy[1]", "{ name = \"c\" }", r#"name = "c""#),
        ];
        for (path, value, expected) in cases {
            assert_eq!(set(path, value), expected, "--set {path}={value}");
        }
    }

    #[test]
    fn a_path_that_leads_nowhere_says_so() {
        let cases = [
            (
                "",
                "error: cannot read the path ``, expected keys like `strategy[0].train.epochs`",
            ),
            (
                "a..b",
                "error: cannot read the path `a..b`, expected keys like `strategy[0].train.epochs`",
            ),
            (
                "a[x]",
                "error: cannot read the path `a[x]`, expected keys like `strategy[0].train.epochs`",
            ),
            (
                "strategy[2].name",
                "error: `strategy[2].name`: `strategy` has length 2, found the index 2, counted from 0",
            ),
            (
                "seeds[1]",
                "error: `seeds[1]`: `seeds` has length 1, found the index 1, counted from 0",
            ),
            (
                "name.first",
                "error: `name.first`: expected `name` to be a table, found a string",
            ),
            (
                "source[0]",
                "error: `source[0]`: expected `source` to be a list, found a table",
            ),
            (
                "strategy.name",
                "error: `strategy.name`: expected `strategy` to be a table, found a list",
            ),
            (
                "strategy[0]",
                "error: `strategy[0]`: expected `strategy[0]` to be a table, found an integer",
            ),
        ];
        for (path, expected) in cases {
            assert_eq!(set(path, "1"), expected, "--set {path}=1");
        }
    }

    #[test]
    fn seeds_replace_those_of_the_file() {
        let changed = apply_overrides(FILE, &[3, 4], &[]).unwrap();
        assert!(changed.contains("seeds = [3, 4]"), "{changed}");
        let error = apply_overrides(FILE, &[u64::MAX], &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "seed 18446744073709551615 is too large, expected at most 9223372036854775807"
        );
    }

    #[test]
    fn text_that_is_no_toml_is_left_to_the_reader() {
        assert_eq!(apply_overrides("a = = 1", &[1], &[]).unwrap(), "a = = 1");
    }
}

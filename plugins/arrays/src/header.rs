//! The header of a `.npy` file: a Python dictionary as text.
//!
//! NumPy reads it with `ast.literal_eval`, so that quotes of either kind, any order of the keys, spaces, and the `L` of Python 2
//! behind integers are all the same to it; and to this reader.

use crate::problem::Problem;
use std::iter::Peekable;
use std::str::Chars;

/// Deeper than any type of NumPy goes; a header of brackets alone must not exhaust the stack.
const DEEPEST: usize = 32;

/// So much of a header that cannot be read is shown.
const SHOWN: usize = 120;

/// What the header says.
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    /// The type of the elements, such as `<f8`.
    pub descr: String,
    /// Whether the first dimension changes fastest.
    pub is_column_major: bool,
    /// The sizes of the dimensions.
    pub shape: Vec<usize>,
}

/// A value of Python.
#[derive(Debug, PartialEq)]
enum Value {
    Text(String),
    Integer(i128),
    Bool(bool),
    None,
    /// A list or a tuple.
    List(Vec<Value>),
    Dictionary(Vec<(Value, Value)>),
}

impl Header {
    /// Reads `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`.
    pub fn parse(text: &str) -> Result<Header, Problem> {
        let wrong = || {
            let begin: String = text.trim().chars().take(SHOWN).collect();
            Problem::from(format!(
                "has the header {begin:?}, expected descr, fortran_order and shape"
            ))
        };
        let mut parser = Parser(text.chars().peekable());
        let Some(Value::Dictionary(entries)) = parser.value(0) else {
            return Err(wrong());
        };
        if parser.next_sign().is_some() {
            return Err(wrong());
        }
        let value = |key: &str| {
            let is_key = |(name, _): &&(Value, Value)| matches!(name, Value::Text(t) if t == key);
            // Of two equal keys Python takes the last.
            entries.iter().rev().find(is_key).map(|(_, value)| value)
        };
        let size = |value: &Value| match value {
            Value::Integer(size) => usize::try_from(*size).ok(),
            _ => None,
        };
        let shape = match value("shape") {
            Some(Value::List(sizes)) => sizes.iter().map(size).collect::<Option<Vec<_>>>(),
            _ => None,
        };
        let (Some(descr), Some(Value::Bool(is_column_major)), Some(shape)) =
            (value("descr"), value("fortran_order"), shape)
        else {
            return Err(wrong());
        };
        match descr {
            Value::Text(descr) => Ok(Header {
                descr: descr.clone(),
                is_column_major: *is_column_major,
                shape,
            }),
            Value::List(fields) => Err(of_fields(fields)),
            _ => Err(wrong()),
        }
    }
}

/// Records are refused by the names of their fields.
fn of_fields(fields: &[Value]) -> Problem {
    let name = |field: &Value| match field {
        Value::List(parts) => match parts.first() {
            Some(Value::Text(name)) => Some(name.clone()),
            // A title and the name.
            Some(Value::List(names)) => match names.get(1) {
                Some(Value::Text(name)) => Some(name.clone()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    // What fills the gap between two fields has no name.
    let names: Vec<String> = fields
        .iter()
        .filter_map(name)
        .filter(|name| !name.is_empty())
        .collect();
    let listed = crate::unpack::listed(&names);
    let problem =
        format!("holds records with the fields {listed}, expected plain numbers or words");
    let hint = match &*names {
        [] => "save every field as an array of its own".to_owned(),
        [name] => format!(
            "save the field as an array of its own: `np.save(\"samples.npy\", a[\"{name}\"])`"
        ),
        [first, .., last] => format!(
            "save the fields as arrays of their own, such as `np.savez(\"arrays.npz\", samples=a[\"{first}\"], labels=a[\"{last}\"])`"
        ),
    };
    Problem::from(problem).with_hint(hint)
}

/// Reads values of Python as far as headers have them.
struct Parser<'a>(Peekable<Chars<'a>>);

impl Parser<'_> {
    /// The next character that is no space, left where it is.
    fn next_sign(&mut self) -> Option<char> {
        while self.0.next_if(|c| c.is_whitespace()).is_some() {}
        self.0.peek().copied()
    }

    /// Goes past a sign, if it comes next.
    fn skip(&mut self, sign: char) -> bool {
        self.next_sign() == Some(sign) && self.0.next().is_some()
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEEPEST {
            return None;
        }
        match self.next_sign()? {
            '\'' | '"' => self.text().map(Value::Text),
            '{' => {
                self.0.next();
                let mut entries = Vec::new();
                while !self.skip('}') {
                    let key = self.value(depth + 1)?;
                    if !self.skip(':') {
                        return None;
                    }
                    entries.push((key, self.value(depth + 1)?));
                    if !self.skip(',') && self.next_sign() != Some('}') {
                        return None;
                    }
                }
                Some(Value::Dictionary(entries))
            }
            open @ ('(' | '[') => {
                self.0.next();
                let close = if open == '(' { ')' } else { ']' };
                let mut values = Vec::new();
                let mut commas = 0;
                while !self.skip(close) {
                    values.push(self.value(depth + 1)?);
                    if self.skip(',') {
                        commas += 1;
                    } else if self.next_sign() != Some(close) {
                        return None;
                    }
                }
                // Brackets around a single value are no tuple.
                if open == '(' && commas == 0 && values.len() == 1 {
                    return values.pop();
                }
                Some(Value::List(values))
            }
            c if c.is_ascii_digit() || matches!(c, '+' | '-') => self.integer(),
            c if c.is_alphabetic() => {
                let mut word = String::new();
                while let Some(c) = self.0.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    word.push(c);
                }
                match (&*word, self.0.peek()) {
                    // The prefixes of Python's texts.
                    ("u" | "U" | "b" | "B" | "r" | "R", Some('\'' | '"')) => {
                        self.text().map(Value::Text)
                    }
                    ("True", _) => Some(Value::Bool(true)),
                    ("False", _) => Some(Value::Bool(false)),
                    ("None", _) => Some(Value::None),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn text(&mut self) -> Option<String> {
        let quote = self.0.next()?;
        let mut text = String::new();
        loop {
            match self.0.next()? {
                c if c == quote => return Some(text),
                '\\' => match self.0.next()? {
                    c @ ('\\' | '\'' | '"') => text.push(c),
                    // Only names of fields have others, and nobody compares these.
                    c => text.extend(['\\', c]),
                },
                c => text.push(c),
            }
        }
    }

    fn integer(&mut self) -> Option<Value> {
        let mut digits = String::new();
        while let Some(c) = self
            .0
            .next_if(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '_'))
        {
            if c != '_' {
                digits.push(c);
            }
        }
        // Long integers of Python 2 end so.
        self.0.next_if(|c| matches!(c, 'L' | 'l'));
        digits.parse().ok().map(Value::Integer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_python_reads_them() {
        let good = [
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }   \n",
            "{\"descr\": \"<f8\", \"fortran_order\": False, \"shape\": (3, 4)}",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3L, 4L), }",
            "{'shape':(3,4,),'fortran_order':False,'descr':'<f8'}",
            " {\n 'shape' : ( 3 , 4 ) ,\t'descr' : u'<f8' , 'fortran_order' : False , } ",
            "{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (+3, 4)}",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), 'more': [None, {}, ()]}",
        ];
        let expected = Header {
            descr: "<f8".to_owned(),
            is_column_major: false,
            shape: vec![3, 4],
        };
        for text in good {
            assert_eq!(Header::parse(text).as_ref(), Ok(&expected), "{text}");
        }
        for (shape, expected) in [("()", &[][..]), ("(5,)", &[5]), ("[5]", &[5])] {
            let text = format!("{{'descr': '|u1', 'fortran_order': True, 'shape': {shape}}}");
            let header = Header::parse(&text).unwrap();
            assert_eq!(
                (header.is_column_major, &*header.shape),
                (true, expected),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let deep = format!("{{'descr': {}", "[".repeat(60_000));
        let bad = [
            "",
            "{",
            "{'descr'",
            "{'descr': '<f8', 'fortran_order': False}",
            "{'descr': '<f8', 'fortran_order': 0, 'shape': (3,)}",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3, -2)}",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3)}",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4)",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4)} and more",
            "{'descr': <f8, 'fortran_order': False, 'shape': (3, 4)}",
            "{'descr': '<f8' 'fortran_order': False, 'shape': (3, 4)}",
            &deep,
        ];
        for text in bad {
            let problem = Header::parse(text).unwrap_err();
            assert!(
                format!("{problem:?}").contains("has the header"),
                "{text}: {problem:?}"
            );
        }
    }

    #[test]
    fn records_are_refused_by_their_fields() {
        let text = "{'descr': [(('Picture', 'image'), '|u1', (4, 6)), ('', '|V3'), ('label', '<i8')], \
            'fortran_order': False, 'shape': (12,), }";
        let problem = Header::parse(text).unwrap_err();
        insta::assert_snapshot!(problem.in_file(std::path::Path::new("a.npy")));
    }
}

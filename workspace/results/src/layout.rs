//! How `results.json` is laid out: for people down to the figures of a row, for programs below.

use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

/// Lists and tables within so many others have a line for every part; what is deeper stands on
/// one line: the file, its list of rows, a row.
const OPEN: usize = 3;

/// The text, which ends with a line end.
pub fn to_string(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut text = Vec::new();
    value.serialize(&mut Serializer::with_formatter(
        &mut text,
        Layout::default(),
    ))?;
    text.push(b'\n');
    // The serializer writes nothing but UTF-8.
    String::from_utf8(text)
        .map_err(|error| serde_json::Error::io(io::Error::other(error.utf8_error())))
}

#[derive(Default)]
struct Layout {
    pretty: PrettyFormatter<'static>,
    depth: usize,
}

/// Passes a call on to the layout of the present depth.
macro_rules! pass {
    ($self:ident, $call:ident($($argument:expr),*)) => {
        match $self.depth <= OPEN {
            true => $self.pretty.$call($($argument),*),
            false => CompactFormatter.$call($($argument),*),
        }
    };
}

impl Formatter for Layout {
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        pass!(self, begin_array(writer))
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let end = pass!(self, end_array(writer));
        self.depth -= 1;
        end
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        pass!(self, begin_array_value(writer, first))
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        pass!(self, end_array_value(writer))
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        pass!(self, begin_object(writer))
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let end = pass!(self, end_object(writer));
        self.depth -= 1;
        end
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        pass!(self, begin_object_key(writer, first))
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        pass!(self, begin_object_value(writer))
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        pass!(self, end_object_value(writer))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    #[test]
    fn what_is_deep_stands_on_one_line() {
        let value = json!({
            "format": 2,
            "strategies": [
                { "name": "a\"", "seeds": [{ "seed": 1, "folds": [] }], "std": null },
                { "confusion": { "cells": [[0, 1, 2], [1, 1, 3]] } },
            ],
            "pairs": [],
        });
        let text = super::to_string(&value).unwrap();
        insta::assert_snapshot!(text);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}

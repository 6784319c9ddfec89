//! Which classes are taken for which.

use std::{
    borrow::Cow,
    collections::{BTreeMap, btree_map::Entry},
    fmt,
};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
    ser::SerializeStruct,
};

/// Counts of (true class, predicted class). Only cells that hold something are kept: 10,000
/// classes have a hundred million cells, and no more than there are test examples are not 0.
///
/// Written as `{"classes": 3, "cells": [[0, 0, 21], [0, 2, 1]]}`, cells as true class, predicted
/// class, count, in this order. Streams and files of format 1 have a list of rows in its place,
/// which is read, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// None of them is 0.
    cells: BTreeMap<(u32, u32), u64>,
}

impl Confusion {
    /// An empty matrix for `classes` classes.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            cells: BTreeMap::new(),
        }
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Counts one example. Classes outside the matrix are not counted and give `false`.
    pub fn add(&mut self, truth: usize, predicted: usize) -> bool {
        let place = self.place(truth, predicted);
        if let Some(place) = place {
            *self.cells.entry(place).or_default() += 1;
        }
        place.is_some()
    }

    /// Adds the counts of another matrix; what lies outside this one is left out.
    pub fn merge(&mut self, other: &Self) {
        for (truth, predicted, count) in other.cells() {
            if let Some(place) = self.place(truth, predicted) {
                *self.cells.entry(place).or_default() += count;
            }
        }
    }

    /// The count of one cell.
    pub fn get(&self, truth: usize, predicted: usize) -> u64 {
        let place = self.place(truth, predicted);
        place
            .and_then(|place| self.cells.get(&place))
            .copied()
            .unwrap_or(0)
    }

    /// The cells that are not 0, as true class, predicted class and count: by true class, then by
    /// predicted class.
    pub fn cells(&self) -> impl Iterator<Item = (usize, usize, u64)> {
        (self.cells.iter())
            .map(|(&(truth, predicted), &count)| (truth as usize, predicted as usize, count))
    }

    /// What the examples of one class are taken for: the classes predicted that are not 0, in
    /// their order, with their counts.
    pub fn row(&self, truth: usize) -> impl Iterator<Item = (usize, u64)> {
        let truth = u32::try_from(truth).ok().filter(|_| truth < self.classes);
        let range = truth.map(|truth| self.cells.range((truth, 0)..=(truth, u32::MAX)));
        (range.into_iter().flatten()).map(|(&(_, predicted), &count)| (predicted as usize, count))
    }

    /// Examples of one class.
    pub fn of_class(&self, truth: usize) -> u64 {
        self.row(truth).map(|(_, count)| count).sum()
    }

    /// Examples of every class, in the order of the classes.
    pub fn of_classes(&self) -> Vec<u64> {
        let mut counts = vec![0; self.classes];
        for (truth, _, count) in self.cells() {
            counts[truth] += count;
        }
        counts
    }

    /// Examples on the diagonal.
    pub fn correct(&self) -> u64 {
        let on_diagonal = self
            .cells()
            .filter(|(truth, predicted, _)| truth == predicted);
        on_diagonal.map(|(_, _, count)| count).sum()
    }

    /// All examples counted.
    pub fn total(&self) -> u64 {
        self.cells.values().sum()
    }

    fn place(&self, truth: usize, predicted: usize) -> Option<(u32, u32)> {
        let inside = truth < self.classes && predicted < self.classes;
        let place = (u32::try_from(truth).ok()?, u32::try_from(predicted).ok()?);
        inside.then_some(place)
    }

    /// Takes in a cell that was written, or says what is wrong with it.
    fn read<E: Error>(&mut self, truth: usize, predicted: usize, count: u64) -> Result<(), E> {
        let Some(place) = self.place(truth, predicted) else {
            let classes = self.classes;
            return Err(E::custom(format_args!(
                "the cell ({truth}, {predicted}) is outside of a matrix of {classes} classes"
            )));
        };
        match self.cells.entry(place) {
            Entry::Occupied(_) => Err(E::custom(format_args!(
                "the cell ({truth}, {predicted}) is written twice"
            ))),
            Entry::Vacant(_) if count == 0 => Ok(()),
            Entry::Vacant(cell) => {
                cell.insert(count);
                Ok(())
            }
        }
    }
}

/// From one row per true class with one count per predicted class; what is beyond as many columns
/// as rows is left out.
impl From<Vec<Vec<u64>>> for Confusion {
    fn from(rows: Vec<Vec<u64>>) -> Self {
        let mut confusion = Self::new(rows.len());
        for (truth, row) in rows.into_iter().enumerate() {
            for (predicted, count) in row.into_iter().enumerate().filter(|(_, n)| *n > 0) {
                if let Some(place) = confusion.place(truth, predicted) {
                    confusion.cells.insert(place, count);
                }
            }
        }
        confusion
    }
}

impl Serialize for Confusion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Cells<'a>(&'a Confusion);
        impl Serialize for Cells<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.0.cells())
            }
        }
        let mut matrix = serializer.serialize_struct("Confusion", 2)?;
        matrix.serialize_field("classes", &self.classes)?;
        matrix.serialize_field("cells", &Cells(self))?;
        matrix.end()
    }
}

/// As it is written.
impl JsonSchema for Confusion {
    fn schema_name() -> Cow<'static, str> {
        "Confusion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Counts of true class, predicted class: those that are not 0, by true and then by predicted class.",
            "type": "object",
            "required": ["classes", "cells"],
            "properties": {
                "classes": { "type": "integer", "minimum": 0 },
                "cells": {
                    "type": "array",
                    "items": {
                        "type": "array",
                        "items": { "type": "integer", "minimum": 0 },
                        "minItems": 3,
                        "maxItems": 3
                    }
                }
            }
        })
    }
}

impl<'de> Deserialize<'de> for Confusion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// Reads both forms.
struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = Confusion;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a confusion matrix: `classes` and `cells`, or rows of counts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Confusion, A::Error> {
        let mut found: Vec<Vec<u64>> = Vec::new();
        while let Some(row) = rows.next_element()? {
            found.push(row);
        }
        let classes = found.len();
        match found.iter().find(|row| row.len() != classes) {
            Some(row) => Err(A::Error::custom(format_args!(
                "a row of a matrix of {classes} classes has {} counts",
                row.len()
            ))),
            None => Ok(found.into()),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Confusion, A::Error> {
        let (mut classes, mut cells) = (None::<usize>, None::<Vec<(usize, usize, u64)>>);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "classes" => classes = Some(map.next_value()?),
                "cells" => cells = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let mut confusion =
            Confusion::new(classes.ok_or_else(|| A::Error::missing_field("classes"))?);
        for (truth, predicted, count) in cells.ok_or_else(|| A::Error::missing_field("cells"))? {
            confusion.read(truth, predicted, count)?;
        }
        Ok(confusion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_by_hand() {
        let mut confusion = Confusion::new(3);
        for (truth, predicted) in [(0, 1), (0, 0), (1, 1), (1, 1)] {
            assert!(confusion.add(truth, predicted));
        }
        assert!(!confusion.add(0, 3) && !confusion.add(3, 0));
        let dense = vec![vec![1, 1, 0], vec![0, 2, 0], vec![0, 0, 0]];
        assert_eq!(confusion, dense.clone().into());
        assert_eq!((confusion.correct(), confusion.total()), (3, 4));
        let text = serde_json::to_string(&confusion).unwrap();
        assert_eq!(text, r#"{"classes":3,"cells":[[0,0,1],[0,1,1],[1,1,2]]}"#);
        let old = serde_json::to_string(&dense).unwrap();
        assert_eq!(serde_json::from_str::<Confusion>(&old).unwrap(), confusion);
    }

    #[test]
    fn what_is_no_matrix_is_refused() {
        let check = |text: &str, expected: &str| {
            let error = serde_json::from_str::<Confusion>(text).unwrap_err();
            assert!(error.to_string().contains(expected), "{text}: {error}");
        };
        check("[[1,2],[3]]", "2 classes has 1 counts");
        check(r#"{"classes":2}"#, "missing field `cells`");
        check(r#"{"cells":[]}"#, "missing field `classes`");
        check(r#"{"classes":2,"cells":[[0,2,1]]}"#, "(0, 2) is outside");
        check(
            r#"{"classes":2,"cells":[[0,1,1],[0,1,1]]}"#,
            "(0, 1) is written twice",
        );
        check("7", "expected a confusion matrix");
    }

    /// The same matrix kept whole.
    fn dense(classes: usize, examples: &[(usize, usize)]) -> Vec<Vec<u64>> {
        let mut rows = vec![vec![0; classes]; classes];
        for &(truth, predicted) in examples {
            rows[truth][predicted] += 1;
        }
        rows
    }

    proptest! {
        #[test]
        fn sparse_is_dense(
            (classes, one, other) in (1_usize..9).prop_flat_map(|classes| {
                let examples = || prop::collection::vec((0..classes, 0..classes), 0..60);
                (Just(classes), examples(), examples())
            })
        ) {
            let count = |examples: &[(usize, usize)]| {
                let mut confusion = Confusion::new(classes);
                examples.iter().for_each(|&(t, p)| assert!(confusion.add(t, p)));
                confusion
            };
            let (mut sparse, rows) = (count(&one), dense(classes, &one));
            prop_assert_eq!(&sparse, &Confusion::from(rows.clone()));
            for (truth, row) in rows.iter().enumerate() {
                prop_assert_eq!(sparse.of_class(truth), row.iter().sum::<u64>());
                prop_assert_eq!(sparse.of_classes()[truth], sparse.of_class(truth));
                let cells = row.iter().copied().enumerate().filter(|(_, n)| *n > 0);
                prop_assert!(sparse.row(truth).eq(cells));
                for (predicted, &n) in row.iter().enumerate() {
                    prop_assert_eq!(sparse.get(truth, predicted), n);
                }
            }
            prop_assert_eq!(sparse.total(), one.len() as u64);
            prop_assert_eq!(sparse.correct(), (0..classes).map(|c| rows[c][c]).sum::<u64>());
            // Written in either form, what is read is the same.
            let new = serde_json::to_string(&sparse).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Confusion>(&new).unwrap(), &sparse);
            let old = serde_json::to_string(&rows).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Confusion>(&old).unwrap(), &sparse);
            // Two together are all examples counted at once.
            sparse.merge(&count(&other));
            let all: Vec<_> = one.iter().chain(&other).copied().collect();
            prop_assert_eq!(sparse, count(&all));
        }
    }
}

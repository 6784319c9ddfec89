//! A list in which every entry has a key of its own.

use std::{collections::HashMap, hash::Hash, ops::Deref, slice, vec};

/// What a list is told apart by.
pub trait Key {
    /// Its key.
    type Key: Clone + Eq + Hash;
    /// The key of this one.
    fn key(&self) -> Self::Key;
}

/// Entries in the order they came first, each found by its key at once: a grid has thousands of
/// outcomes, and every record asks for one.
#[derive(Clone, Debug)]
pub struct Keyed<T: Key> {
    entries: Vec<T>,
    places: HashMap<T::Key, usize>,
}

impl<T: Key> Keyed<T> {
    /// The entry with this key.
    pub fn get(&self, key: &T::Key) -> Option<&T> {
        self.entries.get(*self.places.get(key)?)
    }

    /// Puts an entry in the place of the one with the same key, or at the end.
    pub(crate) fn put(&mut self, entry: T) {
        let key = entry.key();
        match self.places.get(&key) {
            Some(place) => self.entries[*place] = entry,
            None => {
                self.places.insert(key, self.entries.len());
                self.entries.push(entry);
            }
        }
    }

    /// Takes out the entry with this key, if there is one.
    pub(crate) fn remove(&mut self, key: &T::Key) {
        if let Some(gone) = self.places.remove(key) {
            self.entries.remove(gone);
            for place in self.places.values_mut().filter(|place| **place > gone) {
                *place -= 1;
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.places.clear();
    }
}

impl<T: Key> Default for Keyed<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            places: HashMap::new(),
        }
    }
}

impl<T: Key + PartialEq> PartialEq for Keyed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl<T: Key> Deref for Keyed<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.entries
    }
}

impl<T: Key> IntoIterator for Keyed<T> {
    type Item = T;
    type IntoIter = vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<'a, T: Key> IntoIterator for &'a Keyed<T> {
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

impl<T: Key> FromIterator<T> for Keyed<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        let mut keyed = Self::default();
        entries.into_iter().for_each(|entry| keyed.put(entry));
        keyed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Key for (u8, u8) {
        type Key = u8;
        fn key(&self) -> u8 {
            self.0
        }
    }

    proptest! {
        /// As a plain list that is searched from its beginning.
        #[test]
        fn is_a_list_that_is_searched(steps in prop::collection::vec((0_u8..9, 0_u8..4), 0..60)) {
            let (mut keyed, mut plain) = (Keyed::<(u8, u8)>::default(), Vec::<(u8, u8)>::new());
            for (key, value) in steps {
                let known = plain.iter().position(|(other, _)| *other == key);
                match (value, known) {
                    (0, known) => {
                        keyed.remove(&key);
                        known.map(|place| plain.remove(place));
                    }
                    (_, Some(place)) => {
                        keyed.put((key, value));
                        plain[place] = (key, value);
                    }
                    (_, None) => {
                        keyed.put((key, value));
                        plain.push((key, value));
                    }
                }
                prop_assert_eq!(&*keyed, plain.as_slice());
                for key in 0..9 {
                    prop_assert_eq!(keyed.get(&key), plain.iter().find(|(other, _)| *other == key));
                }
            }
        }
    }
}

//! What is worked out once and asked for with every frame and key.

use std::{
    cell::RefCell,
    fmt,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
};

/// What was worked out last, kept for as long as it is asked for under the same key.
pub struct Memo<K, V>(RefCell<Option<(K, Rc<V>)>>);

impl<K: PartialEq, V> Memo<K, V> {
    /// The value of this key, made unless it is the one kept.
    pub fn get(&self, key: K, make: impl FnOnce() -> V) -> Rc<V> {
        if let Some((known, value)) = &*self.0.borrow()
            && *known == key
        {
            return Rc::clone(value);
        }
        let value = Rc::new(make());
        *self.0.borrow_mut() = Some((key, Rc::clone(&value)));
        value
    }
}

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(RefCell::new(None))
    }
}

// What is kept is no part of what is known: a copy begins with nothing.
impl<K, V> Clone for Memo<K, V> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<K, V> fmt::Debug for Memo<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memo")
    }
}

/// A number that nothing else has: what holds it is the same for as long as the number is.
pub fn fresh() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_worked_out_twice() {
        let memo = Memo::default();
        let made = std::cell::Cell::new(0);
        let get = |key: u64| {
            *memo.get(key, || {
                made.set(made.get() + 1);
                10 * key
            })
        };
        assert_eq!((get(1), get(1), made.get()), (10, 10, 1));
        assert_eq!((get(2), get(2), made.get()), (20, 20, 2));
        assert_ne!(fresh(), fresh());
    }
}

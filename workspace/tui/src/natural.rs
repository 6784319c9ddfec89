//! The order in which a person puts names: `10, 20, 100`, and not letter by letter.

use std::cmp::Ordering;

/// Compares two names; the numbers in them count as numbers.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() && !b.is_empty() {
        let ((first, rest_a), (second, rest_b)) = (piece(a), piece(b));
        let order = match (number(first), number(second)) {
            (Some(first), Some(second)) => first.total_cmp(&second),
            _ => first.cmp(second),
        };
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.len().cmp(&b.len())
}

/// The first piece of a text, a number or what stands before the next one; and the rest. A comma that parts thousands and
/// a point before decimals belong to the number.
fn piece(text: &str) -> (&str, &str) {
    let digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let is_number = digit(0);
    let end = (text.char_indices()).find_map(|(at, character)| {
        let parted = matches!(character, ',' | '.') && at > 0 && digit(at - 1) && digit(at + 1);
        let inside = match is_number {
            true => character.is_ascii_digit() || parted,
            false => !character.is_ascii_digit(),
        };
        (!inside).then_some(at)
    });
    text.split_at(end.unwrap_or(text.len()))
}

/// A piece as a number, if it is one.
fn number(piece: &str) -> Option<f64> {
    let is_number = piece.starts_with(|character: char| character.is_ascii_digit());
    is_number.then(|| piece.replace(',', "").parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_count_as_numbers() {
        let check = |sorted: &[&str]| {
            for (index, a) in sorted.iter().enumerate() {
                for (other, b) in sorted.iter().enumerate() {
                    assert_eq!(natural(a, b), index.cmp(&other), "{a:?} and {b:?}");
                }
            }
        };
        check(&["", "10", "20", "100", "1,000", "20,000"]);
        check(&["conv1 · 100", "conv2 · 20", "conv10 · 5", "conv10 · 5.5"]);
        check(&["0.001", "0.01", "1", "1 a", "a", "b1", "b02"]);
        check(&["3 samples, 1 fold", "3 samples, 2 folds"]);
    }

    proptest! {
        #[test]
        fn it_is_an_order(a in "[a0-9,. é]{0,9}", b in "[a0-9,. é]{0,9}") {
            prop_assert_eq!(natural(&a, &b), natural(&b, &a).reverse());
            prop_assert_eq!(natural(&a, &a), Ordering::Equal);
        }
    }
}

//! Drawing subsets of samples so that every class keeps its share.

use topwork_engine::Stream;

/// Draws `count` of the samples with these labels, stratified: every class gets its share of
/// `count` to within one, the places left over going to the classes that came off worst.
/// The positions come back in ascending order. `None` when there are fewer than `count`.
///
/// With one stream, a smaller draw takes from each class the first of those a larger one takes.
pub fn stratified(
    labels: &[u32],
    classes: usize,
    count: usize,
    stream: &mut Stream,
) -> Option<Vec<usize>> {
    if count > labels.len() {
        return None;
    }
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); classes];
    for (position, &label) in labels.iter().enumerate() {
        members.get_mut(label as usize)?.push(position);
    }
    let mut drawn = Vec::with_capacity(count);
    for (members, take) in members.iter_mut().zip(shares(labels, classes, count)) {
        stream.shuffle(members);
        drawn.extend_from_slice(&members[..take]);
    }
    drawn.sort_unstable();
    Some(drawn)
}

/// How many of `count` places each class gets: largest remainders (Hamilton's method), ties to
/// the class that comes first.
fn shares(labels: &[u32], classes: usize, count: usize) -> Vec<usize> {
    let mut sizes = vec![0_u128; classes];
    for &label in labels {
        sizes[label as usize] += 1;
    }
    let (all, wanted) = (labels.len().max(1) as u128, count as u128);
    let mut shares: Vec<usize> = sizes
        .iter()
        .map(|size| (size * wanted / all) as usize)
        .collect();
    let mut order: Vec<usize> = (0..classes).collect();
    order.sort_by_key(|&class| std::cmp::Reverse(sizes[class] * wanted % all));
    let missing = count - shares.iter().sum::<usize>();
    for &class in &order[..missing] {
        shares[class] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places_left_over_go_to_the_largest_remainders() {
        let check = |sizes: &[usize], count, expected: &[usize]| {
            let labels: Vec<u32> = (0..)
                .zip(sizes)
                .flat_map(|(class, n)| vec![class; *n])
                .collect();
            assert_eq!(
                shares(&labels, sizes.len(), count),
                expected,
                "{sizes:?} {count}"
            );
        };
        check(&[50, 30, 20], 10, &[5, 3, 2]);
        check(&[50, 30, 20], 11, &[6, 3, 2]);
        check(&[1, 1, 1], 2, &[1, 1, 0]);
        check(&[0, 4], 4, &[0, 4]);
        check(
            &[5421, 5918, 6265, 5851, 5949],
            1000,
            &[185, 201, 213, 199, 202],
        );
    }

    #[test]
    fn more_than_there_are_cannot_be_drawn() {
        assert_eq!(stratified(&[0, 1], 2, 3, &mut Stream::new(1, "x")), None);
    }

    proptest! {
        #[test]
        fn draws_are_stratified_sorted_and_repeatable(labels in prop::collection::vec(0_u32..4, 1..300), part in 0.0_f64..=1.0, seed: u64) {
            let count = (labels.len() as f64 * part) as usize;
            let drawn = stratified(&labels, 4, count, &mut Stream::new(seed, "x")).unwrap();
            prop_assert_eq!(drawn.len(), count);
            prop_assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(&drawn, &stratified(&labels, 4, count, &mut Stream::new(seed, "x")).unwrap());
            for class in 0..4 {
                let size = labels.iter().filter(|label| **label == class).count();
                let taken = drawn.iter().filter(|position| labels[**position] == class).count();
                let share = size as f64 * count as f64 / labels.len() as f64;
                prop_assert!((taken as f64 - share).abs() < 1.0, "{} of {}", taken, size);
            }
        }
    }
}

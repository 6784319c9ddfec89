//! Long sums, in several strands.

/// Partial sums of a long sum, as many as vector registers like to hold: one alone would wait for itself.
pub(crate) const STRANDS: usize = 16;

/// The sum of something of all pairs, in partial sums.
#[inline(always)]
pub(crate) fn add_up_pairs([left, right]: [&[f32]; 2], of: impl Fn(f32, f32) -> f32) -> f64 {
    let mut totals = [0.0; STRANDS];
    let (lefts, left) = left.as_chunks::<STRANDS>();
    let (rights, right) = right.as_chunks::<STRANDS>();
    for (left, right) in lefts.iter().zip(rights) {
        for strand in 0..STRANDS {
            totals[strand] += f64::from(of(left[strand], right[strand]));
        }
    }
    for (total, (&left, &right)) in totals.iter_mut().zip(left.iter().zip(right)) {
        *total += f64::from(of(left, right));
    }
    totals.iter().sum()
}

//! How far two rankings agree, most of all at their top.

/// Kendall's τ with the weight 1 / (1 + rank) added for both of a pair, ranks from 0 for the greatest: the mean of that by the
/// ranks of `a` and that by the ranks of `b`, in each case equal ones by the other. From −1 to 1. As `scipy.stats.weightedtau`.
///
/// S. Vigna, "A weighted correlation index for rankings with ties" (2015). `None` with numbers that are not as many as each
/// other or have no order, and where all of `a` or all of `b` are equal.
pub fn weighted_tau(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() || a.iter().chain(b).any(|value| value.is_nan()) {
        return None;
    }
    let tau = 0.5 * (by_ranks_of(a, b) + by_ranks_of(b, a));
    tau.is_finite().then_some(tau)
}

fn by_ranks_of(a: &[f64], b: &[f64]) -> f64 {
    let compare = |x: f64, y: f64| x.partial_cmp(&y).unwrap_or(std::cmp::Ordering::Equal);
    let mut order: Vec<usize> = (0..a.len()).collect();
    order.sort_by(|&i, &j| compare(a[i], a[j]).then(compare(b[i], b[j])));
    let mut weights = vec![0.0; a.len()];
    for (rank, &place) in order.iter().rev().enumerate() {
        weights[place] = 1.0 / (1.0 + rank as f64);
    }
    let (mut both, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for i in 0..a.len() {
        for j in 0..i {
            let (in_a, in_b) = (compare(a[i], a[j]) as i32, compare(b[i], b[j]) as i32);
            let weight = weights[i] + weights[j];
            both += weight * f64::from(in_a * in_b);
            of_a += weight * f64::from(in_a * in_a);
            of_b += weight * f64::from(in_b * in_b);
        }
    }
    both / (of_a.sqrt() * of_b.sqrt())
}

//! What features are like in each class, and how well one of them tells classes apart.

/// The mean of every dimension over the examples of each class: `classes × dims`, row-major. A class without
/// examples has NaN in its place; labels of `classes` or more are passed over.
///
/// `values` is `labels.len() × dims`, row-major; where it is not, every mean is NaN.
pub fn class_means(values: &[f32], dims: usize, labels: &[u32], classes: usize) -> Vec<f64> {
    if dims == 0 {
        return Vec::new();
    }
    if values.len() != labels.len() * dims {
        return vec![f64::NAN; classes * dims];
    }
    let mut counts = vec![0.0_f64; classes];
    let mut means = vec![0.0; classes * dims];
    for (row, &label) in values.chunks_exact(dims).zip(labels) {
        let Some(count) = counts.get_mut(label as usize) else {
            continue;
        };
        *count += 1.0;
        let sums = &mut means[label as usize * dims..][..dims];
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += f64::from(*value);
        }
    }
    // 0/0 where there are no examples.
    for (means, count) in means.chunks_exact_mut(dims).zip(&counts) {
        means.iter_mut().for_each(|mean| *mean /= count);
    }
    means
}

/// For every dimension the F statistic of a one-way analysis of variance: the variance between
/// the classes' means over the variance within the classes, each divided by its degrees of
/// freedom (R. A. Fisher, *Statistical Methods for Research Workers*, 1925, chapter VII).
///
/// `values` is `labels.len() × dims`, row-major. A dimension that never varies, or that holds
/// anything but finite numbers, scores 0; one that varies between the classes alone, infinity.
/// With fewer than two classes, or no more values than classes, every score is 0.
///
/// The scores order dimensions. They are not tested: with hundreds of dimensions some are large
/// by chance.
pub fn class_separation(values: &[f32], dims: usize, labels: &[u32]) -> Vec<f64> {
    if dims == 0 {
        return Vec::new();
    }
    let classes = labels.iter().max().map_or(0, |&label| label as usize + 1);
    let mut counts = vec![0.0_f64; classes];
    for &label in labels {
        counts[label as usize] += 1.0;
    }
    let groups = counts.iter().filter(|count| **count > 0.0).count();
    let (between_freedom, within_freedom) = (
        groups.saturating_sub(1) as f64,
        labels.len().saturating_sub(groups) as f64,
    );
    if between_freedom == 0.0 || within_freedom == 0.0 || values.len() != labels.len() * dims {
        return vec![0.0; dims];
    }
    let rows = || values.chunks_exact(dims).zip(labels);
    let means = class_means(values, dims, labels, classes);
    let there: Vec<usize> = (0..classes).filter(|class| counts[*class] > 0.0).collect();
    let mut within = vec![0.0; dims];
    for (row, &label) in rows() {
        let means = &means[label as usize * dims..][..dims];
        for ((within, value), mean) in within.iter_mut().zip(row).zip(means) {
            *within += (f64::from(*value) - mean).powi(2);
        }
    }
    (within.into_iter().enumerate())
        .map(|(dimension, within)| {
            let of_class = |class: usize| means[class * dims + dimension];
            let total: f64 = (there.iter())
                .map(|&class| counts[class] * of_class(class))
                .sum();
            let mean = total / labels.len() as f64;
            let between: f64 = (there.iter())
                .map(|&class| counts[class] * (of_class(class) - mean).powi(2))
                .sum();
            let f = (between / between_freedom) / (within / within_freedom);
            // 0/0 where nothing varies; NaN and infinite features, too.
            if f.is_nan() { 0.0 } else { f }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scores_by_hand() {
        let labels = [0, 0, 1, 1];
        let check = |column: [f32; 4], expected: f64| {
            assert_eq!(
                class_separation(&column, 1, &labels),
                [expected],
                "{column:?}"
            );
        };
        // Means 1 and 5 about 3: between 2·4 + 2·4 = 16 over 1; within 4 · 1 = 4 over 2.
        check([0.0, 2.0, 4.0, 6.0], 8.0);
        check([1.0, 1.0, 2.0, 2.0], f64::INFINITY);
        check([1.0, 1.0, 1.0, 1.0], 0.0);
        check([1.0, 2.0, 1.0, 2.0], 0.0);
        check([f32::NAN, 0.0, 1.0, 1.0], 0.0);
        check([f32::INFINITY, 0.0, 1.0, 1.0], 0.0);
    }

    #[test]
    fn means_by_hand() {
        let check = |values: &[f32], dims: usize, labels: &[u32], expected: &str| {
            assert_eq!(
                format!("{:?}", class_means(values, dims, labels, 2)),
                expected
            );
        };
        let values = [1.0, 2.0, 3.0, 6.0, 5.0, 0.5];
        check(&values, 2, &[0, 0, 1], "[2.0, 4.0, 5.0, 0.5]");
        check(
            &values,
            2,
            &[1, 1, 1],
            "[NaN, NaN, 3.0, 2.8333333333333335]",
        );
        check(&values, 2, &[0, 7, 7], "[1.0, 2.0, NaN, NaN]");
        check(&values, 2, &[0], "[NaN, NaN, NaN, NaN]");
        check(&[], 0, &[], "[]");
    }

    #[test]
    fn too_little_to_compare_scores_nothing() {
        assert_eq!(class_separation(&[1.0, 2.0], 1, &[0, 0]), [0.0]);
        assert_eq!(class_separation(&[1.0, 2.0], 1, &[0, 1]), [0.0]);
        assert_eq!(class_separation(&[], 2, &[]), [0.0, 0.0]);
        assert_eq!(class_separation(&[1.0; 3], 2, &[0, 1]), [0.0, 0.0]);
        assert_eq!(class_separation(&[], 0, &[0, 1, 1]), [0.0; 0]);
    }

    proptest! {
        /// F does not change with the feature's unit, nor with the order of classes.
        #[test]
        fn unit_and_names_do_not_matter(rows in prop::collection::vec((-10_i8..10, 0_u32..3), 5..40)) {
            let labels: Vec<u32> = rows.iter().map(|row| row.1).collect();
            let column: Vec<f32> = rows.iter().map(|row| f32::from(row.0)).collect();
            let scaled: Vec<f32> = column.iter().map(|value| value * 4.0 - 8.0).collect();
            let renamed: Vec<u32> = labels.iter().map(|label| 2 - label).collect();
            let score = class_separation(&column, 1, &labels)[0];
            for other in [class_separation(&scaled, 1, &labels)[0], class_separation(&column, 1, &renamed)[0]] {
                let near = score == other || (score - other).abs() <= 1e-9 * score.max(1.0) || score > 1e12;
                prop_assert!(near, "{score} {other}");
            }
        }
    }
}

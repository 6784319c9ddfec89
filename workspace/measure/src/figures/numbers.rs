//! Figures of predicted numbers.

use crate::bootstrap::Statistic;

use super::mean;

/// 1 - (sum of squared errors) / (sum of squared distances of the true numbers from their mean), as
/// `r2_score` of scikit-learn. `None` where all true numbers are equal.
pub(super) fn r2(truth: &[f32], predicted: &[f32]) -> Option<f64> {
    let errors: f64 = squares(truth, predicted)?.into_iter().sum();
    let centre = mean(truth.iter().copied().map(f64::from))?;
    let all: f64 = (truth.iter())
        .map(|&number| (f64::from(number) - centre).powi(2))
        .sum();
    (all > 0.0).then(|| 1.0 - errors / all)
}

/// Root of the mean squared error.
pub(super) fn rmse(truth: &[f32], predicted: &[f32]) -> Option<f64> {
    Some(mean(squares(truth, predicted)?)?.sqrt())
}

/// Mean of the absolute errors.
pub(super) fn mae(truth: &[f32], predicted: &[f32]) -> Option<f64> {
    mean(absolutes(truth, predicted)?)
}

pub(super) fn r2_statistic(truth: &[f32], predicted: &[f32]) -> Option<Statistic> {
    r2(truth, predicted)?;
    Some(Statistic::determination(
        squares(truth, predicted)?,
        truth.iter().copied().map(f64::from).collect(),
    ))
}

pub(super) fn rmse_statistic(truth: &[f32], predicted: &[f32]) -> Option<Statistic> {
    rmse(truth, predicted)?;
    Some(Statistic::root_mean(squares(truth, predicted)?))
}

pub(super) fn mae_statistic(truth: &[f32], predicted: &[f32]) -> Option<Statistic> {
    mae(truth, predicted)?;
    Some(Statistic::mean(absolutes(truth, predicted)?))
}

/// The squared error of every example; `None` where they do not go together.
fn squares(truth: &[f32], predicted: &[f32]) -> Option<Vec<f64>> {
    errors(truth, predicted, |error| error * error)
}

fn absolutes(truth: &[f32], predicted: &[f32]) -> Option<Vec<f64>> {
    errors(truth, predicted, f64::abs)
}

fn errors(truth: &[f32], predicted: &[f32], of: impl Fn(f64) -> f64) -> Option<Vec<f64>> {
    let errors = truth.iter().zip(predicted);
    (truth.len() == predicted.len() && !truth.is_empty()).then(|| {
        errors
            .map(|(truth, predicted)| of(f64::from(*predicted) - f64::from(*truth)))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: `sklearn.metrics.r2_score`, `root_mean_squared_error` and `mean_absolute_error`.
    #[test]
    fn figures_are_those_of_scikit_learn() {
        type Of = fn(&[f32], &[f32]) -> Option<f64>;
        let check = |of: Of, truth: &[f32], predicted: &[f32], expected: Option<f64>| {
            let found = of(truth, predicted);
            let near = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() < 1e-12,
                (found, expected) => found == expected,
            };
            assert!(near, "{truth:?} {predicted:?}: {found:?}, {expected:?}");
        };
        let (truth, predicted) = ([3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0]);
        check(r2, &truth, &predicted, Some(0.948_608_137_044_967_9));
        check(rmse, &truth, &predicted, Some(0.612_372_435_695_794_5));
        check(mae, &truth, &predicted, Some(0.5));
        // The mean of the true numbers predicted everywhere is 0, anything worse below.
        check(r2, &[1.0, 3.0], &[2.0, 2.0], Some(0.0));
        check(r2, &[1.0, 3.0], &[3.0, 1.0], Some(-3.0));
        check(r2, &[2.0, 2.0], &[2.0, 2.0], None);
        check(r2, &[], &[], None);
        check(rmse, &[1.0], &[1.0, 2.0], None);
        check(mae, &[], &[], None);
    }
}

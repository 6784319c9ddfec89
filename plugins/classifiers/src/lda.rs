//! Linear discriminant analysis: normal distributions with one covariance, which makes the borders between classes flat.
//!
//! As scikit-learn's `LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")`: the covariance is the mean, by the classes'
//! priors, of each class's own; that is shrunk towards a multiple of the identity on features standardised within the
//! class. How far is found from the samples: O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional
//! covariance matrices" (2004). The scores are T. Hastie et al., "The Elements of Statistical Learning" (2009), (4.10).

use crate::linear::Linear;
use crate::matrix::{Cholesky, add_gram};
use crate::method::{ClassWeights, Fit, Method, Named, Samples, Work};
use crate::scaling::{Scale, Scaling};
use serde::Deserialize;
use topwork_sdk::{Error, Scores};

/// The covariance of more features than this would need gigabytes.
const MOST_FEATURES: usize = 16_384;

/// Rows that are standardised at a time.
const CHUNK: usize = 2048;

/// How far each covariance is drawn towards a multiple of the identity.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(
    untagged,
    expecting = "`shrinkage` is neither \"auto\" nor a number from 0 to 1"
)]
enum Shrinkage {
    /// As much as the samples say.
    Found(Found),
    /// From 0, not at all, to 1, all the way; on features as they are.
    Fixed(f64),
}

/// The word for a shrinkage found from the samples.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Found {
    Auto,
}

/// Its parameters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lda {
    shrinkage: Shrinkage,
    class_weights: ClassWeights,
}

impl Named for Lda {
    const ID: &str = "lda";
    const ABOUT: &str = "linear discriminant analysis with a shrunk covariance (Ledoit-Wolf)";
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "shrinkage": {"anyOf": [{"const": "auto"}, {"type": "number", "minimum": 0, "maximum": 1}],
            "description": "how far covariances are drawn towards a multiple of the identity: \"auto\" (Ledoit-Wolf), or 0 to 1",
            "default": "auto"},
        "class-weights": {"enum": ["none", "balanced"],
            "description": "whether each sample counts the same, or each class: the priors", "default": "none"}
    }, "additionalProperties": false}"#;
    // Logarithms of the classes' posterior probabilities, up to a number that is the same for all of them.
    const SCORES: Scores = Scores::Logits;

    fn check(&self) -> Result<(), Error> {
        match self.shrinkage {
            Shrinkage::Fixed(share) if !(0.0..=1.0).contains(&share) => Err(Error::parameters(
                format!("`shrinkage` is {share}, expected \"auto\" or a number from 0 to 1"),
            )),
            _ => Ok(()),
        }
    }
}

impl Method for Lda {
    fn fit(&self, samples: &Samples<'_>, work: &Work) -> Result<Fit, Error> {
        let (size, classes) = (samples.dimensions, samples.classes);
        if size > MOST_FEATURES {
            let message = format!("{size} features, lda takes at most {MOST_FEATURES}");
            return Err(Error::parameters(message)
                .with_hint("its covariance has features × features numbers: pool first, cut later, or use `linear-svm`"));
        }
        let priors = self.class_weights.priors(samples);
        let mut centred = Scale::Standardise.measure(samples.features, size);
        centred.factor.fill(1.0);
        let mut covariance = vec![0.0; size * size];
        let mut means = Vec::with_capacity(classes);
        for (class, prior) in priors.iter().enumerate() {
            work.progress(class as u64, classes as u64, "classes");
            let of_class = samples.rows().filter(|(_, label)| *label == class);
            let rows: Vec<f32> = of_class.flat_map(|(row, _)| row).copied().collect();
            let scaling = Scale::Standardise.measure(&rows, size);
            self.add_covariance(&mut covariance, &rows, &scaling, *prior, work)?;
            let relative = scaling.shift.iter().zip(&centred.shift);
            means.push(relative.map(|(mean, all)| mean - all).collect::<Vec<f64>>());
        }
        work.check_stop()?;
        let (decomposed, scores, note) = decompose(covariance, size);
        let weights: Vec<Vec<f64>> = means.iter().map(|mean| decomposed.solve(mean)).collect();
        let biases = (weights.iter().zip(&means).zip(&priors)).map(|((weights, mean), prior)| {
            let products = weights.iter().zip(mean).map(|(weight, mean)| weight * mean);
            prior.ln() - 0.5 * products.sum::<f64>()
        });
        let model = Linear::new(centred, weights.concat(), biases.collect());
        Ok(Fit {
            note,
            ..Fit::closed(model, scores, (size + 1) * classes)
        })
    }
}

impl Lda {
    /// Adds `prior` times the covariance of a class's rows.
    fn add_covariance(
        &self,
        covariance: &mut [f64],
        rows: &[f32],
        scaling: &Scaling,
        prior: f64,
        work: &Work,
    ) -> Result<(), Error> {
        let size = scaling.dimensions();
        let count = (rows.len() / size) as f64;
        let mut gram = vec![0.0; size * size];
        // Σ (Σ x²)² over the rows.
        let mut fourth = 0.0;
        let factor = match self.shrinkage {
            Shrinkage::Found(_) => scaling.factor.clone(),
            Shrinkage::Fixed(_) => vec![1.0; size],
        };
        for rows in rows.chunks(CHUNK * size) {
            work.check_stop()?;
            let columns = scaling.shift.iter().zip(&factor).cycle();
            let standardised: Vec<f64> = (rows.iter().zip(columns))
                .map(|(&x, (shift, factor))| (f64::from(x) - shift) * factor)
                .collect();
            let squares = (standardised.chunks_exact(size))
                .map(|row| row.iter().map(|x| x * x).sum::<f64>().powi(2));
            fourth += squares.sum::<f64>();
            add_gram(&mut gram, &standardised, size);
        }
        let trace: f64 = (0..size).map(|place| gram[place * size + place]).sum();
        let mean = trace / count / size as f64;
        let shrinkage = match self.shrinkage {
            Shrinkage::Fixed(share) => share,
            Shrinkage::Found(_) => ledoit_wolf(&gram, size, count, fourth),
        };
        let rows = covariance
            .chunks_exact_mut(size)
            .zip(gram.chunks_exact(size));
        for (row, (covariance, gram)) in rows.enumerate() {
            for column in 0..=row {
                let mut entry = (1.0 - shrinkage) * gram[column] / count;
                if column == row {
                    entry += shrinkage * mean;
                }
                covariance[column] += prior * entry / (factor[row] * factor[column]);
            }
        }
        Ok(())
    }
}

/// The shrinkage of Ledoit and Wolf (2004) for `count` centred samples whose products are `gram`, of which what stands below
/// the diagonal and on it is read: the share of the distance between the samples' covariance and a multiple of the
/// identity that is likely to be error. `fourth` is Σ (Σ x²)² over the samples.
fn ledoit_wolf(gram: &[f64], size: usize, count: f64, fourth: f64) -> f64 {
    if size == 1 {
        return 0.0;
    }
    let features = size as f64;
    let (mut trace, mut squares) = (0.0, 0.0);
    for (row, gram) in gram.chunks_exact(size).enumerate() {
        trace += gram[row] / count;
        let below: f64 = gram[..row].iter().map(|x| x * x).sum();
        squares += (2.0 * below + gram[row] * gram[row]) / (count * count);
    }
    let mean = trace / features;
    let distance = (squares - 2.0 * mean * trace + features * mean * mean) / features;
    let error = (fourth / count - squares) / (features * count);
    match error.min(distance) {
        error if error > 0.0 => error / distance,
        _ => 0.0,
    }
}

/// The decomposition of the covariance, and what scores by it are. One that is singular gets a little on its diagonal, and the
/// note says so. Where nothing varies there is no distribution, and no probability.
fn decompose(mut covariance: Vec<f64>, size: usize) -> (Cholesky, Scores, String) {
    let trace: f64 = (0..size)
        .map(|place| covariance[place * size + place])
        .sum();
    if let Some(decomposed) = Cholesky::new(covariance.clone(), size) {
        return (decomposed, Lda::SCORES, String::new());
    }
    let mean = trace / size as f64;
    let mut share = 1e-9;
    while mean > 0.0 && share < 1.0 {
        let mut raised = covariance.clone();
        for place in 0..size {
            raised[place * size + place] += share * mean;
        }
        if let Some(decomposed) = Cholesky::new(raised, size) {
            let note = format!(
                "the covariance within classes is singular: {share:.0e} of its mean variance was added to every variance"
            );
            return (decomposed, Lda::SCORES, note);
        }
        share *= 100.0;
    }
    // The identity is its own decomposition.
    covariance.fill(0.0);
    for place in 0..size {
        covariance[place * size + place] = 1.0;
    }
    let note = "no class varies: the nearest class mean decides".to_owned();
    (Cholesky::of_itself(covariance, size), Scores::Ranking, note)
}

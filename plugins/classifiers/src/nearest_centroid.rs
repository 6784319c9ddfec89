//! The nearest class mean, after T. Hastie et al., "The Elements of Statistical Learning" (2009), section 13.2.1.
//!
//! ‖x − m‖² = ‖x‖² − 2 m·x + ‖m‖², of which the first term is the same for every class: the scores m·x − ½ ‖m‖² put classes
//! in the same order, and make a linear classifier. So does m·x / ‖m‖ for the cosine.

use crate::knn::Metric;
use crate::linear::Linear;
use crate::method::{Fit, Method, Named, Samples, Work};
use crate::scaling::Scale;
use serde::Deserialize;
use topwork_sdk::Error;

/// Its parameters.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct NearestCentroid {
    metric: Metric,
    scale: Scale,
}

impl Default for NearestCentroid {
    fn default() -> Self {
        NearestCentroid {
            metric: Metric::Euclidean,
            scale: Scale::None,
        }
    }
}

impl Named for NearestCentroid {
    const ID: &str = "nearest-centroid";
    const ABOUT: &str = "the class whose mean is nearest";
    const SCHEMA: &str = r#"{
        "type": "object",
        "properties": {
            "metric": {
                "enum": ["euclidean", "cosine"],
                "description": "how distances are measured: straight, or by the angle",
                "default": "euclidean"
            },
            "scale": {
                "enum": ["max", "standardise", "none"],
                "description": "what is done to each feature first: largest magnitude 1, mean 0 and deviation 1, or nothing",
                "default": "none"
            }
        },
        "additionalProperties": false
    }"#;

    fn check(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl Method for NearestCentroid {
    fn fit(&self, samples: &Samples<'_>, _: &Work) -> Result<Fit, Error> {
        let size = samples.dimensions;
        let scaling = self.scale.measure(samples.features, size);
        let mut means = vec![0.0; samples.classes * size];
        for (row, label) in samples.rows() {
            for (sum, &x) in means[label * size..].iter_mut().zip(row) {
                *sum += f64::from(x);
            }
        }
        let mut biases = Vec::with_capacity(samples.classes);
        for (mean, count) in means.chunks_exact_mut(size).zip(samples.per_class()) {
            let columns = scaling.shift.iter().zip(&scaling.factor);
            for (mean, (shift, factor)) in mean.iter_mut().zip(columns) {
                *mean = (*mean / count as f64 - shift) * factor;
            }
            let square: f64 = mean.iter().map(|x| x * x).sum();
            match self.metric {
                Metric::Euclidean => biases.push(-0.5 * square),
                Metric::Cosine => {
                    let length = if square > 0.0 { square.sqrt() } else { 1.0 };
                    mean.iter_mut().for_each(|x| *x /= length);
                    biases.push(0.0);
                }
            }
        }
        let parameters = means.len();
        Ok(Fit::closed(Linear::new(scaling, means, biases), parameters))
    }
}

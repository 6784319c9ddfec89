//! The baseline that looks at no feature: of classes their shares among the samples, of numbers their mean. As `DummyClassifier` of
//! scikit-learn with `strategy = "prior"`, and `DummyRegressor`.

use crate::linear::Linear;
use crate::method::{ClassWeights, Fit, Method, Named, Numbers, Samples, Work};
use crate::scaling::Scaling;
use serde::Deserialize;
use topwork_sdk::{Error, Scores};

/// It has no parameters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mean {}

impl Named for Mean {
    const ID: &str = "mean";
    const ABOUT: &str = "the same for every image: of numbers the mean of the training samples, of classes their shares";
    const SCHEMA: &str = r#"{"type": "object", "properties": {}, "additionalProperties": false}"#;
    const SCORES: Scores = Scores::Probabilities;
    const NUMBERS: bool = true;
}

impl Method for Mean {
    fn fit(&self, samples: &Samples<'_>, _: &Work) -> Result<Fit, Error> {
        Ok(constant(samples, ClassWeights::None.priors(samples)))
    }

    fn fit_numbers(
        &self,
        samples: &Samples<'_>,
        numbers: Numbers<'_>,
        _: &Work,
    ) -> Result<Fit, Error> {
        Ok(constant(samples, numbers.means()))
    }
}

/// The model that gives these for whatever it is shown.
fn constant(samples: &Samples<'_>, outputs: Vec<f64>) -> Fit {
    let weights = vec![0.0; samples.dimensions * outputs.len()];
    let parameters = outputs.len();
    let model = Linear::new(Scaling::none(samples.dimensions), weights, outputs);
    Fit::closed(model, Mean::SCORES, parameters)
}

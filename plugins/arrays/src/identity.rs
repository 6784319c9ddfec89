//! `identity`: a backbone that hands on what it gets, so that heads are compared on features that somebody else computed.

use serde::Deserialize;
use topwork_sdk::{Component, Error, Extraction, Extractor, Host};

/// The component.
pub struct Identity {
    shape: Vec<usize>,
    numbers: usize,
}

/// What the user says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    shape: Vec<usize>,
}

/// More numbers in a sample than this the host does not take.
const MOST: usize = 1 << 28;

impl Component for Identity {
    const ID: &str = "identity";
    const ABOUT: &str = "the samples themselves, features that somebody else computed";
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1, "maxItems": 3,
            "description": "how many numbers a sample of the dataset has, [768], or its channels, height and width, [3, 32, 32]"}
    }, "required": ["shape"], "additionalProperties": false}"#;
    type Parameters = Parameters;

    fn create(_: Host, parameters: Parameters) -> Result<Self, Error> {
        let shape = parameters.shape;
        let numbers = shape
            .iter()
            .try_fold(1_usize, |n, size| n.checked_mul(*size));
        let numbers = numbers.filter(|numbers| (1..=MOST).contains(numbers));
        match (shape.len(), numbers) {
            (1 | 3, Some(numbers)) => Ok(Identity { shape, numbers }),
            _ => Err(Error::parameters(format!(
                "`shape` is {shape:?}, expected one size or three, and 1 to {MOST} numbers"
            ))
            .with_hint("`topwork check` names the shape of the dataset's samples")),
        }
    }
}

impl Extractor for Identity {
    fn describe(&self) -> Result<Extraction, Error> {
        Ok(Extraction::new(&self.shape)
            .cut("features", &self.shape)
            .in_parallel())
    }

    fn forward(&self, cut: usize, samples: &[f32], features: &mut [f32]) -> Result<(), Error> {
        if cut != 0
            || samples.len() != features.len()
            || !samples.len().is_multiple_of(self.numbers)
        {
            return Err(Error::failed(format!(
                "cut {cut} of {} numbers into {}, expected cut 0 of as many, in samples of {}",
                samples.len(),
                features.len(),
                self.numbers
            )));
        }
        features.copy_from_slice(samples);
        Ok(())
    }
}

//! What one epoch of a training came to.

use serde::{Deserialize, Serialize};

use crate::figure::Figure;
use crate::targets::TargetKind;

/// What one epoch came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EpochFigures {
    /// The fold left out, from 1, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<u32>,
    /// From 1.
    pub epoch: u32,
    /// Epochs in all.
    pub epochs: u32,
    /// Mean loss over the epoch's batches, measured before each update: the cross-entropy, or of numbers the loss that they are
    /// learnt by, of numbers standardised by mean and standard deviation.
    pub loss: f64,
    /// Proportion of training samples classified correctly, measured before each update; none of numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Root of the mean squared error of the training samples in the unit of the numbers, measured before each update; none of
    /// classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rmse: Option<f64>,
    /// Mean loss on the samples held out, after the epoch.
    #[serde(default)]
    pub validation_loss: Option<f64>,
    /// Proportion of the samples held out that are classified correctly, after the epoch.
    #[serde(default)]
    pub validation_accuracy: Option<f64>,
    /// Root of the mean squared error of the samples held out, in the unit of the numbers, after the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_rmse: Option<f64>,
    /// Images a second.
    pub per_second: f64,
    /// Wall-clock time.
    pub seconds: f64,
}

/// The figure that says beside the loss how far a training is.
#[derive(Clone, Copy, Debug)]
pub struct Followed {
    /// Which figure.
    pub figure: &'static Figure,
    /// Of the training samples, measured before each update.
    pub training: f64,
    /// Of the samples held out.
    pub validation: Option<f64>,
}

impl EpochFigures {
    /// The accuracy of classes, the RMSE of numbers.
    pub fn followed(&self) -> Option<Followed> {
        let (kind, training, validation) = match (self.accuracy, self.rmse) {
            (Some(accuracy), _) => (TargetKind::Classes, accuracy, self.validation_accuracy),
            (None, Some(rmse)) => (TargetKind::Numbers, rmse, self.validation_rmse),
            (None, None) => return None,
        };
        Some(Followed {
            figure: kind.followed()?,
            training,
            validation,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_of_before_are_read_and_written_as_ever() {
        let check = |text: &str, expected: Option<(&str, f64, Option<f64>)>| {
            let figures: EpochFigures = serde_json::from_str(text).unwrap();
            let followed = figures.followed();
            let found = followed.map(|of| (of.figure.id, of.training, of.validation));
            assert_eq!(found, expected, "{text}");
            assert_eq!(serde_json::to_string(&figures).unwrap(), text);
        };
        check(
            r#"{"epoch":1,"epochs":2,"loss":0.5,"accuracy":0.75,"validation-loss":0.6,"validation-accuracy":0.5,"per-second":9.0,"seconds":1.0}"#,
            Some(("accuracy", 0.75, Some(0.5))),
        );
        check(
            r#"{"epoch":1,"epochs":2,"loss":0.5,"rmse":55.0,"validation-loss":null,"validation-accuracy":null,"per-second":9.0,"seconds":1.0}"#,
            Some(("rmse", 55.0, None)),
        );
    }
}

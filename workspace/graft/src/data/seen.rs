//! How the images of a dataset reach the backbone of an experiment.

use std::sync::Arc;

use topwork_host::{Dataset, DatasetView, Seen};
use topwork_schema::Input;

use crate::{Backbone, GraftError};

/// How a backbone of so many channels sees images, read on so many threads; `None` where it takes samples as a dataset makes
/// them.
///
/// # Errors
///
/// An `input` that no check would have let pass.
pub fn seen(
    input: Option<&Input>,
    channels: usize,
    threads: usize,
) -> Result<Option<Seen>, GraftError> {
    let Some(input) = input else {
        return Ok(None);
    };
    let geometry = input.geometry().map_err(|error| GraftError::Experiment {
        message: format!("`backbone.input`: {error}"),
        hint: None,
    })?;
    Ok(Some(Seen {
        geometry,
        channels,
        unit: input.normalise().is_some(),
        threads,
    }))
}

/// The channels of the samples that a backbone takes; of vectors their length.
pub fn channels_of(backbone: &Backbone) -> usize {
    backbone.input().first().copied().unwrap_or(1)
}

/// A dataset as it is seen so.
pub fn view(dataset: Arc<Dataset>, seen: Option<Seen>) -> DatasetView {
    match seen {
        Some(seen) => DatasetView::new(dataset, seen),
        None => dataset.into(),
    }
}

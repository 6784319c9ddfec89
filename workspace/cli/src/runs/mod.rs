//! `topwork runs`: what was run.

mod list;
mod remove;
mod show;

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use topwork_store::Manifest;

pub use list::list;
pub use remove::remove;
pub use show::show;

use crate::{
    failure::{Failure, RUN_FAILED, warn},
    output::data,
};

/// Says so when a run's folder is of a later layout.
pub fn tell_newer(run: &str, format: u32) {
    if format > Manifest::FORMAT {
        warn(&format!(
            "the run `{run}` was made by a newer topwork (format {format}, this one knows {}): \
             something may be missing here",
            Manifest::FORMAT
        ));
    }
}

/// Prints data for a program.
pub fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(RUN_FAILED, error.to_string()))?;
    data(&(text + "\n"))
}

/// A moment in the local time zone, or in UTC where that is unknown.
pub fn date(milliseconds: u64) -> String {
    i64::try_from(milliseconds)
        .ok()
        .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok())
        .map_or_else(String::new, |moment| {
            moment
                .to_zoned(TimeZone::system())
                .strftime("%Y-%m-%d %H:%M")
                .to_string()
        })
}

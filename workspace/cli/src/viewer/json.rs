//! The event stream as it is, for programs.

use topwork_events::{Record, RunState};

use super::Viewer;
use crate::{
    failure::{Failure, RUN_FAILED, tell},
    output,
};

/// Prints every record as one line of JSON.
pub struct Json;

impl Viewer for Json {
    fn show(&mut self, record: &Record, _: &RunState) -> Result<(), Failure> {
        let line = record
            .to_line()
            .map_err(|error| Failure::new(RUN_FAILED, error.to_string()))?;
        output::data(&line)
    }

    fn say(&mut self, line: &str) {
        tell(line, None);
    }

    fn close(&mut self) {}
}

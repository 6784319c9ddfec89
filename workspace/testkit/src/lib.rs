//! For end-to-end tests: a temporary project in which the real binary runs with the plugins
//! that were built beside it, redaction of what varies from run to run, screens as pictures, and
//! blueprints beside the libraries that publish weights for them.
//!
//! Everything here panics on failure: it is only ever called from tests.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test kit fails by panicking"
)]

mod onnx_file;
mod project;
mod published;
mod redact;
mod svg;
mod terminal;

pub use onnx_file::{Attribute, OnnxFile};
pub use project::{Output, Project, built_library};
pub use published::published;
pub use redact::{redact, without_widths};
pub use svg::svg;
pub use terminal::Terminal;

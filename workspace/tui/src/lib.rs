//! The dashboard: a pure view of runs' states on a terminal.
//!
//! One [`App`] holds what is known and what is selected. Everything that happens (keys, the
//! mouse, new records, answers of background work) is one [`Event`]; [`update`] takes it into
//! the `App` and returns what is to be done outside; [`draw`] shows an `&App`. Runs are known
//! only from their event streams and the files `store` reads.
//!
//! Deliberately absent: the engine, plugins, and processes. Stopping or removing a run is asked
//! of the caller through [`Control`].

mod app;
mod ascii;
mod chart;
mod columns;
mod draw;
mod event;
mod figure;
mod follow;
mod graphics;
mod jobs;
mod keys;
mod layer;
mod memo;
mod natural;
mod panel;
mod pixels;
mod present;
mod scroll;
mod terminal;
mod text;
mod theme;
mod update;
mod view;
mod views;
mod watch;
mod watched;

pub use app::App;
pub use ascii::ascii;
pub use draw::draw;
pub use event::{Effect, Event};
pub use jobs::{Answer, Control, Job, ListedRun, PartFiles, Settings};
pub use keys::reference as keys_reference;
pub use theme::{Background, Colours, Theme};
pub use update::update;
pub use view::View;
pub use views::features::{Features, Scale};
pub use watch::{Leave, Options, TuiError, watch};
pub use watched::Watched;

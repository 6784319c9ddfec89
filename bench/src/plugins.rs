//! The plugins built beside this program.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use topwork_host::{Options, Plugins, Silent};

/// Loads the plugins beside this program; data files are those of the checkout.
pub fn load(threads: usize) -> Result<Plugins> {
    let program = std::env::current_exe()?;
    let beside = program.parent().context("the program lies in no folder")?;
    let checkout = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    Ok(Plugins::load(Options {
        folders: vec![beside.to_owned()],
        data_folders: vec![checkout.join("data")],
        cache_folder: std::env::temp_dir(),
        threads,
        observer: Arc::new(Silent),
    }))
}

//! Any text is an experiment that can be written out and read again, or a list of mistakes that can be shown.
#![no_main]

use std::{path::Path, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use topwork_schema::{Catalog, Draft};

/// What four of the first-party plugins say of themselves, as `topwork probe` gives it.
static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../catalog.json")).expect("a catalog of this version")
});

fuzz_target!(|text: &str| {
    let draft = Draft::read("fuzz.toml", text, Path::new("/nowhere"));
    draft.uses();
    match draft.check(&CATALOG) {
        Ok(plan) => {
            let written = plan.to_toml();
            let again = Draft::read("again.toml", &written, Path::new("/elsewhere"));
            assert_eq!(again.check(&CATALOG).as_ref(), Ok(&plan), "{written}");
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            assert!((2..=4).contains(&mistakes.exit_code()));
            let shown = mistakes.render(false);
            assert!(!shown.contains('\u{1b}'), "{shown:?}");
        }
    }
});

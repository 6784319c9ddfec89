//! Pinned plugins: the file there is must be the one the experiment was written for.

use crate::catalog::Catalog;
use crate::diagnostics::{Category, Diagnostic, Diagnostics};
use crate::plan::Pin;
use crate::written::WrittenPin;
use topwork_nearest::choices;

/// The pins that hold; the others go to `diagnostics`.
pub(super) fn check(
    written: &[WrittenPin],
    catalog: &Catalog,
    diagnostics: &mut Diagnostics,
) -> Vec<(String, Pin)> {
    let mut pins = Vec::new();
    for WrittenPin { plugin, sha256 } in written {
        let id = &plugin.value;
        let wanted = sha256.value.to_ascii_lowercase();
        let Some(found) = catalog.plugins.iter().find(|found| found.id == *id) else {
            let ids = catalog.plugins.iter().map(|plugin| plugin.id.as_str());
            let mut hint = choices(id, "plugins", ids).unwrap_or_default();
            for skipped in &catalog.skipped {
                hint.push_str(&format!("\nskipped `{}`: {}", skipped.path, skipped.reason));
            }
            let message = format!("`plugins.{id}`: there is no plugin `{id}`");
            diagnostics.push(
                Diagnostic::new(message, Some(plugin.span.clone()))
                    .label("not found")
                    .hint(Some(hint.trim_start().to_owned()).filter(|hint| !hint.is_empty())),
            );
            continue;
        };
        if found.sha256 != wanted {
            let message = format!(
                "`plugins.{id}.sha256`: the plugin found is another one, `{}`",
                found.path
            );
            diagnostics.push(
                Diagnostic::new(message, Some(sha256.span.clone()))
                    .label("expected this digest")
                    .hint(format!("its digest is {}", found.sha256))
                    .category(Category::Plugin),
            );
            continue;
        }
        pins.push((id.clone(), Pin { sha256: wanted }));
    }
    pins
}

//! A key of a table that does not go with the rest of it.

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::tree::Node;

/// What is wrong with one key of a table.
pub(crate) struct Refusal<'a> {
    /// The key, or the path of one in a table within.
    pub key: &'a str,
    /// What follows the key's path in the message.
    pub problem: String,
    pub label: &'a str,
    pub hint: &'a str,
}

impl Refusal<'_> {
    /// Reports it for the table at `path`; nothing when the key is not written.
    pub fn push(self, path: &str, table: &Node, diagnostics: &mut Diagnostics) {
        let mut keys = self.key.split('.');
        if let Some(node) = keys.try_fold(table, |table, key| table.get(key)) {
            let message = format!("`{path}.{}`{}", self.key, self.problem);
            let refused = Diagnostic::new(message, Some(node.span.clone())).label(self.label);
            diagnostics.push(refused.hint(self.hint.to_owned()));
        }
    }
}

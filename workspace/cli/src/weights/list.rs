//! `topwork weights list`: what is in a file.

use std::path::Path;

use topwork_measure::thousands;
use topwork_pages::Align;

use crate::{
    failure::{Failure, warn},
    output::{self, print},
};

/// Lists the tensors of a file.
pub fn list(path: &Path) -> Result<u8, Failure> {
    let file = super::read(path)?;
    let mut values = 0u64;
    let rows: Vec<Vec<String>> = (file.tensors().iter())
        .map(|tensor| {
            let shape: Vec<String> = tensor.shape().iter().map(ToString::to_string).collect();
            let count =
                (tensor.shape().iter()).fold(1u64, |count, &dim| count.saturating_mul(dim as u64));
            values = values.saturating_add(count);
            vec![
                super::visible(tensor.name()),
                super::visible(tensor.dtype().name()),
                shape.join("×"),
                thousands(count),
            ]
        })
        .collect();
    let columns = [
        ("tensor", Align::Left),
        ("type", Align::Left),
        ("shape", Align::Left),
        ("values", Align::Right),
    ];
    print(&output::table(&columns, rows))?;
    print(&format!(
        "{}: {} tensor{}, {} values\n",
        file.format(),
        file.tensors().len(),
        if file.tensors().len() == 1 { "" } else { "s" },
        thousands(values)
    ))?;
    if let Some(part) = super::part(path) {
        warn(&part);
    }
    Ok(0)
}

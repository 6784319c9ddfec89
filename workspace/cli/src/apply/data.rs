//! A file that describes a dataset: the component in `use`, its parameters beside that, and if wanted `split` and `class-map`.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;
use serde_json::{Map, Value};
use topwork_apply::LabelledData;
use topwork_schema::Component;
use topwork_sniff::reason;

use crate::{
    failure::{Failure, WRONG_USE},
    folders::absolute,
};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Described {
    r#use: String,
    split: Option<String>,
    #[serde(default)]
    class_map: BTreeMap<String, String>,
    #[serde(flatten)]
    parameters: Map<String, Value>,
}

/// Reads it.
pub fn labelled(path: &Path) -> Result<LabelledData, Failure> {
    let fail = |reason: String| {
        Failure::new(
            WRONG_USE,
            format!("cannot read the dataset `{}`: {reason}", path.display()),
        )
        .hint("such a file has lines like use = \"image-folder\" and folder = \"photos\"")
    };
    let text = std::fs::read_to_string(path).map_err(|error| fail(reason(&error)))?;
    let described: Described =
        toml::from_str(&text).map_err(|error| fail(error.to_string().trim_end().to_owned()))?;
    let folder = absolute(path);
    Ok(LabelledData {
        component: Component {
            component: described.r#use,
            parameters: described.parameters,
        },
        folder: folder.parent().unwrap_or(Path::new("/")).to_owned(),
        split: described.split,
        class_map: described.class_map,
    })
}

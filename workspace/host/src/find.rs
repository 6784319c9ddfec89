//! From the name after `use =` to the component it means.

use crate::{HostError, Kind, PluginInfo, Skipped};
use topwork_nearest::nearest;

/// Positions of the plugin and of its component.
pub(crate) fn find(
    plugins: &[PluginInfo],
    skipped: &[Skipped],
    kinds: &[Kind],
    name: &str,
) -> Result<(usize, usize), HostError> {
    let all: Vec<(usize, usize)> = plugins
        .iter()
        .enumerate()
        .flat_map(|(p, plugin)| (0..plugin.components.len()).map(move |c| (p, c)))
        .filter(|&(p, c)| kinds.contains(&plugins[p].components[c].kind))
        .collect();
    let id = |&(p, c): &(usize, usize)| plugins[p].components[c].id.clone();
    let full = |at: &(usize, usize)| format!("{}/{}", plugins[at.0].id, id(at));

    let matches: Vec<&(usize, usize)> = all
        .iter()
        .filter(|at| name == id(at) || name == full(at))
        .collect();
    match matches[..] {
        [&at] => Ok(at),
        [] => {
            let mut choices: Vec<String> = all.iter().map(id).collect();
            choices.sort();
            choices.dedup();
            let fulls: Vec<String> = all.iter().map(full).collect();
            let named = if name.contains('/') { &fulls } else { &choices };
            let near = nearest(name, named.iter().map(String::as_str));
            Err(HostError::Unknown {
                kinds: kinds.to_vec(),
                name: name.to_owned(),
                hint: near
                    .map(|near| format!("did you mean `{near}`?"))
                    .or_else(|| elsewhere(plugins, name))
                    .or_else(|| skipped_hint(skipped)),
                choices,
            })
        }
        _ => {
            let choices: Vec<String> = matches.into_iter().map(full).collect();
            Err(HostError::Ambiguous {
                kinds: kinds.to_vec(),
                name: name.to_owned(),
                hint: choices
                    .first()
                    .map(|first| format!("name the plugin too: `use = \"{first}\"`")),
                choices,
            })
        }
    }
}

/// A component with this name but of another kind.
fn elsewhere(plugins: &[PluginInfo], name: &str) -> Option<String> {
    let of_other_kind = |plugin: &PluginInfo| {
        let named = |id: &str| id == name || format!("{}/{id}", plugin.id) == name;
        let found = plugin.components.iter().find(|c| named(&c.id));
        found.map(|component| component.kind)
    };
    plugins
        .iter()
        .find_map(of_other_kind)
        .map(|kind| format!("`{name}` is {}", kind.with_article()))
}

/// A plugin that could not be opened may be the one that has the component.
fn skipped_hint(skipped: &[Skipped]) -> Option<String> {
    let lines: Vec<String> = skipped
        .iter()
        .map(|s| format!("`{}` was skipped: {}", s.path.display(), s.reason))
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ComponentInfo;
    use serde_json::json;

    fn plugin(id: &str, components: &[(Kind, &str)]) -> PluginInfo {
        let component = |&(kind, id): &(Kind, &str)| ComponentInfo {
            kind,
            id: id.to_owned(),
            about: String::new(),
            schema: json!({}),
            numbers: false,
        };
        PluginInfo {
            id: id.to_owned(),
            version: String::new(),
            licence: String::new(),
            path: std::path::PathBuf::new(),
            sha256: String::new(),
            components: components.iter().map(component).collect(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn names_lead_to_components_of_the_kinds_asked_for() {
        let plugins = [
            plugin(
                "ours",
                &[(Kind::Dataset, "mnist"), (Kind::Backbone, "mnist")],
            ),
            plugin(
                "theirs",
                &[(Kind::Dataset, "mnist"), (Kind::ClassifierHead, "svm")],
            ),
        ];
        type Position = Option<(usize, usize)>;
        let cases: &[(&[Kind], &str, Position)] = &[
            (&[Kind::Backbone], "mnist", Some((0, 1))),
            (&[Kind::Dataset], "ours/mnist", Some((0, 0))),
            (&[Kind::Dataset], "theirs/mnist", Some((1, 0))),
            (&Kind::HEADS, "svm", Some((1, 1))),
            (&[Kind::NetworkHead], "svm", None),
            (&[Kind::Dataset], "mnist", None),
            (&[Kind::Dataset], "nobody/mnist", None),
            (&[Kind::Dataset], "", None),
        ];
        for (kinds, name, expected) in cases {
            assert_eq!(find(&plugins, &[], kinds, name).ok(), *expected, "{name}");
        }
        let error = find(&plugins, &[], &[Kind::Dataset], "mnist").unwrap_err();
        assert_eq!(
            error.to_string(),
            "several plugins offer a dataset `mnist`: `ours/mnist`, `theirs/mnist`"
        );
        assert_eq!(
            error.hint(),
            Some("name the plugin too: `use = \"ours/mnist\"`")
        );
    }
}

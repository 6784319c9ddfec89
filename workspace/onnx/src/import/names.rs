//! Names as people know them: the modules of a program, out of what exporters leave in names and metadata.

use crate::message;

/// What the exporters of PyTorch write the modules around a node to.
const SCOPES: &str = "pkg.torch.onnx.name_scopes";

/// The module that a node was exported from.
pub(super) fn scope(node: &message::Node) -> Option<String> {
    let mut entries = node.metadata_props.iter();
    if let Some(scopes) = entries.find(|entry| entry.key == SCOPES) {
        return of_list(&scopes.value);
    }
    of_path(&node.name)
}

/// `['', 'layer4', 'layer4.1', 'layer4.1.relu', 'relu_16']`: the last one is the node itself.
fn of_list(scopes: &str) -> Option<String> {
    let list = scopes.strip_prefix('[')?.strip_suffix(']')?;
    let texts = list
        .split(',')
        .map(|text| text.trim().trim_matches(['\'', '"']));
    let texts: Vec<&str> = texts.collect();
    let (_, modules) = texts.split_last()?;
    let module = modules.last()?;
    (!module.is_empty()).then(|| (*module).to_owned())
}

/// `/layer4/layer4.1/relu/Relu`: modules of a list carry the list's own name.
fn of_path(name: &str) -> Option<String> {
    let path = name.strip_prefix('/')?;
    let parts: Vec<&str> = path.split('/').collect();
    let (_, modules) = parts.split_last()?;
    let mut found = String::new();
    let mut last = "";
    for module in modules {
        let rest = module
            .strip_prefix(last)
            .filter(|rest| !last.is_empty() && rest.starts_with('.'));
        match rest {
            Some(rest) => found.push_str(rest),
            None if found.is_empty() => found.push_str(module),
            None => {
                found.push('.');
                found.push_str(module);
            }
        }
        last = module;
    }
    (!found.is_empty()).then_some(found)
}

/// The module of weights called `layer4.1.conv1.weight`. Exporters give weights that they have changed names of their own,
/// `onnx::Conv_193` or `val_7`.
pub(super) fn of_weights(name: &str) -> Option<String> {
    let (module, _) = name.rsplit_once('.')?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (!module.is_empty() && module.chars().all(fits)).then(|| module.to_owned())
}

/// The modules around one, itself first: `layer4.1.relu`, `layer4.1`, `layer4`.
pub(super) fn around(module: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(module), |module| Some(module.rsplit_once('.')?.0))
}

/// Whether a module lies within another or is it.
pub(super) fn within(module: &str, other: &str) -> bool {
    let rest = module.strip_prefix(other);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_read_from_paths() {
        for (path, module) in [
            ("/conv1/Conv", Some("conv1")),
            ("/layer4/layer4.1/relu/Relu", Some("layer4.1.relu")),
            (
                "/features/features.1/conv/conv.0/conv.0.0/Conv",
                Some("features.1.conv.0.0"),
            ),
            (
                "/blocks/blocks.0/blocks.0.1/conv_pw/Conv",
                Some("blocks.0.1.conv_pw"),
            ),
            ("/stages.3/blocks/blocks.2/Add", Some("stages.3.blocks.2")),
            ("/Flatten", None),
            ("node_conv2d", None),
            ("", None),
        ] {
            assert_eq!(of_path(path).as_deref(), module, "{path}");
        }
    }

    #[test]
    fn modules_are_read_from_lists() {
        for (list, module) in [
            (
                "['', 'layer4', 'layer4.1', 'layer4.1.relu', 'relu_16']",
                Some("layer4.1.relu"),
            ),
            ("['', 'flatten']", None),
            ("[]", None),
            ("nothing", None),
        ] {
            assert_eq!(of_list(list).as_deref(), module, "{list}");
        }
    }

    #[test]
    fn modules_are_read_from_weights() {
        for (name, module) in [
            ("layer4.1.conv1.weight", Some("layer4.1.conv1")),
            ("fc.bias", Some("fc")),
            ("onnx::Conv_193", None),
            ("val_7", None),
        ] {
            assert_eq!(of_weights(name).as_deref(), module, "{name}");
        }
    }

    #[test]
    fn modules_lie_within_one_another() {
        let all: Vec<&str> = around("layer4.1.relu").collect();
        assert_eq!(all, ["layer4.1.relu", "layer4.1", "layer4"]);
        assert!(within("layer4.1", "layer4") && within("layer4", "layer4"));
        assert!(!within("layer41", "layer4") && !within("layer4", "layer4.1"));
    }
}

//! What editors and readers get from the table of keys.

use std::path::Path;

use serde_json::Value;
use topwork_schema::{json_schema, reference};

use crate::catalog::SMALL;
use crate::messages::broken_files;
use crate::training::DETAILED;

fn shipped(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../experiments")
        .join(file);
    std::fs::read_to_string(path).unwrap()
}

fn as_json(text: &str) -> Option<Value> {
    let table: toml::Table = toml::from_str(text).ok()?;
    serde_json::to_value(table).ok()
}

#[test]
fn the_schema_is_one_and_accepts_good_files() {
    let schema = json_schema();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    for text in [
        SMALL.to_owned(),
        DETAILED.to_owned(),
        shipped("mnist-transfer.toml"),
    ] {
        let errors: Vec<String> = validator
            .iter_errors(&as_json(&text).unwrap())
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, [""; 0]);
    }
}

#[test]
fn the_schema_refuses_what_it_can_know() {
    // What takes the plugins, other keys or the folder to know is beyond a schema.
    let beyond = [
        "augment_beyond_the_image",
        "augment_on_features",
        "bad_cut",
        "bad_path",
        "class_11",
        "cut_layers",
        "cuts_unknown",
        "date_as_a_parameter",
        "duplicate_names",
        "folds_of_what_the_source_learns",
        "folds_with_test_samples",
        "from_scratch_with_weights",
        "head_of_the_wrong_kind",
        "head_of_the_wrong_kind_for_fine_tune",
        "missing_plugin",
        "momentum_with_adam",
        "multipliers_behind_one_of_the_cuts",
        "multipliers_behind_the_cut",
        "multipliers_freeze_everything",
        "multipliers_match_nothing",
        "multipliers_misplaced",
        "multipliers_no_layers",
        "nesterov_alone",
        "no_weights",
        "normalise_other_channels",
        "parameter_outside_its_schema",
        "patience_without_validation",
        "reference_to_nothing",
        "reserved_name",
        "step_keys_apart",
        "train_misplaced",
        "train_missing",
        "two_sources_of_weights",
        "unfreeze_nothing",
        "unfreeze_too_late",
        "unfreeze_with_a_frozen_head",
        "unknown_class_name",
        "unknown_parameter",
        "warm_up_too_long",
    ];
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    let accepted: Vec<String> = broken_files()
        .into_iter()
        .filter(|(_, text)| as_json(text).is_some_and(|json| validator.is_valid(&json)))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(accepted, beyond);
}

#[test]
fn the_shipped_schema_is_up_to_date() {
    let made = serde_json::to_string_pretty(&json_schema()).unwrap() + "\n";
    assert!(
        shipped("experiment.schema.json") == made,
        "experiments/experiment.schema.json is stale, refresh it with `just generate`"
    );
}

#[test]
fn the_reference_names_every_key_of_the_schema() {
    fn keys(schema: &Value, into: &mut Vec<String>) {
        if let Some(properties) = schema["properties"].as_object() {
            for (key, property) in properties {
                into.push(key.clone());
                keys(property, into);
                keys(&property["items"], into);
            }
        }
    }
    let mut names = Vec::new();
    keys(&json_schema(), &mut names);
    assert!(names.len() > 30, "{names:?}");
    let page = reference();
    for name in names {
        assert!(
            page.contains(&format!("| `{name}` |")),
            "{name} is missing:\n{page}"
        );
    }
    insta::assert_snapshot!("reference", page);
}

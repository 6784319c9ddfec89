//! Every mistake with the whole message it gets.

use std::path::{Path, PathBuf};

use serde_json::json;
use topwork_schema::{
    Catalog, Category, ComponentKind, Described, Description, Draft, Problem, SkippedPlugin, Use,
    UseKind,
};

use crate::catalog::{SMALL, catalog, described, entry, mnist};

/// The exit code and the message, with the folder of the file left out.
fn message(text: &str, catalog: &Catalog) -> String {
    let folder = broken_folder();
    let draft = Draft::read("experiment.toml", text, &folder);
    match draft.check(catalog) {
        Ok(plan) => format!("no mistake: {plan:?}"),
        Err(mistakes) => format!(
            "exit code {}\n{}",
            mistakes.exit_code(),
            mistakes.render(false)
        )
        .replace(&format!("{}/", folder.display()), "[folder]/"),
    }
}

fn broken_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken")
}

/// Name and text of every broken file.
pub fn broken_files() -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = std::fs::read_dir(broken_folder())
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn every_broken_file_gets_its_message() {
    let catalog = catalog();
    for (name, text) in broken_files() {
        insta::assert_snapshot!(name, message(&text, &catalog));
    }
}

/// Mistakes that come from what is installed: a change to the catalog, to the small file, and the
/// name of the snapshot.
#[test]
fn every_trouble_with_plugins_gets_its_message() {
    type Edit = fn(&str) -> String;
    type Change = fn(&mut Catalog);
    let same: Edit = str::to_owned;
    let cases: [(&str, Edit, Change); 19] = [
        (
            "plugin_skipped",
            |text| text.replace("\"logistic-regression\"", "\"svm\""),
            |catalog| {
                catalog.skipped.push(SkippedPlugin {
                    path: "/opt/topwork/libtopwork_svm.so".to_owned(),
                    reason: "it speaks ABI 2, this is ABI 1".to_owned(),
                });
            },
        ),
        (
            "typo_while_another_plugin_is_skipped",
            |text| text.replace("\"lenet\"", "\"lenett\""),
            |catalog| {
                catalog.skipped.push(SkippedPlugin {
                    path: "/opt/topwork/libtopwork_svm.so".to_owned(),
                    reason: "it speaks ABI 2, this is ABI 1".to_owned(),
                });
            },
        ),
        ("nothing_installed", same, |catalog| {
            *catalog = Catalog::default()
        }),
        ("ambiguous", same, |catalog| {
            let mut other = entry(ComponentKind::Dataset, "mnist", json!({}));
            other.plugin = "images".to_owned();
            catalog.components.push(other);
        }),
        ("no_test_split", same, |catalog| {
            replace_mnist(catalog, |_, _, splits| splits.truncate(1));
        }),
        ("other_shape", same, |catalog| {
            replace_mnist(catalog, |_, shape, _| *shape = [3, 32, 32]);
        }),
        (
            "few_samples",
            |text| {
                text.replace(
                    "kind = \"frozen-backbone\"",
                    "kind = \"frozen-backbone\"\ntrain-samples = 4\ntest-samples = 11000",
                )
            },
            |_| {},
        ),
        (
            "many_samples",
            |text| {
                text.replace(
                    "kind = \"frozen-backbone\"",
                    "kind = \"frozen-backbone\"\ntrain-samples = 60001",
                )
            },
            |_| {},
        ),
        (
            "folds_without_room",
            |text| {
                text.replace("cut = \"features\"", "cut = \"features\"\nfolds = 5")
                    .replace(
                        "kind = \"frozen-backbone\"",
                        "kind = \"frozen-backbone\"\ntrain-samples = [48000, 48001]",
                    )
            },
            |_| {},
        ),
        (
            "more_folds_than_samples",
            |text| text.replace("cut = \"features\"", "cut = \"features\"\nfolds = 60001"),
            |_| {},
        ),
        (
            "class_under_two_names",
            |text| text.replace("[5, 6, 7, 8, 9]", "[0, 5, \"cat\", \"zero\"]"),
            |catalog| {
                replace_mnist(catalog, |classes, _, _| classes[0] = "zero".to_owned());
            },
        ),
        ("data_missing", same, |catalog| {
            fail(
                catalog,
                "mnist",
                Category::Data,
                "there is no file `train-images-idx3-ubyte.gz`",
            );
        }),
        ("plugin_crashed", same, |catalog| {
            fail(
                catalog,
                "lenet",
                Category::Plugin,
                "the plugin `lenet` crashed with SIGSEGV while it was asked for its network",
            );
        }),
        ("parameters_refused_by_the_plugin", same, |catalog| {
            fail(
                catalog,
                "mlp",
                Category::Experiment,
                "500 units are too many for this machine",
            );
        }),
        ("not_described", same, |catalog| {
            catalog.described.retain(|d| d.of.component != "mnist")
        }),
        ("schema_is_no_schema", same, |catalog| {
            catalog.components[0].schema = json!({ "type": "shoe" });
        }),
        (
            "plugin_pinned_to_another_file",
            |text| format!("{text}\n[plugins.mnist]\nsha256 = \"{}\"\n", "0".repeat(64)),
            |_| {},
        ),
        (
            "pins_that_are_none",
            |text| {
                format!(
                    "{text}\n[plugins.mlp]\nsha256 = \"0123\"\n[plugins.minst]\nsha256 = \"{}\"\n[plugins.lenet]\nversion = 3\n",
                    "0".repeat(64)
                )
            },
            |_| {},
        ),
        ("parameter_with_a_reserved_name", same, |catalog| {
            catalog.components[1].schema = json!({ "properties": { "classes": {} } });
        }),
    ];
    for (name, edit, change) in cases {
        let mut catalog = catalog();
        change(&mut catalog);
        insta::assert_snapshot!(name, message(&edit(SMALL), &catalog));
    }
}

fn replace_mnist(
    catalog: &mut Catalog,
    change: impl Fn(&mut Vec<String>, &mut [usize; 3], &mut Vec<(String, u64)>),
) {
    let mut description = mnist();
    if let Description::Dataset {
        classes,
        shape,
        splits,
        targets: _,
    } = &mut description
    {
        change(classes, shape, splits);
    }
    catalog
        .described
        .retain(|described| described.of.component != "mnist");
    catalog
        .described
        .push(described(UseKind::Dataset, "mnist", json!({}), description));
}

fn fail(catalog: &mut Catalog, component: &str, category: Category, message: &str) {
    for described in &mut catalog.described {
        if described.of.component == component {
            described.outcome = Err(Problem {
                category,
                message: message.to_owned(),
                hint: None,
            });
        }
    }
}

#[test]
fn the_file_s_mistakes_decide_the_exit_code() {
    let wrong = SMALL.replace("epochs = 3", "epochs = 0");
    let cases = [
        (SMALL, &[Category::Data][..], 4),
        (SMALL, &[Category::Data, Category::Plugin], 3),
        (&wrong, &[Category::Data, Category::Plugin], 2),
    ];
    for (text, problems, expected) in cases {
        let mut catalog = catalog();
        for (category, component) in problems.iter().zip(["mnist", "lenet"]) {
            fail(&mut catalog, component, *category, "something is wrong");
        }
        let draft = Draft::read("experiment.toml", text, &broken_folder());
        assert_eq!(
            draft.check(&catalog).unwrap_err().exit_code(),
            expected,
            "{problems:?}"
        );
    }
}

#[test]
fn deep_nesting_is_a_mistake_and_no_crash() {
    let cases = [
        format!("x = {}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("{}x = 1", "a.".repeat(20_000)),
        format!("[{}x]", "a.".repeat(20_000)),
        format!("[backbone]\nuse = \"lenet\"\n{}x = 1", "a.".repeat(20_000)),
    ];
    for text in cases {
        let draft = Draft::read("experiment.toml", &text, &broken_folder());
        draft.uses();
        assert!(draft.check(&catalog()).is_err(), "{}", &text[..40]);
    }
}

#[test]
fn colour_is_only_there_when_asked_for() {
    let draft = Draft::read("experiment.toml", "name = 1", &broken_folder());
    assert!(!draft.diagnostics().render(false).contains('\u{1b}'));
    assert!(draft.diagnostics().render(true).contains('\u{1b}'));
}

#[test]
fn text_from_plugins_cannot_steer_the_terminal() {
    let mut catalog = catalog();
    fail(
        &mut catalog,
        "lenet",
        Category::Plugin,
        "red \u{1b}[31m alert",
    );
    let rendered = message(SMALL, &catalog);
    assert!(
        rendered.contains("red") && !rendered.contains('\u{1b}'),
        "{rendered}"
    );
}

#[test]
fn components_are_named_once_even_in_a_file_with_mistakes() {
    let text = SMALL.replace("epochs = 3", "epochs = \"three\"");
    let draft = Draft::read("experiment.toml", &text, &broken_folder());
    let named = |kind, component: &str, parameters| Use {
        kind,
        component: component.to_owned(),
        parameters,
    };
    assert_eq!(
        draft.uses(),
        [
            named(UseKind::Backbone, "lenet", json!({})),
            named(UseKind::Dataset, "mnist", json!({})),
            named(UseKind::Head, "mlp", json!({ "hidden": [500] })),
            named(UseKind::Head, "logistic-regression", json!({})),
        ]
    );
    assert!(!draft.diagnostics().is_empty());
}

#[test]
fn a_catalog_travels_as_json() {
    let mut catalog = catalog();
    fail(&mut catalog, "mnist", Category::Data, "gone");
    let json = serde_json::to_string(&catalog).unwrap();
    assert_eq!(serde_json::from_str::<Catalog>(&json).unwrap(), catalog);
    assert!(
        catalog
            .described
            .iter()
            .any(|d: &Described| d.outcome.is_err())
    );
}

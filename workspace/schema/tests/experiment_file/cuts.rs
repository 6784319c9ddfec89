//! Cuts that are more than a name: pooled, reduced, chosen by a rule; and backbones that compute features themselves.

use topwork_schema::{Description, Draft, Normalise, Plan, WantedNormalise};

use crate::catalog::{EXTRACTED, SMALL, catalog_with_extractor, catalog_with_tokens};

fn plan(text: &str, wanted: WantedNormalise) -> Result<Plan, String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    Draft::read("experiment.toml", text, folder)
        .check(&catalog_with_extractor(wanted))
        .map_err(|diagnostics| diagnostics.render(false))
}

/// The rows of the small experiment with this cut, and that the resolved file gives the same plan.
fn rows(text: &str, cut: &str) -> Vec<String> {
    let text = text
        .replace("cut = \"features\"", &format!("cut = {cut}"))
        .replace("cut = \"cells\"", &format!("cut = {cut}"));
    let plan = plan(&text, WantedNormalise::Any).unwrap_or_else(|error| panic!("{error}"));
    let resolved = plan.to_toml();
    let again = self::plan(&resolved, WantedNormalise::Any);
    assert_eq!(again.as_ref(), Ok(&plan), "{resolved}");
    let rows = plan.rows.iter().filter(|row| row.strategy == 0);
    rows.map(|row| format!("{} ({})", row.cut.name, row.cut.layers))
        .collect()
}

/// Channels are pooled wherever they lie; what has none, or no height and width, is refused with what fits.
#[test]
fn pooling_goes_over_what_is_no_channel() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let told = |cut: &str| -> String {
        let text = EXTRACTED.replace("cut = \"cells\"", &format!("cut = {cut}"));
        let plan = Draft::read("experiment.toml", &text, folder).check(&catalog_with_tokens());
        match plan {
            Ok(plan) => {
                let rows = plan.rows.iter().filter(|row| row.strategy == 0);
                rows.map(|row| row.cut.name.clone())
                    .collect::<Vec<_>>()
                    .join(", ")
            }
            Err(diagnostics) => diagnostics.render(false),
        }
    };
    let cuts = [
        "{ at = \"/last/Add\", pool = \"gap\", pca = 32 }",
        "{ at = \"/last/Add\", pool = \"gap\", pca = 33 }",
        "{ at = \"/blocks/1/Add\", pool = \"gmp\", pca = 32 }",
        "{ at = \"/blocks/1/Add\", pool = \"pyramid\" }",
        "{ at = \"/blocks/1/attention\", pool = \"gap\" }",
        "{ at = \"/blocks/1/attention\", pool = \"flatten\" }",
        "{ at = \"/last/Add\", pool = \"class-token\" }",
        "{ at = \"/blocks/1/Add\", pool = \"class-token\" }",
        "{ at = \"/last/Add\", pool = \"mean-tokens\" }",
        // The rule chooses the map and its own mean.
        "{ use = \"ends\", n = 2, pool = \"gap\" }",
        "\"blocks\"",
        "\"last\"",
        "\"mean\"",
    ];
    let all: Vec<String> = cuts
        .iter()
        .map(|cut| format!("=== {cut}\n{}", told(cut)))
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn cuts_say_what_is_done_to_the_activations() {
    let cases: [(&str, &str, &[&str]); 13] = [
        (SMALL, "{ at = \"pool1\" }", &["pool1 (3)"]),
        (SMALL, "{ at = 4, pool = \"gap\" }", &["layer 4 gap (4)"]),
        (
            SMALL,
            "{ at = \"pool2\", pool = \"pyramid\", l2 = true, pca = 64 }",
            &["pool2 pyramid l2 pca64 (6)"],
        ),
        (
            SMALL,
            "[\"pool1\", { at = \"pool1\", pool = \"gmp\" }, { at = \"pool1\", pool = \"gap\" }]",
            &["pool1 (3)", "pool1 gmp (3)", "pool1 gap (3)"],
        ),
        // A vector stays what it is.
        (
            SMALL,
            "{ at = \"features\", pool = \"gap\", l2 = true }",
            &["features l2 (7)"],
        ),
        (
            SMALL,
            "{ join = [\"features\", \"pool1\", 4], pool = \"gap\", pca = 870 }",
            &["features + pool1 + layer 4 gap pca870 (7)"],
        ),
        // The order is that of the vector.
        (
            SMALL,
            "[{ join = [\"pool1\", \"pool2\"] }, { join = [\"pool2\", \"pool1\"] }]",
            &["pool1 + pool2 (6)", "pool2 + pool1 (6)"],
        ),
        (
            SMALL,
            "[{ join = [\"pool1\", \"features\"], pool = \"gmp\" }, \"features\"]",
            &["pool1 + features gmp (7)", "features (7)"],
        ),
        (
            SMALL,
            "{ at = \"features\", pool = \"class-token\" }",
            &["features (7)"],
        ),
        (EXTRACTED, "2", &["blocks (2)"]),
        (
            EXTRACTED,
            "{ use = \"ends\", n = 2 }",
            &["first gmp (1)", "last (2)"],
        ),
        (
            EXTRACTED,
            "{ use = \"ends\", n = 2, pool = \"gap\" }",
            &["first gap (1)", "last (2)"],
        ),
        (
            EXTRACTED,
            "[\"cells\", { use = \"ends\", n = 2, l2 = true }]",
            &["cells (1)", "first gmp l2 (1)", "last l2 (2)"],
        ),
    ];
    for (text, cut, expected) in cases {
        assert_eq!(rows(text, cut), expected, "cut = {cut}");
    }
}

#[test]
fn mistakes_in_cuts_are_explained() {
    let cases = [
        ("nowhere", "{ pool = \"gap\" }"),
        ("twice_where", "{ at = \"cells\", use = \"ends\" }"),
        ("unknown_key", "{ at = \"cells\", pol = \"gap\" }"),
        ("unknown_pool", "{ at = \"cells\", pool = \"mean\" }"),
        ("no_rule", "{ use = \"every-stag\" }"),
        ("not_a_rule", "{ use = \"hog\" }"),
        ("rule_parameter", "{ use = \"ends\", n = \"two\" }"),
        (
            "too_many_components",
            "{ at = \"cells\", pool = \"gap\", pca = 10 }",
        ),
        (
            "same_cut",
            "[{ at = \"cells\", pool = \"gmp\" }, { use = \"ends\", n = 2 }]",
        ),
        ("no_such_cut", "\"cell\""),
        ("no_such_number", "3"),
    ];
    for (name, cut) in cases {
        let text = EXTRACTED.replace("cut = \"cells\"", &format!("cut = {cut}"));
        let message = plan(&text, WantedNormalise::Any).expect_err(cut);
        insta::assert_snapshot!(format!("cut_{name}"), message);
    }
}

#[test]
fn mistakes_in_joined_cuts_are_explained() {
    let of_layers = [
        "{ join = [\"pool1\"] }",
        "{ join = [\"pool1\", \"pool1\"] }",
        "{ join = [\"pool2\", 6] }",
        "{ join = [\"pool1\", \"pool3\"] }",
        "{ join = [\"pool1\", 12] }",
        "{ join = [\"pool1\", { use = \"ends\" }] }",
        "{ join = [\"pool1\", \"pool2\"], at = \"pool1\" }",
        "{ join = [\"pool1\", \"pool2\"], use = \"ends\" }",
        "{ join = [\"pool1\", \"pool2\"], pool = \"pyramid\" }",
        "{ join = [\"pool1\", \"pool2\"], pool = \"class+mean\" }",
        "{ join = [\"pool1\", \"pool2\"], pool = \"gap\", pca = 71 }",
        "[{ join = [\"pool1\", \"pool2\"] }, { join = [3, 6] }]",
    ];
    let told = |text: &str, cut: &str, from: &str| {
        let text = text.replacen(from, &format!("cut = {cut}"), 1);
        let message = plan(&text, WantedNormalise::Any).expect_err(cut);
        format!("=== {cut}\n{message}")
    };
    let mut all: Vec<String> = (of_layers.iter())
        .map(|cut| told(SMALL, cut, "cut = \"features\""))
        .collect();
    all.push(told(
        EXTRACTED,
        "{ join = [\"cells\", \"blocks\"] }",
        "cut = \"cells\"",
    ));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn what_an_extractor_cannot_do_is_explained() {
    let weights = "use = \"hog\"\nweights = \"Cargo.toml\"";
    let source = "[source]\ndataset = { use = \"mnist\" }\nhead = { use = \"mlp\", hidden = [500] }\ntrain = { epochs = 1 }\n\n[target]";
    let cases = [
        ("weights", "use = \"hog\"", weights),
        ("source", "[target]", source),
        (
            "fine_tune",
            "kind = \"frozen-backbone\"",
            "kind = \"fine-tune\"",
        ),
        (
            "from_scratch",
            "kind = \"frozen-backbone\"",
            "kind = \"from-scratch\"",
        ),
        (
            "random_weights",
            "kind = \"feature-classifier\"",
            "kind = \"feature-classifier\"\nweights = \"random\"",
        ),
    ];
    for (name, from, to) in cases {
        let message = plan(&EXTRACTED.replacen(from, to, 1), WantedNormalise::Any).expect_err(name);
        insta::assert_snapshot!(format!("extractor_{name}"), message);
    }
    let pooled = SMALL
        .replace(
            "cut = \"features\"",
            "cut = { at = \"pool2\", pool = \"pyramid\" }",
        )
        .replace("kind = \"frozen-backbone\"", "kind = \"fine-tune\"");
    let message = plan(&pooled, WantedNormalise::Any).expect_err("a pyramid");
    insta::assert_snapshot!("trained_through_a_pyramid", message);
}

/// An extractor that is a network with weights of its own can do what other networks can, and is trained already.
#[test]
fn an_extractor_that_is_a_network_is_one() {
    let mut catalog = catalog_with_extractor(WantedNormalise::Stated);
    for described in &mut catalog.described {
        if let Ok(Description::Backbone {
            extractor: Some(extractor),
            ..
        }) = &mut described.outcome
        {
            extractor.network = true;
        }
    }
    let check = |from: &str, to: &str| {
        let text = EXTRACTED.replacen(from, to, 1);
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let checked = Draft::read("experiment.toml", &text, folder).check(&catalog);
        checked.map_err(|diagnostics| diagnostics.render(false))
    };
    for (from, to) in [
        ("", ""),
        ("kind = \"frozen-backbone\"", "kind = \"fine-tune\""),
        ("kind = \"frozen-backbone\"", "kind = \"from-scratch\""),
        (
            "kind = \"feature-classifier\"",
            "kind = \"feature-classifier\"\nweights = \"random\"",
        ),
    ] {
        let plan = check(from, to).unwrap();
        assert!(plan.extractor.is_some_and(|given| given.network), "{to}");
    }
    let source = "[source]\ndataset = { use = \"mnist\" }\nhead = { use = \"mlp\", hidden = [500] }\ntrain = { epochs = 1 }\n\n[target]";
    insta::assert_snapshot!(check("[target]", source).unwrap_err());
    let stated = ", normalise = { mean = [0.5], std = [0.25] }";
    assert!(check(stated, "").unwrap_err().contains("cannot know how"));
}

#[test]
fn samples_are_normalised_as_the_extractor_wants() {
    let exactly = |mean: f64| {
        WantedNormalise::Exactly(Normalise {
            mean: vec![mean],
            std: vec![0.25],
        })
    };
    let none = EXTRACTED.replace(", normalise = { mean = [0.5], std = [0.25] }", "");
    assert!(plan(&none, WantedNormalise::Any).is_ok());
    for wanted in [WantedNormalise::Stated, exactly(0.5), exactly(0.5004)] {
        assert!(plan(EXTRACTED, wanted).is_ok());
    }
    let cases = [
        ("not_stated", &*none, WantedNormalise::Stated),
        ("missing", &none, exactly(0.5)),
        ("otherwise", EXTRACTED, exactly(0.485)),
    ];
    for (name, text, wanted) in cases {
        let message = plan(text, wanted).expect_err(name);
        insta::assert_snapshot!(format!("normalise_{name}"), message);
    }
}

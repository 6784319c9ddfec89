//! `input` of `[backbone]`: what it comes to, and what is wrong with it.

use std::path::Path;

use topwork_schema::{
    Catalog, Description, Draft, Extractor, Input, Normalise, Plan, WantedNormalise,
};

use crate::catalog::{EXTRACTED, SMALL, catalog_with_extractor};

/// The file with this `input`.
fn with(text: &str, input: &str) -> String {
    let (before, after) = text.split_once("\n\n").unwrap();
    let (backbone, after) = after.split_once("\n\n").unwrap();
    format!("{before}\n\n{backbone}\ninput = {input}\n\n{after}")
}

/// The catalog with a backbone that takes these samples.
fn taking(shape: &[usize], normalise: Option<WantedNormalise>) -> Catalog {
    let mut catalog = catalog_with_extractor(WantedNormalise::Any);
    for described in &mut catalog.described {
        if let Ok(Description::Backbone {
            input, extractor, ..
        }) = &mut described.outcome
        {
            *input = shape.to_vec();
            if let (
                Some(Extractor {
                    normalise: wanted, ..
                }),
                Some(normalise),
            ) = (extractor, &normalise)
            {
                *wanted = normalise.clone();
            }
        }
    }
    catalog
}

fn plan(text: &str, catalog: &Catalog) -> Result<Plan, String> {
    let draft = Draft::read("file.toml", text, Path::new("/"));
    draft
        .check(catalog)
        .map_err(|diagnostics| diagnostics.render(false))
}

fn input(written: &str, shape: &[usize]) -> Result<Input, String> {
    let plan = plan(&with(SMALL, written), &taking(shape, None))?;
    Ok(plan.experiment.backbone_input.unwrap())
}

#[test]
fn what_is_left_out_is_what_the_backbone_takes() {
    let check = |written: &str, shape: &[usize], told: &str| {
        assert_eq!(input(written, shape).unwrap().told(), told, "{written}");
    };
    let colour = &[3, 224, 224];
    check("{}", colour, "224 × 224, bicubic, not normalised");
    check("\"own\"", &[1, 64, 48], "64 × 48, bicubic, not normalised");
    check(
        "{ resize = 256 }",
        colour,
        "shorter side 256, crop 224 × 224, bicubic, not normalised",
    );
    check(
        "{ crop = 0.875 }",
        colour,
        "shorter side 256, crop 224 × 224, bicubic, not normalised",
    );
    check(
        "{ crop = 0.9 }",
        &[3, 225, 225],
        "shorter side 250, crop 225 × 225, bicubic, not normalised",
    );
    check(
        "{ resize = [300, 256], crop = 224, filter = \"lanczos\" }",
        colour,
        "300 × 256, crop 224 × 224, lanczos, not normalised",
    );
    let written =
        "{ resize = 256, crop = [224, 200], normalise = { mean = [0, 0.5, 1], std = [1, 1, 1] } }";
    check(
        written,
        &[3, 224, 200],
        "shorter side 256, crop 224 × 200, bicubic, normalised",
    );
}

#[test]
fn an_extractor_says_how_its_samples_are_normalised() {
    let exact = Normalise::imagenet();
    let catalog = |wanted| taking(&[3, 32, 32], Some(wanted));
    let text = EXTRACTED.replace(", normalise = { mean = [0.5], std = [0.25] }", "");
    let of = |written: &str, wanted| {
        let plan = plan(&with(&text, written), &catalog(wanted))?;
        let experiment = plan.experiment;
        Ok::<_, String>(experiment.seen(&experiment.target.dataset).normalise)
    };
    assert_eq!(
        of("{}", WantedNormalise::Exactly(exact.clone())),
        Ok(Some(exact.clone()))
    );
    assert_eq!(of("{}", WantedNormalise::Any), Ok(None));
    let stated = of("{ normalise = \"none\" }", WantedNormalise::Stated);
    assert_eq!(stated, Ok(None));
    let missing = of("{}", WantedNormalise::Stated).unwrap_err();
    assert!(
        missing.contains("cannot know how its images are normalised"),
        "{missing}"
    );
    let other = of("{ normalise = \"none\" }", WantedNormalise::Exactly(exact)).unwrap_err();
    assert!(
        other.contains("`backbone.input.normalise` is other than `hog` wants it"),
        "{other}"
    );
}

#[test]
fn mistakes_are_told_with_their_place() {
    let check = |written: &str, shape: &[usize], expected: &str| {
        let message = input(written, shape).unwrap_err();
        assert!(message.contains(expected), "{written}: {message}");
    };
    let colour = &[3, 224, 224];
    check(
        "{ resize = 200 }",
        colour,
        "a crop of 224 pixels from images that are scaled to 200",
    );
    check(
        "{ crop = 200 }",
        colour,
        "`backbone.input.crop` comes to 200x200, but `lenet` takes 224x224",
    );
    check(
        "{ crop = 224.5 }",
        colour,
        "expected whole pixels, or a fraction below 1",
    );
    check(
        "{ resize = [1, 2, 3] }",
        colour,
        "`backbone.input.resize`: expected height and width, found 3 numbers",
    );
    check("{ resize = 0 }", colour, "`backbone.input.resize`");
    check("{ rezise = 256 }", colour, "did you mean `resize`?");
    check(
        "{ filter = \"bicubik\" }",
        colour,
        "did you mean `bicubic`?",
    );
    check("\"mine\"", colour, "`backbone.input`");
    check(
        "{ normalise = { mean = [0], std = [1] } }",
        colour,
        "`backbone.input.normalise.mean`: expected 3 of them, one per channel of `lenet`, found 1",
    );
    check("{}", &[784], "`lenet` takes 784, which are no images");
    let twice = with(EXTRACTED, "{}");
    let message = plan(&twice, &taking(&[1, 28, 28], None)).unwrap_err();
    assert!(
        message.contains("`backbone.input` says how samples are normalised"),
        "{message}"
    );
}

#[test]
fn what_it_comes_to_is_written_out_and_read_again() {
    let catalog = taking(&[3, 224, 224], None);
    for written in [
        "\"own\"",
        "{ crop = 0.875, filter = \"nearest\" }",
        "{ resize = [256, 300], normalise = { mean = [0.1, 0.2, 0.3], std = [1, 2, 3] } }",
    ] {
        let first = plan(&with(SMALL, written), &catalog).unwrap();
        assert_eq!(plan(&first.to_toml(), &catalog), Ok(first.clone()));
        assert_eq!(Plan::from_json(&first.to_json().unwrap()), Some(first));
    }
    let without = plan(SMALL, &taking(&[1, 28, 28], None)).unwrap();
    assert!(!without.to_json().unwrap().contains("backbone-input"));
}

#[test]
fn a_backbone_of_any_shape_gets_it_as_its_parameter() {
    let mut catalog = taking(&[3, 64, 64], None);
    let shaped = "{ shape = [3, 64, 64], crop = 0.8 }";
    for described in &mut catalog.described {
        if described.of.component == "lenet" {
            described.of.parameters = serde_json::json!({ "input": [3, 64, 64] });
        }
    }
    let first = plan(&with(SMALL, shaped), &catalog).unwrap();
    let told = first.experiment.backbone_input.as_ref().unwrap().told();
    assert_eq!(
        told,
        "shorter side 80, crop 64 × 64, bicubic, not normalised"
    );
    let parameters = &first.experiment.backbone.parameters;
    assert_eq!(parameters["input"], serde_json::json!([3, 64, 64]));
    assert_eq!(plan(&first.to_toml(), &catalog), Ok(first.clone()));
    let mistake = plan(&with(SMALL, "[3, 64, 64]"), &catalog).unwrap_err();
    assert!(
        mistake.contains("have the shape 1x28x28, but the backbone `lenet` takes 3x64x64"),
        "{mistake}"
    );
}

//! What was once built keeps working: plugins of an older ABI, whose header and source lie in `tests/abi-*` and never change,
//! and the layout of every table, of which a later minor only has more.
//!
//! A new minor gets a file `tests/abi-*/layout.txt` of its own: run the tests with `INSTA_UPDATE=always` once to write it.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, process::Command};

use topwork_abi as abi;
use topwork_testkit::Project;

/// The minors so far, with the header of each: a past one's is kept.
const MINORS: &[(u32, &str)] = &[
    (0, "tests/abi-1.0/topwork_plugin.h"),
    (1, "tests/abi-1.1/topwork_plugin.h"),
    (2, "docs/topwork_plugin.h"),
];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The layout of a version as it is kept, line by line: a name and a number.
fn kept(minor: u32) -> BTreeMap<String, u64> {
    let path = root().join(format!("tests/abi-1.{minor}/layout.txt"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines()
        .map(|line| {
            let (name, number) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), number.parse().unwrap())
        })
        .collect()
}

/// What a C compiler makes of a header: sizes and offsets in bytes, values of constants.
fn layout_in_c(header: &Path) -> String {
    let text = fs::read_to_string(header).unwrap();
    let mut program = format!(
        "#include <stdio.h>\n#include \"{}\"\nint main(void) {{\n",
        header.canonicalize().unwrap().display()
    );
    let mut table = None;
    let mut function = false;
    let code = |line: &&str| !line.trim_start().starts_with(['*', '/']);
    for line in text.lines().filter(code) {
        let mut field = None;
        if let Some(name) = line
            .strip_prefix("struct ")
            .and_then(|l| l.strip_suffix(" {"))
        {
            table = Some(name);
            let _ = writeln!(program, "printf(\"{name} %zu\\n\", sizeof({name}));");
        } else if line == "};" {
            table = None;
        } else if let Some((_, rest)) = line.split_once("(*").filter(|_| table.is_some()) {
            field = rest.split(')').next();
            function = !line.ends_with(';');
        } else if table.is_some() && line.ends_with(';') {
            field = line.trim_end_matches(';').rsplit([' ', '*']).next();
            field = field.filter(|_| !std::mem::take(&mut function));
        } else if let Some(constant) = line.strip_prefix("#define TOPWORK_")
            && let Some((name, value)) = constant.split_once(' ')
            && value.contains("UINT32_C(")
        {
            let _ = writeln!(
                program,
                "printf(\"TOPWORK_{name} %lu\\n\", (unsigned long)TOPWORK_{name});"
            );
        }
        if let (Some(table), Some(field)) = (table, field) {
            let _ = writeln!(
                program,
                "printf(\"{table}.{field} %zu\\n\", offsetof({table}, {field}));"
            );
        }
    }
    program.push_str("return 0; }\n");
    let folder = tempfile::tempdir().unwrap();
    let (source, binary) = (folder.path().join("layout.c"), folder.path().join("layout"));
    fs::write(&source, program).unwrap();
    let built = Command::new("cc")
        .arg("-o")
        .args([&binary, &source])
        .status();
    assert!(built.unwrap().success(), "{}", header.display());
    String::from_utf8(Command::new(binary).output().unwrap().stdout).unwrap()
}

#[test]
fn every_layout_is_what_it_was() {
    for (minor, header) in MINORS {
        let path = root().join(format!("tests/abi-1.{minor}/layout.txt"));
        let found = layout_in_c(&root().join(header));
        assert!(found.lines().count() > 100, "{header} was not understood");
        if !path.exists() && std::env::var("INSTA_UPDATE").is_ok_and(|mode| mode == "always") {
            fs::write(&path, &found).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(found, kept, "{}", path.display());
    }
    assert_eq!(MINORS.last().map(|(minor, _)| *minor), Some(abi::ABI_MINOR));
}

#[test]
fn a_later_minor_only_appends() {
    for minor in 1..=abi::ABI_MINOR {
        let (before, now) = (kept(minor - 1), kept(minor));
        for (name, number) in &before {
            let after = now.get(name).copied();
            // The number of the version grows, and a table may.
            let may_grow = !name.contains('.') && name.starts_with("topwork_");
            let fits = match after {
                Some(after) if may_grow || name == "TOPWORK_ABI_MINOR" => after >= *number,
                after => after == Some(*number),
            };
            assert!(fits, "{name} was {number} in 1.{}, is {after:?}", minor - 1);
        }
    }
}

/// The layout as Rust has it, for the tables and constants given.
macro_rules! layout {
    ($($table:ident as $c:literal { $($field:ident),+ })+) => {{
        let mut found = BTreeMap::new();
        $(
            found.insert($c.to_owned(), size_of::<abi::$table>() as u64);
            $(
                let field = format!("{}.{}", $c, stringify!($field));
                found.insert(field, std::mem::offset_of!(abi::$table, $field) as u64);
            )+
        )+
        found
    }};
}

#[test]
fn rust_and_c_see_the_same_tables() {
    let found = layout! {
        Text as "topwork_text" { data, len }
        Entry as "topwork_entry" {
            size, abi_major, abi_minor, id, version, licence, init, deinit, components, component_count
        }
        Sink as "topwork_sink" { context, write }
        HostServices as "topwork_host_services" {
            size, context, log, progress, should_stop, threads, find_data, cache_folder
        }
        Component as "topwork_component" {
            size, kind, id, about, parameter_schema, create, destroy, table, extension, context,
            create_in_context
        }
        DatasetTable as "topwork_dataset_table" { size, describe, labels, read }
        DatasetDescription as "topwork_dataset_description" {
            size, channels, height, width, element, abilities, classes, class_count, splits, split_count
        }
        Split as "topwork_split" { name, len }
        BackboneTable as "topwork_backbone_table" { size, network }
        ExtractorTable as "topwork_extractor_table" { size, describe, forward }
        CutRuleTable as "topwork_cut_rule_table" { size, cuts }
        NetworkHeadTable as "topwork_network_head_table" { size, network }
        ClassifierTable as "topwork_classifier_table" { size, fit, predict }
        Features as "topwork_features" { data, samples, dimensions }
        FitOptions as "topwork_fit_options" { size, seed, threads }
        FitReport as "topwork_fit_report" { size, iterations, parameters, converged, reserved }
        ClassifierSaveTable as "topwork_classifier_save_table" { size, save, load }
        ClassifierScoresTable as "topwork_classifier_scores_table" { size, scores }
        ClassifierFactsTable as "topwork_classifier_facts_table" { size, facts }
        ClassifierLayersTable as "topwork_classifier_layers_table" { size, layers }
        ClassifierPathTable as "topwork_classifier_path_table" { size, parameters, parameter_count, fit }
        ExtractorOnnxTable as "topwork_extractor_onnx_table" { size, model }
        ExtractorNetworkTable as "topwork_extractor_network_table" { size, network }
        DatasetProvenanceTable as "topwork_dataset_provenance_table" { size, names, groups }
        DatasetNumbersTable as "topwork_dataset_numbers_table" { size, columns, numbers }
        ClassifierNumbersTable as "topwork_classifier_numbers_table" { size, fit }
        DatasetDecoderTable as "topwork_dataset_decoder_table" { size, create, shape, decode, destroy }
        DatasetImagesTable as "topwork_dataset_images_table" { size, read, decode }
    };
    let mut expected = kept(abi::ABI_MINOR);
    expected.retain(|name, _| name.starts_with("topwork_"));
    assert_eq!(found, expected);
}

#[test]
fn a_plugin_built_for_1_0_still_works() {
    let mut project = Project::new();
    project.compile(&root().join("tests/abi-1.0/plugin.c"), "abi_1_0");
    let listed = project.topwork(&["plugins", "list"]);
    let rows: Vec<&str> = (listed.stdout.lines())
        .filter(|line| line.contains("abi-1-0 1.0.0"))
        .collect();
    assert_eq!((listed.code, rows.len()), (0, 4), "{}", listed.snapshot());
    project.write(
        "stripes.toml",
        r#"
        name = "stripes"
        backbone = { use = "one-convolution" }
        [source]
        dataset = { use = "stripes" }
        head = { use = "logits" }
        train = { epochs = 3, learning-rate = 1e-2 }
        [target]
        dataset = { use = "stripes" }
        cut = "features"
        [[strategy]]
        name = "nearest"
        kind = "feature-classifier"
        head = { use = "nearest" }
        [[strategy]]
        name = "logits"
        kind = "frozen-backbone"
        head = { use = "logits" }
        train = { epochs = 5, learning-rate = 1e-2 }
        "#,
    );
    let run = project.topwork(&["run", "stripes.toml", "--ui", "none"]);
    assert_eq!(run.code, 0, "{}", run.snapshot());
    for strategy in ["nearest", "logits"] {
        let accuracy = project.accuracy(1, strategy);
        assert!(accuracy > 0.9, "{strategy}: {accuracy}");
    }
}

//! Who may know whom, over `cargo metadata`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// For a crate (or every plugin): what it must never reach, directly or through others.
const MUST_NOT_REACH: &[(&str, &[&str])] = &[
    ("topwork-abi", &["*"]),
    ("topwork-sniff", &["*"]),
    ("topwork-keys", &["topwork-*"]),
    ("topwork-nearest", &["topwork-*"]),
    ("topwork-images", &["topwork-*"]),
    ("topwork-tensors", &["topwork-*"]),
    ("topwork-tables", &["topwork-*"]),
    ("topwork-onnx", &["topwork-*"]),
    ("topwork-header", &["topwork-*"]),
    ("topwork-measure", &["topwork-*"]),
    ("topwork-engine", &["libloading", "ratatui", "crossterm"]),
    (
        "topwork-weights",
        &[
            "topwork-host",
            "topwork-schema",
            "topwork-events",
            "topwork-store",
            "libloading",
            "ratatui",
            "crossterm",
        ],
    ),
    (
        "topwork-host",
        &[
            "topwork-engine",
            "topwork-schema",
            "topwork-events",
            "ratatui",
            "crossterm",
            "dfdx",
        ],
    ),
    (
        "topwork-tasks",
        &[
            "topwork-engine",
            "topwork-host",
            "topwork-store",
            "topwork-events",
            "libloading",
            "ratatui",
        ],
    ),
    (
        "topwork-graft",
        &[
            "topwork-store",
            "topwork-events",
            "ratatui",
            "crossterm",
            "indicatif",
            "clap",
        ],
    ),
    (
        "topwork-export",
        &[
            "topwork-host",
            "topwork-store",
            "topwork-events",
            "libloading",
            "ratatui",
            "crossterm",
            "clap",
        ],
    ),
    (
        "topwork-worker",
        &[
            "topwork-pages",
            "topwork-index",
            "ratatui",
            "crossterm",
            "indicatif",
            "clap",
        ],
    ),
    (
        "topwork-apply",
        &[
            "topwork-pages",
            "topwork-index",
            "ratatui",
            "crossterm",
            "indicatif",
            "clap",
        ],
    ),
    (
        "topwork-tui",
        &[
            "topwork-engine",
            "topwork-host",
            "topwork-pages",
            "dfdx",
            "libloading",
        ],
    ),
];

/// For a crate (or every plugin): the only crates of ours it may reach.
const MAY_ONLY_REACH: &[(&str, &[&str])] = &[
    ("topwork-events", &["topwork-measure"]),
    ("topwork-results", &["topwork-events", "topwork-measure"]),
    (
        "topwork-store",
        &[
            "topwork-events",
            "topwork-keys",
            "topwork-measure",
            "topwork-sniff",
            "topwork-tensors",
        ],
    ),
    (
        "topwork-index",
        &[
            "topwork-store",
            "topwork-results",
            "topwork-events",
            "topwork-keys",
            "topwork-measure",
            "topwork-sniff",
            "topwork-tensors",
        ],
    ),
    (
        "topwork-pages",
        &["topwork-results", "topwork-events", "topwork-measure"],
    ),
    (
        "topwork-trackers",
        &[
            "topwork-results",
            "topwork-events",
            "topwork-keys",
            "topwork-measure",
        ],
    ),
    (
        "topwork-sdk",
        &[
            "topwork-abi",
            "topwork-images",
            "topwork-nearest",
            "topwork-sniff",
            "topwork-tensors",
        ],
    ),
    (
        "topwork-python",
        &[
            "topwork-sdk",
            "topwork-abi",
            "topwork-images",
            "topwork-keys",
            "topwork-nearest",
            "topwork-sniff",
            "topwork-tensors",
        ],
    ),
    ("topwork-kinds", &["topwork-abi"]),
    ("topwork-scaffold", &["topwork-abi", "topwork-kinds"]),
    (
        "topwork-schema",
        &[
            "topwork-abi",
            "topwork-images",
            "topwork-kinds",
            "topwork-measure",
            "topwork-nearest",
        ],
    ),
    ("topwork-engine", &["topwork-nearest", "topwork-tensors"]),
    ("topwork-scoring", &["topwork-tensors"]),
    (
        "topwork-plugin-*",
        &[
            "topwork-sdk",
            "topwork-abi",
            "topwork-images",
            "topwork-nearest",
            "topwork-onnx",
            "topwork-sniff",
            "topwork-tensors",
        ],
    ),
];

type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn crates_know_only_what_they_may() {
    let graph = dependencies();
    let mut broken = Vec::new();
    for name in graph.keys().filter(|name| name.starts_with("topwork")) {
        let reached = reachable(&graph, name);
        let found = |pattern: &str| {
            reached
                .iter()
                .filter(move |other| fits(pattern, other))
                .cloned()
                .collect::<Vec<_>>()
        };
        for (_, forbidden) in MUST_NOT_REACH
            .iter()
            .filter(|(pattern, _)| fits(pattern, name))
        {
            for other in forbidden.iter().flat_map(|pattern| found(pattern)) {
                broken.push(format!("{name} reaches {other}"));
            }
        }
        for (_, allowed) in MAY_ONLY_REACH
            .iter()
            .filter(|(pattern, _)| fits(pattern, name))
        {
            for other in found("topwork*")
                .into_iter()
                .filter(|other| !allowed.contains(&other.as_str()))
            {
                broken.push(format!("{name} reaches {other}"));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "{broken:#?}\nthe arrows are explained in ARCHITECTURE.md"
    );
}

#[test]
fn engine_and_plugins_meet_only_where_a_run_is_computed() {
    let graph = dependencies();
    let both: Vec<_> = (graph.iter())
        .filter(|(name, direct)| {
            name.starts_with("topwork")
                && direct.contains("topwork-engine")
                && direct.contains("topwork-host")
        })
        .map(|(name, _)| name.as_str())
        .collect();
    // The worker and whoever applies finished work open both and hand them to graft. The benchmarks measure both and belong to no program; the conformance suite has the engine read what plugins describe.
    assert_eq!(
        both,
        [
            "topwork-apply",
            "topwork-bench",
            "topwork-conformance",
            "topwork-graft",
            "topwork-worker"
        ]
    );
}

#[test]
fn the_architecture_names_every_crate() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let missing: Vec<_> = (dependencies().into_keys())
        .filter(|name| name.starts_with("topwork-") && !name.starts_with("topwork-plugin-"))
        .map(|name| format!("`{}`", name.trim_start_matches("topwork-")))
        .filter(|cell| {
            !text
                .lines()
                .any(|line| line.starts_with("| ") && line.contains(cell))
        })
        .collect();
    assert!(
        missing.is_empty(),
        "ARCHITECTURE.md has no row for {missing:?}"
    );
}

#[test]
fn no_file_grows_past_600_lines() {
    let mut long = Vec::new();
    let mut folders = vec![
        root().join("workspace"),
        root().join("plugins"),
        root().join("tests"),
    ];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let lines = std::fs::read_to_string(&path).unwrap().lines().count();
                if lines > 600 {
                    long.push(format!("{}: {lines} lines", path.display()));
                }
            }
        }
    }
    assert!(long.is_empty(), "split these by meaning: {long:#?}");
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Every package with what it needs to run or to be built; what only its tests need is left out.
fn dependencies() -> Graph {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(
            [
                "--locked",
                "--offline",
                "--filter-platform",
                &this_platform(),
            ]
            .map(str::to_owned),
        )
        .exec()
        .unwrap();
    let names: BTreeMap<_, _> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.to_string()))
        .collect();
    let resolve = metadata.resolve.as_ref().unwrap();
    (resolve.nodes.iter())
        .map(|node| {
            let needed = node.deps.iter().filter(|dependency| {
                dependency
                    .dep_kinds
                    .iter()
                    .any(|kind| kind.kind != DependencyKind::Development)
            });
            (
                names[&node.id].clone(),
                needed
                    .map(|dependency| names[&dependency.pkg].clone())
                    .collect(),
            )
        })
        .collect()
}

/// Other platforms' dependencies need not have been downloaded.
fn this_platform() -> String {
    let output = std::process::Command::new("rustc")
        .arg("-vV")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.unwrap().to_owned()
}

fn reachable(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        for other in graph.get(name).into_iter().flatten() {
            if found.insert(other.clone()) {
                open.push(other);
            }
        }
    }
    found
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

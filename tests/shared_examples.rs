//! Examples that are learnt from and measured on: refused between source and target, counted and left out within a dataset.

use std::fs;

use serde_json::Value;
use topwork_keys::{Digest, Sha256, hexadecimal};
use topwork_testkit::{Output, Project};

const PIXELS: usize = 28 * 28;
const EXAMPLES: usize = 120;

/// Numbers that look random and are the same every time.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn images(&mut self, count: usize) -> Vec<u8> {
        (0..count * PIXELS)
            .map(|_| (self.next() >> 32) as u8)
            .collect()
    }
}

/// An array as NumPy writes it.
fn npy(kind: &str, shape: &[usize], bytes: &[u8]) -> Vec<u8> {
    let shape: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), bytes].concat()
}

fn images_of(bytes: &[u8]) -> Vec<u8> {
    npy("|u1", &[bytes.len() / PIXELS, 28, 28], bytes)
}

fn labels_of(labels: &[u8]) -> Vec<u8> {
    npy("|u1", &[labels.len()], labels)
}

fn floats(bytes: &[u8], number: impl Fn(u8) -> f32) -> Vec<u8> {
    let numbers: Vec<u8> = bytes
        .iter()
        .flat_map(|byte| number(*byte).to_le_bytes())
        .collect();
    npy("<f4", &[bytes.len() / PIXELS, 28, 28], &numbers)
}

/// Pure noise with labels that mean nothing, in several files: nobody can do better than chance.
fn noise() -> Project {
    let project = Project::new();
    let mut noise = Noise(0x2545_f491_4f6c_dd1d);
    let images = noise.images(EXAMPLES);
    let labels: Vec<u8> = (0..EXAMPLES).map(|example| (example % 4) as u8).collect();
    let write = |name: &str, bytes: &[u8]| fs::write(project.path().join(name), bytes).unwrap();
    write("noise.npy", &images_of(&images));
    write("copy.npy", &images_of(&images));
    write(
        "parts.npy",
        &floats(&images, |byte| f32::from(byte) / 255.0),
    );
    write("wide.npy", &floats(&images, f32::from));
    write("labels.npy", &labels_of(&labels));
    // A file of its own but for three images, which have other places and labels there.
    let mut others = noise.images(EXAMPLES);
    for example in 0..3 {
        others[example * PIXELS..][..PIXELS]
            .copy_from_slice(&images[(50 + example) * PIXELS..][..PIXELS]);
    }
    write("others.npy", &images_of(&others));
    write("own.npy", &images_of(&noise.images(EXAMPLES)));
    project
}

fn transfer(source: &str, target: &str, folds: bool) -> String {
    let folds = if folds { "folds = 5" } else { "" };
    let dataset = |of: &str| {
        let (file, more) = of.split_once(',').unwrap_or((of, ""));
        let comma = if more.is_empty() { "" } else { "," };
        format!(
            "{{ use = \"arrays\", file = \"{file}.npy\", labels-file = \"labels.npy\"{comma}{more} }}"
        )
    };
    format!(
        r#"name = "transfer"
backbone = {{ use = "lenet" }}
[source]
dataset = {}
head    = {{ use = "mlp", hidden = [20] }}
train   = {{ epochs = 1 }}
[target]
dataset = {}
cut     = "features"
{folds}
[[strategy]]
name = "trained trunk"
kind = "feature-classifier"
head = {{ use = "nearest-centroid" }}
"#,
        dataset(source),
        dataset(target)
    )
}

/// What `check` and `run` say of it.
fn both(project: &Project, text: &str) -> [Output; 2] {
    project.write("transfer.toml", text);
    [
        project.topwork(&["check", "transfer.toml"]),
        project.topwork(&["run", "transfer.toml", "--ui", "none"]),
    ]
}

#[test]
fn the_source_does_not_learn_what_the_target_is_measured_on() {
    let project = noise();
    let cases = [
        ("noise, test-fraction = 0.1", "noise", true),
        (
            "noise, test-fraction = 0.25, split-seed = 1",
            "noise, test-fraction = 0.25",
            false,
        ),
        (
            "noise, test-fraction = 0.1",
            "noise, test-fraction = 0.25",
            false,
        ),
        (
            "noise, test-fraction = 0.25",
            "noise, test-fraction = 0.25",
            true,
        ),
        ("copy, test-fraction = 0.1", "noise", true),
        (
            "copy, test-fraction = 0.1",
            "noise, test-fraction = 0.25",
            false,
        ),
        ("parts, test-fraction = 0.1", "noise", true),
        ("wide, test-fraction = 0.1", "noise", true),
        ("noise, test-fraction = 0.1", "wide, scale = 255", true),
        ("others, test-fraction = 0.01", "noise", true),
    ];
    for (source, target, folds) in cases {
        let text = transfer(source, target, folds);
        for output in both(&project, &text) {
            let told = output
                .stderr
                .contains("learns from what the target is measured on")
                || output
                    .stderr
                    .contains("on examples of the class \"0\" that it has learnt");
            assert!(
                told && output.code == 2,
                "{source} | {target}\n{}",
                output.snapshot()
            );
        }
    }
    let text = transfer("others, test-fraction = 0.01", "noise", true);
    let [check, run] = both(&project, &text);
    insta::assert_snapshot!("learnt_before", check.snapshot() + "\n" + &run.snapshot());
}

#[test]
fn what_is_not_shared_is_not_refused() {
    let project = noise();
    let cases = [
        // The same examples are learnt from, and others are measured.
        (
            "noise, test-fraction = 0.25",
            "noise, test-fraction = 0.25",
            false,
        ),
        ("noise, test-fraction = 0.25", "own", true),
        (
            "noise, test-fraction = 0.25, classes = [0, 1]",
            "noise, classes = [2, 3]",
            true,
        ),
        (
            "copy, test-fraction = 0.25, classes = [0, 1]",
            "noise, classes = [2, 3]",
            true,
        ),
    ];
    for (source, target, folds) in cases {
        for output in both(&project, &transfer(source, target, folds)) {
            assert_eq!(output.code, 0, "{source} | {target}\n{}", output.snapshot());
            assert!(
                !output.stderr.contains("same image"),
                "{}",
                output.snapshot()
            );
        }
    }
}

/// No source; everything is measured on the features of a random trunk.
fn target_only(dataset: &str, folds: &str) -> String {
    format!(
        r#"name = "twice"
seeds = [1, 2]
backbone = {{ use = "lenet" }}
[target]
dataset = {{ use = "arrays", {dataset} }}
cut     = "features"
{folds}
[[strategy]]
name    = "centroid"
kind    = "feature-classifier"
head    = {{ use = "nearest-centroid" }}
weights = "random"
[[strategy]]
name    = "knn"
kind    = "feature-classifier"
head    = {{ use = "knn", k = 1 }}
weights = "random"
"#
    )
}

/// Position, whether it was right, fold: of every example of a file of predictions.
fn predictions(project: &Project, name: &str) -> Vec<(u64, bool, String)> {
    let path = project.run_folder(1).join("predictions").join(name);
    let text = fs::read_to_string(path).unwrap();
    let headings: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let fold = headings.iter().position(|heading| *heading == "fold");
    (text.lines().skip(1))
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let fold = fold.map_or(String::new(), |fold| cells[fold].to_owned());
            (cells[0].parse().unwrap(), cells[1] == cells[2], fold)
        })
        .collect()
}

/// The lines of the file with the examples of a draw.
fn examples(project: &Project, draw: &str) -> Vec<String> {
    let path = project.run_folder(1).join(format!("examples/{draw}.csv"));
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn counts(of: &Value) -> (u64, u64) {
    let without = &of["without-duplicates"];
    (
        without["correct"].as_u64().unwrap(),
        without["total"].as_u64().unwrap(),
    )
}

const FILES: [[&str; 2]; 2] = [
    ["1-centroid-seed-1.csv", "1-centroid-seed-2.csv"],
    ["2-knn-seed-1.csv", "2-knn-seed-2.csv"],
];

#[test]
fn test_images_that_were_learnt_from_are_counted_and_left_out() {
    let project = Project::new();
    let mut noise = Noise(7);
    let train = noise.images(40);
    let mut test = noise.images(20);
    // Test 3 and 4 are one training image; test 9 has another label there.
    for (to, from) in [(3, 5), (4, 5), (9, 6)] {
        test[to * PIXELS..][..PIXELS].copy_from_slice(&train[from * PIXELS..][..PIXELS]);
    }
    let mut labels: Vec<u8> = (0..20).map(|example| (example % 2) as u8).collect();
    labels[4] = 1;
    let write = |name: &str, bytes: &[u8]| fs::write(project.path().join(name), bytes).unwrap();
    write("train.npy", &images_of(&train));
    write("test.npy", &images_of(&test));
    let learnt: Vec<u8> = (0..40).map(|example| (example % 2) as u8).collect();
    write("train-labels.npy", &labels_of(&learnt));
    write("test-labels.npy", &labels_of(&labels));
    let dataset = "train-file = \"train.npy\", train-labels-file = \"train-labels.npy\", test-file = \"test.npy\", test-labels-file = \"test-labels.npy\"";
    let [check, run] = both(&project, &target_only(dataset, ""));
    insta::assert_snapshot!("twins_check", check.snapshot());
    assert_eq!(run.code, 0, "{}", run.snapshot());
    let results = project.results(1);
    // The digest of the test examples, made from the bytes of the files as the docs say.
    let mut digest = Sha256::new();
    let path = project.run_folder(1).join("predictions").join(FILES[0][0]);
    for line in fs::read_to_string(path).unwrap().lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let position: usize = cells[0].parse().unwrap();
        let image = Sha256::digest(&test[position * PIXELS..][..PIXELS]);
        digest.update(&image[..16]);
        digest.update(cells[1].as_bytes());
        digest.update([0]);
    }
    let digest = format!("v2:{}", hexadecimal(&digest.finalize()));
    assert_eq!(results["strategies"][0]["test-set"], digest);
    let events = fs::read_to_string(project.run_folder(1).join("events.jsonl")).unwrap();
    let of_split = format!("{{\"split\":\"test\",\"examples\":20,\"digest\":\"{digest}\"}}");
    assert!(events.contains(&of_split), "{events}");
    let used = examples(&project, "all");
    assert_eq!(used[0], "split,example,class,use");
    assert_eq!(
        (&*used[1], &*used[41]),
        ("train,0,0,train", "test,0,0,test")
    );
    assert_eq!(used.len(), 61);
    insta::assert_snapshot!(
        "twins_results",
        serde_json::to_string_pretty(&results["duplicates"]).unwrap()
    );
    for (row, files) in FILES.iter().enumerate() {
        let row = &results["strategies"][row];
        let mut sum = (0, 0);
        for (seed, file) in files.iter().enumerate() {
            let left: Vec<bool> = (predictions(&project, file).into_iter())
                .filter(|(position, ..)| ![3, 4, 9].contains(position))
                .map(|(_, right, _)| right)
                .collect();
            let right = left.iter().filter(|right| **right).count() as u64;
            let counted = counts(&row["seeds"][seed]);
            assert_eq!(counted, (right, 17), "{row}");
            sum = (sum.0 + counted.0, sum.1 + counted.1);
        }
        assert_eq!(counts(row), sum, "{row}");
    }
    let shown = project.topwork(&["runs", "show", "1"]);
    let (remark, table) = (
        shown.stdout.find("the same image"),
        shown.stdout.find("strategy"),
    );
    assert!(remark.is_some() && remark < table, "{}", shown.snapshot());
    assert!(
        shown.stdout.contains("no duplicates"),
        "{}",
        shown.snapshot()
    );
}

#[test]
fn every_row_twice_is_no_skill() {
    let project = Project::new();
    let mut noise = Noise(11);
    let once = noise.images(40);
    let images = [once.clone(), once].concat();
    let labels: Vec<u8> = (0..40).map(|_| (noise.next() >> 40) as u8 % 2).collect();
    let labels = [labels.clone(), labels].concat();
    let write = |name: &str, bytes: &[u8]| fs::write(project.path().join(name), bytes).unwrap();
    write("twice.npy", &images_of(&images));
    write("labels.npy", &labels_of(&labels));
    let dataset = "file = \"twice.npy\", labels-file = \"labels.npy\"";
    let [check, run] = both(&project, &target_only(dataset, "folds = 4"));
    insta::assert_snapshot!("twice_check", check.snapshot());
    assert_eq!(run.code, 0, "{}", run.snapshot());
    let results = project.results(1);
    assert_eq!(results["duplicates"][0]["examples"], 80, "{results}");
    assert_eq!(results["duplicates"][0]["contrary"], 0);
    // Each seed has folds of its own, those of the predictions.
    for (seed, file) in [1, 2].iter().zip(FILES[0]) {
        let used = examples(&project, &format!("seed-{seed}"));
        assert_eq!(used[0], "split,example,class,fold 1,fold 2,fold 3,fold 4");
        for ((position, _, fold), line) in predictions(&project, file).iter().zip(&used[1..]) {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells[1], position.to_string());
            let fold: usize = fold.parse().unwrap();
            let tested = (1..=4).map(|of| if of == fold { "test" } else { "train" });
            assert!(tested.eq(cells[3..].iter().copied()), "{line}");
        }
        assert_eq!(used.len(), 81);
    }
    let knn = &results["strategies"][1];
    for (seed, file) in FILES[1].iter().enumerate() {
        let all = predictions(&project, file);
        let twin = |position: u64| (position + 40) % 80;
        let fold = |position: u64| &all[position as usize].2;
        let left = all
            .iter()
            .filter(|(position, ..)| fold(*position) == fold(twin(*position)));
        let (right, left): (Vec<_>, Vec<_>) = left.partition(|(_, right, _)| *right);
        let expected = (right.len() as u64, (right.len() + left.len()) as u64);
        assert_eq!(counts(&knn["seeds"][seed]), expected);
    }
    let (mean, without) = (&knn["mean"], &knn["without-duplicates"]["accuracy"]);
    assert!(
        mean.as_f64() > Some(0.8) && without.as_f64() < Some(0.8),
        "{mean} {without}"
    );
}

/// Images of large squares, each black or white, which a network tells apart.
fn squares(noise: &mut Noise, count: usize) -> Vec<u8> {
    let square = |bits: u64| {
        (0..PIXELS).map(move |pixel| {
            let (row, column) = (pixel / 28, pixel % 28);
            255 * (bits >> (row / 4 * 7 + column / 4) & 1) as u8
        })
    };
    (0..count).flat_map(|_| square(noise.next())).collect()
}

#[test]
fn images_that_are_nearly_the_same_are_told() {
    let project = Project::new();
    let mut noise = Noise(5);
    let write = |name: &str, bytes: &[u8]| fs::write(project.path().join(name), bytes).unwrap();
    let mut images = squares(&mut noise, EXAMPLES);
    // The first ten are later ones with another grey in one corner.
    for example in 0..10 {
        let of = (100 + example) * PIXELS;
        images.copy_within(of..of + PIXELS, example * PIXELS);
        images[example * PIXELS] ^= 8;
    }
    write("target.npy", &images_of(&images));
    write("source.npy", &images_of(&squares(&mut noise, EXAMPLES)));
    let labels: Vec<u8> = (0..EXAMPLES).map(|example| (example % 4) as u8).collect();
    write("labels.npy", &labels_of(&labels));
    let text = transfer("source, test-fraction = 0.25", "target", true);
    let [_, run] = both(&project, &text);
    assert_eq!(run.code, 0, "{}", run.snapshot());
    // Those count whose like is in another fold.
    let used = examples(&project, "seed-1");
    let fold = |example: usize| used[1 + example].split(',').position(|cell| cell == "test");
    let apart = (0..10).filter(|example| fold(*example) != fold(100 + example));
    let count = 2 * apart.count();
    let told = project.results(1)["remarks"].to_string();
    let expected = format!("[\"{count} of 120 examples (");
    let rest = "have nearly the same features at `features` as an example of another fold";
    assert!(told.starts_with(&expected) && told.contains(rest), "{told}");
}

//! Samples that belong together.

use crate::write::{characters, floats, integers, npy, npz};
use crate::{Place, all};
use serde_json::{Value, json};

/// Every sample with its group, split by split.
fn found(place: &Place, id: &str, parameters: Value) -> String {
    let dataset = match place.open(id, parameters) {
        Ok(dataset) => dataset,
        Err(error) => return place.told(&error),
    };
    let splits = dataset.description().splits.clone();
    let of = |split: &str| match dataset.groups(split).unwrap() {
        Some(groups) => format!("{split}: {}", groups.join(" ")),
        None => format!("{split}: none"),
    };
    let told: Vec<String> = splits.iter().map(|split| of(&split.name)).collect();
    told.join(", ")
}

#[test]
fn arrays_name_groups() {
    let place = Place::empty();
    let samples = |count: usize| {
        npy(
            "<f4",
            false,
            &format!("({count}, 1)"),
            &floats(&vec![1.5; count]),
        )
    };
    let numbers = |numbers: &[i64]| {
        npy(
            "<i8",
            false,
            &format!("({},)", numbers.len()),
            &integers(numbers),
        )
    };
    let words = npy(
        "<U2",
        false,
        "(4,)",
        &characters(&["p1", "p2", "p1", "p3"], 2),
    );
    let arrays = [
        ("samples", samples(4)),
        ("labels", numbers(&[0, 1, 0, 1])),
        ("patient", words),
        ("series", numbers(&[7, 7, -1, 8])),
        ("short", numbers(&[1, 2])),
        (
            "half",
            npy("<f4", false, "(4,)", &floats(&[1.0, 2.0, 0.5, 3.0])),
        ),
        (
            "blank",
            npy("<U2", false, "(4,)", &characters(&["a", "", "b", "c"], 2)),
        ),
        ("x", samples(2)),
        ("y", numbers(&[1, 0])),
        ("p", numbers(&[5, 6])),
    ];
    place.write("d.npz", &npz(&arrays, true));
    place.write("s.npy", &samples(4));
    place.write("g.npy", &numbers(&[1, 1, 2, 2]));
    place.write("l.npy", &numbers(&[0, 1, 0, 1]));
    let check = |parameters: Value, expected: &str| {
        assert_eq!(
            found(&place, "arrays", parameters.clone()),
            expected,
            "{parameters}"
        );
    };
    check(json!({ "file": "d.npz" }), "train: none");
    check(
        json!({ "file": "d.npz", "groups": "patient" }),
        "train: p1 p2 p1 p3",
    );
    check(
        json!({ "file": "d.npz", "groups": "series" }),
        "train: 7 7 -1 8",
    );
    let two = json!({ "file": "d.npz", "groups": "series", "test-samples": "x", "test-labels": "y", "test-groups": "p" });
    check(two, "train: 7 7 -1 8, test: 5 6");
    let files = json!({ "file": "s.npy", "labels-file": "l.npy", "groups-file": "g.npy" });
    check(files, "train: 1 1 2 2");
    let other = json!({ "file": "d.npz", "groups": "series", "groups-file": "d.npz" });
    check(other, "train: 7 7 -1 8");
    let refused = |parameters: Value, expected: &str| {
        let told = found(&place, "arrays", parameters.clone());
        assert_eq!(told.lines().next(), Some(expected), "{parameters}");
    };
    refused(
        json!({ "file": "d.npz", "groups": "short" }),
        "Data: `[here]/d.npz` (`short`) has the shape [2], expected 4 groups, one for each sample of `[here]/d.npz`",
    );
    refused(
        json!({ "file": "d.npz", "groups": "half" }),
        "Data: `[here]/d.npz` (`half`): group 0.5 of sample 2, expected an integer or a word",
    );
    refused(
        json!({ "file": "d.npz", "groups": "blank" }),
        "Data: `[here]/d.npz` (`blank`): the group of sample 1 is empty",
    );
    refused(
        json!({ "file": "s.npy", "labels-file": "l.npy", "groups": "p" }),
        "Parameters: `[here]/s.npy` holds samples, but no groups",
    );
    refused(
        json!({ "file": "d.npz", "groups": "p", "test-samples": "x", "test-labels": "y" }),
        "Parameters: `groups` needs `test-groups`, as `test-samples` names samples of their own",
    );
    refused(
        json!({ "file": "d.npz", "test-groups": "p" }),
        "Parameters: `test-groups` goes with `groups` and `test-samples`",
    );
}

#[test]
fn a_column_of_groups_is_no_number_of_the_sample() {
    let check = |text: &str, parameters: Value, samples: &str, groups: &str| {
        let place = Place::empty();
        place.write("d.csv", text.as_bytes());
        let mut parameters = parameters;
        parameters["file"] = json!("d.csv");
        let read = match place.open("csv", parameters.clone()) {
            Ok(dataset) => all(&dataset),
            Err(error) => place.told(&error),
        };
        assert_eq!(read, samples, "{parameters}");
        if !groups.is_empty() {
            assert_eq!(found(&place, "csv", parameters), groups);
        }
    };
    let samples = "[2, 1, 1] a b\ntrain a: 1 2\ntrain b: 3 4\ntrain a: 5 6";
    let groups = "train: p1 p2 p1";
    let named = "patient,x,y,class\np1,1,2,a\np2,3,4,b\np1,5,6,a\n";
    check(named, json!({ "groups": "patient" }), samples, groups);
    check(named, json!({ "groups": 0 }), samples, groups);
    check(named, json!({ "groups": 0, "label": 3 }), samples, groups);
    check(
        named,
        json!({ "groups": "patient", "label": "class" }),
        samples,
        groups,
    );
    let semicolons = "x;patient;class;y\n1;p1;a;2\n3;p2;b;4\n5;p1;a;6\n";
    check(semicolons, json!({ "groups": "patient" }), samples, groups);
    check(
        semicolons,
        json!({ "groups": 1, "label": 2 }),
        samples,
        groups,
    );
    let bare = "1,2,p1,a\n3,4,p2,b\n5,6,p1,a\n";
    check(bare, json!({ "groups": 2 }), samples, groups);
    // Without being told, words among the numbers are a mistake.
    let refused = "Data: `[here]/d.csv`, line 1: column 2: \"p1\", expected a finite number\n  hint: `header = true` when the first line names the columns";
    check(bare, json!({}), refused, "");
    let missing = "Data: `[here]/d.csv`, line 1: no column \"p\" (`groups`), expected one of patient, x, y, class";
    check(named, json!({ "groups": "p" }), missing, "");
    let same = "Parameters: `label` and `groups` are the same column";
    check(named, json!({ "groups": 0, "label": 0 }), same, "");
    let empty = "patient,x,class\np1,1,a\n,3,b\n";
    let told = "Data: `[here]/d.csv`, line 3: the group is empty\n  hint: a sample that belongs to no other is a group of its own: give it a value that no other has";
    check(empty, json!({ "groups": "patient" }), told, "");
    let wrong = "patient,x,y,class\np1,1,2,a\np2,q,4,b\n";
    let told = "Data: `[here]/d.csv`, line 3: column 1: \"q\", expected a finite number";
    check(wrong, json!({ "groups": "patient" }), told, "");
}

#[test]
fn a_drawn_split_keeps_groups_together() {
    let place = Place::empty();
    let lines: String = (0..60)
        .map(|sample| format!("p{},{sample},{}\n", sample / 3, sample % 2))
        .collect();
    place.write("d.csv", format!("patient,x,class\n{lines}").as_bytes());
    for seed in 0..5 {
        let parameters = json!({ "file": "d.csv", "groups": "patient", "test-fraction": 0.25, "split-seed": seed });
        let dataset = place.open("csv", parameters).unwrap();
        let [train, test] = ["train", "test"].map(|split| dataset.groups(split).unwrap().unwrap());
        assert!(train.len() + test.len() == 60 && (12..=18).contains(&test.len()));
        assert!(test.iter().all(|group| !train.contains(group)));
    }
}

//! Labels that are numbers to be predicted, one or several for each sample.

use crate::Place;
use crate::write::{characters, floats, integers, npy, npz};
use serde_json::{Value, json};

/// The columns, then of every split the samples with their numbers: "chins jumps; train 1 2 = 5 7".
fn read(place: &Place, id: &str, parameters: Value) -> String {
    let mut all = json!({ "targets": "numbers" });
    all.as_object_mut()
        .unwrap()
        .extend(parameters.as_object().unwrap().clone());
    let dataset = match place.open(id, all) {
        Ok(dataset) => dataset,
        Err(error) => return place.told(&error),
    };
    let columns = &dataset.description().classes;
    let words = |numbers: &[f32]| {
        let words: Vec<String> = numbers.iter().map(f32::to_string).collect();
        words.join(" ")
    };
    let mut told = vec![columns.join(" ")];
    for split in &dataset.description().splits {
        let numbers = dataset.numbers(&split.name).unwrap();
        assert_eq!(
            dataset.labels(&split.name).unwrap(),
            vec![0; split.len as usize]
        );
        for (index, row) in (0..).zip(numbers.chunks(columns.len())) {
            let sample: Vec<f32> = dataset.read(&split.name, &[index]).unwrap();
            told.push(format!(
                "{} {} = {}",
                split.name,
                words(&sample),
                words(row)
            ));
        }
    }
    told.join("; ")
}

fn csv(text: &str, parameters: Value) -> String {
    let place = Place::empty();
    place.write("data.csv", text.as_bytes());
    let mut all = json!({ "file": "data.csv" });
    all.as_object_mut()
        .unwrap()
        .extend(parameters.as_object().unwrap().clone());
    read(&place, "csv", all)
}

#[test]
fn columns_of_a_table_are_numbers_in_the_order_named() {
    let named = "age,chins,sex,jumps\n20,5,0,60\n30,2,1,-7.5\n";
    let check = |text: &str, parameters: Value, expected: &str| {
        assert_eq!(csv(text, parameters.clone()), expected, "{parameters}");
    };
    let one = "chins; train 20 0 60 = 5; train 30 1 -7.5 = 2";
    check(named, json!({"label": "chins"}), one);
    check(named, json!({"label": ["chins"]}), one);
    check(named, json!({"label": 1}), one);
    let two = "jumps chins; train 20 0 = 60 5; train 30 1 = -7.5 2";
    check(named, json!({"label": ["jumps", "chins"]}), two);
    check(named, json!({"label": [3, "chins"]}), two);
    check(named, json!({"label": [3, 1], "header": true}), two);
    check(named, json!({"label": [3, 1]}), two);
    let without = "20,5,0,60\n30,2,1,-7.5\n";
    let by_place = "3 1; train 20 0 = 60 5; train 30 1 = -7.5 2";
    check(without, json!({"label": [3, 1]}), by_place);
    check(
        without,
        json!({}),
        "label; train 20 5 0 = 60; train 30 2 1 = -7.5",
    );
    // The column of groups is none of the others, wherever it stands.
    let of_groups = "jumps chins; train 20 = 60 5; train 30 = -7.5 2";
    let by_name = json!({"label": ["jumps", 1], "groups": "sex"});
    check(named, by_name, of_groups);
    let by_position = json!({"label": [3, 1], "groups": 2});
    check(named, by_position, of_groups);
    let first = json!({"label": [3, 1], "groups": 0});
    check(
        named,
        first,
        "jumps chins; train 0 = 60 5; train 1 = -7.5 2",
    );
    // Decimal commas are those of the whole table.
    let commas = "a;b;c\n1,5;2,5;3\n4;5;6,5\n";
    let read = "c b; train 1.5 = 3 2.5; train 4 = 6.5 5";
    check(commas, json!({"label": ["c", "b"]}), read);
}

#[test]
fn two_files_have_the_same_columns() {
    let place = Place::empty();
    place.write("train.csv", b"x,y,z\n1,2,3\n4,5,6\n");
    place.write("test.csv", b"z,x,y\n30,10,20\n60,40,50\n");
    let files = json!({"train-file": "train.csv", "test-file": "test.csv", "label": ["z", "y"]});
    assert_eq!(
        read(&place, "csv", files),
        "z y; train 1 = 3 2; train 4 = 6 5; test 10 = 30 20; test 40 = 60 50"
    );
}

#[test]
fn a_split_is_drawn_without_looking_at_the_numbers() {
    let place = Place::empty();
    let lines: Vec<String> = (0..20)
        .map(|x| format!("{x},{},{}", 2 * x, 100 - x))
        .collect();
    place.write("data.csv", lines.join("\n").as_bytes());
    let drawn =
        json!({"file": "data.csv", "label": [1, 2], "test-fraction": 0.25, "targets": "numbers"});
    let dataset = place.open("csv", drawn).unwrap();
    let mut all = Vec::new();
    for (split, len) in [("train", 15), ("test", 5)] {
        let numbers = dataset.numbers(split).unwrap();
        assert_eq!(numbers.len(), 2 * len);
        for (index, row) in (0..).zip(numbers.chunks(2)) {
            let sample: Vec<f32> = dataset.read(split, &[index]).unwrap();
            assert_eq!(row, [2.0 * sample[0], 100.0 - sample[0]]);
            all.push(sample[0] as u32);
        }
    }
    all.sort_unstable();
    assert_eq!(all, Vec::from_iter(0..20));
}

/// An array of samples and one of labels in one file.
fn arrays(labels: Vec<u8>) -> String {
    let place = Place::empty();
    let samples = npy("<f4", false, "(3, 1)", &floats(&[0.0, 0.5, 1.0]));
    let arrays = [("samples", samples), ("labels", labels)];
    place.write("a.npz", &npz(&arrays, true));
    read(&place, "arrays", json!({"file": "a.npz"}))
}

#[test]
fn rows_of_an_array_are_numbers() {
    let list = npy("<f4", false, "(3,)", &floats(&[1.5, -2.0, 3.0]));
    let one = "labels; train 0 = 1.5; train 0.5 = -2; train 1 = 3";
    assert_eq!(arrays(list), one);
    let rows = [1_i64, 10, 2, 20, 3, 30];
    let several = "0 1; train 0 = 1 10; train 0.5 = 2 20; train 1 = 3 30";
    assert_eq!(
        arrays(npy("<i8", false, "(3, 2)", &integers(&rows))),
        several
    );
    let turned = [1_i64, 2, 3, 10, 20, 30];
    assert_eq!(
        arrays(npy("<i8", true, "(3, 2)", &integers(&turned))),
        several
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let mut told = String::new();
    let mut note = |what: &str, found: String| told.push_str(&format!("{what}: {found}\n"));
    let named = "age,chins,jumps\n20,5,60\n30,2,-7.5\n";
    for (what, label) in [
        ("a slip", json!(["chins", "jumsp"])),
        ("an unknown name", json!(["chins", "weight"])),
        ("too far", json!(["chins", 3])),
        ("twice by name and place", json!(["chins", 1])),
        ("twice", json!(["chins", "chins"])),
        ("none", json!([])),
        ("nothing left", json!([0, 1, 2])),
    ] {
        note(what, csv(named, json!({ "label": label })));
    }
    let groups = json!({"label": ["jumps", "chins"], "groups": 1});
    note("the groups", csv(named, groups));
    let groups = json!({"label": ["jumps", "chins"], "groups": "chins"});
    note("the groups by name", csv(named, groups));
    let classes = json!({"label": ["chins", "jumps"], "targets": "classes"});
    note("classes", csv(named, classes));
    let class_names = json!({"label": "chins", "class-names": ["a"]});
    note("names of classes", csv(named, class_names));
    for (what, cell) in [
        ("a word", "old"),
        ("a hole", ""),
        ("no number", "nan"),
        ("endless", "inf"),
        ("too large", "1e300"),
        ("another mark", "\"1,5\""),
    ] {
        let text = format!("{named}40,{cell},1\n");
        note(what, csv(&text, json!({ "label": ["jumps", "chins"] })));
    }
    let without = "20,5,60\n30,old,7\n";
    note("without names", csv(without, json!({ "label": [2, 1] })));
    let same = "age,chins,jumps\n20,5,60\n30,5,61\n";
    note(
        "all the same",
        csv(same, json!({ "label": ["jumps", "chins"] })),
    );
    note(
        "one is all the same",
        csv(same, json!({ "label": "chins" })),
    );
    let rows = |numbers: &[f32], shape: &str| npy("<f4", false, shape, &floats(numbers));
    let bad = [1.0, 2.0, 3.0, f32::NAN, 5.0, 6.0];
    note("an array with a hole", arrays(rows(&bad, "(3, 2)")));
    note(
        "a list with a hole",
        arrays(rows(&[1.0, f32::INFINITY, 2.0], "(3,)")),
    );
    note("too few rows", arrays(rows(&[1.0, 2.0], "(2,)")));
    note("three dimensions", arrays(rows(&[1.0; 12], "(3, 2, 2)")));
    note(
        "a column of ones",
        arrays(rows(&[1.0, 2.0, 1.0, 3.0, 1.0, 4.0], "(3, 2)")),
    );
    let words = npy("<U2", false, "(3,)", &characters(&["a", "b", "1"], 2));
    note("words", arrays(words));
    let place = Place::empty();
    for (name, columns) in [("train", 3), ("test", 2)] {
        let labels: Vec<f32> = (0..2 * columns).map(|number| number as f32).collect();
        let arrays = [
            ("samples", npy("<f4", false, "(2, 1)", &floats(&[0.0, 1.0]))),
            (
                "labels",
                npy("<f4", false, &format!("(2, {columns})"), &floats(&labels)),
            ),
        ];
        place.write(&format!("{name}.npz"), &npz(&arrays, true));
    }
    let files = json!({"train-file": "train.npz", "test-file": "test.npz"});
    note("files that differ", read(&place, "arrays", files));
    insta::assert_snapshot!(told);
}

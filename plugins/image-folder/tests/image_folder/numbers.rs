//! Lists whose labels are numbers to be predicted.

use crate::{Place, colours, pixels, splits};
use serde_json::{Value, json};

/// Six pictures `a/0.png` to `b/5.png`, each in a grey of its own.
fn place() -> Place {
    let place = Place::empty();
    for number in 0..6 {
        place.plain(&format!("images/{}.png", name(number)), [number * 40; 3]);
    }
    place
}

fn name(number: u8) -> String {
    format!("{}/{number}", if number < 3 { "a" } else { "b" })
}

/// The columns, then of every split the greys of the pictures with their numbers: "angle; train 0 = 3.5, 40 = -7".
fn read(place: &Place, list: &str, parameters: Value) -> String {
    let list = place.write("list.csv", list.as_bytes());
    let mut all = json!({ "list": list, "folder": place.path("images"), "targets": "numbers" });
    all.as_object_mut()
        .unwrap()
        .extend(parameters.as_object().unwrap().clone());
    let dataset = match place.open(all) {
        Ok(dataset) => dataset,
        Err(error) => return place.told(&error),
    };
    let columns = &dataset.description().classes;
    let mut told = vec![columns.join(" ")];
    for (split, len) in splits(&dataset) {
        let numbers = dataset.numbers(&split).unwrap();
        assert_eq!(dataset.labels(&split).unwrap(), vec![0; len as usize]);
        let rows = numbers.chunks(columns.len()).zip(colours(&dataset, &split));
        let rows = rows.map(|(row, [grey, ..])| {
            let words: Vec<String> = row.iter().map(f32::to_string).collect();
            format!("{grey} = {}", words.join(" "))
        });
        told.push(format!(
            "{split} {}",
            rows.collect::<Vec<String>>().join(", ")
        ));
    }
    told.join("; ")
}

/// Lines for some of the pictures, each with these cells after its path.
fn lines(header: &str, cells: &[&str]) -> String {
    let line = |(number, cells): (u8, &&str)| format!("{}.png,{cells}\n", name(number));
    let lines: String = (0..).zip(cells).map(line).collect();
    format!("{header}\n{lines}").trim_start().to_owned()
}

#[test]
fn columns_of_a_list_are_numbers() {
    let place = place();
    let check = |list: &str, parameters: Value, expected: &str| {
        assert_eq!(
            read(&place, list, parameters.clone()),
            expected,
            "{parameters}"
        );
    };
    let one = "angle; train 0 = 3.5, 40 = -7";
    let list = lines("path,angle", &["3.5", "-7"]);
    check(&list, json!({}), one);
    check(&list, json!({"label": "angle"}), one);
    check(&list, json!({"label": 1}), one);
    check(
        &lines("photo,angle", &["3.5", "-7"]),
        json!({"label": "angle"}),
        one,
    );
    let list = lines(
        "path,angle,age,split",
        &["3.5,20,train", "-7,30,train", "1,2,test", "2,1,test"],
    );
    let two = "age angle; train 0 = 20 3.5, 40 = 30 -7; test 80 = 2 1, 120 = 1 2";
    check(&list, json!({"label": ["age", "angle"]}), two);
    check(&list, json!({"label": [2, 1]}), two);
    let without = lines("", &["3.5,20", "-7,30"]);
    check(
        &without,
        json!({"label": [2, 1]}),
        "2 1; train 0 = 20 3.5, 40 = 30 -7",
    );
    let alone = lines("", &["3.5", "-7"]);
    check(&alone, json!({}), "label; train 0 = 3.5, 40 = -7");
    let split = lines("", &["3.5,20,train", "-7,30,train", "1,2,test", "2,1,test"]);
    let by_place = "2 1; train 0 = 20 3.5, 40 = 30 -7; test 80 = 2 1, 120 = 1 2";
    check(&split, json!({"label": [2, 1]}), by_place);
    // Classes may stand in a column of any name, too.
    let classes = json!({"label": "kind", "targets": "classes"});
    let list = lines("path,label,kind", &["x,cat", "y,dog"]);
    let list = place.write("kinds.csv", list.as_bytes());
    let mut all = json!({ "list": list, "folder": place.path("images") });
    all.as_object_mut()
        .unwrap()
        .extend(classes.as_object().unwrap().clone());
    assert_eq!(
        place.open(all).unwrap().description().classes,
        ["cat", "dog"]
    );
}

#[test]
fn splits_are_drawn_and_groups_stay_together() {
    let place = place();
    let list = lines("path,angle", &["0", "1", "2", "3", "4", "5"]);
    let list = place.write("list.csv", list.as_bytes());
    let open = |groups: Value| {
        let mut all = json!({ "list": list, "folder": place.path("images"), "targets": "numbers", "test-fraction": 0.5 });
        all.as_object_mut()
            .unwrap()
            .extend(groups.as_object().unwrap().clone());
        place.open(all).unwrap()
    };
    for (groups, together) in [(json!({}), false), (json!({"groups": "^[ab]"}), true)] {
        let dataset = open(groups);
        assert_eq!(
            splits(&dataset),
            [("train".to_owned(), 3), ("test".to_owned(), 3)]
        );
        for split in ["train", "test"] {
            let numbers = dataset.numbers(split).unwrap();
            for (index, number) in (0..).zip(&numbers) {
                assert_eq!(pixels(&dataset, split, index)[0], [40 * *number as u8; 3]);
            }
            let in_a = numbers.iter().filter(|number| **number < 3.0).count();
            assert_eq!(matches!(in_a, 0 | 3), together, "{numbers:?}");
        }
        assert_eq!(dataset.groups("test").unwrap().is_some(), together);
    }
}

#[test]
fn pictures_that_cannot_be_read_take_their_numbers_along() {
    let place = place();
    place.write("images/a/1.png", b"no picture");
    let list = lines("path,angle", &["0", "1", "2", "3"]);
    let list = list.replace("b/3.png", "gone.png");
    assert_eq!(read(&place, &list, json!({})), "angle; train 0 = 0, 80 = 2");
    let twice = "path,angle\na/0.png,1\na/0.png,2.5\na/2.png,3\n";
    assert_eq!(
        read(&place, twice, json!({})),
        "angle; train 0 = 1, 0 = 2.5, 80 = 3"
    );
    let told = place.lines();
    let expected =
        "1 file is in the dataset more than once: 1 under several labels (`a/0.png` as 1 and 2.5)";
    assert!(told.iter().any(|line| line.contains(expected)), "{told:#?}");
    assert!(
        told.iter()
            .all(|line| !line.contains("nothing can be learnt")),
        "{told:#?}"
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let place = place();
    let mut told = String::new();
    let mut note = |what: &str, found: String| told.push_str(&format!("{what}: {found}\n"));
    let two = lines("path,angle,age", &["3.5,20", "-7,30"]);
    for (what, label) in [
        ("a slip", json!(["age", "angel"])),
        ("an unknown name", json!("weight")),
        ("too far", json!([3])),
        ("twice by name and place", json!(["age", 2])),
        ("twice", json!(["age", "age"])),
        ("none", json!([])),
        ("nothing said", json!(null)),
    ] {
        let parameters = match label {
            Value::Null => json!({}),
            label => json!({ "label": label }),
        };
        note(what, read(&place, &two, parameters));
    }
    let classes = json!({"label": ["age", "angle"], "targets": "classes"});
    note("classes", read(&place, &two, classes));
    for (what, cell) in [
        ("a word", "old"),
        ("a hole", ""),
        ("no number", "nan"),
        ("endless", "inf"),
        ("too large", "1e300"),
    ] {
        let list = lines("path,angle,age", &["3.5,20", &format!("{cell},30")]);
        note(
            what,
            read(&place, &list, json!({ "label": ["age", "angle"] })),
        );
    }
    let without = lines("", &["3.5", "old"]);
    note("without names", read(&place, &without, json!({})));
    let same = lines("path,angle,age", &["3,20", "3,30"]);
    note(
        "all the same",
        read(&place, &same, json!({ "label": ["angle", "age"] })),
    );
    let in_test = lines(
        "path,angle,split",
        &["3,train", "4,train", "5,test", "5,test"],
    );
    note(
        "all the same in a split",
        read(&place, &in_test, json!({ "label": "angle" })),
    );
    for (what, parameters) in [
        ("numbers without a list", json!({ "targets": "numbers" })),
        ("a column without a list", json!({ "label": "angle" })),
    ] {
        let error = place.open(parameters).err().unwrap();
        note(what, place.told(&error));
    }
    insta::assert_snapshot!(told);
}

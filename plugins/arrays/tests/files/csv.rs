//! CSV files.

use crate::write::gzipped;
use crate::{Place, all};
use serde_json::{Value, json};

fn read(text: &str, parameters: Value) -> String {
    let place = Place::empty();
    place.write("data.csv", text.as_bytes());
    let mut all_parameters = json!({ "file": "data.csv" });
    all_parameters
        .as_object_mut()
        .unwrap()
        .extend(parameters.as_object().unwrap().clone());
    match place.open("csv", all_parameters) {
        Ok(dataset) => all(&dataset),
        Err(error) => place.told(&error),
    }
}

#[test]
fn lines_are_samples() {
    let expected = "[2, 1, 1] 0 7\ntrain 7: 1 2.5\ntrain 0: -3 0.0004";
    let plain = "1,2.5,7\n-3,4e-4,0\n";
    let cases = [
        (plain, json!({})),
        ("1, 2.5 ,7\r\n\r\n-3,4e-4,0", json!({})),
        ("\"1\";2.5;7\n-3;4e-4;0\n", json!({ "separator": ";" })),
        ("1\t2.5\t7\n-3\t4e-4\t0\n", json!({ "separator": "\t" })),
        ("a,b,c\n1,2.5,7\n-3,4e-4,0\n", json!({ "header": true })),
        ("7,1,2.5\n0,-3,4e-4\n", json!({ "label": 0 })),
        ("1,7,2.5\n-3,0,4e-4\n", json!({ "label": 1 })),
        ("a,b,c\n1,7,2.5\n-3,0,4e-4\n", json!({ "label": "b" })),
        (
            "a,b,c\n1,7,2.5\n-3,0,4e-4\n",
            json!({ "label": "b", "header": true }),
        ),
    ];
    for (text, parameters) in cases {
        assert_eq!(read(text, parameters.clone()), expected, "{parameters}");
    }
    let place = Place::empty();
    place.write("data.csv.gz", &gzipped(plain.as_bytes()));
    let dataset = place.open("csv", json!({ "file": "data.csv.gz" })).unwrap();
    assert_eq!(all(&dataset), expected);
}

#[test]
fn digits_of_eight_by_eight_pixels() {
    // As in the digits that come with scikit-learn: 64 numbers from 0 to 16, and the label.
    let line = |label: u8| {
        let numbers: Vec<String> = (0..64).map(|place| (place % 17).to_string()).collect();
        format!("{},{label}\n", numbers.join(","))
    };
    let text: String = (0..10).map(line).collect();
    let found = read(&text, json!({ "shape": [1, 8, 8], "scale": 16 }));
    assert!(found.starts_with("[1, 8, 8] 0 1 2 3 4 5 6 7 8 9\ntrain 0: 0 0.0625 0.125"));
    let found = read(&text, json!({ "shape": [4, 4, 4] }));
    assert!(found.starts_with("[4, 4, 4] 0 1"));
}

#[test]
fn labels_may_be_words() {
    let text = "1,Iris setosa\n2,Iris virginica\n3,Iris setosa\n";
    let expected = "[1, 1, 1] Iris setosa Iris virginica\n\
        train Iris setosa: 1\ntrain Iris virginica: 2\ntrain Iris setosa: 3";
    assert_eq!(read(text, json!({})), expected);
    let names = json!({ "class-names": ["Iris virginica", "Iris setosa"] });
    assert!(
        read(text, names).starts_with("[1, 1, 1] Iris virginica Iris setosa\ntrain Iris setosa: 1")
    );
    let names = json!({ "class-names": ["zero", "one"] });
    assert_eq!(
        read("5,1\n6,0\n", names),
        "[1, 1, 1] zero one\ntrain one: 5\ntrain zero: 6"
    );
}

#[test]
fn splits_are_those_of_the_files_or_drawn() {
    let place = Place::empty();
    place.write("a.csv", b"1,x\n2,y\n");
    place.write("b.csv", b"3,z\n");
    let parameters = json!({ "train-file": "a.csv", "test-file": "b.csv" });
    let dataset = place.open("csv", parameters).unwrap();
    assert_eq!(
        all(&dataset),
        "[1, 1, 1] x y z\ntrain x: 1\ntrain y: 2\ntest z: 3"
    );
    let text = "1,x\n2,x\n3,x\n4,x\n5,y\n6,y\n";
    let found = read(text, json!({ "test-fraction": 0.5 }));
    assert_eq!(found.matches("train x").count(), 2);
    assert_eq!(found.matches("test x").count(), 2);
    assert_eq!(found.matches("test y").count(), 1);
}

#[test]
fn what_can_be_written_in_one_way_only_is_read_so() {
    let utf16 = |text: &str| {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        [0xff, 0xfe].into_iter().chain(units).collect::<Vec<u8>>()
    };
    let none = || json!({});
    let one_hot = "5,0,0,1\n6,1,0,0\n7,0,1,0\n".repeat(3);
    let not_one_hot = one_hot.clone() + "8,1,1,0\n";
    let cases: Vec<(&str, Vec<u8>, Value)> = [
        ("semicolons", "1;2.5;7\n3;4;0\n", none()),
        (
            "tabs and words",
            "1\t2.5\tIris setosa\n3\t4\tIris virginica\n",
            none(),
        ),
        ("spaces", "1 2.5 7\n3 4 0\n", none()),
        ("tabs with spaces", "1\t 2.5\t 7\n3\t 4\t 0\n", none()),
        ("decimal commas", "a;b;label\n1,5;2;7\n3;-4,25;0\n", none()),
        ("decimal commas, tabs", "1,5\t2\t7\n3\t4,5\t0\n", none()),
        ("both marks", "1,5;2;7\n3;4.5;0\n", none()),
        ("both marks, the other way", "1.5;2;7\n3;4,5;0\n", none()),
        ("thousands", "1.234,5;2;7\n3;4;0\n", none()),
        ("commas between commas", "\"1,5\",2,7\n3,4,0\n", none()),
        ("two readings", "1,5;7\n2,5;0\n", none()),
        (
            "two readings, one said",
            "1,5;7\n2,5;0\n",
            json!({ "separator": ";" }),
        ),
        ("semicolons and a mistake", "1;2;7\n3;x;0\n", none()),
        ("words among semicolons", "1;2;a,b\n3;4;c,d\n", none()),
        ("byte order mark", "\u{feff}1,2,7\n3,4,0\n", none()),
        (
            "byte order mark and names",
            "\u{feff}a,b,label\n1,2,7\n3,4,0\n",
            json!({ "label": "label" }),
        ),
        ("carriage returns", "1,2,7\r\n3,4,0\r\n", none()),
        ("only carriage returns", "1,2,7\r3,4,0\r", none()),
        ("names", "a,b,c\n1,2,7\n3,4,0\n", none()),
        (
            "names refused",
            "a,b,c\n1,2,7\n3,4,0\n",
            json!({ "header": false }),
        ),
        ("names and words", "a,b,species\n1,2,cat\n3,4,dog\n", none()),
        ("the label is named", "label,a,b\n7,1,2\n0,3,4\n", none()),
        (
            "the label is named in capitals",
            "a,Class,b\n1,7,2\n3,0,4\n",
            none(),
        ),
        (
            "two may be the label",
            "class,label,b\n1,7,2\n3,0,4\n",
            none(),
        ),
        (
            "a name twice",
            "b,a,b\n1,7,2\n3,0,4\n",
            json!({ "label": "b" }),
        ),
        ("words in front", "cat,1,2\ndog,3,4\n", none()),
        (
            "words in front, names",
            "species,a,b\ncat,1,2\ndog,3,4\n",
            none(),
        ),
        ("numbered columns", "0,1,target\n5,6,1\n7,8,0\n", none()),
        ("perhaps numbered", "0,1,2\n5,6,1\n7,8,0\n", none()),
        (
            "row numbers",
            ",a,b\n0,5,7\n1,6,0\n2,6,0\n3,6,0\n4,6,0\n5,6,0\n6,6,0\n7,6,0\n",
            none(),
        ),
        ("one-hot", &one_hot, none()),
        ("not one-hot", &not_one_hot, none()),
        ("an end of every line", "1,2,7,\n3,4,0,\n", none()),
        ("a missing number", "1,2,7\n?,4,0\n", none()),
        ("a missing number in front", "?,2,7\n3,4,0\n", none()),
        ("a missing label", "1,2,7\n3,4,\n5,6,0\n", none()),
        (
            "a label that is no number",
            "1,2,7\n3,4,nan\n5,6,0\n",
            none(),
        ),
        ("labels with a point", "1,2,7.0\n3,4,10.0\n", none()),
        ("labels with fractions", "1,2,24.3\n3,4,7\n", none()),
        ("a word among numbers", "1,2,7\n3,4,seven\n5,6,0\n", none()),
        ("comments", "# two numbers\n# a b\n1,2,7\n3,x,0\n", none()),
        ("too great", "1,2,7\n3,1e39,0\n", none()),
        ("one column", "7\n0\n", none()),
        ("names alone", "a,b,label\n", json!({ "label": "label" })),
        ("fewer columns", "1,2,7\n3,0\n", none()),
    ]
    .into_iter()
    .map(|(name, text, parameters)| (name, text.as_bytes().to_vec(), parameters))
    .chain([
        ("16 bits", utf16("1\t2\tgrün\n3\t4\trot\n"), none()),
        ("8 bits", b"1,2,gr\xfcn\n3,4,rot\n".to_vec(), none()),
        (
            "zipped",
            crate::write::zip(&[("a.csv", b"1,2,7\n3,4,0\n")]),
            none(),
        ),
        (
            "gzipped twice",
            gzipped(&gzipped(b"1,2,7\n3,4,0\n")),
            none(),
        ),
    ])
    .collect();
    let told = cases.into_iter().map(|(name, bytes, parameters)| {
        let place = Place::empty();
        place.write("a.csv", &bytes);
        let mut all = json!({ "file": "a.csv" });
        all.as_object_mut()
            .unwrap()
            .extend(parameters.as_object().unwrap().clone());
        format!("{name}: {}", place.heard("csv", all))
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n\n"));
}

#[test]
fn what_is_wrong_is_told() {
    let cases = [
        ("", json!({})),
        ("1,2,7\n3,x,7\n", json!({})),
        ("a,b,label\n1,2,7\n", json!({})),
        ("1,inf,7\n", json!({ "header": false })),
        ("1,,7\n", json!({})),
        ("1,2,7\n1,7\n", json!({})),
        ("1,\u{e4},7\n", json!({})),
        ("1,2,7\n", json!({ "label": 3 })),
        ("a,b\n1,7\n", json!({ "label": "labels" })),
        ("1,7\n", json!({ "label": "a", "header": false })),
        ("1,2,7\n", json!({ "shape": [1, 2, 2] })),
        ("a,b\n", json!({ "header": true })),
        ("7\n", json!({})),
        ("1,x\n", json!({ "class-names": ["a"] })),
        ("1,x\n", json!({ "train-file": "data.csv" })),
        (
            "1,x\n",
            json!({ "shape": [4294967296_u64, 4294967296_u64, 1] }),
        ),
    ];
    let told = cases.map(|(text, parameters)| read(text, parameters));
    let place = Place::empty();
    place.write("data.csv", b"1,2,7\n3,\xff,8\n");
    let not_text = place.refused("csv", json!({ "file": "data.csv" }));
    let gone = place.refused("csv", json!({ "file": "gone.csv" }));
    insta::assert_snapshot!([&told[..], &[not_text, gone]].concat().join("\n"));
}

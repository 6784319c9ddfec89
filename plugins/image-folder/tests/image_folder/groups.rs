//! Images that belong together, and what images are called.

use crate::{BLACK, Place};
use serde_json::json;

#[test]
fn paths_name_images_and_their_groups() {
    let place = Place::empty();
    for patient in 0..8 {
        for class in ["cat", "dog"] {
            // Each another picture, and so no duplicate.
            for image in 0..2 {
                let colour = [patient * 30, image * 40, u8::from(class == "cat")];
                place.plain(&format!("images/{class}/p{patient}/{image}.png"), colour);
            }
        }
    }
    let pattern = "^[^/]+/([^/]+)/";
    let whole = place.open(json!({ "groups": pattern })).unwrap();
    let names = whole.names("train").unwrap().unwrap();
    let groups = whole.groups("train").unwrap().unwrap();
    assert_eq!(names[..2], ["cat/p0/0.png", "cat/p0/1.png"]);
    assert_eq!((names.len(), groups.len()), (32, 32));
    assert_eq!(groups[..3], ["p0", "p0", "p1"]);
    let plain = place.open(json!({})).unwrap();
    assert_eq!(plain.groups("train").unwrap(), None);
    assert_eq!(plain.names("train").unwrap(), Some(names));
    let drawn = place
        .open(json!({ "groups": pattern, "test-fraction": 0.25 }))
        .unwrap();
    let [train, test] = ["train", "test"].map(|split| drawn.groups(split).unwrap().unwrap());
    assert_eq!((train.len(), test.len()), (24, 8));
    assert!(test.iter().all(|group| !train.contains(group)));
}

#[test]
fn a_pattern_that_finds_nothing_is_refused() {
    let place = Place::empty();
    place.plain("images/cat/p1/a.png", BLACK);
    let check = |pattern: &str, expected: &str| {
        let error = place.open(json!({ "groups": pattern })).err().unwrap();
        assert_eq!(place.told(&error), expected);
    };
    check(
        "x([0-9]+)",
        "Data: `groups`: the pattern \"x([0-9]+)\" finds no group in `cat/p1/a.png`\n  hint: it must find one in the path of every image; `exclude` leaves images out",
    );
    check(
        "(p",
        "Parameters: `groups`: the pattern \"(p\": unclosed group\n  hint: it is a regular expression, such as \"^[^/]+/([^/]+)/\" for the folder below the class folder",
    );
}

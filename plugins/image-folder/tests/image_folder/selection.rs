//! Which files are samples, of which class, in which split.

use crate::{BLACK, BLUE, Place, RED, WHITE, colours, splits};
use serde_json::{Value, json};

/// Names of the files found, each a colour, with their classes: "cat:red dog:blue".
fn found(place: &Place, parameters: Value) -> String {
    let dataset = place.open(parameters).unwrap();
    let mut text = Vec::new();
    for (split, _) in splits(&dataset) {
        let labels = dataset.labels(&split).unwrap();
        for (label, colour) in labels.into_iter().zip(colours(&dataset, &split)) {
            let class = &dataset.description().classes[label as usize];
            let colour = match colour {
                RED => "red",
                BLUE => "blue",
                WHITE => "white",
                BLACK => "black",
                other => panic!("{other:?}"),
            };
            text.push(format!("{split} {class}:{colour}"));
        }
    }
    text.join(", ")
}

#[test]
fn folders_are_classes() {
    let place = Place::empty();
    place.plain("images/dogs/b/nested/deep.PNG", RED);
    place.plain("images/dogs/a.JpG", BLUE);
    place.plain("images/Äpfel 🍎/grün.png", WHITE);
    place.plain("images/dogs/.hidden.png", BLACK);
    place.plain("images/.hidden/a.png", BLACK);
    place.plain("images/dogs/.hidden/a.png", BLACK);
    std::fs::create_dir(place.path("images/empty")).unwrap();
    assert_eq!(
        found(&place, json!({})),
        "train dogs:blue, train dogs:red, train Äpfel 🍎:white"
    );
}

#[test]
fn patterns_choose_files() {
    let place = Place::empty();
    for (name, colour) in [
        ("a/one.png", RED),
        ("a/one_mirror.png", BLACK),
        ("a/deep/two.png", BLUE),
        ("b/two_flip.png", WHITE),
        ("b/two.jpg", WHITE),
    ] {
        place.plain(&format!("images/{name}"), colour);
    }
    let cases = [
        (
            json!({ "exclude": ["*_mirror*", "*_flip*"] }),
            "train a:blue, train a:red, train b:white",
        ),
        (
            json!({ "include": ["a/*"] }),
            "train a:blue, train a:red, train a:black",
        ),
        (
            json!({ "include": ["*.jpg", "*/deep/*"] }),
            "train a:blue, train b:white",
        ),
        (
            json!({ "include": ["a/*"], "exclude": ["*/deep/*", "*mirror*"] }),
            "train a:red",
        ),
        (
            json!({ "include": ["{a,b}/two*"] }),
            "train b:white, train b:white",
        ),
    ];
    for (parameters, expected) in cases {
        assert_eq!(found(&place, parameters.clone()), expected, "{parameters}");
    }
}

#[test]
fn classes_may_be_put_together() {
    let place = Place::empty();
    place.plain("images/animals/birds/a.png", RED);
    place.plain("images/animals/birds/cartoon/a.png", BLUE);
    place.plain("images/town/a.png", WHITE);
    place.plain("images/people/a.png", BLACK);
    let cases = [
        (
            json!({ "birds": ["animals/birds"], "town": ["town"] }),
            "train birds:red, train birds:blue, train town:white",
        ),
        // The nearest folder counts, in whatever order they are written.
        (
            json!({ "drawn": ["animals/birds/cartoon"], "animals": ["animals"], "other": ["town", "people"] }),
            "train animals:red, train drawn:blue, train other:black, train other:white",
        ),
        (
            json!({ "all": ["."] , "zoo": ["animals/birds"]}),
            "train zoo:red, train zoo:blue, train all:black, train all:white",
        ),
    ];
    for (classes, expected) in cases {
        let parameters = json!({ "classes-from": classes });
        assert_eq!(found(&place, parameters), expected, "{classes}");
    }
}

#[test]
fn two_folders_are_two_splits() {
    let place = Place::empty();
    place.plain("one/a/1.png", RED);
    place.plain("one/c/1.png", BLUE);
    place.plain("two/b/1.png", WHITE);
    place.plain("two/a/1.png", BLACK);
    let parameters = json!({ "train-folder": place.path("one"), "test-folder": place.path("two") });
    assert_eq!(
        found(&place, parameters),
        "train a:red, train c:blue, test a:black, test b:white"
    );
}

#[test]
fn a_part_of_every_class_may_be_set_apart() {
    let place = Place::empty();
    for number in 0..10 {
        place.plain(&format!("images/a/{number}.png"), RED);
        place.plain(&format!("images/b/{number}.png"), BLUE);
    }
    let open = |seed: u64| {
        let dataset = place
            .open(json!({ "test-fraction": 0.3, "split-seed": seed }))
            .unwrap();
        let train: Vec<u32> = dataset.labels("train").unwrap();
        assert_eq!(train.iter().filter(|&&label| label == 0).count(), 7);
        assert_eq!(colours(&dataset, "test"), [[RED; 3], [BLUE; 3]].concat());
        splits(&dataset)
    };
    assert_eq!(open(0), [("train".to_owned(), 14), ("test".to_owned(), 6)]);
    assert_eq!(open(0), open(1));
}

#[test]
fn a_list_names_images_and_labels() {
    let place = Place::empty();
    place.plain("images/one.png", RED);
    place.plain("images/deep/two,too.png", BLUE);
    place.plain("images/grün.png", WHITE);
    let cases = [
        (
            "one.png,cat\n\"deep/two,too.png\",dog\ngrün.png,cat\n",
            "train cat:red, train dog:blue, train cat:white",
        ),
        ("Path, Label\r\none.png , big cat\r\n", "train big cat:red"),
        (
            "path,label,split\none.png,b,test\ngrün.png,a,train\none.png,a,train\n",
            "train a:white, train a:red, test b:red",
        ),
    ];
    for (list, expected) in cases {
        let file = place.write("lists/list.csv", list.as_bytes());
        let parameters = json!({ "list": file, "folder": place.path("images") });
        assert_eq!(found(&place, parameters), expected, "{list}");
        // Without a folder, the list's own counts.
        let file = place.write("images/list.csv", list.as_bytes());
        let parameters = json!({ "list": file });
        assert_eq!(found(&place, parameters), expected, "{list}");
    }
    let file = place.write(
        "images/list.csv",
        b"one.png,a\ngone.png,a\ngr\xc3\xbcn.png,b\n",
    );
    let parameters = json!({ "list": file, "exclude": ["gr*"] });
    assert_eq!(found(&place, parameters), "train a:red");
    let told = place.lines().pop().unwrap();
    assert!(
        told.contains("`gone.png` (line 2): cannot be read"),
        "{told}"
    );
}

#[test]
fn wrong_lists_are_told_with_the_line() {
    let place = Place::empty();
    place.plain("images/one.png", RED);
    let lists: [&[u8]; 8] = [
        b"one.png\n",
        b"path,label\none.png,a\none.png\n",
        b"one.png,\n",
        b"one.png,a\n,b\n",
        b"one.png,a,train\none.png,a,validation\n",
        b"a,b,c,d\n",
        b"one.png,a\none.png,\xff\xfe\n",
        b"path,label\n",
    ];
    let mut messages = Vec::new();
    for list in lists {
        let file = place.write("images/list.csv", list);
        let error = place.open(json!({ "list": file })).err().unwrap();
        messages.push(place.told(&error));
    }
    let error = place
        .open(json!({ "list": place.path("no.csv") }))
        .err()
        .unwrap();
    messages.push(place.told(&error));
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn wrong_parameters_are_told() {
    let place = Place::empty();
    place.plain("images/a/one.png", RED);
    place.plain("images/b/one.png", RED);
    place.write(
        "list.csv",
        b"images/a/one.png,a,train\nimages/b/one.png,a,test\n",
    );
    let (one, list) = (place.path("images"), place.path("list.csv"));
    let cases = [
        json!({ "train-folder": one }),
        json!({ "train-folder": one, "test-folder": one, "folder": one }),
        json!({ "train-folder": one, "test-folder": one, "test-fraction": 0.5 }),
        json!({ "list": list, "classes-from": { "a": ["a"] } }),
        json!({ "list": list, "test-fraction": 0.5 }),
        json!({ "include": ["[a"] }),
        json!({ "exclude": ["{a", "b"] }),
        json!({ "background": "#ff00f" }),
        json!({ "background": "#äöü" }),
        json!({ "fit": "squeeze" }),
        json!({ "sizes": 3 }),
        json!({ "classes-from": { "a": ["a"], "c": ["d"] } }),
        json!({ "classes-from": { "a": ["a"], "b": ["b"] }, "exclude": ["b/*"] }),
        json!({ "folder": place.path("imagse") }),
    ];
    let mut messages = Vec::new();
    for parameters in cases {
        let error = place.open(parameters).err().unwrap();
        messages.push(place.told(&error));
    }
    insta::assert_snapshot!(messages.join("\n"));
}

//! What users are told before they believe a figure.

use crate::{BLUE, Place, RED, WHITE, encoded, halves};
use image::ImageFormat;
use serde_json::{Value, json};

/// The lines about a dataset.
fn told(place: &Place, parameters: Value) -> String {
    place.open(parameters).unwrap();
    place.lines().join("\n")
}

fn four(place: &Place, folder: &str, colour: u8) {
    for number in 0..4 {
        place.plain(&format!("{folder}/{number}.png"), [colour, number, 0]);
    }
}

#[test]
fn folders_without_images_are_no_classes() {
    let place = Place::empty();
    four(&place, "images/apple", 1);
    four(&place, "images/cherry", 2);
    std::fs::create_dir_all(place.path("images/banana")).unwrap();
    std::fs::create_dir_all(place.path("images/.thumbnails")).unwrap();
    place.write("images/damson/notes.txt", b"text");
    insta::assert_snapshot!(told(&place, json!({})));
    // What patterns leave out is no surprise.
    let place = Place::empty();
    four(&place, "images/apple", 1);
    four(&place, "images/banana", 2);
    place.write("images/banana/a.txt", b"");
    let expected = "3: `banana` is no class: `include` and `exclude` leave out every image";
    assert_eq!(told(&place, json!({ "exclude": ["banana/*"] })), expected);
}

#[test]
fn pictures_that_are_not_read_are_counted() {
    let place = Place::empty();
    let image = encoded(&halves(2, 2, RED, BLUE), ImageFormat::Png);
    four(&place, "images/cat", 1);
    four(&place, "images/dog", 2);
    for number in 0..3 {
        place.write(
            &format!("images/fox/IMG_{number}.HEIC"),
            b"\0\0\0\x18ftypheic",
        );
        place.write(
            &format!("images/dog/IMG_{number}.heic"),
            b"\0\0\0\x18ftypheic",
        );
        place.write(&format!("images/hen/pixel{number}"), &image);
    }
    place.write("images/fox/a.avif", b"\0\0\0\x18ftypavif");
    place.write("images/fox/b.ppm", b"P6 1 1 255 abc");
    insta::assert_snapshot!(told(&place, json!({})));
    // Nothing but such pictures.
    let error = place.open(json!({ "include": ["fox/*"] })).err().unwrap();
    insta::assert_snapshot!("nothing_but_heic", place.told(&error));
}

#[test]
fn two_folders_and_parts_of_classes_are_looked_at_too() {
    let place = Place::empty();
    four(&place, "train/a", 1);
    four(&place, "train/b", 2);
    four(&place, "test/a", 3);
    place.write("test/b/1.heic", b"");
    let parameters =
        json!({ "train-folder": place.path("train"), "test-folder": place.path("test") });
    let expected = "2: 1 .heic passed over in `[here]/test`; `b` is no class therefore: it holds no image that is read";
    assert_eq!(told(&place, parameters), expected);
    let place = Place::empty();
    four(&place, "images/birds", 1);
    std::fs::create_dir_all(place.path("images/mammals")).unwrap();
    let parameters = json!({ "classes-from": { "animals": ["birds", "mammals"] } });
    let expected = "2: `mammals` in `[here]/images` is no class: it holds no image that is read";
    assert_eq!(told(&place, parameters), expected);
}

#[test]
fn splits_that_became_classes_are_suspected() {
    let hint = |folders: &[&str]| {
        let place = Place::empty();
        for (colour, folder) in folders.iter().enumerate() {
            four(&place, &format!("images/{folder}/cat"), colour as u8);
            four(&place, &format!("images/{folder}/dog"), 100 + colour as u8);
        }
        told(&place, json!({}))
    };
    insta::assert_snapshot!(
        [
            hint(&["train", "val"]),
            hint(&["Training", "validation", "dogs"]),
            hint(&["train"])
        ]
        .join("\n")
    );
    // There are such vehicles.
    assert_eq!(hint(&["train", "car", "bus"]), "");
    assert_eq!(
        hint(&["pets"]),
        "2: `pets` is the only class, and has the folders `cat` and `dog`: is `folder` one level too high?"
    );
}

#[test]
fn a_class_that_nothing_can_be_read_of_is_told() {
    let place = Place::empty();
    four(&place, "images/a", 1);
    for number in 0..3 {
        place.write(&format!("images/b/{number}.tif"), b"II*\0\x08\0\0\0");
        place.write(&format!("images/c/{number}.jpg"), b"<!DOCTYPE html><html>");
    }
    four(&place, "images/c", 2);
    let lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:77\nsize 1\n";
    for number in 0..5 {
        place.write(&format!("images/d/{number}.png"), lfs);
    }
    place.write("images/a/phone.jpg", b"\0\0\0\x18ftypheic");
    insta::assert_snapshot!(told(&place, json!({})));
}

#[test]
fn files_that_are_there_twice_are_told() {
    let place = Place::empty();
    for class in ["cat", "dog"] {
        four(
            &place,
            &format!("images/{class}"),
            if class == "cat" { 1 } else { 2 },
        );
    }
    for (class, colour) in [("cat", 1), ("dog", 2)] {
        place.plain(&format!("images/{class}/copy.png"), [colour, 1, 0]);
    }
    let splits = "path,label,split
images/cat/0.png,cat,train
images/cat/1.png,cat,train
images/cat/2.png,cat,train
images/cat/3.png,cat,train
images/cat/0.png,cat,test
images/cat/copy.png,cat,test
images/dog/0.png,dog,train
images/dog/1.png,dog,train
images/dog/2.png,dog,train
images/dog/3.png,dog,train
images/dog/0.png,dog,test
images/dog/copy.png,dog,test
images/cat/2.png,dog,test
";
    let labels = "path,label
images/cat/0.png,cat
images/cat/1.png,cat
images/dog/0.png,dog
images/dog/3.png,dog
images/cat/0.png,dog
./images/cat/0.png,cat
images/dog/3.png,cat
";
    let mut lines = Vec::new();
    for list in [splits, labels] {
        let list = place.write("list.csv", list.as_bytes());
        lines = place
            .open(json!({ "list": list }))
            .map(|_| place.lines())
            .unwrap();
    }
    insta::assert_snapshot!(lines.join("\n"));
    // Copies that `test-fraction` or folds may divide, and those that stay together.
    let place = Place::empty();
    for number in 0..4 {
        place.plain(&format!("images/a/{number}.png"), RED);
        place.plain(&format!("images/b/{number}.png"), BLUE);
    }
    place.plain("images/c/1.png", RED);
    place.plain("images/c/2.png", WHITE);
    place.plain("images/c/3.png", [1, 2, 3]);
    place.open(json!({})).unwrap();
    place.open(json!({ "test-fraction": 0.5 })).unwrap();
    insta::assert_snapshot!("copies", place.lines().join("\n"));
}

#[cfg(unix)]
#[test]
fn links_to_one_file_are_one_file() {
    let place = Place::empty();
    four(&place, "images/a", 1);
    four(&place, "images/b", 2);
    std::os::unix::fs::symlink(
        place.path("images/a/1.png"),
        place.path("images/b/link.png"),
    )
    .unwrap();
    std::fs::hard_link(
        place.path("images/a/2.png"),
        place.path("images/b/hard.png"),
    )
    .unwrap();
    insta::assert_snapshot!(told(&place, json!({})));
}

#[test]
fn floats_of_two_kinds_are_told() {
    let file = |white: f32| {
        let mut bytes = Vec::new();
        let mut encoder =
            tiff::encoder::TiffEncoder::new(std::io::Cursor::new(&mut bytes)).unwrap();
        let numbers = [0.0, white / 2.0, white, 0.0];
        encoder
            .write_image::<tiff::encoder::colortype::Gray32Float>(2, 2, &numbers)
            .unwrap();
        bytes
    };
    let place = Place::empty();
    place.write("images/a/1.tif", &file(1.0));
    let expected = "3: TIFFs of floats: 1 up to 1, which is taken for white";
    assert_eq!(told(&place, json!({})), expected);
    place.write("images/a/2.tif", &file(255.0));
    // What the cache has is told as well.
    for _ in 0..2 {
        let lines = told(&place, json!({}));
        assert!(
            lines.contains(
                "2: TIFFs of floats: 1 up to 1, which is taken for white, and 1 up to 255"
            ),
            "{lines}"
        );
    }
}

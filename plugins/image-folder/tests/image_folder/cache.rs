//! What is decoded is kept, and what is kept is doubted.

use crate::{BLUE, Place, RED, WHITE, colours, encoded, plain, splits, touch};
use image::ImageFormat;
use serde_json::json;
use std::path::PathBuf;
use topwork_plugin_image_folder::PLUGIN;
use topwork_sdk::ErrorKind;
use topwork_sdk::drive::{Driver, TestHost};

fn three() -> Place {
    let place = Place::empty();
    place.plain("images/a/1.png", RED);
    place.plain("images/a/2.png", BLUE);
    place.plain("images/b/3.png", WHITE);
    place.write("images/b/broken.png", b"broken");
    place
}

fn cache_files(place: &Place) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(place.path("cache/image-folder")).unwrap();
    folder.map(|entry| entry.unwrap().path()).collect()
}

fn read(place: &Place) -> Vec<[u8; 3]> {
    colours(&place.open(json!({})).unwrap(), "train")
}

#[test]
fn images_are_decoded_once() {
    let place = three();
    for _ in 0..3 {
        assert_eq!(read(&place), [RED, BLUE, WHITE]);
    }
    assert_eq!(place.decodings(), ["4"]);
    assert!(place.host.progress() >= 4);
    // Splits and patterns change nothing about the images.
    let some = place
        .open(json!({ "include": ["a/*"], "test-fraction": 0.5 }))
        .unwrap();
    assert_eq!(splits(&some)[1].1, 1);
    assert_eq!(place.decodings(), ["4"]);
    // Another size does.
    place.open(json!({ "size": 3 })).unwrap();
    assert_eq!(place.decodings(), ["4", "4"]);
    assert_eq!(cache_files(&place).len(), 2);
}

#[test]
fn what_changed_is_decoded_again() {
    let place = three();
    read(&place);
    // The same length, another time; and another length at the same time.
    touch(&place.plain("images/a/2.png", WHITE), 1_000_000);
    assert_eq!(read(&place), [RED, WHITE, WHITE]);
    let path = place.write(
        "images/a/2.png",
        &encoded(&plain(9, 9, BLUE), ImageFormat::Png),
    );
    touch(&path, 1_000_000);
    assert_eq!(read(&place), [RED, BLUE, WHITE]);
    std::fs::remove_file(place.path("images/a/1.png")).unwrap();
    place.plain("images/b/broken.png", RED);
    assert_eq!(read(&place), [BLUE, WHITE, RED]);
    assert_eq!(place.decodings(), ["4", "1", "1", "1"]);
}

#[cfg(unix)]
#[test]
fn another_picture_of_the_same_length_and_time_is_noticed() {
    let bitmap = |colour| encoded(&plain(2, 2, colour), ImageFormat::Bmp);
    let place = Place::empty();
    let listed = place.write("images/list.csv", b"a/1.bmp,a\nb/2.bmp,b\n");
    let open =
        |parameters: &serde_json::Value| colours(&place.open(parameters.clone()).unwrap(), "train");
    for parameters in [json!({}), json!({ "list": listed })] {
        for name in ["images/a/1.bmp", "images/b/2.bmp"] {
            touch(&place.write(name, &bitmap(RED)), 1_000_000);
        }
        assert_eq!(open(&parameters), [RED, RED]);
        // Written into, and put in its place by a new name.
        touch(&place.write("images/a/1.bmp", &bitmap(BLUE)), 1_000_000);
        touch(&place.write("images/new.bin", &bitmap(WHITE)), 1_000_000);
        std::fs::rename(place.path("images/new.bin"), place.path("images/b/2.bmp")).unwrap();
        assert_eq!(open(&parameters), [BLUE, WHITE]);
        assert_eq!(open(&parameters), [BLUE, WHITE]);
    }
    assert_eq!(place.decodings(), ["2", "2", "2", "2"]);
}

#[test]
fn where_images_cannot_be_kept_is_told_once() {
    let place = three();
    let host = TestHost::new().cache_folder(place.path("images/a/1.png"));
    // A run opens a dataset more than once.
    let driver = Driver::new(&PLUGIN, &host);
    for _ in 0..2 {
        let parameters = json!({ "folder": place.path("images"), "size": 2 });
        driver.dataset("image-folder", &parameters).unwrap();
    }
    let told: Vec<String> = host
        .lines()
        .into_iter()
        .filter(|line| line.contains("kept"))
        .collect();
    let [told] = &*told else {
        panic!("{told:?}");
    };
    let expected = "2: decoded images cannot be kept in `[here]/images/a/1.png/image-folder` (";
    assert!(place.redact(told).starts_with(expected), "{told}");
}

#[test]
fn a_damaged_cache_is_noticed_and_made_again() {
    let place = three();
    let expected = [RED, BLUE, WHITE];
    read(&place);
    let [file] = &*cache_files(&place) else {
        panic!("one file expected");
    };
    let sound = std::fs::read(file).unwrap();
    for position in (0..sound.len()).step_by(7) {
        let mut damaged = sound.clone();
        damaged[position] ^= 0x55;
        std::fs::write(file, &damaged).unwrap();
        assert_eq!(read(&place), expected, "{position} altered");
        std::fs::write(file, &sound[..position]).unwrap();
        assert_eq!(read(&place), expected, "cut at {position}");
        assert_eq!(read(&place), expected, "made again");
    }
    std::fs::write(file, &sound).unwrap();
    let before = place.decodings().len();
    assert_eq!(read(&place), expected);
    assert_eq!(place.decodings().len(), before, "the sound one is used");
}

#[test]
fn without_a_place_to_keep_them_images_are_decoded_each_time() {
    let place = three();
    let no_folder = TestHost::new();
    let in_a_file = TestHost::new().cache_folder(place.path("images/a/1.png"));
    for host in [no_folder, in_a_file] {
        let parameters = json!({ "folder": place.path("images"), "size": 2 });
        let dataset = Driver::new(&PLUGIN, &host)
            .dataset("image-folder", &parameters)
            .unwrap();
        assert_eq!(colours(&dataset, "train"), [RED, BLUE, WHITE]);
        let several: Vec<u8> = dataset.read("train", &[2, 0, 2, 1, 0]).unwrap();
        let reds: Vec<u8> = several.chunks(12).map(|sample| sample[0]).collect();
        assert_eq!(reds, [255, 255, 255, 0, 255]);
    }
}

#[test]
fn a_host_in_a_hurry_gets_an_answer_of_what_is_known() {
    let place = three();
    // Before the first file; the three others need no question.
    let hurried = place.host.clone().stop_at(0);
    let parameters = json!({ "folder": place.path("images"), "size": 2 });
    let dataset = Driver::new(&PLUGIN, &hurried)
        .dataset("image-folder", &parameters)
        .unwrap();
    assert_eq!(splits(&dataset), [("train".to_owned(), 4)]);
    let patient = place.host.clone().stop_at(u64::MAX);
    let good: Vec<u8> = dataset.read("train", &[1]).unwrap();
    assert_eq!(good[0], 0);
    let error = dataset.read::<u8>("train", &[0, 3]).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Data);
    insta::assert_snapshot!(place.told(&error));
    let dataset = Driver::new(&PLUGIN, &patient)
        .dataset("image-folder", &parameters)
        .unwrap();
    assert_eq!(splits(&dataset), [("train".to_owned(), 3)]);
}

#[test]
fn two_at_once_do_not_get_into_each_others_way() {
    let place = three();
    for number in 0..50 {
        place.plain(&format!("images/c/{number:02}.png"), [number, 0, 0]);
    }
    let expected: Vec<[u8; 3]> = [RED, BLUE, WHITE]
        .into_iter()
        .chain((0..50).map(|n| [n, 0, 0]))
        .collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(read(&place), expected));
        }
    });
    assert_eq!(cache_files(&place).len(), 1);
    assert_eq!(read(&place), expected);
}

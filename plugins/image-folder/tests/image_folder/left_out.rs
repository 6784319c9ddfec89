//! Files that are no images: left out, told, never fatal unless nothing is left.

use crate::{BLUE, Place, RED, encoded, halves, plain, splits};
use image::ImageFormat;
use serde_json::json;

/// A PNG file that is sound up to its header, which claims this size.
fn png_that_claims(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let crc = crc32fast::hash(&header);
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    bytes.extend(header);
    bytes.extend(crc.to_be_bytes());
    bytes.extend(b"\0\0\0\x00IDAT\x35\xaf\x06\x1e");
    bytes
}

fn half(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() / 2]
}

#[test]
fn what_cannot_be_read_is_left_out_and_told() {
    let place = Place::empty();
    place.plain("images/a/good.png", RED);
    place.plain("images/b/good.png", BLUE);
    place.plain("images/stray.png", BLUE);
    place.write("images/a/notes.txt", b"not looked at");
    place.write("images/a/empty.png", b"");
    place.write("images/a/text.png", b"<html>404 not found</html>");
    place.write("images/b/huge.png", &png_that_claims(30_000, 20_000));
    place.write("images/b/line.png", &png_that_claims(0, 20_000));
    let noisy = halves(64, 64, RED, BLUE);
    for (name, format) in [
        ("half.png", ImageFormat::Png),
        ("half.jpg", ImageFormat::Jpeg),
        ("half.bmp", ImageFormat::Bmp),
    ] {
        let bytes = encoded(&noisy, format);
        place.write(&format!("images/b/{name}"), half(&bytes));
    }
    std::fs::create_dir(place.path("images/b/folder.png")).unwrap();
    let dataset = place.open(json!({})).unwrap();
    assert_eq!(dataset.description().classes, ["a", "b"]);
    assert_eq!(splits(&dataset), [("train".to_owned(), 2)]);
    assert_eq!(dataset.labels("train").unwrap(), [0, 1]);
    insta::assert_snapshot!(place.lines().join("\n"));
}

#[test]
fn a_long_list_is_one_line() {
    let place = Place::empty();
    place.plain("images/a/good.png", RED);
    for number in 10..40 {
        place.write(&format!("images/a/{number}.png"), b"");
        place.write(&format!("images/a/{number}.gif"), &vec![b'a'; number]);
    }
    place.open(json!({})).unwrap();
    insta::assert_snapshot!(place.lines().join("\n"));
}

#[test]
fn a_limit_is_the_users_to_set() {
    let place = Place::empty();
    place.plain("images/a/small.png", RED);
    let large = encoded(&plain(20, 10, RED), ImageFormat::Png);
    place.write("images/a/large.png", &large);
    for (most, expected) in [(199, 1), (200, 2)] {
        let dataset = place.open(json!({ "max-pixels": most })).unwrap();
        assert_eq!(splits(&dataset)[0].1, expected);
    }
}

#[cfg(unix)]
#[test]
fn pipes_loops_and_dead_links_hold_nobody_up() {
    use std::os::unix::fs::symlink;
    let place = Place::empty();
    place.plain("images/a/good.png", RED);
    place.plain("elsewhere/linked.png", BLUE);
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let pipe = place.path("images/a/pipe.png");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    symlink(place.path("images"), place.path("images/a/round")).unwrap();
    symlink("nowhere.png", place.path("images/a/dead.png")).unwrap();
    symlink(place.path("elsewhere"), place.path("images/b")).unwrap();
    let dataset = place.open(json!({})).unwrap();
    assert_eq!(dataset.description().classes, ["a", "b"]);
    assert_eq!(dataset.labels("train").unwrap(), [0, 1]);
    insta::assert_snapshot!(place.lines().join("\n"));
    place.write(
        "list.csv",
        b"images/a/pipe.png,a\nimages/a,a\nimages/a/good.png,a\n",
    );
    let dataset = place
        .open(json!({ "list": place.path("list.csv") }))
        .unwrap();
    assert_eq!(splits(&dataset)[0].1, 1);
}

#[test]
fn nothing_left_is_an_error() {
    let place = Place::empty();
    let mut messages = Vec::new();
    let mut refused = || {
        let error = place.open(json!({})).err().unwrap();
        messages.push(place.told(&error));
    };
    refused();
    std::fs::create_dir_all(place.path("images/a")).unwrap();
    refused();
    place.plain("images/stray.png", RED);
    refused();
    std::fs::remove_file(place.path("images/stray.png")).unwrap();
    place.write("images/a/empty.png", b"");
    refused();
    place.write("images/a/huge.png", &png_that_claims(30_000, 20_000));
    refused();
    insta::assert_snapshot!(messages.join("\n"));
}

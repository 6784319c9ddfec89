//! Lists as spreadsheets, scripts and other systems write them.

use crate::{BLUE, Place, RED, colours, splits};
use serde_json::json;

fn place() -> Place {
    let place = Place::empty();
    for number in 0..2 {
        place.plain(&format!("images/cat/{number}.png"), RED);
        place.plain(&format!("images/dog, wet/{number}.png"), BLUE);
    }
    place
}

/// "class class: red blue" of the training images, or the message.
fn read(place: &Place, list: &[u8]) -> String {
    let list = place.write("list.csv", list);
    let dataset = match place.open(json!({ "list": list })) {
        Ok(dataset) => dataset,
        Err(error) => return place.told(&error),
    };
    let classes = &dataset.description().classes;
    let class = |label: u32| classes[label as usize].clone();
    let labels: Vec<String> = dataset
        .labels("train")
        .unwrap()
        .into_iter()
        .map(class)
        .collect();
    let red = |colour| if colour == RED { "red" } else { "blue" };
    let colours: Vec<&str> = colours(&dataset, "train").into_iter().map(red).collect();
    let test = match splits(&dataset).get(1) {
        Some((_, count)) => format!(" + {count}"),
        None => String::new(),
    };
    format!("{}: {}{test}", labels.join(" "), colours.join(" "))
}

#[test]
fn what_is_clear_is_read() {
    let place = place();
    let utf8_mark =
        b"\xef\xbb\xbfpath,label\r\nimages/cat/0.png,cat\r\nimages/dog, wet/1.png,dog\r\n";
    assert!(
        read(&place, utf8_mark).contains("expected 2 columns"),
        "an unquoted comma is one too many"
    );
    let cases = [
        // Names of columns, in any order and beside others.
        "filename,class\nimages/cat/0.png,cat\n\"images/dog, wet/1.png\",dog\n",
        "image,label\nimages/cat/0.png,cat\n\"images/dog, wet/1.png\",dog\n",
        "label,path\ncat,images/cat/0.png\ndog,\"images/dog, wet/1.png\"\n",
        "Image Path,Class-Name\nimages/cat/0.png,cat\n\"images/dog, wet/1.png\",dog\n",
        "filename,breed\nimages/cat/0.png,cat\n\"images/dog, wet/1.png\",dog\n",
        "photo,label\nimages/cat/0.png,cat\n\"images/dog, wet/1.png\",dog\n",
        ",filename,label\n0,images/cat/0.png,cat\n1,\"images/dog, wet/1.png\",dog\n",
        "id,filename,width,label\n7,images/cat/0.png,2,cat\n8,\"images/dog, wet/1.png\",2,dog\n",
        // No names.
        "images/cat/0.png,cat\n\"images/dog, wet/1.png\",dog\n",
        "cat,images/cat/0.png\ndog,\"images/dog, wet/1.png\"\n",
        "images/cat/0.png,cat,\n\"images/dog, wet/1.png\",dog,\n",
        // Separators.
        "path;label\nimages/cat/0.png;cat\nimages/dog, wet/1.png;dog\n",
        "images/cat/0.png;cat\nimages/dog, wet/1.png;dog\n",
        "images/dog, wet/1.png;dog\nimages/cat/0.png;cat\n",
        "path\tlabel\nimages/cat/0.png\tcat\nimages/dog, wet/1.png\tdog\n",
        "label\tpath\ncat\timages/cat/0.png\ndog\timages/dog, wet/1.png\n",
        "images/cat/0.png cat\n\"images/dog, wet/1.png\" dog\n",
        // As Windows writes it.
        "\u{feff}path,label\r\nimages/cat/0.png,cat\r\n\"images/dog, wet/1.png\",dog\r\n",
        "path,label\r\nimages\\cat\\0.png,cat\r\n\"images\\dog, wet\\1.png\",dog\r\n",
        "\u{feff}images\\cat\\0.png;cat\r\nimages\\dog, wet\\1.png;dog\r\n",
        "\"path\",\"label\"\r\n\"images/cat/0.png\",\"cat\"\r\n\r\n\"images/dog, wet/1.png\",\"dog\"\r\n",
    ];
    for list in cases {
        let found = read(&place, list.as_bytes());
        assert!(
            matches!(&*found, "cat dog: red blue" | "dog cat: blue red"),
            "{list:?}: {found}"
        );
    }
    let splits = [
        "label,split,file\ncat,train,images/cat/0.png\ndog,Test,\"images/dog, wet/1.png\"\n",
        "images/cat/0.png;cat;training\nimages/dog, wet/1.png;dog;testing\n",
    ];
    for list in splits {
        assert_eq!(read(&place, list.as_bytes()), "cat: red + 1", "{list:?}");
    }
    let told = place.lines();
    let told = told.iter().find(|line| line.contains("width")).unwrap();
    assert_eq!(
        told,
        "3: of `[here]/list.csv` the columns `filename` and `label` are used, not `id` and `width`"
    );
}

#[test]
fn what_is_not_clear_is_told_with_its_line() {
    let place = place();
    let lists: [&[u8]; 13] = [
        b"filename,breed,colour\nimages/cat/0.png,a,b\n",
        b"label,split\nimages/cat/0.png,train\n",
        b"photo,breed\nimages/cat/0.png,a\n",
        b"images/cat/0.png|cat\n",
        b"images/cat/0.png;cat;train;1\n",
        b"path;label\nimages/cat/0.png;cat\nimages/cat/1.png\n",
        b"images/cat/0.png,a,train\nimages/cat/1.png,a,later\n",
        b"\xff\xfep\0a\0t\0h\0",
        b"PK\x03\x04 a spreadsheet",
        b"<!DOCTYPE html><html>",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        b"\n\n",
        b"gone/1.png,a\ngone/2.png,b\n",
    ];
    let mut messages: Vec<String> = lists.iter().map(|list| read(&place, list)).collect();
    messages.extend(place.lines());
    insta::assert_snapshot!(messages.join("\n"));
}

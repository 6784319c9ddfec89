//! What PyTorch and others write is read as they wrote it, and hostile bytes end in an error.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::path::Path;

use proptest::prelude::*;
use topwork_weights::{Format, Tensor, WeightsError, WeightsFile};

/// Files by `bench/reference/reference.py`.
fn reference(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/reference");
    std::fs::read(folder.join(name)).unwrap()
}

fn line(tensor: &Tensor) -> String {
    let values = tensor
        .values()
        .map_or("not read".to_owned(), |values| format!("{values:?}"));
    format!(
        "{} {} {:?} {values}",
        tensor.name(),
        tensor.dtype().name(),
        tensor.shape()
    )
}

#[test]
fn both_formats_of_pytorch_hold_the_same() {
    let expected = WeightsFile::read(reference("weights.safetensors")).unwrap();
    let legacy = WeightsFile::read(reference("weights-legacy.pth")).unwrap();
    let zip = WeightsFile::read(reference("weights-zip.pth")).unwrap();
    assert_eq!(expected.format(), Format::SafeTensors);
    assert_eq!(legacy.format(), Format::TorchLegacy);
    assert_eq!(zip.format(), Format::TorchZip);
    for file in [&legacy, &zip] {
        assert_eq!(file.tensors().len(), expected.tensors().len());
        let prefix = file.keys()[0].prefix.as_str();
        for tensor in expected.tensors() {
            let mut same = file
                .tensors()
                .iter()
                .filter(|other| other.name().strip_prefix(prefix) == Some(tensor.name()));
            let other = same.next().unwrap();
            assert_eq!(other.shape(), tensor.shape(), "{}", tensor.name());
            // Of whole numbers the values are not read.
            let values = other.values().or_else(|| tensor.values());
            assert_eq!(values, tensor.values(), "{}", tensor.name());
        }
    }
    let lines: Vec<String> = legacy.tensors().iter().map(line).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

/// A pickle of protocol 2 behind what a legacy file begins with.
fn legacy(saved: &[u8], behind: &[u8]) -> Vec<u8> {
    const BEGINNING: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\
        \x80\x02M\xe9\x03.\x80\x02}X\x0d\x00\x00\x00little_endian\x88s.\x80\x02";
    [BEGINNING, saved, b".", behind].concat()
}

/// `{"a": tensor}` over a storage of `count` values, and the storage.
fn one_tensor(count: u8, first: u8, shape: &[u8], strides: &[u8], stored: u8) -> Vec<u8> {
    let numbers = |numbers: &[u8]| {
        let numbers = numbers.iter().flat_map(|&number| [b'K', number]);
        [b"(".to_vec(), numbers.collect(), b"t".to_vec()].concat()
    };
    let saved = [
        &b"}X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storage\
            ctorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK"[..],
        &[count],
        b"NtQK",
        &[first],
        &numbers(shape),
        &numbers(strides),
        b"\x89NtRs",
    ]
    .concat();
    let numbers = (0..stored).flat_map(|number| f32::from(number).to_le_bytes());
    let behind = [
        &b"\x80\x02]X\x01\x00\x00\x000a."[..],
        &u64::from(stored).to_le_bytes(),
        &numbers.collect::<Vec<u8>>(),
    ];
    legacy(&saved, &behind.concat())
}

#[test]
fn tensors_are_views_of_storages() {
    let check = |shape: &[u8], strides: &[u8], first: u8, expected: &[f32]| {
        let file = WeightsFile::read(one_tensor(12, first, shape, strides, 12)).unwrap();
        let values = file.tensors()[0].values().unwrap();
        assert_eq!(values, expected, "{shape:?} {strides:?} {first}");
    };
    check(&[3], &[1], 2, &[2.0, 3.0, 4.0]);
    check(&[2, 2], &[2, 1], 1, &[1.0, 2.0, 3.0, 4.0]);
    check(&[2, 2], &[1, 6], 0, &[0.0, 6.0, 1.0, 7.0]);
    check(&[1, 3, 1], &[99, 4, 99], 3, &[3.0, 7.0, 11.0]);
    check(&[], &[], 11, &[11.0]);
    check(&[0, 5], &[5, 1], 0, &[]);
}

fn refusal(bytes: Vec<u8>) -> String {
    let error = WeightsFile::read(bytes).unwrap_err();
    match error.hint() {
        Some(hint) => format!("{error}\n  hint: {hint}"),
        None => error.to_string(),
    }
}

#[test]
fn what_is_wrong_with_a_file_is_told() {
    let zip = |entries: &[(&str, &[u8])]| {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        let options = options.compression_method(zip::CompressionMethod::Stored);
        for (name, text) in entries {
            writer.start_file(*name, options).unwrap();
            std::io::Write::write_all(&mut writer, text).unwrap();
        }
        writer.finish().unwrap().into_inner()
    };
    let cut = |name: &str, left: usize| reference(name)[..left].to_vec();
    let cases = [
        ("nothing", Vec::new()),
        ("a text", b"weights, but in words".to_vec()),
        (
            "a shell command",
            legacy(b"cos\nsystem\n(X\x02\x00\x00\x00lstR", b""),
        ),
        (
            "a class of its own",
            legacy(b"}X\x01\x00\x00\x00mcmodel\nNet\n)\x81s", b"\x80\x02]."),
        ),
        ("a list", legacy(b"]", b"\x80\x02].")),
        (
            "no tensors",
            legacy(b"}X\x05\x00\x00\x00epochK\x03s", b"\x80\x02]."),
        ),
        ("an opcode of text pickles", legacy(b"I3\n", b"")),
        ("an empty stack", legacy(b"R", b"")),
        ("below a mark", legacy(b"N(0", b"")),
        ("no mark", legacy(b"Nt", b"")),
        ("a memo that is empty", legacy(b"h\x00", b"")),
        (
            "a memo beyond all measure",
            legacy(b"Nr\xff\xff\xff\xff", b""),
        ),
        ("a text beyond the end", legacy(b"X\xff\xff\xff\xff", b"")),
        ("items for a number", legacy(b"K\x01K\x02a", b"")),
        ("outside its storage", one_tensor(12, 10, &[3], &[1], 12)),
        (
            "repeated values",
            one_tensor(12, 0, &[200, 200], &[0, 0], 12),
        ),
        (
            "a storage shorter than said",
            one_tensor(12, 0, &[3], &[1], 4),
        ),
        (
            "cut within the numbers",
            one_tensor(12, 0, &[3], &[1], 12)[..200].to_vec(),
        ),
        ("cut within the pickle", cut("weights-legacy.pth", 300)),
        ("a cut archive", cut("weights-zip.pth", 2000)),
        ("another archive", zip(&[("word/document.xml", b"<xml/>")])),
        (
            "big-endian",
            zip(&[("a/data.pkl", b"\x80\x02}."), ("a/byteorder", b"big")]),
        ),
        (
            "a pickle alone",
            zip(&[("a/data.pkl", &one_tensor(1, 0, &[1], &[1], 1)[66..])]),
        ),
        ("cut safetensors", cut("weights.safetensors", 900)),
        ("an empty model", vec![0x08, 0x07]),
        ("a broken model", vec![0x08, 0x07, 0x3a, 0xff, 0x01]),
    ];
    let told = cases.map(|(case, bytes)| format!("# {case}\n{}", refusal(bytes)));
    insta::assert_snapshot!(told.join("\n"));
}

/// Values that refer to each other endlessly are never walked.
#[test]
fn a_dictionary_that_holds_itself_does_no_harm() {
    let error = WeightsFile::read(legacy(
        b"}q\x00X\x0a\x00\x00\x00state_dicth\x00s",
        b"\x80\x02].",
    ));
    assert!(matches!(error, Err(WeightsError::Unsupported { .. })));
    let nested = [vec![b']'; 300_000], vec![b'a'; 299_999]].concat();
    let error = WeightsFile::read(legacy(&nested, b"\x80\x02]."));
    assert!(matches!(error, Err(WeightsError::Unsupported { .. })));
    // Lists that each hold the one before many times.
    let mut repeated = b"]q\x00".to_vec();
    for list in 0..15 {
        let item = [b'h', list];
        repeated.extend([&b"]("[..], &item.repeat(30), &[b'e', b'q', list + 1]].concat());
    }
    let error = WeightsFile::read(legacy(&repeated, b"\x80\x02]."));
    assert!(error.unwrap_err().to_string().contains("entries"));
    let many = vec![b'N'; 1 << 21];
    let error = WeightsFile::read(legacy(&many, b""))
        .unwrap_err()
        .to_string();
    assert!(error.contains("too many values"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Every tensor that is found can be read, and has as many values as its shape says.
    #[test]
    fn damaged_files_end_in_an_error_or_in_sound_tensors(
        which in 0usize..4,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
        end in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let mut bytes = match which {
            0 => reference("weights-legacy.pth"),
            1 => reference("weights-zip.pth"),
            2 => reference("weights.safetensors"),
            _ => one_tensor(12, 1, &[2, 3], &[1, 2], 12),
        };
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(end) = end {
            bytes.truncate(end.index(bytes.len()));
        }
        if let Ok(file) = WeightsFile::read(bytes) {
            for tensor in file.tensors() {
                let values = tensor.values();
                let count = tensor.shape().iter().product::<usize>();
                prop_assert!(values.is_none_or(|values| values.len() == count));
            }
        }
    }

    #[test]
    fn any_bytes_end_in_an_error_or_a_file(
        beginning in proptest::sample::select(vec![&b""[..], b"PK\x03\x04", b"\x08\x07", b"\x3a"]),
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let _ = WeightsFile::read([beginning, &bytes].concat());
        let _ = WeightsFile::read(legacy(&bytes, b""));
    }
}

//! Checkpoints as training programs save them: whatever lies beside the weights and before their names, the weights
//! that fit are found, and where several might be meant, they are told.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::io::Write;

use topwork_weights::{Imported, WeightsError, WeightsFile, import, part_by_name};

/// A convolution and a batch normalisation, as PyTorch names them.
const NETWORK: &str = r#"{"format": 1, "input": [1, 4, 4], "layers": [
    {"name": "conv1", "op": "conv2d", "filters": 2, "kernel": [1, 1], "bias": false},
    {"name": "layer1.0.bn1", "op": "batch-norm2d"}],
    "weights": {"ignore": ["fc.*", "*.num_batches_tracked"]}}"#;

/// What Python saves.
#[derive(Clone)]
enum Py {
    Dict(Vec<(Py, Py)>),
    List(Vec<Py>),
    Text(&'static str),
    Int(u8),
    Float,
    Tensor(Vec<usize>, Vec<f32>),
    /// A value, and the same one again.
    Kept(Box<Py>),
    Again,
    /// Opcodes as they are.
    Raw(&'static [u8]),
}

fn dict(entries: &[(&'static str, Py)]) -> Py {
    let entries = entries.iter();
    Py::Dict(
        entries
            .map(|(key, value)| (Py::Text(key), value.clone()))
            .collect(),
    )
}

/// The weights of the network, another `first` value for others, their names behind `prefix`.
fn weights(prefix: &str, first: f32) -> Py {
    let named = |name: &str| Py::Text(format!("{prefix}{name}").leak());
    let tensor = |shape: &[usize], values: &[f32]| Py::Tensor(shape.to_vec(), values.to_vec());
    Py::Dict(vec![
        (named("conv1.weight"), tensor(&[2, 1, 1, 1], &[first, 2.0])),
        (named("layer1.0.bn1.weight"), tensor(&[2], &[1.5, 0.5])),
        (named("layer1.0.bn1.bias"), tensor(&[2], &[0.1, -0.1])),
        (
            named("layer1.0.bn1.running_mean"),
            tensor(&[2], &[0.3, 0.0]),
        ),
        (named("layer1.0.bn1.running_var"), tensor(&[2], &[0.7, 0.0])),
        (
            named("layer1.0.bn1.num_batches_tracked"),
            tensor(&[], &[3.0]),
        ),
    ])
}

/// The entries of several dictionaries in one.
fn together(parts: &[Py]) -> Py {
    let entries = parts.iter().flat_map(|part| match part {
        Py::Dict(entries) => entries.clone(),
        _ => panic!("no dictionary"),
    });
    Py::Dict(entries.collect())
}

/// One more tensor, of two values.
fn tensor(name: &'static str) -> Py {
    dict(&[(name, Py::Tensor(vec![2], vec![0.0, 1.0]))])
}

/// The weights with another value of one tensor.
fn with(name: &str, values: [f32; 2]) -> Py {
    let Py::Dict(mut entries) = weights("", 1.0) else {
        panic!("no dictionary");
    };
    for (key, value) in &mut entries {
        if let (Py::Text(key), Py::Tensor(_, old)) = (key, value)
            && *key == name
        {
            *old = values.to_vec();
        }
    }
    Py::Dict(entries)
}

/// A pickle of protocol 2 without its frame, and the numbers of its tensors.
fn pickle(value: &Py, into: &mut Vec<u8>, storages: &mut Vec<Vec<u8>>) {
    let text = |into: &mut Vec<u8>, text: &str| {
        into.push(b'X');
        into.extend((text.len() as u32).to_le_bytes());
        into.extend(text.as_bytes());
    };
    match value {
        Py::Dict(entries) => {
            into.extend(b"}(");
            for (key, value) in entries {
                pickle(key, into, storages);
                pickle(value, into, storages);
            }
            into.push(b'u');
        }
        Py::List(items) => {
            into.extend(b"](");
            items.iter().for_each(|item| pickle(item, into, storages));
            into.push(b'e');
        }
        Py::Text(own) => text(into, own),
        Py::Int(number) => into.extend([b'K', *number]),
        Py::Float => into.extend([&b"G"[..], &93.1f64.to_be_bytes()].concat()),
        Py::Kept(value) => {
            pickle(value, into, storages);
            into.extend(b"q\0");
        }
        Py::Again => into.extend(b"h\0"),
        Py::Raw(opcodes) => into.extend(*opcodes),
        Py::Tensor(shape, values) => {
            into.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
            text(into, "storage");
            into.extend(b"ctorch\nFloatStorage\n");
            text(into, &storages.len().to_string());
            text(into, "cpu");
            into.extend([b'K', values.len() as u8]);
            into.extend(b"tQK\0(");
            shape.iter().for_each(|&dim| into.extend([b'K', dim as u8]));
            into.extend(b"t(");
            for at in 1..=shape.len() {
                into.extend([b'K', shape[at..].iter().product::<usize>() as u8]);
            }
            into.extend(b"t\x89ccollections\nOrderedDict\n)RtR");
            storages.push(
                values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect(),
            );
        }
    }
}

/// An archive as `torch.save(value, "NAME.pth")` lays it out: the numbers of each entry begin at a multiple of 64.
fn saved(name: &str, value: &Py, compress: bool) -> Vec<u8> {
    let (mut program, mut storages) = (b"\x80\x02".to_vec(), Vec::new());
    pickle(value, &mut program, &mut storages);
    program.push(b'.');
    let mut entries = vec![
        (format!("{name}/data.pkl"), program),
        (format!("{name}/.format_version"), b"1".to_vec()),
        (format!("{name}/.storage_alignment"), b"64".to_vec()),
        (format!("{name}/byteorder"), b"little".to_vec()),
    ];
    let storages = storages.into_iter().enumerate();
    entries.extend(storages.map(|(key, numbers)| (format!("{name}/data/{key}"), numbers)));
    entries.push((format!("{name}/version"), b"3\n".to_vec()));
    archive(&entries, compress)
}

fn archive(entries: &[(String, Vec<u8>)], compress: bool) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, contents) in entries {
        let mut crc = flate2::Crc::new();
        crc.update(contents);
        let data = match compress {
            false => contents.clone(),
            true => {
                let level = flate2::Compression::default();
                let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), level);
                packed.write_all(contents).unwrap();
                packed.finish().unwrap()
            }
        };
        let start = file.len() as u32;
        let padding = (64 - (file.len() + 30 + name.len() + 4) % 64) % 64;
        let extra = [
            b"FB",
            &(padding as u16).to_le_bytes()[..],
            &vec![b'Z'; padding],
        ]
        .concat();
        let mut header = [0, 0x0808, if compress { 8 } else { 0 }, 0, 0]
            .map(u16::to_le_bytes)
            .concat();
        for number in [crc.sum(), data.len() as u32, contents.len() as u32] {
            header.extend(number.to_le_bytes());
        }
        header.extend((name.len() as u16).to_le_bytes());
        file.extend(
            [
                b"PK\x03\x04",
                &header[..],
                &(extra.len() as u16).to_le_bytes(),
            ]
            .concat(),
        );
        file.extend([name.as_bytes(), &extra, &data].concat());
        directory.extend(
            [
                &b"PK\x01\x02\0\0"[..],
                &header,
                &[0; 12],
                &start.to_le_bytes(),
            ]
            .concat(),
        );
        directory.extend(name.as_bytes());
    }
    let count = (entries.len() as u16).to_le_bytes();
    let start = file.len() as u32;
    let mut end = [b"PK\x05\x06\0\0\0\0", &count[..], &count].concat();
    end.extend(
        [directory.len() as u32, start]
            .map(u32::to_le_bytes)
            .concat(),
    );
    [file, directory, end, vec![0, 0]].concat()
}

fn imported(bytes: Vec<u8>, prefix: Option<&str>) -> Result<Imported, WeightsError> {
    import(&WeightsFile::read(bytes)?, NETWORK, prefix)
}

fn digest(value: &Py) -> String {
    imported(saved("archive", value, false), None)
        .unwrap()
        .digest
}

/// The weights that begin with 1 are those that are meant.
#[test]
fn weights_are_found_wherever_they_lie() {
    let expected = digest(&weights("", 1.0));
    let check = |value: Py, prefix: &str, ignored: &[&str]| {
        let found = imported(saved("archive", &value, false), None);
        let found = found.unwrap_or_else(|error| panic!("{prefix}: {error}"));
        assert_eq!(found.digest, expected, "{prefix}");
        assert_eq!(found.prefix, prefix);
        let passed_over = |name: &String| !name.ends_with("num_batches_tracked");
        let told: Vec<&String> = found
            .ignored
            .iter()
            .filter(|name| passed_over(name))
            .collect();
        assert_eq!(told, ignored, "{prefix}");
    };
    let ours = |prefix: &str| weights(prefix, 1.0);
    check(ours(""), "", &[]);
    check(together(&[ours(""), tensor("fc.bias")]), "", &["fc.bias"]);
    for key in [
        "state_dict",
        "model",
        "model_state_dict",
        "net",
        "params",
        "state_dict_ema",
        "weights",
        "g_ema",
    ] {
        check(dict(&[(key, ours(""))]), &format!("{key}."), &[]);
        let beside = dict(&[("epoch", Py::Int(3)), (key, ours("")), ("acc", Py::Float)]);
        let beside = together(&[beside, tensor("best_acc1")]);
        check(beside, &format!("{key}."), &["best_acc1"]);
    }
    for prefix in [
        "module.",
        "_orig_mod.",
        "backbone.",
        "model.",
        "encoder_q.",
        "module._orig_mod.model.",
    ] {
        check(ours(prefix), prefix, &[]);
        let with_head = together(&[ours(prefix), tensor("head.bias")]);
        check(with_head.clone(), prefix, &["head.bias"]);
        let whole = format!("state_dict.{prefix}");
        check(
            dict(&[("state_dict", with_head)]),
            &whole,
            &["state_dict.head.bias"],
        );
    }
    let momentum = Py::Dict(vec![
        (Py::Int(0), tensor("exp_avg")),
        (Py::Int(1), tensor("exp_avg")),
    ]);
    let optimizer = dict(&[("state", momentum), ("param_groups", Py::List(vec![]))]);
    let told = ["optimizer.state.0.exp_avg", "optimizer.state.1.exp_avg"];
    check(
        dict(&[("optimizer", optimizer), ("model", ours(""))]),
        "model.",
        &told,
    );
    let deep = dict(&[("a", dict(&[("b", Py::List(vec![Py::Int(1), ours("c.")]))]))]);
    check(deep, "a.b.1.c.", &[]);
    // What Python would make of arguments and of NumPy's scores does not matter.
    let arguments = b"cargparse\nNamespace\n)\x81}X\x02\0\0\0lrK\x01sb";
    let score = b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(X\x02\0\0\0f8K\0K\x01tR(K\x03NtbC\x011tR";
    for foreign in [
        &arguments[..],
        score,
        b"cpathlib\nPosixPath\n(X\x01\0\0\0atR",
        b"ctorch\nfloat32\n",
    ] {
        check(
            dict(&[("args", Py::Raw(foreign)), ("model", ours(""))]),
            "model.",
            &[],
        );
    }
}

fn told<T>(result: Result<T, WeightsError>) -> String {
    match result.err() {
        None => "nothing is wrong".to_owned(),
        Some(error) => match error.hint() {
            Some(hint) => format!("{error}\n  hint: {hint}"),
            None => error.to_string(),
        },
    }
}

#[test]
fn a_choice_is_asked_for_and_taken() {
    let pair = together(&[
        dict(&[
            ("student", weights("", 1.0)),
            ("teacher", weights("module.", 5.0)),
        ]),
        tensor("loss"),
    ]);
    let file = |value: &Py| saved("archive", value, false);
    let taken = |prefix: &str| imported(file(&pair), Some(prefix)).map(|found| found.digest);
    for (prefix, first) in [
        ("student", 1.0),
        ("student.", 1.0),
        ("teacher", 5.0),
        ("teacher.module", 5.0),
    ] {
        assert_eq!(
            taken(prefix).unwrap(),
            digest(&weights("", first)),
            "{prefix}"
        );
    }
    let twice = dict(&[
        ("student", Py::Kept(Box::new(weights("", 1.0)))),
        ("teacher", Py::Again),
    ]);
    for prefix in ["student", "teacher"] {
        let taken = imported(file(&twice), Some(prefix)).unwrap();
        assert_eq!(taken.digest, digest(&weights("", 1.0)), "{prefix}");
    }
    let moco = dict(&[(
        "state_dict",
        together(&[
            weights("module.encoder_q.", 1.0),
            weights("module.encoder_k.", 2.0),
            tensor("module.queue"),
        ]),
    )]);
    let other = together(&[weights("", 1.0), tensor("conv2.weight")]);
    let cases = [
        ("two that fit", told(imported(file(&pair), None))),
        ("the same twice", told(imported(file(&twice), None))),
        ("one that is not there", told(taken("techer"))),
        ("the top level", told(taken(""))),
        ("momentum contrast", told(imported(file(&moco), None))),
        ("another network", told(imported(file(&other), None))),
        (
            "another network within",
            told(imported(
                file(&dict(&[("net", other.clone()), ("acc", Py::Float)])),
                None,
            )),
        ),
        (
            "two of another network",
            told(imported(
                file(&dict(&[("student", other.clone()), ("teacher", other)])),
                None,
            )),
        ),
        (
            "no tensors",
            told(imported(
                file(&dict(&[("net", dict(&[])), ("acc", Py::Float)])),
                None,
            )),
        ),
        (
            "a shell command",
            told(imported(
                file(&dict(&[
                    ("a", Py::Raw(b"cposix\nsystem\n(X\x02\0\0\0lstR")),
                    ("net", weights("", 1.0)),
                ])),
                None,
            )),
        ),
        (
            "a function that was built in",
            told(imported(
                file(&dict(&[
                    ("a", Py::Raw(b"c__builtin__\neval\n(X\x01\0\0\x001tR")),
                    ("net", weights("", 1.0)),
                ])),
                None,
            )),
        ),
        (
            "a whole module",
            told(imported(
                file(&Py::Raw(b"cmodel\nNet\n)\x81}X\x01\0\0\0aK\x01sb")),
                None,
            )),
        ),
    ];
    let cases = cases.map(|(case, told)| format!("# {case}\n{told}"));
    insta::assert_snapshot!(cases.join("\n"));
}

#[test]
fn numbers_of_no_use_are_refused() {
    let check = |name: &str, values: [f32; 2]| {
        told(imported(saved("archive", &with(name, values), false), None))
    };
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let mut cases = vec![
        check("conv1.weight", [1.0, nan]),
        check("layer1.0.bn1.bias", [-inf, nan]),
        check("layer1.0.bn1.running_mean", [inf, 0.0]),
        check("layer1.0.bn1.running_var", [0.5, -0.5]),
        check("layer1.0.bn1.running_var", [nan, 0.5]),
    ];
    for fine in [[0.0, -0.0], [f32::MIN_POSITIVE / 2.0, f32::MAX]] {
        assert_eq!(check("layer1.0.bn1.running_var", fine), "nothing is wrong");
    }
    // What is passed over may hold anything.
    assert_eq!(
        check("layer1.0.bn1.num_batches_tracked", [nan, nan]),
        check("", [0.0; 2])
    );
    let within = dict(&[("state_dict", with("conv1.weight", [nan, 1.0]))]);
    cases.push(told(imported(saved("archive", &within, false), None)));
    insta::assert_snapshot!(cases.join("\n"));
}

/// The name of a file becomes that of a folder in the archive.
#[test]
fn archives_are_read_whatever_their_name_and_however_they_are_packed() {
    let value = weights("", 1.0);
    let expected = digest(&value);
    for length in 1..=64 {
        for compress in [false, true] {
            let found = imported(saved(&"n".repeat(length), &value, compress), None);
            let found = found.unwrap_or_else(|error| panic!("{length}: {error}"));
            assert_eq!(found.digest, expected, "{length}");
        }
    }
    // Behind something else, as self-extracting archives are, and with a comment.
    let mut commented = saved("archive", &value, false);
    let length = commented.len();
    commented[length - 2] = 5;
    commented.extend(b"hello");
    assert_eq!(imported(commented, None).unwrap().digest, expected);
}

#[test]
fn files_that_are_something_else_are_called_by_their_name() {
    let files = |names: &[&str]| {
        let entries: Vec<(String, Vec<u8>)> = names
            .iter()
            .map(|&name| (name.to_owned(), b"{}".to_vec()))
            .collect();
        archive(&entries, false)
    };
    let mut stored_short = files(&["a/data.pkl"]);
    let directory = stored_short
        .windows(4)
        .position(|window| window == b"PK\x01\x02")
        .unwrap();
    stored_short[directory + 24] = 9;
    let mut encrypted = files(&["a/data.pkl"]);
    encrypted[directory + 8] |= 1;
    let cases: [(&str, Vec<u8>); 18] = [
        ("nothing", Vec::new()),
        (
            "a pointer",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n".to_vec(),
        ),
        (
            "a page",
            b"<!DOCTYPE html><html><head><title>Sign in</title>".to_vec(),
        ),
        ("a refusal", b"{\"error\": \"Access denied\"}".to_vec()),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0".to_vec()),
        ("HDF5", b"\x89HDF\r\n\x1a\n\0\0".to_vec()),
        (
            "an index",
            b"{\"metadata\": {}, \"weight_map\": {\"a\": \"model-00001-of-00002.safetensors\"}}"
                .to_vec(),
        ),
        ("text", b"conv1.weight 1 2 3".to_vec()),
        ("neither", b"\xff\0\x01\x02\"`".to_vec()),
        (
            "TorchScript",
            files(&["m/data.pkl", "m/code/__torch__/a.py", "m/constants.pkl"]),
        ),
        (
            "TorchScript without code",
            files(&["m/constants.pkl", "m/data.pkl"]),
        ),
        (
            "an export",
            files(&[
                "m/archive_format",
                "m/models/model.json",
                "m/data/weights/weight_0",
            ]),
        ),
        (
            "an older export",
            files(&[
                "version",
                "serialized_exported_program.json",
                "serialized_state_dict.pt",
            ]),
        ),
        ("NumPy", files(&["a.npy", "b.npy"])),
        ("packed weights", files(&["readme.txt", "epoch3/model.pth"])),
        ("a document", files(&["word/document.xml"])),
        ("stored short", stored_short),
        ("encrypted", encrypted),
    ];
    let cases = cases.map(|(case, bytes)| format!("# {case}\n{}", told(WeightsFile::read(bytes))));
    insta::assert_snapshot!(cases.join("\n"));
}

#[test]
fn parts_are_told_by_their_name() {
    let check = |name: &str, expected: Option<(u32, u32)>| {
        assert_eq!(part_by_name(name), expected, "{name}");
    };
    check("model-00001-of-00002.safetensors", Some((1, 2)));
    check("pytorch_model-00003-of-00003.bin", Some((3, 3)));
    check(
        "diffusion_pytorch_model.fp16-00001-of-00002.safetensors",
        Some((1, 2)),
    );
    check("model-00001-of-00001.safetensors", None);
    check("model.safetensors", None);
    check("best-of-2024.pth", None);
    check("run-1-of-3.pth", None);
    check("model-00004-of-00003.safetensors", None);
}

//! Tables are written and read back by other means than they were written with.

mod refusals;

use super::*;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use proptest::prelude::*;
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use tempfile::TempDir;

/// A table held in memory: what is written is compared with what is read.
#[derive(Clone, Debug)]
struct Content {
    paths: Vec<String>,
    classes: Vec<Option<String>>,
    labels: Vec<i64>,
    scores: Vec<f64>,
    features: Vec<f32>,
    numbers: usize,
}

impl Content {
    fn columns(&self) -> Vec<Column> {
        vec![
            Column::new("path", Kind::Text),
            Column::new("class, said", Kind::OptionalText),
            Column::new("label", Kind::Integer),
            Column::new("score \"é\"", Kind::Float),
            Column::new("features", Kind::Vector(self.numbers)),
        ]
    }

    /// Writes it in batches of so many rows.
    fn write(&self, path: &Path, batch: usize) -> Vec<PathBuf> {
        let format = Format::of(path).unwrap();
        let mut writer = Writer::create(path, format, self.columns()).unwrap();
        self.rows(&mut writer, batch);
        assert_eq!(writer.len(), self.paths.len() as u64);
        writer.finish().unwrap()
    }

    fn rows(&self, writer: &mut Writer, batch: usize) {
        let paths: Vec<&str> = self.paths.iter().map(String::as_str).collect();
        let classes: Vec<Option<&str>> = self.classes.iter().map(Option::as_deref).collect();
        for begin in (0..paths.len()).step_by(batch) {
            let rows = begin..(begin + batch).min(paths.len());
            let numbers = rows.start * self.numbers..rows.end * self.numbers;
            let values = [
                Values::Text(&paths[rows.clone()]),
                Values::OptionalText(&classes[rows.clone()]),
                Values::Integer(&self.labels[rows.clone()]),
                Values::Float(&self.scores[rows]),
                Values::Vector(&self.features[numbers]),
            ];
            writer.rows(&values).unwrap();
        }
    }

    /// A few rows with everything that has made trouble somewhere.
    fn small() -> Content {
        let paths = [
            "a.png",
            "b, c \"d\".png",
            "Katze ä 猫 🐈/x.png",
            " two\nlines",
            "",
        ];
        let classes = [
            Some("cat"),
            None,
            Some("Kater, 猫"),
            Some("\"dog\""),
            Some("a\tb"),
        ];
        Content {
            paths: paths.map(str::to_owned).into(),
            classes: classes.map(|class| class.map(str::to_owned)).into(),
            labels: vec![0, -1, i64::MAX, i64::MIN, 7],
            scores: vec![0.1, f64::NAN, -0.0, 1e300, 5e-324],
            features: vec![
                0.1,
                f32::MIN_POSITIVE,
                -0.0,
                1.0,
                3.402_823_5e38,
                1e-45,
                2.5,
                f32::NAN,
                16_777_217.0,
                7.0,
            ],
            numbers: 2,
        }
    }
}

/// The bits of numbers; NaN is NaN, whichever it is.
fn bits(numbers: impl IntoIterator<Item = f64>) -> Vec<u64> {
    let bits = |number: f64| match number.is_nan() {
        true => f64::NAN.to_bits(),
        false => number.to_bits(),
    };
    numbers.into_iter().map(bits).collect()
}

fn wide(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().copied().map(f64::from).collect()
}

/// A field of CSV as a number, where nothing is NaN.
fn number(field: &str) -> f64 {
    match field {
        "" => f64::NAN,
        field => field.parse().unwrap(),
    }
}

fn check_csv(content: &Content, path: &Path) {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let names: Vec<String> = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    let vector = (0..content.numbers).map(|number| format!("features {number}"));
    let expected = ["path", "class, said", "label", "score \"é\""].map(str::to_owned);
    assert_eq!(
        names,
        expected.into_iter().chain(vector).collect::<Vec<_>>()
    );
    let mut rows = 0;
    for (row, record) in reader.records().enumerate() {
        let record = record.unwrap();
        assert_eq!(&record[0], content.paths[row]);
        let class = content.classes[row].as_deref();
        assert_eq!(&record[1], class.unwrap_or_default());
        assert_eq!(record[2].parse(), Ok(content.labels[row]));
        assert_eq!(bits([number(&record[3])]), bits([content.scores[row]]));
        let features = &content.features[row * content.numbers..][..content.numbers];
        for (field, expected) in record.iter().skip(4).zip(features) {
            let found: f32 = if field.is_empty() {
                f32::NAN
            } else {
                field.parse().unwrap()
            };
            assert_eq!(bits([found.into()]), bits([(*expected).into()]));
        }
        rows += 1;
    }
    assert_eq!(rows, content.paths.len());
}

fn check_json(content: &Content, path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let rows: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), content.paths.len());
    let number = |value: &serde_json::Value| match value {
        serde_json::Value::Null => f64::NAN,
        value => value.as_f64().unwrap(),
    };
    for (row, found) in rows.iter().enumerate() {
        let keys: Vec<&String> = found.as_object().unwrap().keys().collect();
        let expected = ["path", "class, said", "label", "score \"é\"", "features"];
        assert_eq!(keys, expected);
        assert_eq!(found["path"], *content.paths[row]);
        assert_eq!(
            found["class, said"].as_str(),
            content.classes[row].as_deref()
        );
        assert_eq!(found["label"].as_i64(), Some(content.labels[row]));
        let score = number(&found["score \"é\""]);
        assert_eq!(bits([score]), bits([content.scores[row]]));
        let features = &content.features[row * content.numbers..][..content.numbers];
        let read: Vec<f32> = found["features"]
            .as_array()
            .unwrap()
            .iter()
            // As text, since a float of 64 bits may be rounded twice.
            .map(|value| value.to_string().parse().unwrap_or(f32::NAN))
            .collect();
        assert_eq!(bits(wide(&read)), bits(wide(features)));
    }
}

fn check_parquet(content: &Content, path: &Path) {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let mut rows = 0;
    for (row, found) in reader.get_row_iter(None).unwrap().enumerate() {
        let found = found.unwrap();
        let fields: Vec<(&String, &Field)> = found.get_column_iter().collect();
        assert_eq!(fields[0].1, &Field::Str(content.paths[row].clone()));
        let class = content.classes[row].clone().map_or(Field::Null, Field::Str);
        assert_eq!(fields[1], (&"class, said".to_owned(), &class));
        assert_eq!(fields[2].1, &Field::Long(content.labels[row]));
        let score = match fields[3].1 {
            Field::Double(score) => *score,
            other => {
                assert_eq!(other, &Field::Null);
                f64::NAN
            }
        };
        assert_eq!(bits([score]), bits([content.scores[row]]));
        let Field::ListInternal(list) = fields[4].1 else {
            panic!("{:?}", fields[4]);
        };
        let read: Vec<f64> = (list.elements().iter())
            .map(|field| match field {
                Field::Float(number) => (*number).into(),
                other => panic!("{other:?}"),
            })
            .collect();
        let features = &content.features[row * content.numbers..][..content.numbers];
        assert_eq!(bits(read), bits(wide(features)));
        rows += 1;
    }
    assert_eq!(rows, content.paths.len());
}

/// The header of an array and its data, read as NumPy's document of the format says.
fn array(bytes: &[u8]) -> (String, &[u8]) {
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!((10 + length) % 64, 0);
    let words = std::str::from_utf8(&bytes[10..10 + length]).unwrap();
    assert!(words.ends_with('\n'));
    (words.trim_end().to_owned(), &bytes[10 + length..])
}

fn numbers<T, const N: usize>(data: &[u8], of: fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, rest) = data.as_chunks();
    assert_eq!(rest, [] as [u8; 0]);
    chunks.iter().map(|bytes| of(*bytes)).collect()
}

fn words(descr: &str, shape: &str) -> String {
    format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}")
}

fn check_matrix(content: &Content, (found, data): (String, &[u8])) {
    let shape = format!("{}, {}", content.paths.len(), content.numbers);
    assert_eq!(found, words("<f4", &shape));
    let read = numbers(data, f32::from_le_bytes);
    assert_eq!(bits(wide(&read)), bits(wide(&content.features)));
}

/// A manifest with these of the columns: texts, and the others where they are there.
fn check_manifest(content: &Content, path: &Path, columns: usize) {
    let mut reader = csv::Reader::from_path(path).unwrap();
    assert_eq!(reader.headers().unwrap().len(), columns);
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let paths: Vec<&str> = records.iter().map(|record| &record[0]).collect();
    assert_eq!(paths, content.paths);
    for (record, class) in records.iter().zip(&content.classes) {
        assert_eq!(&record[1], class.as_deref().unwrap_or_default());
    }
    for (record, label) in records.iter().zip(&content.labels) {
        assert!(columns == 2 || record[2].parse() == Ok(*label));
    }
}

fn check_npz(content: &Content, path: &Path) {
    let mut archive = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut arrays = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        arrays.insert(entry.name().unwrap().into_owned(), bytes);
    }
    assert_eq!(arrays.len(), 5);
    let rows = content.paths.len();
    let texts = |name: &str, expected: Vec<&str>| {
        let longest = expected.iter().map(|text| text.chars().count()).max();
        let longest = longest.unwrap_or(0).max(1);
        let (found, data) = array(&arrays[name]);
        assert_eq!(found, words(&format!("<U{longest}"), &format!("{rows},")));
        let characters = numbers(data, u32::from_le_bytes);
        let read: Vec<String> = characters
            .chunks(longest)
            .map(|text| {
                text.iter()
                    .filter_map(|c| char::from_u32(*c))
                    .collect::<String>()
            })
            .map(|text| text.trim_end_matches('\0').to_owned())
            .collect();
        let expected: Vec<&str> = expected
            .iter()
            .map(|text| text.trim_end_matches('\0'))
            .collect();
        assert_eq!(read, expected);
    };
    texts(
        "path.npy",
        content.paths.iter().map(String::as_str).collect(),
    );
    let classes = content
        .classes
        .iter()
        .map(|class| class.as_deref().unwrap_or_default());
    texts("class, said.npy", classes.collect());
    let (found, data) = array(&arrays["label.npy"]);
    assert_eq!(found, words("<i8", &format!("{rows},")));
    assert_eq!(numbers(data, i64::from_le_bytes), content.labels);
    let (found, data) = array(&arrays["score \"é\".npy"]);
    assert_eq!(found, words("<f8", &format!("{rows},")));
    assert_eq!(
        bits(numbers(data, f64::from_le_bytes)),
        bits(content.scores.clone())
    );
    check_matrix(content, array(&arrays["features.npy"]));
}

fn check_tensors(content: &Content, path: &Path) {
    let bytes = fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(tensors.len(), 3);
    let (header, _) = SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header % 8, 0);
    let rows = content.paths.len();
    let labels = tensors.tensor("label").unwrap();
    assert_eq!(labels.shape(), [rows]);
    assert_eq!(numbers(labels.data(), i64::from_le_bytes), content.labels);
    let scores = tensors.tensor("score \"é\"").unwrap();
    let scores = numbers(scores.data(), f64::from_le_bytes);
    assert_eq!(bits(scores), bits(content.scores.clone()));
    let features = tensors.tensor("features").unwrap();
    assert_eq!(features.shape(), [rows, content.numbers]);
    let features = numbers(features.data(), f32::from_le_bytes);
    assert_eq!(bits(wide(&features)), bits(wide(&content.features)));
}

/// Writes a table in every format and reads it back.
fn check(content: &Content, batch: usize) {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str| content.write(&path(name), batch);
    assert_eq!(write("t.csv"), [path("t.csv")]);
    check_csv(content, &path("t.csv"));
    assert_eq!(write("t.jsonl"), [path("t.jsonl")]);
    check_json(content, &path("t.jsonl"));
    assert_eq!(write("t.parquet"), [path("t.parquet")]);
    check_parquet(content, &path("t.parquet"));
    let manifest = path("t.manifest.csv");
    assert_eq!(write("t.npy"), [path("t.npy"), manifest.clone()]);
    check_matrix(content, array(&fs::read(path("t.npy")).unwrap()));
    check_manifest(content, &manifest, 4);
    assert_eq!(write("t.npz"), [path("t.npz")]);
    check_npz(content, &path("t.npz"));
    assert_eq!(
        write("t.safetensors"),
        [path("t.safetensors"), manifest.clone()]
    );
    check_tensors(content, &path("t.safetensors"));
    check_manifest(content, &manifest, 2);
    // Nothing lies about, spools and temporary files least of all.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 7);
}

#[test]
fn every_format_gives_back_what_was_written() {
    for batch in [1, 2, 100] {
        check(&Content::small(), batch);
    }
    let none = Content {
        paths: Vec::new(),
        classes: Vec::new(),
        labels: Vec::new(),
        scores: Vec::new(),
        features: Vec::new(),
        numbers: 3,
    };
    check(&none, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_rows_are_given_back(
        rows in proptest::collection::vec(
            (".{0,12}", proptest::option::of("[^\0]{1,9}"), any::<i64>(), any::<f64>(), any::<[f32; 3]>()),
            0..30,
        ),
        batch in 1_usize..12,
    ) {
        let mut content = Content {
            paths: Vec::new(),
            classes: Vec::new(),
            labels: Vec::new(),
            scores: Vec::new(),
            features: Vec::new(),
            numbers: 3,
        };
        for (path, class, label, score, features) in rows {
            content.paths.push(path);
            content.classes.push(class);
            content.labels.push(label);
            content.scores.push(if score.is_infinite() { 0.5 } else { score });
            content.features.extend(features.map(|f| if f.is_infinite() { 0.5 } else { f }));
        }
        check(&content, batch);
    }
}

#[test]
fn groups_of_rows_are_written_when_they_are_large_enough() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("t.parquet");
    let columns = vec![Column::new("features", Kind::Vector(1000))];
    let mut writer = Writer::create(&path, Format::Parquet, columns).unwrap();
    // 80 MB, as many different numbers.
    for batch in 0..20_u32 {
        let numbers: Vec<f32> = (0..1_000_000).map(|n| (n + batch * 7) as f32).collect();
        writer.rows(&[Values::Vector(&numbers)]).unwrap();
    }
    writer.finish().unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 20_000);
    assert_eq!(reader.metadata().num_row_groups(), 3);
    let last = reader.get_row_iter(None).unwrap().last().unwrap().unwrap();
    let Some((_, Field::ListInternal(list))) = last.get_column_iter().next() else {
        panic!("{last:?}");
    };
    assert_eq!(list.elements()[999], Field::Float(999_999.0 + 133.0));
}

#[test]
fn a_table_that_is_not_finished_leaves_nothing() {
    for format in Format::ALL {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join(format!("t.{}", format.ending()));
        fs::write(&path, "what was there").unwrap();
        let content = Content::small();
        let mut writer = Writer::create(&path, format, content.columns()).unwrap();
        content.rows(&mut writer, 2);
        drop(writer);
        assert_eq!(fs::read_to_string(&path).unwrap(), "what was there");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "{format:?}"
        );
        content.write(&path, 2);
        assert_ne!(fs::read(&path).unwrap(), b"what was there");
    }
}

#[cfg(unix)]
#[test]
fn others_may_read_a_table_as_any_other_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    let path = folder.path().join("t.npy");
    let plain = folder.path().join("plain");
    Content::small().write(&path, 2);
    fs::write(&plain, "").unwrap();
    assert_eq!(mode(&path), mode(&plain));
    assert_eq!(mode(&path.with_extension("manifest.csv")), mode(&plain));
}

#[test]
fn a_stream_takes_what_is_written_from_its_beginning_to_its_end() {
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);
    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let content = Content::small();
    let folder = TempDir::new().unwrap();
    for format in Format::ALL {
        let shared = Shared::default();
        let writer = Writer::stream(shared.clone(), format, content.columns());
        if !format.is_streamed() {
            let error = writer.err().unwrap().to_string();
            let ending = format.ending();
            let expected =
                format!("{ending} needs a file, expected csv, jsonl or parquet for a stream");
            assert_eq!(error, expected);
            continue;
        }
        let mut writer = writer.unwrap();
        content.rows(&mut writer, 2);
        assert_eq!(writer.finish().unwrap(), [] as [PathBuf; 0]);
        let path = folder.path().join(format!("t.{}", format.ending()));
        content.write(&path, 2);
        assert_eq!(
            *shared.0.lock().unwrap(),
            fs::read(&path).unwrap(),
            "{format:?}"
        );
    }
}

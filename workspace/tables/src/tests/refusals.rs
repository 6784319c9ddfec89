//! What is not written, and how that is told.

use super::*;

#[test]
fn the_end_of_a_name_says_the_format() {
    let check = |name: &str, expected: Option<Format>| {
        let found = Format::of(Path::new(name));
        if expected.is_none() {
            let error = found.as_ref().unwrap_err().to_string();
            let endings = ".csv, .jsonl, .parquet, .npy, .npz, .safetensors";
            let message = format!("`{name}` ends with no known format, expected one of {endings}");
            assert_eq!(error, message);
        }
        assert_eq!(found.ok(), expected, "{name}");
    };
    check("a.csv", Some(Format::Csv));
    check("a/b.c.JSONL", Some(Format::JsonLines));
    check("ä.parquet", Some(Format::Parquet));
    check("a.npy", Some(Format::Npy));
    check("a.npz", Some(Format::Npz));
    check("a.safetensors", Some(Format::Safetensors));
    for wrong in ["a.xlsx", "csv", ".csv", "a.csv/b", ""] {
        check(wrong, None);
    }
}

#[test]
fn columns_that_cannot_be_written_are_refused() {
    let text = |name: &str| Column::new(name, Kind::Text);
    let vector = |name: &str, numbers| Column::new(name, Kind::Vector(numbers));
    let cases = [
        (
            Format::Csv,
            vec![],
            "a table without columns, expected at least one",
        ),
        (
            Format::Csv,
            vec![text("a"), text("a")],
            "two columns `a`, expected different names",
        ),
        (
            Format::Csv,
            vec![text("a 1"), vector("a", 2)],
            "two columns `a 1`, expected different names",
        ),
        (
            Format::Npz,
            vec![text("")],
            "a column of the name \"\", expected a name without zero bytes",
        ),
        (
            Format::Parquet,
            vec![vector("a", 0)],
            "column `a` holds vectors of 0 numbers, expected at least 1",
        ),
        (
            Format::Npy,
            vec![vector("a", 1), vector("b", 1)],
            "2 columns of vectors, expected one: a .npy file holds one array",
        ),
        (
            Format::Npy,
            vec![text("a")],
            "0 columns of vectors, expected one: a .npy file holds one array",
        ),
        (
            Format::Safetensors,
            vec![text("a")],
            "no column of numbers, expected one: safetensors holds no text",
        ),
    ];
    let folder = TempDir::new().unwrap();
    for (format, columns, expected) in cases {
        let path = folder.path().join("t");
        let error = Writer::create(&path, format, columns).err().unwrap();
        assert_eq!(error.to_string(), expected);
    }
    let missing = folder.path().join("no such folder/t.csv");
    let error = Writer::create(&missing, Format::Csv, vec![text("a")])
        .err()
        .unwrap();
    let expected = format!("cannot write `{}`: ", missing.display());
    assert!(error.to_string().starts_with(&expected), "{error}");
}

#[test]
fn values_of_other_columns_are_refused() {
    let columns = || {
        vec![
            Column::new("a", Kind::Float),
            Column::new("b", Kind::Vector(2)),
        ]
    };
    let cases: [(&[Values<'_>], &str); 6] = [
        (&[Values::Float(&[1.0])], "values for 1 columns, expected 2"),
        (
            &[Values::Integer(&[1]), Values::Vector(&[1.0, 2.0])],
            "values of another kind in column `a`, expected Float",
        ),
        (
            &[Values::Float(&[1.0]), Values::Vector(&[1.0])],
            "1 numbers in column `b`, expected a multiple of 2",
        ),
        (
            &[Values::Float(&[1.0]), Values::Vector(&[1.0; 4])],
            "2 rows in column `b`, expected 1 as in `a`",
        ),
        (
            &[Values::Float(&[f64::INFINITY]), Values::Vector(&[1.0; 2])],
            "row 1 has an infinite number in column `a`, expected finite numbers in JSON",
        ),
        (
            &[
                Values::Float(&[1.0; 2]),
                Values::Vector(&[1.0, 1.0, 1.0, f32::NEG_INFINITY]),
            ],
            "row 2 has an infinite number in column `b`, expected finite numbers in JSON",
        ),
    ];
    let mut writer = Writer::stream(io::sink(), Format::JsonLines, columns()).unwrap();
    writer
        .rows(&[Values::Float(&[0.0]), Values::Vector(&[0.0; 2])])
        .unwrap();
    for (values, expected) in cases {
        assert_eq!(writer.rows(values).unwrap_err().to_string(), expected);
    }
    let infinite = [
        Values::Float(&[f64::INFINITY]),
        Values::Vector(&[f32::INFINITY; 2]),
    ];
    let mut writer = Writer::stream(io::sink(), Format::Csv, columns()).unwrap();
    writer.rows(&infinite).unwrap();
}

#[test]
fn a_full_disk_is_told_when_a_table_is_written_to_a_stream() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for format in [Format::Csv, Format::JsonLines, Format::Parquet] {
        let content = Content::small();
        let mut writer = Writer::stream(Full, format, content.columns()).unwrap();
        content.rows(&mut writer, 5);
        match writer.finish() {
            Err(Error::Write { place, source }) => {
                assert_eq!(place, "the output");
                assert_eq!(source.kind(), io::ErrorKind::StorageFull, "{format:?}");
            }
            other => panic!("{format:?}: {other:?}"),
        }
    }
}

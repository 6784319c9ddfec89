//! Image files as they are named: one by one, by folder, by a list on standard input.

use std::{
    fs::File,
    io::{BufRead, BufReader, BufWriter, Write, stdin},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use topwork_sniff::{IMAGE_EXTENSIONS, reason};

use crate::failure::{Failure, RUN_FAILED, WRONG_DATA, WRONG_USE};

/// Writes the paths of all images, each ended by a zero byte, into a file: there may be millions. Within folders, which are gone
/// through by name, only files whose ending is that of an image count; hidden ones do not.
pub fn write_list(paths: &[PathBuf], list: &Path) -> Result<(), Failure> {
    let fail = |error: std::io::Error| {
        Failure::new(
            RUN_FAILED,
            format!("cannot keep the list of files: {}", reason(&error)),
        )
    };
    let mut out = BufWriter::new(File::create(list).map_err(fail)?);
    let mut count = 0_u64;
    let mut add = |path: &Path| -> Result<(), Failure> {
        count += 1;
        let bytes = path.as_os_str().as_bytes();
        out.write_all(bytes)
            .and_then(|()| out.write_all(&[0]))
            .map_err(fail)
    };
    for path in paths {
        if path.as_os_str() == "-" {
            each_on_stdin(&mut add)?;
        } else if path.is_dir() {
            each_within(path, &mut add)?;
        } else if path.exists() {
            add(path)?;
        } else {
            return Err(Failure::new(
                WRONG_USE,
                format!("there is no file `{}`", path.display()),
            ));
        }
    }
    out.flush().map_err(fail)?;
    match count {
        0 => {
            let named: Vec<String> = paths
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            let endings = IMAGE_EXTENSIONS.join(", ");
            Err(
                Failure::new(WRONG_DATA, format!("no images in {}", named.join(", ")))
                    .hint(format!("files with these endings count: {endings}")),
            )
        }
        _ => Ok(()),
    }
}

/// One path a line, or each ended by a zero byte, as `find -print0` has them.
fn each_on_stdin(add: &mut impl FnMut(&Path) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut input = BufReader::new(stdin().lock());
    let fail = |error: std::io::Error| {
        Failure::new(
            RUN_FAILED,
            format!("cannot read standard input: {}", reason(&error)),
        )
    };
    let zero = input.fill_buf().map_err(fail)?.contains(&0);
    let end = if zero { 0 } else { b'\n' };
    loop {
        let mut path = Vec::new();
        if input.read_until(end, &mut path).map_err(fail)? == 0 {
            return Ok(());
        }
        if path.last() == Some(&end) {
            path.pop();
        }
        if !zero && path.last() == Some(&b'\r') {
            path.pop();
        }
        if !path.is_empty() {
            add(Path::new(&std::ffi::OsString::from_vec(path)))?;
        }
    }
}

fn each_within(
    folder: &Path,
    add: &mut impl FnMut(&Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let fail = |error: std::io::Error| {
        let reason = reason(&error);
        Failure::new(
            WRONG_DATA,
            format!("cannot list `{}`: {reason}", folder.display()),
        )
    };
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(fail)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(fail)?;
    entries.sort();
    for path in entries {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_bytes().starts_with(b"."));
        if hidden {
            continue;
        }
        if path.is_dir() {
            // A link to a folder above would have no end.
            if !path.is_symlink() {
                each_within(&path, add)?;
            }
        } else if is_image(&path) {
            add(&path)?;
        }
    }
    Ok(())
}

fn is_image(path: &Path) -> bool {
    let ending = path
        .extension()
        .map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| IMAGE_EXTENSIONS.contains(&&*ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_gone_through_by_name() {
        let temp = tempfile::tempdir().unwrap();
        for name in [
            "b/2.JPG",
            "b/1.png",
            "a.tiff",
            "note.txt",
            ".hidden/3.png",
            "b/.4.png",
        ] {
            let path = temp.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink(temp.path(), temp.path().join("b/up")).unwrap();
        let list = temp.path().join("list");
        let check = |paths: &[&str], expected: &[&str]| {
            let paths: Vec<PathBuf> = paths.iter().map(|path| temp.path().join(path)).collect();
            write_list(&paths, &list).unwrap();
            let found = std::fs::read(&list).unwrap();
            let mut found: Vec<String> = (found.split(|byte| *byte == 0))
                .map(|path| String::from_utf8_lossy(path).into_owned())
                .collect();
            assert_eq!(found.pop().as_deref(), Some(""));
            let expected: Vec<String> = (expected.iter())
                .map(|path| temp.path().join(path).display().to_string())
                .collect();
            assert_eq!(found, expected);
        };
        check(&[""], &["a.tiff", "b/1.png", "b/2.JPG"]);
        check(&["note.txt", "b"], &["note.txt", "b/1.png", "b/2.JPG"]);
        let none = write_list(&[temp.path().join(".hidden/none")], &list).unwrap_err();
        assert!(
            none.message.starts_with("there is no file"),
            "{}",
            none.message
        );
    }
}

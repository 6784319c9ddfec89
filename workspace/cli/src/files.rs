//! Files that are written as a whole.

use std::{fs, io::Write, path::Path};

use topwork_sniff::reason;
use topwork_tables::Output;

use crate::failure::{Failure, RUN_FAILED};

/// Makes a folder with those on the way to it.
pub fn make_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| failed("make the folder", folder, &error))
}

/// Replaces a file: whoever looks, and whatever happens meanwhile, the old content or the new one is there.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let written = Output::file(path).and_then(|mut file| {
        file.write_all(content)?;
        file.finish()
    });
    written
        .map(drop)
        .map_err(|error| failed("write", path, &error))
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        RUN_FAILED,
        format!("cannot {what} `{}`: {}", path.display(), reason(error)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/page.html");
        assert!(
            replace(&path, b"no folder")
                .unwrap_err()
                .message
                .starts_with("cannot write")
        );
        make_folder(path.parent().unwrap()).unwrap();
        replace(&path, b"old and long").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}

//! Files that are written as a whole.

use std::{fs, io::Write, path::Path};

use topwork_sniff::reason;

use crate::failure::{Failure, RUN_FAILED};

/// Makes a folder with those on the way to it.
pub fn make_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| failed("make the folder", folder, &error))
}

/// Replaces a file: whoever looks, and whatever happens meanwhile, the old content or the new one is there. A link stays
/// and what it leads to is replaced; a device or a pipe, such as `/dev/null` or `/dev/stdout`, is written to.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let fail = |error: std::io::Error| failed("write", path, &error);
    // A link that leads nowhere yet is no reason to fail: it is written through, as a shell does.
    let Ok(place) = path.canonicalize() else {
        return match path.symlink_metadata() {
            Ok(_) => fs::write(path, content).map_err(fail),
            Err(_) => renamed(path, content).map_err(fail),
        };
    };
    // A rename would put a file in the place of a device, for everybody on this machine.
    match place.metadata() {
        Ok(known) if !known.is_file() && !known.is_dir() => fs::write(path, content).map_err(fail),
        _ => renamed(&place, content).map_err(fail),
    }
}

fn renamed(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".topwork-").suffix(".partial");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any new file: what the user's mask takes away is taken away from this.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
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

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_stays_what_it_is() {
        use std::os::unix::fs::{FileTypeExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| fs::read(&pipe).unwrap());
            replace(&pipe, b"through").unwrap();
            assert_eq!(reader.join().unwrap(), b"through");
        });
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());

        for target in ["there", "not yet"] {
            let link = folder.path().join(format!("link to {target}"));
            fs::write(folder.path().join("there"), "old").unwrap();
            symlink(target, &link).unwrap();
            replace(&link, b"new").unwrap();
            assert!(link.symlink_metadata().unwrap().is_symlink(), "{target}");
            assert_eq!(fs::read(folder.path().join(target)).unwrap(), b"new");
        }
    }
}

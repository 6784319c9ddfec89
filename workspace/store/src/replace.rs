//! Files that are replaced as a whole.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// What the name of a file that is being written ends with.
pub const PARTIAL: &str = ".partial";

/// Replaces the file at `path`, making the folders on the way below `root`, which must be there: a
/// reader, a crash or a power cut finds the old content or the new one, and once this has returned,
/// the new one. `writer` tells apart those who might write the same file at once; it is empty for who is alone.
pub fn replace(root: &Path, path: &Path, content: &[&[u8]], writer: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // Made again, a folder that was removed would pass for one that was written to all along.
    if !root.is_dir() {
        return Err(removed());
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    if !writer.is_empty() {
        name.push(".");
        name.push(writer);
    }
    name.push(PARTIAL);
    let partial = folder.join(name);
    let mut tries = 0..TRIES;
    let written = loop {
        match write(&partial, content) {
            // It is made when it is missed: on a network's file system each question takes a while. Another process may have
            // removed it, which was empty, since.
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries.next().is_some() => {
                fs::create_dir_all(folder)?;
            }
            written => break written,
        }
    };
    written
        .and_then(|()| fs::rename(&partial, path))
        .and_then(|()| sync_folder(folder))
        .inspect_err(|_| {
            // On a full disk the half of it would take the room others need.
            let _ = fs::remove_file(&partial);
        })
}

/// So often a folder may vanish that was just made.
const TRIES: u32 = 10;

/// Removes what writers that died have left below `folder`.
pub fn remove_partial(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_partial(&path);
        } else if path.to_string_lossy().ends_with(PARTIAL) {
            // One that cannot be removed takes room and does no harm.
            let _ = fs::remove_file(path);
        }
    }
}

/// The run's folder is no longer there, or no longer under its name.
pub fn removed() -> io::Error {
    io::Error::other("the run's folder was removed")
}

fn write(partial: &PathBuf, content: &[&[u8]]) -> io::Result<()> {
    let mut file = File::create(partial)?;
    for part in content {
        file.write_all(part)?;
    }
    file.sync_all()
}

/// A rename is on the disk only when the folder is. Windows has no such call and does not open
/// folders as files.
fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

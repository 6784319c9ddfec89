//! Files that are replaced as a whole.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// What the name of a file that is being written ends with.
pub const PARTIAL: &str = ".partial";

/// A file and its content, part after part.
pub type Content<'a> = (&'a Path, &'a [&'a [u8]]);

/// Replaces files, making the folders on the way below `root`, which must be there: of each a
/// reader, a crash or a power cut finds the old content or the new one, and once this has returned,
/// the new one. `writer` tells apart those who might write the same file at once; it is empty for who is alone.
///
/// Several files at once cost fewer calls of the system, each of which takes milliseconds on a network's file system.
pub fn replace(root: &Path, files: &[Content<'_>], writer: &str) -> io::Result<()> {
    let partial: Vec<PathBuf> = (files.iter())
        .map(|(path, _)| partial_of(path, writer))
        .collect();
    let written = || {
        for ((path, content), partial) in files.iter().zip(&partial) {
            write_in(root, folder_of(path), partial, content)?;
        }
        for ((path, _), partial) in files.iter().zip(&partial) {
            fs::rename(partial, path)?;
        }
        let folders: BTreeSet<&Path> = files.iter().map(|(path, _)| folder_of(path)).collect();
        folders.into_iter().try_for_each(sync_folder)
    };
    written().inspect_err(|_| {
        // On a full disk the half of it would take the room others need.
        for partial in &partial {
            let _ = fs::remove_file(partial);
        }
    })
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

fn partial_of(path: &Path, writer: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    if !writer.is_empty() {
        name.push(".");
        name.push(writer);
    }
    name.push(PARTIAL);
    folder_of(path).join(name)
}

/// Writes a file in a folder, which is made when it is missed: on a network's file system each question takes a while.
fn write_in(root: &Path, folder: &Path, partial: &Path, content: &[&[u8]]) -> io::Result<()> {
    // Another process may have removed it, which was empty, since.
    for _ in 0..TRIES {
        match write(partial, content) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(root, folder)?;
            }
            written => return written,
        }
    }
    write(partial, content)
}

/// Makes a folder below `root`, which must be there: made again, one that was removed would pass for one that was written to all along.
fn make(root: &Path, folder: &Path) -> io::Result<()> {
    if folder == root {
        return Err(removed());
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match root.is_dir() {
            true => fs::create_dir_all(folder),
            false => Err(removed()),
        },
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
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

fn write(partial: &Path, content: &[&[u8]]) -> io::Result<()> {
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

//! Where a table goes: a stream, or a file that has its name only at the end.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Bytes on their way.
pub struct Output(Place);

enum Place {
    Stream(BufWriter<Box<dyn Write + Send>>),
    File {
        file: BufWriter<NamedTempFile>,
        /// What it takes the place of.
        place: PathBuf,
        /// What that is called by who asked for it.
        path: PathBuf,
    },
}

impl Output {
    /// A stream such as standard output.
    pub fn stream(stream: impl Write + Send + 'static) -> Self {
        Output(Place::Stream(BufWriter::new(Box::new(stream))))
    }

    /// A file in the folder of `path`, under another name until it is whole: whoever looks, and whatever happens meanwhile, the old
    /// content or the new one is there. A link stays and what it leads to is replaced. A device or a pipe, such as `/dev/null`, is
    /// written to: a rename would put a file in its place, for everybody on the machine.
    ///
    /// # Errors
    /// When no file can be made in the folder, or what is there is a folder or cannot be opened.
    pub fn file(path: &Path) -> io::Result<Self> {
        let Some(place) = replaced(path) else {
            return File::create(path).map(Output::stream);
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".table-").suffix(".part");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // What is made for others to read has the rights of any other file, less the user's mask.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder(&place))?;
        Ok(Output(Place::File {
            file: BufWriter::new(file),
            place,
            path: path.to_owned(),
        }))
    }

    /// Writes over the beginning of a file, in place of bytes that were written before.
    pub fn patch(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.0 {
            Place::File { file, .. } => {
                file.seek(SeekFrom::Start(0))?;
                file.write_all(bytes)
            }
            Place::Stream(_) => Err(io::Error::other("a stream has no beginning to go back to")),
        }
    }

    /// Writes all that is left; a file gets its name, which is returned.
    ///
    /// # Errors
    /// When that cannot be written, or the file cannot take its name.
    pub fn finish(self) -> io::Result<Option<PathBuf>> {
        match self.0 {
            Place::Stream(mut stream) => {
                stream.flush()?;
                Ok(None)
            }
            Place::File { file, place, path } => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.as_file().sync_all()?;
                file.persist(&place).map_err(|error| error.error)?;
                Ok(Some(path))
            }
        }
    }
}

/// Which file a new one takes the place of, or `None` where what is there can only be written to: a device, a pipe, a link that leads
/// nowhere yet.
pub fn replaced(path: &Path) -> Option<PathBuf> {
    match (path.canonicalize(), path.symlink_metadata()) {
        (Ok(place), _) => (fs::metadata(&place)
            .is_ok_and(|known| known.is_file() || known.is_dir()))
        .then_some(place),
        (Err(_), Ok(_)) => None,
        (Err(_), Err(_)) => Some(path.to_owned()),
    }
}

/// The folder that a file lies in.
pub fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Place::Stream(stream) => stream.write(bytes),
            Place::File { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Place::Stream(stream) => stream.flush(),
            Place::File { file, .. } => file.flush(),
        }
    }
}

impl Seek for Output {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.0 {
            Place::File { file, .. } => file.seek(to),
            Place::Stream(_) => Err(io::Error::other("a stream has no places to go to")),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
        let mut output = Output::file(path)?;
        output.write_all(content)?;
        output.finish().map(drop)
    }

    #[test]
    fn what_is_no_file_stays_what_it_is() {
        use std::os::unix::fs::{FileTypeExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
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

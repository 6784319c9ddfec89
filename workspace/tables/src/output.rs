//! Where a table goes: a stream, or a file that has its name only at the end.

use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Bytes on their way.
pub struct Output(Place);

enum Place {
    Stream(BufWriter<Box<dyn Write + Send>>),
    File(BufWriter<NamedTempFile>, PathBuf),
}

impl Output {
    pub fn stream(stream: impl Write + Send + 'static) -> Self {
        Output(Place::Stream(BufWriter::new(Box::new(stream))))
    }

    /// A file in the folder of `path`, under another name.
    pub fn file(path: &Path) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".table-").suffix(".part");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // What is made for others to read has the rights of any other file, less the user's mask.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder(path))?;
        Ok(Output(Place::File(BufWriter::new(file), path.to_owned())))
    }

    /// Writes over the beginning of a file, in place of bytes that were written before.
    pub fn patch(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.0 {
            Place::File(file, _) => {
                file.seek(SeekFrom::Start(0))?;
                file.write_all(bytes)
            }
            Place::Stream(_) => Err(io::Error::other("a stream has no beginning to go back to")),
        }
    }

    /// Writes all that is left; a file gets its name, which is returned.
    pub fn finish(self) -> io::Result<Option<PathBuf>> {
        match self.0 {
            Place::Stream(mut stream) => {
                stream.flush()?;
                Ok(None)
            }
            Place::File(file, path) => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.persist(&path).map_err(|error| error.error)?;
                Ok(Some(path))
            }
        }
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
            Place::File(file, _) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Place::Stream(stream) => stream.flush(),
            Place::File(file, _) => file.flush(),
        }
    }
}

impl Seek for Output {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.0 {
            Place::File(file, _) => file.seek(to),
            Place::Stream(_) => Err(io::Error::other("a stream has no places to go to")),
        }
    }
}

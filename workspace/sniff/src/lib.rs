//! Says what a file really is by its first bytes, whatever its name promises.
//!
//! Downloads go wrong in a few usual ways: a Git LFS pointer in place of the file, a web page in place of the download, an
//! archive that was never unpacked. Readers of all formats ask here before they speak of headers and fields.
//!
//! ```
//! let kind = topwork_sniff::kind(b"<!DOCTYPE html><html>").unwrap();
//! assert_eq!(kind.to_string(), "a web page");
//! assert!(kind.hint().unwrap().contains("download"));
//! ```

use std::ffi::OsStr;
use std::path::Path;
use std::{fmt, io};

/// Endings of the names of image files, in lower case.
pub const IMAGE_EXTENSIONS: [&str; 10] = [
    "png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "tif", "tiff",
];

/// How many bytes of a file [`kind`] wants to see; fewer will do where the file is shorter.
pub const WANTED: usize = 512;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The text that Git LFS keeps in place of a large file.
    LfsPointer,
    /// HTML.
    WebPage,
    /// JSON, as a server answers with when it refuses a download.
    Json,
    /// Compressed by gzip.
    Gzip,
    /// A ZIP archive; files of NumPy (`.npz`) and PyTorch (`.pth`) are such archives, too.
    Zip,
    /// Compressed by bzip2.
    Bzip2,
    /// Compressed by xz.
    Xz,
    /// Compressed by Zstandard.
    Zstd,
    /// A 7z archive.
    SevenZip,
    /// A tar archive, not compressed.
    Tar,
    /// HDF5, the format of Keras (`.h5`) and MATLAB 7.3.
    Hdf5,
    /// An array of NumPy (`.npy`).
    Npy,
    /// A pickle of Python.
    Pickle,
    /// A PDF document.
    Pdf,
    /// A picture as PNG, JPEG, GIF, WebP, BMP, TIFF or HEIF.
    Picture,
    /// Text of no kind above.
    Text,
}

/// Recognises a file by its first [`WANTED`] bytes; `None` for bytes of no kind known here.
pub fn kind(beginning: &[u8]) -> Option<Kind> {
    const MAGIC: [(&[u8], Kind); 19] = [
        (b"version https://git-lfs.github.com/", Kind::LfsPointer),
        (b"\x1f\x8b", Kind::Gzip),
        (b"PK\x03\x04", Kind::Zip),
        (b"PK\x05\x06", Kind::Zip),
        (b"BZh", Kind::Bzip2),
        (b"\xfd7zXZ\0", Kind::Xz),
        (b"\x28\xb5\x2f\xfd", Kind::Zstd),
        (b"7z\xbc\xaf\x27\x1c", Kind::SevenZip),
        (b"\x89HDF\r\n\x1a\n", Kind::Hdf5),
        (b"\x93NUMPY", Kind::Npy),
        (b"%PDF-", Kind::Pdf),
        (b"\x89PNG\r\n\x1a\n", Kind::Picture),
        (b"\xff\xd8\xff", Kind::Picture),
        (b"GIF8", Kind::Picture),
        (b"II*\0", Kind::Picture),
        (b"MM\0*", Kind::Picture),
        (b"\x80\x02", Kind::Pickle),
        (b"\x80\x03", Kind::Pickle),
        (b"\x80\x04\x95", Kind::Pickle),
    ];
    let by_magic = (MAGIC.iter()).find(|(magic, _)| beginning.starts_with(magic));
    if let Some((_, kind)) = by_magic {
        return Some(*kind);
    }
    let at =
        |offset: usize, magic: &[u8]| beginning.get(offset..offset + magic.len()) == Some(magic);
    if at(257, b"ustar") {
        return Some(Kind::Tar);
    }
    if at(4, b"ftyp") || (at(0, b"RIFF") && at(8, b"WEBP")) {
        return Some(Kind::Picture);
    }
    text(beginning)
}

/// What text it is, if it is text.
fn text(beginning: &[u8]) -> Option<Kind> {
    let beginning = &beginning[..beginning.len().min(WANTED)];
    let whole = match std::str::from_utf8(beginning) {
        Ok(text) => text,
        // The last character may be cut in two.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&beginning[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\x0c');
    let begins = whole.trim_start_matches('\u{feff}').trim_start();
    if begins.is_empty() || whole.contains(control) {
        return None;
    }
    let lower = begins.to_ascii_lowercase();
    let page = ["<!doctype html", "<html", "<head", "<body", "<script"];
    // Pages written as XHTML begin as XML, others with a comment.
    let within = ["<?xml", "<!--"];
    if page.iter().any(|tag| lower.starts_with(tag))
        || (within.iter().any(|tag| lower.starts_with(tag)) && lower.contains("<html"))
    {
        return Some(Kind::WebPage);
    }
    let json = begins.strip_prefix('{').map(str::trim_start);
    match json.is_some_and(|rest| rest.starts_with(['"', '}'])) {
        true => Some(Kind::Json),
        false => Some(Kind::Text),
    }
}

impl Kind {
    /// The way out, where there is one in every case.
    pub fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::LfsPointer => "`git lfs pull` in that repository fetches the file itself",
            Self::WebPage | Self::Json => {
                "open the address in a browser to see what the server wants (a login, a licence, another address), and download the file again"
            }
            Self::Gzip | Self::Bzip2 | Self::Xz | Self::Zstd | Self::SevenZip | Self::Tar => {
                "unpack it first"
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Kind {
    /// With its article, to follow "it is".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LfsPointer => "a Git LFS pointer, not the file it stands for",
            Self::WebPage => "a web page",
            Self::Json => "JSON, as servers answer with when they refuse a download",
            Self::Gzip => "compressed by gzip",
            Self::Zip => "a ZIP archive",
            Self::Bzip2 => "compressed by bzip2",
            Self::Xz => "compressed by xz",
            Self::Zstd => "compressed by Zstandard",
            Self::SevenZip => "a 7z archive",
            Self::Tar => "a tar archive",
            Self::Hdf5 => "an HDF5 file",
            Self::Npy => "an array of NumPy (.npy)",
            Self::Pickle => "a pickle of Python",
            Self::Pdf => "a PDF document",
            Self::Picture => "a picture",
            Self::Text => "text",
        })
    }
}

/// The way to a file or folder that is not there, where it is one of those that `just fetch` gets: what lies in `data/fetched` of
/// the project.
///
/// ```
/// use std::path::Path;
///
/// let hint = topwork_sniff::way_to(Path::new("../data/fetched/emoji/google"));
/// assert_eq!(hint.unwrap(), "`just fetch emoji` in the folder of the project makes it");
/// assert_eq!(topwork_sniff::way_to(Path::new("../data/emoji")), None);
/// ```
pub fn way_to(path: &Path) -> Option<String> {
    let parts: Vec<&OsStr> = path.iter().collect();
    let name = parts.windows(3).find_map(|window| match window {
        [data, fetched, name] if *data == "data" && *fetched == "fetched" => Some(*name),
        _ => None,
    });
    let name = Path::new(name?).file_stem()?.to_str()?;
    Some(format!(
        "`just fetch {name}` in the folder of the project makes it"
    ))
}

/// Why the system refused, in words for a person.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::NotADirectory => "a part of the path is not a folder".to_owned(),
        io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_first_bytes() {
        let check = |bytes: &[u8], expected: Option<Kind>| {
            assert_eq!(
                kind(bytes),
                expected,
                "{:?}",
                String::from_utf8_lossy(bytes)
            );
        };
        check(
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
            Some(Kind::LfsPointer),
        );
        check(b"<!DOCTYPE html>\n<html>", Some(Kind::WebPage));
        check(
            "\u{feff}\r\n <HTML lang=en>".as_bytes(),
            Some(Kind::WebPage),
        );
        check(
            b"<?xml version=\"1.0\"?><html xmlns=\"x\">",
            Some(Kind::WebPage),
        );
        check(b"<!-- x --><html>", Some(Kind::WebPage));
        check(b"<?xml version=\"1.0\"?><svg>", Some(Kind::Text));
        check(b"{\"error\": \"Entry not found\"}", Some(Kind::Json));
        check(b"{broken", Some(Kind::Text));
        check(b"\x1f\x8b\x08\0", Some(Kind::Gzip));
        check(b"PK\x03\x04\x14", Some(Kind::Zip));
        check(b"\x93NUMPY\x01\0", Some(Kind::Npy));
        check(b"\x80\x02\x8a\x0a", Some(Kind::Pickle));
        check(b"RIFF\x10\0\0\0WEBPVP8 ", Some(Kind::Picture));
        check(b"\0\0\0\x18ftypheic", Some(Kind::Picture));
        check(
            &[&[0; 257], b"ustar\0".as_slice()].concat(),
            Some(Kind::Tar),
        );
        check("name,größe\n".as_bytes(), Some(Kind::Text));
        // A character that the limit cuts in two.
        check(&[&[b'a'; 511], "ö".as_bytes()].concat(), Some(Kind::Text));
        for unknown in [&b""[..], b" \n", b"\0\0\x08\x03", b"\xff\xfe\xfd", b"a\0b"] {
            check(unknown, None);
        }
    }

    #[test]
    fn every_prefix_is_survived() {
        for bytes in [
            &b"version https://git-lfs"[..],
            b"RIFF\0\0\0\0WEBP",
            b"\0\0\0\x18ftyp",
        ] {
            for end in 0..=bytes.len() {
                let _ = kind(&bytes[..end]);
            }
        }
    }
}

//! Folders that nobody else can put anything into.

use std::{
    fs::{DirBuilder, Metadata, symlink_metadata},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

/// Permission of everybody to write. A group's is not looked at here: many systems give every user one of his own.
const ANYBODY_WRITES: u32 = 0o002;

/// In a folder with this bit only owners may rename and remove what is theirs.
const STICKY: u32 = 0o1000;

/// Whether a folder belongs to this user and not anybody may write to it, or is yet to be made.
pub fn is_ours_or_missing(folder: &Path) -> bool {
    match std::fs::metadata(folder) {
        Ok(found) => is_ours(&found),
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

fn is_ours(found: &Metadata) -> bool {
    found.is_dir() && found.uid() == geteuid().as_raw() && found.mode() & ANYBODY_WRITES == 0
}

/// The user's own folder among the temporary ones, made if need be, for the user alone to read and
/// write. `None` where somebody else was there before, or could put another in its place.
pub fn temporary(among: &Path) -> Option<PathBuf> {
    let parent = std::fs::metadata(among).ok()?;
    if parent.mode() & 0o022 != 0 && parent.mode() & STICKY == 0 {
        return None;
    }
    let own = among.join(format!("topwork-{}", geteuid().as_raw()));
    // Told apart from one that was there by what it looks like afterwards, so that nobody can be faster.
    let _ = DirBuilder::new().mode(0o700).create(&own);
    // Of the link itself, if it is one: whoever made that decides what it leads to.
    let found = symlink_metadata(&own).ok()?;
    (is_ours(&found) && found.mode() & 0o077 == 0).then_some(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    fn with_mode(folder: &Path, mode: u32) {
        fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_temporary_folder_is_the_users_alone() {
        let among = tempfile::tempdir().unwrap();
        let made = temporary(among.path()).unwrap();
        assert_eq!(fs::metadata(&made).unwrap().mode() & 0o777, 0o700);
        assert_eq!(temporary(among.path()), Some(made.clone()));
        for mode in [0o770, 0o707, 0o755, 0o701] {
            with_mode(&made, mode);
            assert_eq!(temporary(among.path()), None, "{mode:o}");
        }
        fs::remove_dir(&made).unwrap();
        fs::write(&made, "").unwrap();
        assert_eq!(temporary(among.path()), None, "a file");
        fs::remove_file(&made).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        with_mode(elsewhere.path(), 0o700);
        std::os::unix::fs::symlink(elsewhere.path(), &made).unwrap();
        assert_eq!(temporary(among.path()), None, "a link");
    }

    #[test]
    fn where_anybody_may_rename_nothing_is_private() {
        let among = tempfile::tempdir().unwrap();
        with_mode(among.path(), 0o777);
        assert_eq!(temporary(among.path()), None);
        with_mode(among.path(), 0o1777);
        assert!(temporary(among.path()).is_some());
        assert_eq!(temporary(Path::new("/nonexistent")), None);
    }

    #[test]
    fn a_folder_of_somebody_else_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        for (mode, ours) in [(0o700, true), (0o755, true), (0o775, true), (0o777, false)] {
            with_mode(folder.path(), mode);
            assert_eq!(is_ours_or_missing(folder.path()), ours, "{mode:o}");
        }
        assert!(is_ours_or_missing(&folder.path().join("yet-to-be-made")));
        // Only the superuser can give a folder away.
        if geteuid().is_root() {
            with_mode(folder.path(), 0o700);
            std::os::unix::fs::chown(folder.path(), Some(65534), None).unwrap();
            assert!(!is_ours_or_missing(folder.path()));
        }
    }
}

//! The numbers of the standard streams stay taken, whatever plugins close.

use rustix::io::fcntl_getfd;
use rustix::stdio::{stderr, stdin, stdout};
use std::fs::File;
use std::os::fd::{AsRawFd, IntoRawFd};

/// Puts `/dev/null` in the place of a standard stream that a plugin has closed. The next file that this process opens would
/// have its number otherwise: what is printed would go into that file, and a plugin that closes its streams again would
/// close it under its owner.
pub(crate) fn keep_taken() {
    while [stdin(), stdout(), stderr()]
        .into_iter()
        .any(|stream| fcntl_getfd(stream).is_err())
    {
        // The lowest free number is what a file gets.
        match File::options().read(true).write(true).open("/dev/null") {
            Ok(nowhere) if nowhere.as_raw_fd() <= 2 => _ = nowhere.into_raw_fd(),
            _ => return,
        }
    }
}

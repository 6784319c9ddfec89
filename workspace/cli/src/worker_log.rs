//! What a worker and its plugins print: copied into the run's `worker.log`, up to a limit.
//!
//! The worker writes into a pipe that is read to its end whatever becomes of the file, so that it
//! never waits for a disk, and an endless printer fills neither the disk nor anybody's memory.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
    process::Stdio,
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

/// The log's largest size in bytes, over all workers of a run.
const LARGEST: u64 = 16 << 20;

/// Stands at the end of a log that has reached [`LARGEST`].
const FULL: &str = "\ntopwork: more than 16 MiB were printed; the rest is not kept\n";

/// How long the copying may take to end after the worker has: a process that a plugin started may
/// hold the pipe open for ever.
const PATIENCE: Duration = Duration::from_secs(1);

/// The copying of one worker's output.
pub struct WorkerLog {
    ended: Receiver<()>,
}

impl WorkerLog {
    /// Opens the log at `path` for appending. The two ends are the worker's stdout and stderr.
    pub fn open(path: &Path) -> io::Result<(Self, Stdio, Stdio)> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let room = LARGEST.saturating_sub(file.metadata()?.len());
        let (output, stdout) = io::pipe()?;
        let stderr = stdout.try_clone()?;
        let (end, ended) = channel();
        thread::spawn(move || {
            copy(output, Kept { file, room });
            let _ = end.send(());
        });
        Ok((Self { ended }, stdout.into(), stderr.into()))
    }

    /// Waits until everything printed is in the file. Comes after the worker's end.
    pub fn finish(self) {
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

/// The file and the bytes it may still grow by.
struct Kept {
    file: File,
    room: u64,
}

fn copy(mut output: impl Read, mut kept: Kept) {
    let mut buffer = [0; 64 * 1024];
    let mut visible = Visible::default();
    loop {
        match output.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => kept.append(&visible.of(&buffer[..read])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

impl Kept {
    /// A disk that takes no more is like a full log: the rest is dropped.
    fn append(&mut self, bytes: &[u8]) {
        if self.room == 0 {
            return;
        }
        let fits = bytes
            .len()
            .min(usize::try_from(self.room).unwrap_or(usize::MAX));
        self.room -= fits as u64;
        let mut written = self.file.write_all(&bytes[..fits]);
        if self.room == 0 {
            written = written.and_then(|()| self.file.write_all(FULL.as_bytes()));
        }
        if written.is_err() {
            self.room = 0;
        }
    }
}

/// Control characters made visible, as `cat -v` does: looking at a log must not move a cursor or
/// rename a window.
#[derive(Default)]
struct Visible {
    /// Whether the last byte may begin one of the controls U+0080 to U+009F.
    after_c2: bool,
}

impl Visible {
    fn of(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut shown = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            match byte {
                b'\n' | b'\t' => shown.push(byte),
                0..0x20 | 0x7f => shown.extend([b'^', byte ^ 0x40]),
                0x80..=0x9f if self.after_c2 => shown.push(b'?'),
                _ => shown.push(byte),
            }
            self.after_c2 = byte == 0xc2;
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_of(chunks: &[&[u8]], room: u64) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("worker.log");
        let mut kept = Kept {
            file: File::create(&path).unwrap(),
            room,
        };
        let mut visible = Visible::default();
        for chunk in chunks {
            kept.append(&visible.of(chunk));
        }
        String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned()
    }

    #[test]
    fn what_is_printed_is_kept_up_to_a_limit_and_without_controls() {
        let cases: &[(&[&[u8]], u64, &str)] = &[
            (&[b"one\n", b"two\tx\n"], 100, "one\ntwo\tx\n"),
            (&[b"\x1b[2Jclear\r\x07\x7f"], 100, "^[[2Jclear^M^G^?"),
            (&["übung ≥ 1".as_bytes()], 100, "übung ≥ 1"),
            (&[b"8 bits: \xc2", b"\x9b31m"], 100, "8 bits: \u{fffd}?31m"),
            (
                &[b"12345", b"67890", b"lost"],
                7,
                "1234567\ntopwork: more than 16 MiB were printed; the rest is not kept\n",
            ),
        ];
        for (chunks, room, expected) in cases {
            assert_eq!(log_of(chunks, *room), *expected);
        }
    }

    #[test]
    fn a_pipe_is_read_to_its_end_even_when_the_log_is_full() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("worker.log");
        std::fs::write(&path, vec![b'x'; LARGEST as usize - 10]).unwrap();
        let (log, stdout, stderr) = WorkerLog::open(&path).unwrap();
        let status = std::process::Command::new("sh")
            .args(["-c", "head -c 1000000 /dev/zero; echo last >&2"])
            .stdout(stdout)
            .stderr(stderr)
            .status()
            .unwrap();
        log.finish();
        assert!(status.success());
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.len() as u64, LARGEST + FULL.len() as u64);
        assert!(text.ends_with(&format!("x^@^@^@^@^@{FULL}")));
    }
}

//! What a worker takes of the machine, as `/proc` tells it of the processes of this one.

use std::{fs, time::Instant};

use crate::Process;

/// Clock ticks of a second in `/proc/PID/stat`: the kernel scales them to 100 for programs, whatever its own clock does.
const TICKS: f64 = 100.0;

/// What a process takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Resident memory, bytes.
    pub bytes: u64,
    /// Cores kept busy since it was looked at before; `None` the first time.
    pub cores: Option<f64>,
}

impl Load {
    /// `310 MB, 1.9 cores`.
    pub fn words(&self) -> String {
        let megabytes = self.bytes / 1_000_000;
        match self.cores {
            Some(cores) => format!("{megabytes} MB, {cores:.1} cores"),
            None => format!("{megabytes} MB"),
        }
    }
}

/// Looks at one process again and again.
#[derive(Debug, Default)]
pub struct Meter {
    /// The process, its time on processors in ticks, and when that was read.
    before: Option<(Process, u64, Instant)>,
}

impl Meter {
    /// What the process takes now; `None` where the system does not tell.
    pub fn look(&mut self, process: Process) -> Option<Load> {
        let read = |what: &str| fs::read_to_string(format!("/proc/{}/{what}", process.pid)).ok();
        let bytes = memory(&read("status")?, "VmRSS:")?;
        let (ticks, now) = (busy(&read("stat")?)?, Instant::now());
        let before = self.before.replace((process, ticks, now));
        let cores = before
            .filter(|(known, _, _)| *known == process)
            .map(|(_, earlier, then)| (ticks.saturating_sub(earlier), now - then))
            .filter(|(_, passed)| !passed.is_zero())
            .map(|(ticks, passed)| ticks as f64 / TICKS / passed.as_secs_f64());
        Some(Load { bytes, cores })
    }
}

impl Process {
    /// The largest resident memory of the process so far, in bytes, where `/proc` tells it.
    pub fn peak_memory(self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        memory(&status, "VmHWM:")
    }
}

/// The field of `/proc/PID/status` with this name, which is memory, in bytes.
fn memory(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kilobytes = line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?;
    Some(kilobytes * 1024)
}

/// Time on processors out of `/proc/PID/stat`, ticks: fields 14 and 15, what the program and what the kernel for it took.
fn busy(stat: &str) -> Option<u64> {
    // The second field, the command in parentheses, may itself hold spaces and parentheses.
    let mut fields = stat.get(stat.rfind(')')? + 2..)?.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(ticks()? + ticks()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_system_are_read() {
        let status = "Name:\tworker\nVmHWM:\t  9000 kB\nVmRSS:\t  3000 kB\nThreads:\t2\n";
        assert_eq!(memory(status, "VmRSS:"), Some(3_072_000));
        assert_eq!(memory(status, "VmHWM:"), Some(9_216_000));
        assert_eq!(memory("Name:\tworker\n", "VmRSS:"), None);
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 905 0 2 0 150 25 0 0 20 0 3 0 8 9";
        assert_eq!(busy(stat), Some(175));
        assert_eq!(busy("7 (a) S 1"), None);
    }

    #[test]
    fn a_load_in_words() {
        let load = |cores| Load {
            bytes: 310_400_000,
            cores,
        };
        assert_eq!(load(None).words(), "310 MB");
        assert_eq!(load(Some(1.94)).words(), "310 MB, 1.9 cores");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_lives_has_a_load() {
        let process = Process::of(std::process::id());
        let mut meter = Meter::default();
        let first = meter.look(process).unwrap();
        assert!(process.peak_memory().unwrap() >= first.bytes / 2);
        assert!(first.bytes > 100_000 && first.cores.is_none(), "{first:?}");
        let second = meter.look(process).unwrap();
        assert!(second.cores.is_some(), "{second:?}");
        // Of another process nothing is known from before.
        let other = Process {
            started: Some(0),
            ..process
        };
        assert_eq!(meter.look(other).unwrap().cores, None);
    }
}

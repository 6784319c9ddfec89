//! Which processes look after a run, and whether they still do.

use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use crate::Machine;

/// The processes of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Owner {
    /// The machine they run on.
    pub host: String,
    /// The supervisor, which looks after the worker.
    #[serde(flatten)]
    pub supervisor: Process,
    /// The worker, which computes; `None` before there is one.
    #[serde(default)]
    pub worker: Option<Process>,
}

/// One process, told from a later one with the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Process {
    /// Its process id.
    pub pid: u32,
    /// When it started, in the system's own clock ticks: process ids are reused, the pair is
    /// not. `None` where the system does not tell.
    pub started: Option<u64>,
}

impl Owner {
    /// The calling process as supervisor of the worker with this process id.
    pub fn this_process(worker: Option<u32>) -> Self {
        Self {
            host: Machine::here().host,
            supervisor: Process::of(std::process::id()),
            worker: worker.map(Process::of),
        }
    }

    /// Whether the processes run on this machine, so that they can be asked.
    pub fn is_here(&self) -> bool {
        self.host == Machine::here().host
    }
}

impl Process {
    /// The process that has this id now.
    pub fn of(pid: u32) -> Self {
        Self {
            pid,
            started: start_ticks(pid),
        }
    }

    /// Whether the process is alive. Only asked of a process of this machine.
    pub fn alive(self) -> bool {
        self.id()
            .is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
            && (self.started.is_none() || self.started == start_ticks(self.pid))
    }

    /// Its id, as signals are sent to.
    pub fn id(self) -> Option<Pid> {
        i32::try_from(self.pid).ok().and_then(Pid::from_raw)
    }
}

/// Field 22 of `/proc/PID/stat`: the start time in clock ticks since boot. A process that has
/// ended but was not yet waited for (state `Z`) counts as gone.
fn start_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the command in parentheses, may itself hold spaces and parentheses.
    let mut fields = stat.get(stat.rfind(')')? + 2..)?.split(' ');
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_from_another_with_its_number() {
        let me = Process::of(std::process::id());
        assert!(me.alive());
        if let Some(started) = me.started {
            let other = Process {
                started: Some(started + 1),
                ..me
            };
            assert!(!other.alive());
        }
    }

    #[test]
    fn an_ended_process_is_gone() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let process = Process::of(child.id());
        assert!(process.alive());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!process.alive());
    }

    #[test]
    fn an_owner_without_a_worker_is_read() {
        let owner: Owner =
            serde_json::from_str(r#"{"host": "a", "pid": 7, "started": 9}"#).unwrap();
        assert_eq!(
            owner,
            Owner {
                host: "a".into(),
                supervisor: Process {
                    pid: 7,
                    started: Some(9)
                },
                worker: None
            }
        );
    }
}

//! Which processes look after a run, and whether they still do.

use std::sync::OnceLock;

use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use crate::Machine;

/// The processes of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Owner {
    /// The machine they run on.
    pub host: String,
    /// What tells it from others of this name, and whose numbers of processes they are; `None` in earlier versions and where the
    /// system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
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
            space: process_space().map(str::to_owned),
            supervisor: Process::of(std::process::id()),
            worker: worker.map(Process::of),
        }
    }

    /// Whether the processes run on this machine, so that they can be asked.
    pub fn is_here(&self) -> bool {
        let known = self.space.as_deref().zip(process_space());
        self.host == Machine::here().host && known.is_none_or(|(its, here)| its == here)
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

/// The boot of the machine, and the namespace in which processes have their numbers: two machines, or two containers of one, may have
/// the same name.
fn process_space() -> Option<&'static str> {
    static SPACE: OnceLock<Option<String>> = OnceLock::new();
    let space = SPACE.get_or_init(|| {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
        Some(format!("{} {}", boot.trim(), namespace.display()))
    });
    space.as_deref()
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
    fn machines_of_one_name_are_told_apart() {
        let here = Owner::this_process(None);
        assert!(here.is_here());
        let earlier_version = Owner {
            space: None,
            ..here.clone()
        };
        assert!(earlier_version.is_here());
        if here.space.is_some() {
            let other = Owner {
                space: Some("another boot pid:[1]".to_owned()),
                ..here.clone()
            };
            assert!(!other.is_here());
        }
        let host = format!("not-{}", here.host);
        assert!(!Owner { host, ..here }.is_here());
    }

    #[test]
    fn an_owner_without_a_worker_is_read() {
        let owner: Owner =
            serde_json::from_str(r#"{"host": "a", "pid": 7, "started": 9}"#).unwrap();
        assert_eq!(
            owner,
            Owner {
                host: "a".into(),
                space: None,
                supervisor: Process {
                    pid: 7,
                    started: Some(9)
                },
                worker: None
            }
        );
    }
}

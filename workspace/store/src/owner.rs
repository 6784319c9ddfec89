//! Which process looks after a run, and whether it still does.

use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use crate::Machine;

/// The supervising process of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Owner {
    /// The machine it runs on.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    /// When that process started, in the system's own clock ticks: process ids are reused,
    /// the pair is not. `None` where the system does not tell.
    pub started: Option<u64>,
}

impl Owner {
    /// The calling process.
    pub fn this_process() -> Self {
        let pid = std::process::id();
        Self {
            host: Machine::here().host,
            pid,
            started: start_ticks(pid),
        }
    }

    /// Whether the process is alive. `None` when it lives on another machine and cannot be asked.
    pub fn alive(&self) -> Option<bool> {
        if self.host != Machine::here().host {
            return None;
        }
        let there = i32::try_from(self.pid)
            .ok()
            .and_then(Pid::from_raw)
            .is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok());
        Some(there && (self.started.is_none() || self.started == start_ticks(self.pid)))
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
        let me = Owner::this_process();
        assert_eq!(me.alive(), Some(true));
        assert_eq!(
            Owner {
                host: "elsewhere".into(),
                ..me.clone()
            }
            .alive(),
            None
        );
        if let Some(started) = me.started {
            assert_eq!(
                Owner {
                    started: Some(started + 1),
                    ..me
                }
                .alive(),
                Some(false)
            );
        }
    }

    #[test]
    fn an_ended_process_is_gone() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let owner = Owner {
            pid: child.id(),
            started: start_ticks(child.id()),
            ..Owner::this_process()
        };
        assert_eq!(owner.alive(), Some(true));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(owner.alive(), Some(false));
    }
}

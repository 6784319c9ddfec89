//! Who does a task, where several might: a file made by one of them alone, which holds as long as that one lives.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use crate::{Owner, RunFolder, StoreError};

/// An element on another machine that has given no sign of life for so long is taken for dead. That is measured by the clock of
/// whoever looks: those of machines differ.
const SIGN_OF_LIFE: Duration = Duration::from_millis(crate::heartbeat::SIGN_OF_LIFE);

/// The claims of one element.
pub struct Claims {
    run: RunFolder,
    me: String,
    /// The file that claims are links to, once there is one: whoever finds a claim finds a name in it.
    draft: OnceLock<PathBuf>,
    /// The beats of other elements' hearts, and when each was seen first.
    seen: Mutex<HashMap<String, (u64, Instant)>>,
}

/// What came of asking for a task.
pub enum Claimed {
    /// Nobody else does it while this is kept.
    Mine(Claim),
    /// This element does it.
    By(String),
}

/// Charge of a task; ends when it is dropped.
pub struct Claim(PathBuf);

impl Drop for Claim {
    fn drop(&mut self) {
        // One that stays is that of a dead element, which anyone may take.
        let _ = fs::remove_file(&self.0);
    }
}

impl Claims {
    /// Those of the element whose view of a run `folder` is.
    pub fn of(folder: &RunFolder) -> Self {
        Self {
            run: folder.whole(),
            me: folder.element_name().unwrap_or_default().to_owned(),
            draft: OnceLock::new(),
            seen: Mutex::default(),
        }
    }

    /// Asks for a task, whose name is safe in a file's.
    pub fn ask(&self, task: &str) -> Result<Claimed, StoreError> {
        let path = self.folder().join(task);
        let fail = |error: io::Error| StoreError::io("write", &path, &error);
        let draft = self.draft().map_err(fail)?;
        loop {
            match fs::hard_link(draft, &path) {
                Ok(()) => return Ok(Claimed::Mine(Claim(path))),
                // Somebody has tidied up.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.write_draft(draft).map_err(fail)?;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(fail(error)),
            }
            let holder = match fs::read_to_string(&path) {
                Ok(holder) => holder,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(fail(error)),
            };
            if holder == self.me {
                // Of an earlier session: who looks after this one holds the element's lock.
                return Ok(Claimed::Mine(Claim(path)));
            }
            if self.lives(&holder) {
                return Ok(Claimed::By(holder));
            }
            self.remove(&path, &holder).map_err(fail)?;
        }
    }

    fn folder(&self) -> PathBuf {
        self.run.path().join("claims")
    }

    fn draft(&self) -> io::Result<&Path> {
        if let Some(draft) = self.draft.get() {
            return Ok(draft);
        }
        let draft = (self.draft).get_or_init(|| self.folder().join(format!("of.{}", self.me)));
        self.write_draft(draft)?;
        Ok(draft)
    }

    fn write_draft(&self, draft: &Path) -> io::Result<()> {
        fs::create_dir_all(self.folder())?;
        fs::write(draft, &self.me)
    }

    /// Whether an element is there, as far as can be told from here.
    pub fn lives(&self, name: &str) -> bool {
        let element = self.run.element(name);
        match element.owner() {
            Some(owner) if owner.is_here() => owner.lives(),
            owner => {
                let beats = element.heartbeat().map_or(0, |beat| beat.beats);
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                let last = seen
                    .entry(name.to_owned())
                    .or_insert((beats, Instant::now()));
                if last.0 != beats {
                    *last = (beats, Instant::now());
                }
                (owner.is_some() || beats > 0 || last.1.elapsed() < SIGN_OF_LIFE / 3)
                    && last.1.elapsed() < SIGN_OF_LIFE
            }
        }
    }

    /// Takes away the claim of a dead element. Of several who try one succeeds; a claim that another has made meanwhile is put back.
    fn remove(&self, path: &Path, holder: &str) -> io::Result<()> {
        let aside = path.with_extension(format!("{}-took", self.me));
        match fs::rename(path, &aside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            moved => moved?,
        }
        if fs::read_to_string(&aside)? != holder {
            // Fails where the next one has come already: then both do the task, which costs time and changes nothing.
            let _ = fs::hard_link(&aside, path);
        }
        fs::remove_file(&aside)
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        if let Some(draft) = self.draft.get() {
            // One that stays is small, and the element's next process writes it anew.
            let _ = fs::remove_file(draft);
        }
    }
}

impl Owner {
    /// Whether one of its processes is alive. Only asked of those of this machine.
    pub fn lives(&self) -> bool {
        self.supervisor.alive() || self.worker.is_some_and(|worker| worker.alive())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Process;

    fn alive(folder: &RunFolder, name: &str, lives: bool) -> RunFolder {
        let element = folder.of_element(name).unwrap();
        let mut owner = Owner::this_process(None);
        if !lives {
            owner.supervisor = Process {
                started: Some(1),
                ..owner.supervisor
            };
        }
        element.write_owner(&owner).unwrap();
        element
    }

    #[test]
    fn one_does_a_task_until_it_is_dropped() {
        let temp = tempfile::tempdir().unwrap();
        let run = RunFolder::at(temp.path());
        let [a, b] = ["0-a", "0-b"].map(|name| Claims::of(&alive(&run, name, true)));
        let Claimed::Mine(claim) = a.ask("t").unwrap() else {
            panic!("nobody else asked");
        };
        assert!(matches!(b.ask("t").unwrap(), Claimed::By(name) if name == "0-a"));
        assert!(matches!(b.ask("other").unwrap(), Claimed::Mine(_)));
        drop(claim);
        assert!(matches!(b.ask("t").unwrap(), Claimed::Mine(_)));
    }

    #[test]
    fn the_claim_of_a_dead_one_is_taken_by_one_of_many() {
        let temp = tempfile::tempdir().unwrap();
        let run = RunFolder::at(temp.path());
        let dead = Claims::of(&alive(&run, "0-dead", false));
        let Claimed::Mine(claim) = dead.ask("t").unwrap() else {
            panic!("nobody else asked");
        };
        std::mem::forget(claim);
        let all: Vec<Claims> = (0..8)
            .map(|index| Claims::of(&alive(&run, &format!("0-{index}"), true)))
            .collect();
        let taken: Vec<Claimed> = std::thread::scope(|scope| {
            let asked: Vec<_> = (all.iter())
                .map(|claims| scope.spawn(move || claims.ask("t").unwrap()))
                .collect();
            asked
                .into_iter()
                .map(|asked| asked.join().unwrap())
                .collect()
        });
        let mine = taken
            .iter()
            .filter(|claimed| matches!(claimed, Claimed::Mine(_)));
        assert_eq!(mine.count(), 1);
        let left = std::fs::read_dir(temp.path().join("claims"))
            .unwrap()
            .count();
        // Beside what the claims are links to.
        assert_eq!(left, 1 + all.len() + 1);
        drop((taken, all, dead));
        let left = std::fs::read_dir(temp.path().join("claims"))
            .unwrap()
            .count();
        assert_eq!(left, 0);
    }

    #[test]
    fn an_element_finds_its_own_claim_again() {
        let temp = tempfile::tempdir().unwrap();
        let run = RunFolder::at(temp.path());
        let claims = Claims::of(&alive(&run, "0-a", true));
        let Claimed::Mine(claim) = claims.ask("t").unwrap() else {
            panic!("nobody else asked");
        };
        std::mem::forget(claim);
        assert!(matches!(claims.ask("t").unwrap(), Claimed::Mine(_)));
    }
}

//! Runs' files as they grow, read by a thread of its own.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender},
    time::Duration,
};

use topwork_events::{Event as RunEvent, Record, RunState};
use topwork_store::{EventReader, Meter, Owner, RunFolder, Standing, open_at_tail};

use crate::event::Event;

/// How often files are looked at.
const POLL: Duration = Duration::from_millis(100);

/// So many polls later a run that has ended is looked at again, as somebody may take it up, and
/// one that has not is asked whether it is still there.
const LOOK: u32 = 10;

/// At most so many records come as one event: a key that is pressed meanwhile waits for one of
/// them.
const BATCH: usize = 2_000;

/// At most so many bytes of a log are read from its end: more than the lines that are kept.
const LOG_TAIL: u64 = 2 << 20;

/// What the follower is told.
#[derive(Debug)]
pub enum Request {
    /// Tell of this run from its beginning on.
    Follow(RunFolder),
    /// Tell no more of it.
    Unfollow(RunFolder),
}

struct Followed {
    folder: RunFolder,
    events: EventReader,
    printed: Tail,
    /// What the stream says but for its log: enough to see how the run stands.
    state: RunState,
    standing: Option<Standing>,
    meter: Meter,
    /// Why the event file could not be read, as told last.
    trouble: Option<String>,
}

/// Tells of all runs followed until nobody listens any more.
pub fn follow(requests: &Receiver<Request>, events: &Sender<Event>) {
    let mut runs: Vec<Followed> = Vec::new();
    let mut round = 0_u32;
    loop {
        for run in &mut runs {
            let look = round.is_multiple_of(LOOK);
            if (run.state.ending.is_none() || look) && run.tell(events, look).is_err() {
                return;
            }
        }
        round = round.wrapping_add(1);
        match requests.recv_timeout(POLL) {
            Ok(Request::Follow(folder)) => {
                if !runs.iter().any(|run| run.folder == folder) {
                    runs.push(Followed::new(folder));
                }
                round = 0;
            }
            Ok(Request::Unfollow(folder)) => runs.retain(|run| run.folder != folder),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Nobody listens any more.
struct Unheard;

impl Followed {
    fn new(folder: RunFolder) -> Self {
        Self {
            events: folder.event_reader(),
            printed: Tail::new(folder.log_path()),
            folder,
            state: RunState::default(),
            standing: None,
            meter: Meter::default(),
            trouble: None,
        }
    }

    fn tell(&mut self, events: &Sender<Event>, mut look: bool) -> Result<(), Unheard> {
        let send = |event| events.send(event).map_err(|_| Unheard);
        // Of a long run that is over that comes first: to read all it said takes its time.
        if self.state.plan.is_none()
            && self.standing.is_none()
            && let Some(record) = self.folder.last_record()
        {
            let standing = self.folder.standing(&RunState::from_records([&record]));
            if !standing.is_live() {
                self.standing = Some(standing.clone());
                send(Event::Stands(self.folder.clone(), standing))?;
            }
        }
        loop {
            match self.events.next_batch(BATCH) {
                Ok(records) if records.is_empty() => break,
                Ok(records) => {
                    let heard = |record: &&Record| !matches!(record.event, RunEvent::Log { .. });
                    for record in records.iter().filter(heard) {
                        self.state.apply(record);
                        // What it stood like before holds no longer.
                        look |= matches!(record.event, RunEvent::RunResumed { .. });
                    }
                    send(Event::Records(self.folder.clone(), records))?;
                }
                Err(error) => {
                    let trouble = error.to_string();
                    if self.trouble.as_ref() != Some(&trouble) {
                        self.trouble = Some(trouble.clone());
                        send(Event::Unreadable(self.folder.clone(), trouble))?;
                    }
                    break;
                }
            }
        }
        if look && self.state.ending.is_none() {
            let standing = self.folder.standing(&self.state);
            if self.standing.as_ref() != Some(&standing) {
                self.standing = Some(standing.clone());
                send(Event::Stands(self.folder.clone(), standing))?;
            }
            let owner = self.folder.owner().filter(Owner::is_here);
            let worker = owner.and_then(|owner| owner.worker);
            if let Some(load) = worker.and_then(|worker| self.meter.look(worker)) {
                send(Event::Works(self.folder.clone(), load))?;
            }
        }
        let lines = self.printed.lines();
        if !lines.is_empty() {
            send(Event::Printed(self.folder.clone(), lines))?;
        }
        Ok(())
    }
}

/// The lines of a text file as it grows; of a large one its end.
struct Tail {
    path: PathBuf,
    file: Option<File>,
    rest: Vec<u8>,
}

impl Tail {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            rest: Vec::new(),
        }
    }

    /// The lines written since the last call. A file that cannot be read has none: what the run
    /// comes to is told by its events.
    fn lines(&mut self) -> Vec<String> {
        if self.file.is_none() {
            self.file = open_at_tail(&self.path, LOG_TAIL).ok();
        }
        let Some(file) = &mut self.file else {
            return Vec::new();
        };
        if let Err(error) = file.read_to_end(&mut self.rest)
            && error.kind() != ErrorKind::Interrupted
        {
            self.file = None;
        }
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            return Vec::new();
        };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        String::from_utf8_lossy(&whole)
            .lines()
            .map(|line| line.chars().filter(|c| !c.is_control()).collect())
            .collect()
    }
}

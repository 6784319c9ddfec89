//! The loop: events over a channel, at most 30 frames a second, and none when nothing changed.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use crossterm::event as input;
use topwork_store::{RunFolder, now};

use crate::{
    app::{App, Notice},
    event::{Effect, Event},
    follow::{self, Request},
    graphics::{Graphics, Pictures},
    jobs::{self, Control, Job},
    terminal::Screen,
    theme::Theme,
    update::update,
};

/// The shortest time between two frames.
const FRAME: Duration = Duration::from_millis(33);

/// How often the time is told.
const TICK: Duration = Duration::from_secs(1);

/// How long the input thread waits before it looks whether it is still wanted.
const INPUT_WAIT: Duration = Duration::from_millis(100);

/// How to show a run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Colours and characters.
    pub theme: Theme,
}

/// How the dashboard was left.
#[derive(Clone, Debug, PartialEq)]
pub struct Leave {
    /// The run that was shown last.
    pub run: RunFolder,
}

/// What keeps the dashboard from being shown.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// The terminal cannot be read or written.
    #[error("cannot use the terminal: {0}")]
    Terminal(#[from] io::Error),
    /// A thread of the dashboard broke down; it has said why on stderr.
    #[error("the dashboard broke down")]
    Broken,
}

/// Shows a run, live or ended, until the user leaves. Blocks; the run goes on without it.
///
/// # Errors
/// When the terminal cannot be used, or the dashboard breaks down. The terminal is given back
/// in every case.
pub fn watch(
    run: &RunFolder,
    options: &Options,
    control: Arc<dyn Control>,
) -> Result<Leave, TuiError> {
    let (events, inbox) = mpsc::channel();
    let wanted = Arc::new(AtomicBool::new(true));
    let signals = hear_signals(&events)?;
    let mut screen = Screen::open(&format!("topwork {}", run.id()))?;
    let (columns, rows) = screen.size();
    let mut app = App::new(run.clone(), options.theme, columns, rows, now());
    match Graphics::of_terminal(options.theme) {
        Ok(None) => {}
        Ok(Some(graphics)) => {
            app.pictures = Pictures::wanted();
            screen.with_images(graphics);
        }
        Err(text) => app.notice = Some(Notice { text, bad: true }),
    }
    // Before any file is touched.
    screen.draw(&app)?;
    let outside = Outside::start(&events, control, &wanted);
    outside.follow(run);
    let clock = Clock {
        behind: run.clock_behind(),
    };
    let outcome = run_loop(
        &mut app,
        &mut screen,
        &mut Inbox::of(inbox),
        &outside,
        clock,
    );
    wanted.store(false, Ordering::Relaxed);
    signals.close();
    drop(screen);
    outcome?;
    let shown = app.run();
    Ok(Leave {
        run: shown.map_or_else(|| run.clone(), |shown| shown.folder.clone()),
    })
}

fn run_loop(
    app: &mut App,
    screen: &mut Screen,
    inbox: &mut Inbox,
    outside: &Outside,
    clock: Clock,
) -> Result<(), TuiError> {
    let mut drawn = Instant::now();
    let mut ticked = Instant::now();
    loop {
        let next_frame = app.changed.then(|| FRAME.saturating_sub(drawn.elapsed()));
        let next_tick = TICK.saturating_sub(ticked.elapsed());
        let wait = next_frame.map_or(next_tick, |frame| frame.min(next_tick));
        let event = inbox.next(wait)?;
        let mut events: Vec<Event> = event.into_iter().collect();
        if ticked.elapsed() >= TICK {
            ticked = Instant::now();
            events.push(Event::Tick(clock.now()));
        }
        for event in events {
            if matches!(event, Event::Broken) {
                return Err(TuiError::Broken);
            }
            for effect in update(app, event) {
                match effect {
                    Effect::Leave => return Ok(()),
                    Effect::Suspend => {
                        screen.suspend()?;
                        let (columns, rows) = screen.size();
                        update(app, Event::Resize(columns, rows));
                    }
                    Effect::Retake => {
                        screen.retake()?;
                        let (columns, rows) = screen.size();
                        update(app, Event::Resize(columns, rows));
                    }
                    Effect::Follow(run) => outside.follow(&run),
                    Effect::Unfollow(run) => outside.unfollow(run),
                    Effect::Job(job) => outside.work(job),
                }
            }
        }
        if app.changed && drawn.elapsed() >= FRAME {
            if std::mem::take(&mut app.spoilt) {
                screen.forget()?;
            }
            screen.draw(app)?;
            app.changed = false;
            drawn = Instant::now();
        }
    }
}

/// What has come in and is not taken yet. Keys and signals go before the records of runs, of which
/// there may be seconds' worth: whoever looks at a large run can leave it at once.
struct Inbox {
    events: Receiver<Event>,
    first: VecDeque<Event>,
    later: VecDeque<Event>,
}

impl Inbox {
    fn of(events: Receiver<Event>) -> Self {
        Self {
            events,
            first: VecDeque::new(),
            later: VecDeque::new(),
        }
    }

    fn put(&mut self, event: Event) {
        match event {
            Event::Records(..) | Event::Printed(..) | Event::Stands(..) | Event::Unreadable(..) => {
                self.later.push_back(event);
            }
            _ => self.first.push_back(event),
        }
    }

    /// The next event, if one comes in this time.
    fn next(&mut self, wait: Duration) -> Result<Option<Event>, TuiError> {
        while let Ok(event) = self.events.try_recv() {
            self.put(event);
        }
        if self.first.is_empty() && self.later.is_empty() {
            match self.events.recv_timeout(wait) {
                Ok(event) => self.put(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(TuiError::Broken),
            }
        }
        Ok(self.first.pop_front().or_else(|| self.later.pop_front()))
    }
}

/// The threads that work for the loop.
struct Outside {
    requests: Sender<Request>,
    jobs: Sender<Job>,
}

impl Outside {
    fn start(events: &Sender<Event>, control: Arc<dyn Control>, wanted: &Arc<AtomicBool>) -> Self {
        let (requests, to_follow) = mpsc::channel();
        let (jobs, to_do) = mpsc::channel();
        start(events, move |events| follow::follow(&to_follow, events));
        start(events, move |events| jobs::work(&to_do, &control, events));
        let wanted = Arc::clone(wanted);
        start(events, move |events| hear_input(events, &wanted));
        Self { requests, jobs }
    }

    // A thread that has broken down has said so through the channel of events.
    fn follow(&self, run: &RunFolder) {
        let _ = self.requests.send(Request::Follow(run.clone()));
    }

    fn unfollow(&self, run: RunFolder) {
        let _ = self.requests.send(Request::Unfollow(run));
    }

    fn work(&self, job: Job) {
        let _ = self.jobs.send(job);
    }
}

/// Starts a thread whose panic is told as an event.
fn start(events: &Sender<Event>, work: impl FnOnce(&Sender<Event>) + Send + 'static) {
    struct Guard(Sender<Event>);
    impl Drop for Guard {
        fn drop(&mut self) {
            if thread::panicking() {
                let _ = self.0.send(Event::Broken);
            }
        }
    }
    let guard = Guard(events.clone());
    thread::spawn(move || work(&guard.0));
}

/// Passes on what the terminal sends while it is wanted.
fn hear_input(events: &Sender<Event>, wanted: &AtomicBool) {
    while wanted.load(Ordering::Relaxed) {
        let event =
            match input::poll(INPUT_WAIT).and_then(|there| there.then(input::read).transpose()) {
                Ok(None) => continue,
                Ok(Some(input::Event::Key(key))) if key.kind != input::KeyEventKind::Release => {
                    Event::Key(key)
                }
                Ok(Some(input::Event::Mouse(mouse))) => Event::Mouse(mouse),
                Ok(Some(input::Event::Paste(text))) => Event::Paste(text),
                Ok(Some(input::Event::Resize(columns, rows))) => Event::Resize(columns, rows),
                Ok(Some(_)) => continue,
                // The terminal is gone: nobody is left to watch.
                Err(_) => Event::Terminated,
            };
        let last = matches!(event, Event::Terminated);
        if events.send(event).is_err() || last {
            return;
        }
    }
}

/// Passes on requests to end or to suspend.
#[cfg(unix)]
fn hear_signals(events: &Sender<Event>) -> io::Result<signal_hook::iterator::Handle> {
    use signal_hook::{
        consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP},
        iterator::Signals,
    };
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGTSTP, SIGCONT])?;
    let handle = signals.handle();
    start(events, move |events| {
        for signal in signals.forever() {
            let event = match signal {
                SIGTSTP => Event::SuspendAsked,
                SIGCONT => Event::Resumed,
                _ => Event::Terminated,
            };
            if events.send(event).is_err() {
                return;
            }
        }
    });
    Ok(handle)
}

/// The clock that a run's times are told by.
#[derive(Clone, Copy)]
struct Clock {
    /// By how much this machine's is behind it, milliseconds.
    behind: i64,
}

impl Clock {
    fn now(self) -> u64 {
        now().saturating_add_signed(self.behind)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn keys_and_signals_go_first() {
        let (sender, events) = mpsc::channel();
        let run = RunFolder::at("runs/0001-large");
        for event in [
            Event::Records(run.clone(), Vec::new()),
            Event::Printed(run, Vec::new()),
            Event::Resize(80, 24),
            Event::Terminated,
        ] {
            sender.send(event).unwrap();
        }
        let mut inbox = Inbox::of(events);
        let mut next = || inbox.next(Duration::ZERO).unwrap();
        assert!(matches!(next(), Some(Event::Resize(80, 24))));
        assert!(matches!(next(), Some(Event::Terminated)));
        assert!(matches!(next(), Some(Event::Records(..))));
        assert!(matches!(next(), Some(Event::Printed(..))));
        assert!(next().is_none());
        drop(sender);
        assert!(matches!(inbox.next(Duration::ZERO), Err(TuiError::Broken)));
    }
}

//! A program on a terminal: keys go in, the screen is read back.

use std::{
    io::{Read, Write},
    num::NonZero,
    process::Command,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long something may take to appear on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pseudo-terminal with a program on it.
pub struct Terminal {
    screen: Arc<Mutex<vt100::Parser>>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Starts a command on a terminal of this many columns and rows.
    pub fn start(command: &Command, columns: u16, rows: u16) -> Self {
        let pair = native_pty_system()
            .openpty(size(columns, rows))
            .expect("a pseudo-terminal");
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.cwd(command.get_current_dir().expect("a folder to run in"));
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => builder.env(name, value),
                None => builder.env_remove(name),
            }
        }
        builder.env("TERM", "xterm-256color");
        let child = pair
            .slave
            .spawn_command(builder)
            .expect("a started program");
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(
            cells(rows),
            cells(columns),
            0,
        )));
        let mut output = pair
            .master
            .try_clone_reader()
            .expect("the terminal's output");
        let drawn = Arc::clone(&screen);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                drawn.lock().expect("a screen").process(&bytes[..read]);
            }
        });
        Self {
            screen,
            keys: pair.master.take_writer().expect("the terminal's input"),
            child,
            master: pair.master,
        }
    }

    /// Types.
    pub fn send(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("typed keys");
        self.keys.flush().expect("typed keys");
    }

    /// Sends the program a signal: `-TERM`.
    pub fn signal(&self, name: &str) {
        let id = self.child.process_id().expect("a process").to_string();
        let status = Command::new("kill").args([name, &id]).status();
        assert!(status.expect("a signal").success());
    }

    /// Changes the terminal's size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        let mut screen = self.screen.lock().expect("a screen");
        screen.screen_mut().set_size(cells(rows), cells(columns));
        self.master.resize(size(columns, rows)).expect("a new size");
    }

    /// What is on the screen.
    pub fn screen(&self) -> String {
        self.screen.lock().expect("a screen").screen().contents()
    }

    /// Whether a program has taken the whole screen for itself.
    pub fn is_taken(&self) -> bool {
        self.screen
            .lock()
            .expect("a screen")
            .screen()
            .alternate_screen()
    }

    /// Waits until the screen holds `text`, and gives the screen.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait(text, |screen| screen.contains(text))
    }

    /// Waits until the screen no longer holds `text`.
    pub fn wait_without(&self, text: &str) -> String {
        self.wait(text, |screen| !screen.contains(text))
    }

    fn wait(&self, text: &str, fits: impl Fn(&str) -> bool) -> String {
        let limit = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if fits(&screen) {
                return screen;
            }
            assert!(
                Instant::now() < limit,
                "waited in vain for `{text}`:\n{screen}"
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the program's end, and gives its exit code.
    pub fn end(&mut self) -> u32 {
        let limit = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the program's end") {
                return status.exit_code();
            }
            assert!(
                Instant::now() < limit,
                "it does not end:\n{}",
                self.screen()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).expect("a terminal with cells")
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

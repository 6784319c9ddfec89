//! The terminal, borrowed: raw mode and the other screen while it is ours, and given back as
//! it was whatever happens.

use std::{
    io::{self, Stdout, Write, stdout},
    sync::atomic::{AtomicBool, Ordering},
};

use crossterm::{
    cursor::{Hide, Show},
    event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture},
    execute, queue,
    terminal::{
        BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
        SetTitle, disable_raw_mode, enable_raw_mode,
    },
};
use ratatui::{Terminal, backend::CrosstermBackend};

use crate::{app::App, draw::draw, graphics::Graphics};

/// Whether the terminal is in our hands: a panic hook has to know.
static OURS: AtomicBool = AtomicBool::new(false);

/// Our screen. Dropping it gives the terminal back.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    /// What draws images, where the terminal can, and the size of the screen they were made for.
    images: Option<(Graphics, (u16, u16))>,
}

impl Screen {
    /// Takes the terminal.
    pub fn open(title: &str) -> io::Result<Self> {
        give_back_on_panic();
        take()?;
        execute!(stdout(), SetTitle(title))?;
        let terminal =
            Terminal::new(CrosstermBackend::new(stdout())).inspect_err(|_| give_back())?;
        Ok(Self {
            terminal,
            images: None,
        })
    }

    /// Images are drawn by the terminal itself from here on.
    pub fn with_images(&mut self, images: Graphics) {
        self.images = Some((images, self.size()));
    }

    /// Columns and rows.
    pub fn size(&self) -> (u16, u16) {
        match crossterm::terminal::size() {
            Ok((columns @ 1.., rows @ 1..)) => (columns, rows),
            _ => (80, 24),
        }
    }

    /// Draws a frame; terminals that can show it at once do.
    pub fn draw(&mut self, app: &App) -> io::Result<()> {
        let now = self.size();
        if let Some((images, size)) = &mut self.images
            && *size != now
        {
            *size = now;
            images.forget();
        }
        queue!(stdout(), BeginSynchronizedUpdate)?;
        let drawn = self.terminal.draw(|frame| {
            draw(app, frame.buffer_mut());
            if let Some((images, _)) = &mut self.images {
                images.overlay(&app.pictures.shown(), frame.buffer_mut());
            }
        });
        let drawn = drawn.map(|_| ());
        execute!(stdout(), EndSynchronizedUpdate)?;
        drawn
    }

    /// The next frame is drawn whole: something else has written to the terminal.
    pub fn forget(&mut self) -> io::Result<()> {
        if let Some((images, _)) = &mut self.images {
            images.forget();
        }
        self.terminal.clear()
    }

    /// Takes the terminal again after others had it.
    pub fn retake(&mut self) -> io::Result<()> {
        // Raw mode is only entered by who believes to be out of it.
        give_back();
        take()?;
        self.forget()
    }

    /// Gives the terminal back, suspends the process until it is continued, and takes the
    /// terminal again.
    #[cfg(unix)]
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        take()?;
        self.forget()
    }

    /// There is nothing to suspend to.
    #[cfg(not(unix))]
    pub fn suspend(&mut self) -> io::Result<()> {
        self.forget()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if let Some((images, _)) = &self.images {
            // Where that fails there is no terminal to tidy up.
            let _ = stdout().write_all(images.farewell().as_bytes());
        }
        give_back();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    OURS.store(true, Ordering::SeqCst);
    execute!(
        stdout(),
        EnterAlternateScreen,
        EnableBracketedPaste,
        EnableMouseCapture,
        Hide
    )
    .inspect_err(|_| give_back())
}

/// Gives the terminal back if it is ours. Errors have nobody to be told to: the terminal is gone.
fn give_back() {
    if OURS.swap(false, Ordering::SeqCst) {
        let _ = execute!(
            stdout(),
            DisableMouseCapture,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            Show
        );
        let _ = disable_raw_mode();
        let _ = stdout().flush();
    }
}

/// A panic in any thread is to be read on a terminal in order.
fn give_back_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        before(panic);
    }));
}

//! The dashboard from outside: event streams and keys go in, screens and effects come out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod keys;
mod pictures;
mod samples;
mod screens;
mod several;
mod sizes;
mod streams;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{buffer::Buffer, layout::Rect};
use topwork_events::Record;
use topwork_store::RunFolder;
use topwork_tui::{App, Background, Colours, Effect, Event, Theme, draw, update};

/// No colours, all characters.
pub const PLAIN: Theme = Theme {
    colours: Colours::None,
    background: Background::Dark,
    ascii: false,
};

/// The run of all tests.
pub fn folder() -> RunFolder {
    RunFolder::at("runs/0007-mnist-transfer")
}

/// A dashboard that has heard `records`, a second after the last of them.
pub fn app(records: &[Record], theme: Theme, columns: u16, rows: u16) -> App {
    let now = records.last().map_or(0, |record| record.at) + 1000;
    let mut app = App::new(folder(), theme, columns, rows, now);
    update(&mut app, Event::Records(folder(), records.to_vec()));
    update(&mut app, Event::Tick(now));
    app
}

/// What is drawn.
pub fn buffer(app: &App, columns: u16, rows: u16) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
    draw(app, &mut buffer);
    buffer
}

/// The same as text, without blanks at the ends of lines.
pub fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut covered = 0;
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            // The second half of a wide character is drawn with the first.
            if covered > 0 {
                covered -= 1;
                continue;
            }
            covered = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
            line.push_str(symbol);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Presses keys, given as words: `tab`, `enter`, `ctrl-c`, `x`. Gives what they ask for.
pub fn press(app: &mut App, keys: &str) -> Vec<Effect> {
    keys.split_whitespace()
        .flat_map(|word| update(app, Event::Key(key(word))))
        .collect()
}

fn key(word: &str) -> KeyEvent {
    let (word, modifiers) = match word.strip_prefix("ctrl-") {
        Some(rest) => (rest, KeyModifiers::CONTROL),
        None => (word, KeyModifiers::NONE),
    };
    let code = match word {
        "tab" => KeyCode::Tab,
        "shift-tab" => KeyCode::BackTab,
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "space" => KeyCode::Char(' '),
        "backspace" => KeyCode::Backspace,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "pageup" => KeyCode::PageUp,
        "pagedown" => KeyCode::PageDown,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        _ => {
            let mut characters = word.chars();
            let character = characters.next().unwrap();
            assert_eq!(characters.next(), None, "`{word}` is no key");
            KeyCode::Char(character)
        }
    };
    KeyEvent::new(code, modifiers)
}

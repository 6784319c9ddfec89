//! Confusion: which classes are taken for which.

use ratatui::{buffer::Buffer, layout::Rect};

use crate::{app::App, event::Effect, keys::Action, views::say};

/// What is selected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {}

/// Draws the view.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    say(app, "nothing is measured yet", area, buffer);
}

/// The view has just been turned to.
pub fn shown(_: &mut App) -> Vec<Effect> {
    Vec::new()
}

/// What a key asks for.
pub fn act(_: &mut App, _: Action) -> Vec<Effect> {
    Vec::new()
}

/// The mouse was pressed.
pub fn click(_: &mut App, _: Rect, _: u16, _: u16) {}

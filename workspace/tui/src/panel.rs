//! What views are made of: frames with titles, words where there is nothing else, marks.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::{Block, BorderType, Padding, Widget},
};
use topwork_events::StageStatus;
use topwork_store::Standing;

use crate::{
    text::{fit, line, wrap},
    theme::Theme,
};

/// A frame with a title; gives the room inside, which may be empty.
pub fn panel(theme: Theme, title: &str, area: Rect, buffer: &mut Buffer, focused: bool) -> Rect {
    let style = if focused {
        theme.active()
    } else {
        theme.border()
    };
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(style)
        .padding(Padding::horizontal(1))
        .title(Span::styled(
            format!(
                " {} ",
                fit(title, usize::from(area.width).saturating_sub(4))
            ),
            theme.title(),
        ));
    let inner = block.inner(area);
    block.render(area, buffer);
    inner
}

/// A few words in the middle of an area in which there is nothing else to show.
pub fn say(theme: Theme, text: &str, area: Rect, buffer: &mut Buffer) {
    let columns = usize::from(area.width).min(60);
    let lines = wrap(text, columns);
    let top = usize::from(area.height).saturating_sub(lines.len()) / 2;
    for (row, words) in lines.into_iter().enumerate() {
        let words = Line::styled(words, theme.dim()).centered();
        line(buffer, area, top + row, words);
    }
}

/// A stage's mark and its style.
pub fn stage_mark(theme: Theme, status: StageStatus) -> (&'static str, Style) {
    match status {
        StageStatus::Waiting => ("·", theme.dim()),
        StageStatus::Running => ("▶", theme.active()),
        StageStatus::Done => ("✓", theme.good()),
        StageStatus::Failed => ("✗", theme.bad()),
    }
}

/// A run's mark and its style.
pub fn standing_mark(theme: Theme, standing: &Standing) -> (&'static str, Style) {
    match standing {
        Standing::Running { .. } => ("●", theme.active()),
        Standing::Stalled { .. } => ("●", theme.warning()),
        Standing::Done => ("✓", theme.good()),
        Standing::Stopped => ("■", theme.warning()),
        Standing::Failed { .. } | Standing::Crashed { .. } => ("✗", theme.bad()),
        Standing::NeverStarted | Standing::Queued { .. } => ("○", theme.dim()),
    }
}

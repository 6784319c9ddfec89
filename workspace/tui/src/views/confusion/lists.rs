//! What a matrix comes to class by class, and which classes are taken for each other most.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
};
use topwork_measure::{percent, thousands};

use super::{Matrix, Selection};
use crate::{
    panel::{panel, say},
    text::{fit, line, pad, width},
    theme::Theme,
    views::compare::shown_of,
};

/// Columns of a share: `100.00 %` and a gap.
const SHARE: usize = 10;

/// Columns of a count.
const COUNT: usize = 8;

/// Columns in which both lists stand side by side.
const SIDE_BY_SIDE: u16 = 76;

/// The rows that both lists take, one under the other.
pub fn wanted(matrix: &Matrix) -> usize {
    // Frames and headings.
    matrix.classes() + matrix.confused.len() + 6
}

/// Draws both lists, as many lines of each as there is room for.
pub fn draw(
    theme: Theme,
    selection: &Selection,
    classes: &[String],
    matrix: &Matrix,
    area: Rect,
    buffer: &mut Buffer,
) {
    let count = |lines: usize| u16::try_from(lines).unwrap_or(u16::MAX);
    let [of_classes, confused] = match area.width >= SIDE_BY_SIDE {
        true => Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas::<2>(area),
        false => {
            let whole = count(matrix.classes() + 3);
            let half =
                (area.height / 2).max(area.height.saturating_sub(count(matrix.confused.len() + 3)));
            Layout::vertical([Constraint::Length(whole.min(half)), Constraint::Fill(1)])
                .areas::<2>(area)
        }
    };
    draw_classes(theme, selection, classes, matrix, of_classes, buffer);
    draw_confused(theme, selection, classes, matrix, confused, buffer);
}

/// Recall and precision of every class; where not all have room, those with the lowest recall.
fn draw_classes(
    theme: Theme,
    selection: &Selection,
    classes: &[String],
    matrix: &Matrix,
    area: Rect,
    buffer: &mut Buffer,
) {
    if area.height < 4 {
        return;
    }
    let room = usize::from(area.height) - 3;
    let mut shown: Vec<usize> = (0..matrix.classes()).collect();
    let title = match shown.len() <= room {
        true => "classes".to_owned(),
        false => {
            shown.clone_from(&matrix.by_recall);
            let few = shown_of(shown.len(), area.height - 3).replace("rows", "classes");
            format!("lowest recall{few}")
        }
    };
    let inner = panel(theme, &title, area, buffer, false);
    let figures = 2 * SHARE + COUNT;
    let name = usize::from(inner.width).saturating_sub(figures);
    let head = format!(
        "{}{}{}{}",
        pad("class", name, false),
        pad("recall", SHARE, true),
        pad("precision", SHARE, true),
        pad("images", COUNT, true)
    );
    line(buffer, inner, 0, Line::styled(head, theme.dim()));
    let share = |share: Option<f64>| share.map_or("–".to_owned(), percent);
    for (row, class) in shown.into_iter().take(room).enumerate() {
        let style = match class == selection.truth {
            true => theme.title(),
            false => Style::new(),
        };
        let called = classes.get(class).map_or("", String::as_str);
        let words = format!(
            "{}{}{}{}",
            pad(called, name, false),
            pad(&share(matrix.recall(class)), SHARE, true),
            pad(&share(matrix.precision(class)), SHARE, true),
            pad(&thousands(matrix.total(class)), COUNT, true)
        );
        line(buffer, inner, row + 1, Line::styled(words, style));
    }
}

/// The mistakes that are made most.
fn draw_confused(
    theme: Theme,
    selection: &Selection,
    classes: &[String],
    matrix: &Matrix,
    area: Rect,
    buffer: &mut Buffer,
) {
    if area.height < 4 {
        return;
    }
    let few = shown_of(matrix.mistakes, area.height - 3).replace("rows", "pairs");
    let inner = panel(theme, &format!("most confused{few}"), area, buffer, false);
    if matrix.confused.is_empty() {
        return say(theme, "no image is taken for another class", inner, buffer);
    }
    let name = usize::from(inner.width).saturating_sub(SHARE + COUNT);
    let head = format!(
        "{}{}{}",
        pad("true → taken for", name, false),
        pad("images", COUNT, true),
        pad("of class", SHARE, true)
    );
    line(buffer, inner, 0, Line::styled(head, theme.dim()));
    let called = |class: usize| classes.get(class).map_or("", String::as_str);
    let room = usize::from(inner.height).saturating_sub(1);
    for (row, (truth, predicted, count)) in matrix.confused.iter().take(room).enumerate() {
        let each = name.saturating_sub(width(" → ")) / 2;
        // What one name does not need the other may have.
        let (first, second) = (width(called(*truth)), width(called(*predicted)));
        let both = name.saturating_sub(width(" → "));
        let first = first.min(each.max(both.saturating_sub(second)));
        let names = format!(
            "{} → {}",
            fit(called(*truth), first),
            fit(called(*predicted), both - first)
        );
        let share = *count as f64 / matrix.total(*truth).max(1) as f64;
        let figures = format!(
            "{}{}",
            pad(&thousands(*count), COUNT, true),
            pad(&percent(share), SHARE, true)
        );
        let style = match (*truth, *predicted) == (selection.truth, selection.predicted) {
            true => theme.title(),
            false => Style::new(),
        };
        let spans = vec![
            Span::styled(pad(&names, name, false), style),
            Span::styled(figures, style),
        ];
        line(buffer, inner, row + 1, Line::from(spans));
    }
}

//! What stands in place of a confusion matrix where numbers are predicted: these against the true ones, and the residuals.

use ratatui::{buffer::Buffer, layout::Rect, text::Line};
use topwork_measure::{Against, Interval, OfColumn, TargetKind, Unit};

use crate::{text::line, theme::Theme};

/// Shades of a cell, by how many examples it holds beside the fullest.
const SHADES: [char; 4] = ['░', '▒', '▓', '█'];

/// Rows below the grid: its axis, a heading, the bars and their axis.
const BELOW: u16 = 4;

/// Characters that a grid takes with a blank before it.
const ACROSS: u16 = 50;

/// Draws each column, side by side as far as there is room; of several with its figures above, and at last how many are left out.
pub fn draw(theme: Theme, names: &[String], columns: &[OfColumn], area: Rect, buffer: &mut Buffer) {
    let most = usize::from(area.width / ACROSS).max(1);
    let several = columns.len() > 1;
    for (place, (name, column)) in names.iter().zip(columns).take(most).enumerate() {
        // Fits, as it is a place within the width.
        let left = area.x + ACROSS * place as u16;
        let mut area = Rect {
            x: left,
            width: if several {
                ACROSS.min(area.right() - left)
            } else {
                area.width
            },
            ..area
        };
        if several && area.height > 0 {
            let caption = format!(" {name}: {}", TargetKind::Numbers.told(&column.figures));
            line(buffer, area, 0, Line::styled(caption, theme.title()));
            area.y += 1;
            area.height -= 1;
        }
        let Some(against) = &column.against else {
            continue;
        };
        let drawn = draw_column(theme, name, against, area, buffer);
        let left_out = columns.len().saturating_sub(most);
        if place + 1 == most && left_out > 0 {
            let text = format!(" {left_out} more in a wider terminal");
            self::place(buffer, area, drawn + 1, text, theme);
        }
    }
}

/// Draws the grid, true numbers across and predicted ones upwards, and under it the residuals, where there is room. Gives the row of
/// the grid's axis, below which one is free.
fn draw_column(
    theme: Theme,
    column: &str,
    against: &Against,
    area: Rect,
    buffer: &mut Buffer,
) -> usize {
    let rows = usize::from(area.height.saturating_sub(BELOW));
    let cells = against.cells.len();
    let most = against.cells.iter().flatten().max().copied().unwrap_or(0);
    // From the greatest predicted number down; two characters a cell make it about as wide as high.
    for (row, counts) in against.cells.iter().rev().take(rows).enumerate() {
        let diagonal = cells - 1 - row;
        let text: String = (counts.iter().enumerate())
            .map(|(truth, &count)| match (count, truth == diagonal) {
                (0, true) => "· ".to_owned(),
                (0, false) => "  ".to_owned(),
                (count, _) => shade(count, most).to_string().repeat(2),
            })
            .collect();
        place(buffer, area, row, format!(" {text}"), theme);
    }
    let drawn = cells.min(rows);
    let axis = format!(
        " true {column} across, predicted upwards: {} to {}",
        Unit::OfTarget.text(against.range.low),
        Unit::OfTarget.text(against.range.high)
    );
    place(buffer, area, drawn, axis, theme);
    let most = against.residuals.iter().max().copied().unwrap_or(0);
    let bars: String = (against.residuals.iter())
        .map(|&count| match count {
            0 => "  ".to_owned(),
            count => shade(count, most).to_string().repeat(2),
        })
        .collect();
    place(buffer, area, drawn + 2, format!(" {bars}"), theme);
    let Interval { low, high } = against.residual_range;
    let axis = format!(
        " residuals, predicted less true: {} to {}",
        Unit::OfTarget.text(low),
        Unit::OfTarget.text(high)
    );
    place(buffer, area, drawn + 3, axis, theme);
    drawn
}

fn shade(count: u64, most: u64) -> char {
    let step = (count * SHADES.len() as u64).div_ceil(most.max(1)).max(1) as usize;
    SHADES[step.min(SHADES.len()) - 1]
}

fn place(buffer: &mut Buffer, area: Rect, row: usize, text: String, theme: Theme) {
    if row < usize::from(area.height) {
        line(buffer, area, row, Line::styled(text, theme.dim()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_go_from_the_lightest_to_the_fullest() {
        let found: String = [1, 2, 3, 4].map(|count| shade(count, 4)).iter().collect();
        assert_eq!(found, "░▒▓█");
        assert_eq!((shade(1, 1), shade(1, 1000)), ('█', '░'));
    }
}

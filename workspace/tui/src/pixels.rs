//! Pictures out of characters: two pixels on top of each other in one cell where there are
//! colours and half blocks, a shade of ink per cell elsewhere.

use ratatui::style::{Color, Style};

use crate::theme::{Colours, Theme};

/// Pixels one cell holds, one above the other.
pub fn per_cell(theme: Theme) -> usize {
    if theme.colours == Colours::None || theme.ascii {
        1
    } else {
        2
    }
}

/// A cell of a heat map: one value from 0 to 1 for each of its pixels, top first. Missing
/// pixels stay as the ground is.
pub fn heat(theme: Theme, top: Option<f64>, bottom: Option<f64>) -> (char, Style) {
    if per_cell(theme) == 1 {
        return (top.map_or(' ', |value| theme.shade(value)), Style::new());
    }
    half_blocks(
        top.map(|value| colour(theme, value)),
        bottom.map(|value| colour(theme, value)),
    )
}

/// A cell of an image: two pixels as red, green and blue.
pub fn image(theme: Theme, top: Option<[u8; 3]>, bottom: Option<[u8; 3]>) -> (char, Style) {
    if per_cell(theme) == 1 {
        let lit: Vec<f64> = top.into_iter().chain(bottom).map(luminance).collect();
        let mean = lit.iter().sum::<f64>() / lit.len().max(1) as f64;
        return (theme.shade(mean), Style::new());
    }
    let colour = |pixel: [u8; 3]| match theme.colours {
        Colours::Named => grey(luminance(pixel)),
        _ => theme.rgb(pixel),
    };
    half_blocks(top.map(colour), bottom.map(colour))
}

fn half_blocks(top: Option<Color>, bottom: Option<Color>) -> (char, Style) {
    match (top, bottom) {
        (Some(top), Some(bottom)) => ('▀', Style::new().fg(top).bg(bottom)),
        (Some(top), None) => ('▀', Style::new().fg(top)),
        (None, Some(bottom)) => ('▄', Style::new().fg(bottom)),
        (None, None) => (' ', Style::new()),
    }
}

/// The colour of a value from 0 to 1.
fn colour(theme: Theme, value: f64) -> Color {
    match theme.colours {
        Colours::Named => grey(value),
        _ => theme.heat_colour(value),
    }
}

/// The greys among a terminal's own 16 colours.
fn grey(value: f64) -> Color {
    const GREYS: [Color; 4] = [Color::Black, Color::DarkGray, Color::Gray, Color::White];
    let index = (value.clamp(0.0, 1.0) * 4.0) as usize;
    GREYS[index.min(3)]
}

/// How bright a pixel is, from 0 to 1 (ITU-R BT.601's luma).
fn luminance([red, green, blue]: [u8; 3]) -> f64 {
    (0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue)) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::Background;

    #[test]
    fn cells_by_terminal() {
        let check = |colours, ascii, expected: (char, Style), image_expected: (char, Style)| {
            let background = Background::Dark;
            let theme = Theme {
                colours,
                background,
                ascii,
            };
            assert_eq!(heat(theme, Some(0.0), Some(1.0)), expected, "{theme:?}");
            let (black, red) = (Some([0; 3]), Some([255, 0, 0]));
            assert_eq!(image(theme, black, red), image_expected, "{theme:?}");
        };
        let style = |fg, bg| Style::new().fg(fg).bg(bg);
        check(
            Colours::True,
            false,
            ('▀', style(Color::Rgb(0, 34, 78), Color::Rgb(254, 232, 56))),
            ('▀', style(Color::Rgb(0, 0, 0), Color::Rgb(255, 0, 0))),
        );
        check(
            Colours::Named,
            false,
            ('▀', style(Color::Black, Color::White)),
            ('▀', style(Color::Black, Color::DarkGray)),
        );
        check(
            Colours::None,
            false,
            (' ', Style::new()),
            ('░', Style::new()),
        );
        check(
            Colours::True,
            true,
            (' ', Style::new()),
            ('.', Style::new()),
        );
    }
}

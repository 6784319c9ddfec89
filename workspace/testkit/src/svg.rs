//! A drawn screen as a picture, for documents.

use std::fmt::Write;

use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr;

/// Width and height of a cell, in the picture's units.
const CELL: (f64, f64) = (8.4, 18.0);

/// Around the screen.
const MARGIN: f64 = 12.0;

/// The screen as SVG text. Runs of cells with the same style become one text element, each
/// stretched to its columns so that any monospaced font gives the same picture.
pub fn svg(buffer: &Buffer, dark: bool) -> String {
    let (ground, ink) = match dark {
        true => ("#14181d", "#d8dee6"),
        false => ("#ffffff", "#22272e"),
    };
    let area = buffer.area;
    let (width, height) = (
        f64::from(area.width) * CELL.0 + 2.0 * MARGIN,
        f64::from(area.height) * CELL.1 + 2.0 * MARGIN,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\" shape-rendering=\"crispEdges\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{ground}\"/>\n"
    );
    for y in 0..area.height {
        let mut x = 0;
        while x < area.width {
            let cell = &buffer[(area.x + x, area.y + y)];
            let look = (cell.fg, cell.bg, cell.modifier);
            let mut text = String::new();
            let start = x;
            while x < area.width {
                let next = &buffer[(area.x + x, area.y + y)];
                if (next.fg, next.bg, next.modifier) != look {
                    break;
                }
                text.push_str(next.symbol());
                x += u16::try_from(next.symbol().width().max(1)).unwrap_or(1);
            }
            let (mut fore, mut back) = (colour(look.0, ink), colour(look.1, ground));
            if look.2.contains(Modifier::REVERSED) {
                std::mem::swap(&mut fore, &mut back);
            }
            let left = MARGIN + f64::from(start) * CELL.0;
            let top = MARGIN + f64::from(y) * CELL.1;
            let columns = f64::from(x - start) * CELL.0;
            if back != ground {
                let _ = writeln!(
                    svg,
                    "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{columns:.1}\" height=\"{:.1}\" fill=\"{back}\"/>",
                    CELL.1
                );
            }
            if text.trim().is_empty() {
                continue;
            }
            // Fonts disagree about where a half block begins; a rectangle does not.
            if text.chars().all(|character| character == '▀') {
                if fore != back {
                    let _ = writeln!(
                        svg,
                        "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{columns:.1}\" height=\"{:.1}\" fill=\"{fore}\"/>",
                        CELL.1 / 2.0
                    );
                }
                continue;
            }
            let mut style = String::new();
            if look.2.contains(Modifier::BOLD) {
                style.push_str(" font-weight=\"bold\"");
            }
            if look.2.contains(Modifier::DIM) {
                style.push_str(" opacity=\"0.6\"");
            }
            let _ = writeln!(
                svg,
                "<text x=\"{left:.1}\" y=\"{:.1}\" textLength=\"{columns:.1}\" lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\" fill=\"{fore}\"{style}>{}</text>",
                top + CELL.1 * 0.75,
                escape(&text)
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// A colour for the picture; the terminal's own are those of xterm.
fn colour(colour: Color, otherwise: &str) -> String {
    let hex = |r: u8, g: u8, b: u8| format!("#{r:02x}{g:02x}{b:02x}");
    match colour {
        Color::Reset => otherwise.to_owned(),
        Color::Rgb(r, g, b) => hex(r, g, b),
        Color::Indexed(index @ 16..=231) => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            let cube = index - 16;
            hex(level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        Color::Indexed(index @ 232..) => {
            let grey = 8 + 10 * (index - 232);
            hex(grey, grey, grey)
        }
        Color::Black | Color::Indexed(0) => hex(0, 0, 0),
        Color::Red | Color::Indexed(1) => hex(205, 0, 0),
        Color::Green | Color::Indexed(2) => hex(0, 205, 0),
        Color::Yellow | Color::Indexed(3) => hex(205, 205, 0),
        Color::Blue | Color::Indexed(4) => hex(0, 0, 238),
        Color::Magenta | Color::Indexed(5) => hex(205, 0, 205),
        Color::Cyan | Color::Indexed(6) => hex(0, 205, 205),
        Color::Gray | Color::Indexed(7) => hex(229, 229, 229),
        Color::DarkGray | Color::Indexed(8) => hex(127, 127, 127),
        Color::LightRed | Color::Indexed(9) => hex(255, 0, 0),
        Color::LightGreen | Color::Indexed(10) => hex(0, 255, 0),
        Color::LightYellow | Color::Indexed(11) => hex(255, 255, 0),
        Color::LightBlue | Color::Indexed(12) => hex(92, 92, 255),
        Color::LightMagenta | Color::Indexed(13) => hex(255, 0, 255),
        Color::LightCyan | Color::Indexed(14) => hex(0, 255, 255),
        Color::White | Color::Indexed(15) => hex(255, 255, 255),
    }
}

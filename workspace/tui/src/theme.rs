//! Colours and what they mean. No meaning is carried by colour alone.

use std::env;

use ratatui::style::{Color, Modifier, Style};

/// How many colours the terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// 16 million.
    True,
    /// The 256 of xterm.
    Indexed,
    /// The terminal's own 16.
    Named,
    /// None: `NO_COLOR` or a terminal without.
    None,
}

/// What is behind the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// Light text on dark.
    Dark,
    /// Dark text on light.
    Light,
}

/// How the dashboard looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// How many colours there are.
    pub colours: Colours,
    /// What is behind them.
    pub background: Background,
    /// Only ASCII characters.
    pub ascii: bool,
}

/// Red, green, blue; and the nearest of the terminal's own 16.
type Tone = (u8, u8, u8, Color);

/// Okabe and Ito's palette, told apart with every common colour blindness.
///
/// Source: M. Okabe, K. Ito, "Color Universal Design", 2008, <https://jfly.uni-koeln.de/color/>.
const ON_DARK: [Tone; 7] = [
    (86, 180, 233, Color::LightCyan),
    (230, 159, 0, Color::Yellow),
    (0, 158, 115, Color::Green),
    (204, 121, 167, Color::LightMagenta),
    (240, 228, 66, Color::LightYellow),
    (213, 94, 0, Color::LightRed),
    (0, 114, 178, Color::LightBlue),
];

/// The same hues, darkened to a contrast of at least 3 : 1 on white.
const ON_LIGHT: [Tone; 7] = [
    (0, 114, 178, Color::Blue),
    (170, 105, 0, Color::Yellow),
    (0, 125, 90, Color::Green),
    (165, 80, 130, Color::Magenta),
    (125, 115, 0, Color::DarkGray),
    (190, 75, 0, Color::Red),
    (30, 120, 170, Color::Cyan),
];

/// Cividis at even steps: dark blue over grey to yellow, the same order for every eye and in grey.
///
/// Source: J. R. Nuñez, C. R. Anderton, R. S. Renslow, "Optimizing colormaps with consideration
/// for color vision deficiency", PLOS ONE 13 (2018), e0199239.
const CIVIDIS: [(u8, u8, u8); 9] = [
    (0, 34, 78),
    (18, 53, 112),
    (59, 73, 108),
    (87, 93, 109),
    (112, 113, 115),
    (138, 134, 120),
    (165, 156, 116),
    (195, 179, 105),
    (254, 232, 56),
];

/// Shades where there are no colours, from nothing to full.
const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];

/// The same in ASCII.
const ASCII_SHADES: [char; 10] = [' ', '.', ':', '-', '=', '+', '*', '%', '#', '@'];

impl Theme {
    /// What the environment tells: `NO_COLOR`, `COLORTERM`, `TERM`, `COLORFGBG`.
    pub fn from_environment(ascii: bool) -> Self {
        let variable = |name: &str| env::var(name).unwrap_or_default();
        Self::detect(variable, ascii)
    }

    fn detect(variable: impl Fn(&str) -> String, ascii: bool) -> Self {
        let term = variable("TERM");
        let colours = if !variable("NO_COLOR").is_empty() || term == "dumb" {
            Colours::None
        } else if ["truecolor", "24bit"].contains(&variable("COLORTERM").as_str())
            || term.ends_with("-direct")
        {
            Colours::True
        } else if term.contains("256color") {
            Colours::Indexed
        } else {
            Colours::Named
        };
        // `foreground;background` in the numbers of the 16 colours, set by several terminals.
        let fgbg = variable("COLORFGBG");
        let behind = fgbg.rsplit(';').next().and_then(|n| n.parse::<u8>().ok());
        let background = match behind {
            Some(7 | 9..=15) => Background::Light,
            _ => Background::Dark,
        };
        Self {
            colours,
            background,
            ascii,
        }
    }

    /// A colour of the palette as the terminal can show it.
    fn colour(self, (red, green, blue, named): Tone) -> Option<Color> {
        match self.colours {
            Colours::True => Some(Color::Rgb(red, green, blue)),
            Colours::Indexed => Some(Color::Indexed(nearest_indexed(red, green, blue))),
            Colours::Named => Some(named),
            Colours::None => None,
        }
    }

    fn tone(self, index: usize) -> Style {
        let palette = match self.background {
            Background::Dark => &ON_DARK,
            Background::Light => &ON_LIGHT,
        };
        let colour = palette
            .get(index % palette.len())
            .and_then(|tone| self.colour(*tone));
        colour.map_or(Style::new(), |colour| Style::new().fg(colour))
    }

    /// The n-th of several things told apart: curves, classes.
    pub fn series(self, index: usize) -> Style {
        self.tone(index)
    }

    /// Headings and the selected tab.
    pub fn title(self) -> Style {
        self.tone(0).add_modifier(Modifier::BOLD)
    }

    /// What is less important.
    pub fn dim(self) -> Style {
        let grey = match self.background {
            Background::Dark => (140, 140, 140, Color::DarkGray),
            Background::Light => (105, 105, 105, Color::DarkGray),
        };
        match self.colour(grey) {
            Some(colour) => Style::new().fg(colour),
            None => Style::new().add_modifier(Modifier::DIM),
        }
    }

    /// Frames around panels.
    pub fn border(self) -> Style {
        self.dim()
    }

    /// What is well: done, intact.
    pub fn good(self) -> Style {
        self.tone(2)
    }

    /// What runs now.
    pub fn active(self) -> Style {
        self.tone(0)
    }

    /// What may be wrong.
    pub fn warning(self) -> Style {
        self.tone(1)
    }

    /// What is wrong.
    pub fn bad(self) -> Style {
        self.tone(5).add_modifier(Modifier::BOLD)
    }

    /// Keys in hints.
    pub fn key(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The selected row.
    pub fn selected(self) -> Style {
        let behind = match (self.colours, self.background) {
            (Colours::Named | Colours::None, _) => {
                // Turned round, a cell's own colour would be behind it, and other cells would have none.
                return Style::new()
                    .fg(Color::Reset)
                    .add_modifier(Modifier::REVERSED)
                    .remove_modifier(Modifier::DIM);
            }
            (_, Background::Dark) => (44, 58, 74, Color::Reset),
            (_, Background::Light) => (214, 228, 240, Color::Reset),
        };
        self.colour(behind)
            .map_or(Style::new(), |colour| Style::new().bg(colour))
    }

    /// How a value from 0 to 1 is painted: a character for a cell, and its style. Where there
    /// are colours the character is a blank on a coloured ground.
    pub fn heat(self, value: f64) -> (char, Style) {
        let value = if value.is_finite() {
            value.clamp(0.0, 1.0)
        } else {
            0.0
        };
        match self.colours {
            Colours::True | Colours::Indexed if !self.ascii => {
                (' ', Style::new().bg(self.heat_colour(value)))
            }
            _ => (self.shade(value), Style::new()),
        }
    }

    /// The colour of a value from 0 to 1, for half blocks; meaningful with many colours only.
    pub fn heat_colour(self, value: f64) -> Color {
        let position = value.clamp(0.0, 1.0) * (CIVIDIS.len() - 1) as f64;
        let below = (position as usize).min(CIVIDIS.len() - 2);
        let share = position - below as f64;
        let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share) as u8;
        let (a, b) = (CIVIDIS[below], CIVIDIS[below + 1]);
        let (red, green, blue) = (mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2));
        self.rgb([red, green, blue])
    }

    /// A colour as the terminal can show it: meaningful with many colours only.
    pub fn rgb(self, [red, green, blue]: [u8; 3]) -> Color {
        match self.colours {
            Colours::True => Color::Rgb(red, green, blue),
            _ => Color::Indexed(nearest_indexed(red, green, blue)),
        }
    }

    /// A character whose ink is a value from 0 to 1.
    pub fn shade(self, value: f64) -> char {
        let shades: &[char] = if self.ascii { &ASCII_SHADES } else { &SHADES };
        let index = (value.clamp(0.0, 1.0) * (shades.len() - 1) as f64).round() as usize;
        shades.get(index).copied().unwrap_or(' ')
    }
}

/// The nearest of xterm's 216 cube colours and 24 greys.
fn nearest_indexed(red: u8, green: u8, blue: u8) -> u8 {
    const LEVELS: [i32; 6] = [0, 95, 135, 175, 215, 255];
    let rgb = [red, green, blue].map(i32::from);
    let distance = |other: [i32; 3]| -> i32 {
        rgb.iter()
            .zip(other)
            .map(|(a, b)| (a - b) * (a - b))
            .sum::<i32>()
    };
    let step = rgb.map(|value| {
        (0..6)
            .min_by_key(|i| (LEVELS[*i] - value).abs())
            .unwrap_or(0)
    });
    let cube = distance(step.map(|i| LEVELS[i]));
    let mean = rgb.iter().sum::<i32>() / 3;
    let grey = ((mean - 8).max(0) / 10).min(23);
    if distance([8 + 10 * grey; 3]) < cube {
        232 + grey as u8
    } else {
        (16 + 36 * step[0] + 6 * step[1] + step[2]) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_on_colours() {
        let check = |set: &[(&str, &str)], colours, background| {
            let lookup = |name: &str| {
                set.iter()
                    .find(|(key, _)| *key == name)
                    .map_or(String::new(), |(_, value)| (*value).to_owned())
            };
            let theme = Theme::detect(lookup, false);
            assert_eq!(
                (theme.colours, theme.background),
                (colours, background),
                "{set:?}"
            );
        };
        use Background::*;
        check(&[("TERM", "xterm")], Colours::Named, Dark);
        check(&[("TERM", "xterm-256color")], Colours::Indexed, Dark);
        check(
            &[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")],
            Colours::True,
            Dark,
        );
        check(
            &[("COLORTERM", "truecolor"), ("NO_COLOR", "1")],
            Colours::None,
            Dark,
        );
        check(&[("TERM", "xterm"), ("NO_COLOR", "")], Colours::Named, Dark);
        check(&[("TERM", "dumb")], Colours::None, Dark);
        check(
            &[("TERM", "xterm"), ("COLORFGBG", "0;15")],
            Colours::Named,
            Light,
        );
        check(
            &[("TERM", "xterm"), ("COLORFGBG", "15;default;0")],
            Colours::Named,
            Dark,
        );
    }

    #[test]
    fn indexed_colours_are_near() {
        let check = |rgb: (u8, u8, u8), expected: u8| {
            assert_eq!(nearest_indexed(rgb.0, rgb.1, rgb.2), expected, "{rgb:?}");
        };
        check((0, 0, 0), 16);
        check((255, 255, 255), 231);
        check((140, 140, 140), 245);
        check((86, 180, 233), 74);
    }

    /// WCAG's relative luminance and contrast: text needs 3 : 1 at least.
    #[test]
    fn every_tone_stands_out_from_its_ground() {
        let linear = |v: u8| {
            let v = f64::from(v) / 255.0;
            if v <= 0.04045 {
                v / 12.92
            } else {
                ((v + 0.055) / 1.055).powf(2.4)
            }
        };
        let luminance =
            |t: &Tone| 0.2126 * linear(t.0) + 0.7152 * linear(t.1) + 0.0722 * linear(t.2);
        for tone in &ON_DARK {
            let contrast = (luminance(tone) + 0.05) / 0.05;
            assert!(contrast >= 3.0, "{tone:?} on black: {contrast:.2}");
        }
        for tone in &ON_LIGHT {
            let contrast = 1.05 / (luminance(tone) + 0.05);
            assert!(contrast >= 3.0, "{tone:?} on white: {contrast:.2}");
        }
    }
}

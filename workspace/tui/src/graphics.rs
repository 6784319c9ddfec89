//! Images as the terminal itself draws them, where it can: by Kitty's protocol, as Sixels, or by that of iTerm2.
//!
//! Views draw every image in half blocks and say where it stands; a terminal with graphics gets the image itself over these.

use std::{
    cell::{Ref, RefCell},
    collections::{BTreeSet, HashMap},
    env,
    hash::{DefaultHasher, Hasher},
};

use image::{DynamicImage, RgbImage, imageops::FilterType};
use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
};
use ratatui_image::{
    Image,
    protocol::{Protocol, iterm2::Iterm2, kitty::Kitty, sixel::Sixel},
};

use crate::theme::{Colours, Theme};

/// The variable that says how images are drawn, whatever the terminal is taken for.
const VARIABLE: &str = "TOPWORK_IMAGES";

/// Images that are kept in the terminal's words, beyond which all are made anew.
const KEPT: usize = 256;

/// How a terminal is given an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Kitty's protocol.
    Kitty,
    /// Sixels.
    Sixel,
    /// iTerm2's protocol.
    Iterm2,
}

/// All words for them; none of them is half blocks.
const WAYS: [(&str, Option<Way>); 4] = [
    ("kitty", Some(Way::Kitty)),
    ("sixel", Some(Way::Sixel)),
    ("iterm2", Some(Way::Iterm2)),
    ("blocks", None),
];

/// An image on the screen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Picture {
    /// The cells that stand for it.
    pub area: Rect,
    /// It itself.
    pub image: RgbImage,
}

/// The images of the frame that was drawn last, for a terminal that draws them itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pictures {
    wanted: bool,
    shown: RefCell<Vec<Picture>>,
}

impl Pictures {
    /// For a terminal that wants them.
    pub fn wanted() -> Self {
        Self {
            wanted: true,
            ..Self::default()
        }
    }

    /// Notes an image, which is made where somebody wants it.
    pub fn put(&self, area: Rect, image: impl FnOnce() -> Option<RgbImage>) {
        if self.wanted
            && !area.is_empty()
            && let Some(image) = image()
        {
            self.shown.borrow_mut().push(Picture { area, image });
        }
    }

    /// Forgets what was noted: a new frame begins, or something stands over the views.
    pub fn clear(&self) {
        self.shown.borrow_mut().clear();
    }

    /// Those of the frame.
    pub fn shown(&self) -> Ref<'_, [Picture]> {
        Ref::map(self.shown.borrow(), Vec::as_slice)
    }
}

/// A terminal that draws images.
pub(crate) struct Graphics {
    way: Way,
    /// Columns and rows of pixels of a cell.
    cell: (u16, u16),
    /// By what tells an image of a size in cells from others.
    made: HashMap<u64, Protocol>,
    /// What Kitty knows those by that it was given.
    sent: BTreeSet<u32>,
}

impl Graphics {
    /// What this terminal can; an `Err` says what is wrong with the variable.
    pub fn of_terminal(theme: Theme) -> Result<Option<Self>, String> {
        let way = way(|name| env::var(name).unwrap_or_default(), theme)?;
        Ok(way.zip(cell()).map(|(way, cell)| Self::new(way, cell)))
    }

    fn new(way: Way, cell: (u16, u16)) -> Self {
        Self {
            way,
            cell,
            made: HashMap::new(),
            sent: BTreeSet::new(),
        }
    }

    /// The terminal may have lost what it had, or have cells of another size.
    pub fn forget(&mut self) {
        self.made.clear();
        self.cell = cell().unwrap_or(self.cell);
    }

    /// Puts the images over the half blocks that stand for them.
    pub fn overlay(&mut self, pictures: &[Picture], buffer: &mut Buffer) {
        if self.made.len() > KEPT {
            self.made.clear();
        }
        for Picture { area, image } in pictures {
            // One that would be cut stays as it is.
            if area.intersection(buffer.area) != *area {
                continue;
            }
            let size = area.as_size();
            let key = key(image, size);
            if !self.made.contains_key(&key)
                && let Some(made) = self.make(image, size, key)
            {
                self.made.insert(key, made);
            }
            if let Some(made) = self.made.get(&key) {
                ratatui::widgets::Widget::render(Image::new(made), *area, buffer);
            }
        }
    }

    /// The image in the terminal's words; `None` where it cannot be said, and the half blocks stay.
    fn make(&mut self, image: &RgbImage, size: Size, key: u64) -> Option<Protocol> {
        let width = u32::from(size.width) * u32::from(self.cell.0);
        let height = u32::from(size.height) * u32::from(self.cell.1);
        // Pixels of small images stay pixels.
        let filter = match image.width() <= width && image.height() <= height {
            true => FilterType::Nearest,
            false => FilterType::Triangle,
        };
        let scaled = image::imageops::resize(image, width, height, filter);
        let scaled = DynamicImage::ImageRgb8(scaled);
        match self.way {
            Way::Kitty => {
                // Kitty knows the same image by the same number, so that a terminal that is taken again has each once; 0 is none.
                let id = (key ^ (key >> 32)) as u32 | 1;
                self.sent.insert(id);
                // Not every terminal that knows the protocol inflates.
                let kitty = Kitty::new(scaled, size, id, false, false);
                kitty.map(Protocol::Kitty).ok()
            }
            Way::Sixel => Sixel::new(scaled, size, false).map(Protocol::Sixel).ok(),
            Way::Iterm2 => Iterm2::new(scaled, size, false).map(Protocol::ITerm2).ok(),
        }
    }

    /// What has a terminal forget the images that it keeps.
    pub fn farewell(&self) -> String {
        let one = |id: &u32| format!("\x1b_Ga=d,d=I,i={id},q=2\x1b\\");
        self.sent.iter().map(one).collect()
    }
}

/// What tells an image of this size in cells from others.
fn key(image: &RgbImage, size: Size) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(image.as_raw());
    hasher.write_u16(size.width);
    hasher.write_u16(size.height);
    hasher.finish()
}

/// What a terminal says that it is.
fn way(variable: impl Fn(&str) -> String, theme: Theme) -> Result<Option<Way>, String> {
    let asked = variable(VARIABLE);
    if !asked.is_empty() {
        let known = WAYS.iter().find(|(word, _)| *word == asked);
        return known.map(|(_, way)| *way).ok_or_else(|| {
            let words: Vec<&str> = WAYS.iter().map(|(word, _)| *word).collect();
            format!("{VARIABLE} is `{asked}`, expected {}", words.join(", "))
        });
    }
    let (term, program) = (variable("TERM"), variable("TERM_PROGRAM"));
    // What stands between the terminal and the program passes on no images, but where it is told to.
    let between = ["tmux", "screen"]
        .iter()
        .any(|word| term.starts_with(word) || program.starts_with(word));
    if theme.ascii || theme.colours == Colours::None || between || !variable("TMUX").is_empty() {
        return Ok(None);
    }
    Ok(match (&*term, &*program) {
        ("xterm-kitty" | "xterm-ghostty", _) | (_, "ghostty") => Some(Way::Kitty),
        (_, "iTerm.app" | "WezTerm" | "mintty") => Some(Way::Iterm2),
        _ if !variable("KITTY_WINDOW_ID").is_empty() => Some(Way::Kitty),
        _ if ["foot", "mlterm", "contour"]
            .iter()
            .any(|word| term.starts_with(word)) =>
        {
            Some(Way::Sixel)
        }
        _ => None,
    })
}

/// The size of a cell in pixels; `None` where the terminal does not say it.
fn cell() -> Option<(u16, u16)> {
    let window = crossterm::terminal::window_size().ok()?;
    let cell = (
        window.width.checked_div(window.columns)?,
        window.height.checked_div(window.rows)?,
    );
    (cell.0 > 0 && cell.1 > 0).then_some(cell)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::theme::Background;

    const THEME: Theme = Theme {
        colours: Colours::True,
        background: Background::Dark,
        ascii: false,
    };

    #[test]
    fn terminals_are_known_by_their_environment() {
        let check = |set: &[(&str, &str)], theme: Theme, expected: Result<Option<Way>, &str>| {
            let variable = |name: &str| {
                let value = set.iter().find(|(known, _)| *known == name);
                value.map_or("", |(_, value)| *value).to_owned()
            };
            let found = way(variable, theme);
            assert_eq!(
                found.as_ref().map_err(String::as_str).copied(),
                expected,
                "{set:?}"
            );
        };
        check(&[("TERM", "xterm-kitty")], THEME, Ok(Some(Way::Kitty)));
        check(&[("TERM", "xterm-ghostty")], THEME, Ok(Some(Way::Kitty)));
        check(&[("KITTY_WINDOW_ID", "1")], THEME, Ok(Some(Way::Kitty)));
        check(
            &[("TERM_PROGRAM", "iTerm.app")],
            THEME,
            Ok(Some(Way::Iterm2)),
        );
        check(&[("TERM_PROGRAM", "WezTerm")], THEME, Ok(Some(Way::Iterm2)));
        check(&[("TERM", "foot-extra")], THEME, Ok(Some(Way::Sixel)));
        check(&[("TERM", "xterm-256color")], THEME, Ok(None));
        check(
            &[("TERM", "tmux-256color"), ("KITTY_WINDOW_ID", "1")],
            THEME,
            Ok(None),
        );
        check(
            &[("TERM", "xterm-kitty"), ("TMUX", "/tmp/x")],
            THEME,
            Ok(None),
        );
        let ascii = Theme {
            ascii: true,
            ..THEME
        };
        check(&[("TERM", "xterm-kitty")], ascii, Ok(None));
        let grey = Theme {
            colours: Colours::None,
            ..THEME
        };
        check(&[("TERM", "xterm-kitty")], grey, Ok(None));
        check(
            &[(VARIABLE, "blocks"), ("TERM", "xterm-kitty")],
            THEME,
            Ok(None),
        );
        check(
            &[(VARIABLE, "sixel"), ("TERM", "tmux")],
            THEME,
            Ok(Some(Way::Sixel)),
        );
        check(
            &[(VARIABLE, "png")],
            THEME,
            Err("TOPWORK_IMAGES is `png`, expected kitty, sixel, iterm2, blocks"),
        );
    }

    /// Two pixels side by side, red and blue.
    fn picture(area: Rect) -> Picture {
        let mut image = RgbImage::new(2, 1);
        image.put_pixel(0, 0, image::Rgb([255, 0, 0]));
        image.put_pixel(1, 0, image::Rgb([0, 0, 255]));
        Picture { area, image }
    }

    fn symbols(way: Way, pictures: &[Picture]) -> (Graphics, String) {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 4));
        let mut graphics = Graphics::new(way, (4, 8));
        graphics.overlay(pictures, &mut buffer);
        let symbols = buffer.content().iter().map(|cell| cell.symbol());
        (graphics, symbols.collect())
    }

    /// The bytes of base64 without line breaks.
    fn decoded(text: &str) -> Vec<u8> {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digits: Vec<u32> = (text.bytes())
            .filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte))
            .map(|digit| digit as u32)
            .collect();
        let bytes = digits.chunks(4).flat_map(|four| {
            let all =
                (four.iter()).fold(0, |all, digit| all << 6 | digit) << (6 * (4 - four.len()));
            let [_, a, b, c] = all.to_be_bytes();
            [a, b, c].into_iter().take(four.len() * 3 / 4)
        });
        bytes.collect()
    }

    #[test]
    fn kitty_gets_every_pixel() {
        let (_, symbols) = symbols(Way::Kitty, &[picture(Rect::new(1, 1, 4, 2))]);
        // 4 × 2 cells of 4 × 8 pixels.
        let begin = symbols.find("a=T,U=1,f=32,t=d,s=16,v=16,").unwrap();
        let data = &symbols[begin..];
        let data = &data[data.find(';').unwrap() + 1..data.find("\u{1b}\\").unwrap()];
        let pixels = decoded(data);
        assert_eq!(pixels.len(), 16 * 16 * 4);
        for (at, pixel) in pixels.chunks(4).enumerate() {
            let expected = match at % 16 < 8 {
                true => [255, 0, 0, 255],
                false => [0, 0, 255, 255],
            };
            assert_eq!(pixel, expected, "pixel {at}");
        }
        assert_eq!(symbols.matches('\u{10EEEE}').count(), 4 * 2);
    }

    #[test]
    fn sixels_and_files_of_iterm2_are_written() {
        let at = Rect::new(0, 0, 4, 2);
        let (_, sixel) = symbols(Way::Sixel, &[picture(at)]);
        assert!(
            sixel.contains("\u{1b}P") && sixel.trim_end().ends_with("\u{1b}\\"),
            "{sixel:?}"
        );
        assert!(sixel.contains(";16;16"), "its size in pixels: {sixel:?}");
        let (_, file) = symbols(Way::Iterm2, &[picture(at)]);
        assert!(file.contains("\u{1b}]1337;File=inline=1;"), "{file:?}");
    }

    #[test]
    fn an_image_is_sent_once_and_only_where_all_of_it_has_room() {
        let at = Rect::new(0, 0, 4, 2);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 4));
        let mut graphics = Graphics::new(Way::Kitty, (4, 8));
        let mut sent = |area: Rect| {
            buffer.reset();
            graphics.overlay(&[picture(area)], &mut buffer);
            let symbols: String = buffer.content().iter().map(|cell| cell.symbol()).collect();
            (symbols.contains("a=T"), symbols.contains('\u{10EEEE}'))
        };
        assert_eq!(sent(at), (true, true));
        assert_eq!(sent(at), (false, true), "the terminal has it");
        assert_eq!(
            sent(Rect { x: 2, ..at }),
            (false, true),
            "in another place, too"
        );
        assert_eq!(
            sent(Rect { width: 3, ..at }),
            (true, true),
            "of another size it is another"
        );
        assert_eq!(sent(Rect { x: 6, ..at }), (false, false));
    }
}

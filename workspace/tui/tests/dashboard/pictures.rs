//! The pictures of the documentation, drawn from the recorded runs.

use std::{fs, path::Path};

use ratatui::{buffer::Buffer, style::Color};
use topwork_testkit::svg;
use topwork_tui::{App, Background, Colours, Theme};

use crate::{
    buffer,
    samples::pressed,
    several,
    streams::{flagship, flagship_until, several},
};

/// Columns and rows of the pictures.
const SIZE: (u16, u16) = (120, 34);

const THEME: Theme = Theme {
    colours: Colours::True,
    background: Background::Dark,
    ascii: false,
};

/// The views: a name, whether the run is at work, and the keys that lead there.
const VIEWS: [(&str, bool, &str); 7] = [
    ("live", true, "1"),
    ("outcome", false, "1"),
    ("compare", false, "2"),
    ("features", false, "3"),
    ("confusion", false, "4 n"),
    ("network", false, "5"),
    ("log", false, "6"),
];

/// Draws `docs/screens/`; `just screenshots` sets the variable.
#[test]
fn are_as_in_the_documentation() {
    let running = flagship_until("epoch-ended", 2);
    let done = flagship();
    for (name, is_running, keys) in VIEWS {
        let records = if is_running { &running } else { &done };
        check(name, &pressed(records, THEME, keys, SIZE), SIZE);
    }
    for size in [(110, 34), (200, 60)] {
        let (columns, rows) = size;
        let app = several::pressed(&several(), THEME, "2", size);
        check(&format!("groups-{columns}x{rows}"), &app, size);
    }
}

/// Every view in every size keeps to the colours and characters of its theme. `just captures FOLDER` names a folder that all are drawn
/// into, to be looked at.
#[test]
fn keep_to_their_theme_and_are_drawn_to_be_looked_at() {
    let folder = std::env::var_os("TOPWORK_CAPTURES");
    let of = |colours, ascii| Theme {
        colours,
        ascii,
        ..THEME
    };
    let themes = [
        ("true", THEME),
        ("named", of(Colours::Named, false)),
        ("none", of(Colours::None, false)),
        ("ascii", of(Colours::None, true)),
    ];
    let running = flagship_until("epoch-ended", 2);
    let done = flagship();
    for (columns, rows) in [(40, 12), (80, 24), (110, 34), (200, 60)] {
        for (colours, theme) in themes {
            let draw = |name: &str, app: &App| {
                let name = format!("{name}-{columns}x{rows}-{colours}");
                let drawn = buffer(app, columns, rows);
                for cell in drawn.content() {
                    let plain = |colour: Color| match theme.colours {
                        Colours::None => colour == Color::Reset,
                        Colours::Named => !matches!(colour, Color::Rgb(..) | Color::Indexed(_)),
                        _ => true,
                    };
                    assert!(plain(cell.fg) && plain(cell.bg), "{name}: {cell:?}");
                    assert!(!theme.ascii || cell.symbol().is_ascii(), "{name}: {cell:?}");
                }
                if let Some(folder) = &folder {
                    write(Path::new(folder), &name, &picture(&drawn));
                }
            };
            for (name, is_running, keys) in VIEWS.into_iter().chain([("help", false, "?")]) {
                let records = if is_running { &running } else { &done };
                draw(name, &pressed(records, theme, keys, (columns, rows)));
            }
            for (name, keys) in [
                ("groups", "2"),
                ("groups-outcome", "1"),
                ("groups-confusion", "4"),
            ] {
                draw(
                    name,
                    &several::pressed(&several(), theme, keys, (columns, rows)),
                );
            }
        }
    }
}

fn check(name: &str, app: &App, size: (u16, u16)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/screens");
    let picture = picture(&buffer(app, size.0, size.1));
    if std::env::var_os("TOPWORK_WRITE_SCREENS").is_some() {
        write(&folder, name, &picture);
        return;
    }
    let found = fs::read_to_string(folder.join(format!("{name}.svg"))).unwrap_or_default();
    assert!(
        found == picture,
        "`docs/screens/{name}.svg` is stale: `just screenshots` draws it afresh"
    );
}

fn picture(buffer: &Buffer) -> String {
    svg(buffer, THEME.background == Background::Dark)
}

fn write(folder: &Path, name: &str, picture: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(format!("{name}.svg")), picture).unwrap();
}

//! The pictures of the documentation, drawn from the recorded runs.

use std::{fs, path::Path};

use ratatui::{buffer::Buffer, layout::Rect};
use topwork_testkit::svg;
use topwork_tui::{App, Background, Colours, Theme, draw};

use crate::{
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

/// Draws `docs/screens/`; `just screenshots` sets the variable.
#[test]
fn are_as_in_the_documentation() {
    let running = flagship_until("epoch-ended", 2);
    let done = flagship();
    let pictures = [
        ("live", &running, "1"),
        ("outcome", &done, "1"),
        ("compare", &done, "2"),
        ("features", &done, "3"),
        ("confusion", &done, "4 n"),
        ("network", &done, "5"),
        ("log", &done, "6"),
    ];
    for (name, records, keys) in pictures {
        check(name, &pressed(records, THEME, keys, SIZE), SIZE);
    }
    for size in [(110, 34), (200, 60)] {
        let (columns, rows) = size;
        let app = several::pressed(&several(), THEME, "2", size);
        check(&format!("groups-{columns}x{rows}"), &app, size);
    }
}

fn check(name: &str, app: &App, (columns, rows): (u16, u16)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/screens");
    let write = std::env::var_os("TOPWORK_WRITE_SCREENS").is_some();
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
    draw(app, &mut buffer);
    let path = folder.join(format!("{name}.svg"));
    let picture = svg(&buffer, THEME.background == Background::Dark);
    if write {
        fs::create_dir_all(&folder).unwrap();
        fs::write(&path, picture).unwrap();
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == picture,
        "`docs/screens/{name}.svg` is stale: `just screenshots` draws it afresh"
    );
}

//! Every view at every stage of a run's life, as text; and the styles where colour tells
//! something.

use topwork_events::{EndStatus, Event, Record};
use topwork_tui::{Background, Colours, Theme};

use crate::{
    PLAIN, app, buffer, press,
    streams::{Made, flagship, flagship_until},
    text,
};

const WIDE: (u16, u16) = (200, 60);
const USUAL: (u16, u16) = (80, 24);
const NARROW: (u16, u16) = (40, 12);

fn check(name: &str, records: &[Record], keys: &str, (columns, rows): (u16, u16)) {
    let mut app = app(records, PLAIN, columns, rows);
    press(&mut app, keys);
    let screen = text(&buffer(&app, columns, rows));
    insta::with_settings!({ omit_expression => true, description => format!("keys: {keys}") }, {
        insta::assert_snapshot!(format!("{name}-{columns}x{rows}"), screen);
    });
}

#[test]
fn nothing_is_known_yet() {
    for (view, name) in [
        "live",
        "compare",
        "features",
        "confusion",
        "network",
        "log",
        "runs",
    ]
    .into_iter()
    .enumerate()
    {
        check(
            &format!("empty-{name}"),
            &[],
            &(view + 1).to_string(),
            USUAL,
        );
    }
}

#[test]
fn just_started() {
    let records = flagship_until("stage-started", 1);
    check("started-live", &records, "1", USUAL);
    check("started-compare", &records, "2", USUAL);
    check("started-network", &records, "5", USUAL);
    check("started-log", &records, "6", USUAL);
}

#[test]
fn in_the_middle() {
    let training = flagship_until("epoch-ended", 2);
    for size in [WIDE, USUAL, NARROW] {
        check("training-live", &training, "1", size);
    }
    check("training-live-recent", &training, "1 w", USUAL);
    let some = flagship_until("strategy-evaluated", 2);
    for size in [WIDE, USUAL, NARROW] {
        check("half-live", &some, "1", size);
        check("half-compare", &some, "2", size);
    }
}

#[test]
fn finished() {
    let records = flagship();
    for size in [WIDE, USUAL, NARROW] {
        for (view, name) in ["live", "compare", "features", "confusion", "network", "log"]
            .into_iter()
            .enumerate()
        {
            check(
                &format!("done-{name}"),
                &records,
                &(view + 1).to_string(),
                size,
            );
        }
    }
    check("done-compare-sorted", &records, "2 o o O down", USUAL);
    check("done-compare-details", &records, "2 enter", USUAL);
    check("done-network-head", &records, "5 p p", USUAL);
    check("done-log-filter", &records, "6 / s o u r c e enter", USUAL);
    check("done-help", &records, "?", USUAL);
    check("done-stop", &flagship_until("epoch-ended", 1), "s", NARROW);
}

#[test]
fn other_ends() {
    for (name, status) in [
        ("crashed", EndStatus::Crashed),
        ("stopped", EndStatus::Stopped),
        ("failed", EndStatus::Failed),
    ] {
        let records = Made {
            ending: Some(status),
            ..Made::strategies(2)
        }
        .records();
        check(&format!("{name}-live"), &records, "1", USUAL);
        check(&format!("{name}-log"), &records, "6", USUAL);
    }
}

#[test]
fn one_strategy_and_twelve() {
    let twelve = Made {
        seeds: vec![1, 2, 3],
        ..Made::strategies(12)
    };
    check("one-compare", &Made::strategies(1).records(), "2", USUAL);
    for size in [WIDE, USUAL, NARROW] {
        check("twelve-live", &twelve.records(), "1", size);
        check("twelve-compare", &twelve.records(), "2 end", size);
    }
}

#[test]
fn a_grid_makes_curves() {
    let grid = Made {
        grid: true,
        ..Made::strategies(6)
    };
    check("grid-compare", &grid.records(), "2 p", WIDE);
    check("grid-compare", &grid.records(), "2 p", USUAL);
}

#[test]
fn folds_of_cross_validation() {
    let folds = Made {
        folds: Some(5),
        ..Made::strategies(3)
    };
    let done = folds.records();
    // Within the fourth fold of the second strategy.
    let running = |record: &Record| {
        matches!(
            record.event,
            Event::EpochEnded { stage: 2, figures } if (figures.fold, figures.epoch) == (Some(4), 2)
        )
    };
    let until = done.iter().position(running).unwrap();
    for size in [WIDE, USUAL] {
        check("folds-running-live", &done[..until], "1", size);
        check("folds-live", &done, "1", size);
        check("folds-compare", &done, "2", size);
    }
    check("folds-compare-details", &done, "2 enter", USUAL);
}

#[test]
fn long_names() {
    let long = Made {
        names: vec![
            "the frozen backbone with the widest head anybody has ever had the patience to train"
                .into(),
            "数字を見分けるための特徴分類器、千枚の画像で訓練したもの".into(),
        ],
        ..Made::strategies(2)
    };
    for size in [USUAL, NARROW] {
        check("long-live", &long.records(), "1", size);
        check("long-compare", &long.records(), "2", size);
    }
}

#[test]
fn ascii_is_ascii() {
    let theme = Theme {
        ascii: true,
        ..PLAIN
    };
    for view in 1..=7 {
        for (columns, rows) in [WIDE, USUAL, NARROW] {
            let mut app = app(&flagship(), theme, columns, rows);
            press(&mut app, &view.to_string());
            let screen = text(&buffer(&app, columns, rows));
            let other: String = screen.chars().filter(|c| !c.is_ascii()).collect();
            assert_eq!(other, "", "view {view} at {columns}x{rows}:\n{screen}");
        }
    }
    let mut app = app(&flagship_until("epoch-ended", 2), theme, 80, 24);
    press(&mut app, "1");
    insta::assert_snapshot!("ascii-live-80x24", text(&buffer(&app, 80, 24)));
}

/// Runs of cells with a style other than the terminal's own.
fn styles(theme: Theme, records: &[Record], keys: &str) -> String {
    let mut app = app(records, theme, 80, 24);
    press(&mut app, keys);
    let buffer = buffer(&app, 80, 24);
    let mut lines = String::new();
    for y in 0..24 {
        let mut x = 0;
        while x < 80 {
            let look = |x: u16| {
                let cell = &buffer[(x, y)];
                (cell.fg, cell.bg, cell.modifier)
            };
            let start = x;
            let mut words = String::new();
            while x < 80 && look(x) == look(start) {
                words.push_str(buffer[(x, y)].symbol());
                x += 1;
            }
            let (fg, bg, modifier) = look(start);
            let mut parts = Vec::new();
            if fg != ratatui::style::Color::Reset {
                parts.push(format!("{fg}"));
            }
            if bg != ratatui::style::Color::Reset {
                parts.push(format!("on {bg}"));
            }
            if !modifier.is_empty() {
                parts.push(format!("{modifier:?}"));
            }
            let words = words.trim();
            if !parts.is_empty() && !words.is_empty() {
                lines.push_str(&format!("{y:>2} {words:?} {}\n", parts.join(" ")));
            }
        }
    }
    lines
}

#[test]
fn styles_tell_what_runs_and_what_failed() {
    let theme = |colours, background| Theme {
        colours,
        background,
        ascii: false,
    };
    let running = flagship_until("epoch-ended", 2);
    let crashed = Made {
        ending: Some(EndStatus::Crashed),
        ..Made::strategies(2)
    }
    .records();
    let dark = Background::Dark;
    insta::assert_snapshot!(
        "styles-running-true-colour",
        styles(theme(Colours::True, dark), &running, "1")
    );
    insta::assert_snapshot!(
        "styles-running-light-256",
        styles(theme(Colours::Indexed, Background::Light), &running, "1")
    );
    insta::assert_snapshot!(
        "styles-crashed-16",
        styles(theme(Colours::Named, dark), &crashed, "6")
    );
    insta::assert_snapshot!(
        "styles-compare-none",
        styles(theme(Colours::None, dark), &flagship(), "2 down")
    );
}

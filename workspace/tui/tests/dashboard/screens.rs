//! Every view at every stage of a run's life, as text; and the styles where colour tells
//! something.

use topwork_events::{EndStatus, Event, Record};
use topwork_tui::{Background, Colours, Theme};

use crate::{
    PLAIN, app, buffer, press,
    streams::{Made, flagship, flagship_until, grid, many_classes, short_stage},
    text,
};

const WIDE: (u16, u16) = (200, 60);
const USUAL: (u16, u16) = (80, 24);
const NARROW: (u16, u16) = (40, 12);
const BROAD: (u16, u16) = (110, 34);

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
    for size in [USUAL, NARROW] {
        check("done-help", &records, "?", size);
    }
    check("done-help-end", &records, "3 ? end", NARROW);
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

const CUTS: [&str; 5] = ["conv1", "pool1", "conv2", "pool2", "features"];
const SIZES: [u64; 6] = [100, 200, 500, 1_000, 5_000, 20_000];

#[test]
fn rows_of_one_name_are_told_apart() {
    let rows = grid(&CUTS, &SIZES, vec![1]);
    for size in [WIDE, BROAD, USUAL, (60, 20), NARROW] {
        check("cuts-live", &rows, "1", size);
        check("cuts-compare", &rows, "2", size);
        check("cuts-compare-by-cut", &rows, "2 p", size);
        check("cuts-compare-by-samples", &rows, "2 p p", size);
    }
    let theme = Theme {
        ascii: true,
        ..PLAIN
    };
    let mut ascii = app(&rows, theme, 110, 34);
    press(&mut ascii, "2 p");
    insta::assert_snapshot!("ascii-cuts-compare-110x34", text(&buffer(&ascii, 110, 34)));
}

/// Every curve of a grid has a mark of its own, and a name that no other has.
#[test]
fn legends_name_what_differs() {
    let check = |cuts: &[&str], sizes: &[u64], keys: &str, expected: &[String]| {
        let mut app = app(&grid(cuts, sizes, vec![1]), PLAIN, 110, 60);
        press(&mut app, keys);
        let screen = text(&buffer(&app, 110, 60));
        for name in expected {
            let found = screen.matches(&format!(" {name} ")).count();
            assert!(found >= 1, "`{keys}`: no `{name}` in\n{screen}");
        }
        assert!(!screen.contains("● logistic "), "{screen}");
    };
    let by_size = ["● 100 samples", "■ 200 samples", "• 20,000 samples"];
    check(&CUTS, &SIZES, "2 p", &by_size.map(str::to_owned));
    let by_cut = ["● conv1", "■ pool1", "× features"];
    check(&CUTS, &SIZES, "2 p p", &by_cut.map(str::to_owned));
    let many: Vec<u64> = (1..=20).map(|size| 100 * size).collect();
    let all: Vec<String> = (many.iter().zip("●■▲○×•abcdefghijklmn".chars()))
        .map(|(size, mark)| match size {
            1_000.. => format!("{mark} {},{:03} samples", size / 1000, size % 1000),
            _ => format!("{mark} {size} samples"),
        })
        .collect();
    check(&CUTS, &many, "2 p", &all);
}

#[test]
fn some_seeds_are_not_all() {
    let rows = grid(&["conv1", "features"], &[100, 1_000], vec![1, 2, 3]);
    // The first two rows have two seeds by then, the others one.
    let evaluated = |record: &&Record| matches!(record.event, Event::RowMeasured(_));
    let sixth = rows.iter().filter(evaluated).nth(5).unwrap().at;
    let until = rows.iter().position(|record| record.at == sixth).unwrap();
    for size in [WIDE, USUAL, NARROW] {
        check("seeds-live", &rows[..=until], "1", size);
        check("seeds-compare", &rows[..=until], "2", size);
    }
    // All have as many as each other, and still not all there will be.
    let fourth = rows.iter().filter(evaluated).nth(3).unwrap().at;
    let until = rows.iter().position(|record| record.at == fourth).unwrap();
    check("seeds-first-compare", &rows[..=until], "2", USUAL);
}

#[test]
fn short_stages_have_curves() {
    let eight = short_stage(8);
    for size in [WIDE, BROAD, USUAL] {
        check("short-live", &eight, "1", size);
    }
    check("short-one-epoch-live", &short_stage(1), "1", BROAD);
}

#[test]
fn a_thousand_classes() {
    let records = many_classes(1_000);
    check(
        "thousand-classes-confusion",
        &records,
        "4 down right right",
        USUAL,
    );
    check("thousand-classes-confusion", &records, "4 end", WIDE);
}

#[test]
fn what_is_too_small_says_so() {
    let records = flagship();
    for size in [(20, 5), (39, 12), (80, 11)] {
        check("too-small", &records, "2", size);
    }
    check(
        "too-small-question",
        &flagship_until("epoch-ended", 1),
        "s",
        (39, 12),
    );
}

#[test]
fn images_of_the_axis_are_whole() {
    let records = flagship_until("epoch-ended", 2);
    for size in [(60, 20), (110, 30), BROAD] {
        check("training-live", &records, "1", size);
    }
    let folds = Made {
        folds: Some(5),
        ..Made::strategies(3)
    };
    check("folds-live", &folds.records(), "1", BROAD);
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

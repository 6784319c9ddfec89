//! Several backbones on several targets: rows under the headings of their targets, and in every view the part of the run
//! that it shows.

use std::{path::Path, sync::Arc};

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use topwork_events::{Record, Start};
use topwork_index::BestRow;
use topwork_store::{ImageSample, RunFolder, Standing};
use topwork_tui::{
    Answer, App, Effect, Event, Features, Job, ListedRun, PartFiles, Settings, Theme, update,
};

use crate::{
    PLAIN, app, buffer, folder, press,
    streams::{flagship, several, several_until},
    text,
};

const WIDE: (u16, u16) = (200, 60);
const USUAL: (u16, u16) = (80, 24);
const BROAD: (u16, u16) = (110, 34);

/// The folder of a part.
fn part(name: &str) -> RunFolder {
    RunFolder::at(folder().path().join("parts").join(name))
}

/// The parts of the recorded run, with some of their settings.
fn parts() -> Vec<PartFiles> {
    let of = |name, backbone: &str, classes: &str| PartFiles {
        folder: part(name),
        settings: Settings {
            experiment: [
                ("backbone.use", backbone),
                ("target.dataset.classes", classes),
            ]
            .map(|(path, value)| (path.to_owned(), value.to_owned()))
            .into(),
            strategies: vec![(
                "logistic regression".to_owned(),
                [("head.l2".to_owned(), "1.0".to_owned())].into(),
            )],
        },
    };
    vec![
        of("001-digits-5-9-lenet", "lenet/lenet", "[5, 6, 7, 8, 9]"),
        of(
            "002-digits-5-9-convnet",
            "convnet/convnet",
            "[5, 6, 7, 8, 9]",
        ),
        of("003-round-digits-lenet", "lenet/lenet", "[6, 8, 9]"),
        of("004-round-digits-convnet", "convnet/convnet", "[6, 8, 9]"),
    ]
}

fn recorded(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/recorded")
        .join(format!("several-{name}.safetensors"))
}

/// What background jobs find: the parts, and what the last of them has kept.
fn answer(app: &mut App, effects: Vec<Effect>) {
    for effect in effects {
        let of_last = |path: &Path| path.starts_with(part("004-round-digits-convnet").path());
        let answer = match effect {
            Effect::Job(Job::ReadFeatures(path)) => {
                let features = Features::read(&recorded("features")).unwrap();
                let features = features.filter(|_| of_last(&path)).map(Arc::new);
                Answer::Features(path, Ok(features))
            }
            Effect::Job(Job::ReadImages(path)) => {
                let images = ImageSample::read(&recorded("images")).unwrap();
                let images = images.filter(|_| of_last(&path)).map(Arc::new);
                Answer::Images(path, Ok(images))
            }
            _ => continue,
        };
        let effects = update(app, Event::Answered(answer));
        self::answer(app, effects);
    }
}

/// A dashboard that knows the parts, after keys pressed one by one, every job done at once.
pub fn pressed(records: &[Record], theme: Theme, keys: &str, (columns, rows): (u16, u16)) -> App {
    let mut app = app(records, theme, columns, rows);
    let effects = update(
        &mut app,
        Event::Answered(Answer::Settings(folder(), parts())),
    );
    answer(&mut app, effects);
    for key in keys.split_whitespace() {
        let effects = press(&mut app, key);
        answer(&mut app, effects);
    }
    app
}

fn screen(records: &[Record], keys: &str, size: (u16, u16)) -> String {
    text(&buffer(
        &pressed(records, PLAIN, keys, size),
        size.0,
        size.1,
    ))
}

fn check(name: &str, records: &[Record], keys: &str, size: (u16, u16)) {
    let screen = screen(records, keys, size);
    insta::with_settings!({ omit_expression => true, description => format!("keys: {keys}") }, {
        insta::assert_snapshot!(format!("{name}-{}x{}", size.0, size.1), screen);
    });
}

#[test]
fn rows_stand_under_their_targets() {
    let done = several();
    let running = several_until("strategy-evaluated", 10);
    for size in [WIDE, BROAD, USUAL] {
        check("compare", &done, "2", size);
        check(
            "compare-second",
            &done,
            "2 down down down down down down down down down",
            size,
        );
        check("compare-ranks", &done, "2 end", size);
        check("running-compare", &running, "2", size);
        check("live", &done, "1", size);
        check("running-live", &running, "1", size);
    }
    check("compare-sorted", &done, "2 o o o o o O", BROAD);
    check("compare-curves", &done, "2 p", BROAD);
    check("compare-details", &done, "2 pagedown enter", BROAD);
}

#[test]
fn every_view_says_which_part_it_shows() {
    let done = several();
    for size in [WIDE, BROAD, USUAL] {
        check("features", &done, "3 n n n n n n n n n", size);
        check("confusion", &done, &format!("4 {}", "n ".repeat(14)), size);
        check(
            "images",
            &done,
            &format!("4 {} right enter", "n ".repeat(14)),
            size,
        );
        check("network", &done, "5 p p p p p p p p p", size);
    }
    check("log", &done, "6 home", BROAD);
}

/// After `keys`, `shown` is on the screen.
fn shows(records: &[Record], keys: &str, shown: &str) {
    let screen = screen(records, keys, (120, 34));
    assert!(
        screen.contains(shown),
        "`{keys}`: no `{shown}` in\n{screen}"
    );
}

#[test]
fn classes_and_data_are_those_of_the_part() {
    let done = several();
    let nth = |view: u8, n: usize| format!("{view} {}", "n ".repeat(n));
    shows(
        &done,
        "2",
        "── digits 5-9 · 8/8 rows · by accuracy · 5 classes, 4,861 test examples ─",
    );
    shows(
        &done,
        "2 end",
        "── round digits · 8/8 rows · by macro F1 · 3 classes, 17,718 in 3 folds ─",
    );
    // Before anything is measured the data tells how many examples there are.
    let begun = several_until("data-compared", 1);
    shows(
        &begun,
        "2",
        "── digits 5-9 · 0/8 rows · by accuracy · 5 classes, 4,861 test examples ─",
    );
    shows(
        &begun,
        "2",
        "── round digits · 0/8 rows · by macro F1 · 3 classes ─",
    );
    // Rows 0 to 7 are of the first target, the last two of these of the second backbone.
    shows(
        &done,
        &nth(4, 0),
        " digits 5-9 · logistic regression · LeNet · pool2 gap · 4,054 of 4,861 correct",
    );
    shows(
        &done,
        &nth(4, 7),
        " digits 5-9 · frozen backbone with a small head · ConvNet · 3,279 of 4,861 correct",
    );
    shows(
        &done,
        &nth(4, 8),
        " round digits · logistic regression · LeNet · pool2 gap · 16,226 of 17,718 correct",
    );
    shows(
        &done,
        &nth(4, 8),
        "of 5,918 test images of 6 are recognised",
    );
    // Of fewer classes the last one is selected, not one that is not there.
    shows(
        &done,
        &format!("4 {} right right right right end n", "n ".repeat(7)),
        "test images of 9 are recognised",
    );
    shows(
        &done,
        &nth(3, 9),
        " round digits · ConvNet · trained, cut at block3 gap · 32 dimensions · 300 of 17,718 test",
    );
    shows(
        &done,
        "3",
        "digits 5-9 · LeNet · cut at pool2 gap: the run has kept no",
    );
    shows(
        &done,
        "5",
        "╭ digits 5-9 · LeNet · backbone: lenet/lenet, input 1×28×28 · 1 of ",
    );
    shows(&done, "5 p p p p p", "digits 5-9 · ConvNet · ");
    shows(&done, "2 enter", "target      digits 5-9");
    shows(&done, "2 enter", "backbone    LeNet");
    shows(
        &done,
        "2 enter pagedown",
        "target.dataset.classes = [5, 6, 7, 8, 9]",
    );
    shows(
        &done,
        &format!("2 {} enter", "down ".repeat(15)),
        "target      round digits",
    );
    shows(
        &done,
        "2 end enter",
        "round digits: rank 8, macro F1 58.84 %",
    );
    // Stages are counted within their part by the stream, and over all by the log.
    shows(
        &done,
        "6",
        "round digits · frozen backbone with a small head · ConvNet, seed 1: ",
    );
    shows(
        &done,
        "6 home",
        "0001-two-networks begins, round digits · ConvNet: ",
    );
    shows(&several_until("epoch-ended", 119), "1", "fold 3/3");
}

#[test]
fn samples_are_those_of_the_part() {
    let asks = |keys: &str, wanted: Job| {
        let mut app = pressed(&several(), PLAIN, "", (100, 30));
        let asked = press(&mut app, keys);
        assert_eq!(asked.last(), Some(&Effect::Job(wanted)), "`{keys}`");
    };
    let features = |part_name: &str, cut: &str, weights| {
        Job::ReadFeatures(part(part_name).feature_sample_path(cut, weights, 1))
    };
    asks(
        "3",
        features("001-digits-5-9-lenet", "pool2 gap", Start::Source),
    );
    asks(
        "3 n n n",
        features("001-digits-5-9-lenet", "features", Start::Random),
    );
    asks(
        "3 n n n n",
        features("002-digits-5-9-convnet", "block3 gap", Start::Source),
    );
    asks(
        "3 n n n n n",
        features("003-round-digits-lenet", "pool2 gap", Start::Source),
    );
    let images = |part_name: &str, row, title| {
        Job::ReadImages(part(part_name).image_sample_path(row, title, 1))
    };
    asks(
        "4",
        images(
            "001-digits-5-9-lenet",
            0,
            "digits 5-9 · logistic regression · LeNet · pool2 gap",
        ),
    );
    asks(
        "4 n n n n n n n",
        images(
            "002-digits-5-9-convnet",
            1,
            "digits 5-9 · frozen backbone with a small head · ConvNet",
        ),
    );
    // Before it is known where the parts are nothing is asked for, and then at once.
    let mut early = app(&several(), PLAIN, 100, 30);
    assert_eq!(press(&mut early, "3"), []);
    let asked = update(
        &mut early,
        Event::Answered(Answer::Settings(folder(), parts())),
    );
    let wanted = features("001-digits-5-9-lenet", "pool2 gap", Start::Source);
    assert_eq!(asked, [Effect::Job(wanted)]);
}

/// Going down line by line selects every row once, never a heading, and no two rows look alike.
#[test]
fn selection_goes_over_rows() {
    for (columns, rows) in [USUAL, BROAD, WIDE] {
        let mut app = pressed(&several(), PLAIN, "2", (columns, rows));
        let mut seen: Vec<String> = Vec::new();
        for _ in 0..24 {
            let screen = text(&buffer(&app, columns, rows));
            let selected: Vec<&str> = screen.lines().filter(|line| line.contains('▌')).collect();
            let [line] = selected.as_slice() else {
                panic!("{selected:?} in\n{screen}");
            };
            assert!(!line.contains("──"), "{screen}");
            // The heading of the row's own target stands above it.
            let heading = match seen.len() {
                0..8 => "── digits 5-9 ·",
                8..16 => "── round digits ·",
                _ => "── mean ranks over 2 targets ·",
            };
            let above = &screen[..screen.find('▌').unwrap()];
            let nearest = above.lines().rev().find(|line| line.contains(" ── "));
            assert!(
                nearest.is_some_and(|line| line.contains(heading)),
                "no {heading}:\n{screen}"
            );
            let words = line.split("  ").map(str::trim);
            let words = words.filter(|word| word.contains(char::is_alphabetic));
            let name: Vec<&str> = words.take(3).collect();
            let parts = [
                ["logistic reg", "frozen back", "random weig"],
                ["LeNet", "ConvNet", "ConvNet"],
                ["pool2 gap", "features", "block3 gap"],
            ];
            for (name, any) in name.iter().zip(parts) {
                let known = any.iter().any(|part| name.starts_with(part));
                assert!(known, "{name}:\n{screen}");
            }
            let name = name.join(" · ");
            seen.push(name);
            press(&mut app, "down");
        }
        for group in seen.chunks(8) {
            let mut sorted = group.to_vec();
            sorted.sort();
            sorted.dedup();
            assert_eq!(sorted.len(), 8, "{group:?}");
        }
    }
}

#[test]
fn the_mouse_selects_rows_and_no_headings() {
    let mut app = pressed(&several(), PLAIN, "2", WIDE);
    let mut click = |row| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        let modifiers = KeyModifiers::NONE;
        let mouse = MouseEvent {
            kind,
            column: 10,
            row,
            modifiers,
        };
        update(&mut app, Event::Mouse(mouse));
        let screen = text(&buffer(&app, WIDE.0, WIDE.1));
        let selected = screen.lines().position(|line| line.contains('▌'));
        (selected, screen)
    };
    // Headings are in rows 4 and 13, the columns' in row 3.
    for (row, expected) in [(6, 6), (4, 6), (14, 14), (13, 14), (12, 12)] {
        let (selected, screen) = click(row);
        assert_eq!(selected, Some(expected), "row {row}:\n{screen}");
    }
}

/// The best row of the list has its target and its backbone on a small terminal, too.
#[test]
fn the_list_of_runs_says_of_which_part_the_best_row_is() {
    let mut app = pressed(&several(), PLAIN, "7", USUAL);
    let run = ListedRun {
        folder: folder(),
        standing: Ok(Standing::Done),
        created_at: 0,
        seconds: Some(119.0),
        best: Some(BestRow {
            row: "digits 5-9 · logistic regression · LeNet · features".to_owned(),
            by: "accuracy".to_owned(),
            figures: [("accuracy".to_owned(), 0.9552)].into(),
        }),
    };
    update(&mut app, Event::Answered(Answer::Runs(vec![run])));
    let screen = text(&buffer(&app, USUAL.0, USUAL.1));
    let row = screen
        .lines()
        .find(|line| line.contains("95.52 %"))
        .unwrap();
    assert!(
        row.contains("  digits… · logist… · LeNet · featu…"),
        "{screen}"
    );
}

/// The recorded run as if its first target were the only one.
fn one_target() -> Vec<Record> {
    let mut records = several();
    records.retain(|record| record.part < 2);
    for record in &mut records {
        if let topwork_events::Event::RunStarted(plan) = &mut record.event {
            plan.target = None;
        }
    }
    records
}

/// Several backbones on one target are one group, without a heading, and still have columns of their own.
#[test]
fn one_target_needs_no_heading() {
    let records = one_target();
    for size in [BROAD, USUAL] {
        check("one-target-compare", &records, "2 down down", size);
    }
    check("one-target-live", &records, "1", BROAD);
    shows(
        &records,
        "4 n n n n n n n",
        " frozen backbone with a small head · ConvNet · 3,279 of 4,861",
    );
    shows(&records, "5 p p p p p p", "╭ ConvNet · ");
    let screen = screen(&records, "2", BROAD);
    assert!(
        !screen.contains(" ── ") && !screen.contains("mean rank"),
        "{screen}"
    );
}

#[test]
fn ascii_is_ascii() {
    let theme = Theme {
        ascii: true,
        ..PLAIN
    };
    for keys in ["1", "2", "2 end", "2 p", "2 enter", "3", "4", "5", "6"] {
        let screen = text(&buffer(
            &pressed(&several(), theme, keys, BROAD),
            BROAD.0,
            BROAD.1,
        ));
        let other: String = screen.chars().filter(|c| !c.is_ascii()).collect();
        assert_eq!(other, "", "`{keys}`:\n{screen}");
    }
}

/// A run of one target beside one of two has a group of its own.
#[test]
fn runs_are_compared_target_by_target() {
    let mut app = pressed(&several(), PLAIN, "", (160, 50));
    let other = RunFolder::at("runs/0005-mnist-transfer");
    let again = RunFolder::at("runs/0006-two-networks");
    press(&mut app, "7");
    let entry = |folder: &RunFolder| ListedRun {
        folder: folder.clone(),
        standing: Ok(Standing::Done),
        created_at: 0,
        seconds: None,
        best: None,
    };
    let list = vec![entry(&other), entry(&again)];
    update(&mut app, Event::Answered(Answer::Runs(list)));
    press(&mut app, "space down space");
    update(&mut app, Event::Records(other, flagship()));
    update(&mut app, Event::Records(again, several()));
    press(&mut app, "2");
    insta::assert_snapshot!("compare-three-runs-160x50", text(&buffer(&app, 160, 50)));
}

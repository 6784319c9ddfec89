//! Features and Confusion, drawn from samples: those of the recorded run, cut down, and made-up
//! ones of any size.

use std::{fmt::Write, path::Path, sync::Arc};

use proptest::prelude::*;
use topwork_events::{Record, Start};
use topwork_store::{FeatureSample, ImageSample};
use topwork_tui::{Answer, App, Background, Colours, Effect, Event, Features, Job, Theme, update};

use crate::{
    PLAIN, app, buffer, folder, press,
    streams::{Made, flagship, flagship_until},
    text,
};

const WIDE: (u16, u16) = (160, 50);
const USUAL: (u16, u16) = (80, 24);
const NARROW: (u16, u16) = (40, 12);

fn recorded(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/recorded")
        .join(format!("{name}.safetensors"))
}

/// What background jobs find: the recorded run's samples of features, and the images of its
/// second strategy.
fn answer(app: &mut App, effects: Vec<Effect>) {
    for effect in effects {
        let answer = match effect {
            Effect::Job(Job::ReadFeatures(path)) => {
                let name = path.to_string_lossy();
                let weights = if name.contains("-source-") {
                    "source"
                } else {
                    "random"
                };
                let features = Features::read(&recorded(&format!("features-{weights}"))).unwrap();
                Answer::Features(path, Ok(features.map(Arc::new)))
            }
            Effect::Job(Job::ReadImages(path)) => {
                let second = path.to_string_lossy().contains("images-2-");
                let images = ImageSample::read(&recorded("images-2")).unwrap();
                Answer::Images(path, Ok(images.filter(|_| second).map(Arc::new)))
            }
            _ => continue,
        };
        update(app, Event::Answered(answer));
    }
}

/// Presses keys one by one, every job done at once.
pub fn pressed(records: &[Record], theme: Theme, keys: &str, (columns, rows): (u16, u16)) -> App {
    let mut app = app(records, theme, columns, rows);
    for key in keys.split_whitespace() {
        let effects = press(&mut app, key);
        answer(&mut app, effects);
    }
    app
}

fn check(name: &str, records: &[Record], keys: &str, size: (u16, u16)) {
    check_in(PLAIN, name, records, keys, size);
}

fn check_in(theme: Theme, name: &str, records: &[Record], keys: &str, size: (u16, u16)) {
    let app = pressed(records, theme, keys, size);
    let screen = text(&buffer(&app, size.0, size.1));
    insta::with_settings!({ omit_expression => true, description => format!("keys: {keys}") }, {
        insta::assert_snapshot!(format!("{name}-{}x{}", size.0, size.1), screen);
    });
}

#[test]
fn features_as_panels() {
    let records = flagship();
    for size in [WIDE, USUAL, NARROW] {
        check("features", &records, "3", size);
        check("features-plane", &records, "3 p", size);
    }
    check("features-sorted", &records, "3 o right right", USUAL);
    check("features-in-order", &records, "3 o o", USUAL);
    check("features-full", &records, "3 w o end", USUAL);
    check("features-random", &records, "3 n", USUAL);
    check("features-plane-class", &records, "3 p right right", USUAL);
    // After the first extraction, before any strategy.
    check(
        "features-live",
        &flagship_until("stage-ended", 3),
        "3",
        NARROW,
    );
}

#[test]
fn confusion_and_its_images() {
    let records = flagship();
    for size in [WIDE, USUAL, NARROW] {
        check("confusion", &records, "4 n down right", size);
        check(
            "confusion-images",
            &records,
            "4 n down down down right right right right enter",
            size,
        );
    }
    check("confusion-right", &records, "4 n enter right", USUAL);
    check(
        "confusion-first",
        &flagship_until("strategy-evaluated", 1),
        "4",
        USUAL,
    );
}

#[test]
fn ascii() {
    let theme = Theme {
        ascii: true,
        ..PLAIN
    };
    let records = flagship();
    for (name, keys) in [
        ("features", "3"),
        ("features-plane", "3 p"),
        ("confusion", "4 n"),
        (
            "confusion-images",
            "4 n down down down right right right right enter",
        ),
    ] {
        check_in(theme, &format!("ascii-{name}"), &records, keys, USUAL);
        let screen = text(&buffer(&pressed(&records, theme, keys, USUAL), 80, 24));
        assert!(screen.is_ascii(), "{screen}");
    }
}

/// Foregrounds and grounds, cell by cell, of the first rows.
fn colours(theme: Theme, keys: &str, rows: u16) -> String {
    let buffer = buffer(&pressed(&flagship(), theme, keys, NARROW), 40, 12);
    let mut text = String::new();
    for y in 2..2 + rows {
        let mut before = None;
        for x in 0..40 {
            let cell = &buffer[(x, y)];
            let look = (cell.symbol(), cell.fg, cell.bg);
            if before != Some(look) {
                write!(text, " {}{}/{}", cell.symbol(), cell.fg, cell.bg).unwrap();
            }
            before = Some(look);
        }
        text.push('\n');
    }
    text
}

#[test]
fn values_are_colours() {
    let theme = |colours| Theme {
        colours,
        background: Background::Dark,
        ascii: false,
    };
    for (name, number) in [
        ("true", Colours::True),
        ("indexed", Colours::Indexed),
        ("named", Colours::Named),
    ] {
        insta::assert_snapshot!(
            format!("colours-features-{name}"),
            colours(theme(number), "3", 4)
        );
        insta::assert_snapshot!(
            format!("colours-confusion-{name}"),
            colours(theme(number), "4 n", 5)
        );
        insta::assert_snapshot!(
            format!("colours-images-{name}"),
            colours(theme(number), "4 n enter", 3)
        );
    }
}

/// After `keys`, `shown` is on the screen.
fn shows(keys: &str, shown: &str) {
    let screen = text(&buffer(
        &pressed(&flagship(), PLAIN, keys, (100, 30)),
        100,
        30,
    ));
    assert!(
        screen.contains(shown),
        "`{keys}`: no `{shown}` in\n{screen}"
    );
}

#[test]
fn keys_of_features() {
    shows(
        "3",
        "trained, cut at features · 128 of 800 dimensions · 150 of 4,861 test images",
    );
    shows("3", "of each dimension; best 22 by class; thinned");
    shows("3 w", "of each dimension; all, by class; full resolution");
    shows("3 o o", "· dimension 0, F ");
    shows("3 o o", "dimensions as the trunk gives them; thinned");
    shows("3 o o o", "of each dimension; best 22 by class");
    shows(
        "3 n",
        "random, cut at features · 64 of 800 dimensions · 100 of 4,861 test images",
    );
    shows("3 n n", "trained, cut at");
    shows("3 w", "full resolution");
    shows("3 o o w down", "· dimension 6, F ");
    shows("3 o o w down up", "· dimension 0, F ");
    shows("3 o o end", "· dimension 7");
    shows("3 o", "dimensions by class separation, the best on top");
    // The cursor stays on its dimension when the order changes.
    shows("3 o o w down o", "· dimension 6, F ");
    shows("3 right left", "class 5, test image");
    shows(
        &format!("3 {}", "right ".repeat(200)),
        "class 9, test image",
    );
    shows("3 p", "first component ");
    shows("3 p p", "of each dimension; best 22");
}

#[test]
fn keys_of_confusion() {
    shows("4", " frozen backbone · 4,809 of 4,861 correct, 98.93 %");
    shows(
        "4 n",
        " feature classifier, 1,000 samples · 4,764 of 4,861 correct",
    );
    shows("4 n", "of 892 test images of 5 are recognised");
    shows("4 n right", "of 892 test images of 5 are taken for 6");
    shows("4 n down", "test images of 6 are taken for 5");
    shows("4 n down enter", "6 taken for 5: ");
    shows("4 n down enter", " 1 of ");
    shows("4 n enter right", " 2 of 6 · test image ");
    shows("4 n enter right right left", " 2 of 6 · test image ");
    shows("4 n enter end", " 6 of 6 · test image ");
    shows("4 n enter esc", "share of the row");
    shows("4 n enter enter", "share of the row");
    shows("4 enter", "the run has kept no test images");
}

#[test]
fn what_is_missing_is_said() {
    let says = |records: &[Record], key: &str, outcome: Option<&str>, shown: &str| {
        let mut app = app(records, PLAIN, 80, 24);
        for effect in press(&mut app, key) {
            let unreadable = || Err(outcome.unwrap_or_default().to_owned());
            let answer = match (effect, outcome) {
                (Effect::Job(Job::ReadFeatures(path)), None) => Answer::Features(path, Ok(None)),
                (Effect::Job(Job::ReadFeatures(path)), _) => Answer::Features(path, unreadable()),
                _ => continue,
            };
            update(&mut app, Event::Answered(answer));
        }
        let screen = text(&buffer(&app, 80, 24));
        assert!(screen.contains(shown), "{screen}");
    };
    says(&[], "3", None, "the run has not begun yet");
    says(&[], "4", None, "the run has not begun yet");
    let begun = flagship_until("stage-started", 1);
    says(&begun, "3", None, "no features have been extracted yet");
    says(&begun, "4", None, "`frozen backbone` is not measured yet");
    says(
        &flagship(),
        "3",
        None,
        "the run has kept no sample of these features",
    );
    says(&flagship(), "3", Some("`x` is damaged"), "`x` is damaged");
}

/// A sample is asked for once, and again when the run has come further.
#[test]
fn samples_are_asked_for_when_they_may_be_there() {
    let mut app = app(&flagship_until("stage-started", 1), PLAIN, 80, 24);
    assert_eq!(press(&mut app, "3"), []);
    let path = folder().feature_sample_path("features", Start::Source, 1);
    let wanted = [Effect::Job(Job::ReadFeatures(path.clone()))];
    let later = flagship();
    let asked = update(&mut app, Event::Records(folder(), later.clone()));
    assert!(asked.ends_with(&wanted), "{asked:?}");
    assert_eq!(press(&mut app, "2 3"), []);
    let images = folder().image_sample_path(0, "frozen backbone", 1);
    assert_eq!(press(&mut app, "4"), [Effect::Job(Job::ReadImages(images))]);
    assert_eq!(press(&mut app, "4"), []);
}

fn many_classes(classes: usize, dims: usize, each: usize) -> FeatureSample {
    let examples = classes * each;
    FeatureSample {
        cut: "features".to_owned(),
        weights: Start::Source,
        seed: 1,
        classes: (0..classes).map(|class| format!("class {class}")).collect(),
        extracted: examples,
        examples: (0..examples as u64).collect(),
        labels: (0..examples)
            .map(|example| (example % classes.max(1)) as u32)
            .collect(),
        dim: dims,
        dimensions: (0..dims as u32).collect(),
        values: (0..examples * dims)
            .map(|i| ((i * 37) % 101) as f32 / 10.0)
            .collect(),
    }
}

#[test]
fn many_classes_scroll() {
    let mut app = app(&flagship(), PLAIN, 80, 24);
    let Some(Effect::Job(Job::ReadFeatures(path))) = press(&mut app, "3").pop() else {
        panic!("nothing was asked for");
    };
    let features = Features::of(many_classes(40, 64, 8));
    update(
        &mut app,
        Event::Answered(Answer::Features(path, Ok(Some(Arc::new(features))))),
    );
    press(&mut app, &"right ".repeat(100));
    insta::assert_snapshot!("features-40-classes-80x24", text(&buffer(&app, 80, 24)));
    press(&mut app, "p");
    insta::assert_snapshot!(
        "features-plane-40-classes-80x24",
        text(&buffer(&app, 80, 24))
    );
}

const KEYS: &str = "3 4 tab up down left right pageup pagedown home end enter esc n e o p w";

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// No sample, however odd, no size and no keys break the drawing.
    #[test]
    fn nothing_panics(
        (classes, dims, each) in (0..30_usize, 0..70_usize, 0..12_usize),
        [channels, height, width] in [prop::sample::select(vec![1, 3_usize]).boxed(), (0..70_usize).boxed(), (0..70_usize).boxed()],
        odd in prop::sample::select(vec![0.0, f32::NAN, f32::INFINITY, -1e30]),
        keys in prop::collection::vec(prop::sample::select(KEYS.split(' ').collect::<Vec<_>>()), 0..25),
        colours in prop::sample::select(vec![Colours::True, Colours::Indexed, Colours::Named, Colours::None]),
        ascii: bool,
        recorded: bool,
        (columns, rows) in (1..=300_u16, 1..=100_u16),
        (later_columns, later_rows) in (1..=300_u16, 1..=100_u16),
    ) {
        let mut sample = many_classes(classes, dims, each);
        if let Some(value) = sample.values.last_mut() {
            *value = odd;
        }
        let features = Arc::new(Features::of(sample));
        let count = classes * each;
        let images = Arc::new(ImageSample {
            classes: (0..classes).map(|class| class.to_string()).collect(),
            shape: [channels, height, width],
            range: [0.0, 1.0],
            names: (0..if recorded { count } else { 0 }).map(|i| format!("ä 猫/{i}.png")).collect(),
            examples: (0..count as u64).collect(),
            labels: (0..count).map(|i| (i % classes.max(1)) as u32).collect(),
            predicted: (0..count).map(|i| (i / 3 % classes.max(1)) as u32).collect(),
            scores: vec![(0..classes as u32).map(|class| (class, odd)).collect(); count],
            pixels: vec![77; count * channels * height * width],
        });
        let theme = Theme { colours, background: Background::Dark, ascii };
        let made = Made { seeds: vec![1, 2], ..Made::strategies(3) };
        let records = if recorded { flagship() } else { made.records() };
        let mut app = app(&records, theme, columns, rows);
        for key in ["3", "4", "3"].into_iter().chain(keys) {
            for effect in press(&mut app, key) {
                let answer = match effect {
                    Effect::Job(Job::ReadFeatures(path)) => Answer::Features(path, Ok(Some(Arc::clone(&features)))),
                    Effect::Job(Job::ReadImages(path)) => Answer::Images(path, Ok(Some(Arc::clone(&images)))),
                    _ => continue,
                };
                update(&mut app, Event::Answered(answer));
            }
            buffer(&app, columns, rows);
        }
        buffer(&app, later_columns, later_rows);
        update(&mut app, Event::Resize(later_columns, later_rows));
        buffer(&app, later_columns, later_rows);
    }
}

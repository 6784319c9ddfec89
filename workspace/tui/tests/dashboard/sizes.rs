//! No size and no order of events breaks the drawing.

use proptest::prelude::*;
use topwork_events::{EndStatus, Record};
use topwork_tui::{Background, Colours, Event, Theme, update};

use crate::{
    app, buffer, folder, press,
    streams::{Made, counting, flagship, grid, several},
    text,
};

fn theme() -> impl Strategy<Value = Theme> {
    let colours = prop::sample::select(vec![
        Colours::True,
        Colours::Indexed,
        Colours::Named,
        Colours::None,
    ]);
    (colours, any::<bool>(), any::<bool>()).prop_map(|(colours, light, ascii)| Theme {
        colours,
        background: if light {
            Background::Light
        } else {
            Background::Dark
        },
        ascii,
    })
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let made = (0..13_usize, 1..4_u64, any::<bool>(), any::<bool>()).prop_map(
        |(strategies, seeds, grid, crashed)| {
            Made {
                seeds: (1..=seeds).collect(),
                grid,
                ending: crashed.then_some(EndStatus::Crashed),
                ..Made::strategies(strategies)
            }
            .records()
        },
    );
    prop_oneof![Just(flagship()), Just(several()), made]
}

const KEYS: &str = "1 2 3 4 5 6 7 tab up down left right pageup pagedown home end enter esc ? s y n o O p w f / x space D backspace";

fn keys() -> impl Strategy<Value = String> {
    let all: Vec<&str> = KEYS.split(' ').collect();
    prop::collection::vec(prop::sample::select(all), 0..12).prop_map(|keys| keys.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(
        theme in theme(),
        records in records().prop_shuffle_some(),
        keys in keys(),
        view in 1..=7_u8,
        (columns, rows) in (1..=300_u16, 1..=100_u16),
        (later_columns, later_rows) in (1..=300_u16, 1..=100_u16),
    ) {
        let mut app = app(&records, theme, columns, rows);
        press(&mut app, &view.to_string());
        buffer(&app, columns, rows);
        press(&mut app, &keys);
        buffer(&app, columns, rows);
        // The terminal may be of another size than the last event told.
        buffer(&app, later_columns, later_rows);
        update(&mut app, Event::Resize(later_columns, later_rows));
        update(&mut app, Event::Records(folder(), records));
        buffer(&app, later_columns, later_rows);
    }
}

/// The numbers of three digits and more on a screen, without those that are shortened and say so.
fn numbers(screen: &str) -> Vec<String> {
    let characters: Vec<char> = screen.chars().collect();
    let is_part = |c: &char| c.is_ascii_digit() || ".,:".contains(*c);
    let mut numbers = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        let length = characters[at..].iter().take_while(|c| is_part(c)).count();
        let after: String = characters[at + length..].iter().take(2).collect();
        let number: String = characters[at..at + length].iter().collect();
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        let exact = !number.contains(['.', ':'])
            && ![" k", " M", " G", " m", " s", " %"].contains(&after.as_str());
        if digits.len() >= 3 && exact {
            numbers.push(digits);
        }
        at += length.max(1);
    }
    numbers
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// Whatever the size, a number is whole, shortened with its unit, or not there: never its
    /// beginning or its end.
    #[test]
    fn no_number_is_cut(
        number in prop::sample::select(vec![15_552_u64, 20_160, 104_583, 1_234_567, 87_654_321, 912_345_678]),
        keys in prop::sample::select(vec!["1", "1 home down", "1 w", "2", "2 p", "2 enter", "4", "4 down right", "6"]),
        ascii: bool,
        done in 0.2..1.0_f64,
        (columns, rows) in (20..=200_u16, 5..=60_u16),
    ) {
        let (mut records, told) = counting(number);
        records.truncate((records.len() as f64 * done) as usize);
        let theme = Theme { colours: Colours::None, background: Background::Dark, ascii };
        let mut app = app(&records, theme, columns, rows);
        press(&mut app, keys);
        let screen = text(&buffer(&app, columns, rows));
        let told: Vec<String> = told.iter().map(u64::to_string).collect();
        for found in numbers(&screen) {
            let cut = told.iter().find(|whole| {
                whole.len() > found.len() && (whole.starts_with(&found) || whole.ends_with(&found))
            });
            prop_assert!(
                told.contains(&found) || cut.is_none(),
                "{found} of {cut:?} at {columns}x{rows}:\n{screen}"
            );
        }
    }

    /// Nothing touches the right frame of a panel but what ends there or is cut with a sign.
    #[test]
    fn no_cell_is_cut_without_a_sign(
        view in 1..=2_u8,
        (columns, rows) in (40..=90_u16, 12..=40_u16),
    ) {
        let records = grid(&["conv1", "features"], &[100, 20_000], vec![1, 2, 3]);
        let mut app = app(&records, Theme { colours: Colours::None, background: Background::Dark, ascii: false }, columns, rows);
        press(&mut app, &view.to_string());
        let screen = text(&buffer(&app, columns, rows));
        for line in screen.lines() {
            let words = line.split(['│', '▌']).flat_map(str::split_whitespace);
            for word in words.filter(|word| "accuracy".starts_with(word) && word.len() > 1) {
                prop_assert!(word == "accuracy", "{word} at {columns}x{rows}:\n{screen}");
            }
            // Every accuracy of this run has two decimals, one or none, and its sign.
            prop_assert!(!line.contains(". ") || !line.contains('%'), "{columns}x{rows}:\n{screen}");
        }
    }
}

/// Streams in which some records are missing and others stand elsewhere.
trait Shuffled: Strategy<Value = Vec<Record>> + Sized {
    fn prop_shuffle_some(self) -> BoxedStrategy<Vec<Record>>;
}

impl<S: Strategy<Value = Vec<Record>> + 'static> Shuffled for S {
    fn prop_shuffle_some(self) -> BoxedStrategy<Vec<Record>> {
        (self, any::<bool>(), 0.0..=1.0_f64)
            .prop_flat_map(|(mut records, shuffled, share)| {
                records.truncate((records.len() as f64 * share) as usize);
                if shuffled {
                    Just(records).prop_shuffle().boxed()
                } else {
                    Just(records).boxed()
                }
            })
            .boxed()
    }
}

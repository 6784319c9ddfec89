//! No size and no order of events breaks the drawing.

use proptest::prelude::*;
use topwork_events::{EndStatus, Record};
use topwork_tui::{Background, Colours, Event, Theme, update};

use crate::{
    app, buffer, folder, press,
    streams::{Made, flagship},
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
    prop_oneof![Just(flagship()), made]
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

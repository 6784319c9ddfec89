//! How long it takes until a recorded run stands on the screen: `open_speed RUN`.

use std::time::Instant;

use ratatui::{buffer::Buffer, layout::Rect};
use topwork_store::RunFolder;
use topwork_tui::{App, Background, Colours, Event, Theme, draw, update};

fn main() {
    let folder = RunFolder::at(std::env::args().nth(1).unwrap_or_default());
    let theme = Theme {
        colours: Colours::True,
        background: Background::Dark,
        ascii: false,
    };
    let begun = Instant::now();
    let mut app = App::new(folder.clone(), theme, 200, 60, 0);
    let mut buffer = Buffer::empty(Rect::new(0, 0, 200, 60));
    draw(&app, &mut buffer);
    println!("first frame {:?}", begun.elapsed());
    let mut reader = folder.event_reader();
    let mut events = 0;
    while let Ok(records) = reader.next_batch(20_000) {
        if records.is_empty() {
            break;
        }
        events += records.len();
        update(&mut app, Event::Records(folder.clone(), records));
    }
    draw(&app, &mut buffer);
    println!(
        "{events} events read, taken in and drawn {:?}",
        begun.elapsed()
    );
    let begun = Instant::now();
    for _ in 0..100 {
        draw(&app, &mut buffer);
    }
    println!("one frame of 200x60 {:?}", begun.elapsed() / 100);
}

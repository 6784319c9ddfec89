//! Keys as data: a stream, what is pressed, what is on the screen then and what was asked for.

use topwork_events::Record;
use topwork_index::BestRow;
use topwork_store::{Load, RunFolder, Standing};
use topwork_tui::{Answer, App, Effect, Event, Job, ListedRun, update};

use crate::{
    PLAIN, app, buffer, folder, press,
    streams::{Made, flagship, flagship_until},
    text,
};

fn screen(app: &App) -> String {
    text(&buffer(app, 100, 30))
}

/// After `keys`, `shown` is on the screen and `effects` were asked for last.
fn check(records: &[Record], keys: &str, shown: &str, effects: &[Effect]) {
    let mut app = app(records, PLAIN, 100, 30);
    let asked = press(&mut app, keys);
    let screen = screen(&app);
    assert!(
        screen.contains(shown),
        "`{keys}`: no `{shown}` in\n{screen}"
    );
    assert_eq!(asked, effects, "`{keys}`");
}

#[test]
fn views_are_changed() {
    let records = flagship();
    check(&records, "", " p shows them", &[]);
    check(&records, "tab", "feature classifier against", &[]);
    check(&records, "2", "feature classifier against", &[]);
    check(&records, "5", "╭ backbone: ", &[]);
    check(&records, "6", "╭ log, following", &[]);
    check(&records, "6 shift-tab", "╭ backbone: ", &[]);
    let list = Effect::Job(Job::ListRuns("runs".into()));
    check(
        &records,
        "7",
        "looking for runs",
        std::slice::from_ref(&list),
    );
    check(&records, "shift-tab", "looking for runs", &[list]);
}

#[test]
fn leaving_and_stopping() {
    let running = flagship_until("epoch-ended", 1);
    check(&running, "q", "", &[Effect::Leave]);
    check(&running, "ctrl-c", "", &[Effect::Leave]);
    check(&running, "? ctrl-c", "", &[Effect::Leave]);
    check(&running, "ctrl-z", "", &[Effect::Suspend]);
    let stop = |kill| {
        Effect::Job(Job::Stop {
            run: folder(),
            kill,
        })
    };
    check(
        &running,
        "s",
        "stop the run `0007-mnist-transfer` at its next step?",
        &[],
    );
    check(&running, "s n", "╭ stages", &[]);
    check(&running, "s esc", "╭ stages", &[]);
    check(&running, "s q", "at its next step?", &[]);
    check(&running, "s y", "╭ stages", &[stop(false)]);
    check(&flagship(), "s", "this run has ended already", &[]);
    let mut app = app(&running, PLAIN, 100, 30);
    update(&mut app, Event::Answered(Answer::AskedToStop(folder())));
    assert!(screen(&app).contains("stopping"), "{}", screen(&app));
    assert_eq!(press(&mut app, "s y"), [stop(true)]);
}

#[test]
fn dialogs() {
    let records = flagship();
    check(&records, "?", "╭ keys in Live", &[]);
    check(&records, "2 ?", "everything known of the row", &[]);
    check(&records, "? q", "╭ comparison", &[]);
    check(&records, "? ?", "╭ comparison", &[]);
    check(&records, "2 enter", "╭ feature classifier ", &[]);
    check(&records, "2 down enter", "╭ frozen backbone ", &[]);
    check(&records, "2 enter esc", "╭ comparison", &[]);
}

#[test]
fn order() {
    let records = flagship();
    check(&records, "2", "comparison, best first", &[]);
    check(&records, "2 O", "comparison, best last", &[]);
    check(&records, "2 o O down", "comparison by rank ▼", &[]);
    check(&records, "2 o o", "comparison by strategy ▲", &[]);
    check(&records, "2 o o o", "comparison by accuracy ▲", &[]);
    check(&records, "2 o o o O", "comparison by accuracy ▼", &[]);
    let last = "2 o o o o o o o o o o o o";
    check(&records, last, "in the order of the file", &[]);
    check(&records, &format!("{last} o"), "best first", &[]);
}

#[test]
fn filters() {
    let records = flagship();
    check(&records, "6 / r e a d", " /read", &[]);
    check(&records, "6 / r e a d enter", "with \"read\"", &[]);
    check(&records, "6 / x backspace d ctrl-u z", " /z", &[]);
    check(&records, "6 / z z z z", "no line contains that", &[]);
    // `q` is a letter there, and escape gives back what was before.
    check(&records, "6 / q", " /q", &[]);
    check(&records, "6 / a enter / b esc", "with \"a\"", &[]);
    check(&records, "6 / a enter esc", "╭ log, following ─", &[]);
    let mut app = app(&records, PLAIN, 100, 30);
    press(&mut app, "6 /");
    update(&mut app, Event::Paste("two\nlines".to_owned()));
    assert!(screen(&app).contains(" /twolines"), "{}", screen(&app));
}

#[test]
fn following_the_log() {
    let records = flagship();
    check(&records, "6 up up", "2 lines before the end", &[]);
    check(&records, "6 up up f", "log, following", &[]);
    check(&records, "6 up up end", "log, following", &[]);
    check(&records, "6 up enter", "log line from topwork", &[]);
}

#[test]
fn stages_are_selected() {
    let records = flagship();
    check(&records, "p home", "read data", &[]);
    check(
        &records,
        "p home down w",
        "loss (log), recent · source",
        &[],
    );
    check(&records, "p home down w w", "╭ loss (log) · source", &[]);
    check(&records, "p home down l", "╭ loss · source", &[]);
    check(&records, "p p", " p shows them", &[]);
    // The curves are those of the best row that has any, then those of the selected one.
    check(&records, "", "loss (log) · frozen backbone", &[]);
    check(&records, "end", "loss (log) · frozen random backbone", &[]);
    check(&records, "down", "loss (log) · frozen backbone", &[]);
    check(&records, "down up", "this stage has no curve", &[]);
}

/// What the worker takes stands with the stages for as long as it works.
#[test]
fn the_load_of_a_worker() {
    let load = Load {
        bytes: 317_000_000,
        cores: Some(1.94),
    };
    let check = |records: &[Record], shown: bool| {
        let mut app = app(records, PLAIN, 110, 30);
        update(&mut app, Event::Works(folder(), load));
        let screen = screen(&app);
        assert_eq!(screen.contains(" · 317 MB, 1.9 cores"), shown, "{screen}");
    };
    check(&flagship_until("epoch-ended", 1), true);
    check(&flagship(), false);
}

fn entry(number: u32, standing: Standing) -> ListedRun {
    let done = standing == Standing::Done;
    ListedRun {
        folder: RunFolder::at(format!("runs/{number:04}-mnist-transfer")),
        standing: Ok(standing),
        created_at: 1_760_000_000_000,
        seconds: done.then_some(8.0),
        best: done.then(|| BestRow {
            row: "logistic · features · 500".to_owned(),
            by: "accuracy".to_owned(),
            figures: [("accuracy".to_owned(), 0.9924)].into(),
        }),
    }
}

#[test]
fn runs_are_opened_compared_and_removed() {
    let mut app = app(&Made::strategies(2).records(), PLAIN, 100, 30);
    press(&mut app, "7");
    let crashed = Standing::Crashed {
        message: "SIGKILL".to_owned(),
    };
    let running = Standing::Running {
        stage: Some("source".to_owned()),
        host: None,
    };
    let list = vec![
        entry(5, crashed),
        entry(6, running),
        entry(7, Standing::Done),
    ];
    update(&mut app, Event::Answered(Answer::Runs(list)));
    insta::assert_snapshot!("runs-100x30", screen(&app));
    let run = |number| entry(number, Standing::Done).folder;
    // The running one cannot be removed; the crashed one after a yes.
    assert_eq!(press(&mut app, "down D"), []);
    assert!(screen(&app).contains("still runs: stop it first"));
    assert_eq!(press(&mut app, "down D"), []);
    assert_eq!(press(&mut app, "y"), [Effect::Job(Job::Remove(run(5)))]);
    // Compared: a second run's strategies stand beside the first's.
    assert_eq!(press(&mut app, "space"), [Effect::Follow(run(5))]);
    update(
        &mut app,
        Event::Records(run(5), Made::strategies(2).records()),
    );
    press(&mut app, "2");
    let shown = screen(&app);
    assert!(
        shown.contains("0005 strategy 1") && shown.contains("0007 strategy 1"),
        "{shown}"
    );
    press(&mut app, "7");
    assert_eq!(press(&mut app, "space"), [Effect::Unfollow(run(5))]);
    // Opened: the one that was shown is followed no longer.
    assert_eq!(
        press(&mut app, "up enter"),
        [Effect::Follow(run(6)), Effect::Unfollow(run(7))]
    );
    assert!(
        screen(&app).contains("starting `0006-mnist-transfer`"),
        "{}",
        screen(&app)
    );
    // A filter hides the others.
    press(&mut app, "7 / c r a s h enter");
    let shown = screen(&app);
    assert!(
        shown.contains("0005") && !shown.contains("0007-"),
        "{shown}"
    );
}

/// Of a long run its end is known before all it said is read.
#[test]
fn a_run_that_is_over_is_not_called_running() {
    let records = flagship();
    let half = &records[..records.len() / 2];
    let check = |standing: Standing, before: &str, after: &str| {
        let mut app = App::new(folder(), PLAIN, 100, 30, records[0].at);
        update(&mut app, Event::Stands(folder(), standing));
        update(&mut app, Event::Records(folder(), half.to_vec()));
        let shown = screen(&app);
        assert!(
            shown.contains(before) && !shown.contains("running"),
            "{shown}"
        );
        let rest = records[half.len()..].to_vec();
        update(&mut app, Event::Records(folder(), rest));
        let shown = screen(&app);
        assert!(shown.contains(after), "{shown}");
    };
    check(
        Standing::Done,
        "✓ done, its records are being read",
        "✓ done after 00:19",
    );
    // Nothing is stopped that is over.
    let mut app = app(half, PLAIN, 100, 30);
    update(&mut app, Event::Stands(folder(), Standing::Done));
    press(&mut app, "s");
    assert!(screen(&app).contains("this run has ended already"));
}

#[test]
fn the_mouse_selects_tabs_and_rows() {
    use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    let click = |app: &mut App, column, row| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        let modifiers = KeyModifiers::NONE;
        update(
            app,
            Event::Mouse(MouseEvent {
                kind,
                column,
                row,
                modifiers,
            }),
        );
    };
    let mut app = app(&flagship(), PLAIN, 100, 30);
    click(&mut app, 10, 1);
    assert!(
        screen(&app).contains("feature classifier against"),
        "{}",
        screen(&app)
    );
    // The third row of the table: headings are in row 3.
    click(&mut app, 10, 6);
    assert!(
        screen(&app).contains("▌   3  feature classifier, 1,000 "),
        "{}",
        screen(&app)
    );
}

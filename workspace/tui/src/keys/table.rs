//! The table of keys.

use crossterm::event::{KeyCode, KeyModifiers};

use super::{Action, Binding, Place, Places, Press};
use crate::view::View;

const fn key(code: KeyCode) -> Press {
    Press(code, KeyModifiers::NONE)
}

const fn char(character: char) -> Press {
    key(KeyCode::Char(character))
}

const fn ctrl(character: char) -> Press {
    Press(KeyCode::Char(character), KeyModifiers::CONTROL)
}

const fn binding(
    action: Action,
    keys: &'static [Press],
    places: Places,
    hint: Option<&'static str>,
    about: &'static str,
) -> Binding {
    Binding {
        action,
        keys,
        places,
        hint,
        about,
    }
}

use Action as A;
use Place::{Prompt, Question, Reading};
use Places::{Everywhere, Only, Views};

const ROWS: &[Place] = &[
    Place::View(View::Live),
    Place::View(View::Compare),
    Place::View(View::Features),
    Place::View(View::Confusion),
    Place::View(View::Network),
    Place::View(View::Log),
    Place::View(View::Runs),
    Reading,
];

/// Every key of the dashboard.
pub const KEYS: &[Binding] = &[
    binding(
        A::NextView,
        &[key(KeyCode::Tab)],
        Views,
        Some("next view"),
        "next view",
    ),
    binding(
        A::PreviousView,
        &[key(KeyCode::BackTab)],
        Views,
        None,
        "previous view",
    ),
    binding(
        A::Show(View::Live),
        &[char('1')],
        Views,
        None,
        "Live: stages, curves, the table as it fills",
    ),
    binding(
        A::Show(View::Compare),
        &[char('2')],
        Views,
        None,
        "Compare: strategies and runs against each other",
    ),
    binding(
        A::Show(View::Features),
        &[char('3')],
        Views,
        None,
        "Features: what the trunk makes of the images",
    ),
    binding(
        A::Show(View::Confusion),
        &[char('4')],
        Views,
        None,
        "Confusion of classes, residuals of numbers, or labels",
    ),
    binding(
        A::Show(View::Network),
        &[char('5')],
        Views,
        None,
        "Network: layers, shapes, the cut, what is frozen",
    ),
    binding(
        A::Show(View::Log),
        &[char('6')],
        Views,
        None,
        "Log: what worker and plugins say",
    ),
    binding(
        A::Show(View::Runs),
        &[char('7')],
        Views,
        None,
        "Runs: all runs of the folder",
    ),
    binding(
        A::Up,
        &[key(KeyCode::Up), char('k')],
        Only(ROWS),
        None,
        "one row up",
    ),
    binding(
        A::Down,
        &[key(KeyCode::Down), char('j')],
        Only(ROWS),
        None,
        "one row down",
    ),
    binding(
        A::Left,
        &[key(KeyCode::Left), char('h')],
        Only(&[Place::View(View::Features), Place::View(View::Confusion)]),
        None,
        "one column to the left",
    ),
    binding(
        A::Right,
        &[key(KeyCode::Right), char('l')],
        Only(&[Place::View(View::Features), Place::View(View::Confusion)]),
        None,
        "one column to the right",
    ),
    binding(
        A::PageUp,
        &[key(KeyCode::PageUp), ctrl('b')],
        Only(ROWS),
        None,
        "one screen up",
    ),
    binding(
        A::PageDown,
        &[key(KeyCode::PageDown), ctrl('f')],
        Only(ROWS),
        None,
        "one screen down",
    ),
    binding(
        A::First,
        &[key(KeyCode::Home), char('g')],
        Only(ROWS),
        None,
        "first row",
    ),
    binding(
        A::Last,
        &[key(KeyCode::End), char('G')],
        Only(ROWS),
        None,
        "last row",
    ),
    binding(
        A::NextPage,
        &[char('p')],
        Only(&[Place::View(View::Live)]),
        Some("outcome or stages"),
        "of a run that is over: what it has come to, or its stages",
    ),
    binding(
        A::Window,
        &[char('w')],
        Only(&[Place::View(View::Live)]),
        Some("whole or recent"),
        "the whole curve, or its latest part at full resolution",
    ),
    binding(
        A::Window,
        &[char('w')],
        Only(&[Place::View(View::Features)]),
        Some("whole or part"),
        "the whole picture, evenly thinned, or the part around the cursor at full resolution",
    ),
    binding(
        A::Scale,
        &[char('l')],
        Only(&[Place::View(View::Live)]),
        Some("log or linear"),
        "the loss on a logarithmic or a linear axis",
    ),
    binding(
        A::Follow,
        &[char('f')],
        Only(&[Place::View(View::Live)]),
        Some("follow"),
        "follow the running stage",
    ),
    binding(
        A::Follow,
        &[char('f')],
        Only(&[Place::View(View::Log)]),
        Some("follow"),
        "follow the newest lines",
    ),
    binding(
        A::NextPage,
        &[char('p')],
        Only(&[Place::View(View::Compare)]),
        Some("bars or curves"),
        "below the table: bars, then the curves by cut and by training samples",
    ),
    binding(
        A::Sort,
        &[char('o')],
        Only(&[Place::View(View::Compare)]),
        Some("order"),
        "order by the next column; behind the last by the file, then the best first",
    ),
    binding(
        A::Reverse,
        &[char('O')],
        Only(&[Place::View(View::Compare)]),
        None,
        "turn the order round",
    ),
    binding(
        A::NextPage,
        &[char('p')],
        Only(&[Place::View(View::Features)]),
        Some("picture or plane"),
        "the values themselves, or the plane in which they vary most",
    ),
    binding(
        A::Sort,
        &[char('o')],
        Only(&[Place::View(View::Features)]),
        Some("order"),
        "dimensions by the class they fire for, by class separation, as the trunk gives them",
    ),
    binding(
        A::NextStrategy,
        &[char('n')],
        Only(&[Place::View(View::Features)]),
        Some("next trunk"),
        "the next trunk: cut and weights",
    ),
    binding(
        A::NextStrategy,
        &[char('n')],
        Only(&[Place::View(View::Confusion)]),
        Some("next strategy"),
        "the next strategy",
    ),
    binding(
        A::NextSeed,
        &[char('e')],
        Only(&[Place::View(View::Features), Place::View(View::Confusion)]),
        Some("next seed"),
        "next seed",
    ),
    binding(
        A::NextPage,
        &[char('p')],
        Only(&[Place::View(View::Network)]),
        Some("next network"),
        "the next network: backbone, then heads",
    ),
    binding(
        A::Filter,
        &[char('/')],
        Only(&[Place::View(View::Log), Place::View(View::Runs)]),
        Some("filter"),
        "show only rows that contain a text",
    ),
    binding(
        A::Mark,
        &[char(' ')],
        Only(&[Place::View(View::Runs)]),
        Some("compare"),
        "take the run into the comparison, or out of it",
    ),
    binding(
        A::Remove,
        &[char('D'), key(KeyCode::Delete)],
        Only(&[Place::View(View::Runs)]),
        Some("remove"),
        "remove the run from disk, after a question",
    ),
    binding(
        A::Open,
        &[key(KeyCode::Enter)],
        Only(&[Place::View(View::Compare)]),
        Some("details"),
        "everything known of the row",
    ),
    binding(
        A::Open,
        &[key(KeyCode::Enter)],
        Only(&[Place::View(View::Confusion)]),
        Some("images"),
        "the test images behind the cell, or back to the matrix",
    ),
    binding(
        A::Open,
        &[key(KeyCode::Enter)],
        Only(&[Place::View(View::Log)]),
        Some("whole line"),
        "the whole line",
    ),
    binding(
        A::Open,
        &[key(KeyCode::Enter)],
        Only(&[Place::View(View::Runs)]),
        Some("open"),
        "open the run",
    ),
    binding(
        A::Back,
        &[key(KeyCode::Esc)],
        Everywhere,
        None,
        "close a dialog, take a filter away",
    ),
    binding(
        A::Back,
        &[char('q'), char('?')],
        Only(&[Reading]),
        Some("close"),
        "close",
    ),
    binding(A::Back, &[char('n')], Only(&[Question]), Some("no"), "no"),
    binding(
        A::Confirm,
        &[char('y')],
        Only(&[Question]),
        Some("yes"),
        "yes",
    ),
    binding(
        A::Confirm,
        &[key(KeyCode::Enter)],
        Only(&[Prompt]),
        Some("keep"),
        "keep the filter",
    ),
    binding(
        A::Erase,
        &[key(KeyCode::Backspace)],
        Only(&[Prompt]),
        None,
        "delete a character",
    ),
    binding(
        A::Clear,
        &[ctrl('u')],
        Only(&[Prompt]),
        Some("clear"),
        "delete the whole text",
    ),
    binding(
        A::Stop,
        &[char('s')],
        Views,
        Some("stop"),
        "stop the run, after a question; once more to kill it",
    ),
    binding(
        A::Help,
        &[char('?'), key(KeyCode::F(1))],
        Views,
        Some("keys"),
        "show the keys",
    ),
    binding(
        A::Redraw,
        &[ctrl('l')],
        Everywhere,
        None,
        "draw the screen afresh",
    ),
    binding(
        A::Suspend,
        &[ctrl('z')],
        Everywhere,
        None,
        "suspend the dashboard; the run goes on",
    ),
    binding(
        A::Leave,
        &[char('q')],
        Views,
        Some("leave"),
        "leave the dashboard; the run goes on",
    ),
    binding(
        A::Leave,
        &[ctrl('c')],
        Everywhere,
        None,
        "leave the dashboard; the run goes on",
    ),
];

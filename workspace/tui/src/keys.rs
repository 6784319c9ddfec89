//! What keys do: one table from which dispatch, help, footer and `docs/keys.md` are made.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::views::View;

/// What a user can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To the next view.
    NextView,
    /// To the view before.
    PreviousView,
    /// To this view.
    Show(View),
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One column to the left.
    Left,
    /// One column to the right.
    Right,
    /// One screen up.
    PageUp,
    /// One screen down.
    PageDown,
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// What is selected, in detail.
    Open,
    /// Out of a dialog, or a filter taken away.
    Back,
    /// Types what rows must contain.
    Filter,
    /// Sorts by the next column.
    Sort,
    /// Turns the order round.
    Reverse,
    /// The next of several pictures in the same place.
    NextPage,
    /// The next strategy, or the next trunk.
    NextStrategy,
    /// The next seed.
    NextSeed,
    /// Follows what is newest.
    Follow,
    /// The whole curve, or its latest part.
    Window,
    /// Takes a run into the comparison, or out of it.
    Mark,
    /// Removes a run from disk.
    Remove,
    /// Stops the run.
    Stop,
    /// Yes, in a dialog.
    Confirm,
    /// Deletes the character before the cursor.
    Erase,
    /// Deletes the whole text.
    Clear,
    /// Shows the keys.
    Help,
    /// Gives the terminal back for a while.
    Suspend,
    /// Draws the screen afresh.
    Redraw,
    /// Leaves the dashboard.
    Leave,
}

/// Where a key means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A view, when no dialog is open.
    View(View),
    /// A question with yes and no.
    Question,
    /// A line to type into.
    Prompt,
    /// The list of keys and other text to be read.
    Reading,
}

/// One row of the table.
pub struct Binding {
    /// What is asked for.
    pub action: Action,
    /// The keys, the one that is named first in hints first.
    pub keys: &'static [Press],
    /// Where.
    pub places: Places,
    /// For the footer, in one or two words; none for what everyone tries anyway.
    pub hint: Option<&'static str>,
    /// For help and reference.
    pub about: &'static str,
}

/// The places of a binding.
pub enum Places {
    /// All views.
    Views,
    /// Views and dialogs alike.
    Everywhere,
    /// These.
    Only(&'static [Place]),
}

/// A key with its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Press(pub KeyCode, pub KeyModifiers);

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
        "Confusion: which classes are taken for which",
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
        A::Follow,
        &[char('f')],
        Only(&[Place::View(View::Live), Place::View(View::Log)]),
        Some("follow"),
        "follow the running stage or the newest lines",
    ),
    binding(
        A::Sort,
        &[char('o')],
        Only(&[Place::View(View::Compare), Place::View(View::Features)]),
        Some("order"),
        "order by the next column; in Features: dimensions by class separation",
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
        Only(&[
            Place::View(View::Compare),
            Place::View(View::Features),
            Place::View(View::Network),
        ]),
        Some("page"),
        "next page: bars or curves, picture or scatter, backbone or heads",
    ),
    binding(
        A::NextStrategy,
        &[char('n')],
        Only(&[Place::View(View::Features), Place::View(View::Confusion)]),
        Some("next strategy"),
        "next strategy; in Features: next trunk",
    ),
    binding(
        A::NextSeed,
        &[char('e')],
        Only(&[Place::View(View::Features), Place::View(View::Confusion)]),
        Some("next seed"),
        "next seed",
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
        Only(&[
            Place::View(View::Compare),
            Place::View(View::Confusion),
            Place::View(View::Log),
            Place::View(View::Runs),
        ]),
        Some("details"),
        "details of the strategy, images of the cell, the whole line, open the run",
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

impl Binding {
    /// Whether it holds at a place.
    pub fn holds(&self, place: Place) -> bool {
        match self.places {
            Views => matches!(place, Place::View(_)),
            Everywhere => true,
            Only(places) => places.contains(&place),
        }
    }
}

/// What a key asks for at a place.
pub fn action(place: Place, event: &KeyEvent) -> Option<Action> {
    // Upper case letters and `?` come with or without SHIFT, as the terminal likes.
    let modifiers = event.modifiers - KeyModifiers::SHIFT;
    KEYS.iter()
        .filter(|binding| binding.holds(place))
        .find(|binding| binding.keys.contains(&Press(event.code, modifiers)))
        .map(|binding| binding.action)
}

impl Press {
    /// The key as a person names it.
    pub fn label(self) -> String {
        let name = match self.0 {
            KeyCode::Char(' ') => "space".to_owned(),
            KeyCode::Char(character) => character.to_string(),
            KeyCode::Tab => "tab".to_owned(),
            KeyCode::BackTab => "shift-tab".to_owned(),
            KeyCode::Enter => "enter".to_owned(),
            KeyCode::Esc => "esc".to_owned(),
            KeyCode::Backspace => "backspace".to_owned(),
            KeyCode::Delete => "delete".to_owned(),
            KeyCode::Up => "↑".to_owned(),
            KeyCode::Down => "↓".to_owned(),
            KeyCode::Left => "←".to_owned(),
            KeyCode::Right => "→".to_owned(),
            KeyCode::PageUp => "page up".to_owned(),
            KeyCode::PageDown => "page down".to_owned(),
            KeyCode::Home => "home".to_owned(),
            KeyCode::End => "end".to_owned(),
            KeyCode::F(number) => format!("F{number}"),
            other => format!("{other:?}"),
        };
        if self.1.contains(KeyModifiers::CONTROL) {
            format!("ctrl-{name}")
        } else {
            name
        }
    }
}

/// All keys of a binding as a person names them.
pub fn labels(binding: &Binding) -> String {
    let labels: Vec<_> = binding.keys.iter().map(|key| key.label()).collect();
    labels.join(", ")
}

/// `docs/keys.md`.
pub fn reference() -> String {
    let mut text = String::from(
        "# Keys of the dashboard\n\nMade from the program's own table by `just generate`. The mouse selects tabs and rows,\nits wheel scrolls.\n",
    );
    let mut section = |title: &str, shown: &dyn Fn(&Binding) -> bool| {
        let bindings: Vec<_> = KEYS.iter().filter(|binding| shown(binding)).collect();
        if bindings.is_empty() {
            return;
        }
        text.push_str(&format!(
            "\n## {title}\n\n| key | what it does |\n|---|---|\n"
        ));
        for binding in bindings {
            let keys: Vec<_> = (binding.keys.iter())
                .map(|key| format!("`{}`", key.label()))
                .collect();
            text.push_str(&format!("| {} | {} |\n", keys.join(" "), binding.about));
        }
    };
    section("In every view", &|binding| {
        View::ALL
            .iter()
            .all(|view| binding.holds(Place::View(*view)))
    });
    for view in View::ALL {
        section(&format!("In {}", view.title()), &|binding| {
            let everywhere = View::ALL
                .iter()
                .all(|view| binding.holds(Place::View(*view)));
            binding.holds(Place::View(view)) && !everywhere
        });
    }
    for (title, place) in [
        ("In a question", Question),
        ("While typing a filter", Prompt),
        ("In help and details", Reading),
    ] {
        section(title, &|binding| binding.holds(place));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_at_one_place() {
        let places = View::ALL
            .map(Place::View)
            .into_iter()
            .chain([Question, Prompt, Reading]);
        for place in places {
            let mut seen: Vec<(Press, &str)> = Vec::new();
            for binding in KEYS.iter().filter(|binding| binding.holds(place)) {
                for key in binding.keys {
                    let other = seen.iter().find(|(press, _)| press == key);
                    assert!(
                        other.is_none(),
                        "{place:?}: `{}` means `{}` and `{}`",
                        key.label(),
                        binding.about,
                        other.map_or("", |(_, about)| about)
                    );
                    seen.push((*key, binding.about));
                }
            }
        }
    }

    #[test]
    fn letters_in_a_prompt_are_text() {
        for binding in KEYS.iter().filter(|binding| binding.holds(Prompt)) {
            for key in binding.keys {
                let typed =
                    matches!(key.0, KeyCode::Char(_)) && !key.1.contains(KeyModifiers::CONTROL);
                assert!(!typed, "`{}` could not be typed", key.label());
            }
        }
    }
}

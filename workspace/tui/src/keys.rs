//! What keys do: one table from which dispatch, help, footer and `docs/keys.md` are made.

mod table;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::view::View;
pub use table::KEYS;

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
    /// A logarithmic axis, or a linear one.
    Scale,
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

impl Binding {
    /// Whether it holds at a place.
    pub fn holds(&self, place: Place) -> bool {
        match self.places {
            Places::Views => matches!(place, Place::View(_)),
            Places::Everywhere => true,
            Places::Only(places) => places.contains(&place),
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
        ("In a question", Place::Question),
        ("While typing a filter", Place::Prompt),
        ("In help and details", Place::Reading),
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
        let places = View::ALL.map(Place::View).into_iter().chain([
            Place::Question,
            Place::Prompt,
            Place::Reading,
        ]);
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
        for binding in KEYS.iter().filter(|binding| binding.holds(Place::Prompt)) {
            for key in binding.keys {
                let typed =
                    matches!(key.0, KeyCode::Char(_)) && !key.1.contains(KeyModifiers::CONTROL);
                assert!(!typed, "`{}` could not be typed", key.label());
            }
        }
    }
}

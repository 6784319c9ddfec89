//! Mistakes with the place they stand at, and how they are shown.

use std::ops::Range;

use annotate_snippets::{
    AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str,
};
use serde::{Deserialize, Serialize};

/// All mistakes found in one experiment file, in the order of the file.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    file_name: String,
    text: String,
    /// Whether they are called warnings.
    warnings: bool,
    list: Vec<Diagnostic>,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong: lowercase, without a final period.
    pub message: String,
    /// Where it is wrong, in bytes of the file's text; `None` when it is the file as a whole.
    pub span: Option<Range<usize>>,
    /// A few words beside the underlined text.
    pub label: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Who has to act.
    pub category: Category,
}

/// Whose mistake it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// The experiment file is wrong.
    Experiment,
    /// A plugin is wrong or missing.
    Plugin,
    /// Data is missing or damaged.
    Data,
}

impl Diagnostic {
    /// What is wrong and what to do about it in one line, for a log.
    pub fn remark(&self) -> String {
        in_one_line(&self.message, self.hint.as_deref())
    }

    pub(crate) fn new(message: impl Into<String>, span: Option<Range<usize>>) -> Self {
        Diagnostic {
            message: message.into(),
            span,
            label: None,
            hint: None,
            category: Category::Experiment,
        }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    pub(crate) fn category(mut self, category: Category) -> Self {
        self.category = category;
        self
    }
}

/// What is wrong and what to do about it, for a log.
pub(crate) fn in_one_line(message: &str, hint: Option<&str>) -> String {
    match hint {
        Some(hint) => format!("{message}; {hint}"),
        None => message.to_owned(),
    }
}

impl Diagnostics {
    pub(crate) fn new(file_name: &str, text: &str) -> Self {
        Diagnostics {
            file_name: file_name.to_owned(),
            text: text.to_owned(),
            warnings: false,
            list: Vec::new(),
        }
    }

    /// None yet, of the same file, for what stops nothing.
    pub(crate) fn warnings(&self) -> Self {
        Diagnostics {
            warnings: true,
            list: Vec::new(),
            ..self.clone()
        }
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.contains(&diagnostic) {
            return;
        }
        // Mistakes without a place come first, then file order; equal places keep their order.
        let place = |d: &Diagnostic| d.span.as_ref().map(|span| span.start);
        let at = self
            .list
            .partition_point(|other| place(other) <= place(&diagnostic));
        self.list.insert(at, diagnostic);
    }

    /// Takes in those of another look at the same file.
    pub(crate) fn extend(&mut self, others: Diagnostics) {
        others.list.into_iter().for_each(|other| self.push(other));
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The number of mistakes.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The mistakes in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// The file's name, as it is shown.
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// Line and column of the first character that one of these mistakes is about, both from 1; `None` where it is about the file
    /// as a whole.
    pub fn place(&self, diagnostic: &Diagnostic) -> Option<(usize, usize)> {
        let before = self.text.get(..diagnostic.span.as_ref()?.start)?;
        let line = before.rsplit('\n').next().unwrap_or(before);
        Some((before.matches('\n').count() + 1, line.chars().count() + 1))
    }

    /// The exit code that stands for these mistakes: 2 when the experiment file is wrong, else 3
    /// when a plugin is, else 4 for data.
    pub fn exit_code(&self) -> u8 {
        let any = |category| self.list.iter().any(|d| d.category == category);
        if any(Category::Experiment) || self.list.is_empty() {
            2
        } else if any(Category::Plugin) {
            3
        } else {
            4
        }
    }

    /// Every mistake with the lines it stands on, ending in a newline; empty when nothing is wrong.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let shown: Vec<String> = self
            .list
            .iter()
            .map(|diagnostic| renderer.render(&[self.group(diagnostic)]) + "\n")
            .collect();
        shown.join("\n")
    }

    fn group<'a>(&'a self, diagnostic: &'a Diagnostic) -> Group<'a> {
        let level = match self.warnings {
            true => Level::WARNING,
            false => Level::ERROR,
        };
        let title = level.primary_title(normalize_untrusted_str(&diagnostic.message));
        let mut group = match &diagnostic.span {
            Some(span) => title.element(
                Snippet::source(&self.text)
                    .path(&self.file_name)
                    .annotation(
                        AnnotationKind::Primary
                            .span(span.clone())
                            .label(diagnostic.label.as_deref().map(normalize_untrusted_str)),
                    ),
            ),
            None => title.element(Origin::path(&self.file_name)),
        };
        if let Some(hint) = &diagnostic.hint {
            group = group.element(Level::HELP.message(normalize_untrusted_str(hint)));
        }
        group
    }
}

impl std::fmt::Display for Diagnostics {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines_and_columns_from_one() {
        let text = "a = 1\nß = \"ü\"\n";
        let diagnostics = Diagnostics::new("some.toml", text);
        let check = |span: Option<Range<usize>>, expected| {
            let diagnostic = Diagnostic::new("wrong", span.clone());
            assert_eq!(diagnostics.place(&diagnostic), expected, "{span:?}");
        };
        check(None, None);
        check(Some(0..1), Some((1, 1)));
        check(Some(4..5), Some((1, 5)));
        check(Some(6..8), Some((2, 1)));
        check(Some(11..15), Some((2, 5)));
        check(Some(text.len()..text.len()), Some((3, 1)));
        check(Some(99..100), None);
    }
}

//! The names of the seven views.

use topwork_measure::TargetKind;

/// One view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Stages, curves, the table as it fills.
    Live,
    /// Strategies and runs against each other.
    Compare,
    /// What the trunk makes of the images.
    Features,
    /// Which classes are taken for which; residuals of numbers; the figures of each of several labels.
    Confusion,
    /// Layers, shapes, the cut.
    Network,
    /// What worker and plugins say.
    Log,
    /// All runs of the folder.
    Runs,
}

impl View {
    /// All views in the order of their tabs.
    pub const ALL: [Self; 7] = [
        Self::Live,
        Self::Compare,
        Self::Features,
        Self::Confusion,
        Self::Network,
        Self::Log,
        Self::Runs,
    ];

    /// As the tab is labelled in a run whose target has these.
    pub fn title_for(self, targets: TargetKind) -> &'static str {
        match (self, targets) {
            (Self::Confusion, TargetKind::Numbers) => "Residuals",
            (Self::Confusion, TargetKind::Multilabel) => "Labels",
            (view, _) => view.title(),
        }
    }

    /// As the tab is labelled where nothing is known of a run.
    pub fn title(self) -> &'static str {
        match self {
            Self::Live => "Live",
            Self::Compare => "Compare",
            Self::Features => "Features",
            Self::Confusion => "Confusion",
            Self::Network => "Network",
            Self::Log => "Log",
            Self::Runs => "Runs",
        }
    }

    /// From 1: also its key.
    pub fn number(self) -> usize {
        self as usize + 1
    }

    /// The next in the order of the tabs, round and round.
    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    /// The one before.
    pub fn previous(self) -> Self {
        Self::ALL[(self as usize + Self::ALL.len() - 1) % Self::ALL.len()]
    }
}

//! All the dashboard knows, and what is selected in it.

use ratatui::layout::{Rect, Size};
use topwork_measure::TargetKind;
use topwork_store::RunFolder;

use crate::{
    event::Effect,
    graphics::Pictures,
    layer::Layer,
    theme::Theme,
    view::View,
    views::{Scene, compare, confusion, features, live, log, network, runs},
    watched::Watched,
};

/// Everything the dashboard draws from.
#[derive(Clone, Debug)]
pub struct App {
    /// How it looks.
    pub(crate) theme: Theme,
    /// The terminal's size.
    pub(crate) size: Size,
    /// Milliseconds since the Unix epoch, as the latest tick told.
    pub(crate) now: u64,
    /// The view shown.
    pub(crate) view: View,
    /// Dialogs over it, the top one last.
    pub(crate) layers: Vec<Layer>,
    /// The runs that are followed: the current one and those compared with it.
    pub(crate) watched: Vec<Watched>,
    /// Index of the current one.
    pub(crate) current: usize,
    /// The images that stand on the screen.
    pub(crate) pictures: Pictures,
    /// One line for the user, until the next key.
    pub(crate) notice: Option<Notice>,
    /// What was drawn last no longer holds.
    pub(crate) changed: bool,
    /// The screen itself can no longer be trusted.
    pub(crate) spoilt: bool,
    pub(crate) live: live::Selection,
    pub(crate) compare: compare::Selection,
    pub(crate) features: features::Selection,
    pub(crate) confusion: confusion::Selection,
    pub(crate) network: network::Selection,
    pub(crate) log: log::Selection,
    pub(crate) runs: runs::Selection,
}

/// One line for the user.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notice {
    pub(crate) text: String,
    /// Whether something is wrong.
    pub(crate) bad: bool,
}

impl App {
    /// A dashboard of one run, of which nothing is known yet.
    pub fn new(run: RunFolder, theme: Theme, columns: u16, rows: u16, now: u64) -> Self {
        Self {
            theme,
            size: Size::new(columns, rows),
            now,
            view: View::Live,
            layers: Vec::new(),
            watched: vec![Watched::new(run)],
            current: 0,
            pictures: Pictures::default(),
            notice: None,
            changed: true,
            spoilt: false,
            live: live::Selection::default(),
            compare: compare::Selection::default(),
            features: features::Selection::default(),
            confusion: confusion::Selection::default(),
            network: network::Selection::default(),
            log: log::Selection::default(),
            runs: runs::Selection::default(),
        }
    }

    /// The run that is shown, if any; there is always one but for a moment in `update`.
    pub(crate) fn run(&self) -> Option<&Watched> {
        self.watched.get(self.current)
    }

    /// What the target of the run shown has.
    pub(crate) fn targets(&self) -> TargetKind {
        let plan = self.run().and_then(|run| run.state.plan.as_ref());
        plan.map(|plan| plan.targets).unwrap_or_default()
    }

    /// What the views draw from; `None` where there is no run.
    pub(crate) fn scene(&self) -> Option<Scene<'_>> {
        Some(Scene {
            run: self.run()?,
            all: &self.watched,
            theme: self.theme,
            pictures: &self.pictures,
            now: self.now,
        })
    }

    /// Shows a run. Those that are neither shown nor marked are followed no longer.
    pub(crate) fn open(&mut self, folder: &RunFolder) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.watched_mut(folder).is_none() {
            self.watched.push(Watched::new(folder.clone()));
            effects.push(Effect::Follow(folder.clone()));
        }
        self.watched.retain(|run| {
            let kept = run.marked || run.folder == *folder;
            if !kept {
                effects.push(Effect::Unfollow(run.folder.clone()));
            }
            kept
        });
        self.find_current(Some(folder));
        self.live = Default::default();
        self.compare = Default::default();
        self.features = Default::default();
        self.confusion = Default::default();
        self.network = Default::default();
        self.log = Default::default();
        self.view = View::Live;
        effects
    }

    /// Takes a run into the comparison, or out of it.
    pub(crate) fn mark(&mut self, folder: &RunFolder) -> Vec<Effect> {
        let current = self.run().map(|run| run.folder.clone());
        match self.watched_mut(folder) {
            Some(run) if run.marked => {
                run.marked = false;
                let mut effects = Vec::new();
                if current.as_ref() != Some(folder) {
                    self.watched.retain(|run| run.folder != *folder);
                    effects.push(Effect::Unfollow(folder.clone()));
                    self.find_current(current.as_ref());
                }
                effects
            }
            Some(run) => {
                run.marked = true;
                Vec::new()
            }
            None => {
                let mut run = Watched::new(folder.clone());
                run.marked = true;
                self.watched.push(run);
                vec![Effect::Follow(folder.clone())]
            }
        }
    }

    fn find_current(&mut self, folder: Option<&RunFolder>) {
        let mut runs = self.watched.iter();
        let position = runs.position(|run| Some(&run.folder) == folder);
        self.current = position.unwrap_or(0);
    }

    /// The run in `folder`.
    pub(crate) fn watched_mut(&mut self, folder: &RunFolder) -> Option<&mut Watched> {
        self.watched.iter_mut().find(|run| run.folder == *folder)
    }

    /// The whole terminal.
    pub(crate) fn area(&self) -> Rect {
        Rect::new(0, 0, self.size.width, self.size.height)
    }

    /// Tells the user something.
    pub(crate) fn tell(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice {
            text: text.into(),
            bad: false,
        });
    }

    /// Tells the user what went wrong.
    pub(crate) fn complain(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice {
            text: text.into(),
            bad: true,
        });
    }
}

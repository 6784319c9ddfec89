//! The run as lines of text on stderr: one per epoch and stage, with a progress bar below
//! them when stderr is a terminal.

use std::{
    collections::BTreeSet,
    io::{IsTerminal, stderr},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use topwork_events::{EndStatus, Event, LogLevel, Record, RunState, StageState, chosen_words};
use topwork_measure::{Figure, seconds, thousands};
use topwork_store::RunFolder;

use super::Viewer;
use crate::{
    failure::{Failure, write},
    hints, output,
};

/// Lines, and on a terminal a bar.
pub struct Plain {
    bar: Option<ProgressBar>,
    run: RunFolder,
    /// Stages whose end was told. Of several processes each reads the data.
    ended: BTreeSet<usize>,
}

impl Plain {
    /// Begins with where the run is kept.
    pub fn new(folder: &RunFolder) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let bar =
                ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(10));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        let run = folder.clone();
        let ended = BTreeSet::new();
        let mut plain = Self { bar, run, ended };
        let place = hints::here(folder.path()).display();
        plain.say(&format!("run {} in {place}", folder.id()));
        if let Some(bar) = &plain.bar {
            bar.set_style(waiting_style());
            bar.set_message("starting");
        }
        plain
    }

    fn progress(&self, stage: &StageState, fold: Option<String>, several_seeds: bool) {
        let Some(bar) = &self.bar else { return };
        if stage.total == 0 {
            bar.set_style(waiting_style());
            let far = format!(
                "{}: {} {}",
                title(stage, several_seeds),
                thousands(stage.done),
                stage.unit
            );
            bar.set_message(shown(&far));
            return;
        }
        bar.set_style(bar_style());
        bar.set_prefix(shown(&title(stage, several_seeds)));
        bar.set_length(stage.total);
        bar.set_position(stage.done);
        bar.set_message(shown(&figures(stage, fold)));
    }
}

impl Viewer for Plain {
    fn show(&mut self, record: &Record, state: &RunState) -> Result<(), Failure> {
        let several_seeds = state.plan.as_ref().is_some_and(|plan| plan.seeds.len() > 1);
        // Rows and stages as the state counts them.
        match state.placed(record).as_ref() {
            // Of several parts the first one speaks for all.
            Event::RunStarted(_) if record.part > 0 => {}
            Event::RunStarted(plan) => {
                let threads = if plan.threads == 1 {
                    "thread"
                } else {
                    "threads"
                };
                let about = plan
                    .about
                    .as_ref()
                    .map_or(String::new(), |about| format!(": {about}"));
                self.say(&format!(
                    "{}{about} ({} {threads})",
                    plan.name, plan.threads
                ));
            }
            Event::StageStarted { stage } => {
                if let (Some(bar), Some(stage)) = (&self.bar, state.stages.get(*stage)) {
                    bar.set_style(waiting_style());
                    bar.set_message(shown(&title(stage, several_seeds)));
                }
            }
            Event::Progress { stage, .. } => {
                if let Some(stage) = state.stages.get(*stage) {
                    let fold = fold_of(stage.fold, state);
                    self.progress(stage, fold, several_seeds);
                }
            }
            Event::RowMeasured(outcome) => {
                let row = state
                    .plan
                    .as_ref()
                    .and_then(|plan| plan.rows.get(outcome.row));
                if let (Some(row), Some(selected)) = (row, outcome.selected.as_deref()) {
                    self.say(&format!(
                        "  {}: {} chosen from {} candidates by {}, {}",
                        row.title(),
                        chosen_words(std::iter::once(selected)),
                        thousands(selected.candidates.len() as u64),
                        selected.by,
                        selected.on.words(),
                    ));
                }
                // The note of a fit that did not converge comes as a warning.
                if let (Some(note), Some(true) | None) = (&outcome.fit.note, outcome.fit.converged)
                {
                    self.say(&format!("  {note}"));
                }
            }
            Event::EpochEnded { stage, figures } => {
                if let Some(stage) = state.stages.get(*stage) {
                    let followed = figures.followed();
                    let told = |value: f64| {
                        followed.map_or(String::new(), |followed| {
                            let Figure { name, unit, .. } = followed.figure;
                            format!("{name} {}", unit.text(value))
                        })
                    };
                    let training = followed.map_or(String::new(), |followed| {
                        format!(", training {}", told(followed.training))
                    });
                    let held_out = followed.and_then(|followed| followed.validation);
                    let held_out = figures.validation_loss.zip(held_out);
                    let validation = held_out.map_or(String::new(), |(loss, value)| {
                        format!(", validation loss {loss:.4}, {}", told(value))
                    });
                    let fold = fold_of(figures.fold, state)
                        .map_or(String::new(), |fold| format!(", {fold}"));
                    self.say(&format!(
                        "  {}{fold}, epoch {}/{}: loss {:.4}{training}{validation}, {} images/s, {}",
                        title(stage, several_seeds),
                        figures.epoch,
                        figures.epochs,
                        figures.loss,
                        thousands(figures.per_second as u64),
                        seconds(figures.seconds),
                    ));
                }
            }
            Event::StageEnded {
                stage,
                seconds: took,
                came,
                failed,
            } => {
                let again = !self.ended.insert(*stage) && record.element.is_some();
                if let Some(stage) = state.stages.get(*stage).filter(|_| !again) {
                    let mark = if *failed { '✗' } else { '✓' };
                    self.say(&format!(
                        "{mark} {}: {came} ({})",
                        title(stage, several_seeds),
                        seconds(*took)
                    ));
                }
            }
            Event::Log { level, from, text } if *level >= LogLevel::Warning => {
                let word = if *level == LogLevel::Error {
                    "error"
                } else {
                    "warning"
                };
                self.say(&format!("{word} from {from}: {text}"));
            }
            Event::RunResumed { .. } => self.ended.clear(),
            Event::ElementStarted { host, job, .. } => {
                let name = record.element.as_deref().unwrap_or_default();
                let job = (job.as_ref()).map_or(String::new(), |job| format!(", {job}"));
                self.say(&format!("element {name} began on {host}{job}"));
            }
            Event::RunEnded { .. } if record.element.is_some() => {
                let name = record.element.as_deref().unwrap_or_default();
                let ending = state.element(name).and_then(|known| known.ending.as_ref());
                if let Some(ending) = ending {
                    let why = (ending.message.as_ref())
                        .map_or(String::new(), |message| format!(": {message}"));
                    self.say(&format!("element {name} {}{why}", ending.status.word()));
                }
            }
            Event::RunEnded {
                status: EndStatus::Done,
                seconds: took,
                peak_bytes,
                ..
            } => {
                let memory = peak_bytes.map_or(String::new(), |bytes| {
                    format!(", peak memory {} MB", bytes / 1_000_000)
                });
                self.say(&format!(
                    "done in {}{memory}; {} shows it again",
                    seconds(*took),
                    hints::about("runs show", &self.run)
                ));
            }
            _ => {}
        }
        Ok(())
    }

    fn say(&mut self, line: &str) {
        let line = format!("{line}\n");
        match &self.bar {
            Some(bar) => bar.suspend(|| write(&line)),
            None => write(&line),
        }
    }

    fn close(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// `fold 2/5`; nothing without folds.
fn fold_of(fold: Option<u32>, state: &RunState) -> Option<String> {
    let folds = state.plan.as_ref()?.folds?;
    Some(format!("fold {}/{folds}", fold?))
}

fn title(stage: &StageState, several_seeds: bool) -> String {
    match stage.plan.seed {
        Some(seed) if several_seeds => format!("seed {seed} · {}", stage.plan.title),
        _ => stage.plan.title.clone(),
    }
}

/// Fold, epoch, loss, speed and time left.
fn figures(stage: &StageState, fold: Option<String>) -> String {
    let mut parts: Vec<String> = fold.into_iter().collect();
    if stage.epoch > 0 {
        parts.push(format!("epoch {}", stage.epoch));
    }
    if let Some(loss) = stage.loss {
        parts.push(format!("loss {loss:.4}"));
    }
    if let Some(rate) = stage.per_second.filter(|rate| *rate > 0.0) {
        parts.push(format!("{} {}/s", thousands(rate as u64), stage.unit));
        parts.push(format!(
            "{} left",
            seconds(stage.total.saturating_sub(stage.done) as f64 / rate)
        ));
    }
    parts.join(" · ")
}

/// As the terminal can show it.
fn shown(text: &str) -> String {
    output::shown(text, &stderr()).into_owned()
}

fn bar_style() -> ProgressStyle {
    style("{prefix} {bar:24} {percent:>3} % {wide_msg}")
}

fn waiting_style() -> ProgressStyle {
    style("{spinner} {wide_msg}")
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants; a wrong one would show as the default style.
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    match output::is_ascii(&stderr()) {
        true => style.progress_chars("#>-").tick_chars(r"|/-\ "),
        false => style.progress_chars("█▉▊▋▌▍▎▏ "),
    }
}

//! The one place where the `App` changes.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Size;
use topwork_events::{Event as RunEvent, LogLevel, Record};
use topwork_measure::seconds;
use topwork_store::RunFolder;

use crate::{
    app::App,
    draw::{self, frame},
    event::{Effect, Event},
    jobs::{Answer, Job},
    keys::{self, Action, Place},
    layer::{Layer, Question},
    present,
    view::View,
    views,
    watched::{LogEntry, Watched},
};

/// Rows the wheel scrolls.
const WHEEL: usize = 3;

/// Takes one event in and tells what is to be done outside.
pub fn update(app: &mut App, event: Event) -> Vec<Effect> {
    let before = app.now / 1000;
    match event {
        Event::Tick(now) => {
            app.now = now;
            let running = app.run().is_some_and(Watched::is_live);
            app.changed |= running && now / 1000 != before;
            return Vec::new();
        }
        Event::Mouse(mouse) => return self::mouse(app, mouse),
        _ => app.changed = true,
    }
    match event {
        Event::Key(key) => self::key(app, &key),
        Event::Paste(text) => {
            if let Some(Layer::Filter { .. }) = app.layers.last()
                && let Some(filter) = present::filter_mut(app)
            {
                filter.extend(text.chars().filter(|c| !c.is_control()));
            }
            Vec::new()
        }
        Event::Resize(columns, rows) => {
            app.size = Size::new(columns, rows);
            Vec::new()
        }
        Event::Records(folder, records) => {
            if let Some(run) = app.watched_mut(&folder) {
                take_in(run, &records);
            }
            let mut effects = settings_wanted(app, &folder);
            if app.run().is_some_and(|run| run.folder == folder) {
                effects.extend(present::went_on(app));
            }
            effects
        }
        Event::Printed(folder, lines) => {
            let now = app.now;
            if let Some(run) = app.watched_mut(&folder) {
                let live = run.state.plan.is_some() && run.is_live();
                for text in lines {
                    run.say(LogEntry {
                        at: if live { now } else { 0 },
                        level: LogLevel::Info,
                        from: "worker.log".to_owned(),
                        text,
                    });
                }
            }
            Vec::new()
        }
        Event::Stands(folder, standing) => {
            if let Some(run) = app.watched_mut(&folder) {
                run.standing = Some(standing);
            }
            Vec::new()
        }
        Event::Works(folder, load) => {
            if let Some(run) = app.watched_mut(&folder) {
                run.load = Some(load);
            }
            Vec::new()
        }
        Event::Unreadable(folder, why) => {
            if let Some(run) = app.watched_mut(&folder) {
                run.trouble = Some(why);
            }
            Vec::new()
        }
        Event::Answered(answer) => answered(app, answer),
        Event::SuspendAsked => vec![Effect::Suspend],
        Event::Resumed => vec![Effect::Retake],
        Event::Terminated => vec![Effect::Leave],
        Event::Tick(_) | Event::Mouse(_) | Event::Broken => Vec::new(),
    }
}

/// What goes on in a run.
fn take_in(run: &mut Watched, records: &[Record]) {
    run.trouble = None;
    let mut figures = false;
    for record in records {
        run.state.apply(record);
        figures |= matches!(
            record.event,
            RunEvent::RunStarted(_)
                | RunEvent::SourceEvaluated(_)
                | RunEvent::RowMeasured(_)
                | RunEvent::RowFailed(_)
                | RunEvent::Compared(_)
                | RunEvent::Resampled(_)
                | RunEvent::DataCompared(_)
                | RunEvent::RunResumed { .. }
                | RunEvent::RunEnded { .. }
        );
        if matches!(record.event, RunEvent::RunResumed { .. }) {
            run.asked_to_stop = false;
        }
        if let Some(entry) = log_entry(run, record) {
            run.say(entry);
        }
    }
    if figures {
        run.figures_changed();
    }
}

/// What of an event belongs into the log.
fn log_entry(run: &Watched, record: &Record) -> Option<LogEntry> {
    let title = |stage: usize| {
        let stage = run.state.stages.get(stage)?;
        Some(match stage.plan.seed {
            Some(seed) => format!("{}, seed {seed}", stage.plan.title),
            None => stage.plan.title.clone(),
        })
    };
    let mut from = "topwork".to_owned();
    // Stages are counted as the whole run counts them.
    let event = run.state.placed(record);
    let (level, text) = match event.as_ref() {
        RunEvent::Log {
            level,
            from: who,
            text,
        } => {
            from.clone_from(who);
            (*level, text.clone())
        }
        RunEvent::RunStarted(plan) => {
            // The first of several parts is told before it is known that there are others.
            let names = [&plan.target, &plan.backbone].into_iter().flatten();
            let names: Vec<&str> = names.map(String::as_str).collect();
            let of = match names.as_slice() {
                [] => String::new(),
                names => format!(", {}", names.join(" · ")),
            };
            let stages = plan.stages.len();
            let text = format!("{} begins{of}: {stages} stages", plan.run);
            (LogLevel::Info, text)
        }
        RunEvent::StageStarted { stage } => (LogLevel::Debug, format!("{} begins", title(*stage)?)),
        RunEvent::StageEnded {
            stage,
            seconds: took,
            came,
            failed: false,
        } => (
            LogLevel::Info,
            format!("{}: {came} ({})", title(*stage)?, seconds(*took)),
        ),
        RunEvent::StageEnded { stage, came, .. } => {
            (LogLevel::Error, format!("{}: {came}", title(*stage)?))
        }
        RunEvent::ElementStarted { host, job, .. } => {
            let element = record.element.as_deref().unwrap_or_default();
            let job = (job.as_ref()).map_or(String::new(), |job| format!(", {job}"));
            (
                LogLevel::Info,
                format!("element {element} began on {host}{job}"),
            )
        }
        RunEvent::RunResumed { version } => {
            (LogLevel::Info, format!("goes on, with topwork {version}"))
        }
        RunEvent::RunEnded {
            status,
            message,
            seconds: took,
            ..
        } => {
            let level = match status {
                topwork_events::EndStatus::Done | topwork_events::EndStatus::Stopped => {
                    LogLevel::Info
                }
                _ => LogLevel::Error,
            };
            let why = message
                .as_ref()
                .map_or(String::new(), |message| format!(": {message}"));
            let word = status.word();
            let text = match &record.element {
                Some(element) => format!("element {element} {word}{why}"),
                None => format!("{word} after {}{why}", seconds(*took)),
            };
            (level, text)
        }
        _ => return None,
    };
    Some(LogEntry {
        at: record.at,
        level,
        from,
        text,
    })
}

/// The settings are read once the run has told its plan: from then on its experiment is there.
fn settings_wanted(app: &mut App, folder: &RunFolder) -> Vec<Effect> {
    match app.watched_mut(folder) {
        Some(run) if run.parts.is_none() && run.state.plan.is_some() => {
            run.parts = Some(Vec::new());
            vec![Effect::Job(Job::ReadSettings(folder.clone()))]
        }
        _ => Vec::new(),
    }
}

fn answered(app: &mut App, answer: Answer) -> Vec<Effect> {
    match answer {
        Answer::Settings(folder, parts) => {
            if let Some(run) = app.watched_mut(&folder) {
                run.parts = Some(parts);
                run.settings_changed();
            }
            // Now it is known where samples are.
            if app.run().is_some_and(|run| run.folder == folder) {
                return present::went_on(app);
            }
        }
        Answer::Runs(list) => views::runs::listed(&mut app.runs, list),
        Answer::AskedToStop(folder) => {
            if let Some(run) = app.watched_mut(&folder) {
                run.asked_to_stop = true;
            }
            app.tell(format!("`{}` stops at its next step", folder.id()));
        }
        Answer::Removed(folder) => {
            app.tell(format!("removed `{}`", folder.id()));
            return vec![present::list_runs(app)];
        }
        Answer::Features(path, read) => views::features::read(&mut app.features, path, read),
        Answer::Images(path, read) => views::confusion::read(&mut app.confusion, path, read),
        Answer::Failed(why) => app.complain(why),
    }
    Vec::new()
}

fn place(app: &App) -> Place {
    app.layers
        .last()
        .map_or(Place::View(app.view), Layer::place)
}

fn key(app: &mut App, key: &KeyEvent) -> Vec<Effect> {
    app.notice = None;
    let place = place(app);
    match keys::action(place, key) {
        Some(action) => act(app, action),
        None => {
            let typed = key.modifiers - KeyModifiers::SHIFT == KeyModifiers::NONE;
            if let (Place::Prompt, KeyCode::Char(character), true) = (place, key.code, typed)
                && let Some(filter) = present::filter_mut(app)
            {
                filter.push(character);
            }
            Vec::new()
        }
    }
}

fn act(app: &mut App, action: Action) -> Vec<Effect> {
    match action {
        Action::Leave => return vec![Effect::Leave],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Redraw => {
            app.spoilt = true;
            return Vec::new();
        }
        _ => {}
    }
    if !app.layers.is_empty() {
        return act_on_layer(app, action);
    }
    match action {
        Action::NextView => show(app, app.view.next()),
        Action::PreviousView => show(app, app.view.previous()),
        Action::Show(view) => show(app, view),
        Action::Help => {
            app.layers.push(Layer::Help { scroll: 0 });
            Vec::new()
        }
        Action::Stop => {
            ask_to_stop(app);
            Vec::new()
        }
        Action::Filter => {
            if let Some(filter) = present::filter_mut(app) {
                let before = filter.clone();
                app.layers.push(Layer::Filter { before });
            }
            Vec::new()
        }
        Action::Back => {
            if let Some(filter) = present::filter_mut(app) {
                filter.clear();
                return Vec::new();
            }
            present::act(app, action)
        }
        _ => present::act(app, action),
    }
}

fn show(app: &mut App, view: View) -> Vec<Effect> {
    app.view = view;
    present::shown(app)
}

fn ask_to_stop(app: &mut App) {
    let Some(run) = app.run() else { return };
    if !run.is_live() {
        app.tell("this run has ended already");
        return;
    }
    let question = Question::Stop {
        run: run.folder.clone(),
        kill: run.asked_to_stop,
    };
    app.layers.push(Layer::Question(question));
}

fn act_on_layer(app: &mut App, action: Action) -> Vec<Effect> {
    let page = usize::from(app.size.height.saturating_sub(6)).max(1);
    let furthest = draw::reading_length(app);
    let Some(layer) = app.layers.last_mut() else {
        return Vec::new();
    };
    match (layer, action) {
        (Layer::Filter { before }, Action::Back) => {
            let before = std::mem::take(before);
            app.layers.pop();
            if let Some(filter) = present::filter_mut(app) {
                *filter = before;
            }
        }
        (Layer::Question(question), Action::Confirm) => {
            let job = match question.clone() {
                Question::Stop { run, kill } => Job::Stop { run, kill },
                Question::Remove(run) => Job::Remove(run),
            };
            app.layers.pop();
            return vec![Effect::Job(job)];
        }
        (_, Action::Back | Action::Confirm) => {
            app.layers.pop();
        }
        (Layer::Filter { .. }, Action::Erase) => {
            if let Some(filter) = present::filter_mut(app) {
                filter.pop();
            }
        }
        (Layer::Filter { .. }, Action::Clear) => {
            if let Some(filter) = present::filter_mut(app) {
                filter.clear();
            }
        }
        (Layer::Help { scroll } | Layer::Text { scroll, .. }, action) => {
            *scroll = match action {
                Action::Up => scroll.saturating_sub(1),
                Action::Down => *scroll + 1,
                Action::PageUp => scroll.saturating_sub(page),
                Action::PageDown => *scroll + page,
                Action::First => 0,
                Action::Last => furthest,
                _ => *scroll,
            }
            .min(furthest);
        }
        _ => {}
    }
    Vec::new()
}

fn mouse(app: &mut App, mouse: MouseEvent) -> Vec<Effect> {
    let action = match mouse.kind {
        MouseEventKind::ScrollUp => Some(Action::Up),
        MouseEventKind::ScrollDown => Some(Action::Down),
        MouseEventKind::Down(MouseButton::Left) => None,
        _ => return Vec::new(),
    };
    app.changed = true;
    app.notice = None;
    if let Some(action) = action {
        return (0..WHEEL).flat_map(|_| act(app, action)).collect();
    }
    if let Some(layer) = app.layers.last() {
        // A question wants a word; everything else closes.
        if layer.place() == Place::Reading {
            app.layers.pop();
        }
        return Vec::new();
    }
    let parts = frame(app.area());
    if mouse.row == parts.tabs.y {
        return match draw::tab_at(app, parts.tabs, mouse.column) {
            Some(view) => show(app, view),
            None => Vec::new(),
        };
    }
    if parts.body.contains((mouse.column, mouse.row).into()) {
        present::click(app, parts.body, mouse.column, mouse.row);
    }
    Vec::new()
}

//! The view that is shown: the one place that knows all of them.

use ratatui::{buffer::Buffer, layout::Rect};
use topwork_store::RunFolder;

use crate::{
    app::App,
    draw::frame,
    event::Effect,
    jobs::Job,
    keys::Action,
    layer::{Layer, Question},
    view::View,
    views::{
        compare, confusion, features, live, log, network,
        runs::{self, Wish},
    },
};

/// Draws it.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let Some(scene) = app.scene().filter(|_| !area.is_empty()) else {
        return;
    };
    match app.view {
        View::Live => live::draw(&scene, &app.live, area, buffer),
        View::Compare => compare::draw(&scene, &app.compare, area, buffer),
        View::Features => features::draw(&scene, &app.features, area, buffer),
        View::Confusion => confusion::draw(&scene, &app.confusion, area, buffer),
        View::Network => network::draw(&scene, &app.network, area, buffer),
        View::Log => log::draw(&scene, &app.log, area, buffer),
        View::Runs => runs::draw(&scene, &app.runs, area, buffer),
    }
}

/// What a key asks of it.
pub fn act(app: &mut App, action: Action) -> Vec<Effect> {
    let body = frame(app.area()).body;
    let theme = app.theme;
    let Some(run) = app.watched.get(app.current) else {
        return Vec::new();
    };
    let mut opened = None;
    let mut effects = Vec::new();
    match app.view {
        View::Live => live::act(run, &mut app.live, action),
        View::Compare => opened = compare::act(&app.watched, &mut app.compare, theme, action),
        View::Features => effects = features::act(run, &mut app.features, theme, body, action),
        View::Confusion => effects = confusion::act(run, &mut app.confusion, body, action),
        View::Network => network::act(run, &mut app.network, theme, action),
        View::Log => opened = log::act(run, &mut app.log, body, action),
        View::Runs => {
            if let Some(wish) = runs::act(&mut app.runs, action) {
                return grant(app, wish);
            }
        }
    }
    app.layers.extend(opened);
    effects
}

fn grant(app: &mut App, wish: Wish) -> Vec<Effect> {
    match wish {
        Wish::Open(entry) => return app.open(&entry.folder),
        Wish::Mark(entry) => return app.mark(&entry.folder),
        Wish::Remove(entry) if entry.is_live() => {
            app.complain(format!("`{}` still runs: stop it first", entry.folder.id()));
        }
        Wish::Remove(entry) => {
            let question = Question::Remove(entry.folder);
            app.layers.push(Layer::Question(question));
        }
    }
    Vec::new()
}

/// It has just been turned to.
pub fn shown(app: &mut App) -> Vec<Effect> {
    match app.view {
        View::Runs => vec![list_runs(app)],
        _ => went_on(app),
    }
}

/// The current run has gone on: what the view lacked may be there now.
pub fn went_on(app: &mut App) -> Vec<Effect> {
    let Some(run) = app.watched.get(app.current) else {
        return Vec::new();
    };
    match app.view {
        View::Features => features::shown(run, &mut app.features),
        View::Confusion => confusion::shown(run, &mut app.confusion),
        _ => Vec::new(),
    }
}

/// Asks for the list of runs.
pub fn list_runs(app: &App) -> Effect {
    let folder = |run: &RunFolder| run.path().parent().map(ToOwned::to_owned);
    let folder = app.run().and_then(|run| folder(&run.folder));
    Effect::Job(Job::ListRuns(folder.unwrap_or_default()))
}

/// The mouse was pressed within it, drawn in `area`.
pub fn click(app: &mut App, area: Rect, column: u16, row: u16) {
    let theme = app.theme;
    let Some(run) = app.watched.get(app.current) else {
        return;
    };
    match app.view {
        View::Live => live::click(run, &mut app.live, area, column, row),
        View::Compare => compare::click(&app.watched, &mut app.compare, theme, area, row),
        View::Features => features::click(run, &mut app.features, theme, area, column, row),
        View::Confusion => confusion::click(run, &mut app.confusion, area, column, row),
        View::Network => network::click(run, &mut app.network, theme, area, row),
        View::Log => {}
        View::Runs => runs::click(&mut app.runs, area, row),
    }
}

/// Its filter, where it has one.
pub fn filter(app: &App) -> Option<&str> {
    match app.view {
        View::Log => Some(&app.log.filter),
        View::Runs => Some(&app.runs.filter),
        _ => None,
    }
}

/// The same, to be changed.
pub fn filter_mut(app: &mut App) -> Option<&mut String> {
    match app.view {
        View::Log => Some(&mut app.log.filter),
        View::Runs => Some(&mut app.runs.filter),
        _ => None,
    }
}

//! `topwork plugins check`: tries the cases of the conformance suite, each in a child process, and shows what came of them.

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::json;
use topwork_conformance::{
    Case, ComponentInfo, Outcome, PluginInfo, Request, cases, examine, is_plugin_file_name, look,
    plugin_file_names,
};
use topwork_pages::Align;

use crate::{
    arguments::CheckArguments,
    child::{self, Ending},
    failure::{Failure, WRONG_PLUGIN, WRONG_USE},
    folders::{self, Folders},
    output::{self, print},
};

/// What a child is asked for.
#[derive(Serialize, Deserialize)]
enum Ask {
    /// What does the library offer?
    Look {
        library: PathBuf,
        cache_folder: PathBuf,
        call_path: PathBuf,
    },
    /// Does it do this?
    Try(Box<Request>),
}

/// What it answers.
#[derive(Serialize, Deserialize)]
enum Answer {
    Seen(Result<PluginInfo, String>),
    Tried(Outcome),
}

/// The child's side.
pub fn answer() -> Result<u8, Failure> {
    child::answer(|ask: &Ask| match ask {
        Ask::Look {
            library,
            cache_folder,
            call_path,
        } => Answer::Seen(look(library, cache_folder, call_path)),
        Ask::Try(request) => Answer::Tried(examine(request)),
    })
}

/// How a case ended, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Ended {
    Ok,
    Skipped,
    Warning,
    Failed,
    Crashed,
    Hung,
}

impl Ended {
    const ALL: [(Ended, &str); 6] = [
        (Ended::Ok, "ok"),
        (Ended::Skipped, "skipped"),
        (Ended::Warning, "warning"),
        (Ended::Failed, "failed"),
        (Ended::Crashed, "crashed"),
        (Ended::Hung, "hung"),
    ];

    fn word(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(ended, _)| *ended == self)
            .map_or("", |(_, word)| word)
    }

    /// Whether the plugin is at fault.
    fn is_bad(self) -> bool {
        self >= Ended::Failed
    }
}

/// What came of a case.
#[derive(Clone, Serialize)]
struct Tried {
    case: &'static str,
    about: &'static str,
    /// Kind and id; none for a case about the whole plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<(String, String)>,
    result: Ended,
    #[serde(skip_serializing_if = "String::is_empty")]
    why: String,
    seconds: f64,
}

/// What came of a plugin.
#[derive(Serialize)]
struct Report {
    library: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    results: Vec<Tried>,
    #[serde(skip)]
    taken: Duration,
}

/// `topwork plugins check`.
pub fn check(plugin_dir: &[PathBuf], arguments: &CheckArguments) -> Result<u8, Failure> {
    let folders = Folders::find(plugin_dir);
    let mut reports = Vec::new();
    for library in libraries(&arguments.path)? {
        reports.push(check_library(&library, &folders, arguments)?);
    }
    let tried = reports.iter().flat_map(|report| &report.results);
    if tried.clone().count() == 0 {
        let message = format!("there is no case for `--only {}`", arguments.only.join(" "));
        return Err(Failure::new(WRONG_USE, message).hint("`--all` without it lists them"));
    }
    let bad = tried.clone().any(|tried| tried.result.is_bad());
    if arguments.json {
        let text = serde_json::to_string_pretty(&json!({ "format": 1, "plugins": reports }));
        output::data(&(text.unwrap_or_default() + "\n"))?;
    } else {
        for report in &reports {
            print(&shown(report, arguments.all))?;
        }
    }
    Ok(if bad { WRONG_PLUGIN } else { 0 })
}

/// The library at a path, or those with a plugin's name in a folder.
fn libraries(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let fail = |error: std::io::Error| {
        let reason = topwork_sniff::reason(&error);
        Failure::new(
            WRONG_USE,
            format!("cannot open `{}`: {reason}", path.display()),
        )
    };
    // With a whole path, as a bare name would be looked for among the system's libraries.
    let path = path.canonicalize().map_err(fail)?;
    if !path.is_dir() {
        return Ok(vec![path]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&path).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if entry.file_name().to_str().is_some_and(is_plugin_file_name) {
            found.push(entry.path());
        }
    }
    found.sort();
    if found.is_empty() {
        let message = format!("there is no plugin in `{}`", path.display());
        let expected = plugin_file_names();
        return Err(
            Failure::new(WRONG_USE, message).hint(format!("expected files named {expected}"))
        );
    }
    Ok(found)
}

fn check_library(
    library: &Path,
    folders: &Folders,
    arguments: &CheckArguments,
) -> Result<Report, Failure> {
    let start = Instant::now();
    let notes = folders::temporary("topwork-check-")?;
    let limit = Duration::from_secs(arguments.limit);
    let call_path = notes.path().join("call");
    let ask = Ask::Look {
        library: library.to_owned(),
        cache_folder: folders.cache.clone(),
        call_path: call_path.clone(),
    };
    let seen = match child::ask("try-case", &ask, &call_path, limit, || ())? {
        Ending::Answer(Answer::Seen(Ok(info))) => Ok(info),
        Ending::Answer(Answer::Seen(Err(why))) => Err((Ended::Failed, why)),
        Ending::Answer(Answer::Tried(_)) => Err((Ended::Failed, String::new())),
        Ending::Hung(call) => Err((Ended::Hung, hung(limit, &call))),
        Ending::Crashed(crash) => Err((Ended::Crashed, crash)),
    };
    let (info, results) = match seen {
        Ok(info) => {
            let jobs = jobs(&info, library, folders, arguments, notes.path());
            (Some(info), try_all(jobs, limit)?)
        }
        // What cannot be opened has failed the first case, and no other can be tried.
        Err((result, why)) => {
            let first = cases().first().map(|case| Tried {
                case: case.name,
                about: case.about,
                component: None,
                result,
                why,
                seconds: start.elapsed().as_secs_f64(),
            });
            (None, first.into_iter().collect())
        }
    };
    Ok(Report {
        library: library.to_owned(),
        plugin: info.as_ref().map(|info| info.id.clone()),
        version: info.map(|info| info.version),
        results,
        taken: start.elapsed(),
    })
}

/// The cases that apply, in the order in which they are shown.
fn jobs(
    info: &PluginInfo,
    library: &Path,
    folders: &Folders,
    arguments: &CheckArguments,
    notes: &Path,
) -> Vec<(&'static Case, Request)> {
    let wanted = |case: &Case, component: &str| {
        let named = |name: &String| case.name.contains(name.as_str()) || component == name;
        arguments.only.is_empty() || arguments.only.iter().any(named)
    };
    let mut jobs = Vec::new();
    let mut push = |case: &'static Case, component: Option<&ComponentInfo>| {
        if !wanted(case, component.map_or("", |component| &component.id)) {
            return;
        }
        let mut given = (arguments.with.iter()).filter(|(of, _)| match (of, component) {
            (Some(of), Some(component)) => *of == component.id,
            _ => of.is_none(),
        });
        let request = Request {
            library: library.to_owned(),
            case: case.name.to_owned(),
            component: component.map(|component| (component.kind, component.id.clone())),
            parameters: given.next_back().map(|(_, parameters)| parameters.clone()),
            data_folders: folders.data.clone(),
            cache_folder: notes.join("cache"),
            call_path: notes.join(format!("call-{}", jobs.len())),
        };
        jobs.push((case, request));
    };
    for case in cases().iter().filter(|case| case.kinds.is_empty()) {
        push(case, None);
    }
    for component in &info.components {
        for case in cases()
            .iter()
            .filter(|case| case.kinds.contains(&component.kind))
        {
            push(case, Some(component));
        }
    }
    jobs
}

/// Tries the cases, as many at a time as there are cores, and gives what came of them in their order.
fn try_all(jobs: Vec<(&'static Case, Request)>, limit: Duration) -> Result<Vec<Tried>, Failure> {
    let open: Mutex<VecDeque<_>> = Mutex::new(jobs.into_iter().enumerate().collect());
    let next = || {
        open.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            while let Some((number, (case, request))) = next() {
                done.push((number, try_one(case, request, limit)?));
            }
            Ok(done)
        };
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let mut results = BTreeMap::new();
        for thread in threads {
            let done: Result<Vec<(usize, Tried)>, Failure> = thread
                .join()
                .unwrap_or_else(|_| Err(Failure::new(WRONG_USE, "a case was lost")));
            results.extend(done?);
        }
        Ok(results.into_values().collect())
    })
}

fn hung(limit: Duration, call: &str) -> String {
    format!("no end within {} s{call}", limit.as_secs())
}

fn try_one(case: &'static Case, request: Request, limit: Duration) -> Result<Tried, Failure> {
    let start = Instant::now();
    let component = request.component.clone();
    let call_path = request.call_path.clone();
    let ask = Ask::Try(Box::new(request));
    let (result, why) = match child::ask("try-case", &ask, &call_path, limit, || ())? {
        Ending::Answer(Answer::Tried(outcome)) => match outcome {
            Outcome::Ok => (Ended::Ok, String::new()),
            Outcome::Warning(why) => (Ended::Warning, why),
            Outcome::Failed(why) => (Ended::Failed, why),
            Outcome::Skipped(why) => (Ended::Skipped, why),
        },
        Ending::Answer(Answer::Seen(_)) => (Ended::Failed, String::new()),
        Ending::Hung(call) => (Ended::Hung, hung(limit, &call)),
        Ending::Crashed(crash) => (Ended::Crashed, crash),
    };
    // The host never makes such calls, so the plugin may do as it likes.
    let (result, why) = match case.beyond && result.is_bad() {
        true => (Ended::Warning, format!("{why} (the host never asks this)")),
        false => (result, why),
    };
    Ok(Tried {
        case: case.name,
        about: case.about,
        component: component.map(|(kind, id)| (kind.words().to_owned(), id)),
        result,
        why,
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// Counts for each component, then every case that is not simply ok.
fn shown(report: &Report, all: bool) -> String {
    let name = match (&report.plugin, &report.version) {
        (Some(plugin), Some(version)) => format!("{plugin} {version}"),
        _ => "not a plugin that can be used".to_owned(),
    };
    let mut text = format!("{name} ({})\n", report.library.display());
    let mut groups: Vec<Option<&(String, String)>> = Vec::new();
    for tried in &report.results {
        if !groups.contains(&tried.component.as_ref()) {
            groups.push(tried.component.as_ref());
        }
    }
    let count = |of: Option<Option<&(String, String)>>, ended: Ended| {
        let here = |tried: &&Tried| of.is_none_or(|of| of == tried.component.as_ref());
        let results = report.results.iter().filter(here);
        results.filter(|tried| tried.result == ended).count()
    };
    let rows = groups.iter().map(|group| {
        let (kind, id) = group.map_or(("", "the plugin"), |(kind, id)| (kind, id));
        let counts = Ended::ALL.map(|(ended, _)| match count(Some(*group), ended) {
            0 => String::new(),
            count => count.to_string(),
        });
        let names = [id.to_owned(), kind.to_owned()];
        names.into_iter().chain(counts).collect()
    });
    let mut columns = vec![("component", Align::Left), ("kind", Align::Left)];
    columns.extend(Ended::ALL.map(|(_, word)| (word, Align::Right)));
    text.push_str(&output::table(&columns, rows));
    let told: Vec<Vec<String>> = (report.results.iter())
        .filter(|tried| all || !matches!(tried.result, Ended::Ok | Ended::Skipped))
        .map(|tried| {
            let component = tried.component.as_ref();
            vec![
                tried.result.word().to_owned(),
                component.map_or(String::new(), |(_, id)| id.clone()),
                tried.case.to_owned(),
                match tried.why.is_empty() {
                    true => tried.about.to_owned(),
                    false => tried.why.clone(),
                },
            ]
        })
        .collect();
    if !told.is_empty() {
        let columns = [
            ("result", Align::Left),
            ("component", Align::Left),
            ("case", Align::Left),
            ("what", Align::Left),
        ];
        text.push('\n');
        text.push_str(&output::table(&columns, told));
    }
    // One reason for many skipped cases.
    let mut skipped: BTreeMap<&str, usize> = BTreeMap::new();
    let results = report.results.iter().filter(|_| !all);
    for tried in results.filter(|tried| tried.result == Ended::Skipped) {
        *skipped.entry(&tried.why).or_default() += 1;
    }
    for (why, count) in skipped {
        text.push_str(&format!("skipped {count}: {why}\n"));
    }
    let counts: Vec<String> = Ended::ALL
        .iter()
        .map(|(ended, word)| (count(None, *ended), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    text.push_str(&format!(
        "{} cases: {}, in {:.1} s\n",
        report.results.len(),
        counts.join(", "),
        report.taken.as_secs_f64()
    ));
    text
}

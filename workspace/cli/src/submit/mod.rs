//! `topwork submit`: a run whose tasks several processes do, started by this machine or by a scheduler. There is no process that
//! coordinates them: the state is the run folder.

mod hyperqueue;
mod packing;
mod slurm;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use topwork_events::{Event, RunState};
use topwork_measure::seconds;
use topwork_store::{
    Assignment, Machine, Manifest, RunFolder, Runs, Standing, Submission, element_name,
};
use topwork_worker::Duty;

pub use packing::{Missing, short};
pub use slurm::states;

use crate::{
    arguments::{Destination, SubmitArguments},
    experiment,
    failure::{Failure, RUN_FAILED, WRONG_USE, write},
    folders::absolute,
    hints, output,
    run::{create, manifests, settle, this_binary},
    start::detached,
    supervise::{supervise, take_up_again},
};

/// What is submitted.
pub struct Wanted<'a> {
    arguments: &'a SubmitArguments,
    run: &'a RunFolder,
    session: u32,
    /// Elements with sources and features.
    first: usize,
    /// Elements with rows.
    rows: usize,
    /// The names of all.
    names: Vec<String>,
    program: PathBuf,
    threads: usize,
}

/// What a scheduler was asked for.
pub struct Asked {
    /// Its own names of it.
    jobs: Vec<String>,
}

/// Submits an experiment, or what is missing of a run, and gives the exit code.
pub fn submit(arguments: &SubmitArguments) -> Result<u8, Failure> {
    understood(arguments)?;
    if arguments.dry_run && arguments.missing.is_none() {
        // All is made as it would be, at a place that does not stay.
        let place = tempfile::tempdir().map_err(|error| {
            Failure::new(
                RUN_FAILED,
                format!("cannot make a temporary folder: {error}"),
            )
        })?;
        let runs = Runs::at(place.path().join("runs"));
        let run = new_run(arguments, &runs)?;
        return elements(arguments, &run);
    }
    let runs = Runs::at(absolute(&arguments.place.runs_dir));
    let run = match &arguments.missing {
        Some(run) => runs.find(run)?,
        None => new_run(arguments, &runs)?,
    };
    elements(arguments, &run)
}

/// Refuses what whoever is asked knows nothing of: an option that has no effect would pass for one that has.
fn understood(arguments: &SubmitArguments) -> Result<(), Failure> {
    let local = matches!(arguments.to, Destination::Local(_));
    let slurm = arguments.to == Destination::Slurm;
    let given = [
        ("--partition", arguments.partition.is_some(), slurm),
        ("--account", arguments.account.is_some(), slurm),
        ("--array-limit", arguments.array_limit.is_some(), slurm),
        ("--time", arguments.time.is_some(), !local),
        (
            "what stands behind `--`",
            !arguments.options.is_empty(),
            !local,
        ),
    ];
    match given.iter().find(|(_, given, known)| *given && !known) {
        Some((option, _, _)) => Err(Failure::new(
            WRONG_USE,
            format!("{option} means nothing to `{}`", arguments.to),
        )
        .hint("`slurm` knows all of them, `hyperqueue` the time and what stands behind `--`")),
        None => Ok(()),
    }
}

/// Makes a run and says in its stream what is going to be done.
fn new_run(arguments: &SubmitArguments, runs: &Runs) -> Result<RunFolder, Failure> {
    let Some(file) = &arguments.file else {
        return Err(Failure::new(WRONG_USE, "an experiment file is missing"));
    };
    let binary = thread::spawn(this_binary);
    let checked = experiment::check(file)?;
    let mut parts = manifests(&checked, &file.file)?;
    let binary = binary.join().unwrap_or_default();
    settle(&checked, &mut parts, &arguments.settings, binary, runs)?;
    let run = create(runs, &checked, parts)?;
    if let Err(failure) = freeze(&run, arguments).and_then(|()| plan(&run)) {
        // A run that cannot even begin leaves nothing that looks like one.
        let _ = fs::remove_dir_all(run.path());
        return Err(failure);
    }
    Ok(run)
}

/// The program as it lies in the run's folder, for other machines.
fn frozen_program(run: &RunFolder) -> PathBuf {
    run.path().join("program").join("topwork")
}

/// Copies the program and the plugins into the run's folder: what is built meanwhile is another program. Processes of this machine are
/// started at once and need no copy.
fn freeze(run: &RunFolder, arguments: &SubmitArguments) -> Result<(), Failure> {
    if matches!(arguments.to, Destination::Local(_)) {
        return Ok(());
    }
    let program = frozen_program(run);
    let plugins = program.with_file_name("plugins");
    let fail = |path: &Path, error: std::io::Error| {
        Failure::new(
            RUN_FAILED,
            format!("cannot copy `{}`: {error}", path.display()),
        )
    };
    fs::create_dir_all(&plugins).map_err(|error| fail(&plugins, error))?;
    let own = std::env::current_exe().map_err(|error| fail(&program, error))?;
    fs::copy(&own, &program).map_err(|error| fail(&own, error))?;
    for folder in std::iter::once(run.clone()).chain(run.parts()) {
        let mut manifest = folder.manifest()?;
        for plugin in &mut manifest.plugins {
            let Some(name) = plugin.path.file_name() else {
                continue;
            };
            let copy = plugins.join(name);
            if !copy.exists() {
                fs::copy(&plugin.path, &copy).map_err(|error| fail(&plugin.path, error))?;
            }
            plugin.path = copy;
        }
        manifest.plugin_folders = vec![plugins.clone()];
        folder.write_manifest(&manifest)?;
    }
    Ok(())
}

/// Has a worker say what is going to be done: that needs the plugins.
fn plan(run: &RunFolder) -> Result<(), Failure> {
    let output = std::env::current_exe()
        .and_then(|binary| {
            Command::new(binary)
                .arg("worker")
                .arg(run.path())
                .arg("--plan")
                .stdin(Stdio::piped())
                .output()
        })
        .map_err(|error| Failure::new(RUN_FAILED, format!("cannot start a worker: {error}")))?;
    let state = run.state()?;
    if output.status.success() && state.plan.is_some() {
        return Ok(());
    }
    let message = state
        .ending
        .as_ref()
        .and_then(|ending| ending.message.clone());
    let printed = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let code = state
        .ending
        .as_ref()
        .map_or(RUN_FAILED, |ending| ending.exit_code);
    Err(Failure::new(
        code,
        format!(
            "the run cannot be planned: {}",
            message.unwrap_or(if printed.is_empty() {
                format!("the worker ended with {}", output.status)
            } else {
                printed
            })
        ),
    ))
}

/// Cuts what is missing into elements and asks for them.
fn elements(arguments: &SubmitArguments, run: &RunFolder) -> Result<u8, Failure> {
    let manifest = run.manifest_to_write()?;
    let state = run.state()?;
    if state.plan.is_none() {
        return Err(
            Failure::new(WRONG_USE, format!("the run `{}` was never begun", run.id()))
                .hint(hints::goes_on(run)),
        );
    }
    let again = arguments.missing.is_some();
    let standing = run.standing(&state);
    if again
        && matches!(
            standing,
            Standing::Running { .. } | Standing::Stalled { .. }
        )
    {
        return Err(
            Failure::new(WRONG_USE, format!("the run `{}` is {standing}", run.id()))
                .hint(format!("{} watches it", hints::about("attach", run))),
        );
    }
    let runs_dir = run.path().parent().unwrap_or(run.path()).to_owned();
    let missing = Missing::of(&state, &runs_dir)?;
    if missing.tasks.is_empty() {
        let (all, id) = (state.outcomes.len(), run.id());
        if standing == Standing::Done {
            write(&format!(
                "nothing is missing: all {all} results of `{id}` are there\n"
            ));
            return Ok(0);
        }
        let what = "the run ended before they were brought together, which is";
        if arguments.dry_run {
            write(&format!(
                "all {all} results of `{id}` are there; {what} all that would be done\n"
            ));
            return Ok(0);
        }
        write(&format!(
            "all {all} results of `{id}` are there; {what} done now\n"
        ));
        return Ok(supervise(run, Duty::End));
    }
    let packed = missing.packed(
        f64::from(arguments.pack) * 60.0,
        manifest.feature_cache.is_some(),
    );
    let session = state.resumed + u32::from(again);
    let threads = arguments.settings.threads.map(usize::from);
    // Processes of this machine take what the others leave: none waits while another has much to do.
    let assigned: Vec<(String, Vec<String>)> = match arguments.to {
        Destination::Local(count) => (0..count)
            .map(|index| {
                (
                    element_name(session, &format!("local {index:04}")),
                    Vec::new(),
                )
            })
            .collect(),
        Destination::Slurm | Destination::HyperQueue => {
            let of = |which: &'static str, elements: &[packing::Element]| {
                let tasks = elements.iter().map(|element| element.tasks.clone());
                (tasks.enumerate())
                    .map(|(index, tasks)| {
                        (element_name(session, &format!("{which} {index:04}")), tasks)
                    })
                    .collect::<Vec<_>>()
            };
            let mut all = of("first", &packed.first);
            all.extend(of("rows", &packed.rows));
            all
        }
    };
    let program = match arguments.to {
        Destination::Local(_) => std::env::current_exe().unwrap_or_default(),
        _ => frozen_program(run),
    };
    let wanted = Wanted {
        arguments,
        run,
        session,
        first: packed.first.len(),
        rows: packed.rows.len(),
        names: assigned.iter().map(|(name, _)| name.clone()).collect(),
        program,
        threads: threads.unwrap_or(match arguments.to {
            Destination::Local(count) => (Machine::here().cores / count).max(1),
            _ => manifest.threads,
        }),
    };
    let summary = summary(&missing, &packed, &wanted);
    if arguments.dry_run {
        output::print(&dry(&wanted, &summary))?;
        return Ok(0);
    }
    if again {
        freeze_again(run, arguments, &manifest)?;
        take_up_again(run)?;
    }
    for (name, tasks) in &assigned {
        run.of_element(name)?.assign(&Assignment {
            tasks: tasks.clone(),
            threads: Some(wanted.threads),
            job: None,
        })?;
    }
    let submission = |jobs| Submission {
        session,
        to: match arguments.to {
            Destination::Local(_) => "local".to_owned(),
            to => to.to_string(),
        },
        jobs,
        elements: wanted.names.clone(),
    };
    // Before any of them begins: then who looks at the run knows that there is more to come.
    run.submit(&submission(Vec::new()))?;
    let asked = match arguments.to {
        Destination::Local(_) => local(&wanted),
        Destination::Slurm => {
            let script = run.path().join("submit.sh");
            run.write(&script, slurm::script(&wanted).as_bytes())?;
            slurm::submit(&wanted)
        }
        Destination::HyperQueue => {
            let file = run.path().join("elements.json");
            run.write(&file, hyperqueue::entries(&wanted).as_bytes())?;
            hyperqueue::submit(&wanted)
        }
    };
    let asked = match asked {
        Ok(asked) => asked,
        Err(failure) => {
            refused(run, &state)?;
            write(&format!(
                "the run `{}` is kept: {} asks for it again\n",
                run.id(),
                hints::about("submit --missing", run)
            ));
            return Err(failure);
        }
    };
    run.submit(&submission(asked.jobs.clone()))?;
    output::print(&format!("{}\n", run.id()))?;
    let jobs = match asked.jobs.is_empty() {
        true => String::new(),
        false => format!(
            " as {} {}",
            submission(asked.jobs.clone()).to,
            asked.jobs.join(", ")
        ),
    };
    write(&format!(
        "{summary}{jobs}\n{} watches it, {} stops it, {} asks for what is not there\n",
        hints::about("attach", run),
        hints::about("stop", run),
        hints::about("submit --missing", run)
    ));
    Ok(0)
}

/// A run that nobody took is not waited for: it is stopped, and can be gone on with.
fn refused(run: &RunFolder, state: &RunState) -> Result<(), Failure> {
    run.event_writer()?.append(Event::RunEnded {
        status: topwork_events::EndStatus::Stopped,
        message: Some("nobody has taken its elements".to_owned()),
        hint: None,
        exit_code: 130,
        seconds: state.seconds_until(run.now()),
        peak_bytes: None,
    })?;
    Ok(())
}

/// A run that was begun on this machine goes on elsewhere, where it needs program and plugins.
fn freeze_again(
    run: &RunFolder,
    arguments: &SubmitArguments,
    manifest: &Manifest,
) -> Result<(), Failure> {
    let frozen = frozen_program(run).exists();
    match frozen || manifest.plugins.is_empty() {
        true => Ok(()),
        false => freeze(run, arguments),
    }
}

/// Starts the elements as processes of their own, which outlive this one.
fn local(wanted: &Wanted<'_>) -> Result<Asked, Failure> {
    let run = wanted.run;
    for name in &wanted.names {
        let mut element = Command::new(&wanted.program);
        element.arg("task").arg(run.id());
        element.args(["--element", name, "--runs-dir"]);
        element.arg(run.path().parent().unwrap_or(run.path()));
        detached(&mut element).map_err(|error| {
            Failure::new(
                RUN_FAILED,
                format!("cannot start the element `{name}`: {error}"),
            )
        })?;
    }
    Ok(Asked { jobs: Vec::new() })
}

/// What is asked for, in a line.
fn summary(missing: &Missing, packed: &packing::Elements, wanted: &Wanted<'_>) -> String {
    let rows = (missing.tasks.iter())
        .filter(|task| task.kind == topwork_events::StageKind::Row)
        .count();
    let known: Option<f64> = packed.rows.iter().map(|element| element.seconds).sum();
    let takes = known.map_or(String::new(), |known| {
        format!(", about {} by earlier runs besides sources", seconds(known))
    });
    format!(
        "{rows} results in {} {}{takes}",
        wanted.names.len(),
        if wanted.names.len() == 1 {
            "element"
        } else {
            "elements"
        }
    )
}

/// What would be asked for.
fn dry(wanted: &Wanted<'_>, summary: &str) -> String {
    let asked = match wanted.arguments.to {
        Destination::Local(_) => (wanted.names.iter())
            .map(|name| format!("topwork task {} --element {name}\n", wanted.run.id()))
            .collect(),
        Destination::Slurm => format!("{}\n{}", slurm::script(wanted), slurm::told(wanted)),
        Destination::HyperQueue => {
            format!(
                "{}{}",
                hyperqueue::entries(wanted),
                hyperqueue::told(wanted)
            )
        }
    };
    let text = format!("{asked}# {summary}; nothing was submitted\n");
    match wanted.arguments.missing {
        Some(_) => text,
        // The folder of a trial is not where the run would be.
        None => {
            let trial = wanted.run.path().to_string_lossy().into_owned();
            let runs = wanted
                .run
                .path()
                .parent()
                .map(|runs| runs.to_string_lossy().into_owned());
            let place = absolute(&wanted.arguments.place.runs_dir);
            let place = place.to_string_lossy();
            let text = text.replace(&trial, &format!("{place}/{}", wanted.run.id()));
            runs.map_or(text.clone(), |runs| text.replace(&runs, &place))
        }
    }
}

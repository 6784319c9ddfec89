//! The binary `topwork`: arguments, wiring, looking after the worker process. How anything
//! works inside is in the libraries.

mod apply;
mod arguments;
mod attach;
mod cache;
mod child;
mod compare;
mod completions;
mod consent;
mod crash;
mod earlier;
mod experiment;
mod failure;
mod files;
mod folders;
mod hints;
mod man_pages;
mod new;
mod output;
mod plan;
mod plugins;
mod references;
mod report;
mod resume;
mod room;
mod run;
mod runs;
mod settings;
mod show;
mod start;
mod stop;
mod submit;
mod supervise;
mod task;
mod verify_resume;
mod viewer;
mod weights;
mod worker_log;

use std::process::ExitCode;

use arguments::{Arguments, CacheCommand, Command, PluginsCommand, RunsCommand, WeightsCommand};
use clap::Parser;
use topwork_store::RunFolder;
use topwork_worker::Duty;

fn main() -> ExitCode {
    let arguments = Arguments::parse_from(arguments::with_latest(std::env::args_os()));
    output::choose_characters(arguments.ascii);
    output::choose_width(arguments.wide);
    let outcome = match arguments.command {
        Command::New(arguments) => new::new(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => plan::check(&arguments),
        Command::Plan(arguments) => plan::plan(&arguments),
        Command::Resume(arguments) => resume::resume(&arguments),
        Command::VerifyResume(arguments) => verify_resume::verify(&arguments),
        Command::Show(arguments) => show::show(&arguments),
        Command::Schema => references::schema(),
        Command::Runs(arguments) => match arguments
            .command
            .unwrap_or(RunsCommand::List { json: false })
        {
            RunsCommand::List { json } => {
                runs::list(&arguments.place.runs_dir, json || arguments.json)
            }
            RunsCommand::Show { run, json } => runs::show(&arguments.place.runs_dir, &run, json),
            RunsCommand::Rm(which) => runs::remove(&arguments.place.runs_dir, &which),
        },
        Command::Report(arguments) => report::report(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Attach(arguments) => attach::attach(&arguments),
        Command::Stop(arguments) => stop::stop(&arguments),
        Command::Plugins(arguments) => match arguments.command.unwrap_or(PluginsCommand::List) {
            PluginsCommand::List => plugins::list(&arguments.plugin_dir),
            PluginsCommand::Show { id } => plugins::show(&arguments.plugin_dir, &id),
            PluginsCommand::New(new) => plugins::new(&new),
            PluginsCommand::Check(check) => plugins::check(&arguments.plugin_dir, &check),
        },
        Command::Cache(arguments) => match arguments.command.unwrap_or(CacheCommand::List) {
            CacheCommand::List => cache::list(),
            CacheCommand::Clear { yes } => cache::clear(yes),
            CacheCommand::Why(file) => cache::why(&file),
        },
        Command::Weights(arguments) => match arguments.command {
            WeightsCommand::List { file } => weights::list(&file),
            WeightsCommand::Import(arguments) => weights::import(&arguments),
        },
        Command::Completions { shell } => completions::print(shell),
        Command::Submit(arguments) => submit::submit(&arguments),
        Command::Task(arguments) => task::task(&arguments),
        Command::Supervise { run } => {
            return supervise::supervise(&RunFolder::at(run), Duty::Work).into();
        }
        Command::Worker(arguments) => {
            let run = RunFolder::at(arguments.run);
            let run = match &arguments.element {
                Some(element) => match run.of_element(element) {
                    Ok(run) => run,
                    Err(error) => return failure::Failure::from(error).report(),
                },
                None => run,
            };
            let duty = match (arguments.plan, arguments.end) {
                (true, _) => Duty::Plan,
                (_, true) => Duty::End,
                _ => Duty::Work,
            };
            return topwork_worker::run(&run, duty).into();
        }
        Command::Predict(arguments) => apply::predict(&arguments),
        Command::Evaluate(arguments) => apply::evaluate(&arguments),
        Command::Features(arguments) => apply::features(&arguments),
        Command::Export(arguments) => apply::export(&arguments),
        Command::Apply => apply::answer(),
        Command::Probe => experiment::answer_probe(),
        Command::TryCase => plugins::answer_check(),
        Command::ManPages { folder } => man_pages::write(&folder),
        Command::References { folder, check } => references::write(&folder, check),
    };
    match outcome {
        Ok(code) => code.into(),
        Err(failure) => failure.report(),
    }
}

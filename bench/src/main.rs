//! Runs one named workload and prints one line of JSON about it; `compare.py` puts it beside what `peers.py` prints.
//!
//! Each measurement is a process of its own, so that its peak of memory is its own as well. The settings of the workloads
//! are in `workloads.json`, which both sides read.

mod data;
mod heads;
mod logistic_regression;
mod matmul;
mod measure;
mod networks;
mod onnx;
mod path;
mod plugins;
mod settings;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Workloads that are measured beside what others offer")]
struct Arguments {
    #[command(subcommand)]
    command: What,
    /// How many threads may compute
    #[arg(long, global = true, default_value_t = 2)]
    threads: usize,
    /// Where the arrays lie that both sides read
    #[arg(long, global = true, default_value = "target/bench")]
    data: PathBuf,
}

#[derive(Subcommand)]
enum What {
    /// Writes the arrays that both sides read: digits, and features of a LeNet trained on other digits
    Prepare {
        /// How long LeNet is trained
        #[arg(long, default_value_t = 1)]
        epochs: usize,
    },
    /// Draws training samples as often as asked and writes which, one file a draw
    Draw {
        /// How many samples a draw has, the same share of each class
        #[arg(long)]
        samples: usize,
        /// How many draws
        #[arg(long)]
        draws: u64,
    },
    /// Fits a classifier head to every draw, then to all training samples, and prints one line of JSON
    Head {
        /// The head's component
        component: String,
        /// Its parameters, as JSON
        #[arg(long, default_value = "{}")]
        parameters: String,
    },
    /// Fits a classifier head alone and for several values of a parameter at once, and prints one line of JSON; reads
    /// features.f32 and labels.u32 in the folder of the arrays, and writes the fitted states there
    Path {
        /// The head's component
        component: String,
        /// Its parameters, as JSON
        #[arg(long, default_value = "{}")]
        parameters: String,
        /// Which parameter is varied
        #[arg(long, default_value = "l2")]
        parameter: String,
        /// Its values, as a JSON list
        #[arg(long)]
        values: String,
        /// How many features a row has
        #[arg(long, default_value_t = data::FEATURES)]
        dimensions: usize,
    },
    /// Runs one workload and prints one line of JSON
    Run {
        /// One of workloads.json
        name: String,
        /// Timed repetitions after one that is not; by default those of workloads.json
        #[arg(long)]
        repetitions: Option<usize>,
        /// Images at a time, where features are extracted
        #[arg(long)]
        batch: Option<usize>,
        /// Height and width of these images
        #[arg(long)]
        side: Option<usize>,
        /// How many of them
        #[arg(long)]
        samples: Option<usize>,
    },
    /// Runs every workload in a process of its own and prints a table
    All,
}

fn main() -> ExitCode {
    match measure(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: Arguments) -> Result<()> {
    let Arguments {
        command,
        threads,
        data,
    } = arguments;
    match command {
        What::Prepare { epochs } => data::prepare(&data, threads, epochs),
        What::Draw { samples, draws } => heads::draw(&data, samples, draws),
        What::Head {
            component,
            parameters,
        } => {
            let parameters = serde_json::from_str(&parameters).context("--parameters")?;
            let measured = heads::measure(&component, &parameters, &data, threads)?;
            println!("{}", serde_json::to_string(&measured)?);
            Ok(())
        }
        What::Path {
            component,
            parameters,
            parameter,
            values,
            dimensions,
        } => {
            let parameters = serde_json::from_str(&parameters).context("--parameters")?;
            let values: Vec<serde_json::Value> =
                serde_json::from_str(&values).context("--values")?;
            let wanted = path::Wanted {
                component: &component,
                parameters: &parameters,
                parameter: &parameter,
                values: &values,
                folder: &data,
                dimensions,
            };
            let measured = path::measure(&wanted, threads)?;
            println!("{}", serde_json::to_string(&measured)?);
            Ok(())
        }
        What::Run {
            name,
            repetitions,
            batch,
            side,
            samples,
        } => {
            let workloads = settings::workloads()?;
            let Some((_, settings)) = workloads.iter().find(|(known, _)| *known == name) else {
                let known: Vec<_> = workloads.iter().map(|(name, _)| name.as_str()).collect();
                bail!("no workload `{name}`, expected one of {}", known.join(", "));
            };
            let repetitions = repetitions.unwrap_or(settings.repetitions).max(1);
            let other = batch.or(side).or(samples).is_some();
            if other && !matches!(settings.kind, settings::Kind::Extract(_)) {
                bail!(
                    "`--batch`, `--side` and `--samples` are for features; `{name}` extracts none"
                );
            }
            let measured = match &settings.kind {
                settings::Kind::Matmul { size, items } => {
                    matmul::measure(*size, *items, threads, repetitions)?
                }
                settings::Kind::LogisticRegression(fit) => {
                    logistic_regression::measure(fit, &data, threads, repetitions)?
                }
                settings::Kind::Train(train) => {
                    networks::train(train, &data, threads, repetitions)?
                }
                settings::Kind::Extract(extract) => {
                    let extract = extract.clone().with(batch, side, samples)?;
                    networks::extract(&extract, &data, threads, repetitions)?
                }
                settings::Kind::Frozen { train, epochs } => {
                    networks::frozen(train, *epochs, &data, threads, repetitions)?
                }
            };
            println!("{}", measured.to_json(&name, threads)?);
            Ok(())
        }
        What::All => all(threads, &data),
    }
}

fn all(threads: usize, data: &Path) -> Result<()> {
    let this = std::env::current_exe()?;
    println!(
        "{:<28}{:>12}{:>14}{:>12}{:>14}",
        "", "seconds", "items/s", "GFLOP/s", "peak memory"
    );
    for (name, settings) in settings::workloads()? {
        if let Some(backbone) = settings.kind.backbone()
            && backbone.use_ == "onnx"
            && !onnx::file(backbone, data)?.0.exists()
        {
            println!("{name:<28}not measured: `just bench-peers` writes its network");
            continue;
        }
        let output = Command::new(&this)
            .args(["run", &name, "--threads", &threads.to_string(), "--data"])
            .arg(data)
            .output()?;
        if !output.status.success() {
            bail!("{name}: {}", String::from_utf8_lossy(&output.stderr));
        }
        let line: measure::Line = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("the output of {name}"))?;
        println!("{line}");
    }
    Ok(())
}

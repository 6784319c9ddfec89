//! Tries every fault on real runs of the real binary, goes on with what is left, and compares the end with a run that was left
//! alone. What was lost is written down; anything lost ends in a panic with the folder kept.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "like a test, it fails by panicking"
)]

mod damage;
mod disk;
mod hostile;
mod kills;
mod left;
mod overhead;
mod subject;
mod table;

use std::path::PathBuf;

use clap::Parser;
use subject::Subject;
use table::Table;

/// Tries every fault on real runs and writes down what was lost.
#[derive(Parser)]
struct Arguments {
    /// How often to kill a process at a random moment
    #[arg(long, default_value_t = 100)]
    kills: u32,
    /// How often to try every other fault
    #[arg(long, default_value_t = 10)]
    times: u32,
    /// Where the random moments begin [default: another place every time]
    #[arg(long)]
    seed: Option<u64>,
    /// The experiment whose share of bookkeeping is measured; left out when not given
    #[arg(long)]
    flagship: Option<PathBuf>,
    /// Where the table goes
    #[arg(long, default_value = "docs/reliability.md")]
    output: PathBuf,
}

fn main() {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..));
    fastrand::seed(seed);
    println!("seed {seed}");
    let mut table = Table::new(seed);
    let subject = Subject::new();
    println!("left alone: {:.1} s", subject.took.as_secs_f64());
    kills::all(&subject, arguments.kills, &mut table);
    damage::all(&subject, arguments.times, &mut table);
    disk::all(&subject, arguments.times, &mut table);
    hostile::all(&mut table);
    if let Some(experiment) = &arguments.flagship {
        overhead::measure(experiment, &mut table);
    }
    std::fs::write(&arguments.output, table.to_markdown()).expect("a written table");
    println!("written to {}", arguments.output.display());
}

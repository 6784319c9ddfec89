//! Elements as arrays of Slurm.

use std::{fmt::Write as _, path::Path, process::Command};

use topwork_measure::thousands;

use super::{Asked, Wanted};
use crate::{
    failure::{Failure, RUN_FAILED},
    hints::quoted,
};

/// What Slurm allows where it does not say.
const LARGEST_ARRAY: usize = 1000;

/// Seconds before the end of its time at which an element is told.
const WARNING: u32 = 120;

/// One call of sbatch.
struct Call {
    arguments: Vec<String>,
    /// Whether the next calls wait for it.
    of_first: bool,
}

/// The script that every element is started with: its arguments are `first` or `rows` and what is added to the number in the array.
pub fn script(wanted: &Wanted<'_>) -> String {
    let mut text = format!(
        "#!/bin/bash\n\
         # Starts one element of a run of topwork: sbatch --array=0-N submit.sh first|rows|end [OFFSET].\n\
         #SBATCH --job-name=topwork-{id}\n\
         #SBATCH --output={log}/slurm-%A_%a.out\n\
         #SBATCH --open-mode=append\n\
         #SBATCH --requeue\n\
         #SBATCH --signal=B:USR1@{WARNING}\n\
         #SBATCH --ntasks=1\n\
         #SBATCH --cpus-per-task={threads}\n",
        id = wanted.run.id(),
        log = wanted.run.path().display(),
        threads = wanted.threads,
    );
    let options = [
        ("partition", &wanted.arguments.partition),
        ("time", &wanted.arguments.time),
        ("account", &wanted.arguments.account),
    ];
    for (name, value) in options {
        if let Some(value) = value {
            let _ = writeln!(text, "#SBATCH --{name}={value}");
        }
    }
    for option in &wanted.arguments.options {
        let _ = writeln!(text, "#SBATCH {option}");
    }
    let runs = wanted.run.path().parent().unwrap_or(Path::new("."));
    let program = quoted(&wanted.program.to_string_lossy()).into_owned();
    let runs = quoted(&runs.to_string_lossy()).into_owned();
    let _ = write!(
        text,
        "\n\
         run={id}\n\
         topwork=({program} --ascii)\n\
         runs=(--runs-dir {runs})\n\
         \n\
         if [ \"$1\" = end ]; then\n\
         \x20   exec \"${{topwork[@]}}\" task \"$run\" --end \"${{runs[@]}}\"\n\
         fi\n\
         element=$(printf '%d-%s-%04d' {session} \"$1\" $((SLURM_ARRAY_TASK_ID + ${{2:-0}})))\n\
         \"${{topwork[@]}}\" task \"$run\" --element \"$element\" --threads \"${{SLURM_CPUS_PER_TASK:-{threads}}}\" \"${{runs[@]}}\" &\n\
         process=$!\n\
         \n\
         # The time is nearly over: the element stops at its next step and is queued again, where it goes on.\n\
         trap 'again=yes; kill -USR1 $process' USR1\n\
         # It is preempted or cancelled: Slurm itself decides whether it comes back.\n\
         trap 'kill -TERM $process' TERM\n\
         while wait $process; code=$?; kill -0 $process 2>/dev/null; do :; done\n\
         if [ \"$code\" = 75 ] && [ -n \"$again\" ]; then\n\
         \x20   scontrol requeue \"${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}\"\n\
         fi\n\
         exit \"$code\"\n",
        id = wanted.run.id(),
        session = wanted.session,
        threads = wanted.threads,
    );
    text
}

/// The calls that submit all elements, given how many an array may have.
fn calls(wanted: &Wanted<'_>, largest: usize) -> Vec<Call> {
    let script = wanted.run.path().join("submit.sh");
    let script = script.to_string_lossy().into_owned();
    let limit = (wanted.arguments.array_limit).map_or(String::new(), |limit| format!("%{limit}"));
    let mut calls = Vec::new();
    for (which, count) in [("first", wanted.first), ("rows", wanted.rows)] {
        for offset in (0..count).step_by(largest.max(1)) {
            let last = (count - offset).min(largest.max(1)) - 1;
            calls.push(Call {
                arguments: vec![
                    "--parsable".to_owned(),
                    format!("--array=0-{last}{limit}"),
                    script.clone(),
                    which.to_owned(),
                    offset.to_string(),
                ],
                of_first: which == "first",
            });
        }
    }
    calls
}

/// The calls as a person reads them.
pub fn told(wanted: &Wanted<'_>) -> String {
    let mut text = String::new();
    for call in calls(wanted, largest_array()) {
        let waits = match call.of_first || wanted.first == 0 {
            true => "",
            false => " --dependency=afterany:FIRST",
        };
        let _ = writeln!(text, "sbatch{waits} {}", call.arguments.join(" "));
    }
    let script = wanted.run.path().join("submit.sh");
    let _ = writeln!(
        text,
        "sbatch --dependency=afterany:ROWS --parsable {} end",
        script.display()
    );
    text
}

/// Submits the elements; what they need first, the rows after that, and a last job that ends the run whatever became of them.
pub fn submit(wanted: &Wanted<'_>) -> Result<Asked, Failure> {
    let mut first = Vec::new();
    let mut all = Vec::new();
    for call in calls(wanted, largest_array()) {
        let mut arguments = call.arguments;
        if !call.of_first && !first.is_empty() {
            // Whatever became of them: rows whose source is missing train it themselves.
            arguments.insert(0, after(&first));
        }
        let job = match sbatch(&arguments) {
            Ok(job) => job,
            Err(failure) => return Err(cancelled(failure, &all)),
        };
        if call.of_first {
            first.push(job.clone());
        }
        all.push(job);
    }
    let script = wanted.run.path().join("submit.sh");
    let end = [
        after(&all),
        "--parsable".to_owned(),
        script.to_string_lossy().into_owned(),
        "end".to_owned(),
    ];
    match sbatch(&end) {
        Ok(job) => all.push(job),
        Err(failure) => return Err(cancelled(failure, &all)),
    }
    Ok(Asked { jobs: all })
}

fn after(jobs: &[String]) -> String {
    format!("--dependency=afterany:{}", jobs.join(":"))
}

/// Half a submission is none.
fn cancelled(failure: Failure, jobs: &[String]) -> Failure {
    if !jobs.is_empty() {
        let _ = Command::new("scancel").args(jobs).status();
    }
    failure
}

/// Submits one job and gives its number.
fn sbatch(arguments: &[String]) -> Result<String, Failure> {
    let refused = |reason: String| {
        Failure::new(RUN_FAILED, format!("Slurm does not take the job: {reason}")).hint(format!(
            "`sbatch {}` was what it was asked",
            arguments.join(" ")
        ))
    };
    let output = Command::new("sbatch")
        .args(arguments)
        .output()
        .map_err(|error| refused(format!("cannot start sbatch: {error}")))?;
    if !output.status.success() {
        return Err(refused(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    // With several clusters the cluster's name follows.
    let text = String::from_utf8_lossy(&output.stdout);
    let job = text.trim().split(';').next().unwrap_or_default().to_owned();
    match job.parse::<u64>() {
        Ok(_) => Ok(job),
        Err(_) => Err(refused(format!("it answered `{}`", text.trim()))),
    }
}

/// The most elements of an array: `MaxArraySize` counts from 0.
fn largest_array() -> usize {
    let output = Command::new("scontrol").args(["show", "config"]).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.ok()
        .as_deref()
        .and_then(largest_of)
        .unwrap_or(LARGEST_ARRAY)
}

fn largest_of(config: &str) -> Option<usize> {
    let line = config
        .lines()
        .find(|line| line.trim_start().starts_with("MaxArraySize"))?;
    line.split('=').nth(1)?.trim().parse().ok()
}

/// How the scheduler says the jobs of a run stand, in a line for each state; `None` where nobody can be asked.
pub fn states(jobs: &[String]) -> Option<String> {
    let output = Command::new("squeue")
        .args(["--noheader", "--array", "--format=%T %r", "--jobs"])
        .arg(jobs.join(","))
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(counted(&text))
}

/// `squeue`'s lines, `STATE REASON`, each with how often it is there.
fn counted(lines: &str) -> String {
    let mut counts: Vec<(&str, u64)> = Vec::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let line = line.strip_suffix(" None").unwrap_or(line);
        match counts.iter_mut().find(|(known, _)| *known == line) {
            Some((_, count)) => *count += 1,
            None => counts.push((line, 1)),
        }
    }
    let told: Vec<String> = (counts.iter())
        .map(|(line, count)| format!("{} {}", thousands(*count), line.to_lowercase()))
        .collect();
    match told.is_empty() {
        true => "none of its jobs is in Slurm's queue".to_owned(),
        false => format!("in Slurm's queue: {}", told.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_slurm_says_is_read() {
        let config = "MaxArraySize            = 1001\nMaxJobCount = 10000\n";
        assert_eq!(largest_of(config), Some(1001));
        assert_eq!(largest_of("MaxJobCount = 1"), None);
        assert_eq!(
            counted("PENDING Priority\nRUNNING None\nPENDING Priority\n"),
            "in Slurm's queue: 2 pending priority, 1 running"
        );
        assert_eq!(counted("\n"), "none of its jobs is in Slurm's queue");
    }
}

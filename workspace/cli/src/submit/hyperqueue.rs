//! Elements as the tasks of a job of HyperQueue.

use std::process::Command;

use super::{Asked, Wanted};
use crate::failure::{Failure, RUN_FAILED};

/// The file that `hq submit --from-json` takes: an entry for each element.
pub fn entries(wanted: &Wanted<'_>) -> String {
    format!("{}\n", serde_json::json!(wanted.names))
}

/// What `hq` is asked. Sources that several elements need are done by the one that comes first; the others wait for it.
fn arguments(wanted: &Wanted<'_>) -> Vec<String> {
    let run = wanted.run.path();
    let runs = run.parent().unwrap_or(run);
    let mut arguments = vec![
        "submit".to_owned(),
        "--output-mode=json".to_owned(),
        format!("--name=topwork-{}", wanted.run.id()),
        format!("--cpus={}", wanted.threads),
        format!("--from-json={}", run.join("elements.json").display()),
        format!("--stdout={}/hq-%{{TASK_ID}}.out", run.display()),
        format!("--stderr={}/hq-%{{TASK_ID}}.out", run.display()),
    ];
    if let Some(time) = &wanted.arguments.time {
        arguments.push(format!("--time-request={time}"));
    }
    arguments.extend(wanted.arguments.options.iter().cloned());
    arguments.push("--".to_owned());
    arguments.extend(["bash".to_owned(), "-c".to_owned()]);
    arguments.push(format!(
        "exec \"$0\" --ascii task {} --element \"${{HQ_ENTRY//\\\"/}}\" --runs-dir \"$1\"",
        wanted.run.id()
    ));
    arguments.push(wanted.program.display().to_string());
    arguments.push(runs.display().to_string());
    arguments
}

/// The call as a person reads it.
pub fn told(wanted: &Wanted<'_>) -> String {
    let words = arguments(wanted);
    let words: Vec<_> = words
        .iter()
        .map(|word| crate::hints::quoted(word))
        .collect();
    format!("hq {}\n", words.join(" "))
}

/// Submits the elements as one job.
pub fn submit(wanted: &Wanted<'_>) -> Result<Asked, Failure> {
    let refused = |reason: String| {
        Failure::new(
            RUN_FAILED,
            format!("HyperQueue does not take the job: {reason}"),
        )
    };
    let output = Command::new("hq")
        .args(arguments(wanted))
        .output()
        .map_err(|error| refused(format!("cannot start hq: {error}")))?;
    if !output.status.success() {
        return Err(refused(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| refused(format!("its answer is not JSON: {error}")))?;
    Ok(Asked {
        jobs: vec![answer["id"].to_string()],
    })
}

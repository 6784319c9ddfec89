//! The clock, the peak of memory, and the line that tells both.

use std::fmt;
use std::time::Instant;

use anyhow::Result;
use serde::{Deserialize, Serialize};

/// What was measured in one process.
#[derive(Debug, Default)]
pub struct Measured {
    /// Of each repetition.
    pub seconds: Vec<f64>,
    /// Items that one repetition works through.
    pub items: usize,
    /// Additions and multiplications that one item needs at least.
    pub flops_per_item: Option<f64>,
    /// Share of held-out examples that are told correctly.
    pub accuracy: Option<f64>,
    /// Of the last fit.
    pub iterations: Option<u64>,
    /// Of the last step: that it is a usual number tells that the work was really done.
    pub loss: Option<f64>,
}

/// The line, as it is written and read again.
#[derive(Serialize, Deserialize)]
pub struct Line {
    name: String,
    threads: usize,
    seconds: Vec<f64>,
    items: usize,
    items_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    flops_per_item: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iterations: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loss: Option<f64>,
    /// Bytes; none where the system does not tell.
    peak_memory: Option<u64>,
}

/// Does the work once to warm up and then as often as asked, with the clock.
pub fn repeat(repetitions: usize, mut work: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
    work()?;
    (0..repetitions)
        .map(|_| {
            let begun = Instant::now();
            work()?;
            Ok(begun.elapsed().as_secs_f64())
        })
        .collect()
}

impl Measured {
    /// One line of JSON. The peak of memory is that of the process until now.
    pub fn to_json(&self, name: &str, threads: usize) -> Result<String> {
        let line = Line {
            name: name.to_owned(),
            threads,
            items: self.items,
            items_per_second: self.items as f64 / median(&self.seconds),
            seconds: self.seconds.clone(),
            flops_per_item: self.flops_per_item,
            accuracy: self.accuracy,
            iterations: self.iterations,
            loss: self.loss,
            peak_memory: peak_memory(),
        };
        Ok(serde_json::to_string(&line)?)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.items_per_second;
        write!(
            f,
            "{:<28}{:>12.4}{rate:>14.1}",
            self.name,
            median(&self.seconds)
        )?;
        let optional = |number: Option<f64>| number.map_or(String::new(), |n| format!("{n:.1}"));
        let arithmetic = self.flops_per_item.map(|flops| flops * rate / 1e9);
        let memory = self.peak_memory.map(|bytes| bytes as f64 / 1e6);
        write!(f, "{:>12}{:>11} MB", optional(arithmetic), optional(memory))
    }
}

fn median(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => (sorted[middle - 1] + sorted[middle]) / 2.0,
        _ => sorted[middle],
    }
}

#[cfg(unix)]
fn peak_memory() -> Option<u64> {
    use nix::sys::resource::{UsageWho, getrusage};
    // macOS counts bytes, the others kibibytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    u64::try_from(usage.max_rss()).ok().map(|most| most * unit)
}

#[cfg(not(unix))]
fn peak_memory() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
    }

    #[test]
    fn the_first_time_is_not_timed() {
        let mut times = 0;
        let seconds = repeat(3, || {
            times += 1;
            Ok(())
        });
        assert_eq!((seconds.unwrap().len(), times), (3, 4));
    }

    #[test]
    fn the_line_reads_back() {
        let measured = Measured {
            seconds: vec![0.5, 0.25, 0.125],
            items: 10,
            accuracy: Some(0.75),
            ..Measured::default()
        };
        let line: Line = serde_json::from_str(&measured.to_json("work", 2).unwrap()).unwrap();
        assert_eq!((line.items_per_second, line.accuracy), (40.0, Some(0.75)));
        #[cfg(unix)]
        assert!(line.peak_memory.unwrap() > 100_000);
    }
}

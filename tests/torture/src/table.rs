//! The page that says what was tried and what was lost.

use topwork_store::Machine;

/// The rows so far.
pub struct Table {
    seed: u64,
    rows: Vec<(String, u32, String)>,
    measured: Vec<String>,
}

impl Table {
    /// An empty one; `seed` is where the random moments began.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            rows: Vec::new(),
            measured: Vec::new(),
        }
    }

    /// A fault, how often it was tried, and what was lost.
    pub fn add(&mut self, fault: &str, times: u32, lost: &str) {
        self.rows.push((fault.to_owned(), times, lost.to_owned()));
    }

    /// A sentence about something measured.
    pub fn measured(&mut self, sentence: &str) {
        self.measured.push(sentence.to_owned());
    }

    /// The page.
    pub fn to_markdown(&self) -> String {
        let machine = Machine::here();
        let mut page = format!(
            "# What runs survive\n\n\
             `just torture` wrote this page: every fault was tried on real runs of the program, topwork {}, on {} ({}, {} cores), \
             with moments drawn from seed {}.\nA run was gone on with after each fault, and its figures, weights and predictions \
             were compared with those of a run left alone, to the bit.\nAnything lost beyond what the table says would have \
             ended the torture with an error and no page.\n\n\
             | fault | tried | lost |\n|---|---:|---|\n",
            env!("CARGO_PKG_VERSION"),
            machine.system,
            machine.architecture,
            machine.cores,
            self.seed
        );
        for (fault, times, lost) in &self.rows {
            page.push_str(&format!("| {fault} | {times} | {lost} |\n"));
        }
        if !self.measured.is_empty() {
            page.push_str("\n## What it costs\n\n");
            for sentence in &self.measured {
                page.push_str(sentence);
                page.push('\n');
            }
        }
        page
    }
}

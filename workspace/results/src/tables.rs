//! The figures of a run target by target, and how rows do over several targets.

use schemars::JsonSchema;
use serde::Serialize;
use topwork_events::RunState;
use topwork_measure::{Better, MeanRanks, mean_ranks};

use crate::{PairResult, Results, layout};

/// A table for each target of a run; most runs have one.
#[derive(Clone, Debug, PartialEq)]
pub struct Tables {
    /// By target, in the order of the file; never none.
    pub tables: Vec<Results>,
    /// How rows do over all targets; `None` for a single one.
    pub ranks: Option<RanksOverTargets>,
}

/// How the rows that all targets have do over them.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RanksOverTargets {
    /// The rows, the best first.
    pub rows: Vec<Place>,
    /// The targets that count: those whose rows are measured on the same examples and all have the figure that ranks.
    pub targets: Vec<String>,
    /// How likely ranks so far apart are where all rows are equally good (Friedman's test); `null` with fewer than five
    /// targets.
    pub p: Option<f64>,
    /// Mean ranks that differ by more can be told apart at a level of 5 % (Nemenyi); `null` with fewer than five targets.
    pub critical_difference: Option<f64>,
}

/// A row over several targets.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Place {
    /// The row's title, without the target.
    pub title: String,
    /// The mean of its ranks, from 1 for the best; equals have the mean of their ranks.
    pub mean_rank: f64,
}

/// The layout of `results.json` for several targets.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Several<'a> {
    format: u32,
    run: &'a str,
    name: &'a str,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ranks: Option<&'a RanksOverTargets>,
    targets: &'a [Results],
}

impl Tables {
    /// The figures known so far; `None` before the plan is.
    pub fn of(state: &RunState) -> Option<Self> {
        let tables: Option<Vec<Results>> = match state.parts.len() {
            0 | 1 => Some(vec![Results::from_state(state)?]),
            _ => (state.targets().iter())
                .map(|(_, parts)| Results::from_state(&state.of_parts(parts)))
                .collect(),
        };
        let tables = tables.filter(|tables| !tables.is_empty())?;
        let ranks = RanksOverTargets::of(&tables);
        Some(Self { tables, ranks })
    }

    /// All tables in one, for who shows the rows of a run in one list: each row with its rank in its own table.
    pub fn side_by_side(state: &RunState) -> Option<Results> {
        let mut whole = Results::from_state(state)?;
        if state.parts.len() < 2 {
            return Some(whole);
        }
        whole.pairs.clear();
        for (target, parts) in state.targets() {
            let of_target = Results::from_state(&state.of_parts(&parts))?;
            let rows = parts.iter().filter_map(|part| state.parts.get(*part));
            for (row, ranked) in rows
                .flat_map(|part| part.rows.clone())
                .zip(&of_target.strategies)
            {
                if let Some(row) = whole.strategies.get_mut(row) {
                    row.rank = ranked.rank;
                }
            }
            let title = |title: String| match target {
                Some(target) => format!("{target} · {title}"),
                None => title,
            };
            whole
                .pairs
                .extend(of_target.pairs.into_iter().map(|pair| PairResult {
                    a: title(pair.a),
                    b: title(pair.b),
                    ..pair
                }));
        }
        Some(whole)
    }

    /// One table alone.
    pub fn only(results: Results) -> Self {
        Self {
            tables: vec![results],
            ranks: None,
        }
    }

    /// The first table: what all have in common stands there.
    pub fn first(&self) -> &Results {
        // Never none.
        &self.tables[0]
    }

    /// All tables in their order: that of a target, and behind it those of its further test sets.
    pub fn each(&self) -> impl Iterator<Item = &Results> {
        (self.tables.iter()).flat_map(|table| std::iter::once(table).chain(&table.tests))
    }

    /// As `results.json` has it.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let first = self.first();
        if let [only] = self.tables.as_slice() {
            return only.to_json();
        }
        layout::to_string(&Several {
            format: Results::FORMAT,
            run: &first.run,
            name: &first.name,
            status: &first.status,
            ranks: self.ranks.as_ref(),
            targets: &self.tables,
        })
    }
}

impl RanksOverTargets {
    fn of(tables: &[Results]) -> Option<Self> {
        let first = tables.first().filter(|_| tables.len() > 1)?;
        let titles: Vec<&str> = (first.strategies.iter())
            .map(|row| row.title.as_str())
            .filter(|title| {
                tables
                    .iter()
                    .all(|table| table.strategies.iter().any(|row| row.title == **title))
            })
            .collect();
        let better = first.ranked_by().better;
        let mut targets = Vec::new();
        let mut figures = Vec::new();
        for table in tables
            .iter()
            .filter(|table| table.ranked_by().better == better)
        {
            let figure = |title: &&str| {
                let row = table.strategies.iter().find(|row| row.title == **title)?;
                // Rows that may not be set in one order have no rank.
                row.rank
                    .and(row.figure(table.ranked_by()))
                    .map(|figure| figure.mean)
            };
            if let Some(of_table) = titles.iter().map(figure).collect::<Option<Vec<f64>>>() {
                figures.push(of_table);
                targets.extend(table.target.clone());
            }
        }
        if figures.len() < 2 || titles.len() < 2 {
            return None;
        }
        let MeanRanks { ranks, friedman } = mean_ranks(&figures, better == Better::Higher)?;
        let mut rows: Vec<Place> = (titles.iter().zip(ranks))
            .map(|(title, mean_rank)| Place {
                title: (*title).to_owned(),
                mean_rank,
            })
            .collect();
        rows.sort_by(|a, b| a.mean_rank.total_cmp(&b.mean_rank));
        Some(Self {
            rows,
            targets,
            p: friedman.map(|friedman| friedman.p),
            critical_difference: friedman.map(|friedman| friedman.critical_difference),
        })
    }
}

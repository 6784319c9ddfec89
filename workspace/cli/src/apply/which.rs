//! Which row of a run is meant.

use std::path::PathBuf;

use topwork_apply::Fits;
use topwork_events::RunState;
use topwork_nearest::nearest;
use topwork_results::Results;
use topwork_store::RunFolder;

use crate::{
    arguments::WhichRow,
    failure::{Failure, WRONG_USE},
};

/// A run with what it says.
pub struct Known {
    pub folder: RunFolder,
    pub state: RunState,
}

impl Known {
    /// Reads what the run says.
    pub fn of(folder: RunFolder) -> Result<Self, Failure> {
        let state = folder.state()?;
        Ok(Self { folder, state })
    }

    /// Titles of the rows, in their order.
    pub fn titles(&self) -> Vec<String> {
        let plan = self.state.plan.iter();
        plan.flat_map(|plan| &plan.rows)
            .map(|row| row.title())
            .collect()
    }

    /// The position of the row that is called so, or has this number.
    pub fn row(&self, wanted: &str) -> Result<usize, Failure> {
        let titles = self.titles();
        let named = titles.iter().position(|title| title == wanted);
        let numbered = || {
            let number = wanted.parse::<usize>().ok()?.checked_sub(1)?;
            (number < titles.len()).then_some(number)
        };
        named.or_else(numbered).ok_or_else(|| {
            let failure = Failure::new(
                WRONG_USE,
                format!("the run `{}` has no row `{wanted}`", self.folder.id()),
            );
            match nearest(wanted, titles.iter().map(String::as_str)) {
                Some(title) => failure.hint(format!("did you mean `{title}`?")),
                None => failure.hint(format!("its rows are {}", listed(&titles))),
            }
        })
    }

    /// The seeds that the row was measured with.
    pub fn seeds(&self, row: usize) -> Vec<u64> {
        let seeds = self.state.plan.iter().flat_map(|plan| &plan.seeds).copied();
        let measured = |seed: &u64| self.state.outcomes.get(&(row, *seed)).is_some();
        seeds.filter(measured).collect()
    }

    /// The models meant: of the best row with the first seed, where nothing is said.
    pub fn fits(&self, which: &WhichRow) -> Result<Fits, Failure> {
        let row = match &which.row {
            Some(row) => self.row(row)?,
            None => self.best()?,
        };
        let title = &self.titles()[row];
        let seeds = self.seeds(row);
        let seed = match (which.seed, seeds.first()) {
            (None, Some(first)) => *first,
            (Some(seed), Some(_)) if seeds.contains(&seed) => seed,
            (Some(seed), Some(_)) => {
                let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
                return Err(Failure::new(
                    WRONG_USE,
                    format!("`{title}` was not measured with the seed {seed}"),
                )
                .hint(format!("its seeds are {}", seeds.join(", "))));
            }
            (_, None) => {
                return Err(Failure::new(
                    WRONG_USE,
                    format!(
                        "`{title}` has not been measured in the run `{}`",
                        self.folder.id()
                    ),
                ));
            }
        };
        let (part, row) = self.state.part_of_row(row);
        let of_part = self.state.parts.get(part).map(|part| &part.plan);
        let folds = of_part.and_then(|plan| plan.folds).unwrap_or(0);
        let folds = match which.fold {
            None => (1..=folds).collect(),
            Some(fold) if fold <= folds => vec![fold],
            Some(fold) => {
                return Err(Failure::new(
                    WRONG_USE,
                    match folds {
                        0 => "the run has no folds".to_owned(),
                        folds => format!("fold {fold}: the run has {folds}"),
                    },
                ));
            }
        };
        Ok(Fits {
            run: self.part(part),
            row,
            seed,
            folds,
        })
    }

    /// The title of the row whose models are meant.
    pub fn title(&self, fits: &Fits) -> String {
        let folders = self.folder.parts();
        let part = folders.iter().position(|part| part.path() == fits.run);
        let part = part.and_then(|part| self.state.parts.get(part));
        let row = part.map_or(0, |part| part.rows.start) + fits.row;
        self.titles().get(row).cloned().unwrap_or_default()
    }

    /// The folder of a part of the run.
    pub fn part(&self, part: usize) -> PathBuf {
        let parts = self.folder.parts();
        parts.get(part).unwrap_or(&self.folder).path().to_owned()
    }

    fn best(&self) -> Result<usize, Failure> {
        let results = Results::from_state(&self.state);
        let best = results.as_ref().and_then(|results| {
            let best = results.best()?;
            results
                .strategies
                .iter()
                .position(|row| std::ptr::eq(row, best))
        });
        best.ok_or_else(|| {
            let id = self.folder.id();
            Failure::new(
                WRONG_USE,
                format!("no row of the run `{id}` has been measured"),
            )
        })
    }
}

fn listed(titles: &[String]) -> String {
    let titles: Vec<String> = (1..)
        .zip(titles)
        .map(|(number, title)| format!("{number} `{title}`"))
        .collect();
    titles.join(", ")
}

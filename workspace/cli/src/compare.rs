//! `topwork compare`: rows of several runs side by side, and against each other where that is fair.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};
use topwork_events::{Event, Outcome, Record, RunState};
use topwork_measure::{ACCURACY, Bits};
use topwork_nearest::choices;
use topwork_pages::{Align, comparison};
use topwork_results::{Across, Apart, Member, across};
use topwork_store::{RunFolder, sha256_of_file};

use crate::{
    arguments::CompareArguments,
    failure::{Failure, RUN_FAILED, WRONG_USE, warn},
    output::{print, table, width},
    report::{Loaded, load},
    runs::{date, print_json},
    settings::flat,
};

/// Settings of the target that change neither the test examples nor how they are measured.
const OF_NO_MATTER: &[&str] = &[
    "target.name",
    "target.cut",
    "target.metrics",
    "target.rank-by",
    "target.compare-to",
    "target.equivalent-within",
];

/// Compares the runs.
pub fn compare(arguments: &CompareArguments) -> Result<u8, Failure> {
    let mut runs: Vec<Loaded> = Vec::new();
    for wanted in &arguments.runs {
        let run = load(&arguments.place.runs_dir, wanted)?;
        if runs.iter().any(|known| known.folder == run.folder) {
            let message = format!(
                "the run `{}` is named twice, expected different runs",
                run.folder.id()
            );
            return Err(Failure::new(WRONG_USE, message));
        }
        runs.push(run);
    }
    let mut documents = Vec::new();
    let mut pages = Vec::new();
    let several = runs.iter().any(|run| run.tables.tables.len() > 1);
    for target in targets(&runs, arguments.target.as_deref())? {
        let members: Vec<Member> = (runs.iter())
            .map(|run| Member {
                label: label(&run.folder.id()),
                state: state(run, target.as_deref()),
            })
            .collect();
        // Every run that was loaded has a plan.
        let Some(found) = across(&members) else {
            return Err(Failure::new(RUN_FAILED, "the runs have nothing to compare"));
        };
        let compared = Compared {
            found,
            members,
            runs: &runs,
            target: target.as_deref(),
        };
        let reasons = compared.reasons();
        match (arguments.json, &target) {
            (true, _) => documents.push(compared.document(&reasons)),
            (false, Some(target)) if several => {
                pages.push(format!("target {target}\n\n{}", compared.text(&reasons)));
            }
            (false, _) => pages.push(compared.text(&reasons)),
        }
    }
    if !arguments.json {
        print(&pages.join("\n"))?;
    } else if several {
        print_json(&json!({ "format": 1, "targets": documents }))?;
    } else {
        documents.iter().try_for_each(print_json)?;
    }
    Ok(0)
}

/// The targets that rows are compared on: the one asked for, else all that every run with several has; no name where every run has
/// one alone.
fn targets(runs: &[Loaded], wanted: Option<&str>) -> Result<Vec<Option<String>>, Failure> {
    let of = |run: &Loaded| -> Vec<String> {
        let targets = run.state.targets().into_iter();
        targets
            .filter_map(|(name, _)| name.map(str::to_owned))
            .collect()
    };
    let named: Vec<(String, Vec<String>)> = (runs.iter())
        .filter(|run| run.tables.tables.len() > 1)
        .map(|run| (run.folder.id(), of(run)))
        .collect();
    let Some((_, first)) = named.first() else {
        return match wanted {
            None => Ok(vec![None]),
            Some(_) => Err(
                Failure::new(WRONG_USE, "each of the runs has one target alone")
                    .hint("leave `--target` out"),
            ),
        };
    };
    let shared: Vec<&String> = (first.iter())
        .filter(|name| named.iter().all(|(_, own)| own.contains(name)))
        .collect();
    if shared.is_empty() {
        let told: Vec<String> = (named.iter())
            .map(|(id, own)| format!("`{id}` has {}", own.join(", ")))
            .collect();
        return Err(
            Failure::new(WRONG_USE, "the runs have no target in common").hint(told.join("; "))
        );
    }
    match wanted {
        None => Ok(shared.into_iter().cloned().map(Some).collect()),
        Some(wanted) if shared.iter().any(|name| *name == wanted) => {
            Ok(vec![Some(wanted.to_owned())])
        }
        Some(wanted) => {
            let names = shared.iter().map(|name| name.as_str());
            let hint = choices(wanted, "targets", names);
            let failure = Failure::new(
                WRONG_USE,
                format!("no target `{wanted}` that all runs have"),
            );
            Err(match hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            })
        }
    }
}

/// What a run says of this target; all of it where it has one alone.
fn state(run: &Loaded, target: Option<&str>) -> RunState {
    let targets = run.state.targets();
    let parts = targets
        .iter()
        .find(|(name, _)| target.is_some() && *name == target);
    match parts {
        Some((_, parts)) if run.tables.tables.len() > 1 => run.state.of_parts(parts).into_owned(),
        _ => with_bitmaps(run),
    }
}

/// Rows of some runs on one target.
struct Compared<'a> {
    found: Across,
    members: Vec<Member>,
    runs: &'a [Loaded],
    target: Option<&'a str>,
}

impl Compared<'_> {
    /// Why each run is not compared with the first.
    fn reasons(&self) -> Vec<Option<String>> {
        let [first, ..] = self.runs else {
            return Vec::new();
        };
        let apart = self.found.apart.iter().zip(self.runs);
        apart
            .map(|(apart, run)| {
                let apart = apart.as_ref()?;
                Some(reason(apart, [&first.folder, &run.folder], self.target))
            })
            .collect()
    }

    fn document(&self, reasons: &[Option<String>]) -> Value {
        let members = self.members.iter().zip(self.runs).zip(reasons);
        let members = members.map(|((member, run), reason)| {
            json!({
                "label": member.label,
                "run": run.folder.id(),
                "name": run.manifest.name,
                "status": run.tables.first().status,
                "not-compared-with-first": reason,
            })
        });
        let mut document = json!({
            "format": 1,
            "runs": members.collect::<Vec<Value>>(),
            "ranked": self.found.ranked,
            "results": self.found.results,
        });
        if let Some(target) = self.target {
            document["target"] = target.into();
        }
        document
    }

    fn text(&self, reasons: &[Option<String>]) -> String {
        let Self {
            found,
            members,
            runs,
            ..
        } = self;
        let columns = [
            ("", Align::Left),
            ("run", Align::Left),
            ("state", Align::Left),
            ("started", Align::Left),
        ];
        let list = members.iter().zip(*runs).map(|(member, run)| {
            vec![
                member.label.clone(),
                run.folder.id(),
                run.tables.first().status.clone(),
                date(run.manifest.created_at),
            ]
        });
        let mut text = table(&columns, list) + "\n" + &comparison(&found.results, width());
        let told: Vec<String> = (members.iter().zip(reasons))
            .filter_map(|(member, reason)| {
                let reason = reason.as_ref()?;
                Some(format!(
                    "! {} is not compared with {}: {reason}\n",
                    member.label, members[0].label
                ))
            })
            .collect();
        if !told.is_empty() {
            text.push('\n');
            text.push_str(&told.concat());
        }
        if !found.ranked {
            let why = match told.is_empty() {
                true => {
                    let seeds = members.iter().map(|member| {
                        let seeds = member
                            .state
                            .plan
                            .as_ref()
                            .map_or(&[][..], |plan| &plan.seeds);
                        format!("{} has {}", member.label, listed(seeds))
                    });
                    format!(
                        "the runs have different seeds ({})",
                        seeds.collect::<Vec<String>>().join(", ")
                    )
                }
                false => "not all of these runs may be set in one order".to_owned(),
            };
            text.push_str(&format!("! no rank: {why}\n"));
        }
        text
    }
}

/// A run by the number its id begins with, which no other run of the folder has.
fn label(id: &str) -> String {
    id.split('-').next().unwrap_or(id).to_owned()
}

/// Why two runs are not compared, in words.
fn reason(apart: &Apart, runs: [&RunFolder; 2], target: Option<&str>) -> String {
    let folds = |folds: &Option<u32>| match folds {
        None => "a test split".to_owned(),
        Some(folds) => format!("{folds} folds"),
    };
    match apart {
        Apart::NotMeasured => "one of them has measured no row yet".to_owned(),
        Apart::Metric(of_first, of_other) => {
            format!("`target.rank-by` is `{of_other}`, there `{of_first}`")
        }
        Apart::Folds(of_first, of_other) if of_first == of_other => {
            "their folds are not of the same examples".to_owned()
        }
        Apart::Folds(of_first, of_other) => {
            format!("`target.folds`: measured on {}, there on {}", folds(of_other), folds(of_first))
        }
        Apart::Seeds(of_first, of_other) => {
            format!("no seed in common: {}, there {}", listed(of_other), listed(of_first))
        }
        Apart::TestExamples => match first_difference(runs, target) {
            Some(difference) => format!("other test examples: {difference}"),
            None => "other test examples: the settings are the same, the images or labels are not".to_owned(),
        },
        Apart::Positions => {
            "an earlier version has recorded the positions of the test examples alone, which do not say whether their images are the same"
                .to_owned()
        }
    }
}

/// Seeds for a person.
fn listed(seeds: &[u64]) -> String {
    let words: Vec<String> = seeds.iter().map(u64::to_string).collect();
    match words.as_slice() {
        [] => "no seed".to_owned(),
        [one] => format!("seed {one}"),
        several => format!("seeds {}", several.join(", ")),
    }
}

/// The first setting that decides about test examples in which two resolved experiments differ, where there are several targets
/// among those of this one.
fn first_difference(runs: [&RunFolder; 2], target: Option<&str>) -> Option<String> {
    let settings = |run: &RunFolder| {
        let text = run
            .experiment()
            .map_err(|error| warn(&error.to_string()))
            .ok()?;
        test_settings(&text, target)
    };
    let [first, other] = runs;
    difference(&settings(first)?, &settings(other)?)
}

fn difference(
    first: &BTreeMap<String, String>,
    other: &BTreeMap<String, String>,
) -> Option<String> {
    let all: std::collections::BTreeSet<&String> = first.keys().chain(other.keys()).collect();
    // What the examples come from is told before how many of them there are.
    let mut all: Vec<&String> = all.into_iter().collect();
    all.sort_by_key(|path| !path.ends_with(".use"));
    let value = |of: &BTreeMap<String, String>, path: &str| match of.get(path) {
        Some(value) => format!("`{value}`"),
        None => "not set".to_owned(),
    };
    let path = all
        .into_iter()
        .find(|path| first.get(*path) != other.get(*path))?;
    Some(format!(
        "`{path}` is {}, there {}",
        value(other, path),
        value(first, path)
    ))
}

/// The settings of a resolved experiment that decide about test examples, by their dotted paths. Those of one target of several
/// stand there as if it were the only one.
fn test_settings(text: &str, target: Option<&str>) -> Option<BTreeMap<String, String>> {
    let decides = |path: &str| {
        let of_target = path.starts_with("target.");
        let of_no_matter = (OF_NO_MATTER.iter())
            .any(|other| path == *other || path.starts_with(&format!("{other}.")));
        (of_target && !of_no_matter) || path.ends_with(".test-samples")
    };
    let settings = flat(text)?;
    let place = settings.iter().find_map(|(path, value)| {
        let place = path.strip_prefix("target.")?.strip_suffix(".name")?;
        (target == Some(value)).then(|| format!("target.{place}."))
    });
    let settings = settings
        .into_iter()
        .filter_map(|(path, value)| match &place {
            None => Some((path, value)),
            Some(_) if !path.starts_with("target.") => Some((path, value)),
            Some(place) => {
                let own = path.strip_prefix(place.as_str())?;
                (own != "name").then(|| (format!("target.{own}"), value))
            }
        });
    Some(settings.filter(|(path, _)| decides(path)).collect())
}

/// The state of a run whose outcomes say which test examples are right. Streams of earlier versions do not: there
/// the predictions do, where their files are still those that were written.
fn with_bitmaps(run: &Loaded) -> RunState {
    let state = &run.state;
    // Without classes no example is right or wrong.
    let lacks = |outcome: &Outcome| {
        outcome.targets().is_classes() && !outcome.right.contains_key(ACCURACY.id)
    };
    let (Some(plan), true) = (&state.plan, state.outcomes.iter().any(lacks)) else {
        return state.clone();
    };
    let mut outcomes: Vec<Outcome> = state.outcomes.to_vec();
    for outcome in outcomes.iter_mut().filter(|outcome| lacks(outcome)) {
        let Some(row) = plan.rows.get(outcome.row) else {
            continue;
        };
        let path = run
            .folder
            .predictions_path(outcome.row, &row.title(), outcome.seed);
        let untouched = match &outcome.predictions {
            Some(digest) => sha256_of_file(&path).is_ok_and(|found| found == *digest),
            None => true,
        };
        let csv = fs::read(&path).ok().filter(|_| untouched);
        let bits = csv.and_then(|csv| right_of(&csv)).filter(|bits| {
            bits.len() as u64 == outcome.total && bits.count_ones() == outcome.correct
        });
        match bits {
            Some(bits) => {
                outcome.right.insert(ACCURACY.id.to_owned(), bits);
            }
            None => warn(&format!(
                "`{}` does not hold the predictions of the run: its row `{}` has no pairs with seed {}",
                path.display(),
                row.title(),
                outcome.seed
            )),
        }
    }
    let mut records = vec![record(Event::RunStarted(plan.clone()))];
    records.extend(
        state
            .data
            .clone()
            .map(|digest| record(Event::DataRead { digest })),
    );
    records.extend(
        outcomes
            .into_iter()
            .map(|outcome| record(Event::RowMeasured(outcome))),
    );
    records.extend(
        state
            .failures
            .iter()
            .map(|failure| record(Event::RowFailed(failure.clone()))),
    );
    RunState::from_records(&records)
}

fn record(event: Event) -> Record {
    Record::new(1, event)
}

/// For every line of a file of predictions whether the class predicted is the true one; `None` for any other file.
fn right_of(csv: &[u8]) -> Option<Bits> {
    let mut right = Vec::new();
    for line in csv::Reader::from_reader(csv).records() {
        let line = line.ok()?;
        right.push(line.get(1)? == line.get(2)?);
    }
    Some(Bits::from_bools(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_setting_that_differs_is_named() {
        let check = |first: &str, other: &str, expected: Option<&str>| {
            let settings =
                |text: &str| test_settings(&format!("[target]\n{text}\n"), None).unwrap();
            let found = difference(&settings(first), &settings(other));
            assert_eq!(found.as_deref(), expected, "{first} / {other}");
        };
        let digits = "dataset = { use = \"arrays/mnist\", classes = [5, 6] }";
        check(digits, digits, None);
        check(
            &format!("{digits}\ncut = \"a\""),
            &format!("{digits}\ncut = [1, 2]"),
            None,
        );
        check(
            digits,
            "dataset = { use = \"arrays/mnist\", classes = [7] }",
            Some("`target.dataset.classes` is `[7]`, there `[5, 6]`"),
        );
        check(
            digits,
            "dataset = { use = \"image-folder/folder\", root = \"x\" }",
            Some("`target.dataset.use` is `image-folder/folder`, there `arrays/mnist`"),
        );
        check(
            digits,
            &format!("{digits}\n[[strategy]]\ntest-samples = 100"),
            Some("`strategy.1.test-samples` is `100`, there not set"),
        );
    }

    #[test]
    fn of_several_targets_the_settings_of_one_count() {
        let text = "[[target]]\nname = \"a\"\ndataset = { use = \"x\" }\n\
                    [[target]]\nname = \"b\"\nfolds = 3\ndataset = { use = \"y\" }\n";
        let found = test_settings(text, Some("b")).unwrap();
        let alone = "[target]\nfolds = 3\ndataset = { use = \"y\" }\n";
        assert_eq!(Some(found), test_settings(alone, Some("b")));
    }

    #[test]
    fn predictions_tell_what_is_right() {
        let check = |csv: &str, expected: Option<(usize, u64)>| {
            let found = right_of(csv.as_bytes()).map(|bits| (bits.len(), bits.count_ones()));
            assert_eq!(found, expected, "{csv}");
        };
        let header = "example,class,predicted,score a\n";
        check(&format!("{header}0,a,a,0.5\n3,b,a,0.2\n"), Some((2, 1)));
        check(header, Some((0, 0)));
        check("example,class\n0,a\n", None);
        check(&format!("{header}0,a\n"), None);
    }
}

//! Runs of a thousand rows or ten thousand classes: what they take, and that they are read as
//! they were written, in the present format and in the one before.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "what measures is not tested")]
#[path = "../examples/large.rs"]
mod large;

use large::{Size, old_line, records, write};
use topwork_events::{Event, Record, RunState};
use topwork_results::Results;
use topwork_store::Runs;

fn results(size: Size) -> Results {
    let records: Vec<Record> = records(size, false).collect();
    Results::from_state(&RunState::from_records(&records)).unwrap()
}

#[test]
fn a_thousand_rows_and_ten_thousand_classes_take_little() {
    let check = |rows, classes, seeds, megabytes: usize| {
        let size = Size {
            rows,
            classes,
            seeds,
        };
        let events: usize = records(size, false)
            .map(|record| record.to_line().unwrap().len())
            .sum();
        let results = results(size);
        let file = results.to_json().unwrap().len();
        let most = megabytes * 1_000_000;
        assert!(
            file < most && events < most,
            "{rows}: {file} and {events} bytes"
        );
        assert_eq!(
            serde_json::from_str::<Results>(&results.to_json().unwrap()).unwrap(),
            results
        );
    };
    check(1_000, 10, 1, 5);
    check(1_000, 10, 3, 8);
    check(2, 10_000, 1, 2);
}

/// What the first format said is what the second says, for every size in which both compare the
/// same rows.
#[test]
fn both_formats_are_read_alike() {
    for (rows, classes, seeds) in [(1, 2, 1), (8, 3, 2), (40, 10, 3), (3, 300, 1)] {
        let size = Size {
            rows,
            classes,
            seeds,
        };
        let new: Vec<Record> = records(size, false).collect();
        let old: Vec<Record> = records(size, true)
            .map(|record| Record::from_line(&old_line(&record).unwrap()).unwrap())
            .collect();
        let read = RunState::from_records(&old);
        assert_eq!(read, RunState::from_records(&new), "{rows} rows");
        assert!(!read.plan.unwrap().classes.is_empty());
    }
}

/// A stream of format 1 has all pairs; of a grid only those count that are compared today.
#[test]
fn an_old_grid_is_shown_as_a_new_one() {
    let size = Size {
        rows: 60,
        classes: 2,
        seeds: 1,
    };
    let old: Vec<Record> = records(size, true).collect();
    let pairs = |record: &&Record| matches!(record.event, Event::Compared(_));
    assert_eq!(old.iter().filter(pairs).count(), 60 * 59 / 2);
    let old = Results::from_state(&RunState::from_records(&old)).unwrap();
    assert_eq!(old.pairs.len(), 30);
    assert_eq!(old.pairs, results(size).pairs);
    let first = &old.pairs[0];
    assert_eq!(
        (first.a.as_str(), first.b.as_str()),
        ("logistic · cut0 · 10", "knn · cut0 · 10")
    );
}

#[test]
fn a_run_of_either_format_is_listed_with_the_row_that_is_best() {
    let temp = tempfile::tempdir().unwrap();
    let runs = Runs::at(temp.path());
    let size = Size {
        rows: 12,
        classes: 5,
        seeds: 2,
    };
    for old in [true, false] {
        write(&runs, size, old).unwrap();
    }
    let overview = topwork_index::overview(&runs).unwrap();
    let [old, new] = overview.runs.as_slice() else {
        panic!("{overview:?}");
    };
    assert_eq!((old.format, new.format), (1, 2));
    assert_eq!(old.best, new.best);
    let best = new.best.as_ref().unwrap();
    let rows = results(size).strategies;
    let of_row = rows.iter().find(|row| row.title == best.row).unwrap();
    assert!(rows.iter().all(|row| row.mean <= of_row.mean), "{best:?}");
    assert_eq!(topwork_index::cells(&runs).unwrap().len(), 2 * 12 * 2);
}

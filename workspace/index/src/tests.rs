//! The index against its folders, whole and harmed.

use std::{fs, path::Path, process::Command, thread};

use topwork_events::{EndStatus, Event, Outcome, RowPlan, RunPlan, Seconds, Start};
use topwork_keys::{Adopted, Cells, KeyedCell};
use topwork_store::{EventWriter, Machine, Manifest, Standing};

use super::*;

/// A folder of `count` runs that are done, each with one row of two seeds.
fn project(count: u64) -> (tempfile::TempDir, Runs) {
    let temp = tempfile::tempdir().unwrap();
    let runs = Runs::at(temp.path().join("runs"));
    for _ in 0..count {
        done(&runs);
    }
    (temp, runs)
}

fn create(runs: &Runs) -> RunFolder {
    let folder = runs.create("test").unwrap();
    let manifest = Manifest {
        format: Manifest::FORMAT,
        run: folder.id(),
        name: "test".into(),
        experiment: "/somewhere/test.toml".into(),
        version: "0.1.0".into(),
        binary: None,
        created_at: 1_000,
        threads: 1,
        plugin_folders: Vec::new(),
        data_folders: Vec::new(),
        cache_folder: "/somewhere".into(),
        feature_cache: None,
        checkpoint_every: 300.0,
        call_limit: None,
        weights: None,
        computed_by: None,
        plugins: Vec::new(),
        cells: Cells {
            rows: vec![KeyedCell {
                row: 0,
                seed: 1,
                key: "abc".into(),
            }],
            sources: Vec::new(),
        },
        adopted: Adopted::default(),
        remarks: Vec::new(),
        machine: Machine::here(),
    };
    folder.write_manifest(&manifest).unwrap();
    folder
}

fn done(runs: &Runs) -> RunFolder {
    let folder = create(runs);
    let mut writer = folder.event_writer().unwrap();
    let row = RowPlan {
        name: "frozen".into(),
        kind: "frozen-backbone".into(),
        cut: "pool2".into(),
        feature_dim: 8,
        head: "mlp".into(),
        weights: Start::Source,
        classes: vec!["a".into(), "b".into()],
        ..RowPlan::default()
    };
    let plan = RunPlan {
        run: folder.id(),
        rows: vec![row],
        seeds: vec![1, u64::MAX],
        ..RunPlan::default()
    };
    writer.append(Event::RunStarted(plan)).unwrap();
    for (seed, correct) in [(1, 90), (u64::MAX, 80)] {
        let outcome = Outcome {
            row: 0,
            seed,
            correct,
            total: 100,
            test_set: "x".into(),
            train_samples: 50,
            trainable_parameters: 5,
            frozen_intact: Some(true),
            seconds: Seconds {
                extract: 0.5,
                fit: 2.0,
                evaluate: 0.25,
            },
            features_cached: false,
            confusion: vec![vec![correct, 0], vec![100 - correct, 0]].into(),
            fit: topwork_measure::FitReport::default(),
            ..Outcome::default()
        };
        writer.append(Event::RowMeasured(outcome)).unwrap();
    }
    end(&mut writer);
    folder
}

fn end(writer: &mut EventWriter) {
    writer
        .append(Event::RunEnded {
            status: EndStatus::Done,
            message: None,
            hint: None,
            exit_code: 0,
            seconds: 3.0,
            peak_bytes: None,
        })
        .unwrap();
}

fn ids(listed: &Overview) -> Vec<&str> {
    listed.runs.iter().map(|run| run.id.as_str()).collect()
}

fn index(runs: &Runs) -> std::path::PathBuf {
    database::path(runs.folder())
}

#[test]
fn no_folder_is_no_runs_and_makes_nothing() {
    let (temp, runs) = project(0);
    let listed = overview(&runs).unwrap();
    assert!(listed.runs.is_empty() && listed.notes.is_empty());
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
}

#[test]
fn the_index_says_what_the_folders_say() {
    let (_temp, runs) = project(2);
    let fresh = overview(&runs).unwrap();
    let entry = &fresh.runs[0];
    assert_eq!(ids(&fresh), ["0001-test", "0002-test"]);
    assert_eq!(
        (&entry.standing, entry.seconds),
        (&Standing::Done, Some(3.0))
    );
    let best = entry.best.as_ref().unwrap();
    assert_eq!(
        (
            best.row.as_str(),
            (best.figures["accuracy"] * 100.0).round()
        ),
        ("frozen", 85.0)
    );
    assert!(entry.bytes > 1000, "{}", entry.bytes);
    let again = overview(&runs).unwrap();
    assert_eq!(again.runs, fresh.runs);
    assert_eq!(again.notes, Vec::<String>::new());
    let cells = cells(&runs).unwrap();
    let keys: Vec<_> = cells.iter().map(|cell| cell.cell.as_deref()).collect();
    assert_eq!(keys, [Some("abc"), None, Some("abc"), None]);
    let seeds: Vec<_> = cells
        .iter()
        .map(|cell| (cell.run.as_str(), cell.seed))
        .collect();
    assert_eq!(
        seeds,
        [
            ("0001-test", 1),
            ("0001-test", u64::MAX),
            ("0002-test", 1),
            ("0002-test", u64::MAX)
        ]
    );
    assert_eq!((cells[0].correct, cells[0].figures["accuracy"]), (90, 0.9));
    assert_eq!((cells[0].extract, cells[0].fit), (0.5, 2.0));
}

#[test]
fn an_ended_run_is_read_from_the_index_until_its_events_change() {
    let (_temp, runs) = project(1);
    let folder = runs.list().unwrap().remove(0);
    overview(&runs).unwrap();
    // What only the index can still know.
    let mut manifest = folder.manifest().unwrap();
    manifest.name = "another".into();
    folder.write_manifest(&manifest).unwrap();
    assert_eq!(overview(&runs).unwrap().runs[0].name, "test");
    let resumed = Event::RunResumed {
        version: "0.1.0".into(),
    };
    folder.event_writer().unwrap().append(resumed).unwrap();
    let entry = overview(&runs).unwrap().runs.remove(0);
    assert_eq!((entry.name.as_str(), entry.seconds), ("another", None));
    // One that has not ended is asked every time.
    manifest.name = "a third".into();
    folder.write_manifest(&manifest).unwrap();
    assert_eq!(overview(&runs).unwrap().runs[0].name, "a third");
}

#[test]
fn runs_that_are_gone_are_forgotten() {
    let (_temp, runs) = project(3);
    overview(&runs).unwrap();
    fs::remove_dir_all(runs.find("2").unwrap().path()).unwrap();
    assert_eq!(ids(&overview(&runs).unwrap()), ["0001-test", "0003-test"]);
    assert_eq!(cells(&runs).unwrap().len(), 4);
}

#[test]
fn a_damaged_run_does_not_hide_the_others() {
    let (_temp, runs) = project(2);
    fs::write(runs.find("1").unwrap().path().join("manifest.json"), "{").unwrap();
    for _ in 0..2 {
        let listed = overview(&runs).unwrap();
        assert_eq!(ids(&listed), ["0002-test"]);
        assert_eq!(listed.damaged.len(), 1);
        assert_eq!(listed.damaged[0].0.id(), "0001-test");
    }
}

#[test]
fn whatever_is_done_to_the_index_the_runs_are_listed() {
    let check = |name: &str, harm: &dyn Fn(&Path), expected: &str| {
        let (temp, runs) = project(3);
        let whole = overview(&runs).unwrap();
        harm(&index(&runs));
        let listed = overview(&runs).unwrap();
        assert_eq!(listed.runs, whole.runs, "{name}");
        assert_eq!(cells(&runs).unwrap().len(), 6, "{name}");
        let said = listed
            .notes
            .join("\n")
            .replace(temp.path().to_str().unwrap(), "");
        let fits = match expected.split_once('…') {
            Some((begin, rest)) => said.starts_with(begin) && said.ends_with(rest),
            None => said == expected,
        };
        assert!(fits, "{name}: {said}");
        let afterwards = overview(&runs).unwrap();
        assert_eq!(afterwards.runs, whole.runs, "{name}");
        // Told once, unless it stays as it is.
        let stays = expected.contains("newer") || expected.contains("instead");
        assert_eq!(
            afterwards.notes.is_empty(),
            !stays,
            "{name}: {:?}",
            afterwards.notes
        );
    };
    let newer = database::FORMAT + 1;
    let not_written = |format: i64| {
        format!(
            "`/runs/index.sqlite` was made by a newer topwork (format {format}); it is not written to"
        )
    };
    let made_again = "`/runs/index.sqlite` was damaged (…); it was made again from the run folders";
    let execute = |path: &Path, sql: &str| {
        rusqlite::Connection::open(path)
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    };
    let whole_size = |path: &Path| fs::metadata(path).unwrap().len() as usize;
    check("removed", &|path| fs::remove_file(path).unwrap(), "");
    check("emptied", &|path| fs::write(path, "").unwrap(), "");
    check("cut to a byte", &|path| fs::write(path, "S").unwrap(), "");
    for cut in [50, 100, 4000, 4096, 8192] {
        check(
            &format!("cut to {cut} bytes"),
            &|path| {
                let content = fs::read(path).unwrap();
                assert!(content.len() > cut);
                fs::write(path, &content[..cut]).unwrap();
            },
            made_again,
        );
    }
    check(
        "another kind of file",
        &|path| fs::write(path, "not a database ".repeat(1000)).unwrap(),
        made_again,
    );
    check(
        "random bytes in a page",
        &|path| {
            let mut content = fs::read(path).unwrap();
            let mut noise = 88_172_645_463_325_252_u64;
            for byte in &mut content[4096..6000] {
                noise ^= noise << 13;
                noise ^= noise >> 7;
                noise ^= noise << 17;
                *byte = noise as u8;
            }
            fs::write(path, content).unwrap();
        },
        made_again,
    );
    check(
        "a wrong journal",
        &|path| {
            fs::write(
                path.with_extension("sqlite-journal"),
                vec![0xd9; whole_size(path)],
            )
            .unwrap();
        },
        "",
    );
    check(
        "a table too few",
        &|path| execute(path, "DROP TABLE cells"),
        made_again,
    );
    check(
        "a column too few",
        &|path| execute(path, "ALTER TABLE runs DROP COLUMN host"),
        made_again,
    );
    check(
        "no format",
        &|path| execute(path, "PRAGMA user_version = 0"),
        made_again,
    );
    check(
        "that of an older topwork",
        &|path| {
            execute(
                path,
                "UPDATE runs SET best_row = 'another'; PRAGMA user_version = 2",
            )
        },
        "",
    );
    check(
        "another's database",
        &|path| {
            fs::remove_file(path).unwrap();
            execute(path, "CREATE TABLE recipes (name TEXT)");
        },
        made_again,
    );
    check(
        "newer, with more columns",
        &|path| {
            execute(
                path,
                &format!("ALTER TABLE runs ADD COLUMN mood TEXT; PRAGMA user_version = {newer}"),
            )
        },
        &not_written(newer),
    );
    check(
        "newer, beyond recognition",
        &|path| {
            execute(
                path,
                "ALTER TABLE runs RENAME TO experiments; PRAGMA user_version = 9000",
            )
        },
        &not_written(9000),
    );
}

#[test]
fn a_newer_index_is_not_written_to() {
    let (_temp, runs) = project(1);
    overview(&runs).unwrap();
    rusqlite::Connection::open(index(&runs))
        .unwrap()
        .pragma_update(None, "user_version", database::FORMAT + 1)
        .unwrap();
    let before = fs::read(index(&runs)).unwrap();
    done(&runs);
    assert_eq!(ids(&overview(&runs).unwrap()), ["0001-test", "0002-test"]);
    assert_eq!(fs::read(index(&runs)).unwrap(), before);
}

#[test]
fn a_place_where_no_index_can_be_is_listed_without_one() {
    let (_temp, runs) = project(2);
    fs::create_dir(index(&runs)).unwrap();
    for _ in 0..2 {
        let listed = overview(&runs).unwrap();
        assert_eq!(ids(&listed), ["0001-test", "0002-test"]);
        assert_eq!(cells(&runs).unwrap().len(), 4);
    }
}

/// Needs the right to mount; without it there is no such disk, and the test says so.
#[cfg(target_os = "linux")]
#[test]
fn a_read_only_folder_is_listed_with_the_index_it_has() {
    let (_temp, runs) = project(2);
    let whole = overview(&runs).unwrap();
    let folder = runs.folder().to_str().unwrap();
    let mount = |arguments: &[&str]| {
        let status = Command::new(arguments[0]).args(&arguments[1..]).status();
        status.is_ok_and(|status| status.success())
    };
    if !mount(&["mount", "--bind", folder, folder]) {
        eprintln!("skipped: not allowed to mount");
        return;
    }
    let remounted = mount(&["mount", "-o", "remount,bind,ro", folder]);
    let with_index = overview(&runs);
    let writable = fs::write(index(&runs), "").is_ok();
    assert!(mount(&["umount", folder]));
    assert!(remounted && !writable);
    assert_eq!(with_index.unwrap().runs, whole.runs);
}

#[test]
fn many_at_once_see_the_same() {
    let (_temp, runs) = project(20);
    let whole = overview(&runs).unwrap().runs;
    for harm in [true, false] {
        if harm {
            fs::write(index(&runs), "not a database ".repeat(1000)).unwrap();
        } else {
            fs::remove_file(index(&runs)).unwrap();
        }
        thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        (0..5)
                            .map(|_| overview(&runs).unwrap().runs)
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            for thread in threads {
                for seen in thread.join().unwrap() {
                    assert_eq!(seen, whole);
                }
            }
        });
        assert!(overview(&runs).unwrap().notes.is_empty());
    }
}

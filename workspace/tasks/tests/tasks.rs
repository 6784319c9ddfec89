//! The tasks of a plan: their order, needs and keys.
#![allow(clippy::unwrap_used, reason = "a test may end in a panic")]

use topwork_keys::Cells;
use topwork_schema::{Plan, Start};
use topwork_tasks::{Made, Tasks, Work};

/// The plan of `experiments/mnist-transfer.toml`.
fn plan() -> Plan {
    Plan::from_json(include_str!("flagship.json")).unwrap()
}

/// What an earlier version computed its keys with.
fn made() -> Made {
    let plugins = [
        (
            "arrays",
            "85f44151d5ae81c9d68607b69002faf9f103925681f8bd007fa57b5567f33cc9",
        ),
        (
            "classifiers",
            "139a8e042c34db9b76de22127a9d0df7fede31b8d728e9c293e9c675a5b5b780",
        ),
        (
            "lenet",
            "199c56e461f8c784ea5588773b5fea05f803eb747c8db486c7e62b0eb55af28c",
        ),
        (
            "mlp",
            "0075ae5586f90cd715edc7d5272488387058f9c97e6cf5be497d279fa44c15bb",
        ),
    ];
    Made {
        engine: "3 x86_64".to_owned(),
        plugins: plugins
            .map(|(id, digest)| (id.to_owned(), digest.to_owned()))
            .to_vec(),
        weights: None,
    }
}

fn rows(cells: &Cells) -> Vec<&str> {
    cells.rows.iter().map(|cell| cell.key.as_str()).collect()
}

#[test]
fn keys_are_those_that_earlier_versions_have_written() {
    let cells = Tasks::of(&plan(), &made()).cells();
    assert_eq!(
        cells.sources[0].key,
        "889224f2ba07fec25bf11bf5501b25c4e7bfdb46486fd81b675f3a8c3005f3f8"
    );
    assert_eq!(
        rows(&cells),
        [
            "90a7b8663e5fcb361d42c051eed84429e5184f5039d2fdc8a1fc874f22dd7beb",
            "465f31de0cadd8fc9f09ab3ae391e83326ea1810836f25c3ea12aba384932583",
            "2327c467be2d6d494a6bad755eff7bd2003094bc49c3fc1efde222066635c05f",
            "3b91a65d0615cb458a16b3599ca311c9e4fa3b4d5f20e3857085711eb4f141e8",
        ]
    );
}

#[test]
fn every_task_comes_after_what_it_needs() {
    let mut plan = plan();
    plan.experiment.seeds = vec![1, 7];
    let tasks = Tasks::of(&plan, &made());
    let told: Vec<String> = (tasks.iter())
        .map(|task| {
            let seed = task.seed.map_or(String::new(), |seed| format!(" {seed}"));
            format!("{}{seed} {:?}", task.title, task.needs)
        })
        .collect();
    assert_eq!(
        told,
        [
            "read data []",
            "source 1 [0]",
            "extract features 1 [0, 1]",
            "frozen backbone 1 [0, 2]",
            "feature classifier, 1,000 samples 1 [0, 2]",
            "feature classifier 1 [0, 2]",
            "extract random features 1 [0]",
            "frozen random backbone 1 [0, 6]",
            "source 7 [0]",
            "extract features 7 [0, 8]",
            "frozen backbone 7 [0, 9]",
            "feature classifier, 1,000 samples 7 [0, 9]",
            "feature classifier 7 [0, 9]",
            "extract random features 7 [0]",
            "frozen random backbone 7 [0, 13]",
        ]
    );
    for (index, task) in tasks.iter().enumerate() {
        assert!(
            task.needs.iter().all(|need| *need < index),
            "{}",
            task.title
        );
    }
    // Data, a source, features, a row: who builds on them.
    assert_eq!(tasks.rows_on(0), [0, 1, 2, 3, 0, 1, 2, 3]);
    assert_eq!(tasks.rows_on(8), [0, 1, 2]);
    assert_eq!(tasks.rows_on(6), [3]);
    assert_eq!(tasks.rows_on(5), [2]);
    assert_eq!(tasks.tasks_on(5).first(), Some(&5));
}

#[test]
fn a_key_covers_what_the_bits_depend_on_and_nothing_else() {
    let of = |plan: &Plan, made: &Made| -> Vec<String> {
        Tasks::of(plan, made)
            .iter()
            .map(|task| task.key.clone())
            .collect()
    };
    let as_it_is = of(&plan(), &made());
    let mut different = as_it_is.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), as_it_is.len());
    // The tasks whose key changes: data, source, features, three rows, random features, random row.
    let check = |what: &str, change: fn(&mut Plan, &mut Made), expected: &[usize]| {
        let (mut plan, mut made) = (plan(), made());
        change(&mut plan, &mut made);
        let changed = of(&plan, &made);
        let changed: Vec<usize> = (0..as_it_is.len())
            .filter(|task| as_it_is[*task] != changed[*task])
            .collect();
        assert_eq!(changed, expected, "{what}");
    };
    let everything = &[0, 1, 2, 3, 4, 5, 6, 7];
    check(
        "a name",
        |plan, _| plan.experiment.strategies[0].name.push('!'),
        &[],
    );
    check("the engine", |_, made| made.engine.push('1'), everything);
    check(
        "seed",
        |plan, _| plan.experiment.seeds = vec![2],
        &everything[1..],
    );
    check(
        "the head's plugin",
        |_, made| made.plugins[1].1.push('0'),
        &[4, 5],
    );
    check(
        "another plugin",
        |_, made| made.plugins.push(("knn".into(), "0".into())),
        &[],
    );
    check(
        "training of the source",
        |plan, _| plan.experiment.source.as_mut().unwrap().train.epochs += 1,
        &[1, 2, 3, 4, 5],
    );
    check(
        "samples of a row",
        |plan, _| plan.rows[1].train_samples = Some(999),
        &[4],
    );
    check(
        "whose weights",
        |plan, _| plan.experiment.strategies[2].weights = Start::Random,
        &[5, 6],
    );
    check(
        "a weights file",
        |_, made| made.weights = Some("0".into()),
        &[2, 3, 4, 5],
    );
}

#[test]
fn a_trunk_that_learns_needs_the_source_and_no_features() {
    let mut plan = plan();
    plan.experiment.strategies.truncate(1);
    plan.rows.truncate(1);
    plan.experiment.strategies[0].kind = topwork_schema::StrategyKind::FineTune;
    let tasks = Tasks::of(&plan, &made());
    assert_eq!(tasks.len(), 3);
    assert_eq!(
        (&tasks[2].work, &tasks[2].needs),
        (&Work::Row(0), &vec![0, 1])
    );
}

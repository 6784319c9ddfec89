//! What room an experiment needs on disk, told before it is taken.

use std::path::Path;

use rustix::fs::statvfs;
use topwork_schema::{Catalog, DatasetUse, Plan, Row, Start, UseKind};
use topwork_store::CacheSettings;
use topwork_tasks::TrunkId;

use crate::{experiment::Checked, failure::warn, output::megabytes};

/// Bytes of one feature.
const FEATURE: u64 = size_of::<f32>() as u64;

/// About how many bytes of features a plan adds to an empty cache, principal components left out: they are not kept. `None` where
/// nobody knows how many examples there are.
pub fn of_features(checked: &Checked, plan: &Plan) -> Option<u64> {
    let all = checked.catalog()?;
    let place = checked.plans.plans().position(|known| known == plan)?;
    let own = checked.answer.catalogs.get(place)?;
    let backbone = (own.described.iter())
        .find(|described| described.of.kind == UseKind::Backbone)
        .and_then(|described| described.outcome.as_ref().ok())?;
    let experiment = &plan.experiment;
    let target = &experiment.target;
    let train = examples(all, &target.dataset, "train")?;
    let mut test = match target.folds {
        Some(_) => 0,
        None => examples(all, &target.dataset, "test").unwrap_or(0),
    };
    for further in &target.tests {
        test += examples(all, &further.dataset, &further.split).unwrap_or(0);
    }
    let seeds = experiment.seeds.len() as u64;
    let classes = target.dataset.classes.len() as u64;
    let drawn = |row: &Row| match (row.train_samples, row.train_per_class) {
        (Some(count), _) => train.min(count as u64),
        (None, Some(count)) => train.min(classes.saturating_mul(count as u64)),
        (None, None) => train,
    };
    let mut trunks: Vec<(TrunkId, u64)> = Vec::new();
    for row in &plan.rows {
        for trunk in TrunkId::of(plan, row) {
            match trunks.iter_mut().find(|(known, _)| *known == trunk) {
                Some((_, most)) => *most = drawn(row).max(*most),
                None => trunks.push((trunk, drawn(row))),
            }
        }
    }
    let bytes = trunks.iter().map(|(trunk, train_drawn)| {
        // Given weights are the same for every seed, and then so are the features of the same images.
        let given = trunk.weights == Start::Source && experiment.source.is_none();
        let of_test = if given { test } else { test * seeds };
        let of_train = match given && *train_drawn == train {
            true => train,
            false => train_drawn * seeds,
        };
        let dim = backbone.most_features(&trunk.cut)? as u64;
        Some((of_train + of_test).saturating_mul(dim * FEATURE))
    });
    bytes.sum()
}

/// The examples of the chosen classes in a split, where they were counted.
fn examples(catalog: &Catalog, used: &DatasetUse, split: &str) -> Option<u64> {
    let of = |counted: &&topwork_schema::Counted| {
        counted.component == used.component && counted.split == split
    };
    let counts = catalog.counted.iter().find(of)?.classes.as_ref().ok()?;
    let of_class = |class: &usize| counts.get(*class).copied().unwrap_or(0);
    Some(used.classes.iter().map(of_class).sum())
}

/// Says so where the features of all plans are more than the cache may hold, or than its disk has room for.
pub fn tell(checked: &Checked, cache: &CacheSettings) {
    let plans = checked.plans.plans();
    let needed = plans
        .map(|plan| of_features(checked, plan).unwrap_or(0))
        .sum();
    if let Some(said) = shortage(needed, cache.limit, free(&cache.folder)) {
        warn(&said);
    }
}

/// What is too little for the features.
fn shortage(needed: u64, limit: u64, free: Option<u64>) -> Option<String> {
    let size = megabytes(needed);
    if let Some(free) = free.filter(|free| *free < needed.min(limit)) {
        let free = megabytes(free);
        return Some(format!(
            "the features of this experiment take about {size}, and the disk of the cache has {free} left: \
             `TOPWORK_CACHE_DIR` names another folder, `--no-cache` keeps none"
        ));
    }
    (needed > limit).then(|| {
        let limit = megabytes(limit);
        format!(
            "the features of this experiment take about {size}, more than the {limit} that the cache may hold: \
             the oldest go, and later runs extract them again; `TOPWORK_CACHE_LIMIT` raises the limit"
        )
    })
}

/// Bytes left on the disk of a folder that need not be there yet; `None` where the system does not say.
fn free(folder: &Path) -> Option<u64> {
    let there = folder.ancestors().find(|folder| folder.exists())?;
    let disk = statvfs(there).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_room_is_told_with_what_can_be_done() {
        const MB: u64 = 1_000_000;
        let check = |needed, limit, free: Option<u64>, expected: Option<&str>| {
            let said = shortage(needed * MB, limit * MB, free.map(|free| free * MB));
            match expected {
                None => assert_eq!(said, None, "{needed} {limit} {free:?}"),
                Some(part) => assert!(
                    said.as_ref().is_some_and(|said| said.contains(part)),
                    "{needed} {limit} {free:?}: {said:?}"
                ),
            }
        };
        check(0, 0, Some(0), None);
        check(10, 100, Some(50), None);
        check(10, 100, None, None);
        check(60, 100, Some(50), Some("the cache has 50.0 MB left"));
        check(200, 100, Some(500), Some("more than the 100.0 MB"));
        check(200, 100, None, Some("about 200.0 MB"));
        // What is evicted needs no room.
        check(200, 40, Some(50), Some("more than the 40.0 MB"));
    }

    #[test]
    fn a_folder_that_is_not_there_yet_has_the_room_of_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let there = free(folder.path());
        assert!(there.is_some_and(|free| free > 0), "{there:?}");
        assert!(free(&folder.path().join("not/yet")).is_some());
    }
}

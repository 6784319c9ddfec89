//! `topwork cache`: the features that are kept across runs.

use std::{path::PathBuf, time::SystemTime};

use topwork_measure::{seconds, thousands};
use topwork_pages::Align;
use topwork_store::{CacheEntry, CacheSettings, FeatureCache};
use topwork_worker::PlannedFeatures;

use crate::{
    arguments::FileArguments,
    consent::agreed,
    experiment::{self, Checked, ask, request},
    failure::{Failure, RUN_FAILED, WRONG_USE, write},
    folders,
    output::{self, megabytes, print},
};

/// Megabytes the cache may take when nothing else is said.
const DEFAULT_LIMIT: u64 = 4096;

/// The way out where caches have no place.
pub const NO_CACHE: &str = "set `HOME`, `XDG_CACHE_HOME` or `TOPWORK_CACHE_DIR` to a folder that is yours and that not everybody may write to";

/// Characters of a digest that are enough to tell entries apart on a screen.
const SHORT: usize = 10;

/// Where the cache is and how large it may grow; `None` where there is no folder for it.
pub fn settings() -> Result<Option<CacheSettings>, Failure> {
    let named = std::env::var_os("TOPWORK_CACHE_DIR").filter(|folder| !folder.is_empty());
    let folder = match named {
        Some(folder) => {
            Some(std::path::absolute(&folder).unwrap_or_else(|_| PathBuf::from(folder)))
        }
        None => folders::user_cache().map(|cache| cache.join("features")),
    };
    let limit = std::env::var("TOPWORK_CACHE_LIMIT").unwrap_or_default();
    let megabytes = match limit.trim() {
        "" => DEFAULT_LIMIT,
        text => text.parse().map_err(|_| {
            Failure::new(
                WRONG_USE,
                format!("`TOPWORK_CACHE_LIMIT` is `{text}`, expected a number of megabytes"),
            )
            .hint(format!("the default is {DEFAULT_LIMIT}"))
        })?,
    };
    Ok(folder.map(|folder| CacheSettings {
        folder,
        limit: u64::saturating_mul(megabytes, 1_000_000),
    }))
}

/// The cache as the environment names it.
pub fn open() -> Result<FeatureCache, Failure> {
    let settings = settings()?.ok_or_else(|| {
        Failure::new(
            RUN_FAILED,
            "there is no folder of your own that features could be kept in",
        )
        .hint(NO_CACHE)
    })?;
    Ok(FeatureCache::at(settings.folder, settings.limit))
}

/// Lists the entries, the one used last first.
pub fn list() -> Result<u8, Failure> {
    let cache = open()?;
    let entries = cache.entries();
    if !entries.is_empty() {
        let rows = entries.iter().map(|entry| {
            vec![
                short(&entry.key.digest()),
                entry.key.backbone.clone(),
                entry.key.cut.clone(),
                short(&entry.key.weights),
                entry.key.split.clone(),
                size(&entry.key),
                megabytes(entry.bytes),
                seconds(entry.seconds),
                ago(entry),
            ]
        });
        let columns = [
            ("entry", Align::Left),
            ("backbone", Align::Left),
            ("cut", Align::Left),
            ("weights", Align::Left),
            ("split", Align::Left),
            ("features", Align::Right),
            ("size", Align::Right),
            ("took", Align::Right),
            ("used", Align::Right),
        ];
        print(&output::table(&columns, rows))?;
    }
    let total = entries.iter().map(|entry| entry.bytes).sum();
    write(&format!(
        "{} of at most {} in `{}`\n",
        megabytes(total),
        megabytes(cache.limit()),
        cache.folder().display()
    ));
    Ok(0)
}

/// Removes all entries, after asking.
pub fn clear(yes: bool) -> Result<u8, Failure> {
    let cache = open()?;
    let told = |count: usize, bytes| {
        let entries = if count == 1 { "entry" } else { "entries" };
        format!(
            "{} {entries}, {}",
            thousands(count as u64),
            megabytes(bytes)
        )
    };
    if !yes {
        let entries = cache.entries();
        if entries.is_empty() {
            write(&format!("`{}` is empty\n", cache.folder().display()));
            return Ok(0);
        }
        let what = told(entries.len(), entries.iter().map(|entry| entry.bytes).sum());
        if !agreed(&format!("{what}, from `{}`", cache.folder().display()))? {
            return Ok(0);
        }
    }
    let (count, bytes) = cache.clear()?;
    write(&format!("removed {}\n", told(count, bytes)));
    Ok(0)
}

/// Explains what a run of this experiment would find.
pub fn why(arguments: &FileArguments) -> Result<u8, Failure> {
    let Checked { plans, folders, .. } = experiment::check(arguments)?;
    let folder = arguments.file.parent().unwrap_or(std::path::Path::new("."));
    let mut request = request(&folders, Vec::new(), folder);
    request.plans = plans.plans().cloned().collect();
    request.explain = true;
    let planned = ask(&request)?.features.map_err(Failure::from)?;
    let planned: Vec<_> = planned.into_iter().flatten().collect();
    if planned.is_empty() {
        write("no strategy of this experiment uses extracted features\n");
        return Ok(0);
    }
    let entries = open()?.entries();
    let rows = planned.iter().map(|planned| {
        vec![
            planned.seed.to_string(),
            planned.title.clone(),
            planned.key.split.clone(),
            size(&planned.key),
            explain(planned, &entries),
        ]
    });
    let columns = [
        ("seed", Align::Right),
        ("stage", Align::Left),
        ("split", Align::Left),
        ("features", Align::Right),
        ("cache", Align::Left),
    ];
    print(&output::table(&columns, rows))?;
    Ok(0)
}

/// Hit or miss, and why.
fn explain(planned: &PlannedFeatures, entries: &[CacheEntry]) -> String {
    // Weights that are yet to be trained have no digest; everything else can be compared.
    let differences = |entry: &CacheEntry| -> Vec<&'static str> {
        let mut names = planned.key.differences(&entry.key);
        names.retain(|name| planned.weights_known || *name != "weights");
        names
    };
    let nearest = entries
        .iter()
        .map(|entry| (differences(entry), entry))
        .min_by_key(|(differences, _)| differences.len());
    match nearest {
        None => "miss: the cache is empty".to_owned(),
        Some((same, entry)) if same.is_empty() && planned.weights_known => format!(
            "hit: entry {}, used {}",
            short(&entry.key.digest()),
            ago(entry)
        ),
        Some((same, _)) if same.is_empty() => {
            let weights: Vec<_> = (entries.iter())
                .filter(|entry| differences(entry).is_empty())
                .map(|entry| short(&entry.key.weights))
                .collect();
            format!("hit if training gives the weights {}", weights.join(" or "))
        }
        Some((differences, entry)) => format!(
            "miss: the nearest entry, {}, differs in {}",
            short(&entry.key.digest()),
            differences.join(", ")
        ),
    }
}

fn size(key: &topwork_keys::FeatureKey) -> String {
    format!("{} × {}", thousands(key.examples), thousands(key.dim))
}

fn short(digest: &str) -> String {
    digest.chars().take(SHORT).collect()
}

fn ago(entry: &CacheEntry) -> String {
    let age = SystemTime::now().duration_since(entry.used_at);
    format!("{} ago", output::age(age.unwrap_or_default()))
}

//! The file of the index: opened, checked, read and written.
//!
//! It is a cache of what the run folders say, so no trouble with it is ever a failure. SQLite
//! keeps a rollback journal here, because its write-ahead log needs memory that the machines
//! of a network file system do not share.

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Row, TransactionBehavior,
    params_from_iter, types::Value,
};
use topwork_measure::{FIGURES, Figure};

use super::{BestRow, CellEntry, RunEntry, entry::Stamp};

/// The layout, kept as the file's `user_version`: what is written here, and for how many figures.
/// An index of an earlier one is made again.
pub(super) const FORMAT: i64 = 4000 + FIGURES.len() as i64;

/// How long to wait for another process that works on the index.
const PATIENCE: Duration = Duration::from_secs(5);

/// The columns of the table `runs` before those of the best row's figures.
const RUN: &[&str] = &[
    "id TEXT PRIMARY KEY",
    "format INTEGER NOT NULL",
    "name TEXT NOT NULL",
    // JSON; NULL while the run has not ended.
    "standing TEXT",
    "created_at INTEGER NOT NULL",
    "seconds REAL",
    "experiment TEXT NOT NULL",
    "host TEXT NOT NULL",
    "version TEXT NOT NULL",
    "bytes INTEGER NOT NULL",
    "events_length INTEGER NOT NULL",
    "events_modified INTEGER NOT NULL",
    "best_row TEXT",
    "best_by TEXT",
];

/// The columns of the table `cells` before those of figures.
const CELL: &[&str] = &[
    "run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE",
    "row TEXT NOT NULL",
    "kind TEXT NOT NULL",
    "head TEXT NOT NULL",
    "cut TEXT NOT NULL",
    // Decimal: SQLite's integers end at 2^63.
    "seed TEXT NOT NULL",
    "cell TEXT",
    "train_samples INTEGER NOT NULL",
    "correct INTEGER NOT NULL",
    "total INTEGER NOT NULL",
    "extract REAL NOT NULL",
    "fit REAL NOT NULL",
    "evaluate REAL NOT NULL",
];

/// What stands before a figure's id in the columns of the best row.
const BEST: &str = "best_";

/// The column of a figure.
fn column(prefix: &str, figure: &Figure) -> String {
    format!("{prefix}{}", figure.id.replace('-', "_"))
}

/// The columns given, and one for every figure.
fn columns(given: &[&str], prefix: &str) -> Vec<String> {
    let figures = FIGURES
        .iter()
        .map(|figure| column(prefix, figure) + " REAL");
    given
        .iter()
        .copied()
        .map(str::to_owned)
        .chain(figures)
        .collect()
}

fn schema() -> String {
    format!(
        "CREATE TABLE runs ({}) STRICT;
         CREATE TABLE cells ({}) STRICT;
         CREATE INDEX cells_run ON cells (run);
         CREATE INDEX cells_cell ON cells (cell);",
        columns(RUN, BEST).join(", "),
        columns(CELL, "").join(", "),
    )
}

/// What reads a table: every column by its name.
fn select(table: &str, columns: &[String]) -> String {
    let name = |column: &String| column.split(' ').next().unwrap_or_default().to_owned();
    let names: Vec<String> = columns.iter().map(name).collect();
    format!("SELECT {} FROM {table}", names.join(", "))
}

fn select_runs() -> String {
    select("runs", &columns(RUN, BEST))
}

fn select_cells() -> String {
    select("cells", &columns(CELL, "")) + " ORDER BY run, rowid"
}

/// What writes a row of a table, its columns in their order.
fn insert(table: &str, columns: &[String]) -> String {
    let places = vec!["?"; columns.len()].join(", ");
    format!("INSERT INTO {table} VALUES ({places})")
}

/// The figures in the order of their columns.
fn values(figures: Option<&BTreeMap<String, f64>>) -> impl Iterator<Item = Value> {
    FIGURES.iter().map(move |figure| {
        let value = figures.and_then(|figures| figures.get(figure.id));
        value.copied().into()
    })
}

/// The figures of a row of a table.
fn figures(row: &Row, prefix: &str) -> rusqlite::Result<BTreeMap<String, f64>> {
    let mut figures = BTreeMap::new();
    for figure in FIGURES {
        if let Some(value) = row.get(column(prefix, figure).as_str())? {
            figures.insert(figure.id.to_owned(), value);
        }
    }
    Ok(figures)
}

/// The open index.
pub(super) struct Database {
    connection: Connection,
    writable: bool,
    // Released when the file is closed, after the connection: fields are dropped in order.
    _lock: Option<File>,
}

/// Why there is no index to work with.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It is no index of ours, or a broken one: to be made again.
    Damaged(String),
    /// An older topwork has made it: to be made again.
    Older,
    /// A newer topwork has made it; it is read as far as it can be understood.
    Newer(i64),
    /// It can be neither read nor made here and now.
    Unavailable,
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::Unknown) => {
                Self::Damaged(error.to_string())
            }
            Some(_) => Self::Unavailable,
            // A column that is missing or of another type.
            None => Self::Damaged(error.to_string()),
        }
    }
}

/// What the index knows of one run.
pub(super) struct Known {
    /// The run; `None` while it had not ended.
    pub entry: Option<RunEntry>,
    /// Its event file at that time.
    pub stamp: Stamp,
}

/// What is new of one run.
pub(super) struct News {
    pub entry: RunEntry,
    pub stamp: Stamp,
    pub cells: Vec<CellEntry>,
}

impl Database {
    /// Opens the index of the runs in `folder`, or makes it. Others wait until it is dropped.
    pub fn open(folder: &Path) -> Result<Self, Trouble> {
        let path = path(folder);
        match lock(folder) {
            Ok(lock) => Self::open_locked(&path, lock),
            // Where nothing can be written nobody else writes either, or not for us to wait for.
            Err(_) => Self::open_to_read(&path),
        }
    }

    /// Makes the index again, from nothing.
    pub fn open_again(folder: &Path) -> Result<Self, Trouble> {
        let path = path(folder);
        let lock = lock(folder).map_err(|_| Trouble::Unavailable)?;
        let journal = path.with_extension("sqlite-journal");
        for file in [&journal, &path] {
            // A folder of that name, say, stays; then there is no index.
            let _ = fs::remove_file(file);
        }
        Self::open_locked(&path, lock)
    }

    fn open_locked(path: &Path, lock: File) -> Result<Self, Trouble> {
        let opened = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        );
        let Ok(mut connection) = opened else {
            return Self::open_to_read(path);
        };
        connection.busy_timeout(PATIENCE)?;
        let format = format(&connection)?;
        if format > FORMAT {
            return Err(Trouble::Newer(format));
        }
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if format == 0 && tables == 0 {
            let transaction = connection.transaction()?;
            transaction.execute_batch(&schema())?;
            transaction.pragma_update(None, "user_version", FORMAT)?;
            transaction.commit()?;
        } else if (1..FORMAT).contains(&format) {
            return Err(Trouble::Older);
        } else if format != FORMAT {
            return Err(Trouble::Damaged("it is no index of runs".to_owned()));
        }
        connection.pragma_update(None, "foreign_keys", true)?;
        let database = Self {
            connection,
            writable: true,
            _lock: Some(lock),
        };
        database.check()?;
        Ok(database)
    }

    /// Opens the index without writing anything, unless an older topwork has made it.
    fn open_to_read(path: &Path) -> Result<Self, Trouble> {
        let connection = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(PATIENCE)?;
        if (1..FORMAT).contains(&format(&connection)?) {
            return Err(Trouble::Older);
        }
        Ok(Self {
            connection,
            writable: false,
            _lock: None,
        })
    }

    /// The index of a newer topwork, as far as it can be read.
    pub fn open_newer(folder: &Path) -> Result<Self, Trouble> {
        Self::open_to_read(&path(folder))
    }

    /// Finds what is torn, overwritten or not there before any of it is believed.
    fn check(&self) -> Result<(), Trouble> {
        let found: String =
            (self.connection).query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found != "ok" {
            return Err(Trouble::Damaged(found));
        }
        for query in [select_runs(), select_cells()] {
            self.connection.prepare(&query)?;
        }
        Ok(())
    }

    /// All it knows, by run.
    pub fn runs(&self) -> Result<Vec<(String, Known)>, Trouble> {
        let mut query = self.connection.prepare(&select_runs())?;
        let rows = query.query_map([], |row| Ok((row.get("id")?, known(row)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// All cells it knows, the runs in the order of their ids.
    pub fn cells(&self) -> Result<Vec<CellEntry>, Trouble> {
        let mut query = self.connection.prepare(&select_cells())?;
        let rows = query.query_map([], cell)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Takes in what is new and forgets what is gone, all or nothing.
    pub fn update(&mut self, news: &[News], gone: &[String]) -> Result<(), Trouble> {
        if !self.writable || (news.is_empty() && gone.is_empty()) {
            return Ok(());
        }
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut remove = transaction.prepare("DELETE FROM runs WHERE id = ?")?;
            for id in gone.iter().chain(news.iter().map(|news| &news.entry.id)) {
                remove.execute([id])?;
            }
            let mut insert_run = transaction.prepare(&insert("runs", &columns(RUN, BEST)))?;
            let mut insert_cell = transaction.prepare(&insert("cells", &columns(CELL, "")))?;
            for News {
                entry,
                stamp,
                cells,
            } in news
            {
                let ended = entry
                    .seconds
                    .and_then(|_| serde_json::to_string(&entry.standing).ok());
                let best = entry.best.as_ref();
                let given: [Value; RUN.len()] = [
                    entry.id.clone().into(),
                    entry.format.into(),
                    entry.name.clone().into(),
                    ended.into(),
                    integer(entry.created_at).into(),
                    entry.seconds.into(),
                    entry.experiment.to_string_lossy().into_owned().into(),
                    entry.host.clone().into(),
                    entry.version.clone().into(),
                    integer(entry.bytes).into(),
                    integer(stamp.length).into(),
                    stamp.modified.into(),
                    best.map(|best| best.row.clone()).into(),
                    best.map(|best| best.by.clone()).into(),
                ];
                let figures = values(best.map(|best| &best.figures));
                insert_run.execute(params_from_iter(given.into_iter().chain(figures)))?;
                for cell in cells {
                    let given: [Value; CELL.len()] = [
                        cell.run.clone().into(),
                        cell.row.clone().into(),
                        cell.kind.clone().into(),
                        cell.head.clone().into(),
                        cell.cut.clone().into(),
                        cell.seed.to_string().into(),
                        cell.cell.clone().into(),
                        integer(cell.train_samples).into(),
                        integer(cell.correct).into(),
                        integer(cell.total).into(),
                        cell.extract.into(),
                        cell.fit.into(),
                        cell.evaluate.into(),
                    ];
                    let figures = values(Some(&cell.figures));
                    insert_cell.execute(params_from_iter(given.into_iter().chain(figures)))?;
                }
            }
        }
        Ok(transaction.commit()?)
    }
}

/// The file of the index.
pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join("index.sqlite")
}

/// Waits until no other process works on the index. Not left to SQLite: a broken index is
/// replaced as a file, and the journal of somebody who still has the old one open would be
/// applied to the new one.
fn lock(folder: &Path) -> io::Result<File> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(".index.lock"))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(2));
            }
            Err(error) => return Err(error.into()),
            Ok(()) => return Ok(file),
        }
    }
}

fn format(connection: &Connection) -> rusqlite::Result<i64> {
    let found = connection.query_row("PRAGMA user_version", [], |row| row.get(0));
    Ok(found.optional()?.unwrap_or(0))
}

/// SQLite's integers are signed; no length or time comes near their end.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn natural(row: &Row, column: &str) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

fn known(row: &Row) -> rusqlite::Result<Known> {
    let stamp = Stamp {
        length: natural(row, "events_length")?,
        modified: row.get("events_modified")?,
    };
    // A standing this version does not know is as good as none: the folder is read.
    let standing: Option<String> = row.get("standing")?;
    let Some(standing) = standing.and_then(|text| serde_json::from_str(&text).ok()) else {
        return Ok(Known { entry: None, stamp });
    };
    let best = match row.get("best_row")? {
        Some(best) => Some(BestRow {
            row: best,
            by: row.get("best_by")?,
            figures: figures(row, BEST)?,
        }),
        None => None,
    };
    let entry = RunEntry {
        id: row.get("id")?,
        format: row.get("format")?,
        name: row.get("name")?,
        standing,
        created_at: natural(row, "created_at")?,
        seconds: row.get("seconds")?,
        best,
        experiment: PathBuf::from(row.get::<_, String>("experiment")?),
        host: row.get("host")?,
        version: row.get("version")?,
        bytes: natural(row, "bytes")?,
    };
    Ok(Known {
        entry: Some(entry),
        stamp,
    })
}

fn cell(row: &Row) -> rusqlite::Result<CellEntry> {
    Ok(CellEntry {
        run: row.get("run")?,
        row: row.get("row")?,
        kind: row.get("kind")?,
        head: row.get("head")?,
        cut: row.get("cut")?,
        seed: row.get::<_, String>("seed")?.parse().unwrap_or(0),
        cell: row.get("cell")?,
        train_samples: natural(row, "train_samples")?,
        correct: natural(row, "correct")?,
        total: natural(row, "total")?,
        figures: figures(row, "")?,
        extract: row.get("extract")?,
        fit: row.get("fit")?,
        evaluate: row.get("evaluate")?,
    })
}

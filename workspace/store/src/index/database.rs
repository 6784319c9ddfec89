//! The file of the index: opened, checked, read and written.
//!
//! It is a cache of what the run folders say, so no trouble with it is ever a failure. SQLite
//! keeps a rollback journal here, because its write-ahead log needs memory that the machines
//! of a network file system do not share.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Row, TransactionBehavior, params,
};

use super::{BestRow, CellEntry, RunEntry, entry::Stamp};

/// The layout, kept as the file's `user_version`. An index of an earlier one is made again; in
/// that of format 1 the best row of a grid had only its strategy's name.
const FORMAT: i64 = 2;

/// How long to wait for another process that works on the index.
const PATIENCE: Duration = Duration::from_secs(5);

const TABLES: &str = "
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        format INTEGER NOT NULL,
        name TEXT NOT NULL,
        standing TEXT,             -- JSON; NULL while the run has not ended
        created_at INTEGER NOT NULL,
        seconds REAL,
        best_row TEXT,
        best_accuracy REAL,
        experiment TEXT NOT NULL,
        host TEXT NOT NULL,
        version TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        events_length INTEGER NOT NULL,
        events_modified INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE cells (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        row TEXT NOT NULL,
        kind TEXT NOT NULL,
        head TEXT NOT NULL,
        cut TEXT NOT NULL,
        seed TEXT NOT NULL,        -- decimal: SQLite's integers end at 2^63
        cell TEXT,
        train_samples INTEGER NOT NULL,
        correct INTEGER NOT NULL,
        total INTEGER NOT NULL,
        extract REAL NOT NULL,
        fit REAL NOT NULL,
        evaluate REAL NOT NULL
    ) STRICT;
    CREATE INDEX cells_run ON cells (run);
    CREATE INDEX cells_cell ON cells (cell);
";

const SELECT_RUNS: &str = "
    SELECT id, format, name, standing, created_at, seconds, best_row, best_accuracy, experiment,
           host, version, bytes, events_length, events_modified
    FROM runs";

const SELECT_CELLS: &str = "
    SELECT run, row, kind, head, cut, seed, cell, train_samples, correct, total, extract, fit,
           evaluate
    FROM cells ORDER BY run, rowid";

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
            transaction.execute_batch(TABLES)?;
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

    /// Opens the index without writing anything, whatever its format.
    pub fn open_to_read(path: &Path) -> Result<Self, Trouble> {
        let connection = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(PATIENCE)?;
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
        for query in [SELECT_RUNS, SELECT_CELLS] {
            self.connection.prepare(query)?;
        }
        Ok(())
    }

    /// All it knows, by run.
    pub fn runs(&self) -> Result<Vec<(String, Known)>, Trouble> {
        let mut query = self.connection.prepare(SELECT_RUNS)?;
        let rows = query.query_map([], |row| Ok((row.get("id")?, known(row)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// All cells it knows, the runs in the order of their ids.
    pub fn cells(&self) -> Result<Vec<CellEntry>, Trouble> {
        let mut query = self.connection.prepare(SELECT_CELLS)?;
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
            let mut insert_run = transaction
                .prepare("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
            let mut insert_cell = transaction
                .prepare("INSERT INTO cells VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
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
                insert_run.execute(params![
                    entry.id,
                    entry.format,
                    entry.name,
                    ended,
                    integer(entry.created_at),
                    entry.seconds,
                    best.map(|best| &best.row),
                    best.map(|best| best.accuracy),
                    entry.experiment.to_string_lossy(),
                    entry.host,
                    entry.version,
                    integer(entry.bytes),
                    integer(stamp.length),
                    stamp.modified,
                ])?;
                for cell in cells {
                    insert_cell.execute(params![
                        cell.run,
                        cell.row,
                        cell.kind,
                        cell.head,
                        cell.cut,
                        cell.seed.to_string(),
                        cell.cell,
                        integer(cell.train_samples),
                        integer(cell.correct),
                        integer(cell.total),
                        cell.extract,
                        cell.fit,
                        cell.evaluate,
                    ])?;
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
    let best = row.get::<_, Option<String>>("best_row")?;
    let best = best.zip(row.get("best_accuracy")?);
    let entry = RunEntry {
        id: row.get("id")?,
        format: row.get("format")?,
        name: row.get("name")?,
        standing,
        created_at: natural(row, "created_at")?,
        seconds: row.get("seconds")?,
        best: best.map(|(row, accuracy)| BestRow { row, accuracy }),
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
        extract: row.get("extract")?,
        fit: row.get("fit")?,
        evaluate: row.get("evaluate")?,
    })
}

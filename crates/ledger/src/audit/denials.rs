//! Denials, counted in memory: an attacker who knocks a million times makes one record a minute.

use std::{
    collections::{BTreeMap, HashSet},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use db::{Db, Value};
use uuid::Uuid;

use super::record::{Outcome, Record};

/// Most different denials kept between two flushes, up to a kilobyte each. Beyond it they are counted together.
pub const DENIALS_MAX: usize = 4096;
/// Minutes in which such a common count is kept while nothing can be written; then the newest takes all.
const OTHERS_MAX: usize = 60;
/// Records of one write.
const WRITE_ROWS: usize = 512;
/// One record counts for all such denials within this time.
const WINDOW_US: i64 = 60_000_000;

db::statements! {
    /// Adds counted denials; those that are there already stay.
    INSERT_DENIALS = "INSERT INTO audit_records \
        (recorded_at_us, actor, action, resource, outcome, count, detail, window_key) VALUES {rows:8} \
        ON CONFLICT (window_key) DO NOTHING";
}

/// Counts denials per actor, action, resource and minute.
#[derive(Debug, Default)]
pub struct Denials {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counts: BTreeMap<Key, u64>,
    /// By minute, what found no place in `counts`.
    others: BTreeMap<i64, u64>,
    /// Taken out of `counts` and not known to be written. Each has its row's `window_key`, so that writing it again after
    /// a commit whose answer was lost adds nothing.
    unwritten: Vec<Counted>,
}

#[derive(Debug, Clone)]
struct Counted {
    id: Uuid,
    key: Key,
    count: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    window_us: i64,
    /// Actor, action and resource; `None` for all that found no place of their own.
    who: Option<(String, String, String)>,
}

impl Denials {
    /// Returns an empty count.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one denial at `now_us`.
    pub fn count(&self, actor: &str, action: &str, resource: &str, now_us: i64) {
        let window_us = now_us - now_us.rem_euclid(WINDOW_US);
        // Through a record, so that what is kept in memory is as bounded as what is written.
        let Record { actor, action, resource, .. } = Record::denied(actor, action, resource);
        let key = Key { window_us, who: Some((actor, action, resource)) };
        let mut state = self.lock();
        if let Some(count) = state.counts.get_mut(&key) {
            *count += 1;
        } else if state.counts.len() + state.unwritten.len() < DENIALS_MAX {
            state.counts.insert(key, 1);
        } else {
            state.count_other(window_us);
        }
    }

    /// Writes the minutes that were over at `now_us` and returns how many records that made. On an error they are kept
    /// for the next call.
    pub async fn flush(&self, database: &Db, now_us: i64) -> Result<usize, db::Error> {
        self.write(database, now_us.saturating_sub(WINDOW_US)).await
    }

    /// Writes all, also the current minute: for shutdown.
    pub async fn drain(&self, database: &Db) -> Result<usize, db::Error> {
        self.write(database, i64::MAX).await
    }

    async fn write(&self, database: &Db, window_us_max: i64) -> Result<usize, db::Error> {
        let taken = self.lock().take(window_us_max);
        for chunk in taken.chunks(WRITE_ROWS) {
            let rows: Vec<Vec<Value>> = chunk.iter().map(row).collect();
            database
                .write(move |tx| {
                    let rows = rows.clone();
                    Box::pin(async move { tx.execute_rows(&INSERT_DENIALS, &[], &rows).await })
                })
                .await?;
            let written: HashSet<Uuid> = chunk.iter().map(|counted| counted.id).collect();
            self.lock().unwritten.retain(|counted| !written.contains(&counted.id));
        }
        Ok(taken.len())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A count is whole after each statement, so a panic elsewhere leaves nothing torn.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count_other(&mut self, window_us: i64) {
        let full = self.others.len() >= OTHERS_MAX;
        let window_us = match self.others.last_key_value() {
            Some((newest, _)) if full => *newest,
            _ => window_us,
        };
        *self.others.entry(window_us).or_insert(0) += 1;
    }

    fn take(&mut self, window_us_max: i64) -> Vec<Counted> {
        let others = mem::take(&mut self.others).into_iter();
        let others = others.map(|(window_us, count)| (Key { window_us, who: None }, count));
        for (key, count) in mem::take(&mut self.counts).into_iter().chain(others) {
            if key.window_us <= window_us_max {
                self.unwritten.push(Counted { id: Uuid::now_v7(), key, count });
            } else if key.who.is_some() {
                self.counts.insert(key, count);
            } else {
                self.others.insert(key.window_us, count);
            }
        }
        self.unwritten.clone()
    }
}

fn row(counted: &Counted) -> Vec<Value> {
    let Counted { id, key, count } = counted;
    let record = match &key.who {
        Some((actor, action, resource)) => Record::new(actor, action, resource, Outcome::Denied),
        None => Record::denied("others", "denied", "*").detail("reason", "too many different denials"),
    };
    let record = record.detail("window_seconds", WINDOW_US / 1_000_000).count(*count);
    let mut row = vec![key.window_us.into()];
    row.extend(record.columns());
    row.push(id.to_string().into());
    row
}

//! Denials, counted in memory: an attacker who knocks a million times makes one record a minute.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use db::{Db, Value};
use uuid::Uuid;

use super::record::{Outcome, Record};

/// Most different denials kept between two flushes, some 500 bytes each. Beyond it they are counted together.
pub const DENIALS_MAX: usize = 10_000;
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
    /// Taken out of `counts` and not known to be written. Each has its row's `window_key`, so that writing it again after
    /// a commit whose answer was lost adds nothing.
    unwritten: Vec<(Uuid, Key, u64)>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    window_us: i64,
    who: Who,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    One {
        actor: String,
        action: String,
        resource: String,
    },
    /// All that found no place of their own.
    Others,
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
        let key = Key { window_us, who: Who::One { actor, action, resource } };
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
        if taken.is_empty() {
            return Ok(0);
        }
        let rows: Vec<Vec<Value>> = taken.iter().map(|(id, key, count)| row(*id, key, *count)).collect();
        database
            .write(move |tx| {
                let rows = rows.clone();
                Box::pin(async move { tx.execute_rows(&INSERT_DENIALS, &[], &rows).await })
            })
            .await?;
        self.lock().unwritten.retain(|(id, ..)| !taken.iter().any(|(written, ..)| written == id));
        Ok(taken.len())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A count is whole after each statement, so a panic elsewhere leaves nothing torn.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// One such record a minute; while nothing can be written for long, the newest takes all.
    fn count_other(&mut self, window_us: i64) {
        const OTHERS_MAX: usize = 60;
        let others = self.counts.iter_mut().rev().filter(|(key, _)| key.who == Who::Others);
        let mut others: Vec<_> = others.collect();
        let full = others.len() >= OTHERS_MAX;
        match others.first_mut() {
            Some((key, count)) if full || key.window_us == window_us => **count += 1,
            _ => {
                self.counts.insert(Key { window_us, who: Who::Others }, 1);
            }
        }
    }

    fn take(&mut self, window_us_max: i64) -> Vec<(Uuid, Key, u64)> {
        let all = mem::take(&mut self.counts);
        for (key, count) in all {
            if key.window_us <= window_us_max {
                self.unwritten.push((Uuid::now_v7(), key, count));
            } else {
                self.counts.insert(key, count);
            }
        }
        self.unwritten.clone()
    }
}

fn row(id: Uuid, key: &Key, count: u64) -> Vec<Value> {
    let record = match &key.who {
        Who::One { actor, action, resource } => Record::new(actor, action, resource, Outcome::Denied),
        Who::Others => Record::denied("others", "denied", "*").detail("reason", "too many different denials"),
    };
    let record = record.detail("window_seconds", WINDOW_US / 1_000_000).count(count);
    let mut row = vec![key.window_us.into()];
    row.extend(record.columns());
    row.push(id.to_string().into());
    row
}

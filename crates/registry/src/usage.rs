//! How many blobs a repository holds, and the hub, with their bytes.
//!
//! Whoever links, unlinks, stores or drops blobs writes the difference in the same transaction, as a row of its own, so that
//! no two pushes wait for one counter. Folding adds these rows up; what is told is the total and what is not folded yet.

use std::collections::BTreeMap;

use db::{Tx, Value};
use oci::RepositoryName;

use crate::error::Error;
use crate::limits::USAGE_BATCH_ROWS_MAX;
use crate::repositories::{Registry, RepositoryId, find_repository};
use crate::statements as sql;

/// The hub as a whole, in which each blob counts once. No repository has this id.
pub(crate) const HUB: i64 = 0;

/// What a transaction adds to the usage of repositories and of the hub.
#[derive(Default)]
pub(crate) struct UsageChange(BTreeMap<i64, (i64, i64)>);

impl UsageChange {
    /// A repository holds blobs that it did not hold.
    pub(crate) fn linked(&mut self, id: RepositoryId, size_bytes: u64) {
        self.add(id.0, 1, size_bytes);
    }

    /// A repository no longer holds a blob.
    pub(crate) fn unlinked(&mut self, id: RepositoryId, size_bytes: u64) {
        self.add(id.0, -1, size_bytes);
    }

    /// The hub stores a blob that it did not store.
    pub(crate) fn stored(&mut self, size_bytes: u64) {
        self.add(HUB, 1, size_bytes);
    }

    /// The hub no longer stores a blob.
    pub(crate) fn dropped(&mut self, size_bytes: u64) {
        self.add(HUB, -1, size_bytes);
    }

    fn add(&mut self, repository: i64, blobs: i64, size_bytes: u64) {
        let (all_blobs, all_bytes) = self.0.entry(repository).or_default();
        *all_blobs += blobs;
        // No file has more bytes than fit.
        *all_bytes += blobs * i64::try_from(size_bytes).unwrap_or(i64::MAX);
    }

    /// Writes the change in the transaction that makes it.
    pub(crate) async fn record(self, tx: &mut Tx) -> Result<(), Error> {
        let rows: Vec<Vec<Value>> = self
            .0
            .into_iter()
            .filter(|(_, change)| *change != (0, 0))
            .map(|(repository, (blobs, bytes))| vec![repository.into(), blobs.into(), bytes.into()])
            .collect();
        if !rows.is_empty() {
            tx.execute_rows(&sql::CHANGE_USAGE, &[], &rows).await?;
        }
        Ok(())
    }
}

impl Registry {
    /// Returns how many blobs a repository holds and their bytes, each blob once.
    ///
    /// # Errors
    /// `NameUnknown`.
    pub async fn repository_usage(&self, name: &RepositoryName) -> Result<(u64, u64), Error> {
        let name = name.clone();
        self.read(move |tx| {
            Box::pin(async move {
                let id = find_repository(tx, &name).await?;
                load_usage(tx, id.0).await
            })
        })
        .await
    }

    /// Folds a batch of changes into the totals. Returns whether there may be more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fold_usage_step(&self) -> Result<bool, Error> {
        self.write(|tx| {
            Box::pin(async move {
                let changes = tx.query(&sql::TAKE_USAGE_CHANGES, &[USAGE_BATCH_ROWS_MAX.into()]).await?;
                let mut folded: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
                for row in &changes {
                    let (blobs, bytes) = folded.entry(row.get(0)?).or_default();
                    *blobs += row.get::<i64>(1)?;
                    *bytes += row.get::<i64>(2)?;
                }
                for (repository, (blobs, bytes)) in folded {
                    tx.execute(&sql::ADD_USAGE, &[repository.into(), blobs.into(), bytes.into()]).await?;
                    tx.execute(&sql::DROP_NO_USAGE, &[repository.into()]).await?;
                }
                Ok(changes.len() as u64 == USAGE_BATCH_ROWS_MAX.unsigned_abs())
            })
        })
        .await
    }
}

/// Returns how many blobs the hub stores, and their bytes.
pub(crate) async fn load_stored(tx: &mut Tx) -> Result<(u64, u64), Error> {
    load_usage(tx, HUB).await
}

async fn load_usage(tx: &mut Tx, repository: i64) -> Result<(u64, u64), Error> {
    let row = tx.find(&sql::FIND_USAGE, &[repository.into()]).await?;
    row.map_or(Ok((0, 0)), |row| Ok((row.get(0)?, row.get(1)?)))
}

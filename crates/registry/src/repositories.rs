//! The registry's handle, and repositories as names.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use blobs::UploadId;
use bytes::Bytes;
use db::{BoxFuture, Db, Tx};
use ledger::audit::{self, Record};
use oci::{Algorithm, RepositoryName};

use crate::begun::Begun;
use crate::beside::{self, BesideOrder};
use crate::cache::{Caches, Found};
use crate::error::Error;
use crate::limits::BLOB_SIZE_BYTES_MAX;
use crate::statements as sql;
use crate::tagged;
use crate::writers::Writers;

/// What [`Registry::check_writes`] writes: small, and more than what fits beside other files in blocks that are taken.
static PROBE: [u8; 64 << 10] = [0; 64 << 10];

/// Where it notes in the database that it did.
const PROBED: &str = "probed";

/// The hub itself, as the one who acts. It never makes a repository.
pub const SYSTEM: &str = "system";

/// Row id of a repository; never shown outside.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RepositoryId(pub(crate) i64);

impl RepositoryId {
    /// Returns the number, for what is kept beside the registry.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// Returns the repository of a number that was kept.
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }
}

/// Where the registry takes the time from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The system's clock.
    System,
    /// A clock that tests move: microseconds since 1970-01-01 UTC.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// Returns microseconds since 1970-01-01 UTC.
    pub fn now_us(&self) -> i64 {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |elapsed| i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX)),
            Self::Manual(now_us) => now_us.load(Ordering::SeqCst),
        }
    }
}

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long bytes that nothing references are kept: the time a client has between pushing or asking for a blob and
    /// referencing it.
    pub collect_grace_us: i64,
    /// How long an upload that receives nothing is kept.
    pub upload_expiry_us: i64,
    /// Bytes of the largest blob.
    pub blob_size_bytes_max: u64,
    /// Whether each image that is pushed is to be inventoried.
    pub inventories: bool,
    /// Where the time comes from.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            collect_grace_us: 3_600_000_000,
            upload_expiry_us: 24 * 3_600_000_000,
            blob_size_bytes_max: BLOB_SIZE_BYTES_MAX,
            inventories: false,
            clock: Clock::System,
        }
    }
}

impl Options {
    /// Returns how long bytes that nothing references are kept.
    pub(crate) fn grace(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.collect_grace_us).unwrap_or(0))
    }

    /// Returns how long a lease lasts: less than the grace period, so that bytes are freed within it.
    pub(crate) fn lease_us(&self) -> i64 {
        self.collect_grace_us / 4 * 3
    }

    /// Returns how long the referrers of a deleted subject stay, should it come back.
    pub(crate) fn referrer_lease_us(&self) -> i64 {
        self.collect_grace_us / 4
    }

    /// Returns how long the blobs of a collected referrer stay. With [`Self::referrer_lease_us`] it is a lease, so that
    /// the bytes are freed within the grace period; and it is more than the half of one that `HEAD` promised.
    pub(crate) fn collected_lease_us(&self) -> i64 {
        self.collect_grace_us / 2
    }
}

/// The registry. A clone is the same registry.
#[derive(Clone)]
pub struct Registry {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) db: Db,
    pub(crate) blobs: blobs::Blobs,
    pub(crate) options: Options,
    pub(crate) caches: Caches,
    pub(crate) writers: Writers,
    pub(crate) begun: Begun,
}

impl Registry {
    /// Makes a registry over an opened database and blob store.
    pub fn new(db: Db, blobs: blobs::Blobs, options: Options) -> Self {
        let caches = Caches::new(db.is_embedded());
        let (writers, begun) = (Writers::default(), Begun::default());
        Self { inner: Arc::new(Inner { db, blobs, options, caches, writers, begun }) }
    }

    /// Returns the database that the registry is kept in.
    pub fn database(&self) -> &Db {
        &self.inner.db
    }

    /// Returns the time by the registry's clock, in microseconds since 1970-01-01 UTC.
    pub fn now_us(&self) -> i64 {
        self.inner.options.clock.now_us()
    }

    /// Runs a change to its end even when the caller goes away.
    pub(crate) async fn detached<T, F>(&self, change: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        match tokio::spawn(change).await {
            Ok(answer) => answer,
            Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
            Err(_) => Err(Error::Stopping),
        }
    }

    pub(crate) async fn write<T, F>(&self, body: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, Error>> + Send + Sync + 'static,
    {
        let outcome = self.inner.db.write(body).await;
        if let Err(Error::Database(_)) = &outcome {
            // It may have been committed all the same.
            self.inner.caches.forget_all();
        }
        outcome
    }

    pub(crate) async fn read<T, F>(&self, body: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, Error>> + Send + 'static,
    {
        self.inner.db.read(body).await
    }

    /// Returns the id of a repository.
    ///
    /// # Errors
    /// `NameUnknown` when there is no such repository.
    pub async fn repository_id(&self, name: &RepositoryName) -> Result<RepositoryId, Error> {
        if let Some(id) = self.inner.caches.name(name.as_str()) {
            return Ok(id);
        }
        let generation = self.inner.caches.generation(name.as_str());
        let wanted = name.clone();
        let id = self.read(move |tx| Box::pin(async move { find_repository(tx, &wanted).await })).await?;
        self.inner.caches.keep(generation, name.as_str(), id, Found::Repository);
        Ok(id)
    }

    /// Writes something small to the database and to the blob store, as a push would.
    ///
    /// # Errors
    /// When a push would fail: a disk is full, or the database does not answer.
    pub async fn check_writes(&self) -> Result<(), Error> {
        let probe = Bytes::from_static(&PROBE);
        let digest = blobs::digest(Algorithm::Sha256, &probe);
        let stored = self.inner.blobs.store(UploadId::generate(), &digest, vec![probe]).await?;
        self.inner.blobs.remove(&stored.location).await?;
        // No cache knows of this row.
        let write = self.inner.db.write(|tx| {
            Box::pin(async move {
                let now_us = tx.now_us().await?;
                tx.execute(&sql::UPSERT_SETTING, &[PROBED.into(), now_us.to_be_bytes().to_vec().into()]).await?;
                Ok::<_, Error>(())
            })
        });
        write.await
    }

    /// Deletes a repository with everything in it: its name is gone at once, its rows are erased by a job and its bytes
    /// are freed as far as no other repository holds them.
    ///
    /// # Errors
    /// `NameUnknown` when there is no such repository.
    pub async fn delete_repository(&self, name: &RepositoryName, actor: &str) -> Result<(), Error> {
        let this = self.clone();
        let (name, actor) = (name.clone(), actor.to_owned());
        self.detached(async move {
            let generation = this.inner.caches.generation(name.as_str());
            let (target, inventories) = (name.clone(), this.inner.options.inventories);
            let deletion = this.write(move |tx| {
                let (name, actor) = (target.clone(), actor.clone());
                Box::pin(async move {
                    let row = tx
                        .find(&sql::DELETE_REPOSITORY, &[name.as_str().into()])
                        .await?
                        .ok_or_else(|| Error::NameUnknown(name.clone()))?;
                    let id: i64 = row.get(0)?;
                    tx.execute(&sql::ERASE_UPLOADS, &[id.into()]).await?;
                    crate::jobs::enqueue_erasure(tx, id).await?;
                    if inventories {
                        beside::order(tx, BesideOrder { repository: id, subject: None }).await?;
                        tagged::order_all(tx, id).await?;
                    }
                    audit::record(tx, Record::allowed(&actor, "repository.delete", name.as_str())).await?;
                    Ok(RepositoryId(id))
                })
            });
            this.inner.begun.end_all_of(deletion.await?);
            this.inner.caches.change(generation, name.as_str(), |changes| {
                changes.repository_gone();
            });
            Ok(())
        })
        .await
    }
}

pub(crate) async fn find_repository(tx: &mut Tx, name: &RepositoryName) -> Result<RepositoryId, Error> {
    let row = tx.find(&sql::FIND_REPOSITORY, &[name.as_str().into()]).await?;
    Ok(RepositoryId(row.ok_or_else(|| Error::NameUnknown(name.clone()))?.get(0)?))
}

/// Returns the id of a repository, making it in its project when it is new.
pub(crate) async fn ensure_repository(
    tx: &mut Tx,
    name: &RepositoryName,
    actor: &str,
    now_us: i64,
) -> Result<RepositoryId, Error> {
    if let Some(row) = tx.find(&sql::FIND_REPOSITORY, &[name.as_str().into()]).await? {
        return Ok(RepositoryId(row.get(0)?));
    }
    if actor == SYSTEM {
        return Err(Error::NameUnknown(name.clone()));
    }
    let made = tx.find(&sql::INSERT_REPOSITORY, &[name.project().into(), name.as_str().into(), now_us.into()]).await?;
    let Some(row) = made else {
        let project = tx.find(&sql::FIND_PROJECT, &[name.project().into()]).await?;
        return match project {
            None => Err(Error::ProjectUnknown(name.project().to_owned())),
            Some(_) => find_repository(tx, name).await,
        };
    };
    audit::record(tx, Record::allowed(actor, "repository.create", name.as_str())).await?;
    Ok(RepositoryId(row.get(0)?))
}

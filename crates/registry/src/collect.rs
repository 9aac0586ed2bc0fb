//! Collection: always on, in bounded steps, with no window in which anything is read-only.
//!
//! Nothing is scanned for garbage. A row that could become garbage carries the time at which to look at it: a blob when
//! it is pushed, mounted or asked for without a reference, the blobs of a manifest when it is deleted, the referrers of
//! a subject when that is deleted. A step takes the rows that are due; what a manifest references by then stays, the
//! rest goes in one transaction, and the files of blobs that no repository holds any more are unlinked after it.

use blobs::Location;
use db::{Tx, Value};
use ledger::audit::{self, Record};
use oci::{Digest, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::limits::COLLECT_BATCH_ROWS_MAX;
use crate::manifests::remove_manifest;
use crate::pull::{stored_digest, stored_location};
use crate::repositories::{Registry, RepositoryId};
use crate::statements as sql;

const TOTALS: &str = "collection.totals";

/// What collection has freed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct Collected {
    /// Blobs taken out of a repository.
    pub links: u64,
    /// Referrers whose subject was deleted.
    pub manifests: u64,
    /// Files unlinked.
    pub files: u64,
    /// Bytes of those files.
    pub bytes: u64,
    /// Expired uploads.
    pub uploads: u64,
}

impl Collected {
    /// Whether a step found nothing to do.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, other: &Self) {
        self.links += other.links;
        self.manifests += other.manifests;
        self.files += other.files;
        self.bytes += other.bytes;
        self.uploads += other.uploads;
    }
}

/// What is stored, what waits for collection and what it has freed so far.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct CollectionStatus {
    /// Blobs stored, and their bytes.
    pub stored: (u64, u64),
    /// Blobs that are looked at once their lease ends, and their bytes. Most turn out to be referenced.
    pub leased: (u64, u64),
    /// Files that are about to be unlinked, and their bytes.
    pub discarded: (u64, u64),
    /// Seconds that unreferenced bytes are kept at most.
    pub grace_seconds: i64,
    /// All that was ever freed here.
    pub freed: Collected,
}

impl Registry {
    /// Takes one bounded step of collection. Call it until it returns nothing.
    ///
    /// # Errors
    /// When the database or the store fails; what was done stays done.
    pub async fn collect_step(&self) -> Result<Collected, Error> {
        let mut collected = Collected {
            manifests: self.collect_manifests().await?,
            links: self.collect_links().await?,
            ..Collected::default()
        };
        (collected.files, collected.bytes) = self.unlink_discarded().await?;
        if !collected.is_empty() {
            self.add_to_totals(collected).await?;
        }
        Ok(collected)
    }

    /// Ends uploads that received nothing for too long. Returns how many; call it until it returns none.
    ///
    /// # Errors
    /// When the database or the store fails.
    pub async fn expire_uploads_step(&self) -> Result<u64, Error> {
        let now_us = self.now_us();
        let expired = self
            .write(move |tx| {
                Box::pin(async move {
                    let limit = COLLECT_BATCH_ROWS_MAX.into();
                    let mut expired = Vec::new();
                    for row in tx.query(&sql::LIST_EXPIRED_UPLOADS, &[now_us.into(), limit]).await? {
                        let id: String = row.get(0)?;
                        tx.execute(&sql::DELETE_UPLOAD, &[id.as_str().into()]).await?;
                        expired.push(id);
                    }
                    Ok(expired)
                })
            })
            .await?;
        for text in &expired {
            let id = text.parse().map_err(|_| Error::Stored { what: "upload id" })?;
            self.inner.blobs.remove_upload(id).await?;
        }
        let uploads = expired.len() as u64;
        if uploads > 0 {
            self.add_to_totals(Collected { uploads, ..Collected::default() }).await?;
        }
        Ok(uploads)
    }

    /// Erases a batch of a deleted repository's rows. Returns whether there may be more.
    pub(crate) async fn erase_repository_step(&self, repository_id: i64) -> Result<bool, Error> {
        let now_us = self.now_us();
        let batch = COLLECT_BATCH_ROWS_MAX;
        self.write(move |tx| {
            Box::pin(async move {
                let tags = tx.execute(&sql::ERASE_TAGS, &[repository_id.into(), batch.into()]).await?;
                let manifests =
                    tx.query(&sql::LIST_ERASED_MANIFESTS, &[repository_id.into(), (batch / 8).into()]).await?;
                for row in &manifests {
                    let digest = stored_digest(&row.get::<Vec<u8>>(0)?)?;
                    remove_manifest(tx, RepositoryId(repository_id), digest, now_us).await?;
                }
                let blobs = match (tags, manifests.len()) {
                    (0, 0) => {
                        tx.execute(&sql::ERASE_BLOBS, &[repository_id.into(), now_us.into(), batch.into()]).await?
                    }
                    _ => 1,
                };
                Ok(tags > 0 || !manifests.is_empty() || blobs > 0)
            })
        })
        .await
    }

    /// Offers a batch of a deleted subject's referrers to collection. Returns whether there may be more.
    pub(crate) async fn offer_referrers_step(
        &self,
        repository_id: i64,
        subject: Digest,
        due_us: i64,
    ) -> Result<bool, Error> {
        self.write(move |tx| {
            Box::pin(async move {
                let offered = tx
                    .execute(
                        &sql::OFFER_REFERRERS,
                        &[repository_id.into(), subject.to_bytes().into(), due_us.into(), COLLECT_BATCH_ROWS_MAX.into()],
                    )
                    .await?;
                Ok(offered > 0)
            })
        })
        .await
    }

    /// Returns what is stored, what waits and what was freed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn collection_status(&self) -> Result<CollectionStatus, Error> {
        let grace_seconds = self.inner.options.collect_grace_us / 1_000_000;
        self.read(move |tx| {
            Box::pin(async move {
                let mut pairs = [(0, 0); 3];
                for (pair, statement) in
                    pairs.iter_mut().zip([&sql::COUNT_BLOBS, &sql::COUNT_WAITING, &sql::COUNT_DISCARDED])
                {
                    if let Some(row) = tx.find(statement, &[]).await? {
                        *pair = (row.get(0)?, row.get(1)?);
                    }
                }
                let [stored, leased, discarded] = pairs;
                Ok(CollectionStatus { stored, leased, discarded, grace_seconds, freed: load_totals(tx).await? })
            })
        })
        .await
    }

    async fn collect_manifests(&self) -> Result<u64, Error> {
        let this = self.clone();
        self.detached(async move {
            let (now_us, due_us) = (this.now_us(), this.now_us());
            let gone = this
                .write(move |tx| {
                    Box::pin(async move {
                        let mut gone: Vec<(RepositoryName, RepositoryId, Digest)> = Vec::new();
                        let limit = (COLLECT_BATCH_ROWS_MAX / 8).into();
                        for row in tx.query(&sql::LIST_DUE_MANIFESTS, &[now_us.into(), limit]).await? {
                            let id = RepositoryId(row.get(0)?);
                            let digest = stored_digest(&row.get::<Vec<u8>>(1)?)?;
                            let name: RepositoryName =
                                row.get::<String>(2)?.parse().map_err(|_| Error::Stored { what: "repository name" })?;
                            let key = [id.0.into(), digest.to_bytes().into()];
                            if tx.find(&sql::MANIFEST_IS_ROOTED, &key).await?.is_some() {
                                tx.execute(&sql::KEEP_MANIFEST, &key).await?;
                                continue;
                            }
                            remove_manifest(tx, id, digest, due_us).await?;
                            let record = Record::allowed("system", "manifest.collect", &format!("{name}@{digest}"));
                            audit::record(tx, record).await?;
                            gone.push((name, id, digest));
                        }
                        Ok(gone)
                    })
                })
                .await?;
            for (name, id, digest) in &gone {
                this.inner.caches.change(name.as_str(), |changes| changes.manifest_gone(*id, *digest));
            }
            Ok(gone.len() as u64)
        })
        .await
    }

    async fn collect_links(&self) -> Result<u64, Error> {
        let this = self.clone();
        self.detached(async move {
            let now_us = this.now_us();
            let gone = this
                .write(move |tx| {
                    Box::pin(async move {
                        let batch = [now_us.into(), COLLECT_BATCH_ROWS_MAX.into()];
                        tx.execute(&sql::KEEP_REFERENCED_BLOBS, &batch).await?;
                        let mut gone = Vec::new();
                        for row in tx.query(&sql::COLLECT_BLOBS, &batch).await? {
                            gone.push((RepositoryId(row.get(0)?), stored_digest(&row.get::<Vec<u8>>(1)?)?));
                        }
                        let digests: Vec<Digest> = gone.iter().map(|(_, digest)| *digest).collect();
                        discard_unheld(tx, &digests, now_us).await?;
                        Ok(gone)
                    })
                })
                .await?;
            if !gone.is_empty() {
                this.inner.caches.forget_blobs(&gone);
            }
            Ok(gone.len() as u64)
        })
        .await
    }

    async fn unlink_discarded(&self) -> Result<(u64, u64), Error> {
        let files = self
            .read(|tx| {
                Box::pin(async move {
                    let mut files: Vec<(Location, u64)> = Vec::new();
                    for row in tx.query(&sql::LIST_DISCARDED, &[COLLECT_BATCH_ROWS_MAX.into()]).await? {
                        files.push((stored_location(&row.get::<String>(0)?)?, row.get(1)?));
                    }
                    Ok(files)
                })
            })
            .await?;
        if files.is_empty() {
            return Ok((0, 0));
        }
        for (location, _) in &files {
            self.inner.blobs.remove(location).await?;
        }
        let names: Vec<Value> = files.iter().map(|(location, _)| location.to_string().into()).collect();
        self.write(move |tx| {
            let names = names.clone();
            Box::pin(async move {
                tx.execute_list(&sql::DELETE_DISCARDED, &[], &names).await?;
                Ok(())
            })
        })
        .await?;
        Ok((files.len() as u64, files.iter().map(|(_, size_bytes)| size_bytes).sum()))
    }

    async fn add_to_totals(&self, collected: Collected) -> Result<(), Error> {
        self.write(move |tx| {
            Box::pin(async move {
                let mut totals = load_totals(tx).await?;
                totals.add(&collected);
                let text = serde_json::to_vec(&totals).map_err(|_| Error::Stored { what: "collection totals" })?;
                tx.execute(&sql::UPSERT_SETTING, &[TOTALS.into(), text.into()]).await?;
                Ok(())
            })
        })
        .await
    }
}

async fn load_totals(tx: &mut Tx) -> Result<Collected, Error> {
    let Some(row) = tx.find(&sql::FIND_SETTING, &[TOTALS.into()]).await? else { return Ok(Collected::default()) };
    serde_json::from_slice(&row.get::<Vec<u8>>(0)?).map_err(|_| Error::Stored { what: "collection totals" })
}

/// Discards the blobs among `digests` that no repository holds any more.
pub(crate) async fn discard_unheld(tx: &mut Tx, digests: &[Digest], now_us: i64) -> Result<(), Error> {
    if digests.is_empty() {
        return Ok(());
    }
    let list: Vec<Value> = digests.iter().map(|digest| digest.to_bytes().into()).collect();
    tx.execute_list(&sql::DISCARD_UNHELD, &[now_us.into()], &list).await?;
    tx.execute_list(&sql::DELETE_UNHELD, &[], &list).await?;
    Ok(())
}

//! Collection: always on, in bounded steps, with no window in which anything is read-only.
//!
//! Nothing is scanned for garbage. A row that could become garbage carries the time at which to look at it: a blob when
//! it is pushed, mounted or asked for without a reference, the blobs of a manifest when it is deleted, the referrers of
//! a subject when that is deleted. A step takes the rows that are due; what a manifest references by then stays, the
//! rest goes in one transaction, and the files of blobs that no repository holds any more are unlinked after it.
//!
//! A push may take longer than any lease. While an upload to a repository is unfinished, that repository's blobs may
//! belong to the same push, and their lease is renewed instead.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use blobs::{Location, UploadId};
use db::{Tx, Value};
use ledger::audit::{self, Record};
use oci::{Digest, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::begun::Begun;
use crate::error::Error;
use crate::limits::COLLECT_BATCH_ROWS_MAX;
use crate::manifests::{Removed, remove_manifest};
use crate::pull::{stored_digest, stored_location};
use crate::repositories::{Registry, RepositoryId};
use crate::statements as sql;
use crate::usage::{UsageChange, load_stored};

const TOTALS: &str = "collection.totals";

/// What collection has freed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(default)]
pub struct Collected {
    /// Blobs taken out of a repository.
    pub links: u64,
    /// Referrers whose subject was deleted.
    pub manifests: u64,
    /// Files of blobs unlinked.
    pub files: u64,
    /// Bytes of all files unlinked, of blobs and without a row.
    pub bytes: u64,
    /// Expired uploads.
    pub uploads: u64,
    /// Files without a row unlinked.
    pub orphans: u64,
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
        self.orphans += other.orphans;
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

/// What can be told of collection however much is stored and waits: totals, and the ends of indexes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct CollectionFigures {
    /// Blobs stored, and their bytes.
    pub stored: (u64, u64),
    /// Since when the blob or referrer is due that waits longest to be looked at.
    pub overdue: Duration,
    /// Since when the file waits that waits longest to be unlinked.
    pub unlink_overdue: Duration,
    /// All that was ever freed here.
    pub freed: Collected,
}

impl Registry {
    /// Takes one bounded step of collection. Call it until it returns nothing.
    ///
    /// # Errors
    /// When the database or the store fails; what was done stays done.
    pub async fn collect_step(&self) -> Result<Collected, Error> {
        let manifests = self.collect_manifests().await?;
        if manifests > 0 {
            // Blobs come once no manifest is due, so that none is taken for referenced by one that is about to go.
            return Ok(Collected { manifests, ..Collected::default() });
        }
        let mut collected = Collected { links: self.collect_links().await?, ..Collected::default() };
        (collected.files, collected.bytes) = self.unlink_discarded().await?;
        Ok(collected)
    }

    /// Ends uploads that received nothing for too long. Returns how many; call it until it returns none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expire_uploads_step(&self) -> Result<u64, Error> {
        let this = self.clone();
        self.detached(async move {
            let now_us = this.now_us();
            let due = this
                .read(move |tx| {
                    Box::pin(async move {
                        let mut due = Vec::new();
                        let limit = COLLECT_BATCH_ROWS_MAX.into();
                        for row in tx.query(&sql::LIST_EXPIRED_UPLOADS, &[now_us.into(), limit]).await? {
                            let id: String = row.get(0)?;
                            due.push(id.parse().map_err(|_| Error::Stored { what: "upload id" })?);
                        }
                        Ok(due)
                    })
                })
                .await?;
            // One that is being written to has not expired, and one that is taken here is written to by nobody.
            let (mut claims, mut expired, mut busy): (Vec<_>, Vec<UploadId>, Vec<UploadId>) = Default::default();
            for id in due {
                match this.inner.writers.claim(id) {
                    Ok(claim) => {
                        claims.push(claim);
                        expired.push(id);
                    }
                    Err(_) => busy.push(id),
                }
            }
            let mut ended_early: Vec<UploadId> = Vec::new();
            let mut without_row = 0;
            for (actor, id, upload) in this.inner.begun.list_expired(now_us) {
                // One that is being written to is looked at again.
                let Ok(claim) = this.inner.writers.claim(id) else { continue };
                this.inner.begun.remove(&actor, id);
                without_row += 1;
                if upload.is_touched {
                    ended_early.push(id);
                    claims.push(claim);
                }
            }
            let postponed_us = now_us + this.inner.options.upload_expiry_us;
            let ended = this
                .write(move |tx| {
                    let text = |id: &UploadId| Value::from(id.to_string());
                    let expired: Vec<Value> = expired.iter().map(text).collect();
                    let busy: Vec<Value> = busy.iter().map(text).collect();
                    Box::pin(async move {
                        tx.execute_list(&sql::POSTPONE_UPLOADS, &[postponed_us.into()], &busy).await?;
                        let mut ended: Vec<UploadId> = Vec::new();
                        for row in tx.query_list(&sql::EXPIRE_UPLOADS, &[now_us.into()], &expired).await? {
                            let id: String = row.get(0)?;
                            ended.push(id.parse().map_err(|_| Error::Stored { what: "upload id" })?);
                        }
                        let uploads = ended.len() as u64 + without_row;
                        add_to_totals(tx, &Collected { uploads, ..Collected::default() }).await?;
                        Ok(ended)
                    })
                })
                .await?;
            for id in ended.iter().chain(&ended_early) {
                this.remove_upload_or_leave(*id).await;
            }
            drop(claims);
            Ok(ended.len() as u64 + without_row)
        })
        .await
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

    /// Offers a batch of a deleted subject's referrers to collection, from those after a digest on. Returns after which
    /// to go on, if there may be more.
    pub(crate) async fn offer_referrers_step(
        &self,
        repository_id: i64,
        subject: Digest,
        due_us: i64,
        after: Digest,
    ) -> Result<Option<Digest>, Error> {
        self.write(move |tx| {
            Box::pin(async move {
                offer_referrers_batch(tx, RepositoryId(repository_id), subject, due_us, Some(after)).await
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
                let mut pairs = [(0, 0); 2];
                for (pair, statement) in pairs.iter_mut().zip([&sql::COUNT_WAITING, &sql::COUNT_DISCARDED]) {
                    if let Some(row) = tx.find(statement, &[]).await? {
                        *pair = (row.get(0)?, row.get(1)?);
                    }
                }
                let [leased, discarded] = pairs;
                let stored = load_stored(tx).await?;
                Ok(CollectionStatus { stored, leased, discarded, grace_seconds, freed: load_totals(tx).await? })
            })
        })
        .await
    }

    /// Returns what is stored, how far collection is behind and what it has freed. Costs the same whatever waits.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn collection_figures(&self) -> Result<CollectionFigures, Error> {
        let now_us = self.now_us();
        self.read(move |tx| {
            Box::pin(async move {
                let blobs = load_overdue(tx, &sql::FIND_FIRST_LEASE_END, now_us).await?;
                let manifests = load_overdue(tx, &sql::FIND_FIRST_DUE_MANIFEST, now_us).await?;
                Ok(CollectionFigures {
                    stored: load_stored(tx).await?,
                    overdue: blobs.max(manifests),
                    unlink_overdue: load_overdue(tx, &sql::FIND_FIRST_DISCARDED, now_us).await?,
                    freed: load_totals(tx).await?,
                })
            })
        })
        .await
    }

    /// Collects a batch of due manifests, past those that turn out to stay.
    async fn collect_manifests(&self) -> Result<u64, Error> {
        let this = self.clone();
        self.detached(async move {
            let now_us = this.now_us();
            let due_us = now_us + this.inner.options.collected_lease_us();
            let held_until_us = now_us + this.inner.options.referrer_lease_us();
            loop {
                // Before the write, for each repository that it may change.
                let generations = this.inner.caches.generations();
                let inventories = this.inner.options.inventories;
                let (seen, gone) = this
                    .write(move |tx| {
                        Box::pin(async move {
                            let (seen, gone) = collect_manifests_in(tx, now_us, due_us, held_until_us).await?;
                            for manifest in gone.iter().filter(|_| inventories) {
                                manifest.removed.order_looks(tx, manifest.id, manifest.digest).await?;
                            }
                            Ok((seen, gone))
                        })
                    })
                    .await?;
                for manifest in &gone {
                    let name = manifest.repository.as_str();
                    this.inner.caches.change(generations.of(name), name, |changes| {
                        manifest.removed.apply(changes, manifest.id, manifest.digest);
                    });
                }
                if !gone.is_empty() || seen < MANIFEST_BATCH_ROWS_MAX {
                    return Ok(gone.len() as u64);
                }
            }
        })
        .await
    }

    /// Collects a batch of due blobs, past those that turn out to stay.
    async fn collect_links(&self) -> Result<u64, Error> {
        let this = self.clone();
        self.detached(async move {
            let now_us = this.now_us();
            let held_until_us = now_us + this.inner.options.lease_us();
            loop {
                let begun = this.inner.begun.clone();
                let (seen, gone) = this
                    .write(move |tx| {
                        let begun = begun.clone();
                        Box::pin(async move { collect_links_in(tx, &begun, now_us, held_until_us).await })
                    })
                    .await?;
                if !gone.is_empty() {
                    this.inner.caches.forget_blobs(&gone);
                }
                if !gone.is_empty() || seen < COLLECT_BATCH_ROWS_MAX {
                    return Ok(gone.len() as u64);
                }
            }
        })
        .await
    }

    /// Unlinks a batch of discarded files. One that cannot be unlinked does not hold up the others.
    async fn unlink_discarded(&self) -> Result<(u64, u64), Error> {
        let files = self
            .read(|tx| {
                Box::pin(async move {
                    let mut files: Vec<Location> = Vec::new();
                    for row in tx.query(&sql::LIST_DISCARDED, &[COLLECT_BATCH_ROWS_MAX.into()]).await? {
                        files.push(stored_location(&row.get::<String>(0)?)?);
                    }
                    Ok(files)
                })
            })
            .await?;
        let (mut unlinked, mut stuck, mut failure): (Vec<Value>, Vec<Value>, _) = (Vec::new(), Vec::new(), None);
        for location in &files {
            match self.inner.blobs.remove(location).await {
                Ok(_) => unlinked.push(location.to_string().into()),
                Err(cause) => {
                    tracing::warn!(%location, cause = &cause as &dyn std::error::Error, "discarded file stays");
                    stuck.push(location.to_string().into());
                    failure = Some(cause);
                }
            }
        }
        if files.is_empty() {
            return Ok((0, 0));
        }
        let now_us = self.now_us();
        let failure = failure.filter(|_| unlinked.is_empty());
        let freed = self.write(move |tx| {
            let (unlinked, stuck) = (unlinked.clone(), stuck.clone());
            Box::pin(async move {
                // However many they are, what is behind them has its turn.
                tx.execute_list(&sql::POSTPONE_DISCARDED, &[now_us.into()], &stuck).await?;
                let rows = tx.query_list(&sql::DELETE_DISCARDED, &[], &unlinked).await?;
                let sizes = rows.iter().map(|row| row.get::<u64>(0)).collect::<Result<Vec<_>, _>>()?;
                let (files, bytes) = (sizes.len() as u64, sizes.iter().sum());
                add_to_totals(tx, &Collected { files, bytes, ..Collected::default() }).await?;
                Ok((files, bytes))
            })
        });
        let freed = freed.await?;
        failure.map_or(Ok(freed), |cause| Err(cause.into()))
    }
}

/// Due manifests that one transaction looks at: each takes its tags and references with it.
const MANIFEST_BATCH_ROWS_MAX: i64 = COLLECT_BATCH_ROWS_MAX / 8;

/// A manifest that was collected.
struct CollectedManifest {
    repository: RepositoryName,
    id: RepositoryId,
    digest: Digest,
    removed: Removed,
}

async fn collect_manifests_in(
    tx: &mut Tx,
    now_us: i64,
    due_us: i64,
    held_until_us: i64,
) -> Result<(i64, Vec<CollectedManifest>), Error> {
    let mut gone = Vec::new();
    let rows = tx.query(&sql::LIST_DUE_MANIFESTS, &[now_us.into(), MANIFEST_BATCH_ROWS_MAX.into()]).await?;
    for row in &rows {
        let id = RepositoryId(row.get(0)?);
        let digest = stored_digest(&row.get::<Vec<u8>>(1)?)?;
        let repository: RepositoryName =
            row.get::<String>(2)?.parse().map_err(|_| Error::Stored { what: "repository name" })?;
        let key = [id.0.into(), digest.to_bytes().into()];
        if let Some(row) = tx.find(&sql::MANIFEST_IS_ROOTED, &key).await? {
            if row.get(0)? {
                tx.execute(&sql::KEEP_MANIFEST, &key).await?;
            } else {
                // Its subject is gone: it stays no longer than its tag, or the index of a referrers tag, does.
                let [id, digest] = key;
                tx.execute(&sql::HOLD_MANIFEST, &[id, digest, held_until_us.into()]).await?;
            }
            continue;
        }
        let Some(removed) = remove_manifest(tx, id, digest, due_us).await? else { continue };
        // Its own referrers have waited with it.
        offer_referrers(tx, id, digest, now_us, None).await?;
        let record = Record::allowed("system", "manifest.collect", &format!("{repository}@{digest}"));
        audit::record(tx, record).await?;
        gone.push(CollectedManifest { repository, id, digest, removed });
    }
    add_to_totals(tx, &Collected { manifests: gone.len() as u64, ..Collected::default() }).await?;
    Ok((count(&rows), gone))
}

/// What becomes of a blob that is due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// A manifest references it.
    Stays,
    /// It may be part of a push that goes on.
    Waits,
    /// It leaves its repository.
    Goes,
}

async fn collect_links_in(
    tx: &mut Tx,
    begun: &Begun,
    now_us: i64,
    held_until_us: i64,
) -> Result<(i64, Vec<(RepositoryId, Digest)>), Error> {
    let rows = tx.query(&sql::LIST_DUE_BLOBS, &[now_us.into(), COLLECT_BATCH_ROWS_MAX.into()]).await?;
    let due: Vec<(i64, Vec<u8>, bool, u64)> = rows
        .iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .collect::<Result<_, db::Error>>()?;
    let unreferenced: BTreeSet<i64> =
        due.iter().filter(|(_, _, referenced, _)| !referenced).map(|(repository, ..)| *repository).collect();
    let list: Vec<Value> = unreferenced.into_iter().map(Value::from).collect();
    let mut pushed_to: BTreeSet<i64> = begun.list_repositories().into_iter().map(RepositoryId::number).collect();
    for row in tx.query_list(&sql::LIST_PUSHED_TO, &[now_us.into()], &list).await? {
        pushed_to.insert(row.get::<i64>(0)?);
    }
    let mut fates: BTreeMap<(i64, Fate), Vec<Value>> = BTreeMap::new();
    let mut gone = Vec::new();
    let mut usage = UsageChange::default();
    for (repository, digest, is_referenced, size_bytes) in due {
        let fate = match (is_referenced, pushed_to.contains(&repository)) {
            (true, _) => Fate::Stays,
            (false, true) => Fate::Waits,
            (false, false) => Fate::Goes,
        };
        if fate == Fate::Goes {
            gone.push((RepositoryId(repository), stored_digest(&digest)?));
            usage.unlinked(RepositoryId(repository), size_bytes);
        }
        fates.entry((repository, fate)).or_default().push(digest.into());
    }
    for ((repository, fate), digests) in &fates {
        match fate {
            Fate::Stays => tx.execute_list(&sql::KEEP_BLOBS, &[(*repository).into()], digests).await?,
            Fate::Waits => {
                tx.execute_list(&sql::HOLD_BLOBS, &[(*repository).into(), held_until_us.into()], digests).await?
            }
            Fate::Goes => tx.execute_list(&sql::COLLECT_BLOBS, &[(*repository).into()], digests).await?,
        };
    }
    let digests: Vec<Digest> = gone.iter().map(|(_, digest)| *digest).collect();
    discard_unheld(tx, &digests, now_us, &mut usage).await?;
    usage.record(tx).await?;
    add_to_totals(tx, &Collected { links: gone.len() as u64, ..Collected::default() }).await?;
    Ok((count(&rows), gone))
}

/// Offers the referrers of a subject that is gone to collection: the first of them now, the rest by a job.
pub(crate) async fn offer_referrers(
    tx: &mut Tx,
    id: RepositoryId,
    subject: Digest,
    due_us: i64,
    after: Option<Digest>,
) -> Result<(), Error> {
    if let Some(after) = offer_referrers_batch(tx, id, subject, due_us, after).await? {
        crate::jobs::enqueue_offer(tx, id.0, subject, due_us, after).await?;
    }
    Ok(())
}

async fn offer_referrers_batch(
    tx: &mut Tx,
    id: RepositoryId,
    subject: Digest,
    due_us: i64,
    after: Option<Digest>,
) -> Result<Option<Digest>, Error> {
    let after = after.map(|digest| digest.to_bytes()).unwrap_or_default();
    let page = [id.0.into(), subject.to_bytes().into(), after.into(), COLLECT_BATCH_ROWS_MAX.into()];
    let rows = tx.query(&sql::LIST_REFERRER_DIGESTS, &page).await?;
    let digests = rows.iter().map(|row| row.get::<Vec<u8>>(0)).collect::<Result<Vec<_>, _>>()?;
    let list: Vec<Value> = digests.iter().map(|digest| digest.clone().into()).collect();
    tx.execute_list(&sql::OFFER_REFERRERS, &[id.0.into(), due_us.into()], &list).await?;
    match digests.last() {
        Some(end) if count(&rows) == COLLECT_BATCH_ROWS_MAX => Ok(Some(stored_digest(end)?)),
        _ => Ok(None),
    }
}

fn count(rows: &[db::Row]) -> i64 {
    i64::try_from(rows.len()).unwrap_or(i64::MAX)
}

/// Adds to what was ever freed, in the transaction that frees it. The collector's own row: nothing else waits for it.
pub(crate) async fn add_to_totals(tx: &mut Tx, collected: &Collected) -> Result<(), Error> {
    if collected.is_empty() {
        return Ok(());
    }
    let mut totals = load_totals(tx).await?;
    totals.add(collected);
    let text = serde_json::to_vec(&totals).map_err(|_| Error::Stored { what: "collection totals" })?;
    tx.execute(&sql::UPSERT_SETTING, &[TOTALS.into(), text.into()]).await?;
    Ok(())
}

/// Returns since when the first of an index is due.
async fn load_overdue(tx: &mut Tx, first: &db::Statement, now_us: i64) -> Result<Duration, Error> {
    let Some(row) = tx.find(first, &[]).await? else { return Ok(Duration::ZERO) };
    let overdue_us = now_us.saturating_sub(row.get(0)?);
    Ok(Duration::from_micros(u64::try_from(overdue_us).unwrap_or(0)))
}

async fn load_totals(tx: &mut Tx) -> Result<Collected, Error> {
    let Some(row) = tx.find(&sql::FIND_SETTING, &[TOTALS.into()]).await? else { return Ok(Collected::default()) };
    serde_json::from_slice(&row.get::<Vec<u8>>(0)?).map_err(|_| Error::Stored { what: "collection totals" })
}

/// Discards the blobs among `digests` that no repository holds any more.
pub(crate) async fn discard_unheld(
    tx: &mut Tx,
    digests: &[Digest],
    now_us: i64,
    usage: &mut UsageChange,
) -> Result<(), Error> {
    if digests.is_empty() {
        return Ok(());
    }
    let list: Vec<Value> = digests.iter().map(|digest| digest.to_bytes().into()).collect();
    tx.execute_list(&sql::DISCARD_UNHELD, &[now_us.into()], &list).await?;
    for row in tx.query_list(&sql::DELETE_UNHELD, &[], &list).await? {
        usage.dropped(row.get(0)?);
    }
    Ok(())
}

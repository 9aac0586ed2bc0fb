//! What lies beside images and may be VEX: the order to look at it, whenever it or what it refers to comes or goes.

use std::collections::BTreeSet;

use db::{Row, Tx, Value};
use ledger::jobs::{Kind, NewJob};
use oci::{Digest, media_type};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::pull::stored_digest;
use crate::repositories::{Registry, RepositoryId};
use crate::statements as sql;

/// Looks at the VEX beside a manifest. Whoever has the handler is above this crate; pushes and deletions make the jobs.
pub const BESIDE: Kind = Kind::new("findings.beside").priority(150).attempts_max(6);

/// The most indexes that are looked at above an image, and images below an index. Those of build matrices list some hundreds.
pub const RELATIVES_MAX: usize = 1_000;

/// Indexes above one that went at which a look is ordered one by one; with more, all of the repository is looked at.
const ORDERED_ABOVE_MAX: usize = 20;

/// What is referred to by manifests that lose a blob and at which a look is ordered one by one; with more, all of the repository is looked at.
const ORDERED_WITHOUT_BLOB_MAX: usize = 20;

/// The payload of [`BESIDE`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug)]
pub struct BesideOrder {
    /// The number of the repository.
    pub repository: i64,
    /// What is referred to; nothing for all of a repository, which is gone.
    pub subject: Option<Digest>,
}

/// A referrer that may be VEX.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VexReferrer {
    /// The repository's number.
    pub repository: i64,
    /// What it refers to.
    pub subject: Digest,
    /// Its manifest.
    pub manifest: Digest,
    /// Its artifact type.
    pub artifact_type: String,
    /// Who pushed it last.
    pub pusher: String,
    /// When, in microseconds since 1970-01-01 UTC.
    pub pushed_at_us: i64,
    /// Whether its type or its annotations say that it is VEX, as far as anyone may say that of what they push.
    pub is_named_vex: bool,
}

/// Types that nothing else has.
const VEX_ALONE: &[&str] = media_type::VEX_ARTIFACTS.split_at(4).0;

/// What annotations of statements and bundles hold that say that they are of VEX: the predicate's type.
const VEX_PREDICATES: [&str; 3] =
    ["https://openvex.dev/ns", "https://cyclonedx.org/vex", "https://docs.oasis-open.org/csaf"];

impl VexReferrer {
    fn of_row(row: &Row) -> Result<Self, Error> {
        let (artifact_type, annotations): (String, Option<String>) = (row.get(3)?, row.get(6)?);
        let says = |predicate: &str| annotations.as_ref().is_some_and(|text| text.contains(predicate));
        let is_named_vex = VEX_ALONE.contains(&artifact_type.as_str()) || VEX_PREDICATES.iter().any(|one| says(one));
        Ok(Self {
            is_named_vex,
            repository: row.get(0)?,
            subject: stored_digest(&row.get::<Vec<u8>>(1)?)?,
            manifest: stored_digest(&row.get::<Vec<u8>>(2)?)?,
            artifact_type,
            pusher: row.get(4)?,
            pushed_at_us: row.get(5)?,
        })
    }
}

impl Registry {
    /// Orders a look at what lies beside manifests. While the same order waits, it is that one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn order_beside(&self, orders: BTreeSet<BesideOrder>) -> Result<(), Error> {
        self.write(move |tx| {
            let orders = orders.clone();
            Box::pin(async move {
                for order in orders {
                    self::order(tx, order).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Returns up to `limit` referrers of a manifest that may be VEX, after one, by digest; none that the hub itself pushed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_vex_referrers(
        &self,
        repository: RepositoryId,
        subject: Digest,
        after: Option<Digest>,
        limit: u32,
    ) -> Result<Vec<VexReferrer>, Error> {
        let after = after.map(|digest| digest.to_bytes()).unwrap_or_default();
        self.read(move |tx| {
            let after = after.clone();
            Box::pin(async move {
                let parameters = [repository.0.into(), subject.to_bytes().into(), after.into(), limit.into()];
                let rows = tx.query(&sql::LIST_VEX_REFERRERS, &parameters).await?;
                rows.iter().map(VexReferrer::of_row).collect()
            })
        })
        .await
    }

    /// Returns up to `limit` referrers of all repositories that may be VEX, after a repository's number and a manifest, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_vex_referrers_after(
        &self,
        after: Option<(i64, Digest)>,
        limit: u32,
    ) -> Result<Vec<VexReferrer>, Error> {
        let (repository, manifest) =
            after.map_or((i64::MIN, Vec::new()), |(repository, manifest)| (repository, manifest.to_bytes()));
        self.read(move |tx| {
            let manifest = manifest.clone();
            Box::pin(async move {
                let parameters = [repository.into(), manifest.into(), limit.into()];
                let rows = tx.query(&sql::LIST_VEX_REFERRERS_AFTER, &parameters).await?;
                rows.iter().map(VexReferrer::of_row).collect()
            })
        })
        .await
    }

    /// Returns which of some blobs a repository holds whole.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_whole_blobs(
        &self,
        repository: RepositoryId,
        blobs: BTreeSet<Digest>,
    ) -> Result<BTreeSet<Digest>, Error> {
        self.read(move |tx| {
            let blobs: Vec<Value> = blobs.iter().map(|digest| digest.to_bytes().into()).collect();
            Box::pin(async move {
                let rows = tx.query_list(&sql::LIST_HELD_BLOBS, &[repository.0.into()], &blobs).await?;
                rows.iter().map(|row| stored_digest(&row.get::<Vec<u8>>(0)?)).collect()
            })
        })
        .await
    }

    /// Returns the images that a manifest which a repository holds is or lists, over indexes in indexes: up to [`RELATIVES_MAX`]; none when
    /// it does not hold it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn images_of(&self, repository: RepositoryId, manifest: Digest) -> Result<BTreeSet<Digest>, Error> {
        self.read(move |tx| {
            Box::pin(async move {
                let key = [repository.0.into(), manifest.to_bytes().into()];
                let Some(row) = tx.find(&sql::FIND_MEDIA_TYPE, &key).await? else { return Ok(BTreeSet::new()) };
                if !media_type::is_index(&row.get::<String>(0)?) {
                    return Ok(BTreeSet::from([manifest]));
                }
                let (mut images, mut indexes, mut waiting) =
                    (BTreeSet::new(), BTreeSet::from([manifest]), vec![manifest]);
                while let Some(index) = waiting.pop() {
                    for row in tx.query(&sql::LIST_CHILDREN, &[repository.0.into(), index.to_bytes().into()]).await? {
                        let child = stored_digest(&row.get::<Vec<u8>>(0)?)?;
                        if images.len() + indexes.len() >= RELATIVES_MAX {
                            return Ok(images);
                        }
                        if !media_type::is_index(&row.get::<String>(1)?) {
                            images.insert(child);
                        } else if indexes.insert(child) {
                            waiting.push(child);
                        }
                    }
                }
                Ok(images)
            })
        })
        .await
    }

    /// Returns an image that a repository holds, with the indexes there that list it, over indexes in indexes: up to [`RELATIVES_MAX`]; none
    /// when it does not hold it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn with_indexes(&self, repository: RepositoryId, image: Digest) -> Result<BTreeSet<Digest>, Error> {
        self.read(move |tx| {
            Box::pin(async move {
                let key = [repository.0.into(), image.to_bytes().into()];
                if tx.find(&sql::FIND_MEDIA_TYPE, &key).await?.is_none() {
                    return Ok(BTreeSet::new());
                }
                with_above(tx, repository, image, RELATIVES_MAX).await
            })
        })
        .await
    }
}

/// Returns a manifest with the indexes that list it, over indexes in indexes, up to so many in all.
async fn with_above(
    tx: &mut Tx,
    repository: RepositoryId,
    manifest: Digest,
    count_max: usize,
) -> Result<BTreeSet<Digest>, Error> {
    let (mut found, mut waiting) = (BTreeSet::from([manifest]), vec![manifest]);
    while let Some(child) = waiting.pop() {
        for row in tx.query(&sql::LIST_PARENTS, &[repository.0.into(), child.to_bytes().into()]).await? {
            let parent = stored_digest(&row.get::<Vec<u8>>(0)?)?;
            if found.len() < count_max && found.insert(parent) {
                waiting.push(parent);
            }
        }
    }
    Ok(found)
}

/// Orders a look at what lies beside an index that went, and beside those that list it: they list less now.
pub(crate) async fn order_with_above(tx: &mut Tx, repository: RepositoryId, index: Digest) -> Result<(), Error> {
    // The index itself, those above it, and one more that says that there are too many.
    let found = with_above(tx, repository, index, ORDERED_ABOVE_MAX + 2).await?;
    if found.len() > ORDERED_ABOVE_MAX + 1 {
        return order(tx, BesideOrder { repository: repository.0, subject: None }).await;
    }
    for subject in found {
        order(tx, BesideOrder { repository: repository.0, subject: Some(subject) }).await?;
    }
    Ok(())
}

/// Orders a look at what those refer to that have a blob which goes, where they may be VEX: what they say can be read no more.
pub(crate) async fn order_without_blob(tx: &mut Tx, repository: RepositoryId, blob: Digest) -> Result<(), Error> {
    let limit = i64::try_from(ORDERED_WITHOUT_BLOB_MAX + 1).unwrap_or(i64::MAX);
    let parameters = [repository.0.into(), blob.to_bytes().into(), limit.into()];
    let rows = tx.query(&sql::LIST_SUBJECTS_OF_BLOB, &parameters).await?;
    if rows.len() > ORDERED_WITHOUT_BLOB_MAX {
        return order(tx, BesideOrder { repository: repository.0, subject: None }).await;
    }
    for row in rows {
        let (subject, artifact_type): (Vec<u8>, Option<String>) = (row.get(0)?, row.get(1)?);
        order_about(tx, repository, None, (Some(stored_digest(&subject)?), artifact_type.as_deref())).await?;
    }
    Ok(())
}

/// Orders a look at what lies beside a manifest, in the transaction that changes it.
pub(crate) async fn order(tx: &mut Tx, order: BesideOrder) -> Result<(), Error> {
    let subject = order.subject.map_or_else(|| "all".to_owned(), |subject| subject.to_string());
    let job = NewJob::new(BESIDE, &order)?.key(&format!("{}/{subject}", order.repository))?;
    ledger::jobs::enqueue(tx, &job).await?;
    Ok(())
}

/// Orders what a manifest means that comes or goes: a look at what it refers to, where it may be VEX, and at what refers to it, where that is
/// asked for.
pub(crate) async fn order_about(
    tx: &mut Tx,
    repository: RepositoryId,
    as_subject: Option<Digest>,
    (subject, artifact_type): (Option<Digest>, Option<&str>),
) -> Result<(), Error> {
    let is_vex = artifact_type.is_some_and(media_type::is_vex_artifact);
    for subject in subject.filter(|_| is_vex).into_iter().chain(as_subject) {
        order(tx, BesideOrder { repository: repository.0, subject: Some(subject) }).await?;
    }
    Ok(())
}

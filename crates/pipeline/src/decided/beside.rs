//! VEX that lies beside images in their repositories, as referrers.
//!
//! It counts for the image that it refers to, or for those that an index lists which it refers to, in that repository alone, as long as the
//! repository holds all of them, with the document itself, and the trust that was set believes who pushed it. The job [`registry::BESIDE`] is ordered by all that comes or
//! goes. It reads what it has not read yet into rows of the hub, which are added and marked when they count no more, and notes in the
//! inventories' database by which of them each image is counted, in the write that has the image counted again: a count that was made
//! aside is kept only while that note is as it was. What is pushed by others is not even read.

mod facts;
mod placing;
mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use db::{Row, Value};
use ledger::jobs::{Context, JobError, Outcome};
use oci::{Digest, RepositoryName};
use policy::VexTrust;
use registry::{BesideOrder, RepositoryId, VexReferrer};

use super::documents::stored_digest;
use crate::advised::order_counting;
use crate::pipeline::{Error, Pipeline};

pub(super) use facts::state_facts;
pub(super) use placing::index;
pub(crate) use placing::{Beside, LIST_BESIDE_OF, LIST_BESIDE_OF_IMAGE};
use reading::{COUNTS, FIND_KNOWN, Known, NO_VEX, REFERRERS_IN_STEP, is_absent, key};

/// Every SQL statement of this part on the hub's tables.
pub(super) fn statements() -> impl Iterator<Item = &'static db::Statement> {
    STATEMENTS.iter().chain(reading::STATEMENTS).chain(placing::STATEMENTS).chain(facts::STATEMENTS)
}

/// The most documents beside a manifest that count, and beside an image and the indexes that list it.
pub const BESIDE_DOCUMENTS_MAX: usize = 20;

/// The most bytes that those beside a manifest have together.
pub const BESIDE_BYTES_MAX: u64 = 8 << 20;

/// The most bytes that all documents beside images have together in the hub.
pub const BESIDE_TOTAL_BYTES_MAX: u64 = 256 << 20;

/// Rows that are looked at at once.
const ROWS_IN_STEP: i64 = 500;

db::statements! {
    /// All that is known of referrers, after a row.
    LIST_KNOWN_AFTER = "SELECT id, repository_id, subject, manifest, pusher, state, reason FROM vex_referrers \
        WHERE id > $1 AND gone_at_us IS NULL ORDER BY id LIMIT $2";
    /// What of a repository is referred to.
    LIST_SUBJECTS = "SELECT DISTINCT subject FROM vex_referrers WHERE repository_id = $1 AND gone_at_us IS NULL";
    /// Forgets what documents said that count no more.
    EMPTY_GONE = "UPDATE vex_referrers SET body = $3, bytes = 0 WHERE repository_id = $1 AND subject = $2 AND gone_at_us IS NOT NULL \
        AND bytes > 0";
}

/// What lies beside an image and may be VEX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VexBeside {
    /// What it refers to: the image, or an index that lists it.
    pub subject: Digest,
    /// Digest of the manifest that refers to it.
    pub manifest: Digest,
    /// Its artifact type.
    pub artifact_type: String,
    /// Who pushed it.
    pub pusher: String,
    /// When it was pushed last, in microseconds since 1970-01-01 UTC.
    pub pushed_at_us: i64,
    /// Why it does not count; none when it does.
    pub why_not: Option<String>,
    /// What it says, where it is understood.
    pub document: Option<VexSaid>,
}

/// What a document beside an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VexSaid {
    /// The name that its author gave it.
    pub name: String,
    /// Who makes the statements, as the document says.
    pub author: String,
    /// `openvex`, `csaf` or `cyclonedx`.
    pub format: String,
    /// How many statements it makes.
    pub statements: u64,
}

/// What is noted of a referrer, for the sweep.
struct Noted {
    id: i64,
    repository: RepositoryId,
    subject: Digest,
    manifest: Digest,
    pusher: String,
    counts: bool,
    is_absent: bool,
}

impl Noted {
    fn of_row(row: &Row) -> Result<Self, db::Error> {
        let state: i64 = row.get(5)?;
        Ok(Self {
            id: row.get(0)?,
            repository: RepositoryId::from_number(row.get(1)?),
            subject: stored_digest(row, 2)?,
            manifest: stored_digest(row, 3)?,
            pusher: row.get(4)?,
            counts: state == COUNTS,
            is_absent: is_absent(state, &row.get::<String>(6)?),
        })
    }

    fn place(&self) -> (RepositoryId, Digest) {
        (self.repository, self.manifest)
    }

    fn order(&self) -> BesideOrder {
        BesideOrder { repository: self.repository.number(), subject: Some(self.subject) }
    }
}

impl Pipeline {
    /// Looks at the VEX beside what the job names, and counts the images again for which that changes something.
    pub(crate) async fn run_beside(&self, context: &Context) -> Result<Outcome, JobError> {
        let BesideOrder { repository: number, subject } = context.payload()?;
        let (repository, registry) = (RepositoryId::from_number(number), &self.inner.registry);
        let subjects = match subject {
            // What an index lists, those list too that list it.
            Some(subject) => {
                let above =
                    registry.with_indexes(repository, subject).await.map_err(|error| JobError::retry(&error))?;
                above.into_iter().chain([subject]).collect()
            }
            None => self.subjects_of(number).await?,
        };
        for subject in subjects {
            if context.is_canceled() {
                return Err(JobError::Retry("the hub stops".to_owned()));
            }
            self.look_beside(repository, subject).await?;
        }
        // Also what an attempt before this one marked.
        order_counting(self).await?;
        state_facts(self, context).await?;
        Ok(Outcome::Done)
    }

    /// Looks at the VEX beside an image that a repository has now, and beside the indexes that list it.
    pub(crate) async fn look_beside_image(
        &self,
        context: &Context,
        repository: RepositoryId,
        image: Digest,
    ) -> Result<(), JobError> {
        if self.trust_now().await?.pushers.is_empty() {
            return Ok(());
        }
        let subjects =
            self.inner.registry.with_indexes(repository, image).await.map_err(|error| JobError::retry(&error))?;
        for subject in subjects {
            self.read_beside(repository, subject).await?;
        }
        self.place_beside(repository, image).await?;
        state_facts(self, context).await
    }

    async fn trust_now(&self) -> Result<Arc<VexTrust>, JobError> {
        let set = self.vex_trust().await.map_err(|error| JobError::retry(&error))?;
        Ok(set.map(|set| set.trust).unwrap_or_default())
    }

    async fn subjects_of(&self, repository: i64) -> Result<BTreeSet<Digest>, JobError> {
        let hub = self.inner.registry.database();
        let rows = hub.read(move |tx| Box::pin(async move { tx.query(&LIST_SUBJECTS, &[repository.into()]).await }));
        Ok(rows.await?.iter().map(|row| stored_digest(row, 0)).collect::<Result<_, _>>()?)
    }

    /// Brings up to date by what lies beside a manifest images are counted.
    async fn look_beside(&self, repository: RepositoryId, subject: Digest) -> Result<(), JobError> {
        let images = self.read_beside(repository, subject).await?;
        let beside = [repository.number().into(), subject.to_bytes().into()];
        let parameters = beside.clone();
        let rows = self.inner.index.read(move |tx| {
            let parameters = parameters.clone();
            Box::pin(async move { tx.query(&index::LIST_IMAGES_BESIDE, &parameters).await })
        });
        // What is not held, nothing that lies beside it counts for.
        let mut meant = if images.is_empty() { BTreeSet::from([subject]) } else { images };
        for row in rows.await? {
            meant.insert(stored_digest(&row, 0)?);
        }
        for image in meant {
            self.place_beside(repository, image).await?;
        }
        // Nothing is counted by them any more.
        let hub = self.inner.registry.database();
        hub.write(move |tx| {
            let [repository, subject] = beside.clone();
            Box::pin(async move { tx.execute(&EMPTY_GONE, &[repository, subject, Vec::new().into()]).await.map(drop) })
        })
        .await?;
        Ok(())
    }

    /// Brings up to date what is known of what lies beside a manifest. Returns the images that the manifest is or lists.
    async fn read_beside(&self, repository: RepositoryId, subject: Digest) -> Result<BTreeSet<Digest>, JobError> {
        let registry = &self.inner.registry;
        let retry = |error: registry::Error| JobError::retry(&error);
        let trust = self.trust_now().await?;
        let name = registry.repository_name(repository).await.map_err(retry)?;
        let images = match &name {
            Some(_) => registry.images_of(repository, subject).await.map_err(retry)?,
            None => BTreeSet::new(),
        };
        let known = self.known(repository, subject).await?;
        let name = name.filter(|_| !images.is_empty());
        let known = self.drop_gone(repository, known, &trust, name.as_ref()).await?;
        if let Some(name) = name.filter(|_| !trust.pushers.is_empty()) {
            self.read_new(repository, &name, subject, &trust, known).await?;
        }
        Ok(images)
    }

    /// Orders a look wherever what is known of referrers is not what there is: from before an upgrade, by another trust than before, or gone.
    pub(crate) async fn order_beside_missing(&self, context: &Context) -> Result<(), JobError> {
        let trust = self.trust_now().await?;
        let mut after = 0_i64;
        while !context.is_canceled() {
            let hub = self.inner.registry.database();
            let rows = hub.read(move |tx| {
                Box::pin(async move { tx.query(&LIST_KNOWN_AFTER, &[after.into(), ROWS_IN_STEP.into()]).await })
            });
            let rows = rows.await?;
            let Some(last) = rows.last() else { break };
            after = last.get(0)?;
            let orders = self.orders_of_known(&rows, &trust).await?;
            self.inner.registry.order_beside(orders).await.map_err(|error| JobError::retry(&error))?;
        }
        let mut after = None;
        while !context.is_canceled() && !trust.pushers.is_empty() {
            let page = self.inner.registry.list_vex_referrers_after(after, REFERRERS_IN_STEP).await;
            let page = page.map_err(|error| JobError::retry(&error))?;
            let Some(last) = page.last() else { break };
            after = Some((last.repository, last.manifest));
            let orders = self.orders_of_unknown(page, &trust).await?;
            self.inner.registry.order_beside(orders).await.map_err(|error| JobError::retry(&error))?;
        }
        Ok(())
    }

    /// Returns what is to be looked at again for rows that are no more as they should be.
    async fn orders_of_known(&self, rows: &[Row], trust: &VexTrust) -> Result<BTreeSet<BesideOrder>, JobError> {
        let rows = rows.iter().map(Noted::of_row).collect::<Result<Vec<Noted>, _>>()?;
        let wanted: Vec<(RepositoryId, Digest)> = rows.iter().map(Noted::place).collect();
        let held = self.inner.registry.find_held_manifests(&wanted).await.map_err(|error| JobError::retry(&error))?;
        let counting: Vec<Value> = rows.iter().filter(|one| one.counts).map(|one| one.id.into()).collect();
        let used = self.inner.index.read(move |tx| {
            let counting = counting.clone();
            Box::pin(async move { tx.query_list(&index::LIST_USED_OF, &[], &counting).await })
        });
        let used = used.await?.iter().map(|row| row.get(0)).collect::<Result<BTreeSet<i64>, _>>()?;
        let mut by_repository: BTreeMap<RepositoryId, (&RepositoryName, Vec<Digest>)> = BTreeMap::new();
        for one in rows.iter().filter(|one| one.counts || one.is_absent) {
            if let Some(manifest) = held.get(&one.place()) {
                let (_, manifests) = by_repository.entry(one.repository).or_insert((&manifest.repository, Vec::new()));
                manifests.push(one.manifest);
            }
        }
        let mut unreadable = BTreeSet::new();
        for (repository, (name, manifests)) in by_repository {
            let found = self.unreadable(repository, name, manifests.into_iter()).await?;
            unreadable.extend(found.into_iter().map(|manifest| (repository, manifest)));
        }
        let is_right = |one: &&Noted| {
            let is_as_noted = match (one.counts, one.is_absent) {
                (true, _) => used.contains(&one.id) && !unreadable.contains(&one.place()),
                (false, true) => unreadable.contains(&one.place()),
                (false, false) => true,
            };
            is_as_noted && held.contains_key(&one.place()) && trust.believes(&one.pusher)
        };
        Ok(rows.iter().filter(|one| !is_right(one)).map(Noted::order).collect())
    }

    /// Returns what is to be looked at for referrers that nobody has read.
    async fn orders_of_unknown(
        &self,
        page: Vec<VexReferrer>,
        trust: &VexTrust,
    ) -> Result<BTreeSet<BesideOrder>, JobError> {
        let believed: Vec<VexReferrer> = page.into_iter().filter(|one| trust.believes(&one.pusher)).collect();
        let believed = Arc::new(believed);
        let orders = self.inner.registry.database().read(move |tx| {
            let believed = Arc::clone(&believed);
            Box::pin(async move {
                let mut orders = BTreeSet::new();
                for one in believed.iter() {
                    if tx.find(&FIND_KNOWN, &key(one)).await?.is_none() {
                        orders.insert(BesideOrder { repository: one.repository, subject: Some(one.subject) });
                    }
                }
                Ok::<_, db::Error>(orders)
            })
        });
        Ok(orders.await?)
    }

    /// Returns what lies beside an image, and beside the indexes that list it, and is VEX by its type or its content, with why it does not count.
    ///
    /// # Errors
    /// When a database fails.
    pub async fn vex_beside(&self, name: &RepositoryName, image: Digest) -> Result<Vec<VexBeside>, Error> {
        let registry = &self.inner.registry;
        let repository = registry.repository_id(name).await?;
        let trust = self.vex_trust().await?.map(|set| set.trust).unwrap_or_default();
        let authors = findings::trust(&trust);
        let mut all = Vec::new();
        for subject in registry.with_indexes(repository, image).await? {
            let known = self.known(repository, subject).await?;
            let referrers = registry.list_vex_referrers(repository, subject, None, REFERRERS_IN_STEP).await?;
            for one in referrers {
                let is_its = |known: &&Known| known.manifest == one.manifest && trust.believes(&known.pusher);
                let known = known.iter().filter(is_its).min_by_key(|known| known.state);
                if !one.is_named_vex && known.is_none_or(|known| known.state == NO_VEX) {
                    continue;
                }
                let why_not = match known {
                    None if !trust.believes(&one.pusher) => Some("who pushed it is not believed".to_owned()),
                    None => Some("it is not read yet".to_owned()),
                    Some(known) if known.state != COUNTS => Some(known.reason.clone()),
                    Some(known) if authors.level(&known.said.author).is_none() => {
                        Some("its author is not trusted".to_owned())
                    }
                    Some(_) => None,
                };
                all.push(VexBeside {
                    subject: one.subject,
                    manifest: one.manifest,
                    artifact_type: one.artifact_type,
                    pusher: known.map_or(one.pusher, |known| known.pusher.clone()),
                    pushed_at_us: one.pushed_at_us,
                    why_not,
                    document: known.filter(|known| known.state == COUNTS).map(|known| known.said.clone()),
                });
            }
        }
        Ok(all)
    }
}

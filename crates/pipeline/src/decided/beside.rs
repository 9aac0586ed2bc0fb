//! VEX that lies beside images in their repositories, as referrers.
//!
//! It counts for the image that it refers to, or for those that an index lists which it refers to, in that repository alone, as long as the
//! repository holds all of them and the trust that was set believes who pushed it. The job [`registry::BESIDE`] is ordered by all that comes or
//! goes. It reads what it has not read yet into rows of the hub, which are added and marked when they count no more, and notes in the
//! inventories' database by which of them each image is counted, in the write that has the image counted again: a count that was made
//! aside is kept only while that note is as it was. What is pushed by others is not even read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use db::{Row, Tx, Value};
use evidence::{Claim, Fact, Scope, Vex};
use findings::Origin;
use futures_util::StreamExt as _;
use ledger::jobs::{Context, JobError, Outcome};
use oci::{Descriptor, Digest, Manifest, Reference, RepositoryName, media_type};
use policy::VexTrust;
use registry::{BesideOrder, RepositoryId, VexReferrer};
use vex::{Document, Statements, Trust};

use super::documents::stored_digest;
use super::vex::VEX_BYTES_MAX;
use crate::advised::order_counting;
use crate::aside::aside;
use crate::facts;
use crate::make::told;
use crate::pipeline::{Error, Pipeline};

/// The most documents beside a manifest that count, and beside an image and the indexes that list it.
pub const BESIDE_DOCUMENTS_MAX: usize = 20;

/// The most bytes that those beside a manifest have together.
pub const BESIDE_BYTES_MAX: u64 = 8 << 20;

/// The most bytes that all documents beside images have together in the hub.
pub const BESIDE_TOTAL_BYTES_MAX: u64 = 256 << 20;

/// The largest blob that is read: a document in base64, with what is around it.
const BLOB_BYTES_MAX: u64 = 2 * VEX_BYTES_MAX as u64;

/// Referrers that are read at once, and of a manifest in all. Who is not believed may push many.
const REFERRERS_IN_STEP: u32 = 200;
const REFERRERS_MAX: usize = 10_000;

/// Rows that are looked at at once.
const ROWS_IN_STEP: i64 = 500;

/// The longest reason that is kept.
const REASON_BYTES_MAX: usize = 500;

const COUNTS: i64 = 1;
const NO_VEX: i64 = 2;
const REFUSED: i64 = 3;
const LEFT_OUT: i64 = 4;

db::statements! {
    /// What is known of a manifest's referrers.
    LIST_KNOWN = "SELECT id, manifest, pusher, state, reason, bytes, name, author, format, statements FROM vex_referrers \
        WHERE repository_id = $1 AND subject = $2 AND gone_at_us IS NULL ORDER BY id";
    /// Which documents beside some manifests count.
    LIST_COUNTING_OF = "SELECT id, subject, manifest FROM vex_referrers WHERE repository_id = $1 AND gone_at_us IS NULL AND state = 1 \
        AND subject IN {list} ORDER BY manifest, id";
    /// Whether a referrer is known.
    FIND_KNOWN = "SELECT id FROM vex_referrers WHERE repository_id = $1 AND subject = $2 AND manifest = $3 AND pusher = $4 \
        AND gone_at_us IS NULL LIMIT 1";
    /// All that is known of referrers, after a row.
    LIST_KNOWN_AFTER = "SELECT id, repository_id, subject, manifest, pusher, state FROM vex_referrers \
        WHERE id > $1 AND gone_at_us IS NULL ORDER BY id LIMIT $2";
    /// What of a repository is referred to.
    LIST_SUBJECTS = "SELECT DISTINCT subject FROM vex_referrers WHERE repository_id = $1 AND gone_at_us IS NULL";
    /// What the documents have together.
    SUM_BYTES = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM vex_referrers WHERE gone_at_us IS NULL";
    /// Notes what a referrer is.
    INSERT_REFERRER = "INSERT INTO vex_referrers (repository_id, subject, manifest, pusher, pushed_at_us, state, reason, body, bytes, name, \
        author, format, statements, read_at_us, gone_at_us, stated) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, NULL, 0)";
    /// Has a referrer count no more.
    SET_GONE = "UPDATE vex_referrers SET gone_at_us = CASE WHEN read_at_us < $2 THEN $2 ELSE read_at_us + 1 END \
        WHERE id = $1 AND gone_at_us IS NULL";
    /// Forgets what documents said that count no more.
    EMPTY_GONE = "UPDATE vex_referrers SET body = $3, bytes = 0 WHERE repository_id = $1 AND subject = $2 AND gone_at_us IS NOT NULL \
        AND bytes > 0";
    /// Documents with who pushed them beside what.
    LIST_BODIES = "SELECT body, manifest, pusher FROM vex_referrers WHERE id IN {list} ORDER BY manifest";
    /// A row that is still to be stated.
    FIND_UNSTATED_REFERRER = "SELECT id, repository_id, subject, manifest, pusher, name, author, format, statements, read_at_us, \
        gone_at_us, stated FROM vex_referrers WHERE state = 1 AND stated < 2 AND (stated = 0 OR gone_at_us IS NOT NULL) \
        ORDER BY id LIMIT 1";
    /// Notes how much of a row is stated.
    SET_STATED_REFERRER = "UPDATE vex_referrers SET stated = $2 WHERE id = $1";
}

pub(crate) use index::{LIST_BESIDE_OF, LIST_BESIDE_OF_IMAGE};

/// The statements on the inventories' tables.
pub(super) mod index {
    db::statements! {
        /// By which documents an image is counted.
        LIST_BESIDE = "SELECT referrer_id, subject FROM finding_beside WHERE repository_id = $1 AND image = $2 ORDER BY referrer_id";
        /// By which documents images are counted.
        LIST_BESIDE_OF = "SELECT b.repository_id, i.id, b.referrer_id FROM finding_beside b JOIN inventory_images i ON i.digest = b.image \
            WHERE i.id IN {list} ORDER BY b.referrer_id";
        /// By which documents an image is counted, by its number.
        LIST_BESIDE_OF_IMAGE = "SELECT b.referrer_id FROM finding_beside b JOIN inventory_images i ON i.digest = b.image \
            WHERE b.repository_id = $1 AND i.id = $2 ORDER BY b.referrer_id";
        /// Images that are counted by documents which refer to a manifest.
        LIST_IMAGES_BESIDE = "SELECT DISTINCT image FROM finding_beside WHERE repository_id = $1 AND subject = $2";
        /// Which of some documents an image is counted by.
        LIST_USED_OF = "SELECT DISTINCT referrer_id FROM finding_beside WHERE referrer_id IN {list}";
        /// Images that are counted by documents beside them, after one.
        LIST_COUNTED_BESIDE = "SELECT DISTINCT b.repository_id, i.id FROM finding_beside b JOIN inventory_images i ON i.digest = b.image \
            WHERE (b.repository_id, i.id) > ($1, $2) ORDER BY b.repository_id, i.id LIMIT $3";
        /// Images that are counted by some documents.
        LIST_IMAGES_BY = "SELECT DISTINCT b.repository_id, i.id FROM finding_beside b JOIN inventory_images i ON i.digest = b.image \
            WHERE b.referrer_id IN {list}";
        /// Forgets by which documents an image is counted.
        DELETE_BESIDE = "DELETE FROM finding_beside WHERE repository_id = $1 AND image = $2";
        /// Says by which.
        INSERT_BESIDE = "INSERT INTO finding_beside (repository_id, image, referrer_id, subject) VALUES {rows:4}";
        /// Has an image counted again.
        STALE_IMAGE = "UPDATE finding_totals SET fresh = 0 WHERE fresh = 1 AND repository_id = $1 AND image_id IN \
            (SELECT id FROM inventory_images WHERE digest = $2)";
    }
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

/// The documents that count beside an image, ready to be asked.
#[derive(Debug)]
pub(crate) struct Beside {
    statements: Statements,
    origins: Vec<Origin>,
}

impl Beside {
    pub(crate) fn deciders(&self) -> findings::Beside<'_> {
        findings::Beside { statements: &self.statements, origins: &self.origins }
    }
}

/// What is known of a referrer.
struct Known {
    id: i64,
    manifest: Digest,
    pusher: String,
    state: i64,
    reason: String,
    bytes: u64,
    said: VexSaid,
}

/// What was read of a referrer.
struct Read {
    state: i64,
    reason: String,
    body: Vec<u8>,
    said: VexSaid,
}

impl Read {
    fn not(state: i64, reason: impl Into<String>) -> Self {
        let said = VexSaid { name: String::new(), author: String::new(), format: String::new(), statements: 0 };
        Self { state, reason: reason.into(), body: Vec::new(), said }
    }
}

/// By which documents an image is counted, each with what it refers to.
type Placed = BTreeMap<i64, Digest>;

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
        let known = self.drop_gone(repository, known, &trust, !images.is_empty()).await?;
        if let Some(name) = name.filter(|_| !images.is_empty() && !trust.pushers.is_empty()) {
            self.read_new(repository, &name, subject, &trust, known).await?;
        }
        Ok(images)
    }

    async fn known(&self, repository: RepositoryId, subject: Digest) -> Result<Vec<Known>, db::Error> {
        let rows = self.inner.registry.database().read(move |tx| {
            let parameters = [repository.number().into(), subject.to_bytes().into()];
            Box::pin(async move { tx.query(&LIST_KNOWN, &parameters).await })
        });
        rows.await?.iter().map(known).collect()
    }

    /// Has those count no more that the repository does not hold, or whose pusher is not believed, or that refer to nothing there; returns the
    /// others.
    async fn drop_gone(
        &self,
        repository: RepositoryId,
        known: Vec<Known>,
        trust: &VexTrust,
        is_held: bool,
    ) -> Result<Vec<Known>, JobError> {
        let wanted: Vec<(RepositoryId, Digest)> = known.iter().map(|known| (repository, known.manifest)).collect();
        let held = self.inner.registry.find_held_manifests(&wanted).await.map_err(|error| JobError::retry(&error))?;
        let stays = |known: &Known| {
            is_held && trust.believes(&known.pusher) && held.contains_key(&(repository, known.manifest))
        };
        let (stay, gone): (Vec<Known>, Vec<Known>) = known.into_iter().partition(stays);
        self.set_gone(gone.iter().map(|known| known.id).collect()).await?;
        Ok(stay)
    }

    async fn set_gone(&self, gone: Vec<i64>) -> Result<(), db::Error> {
        if gone.is_empty() {
            return Ok(());
        }
        let now_us = self.inner.registry.now_us();
        self.inner
            .registry
            .database()
            .write(move |tx| {
                let gone = gone.clone();
                Box::pin(async move {
                    for id in gone {
                        tx.execute(&SET_GONE, &[id.into(), now_us.into()]).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Reads what nobody has read of what those pushed who are believed.
    async fn read_new(
        &self,
        repository: RepositoryId,
        name: &RepositoryName,
        subject: Digest,
        trust: &VexTrust,
        known: Vec<Known>,
    ) -> Result<(), JobError> {
        let counting = || known.iter().filter(|known| known.state == COUNTS);
        let (mut documents, mut bytes) = (counting().count(), counting().map(|known| known.bytes).sum::<u64>());
        for referrer in self.referrers(repository, subject).await?.into_iter().filter(|one| trust.believes(&one.pusher))
        {
            let is_it = |known: &&Known| known.manifest == referrer.manifest && known.pusher == referrer.pusher;
            let before = known.iter().find(is_it);
            if before.is_some_and(|before| before.state != LEFT_OUT) {
                continue;
            }
            let mut read = self.read_referrer(name, referrer.manifest).await?;
            let size = read.body.len() as u64;
            if read.state == COUNTS && (documents >= BESIDE_DOCUMENTS_MAX || bytes + size > BESIDE_BYTES_MAX) {
                read = Read::not(
                    LEFT_OUT,
                    format!(
                        "beside one image or index count {BESIDE_DOCUMENTS_MAX} documents of {BESIDE_BYTES_MAX} bytes"
                    ),
                );
            }
            let state = self.note(referrer, before.map(|before| before.id), read).await?;
            if state == COUNTS {
                (documents, bytes) = (documents + 1, bytes + size);
            }
        }
        Ok(())
    }

    async fn referrers(&self, repository: RepositoryId, subject: Digest) -> Result<Vec<VexReferrer>, JobError> {
        let (mut all, mut after): (Vec<VexReferrer>, _) = (Vec::new(), None);
        while all.len() < REFERRERS_MAX {
            let page = self.inner.registry.list_vex_referrers(repository, subject, after, REFERRERS_IN_STEP).await;
            let page = page.map_err(|error| JobError::retry(&error))?;
            after = page.last().map(|last| last.manifest);
            let is_last = page.len() < REFERRERS_IN_STEP as usize;
            all.extend(page);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// Reads the document that a referrer is or holds.
    async fn read_referrer(&self, name: &RepositoryName, manifest: Digest) -> Result<Read, JobError> {
        let registry = &self.inner.registry;
        let absent = || Read::not(REFUSED, "its document is not in the repository");
        let entry = match registry.find_manifest(name, &Reference::Digest(manifest)).await {
            Ok(entry) => entry,
            Err(registry::Error::ManifestUnknown { .. } | registry::Error::NameUnknown(_)) => return Ok(absent()),
            Err(error) => return Err(JobError::retry(&error)),
        };
        let Ok(parsed) = Manifest::parse(Some(&entry.media_type), &entry.body) else {
            return Ok(Read::not(REFUSED, "its manifest is not understood"));
        };
        let is_vex = |layer: &&Descriptor| media_type::is_vex_artifact(&layer.media_type);
        let Some(layer) = parsed.layers.iter().find(is_vex).or_else(|| parsed.layers.first()) else {
            return Ok(Read::not(NO_VEX, "it holds no document"));
        };
        if layer.size > BLOB_BYTES_MAX {
            return Ok(Read::not(REFUSED, format!("it is {} bytes, the limit is {BLOB_BYTES_MAX}", layer.size)));
        }
        let opened = async {
            let entry = registry.find_blob(name, &layer.digest).await?;
            registry.open_blob(name, &entry).await
        };
        let blob = match opened.await {
            Ok(blob) => blob,
            Err(registry::Error::BlobUnknown { .. } | registry::Error::NameUnknown(_)) => return Ok(absent()),
            Err(error) => return Err(JobError::retry(&error)),
        };
        let mut bytes = Vec::new();
        let mut stream = blob.stream(0..blob.size_bytes().min(BLOB_BYTES_MAX));
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk.map_err(|error| JobError::retry(&error))?);
        }
        Ok(aside(move || understood(&bytes)).await?)
    }

    /// Notes what a referrer is, in the place of what was noted before. Returns the state that it has.
    async fn note(&self, referrer: VexReferrer, before: Option<i64>, read: Read) -> Result<i64, JobError> {
        let (noted, now_us) = (Arc::new((referrer, read)), self.inner.registry.now_us());
        let state = self.inner.registry.database().write(move |tx| {
            let noted = Arc::clone(&noted);
            Box::pin(async move { note(tx, &noted.0, before, &noted.1, now_us).await })
        });
        Ok(state.await?)
    }

    /// Notes by which documents an image is counted, and has it counted again where that changes.
    async fn place_beside(&self, repository: RepositoryId, image: Digest) -> Result<(), JobError> {
        let mut placed = self.placed_of(repository, image).await?;
        loop {
            self.write_placed(repository, image, placed.clone()).await?;
            // What others noted meanwhile may be newer than what this one read before it wrote.
            let now = self.placed_of(repository, image).await?;
            if now == placed {
                return Ok(());
            }
            placed = now;
        }
    }

    async fn placed_of(&self, repository: RepositoryId, image: Digest) -> Result<Placed, JobError> {
        let subjects =
            self.inner.registry.with_indexes(repository, image).await.map_err(|error| JobError::retry(&error))?;
        let list: Vec<Value> = subjects.iter().map(|subject| subject.to_bytes().into()).collect();
        let rows = self.inner.registry.database().read(move |tx| {
            Box::pin(async move { tx.query_list(&LIST_COUNTING_OF, &[repository.number().into()], &list).await })
        });
        let (mut placed, mut seen) = (Placed::new(), BTreeSet::new());
        for row in rows.await? {
            // Two who are believed may have pushed the same.
            if placed.len() < BESIDE_DOCUMENTS_MAX && seen.insert(stored_digest(&row, 2)?) {
                placed.insert(row.get(0)?, stored_digest(&row, 1)?);
            }
        }
        Ok(placed)
    }

    async fn write_placed(&self, repository: RepositoryId, image: Digest, placed: Placed) -> Result<(), db::Error> {
        self.inner
            .index
            .write(move |tx| {
                let placed = placed.clone();
                Box::pin(async move {
                    let key: [Value; 2] = [repository.number().into(), image.to_bytes().into()];
                    let mut before = Placed::new();
                    for row in tx.query(&index::LIST_BESIDE, &key).await? {
                        before.insert(row.get(0)?, stored_digest(&row, 1)?);
                    }
                    if before == placed {
                        return Ok(());
                    }
                    tx.execute(&index::DELETE_BESIDE, &key).await?;
                    let row = |(id, subject): (&i64, &Digest)| {
                        vec![key[0].clone(), key[1].clone(), (*id).into(), subject.to_bytes().into()]
                    };
                    let rows: Vec<Vec<Value>> = placed.iter().map(row).collect();
                    tx.execute_rows(&index::INSERT_BESIDE, &[], &rows).await?;
                    tx.execute(&index::STALE_IMAGE, &key).await?;
                    Ok::<_, db::Error>(())
                })
            })
            .await
    }

    /// Returns the documents that count beside an image of a repository.
    pub(crate) async fn beside(
        &self,
        repository: RepositoryId,
        image: Digest,
        trust: Trust,
    ) -> Result<Option<Beside>, Error> {
        let rows = self.inner.index.read(move |tx| {
            let key = [repository.number().into(), image.to_bytes().into()];
            Box::pin(async move { tx.query(&index::LIST_BESIDE, &key).await })
        });
        let ids = rows.await?.iter().map(|row| row.get(0)).collect::<Result<Vec<i64>, _>>()?;
        self.load_beside(&ids, trust).await
    }

    /// Returns documents by the numbers of their rows.
    pub(crate) async fn load_beside(&self, ids: &[i64], trust: Trust) -> Result<Option<Beside>, Error> {
        if ids.is_empty() {
            return Ok(None);
        }
        let list: Vec<Value> = ids.iter().map(|id| (*id).into()).collect();
        let hub = self.inner.registry.database();
        let rows = hub.read(move |tx| Box::pin(async move { tx.query_list(&LIST_BODIES, &[], &list).await }));
        let mut bodies = Vec::new();
        for row in rows.await? {
            let origin = Origin { referrer: stored_digest(&row, 1)?.to_string(), pusher: row.get(2)? };
            bodies.push((row.get::<Vec<u8>>(0)?, origin));
        }
        let beside = aside(move || {
            let read = bodies.into_iter().filter_map(|(body, origin)| Some((vex::read(&body).ok()?, origin)));
            let (documents, origins): (Vec<Document>, Vec<Origin>) = read.unzip();
            Beside { statements: Statements::new(documents, &trust), origins }
        });
        Ok(Some(beside.await.map_err(|_| Error::Lost)?))
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
        let (mut all, mut wanted, mut counting) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            let (id, repository, pusher, state): (i64, i64, String, i64) =
                (row.get(0)?, row.get(1)?, row.get(4)?, row.get(5)?);
            let held = (RepositoryId::from_number(repository), stored_digest(row, 3)?);
            wanted.push(held);
            counting.extend((state == COUNTS).then(|| Value::from(id)));
            let order = BesideOrder { repository, subject: Some(stored_digest(row, 2)?) };
            all.push((id, held, trust.believes(&pusher), state == COUNTS, order));
        }
        let held = self.inner.registry.find_held_manifests(&wanted).await.map_err(|error| JobError::retry(&error))?;
        let used = self.inner.index.read(move |tx| {
            let counting = counting.clone();
            Box::pin(async move { tx.query_list(&index::LIST_USED_OF, &[], &counting).await })
        });
        let used = used.await?.iter().map(|row| row.get(0)).collect::<Result<BTreeSet<i64>, _>>()?;
        let is_right =
            |(id, place, is_believed, counts, _): &(i64, (RepositoryId, Digest), bool, bool, BesideOrder)| {
                held.contains_key(place) && *is_believed && (!counts || used.contains(id))
            };
        Ok(all.into_iter().filter(|one| !is_right(one)).map(|(.., order)| order).collect())
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

fn known(row: &Row) -> Result<Known, db::Error> {
    Ok(Known {
        id: row.get(0)?,
        manifest: stored_digest(row, 1)?,
        pusher: row.get(2)?,
        state: row.get(3)?,
        reason: row.get(4)?,
        bytes: row.get(5)?,
        said: VexSaid { name: row.get(6)?, author: row.get(7)?, format: row.get(8)?, statements: row.get(9)? },
    })
}

/// Reads what a blob beside an image says.
fn understood(bytes: &[u8]) -> Read {
    let Some(document) = vex::enclosed(bytes) else { return Read::not(NO_VEX, "it is a statement of another kind") };
    if document.len() > VEX_BYTES_MAX {
        return Read::not(REFUSED, format!("the document is {} bytes, the limit is {VEX_BYTES_MAX}", document.len()));
    }
    match vex::read(&document) {
        // An SBOM is in one of the formats, and says nothing.
        Ok(read) if read.statements.is_empty() => Read::not(NO_VEX, "it makes no statement"),
        Ok(Document { id, author, format, statements, .. }) => Read {
            state: COUNTS,
            reason: String::new(),
            said: VexSaid { name: id, author, format: format.name().to_owned(), statements: statements.len() as u64 },
            body: document.into_owned(),
        },
        Err(vex::Refusal::Unknown) => Read::not(NO_VEX, "it is in none of the formats"),
        Err(refusal) => {
            let reason = told(&refusal);
            Read::not(REFUSED, &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)])
        }
    }
}

fn key(referrer: &VexReferrer) -> [Value; 4] {
    let VexReferrer { repository, subject, manifest, pusher, .. } = referrer;
    [(*repository).into(), subject.to_bytes().into(), manifest.to_bytes().into(), pusher.into()]
}

async fn note(
    tx: &mut Tx,
    referrer: &VexReferrer,
    before: Option<i64>,
    read: &Read,
    now_us: i64,
) -> Result<i64, db::Error> {
    let left_out = Read::not(LEFT_OUT, "the hub holds as much VEX beside images as it may");
    let sum: u64 = tx.find(&SUM_BYTES, &[]).await?.map_or(Ok(0), |row| row.get(0))?;
    let is_room = sum + read.body.len() as u64 <= BESIDE_TOTAL_BYTES_MAX;
    let Read { state, reason, body, said } = if is_room { read } else { &left_out };
    match before {
        // It is left out as before.
        Some(_) if *state == LEFT_OUT => return Ok(LEFT_OUT),
        Some(before) => {
            tx.execute(&SET_GONE, &[before.into(), now_us.into()]).await?;
        }
        // Another job may have read it meanwhile.
        None if tx.find(&FIND_KNOWN, &key(referrer)).await?.is_some() => return Ok(*state),
        None => {}
    }
    let text = |text: &str| Value::from(text.replace('\0', "\u{fffd}"));
    let number = |number: u64| Value::from(i64::try_from(number).unwrap_or(i64::MAX));
    let [repository, subject, manifest, pusher] = key(referrer);
    let parameters = [
        repository,
        subject,
        manifest,
        pusher,
        referrer.pushed_at_us.into(),
        (*state).into(),
        text(reason),
        body.clone().into(),
        number(body.len() as u64),
        text(&said.name),
        text(&said.author),
        text(&said.format),
        number(said.statements),
        now_us.into(),
    ];
    tx.execute(&INSERT_REFERRER, &parameters).await?;
    Ok(*state)
}

/// States as facts which documents beside images count, and takes back those that do no more.
pub(super) async fn state_facts(pipeline: &Pipeline, context: &Context) -> Result<(), JobError> {
    let hub = pipeline.inner.registry.database();
    while !context.is_canceled() {
        let row = hub.read(|tx| Box::pin(async move { tx.find(&FIND_UNSTATED_REFERRER, &[]).await })).await?;
        let Some(row) = row else { return Ok(()) };
        let (id, stated): (i64, i64) = (row.get(0)?, row.get(11)?);
        let counts = Fact {
            scope: Scope::Repository(row.get(1)?),
            subject: stored_digest(&row, 2)?,
            claim: Claim::Vex(Vex {
                document: row.get(5)?,
                author: row.get(6)?,
                format: row.get(7)?,
                statements: row.get(8)?,
            }),
            producer: row.get(4)?,
            observed_at_us: row.get(9)?,
            expires_at_us: None,
            source: Some(stored_digest(&row, 3)?),
            withdraws: None,
        };
        let fact = match (stated, row.get::<Option<i64>>(10)?) {
            // The newest word on it, which holds for no moment.
            (1, Some(gone_at_us)) => Fact {
                withdraws: Some(counts.id()),
                observed_at_us: gone_at_us,
                expires_at_us: Some(gone_at_us),
                ..counts
            },
            _ => counts,
        };
        hub.write(move |tx| {
            let fact = fact.clone();
            Box::pin(async move {
                facts::insert(tx, &fact).await?;
                tx.execute(&SET_STATED_REFERRER, &[id.into(), (stated + 1).into()]).await.map(drop)
            })
        })
        .await?;
    }
    Ok(())
}

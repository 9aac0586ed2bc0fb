//! What is known of referrers, and how those that nobody has read are read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use db::{Row, Tx, Value};
use futures_util::StreamExt as _;
use ledger::jobs::JobError;
use oci::{Descriptor, Digest, Manifest, Reference, RepositoryName, media_type};
use policy::VexTrust;
use registry::{RepositoryId, VexReferrer};
use vex::Document;

use super::{BESIDE_BYTES_MAX, BESIDE_DOCUMENTS_MAX, BESIDE_TOTAL_BYTES_MAX, VexSaid};
use crate::decided::documents::stored_digest;
use crate::decided::vex::VEX_BYTES_MAX;
use crate::make::told;
use crate::pipeline::Pipeline;
use ledger::aside::aside;

/// The largest blob that is read: a document in base64, with what is around it.
const BLOB_BYTES_MAX: u64 = 2 * VEX_BYTES_MAX as u64;

/// Referrers that are read at once, and of a manifest in all. Who is not believed may push many.
pub(super) const REFERRERS_IN_STEP: u32 = 200;
const REFERRERS_MAX: usize = 10_000;

/// The longest reason that is kept.
const REASON_BYTES_MAX: usize = 500;

pub(super) const COUNTS: i64 = 1;
pub(super) const NO_VEX: i64 = 2;
const REFUSED: i64 = 3;
const LEFT_OUT: i64 = 4;

/// Why what has no document is refused. It may come, or come back.
const ABSENT: &str = "its document is not in the repository";

db::statements! {
    /// What is known of a manifest's referrers.
    LIST_KNOWN = "SELECT id, manifest, pusher, state, reason, bytes, name, author, format, statements FROM vex_referrers \
        WHERE repository_id = $1 AND subject = $2 AND gone_at_us IS NULL ORDER BY id";
    /// Whether a referrer is known.
    FIND_KNOWN = "SELECT id FROM vex_referrers WHERE repository_id = $1 AND subject = $2 AND manifest = $3 AND pusher = $4 \
        AND gone_at_us IS NULL LIMIT 1";
    /// What the documents have together.
    SUM_BYTES = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM vex_referrers WHERE gone_at_us IS NULL";
    /// Notes what a referrer is.
    INSERT_REFERRER = "INSERT INTO vex_referrers (repository_id, subject, manifest, pusher, pushed_at_us, state, reason, body, bytes, name, \
        author, format, statements, read_at_us, gone_at_us, stated) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, NULL, 0)";
    /// Has a referrer count no more.
    SET_GONE = "UPDATE vex_referrers SET gone_at_us = CASE WHEN read_at_us < $2 THEN $2 ELSE read_at_us + 1 END \
        WHERE id = $1 AND gone_at_us IS NULL";
}

/// What is known of a referrer.
pub(super) struct Known {
    id: i64,
    pub(super) manifest: Digest,
    pub(super) pusher: String,
    pub(super) state: i64,
    pub(super) reason: String,
    bytes: u64,
    pub(super) said: VexSaid,
}

impl Known {
    /// Returns whether it is read again at each look: what keeps it from counting may pass.
    fn is_read_again(&self) -> bool {
        self.state == LEFT_OUT || is_absent(self.state, &self.reason)
    }
}

/// Tells whether a referrer is known as one whose document is not there.
pub(super) fn is_absent(state: i64, reason: &str) -> bool {
    state == REFUSED && reason == ABSENT
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

impl Pipeline {
    pub(super) async fn known(&self, repository: RepositoryId, subject: Digest) -> Result<Vec<Known>, db::Error> {
        let rows = self.inner.registry.database().read(move |tx| {
            let parameters = [repository.number().into(), subject.to_bytes().into()];
            Box::pin(async move { tx.query(&LIST_KNOWN, &parameters).await })
        });
        rows.await?.iter().map(known).collect()
    }

    /// Has those count no more that the repository does not hold, or not with their documents, or whose pusher is not believed, or that refer to
    /// nothing there; returns the others. It is told the repository's name where it holds what they refer to.
    pub(super) async fn drop_gone(
        &self,
        repository: RepositoryId,
        known: Vec<Known>,
        trust: &VexTrust,
        name: Option<&RepositoryName>,
    ) -> Result<Vec<Known>, JobError> {
        let counting = || known.iter().filter(|known| known.state == COUNTS).map(|known| known.manifest);
        let unreadable = match name {
            Some(name) => self.unreadable(repository, name, counting()).await?,
            None => BTreeSet::new(),
        };
        let wanted: Vec<(RepositoryId, Digest)> = known.iter().map(|known| (repository, known.manifest)).collect();
        let held = self.inner.registry.find_held_manifests(&wanted).await.map_err(|error| JobError::retry(&error))?;
        let stays = |known: &Known| {
            let is_readable = known.state != COUNTS || !unreadable.contains(&known.manifest);
            name.is_some()
                && is_readable
                && trust.believes(&known.pusher)
                && held.contains_key(&(repository, known.manifest))
        };
        let (stay, gone): (Vec<Known>, Vec<Known>) = known.into_iter().partition(stays);
        self.set_gone(gone.iter().map(|known| known.id).collect()).await?;
        Ok(stay)
    }

    /// Returns those of some referrers of a repository whose documents it does not hold: not as its caches have it, which lag behind the write that
    /// orders a look.
    pub(super) async fn unreadable(
        &self,
        repository: RepositoryId,
        name: &RepositoryName,
        manifests: impl Iterator<Item = Digest>,
    ) -> Result<BTreeSet<Digest>, JobError> {
        let registry = &self.inner.registry;
        let mut documents = BTreeMap::new();
        for manifest in manifests {
            let entry = match registry.find_manifest(name, &Reference::Digest(manifest)).await {
                Ok(entry) => entry,
                Err(registry::Error::ManifestUnknown { .. } | registry::Error::NameUnknown(_)) => continue,
                Err(error) => return Err(JobError::retry(&error)),
            };
            let parsed = Manifest::parse(Some(&entry.media_type), &entry.body);
            documents.extend(parsed.ok().and_then(|parsed| Some((manifest, document(&parsed)?.digest))));
        }
        let whole = registry.list_whole_blobs(repository, documents.values().copied().collect()).await;
        let whole = whole.map_err(|error| JobError::retry(&error))?;
        documents.retain(|_, document| !whole.contains(document));
        Ok(documents.into_keys().collect())
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
    pub(super) async fn read_new(
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
            if before.is_some_and(|before| !before.is_read_again()) {
                continue;
            }
            let mut read = self.read_referrer(repository, name, referrer.manifest).await?;
            if before.is_some_and(|before| before.state == read.state && before.reason == read.reason) {
                continue;
            }
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
    async fn read_referrer(
        &self,
        repository: RepositoryId,
        name: &RepositoryName,
        manifest: Digest,
    ) -> Result<Read, JobError> {
        let registry = &self.inner.registry;
        let absent = || Read::not(REFUSED, ABSENT);
        let entry = match registry.find_manifest(name, &Reference::Digest(manifest)).await {
            Ok(entry) => entry,
            Err(registry::Error::ManifestUnknown { .. } | registry::Error::NameUnknown(_)) => return Ok(absent()),
            Err(error) => return Err(JobError::retry(&error)),
        };
        let Ok(parsed) = Manifest::parse(Some(&entry.media_type), &entry.body) else {
            return Ok(Read::not(REFUSED, "its manifest is not understood"));
        };
        let Some(layer) = document(&parsed) else {
            return Ok(Read::not(NO_VEX, "it holds no document"));
        };
        if layer.size > BLOB_BYTES_MAX {
            return Ok(Read::not(REFUSED, format!("it is {} bytes, the limit is {BLOB_BYTES_MAX}", layer.size)));
        }
        if !self.unreadable(repository, name, std::iter::once(manifest)).await?.is_empty() {
            return Ok(absent());
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
}

/// Returns the blob in which a referrer has its document.
fn document(manifest: &Manifest) -> Option<&Descriptor> {
    let is_vex = |layer: &&Descriptor| media_type::is_vex_artifact(&layer.media_type);
    manifest.layers.iter().find(is_vex).or_else(|| manifest.layers.first())
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

pub(super) fn key(referrer: &VexReferrer) -> [Value; 4] {
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

//! By which documents images are counted.

use std::collections::{BTreeMap, BTreeSet};

use db::Value;
use findings::{DocumentBeside, Origin};
use ledger::jobs::JobError;
use oci::Digest;
use registry::RepositoryId;
use vex::{Document, Present, Statements, Trust};

use super::BESIDE_DOCUMENTS_MAX;
use crate::decided::documents::stored_digest;
use crate::decided::vex::named;
use crate::pipeline::{Error, Pipeline};
use ledger::aside::aside;

db::statements! {
    /// Which documents beside some manifests count.
    LIST_COUNTING_OF = "SELECT id, subject, manifest FROM vex_referrers WHERE repository_id = $1 AND gone_at_us IS NULL AND state = 1 \
        AND subject IN {list} ORDER BY manifest, id";
    /// Documents with who pushed them beside what.
    LIST_BODIES = "SELECT body, manifest, pusher FROM vex_referrers WHERE id IN {list} ORDER BY manifest";
}

pub(crate) use index::{LIST_BESIDE_OF, LIST_BESIDE_OF_IMAGE};

/// The statements on the inventories' tables.
pub(in crate::decided) mod index {
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

    /// Returns what of the documents may be about what there is.
    pub(in crate::decided) fn about(&self, present: &Present<'_>) -> Vec<DocumentBeside> {
        let documents = self.statements.documents().iter().map(|document| document.about(present));
        let beside = |(document, origin): (Document, &Origin)| DocumentBeside { document, origin: origin.clone() };
        documents.zip(&self.origins).map(beside).collect()
    }
}

/// By which documents an image is counted, each with what it refers to.
type Placed = BTreeMap<i64, Digest>;

impl Pipeline {
    /// Notes by which documents an image is counted, and has it counted again where that changes.
    pub(super) async fn place_beside(&self, repository: RepositoryId, image: Digest) -> Result<(), JobError> {
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
            let read = |(body, origin): (Vec<u8>, Origin)| {
                Some((named(vex::read(&body).ok()?, || origin.referrer.clone()), origin))
            };
            let (documents, origins): (Vec<Document>, Vec<Origin>) = bodies.into_iter().filter_map(read).unzip();
            Beside { statements: Statements::new(documents, &trust), origins }
        });
        Ok(Some(beside.await.map_err(|_| Error::Lost)?))
    }
}

//! Whose VEX counts in the hub, as administrators set it.
//!
//! Documents are kept as they were written, one beside the other; the newest counts, and is a fact that the next one takes back. Which one images
//! are counted by is noted where their other deciders are.

use std::sync::Arc;

use db::{Row, Tx};
use evidence::{Claim, Fact, Scope};
use ledger::audit::{self, Record};
use ledger::jobs::{Context, JobError, NewJob, enqueue};
use oci::{Algorithm, Digest};
use policy::{TRUST_BYTES_MAX, VexTrust};

use super::DECIDE;
use super::documents::{SetError, stored_digest};
use super::vex::PRODUCER;
use crate::facts;
use crate::pipeline::{Error, Pipeline};
use ledger::aside::aside;

db::statements! {
    /// The document that counts.
    FIND_NEWEST_TRUST = "SELECT id, digest, body, actor, set_at_us FROM vex_trust_documents ORDER BY id DESC LIMIT 1";
    /// A document that counts or did.
    FIND_TRUST_SET = "SELECT id, digest, body, actor, set_at_us FROM vex_trust_documents WHERE digest = $1 ORDER BY id DESC LIMIT 1";
    /// A document.
    FIND_TRUST = "SELECT body FROM vex_trust_documents WHERE id = $1";
    /// The number of the one that counts.
    LIST_NEWEST_TRUST = "SELECT CAST(0 AS BIGINT), id FROM vex_trust_documents ORDER BY id DESC LIMIT 1";
    /// Sets a document.
    INSERT_TRUST = "INSERT INTO vex_trust_documents (digest, body, actor, set_at_us, stated) VALUES ($1, $2, $3, $4, 0) RETURNING id";
    /// A document that is still to be stated, and the one that it takes the place of.
    LIST_UNSTATED_TRUST = "SELECT id, digest, body, actor, set_at_us FROM vex_trust_documents \
        WHERE id <= (SELECT MIN(id) FROM vex_trust_documents WHERE stated = 0) ORDER BY id DESC LIMIT 2";
    /// Notes that a document is stated.
    SET_STATED_TRUST = "UPDATE vex_trust_documents SET stated = 1 WHERE id = $1";
}

/// A document that says whose VEX counts, as it was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VexTrustDocument {
    /// The digest of its bytes.
    pub digest: Digest,
    /// As it was written.
    pub text: String,
    /// What it says.
    pub trust: Arc<VexTrust>,
    /// Who set it.
    pub actor: String,
    /// When, in microseconds since 1970-01-01 UTC.
    pub set_at_us: i64,
}

/// Reads a document; an empty one says nothing, so that everybody's VEX counts alike and nobody's pushes are believed.
fn read(text: &str) -> Result<VexTrust, policy::ReadError> {
    if text.trim().is_empty() { Ok(VexTrust::default()) } else { VexTrust::read(text.as_bytes()) }
}

fn document(row: &Row) -> Result<VexTrustDocument, db::Error> {
    let text = String::from_utf8_lossy(&row.get::<Vec<u8>>(2)?).into_owned();
    Ok(VexTrustDocument {
        digest: stored_digest(row, 1)?,
        trust: Arc::new(read(&text).unwrap_or_default()),
        text,
        actor: row.get(3)?,
        set_at_us: row.get(4)?,
    })
}

impl Pipeline {
    /// Returns the document that says whose VEX counts; none while none was set.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn vex_trust(&self) -> Result<Option<VexTrustDocument>, Error> {
        let hub = self.inner.registry.database();
        let row = hub.read(|tx| Box::pin(async move { tx.find(&FIND_NEWEST_TRUST, &[]).await })).await?;
        Ok(row.map(|row| document(&row)).transpose()?)
    }

    /// Returns a document that says whose VEX counts, or said so before; none where none with such a digest was set.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn vex_trust_by_digest(&self, digest: Digest) -> Result<Option<VexTrustDocument>, Error> {
        let hub = self.inner.registry.database();
        let row = hub.read(move |tx| {
            let digest = digest.to_bytes();
            Box::pin(async move { tx.find(&FIND_TRUST_SET, &[digest.into()]).await })
        });
        Ok(row.await?.map(|row| document(&row)).transpose()?)
    }

    /// Sets whose VEX counts, in the place of the document that `replaces` names; an empty one says nothing. The hub counts by it soon
    /// after. The one that counts already is not set again.
    ///
    /// # Errors
    /// [`SetError`].
    pub async fn set_vex_trust(
        &self,
        actor: &str,
        text: String,
        replaces: Option<Digest>,
    ) -> Result<VexTrustDocument, SetError> {
        if text.len() > TRUST_BYTES_MAX {
            return Err(SetError::TooLarge { actual: text.len(), limit: TRUST_BYTES_MAX });
        }
        let digest = blobs::digest(Algorithm::Sha256, text.as_bytes());
        let (read, text) = aside(move || (read(&text), text)).await.map_err(|_| Error::Lost)?;
        let set = Arc::new(VexTrustDocument {
            digest,
            text,
            trust: Arc::new(read.map_err(SetError::Refused)?),
            actor: actor.to_owned(),
            set_at_us: self.inner.registry.now_us(),
        });
        self.inner
            .registry
            .database()
            .write(move |tx| {
                let set = Arc::clone(&set);
                Box::pin(async move { write(tx, &set, replaces).await })
            })
            .await
    }

    /// Returns the trust by a document's number; without one, or where it is not understood, the default.
    pub(crate) async fn trust_as_of(&self, document: Option<i64>) -> Result<VexTrust, Error> {
        let Some(id) = document else { return Ok(VexTrust::default()) };
        let hub = self.inner.registry.database();
        let row = hub.read(move |tx| Box::pin(async move { tx.find(&FIND_TRUST, &[id.into()]).await })).await?;
        let Some(row) = row else { return Ok(VexTrust::default()) };
        Ok(read(&String::from_utf8_lossy(&row.get::<Vec<u8>>(0)?)).unwrap_or_default())
    }
}

async fn write(tx: &mut Tx, set: &VexTrustDocument, replaces: Option<Digest>) -> Result<VexTrustDocument, SetError> {
    let mut set = set.clone();
    if let Some(row) = tx.find(&FIND_NEWEST_TRUST, &[]).await? {
        let current = document(&row)?;
        if current.digest == set.digest {
            return Ok(current);
        }
        if replaces != Some(current.digest) {
            return Err(SetError::Changed { current: current.digest, actor: current.actor });
        }
        // The same document set twice in one moment would be one statement, and be taken back at once.
        set.set_at_us = set.set_at_us.max(current.set_at_us.saturating_add(1));
    }
    let parameters =
        [set.digest.to_bytes().into(), set.text.clone().into_bytes().into(), (&set.actor).into(), set.set_at_us.into()];
    tx.query(&INSERT_TRUST, &parameters).await?;
    let record = Record::allowed(&set.actor, "vex-trust.set", "system")
        .detail("digest", set.digest.to_string())
        .detail("pushers", i64::try_from(set.trust.pushers.len()).unwrap_or(i64::MAX));
    audit::record(tx, record).await?;
    enqueue(tx, &NewJob::single(DECIDE)).await?;
    Ok(set)
}

/// States as facts which document counts, and takes back the one that did before.
pub(super) async fn state_facts(pipeline: &Pipeline, context: &Context) -> Result<(), JobError> {
    let hub = pipeline.inner.registry.database();
    while !context.is_canceled() {
        let rows = hub.read(|tx| Box::pin(async move { tx.query(&LIST_UNSTATED_TRUST, &[]).await })).await?;
        let Some(row) = rows.first() else { return Ok(()) };
        let (id, set): (i64, VexTrustDocument) = (row.get(0)?, document(row)?);
        let before = rows.get(1).map(document).transpose()?;
        let taken_back = before.as_ref().and_then(fact).map(|fact| Fact {
            withdraws: Some(fact.id()),
            observed_at_us: set.set_at_us,
            // It holds for no moment.
            expires_at_us: Some(set.set_at_us),
            ..fact
        });
        let stated: Arc<[Fact]> = taken_back.into_iter().chain(fact(&set)).collect();
        hub.write(move |tx| {
            let stated = Arc::clone(&stated);
            Box::pin(async move {
                facts::insert_all(tx, &stated).await?;
                tx.execute(&SET_STATED_TRUST, &[id.into()]).await.map(drop)
            })
        })
        .await?;
    }
    Ok(())
}

/// Returns that a document counts; none for an empty one, which says nothing.
fn fact(set: &VexTrustDocument) -> Option<Fact> {
    let VexTrust { authors, others_count, pushers } = &*set.trust;
    (!set.text.trim().is_empty()).then(|| Fact {
        scope: Scope::Hub,
        subject: set.digest,
        claim: Claim::VexTrust(evidence::VexTrust {
            authors: authors.iter().map(|level| level.len() as u64).sum(),
            others_count: *others_count,
            pushers: pushers.len() as u64,
            set_by: set.actor.clone(),
        }),
        producer: PRODUCER.to_owned(),
        observed_at_us: set.set_at_us,
        expires_at_us: None,
        source: None,
        withdraws: None,
    })
}

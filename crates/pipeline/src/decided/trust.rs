//! Whose VEX counts in the hub, as administrators set it.
//!
//! Documents are kept as they were written, one beside the other; the newest counts. Which one images are counted by is noted where their other
//! deciders are.

use std::sync::Arc;

use db::{Row, Tx};
use ledger::audit::{self, Record};
use ledger::jobs::{NewJob, enqueue};
use oci::{Algorithm, Digest};
use policy::{TRUST_BYTES_MAX, VexTrust};

use super::DECIDE;
use super::documents::{SetError, stored_digest};
use crate::aside::aside;
use crate::pipeline::{Error, Pipeline};

db::statements! {
    /// The document that counts.
    FIND_NEWEST_TRUST = "SELECT id, digest, body, actor, set_at_us FROM vex_trust_documents ORDER BY id DESC LIMIT 1";
    /// A document.
    FIND_TRUST = "SELECT body FROM vex_trust_documents WHERE id = $1";
    /// The number of the one that counts.
    LIST_NEWEST_TRUST = "SELECT CAST(0 AS BIGINT), id FROM vex_trust_documents ORDER BY id DESC LIMIT 1";
    /// Sets a document.
    INSERT_TRUST = "INSERT INTO vex_trust_documents (digest, body, actor, set_at_us) VALUES ($1, $2, $3, $4) RETURNING id";
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
    if let Some(row) = tx.find(&FIND_NEWEST_TRUST, &[]).await? {
        let current = document(&row)?;
        if current.digest == set.digest {
            return Ok(current);
        }
        if replaces != Some(current.digest) {
            return Err(SetError::Changed { current: current.digest, actor: current.actor });
        }
    }
    let parameters =
        [set.digest.to_bytes().into(), set.text.clone().into_bytes().into(), (&set.actor).into(), set.set_at_us.into()];
    tx.query(&INSERT_TRUST, &parameters).await?;
    let record = Record::allowed(&set.actor, "vex-trust.set", "system")
        .detail("digest", set.digest.to_string())
        .detail("pushers", i64::try_from(set.trust.pushers.len()).unwrap_or(i64::MAX));
    audit::record(tx, record).await?;
    enqueue(tx, &NewJob::single(DECIDE)).await?;
    Ok(set.clone())
}

//! Bytes that have arrived become a blob of a repository.
//!
//! The blob's file comes first, the row that names it second, and only then the upload's file goes. So whatever fails, and
//! wherever the process is killed, there is either the row, or the upload with all that was acknowledged of it.

use std::sync::Arc;

use blobs::{Location, NewBlob, Stored, Upload, UploadId};
use bytes::Bytes;
use db::{Tx, Value};
use ledger::audit::{self, Record};
use oci::{Digest, RepositoryName};

use crate::begun::BegunUpload;
use crate::error::Error;
use crate::limits::HOLDERS_FORGOTTEN_MAX;
use crate::pull::{BlobEntry, size_value};
use crate::repositories::{Registry, RepositoryId, ensure_repository, find_repository};
use crate::statements as sql;
use crate::usage::UsageChange;
use crate::writers::Claim;

/// Bytes that arrived and are not yet a blob.
pub(crate) enum Staged {
    /// A small body, still in memory.
    Small(Vec<Bytes>),
    /// What was streamed to a file that has the blob's name already.
    Whole(Box<NewBlob>),
    /// What was streamed to an upload's file.
    Streamed(Box<Upload>),
}

/// What there is of an upload beside its bytes, which ends with it.
#[derive(Clone)]
pub(crate) enum Session {
    /// Nothing: the blob came in one request.
    None,
    /// A row.
    Row,
    /// An entry in memory.
    Begun(BegunUpload),
}

impl From<Option<BegunUpload>> for Session {
    fn from(begun: Option<BegunUpload>) -> Self {
        begun.map_or(Self::Row, Self::Begun)
    }
}

/// Where bytes that arrived are to be a blob.
pub(crate) struct Arrival {
    pub(crate) repository: RepositoryName,
    pub(crate) actor: String,
    pub(crate) digest: Digest,
    pub(crate) claim: Claim,
    pub(crate) session: Session,
}

impl Registry {
    /// Stores what arrived and makes it a blob of a repository, in one transaction with the end of its upload.
    pub(crate) async fn admit(&self, arrival: Arrival, staged: Staged) -> Result<BlobEntry, Error> {
        let this = self.clone();
        self.detached(async move {
            let is_streamed = matches!(staged, Staged::Streamed(_));
            let is_whole = matches!(staged, Staged::Whole(_));
            let stored = this.store(&arrival, staged).await?;
            let Arrival { repository, actor, digest, claim, session } = arrival;
            let id = claim.id();
            let now_us = this.now_us();
            let entry = BlobEntry {
                digest,
                size_bytes: stored.size_bytes,
                location: stored.location,
                collect_after_us: Some(now_us + this.inner.options.lease_us()),
            };
            let generation = this.inner.caches.generation(repository.as_str());
            let admission = Arc::new((repository.clone(), actor.clone(), entry.clone(), session.clone()));
            let committed = this
                .write(move |tx| {
                    let admission = Arc::clone(&admission);
                    Box::pin(async move {
                        let (name, actor, entry, session) = &*admission;
                        admit_in(tx, name, actor, entry, session, now_us).await
                    })
                })
                .await;
            match committed {
                Ok((repository_id, others)) => {
                    claim.settle();
                    this.inner.begun.remove(&actor, id);
                    let may_have_file = match &session {
                        Session::None => false,
                        Session::Row => is_whole,
                        Session::Begun(begun) => begun.is_touched,
                    };
                    if is_streamed {
                        this.end_upload_or_leave(&stored).await;
                    } else if may_have_file {
                        this.remove_upload_or_leave(id).await;
                    }
                    this.forget_former_file(digest, &others);
                    let name = repository.as_str();
                    this.inner.caches.change(generation, name, |changes| changes.blob(repository_id, &entry));
                    Ok(entry)
                }
                // The commit may still land: nobody takes the file while this process lives, and later the sweep does, if
                // no row has come to name it.
                Err(
                    unknown @ Error::Database(
                        db::Error::OutcomeUnknown { .. } | db::Error::Commit { .. } | db::Error::Closed,
                    ),
                ) => {
                    claim.doubt();
                    // Only a row can tell a second try that this one came through.
                    this.inner.begun.remove(&actor, id);
                    Err(unknown)
                }
                Err(failed) => {
                    if !claim.is_doubtful() {
                        this.discard_unless_named(&stored.location).await;
                    }
                    if matches!(failed, Error::UploadUnknown) {
                        this.inner.begun.remove(&actor, id);
                        this.remove_upload_or_leave(id).await;
                    }
                    // Only now may the client try again under the same name.
                    drop(claim);
                    Err(failed)
                }
            }
        })
        .await
    }

    /// Makes what arrived a file of the blob's name. A digest that does not match ends the upload: its row first.
    async fn store(&self, arrival: &Arrival, staged: Staged) -> Result<Stored, Error> {
        let Arrival { digest, claim, session, actor, .. } = arrival;
        let stored = match staged {
            Staged::Small(pieces) => self.inner.blobs.store(claim.id(), digest, pieces).await,
            Staged::Whole(blob) => blob.commit().await,
            Staged::Streamed(upload) => upload.commit(digest).await,
        };
        match stored {
            Ok(stored) => Ok(stored),
            Err(blobs::Error::DigestMismatch { .. }) => {
                self.end_session(claim.id(), actor, session).await?;
                self.remove_upload_or_leave(claim.id()).await;
                Err(Error::DigestMismatch { expected: *digest })
            }
            Err(failed) => Err(failed.into()),
        }
    }

    pub(crate) async fn end_session(&self, id: UploadId, actor: &str, session: &Session) -> Result<(), Error> {
        let has_row = match session {
            Session::None => false,
            Session::Row => true,
            Session::Begun(begun) => begun.is_touched,
        };
        if has_row {
            self.write(move |tx| {
                Box::pin(async move {
                    tx.execute(&sql::DELETE_UPLOAD, &[id.to_string().into()]).await?;
                    Ok(())
                })
            })
            .await?;
        }
        self.inner.begun.remove(actor, id);
        Ok(())
    }

    /// Removes the file of an upload that is over.
    pub(crate) async fn remove_upload_or_leave(&self, id: UploadId) {
        if let Err(cause) = self.inner.blobs.remove_upload(id).await {
            tracing::warn!(upload = %id, cause = &cause as &dyn std::error::Error, "file of an upload stays until the next sweep");
        }
    }

    async fn end_upload_or_leave(&self, stored: &Stored) {
        if let Err(cause) = self.inner.blobs.end_upload(stored).await {
            let id = stored.location.upload_id();
            tracing::warn!(upload = %id, cause = &cause as &dyn std::error::Error, "file of an upload stays until the next sweep");
        }
    }

    /// Forgets in which file other repositories found a blob that has a new one: the former may be damaged.
    fn forget_former_file(&self, digest: Digest, others: &[RepositoryId]) {
        if others.len() > HOLDERS_FORGOTTEN_MAX {
            self.inner.caches.forget_digest(digest);
        } else if !others.is_empty() {
            let links: Vec<_> = others.iter().map(|id| (*id, digest)).collect();
            self.inner.caches.forget_blobs(&links);
        }
    }

    async fn discard_unless_named(&self, location: &Location) {
        let wanted = location.to_string();
        let named = self
            .read(move |tx| {
                Box::pin(async move {
                    Ok(!tx.query_list(&sql::LIST_KNOWN_LOCATIONS, &[], &[wanted.into()]).await?.is_empty())
                })
            })
            .await;
        if let Ok(false) = named
            && let Err(cause) = self.inner.blobs.remove(location).await
        {
            tracing::warn!(%location, cause = &cause as &dyn std::error::Error, "file without a row stays until the next sweep");
        }
    }
}

/// Makes a blob of a repository. Returns which others hold it, in a file that is about to go.
async fn admit_in(
    tx: &mut Tx,
    name: &RepositoryName,
    actor: &str,
    entry: &BlobEntry,
    session: &Session,
    now_us: i64,
) -> Result<(RepositoryId, Vec<RepositoryId>), Error> {
    let mut others = Vec::new();
    let id = end_session_in(tx, name, actor, entry.location.upload_id(), session, now_us).await?;
    let digest = entry.digest.to_bytes();
    let mut usage = UsageChange::default();
    let former = tx.find(&sql::FIND_STORED_BLOB, &[digest.clone().into()]).await?;
    if let Some(former) = &former {
        let (size_bytes, location): (i64, String) = (former.get(0)?, former.get(1)?);
        tx.execute(&sql::DISCARD_FILE, &[location.into(), size_bytes.into(), now_us.into()]).await?;
        let limit = HOLDERS_FORGOTTEN_MAX as u64 + 1;
        let held = [digest.clone().into(), id.0.into(), size_value(limit)];
        for row in tx.query(&sql::LIST_OTHER_HOLDERS, &held).await? {
            others.push(RepositoryId(row.get(0)?));
        }
    } else {
        usage.stored(entry.size_bytes);
    }
    tx.execute(
        &sql::UPSERT_BLOB,
        &[digest.into(), size_value(entry.size_bytes), entry.location.to_string().into(), now_us.into()],
    )
    .await?;
    link(tx, id, entry, &mut usage).await?;
    usage.record(tx).await?;
    let record = Record::allowed(actor, "blob.push", &format!("{name}@{}", entry.digest));
    audit::record(tx, record).await?;
    Ok((id, others))
}

/// Ends an upload in the transaction that makes it a blob of a repository, which is made where it is new. An upload to a
/// repository that was deleted meanwhile does not bring that back.
async fn end_session_in(
    tx: &mut Tx,
    name: &RepositoryName,
    actor: &str,
    upload: UploadId,
    session: &Session,
    now_us: i64,
) -> Result<RepositoryId, Error> {
    let key = Value::from(upload.to_string());
    match session {
        Session::None => ensure_repository(tx, name, actor, now_us).await,
        Session::Row => {
            let id = ensure_repository(tx, name, actor, now_us).await?;
            let ended = tx.execute(&sql::END_UPLOAD, &[key, id.0.into()]).await?;
            if ended == 1 { Ok(id) } else { Err(Error::UploadUnknown) }
        }
        Session::Begun(begun) => {
            let id = find_repository(tx, name).await.map_err(|error| match error {
                Error::NameUnknown(_) => Error::UploadUnknown,
                other => other,
            })?;
            if id != begun.repository {
                return Err(Error::UploadUnknown);
            }
            if begun.is_touched {
                tx.execute(&sql::DELETE_UPLOAD, &[key]).await?;
            }
            Ok(id)
        }
    }
}

/// Puts a blob into a repository, or renews its lease there.
pub(crate) async fn link(
    tx: &mut Tx,
    id: RepositoryId,
    entry: &BlobEntry,
    usage: &mut UsageChange,
) -> Result<(), Error> {
    let row = [id.0.into(), entry.digest.to_bytes().into(), entry.collect_after_us.into()];
    if tx.execute(&sql::LINK_BLOB, &row).await? == 0 {
        tx.execute(&sql::RENEW_LEASE, &row).await?;
    } else {
        usage.linked(id, entry.size_bytes);
    }
    Ok(())
}

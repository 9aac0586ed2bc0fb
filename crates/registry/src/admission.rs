//! Bytes that have arrived become a blob of a repository.
//!
//! The blob's file comes first, the row that names it second, and only then the upload's file goes. So whatever fails, and
//! wherever the process is killed, there is either the row, or the upload with all that was acknowledged of it.

use std::sync::Arc;

use blobs::{Location, Stored, Upload, UploadId};
use bytes::Bytes;
use db::Tx;
use ledger::audit::{self, Record};
use oci::{Digest, RepositoryName};

use crate::error::Error;
use crate::limits::HOLDERS_FORGOTTEN_MAX;
use crate::pull::{BlobEntry, size_value};
use crate::repositories::{Registry, RepositoryId, ensure_repository};
use crate::statements as sql;
use crate::usage::UsageChange;
use crate::writers::Claim;

/// Bytes that arrived and are not yet a blob.
pub(crate) enum Staged {
    /// A small body, still in memory.
    Small(Vec<Bytes>),
    /// What was streamed to an upload's file.
    Streamed(Box<Upload>),
}

/// Where bytes that arrived are to be a blob.
pub(crate) struct Arrival {
    pub(crate) repository: RepositoryName,
    pub(crate) actor: String,
    pub(crate) digest: Digest,
    pub(crate) claim: Claim,
    /// Whether the upload has a row, which ends with it.
    pub(crate) has_session: bool,
}

impl Registry {
    /// Stores what arrived and makes it a blob of a repository, in one transaction with the end of its upload.
    pub(crate) async fn admit(&self, arrival: Arrival, staged: Staged) -> Result<BlobEntry, Error> {
        let this = self.clone();
        self.detached(async move {
            let is_streamed = matches!(staged, Staged::Streamed(_));
            let stored = this.store(&arrival, staged).await?;
            let Arrival { repository, actor, digest, claim, has_session } = arrival;
            let upload = has_session.then_some(claim.id());
            let now_us = this.now_us();
            let entry = BlobEntry {
                digest,
                size_bytes: stored.size_bytes,
                location: stored.location,
                collect_after_us: Some(now_us + this.inner.options.lease_us()),
            };
            let generation = this.inner.caches.generation(repository.as_str());
            let (target, admitted) = (repository.clone(), Arc::new(entry.clone()));
            let committed = this
                .write(move |tx| {
                    let (name, actor, entry) = (target.clone(), actor.clone(), Arc::clone(&admitted));
                    Box::pin(async move { admit_in(tx, &name, &actor, &entry, upload, now_us).await })
                })
                .await;
            match committed {
                Ok((id, others)) => {
                    claim.settle();
                    if is_streamed {
                        this.end_upload_or_leave(&stored).await;
                    }
                    this.forget_former_file(digest, &others);
                    this.inner.caches.change(generation, repository.as_str(), |changes| changes.blob(id, &entry));
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
                    if !has_session && is_streamed {
                        this.end_upload_or_leave(&stored).await;
                    }
                    Err(unknown)
                }
                Err(failed) => {
                    if !claim.is_doubtful() {
                        this.discard_unless_named(&stored.location).await;
                    }
                    // Nobody takes up an upload that has no row.
                    if !has_session || matches!(failed, Error::UploadUnknown) {
                        this.remove_upload_or_leave(claim.id()).await;
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
        let Arrival { digest, claim, has_session, .. } = arrival;
        let stored = match staged {
            Staged::Small(pieces) => self.inner.blobs.store(claim.id(), digest, pieces).await,
            Staged::Streamed(upload) => upload.commit(digest).await,
        };
        let failed = match stored {
            Ok(stored) => return Ok(stored),
            Err(blobs::Error::DigestMismatch { .. }) => Error::DigestMismatch { expected: *digest },
            Err(failed) => failed.into(),
        };
        let is_over = match failed {
            Error::DigestMismatch { .. } if *has_session => {
                self.end_session(claim.id()).await?;
                true
            }
            _ => !has_session,
        };
        if is_over {
            self.remove_upload_or_leave(claim.id()).await;
        }
        Err(failed)
    }

    pub(crate) async fn end_session(&self, id: UploadId) -> Result<(), Error> {
        self.write(move |tx| {
            Box::pin(async move {
                tx.execute(&sql::DELETE_UPLOAD, &[id.to_string().into()]).await?;
                Ok(())
            })
        })
        .await
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
    upload: Option<UploadId>,
    now_us: i64,
) -> Result<(RepositoryId, Vec<RepositoryId>), Error> {
    let mut others = Vec::new();
    let id = ensure_repository(tx, name, actor, now_us).await?;
    if let Some(upload) = upload {
        // One that belongs to a repository which was deleted meanwhile does not bring that back.
        let ended = tx.execute(&sql::END_UPLOAD, &[upload.to_string().into(), id.0.into()]).await?;
        if ended == 0 {
            return Err(Error::UploadUnknown);
        }
    }
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

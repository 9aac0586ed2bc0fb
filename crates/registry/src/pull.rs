//! Reading: manifests and blobs through a repository.

use std::sync::Arc;

use blobs::{Blob, Location};
use bytes::Bytes;
use db::{Row, Tx};
use ledger::audit::{self, Record};
use oci::{Digest, Reference, RepositoryName, Tag};

use crate::cache::Found;
use crate::error::Error;
use crate::repositories::{Registry, RepositoryId, find_repository};
use crate::statements as sql;

/// Files of one blob that are tried when each is replaced by a newer push before it is opened.
const OPEN_ATTEMPTS_MAX: u32 = 8;

/// A manifest as one repository holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManifestEntry {
    /// Digest by which it was pushed.
    pub digest: Digest,
    /// Media type by which it was pushed.
    pub media_type: String,
    /// Artifact type, or the media type of an image's config.
    pub artifact_type: Option<String>,
    /// Subject that it refers to.
    pub subject: Option<Digest>,
    /// Exact bytes.
    pub body: Bytes,
    /// When it was last pushed, in microseconds since 1970-01-01 UTC.
    pub pushed_at_us: i64,
    /// Who pushed it last.
    pub pushed_by: String,
}

/// A whole blob that a repository holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlobEntry {
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub size_bytes: u64,
    pub(crate) location: Location,
    /// Until when it is kept without a reference; none once a manifest has been seen to reference it.
    pub(crate) collect_after_us: Option<i64>,
}

impl Registry {
    /// Returns a manifest by tag or digest.
    ///
    /// # Errors
    /// `NameUnknown` and `ManifestUnknown` for what is not there.
    pub async fn find_manifest(
        &self,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Result<Arc<ManifestEntry>, Error> {
        let caches = &self.inner.caches;
        if let Some(id) = caches.name(name.as_str()) {
            let digest = match reference {
                Reference::Tag(tag) => caches.tag(id, tag),
                Reference::Digest(digest) => Some(*digest),
            };
            if let Some(entry) = digest.and_then(|digest| caches.manifest(id, digest)) {
                return Ok(entry);
            }
        }
        let generation = caches.generation(name.as_str());
        let (wanted, target) = (name.clone(), reference.clone());
        let (id, found) = self
            .read(move |tx| {
                Box::pin(async move {
                    let id = find_repository(tx, &wanted).await?;
                    Ok((id, load_manifest(tx, id, &target).await?))
                })
            })
            .await?;
        let entry = found
            .ok_or_else(|| Error::ManifestUnknown { repository: name.clone(), reference: reference.to_string() })?;
        let entry = Arc::new(entry);
        let tag = match reference {
            Reference::Tag(tag) => Some(tag),
            Reference::Digest(_) => None,
        };
        caches.keep(generation, name.as_str(), id, Found::Manifest { entry: &entry, tag });
        Ok(entry)
    }

    /// Returns a blob that a repository holds.
    ///
    /// # Errors
    /// `NameUnknown` and `BlobUnknown` for what is not there; a damaged blob is not there.
    pub async fn find_blob(&self, name: &RepositoryName, digest: &Digest) -> Result<BlobEntry, Error> {
        let caches = &self.inner.caches;
        if let Some(entry) = caches.name(name.as_str()).and_then(|id| caches.blob(id, *digest)) {
            return Ok(entry);
        }
        let generation = caches.generation(name.as_str());
        let (wanted, digest_wanted) = (name.clone(), *digest);
        let (id, found) = self
            .read(move |tx| {
                Box::pin(async move {
                    let id = find_repository(tx, &wanted).await?;
                    Ok((id, load_blob(tx, id, &digest_wanted).await?))
                })
            })
            .await?;
        let entry = found.ok_or_else(|| Error::BlobUnknown { repository: name.clone(), digest: *digest })?;
        caches.keep(generation, name.as_str(), id, Found::Blob(&entry));
        Ok(entry)
    }

    /// Returns a blob that a repository holds and makes sure that it stays for at least half a lease, so that a client
    /// which asks before it references never loses it in between.
    ///
    /// # Errors
    /// As [`Registry::find_blob`].
    pub async fn find_blob_to_reference(&self, name: &RepositoryName, digest: &Digest) -> Result<BlobEntry, Error> {
        let entry = self.find_blob(name, digest).await?;
        let (now_us, lease_us) = (self.now_us(), self.inner.options.lease_us());
        let ends_soon = entry.collect_after_us.is_some_and(|due_us| due_us < now_us + lease_us / 2);
        if !ends_soon {
            return Ok(entry);
        }
        let this = self.clone();
        let (name, digest) = (name.clone(), *digest);
        self.detached(async move {
            let generation = this.inner.caches.generation(name.as_str());
            let wanted = name.clone();
            let (id, found) = this
                .write(move |tx| {
                    let wanted = wanted.clone();
                    Box::pin(async move {
                        let id = find_repository(tx, &wanted).await?;
                        let due_us = now_us + lease_us;
                        tx.execute(&sql::EXTEND_LEASE, &[id.0.into(), digest.to_bytes().into(), due_us.into()]).await?;
                        Ok((id, load_blob(tx, id, &digest).await?))
                    })
                })
                .await?;
            let entry = found.ok_or_else(|| Error::BlobUnknown { repository: name.clone(), digest })?;
            this.inner.caches.change(generation, name.as_str(), |changes| changes.blob(id, &entry));
            Ok(entry)
        })
        .await
    }

    /// Opens a blob's bytes.
    ///
    /// # Errors
    /// `BlobUnknown` when it was deleted since it was found. `BlobDamaged` when the file is gone or has another size;
    /// its repositories then no longer show it, so that clients push it again.
    pub async fn open_blob(&self, name: &RepositoryName, entry: &BlobEntry) -> Result<Blob, Error> {
        let mut entry = entry.clone();
        for _ in 0..OPEN_ATTEMPTS_MAX {
            let cause = match self.inner.blobs.read(&entry.location, entry.size_bytes, &entry.digest).await {
                Ok(blob) => return Ok(blob),
                Err(cause @ (blobs::Error::Missing { .. } | blobs::Error::WrongSize { .. })) => cause,
                Err(cause) => return Err(cause.into()),
            };
            // The file goes after its row: what the database says now tells deletion and a newer push from damage.
            let (wanted, digest) = (name.clone(), entry.digest);
            let current = self
                .read(move |tx| {
                    Box::pin(async move {
                        let id = find_repository(tx, &wanted).await?;
                        load_blob(tx, id, &digest).await
                    })
                })
                .await?;
            let current = current.ok_or_else(|| Error::BlobUnknown { repository: name.clone(), digest })?;
            if current.location == entry.location {
                tracing::error!(%digest, cause = &cause as &dyn std::error::Error, "blob is damaged in the store");
                self.mark_damaged(&entry).await?;
                return Err(Error::BlobDamaged(digest));
            }
            entry = current;
        }
        Err(Error::BlobUnknown { repository: name.clone(), digest: entry.digest })
    }

    /// Records that a blob's stored bytes are not what its digest says: nobody is served it, `HEAD` says that it is
    /// missing, and the next push replaces it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mark_damaged(&self, entry: &BlobEntry) -> Result<(), Error> {
        self.withdraw(entry.digest, entry.location.to_string()).await
    }

    pub(crate) async fn withdraw(&self, digest: Digest, location: String) -> Result<(), Error> {
        let this = self.clone();
        self.detached(async move {
            this.write(move |tx| {
                let location = location.clone();
                Box::pin(async move {
                    let marked = tx.execute(&sql::MARK_DAMAGED, &[digest.to_bytes().into(), location.into()]).await?;
                    if marked > 0 {
                        audit::record(tx, Record::allowed("system", "blob.damaged", &digest.to_string())).await?;
                    }
                    Ok(())
                })
            })
            .await?;
            this.inner.caches.forget_digest(digest);
            Ok(())
        })
        .await
    }

    /// Serves a blob again that was withdrawn and whose file is whole.
    pub(crate) async fn restore(&self, digest: Digest, location: String) -> Result<(), Error> {
        self.write(move |tx| {
            let location = location.clone();
            Box::pin(async move {
                let restored = tx.execute(&sql::MARK_WHOLE, &[digest.to_bytes().into(), location.into()]).await?;
                if restored > 0 {
                    audit::record(tx, Record::allowed("system", "blob.restore", &digest.to_string())).await?;
                }
                Ok(())
            })
        })
        .await
    }
}

async fn load_manifest(tx: &mut Tx, id: RepositoryId, reference: &Reference) -> Result<Option<ManifestEntry>, Error> {
    let row = match reference {
        Reference::Tag(tag) => tx.find(&sql::FIND_MANIFEST_BY_TAG, &[id.0.into(), tag.as_str().into()]).await?,
        Reference::Digest(digest) => tx.find(&sql::FIND_MANIFEST, &[id.0.into(), digest.to_bytes().into()]).await?,
    };
    row.map(|row| manifest_entry(&row)).transpose()
}

fn manifest_entry(row: &Row) -> Result<ManifestEntry, Error> {
    Ok(ManifestEntry {
        digest: stored_digest(&row.get::<Vec<u8>>(0)?)?,
        media_type: row.get(1)?,
        artifact_type: row.get(2)?,
        subject: row.get::<Option<Vec<u8>>>(3)?.map(|bytes| stored_digest(&bytes)).transpose()?,
        pushed_at_us: row.get(4)?,
        pushed_by: row.get(5)?,
        body: Bytes::from(row.get::<Vec<u8>>(6)?),
    })
}

pub(crate) async fn load_blob(tx: &mut Tx, id: RepositoryId, digest: &Digest) -> Result<Option<BlobEntry>, Error> {
    let Some(row) = tx.find(&sql::FIND_BLOB, &[id.0.into(), digest.to_bytes().into()]).await? else {
        return Ok(None);
    };
    Ok(Some(BlobEntry {
        digest: *digest,
        size_bytes: row.get(0)?,
        location: stored_location(&row.get::<String>(1)?)?,
        collect_after_us: row.get(2)?,
    }))
}

pub(crate) fn stored_digest(bytes: &[u8]) -> Result<Digest, Error> {
    Digest::from_bytes(bytes).map_err(|_| Error::Stored { what: "digest" })
}

pub(crate) fn stored_location(text: &str) -> Result<Location, Error> {
    text.parse().map_err(|_| Error::Stored { what: "blob location" })
}

pub(crate) fn stored_tag(text: &str) -> Result<Tag, Error> {
    text.parse().map_err(|_| Error::Stored { what: "tag" })
}

/// Returns a size as the database keeps it. No file has more bytes than fit.
pub(crate) fn size_value(size_bytes: u64) -> db::Value {
    i64::try_from(size_bytes).unwrap_or(i64::MAX).into()
}

//! From a database to an artifact in the hub's own registry.

use std::io::{self, Write as _};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use feeds::{Acceptance, Fewer, FormError, compress_packed, unpack_any};
use futures_util::{Stream, StreamExt as _};
use ledger::aside::{Lost, aside};
use oci::{Digest, Reference, RepositoryName};
use registry::{Body, ManifestPush, TagRule};
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;
use vulndb::file::{Corrupt, Database, PackedError};
use vulndb::{is_older, make_delta};

use crate::artifact::{Artifact, ArtifactError, DELTAS_MAX, PackedDatabase, PackedDelta, REPOSITORY, TAG};
use crate::hub::{Advisories, Error};

/// The largest database that is brought, packed or not, in bytes: four times what all publishers together take.
pub const BROUGHT_BYTES_MAX: u64 = 2 << 30;

/// What is packed once is fetched by every client.
const PACK_LEVEL: i32 = 19;

/// Who publishes, in the audit log and beside the manifest.
const PUBLISHER: &str = "system:advisories";

pub(crate) fn repository() -> RepositoryName {
    REPOSITORY.parse().expect("a test parses the name")
}

pub(crate) fn tag() -> oci::Tag {
    TAG.parse().expect("a test parses the tag")
}

impl Advisories {
    /// Takes a database that an administrator brings [in any form](unpack_any). Returns its digest.
    ///
    /// # Errors
    /// `Refused`, `Empty` and `TooLarge` for what is none, `Older` for one that is older than what the hub has, where newer ones alone are accepted,
    /// `Lacking` for one without feeds of what the hub has, where these are not among the [`Fewer`]; otherwise when it cannot be kept or published.
    pub async fn take<E>(
        &self,
        mut stream: impl Stream<Item = Result<Bytes, E>> + Unpin,
        acceptance: Acceptance,
        fewer: Fewer<'_>,
    ) -> Result<String, Error>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let failed = |source| Error::Io { doing: "keep what was brought", source };
        let mut file = tempfile::tempfile().map_err(failed)?;
        let mut total = 0;
        while let Some(bytes) = stream.next().await {
            let bytes = bytes.map_err(|error| failed(io::Error::other(error)))?;
            total += bytes.len() as u64;
            if total > BROUGHT_BYTES_MAX {
                return Err(Error::TooLarge { limit: BROUGHT_BYTES_MAX });
            }
            file.write_all(&bytes).map_err(failed)?;
        }
        let file = blocking(move || unpacked(file)).await?;
        let database = self.publish(file, acceptance, fewer).await?;
        self.follow().await?;
        Ok(database)
    }

    /// Publishes a database, unless it is the one that is published. Returns its digest.
    ///
    /// Here it is in use at once: to pack it for those who fetch it takes minutes, and what is newly known is known before. Where it cannot be
    /// published after all, what is published comes back into use.
    pub(crate) async fn publish(
        &self,
        file: Vec<u8>,
        acceptance: Acceptance,
        fewer: Fewer<'_>,
    ) -> Result<String, Error> {
        if Database::open(&file)?.advisory_count()? == 0 {
            return Err(Error::Empty);
        }
        let actual = hex::encode(digest(&SHA256, &file));
        let before = self.published().await?;
        if before.as_ref().is_some_and(|artifact| artifact.database.digest == actual) {
            return Ok(actual);
        }
        let now = jiff::Timestamp::now().as_second();
        if acceptance == Acceptance::Newer || fewer != Fewer::Any {
            // What another replica published a moment ago is what it has to be newer than.
            if let Err(error) = self.follow().await {
                self.warn(&error);
            }
            if let Some(current) = self.current() {
                let (offered, before) = (Database::open(&file)?.feeds()?, current.feeds()?);
                if let Some(older) = is_older(&offered, &before, now).filter(|_| acceptance == Acceptance::Newer) {
                    return Err(older.into());
                }
                if let Some(lacking) = fewer.lacking(&offered, &before) {
                    return Err(lacking.into());
                }
            }
        }
        // A delta leads from what clients have: what is published, which is here unless this replica is behind.
        let base =
            self.in_use().filter(|(digest, _)| before.as_ref().is_some_and(|known| known.database.digest == *digest));
        let size_bytes = file.len() as u64;
        let _none_follows = self.inner.following.lock().await;
        let file = self.take_into_use(file).await?;
        let (packed, delta, created) = packed_aside(move || {
            let database = Database::open(&file)?;
            let newest = vulndb::newest(&database.feeds()?, now);
            let created = newest.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
            let delta = match &base {
                Some((from, old)) => Some((from.clone(), compress(&make_delta(old, &database)?)?)),
                None => None,
            };
            let packed = compress_packed(&database, PACK_LEVEL).map_err(Error::Packed)?;
            Ok((packed, delta, created))
        })
        .await?;
        self.inner.tenancy.ensure_project(repository().project()).await?;
        let packed_bytes = packed.len() as u64;
        let database =
            PackedDatabase { blob: self.push(packed).await?, packed_bytes, digest: actual.clone(), bytes: size_bytes };
        let mut deltas = Vec::new();
        if let Some((from, packed)) = delta.filter(|(_, packed)| (packed.len() as u64) < packed_bytes) {
            let packed_bytes = packed.len() as u64;
            deltas.push(PackedDelta { blob: self.push(packed).await?, packed_bytes, from, to: actual.clone() });
            deltas.extend(before.into_iter().flat_map(|artifact| artifact.deltas).take(DELTAS_MAX - 1));
        }
        let empty = blobs::digest(oci::Algorithm::Sha256, b"{}");
        let created = created.map(|created| created.to_string());
        let manifest = Artifact { database, deltas }.to_manifest(&empty, created.as_deref());
        let push = ManifestPush {
            repository: repository(),
            actor: PUBLISHER.to_owned(),
            digest: None,
            tags: vec![tag()],
            tag_rule: TagRule::MakeAndMove,
            content_type: Some(oci::media_type::OCI_MANIFEST.to_owned()),
            body: manifest.into(),
        };
        let replaced = self.inner.registry.find_manifest(&repository(), &Reference::Tag(tag())).await;
        let pushed = self.inner.registry.push_manifest(push).await?;
        if let Ok(old) = replaced
            && old.digest != pushed.digest
        {
            // Clients that were told of it a moment ago have the grace period of collection to come for its blobs.
            let gone = self.inner.registry.delete_manifest(&repository(), &old.digest, PUBLISHER).await;
            if let Err(error) = gone {
                tracing::info!(error = &error as &dyn std::error::Error, "an old database of advisories stays");
            }
        }
        tracing::info!(digest = %actual, size_bytes, "advisories published");
        self.inner.published.notify_waiters();
        Ok(actual)
    }

    /// Returns what is published, if anything is.
    pub(crate) async fn published(&self) -> Result<Option<Artifact>, Error> {
        let found = self.inner.registry.find_manifest(&repository(), &Reference::Tag(tag())).await;
        match found {
            Ok(entry) => match Artifact::parse(&entry.body) {
                Ok(artifact) => Ok(Some(artifact)),
                // What another version of this program published is as good as nothing.
                Err(ArtifactError::Other { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            },
            Err(registry::Error::NameUnknown(_) | registry::Error::ManifestUnknown { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn push(&self, bytes: Vec<u8>) -> Result<Digest, Error> {
        let bytes = Bytes::from(bytes);
        let digest = blobs::digest(oci::Algorithm::Sha256, &bytes);
        let length = Some(bytes.len() as u64);
        // In pieces, as a request would bring it.
        let pieces: Vec<_> = (0..bytes.len())
            .step_by(PIECE_BYTES)
            .map(|at| Ok::<_, std::convert::Infallible>(bytes.slice(at..(at + PIECE_BYTES).min(bytes.len()))))
            .collect();
        let body = Body { length, range: None, stream: futures_util::stream::iter(pieces) };
        self.inner.registry.push_blob(&repository(), PUBLISHER, &digest, body).await?;
        Ok(digest)
    }
}

const PIECE_BYTES: usize = 64 << 10;

/// Runs what computes on a thread that serves no requests.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    // It is never canceled, so that it can only have panicked.
    spawn_blocking(work).await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
}

/// Packs on a thread that gives way to those that answer requests: it takes a core for up to minutes, and nobody waits for it but who
/// fetches it.
async fn packed_aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    aside(work).await.unwrap_or_else(|Lost| {
        let source = std::io::Error::other("the thread that packs came to an end");
        Err(Error::Io { doing: "pack the database of advisories", source })
    })
}

fn compress(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut encoder =
        zstd::Encoder::new(Vec::new(), PACK_LEVEL).map_err(|source| Error::Io { doing: "pack", source })?;
    encoder
        .set_pledged_src_size(Some(bytes.len() as u64))
        .and_then(|()| encoder.long_distance_matching(true))
        .and_then(|()| encoder.write_all(bytes))
        .and_then(|()| encoder.finish())
        .map_err(|source| Error::Io { doing: "pack", source })
}

/// Reads what was brought, and believes it only if it is a database to its last byte.
fn unpacked(mut file: std::fs::File) -> Result<Vec<u8>, Error> {
    use std::io::Seek as _;
    let failed = |source| Error::Io { doing: "read what was brought", source };
    file.rewind().map_err(failed)?;
    let mut bytes = Vec::new();
    unpack_any(file, &mut bytes, BROUGHT_BYTES_MAX).map_err(|error| match error {
        FormError::TooLarge { limit } => Error::TooLarge { limit },
        FormError::Packed(PackedError::Corrupt(corrupt)) => corrupt.into(),
        FormError::Packed(_) | FormError::Compressed(_) => Corrupt::NotADatabase.into(),
        FormError::Io(source) => failed(source),
    })?;
    Database::open(&bytes)?.verify()?;
    Ok(bytes)
}

/// A file of packed bytes that is gone when it is dropped.
pub(crate) fn temporary() -> Result<NamedTempFile, Error> {
    NamedTempFile::new().map_err(|source| Error::Io { doing: "make a temporary file", source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_has_a_name_and_a_tag() {
        assert_eq!((repository().project(), tag().as_str()), ("garrison", "latest"));
    }
}

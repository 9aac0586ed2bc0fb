//! Blobs coming in: sessions, chunks, commits, mounts.
//!
//! An upload is a row with the number of bytes that are durable; its file may be longer and is then cut. With SQLite it becomes
//! that with its first bytes (see [`crate::begun`]). The store keeps the state of the hash between two requests, so that the
//! file is read back only after a restart.

use blobs::{NewBlob, Pieces, Upload, UploadId};
use bytes::Bytes;
use db::Tx;
use futures_util::{Stream, StreamExt};
use ledger::audit::{self, Record};
use oci::{Algorithm, ContentRange, Digest, RepositoryName};

use crate::admission::{Arrival, Session, Staged, link};
use crate::begun::{BegunUpload, Refused};
use crate::error::Error;
use crate::limits::{SMALL_BODY_BYTES_MAX, UPLOADS_PER_ACTOR_MAX};
use crate::pull::{BlobEntry, load_blob, size_value};
use crate::repositories::{Registry, RepositoryId, ensure_repository, find_repository};
use crate::statements as sql;
use crate::usage::UsageChange;
use crate::writers::Claim;

/// Which upload a request is about. An upload belongs to one repository and one actor; to others it does not exist.
#[derive(Clone, Debug)]
pub struct UploadTarget {
    /// Its repository.
    pub repository: RepositoryName,
    /// Its id, as the client sent it.
    pub id: String,
    /// Who asks.
    pub actor: String,
}

/// Where an upload stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UploadStatus {
    /// Its id.
    pub id: UploadId,
    /// Bytes that it holds, durable.
    pub offset_bytes: u64,
}

/// A request's body: its announced length and range, and its bytes as they come.
pub struct Body<S> {
    /// `Content-Length`, where the client sent one.
    pub length: Option<u64>,
    /// `Content-Range`, where the client sent one.
    pub range: Option<ContentRange>,
    /// The bytes. An error ends the body early.
    pub stream: S,
}

impl<S> Body<S> {
    /// Returns how many bytes the request announces, by its range or its length.
    fn announced(&self) -> Option<u64> {
        self.range.as_ref().map(ContentRange::len).or(self.length)
    }
}

/// An upload as it was found.
struct FoundUpload {
    id: UploadId,
    algorithm: Algorithm,
    offset_bytes: u64,
    /// Where it has no row yet.
    begun: Option<BegunUpload>,
}

impl Registry {
    /// Begins an upload, making the repository when it is new.
    ///
    /// # Errors
    /// `ProjectUnknown` when the name's project does not exist, `TooManyUploads` beyond the actor's limit.
    pub async fn start_upload(
        &self,
        name: &RepositoryName,
        actor: &str,
        algorithm: Algorithm,
    ) -> Result<UploadStatus, Error> {
        let id = UploadId::generate();
        if self.inner.db.is_embedded() && self.begin_without_row(id, name, actor, algorithm).await? {
            return Ok(UploadStatus { id, offset_bytes: 0 });
        }
        let now_us = self.now_us();
        let expires_at_us = now_us + self.inner.options.upload_expiry_us;
        let (wanted, actor, begun) = (name.clone(), actor.to_owned(), self.inner.begun.clone());
        self.write(move |tx| {
            let (wanted, actor, begun) = (wanted.clone(), actor.clone(), begun.clone());
            Box::pin(async move {
                let repository = ensure_repository(tx, &wanted, &actor, now_us).await?;
                if count_uploads(tx, &actor).await? + begun.count_of(&actor) >= UPLOADS_PER_ACTOR_MAX {
                    return Err(Error::TooManyUploads { actor, limit: UPLOADS_PER_ACTOR_MAX });
                }
                let upload = BegunUpload {
                    name: wanted,
                    repository,
                    algorithm,
                    started_at_us: now_us,
                    expires_at_us,
                    is_touched: false,
                };
                insert_upload(tx, id, &actor, &upload, 0).await
            })
        })
        .await?;
        Ok(UploadStatus { id, offset_bytes: 0 })
    }

    /// Begins an upload to a repository that is there in memory alone. Returns false where a row has to be made.
    async fn begin_without_row(
        &self,
        id: UploadId,
        name: &RepositoryName,
        actor: &str,
        algorithm: Algorithm,
    ) -> Result<bool, Error> {
        let (wanted, asking) = (name.clone(), actor.to_owned());
        let found = self.read(move |tx| {
            Box::pin(async move {
                match find_repository(tx, &wanted).await {
                    Ok(repository) => Ok(Some((repository, count_uploads(tx, &asking).await?))),
                    Err(Error::NameUnknown(_)) => Ok(None),
                    Err(other) => Err(other),
                }
            })
        });
        let Some((repository, rows)) = found.await? else { return Ok(false) };
        let started_at_us = self.now_us();
        let expires_at_us = started_at_us + self.inner.options.upload_expiry_us;
        let name = name.clone();
        let upload = BegunUpload { name, repository, algorithm, started_at_us, expires_at_us, is_touched: false };
        match self.inner.begun.add(actor, id, upload, rows, UPLOADS_PER_ACTOR_MAX) {
            Ok(()) => Ok(true),
            Err(Refused::NoRoom) => Ok(false),
            Err(Refused::TooMany) => {
                Err(Error::TooManyUploads { actor: actor.to_owned(), limit: UPLOADS_PER_ACTOR_MAX })
            }
        }
    }

    /// Makes rows of the uploads that have none, so that clients go on with them after a restart.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_begun_uploads(&self) -> Result<(), Error> {
        let begun = self.inner.begun.list();
        if begun.is_empty() {
            return Ok(());
        }
        self.write(move |tx| {
            let begun = begun.clone();
            Box::pin(async move {
                for (actor, id, upload) in &begun {
                    match insert_upload(tx, *id, actor, upload, 0).await {
                        // Its repository was deleted.
                        Ok(()) | Err(Error::UploadUnknown) => {}
                        Err(other) => return Err(other),
                    }
                }
                Ok(())
            })
        })
        .await
    }

    /// Returns where an upload stands.
    ///
    /// # Errors
    /// `UploadUnknown`.
    pub async fn upload_status(&self, target: &UploadTarget) -> Result<UploadStatus, Error> {
        let row = self.load_upload(target).await?;
        Ok(UploadStatus { id: row.id, offset_bytes: row.offset_bytes })
    }

    /// Ends an upload and frees its bytes.
    ///
    /// # Errors
    /// `UploadUnknown`, `UploadBusy` while another request writes to it.
    pub async fn cancel_upload(&self, target: &UploadTarget) -> Result<(), Error> {
        let (claim, found) = self.claim_upload(target).await?;
        let (this, actor) = (self.clone(), target.actor.clone());
        self.detached(async move {
            let session = Session::from(found.begun);
            this.end_session(found.id, &actor, &session).await?;
            this.remove_upload_or_leave(found.id).await;
            drop(claim);
            Ok(())
        })
        .await
    }

    /// Appends a chunk. When it returns, the bytes are durable and counted.
    ///
    /// # Errors
    /// `UploadRange` for a chunk out of order, `SizeMismatch` and `BodyInterrupted` for a body that is not what was
    /// announced, `BlobTooLarge`.
    pub async fn append<S, E>(&self, target: &UploadTarget, body: Body<S>) -> Result<UploadStatus, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
        E: Send,
    {
        let (claim, found) = self.claim_upload(target).await?;
        check_start(&body, found.offset_bytes)?;
        self.inner.begun.touch(&target.actor, found.id);
        let mut upload = self.resume(&found).await?;
        let start = upload.offset();
        let received = receive(Sink::Upload(&mut upload), start, body, self.inner.options.blob_size_bytes_max).await;
        // A body that broke off still counts as far as it came, so that the client may go on from there.
        let interrupted = match received {
            Ok(()) => None,
            Err(interrupted @ Error::BodyInterrupted { .. }) => Some(interrupted),
            Err(failed) => return Err(failed),
        };
        let (this, actor) = (self.clone(), target.actor.clone());
        let status = self
            .detached(async move {
                let offset_bytes = upload.sync().await?;
                this.advance(&found, actor, offset_bytes).await?;
                drop(claim);
                Ok(UploadStatus { id: found.id, offset_bytes })
            })
            .await?;
        interrupted.map_or(Ok(status), Err)
    }

    /// Ends an upload with an optional last chunk: the blob is in the repository when it returns.
    ///
    /// An upload that is unknown is no error when the repository already holds the blob: the client repeats a request
    /// whose answer was lost.
    ///
    /// # Errors
    /// As [`Registry::append`], and `DigestMismatch`, which ends the upload. After any other the same request may be made
    /// again: what was acknowledged of the upload stays.
    pub async fn finish_upload<S, E>(
        &self,
        target: &UploadTarget,
        digest: &Digest,
        body: Body<S>,
    ) -> Result<BlobEntry, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
        E: Send,
    {
        let (claim, found) = match self.claim_upload(target).await {
            Ok(claimed) => claimed,
            Err(Error::UploadUnknown) => return self.find_finished(target, digest).await,
            Err(other) => return Err(other),
        };
        check_start(&body, found.offset_bytes)?;
        let size_bytes_max = self.inner.options.blob_size_bytes_max;
        let staged = if found.offset_bytes == 0 {
            self.receive_whole(found.id, digest, body).await?
        } else {
            let mut upload = self.resume(&found).await?;
            receive(Sink::Upload(&mut upload), found.offset_bytes, body, size_bytes_max).await?;
            Staged::Streamed(Box::new(upload))
        };
        let (repository, actor) = (target.repository.clone(), target.actor.clone());
        let session = Session::from(found.begun);
        match self.admit(Arrival { repository, actor, digest: *digest, claim, session }, staged).await {
            // An earlier commit, which was thought to have failed, has come through meanwhile.
            Err(Error::UploadUnknown) => self.find_finished(target, digest).await,
            admitted => admitted,
        }
    }

    /// Receives a blob of which nothing was sent before.
    async fn receive_whole<S, E>(&self, id: UploadId, digest: &Digest, body: Body<S>) -> Result<Staged, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
        E: Send,
    {
        let size_bytes_max = self.inner.options.blob_size_bytes_max;
        if let Some(length) = small_length(&body) {
            return Ok(Staged::Small(collect(body, length, size_bytes_max).await?));
        }
        let begun = self.inner.blobs.begin(id, digest).await;
        let mut blob = begun.map_err(|error| match error {
            blobs::Error::UploadBusy { .. } => Error::UploadBusy,
            other => other.into(),
        })?;
        receive(Sink::Blob(&mut blob), 0, body, size_bytes_max).await?;
        Ok(Staged::Whole(Box::new(blob)))
    }

    /// Returns what a request finds that ends an upload once more.
    async fn find_finished(&self, target: &UploadTarget, digest: &Digest) -> Result<BlobEntry, Error> {
        self.find_blob_to_reference(&target.repository, digest).await.map_err(|_| Error::UploadUnknown)
    }

    /// Stores a blob that came whole in one request.
    ///
    /// # Errors
    /// As [`Registry::finish_upload`], and `ProjectUnknown`.
    pub async fn push_blob<S, E>(
        &self,
        name: &RepositoryName,
        actor: &str,
        digest: &Digest,
        body: Body<S>,
    ) -> Result<BlobEntry, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
        E: Send,
    {
        let id = UploadId::generate();
        let claim = self.inner.writers.claim(id)?;
        let staged = match self.receive_whole(id, digest, body).await {
            Ok(staged) => staged,
            Err(refused) => {
                // Waits until what came is gone.
                self.remove_upload_or_leave(id).await;
                return Err(refused);
            }
        };
        let (repository, actor) = (name.clone(), actor.to_owned());
        self.admit(Arrival { repository, actor, digest: *digest, claim, session: Session::None }, staged).await
    }

    /// Puts a blob of one repository into another without moving a byte. Returns none when the source does not hold it.
    ///
    /// Whether the caller may read the source is the caller's question to `access`, before this one.
    ///
    /// # Errors
    /// `ProjectUnknown` for the target.
    pub async fn mount(
        &self,
        name: &RepositoryName,
        source: &RepositoryName,
        digest: &Digest,
        actor: &str,
    ) -> Result<Option<BlobEntry>, Error> {
        let this = self.clone();
        let (name, source, digest, actor) = (name.clone(), source.clone(), *digest, actor.to_owned());
        self.detached(async move {
            let (now_us, lease_us) = (this.now_us(), this.inner.options.lease_us());
            let generation = this.inner.caches.generation(name.as_str());
            let target = name.clone();
            let mounted = this
                .write(move |tx| {
                    let (name, source, actor) = (target.clone(), source.clone(), actor.clone());
                    Box::pin(async move {
                        let from = match find_repository(tx, &source).await {
                            Ok(from) => from,
                            Err(Error::NameUnknown(_)) => return Ok(None),
                            Err(other) => return Err(other),
                        };
                        let Some(mut entry) = load_blob(tx, from, &digest).await? else { return Ok(None) };
                        let id = ensure_repository(tx, &name, &actor, now_us).await?;
                        entry.collect_after_us = Some(now_us + lease_us);
                        let mut usage = UsageChange::default();
                        link(tx, id, &entry, &mut usage).await?;
                        usage.record(tx).await?;
                        let record = Record::allowed(&actor, "blob.mount", &format!("{name}@{digest}"))
                            .detail("from", source.as_str());
                        audit::record(tx, record).await?;
                        Ok(Some((id, entry)))
                    })
                })
                .await?;
            let Some((id, entry)) = mounted else { return Ok(None) };
            this.inner.caches.change(generation, name.as_str(), |changes| changes.blob(id, &entry));
            Ok(Some(entry))
        })
        .await
    }

    async fn load_upload(&self, target: &UploadTarget) -> Result<FoundUpload, Error> {
        let id: UploadId = target.id.parse().map_err(|_| Error::UploadUnknown)?;
        if let Some(begun) = self.inner.begun.find(&target.actor, &target.repository, id) {
            return Ok(FoundUpload { id, algorithm: begun.algorithm, offset_bytes: 0, begun: Some(begun) });
        }
        let (repository, actor) = (target.repository.clone(), target.actor.clone());
        self.read(move |tx| {
            Box::pin(async move {
                let row = tx
                    .find(&sql::FIND_UPLOAD, &[id.to_string().into(), repository.as_str().into()])
                    .await?
                    .ok_or(Error::UploadUnknown)?;
                if row.get::<String>(1)? != actor {
                    return Err(Error::UploadUnknown);
                }
                let algorithm =
                    row.get::<String>(2)?.parse().map_err(|_| Error::Stored { what: "digest algorithm" })?;
                Ok(FoundUpload { id, algorithm, offset_bytes: row.get(3)?, begun: None })
            })
        })
        .await
    }

    /// Takes an upload for this request alone and reads its row.
    async fn claim_upload(&self, target: &UploadTarget) -> Result<(Claim, FoundUpload), Error> {
        let id = target.id.parse().map_err(|_| Error::UploadUnknown)?;
        let claim = self.inner.writers.claim(id)?;
        Ok((claim, self.load_upload(target).await?))
    }

    async fn resume(&self, found: &FoundUpload) -> Result<Upload, Error> {
        match self.inner.blobs.resume(found.id, found.algorithm, found.offset_bytes).await {
            Ok(upload) => Ok(upload),
            Err(blobs::Error::UploadLost { .. }) => Err(Error::UploadUnknown),
            Err(blobs::Error::UploadBusy { .. }) => Err(Error::UploadBusy),
            Err(other) => Err(other.into()),
        }
    }

    /// Records what an upload holds.
    async fn advance(&self, found: &FoundUpload, actor: String, to: u64) -> Result<(), Error> {
        let (id, from) = (found.id, found.offset_bytes);
        let expires_at_us = self.now_us() + self.inner.options.upload_expiry_us;
        if let Some(begun) = &found.begun {
            let (upload, owner) = (BegunUpload { expires_at_us, ..begun.clone() }, actor.clone());
            self.write(move |tx| {
                let (upload, owner) = (upload.clone(), owner.clone());
                Box::pin(async move { insert_upload(tx, id, &owner, &upload, to).await })
            })
            .await?;
            self.inner.begun.remove(&actor, id);
            return Ok(());
        }
        self.write(move |tx| {
            Box::pin(async move {
                let changed = tx
                    .execute(
                        &sql::ADVANCE_UPLOAD,
                        &[id.to_string().into(), size_value(from), size_value(to), expires_at_us.into()],
                    )
                    .await?;
                if changed == 1 { Ok(()) } else { Err(Error::UploadUnknown) }
            })
        })
        .await
    }
}

/// Returns how many rows an actor's uploads have, up to the limit.
async fn count_uploads(tx: &mut Tx, actor: &str) -> Result<u64, Error> {
    let row = tx.find(&sql::COUNT_UPLOADS, &[actor.into(), size_value(UPLOADS_PER_ACTOR_MAX)]).await?;
    Ok(row.map_or(Ok(0), |row| row.get(0))?)
}

/// Makes an upload a row, unless its repository is gone.
async fn insert_upload(
    tx: &mut Tx,
    id: UploadId,
    actor: &str,
    upload: &BegunUpload,
    offset_bytes: u64,
) -> Result<(), Error> {
    let RepositoryId(repository) = upload.repository;
    let row = [
        id.to_string().into(),
        repository.into(),
        actor.into(),
        upload.algorithm.name().into(),
        size_value(offset_bytes),
        upload.started_at_us.into(),
        upload.expires_at_us.into(),
    ];
    if tx.execute(&sql::INSERT_UPLOAD, &row).await? == 1 { Ok(()) } else { Err(Error::UploadUnknown) }
}

fn check_start<S>(body: &Body<S>, offset: u64) -> Result<(), Error> {
    match &body.range {
        Some(range) if range.start() != offset => Err(Error::UploadRange { start: range.start(), offset }),
        _ => Ok(()),
    }
}

fn small_length<S>(body: &Body<S>) -> Option<usize> {
    body.length.filter(|length| *length <= SMALL_BODY_BYTES_MAX).and_then(|length| usize::try_from(length).ok())
}

/// Reads a small body whole.
async fn collect<S, E>(mut body: Body<S>, length: usize, size_bytes_max: u64) -> Result<Vec<Bytes>, Error>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
{
    if length as u64 > size_bytes_max {
        return Err(Error::BlobTooLarge { limit: size_bytes_max });
    }
    let announced = body.announced();
    let mut pieces = Pieces::default();
    while let Some(chunk) = body.stream.next().await {
        let chunk = chunk.map_err(|_| Error::BodyInterrupted { received: pieces.size_bytes() as u64 })?;
        let received = pieces.size_bytes() + chunk.len();
        if received > length {
            return Err(Error::SizeMismatch { announced: length as u64, actual: received as u64 });
        }
        pieces.push(chunk);
    }
    check_length(announced, pieces.size_bytes() as u64)?;
    Ok(pieces.into_vec())
}

/// Where a body is written to as it comes.
enum Sink<'a> {
    Upload(&'a mut Upload),
    Blob(&'a mut NewBlob),
}

impl Sink<'_> {
    async fn write(&mut self, bytes: Bytes) -> Result<(), blobs::Error> {
        match self {
            Self::Upload(upload) => upload.write(bytes).await,
            Self::Blob(blob) => blob.write(bytes).await,
        }
    }
}

/// Writes a body to where `start` bytes are already.
async fn receive<S, E>(mut sink: Sink<'_>, start: u64, mut body: Body<S>, size_bytes_max: u64) -> Result<(), Error>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
{
    let announced = body.announced();
    if announced.is_some_and(|length| start.saturating_add(length) > size_bytes_max) {
        return Err(Error::BlobTooLarge { limit: size_bytes_max });
    }
    let mut received = 0_u64;
    while let Some(chunk) = body.stream.next().await {
        let chunk = chunk.map_err(|_| Error::BodyInterrupted { received })?;
        received += chunk.len() as u64;
        if start.saturating_add(received) > size_bytes_max {
            return Err(Error::BlobTooLarge { limit: size_bytes_max });
        }
        if announced.is_some_and(|length| received > length) {
            check_length(announced, received)?;
        }
        sink.write(chunk).await?;
    }
    check_length(announced, received)
}

fn check_length(announced: Option<u64>, actual: u64) -> Result<(), Error> {
    match announced {
        Some(announced) if announced != actual => Err(Error::SizeMismatch { announced, actual }),
        _ => Ok(()),
    }
}

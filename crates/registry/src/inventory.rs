//! What the hub does with images by itself: the order to inventory each, and its own documents beside them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use db::{Tx, Value};
use ledger::audit::{self, Record};
use ledger::jobs::{Kind, NewJob};
use oci::{Digest, Manifest, RepositoryName, Tag, media_type};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::manifests::{self, ManifestPush, TagRule, remove_manifest};
use crate::pull::{stored_digest, stored_tag};
use crate::repositories::{Registry, RepositoryId, SYSTEM, find_repository};
use crate::statements as sql;
use crate::uploads::Body;

/// Inventories an image. Whoever has the handler is above this crate; pushes make the jobs, after everything more urgent.
pub const INVENTORY: Kind = Kind::new("inventory").priority(200).attempts_max(6);

/// Tags told of each manifest that was asked for.
pub const TAGS_OF_HELD_MAX: i64 = 10;

/// Indexes of indexes whose tags are told of a manifest. Clients write one level; each further one costs a step for every page of answers.
const INDEX_LEVELS_MAX: i64 = 3;

/// The annotation by which clients tell the hub's own documents among the referrers of an image, where it says `hub`. Nobody else's is listed with it.
pub const PRODUCER_ANNOTATION: &str = "garrison.producer";

/// The payload of [`INVENTORY`].
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct InventoryOrder {
    /// The number of the repository that holds the image.
    pub repository: i64,
    /// The image's manifest.
    pub digest: Digest,
}

/// A document that the hub makes about an image and keeps as its referrer.
#[derive(Clone, Debug)]
pub struct OwnDocument {
    /// Where the image is.
    pub repository: RepositoryName,
    /// The image's manifest.
    pub subject: Digest,
    /// The document's media type, which is the artifact type too.
    pub media_type: &'static str,
    /// The manifest that makes it a referrer.
    pub manifest: Bytes,
    /// The document's digest, as the manifest states it.
    pub digest: Digest,
    /// The document itself, the manifest's one layer.
    pub body: Bytes,
}

/// A manifest that a repository holds, with the names it has there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldManifest {
    /// The repository.
    pub repository: RepositoryName,
    /// The first tags of it and of the indexes that list it, at most [`TAGS_OF_HELD_MAX`].
    pub tags: Vec<Tag>,
    /// How many there are.
    pub tags_total: u64,
    /// When it was last pushed, in microseconds since 1970-01-01 UTC.
    pub pushed_at_us: i64,
    /// Who pushed it last.
    pub pushed_by: String,
}

impl Registry {
    /// Returns whether images that are pushed are to be inventoried.
    pub fn makes_inventories(&self) -> bool {
        self.inner.options.inventories
    }

    /// Orders the inventory of an image. While the same order waits, it is that one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn order_inventories(&self, orders: Vec<InventoryOrder>) -> Result<(), Error> {
        let orders = Arc::new(orders);
        self.write(move |tx| {
            let orders = Arc::clone(&orders);
            Box::pin(async move {
                for order in orders.iter() {
                    self::order(tx, RepositoryId(order.repository), order.digest).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Returns up to `limit` manifests of all repositories after a pair, in order, that may be images by their media type; which of them are
    /// [`list_root_file_systems`](Self::list_root_file_systems) says.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_images_after(
        &self,
        after: Option<InventoryOrder>,
        limit: u32,
    ) -> Result<Vec<InventoryOrder>, Error> {
        self.read(move |tx| {
            Box::pin(async move {
                let (repository, digest) = key_after(after);
                let rows = tx.query(&sql::LIST_IMAGES_AFTER, &[repository, digest, limit.into()]).await?;
                rows.iter().map(order_of_row).collect()
            })
        })
        .await
    }

    /// Returns what may be an image after a pair and up to another, beside which fewer than so many types of whole documents of the hub lie, in projects that
    /// want them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_undocumented(
        &self,
        after: Option<InventoryOrder>,
        through: InventoryOrder,
        types: usize,
    ) -> Result<Vec<InventoryOrder>, Error> {
        let types = i64::try_from(types).unwrap_or(i64::MAX);
        self.read(move |tx| {
            Box::pin(async move {
                let (repository, digest) = key_after(after);
                let last = [through.repository.into(), through.digest.to_bytes().into()];
                let [last_repository, last_digest] = last;
                let parameters = [repository, digest, last_repository, last_digest, types.into()];
                let rows = tx.query(&sql::LIST_UNDOCUMENTED, &parameters).await?;
                rows.iter().map(order_of_row).collect()
            })
        })
        .await
    }

    /// Returns which of some manifests of a repository are images whose layers together are a file system. Attestations that builders list
    /// beside images have the configuration of an image too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_root_file_systems(
        &self,
        repository: RepositoryId,
        manifests: Vec<Digest>,
    ) -> Result<Vec<Digest>, Error> {
        let manifests = Arc::new(manifests);
        self.read(move |tx| {
            let manifests = Arc::clone(&manifests);
            Box::pin(async move {
                let mut images = Vec::new();
                // One by one: each may have megabytes.
                for digest in manifests.iter() {
                    let key = [repository.0.into(), digest.to_bytes().into()];
                    let Some(row) = tx.find(&sql::FIND_MANIFEST, &key).await? else { continue };
                    let (media_type, body): (String, Vec<u8>) = (row.get(1)?, row.get(6)?);
                    let manifest = Manifest::parse(Some(&media_type), &body);
                    images.extend(manifest.is_ok_and(|manifest| manifest.is_root_file_system()).then_some(*digest));
                }
                Ok(images)
            })
        })
        .await
    }

    /// Returns the name of a repository by its number, or none when it is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn repository_name(&self, id: RepositoryId) -> Result<Option<RepositoryName>, Error> {
        self.read(move |tx| {
            Box::pin(async move {
                let row = tx.find(&sql::FIND_REPOSITORY_NAME, &[id.0.into()]).await?;
                row.map(|row| stored_name(&row.get::<String>(0)?)).transpose()
            })
        })
        .await
    }

    /// Returns which of some manifests are held by which of some repositories now, each under its number and digest.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_held_manifests(
        &self,
        wanted: &[(RepositoryId, Digest)],
    ) -> Result<BTreeMap<(RepositoryId, Digest), HeldManifest>, Error> {
        let wanted: Vec<Vec<Value>> =
            wanted.iter().map(|(id, digest)| vec![id.0.into(), digest.to_bytes().into()]).collect();
        self.read(move |tx| {
            Box::pin(async move {
                let mut held = BTreeMap::new();
                let first_tags = [TAGS_OF_HELD_MAX.into(), INDEX_LEVELS_MAX.into()];
                for row in tx.query_rows(&sql::LIST_NAMED_MANIFESTS, &[], &wanted).await? {
                    let key = (RepositoryId(row.get(0)?), stored_digest(&row.get::<Vec<u8>>(1)?)?);
                    let manifest = HeldManifest {
                        repository: stored_name(&row.get::<String>(2)?)?,
                        tags: Vec::new(),
                        tags_total: 0,
                        pushed_at_us: row.get(3)?,
                        pushed_by: row.get(4)?,
                    };
                    held.insert(key, manifest);
                }
                for row in tx.query_rows(&sql::LIST_FIRST_TAGS, &first_tags, &wanted).await? {
                    let key = (RepositoryId(row.get(0)?), stored_digest(&row.get::<Vec<u8>>(1)?)?);
                    if let Some(manifest) = held.get_mut(&key) {
                        manifest.tags.push(stored_tag(&row.get::<String>(2)?)?);
                        manifest.tags_total = u64::try_from(row.get::<i64>(3)?).unwrap_or_default();
                    }
                }
                Ok(held)
            })
        })
        .await
    }

    /// Returns whether a project wants the hub's documents about an image that a repository of it holds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wants_documents(&self, repository: RepositoryId, subject: Digest) -> Result<bool, Error> {
        self.read(move |tx| Box::pin(async move { wants_documents(tx, repository, subject).await })).await
    }

    /// Stores a document of the hub about an image as its referrer, and takes out the older ones of its type that nothing
    /// cites. Returns its manifest's digest; none when the image is gone or its project wants no documents, so that no
    /// referrer is left without its subject.
    ///
    /// # Errors
    /// `NameUnknown` when the repository is gone; those of [`Registry::push_manifest`].
    pub async fn push_document(&self, document: OwnDocument) -> Result<Option<Digest>, Error> {
        let OwnDocument { repository, subject, media_type, manifest, digest: blob, body } = document;
        let stream = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(body.clone())]);
        let body = Body { length: Some(body.len() as u64), range: None, stream };
        self.push_blob(&repository, SYSTEM, &blob, body).await?;
        let now_us = self.now_us();
        let push = ManifestPush {
            repository: repository.clone(),
            actor: SYSTEM.to_owned(),
            digest: None,
            tags: Vec::new(),
            tag_rule: TagRule::MakeOnly,
            content_type: Some(media_type::OCI_MANIFEST.to_owned()),
            body: manifest,
        };
        let prepared = Arc::new(manifests::prepare(push, now_us)?);
        self.seed_well_known(&prepared).await?;
        let this = self.clone();
        self.detached(async move {
            let generation = this.inner.caches.generation(repository.as_str());
            let due_us = now_us + this.inner.options.lease_us();
            let (shared, name) = (Arc::clone(&prepared), repository.clone());
            let stored = this
                .write(move |tx| {
                    let (prepared, name) = (Arc::clone(&shared), name.clone());
                    Box::pin(async move {
                        let id = find_repository(tx, &name).await?;
                        if !wants_documents(tx, id, subject).await? {
                            return Ok(None);
                        }
                        manifests::push_in(tx, &prepared, now_us).await?;
                        let digest = prepared.entry.digest;
                        let parameters =
                            [id.0.into(), subject.to_bytes().into(), media_type.into(), digest.to_bytes().into()];
                        let mut replaced = Vec::new();
                        for row in tx.query(&sql::LIST_UNCITED_DOCUMENTS, &parameters).await? {
                            let older = stored_digest(&row.get::<Vec<u8>>(0)?)?;
                            if let Some(removed) = remove_manifest(tx, id, older, due_us).await? {
                                let record = Record::allowed(SYSTEM, "manifest.delete", &format!("{name}@{older}"))
                                    .detail("replaced_by", digest.to_string());
                                audit::record(tx, record).await?;
                                replaced.push((older, removed));
                            }
                        }
                        Ok(Some((id, Arc::new(replaced))))
                    })
                })
                .await?;
            let Some((id, replaced)) = stored else { return Ok(None) };
            this.inner.caches.change(generation, repository.as_str(), |changes| {
                changes.manifest(id, &prepared.entry);
                for (older, removed) in replaced.iter() {
                    removed.apply(changes, id, *older);
                }
            });
            Ok(Some(prepared.entry.digest))
        })
        .await
    }
}

fn key_after(after: Option<InventoryOrder>) -> (Value, Value) {
    let (repository, digest) =
        after.map_or((i64::MIN, Vec::new()), |after| (after.repository, after.digest.to_bytes()));
    (repository.into(), digest.into())
}

fn order_of_row(row: &db::Row) -> Result<InventoryOrder, Error> {
    Ok(InventoryOrder { repository: row.get(0)?, digest: stored_digest(&row.get::<Vec<u8>>(1)?)? })
}

/// Orders the inventory of an image, in the transaction that stores it.
pub(crate) async fn order(tx: &mut Tx, repository: RepositoryId, digest: Digest) -> Result<(), Error> {
    let order = InventoryOrder { repository: repository.0, digest };
    let job = NewJob::new(INVENTORY, &order)?.key(&format!("{}/{digest}", repository.0))?;
    ledger::jobs::enqueue(tx, &job).await?;
    Ok(())
}

/// Refuses to delete a document that the hub made, unless its project wants none.
pub(crate) async fn refuse_own_document(tx: &mut Tx, id: RepositoryId, digest: Digest) -> Result<(), Error> {
    let own = tx.find(&sql::FIND_OWN_DOCUMENT, &[id.0.into(), digest.to_bytes().into()]).await?;
    own.map_or(Ok(()), |_| Err(Error::OwnDocument(digest)))
}

/// Refuses to delete a blob that a document needs which the hub made, unless its project wants none.
pub(crate) async fn refuse_own_blob(tx: &mut Tx, id: RepositoryId, digest: Digest) -> Result<(), Error> {
    let own = tx.find(&sql::FIND_OWN_DOCUMENT_OF_BLOB, &[id.0.into(), digest.to_bytes().into()]).await?;
    own.map_or(Ok(()), |_| Err(Error::OwnBlob(digest)))
}

async fn wants_documents(tx: &mut Tx, id: RepositoryId, subject: Digest) -> Result<bool, Error> {
    let row = tx.find(&sql::FIND_SUBJECT, &[id.0.into(), subject.to_bytes().into()]).await?;
    row.map_or(Ok(false), |row| Ok(row.get(0)?))
}

fn stored_name(text: &str) -> Result<RepositoryName, Error> {
    text.parse().map_err(|_| Error::Stored { what: "repository name" })
}

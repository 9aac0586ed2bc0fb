//! Manifests coming in and going.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use db::{Tx, Value};
use ledger::audit::{self, Record};
use oci::{Algorithm, Digest, Manifest, ManifestKind, RepositoryName, Tag, media_type};

use crate::beside;
use crate::cache::Changes;
use crate::collect;
use crate::error::Error;
use crate::inventory;
use crate::limits::TAGS_PER_PUSH_MAX;
use crate::pull::{ManifestEntry, size_value, stored_digest, stored_tag};
use crate::repositories::{Registry, RepositoryId, ensure_repository, find_repository};
use crate::statements as sql;
use crate::tagged;
use crate::uploads::Body;
use crate::usage::UsageChange;

const CONFIG: i64 = 1;
const LAYER: i64 = 2;
const CHILD: i64 = 3;

/// Whether a push may move a tag that exists. Making a tag is not moving one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TagRule {
    /// Tags may be made and moved.
    MakeAndMove,
    /// Tags may be made; one that points elsewhere is refused.
    MakeOnly,
}

/// A manifest to push.
#[derive(Clone, Debug)]
pub struct ManifestPush {
    /// Where to.
    pub repository: RepositoryName,
    /// Who pushes.
    pub actor: String,
    /// The digest that the client named, where it named one.
    pub digest: Option<Digest>,
    /// Tags to set.
    pub tags: Vec<Tag>,
    /// Whether tags may be moved.
    pub tag_rule: TagRule,
    /// `Content-Type` of the request.
    pub content_type: Option<String>,
    /// The bytes.
    pub body: Bytes,
}

/// A manifest that was pushed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PushedManifest {
    /// Its digest.
    pub digest: Digest,
    /// Subject that it refers to.
    pub subject: Option<Digest>,
}

pub(crate) struct Prepared {
    pub(crate) push: ManifestPush,
    pub(crate) manifest: Manifest,
    pub(crate) entry: Arc<ManifestEntry>,
    annotations: Option<String>,
    /// What must be there, with the sizes that the manifest says.
    required: Vec<(Digest, u64)>,
    /// What an index lists, which may be there.
    listed: Vec<(Digest, u64)>,
    references: Vec<(Digest, i64)>,
}

impl Registry {
    /// Stores a manifest and sets its tags, in one transaction.
    ///
    /// # Errors
    /// `ManifestInvalid`, `DigestMismatch`, `BlobsMissing`, `DescriptorSize`, `MediaTypeDiffers`, `TagExists`, `TooManyTags`, `ProjectUnknown`.
    pub async fn push_manifest(&self, push: ManifestPush) -> Result<PushedManifest, Error> {
        if push.tags.len() > TAGS_PER_PUSH_MAX {
            return Err(Error::TooManyTags { actual: push.tags.len(), limit: TAGS_PER_PUSH_MAX });
        }
        let now_us = self.now_us();
        let prepared = Arc::new(prepare(push, now_us)?);
        self.seed_well_known(&prepared).await?;
        let this = self.clone();
        self.detached(async move {
            let shared = Arc::clone(&prepared);
            let generation = this.inner.caches.generation(prepared.push.repository.as_str());
            let inventories = this.inner.options.inventories;
            let id = this
                .write(move |tx| {
                    let prepared = Arc::clone(&shared);
                    Box::pin(async move {
                        let Put { id, mut untagged } = push_in(tx, &prepared, now_us).await?;
                        if inventories {
                            let entry = &prepared.entry;
                            if prepared.manifest.is_root_file_system() {
                                inventory::order(tx, id, entry.digest).await?;
                            }
                            let index = (prepared.manifest.kind == ManifestKind::Index).then_some(entry.digest);
                            let about = (entry.subject, entry.artifact_type.as_deref());
                            beside::order_about(tx, id, index, about).await?;
                            // An image that is pushed is looked at with its inventory; what an index lists is not pushed again.
                            untagged.extend(index);
                            tagged::order(tx, id, &untagged).await?;
                        }
                        Ok(id)
                    })
                })
                .await?;
            let Prepared { push, entry, .. } = &*prepared;
            this.inner.caches.change(generation, push.repository.as_str(), |changes| {
                changes.manifest(id, entry);
                for tag in &push.tags {
                    changes.tag(id, tag, entry.digest);
                }
            });
            Ok(PushedManifest { digest: entry.digest, subject: entry.subject })
        })
        .await
    }

    /// Stores the empty blob and the empty JSON document where a manifest uses them: clients take their presence for
    /// granted and do not push them.
    pub(crate) async fn seed_well_known(&self, prepared: &Prepared) -> Result<(), Error> {
        let ManifestPush { repository, actor, .. } = &prepared.push;
        for (algorithm, content) in [
            (Algorithm::Sha256, &b""[..]),
            (Algorithm::Sha256, b"{}"),
            (Algorithm::Sha512, b""),
            (Algorithm::Sha512, b"{}"),
        ] {
            let digest = blobs::digest(algorithm, content);
            if !prepared.required.iter().any(|(required, _)| *required == digest) {
                continue;
            }
            match self.find_blob_to_reference(repository, &digest).await {
                Err(Error::BlobUnknown { .. } | Error::NameUnknown(_)) => {
                    let stream = futures_util::stream::iter([Ok::<_, Infallible>(Bytes::from_static(content))]);
                    let body = Body { length: Some(content.len() as u64), range: None, stream };
                    self.push_blob(repository, actor, &digest, body).await?;
                }
                found => {
                    found?;
                }
            }
        }
        Ok(())
    }

    /// Deletes a tag and leaves its manifest.
    ///
    /// # Errors
    /// `NameUnknown`, `ManifestUnknown`.
    pub async fn delete_tag(&self, name: &RepositoryName, tag: &Tag, actor: &str) -> Result<(), Error> {
        let this = self.clone();
        let (name, tag, actor) = (name.clone(), tag.clone(), actor.to_owned());
        self.detached(async move {
            let generation = this.inner.caches.generation(name.as_str());
            let (target, target_tag, inventories) = (name.clone(), tag.clone(), this.inner.options.inventories);
            let id = this
                .write(move |tx| {
                    let (name, tag, actor) = (target.clone(), target_tag.clone(), actor.clone());
                    Box::pin(async move {
                        let id = find_repository(tx, &name).await?;
                        let row =
                            tx.find(&sql::DELETE_TAG, &[id.0.into(), tag.as_str().into()]).await?.ok_or_else(|| {
                                Error::ManifestUnknown { repository: name.clone(), reference: tag.to_string() }
                            })?;
                        let digest = stored_digest(&row.get::<Vec<u8>>(0)?)?;
                        if inventories {
                            tagged::order(tx, id, &[digest]).await?;
                        }
                        let record = Record::allowed(&actor, "tag.delete", &format!("{name}:{tag}"))
                            .detail("digest", digest.to_string());
                        audit::record(tx, record).await?;
                        Ok(id)
                    })
                })
                .await?;
            this.inner.caches.change(generation, name.as_str(), |changes| changes.tag_gone(id, &tag));
            Ok(())
        })
        .await
    }

    /// Deletes a manifest, all tags that point to it and, after the grace period, its untagged referrers.
    ///
    /// # Errors
    /// `NameUnknown`, `ManifestUnknown`, `OwnDocument`.
    pub async fn delete_manifest(&self, name: &RepositoryName, digest: &Digest, actor: &str) -> Result<(), Error> {
        let this = self.clone();
        let (name, digest, actor) = (name.clone(), *digest, actor.to_owned());
        self.detached(async move {
            let (now_us, options) = (this.now_us(), &this.inner.options);
            let (due_us, referrers_due_us) = (now_us + options.lease_us(), now_us + options.referrer_lease_us());
            let generation = this.inner.caches.generation(name.as_str());
            let (target, inventories) = (name.clone(), options.inventories);
            let (id, removed) = this
                .write(move |tx| {
                    let (name, actor) = (target.clone(), actor.clone());
                    Box::pin(async move {
                        let id = find_repository(tx, &name).await?;
                        inventory::refuse_own_document(tx, id, digest).await?;
                        let removed = remove_manifest(tx, id, digest, due_us).await?.ok_or_else(|| {
                            Error::ManifestUnknown { repository: name.clone(), reference: digest.to_string() }
                        })?;
                        collect::offer_referrers(tx, id, digest, referrers_due_us, None).await?;
                        if inventories {
                            removed.order_looks(tx, id, digest).await?;
                        }
                        let names: Vec<&str> = removed.tags.iter().map(Tag::as_str).collect();
                        let record = Record::allowed(&actor, "manifest.delete", &format!("{name}@{digest}"))
                            .detail("tags", names);
                        audit::record(tx, record).await?;
                        Ok((id, removed))
                    })
                })
                .await?;
            this.inner.caches.change(generation, name.as_str(), |changes| removed.apply(changes, id, digest));
            Ok(())
        })
        .await
    }

    /// Takes a blob out of one repository. Others that hold it keep it.
    ///
    /// # Errors
    /// `NameUnknown`, `BlobUnknown`, `OwnBlob`.
    pub async fn delete_blob(&self, name: &RepositoryName, digest: &Digest, actor: &str) -> Result<(), Error> {
        let this = self.clone();
        let (name, digest, actor) = (name.clone(), *digest, actor.to_owned());
        self.detached(async move {
            let now_us = this.now_us();
            let generation = this.inner.caches.generation(name.as_str());
            let (target, inventories) = (name.clone(), this.inner.options.inventories);
            let id = this
                .write(move |tx| {
                    let (name, actor) = (target.clone(), actor.clone());
                    Box::pin(async move {
                        let id = find_repository(tx, &name).await?;
                        inventory::refuse_own_blob(tx, id, digest).await?;
                        let held = tx.execute(&sql::UNLINK_BLOB, &[id.0.into(), digest.to_bytes().into()]).await?;
                        if held == 0 {
                            return Err(Error::BlobUnknown { repository: name, digest });
                        }
                        let mut usage = UsageChange::default();
                        let stored = tx.find(&sql::FIND_STORED_BLOB, &[digest.to_bytes().into()]).await?;
                        usage.unlinked(id, stored.map_or(Ok(0), |row| row.get(0))?);
                        collect::discard_unheld(tx, &[digest], now_us, &mut usage).await?;
                        usage.record(tx).await?;
                        if inventories {
                            beside::order_without_blob(tx, id, digest).await?;
                        }
                        let record = Record::allowed(&actor, "blob.delete", &format!("{name}@{digest}"));
                        audit::record(tx, record).await?;
                        Ok(id)
                    })
                })
                .await?;
            this.inner.caches.change(generation, name.as_str(), |changes| changes.blob_gone(id, digest));
            Ok(())
        })
        .await
    }
}

/// Decides everything about a push that needs no database.
pub(crate) fn prepare(push: ManifestPush, now_us: i64) -> Result<Prepared, Error> {
    let manifest = Manifest::parse(push.content_type.as_deref(), &push.body).map_err(Error::ManifestInvalid)?;
    let algorithm = push.digest.map_or(Algorithm::Sha256, |digest| digest.algorithm());
    let digest = blobs::digest(algorithm, &push.body);
    if let Some(expected) = push.digest.filter(|expected| *expected != digest) {
        return Err(Error::DigestMismatch { expected });
    }
    let mut required = Vec::new();
    let mut references = Vec::new();
    if let Some(config) = &manifest.config {
        required.push((config.digest, config.size));
        references.push((config.digest, CONFIG));
    }
    for layer in &manifest.layers {
        // A foreign layer lives where its `urls` say; it is served from here only if it was pushed here.
        if !layer.is_foreign() {
            required.push((layer.digest, layer.size));
        }
        references.push((layer.digest, LAYER));
    }
    if manifest.kind != ManifestKind::Image {
        required.clear();
    }
    let mut listed: Vec<_> = manifest.manifests.iter().map(|child| (child.digest, child.size)).collect();
    listed.sort_unstable();
    listed.dedup();
    references.extend(manifest.manifests.iter().map(|child| (child.digest, CHILD)));
    references.sort_unstable();
    references.dedup();
    required.sort_unstable();
    required.dedup();
    let annotations = (manifest.subject.is_some() && !manifest.annotations.is_empty())
        .then(|| serde_json::to_string(&manifest.annotations).unwrap_or_default());
    let entry = Arc::new(ManifestEntry {
        digest,
        media_type: manifest.media_type.clone(),
        artifact_type: manifest.artifact_type.clone(),
        subject: manifest.subject.as_ref().map(|subject| subject.digest),
        body: push.body.clone(),
        pushed_at_us: now_us,
        pushed_by: push.actor.clone(),
    });
    Ok(Prepared { push, manifest, entry, annotations, required, listed, references })
}

/// What became of a push.
pub(crate) struct Put {
    pub(crate) id: RepositoryId,
    /// Manifests from which it took a tag.
    untagged: Vec<Digest>,
}

pub(crate) async fn push_in(tx: &mut Tx, prepared: &Prepared, now_us: i64) -> Result<Put, Error> {
    let Prepared { push, entry, .. } = prepared;
    let id = ensure_repository(tx, &push.repository, &push.actor, now_us).await?;
    check_required(tx, id, &prepared.required).await?;
    check_listed(tx, id, &prepared.listed).await?;
    let digest = entry.digest.to_bytes();
    tx.execute(&sql::INSERT_MANIFEST, &[digest.clone().into(), entry.body.to_vec().into()]).await?;
    let put = tx
        .execute(
            &sql::UPSERT_REPOSITORY_MANIFEST,
            &[
                id.0.into(),
                digest.clone().into(),
                entry.media_type.as_str().into(),
                entry.artifact_type.as_deref().into(),
                entry.subject.map(|subject| subject.to_bytes()).into(),
                prepared.annotations.as_deref().into(),
                size_value(entry.body.len() as u64),
                now_us.into(),
                push.actor.as_str().into(),
            ],
        )
        .await?;
    if put == 0 {
        let stored = tx.find(&sql::FIND_MEDIA_TYPE, &[id.0.into(), digest.into()]).await?;
        let stored = stored.map_or(Ok(String::new()), |row| row.get(0))?;
        return Err(Error::MediaTypeDiffers { digest: entry.digest, stored, pushed: entry.media_type.clone() });
    }
    if !prepared.references.is_empty() {
        let rows: Vec<Vec<Value>> = prepared
            .references
            .iter()
            .map(|(target, kind)| vec![id.0.into(), digest.clone().into(), target.to_bytes().into(), (*kind).into()])
            .collect();
        tx.execute_rows(&sql::INSERT_REFERENCES, &[], &rows).await?;
    }
    let mut record = Record::allowed(&push.actor, "manifest.push", &format!("{}@{}", push.repository, entry.digest));
    let mut untagged = Vec::new();
    for tag in &push.tags {
        let moved_from = set_tag(tx, id, tag, &entry.digest, push.tag_rule, now_us).await?;
        untagged.extend(moved_from);
        record =
            record.detail(&format!("tag:{tag}"), moved_from.map_or_else(|| "made".to_owned(), |from| from.to_string()));
    }
    if let Some(subject) = &prepared.manifest.subject {
        record = record.detail("subject", subject.digest.to_string());
    }
    audit::record(tx, record).await?;
    Ok(Put { id, untagged })
}

/// Has an image refused whose config and layers are not all there, of the sizes that it says.
async fn check_required(tx: &mut Tx, id: RepositoryId, required: &[(Digest, u64)]) -> Result<(), Error> {
    let held = load_sizes(tx, &sql::LIST_HELD_BLOBS, id, required).await?;
    let mut missing: Vec<Digest> =
        required.iter().map(|(digest, _)| *digest).filter(|digest| !held.contains_key(digest)).collect();
    missing.dedup();
    if !missing.is_empty() {
        return Err(Error::BlobsMissing(missing));
    }
    check_sizes(required, &held)
}

/// Has an index refused that says another size of what it lists and the repository holds: manifests, or the layers of a build
/// cache.
async fn check_listed(tx: &mut Tx, id: RepositoryId, listed: &[(Digest, u64)]) -> Result<(), Error> {
    for statement in [&sql::LIST_HELD_MANIFESTS, &sql::LIST_HELD_BLOBS] {
        check_sizes(listed, &load_sizes(tx, statement, id, listed).await?)?;
    }
    Ok(())
}

fn check_sizes(named: &[(Digest, u64)], held: &BTreeMap<Digest, u64>) -> Result<(), Error> {
    for (digest, stated) in named {
        if let Some(actual) = held.get(digest).filter(|actual| *actual != stated) {
            return Err(Error::DescriptorSize { digest: *digest, stated: *stated, actual: *actual });
        }
    }
    Ok(())
}

/// Returns the sizes of those that the repository holds.
async fn load_sizes(
    tx: &mut Tx,
    statement: &'static db::Statement,
    id: RepositoryId,
    named: &[(Digest, u64)],
) -> Result<BTreeMap<Digest, u64>, Error> {
    let mut wanted: Vec<Digest> = named.iter().map(|(digest, _)| *digest).collect();
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let wanted: Vec<Value> = wanted.iter().map(|digest| digest.to_bytes().into()).collect();
    let rows = tx.query_list(statement, &[id.0.into()], &wanted).await?;
    rows.iter().map(|row| Ok((stored_digest(&row.get::<Vec<u8>>(0)?)?, row.get(1)?))).collect()
}

/// Points a tag at a manifest and returns where it pointed before.
async fn set_tag(
    tx: &mut Tx,
    id: RepositoryId,
    tag: &Tag,
    digest: &Digest,
    rule: TagRule,
    now_us: i64,
) -> Result<Option<Digest>, Error> {
    let former = tx
        .find(&sql::FIND_TAG, &[id.0.into(), tag.as_str().into()])
        .await?
        .map(|row| stored_digest(&row.get::<Vec<u8>>(0)?))
        .transpose()?;
    if rule == TagRule::MakeOnly && former.is_some_and(|former| former != *digest) {
        return Err(Error::TagExists { tag: tag.clone() });
    }
    tx.execute(&sql::UPSERT_TAG, &[id.0.into(), tag.as_str().into(), digest.to_bytes().into(), now_us.into()]).await?;
    Ok(former.filter(|former| former != digest))
}

/// What went with a manifest.
pub(crate) struct Removed {
    /// Tags that pointed to it.
    pub(crate) tags: Vec<Tag>,
    /// What it referenced.
    targets: Vec<Digest>,
    /// What it referred to.
    subject: Option<Digest>,
    artifact_type: Option<String>,
    media_type: String,
}

impl Removed {
    /// Orders a look at what lies beside what went, what it referred to, and what listed it; at whether tags still hold what it listed; and at what is
    /// noted of it, if it was an image.
    pub(crate) async fn order_looks(&self, tx: &mut Tx, id: RepositoryId, digest: Digest) -> Result<(), Error> {
        // What refers to another manifest is about an image, and seldom one itself.
        let is_image = self.artifact_type.as_deref().is_some_and(media_type::is_container_config);
        let mut held: Vec<Digest> = (self.subject.is_none() || is_image).then_some(digest).into_iter().collect();
        if media_type::is_index(&self.media_type) {
            beside::order_with_above(tx, id, digest).await?;
            held.extend(&self.targets);
        }
        tagged::order(tx, id, &held).await?;
        beside::order_about(tx, id, Some(digest), (self.subject, self.artifact_type.as_deref())).await
    }

    /// Brings the removal to the caches. A blob that it referenced has a lease again, which its entry does not say.
    pub(crate) fn apply(&self, changes: &Changes<'_>, id: RepositoryId, digest: Digest) {
        changes.manifest_gone(id, digest);
        for tag in &self.tags {
            changes.tag_gone(id, tag);
        }
        for target in &self.targets {
            changes.blob_gone(id, *target);
        }
    }
}

/// Takes a manifest out of a repository and offers what only it held to collection. Returns what went with it, or none
/// when the repository does not hold it.
pub(crate) async fn remove_manifest(
    tx: &mut Tx,
    id: RepositoryId,
    digest: Digest,
    due_us: i64,
) -> Result<Option<Removed>, Error> {
    let bytes = digest.to_bytes();
    let row = tx.find(&sql::DELETE_REPOSITORY_MANIFEST, &[id.0.into(), bytes.clone().into()]).await?;
    let Some(row) = row else { return Ok(None) };
    let subject = row.get::<Option<Vec<u8>>>(0)?.map(|bytes| stored_digest(&bytes)).transpose()?;
    let (artifact_type, media_type) = (row.get(1)?, row.get(2)?);
    let mut tags = Vec::new();
    for row in tx.query(&sql::DELETE_TAGS_OF, &[id.0.into(), bytes.clone().into()]).await? {
        tags.push(stored_tag(&row.get::<String>(0)?)?);
    }
    let mut targets = Vec::new();
    for row in tx.query(&sql::DELETE_REFERENCES, &[id.0.into(), bytes.clone().into()]).await? {
        targets.push(stored_digest(&row.get::<Vec<u8>>(0)?)?);
    }
    let list: Vec<Value> = targets.iter().map(|target| target.to_bytes().into()).collect();
    tx.execute_list(&sql::OFFER_BLOBS, &[id.0.into(), due_us.into()], &list).await?;
    tx.execute(&sql::DELETE_MANIFEST, &[bytes.into()]).await?;
    Ok(Some(Removed { tags, targets, subject, artifact_type, media_type }))
}

//! Lists, each a page found by key: repositories, tags, manifests, referrers.

use std::collections::BTreeMap;

use db::Row;
use oci::{Descriptor, Digest, RepositoryName, Tag};

use crate::error::Error;
use crate::limits::{CATALOG_PER_PAGE_MAX, REFERRERS_PAGE_BYTES_MAX, REFERRERS_PER_PAGE_MAX, TAGS_PER_PAGE_MAX};
use crate::pull::{stored_digest, stored_tag};
use crate::repositories::{Registry, find_repository};
use crate::statements as sql;

/// One page of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// Whether there is more after the last item.
    pub more: bool,
}

/// A repository in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RepositorySummary {
    /// Its full name.
    pub name: RepositoryName,
    /// When it was made, in microseconds since 1970-01-01 UTC.
    pub created_at_us: i64,
}

/// A tag in a list, with what it points to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TagSummary {
    /// Its name.
    pub tag: Tag,
    /// The manifest.
    pub digest: Digest,
    /// When the tag was made and last set, in microseconds since 1970-01-01 UTC.
    pub created_at_us: i64,
    /// When the tag was last set.
    pub updated_at_us: i64,
    /// The manifest's media type.
    pub media_type: String,
    /// The manifest's artifact type, or the media type of an image's config.
    pub artifact_type: Option<String>,
    /// The manifest's size.
    pub size_bytes: u64,
}

/// A manifest in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManifestSummary {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its artifact type, or the media type of an image's config.
    pub artifact_type: Option<String>,
    /// Subject that it refers to.
    pub subject: Option<Digest>,
    /// Its size.
    pub size_bytes: u64,
    /// When it was last pushed, in microseconds since 1970-01-01 UTC.
    pub pushed_at_us: i64,
    /// Who pushed it last.
    pub pushed_by: String,
    /// Up to 100 of its tags.
    pub tags: Vec<Tag>,
}

/// A page of referrers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Referrers {
    /// Descriptors, ordered by digest.
    pub descriptors: Vec<Descriptor>,
    /// Digest after which the next page begins; none on the last page.
    pub next: Option<Digest>,
}

const TAGS_SHOWN_PER_MANIFEST: i64 = 100;

impl Registry {
    /// Returns repositories after a name, of one project or of all. What the caller may see is filtered by the caller.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_repositories(
        &self,
        project: Option<&str>,
        after: &str,
        limit: u64,
    ) -> Result<Page<RepositorySummary>, Error> {
        let limit = limit.min(CATALOG_PER_PAGE_MAX);
        let (project, after) = (project.map(ToOwned::to_owned), after.to_owned());
        self.read(move |tx| {
            Box::pin(async move {
                let wanted = one_more(limit);
                let rows = match project {
                    Some(project) => {
                        let parameters = [project.into(), after.into(), wanted.into()];
                        tx.query(&sql::LIST_PROJECT_REPOSITORIES, &parameters).await?
                    }
                    None => tx.query(&sql::LIST_REPOSITORIES, &[after.into(), wanted.into()]).await?,
                };
                page(rows, limit, |row| {
                    Ok(RepositorySummary {
                        name: row.get::<String>(1)?.parse().map_err(|_| Error::Stored { what: "repository name" })?,
                        created_at_us: row.get(2)?,
                    })
                })
            })
        })
        .await
    }

    /// Returns the names of tags after a name, in ASCII order.
    ///
    /// # Errors
    /// `NameUnknown`.
    pub async fn list_tags(&self, name: &RepositoryName, after: &str, limit: Option<u64>) -> Result<Page<String>, Error> {
        let limit = limit.unwrap_or(TAGS_PER_PAGE_MAX).min(TAGS_PER_PAGE_MAX);
        let (name, after) = (name.clone(), after.to_owned());
        self.read(move |tx| {
            Box::pin(async move {
                let id = find_repository(tx, &name).await?;
                if limit == 0 {
                    return Ok(Page { items: Vec::new(), more: false });
                }
                let rows = tx.query(&sql::LIST_TAGS, &[id.0.into(), after.into(), one_more(limit).into()]).await?;
                page(rows, limit, |row| Ok(row.get(0)?))
            })
        })
        .await
    }

    /// Returns tags after a name with what they point to.
    ///
    /// # Errors
    /// `NameUnknown`.
    pub async fn list_tag_summaries(
        &self,
        name: &RepositoryName,
        after: &str,
        limit: u64,
    ) -> Result<Page<TagSummary>, Error> {
        let (name, after) = (name.clone(), after.to_owned());
        self.read(move |tx| {
            Box::pin(async move {
                let id = find_repository(tx, &name).await?;
                let parameters = [id.0.into(), after.into(), one_more(limit).into()];
                let rows = tx.query(&sql::LIST_TAG_SUMMARIES, &parameters).await?;
                page(rows, limit, |row| {
                    Ok(TagSummary {
                        tag: stored_tag(&row.get::<String>(0)?)?,
                        digest: stored_digest(&row.get::<Vec<u8>>(1)?)?,
                        created_at_us: row.get(2)?,
                        updated_at_us: row.get(3)?,
                        media_type: row.get(4)?,
                        artifact_type: row.get(5)?,
                        size_bytes: row.get(6)?,
                    })
                })
            })
        })
        .await
    }

    /// Returns manifests, newest first, before a time and digest.
    ///
    /// # Errors
    /// `NameUnknown`.
    pub async fn list_manifests(
        &self,
        name: &RepositoryName,
        before: Option<(i64, Digest)>,
        limit: u64,
    ) -> Result<Page<ManifestSummary>, Error> {
        let name = name.clone();
        self.read(move |tx| {
            Box::pin(async move {
                let id = find_repository(tx, &name).await?;
                let (before_us, before_digest) =
                    before.map_or((i64::MAX, Vec::new()), |(before_us, digest)| (before_us, digest.to_bytes()));
                let parameters = [id.0.into(), before_us.into(), before_digest.into(), one_more(limit).into()];
                let rows = tx.query(&sql::LIST_MANIFESTS, &parameters).await?;
                let mut found = page(rows, limit, |row| {
                    Ok(ManifestSummary {
                        digest: stored_digest(&row.get::<Vec<u8>>(0)?)?,
                        media_type: row.get(1)?,
                        artifact_type: row.get(2)?,
                        subject: row.get::<Option<Vec<u8>>>(3)?.map(|bytes| stored_digest(&bytes)).transpose()?,
                        size_bytes: row.get(4)?,
                        pushed_at_us: row.get(5)?,
                        pushed_by: row.get(6)?,
                        tags: Vec::new(),
                    })
                })?;
                for manifest in &mut found.items {
                    let parameters =
                        [id.0.into(), manifest.digest.to_bytes().into(), TAGS_SHOWN_PER_MANIFEST.into()];
                    for row in tx.query(&sql::LIST_TAGS_OF, &parameters).await? {
                        manifest.tags.push(stored_tag(&row.get::<String>(0)?)?);
                    }
                }
                Ok(found)
            })
        })
        .await
    }

    /// Returns descriptors of the manifests whose subject is `digest`. A repository or subject that is not there has
    /// none. A page ends at a number of descriptors or of bytes, whichever comes first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_referrers(
        &self,
        name: &RepositoryName,
        digest: &Digest,
        artifact_type: Option<&str>,
        after: Option<&Digest>,
        limit: Option<u64>,
    ) -> Result<Referrers, Error> {
        let limit = limit.unwrap_or(REFERRERS_PER_PAGE_MAX).clamp(1, REFERRERS_PER_PAGE_MAX);
        let (name, digest) = (name.clone(), *digest);
        let artifact_type = artifact_type.map(ToOwned::to_owned);
        let after = after.map(Digest::to_bytes).unwrap_or_default();
        self.read(move |tx| {
            Box::pin(async move {
                let id = match find_repository(tx, &name).await {
                    Ok(id) => id,
                    Err(Error::NameUnknown(_)) => return Ok(Referrers { descriptors: Vec::new(), next: None }),
                    Err(other) => return Err(other),
                };
                let (subject, wanted) = (digest.to_bytes(), one_more(limit));
                let rows = match artifact_type {
                    Some(artifact_type) => {
                        let parameters =
                            [id.0.into(), subject.into(), artifact_type.into(), after.into(), wanted.into()];
                        tx.query(&sql::LIST_REFERRERS_OF_TYPE, &parameters).await?
                    }
                    None => {
                        let parameters = [id.0.into(), subject.into(), after.into(), wanted.into()];
                        tx.query(&sql::LIST_REFERRERS, &parameters).await?
                    }
                };
                referrers_page(&rows, limit)
            })
        })
        .await
    }

    /// Returns how many blobs a repository holds and their bytes, each blob once.
    ///
    /// # Errors
    /// `NameUnknown`.
    pub async fn repository_usage(&self, name: &RepositoryName) -> Result<(u64, u64), Error> {
        let name = name.clone();
        self.read(move |tx| {
            Box::pin(async move {
                let id = find_repository(tx, &name).await?;
                let row = tx.find(&sql::REPOSITORY_USAGE, &[id.0.into()]).await?;
                row.map_or(Ok((0, 0)), |row| Ok((row.get(0)?, row.get(1)?)))
            })
        })
        .await
    }
}

/// Returns how many rows to read to know whether there is more.
fn one_more(limit: u64) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

fn page<T>(rows: Vec<Row>, limit: u64, item: impl Fn(&Row) -> Result<T, Error>) -> Result<Page<T>, Error> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    let items = rows.iter().take(limit).map(item).collect::<Result<Vec<_>, _>>()?;
    Ok(Page { items, more })
}

fn referrers_page(rows: &[Row], limit: u64) -> Result<Referrers, Error> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut descriptors: Vec<Descriptor> = Vec::new();
    let mut bytes = 0_usize;
    for row in rows {
        let annotations: Option<String> = row.get(4)?;
        let media_type: String = row.get(1)?;
        bytes += annotations.as_deref().map_or(0, str::len) + media_type.len() + 256;
        let full = descriptors.len() == limit || (bytes > REFERRERS_PAGE_BYTES_MAX && !descriptors.is_empty());
        if full {
            let next = descriptors.last().map(|last| last.digest);
            return Ok(Referrers { descriptors, next });
        }
        let annotations: BTreeMap<String, String> = annotations
            .map(|text| serde_json::from_str(&text).map_err(|_| Error::Stored { what: "annotations" }))
            .transpose()?
            .unwrap_or_default();
        descriptors.push(Descriptor {
            media_type,
            digest: stored_digest(&row.get::<Vec<u8>>(0)?)?,
            size: row.get(3)?,
            artifact_type: row.get(2)?,
            annotations,
            urls: Vec::new(),
            data: None,
            platform: None,
        });
    }
    Ok(Referrers { descriptors, next: None })
}

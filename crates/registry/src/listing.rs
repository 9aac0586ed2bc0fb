//! Lists, each a page found by key: repositories, tags, manifests, referrers.

use std::collections::BTreeMap;

use db::{Row, Value};
use oci::{Descriptor, Digest, RepositoryName, Tag};

use crate::error::Error;
use crate::inventory::PRODUCER_ANNOTATION;
use crate::limits::{CATALOG_PER_PAGE_MAX, REFERRERS_PAGE_BYTES_MAX, REFERRERS_PER_PAGE_MAX, TAGS_PER_PAGE_MAX};
use crate::pull::{stored_digest, stored_tag};
use crate::repositories::{Registry, RepositoryId, SYSTEM, find_repository};
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
    /// Its number.
    pub id: RepositoryId,
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
                if limit == 0 {
                    return Ok(Page { items: Vec::new(), more: false });
                }
                let wanted = one_more(limit);
                let rows = match project {
                    Some(project) => {
                        let parameters = [project.into(), after.into(), wanted.into()];
                        tx.query(&sql::LIST_PROJECT_REPOSITORIES, &parameters).await?
                    }
                    None => tx.query(&sql::LIST_REPOSITORIES, &[after.into(), wanted.into()]).await?,
                };
                page(&rows, limit, repository_summary)
            })
        })
        .await
    }

    /// Returns the repositories of some projects after a name: what a caller sees who is a member of few among many. It
    /// costs a look-up a project and a row a repository, whatever else there is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_repositories_of(
        &self,
        projects: &[&str],
        after: &str,
        limit: u64,
    ) -> Result<Page<RepositorySummary>, Error> {
        let limit = limit.min(CATALOG_PER_PAGE_MAX);
        let projects = in_order(projects, after);
        let after = after.to_owned();
        self.read(move |tx| {
            Box::pin(async move {
                let mut found = Page { items: Vec::new(), more: false };
                if limit == 0 {
                    return Ok(found);
                }
                for project in projects {
                    let left = limit - found.items.len() as u64;
                    let parameters = [project.into(), after.as_str().into(), one_more(left).into()];
                    let rows = tx.query(&sql::LIST_PROJECT_REPOSITORIES, &parameters).await?;
                    let part = page(&rows, left, repository_summary)?;
                    found.items.extend(part.items);
                    if part.more {
                        found.more = true;
                        break;
                    }
                }
                Ok(found)
            })
        })
        .await
    }

    /// Returns the names of tags after a name, in ASCII order.
    ///
    /// # Errors
    /// `NameUnknown`.
    pub async fn list_tags(
        &self,
        name: &RepositoryName,
        after: &str,
        limit: Option<u64>,
    ) -> Result<Page<String>, Error> {
        let limit = limit.unwrap_or(TAGS_PER_PAGE_MAX).min(TAGS_PER_PAGE_MAX);
        let (name, after) = (name.clone(), after.to_owned());
        self.read(move |tx| {
            Box::pin(async move {
                let id = find_repository(tx, &name).await?;
                if limit == 0 {
                    return Ok(Page { items: Vec::new(), more: false });
                }
                let rows = tx.query(&sql::LIST_TAGS, &[id.0.into(), after.into(), one_more(limit).into()]).await?;
                page(&rows, limit, |row| Ok(row.get(0)?))
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
                page(&rows, limit, |row| {
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
                let mut found = page(&rows, limit, |row| {
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
                    let parameters = [id.0.into(), manifest.digest.to_bytes().into(), TAGS_SHOWN_PER_MANIFEST.into()];
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
    /// none. A page ends at a number of descriptors or of bytes, whichever comes first. The mark of the hub's own documents is told of those alone.
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
        let mut after = after.map(Digest::to_bytes).unwrap_or_default();
        self.read(move |tx| {
            Box::pin(async move {
                let mut found = ReferrersPage::new(limit);
                let id = match find_repository(tx, &name).await {
                    Ok(id) => id,
                    Err(Error::NameUnknown(_)) => return Ok(found.end()),
                    Err(other) => return Err(other),
                };
                let batch: Value = REFERRERS_BATCH_ROWS.into();
                // In batches: a page that its bytes end early has not had all its rows in memory.
                loop {
                    let (subject, artifact_type) = (digest.to_bytes(), artifact_type.clone());
                    let rows = if let Some(artifact_type) = artifact_type {
                        let parameters =
                            [id.0.into(), subject.into(), artifact_type.into(), after.into(), batch.clone()];
                        tx.query(&sql::LIST_REFERRERS_OF_TYPE, &parameters).await?
                    } else {
                        let parameters = [id.0.into(), subject.into(), after.into(), batch.clone()];
                        tx.query(&sql::LIST_REFERRERS, &parameters).await?
                    };
                    for row in &rows {
                        if !found.add(row)? {
                            return Ok(found.cut());
                        }
                    }
                    match rows.last() {
                        Some(last) if rows.len() as u64 == u64::from(REFERRERS_BATCH_ROWS) => after = last.get(0)?,
                        _ => return Ok(found.end()),
                    }
                }
            })
        })
        .await
    }
}

/// Returns projects in the order of their repositories' names, without those whose repositories all come before `after`.
fn in_order(projects: &[&str], after: &str) -> Vec<String> {
    // `a-b/x` comes before `a/x`, as `-` comes before `/`.
    let mut prefixes: Vec<String> = projects.iter().map(|project| format!("{project}/")).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    prefixes.retain(|prefix| after.starts_with(prefix.as_str()) || prefix.as_str() > after);
    for prefix in &mut prefixes {
        prefix.pop();
    }
    prefixes
}

fn repository_summary(row: &Row) -> Result<RepositorySummary, Error> {
    Ok(RepositorySummary {
        id: RepositoryId(row.get(0)?),
        name: row.get::<String>(1)?.parse().map_err(|_| Error::Stored { what: "repository name" })?,
        created_at_us: row.get(2)?,
    })
}

/// Returns how many rows to read to know whether there is more.
fn one_more(limit: u64) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

fn page<T>(rows: &[Row], limit: u64, item: impl Fn(&Row) -> Result<T, Error>) -> Result<Page<T>, Error> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    let items = rows.iter().take(limit).map(item).collect::<Result<Vec<_>, _>>()?;
    Ok(Page { items, more })
}

/// Referrers that are read at once.
const REFERRERS_BATCH_ROWS: u32 = 32;

/// A page of referrers that fills.
struct ReferrersPage {
    descriptors: Vec<Descriptor>,
    bytes: usize,
    limit: u64,
}

impl ReferrersPage {
    fn new(limit: u64) -> Self {
        Self { descriptors: Vec::new(), bytes: 0, limit }
    }

    /// Adds a referrer, unless the page is full.
    fn add(&mut self, row: &Row) -> Result<bool, Error> {
        let (media_type, artifact_type): (String, Option<String>) = (row.get(1)?, row.get(2)?);
        let annotations: Option<String> = row.get(4)?;
        let texts = annotations.as_deref().map_or(0, str::len) + artifact_type.as_deref().map_or(0, str::len);
        self.bytes += texts + media_type.len() + 256;
        let is_full = self.descriptors.len() as u64 == self.limit
            || (self.bytes > REFERRERS_PAGE_BYTES_MAX && !self.descriptors.is_empty());
        if is_full {
            return Ok(false);
        }
        let mut annotations: BTreeMap<String, String> = annotations
            .map(|text| serde_json::from_str(&text).map_err(|_| Error::Stored { what: "annotations" }))
            .transpose()?
            .unwrap_or_default();
        // Anyone may write it into a manifest, also by copying the hub's own from elsewhere; here it would be taken for the hub's word.
        if row.get::<String>(5)? != SYSTEM {
            annotations.remove(PRODUCER_ANNOTATION);
        }
        self.descriptors.push(Descriptor {
            media_type,
            digest: stored_digest(&row.get::<Vec<u8>>(0)?)?,
            size: row.get(3)?,
            artifact_type,
            annotations,
            urls: Vec::new(),
            data: None,
            platform: None,
        });
        Ok(true)
    }

    /// The page, after which there is more.
    fn cut(self) -> Referrers {
        let next = self.descriptors.last().map(|last| last.digest);
        Referrers { descriptors: self.descriptors, next }
    }

    /// The last page.
    fn end(self) -> Referrers {
        Referrers { descriptors: self.descriptors, next: None }
    }
}

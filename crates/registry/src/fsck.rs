//! `fsck`: proves online that references, sizes and bytes agree, and repairs what can be repaired.
//!
//! It reads pages in key order while pushes and collection go on, so what looks wrong is looked at a second time before
//! it is said: a row that changed in between is no finding.

use std::collections::BTreeSet;

use blobs::{Found, Verdict};
use db::{Row, Statement, Value};
use ledger::audit::{self, Record};
use oci::{Digest, Manifest};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::limits::{FSCK_FINDINGS_MAX, FSCK_PAGE_ROWS_MAX};
use crate::pull::{stored_digest, stored_location};
use crate::repositories::Registry;
use crate::statements as sql;
use crate::usage::HUB;

/// Something that does not agree.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct Finding {
    /// What is wrong, in one word: `missing`, `corrupt`, `dangling-tag`, `dangling-reference`, `orphan`,
    /// `foreign`, `usage`.
    pub kind: String,
    /// What it is about: a digest, a repository and tag, a file.
    pub subject: String,
    /// What was found and what it means.
    pub detail: String,
    /// Whether it was repaired.
    pub repaired: bool,
}

/// What `fsck` has looked at and found.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct Fsck {
    /// Stored blobs that were read and hashed.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Manifests whose bytes were hashed and whose references were followed.
    pub manifests: u64,
    /// References that were followed.
    pub references: u64,
    /// Tags that were followed.
    pub tags: u64,
    /// Files on disk that were compared with the rows.
    pub files: u64,
    /// What was wrong, up to a limit.
    pub findings: Vec<Finding>,
    /// How many findings there were in all.
    pub findings_total: u64,
    /// Files that no row names, and their bytes.
    pub orphans: (u64, u64),
}

impl Fsck {
    fn found(&mut self, kind: &str, subject: String, detail: impl Into<String>, repaired: bool) {
        self.findings_total += 1;
        if self.findings.len() < FSCK_FINDINGS_MAX {
            self.findings.push(Finding { kind: kind.to_owned(), subject, detail: detail.into(), repaired });
        }
    }
}

impl Registry {
    /// Checks everything. `progress` is told now and then how far it is; it returns false to stop early.
    ///
    /// With `repair`, a damaged blob is withdrawn so that the next push of it heals every repository, one that was
    /// withdrawn and is whole is served again, a tag without a manifest is dropped, a file without a row is unlinked once
    /// it is an hour old, and usage that is told wrong is set right.
    ///
    /// # Errors
    /// When the database or the store fails.
    pub async fn fsck(&self, repair: bool, mut progress: impl FnMut(&Fsck) -> bool + Send) -> Result<Fsck, Error> {
        let mut report = Fsck::default();
        self.check_manifests(&mut report, &mut progress).await?;
        self.check_tags(repair, &mut report, &mut progress).await?;
        self.check_links(repair, &mut report, &mut progress).await?;
        self.check_files(repair, &mut report, &mut progress).await?;
        self.check_blobs(repair, &mut report, &mut progress).await?;
        self.check_usage(repair, &mut report).await?;
        if repair {
            self.inner.caches.forget_all();
            let repaired = report.findings.iter().filter(|finding| finding.repaired).count();
            self.write(move |tx| {
                Box::pin(async move {
                    let record = Record::allowed("system", "fsck.repair", "registry").detail("repaired", repaired);
                    audit::record(tx, record).await?;
                    Ok(())
                })
            })
            .await?;
        }
        Ok(report)
    }

    async fn check_manifests(
        &self,
        report: &mut Fsck,
        progress: &mut (impl FnMut(&Fsck) -> bool + Send),
    ) -> Result<(), Error> {
        let mut pages = Pages::by_digest(&sql::FSCK_MANIFESTS, FSCK_PAGE_ROWS_MAX / 10);
        while let Some(rows) = pages.next(self).await? {
            for row in &rows {
                let (repository, bytes): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
                let digest = stored_digest(&bytes)?;
                report.manifests += 1;
                let body: Option<Vec<u8>> = row.get(4)?;
                let Some(body) = body else {
                    report.found("missing", digest.to_string(), "a manifest's bytes are not in the database", false);
                    continue;
                };
                if body.len() as u64 != row.get::<u64>(2)? || blobs::digest(digest.algorithm(), &body) != digest {
                    report.found("corrupt", digest.to_string(), "a manifest's bytes do not match its digest", false);
                    continue;
                }
                let media_type: String = row.get(3)?;
                if let Ok(manifest) = Manifest::parse(Some(&media_type), &body) {
                    self.check_references(repository, &digest, &manifest, report).await?;
                }
            }
            if !progress(report) {
                break;
            }
        }
        Ok(())
    }

    async fn check_references(
        &self,
        repository: i64,
        digest: &Digest,
        manifest: &Manifest,
        report: &mut Fsck,
    ) -> Result<(), Error> {
        // Only an image needs what it references; yet whatever a manifest references is kept for it.
        let needed =
            manifest.contents().filter(|target| manifest.kind == oci::ManifestKind::Image && !target.is_foreign());
        let wanted: BTreeSet<Digest> = needed.map(|target| target.digest).collect();
        let contents: BTreeSet<Digest> = manifest.contents().map(|target| target.digest).collect();
        report.references += contents.len() as u64;
        let list: Vec<Value> = wanted.iter().map(|digest| digest.to_bytes().into()).collect();
        let manifest_bytes = digest.to_bytes();
        let (held, recorded, alive) = self
            .read(move |tx| {
                Box::pin(async move {
                    let rows = tx.query_list(&sql::LIST_HELD_BLOBS, &[repository.into()], &list).await?;
                    let held = rows.iter().map(|row| row.get::<Vec<u8>>(0)).collect::<Result<Vec<_>, _>>()?;
                    let key = [repository.into(), manifest_bytes.into()];
                    let rows = tx.query(&sql::FSCK_REFERENCES, &key).await?;
                    let recorded = rows.iter().map(|row| row.get::<Vec<u8>>(0)).collect::<Result<Vec<_>, _>>()?;
                    let alive = tx.find(&sql::FIND_MANIFEST, &key).await?;
                    Ok((held, recorded, alive.is_some()))
                })
            })
            .await?;
        let recorded: BTreeSet<Vec<u8>> = recorded.into_iter().collect();
        for target in contents.iter().filter(|target| alive && !recorded.contains(&target.to_bytes())) {
            let name = self.fsck_name(repository).await?;
            report.found(
                "dangling-reference",
                format!("{name}@{digest}"),
                format!(
                    "references {target}, which is not recorded, so that nothing keeps it; push the manifest again"
                ),
                false,
            );
        }
        let held: BTreeSet<Vec<u8>> = held.into_iter().collect();
        for target in wanted.iter().filter(|target| alive && !held.contains(&target.to_bytes())) {
            let name = self.fsck_name(repository).await?;
            report.found(
                "dangling-reference",
                format!("{name}@{digest}"),
                format!("references {target}, which the repository does not hold whole; push it again"),
                false,
            );
        }
        Ok(())
    }

    async fn check_tags(
        &self,
        repair: bool,
        report: &mut Fsck,
        progress: &mut (impl FnMut(&Fsck) -> bool + Send),
    ) -> Result<(), Error> {
        let mut pages = Pages::by_name(&sql::FSCK_TAGS, FSCK_PAGE_ROWS_MAX);
        while let Some(rows) = pages.next(self).await? {
            for row in &rows {
                let (repository, tag, digest): (i64, String, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
                report.tags += 1;
                if row.get::<Option<i64>>(3)?.is_some() {
                    continue;
                }
                let name = self.fsck_name(repository).await?;
                let subject = format!("{name}:{tag}");
                let target = stored_digest(&digest)?;
                if repair {
                    self.write(move |tx| {
                        let (tag, digest) = (tag.clone(), digest.clone());
                        Box::pin(async move {
                            tx.execute(&sql::FSCK_DROP_TAG, &[repository.into(), tag.into(), digest.into()]).await?;
                            Ok(())
                        })
                    })
                    .await?;
                }
                report.found("dangling-tag", subject, format!("points to {target}, which is not here"), repair);
            }
            if !progress(report) {
                break;
            }
        }
        Ok(())
    }

    async fn check_links(
        &self,
        repair: bool,
        report: &mut Fsck,
        progress: &mut (impl FnMut(&Fsck) -> bool + Send),
    ) -> Result<(), Error> {
        let mut pages = Pages::by_digest(&sql::FSCK_LINKS, FSCK_PAGE_ROWS_MAX);
        while let Some(rows) = pages.next(self).await? {
            for row in &rows {
                let (repository, digest): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
                if row.get::<Option<i64>>(2)?.is_some() {
                    continue;
                }
                let subject = stored_digest(&digest)?.to_string();
                if repair {
                    self.write(move |tx| {
                        let digest = digest.clone();
                        Box::pin(async move {
                            tx.execute(&sql::FSCK_DROP_LINK, &[repository.into(), digest.into()]).await?;
                            Ok(())
                        })
                    })
                    .await?;
                }
                report.found("missing", subject, "a repository holds a blob that is not stored", repair);
            }
            if !progress(report) {
                break;
            }
        }
        Ok(())
    }

    async fn check_files(
        &self,
        repair: bool,
        report: &mut Fsck,
        progress: &mut (impl FnMut(&Fsck) -> bool + Send),
    ) -> Result<(), Error> {
        let mut listing = self.inner.blobs.list();
        while let Some(entries) = listing.next().await? {
            report.files += entries.len() as u64;
            for entry in &entries {
                if let Found::Unknown(path) = &entry.found {
                    let detail = "is not a file of the blob store; move it elsewhere";
                    report.found("foreign", path.display().to_string(), detail, false);
                }
            }
            for orphan in self.find_orphans(entries).await? {
                report.orphans = (report.orphans.0 + 1, report.orphans.1 + orphan.size_bytes);
                let subject = orphan.to_string();
                let removed = repair && self.remove_orphan(orphan).await?;
                report.found("orphan", subject, "no row names this file", removed);
            }
            if !progress(report) {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn check_blobs(
        &self,
        repair: bool,
        report: &mut Fsck,
        progress: &mut (impl FnMut(&Fsck) -> bool + Send),
    ) -> Result<(), Error> {
        let mut pages = Pages::of_blobs(FSCK_PAGE_ROWS_MAX);
        while let Some(rows) = pages.next(self).await? {
            for row in &rows {
                let digest = stored_digest(&row.get::<Vec<u8>>(0)?)?;
                let location = stored_location(&row.get::<String>(2)?)?;
                let size_bytes: u64 = row.get(1)?;
                report.blobs += 1;
                let is_withdrawn = row.get::<i64>(3)? != 0;
                let verdict = self.inner.blobs.verify(&location, &digest, size_bytes, |_| ()).await?;
                report.bytes += size_bytes;
                let is_current = self.is_stored_at(&digest, &location.to_string()).await?;
                match (verdict, is_withdrawn) {
                    _ if !is_current => {}
                    (Verdict::Whole, false) => {}
                    // The disk was away for a while, or the file was restored.
                    (Verdict::Whole, true) => {
                        if repair {
                            self.restore(digest, location.to_string()).await?;
                        }
                        let detail = "was withdrawn as damaged, and its file is whole";
                        report.found("corrupt", digest.to_string(), detail, repair);
                    }
                    (_, true) => {
                        let detail = "was found damaged and waits to be pushed again";
                        report.found("corrupt", digest.to_string(), detail, false);
                    }
                    (damage, false) => {
                        let (kind, detail) = match damage {
                            Verdict::Missing => ("missing", "the blob's file is gone"),
                            _ => ("corrupt", "the blob's file does not match its digest"),
                        };
                        if repair {
                            self.withdraw(digest, location.to_string()).await?;
                        }
                        report.found(kind, digest.to_string(), format!("{detail}; push it again to heal it"), repair);
                    }
                }
                if !progress(report) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Compares the usage that is told with what is there. What is added is the difference that the transaction finds which
    /// adds it: two checks at once do not both add one.
    async fn check_usage(&self, repair: bool, report: &mut Fsck) -> Result<(), Error> {
        let limit = i64::try_from(FSCK_FINDINGS_MAX).unwrap_or(i64::MAX);
        let rows = self
            .read(move |tx| Box::pin(async move { Ok(tx.query(&sql::FSCK_USAGE, &[limit.into()]).await?) }))
            .await?;
        for row in &rows {
            let (repository, blobs, bytes): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if repair {
                self.write(move |tx| {
                    Box::pin(async move {
                        if let Some(row) = tx.find(&sql::FSCK_USAGE_OF, &[repository.into()]).await? {
                            let (blobs, bytes): (i64, i64) = (row.get(0)?, row.get(1)?);
                            let change = vec![repository.into(), blobs.into(), bytes.into()];
                            tx.execute_rows(&sql::CHANGE_USAGE, &[], &[change]).await?;
                        }
                        Ok(())
                    })
                })
                .await?;
            }
            let subject = if repository == HUB { "hub".to_owned() } else { self.fsck_name(repository).await? };
            let detail = format!("the usage that is told falls short of what is there by {blobs} blobs, {bytes} bytes");
            report.found("usage", subject, detail, repair);
        }
        Ok(())
    }

    async fn is_stored_at(&self, digest: &Digest, location: &str) -> Result<bool, Error> {
        let (digest, location) = (digest.to_bytes(), location.to_owned());
        self.read(move |tx| {
            Box::pin(async move {
                let row = tx.find(&sql::FIND_STORED_BLOB, &[digest.into()]).await?;
                Ok(row.map(|row| row.get::<String>(1)).transpose()?.is_some_and(|stored| stored == location))
            })
        })
        .await
    }

    async fn fsck_name(&self, repository: i64) -> Result<String, Error> {
        self.read(move |tx| {
            Box::pin(async move {
                let row = tx.find(&sql::FSCK_REPOSITORY, &[repository.into()]).await?;
                Ok(row.map_or(Ok("(deleted repository)".to_owned()), |row| row.get(0))?)
            })
        })
        .await
    }
}

/// The rows of a statement whose parameters are a key and a limit, page by page in order of the key.
struct Pages {
    statement: &'static Statement,
    after: Vec<Value>,
    limit: i64,
    key: fn(&Row) -> Result<Vec<Value>, db::Error>,
}

impl Pages {
    /// Rows by repository and digest.
    fn by_digest(statement: &'static Statement, limit: i64) -> Self {
        let key = |row: &Row| Ok(vec![row.get::<i64>(0)?.into(), row.get::<Vec<u8>>(1)?.into()]);
        Self { statement, after: vec![i64::MIN.into(), Vec::new().into()], limit, key }
    }

    /// Rows by repository and name.
    fn by_name(statement: &'static Statement, limit: i64) -> Self {
        let key = |row: &Row| Ok(vec![row.get::<i64>(0)?.into(), row.get::<String>(1)?.into()]);
        Self { statement, after: vec![i64::MIN.into(), "".into()], limit, key }
    }

    /// Stored blobs, by digest.
    fn of_blobs(limit: i64) -> Self {
        let key = |row: &Row| Ok(vec![row.get::<Vec<u8>>(0)?.into()]);
        Self { statement: &sql::FSCK_BLOBS, after: vec![Vec::new().into()], limit, key }
    }

    /// Returns the next page, of one row at least.
    async fn next(&mut self, registry: &Registry) -> Result<Option<Vec<Row>>, Error> {
        let (statement, mut parameters) = (self.statement, self.after.clone());
        parameters.push(self.limit.into());
        let rows =
            registry.read(move |tx| Box::pin(async move { Ok(tx.query(statement, &parameters).await?) })).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        self.after = (self.key)(last)?;
        Ok(Some(rows))
    }
}

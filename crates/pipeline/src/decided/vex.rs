//! VEX documents that count for the images of a project, or of all.
//!
//! Rows are only added: a document is one, and so is its removal. What counted as of a row is what was given up to it and not removed up
//! to it, so that images are counted by a number.

use std::collections::BTreeSet;
use std::sync::Arc;

use db::{Row, Tx, Value};
use evidence::{Claim, Fact, Scope, Vex};
use ledger::audit::{self, Record};
use ledger::jobs::{Context, JobError, NewJob, enqueue};
use oci::{Algorithm, Digest};
use vex::{Document, Statements, Trust};

use super::DECIDE;
use super::documents::{HUB, Whose, project_number, stored_digest};
use crate::facts;
use crate::pipeline::{Error, Pipeline};
use ledger::aside::aside;

/// The largest VEX document that a hub takes. Red Hat's largest have some 40 MB: those are for whoever scans by them.
pub const VEX_BYTES_MAX: usize = 4 << 20;

/// The most VEX documents that count for a project, or for all.
pub const VEX_DOCUMENTS_MAX: usize = 100;

/// The most bytes that they have together. All are read whenever one is added or removed.
pub const VEX_TOTAL_BYTES_MAX: usize = 16 << 20;

/// Who states what was given to the hub.
pub(super) const PRODUCER: &str = "hub";

db::statements! {
    /// The documents that count as of a row.
    LIST_COUNTING = "SELECT id, digest, name, author, format, statements, bytes, actor, set_at_us FROM vex_documents \
        WHERE project_id = $1 AND removes = 0 AND id <= $2 AND (removed_by = 0 OR removed_by > $2) ORDER BY id";
    /// The same with what they say.
    LIST_COUNTING_BODIES = "SELECT body FROM vex_documents \
        WHERE project_id = $1 AND removes = 0 AND id <= $2 AND (removed_by = 0 OR removed_by > $2) ORDER BY id";
    /// What was added and removed from one row to another.
    LIST_BODIES_BETWEEN = "SELECT body FROM vex_documents WHERE project_id = $1 AND removes = 0 \
        AND ((id > $2 AND id <= $3) OR (removed_by > $2 AND removed_by <= $3)) ORDER BY id";
    /// Documents of which others with the same author and name were added or removed from one row to another: for a project those that count
    /// for its images, for all projects those of all.
    LIST_NAMESAKES = "SELECT d.body FROM vex_documents d WHERE d.removes = 0 AND d.removed_by = 0 AND d.name <> '' \
        AND ($1 = 0 OR d.project_id = $1 OR d.project_id = 0) AND EXISTS (SELECT 1 FROM vex_documents a WHERE a.project_id = $1 \
        AND a.removes = 0 AND ((a.id > $2 AND a.id <= $3) OR (a.removed_by > $2 AND a.removed_by <= $3)) \
        AND a.format = d.format AND a.author = d.author AND a.name = d.name)";
    /// Documents beside images of which others with the same author and name were added or removed from one row to another.
    LIST_NAMESAKES_BESIDE = "SELECT r.id FROM vex_referrers r WHERE r.gone_at_us IS NULL AND r.state = 1 AND r.name <> '' \
        AND EXISTS (SELECT 1 FROM vex_documents a WHERE a.project_id = $1 \
        AND a.removes = 0 AND ((a.id > $2 AND a.id <= $3) OR (a.removed_by > $2 AND a.removed_by <= $3)) \
        AND a.format = r.format AND a.author = r.author AND a.name = r.name)";
    /// A document that counts.
    FIND_COUNTING = "SELECT id, digest, name, author, format, statements, bytes, actor, set_at_us, body FROM vex_documents \
        WHERE project_id = $1 AND digest = $2 AND removes = 0 AND removed_by = 0";
    /// Adds a document, or the removal of one.
    INSERT_VEX = "INSERT INTO vex_documents (project_id, digest, body, bytes, name, author, format, statements, actor, set_at_us, \
        removes, removed_by, stated) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0) RETURNING id";
    /// Notes which row removed a document.
    SET_REMOVED = "UPDATE vex_documents SET removed_by = $2 WHERE id = $1";
    /// The newest rows, by project.
    LIST_NEWEST_VEX = "SELECT project_id, MAX(id) FROM vex_documents GROUP BY project_id";
    /// The newest rows of one project and of all.
    LIST_NEWEST_VEX_OF = "SELECT project_id, MAX(id) FROM vex_documents WHERE project_id = $1 OR project_id = $2 GROUP BY project_id";
    /// A row that is still to be stated.
    FIND_UNSTATED_VEX = "SELECT v.id, v.project_id, v.digest, v.name, v.author, v.format, v.statements, v.set_at_us, v.removes, \
        COALESCE(r.set_at_us, 0) FROM vex_documents v LEFT JOIN vex_documents r ON r.id = v.removes \
        WHERE v.stated = 0 ORDER BY v.id LIMIT 1";
    /// Notes that a row is stated.
    SET_STATED_VEX = "UPDATE vex_documents SET stated = 1 WHERE id = $1";
}

/// A VEX document that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VexDocument {
    /// The digest of its bytes.
    pub digest: Digest,
    /// The name that its author gave it; empty when it has none.
    pub name: String,
    /// Who makes the statements, as the document says.
    pub author: String,
    /// `openvex`, `csaf` or `cyclonedx`.
    pub format: String,
    /// How many statements it makes.
    pub statements: u64,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Who gave it to the hub.
    pub actor: String,
    /// When, in microseconds since 1970-01-01 UTC.
    pub set_at_us: i64,
}

/// Why a VEX document is not taken, or not removed.
#[derive(Debug, thiserror::Error)]
pub enum VexError {
    /// There is no such project.
    #[error("there is no project `{0}`")]
    ProjectUnknown(String),
    /// It is too large.
    #[error("the document is {actual} bytes, the limit is {VEX_BYTES_MAX}")]
    TooLarge {
        /// Its size in bytes.
        actual: usize,
    },
    /// There are too many, or they are too large together.
    #[error(
        "with it there would be {documents} documents of {bytes} bytes, the limits are {VEX_DOCUMENTS_MAX} and {VEX_TOTAL_BYTES_MAX}"
    )]
    TooMany {
        /// How many documents.
        documents: usize,
        /// Of how many bytes.
        bytes: usize,
    },
    /// It has another digest.
    #[error("the document is {actual}")]
    Digest {
        /// Its digest.
        actual: Digest,
    },
    /// It is not understood.
    #[error("the document is refused")]
    Refused(#[source] vex::Refusal),
    /// There is none of that digest.
    #[error("no VEX document {0} counts there")]
    Unknown(Digest),
    /// Something failed that has nothing to do with the document.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<db::Error> for VexError {
    fn from(error: db::Error) -> Self {
        Self::Failed(error.into())
    }
}

async fn known_project(tx: &mut Tx, whose: &Whose) -> Result<i64, VexError> {
    match (project_number(tx, whose).await?, whose) {
        (Some(project), _) => Ok(project),
        (None, Whose::Project(name)) => Err(VexError::ProjectUnknown(name.clone())),
        (None, Whose::Hub) => Ok(HUB),
    }
}

pub(super) fn document(row: &Row) -> Result<VexDocument, db::Error> {
    Ok(VexDocument {
        digest: stored_digest(row, 1)?,
        name: row.get(2)?,
        author: row.get(3)?,
        format: row.get(4)?,
        statements: row.get(5)?,
        size_bytes: row.get(6)?,
        actor: row.get(7)?,
        set_at_us: row.get(8)?,
    })
}

impl Pipeline {
    /// Returns a VEX document that counts, as it was given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn vex_document(&self, whose: &Whose, digest: Digest) -> Result<Option<Vec<u8>>, Error> {
        let whose = whose.clone();
        let row = self.inner.registry.database().read(move |tx| {
            let whose = whose.clone();
            Box::pin(async move {
                let Some(project) = project_number(tx, &whose).await? else { return Ok(None) };
                tx.find(&FIND_COUNTING, &[project.into(), digest.to_bytes().into()]).await
            })
        });
        Ok(row.await?.map(|row| row.get(9)).transpose()?)
    }

    /// Has the statements of a VEX document count for a project, or for all. One that counts already is not added again: what is
    /// returned says who gave it first, and when.
    ///
    /// # Errors
    /// [`VexError`].
    pub async fn add_vex(
        &self,
        whose: &Whose,
        actor: &str,
        bytes: Vec<u8>,
        digest: Digest,
    ) -> Result<VexDocument, VexError> {
        if bytes.len() > VEX_BYTES_MAX {
            return Err(VexError::TooLarge { actual: bytes.len() });
        }
        let actual = blobs::digest(digest.algorithm(), &bytes);
        if actual != digest {
            return Err(VexError::Digest { actual });
        }
        let digest = blobs::digest(Algorithm::Sha256, &bytes);
        let (read, bytes) = aside(move || (vex::read(&bytes), bytes)).await.map_err(|_| Error::Lost)?;
        let Document { id, author, format, statements, .. } = read.map_err(VexError::Refused)?;
        let added = VexDocument {
            digest,
            name: id,
            author,
            format: format.name().to_owned(),
            statements: statements.len() as u64,
            size_bytes: bytes.len() as u64,
            actor: actor.to_owned(),
            set_at_us: self.inner.registry.now_us(),
        };
        let change = Arc::new((whose.clone(), added.clone(), bytes));
        self.inner
            .registry
            .database()
            .write(move |tx| {
                let change = Arc::clone(&change);
                Box::pin(async move { add(tx, &change.0, &change.1, &change.2).await })
            })
            .await
    }

    /// Has the statements of a VEX document count no more.
    ///
    /// # Errors
    /// [`VexError`].
    pub async fn remove_vex(&self, whose: &Whose, actor: &str, digest: Digest) -> Result<(), VexError> {
        let (whose, actor, now_us) = (whose.clone(), actor.to_owned(), self.inner.registry.now_us());
        self.inner
            .registry
            .database()
            .write(move |tx| {
                let (whose, actor) = (whose.clone(), actor.clone());
                Box::pin(async move {
                    let project = known_project(tx, &whose).await?;
                    let row = tx.find(&FIND_COUNTING, &[project.into(), digest.to_bytes().into()]).await?;
                    let row = row.ok_or(VexError::Unknown(digest))?;
                    let removed: i64 = row.get(0)?;
                    let gone =
                        VexDocument { size_bytes: 0, actor: actor.clone(), set_at_us: now_us, ..document(&row)? };
                    let id = insert(tx, project, &gone, &[], removed).await?;
                    tx.execute(&SET_REMOVED, &[removed.into(), id.into()]).await?;
                    note(tx, &whose, &actor, "remove", &gone).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Returns the statements that count for a project as of a row.
    pub(crate) async fn statements_as_of(
        &self,
        rows: [(i64, Option<i64>); 2],
        trust: Trust,
    ) -> Result<Option<Statements>, Error> {
        let found = self.inner.registry.database().read(move |tx| {
            Box::pin(async move {
                let mut all = Vec::new();
                for (project, id) in rows {
                    if let Some(id) = id {
                        all.extend(tx.query(&LIST_COUNTING_BODIES, &[project.into(), id.into()]).await?);
                    }
                }
                Ok::<_, db::Error>(all)
            })
        });
        let mut bodies: Vec<Vec<u8>> = Vec::new();
        for row in found.await? {
            bodies.push(row.get(0)?);
        }
        if bodies.is_empty() {
            return Ok(None);
        }
        let statements = aside(move || {
            let digest = |body: &[u8]| blobs::digest(Algorithm::Sha256, body).to_string();
            let read = |body: &Vec<u8>| Some(named(vex::read(body).ok()?, || digest(body)));
            let documents = bodies.iter().filter_map(read).collect();
            Statements::new(documents, &trust)
        });
        Ok(Some(statements.await.map_err(|_| Error::Lost)?))
    }
}

/// Gives a document without a name that of where it is, so that it can be told from others.
pub(super) fn named(document: Document, place: impl FnOnce() -> String) -> Document {
    if document.id.is_empty() { Document { id: place(), ..document } } else { document }
}

async fn add(tx: &mut Tx, whose: &Whose, added: &VexDocument, bytes: &[u8]) -> Result<VexDocument, VexError> {
    let project = known_project(tx, whose).await?;
    if let Some(row) = tx.find(&FIND_COUNTING, &[project.into(), added.digest.to_bytes().into()]).await? {
        return Ok(document(&row)?);
    }
    let (mut documents, mut total) = (1, bytes.len());
    for row in tx.query(&LIST_COUNTING, &[project.into(), i64::MAX.into()]).await? {
        documents += 1;
        total = total.saturating_add(usize::try_from(row.get::<u64>(6)?).unwrap_or(usize::MAX));
    }
    if documents > VEX_DOCUMENTS_MAX || total > VEX_TOTAL_BYTES_MAX {
        return Err(VexError::TooMany { documents, bytes: total });
    }
    insert(tx, project, added, bytes, 0).await?;
    note(tx, whose, &added.actor, "add", added).await?;
    Ok(added.clone())
}

async fn insert(tx: &mut Tx, project: i64, one: &VexDocument, bytes: &[u8], removes: i64) -> Result<i64, db::Error> {
    let text = |text: &str| Value::from(text.replace('\0', "\u{fffd}"));
    let number = |number: u64| Value::from(i64::try_from(number).unwrap_or(i64::MAX));
    let parameters = [
        project.into(),
        one.digest.to_bytes().into(),
        bytes.to_vec().into(),
        number(one.size_bytes),
        text(&one.name),
        text(&one.author),
        text(&one.format),
        number(one.statements),
        (&one.actor).into(),
        one.set_at_us.into(),
        removes.into(),
    ];
    let rows = tx.query(&INSERT_VEX, &parameters).await?;
    rows.first().map_or(Err(db::Error::TooManyRows { statement: INSERT_VEX.name() }), |row| row.get(0))
}

async fn note(tx: &mut Tx, whose: &Whose, actor: &str, what: &str, one: &VexDocument) -> Result<(), db::Error> {
    let (action, resource) = match whose {
        Whose::Hub => (format!("vex.{what}"), "system".to_owned()),
        Whose::Project(name) => (format!("project.vex.{what}"), format!("project:{name}")),
    };
    let record = Record::allowed(actor, &action, &resource).detail("digest", one.digest.to_string());
    audit::record(tx, record).await?;
    enqueue(tx, &NewJob::single(DECIDE)).await?;
    Ok(())
}

/// Returns the names of the vulnerabilities, in upper case, of which documents speak that were added or removed from one row to another, or whose
/// place one of those takes.
pub(super) async fn names_between(
    pipeline: &Pipeline,
    project: i64,
    (from, to): (i64, i64),
) -> Result<BTreeSet<String>, Error> {
    let rows = pipeline.inner.registry.database().read(move |tx| {
        Box::pin(async move {
            let parameters = [project.into(), from.into(), to.into()];
            let mut rows = tx.query(&LIST_BODIES_BETWEEN, &parameters).await?;
            rows.extend(tx.query(&LIST_NAMESAKES, &parameters).await?);
            Ok::<_, db::Error>(rows)
        })
    });
    names_in(&rows.await?).await
}

/// Returns the numbers of the documents beside images that have another version among those that were added or removed from one row to
/// another.
pub(super) async fn namesakes_beside(
    pipeline: &Pipeline,
    project: i64,
    (from, to): (i64, i64),
) -> Result<Vec<i64>, db::Error> {
    let rows = pipeline.inner.registry.database().read(move |tx| {
        Box::pin(async move { tx.query(&LIST_NAMESAKES_BESIDE, &[project.into(), from.into(), to.into()]).await })
    });
    rows.await?.iter().map(|row| row.get(0)).collect()
}

/// Returns the projects that have documents, zero among them where those for all are some.
pub(super) async fn projects(pipeline: &Pipeline) -> Result<Vec<i64>, db::Error> {
    let hub = pipeline.inner.registry.database();
    let rows = hub.read(|tx| Box::pin(async move { tx.query(&LIST_NEWEST_VEX, &[]).await }));
    rows.await?.iter().map(|row| row.get(0)).collect()
}

/// Returns the names of the vulnerabilities, in upper case, of which the documents of a project speak.
pub(super) async fn names_of(pipeline: &Pipeline, project: i64) -> Result<BTreeSet<String>, Error> {
    let rows = pipeline.inner.registry.database().read(move |tx| {
        Box::pin(async move { tx.query(&LIST_COUNTING_BODIES, &[project.into(), i64::MAX.into()]).await })
    });
    names_in(&rows.await?).await
}

async fn names_in(rows: &[Row]) -> Result<BTreeSet<String>, Error> {
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    for row in rows {
        bodies.push(row.get(0)?);
    }
    let names = aside(move || {
        let documents = bodies.iter().filter_map(|body| vex::read(body).ok());
        let statements = documents.flat_map(|document| document.statements);
        let names = |statement: vex::Statement| {
            statement.vulnerability.names().map(|name| name.trim().to_ascii_uppercase()).collect::<Vec<_>>()
        };
        statements.flat_map(names).collect()
    });
    names.await.map_err(|_| Error::Lost)
}

/// States as facts which documents count, and takes back those that do no more.
pub(super) async fn state_facts(pipeline: &Pipeline, context: &Context) -> Result<(), JobError> {
    let hub = pipeline.inner.registry.database();
    while !context.is_canceled() {
        let row = hub.read(|tx| Box::pin(async move { tx.find(&FIND_UNSTATED_VEX, &[]).await })).await?;
        let Some(row) = row else { return Ok(()) };
        let (id, project, removes): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(8)?);
        let fact = |at_us: i64| {
            Ok::<_, db::Error>(Fact {
                scope: if project == HUB { Scope::Hub } else { Scope::Project(project) },
                subject: stored_digest(&row, 2)?,
                claim: Claim::Vex(Vex {
                    author: row.get(4)?,
                    document: row.get(3)?,
                    format: row.get(5)?,
                    statements: row.get(6)?,
                }),
                producer: PRODUCER.to_owned(),
                observed_at_us: at_us,
                expires_at_us: None,
                source: None,
                withdraws: None,
            })
        };
        let stated = fact(row.get(7)?)?;
        let stated = match removes {
            0 => stated,
            // The newest word on the document, which holds for no moment.
            _ => {
                Fact { withdraws: Some(fact(row.get(9)?)?.id()), expires_at_us: Some(stated.observed_at_us), ..stated }
            }
        };
        hub.write(move |tx| {
            let stated = stated.clone();
            Box::pin(async move {
                facts::insert(tx, &stated).await?;
                tx.execute(&SET_STATED_VEX, &[id.into()]).await.map(drop)
            })
        })
        .await?;
    }
    Ok(())
}

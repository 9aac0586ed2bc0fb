//! Documents of exceptions, as they were set.

use std::sync::Arc;

use db::{Row, Tx, Value};
use evidence::{Claim, Exempted, Fact, Scope};
use ledger::audit::{self, Record};
use ledger::jobs::{Context, JobError, NewJob, enqueue};
use oci::{Algorithm, Digest};
use policy::Exceptions;
use serde::{Deserialize, Serialize};

use super::DECIDE;
use crate::facts;
use crate::pipeline::{Error, Pipeline};
use ledger::aside::aside;

/// The largest document of exceptions that a hub takes: some 3,000 exceptions. It is read again whenever it changes.
pub const EXCEPTIONS_BYTES_MAX: usize = 1 << 20;

/// Exceptions that one write states as facts.
const FACTS_IN_WRITE: usize = 100;

/// The number that stands for all projects.
pub(crate) const HUB: i64 = 0;

db::statements! {
    /// A project's number.
    FIND_PROJECT = "SELECT id FROM projects WHERE name = $1";
    /// The document that counts.
    FIND_NEWEST = "SELECT id, digest, body, exceptions, actor, set_at_us FROM exception_documents WHERE project_id = $1 \
        ORDER BY id DESC LIMIT 1";
    /// A document that counts or did.
    FIND_SET = "SELECT id, digest, body, exceptions, actor, set_at_us FROM exception_documents WHERE project_id = $1 AND digest = $2 \
        ORDER BY id DESC LIMIT 1";
    /// A document.
    FIND_DOCUMENT = "SELECT body FROM exception_documents WHERE id = $1";
    /// The numbers of the documents that count, by project.
    LIST_NEWEST = "SELECT project_id, MAX(id) FROM exception_documents GROUP BY project_id";
    /// The numbers of the documents that count for one project and for all.
    LIST_NEWEST_OF = "SELECT project_id, MAX(id) FROM exception_documents WHERE project_id = $1 OR project_id = $2 GROUP BY project_id";
    /// Sets a document.
    INSERT_DOCUMENT = "INSERT INTO exception_documents (project_id, digest, body, exceptions, actor, set_at_us, stated) \
        VALUES ($1, $2, $3, $4, $5, $6, 0) RETURNING id";
    /// A document whose exceptions are still to be stated.
    FIND_UNSTATED = "SELECT id, project_id, digest, body, actor, set_at_us FROM exception_documents WHERE stated = 0 \
        ORDER BY id LIMIT 1";
    /// The document whose place another one took.
    FIND_BEFORE = "SELECT id, project_id, digest, body, actor, set_at_us FROM exception_documents WHERE project_id = $1 AND id < $2 \
        ORDER BY id DESC LIMIT 1";
    /// Notes that a document's exceptions are stated.
    SET_STATED = "UPDATE exception_documents SET stated = 1 WHERE id = $1";
    /// Repositories of a project.
    LIST_REPOSITORIES = "SELECT id, name FROM repositories WHERE project_id = $1";
    /// All repositories.
    LIST_ALL_REPOSITORIES = "SELECT id, name FROM repositories";
    /// The projects of repositories.
    LIST_PROJECTS_OF = "SELECT r.id, r.name, r.project_id, p.name FROM repositories r JOIN projects p ON p.id = r.project_id \
        WHERE r.id IN {list}";
}

/// For whom a document counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Whose {
    /// For the images of all projects.
    Hub,
    /// For those of a project, by its name.
    Project(String),
}

/// A document of exceptions that was set.
#[derive(Debug, Clone, PartialEq)]
pub struct ExceptionDocument {
    pub(crate) id: i64,
    /// The digest of its bytes.
    pub digest: Digest,
    /// As it was written.
    pub text: String,
    /// What it says.
    pub exceptions: Arc<Exceptions>,
    /// Who set it.
    pub actor: String,
    /// When, in microseconds since 1970-01-01 UTC.
    pub set_at_us: i64,
}

/// Why a document of exceptions, or of whose VEX counts, is not set.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// There is no such project.
    #[error("there is no project `{0}`")]
    ProjectUnknown(String),
    /// It is too large.
    #[error("the document is {actual} bytes, the limit is {limit}")]
    TooLarge {
        /// Its size in bytes.
        actual: usize,
        /// The limit of its kind.
        limit: usize,
    },
    /// Something in it is wrong.
    #[error("the document is refused")]
    Refused(#[source] policy::ReadError),
    /// Another one was set than the one that it is to replace.
    #[error("the document was changed by `{actor}` since it was read")]
    Changed {
        /// The document that counts now.
        current: Digest,
        /// Who set it.
        actor: String,
    },
    /// Something failed that has nothing to do with the document.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<db::Error> for SetError {
    fn from(error: db::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Reads a document; an empty one has no exceptions.
pub(crate) fn read(text: &str) -> Result<Exceptions, policy::ReadError> {
    if text.trim().is_empty() { Ok(Exceptions::default()) } else { Exceptions::read(text.as_bytes()) }
}

pub(super) async fn project_number(tx: &mut Tx, whose: &Whose) -> Result<Option<i64>, db::Error> {
    match whose {
        Whose::Hub => Ok(Some(HUB)),
        Whose::Project(name) => tx.find(&FIND_PROJECT, &[name.into()]).await?.map(|row| row.get(0)).transpose(),
    }
}

impl Pipeline {
    /// Returns the document of exceptions that counts for a project, or for all; none while none was set, or without that project.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn exceptions(&self, whose: &Whose) -> Result<Option<ExceptionDocument>, Error> {
        self.exceptions_set(whose, None).await
    }

    /// Returns a document of exceptions that counts for a project, or for all, or did before; none where none with such a digest was set.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn exceptions_by_digest(
        &self,
        whose: &Whose,
        digest: Digest,
    ) -> Result<Option<ExceptionDocument>, Error> {
        self.exceptions_set(whose, Some(digest)).await
    }

    async fn exceptions_set(&self, whose: &Whose, digest: Option<Digest>) -> Result<Option<ExceptionDocument>, Error> {
        let whose = whose.clone();
        let row = self.inner.registry.database().read(move |tx| {
            let whose = whose.clone();
            Box::pin(async move {
                let Some(project) = project_number(tx, &whose).await? else { return Ok(None) };
                match digest {
                    Some(digest) => tx.find(&FIND_SET, &[project.into(), digest.to_bytes().into()]).await,
                    None => tx.find(&FIND_NEWEST, &[project.into()]).await,
                }
            })
        });
        let Some(row) = row.await? else { return Ok(None) };
        let text = String::from_utf8_lossy(&row.get::<Vec<u8>>(2)?).into_owned();
        let (exceptions, text) = aside(move || (read(&text).unwrap_or_default(), text)).await.unwrap_or_default();
        Ok(Some(ExceptionDocument {
            id: row.get(0)?,
            digest: stored_digest(&row, 1)?,
            text,
            exceptions: Arc::new(exceptions),
            actor: row.get(4)?,
            set_at_us: row.get(5)?,
        }))
    }

    /// Sets the document of exceptions of a project, or of all, in the place of the one that `replaces` names; an empty document
    /// has none. The hub counts by it soon after. The one that counts already is not set again.
    ///
    /// # Errors
    /// [`SetError`].
    pub async fn set_exceptions(
        &self,
        whose: &Whose,
        actor: &str,
        text: String,
        replaces: Option<Digest>,
    ) -> Result<ExceptionDocument, SetError> {
        if text.len() > EXCEPTIONS_BYTES_MAX {
            return Err(SetError::TooLarge { actual: text.len(), limit: EXCEPTIONS_BYTES_MAX });
        }
        let digest = blobs::digest(Algorithm::Sha256, text.as_bytes());
        let (read, text) = aside(move || (read(&text), text)).await.map_err(|_| lost())?;
        let exceptions = Arc::new(read.map_err(SetError::Refused)?);
        let set = Set {
            whose: whose.clone(),
            actor: actor.to_owned(),
            digest,
            body: text.clone(),
            count: i64::try_from(exceptions.entries().len()).unwrap_or(i64::MAX),
            replaces,
            now_us: self.inner.registry.now_us(),
        };
        let set = Arc::new(set);
        let (id, actor, set_at_us) = self
            .inner
            .registry
            .database()
            .write(move |tx| {
                let set = Arc::clone(&set);
                Box::pin(async move { set.write(tx).await })
            })
            .await?;
        Ok(ExceptionDocument { id, digest, text, exceptions, actor, set_at_us })
    }
}

fn lost() -> SetError {
    SetError::Failed(Error::Lost)
}

/// A document about to be set.
struct Set {
    whose: Whose,
    actor: String,
    digest: Digest,
    body: String,
    count: i64,
    replaces: Option<Digest>,
    now_us: i64,
}

impl Set {
    async fn write(&self, tx: &mut Tx) -> Result<(i64, String, i64), SetError> {
        let Some(project) = project_number(tx, &self.whose).await? else {
            let Whose::Project(name) = &self.whose else { return Err(lost()) };
            return Err(SetError::ProjectUnknown(name.clone()));
        };
        let mut set_at_us = self.now_us;
        if let Some(row) = tx.find(&FIND_NEWEST, &[project.into()]).await? {
            let (current, actor): (Digest, String) = (stored_digest(&row, 1)?, row.get(4)?);
            if current == self.digest {
                return Ok((row.get(0)?, actor, row.get(5)?));
            }
            if self.replaces != Some(current) {
                return Err(SetError::Changed { current, actor });
            }
            // What is taken back and stated again in one moment would be one statement, and be taken back.
            set_at_us = set_at_us.max(row.get::<i64>(5)?.saturating_add(1));
        }
        let parameters: [Value; 6] = [
            project.into(),
            self.digest.to_bytes().into(),
            self.body.clone().into_bytes().into(),
            self.count.into(),
            (&self.actor).into(),
            set_at_us.into(),
        ];
        let rows = tx.query(&INSERT_DOCUMENT, &parameters).await?;
        let id =
            rows.first().map_or(Err(db::Error::TooManyRows { statement: INSERT_DOCUMENT.name() }), |row| row.get(0))?;
        let (action, resource) = match &self.whose {
            Whose::Hub => ("exceptions.set", "system".to_owned()),
            Whose::Project(name) => ("project.exceptions.set", format!("project:{name}")),
        };
        let record = Record::allowed(&self.actor, action, &resource)
            .detail("digest", self.digest.to_string())
            .detail("exceptions", self.count);
        audit::record(tx, record).await?;
        enqueue(tx, &NewJob::single(DECIDE)).await?;
        Ok((id, self.actor.clone(), set_at_us))
    }
}

pub(super) fn stored_digest(row: &Row, at: usize) -> Result<Digest, db::Error> {
    // What is written there is a digest.
    Ok(Digest::from_bytes(&row.get::<Vec<u8>>(at)?).unwrap_or_else(|_| blobs::digest(Algorithm::Sha256, b"")))
}

/// Returns a document by its number; none when it is not understood, which it was when it was set.
pub(super) async fn load(pipeline: &Pipeline, id: i64) -> Result<Arc<Exceptions>, Error> {
    let found = pipeline
        .inner
        .registry
        .database()
        .read(move |tx| Box::pin(async move { tx.find(&FIND_DOCUMENT, &[id.into()]).await }));
    let Some(row) = found.await? else { return Ok(Arc::default()) };
    let text = String::from_utf8_lossy(&row.get::<Vec<u8>>(0)?).into_owned();
    let exceptions = aside(move || read(&text)).await.map_err(|_| Error::Lost)?;
    Ok(Arc::new(exceptions.unwrap_or_default()))
}

/// States the exceptions of documents as facts, and takes back those of the documents whose place they took, each document whole before it is
/// noted as stated.
pub(super) async fn state_facts(pipeline: &Pipeline, context: &Context) -> Result<(), JobError> {
    let hub = pipeline.inner.registry.database();
    while !context.is_canceled() {
        let found = hub.read(|tx| Box::pin(async move { tx.find(&FIND_UNSTATED, &[]).await }));
        let Some(row) = found.await? else { return Ok(()) };
        let (id, project, set_at_us): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(5)?);
        let before =
            hub.read(move |tx| Box::pin(async move { tx.find(&FIND_BEFORE, &[project.into(), id.into()]).await }));
        let mut stated = Vec::new();
        if let Some(before) = before.await? {
            let counted = facts_of(&before).await?.into_iter();
            stated.extend(counted.filter(|fact| fact.expires_at_us > Some(set_at_us)).map(|fact| Fact {
                withdraws: Some(fact.id()),
                observed_at_us: set_at_us,
                // It holds for no moment.
                expires_at_us: Some(set_at_us),
                ..fact
            }));
        }
        stated.extend(facts_of(&row).await?);
        for chunk in stated.chunks(FACTS_IN_WRITE) {
            let chunk: Arc<[Fact]> = chunk.into();
            hub.write(move |tx| {
                let chunk = Arc::clone(&chunk);
                Box::pin(async move { facts::insert_all(tx, &chunk).await })
            })
            .await?;
        }
        hub.write(move |tx| Box::pin(async move { tx.execute(&SET_STATED, &[id.into()]).await.map(drop) })).await?;
    }
    Ok(())
}

/// Returns the exceptions of a document as facts.
async fn facts_of(row: &Row) -> Result<Vec<Fact>, JobError> {
    let (project, subject): (i64, Digest) = (row.get(1)?, stored_digest(row, 2)?);
    let text = String::from_utf8_lossy(&row.get::<Vec<u8>>(3)?).into_owned();
    let (actor, at_us): (String, i64) = (row.get(4)?, row.get(5)?);
    let exceptions = aside(move || read(&text)).await?.unwrap_or_default();
    let fact = |exception: &policy::Exception| Fact {
        scope: if project == HUB { Scope::Hub } else { Scope::Project(project) },
        subject,
        claim: Claim::Exempted(Exempted {
            begins_at_us: micros(exception.created),
            id: exception.id.clone(),
            owner: exception.owner.clone(),
            reason: exception.reason.clone(),
        }),
        producer: actor.clone(),
        observed_at_us: at_us,
        expires_at_us: Some(micros(exception.expires)),
        source: None,
        withdraws: None,
    };
    Ok(exceptions.entries().iter().map(fact).collect())
}

/// Returns a moment of a document in microseconds.
pub(super) fn micros(seconds: policy::Time) -> i64 {
    seconds.saturating_mul(1_000_000)
}

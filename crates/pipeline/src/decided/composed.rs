//! What decides about the images of a project: the hub's exceptions and VEX, and its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use component::{Component, Inventory};
use db::Row;
use findings::{Deciders, Decisions, DocumentBeside, ExceptionUse, VexUse};
use jiff::Timestamp;
use oci::{Digest, RepositoryName};
use policy::{Exception, Exceptions};
use registry::RepositoryId;
use vex::{Document, Present, Statements, Subject};

use super::beside::Beside;
use super::documents::{self, HUB};
use super::trust::LIST_NEWEST_TRUST;
use super::vex::LIST_NEWEST_VEX_OF;
use crate::pipeline::{Error, Pipeline};

/// Exceptions that are kept in memory, of all projects together; past that, all are read again: some 50 MB.
const ENTRIES_KEPT_MAX: usize = 50_000;

/// The documents by which a project's images are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Documents {
    /// The hub's exceptions.
    pub(crate) hub: Option<i64>,
    /// The project's own.
    pub(crate) own: Option<i64>,
    /// The last row of the hub's VEX.
    pub(crate) hub_vex: Option<i64>,
    /// That of the project's own.
    pub(crate) own_vex: Option<i64>,
    /// Whose VEX counts.
    pub(crate) trust: Option<i64>,
}

/// The exceptions of a project.
#[derive(Debug, Default)]
pub(crate) struct Composed {
    exceptions: Exceptions,
    statements: Option<Statements>,
}

/// Which VEX documents are told with what they decide about an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VexTold {
    /// All that were given for it, of whatever else they speak.
    All,
    /// Those that may say something of it: what others there are is not for whoever may pull one image.
    OfImage,
}

/// Those that were composed lately, by the project's number.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    projects: BTreeMap<i64, (Documents, Arc<Composed>)>,
    entries: usize,
}

impl Composed {
    /// What is kept in memory of it.
    fn weight(&self) -> usize {
        let documents = self.statements.iter().flat_map(Statements::documents);
        self.exceptions.entries().len() + documents.map(|document| document.statements.len()).sum::<usize>()
    }

    fn of(hub: &Exceptions, own: &Exceptions, statements: Option<Statements>) -> Self {
        Self { exceptions: findings::united(hub, own), statements }
    }

    /// Returns what decides about an image of a repository.
    pub(crate) fn deciders<'a>(
        &'a self,
        beside: Option<&'a Beside>,
        (repository, subject): (&'a str, &'a Subject),
        now_us: i64,
    ) -> Deciders<'a> {
        Deciders {
            beside: beside.map(Beside::deciders),
            exceptions: Some(&self.exceptions),
            repository: Some(repository),
            now: Timestamp::from_microsecond(now_us).ok(),
            statements: self.statements.as_ref(),
            subject: Some(subject),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.exceptions.is_empty() && self.statements.is_none()
    }

    /// Leaves out of what became of the exceptions those about other repositories: what these are called is none of this one's readers'
    /// business.
    pub(crate) fn tell_about(&self, told: &mut Vec<ExceptionUse>, repository: &str) {
        let mut entries = self.exceptions.entries().iter();
        told.retain(|_| entries.next().is_some_and(|entry| entry.has_repository(Some(repository))));
    }

    /// Leaves out of what became of VEX documents those that were given and say nothing of an image.
    pub(crate) fn tell_vex_about(&self, told: &mut Vec<VexUse>, subject: &Subject, components: &[Component]) {
        let Some(statements) = &self.statements else { return };
        let present = Present::new(subject, components);
        // Those that were given come first, in their order.
        let mut given = statements.documents().iter();
        told.retain(|_| given.next().is_none_or(|document| document.is_about(&present)));
    }
}

impl Pipeline {
    /// Returns the exceptions of a project by documents.
    pub(crate) async fn composed(&self, project: i64, documents: Documents) -> Result<Arc<Composed>, Error> {
        let remembered = || self.inner.composed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, composed)) = remembered().projects.get(&project).filter(|(of, _)| *of == documents) {
            return Ok(Arc::clone(composed));
        }
        let mut read = Vec::with_capacity(2);
        for document in [documents.hub, documents.own] {
            read.push(match document {
                Some(id) => documents::load(self, id).await?,
                None => Arc::default(),
            });
        }
        let trust = findings::trust(&self.trust_as_of(documents.trust).await?);
        let statements = self.statements_as_of([(HUB, documents.hub_vex), (project, documents.own_vex)], trust).await?;
        let composed = match read.as_slice() {
            [hub, own] => Arc::new(Composed::of(hub, own, statements)),
            _ => Arc::new(Composed { exceptions: Exceptions::default(), statements }),
        };
        let mut remembered = remembered();
        let entries = composed.weight();
        if remembered.entries + entries > ENTRIES_KEPT_MAX {
            *remembered = Remembered::default();
        }
        remembered.entries += entries;
        if let Some((_, before)) = remembered.projects.insert(project, (documents, Arc::clone(&composed))) {
            remembered.entries = remembered.entries.saturating_sub(before.weight());
        }
        Ok(composed)
    }

    /// Returns what counts for an image of a repository by the newest documents.
    pub(crate) async fn newest_composed(
        &self,
        repository: RepositoryId,
        image: Digest,
    ) -> Result<(Arc<Composed>, Option<Beside>), Error> {
        let (project, documents) = self.newest_documents(repository).await?;
        let trust = findings::trust(&self.trust_as_of(documents.trust).await?);
        Ok((self.composed(project, documents).await?, self.beside(repository, image, trust).await?))
    }

    /// Returns what decides about an image of a repository, as far as it concerns the image, for who decides elsewhere.
    ///
    /// # Errors
    /// When a database fails.
    pub async fn decisions(&self, name: &RepositoryName, image: Digest, told: VexTold) -> Result<Decisions, Error> {
        let repository = self.inner.registry.repository_id(name).await?;
        let (project, documents) = self.newest_documents(repository).await?;
        let trust = self.trust_as_of(documents.trust).await?;
        let composed = self.composed(project, documents).await?;
        let beside = self.beside(repository, image, findings::trust(&trust)).await?;
        let loaded = async |document: Option<i64>| match document {
            Some(id) => Ok::<_, Error>(exceptions_for(&*documents::load(self, id).await?, name)),
            None => Ok(Exceptions::default()),
        };
        let (hub_exceptions, project_exceptions) = (loaded(documents.hub).await?, loaded(documents.own).await?);
        let mut decisions = Decisions {
            hub_exceptions,
            project_exceptions,
            authors: trust.authors,
            others_count: trust.others_count,
            ..Decisions::default()
        };
        let name = name.to_string();
        let about = move |subject: &Subject, components: &[Component]| {
            let present = Present::new(subject, components);
            let given = composed.statements.iter().flat_map(Statements::documents);
            let vex: Vec<Document> = given.map(|document| document.about(&present)).collect();
            let beside: Vec<DocumentBeside> = beside.iter().flat_map(|beside| beside.about(&present)).collect();
            (vex, beside)
        };
        let shared = Arc::new(about);
        let (about, of) = (Arc::clone(&shared), name.clone());
        let seen = self.look(image, move |inventory| about(&subject_of(inventory, &of), &inventory.components));
        let seen = seen.await?;
        decisions.is_inventoried = seen.is_some();
        (decisions.vex, decisions.beside) = match seen {
            Some(seen) => seen,
            None => shared(&Subject::default().with_image(&name).with_digest(&image.to_string()), &[]),
        };
        if told == VexTold::OfImage {
            keep_speaking(&mut decisions);
        }
        Ok(decisions)
    }

    async fn newest_documents(&self, repository: RepositoryId) -> Result<(i64, Documents), Error> {
        let number = repository.number();
        let found = self.inner.registry.database().read(move |tx| {
            Box::pin(async move {
                let rows = tx.query_list(&documents::LIST_PROJECTS_OF, &[], &[number.into()]).await?;
                let project: i64 = rows.first().map_or(Ok(HUB), |row| row.get(2))?;
                let rows = tx.query(&documents::LIST_NEWEST_OF, &[HUB.into(), project.into()]).await?;
                let vex = tx.query(&LIST_NEWEST_VEX_OF, &[HUB.into(), project.into()]).await?;
                let trust: Option<i64> = tx.find(&LIST_NEWEST_TRUST, &[]).await?.map(|row| row.get(1)).transpose()?;
                Ok::<_, db::Error>((project, rows, vex, trust))
            })
        });
        let (project, exceptions, vex, trust) = found.await?;
        let by_project = |rows: &[Row]| -> Result<BTreeMap<i64, i64>, db::Error> {
            rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
        };
        let (exceptions, vex) = (by_project(&exceptions)?, by_project(&vex)?);
        let own = |newest: &BTreeMap<i64, i64>| newest.get(&project).copied().filter(|_| project != HUB);
        let documents = Documents {
            hub: exceptions.get(&HUB).copied(),
            own: own(&exceptions),
            hub_vex: vex.get(&HUB).copied(),
            own_vex: own(&vex),
            trust,
        };
        Ok((project, documents))
    }
}

/// Leaves out the VEX documents that were given and have no statement left, but for versions of one that has: which of them count follows from that.
fn keep_speaking(decisions: &mut Decisions) {
    let name = |document: &Document| (document.format, document.author.clone(), document.id.clone());
    let beside = decisions.beside.iter().map(|beside| &beside.document);
    let speaking = decisions.vex.iter().chain(beside).filter(|document| !document.statements.is_empty());
    let names: BTreeSet<_> = speaking.filter(|document| !document.id.is_empty()).map(name).collect();
    decisions.vex.retain(|document| !document.statements.is_empty() || names.contains(&name(document)));
}

/// Returns the exceptions that are for a repository, without what others they are for.
fn exceptions_for(exceptions: &Exceptions, repository: &RepositoryName) -> Exceptions {
    let entries = exceptions.entries().iter().filter(|entry| entry.has_repository(Some(repository.as_str())));
    Exceptions::new(entries.map(|entry| Exception { scope: Vec::new(), ..entry.clone() }).collect())
}

/// Returns what VEX may call an image of a repository: its digest, and the repository as this hub calls it.
pub(crate) fn subject_of(inventory: &Inventory, repository: &str) -> Subject {
    Subject::of(inventory).with_image(repository)
}

//! The job that has images counted by the exceptions that were set, and by the time that it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use component::Pattern;
use db::{Tx, Value};
use ledger::jobs::{Context, JobError, Kind, NewJob, Outcome, enqueue};
use policy::{Exception, Exceptions};

use super::beside::{self, index::LIST_COUNTED_BESIDE, index::LIST_IMAGES_BY};
use super::documents::{self, HUB, LIST_NEWEST, LIST_REPOSITORIES, micros};
use super::stamp::{EXCEPTIONS, FIND_CLOCK, TRUST, VEX};
use super::trust::{self, LIST_NEWEST_TRUST};
use super::vex::{self, LIST_NEWEST_VEX};
use crate::advised::{Advisories, order_counting};
use crate::pipeline::{Error, Pipeline};
use ledger::aside::aside;

/// Counts by the exceptions that were set, and by those that began or ended.
pub const DECIDE: Kind = Kind::new("findings.decide");

/// From one look to the next. Whoever sets a document orders the job, and it orders itself for when an exception begins or ends.
pub(crate) const DECIDE_EVERY: Duration = Duration::from_hours(1);

/// The longest that a job is ordered ahead; the next look orders it again.
const AHEAD_MAX: Duration = Duration::from_hours(2);

/// Patterns with wildcards among the vulnerabilities of what changed that are held against each vulnerability here. With more, all images
/// that the document is about are counted again, which costs less.
const WILDCARDS_HELD_MAX: usize = 256;

/// Vulnerabilities that a change may mean for which their images are looked up. With more, all images are.
const VULNERABILITIES_MEANT_MAX: usize = 1_000;

/// Vulnerabilities whose names are read at once.
const VULNERABILITIES_IN_STEP: i64 = 1_000;

/// Images that are marked by one write.
const MARKED_IN_WRITE: usize = 500;

db::statements! {
    /// By which documents images are counted.
    LIST_DECIDERS = "SELECT project_id, kind, document_id, next_us, marked FROM finding_deciders";
    /// Has images counted by a document.
    UPSERT_DECIDER = "INSERT INTO finding_deciders (project_id, kind, document_id, next_us, marked) VALUES ($1, $2, $3, $4, 0) \
        ON CONFLICT (project_id, kind) DO UPDATE SET document_id = excluded.document_id, next_us = excluded.next_us, marked = 0";
    /// Notes that the images are marked that a document may mean.
    SET_MARKED = "UPDATE finding_deciders SET marked = 1 WHERE project_id = $1 AND kind = $2 AND document_id = $3";
    /// Has images counted as of a time.
    UPSERT_CLOCK = "INSERT INTO finding_clock (id, now_us) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET now_us = excluded.now_us";
    /// When an exception begins or ends next.
    FIND_NEXT = "SELECT MIN(next_us) FROM finding_deciders";
    /// Vulnerabilities that something here has or had, after one.
    LIST_VULNERABILITIES = "SELECT id, name FROM finding_vulnerabilities WHERE id > $1 ORDER BY id LIMIT $2";
    /// Images that hold what has vulnerabilities.
    LIST_IMAGES_WITH = "SELECT DISTINCT h.image_id FROM findings f CROSS JOIN inventory_image_components h \
        WHERE h.component_id = f.component_id AND f.vulnerability_id IN {list}";
    /// Repositories with images that are counted.
    LIST_COUNTED_REPOSITORIES = "SELECT DISTINCT repository_id FROM finding_totals";
    /// Images of a repository that are counted, after one.
    LIST_COUNTED_IMAGES = "SELECT image_id FROM finding_totals WHERE repository_id = $1 AND image_id > $2 ORDER BY image_id LIMIT $3";
    /// Has images of a repository counted again.
    STALE_IMAGES = "UPDATE finding_totals SET fresh = 0 WHERE fresh = 1 AND repository_id = $1 AND image_id IN {list}";
}

/// What images of a project are counted by.
struct Decider {
    document: i64,
    next_us: Option<i64>,
    is_marked: bool,
}

/// A document that takes the place of another, or a part of which begins or ends.
struct Change {
    project: i64,
    kind: i64,
    document: i64,
    next_us: Option<i64>,
    meaning: Meaning,
    /// Documents beside images that another version in it may take the place of.
    namesakes: Vec<i64>,
}

/// Which findings a change may mean.
#[derive(Debug, Clone)]
enum Meaning {
    Anything,
    /// Those of these exceptions.
    Exceptions(Vec<Exception>),
    /// Those of these vulnerabilities, in upper case.
    Names(BTreeSet<String>),
    /// Those of which any VEX speaks.
    Spoken,
}

impl Meaning {
    fn is_nothing(&self) -> bool {
        match self {
            Self::Anything | Self::Spoken => false,
            Self::Exceptions(exceptions) => exceptions.is_empty(),
            Self::Names(names) => names.is_empty(),
        }
    }

    /// Tells whether it may mean findings in a repository.
    fn is_about(&self, repository: Option<&str>) -> bool {
        match (self, repository) {
            (Self::Exceptions(exceptions), Some(_)) => {
                exceptions.iter().any(|exception| exception.has_repository(repository))
            }
            _ => true,
        }
    }

    /// Tells whether it may mean a vulnerability, by any of its names.
    fn is_of(&self, asked: &Exceptions, names: &[&str]) -> bool {
        match self {
            Self::Anything | Self::Spoken => true,
            Self::Exceptions(_) => !asked.about(names).is_empty(),
            Self::Names(known) => names.iter().any(|name| known.contains(&name.trim().to_ascii_uppercase())),
        }
    }
}

impl Pipeline {
    pub(crate) async fn run_decide(&self, context: &Context) -> Result<Outcome, JobError> {
        documents::state_facts(self, context).await?;
        vex::state_facts(self, context).await?;
        trust::state_facts(self, context).await?;
        beside::state_facts(self, context).await?;
        self.take_over(context).await?;
        order_counting(self).await?;
        self.order_next().await?;
        Ok(Outcome::Done)
    }

    /// Has images counted by the documents that were set, and as of now.
    async fn take_over(&self, context: &Context) -> Result<(), JobError> {
        let (now_us, changes) = self.changes().await?;
        if changes.is_empty() {
            return Ok(());
        }
        let changes = Arc::new(changes);
        let shared = Arc::clone(&changes);
        // From here on what was found out by the documents of before is not kept; then what is kept of it is marked.
        self.inner
            .index
            .write(move |tx| {
                let changes = Arc::clone(&shared);
                Box::pin(async move { note(tx, now_us, &changes).await })
            })
            .await?;
        for change in changes.iter() {
            if context.is_canceled() {
                return Ok(());
            }
            context.progress(&format!("marking what document {} may mean", change.document));
            match &change.meaning {
                Meaning::Spoken => self.mark_spoken(context).await?,
                meaning => self.mark_meant(change.project, meaning).await?,
            }
            self.mark_beside(&change.namesakes).await?;
            let parameters = [change.project.into(), change.kind.into(), change.document.into()];
            self.inner
                .index
                .write(move |tx| {
                    let parameters = parameters.clone();
                    Box::pin(async move { tx.execute(&SET_MARKED, &parameters).await.map(drop) })
                })
                .await?;
        }
        Ok(())
    }

    /// Finds out which documents take the place of others, or change by the time.
    async fn changes(&self) -> Result<(i64, Vec<Change>), JobError> {
        let hub = self.inner.registry.database();
        let (exceptions, vex, trust) = hub
            .read(|tx| {
                Box::pin(async move {
                    let exceptions = tx.query(&LIST_NEWEST, &[]).await?;
                    let vex = tx.query(&LIST_NEWEST_VEX, &[]).await?;
                    Ok::<_, db::Error>((exceptions, vex, tx.query(&LIST_NEWEST_TRUST, &[]).await?))
                })
            })
            .await?;
        let (clock, rows) = self
            .inner
            .index
            .read(|tx| {
                Box::pin(async move {
                    let clock: Option<i64> = tx.find(&FIND_CLOCK, &[]).await?.map(|row| row.get(0)).transpose()?;
                    Ok::<_, db::Error>((clock, tx.query(&LIST_DECIDERS, &[]).await?))
                })
            })
            .await?;
        let mut known: BTreeMap<(i64, i64), Decider> = BTreeMap::new();
        for row in &rows {
            let decider = Decider { document: row.get(2)?, next_us: row.get(3)?, is_marked: row.get::<i64>(4)? != 0 };
            known.insert((row.get(0)?, row.get(1)?), decider);
        }
        let before_us = clock.unwrap_or(i64::MIN);
        let now_us = self.inner.registry.now_us().max(before_us);
        let mut changes = Vec::new();
        for (rows, kind) in [(exceptions, EXCEPTIONS), (vex, VEX), (trust, TRUST)] {
            for row in &rows {
                let (project, newest): (i64, i64) = (row.get(0)?, row.get(1)?);
                let known = known.get(&(project, kind));
                let is_new = known.is_none_or(|known| known.document < newest || !known.is_marked);
                let is_due = known.and_then(|known| known.next_us).is_some_and(|next_us| next_us <= now_us);
                if is_new || is_due {
                    let document = known.map_or(newest, |known| known.document.max(newest));
                    let meaning = Meaning::Anything;
                    let at = Change { project, kind, document, next_us: None, meaning, namesakes: Vec::new() };
                    let change = match kind {
                        VEX => self.change_of_vex(at, known).await,
                        TRUST => Ok(Change { meaning: Meaning::Spoken, ..at }),
                        _ => self.change_of_exceptions(at, known, (before_us, now_us)).await,
                    };
                    changes.push(change.map_err(|error| JobError::retry(&error))?);
                }
            }
        }
        Ok((now_us, changes))
    }

    async fn change_of_exceptions(
        &self,
        at: Change,
        known: Option<&Decider>,
        (before_us, now_us): (i64, i64),
    ) -> Result<Change, Error> {
        let new = documents::load(self, at.document).await?;
        let meaning = match known {
            // What was marked of the change before is not known.
            Some(known) if !known.is_marked => Meaning::Anything,
            Some(known) if known.document != at.document => {
                let old = documents::load(self, known.document).await?;
                Meaning::Exceptions(difference((&old, before_us), (&new, now_us)))
            }
            Some(_) => Meaning::Exceptions(difference((&new, before_us), (&new, now_us))),
            None => Meaning::Exceptions(difference((&Exceptions::default(), before_us), (&new, now_us))),
        };
        Ok(Change { next_us: next_us(&new, now_us), meaning, ..at })
    }

    async fn change_of_vex(&self, at: Change, known: Option<&Decider>) -> Result<Change, Error> {
        match known {
            // Images of which nobody knows whether they were marked are marked, whatever lies beside them.
            Some(known) if !known.is_marked => Ok(at),
            known => {
                let rows = (known.map_or(0, |known| known.document), at.document);
                let meaning = Meaning::Names(vex::names_between(self, at.project, rows).await?);
                Ok(Change { meaning, namesakes: vex::namesakes_beside(self, at.project, rows).await?, ..at })
            }
        }
    }

    /// Has the images counted again of whose findings VEX speaks.
    async fn mark_spoken(&self, context: &Context) -> Result<(), JobError> {
        for project in vex::projects(self).await? {
            let names = vex::names_of(self, project).await.map_err(|error| JobError::retry(&error))?;
            self.mark_meant(project, &Meaning::Names(names)).await?;
        }
        let mut after = (i64::MIN, 0_i64);
        loop {
            let limit = i64::try_from(MARKED_IN_WRITE).unwrap_or(i64::MAX);
            let rows = self.inner.index.read(move |tx| {
                let parameters = [after.0.into(), after.1.into(), limit.into()];
                Box::pin(async move { tx.query(&LIST_COUNTED_BESIDE, &parameters).await })
            });
            let mut images: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
            for row in rows.await? {
                after = (row.get(0)?, row.get(1)?);
                images.entry(after.0).or_default().insert(after.1);
            }
            if images.is_empty() {
                break;
            }
            for (repository, images) in images {
                self.mark_images(repository, &images).await?;
            }
        }
        // Whose pushes are believed is another question now.
        self.order_beside_missing(context).await
    }

    /// Has the images counted again that are counted by documents beside them.
    async fn mark_beside(&self, documents: &[i64]) -> Result<(), JobError> {
        let list: Vec<Value> = documents.iter().map(|id| (*id).into()).collect();
        let rows =
            self.inner.index.read(move |tx| Box::pin(async move { tx.query_list(&LIST_IMAGES_BY, &[], &list).await }));
        let mut images: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for row in rows.await? {
            images.entry(row.get(0)?).or_default().insert(row.get(1)?);
        }
        for (repository, images) in images {
            self.mark_images(repository, &images).await?;
        }
        Ok(())
    }

    /// Has the images counted again that a change may mean.
    async fn mark_meant(&self, project: i64, meaning: &Meaning) -> Result<(), JobError> {
        if meaning.is_nothing() {
            return Ok(());
        }
        let meant = self.images_meant(meaning).await?;
        for (repository, name) in self.repositories_of(project).await? {
            if !meaning.is_about(name.as_deref()) {
                continue;
            }
            match &meant {
                Some(images) => self.mark_images(repository, images).await?,
                None => self.mark_repository(repository).await?,
            }
        }
        Ok(())
    }

    /// Returns the repositories that a document is about, with their names where these are known.
    async fn repositories_of(&self, project: i64) -> Result<Vec<(i64, Option<String>)>, JobError> {
        let mut repositories = Vec::new();
        if project == HUB {
            let rows =
                self.inner.index.read(|tx| Box::pin(async move { tx.query(&LIST_COUNTED_REPOSITORIES, &[]).await }));
            for row in rows.await? {
                repositories.push((row.get(0)?, None));
            }
            return Ok(repositories);
        }
        let hub = self.inner.registry.database();
        let rows = hub.read(move |tx| Box::pin(async move { tx.query(&LIST_REPOSITORIES, &[project.into()]).await }));
        for row in rows.await? {
            repositories.push((row.get(0)?, Some(row.get(1)?)));
        }
        Ok(repositories)
    }

    /// Returns the images that hold something that a change may mean; none when that is not worth being found out.
    async fn images_meant(&self, meaning: &Meaning) -> Result<Option<BTreeSet<i64>>, JobError> {
        let changed: &[Exception] = match meaning {
            Meaning::Anything | Meaning::Spoken => return Ok(None),
            Meaning::Exceptions(changed) => changed,
            Meaning::Names(_) => &[],
        };
        let patterns = changed.iter().flat_map(|exception| &exception.vulnerabilities);
        let wildcards = patterns.filter(|pattern| !pattern.is_literal()).map(Pattern::as_str).collect::<BTreeSet<_>>();
        let Some(advisories) = self.advisories().filter(|_| wildcards.len() <= WILDCARDS_HELD_MAX) else {
            return Ok(None);
        };
        let asked = Arc::new((meaning.clone(), Exceptions::new(changed.to_vec())));
        let (mut after, mut meant) = (0_i64, Vec::new());
        loop {
            let rows = self.inner.index.read(move |tx| {
                Box::pin(async move {
                    tx.query(&LIST_VULNERABILITIES, &[after.into(), VULNERABILITIES_IN_STEP.into()]).await
                })
            });
            let mut named = Vec::new();
            for row in rows.await? {
                named.push((row.get::<i64>(0)?, row.get::<String>(1)?));
            }
            let Some((last, _)) = named.last() else { break };
            after = *last;
            let (asked, advisories) = (Arc::clone(&asked), Arc::clone(&advisories));
            let found = aside(move || meant_of(&advisories, &asked, named)).await?;
            meant.extend(found.map_err(|error| JobError::retry(&error))?);
            if meant.len() > VULNERABILITIES_MEANT_MAX {
                return Ok(None);
            }
        }
        let list: Vec<Value> = meant.into_iter().map(Value::from).collect();
        let rows = self
            .inner
            .index
            .read(move |tx| Box::pin(async move { tx.query_list(&LIST_IMAGES_WITH, &[], &list).await }));
        let mut images = BTreeSet::new();
        for row in rows.await? {
            images.insert(row.get(0)?);
        }
        Ok(Some(images))
    }

    async fn mark_images(&self, repository: i64, images: &BTreeSet<i64>) -> Result<(), JobError> {
        let list: Vec<Value> = images.iter().map(|image| (*image).into()).collect();
        for chunk in list.chunks(MARKED_IN_WRITE) {
            let chunk: Arc<[Value]> = chunk.into();
            self.inner
                .index
                .write(move |tx| {
                    let chunk = Arc::clone(&chunk);
                    Box::pin(
                        async move { tx.execute_list(&STALE_IMAGES, &[repository.into()], &chunk).await.map(drop) },
                    )
                })
                .await?;
        }
        Ok(())
    }

    async fn mark_repository(&self, repository: i64) -> Result<(), JobError> {
        let mut after = i64::MIN;
        loop {
            let limit = i64::try_from(MARKED_IN_WRITE).unwrap_or(i64::MAX);
            let rows = self.inner.index.read(move |tx| {
                Box::pin(async move {
                    tx.query(&LIST_COUNTED_IMAGES, &[repository.into(), after.into(), limit.into()]).await
                })
            });
            let mut images = BTreeSet::new();
            for row in rows.await? {
                images.insert(row.get::<i64>(0)?);
            }
            let Some(last) = images.last() else { return Ok(()) };
            after = *last;
            self.mark_images(repository, &images).await?;
        }
    }

    /// Orders this job for when an exception begins or ends next.
    async fn order_next(&self) -> Result<(), JobError> {
        let row = self.inner.index.read(|tx| Box::pin(async move { tx.find(&FIND_NEXT, &[]).await })).await?;
        let Some(next_us) = row.map_or(Ok(None), |row| row.get::<Option<i64>>(0))? else { return Ok(()) };
        let left_us = next_us.saturating_sub(self.inner.registry.now_us()).max(0);
        let left = Duration::from_micros(u64::try_from(left_us).unwrap_or(0));
        if left > AHEAD_MAX {
            return Ok(());
        }
        let job = NewJob::new(DECIDE, &None::<()>)
            .and_then(|job| job.key(&next_us.to_string()))
            .map_err(|error| JobError::permanent(&error))?
            .after(left);
        self.inner
            .registry
            .database()
            .write(move |tx| {
                let job = job.clone();
                Box::pin(async move { enqueue(tx, &job).await.map(drop) })
            })
            .await?;
        Ok(())
    }
}

async fn note(tx: &mut Tx, now_us: i64, changes: &[Change]) -> Result<(), db::Error> {
    tx.execute(&UPSERT_CLOCK, &[now_us.into()]).await?;
    for change in changes {
        let parameters = [change.project.into(), change.kind.into(), change.document.into(), change.next_us.into()];
        tx.execute(&UPSERT_DECIDER, &parameters).await?;
    }
    Ok(())
}

/// Returns those of some vulnerabilities that a change may mean, by any of their names.
fn meant_of(
    advisories: &Advisories,
    (meaning, asked): &(Meaning, Exceptions),
    vulnerabilities: Vec<(i64, String)>,
) -> Result<Vec<i64>, vulndb::file::Corrupt> {
    let mut meant = Vec::new();
    for (id, name) in vulnerabilities {
        let all = advisories.names(&name)?;
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        if meaning.is_of(asked, &all) {
            meant.push(id);
        }
    }
    Ok(meant)
}

/// Returns the exceptions that count in only one of two documents at their times, or mean something else in the other.
fn difference((old, then_us): (&Exceptions, i64), (new, now_us): (&Exceptions, i64)) -> Vec<Exception> {
    let counting = |exceptions: &Exceptions, at_us: i64| -> BTreeMap<String, Exception> {
        let counts = |entry: &&Exception| entry.counts(at_us.div_euclid(1_000_000));
        exceptions.entries().iter().filter(counts).map(|entry| (entry.id.clone(), entry.clone())).collect()
    };
    let (old, new) = (counting(old, then_us), counting(new, now_us));
    let is_other = |entry: &Exception, others: &BTreeMap<String, Exception>| {
        others.get(&entry.id).is_none_or(|other| !means_the_same(entry, other))
    };
    let gone = old.values().filter(|entry| is_other(entry, &new));
    let come = new.values().filter(|entry| is_other(entry, &old));
    gone.chain(come).cloned().collect()
}

/// Who decided, why and until when changes nothing that is counted.
fn means_the_same(left: &Exception, right: &Exception) -> bool {
    let Exception {
        id: _,
        vulnerabilities,
        purls,
        versions,
        paths,
        scope,
        owner: _,
        reason: _,
        created: _,
        expires: _,
        condition,
    } = left;
    (vulnerabilities, purls, versions, paths, scope, condition)
        == (&right.vulnerabilities, &right.purls, &right.versions, &right.paths, &right.scope, &right.condition)
}

/// Returns when an exception begins or ends after a moment.
fn next_us(exceptions: &Exceptions, now_us: i64) -> Option<i64> {
    let moments = exceptions.entries().iter().flat_map(|entry| [micros(entry.created), micros(entry.expires)]);
    moments.filter(|moment| *moment > now_us).min()
}

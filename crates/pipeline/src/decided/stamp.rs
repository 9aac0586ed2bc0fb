//! By which documents, and as of when, images are counted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use db::{Tx, Value};
use vex::Trust;

use super::documents::{HUB, LIST_PROJECTS_OF};
use super::{Composed, Documents};
use crate::pipeline::{Error, Pipeline};

db::statements! {
    /// As of when.
    FIND_CLOCK = "SELECT now_us FROM finding_clock WHERE id = 1";
    /// By which documents.
    LIST_DECIDERS_OF = "SELECT project_id, kind, document_id FROM finding_deciders WHERE project_id IN {list}";
}

/// The kind of deciders that are exceptions.
pub(super) const EXCEPTIONS: i64 = 1;

/// The kind that is VEX.
pub(super) const VEX: i64 = 2;

/// The kind that is whose VEX counts.
pub(super) const TRUST: i64 = 3;

/// What was noted when something was found out; it is kept only while the same is noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    projects: BTreeSet<i64>,
    pub(crate) now_us: i64,
    /// By project and kind.
    documents: BTreeMap<(i64, i64), i64>,
}

/// What decides about the images of some repositories.
#[derive(Debug)]
pub(crate) struct Deciding {
    pub(crate) stamp: Stamp,
    /// Each repository by its number, with its name and what decides about all its images, if anything does.
    pub(crate) repositories: BTreeMap<i64, (String, Option<Arc<Composed>>)>,
    /// How far authors of VEX are trusted.
    pub(crate) trust: Trust,
}

impl Stamp {
    async fn read(tx: &mut Tx, projects: BTreeSet<i64>) -> Result<Self, db::Error> {
        let now_us = tx.find(&FIND_CLOCK, &[]).await?.map_or(Ok(0), |row| row.get(0))?;
        let list: Vec<Value> = projects.iter().map(|project| (*project).into()).collect();
        let mut documents = BTreeMap::new();
        for row in tx.query_list(&LIST_DECIDERS_OF, &[], &list).await? {
            documents.insert((row.get(0)?, row.get(1)?), row.get(2)?);
        }
        Ok(Self { projects, now_us, documents })
    }

    /// Tells whether the same is noted now.
    pub(crate) async fn holds(&self, tx: &mut Tx) -> Result<bool, db::Error> {
        Ok(Self::read(tx, self.projects.clone()).await? == *self)
    }
}

impl Pipeline {
    /// Returns what decides about the images of some repositories, as it is noted.
    pub(crate) async fn deciding(&self, repositories: &BTreeSet<i64>) -> Result<Deciding, Error> {
        let list: Vec<Value> = repositories.iter().map(|repository| (*repository).into()).collect();
        let rows = self
            .inner
            .registry
            .database()
            .read(move |tx| Box::pin(async move { tx.query_list(&LIST_PROJECTS_OF, &[], &list).await }));
        let mut owners = Vec::new();
        for row in rows.await? {
            owners.push((row.get::<i64>(0)?, row.get::<String>(1)?, row.get::<i64>(2)?));
        }
        let projects: BTreeSet<i64> = owners.iter().map(|(_, _, project)| *project).chain([HUB]).collect();
        let stamp = self
            .inner
            .index
            .read(move |tx| {
                let projects = projects.clone();
                Box::pin(async move { Stamp::read(tx, projects).await })
            })
            .await?;
        let noted = |project, kind| stamp.documents.get(&(project, kind)).copied();
        let mut deciding = BTreeMap::new();
        for (repository, name, project) in owners {
            let documents = Documents {
                hub: noted(HUB, EXCEPTIONS),
                own: noted(project, EXCEPTIONS),
                hub_vex: noted(HUB, VEX),
                own_vex: noted(project, VEX),
                trust: noted(HUB, TRUST),
            };
            let composed = match documents {
                Documents { trust: _, hub: None, own: None, hub_vex: None, own_vex: None } => None,
                _ => Some(self.composed(project, documents).await?).filter(|composed| !composed.is_empty()),
            };
            deciding.insert(repository, (name, composed));
        }
        let trust = findings::trust(&self.trust_as_of(noted(HUB, TRUST)).await?);
        Ok(Deciding { stamp, repositories: deciding, trust })
    }
}

use std::sync::{Arc, PoisonError};

use feeds::Mapped;
use ledger::aside::aside;
use tokio::sync::OnceCell;
use vulndb::Asked;
use vulndb::file::{Corrupt, Database};

use super::packages::PackagesOf;
use crate::pipeline::{Error, Pipeline};

/// A database of advisories that images are matched by.
#[derive(Debug)]
pub struct Advisories {
    /// The database.
    pub database: Database<Mapped>,
    /// The SHA-256 of its file, in hexadecimal.
    pub sha256: String,
}

impl Advisories {
    /// Finds what is meant by a name, of a vulnerability or of a record, however its letters are written.
    ///
    /// # Errors
    /// When the database is damaged.
    pub fn find(&self, name: &str) -> Result<Option<Asked>, Corrupt> {
        Asked::find(&self.database, name)
    }

    /// Returns all names of a vulnerability that findings call by a name; that alone when nothing is said of it any more.
    ///
    /// # Errors
    /// When the database is damaged.
    pub(crate) fn names(&self, name: &str) -> Result<Vec<String>, Corrupt> {
        match self.database.find_vulnerability(name)? {
            Some(index) => findings::names(&self.database, index),
            None => Ok(vec![name.to_owned()]),
        }
    }
}

/// The databases at hand.
#[derive(Debug, Default)]
pub(crate) struct InUse {
    current: Option<Arc<Advisories>>,
    /// What is found out of the current one when it is first asked for.
    packages: Arc<OnceCell<PackagesOf>>,
    /// The one before it, which tells what the current one says differently.
    previous: Option<Arc<Advisories>>,
}

impl Pipeline {
    /// Returns the database that images are matched by; none while there is none.
    pub fn advisories(&self) -> Option<Arc<Advisories>> {
        self.inner.advisories.read().unwrap_or_else(PoisonError::into_inner).current.clone()
    }

    /// Matches by a database from now on. What was matched by another is matched again by the job [`super::MATCH`], which
    /// [`Pipeline::match_order`] orders.
    pub fn use_advisories(&self, advisories: Arc<Advisories>) {
        let mut held = self.inner.advisories.write().unwrap_or_else(PoisonError::into_inner);
        if held.current.as_ref().is_none_or(|current| current.sha256 != advisories.sha256) {
            held.previous = held.current.replace(advisories);
            held.packages = Arc::default();
        }
    }

    /// Returns the database that images are matched by, with the packages that its records speak of; none while there is none. The first to
    /// ask has every package of the database walked.
    ///
    /// # Errors
    /// When the database is damaged.
    pub(crate) async fn advisories_by_record(
        &self,
    ) -> Result<Option<(Arc<Advisories>, Arc<OnceCell<PackagesOf>>)>, Error> {
        let (current, packages) = {
            let held = self.inner.advisories.read().unwrap_or_else(PoisonError::into_inner);
            (held.current.clone(), Arc::clone(&held.packages))
        };
        let Some(current) = current else { return Ok(None) };
        let shared = Arc::clone(&current);
        let walk = async move || -> Result<PackagesOf, Error> {
            aside(move || PackagesOf::of(&shared.database)).await.map_err(|_| Error::Lost)?.map_err(Error::from)
        };
        packages.get_or_try_init(walk).await?;
        Ok(Some((current, packages)))
    }

    /// Returns the database that has this name, if it is the one in use or the one before.
    pub(crate) fn advisories_named(&self, sha256: &str) -> Option<Arc<Advisories>> {
        let held = self.inner.advisories.read().unwrap_or_else(PoisonError::into_inner);
        [&held.current, &held.previous].into_iter().flatten().find(|known| known.sha256 == sha256).cloned()
    }
}

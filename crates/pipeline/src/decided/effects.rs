//! Which exceptions cover something that the hub has, and which nothing any more.

use component::{Component, Inventory};
use db::Value;
use oci::Digest;
use policy::{Exception, Fix};

use super::Whose;
use super::documents::{LIST_ALL_REPOSITORIES, LIST_REPOSITORIES, project_number, stored_digest};
use crate::advised::{Progress, Subject};
use crate::index;
use crate::pipeline::{Error, Pipeline};

/// Vulnerabilities that one exception with a wildcard may mean, of which it is found out.
const MEANT_MAX: usize = 100;

/// Vulnerabilities that are held against wildcards; an installation has some tens of thousands.
const WALKED_MAX: usize = 50_000;

/// Images with a version of a package that are looked into for where it is there.
const HOLDERS_MAX: usize = 20;

/// Images that are looked into for all exceptions together: each takes some milliseconds.
const LOOKED_INTO_MAX: usize = 500;

/// Vulnerabilities that are read at once.
const WALKED_IN_STEP: i64 = 1000;

db::statements! {
    /// Versions of packages that have a vulnerability.
    LIST_WITH = "SELECT f.component_id, c.subject, f.fixed, c.identity FROM findings f JOIN inventory_components c ON c.id = f.component_id \
        WHERE f.vulnerability_id = $1";
    /// Vulnerabilities after one.
    LIST_VULNERABILITIES = "SELECT id, name FROM finding_vulnerabilities WHERE id > $1 ORDER BY id LIMIT $2";
    /// Whether a repository holds a version of a package.
    FIND_HOLDER = "SELECT p.repository_id FROM inventory_image_components h CROSS JOIN inventory_placements p \
        WHERE p.image_id = h.image_id AND h.component_id = $1 LIMIT 1";
    /// Whether one of some repositories holds a version of a package.
    LIST_HOLDER_AMONG = "SELECT p.repository_id FROM inventory_image_components h CROSS JOIN inventory_placements p \
        WHERE p.image_id = h.image_id AND h.component_id = $1 AND p.repository_id IN {list} LIMIT 1";
    /// Images that some repositories hold with a version of a package.
    LIST_HOLDING_AMONG = "SELECT DISTINCT i.id, i.digest FROM inventory_image_components h CROSS JOIN inventory_placements p \
        JOIN inventory_images i ON i.id = h.image_id WHERE p.image_id = h.image_id AND h.component_id = $1 \
        AND p.repository_id IN {list} ORDER BY i.id DESC LIMIT $2";
}

/// A version of a package that has what an exception speaks of.
struct Version {
    component: i64,
    identity: String,
    fix: Fix,
}

/// For what exceptions are, and what finding out more may still take.
struct Asking {
    whose: Whose,
    repositories: Vec<(i64, String)>,
    looks_left: usize,
}

/// The vulnerabilities of the hub, with all their names; none when there are too many.
type Known = Option<Vec<(i64, Vec<String>)>>;

impl Pipeline {
    /// Returns of each of some exceptions, in their order, whether it covers anything that is held in its scope. None of one that does not count
    /// now, and where it is not known: while images are being matched, or since it would take too long.
    ///
    /// # Errors
    /// When a database fails.
    pub async fn effects(&self, whose: &Whose, exceptions: &[Exception]) -> Result<Vec<Option<bool>>, Error> {
        let mut reach = vec![None; exceptions.len()];
        if self.match_state().await?.is_none_or(|state| state.progress != Progress::Done) {
            return Ok(reach);
        }
        let now = self.inner.registry.now_us().div_euclid(1_000_000);
        let repositories = self.repositories_in(whose).await?;
        let mut asking = Asking { whose: whose.clone(), repositories, looks_left: LOOKED_INTO_MAX };
        let mut known: Option<Known> = None;
        for (entry, reach) in exceptions.iter().zip(&mut reach) {
            if !entry.counts(now) {
                continue;
            }
            if known.is_none() && !entry.vulnerabilities.iter().all(component::Pattern::is_literal) {
                known = Some(self.known_vulnerabilities().await?);
            }
            *reach = self.reaches(&mut asking, entry, known.as_ref().and_then(Option::as_ref)).await?;
        }
        Ok(reach)
    }

    async fn reaches(
        &self,
        asking: &mut Asking,
        entry: &Exception,
        known: Option<&Vec<(i64, Vec<String>)>>,
    ) -> Result<Option<bool>, Error> {
        let mut meant = Vec::new();
        let (literal, patterns): (Vec<_>, Vec<_>) = entry.vulnerabilities.iter().partition(|one| one.is_literal());
        for name in literal {
            meant.extend(self.vulnerabilities_here(name.as_str()).await?.into_iter().map(|(_, id)| id));
        }
        if !patterns.is_empty() {
            let Some(known) = known else { return Ok(None) };
            let is_meant = |(id, names): &(i64, Vec<String>)| {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                entry.speaks_of(&names).then_some(*id)
            };
            meant.extend(known.iter().filter_map(is_meant));
        }
        let mut is_known = meant.len() <= MEANT_MAX;
        for vulnerability in meant.iter().take(MEANT_MAX) {
            for version in self.versions_with(*vulnerability, entry).await? {
                match self.covers_somewhere(asking, entry, &version).await? {
                    Some(true) => return Ok(Some(true)),
                    Some(false) => {}
                    None => is_known = false,
                }
            }
        }
        Ok(is_known.then_some(false))
    }

    /// Tells whether an exception covers a version of a package anywhere in its scope; none where that would take too long.
    async fn covers_somewhere(
        &self,
        asking: &mut Asking,
        entry: &Exception,
        version: &Version,
    ) -> Result<Option<bool>, Error> {
        let component = version.component;
        let is_for_all = asking.whose == Whose::Hub && entry.scope.is_empty();
        let in_scope = asking.repositories.iter().filter(|(_, name)| entry.has_repository(Some(name)));
        let scope: Vec<Value> = in_scope.map(|(id, _)| (*id).into()).collect();
        if entry.paths.is_empty() {
            let held = self.inner.index.read(move |tx| {
                let scope = scope.clone();
                Box::pin(async move {
                    if is_for_all {
                        return Ok::<_, db::Error>(tx.find(&FIND_HOLDER, &[component.into()]).await?.is_some());
                    }
                    Ok(!tx.query_list(&LIST_HOLDER_AMONG, &[component.into()], &scope).await?.is_empty())
                })
            });
            return Ok(Some(held.await?));
        }
        let limit = i64::try_from(HOLDERS_MAX + 1).unwrap_or(i64::MAX);
        let rows = self.inner.index.read(move |tx| {
            let scope = scope.clone();
            Box::pin(async move { tx.query_list(&LIST_HOLDING_AMONG, &[component.into(), limit.into()], &scope).await })
        });
        let rows = rows.await?;
        for row in rows.iter().take(HOLDERS_MAX) {
            if asking.looks_left == 0 {
                return Ok(None);
            }
            asking.looks_left -= 1;
            if self.covers_in(stored_digest(row, 1)?, entry, version).await? {
                return Ok(Some(true));
            }
        }
        Ok((rows.len() <= HOLDERS_MAX).then_some(false))
    }

    /// Tells whether an exception covers a version of a package where it is in an image.
    async fn covers_in(&self, image: Digest, entry: &Exception, version: &Version) -> Result<bool, Error> {
        let (entry, identity, fix) = (entry.clone(), version.identity.clone(), version.fix);
        let covered = self.look(image, move |inventory: &Inventory| {
            let is_covered = |component: &Component| {
                index::identity(component) == index::shown(&identity)
                    && entry.may_cover_at(component, &component.locations, fix)
            };
            inventory.components.iter().any(is_covered)
        });
        Ok(covered.await?.unwrap_or(false))
    }

    /// Returns the versions of packages that have a vulnerability and that an exception may mean.
    async fn versions_with(&self, vulnerability: i64, entry: &Exception) -> Result<Vec<Version>, Error> {
        let found = self
            .inner
            .index
            .read(move |tx| Box::pin(async move { tx.query(&LIST_WITH, &[vulnerability.into()]).await }));
        let mut versions = Vec::new();
        for row in found.await? {
            let subject = row.get::<Option<Vec<u8>>>(1)?.and_then(|bytes| Subject::from_bytes(&bytes));
            let fix = if row.get::<Option<String>>(2)?.is_some() { Fix::Available } else { Fix::None };
            if subject.is_some_and(|subject| entry.may_cover(&subject.component, fix)) {
                versions.push(Version { component: row.get(0)?, identity: row.get(3)?, fix });
            }
        }
        Ok(versions)
    }

    async fn known_vulnerabilities(&self) -> Result<Known, Error> {
        let Some(advisories) = self.advisories() else { return Ok(None) };
        let (mut known, mut after) = (Vec::new(), 0_i64);
        loop {
            let rows = self.inner.index.read(move |tx| {
                Box::pin(async move { tx.query(&LIST_VULNERABILITIES, &[after.into(), WALKED_IN_STEP.into()]).await })
            });
            let rows = rows.await?;
            for row in &rows {
                let name: String = row.get(1)?;
                after = row.get(0)?;
                known.push((after, advisories.names(&name)?));
            }
            if known.len() > WALKED_MAX {
                return Ok(None);
            }
            if rows.is_empty() {
                return Ok(Some(known));
            }
        }
    }

    async fn repositories_in(&self, whose: &Whose) -> Result<Vec<(i64, String)>, Error> {
        let whose = whose.clone();
        let rows = self.inner.registry.database().read(move |tx| {
            let whose = whose.clone();
            Box::pin(async move {
                if whose == Whose::Hub {
                    return tx.query(&LIST_ALL_REPOSITORIES, &[]).await;
                }
                let Some(project) = project_number(tx, &whose).await? else { return Ok(Vec::new()) };
                tx.query(&LIST_REPOSITORIES, &[project.into()]).await
            })
        });
        rows.await?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
    }
}

//! Which exceptions speak of something that the hub has, and which of nothing any more.

use component::Component;
use db::Value;
use policy::{Exception, Exceptions, Fix};

use super::Whose;
use super::documents::{LIST_ALL_REPOSITORIES, LIST_REPOSITORIES, project_number};
use crate::advised::{Progress, Subject};
use crate::pipeline::{Error, Pipeline};

/// Exceptions of a document of which it is found out: each takes some look-ups.
const ASKED_MAX: usize = 1000;

/// Vulnerabilities that one exception with a wildcard may mean, of which it is found out.
const MEANT_MAX: usize = 100;

/// Vulnerabilities that are held against wildcards; an installation has some tens of thousands.
const WALKED_MAX: usize = 50_000;

/// Vulnerabilities that are read at once.
const WALKED_IN_STEP: i64 = 1000;

db::statements! {
    /// Versions of packages that have a vulnerability.
    LIST_WITH = "SELECT f.component_id, c.subject, f.fixed FROM findings f JOIN inventory_components c ON c.id = f.component_id \
        WHERE f.vulnerability_id = $1";
    /// Vulnerabilities after one.
    LIST_VULNERABILITIES = "SELECT id, name FROM finding_vulnerabilities WHERE id > $1 ORDER BY id LIMIT $2";
    /// Whether a repository holds a version of a package.
    FIND_HOLDER = "SELECT p.repository_id FROM inventory_image_components h CROSS JOIN inventory_placements p \
        WHERE p.image_id = h.image_id AND h.component_id = $1 LIMIT 1";
    /// Whether one of some repositories holds a version of a package.
    LIST_HOLDER_AMONG = "SELECT p.repository_id FROM inventory_image_components h CROSS JOIN inventory_placements p \
        WHERE p.image_id = h.image_id AND h.component_id = $1 AND p.repository_id IN {list} LIMIT 1";
}

/// The vulnerabilities of the hub, with all their names; none when there are too many.
type Known = Option<Vec<(i64, Vec<String>)>>;

impl Pipeline {
    /// Returns of each exception of a document, in its order, whether anything that is held in its scope has what it speaks of, whatever the path.
    /// None of one that does not count now, and where it is not known: while images are being matched, or since it would take too long.
    ///
    /// # Errors
    /// When a database fails.
    pub async fn effects(&self, whose: &Whose, exceptions: &Exceptions) -> Result<Vec<Option<bool>>, Error> {
        let mut reach = vec![None; exceptions.entries().len()];
        if self.match_state().await?.is_none_or(|state| state.progress != Progress::Done) {
            return Ok(reach);
        }
        let now = self.inner.registry.now_us().div_euclid(1_000_000);
        let repositories = self.repositories_in(whose).await?;
        let mut known: Option<Known> = None;
        for (entry, reach) in exceptions.entries().iter().zip(&mut reach).take(ASKED_MAX) {
            if !entry.counts(now) {
                continue;
            }
            if known.is_none() && !entry.vulnerabilities.iter().all(component::Pattern::is_literal) {
                known = Some(self.known_vulnerabilities().await?);
            }
            *reach = self.reaches(whose, entry, &repositories, known.as_ref().and_then(Option::as_ref)).await?;
        }
        Ok(reach)
    }

    async fn reaches(
        &self,
        whose: &Whose,
        entry: &Exception,
        repositories: &[(i64, String)],
        known: Option<&Vec<(i64, Vec<String>)>>,
    ) -> Result<Option<bool>, Error> {
        let mut meant = Vec::new();
        let (literal, patterns): (Vec<_>, Vec<_>) = entry.vulnerabilities.iter().partition(|one| one.is_literal());
        for name in literal {
            meant.extend(self.vulnerability_id(name.as_str()).await?);
        }
        if !patterns.is_empty() {
            let Some(known) = known else { return Ok(None) };
            let is_meant = |(id, names): &(i64, Vec<String>)| {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                entry.speaks_of(&names).then_some(*id)
            };
            meant.extend(known.iter().filter_map(is_meant));
        }
        let is_for_all = *whose == Whose::Hub && entry.scope.is_empty();
        let scope: Vec<Value> = repositories
            .iter()
            .filter(|(_, name)| entry.has_repository(Some(name)))
            .map(|(id, _)| (*id).into())
            .collect();
        for vulnerability in meant.iter().take(MEANT_MAX) {
            for component in self.versions_with(*vulnerability, entry).await? {
                let scope = scope.clone();
                let held = self.inner.index.read(move |tx| {
                    Box::pin(async move {
                        if is_for_all {
                            return Ok::<_, db::Error>(tx.find(&FIND_HOLDER, &[component.into()]).await?.is_some());
                        }
                        Ok(!tx.query_list(&LIST_HOLDER_AMONG, &[component.into()], &scope).await?.is_empty())
                    })
                });
                if held.await? {
                    return Ok(Some(true));
                }
            }
        }
        Ok(if meant.len() > MEANT_MAX { None } else { Some(false) })
    }

    /// Returns the numbers of the versions of packages that have a vulnerability and that an exception may mean.
    async fn versions_with(&self, vulnerability: i64, entry: &Exception) -> Result<Vec<i64>, Error> {
        let found = self
            .inner
            .index
            .read(move |tx| Box::pin(async move { tx.query(&LIST_WITH, &[vulnerability.into()]).await }));
        let mut versions = Vec::new();
        for row in found.await? {
            let subject = row.get::<Option<Vec<u8>>>(1)?.and_then(|bytes| Subject::from_bytes(&bytes));
            let fix = if row.get::<Option<String>>(2)?.is_some() { Fix::Available } else { Fix::None };
            let may_cover = |component: &Component| entry.may_cover(component, fix);
            if subject.is_some_and(|subject| may_cover(&subject.component)) {
                versions.push(row.get(0)?);
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

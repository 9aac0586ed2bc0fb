//! The walks over the index that answer a query together: one of each spelling of a name, or of each vulnerability that a record is about.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use ledger::aside::aside;
use vulndb::Asked;
use vulndb::file::Corrupt;
use vulndb::matching;

use super::{Candidate, Cursor};
use crate::advised::Subject;
use crate::pipeline::{Error, Pipeline};
use crate::query::Query;

/// One walk over the index of those that answer a query together, one after another.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) query: Arc<Query>,
    /// What is looked for, as findings call it, and its number.
    pub(super) vulnerability: Option<(String, i64)>,
}

impl Round {
    /// Tells whether a page ended in this walk.
    pub(super) fn is_of(&self, cursor: &Cursor) -> bool {
        let name = self.vulnerability.as_ref().map(|(name, _)| name);
        self.query.bounds.0 <= cursor.key
            && (name.is_none() || cursor.vulnerability.is_none() || name == cursor.vulnerability.as_ref())
    }

    /// Tells whether a page did not end after this walk.
    pub(super) fn is_behind(&self, cursor: &Cursor) -> bool {
        let is_later = match (&self.vulnerability, &cursor.vulnerability) {
            (Some((name, _)), Some(last)) => name >= last,
            _ => true,
        };
        is_later && cursor.key <= self.query.bounds.1
    }
}

impl Pipeline {
    /// Returns the walks whose answers are those of a query together, in order.
    pub(super) async fn rounds(&self, query: &Query) -> Result<VecDeque<Round>, Error> {
        let Some(name) = &query.vulnerability else {
            let of = |query| Round { query: Arc::new(query), vulnerability: None };
            return Ok(query.spellings().into_iter().map(of).collect());
        };
        let query = Arc::new(query.clone());
        let mut here = self.vulnerabilities_here(name).await?;
        here.sort();
        let of = |vulnerability| Round { query: Arc::clone(&query), vulnerability: Some(vulnerability) };
        Ok(here.into_iter().map(of).collect())
    }

    /// Leaves out what other records say, where one is looked for that is about several vulnerabilities.
    pub(super) async fn made_by_records(
        &self,
        query: &Query,
        vulnerability: Option<&str>,
        mut candidates: Vec<Candidate>,
    ) -> Result<Vec<Candidate>, Error> {
        let (Some(asked), Some(vulnerability), Some(advisories)) =
            (&query.vulnerability, vulnerability, self.advisories())
        else {
            return Ok(candidates);
        };
        let Some(asked) = advisories.find(asked)?.filter(Asked::is_of_several) else { return Ok(candidates) };
        let Some(index) = advisories.database.find_vulnerability(vulnerability)? else { return Ok(Vec::new()) };
        let components: BTreeSet<i64> = candidates.iter().map(|candidate| candidate.component.id).collect();
        let mut subjects = Vec::new();
        for row in self.subjects(&components.into_iter().collect::<Vec<_>>()).await? {
            let subject = row.get::<Option<Vec<u8>>>(6)?.and_then(|bytes| Subject::from_bytes(&bytes));
            let id: i64 = row.get(0)?;
            subjects.extend(subject.map(|subject| (id, subject)));
        }
        let made = move || -> Result<BTreeSet<i64>, Corrupt> {
            let mut made = BTreeSet::new();
            for (id, Subject { component, distribution }) in subjects {
                let findings = matching::match_component(&advisories.database, &component, distribution.as_ref())?;
                if findings.iter().any(|finding| finding.vulnerability == index && asked.means(finding)) {
                    made.insert(id);
                }
            }
            Ok(made)
        };
        let made = aside(made).await.map_err(|_| Error::Lost)??;
        candidates.retain(|candidate| made.contains(&candidate.component.id));
        Ok(candidates)
    }
}

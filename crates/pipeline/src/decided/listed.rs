//! Which of the VEX documents that were given to the hub count, and why others do not.

use std::collections::{BTreeMap, BTreeSet};

use db::Value;
use vex::{Document, Statements, Trust};

use super::documents::{Whose, project_number};
use super::vex::{LIST_COUNTING, VexDocument, document};
use crate::pipeline::{Error, Pipeline};
use ledger::aside::aside;

db::statements! {
    /// What some documents say.
    LIST_BODIES_OF = "SELECT id, body FROM vex_documents WHERE id IN {list}";
}

/// A VEX document that was given, and whether it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VexListed {
    /// The document.
    pub document: VexDocument,
    /// Why it does not count; none when it does.
    pub why_not: Option<&'static str>,
}

impl Pipeline {
    /// Returns the VEX documents that were given for a project, or for all, in the order in which they were given, with why any does not count.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_vex(&self, whose: &Whose) -> Result<Vec<VexListed>, Error> {
        let authors = findings::trust(&self.vex_trust().await?.map(|set| set.trust).unwrap_or_default());
        let of_all = match whose {
            Whose::Hub => Vec::new(),
            Whose::Project(_) => self.given(&Whose::Hub).await?,
        };
        let given = self.given(whose).await?;
        let replaced = self.replaced(given.iter().chain(&of_all)).await?;
        let listed = |(id, document): (i64, VexDocument)| {
            let why_not = match replaced.contains(&id) {
                true => Some("a newer version of it counts"),
                false if authors.level(&document.author).is_none() => Some("its author is not trusted"),
                false => None,
            };
            VexListed { document, why_not }
        };
        Ok(given.into_iter().map(listed).collect())
    }

    async fn given(&self, whose: &Whose) -> Result<Vec<(i64, VexDocument)>, Error> {
        let whose = whose.clone();
        let rows = self.inner.registry.database().read(move |tx| {
            let whose = whose.clone();
            Box::pin(async move {
                let Some(project) = project_number(tx, &whose).await? else { return Ok(Vec::new()) };
                tx.query(&LIST_COUNTING, &[project.into(), i64::MAX.into()]).await
            })
        });
        let rows = rows.await?;
        Ok(rows.iter().map(|row| Ok((row.get(0)?, document(row)?))).collect::<Result<_, db::Error>>()?)
    }

    /// Returns the rows of those documents of which there is a newer version among them. Only those of one name are read.
    async fn replaced(&self, given: impl Iterator<Item = &(i64, VexDocument)>) -> Result<BTreeSet<i64>, Error> {
        let mut by_name: BTreeMap<(&str, &str, &str), Vec<i64>> = BTreeMap::new();
        for (id, document) in given.filter(|(_, document)| !document.name.is_empty()) {
            by_name.entry((&document.format, &document.author, &document.name)).or_default().push(*id);
        }
        let namesakes: Vec<Value> =
            by_name.into_values().filter(|ids| ids.len() > 1).flatten().map(Value::from).collect();
        if namesakes.is_empty() {
            return Ok(BTreeSet::new());
        }
        let rows = self.inner.registry.database().read(move |tx| {
            let namesakes = namesakes.clone();
            Box::pin(async move { tx.query_list(&LIST_BODIES_OF, &[], &namesakes).await })
        });
        let mut bodies: Vec<(i64, Vec<u8>)> = Vec::new();
        for row in rows.await? {
            bodies.push((row.get(0)?, row.get(1)?));
        }
        let replaced = aside(move || {
            let read: Vec<(i64, Document)> =
                bodies.into_iter().filter_map(|(id, body)| Some((id, vex::read(&body).ok()?))).collect();
            let all = Statements::new(read.iter().map(|(_, document)| document.clone()).collect(), &Trust::default());
            read.iter().filter(|(_, document)| all.replaces(document)).map(|(id, _)| *id).collect()
        });
        replaced.await.map_err(|_| Error::Lost)
    }
}

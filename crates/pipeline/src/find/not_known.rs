//! Where a vulnerability may be: images that hold what its records speak of, in a version that nothing states or that has no order.

use std::collections::BTreeSet;
use std::sync::Arc;

use component::{Scheme, Version};
use db::{Row, Value};
use vulndb::Verdict;
use vulndb::file::{AdvisoryIndex, Corrupt, Database};
use vulndb::matching::{self, Outcome, Reason};

use super::{Component, Found, Images, Position, Readable, Start, Walk};
use crate::advised::{Subject, number_of_package};
use crate::pipeline::{Error, Pipeline};
use crate::query::Query;
use crate::tagged::Tagged;

/// Packages of one vulnerability that are looked for; hardly one speaks of more, but for what was published to harm.
const PACKAGES_MAX: usize = 64;

/// Versions of these packages that are looked at, whoever may read their images; those that nothing states come first. Far more than a package
/// ever had, so that whether there are more tells a caller nothing of images that it may not read.
const VERSIONS_MAX: usize = 1 << 16;

/// Of these, those without a place in the order that are looked for in images.
const UNORDERED_MAX: usize = 4096;

/// Components that are looked for at once.
const COMPONENTS_IN_STEP: usize = 256;

/// Places of components that are counted. Each costs about what a place of a page does.
const PLACES_MAX: usize = 256;

/// Places that are told.
const TOLD_MAX: usize = 20;

db::statements! {
    /// Components that go by some packages, up to a number, first those without a version.
    LIST_GOING_BY = "SELECT c.id, c.package_type, c.name, c.version FROM finding_packages p CROSS JOIN inventory_components c \
        WHERE c.id = p.component_id AND p.package_hash IN {list} ORDER BY c.version, c.id LIMIT $1";
    /// What is told of components, and what matching needs of them.
    LIST_SUBJECTS = "SELECT id, identity, name_key, package_type, name, version, subject FROM inventory_components \
        WHERE id IN {list} ORDER BY name_key, identity";
}

/// The images of which nobody knows whether they have a vulnerability: they hold a package that its records speak of, in a version that nothing states,
/// or that has no order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotKnown {
    /// The first places, by component, then by repository and tag.
    pub items: Vec<Found>,
    /// How many images they are, each counted in each repository that holds it.
    pub images: u64,
    /// Whether there may be more than were counted.
    pub more: bool,
}

impl Pipeline {
    /// Finds where nobody knows whether a vulnerability is, in images that the caller may read and that are tagged or not. None where nothing is in doubt.
    ///
    /// The cost is that of a few look-ups where nothing is.
    pub(super) async fn not_known(
        &self,
        vulnerability: &str,
        (readable, tagged): (&Readable, Tagged),
    ) -> Result<Option<NotKnown>, Error> {
        let Some((advisories, packages)) = self.advisories_by_record().await? else { return Ok(None) };
        let Some(asked) = advisories.find(vulnerability)? else { return Ok(None) };
        let records: Vec<AdvisoryIndex> = asked.records.into_iter().collect();
        let mut hashes = packages.get().map(|all| all.spoken_of(&records, PACKAGES_MAX + 1)).unwrap_or_default();
        let mut more = hashes.len() > PACKAGES_MAX;
        hashes.truncate(PACKAGES_MAX);
        if hashes.is_empty() {
            return Ok(None);
        }
        let Some(images) = self.images(readable, tagged).await? else { return Ok(None) };
        let hashes: Vec<Value> = hashes.into_iter().map(|hash| number_of_package(hash).into()).collect();
        let (unordered, is_cut) = self.unordered(hashes).await?;
        more |= is_cut;
        let query = Arc::new(Query::vulnerability(vulnerability)?);
        let mut candidates = Vec::new();
        for step in unordered.chunks(COMPONENTS_IN_STEP) {
            let mut components = Vec::new();
            for row in self.subjects(step).await? {
                let subject = row.get::<Option<Vec<u8>>>(6)?.and_then(|bytes| Subject::from_bytes(&bytes));
                let Some(subject) = subject else { continue };
                if is_undecided(&advisories.database, &records, &subject)? {
                    components.push(Arc::new(component(&row)?));
                }
            }
            let wanted = (PLACES_MAX + 1).saturating_sub(candidates.len());
            candidates.extend(self.places_of(components, &query, (&images, tagged), wanted).await?);
            if candidates.len() > PLACES_MAX {
                break;
            }
        }
        more |= candidates.len() > PLACES_MAX;
        candidates.truncate(PLACES_MAX);
        let mut described = self.describe(candidates, tagged).await?;
        described.sort_by(|(left, left_component), (right, right_component)| {
            let key = |found: &Found, component: &Component| {
                let place = (found.repository.to_string(), found.tags.first().map(ToString::to_string), found.image);
                (component.key.clone(), component.identity.clone(), place)
            };
            key(left, left_component).cmp(&key(right, right_component))
        });
        let held: BTreeSet<_> = described.iter().map(|(found, _)| (&found.repository, found.image)).collect();
        let images = u64::try_from(held.len()).unwrap_or(u64::MAX);
        let items = described.into_iter().take(TOLD_MAX).map(|(found, _)| found).collect();
        Ok((images > 0 || more).then_some(NotKnown { items, images, more }))
    }

    /// Returns the numbers of components that go by some packages and whose versions have no place in the order, and whether there may be more.
    async fn unordered(&self, packages: Vec<Value>) -> Result<(Vec<i64>, bool), Error> {
        let found = self.inner.index.read(move |tx| {
            let packages = packages.clone();
            Box::pin(async move {
                let limit = i64::try_from(VERSIONS_MAX + 1).unwrap_or(i64::MAX);
                tx.query_list(&LIST_GOING_BY, &[limit.into()], &packages).await
            })
        });
        let rows = found.await?;
        let mut unordered = BTreeSet::new();
        for row in &rows {
            if unordered.len() > UNORDERED_MAX {
                break;
            }
            let (package_type, name): (String, String) = (row.get(1)?, row.get(2)?);
            if !has_order(&package_type, &name, &row.get::<String>(3)?) {
                unordered.insert(row.get(0)?);
            }
        }
        let is_cut = rows.len() > VERSIONS_MAX || unordered.len() > UNORDERED_MAX;
        Ok((unordered.into_iter().take(UNORDERED_MAX).collect(), is_cut))
    }

    /// Returns what is told of components, and what matching needs of them.
    pub(super) async fn subjects(&self, components: &[i64]) -> Result<Vec<Row>, Error> {
        let list: Vec<Value> = components.iter().copied().map(Value::from).collect();
        let found = self.inner.index.read(move |tx| {
            let list = list.clone();
            Box::pin(async move { tx.query_list(&LIST_SUBJECTS, &[], &list).await })
        });
        Ok(found.await?)
    }

    /// Returns in which of the images that the caller may read some components are, up to as many places as are wanted.
    pub(super) async fn places_of(
        &self,
        components: Vec<Arc<Component>>,
        query: &Arc<Query>,
        (images, tagged): (&Images, Tagged),
        wanted: usize,
    ) -> Result<Vec<super::Candidate>, Error> {
        if components.is_empty() {
            return Ok(Vec::new());
        }
        let (query, images) = (Arc::clone(query), images.clone());
        let walked = self.inner.index.read(move |tx| {
            let (query, images, components) = (Arc::clone(&query), images.clone(), components.clone());
            Box::pin(async move {
                Walk {
                    tx,
                    query: &query,
                    vulnerability: None,
                    images: &images,
                    tagged,
                    wanted,
                    components: 0,
                    start: Start::Named,
                }
                .holders(&components)
                .await
            })
        });
        walked.await
    }
}

impl Walk<'_> {
    /// Returns where components are, up to as many places as are wanted.
    async fn holders(mut self, components: &[Arc<Component>]) -> Result<Vec<super::Candidate>, Error> {
        let from = Position { key: String::new(), identity: String::new(), behind: (i64::MIN, 0) };
        let found = match self.images {
            Images::Few(few) => {
                let few = Arc::clone(few);
                let holders = match self.walk_holders(&few, components).await? {
                    Some(holders) => holders,
                    None => self.look_up_each(&few, components).await?,
                };
                self.in_holders(&few, &holders, components, &from, None)
            }
            Images::Of(repositories) => {
                let repositories = Arc::clone(repositories);
                self.in_many(&|id| repositories.contains(&id), components, &from, None).await?
            }
            Images::All => self.in_many(&|_| true, components, &from, None).await?,
        };
        Ok(found.0)
    }
}

/// Tells whether a version is stated and has a place in the order.
fn has_order(package_type: &str, name: &str, version: &str) -> bool {
    let parsed = |scheme: Scheme| Version::parse(scheme, &scheme.version_of(name, version)).is_ok();
    !version.is_empty() && Scheme::of_purl_type(package_type).is_some_and(parsed)
}

/// Tells whether nobody knows if a component has what some records speak of: one means some versions, none is known to mean this one.
fn is_undecided<B: AsRef<[u8]>>(
    database: &Database<B>,
    records: &[AdvisoryIndex],
    subject: &Subject,
) -> Result<bool, Corrupt> {
    let system = subject.distribution.as_ref();
    let mut is_undecided = false;
    for identity in matching::identities(&subject.component, system) {
        let Some(package) = database.find_package(&identity.ecosystem, &identity.name)? else { continue };
        for statement in database.statements(&package)? {
            let statement = statement?;
            let is_about = records.contains(&statement.advisory);
            if !is_about || database.advisory(statement.advisory)?.withdrawn.is_some() {
                continue;
            }
            match matching::judge(&statement, &subject.component, system, &identity) {
                Outcome::Meant(_) => return Ok(false),
                Outcome::NotMeant(Reason::Version(_) | Reason::Unversioned) => {
                    is_undecided |= statement.verdict != Verdict::NotAffected;
                }
                Outcome::NotMeant(_) => {}
            }
        }
    }
    Ok(is_undecided)
}

pub(super) fn component(row: &Row) -> Result<Component, db::Error> {
    Ok(Component {
        id: row.get(0)?,
        identity: row.get(1)?,
        key: row.get(2)?,
        package_type: row.get(3)?,
        name: row.get(4)?,
        version: row.get(5)?,
        in_range: None,
        finding: None,
        is_denied: false,
    })
}

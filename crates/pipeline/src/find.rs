//! Where a component is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use db::{Row, Tx, Value};
use oci::{Digest, RepositoryName, Tag};
use registry::RepositoryId;
use serde::{Deserialize, Serialize};

use crate::advised::{COUNTS, level_of_number};
use crate::index::shown;
use crate::pack::Unpacker;
use crate::pipeline::{Error, Pipeline};
use crate::places::{Place, Places};
use crate::query::{Key, Query, Verdict};
use crate::tagged::Tagged;

mod built_of;
mod counted;
mod from_held;
mod holders;
mod not_counted;
mod not_known;
mod not_looked_into;
mod rounds;

pub use built_of::BuiltOf;
pub use counted::ImageCount;
pub use not_known::NotKnown;
use rounds::Round;

/// Components that are looked at at once: few at first, since most pages are full or at their end soon, and twice as many
/// each time.
const COMPONENTS_IN_FIRST_STEP: u32 = 64;
const COMPONENTS_IN_STEP_MAX: u32 = 512;

/// Steps over what goes by a name, whoever holds it, before it is asked whether the caller's images hold less: most pages are full by then.
const STEPS_UNDECIDED: u32 = 1;

/// Images of a caller that each component is looked for in. With more, each component's images are walked and the
/// caller's picked out, which costs what the component has, not what the caller may read.
pub(crate) const IMAGES_FEW_MAX: usize = 1024;

/// The longest cursor: two keys, a digest and a name, in hexadecimal.
const CURSOR_BYTES_MAX: usize = 16 << 10;

/// Every SQL statement of this part.
pub(crate) fn statements() -> impl Iterator<Item = &'static db::Statement> {
    [
        STATEMENTS,
        built_of::STATEMENTS,
        from_held::STATEMENTS,
        holders::STATEMENTS,
        not_counted::STATEMENTS,
        not_known::STATEMENTS,
        not_looked_into::STATEMENTS,
    ]
    .into_iter()
    .flatten()
}

db::statements! {
    /// Components by name, from one on, that images hold which are tagged somewhere or nowhere.
    LIST_BY_NAME = "SELECT c.id, c.identity, c.name_key, c.package_type, c.name, c.version FROM inventory_components c \
        WHERE c.name_key >= $1 AND c.name_key <= $2 AND (c.name_key, c.identity) >= ($3, $4) AND EXISTS (SELECT 1 \
        FROM inventory_image_components h WHERE h.component_id = c.id AND h.tagged BETWEEN $6 AND $7) \
        ORDER BY c.name_key, c.identity LIMIT $5";
    /// Components by package, from one on, that images hold which are tagged somewhere or nowhere.
    LIST_BY_PACKAGE = "SELECT c.id, c.identity, c.package_key, c.package_type, c.name, c.version FROM inventory_components c \
        WHERE c.package_key >= $1 AND c.package_key <= $2 AND (c.package_key, c.identity) >= ($3, $4) AND EXISTS (SELECT 1 \
        FROM inventory_image_components h WHERE h.component_id = c.id AND h.tagged BETWEEN $6 AND $7) \
        ORDER BY c.package_key, c.identity LIMIT $5";
    /// Components that have a vulnerability, from one on, that images hold which are tagged somewhere or nowhere.
    LIST_BY_VULNERABILITY = "SELECT c.id, c.identity, c.name_key, c.package_type, c.name, c.version, v.name, f.level, f.fixed, \
        f.since_us, f.suppressed FROM findings f JOIN finding_vulnerabilities v ON v.id = f.vulnerability_id \
        JOIN inventory_components c ON c.id = f.component_id WHERE f.vulnerability_id = $1 AND (f.suppressed = 0 \
        OR EXISTS (SELECT 1 FROM finding_decisions d WHERE d.component_id = f.component_id AND d.vulnerability_id = $1 \
        AND d.verdict = 3)) AND (c.name_key, c.identity) >= ($2, $3) AND EXISTS (SELECT 1 FROM inventory_image_components h \
        WHERE h.component_id = f.component_id AND h.tagged BETWEEN $5 AND $6) ORDER BY c.name_key, c.identity LIMIT $4";
    /// Images of some repositories that are tagged there or not, up to a number, and when each came there.
    LIST_IMAGES_OF = "SELECT image_id, repository_id, placed_at_us FROM inventory_placements WHERE tagged BETWEEN $2 AND $3 \
        AND repository_id IN {list} LIMIT $1";
    /// An image's number.
    FIND_IMAGE_ID = "SELECT id FROM inventory_images WHERE digest = $1";
    /// What is told of images.
    LIST_IMAGES = "SELECT i.id, i.digest, i.platform, v.places FROM inventory_images i \
        JOIN inventories v ON v.image_id = i.id WHERE i.id IN {list}";
}

/// What a caller may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readable {
    /// Every repository.
    All,
    /// These alone.
    Repositories(BTreeSet<RepositoryId>),
}

/// A component in an image of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its purl, or its kind, name and version where there is none.
    pub identity: String,
    /// The kind of package, as in purls.
    pub package_type: String,
    /// Its name.
    pub name: String,
    /// Its version; empty when the evidence has none.
    pub version: String,
    /// Whether its version lies in the range that was asked for; none when it cannot be ordered.
    pub in_range: Option<bool>,
    /// The repository.
    pub repository: RepositoryName,
    /// The image's manifest.
    pub image: Digest,
    /// `os/architecture[/variant]`.
    pub platform: Option<String>,
    /// The image's first tags there.
    pub tags: Vec<Tag>,
    /// How many tags it has there.
    pub tags_total: u64,
    /// When it was last pushed, in microseconds since 1970-01-01 UTC.
    pub pushed_at_us: i64,
    /// Who pushed it last.
    pub pushed_by: String,
    /// Where in the image it is: the first places.
    pub places: Vec<Place>,
    /// How many places there are.
    pub places_total: u64,
    /// The vulnerability by which it was found.
    pub finding: Option<Affected>,
}

/// A vulnerability of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affected {
    /// Its name.
    pub vulnerability: String,
    /// How severe it is there; none when nobody says.
    pub level: Option<vulndb::Level>,
    /// The first version that mends it.
    pub fixed: Option<String>,
    /// Since when that is known of the image, in microseconds since 1970-01-01 UTC: since the advisory came, or since the image did where that was later.
    pub since_us: i64,
}

/// A page of places where components are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// By component, then by image.
    pub items: Vec<Found>,
    /// From where the next page goes on; none on the last one.
    pub next: Option<String>,
    /// Beside the first page of what has a vulnerability: of which images nobody knows whether they have it.
    pub not_known: Option<NotKnown>,
    /// Beside the same page: in how many images that are not told an exception or VEX has it not count.
    pub not_counted: Option<ImageCount>,
    /// Beside the same page: whether anyone here can know of the vulnerability.
    pub recorded: Option<Recorded>,
    /// Beside the first page: how many images nobody could look into.
    pub not_looked_into: Option<ImageCount>,
    /// Beside the first page of what has a whole name: where something is that a distribution built of a source package of that name.
    pub built_of: Option<BuiltOf>,
}

/// Whether the advisories in use speak of a vulnerability. Where none does, that nothing is found says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// One does.
    Present,
    /// None does.
    Absent,
    /// There are none.
    NoDatabase,
}

impl Page {
    fn of(items: Vec<Found>, next: Option<String>) -> Self {
        Self { items, next, not_known: None, not_counted: None, recorded: None, not_looked_into: None, built_of: None }
    }
}

/// Where a page begins: behind what the caller saw last, named by nothing that it did not see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    key: String,
    identity: String,
    image: Digest,
    repository: String,
    /// What it was found by, where a vulnerability was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vulnerability: Option<String>,
}

/// A row of the index that may be an answer.
#[derive(Debug, Clone)]
struct Candidate {
    component: Arc<Component>,
    image: i64,
    repository: RepositoryId,
    /// When the image came there; 0 where that is not noted yet.
    placed_at_us: i64,
}

#[derive(Debug)]
struct Component {
    id: i64,
    identity: String,
    key: String,
    package_type: String,
    name: String,
    version: String,
    in_range: Option<bool>,
    /// As it is known of the component, whoever holds it.
    finding: Option<Affected>,
    /// Whether its publisher says that it does not have the vulnerability.
    is_denied: bool,
}

/// Where the walk over components, images and repositories stands.
#[derive(Debug, Clone)]
struct Position {
    key: String,
    identity: String,
    /// Within that component, behind this image and repository.
    behind: (i64, i64),
}

impl Position {
    /// Returns where the walk over what a query may mean begins.
    fn beginning(query: &Query) -> Self {
        Self { key: query.bounds.0.clone(), identity: String::new(), behind: (i64::MIN, 0) }
    }
}

/// The images that a caller may read.
#[derive(Debug, Clone)]
enum Images {
    /// Few.
    Few(Arc<FewImages>),
    /// All those of these repositories.
    Of(Arc<BTreeSet<RepositoryId>>),
    All,
}

/// Few images, each with the repositories that hold it and when it came there; 0 where that is not noted yet.
pub(crate) type FewImages = BTreeMap<i64, BTreeMap<RepositoryId, i64>>;

struct ImageRow {
    digest: Digest,
    platform: Option<String>,
    /// Of each component that is told: its first places, and how many there are.
    places: BTreeMap<i64, (Vec<Place>, u64)>,
}

impl Pipeline {
    /// Finds up to `limit` places of components that a query matches, of those that the caller may read, in images that are tagged or not, after
    /// a cursor that an earlier page gave.
    ///
    /// The cost grows with the components that match and with what the caller may read of them, not with what else is here.
    ///
    /// # Errors
    /// [`Error::Cursor`] for one that is none; [`Error::Query`] for a range where nothing that goes by the name has such a one; when a database
    /// fails.
    pub async fn find(
        &self,
        query: &Query,
        images: (&Readable, Tagged),
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, Error> {
        let named = self.named_vulnerability(query).await?;
        let query = named.as_ref().unwrap_or(query);
        if after.is_some() {
            return self.find_page(query, images, after, limit).await;
        }
        // First: an image whose inventory lands meanwhile is found, told of here, or both.
        let not_looked_into = self.not_looked_into(images).await?;
        let mut page = self.find_page(query, images, None, limit).await?;
        page.not_looked_into = not_looked_into;
        page.built_of = self.built_of(query, images).await?;
        if let Some(vulnerability) = &query.vulnerability {
            page.not_known = self.not_known(vulnerability, images).await?;
            page.not_counted = self.not_counted(vulnerability, images).await?;
            page.recorded = Some(self.recorded(vulnerability)?);
        }
        if page.items.is_empty() {
            self.check_range(query, images).await?;
        }
        Ok(page)
    }

    /// Refuses a range that is none of any ecosystem that has something by the name: "nothing" would not be an answer.
    async fn check_range(&self, query: &Query, images: (&Readable, Tagged)) -> Result<(), Error> {
        let Some((of_readers, of_all)) = query.of_readers_and_of_all() else { return Ok(()) };
        if !self.find_page(&of_readers, images, None, 1).await?.items.is_empty() {
            return Ok(());
        }
        let others = self.find_page(&of_all, images, None, 1).await?.items;
        let refusal = others.first().and_then(|found| query.refusal(&found.package_type));
        refusal.map_or(Ok(()), |error| Err(error.into()))
    }

    async fn find_page(
        &self,
        query: &Query,
        (readable, tagged): (&Readable, Tagged),
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, Error> {
        let mut rounds = self.rounds(query).await?;
        let mut position = None;
        if let Some(after) = after {
            let cursor = Cursor::decode(after)?;
            rounds.retain(|round| round.is_behind(&cursor));
            match rounds.front() {
                Some(round) if round.is_of(&cursor) => position = Some(self.resume(cursor).await?),
                // What the caller saw last is gone, and what comes after it is told from its beginning.
                Some(round) if round.vulnerability.is_some() => {}
                None if query.vulnerability.is_some() => {}
                Some(_) | None => return Err(Error::Cursor),
            }
        }
        let nothing = Page::of(Vec::new(), None);
        let Some(images) = self.images(readable, tagged).await? else { return Ok(nothing) };
        let mut items = Vec::new();
        let mut components = COMPONENTS_IN_FIRST_STEP;
        let (mut steps, mut is_from_held) = (0_u32, false);
        while let Some(Round { query, vulnerability }) = rounds.front() {
            let from = position.unwrap_or_else(|| Position::beginning(query));
            let (shared, scope) = (Arc::clone(query), images.clone());
            let (name, vulnerability) = vulnerability.clone().unzip();
            let wanted = limit + 1 - items.len();
            // What has a vulnerability is in no order: each step sorts all of it.
            let may_decide =
                if vulnerability.is_some() { steps == 0 } else { steps >= STEPS_UNDECIDED && steps.is_power_of_two() };
            let start = match (is_from_held, may_decide) {
                (true, _) => Start::Held,
                (false, true) => Start::Cheaper,
                (false, false) => Start::Named,
            };
            let step = self.inner.index.read(move |tx| {
                Box::pin(async move {
                    Walk { tx, query: &shared, vulnerability, images: &scope, tagged, wanted, components, start }
                        .step(from)
                        .await
                })
            });
            components = COMPONENTS_IN_STEP_MAX.min(components * 2);
            let Step { candidates, next, is_from_held: was_from_held } = step.await?;
            (steps, is_from_held) = (steps + 1, was_from_held);
            let candidates = self.unanswered(vulnerability, candidates).await?;
            let candidates = self.made_by_records(query, name.as_deref(), candidates).await?;
            items.extend(self.describe(candidates, tagged).await?);
            let cursor = |last: &(Found, Arc<Component>)| Cursor {
                key: last.1.key.clone(),
                identity: last.1.identity.clone(),
                image: last.0.image,
                repository: last.0.repository.to_string(),
                vulnerability: last.1.finding.as_ref().map(|finding| finding.vulnerability.clone()),
            };
            if items.len() > limit {
                items.truncate(limit);
                let next = items.last().map(|last| cursor(last).encode());
                let items = items.into_iter().map(|(found, _)| found).collect();
                return Ok(Page::of(items, next));
            }
            if next.is_none() {
                // Of another vulnerability others may have more, or fewer.
                if vulnerability.is_some() {
                    (steps, is_from_held) = (0, false);
                }
                rounds.pop_front();
            }
            position = next;
        }
        Ok(Page::of(items.into_iter().map(|(found, _)| found).collect(), None))
    }

    /// Tells whether a name is one of a vulnerability that advisories speak of, or that something here has or had.
    ///
    /// # Errors
    /// When a database fails.
    pub async fn is_vulnerability(&self, name: &str) -> Result<bool, Error> {
        let Ok(query) = Query::parse(name, None) else { return Ok(false) };
        Ok(query.is_of_vulnerability() || self.named_vulnerability(&query).await?.is_some())
    }

    /// Tells whether the advisories in use speak of a vulnerability.
    fn recorded(&self, vulnerability: &str) -> Result<Recorded, Error> {
        let Some(advisories) = self.advisories() else { return Ok(Recorded::NoDatabase) };
        let asked = advisories.find(vulnerability)?;
        let is_said = asked.is_some_and(|asked| !asked.records.is_empty());
        Ok(if is_said { Recorded::Present } else { Recorded::Absent })
    }

    /// Returns the query for a vulnerability, if that is what the name of another query is of: publishers call theirs what they like.
    async fn named_vulnerability(&self, query: &Query) -> Result<Option<Query>, Error> {
        let Some(name) = &query.name else { return Ok(None) };
        let advisories = self.advisories();
        let is_known = advisories.map(|advisories| advisories.find(name)).transpose()?.flatten().is_some();
        if !is_known && self.vulnerabilities_here(name).await?.is_empty() {
            return Ok(None);
        }
        Ok(Query::vulnerability(name).ok())
    }

    async fn resume(&self, cursor: Cursor) -> Result<Position, Error> {
        let image = cursor.image.to_bytes();
        let row = self.inner.index.read(|tx| Box::pin(async move { tx.find(&FIND_IMAGE_ID, &[image.into()]).await }));
        let image: i64 = row.await?.ok_or(Error::Cursor)?.get(0)?;
        let repository: RepositoryName = cursor.repository.parse().map_err(|_| Error::Cursor)?;
        let repository = match self.inner.registry.repository_id(&repository).await {
            Ok(id) => id.number(),
            // Gone since: on from the image's first repository.
            Err(registry::Error::NameUnknown(_)) => i64::MIN,
            Err(error) => return Err(error.into()),
        };
        Ok(Position { key: cursor.key, identity: cursor.identity, behind: (image, repository) })
    }

    /// Returns the images that a caller may read, tagged or not; none when it may read nothing.
    async fn images(&self, readable: &Readable, tagged: Tagged) -> Result<Option<Images>, Error> {
        let Readable::Repositories(repositories) = readable else { return Ok(Some(Images::All)) };
        if repositories.is_empty() {
            return Ok(None);
        }
        let Some(few) = self.few_images(repositories, tagged, IMAGES_FEW_MAX).await? else {
            return Ok(Some(Images::Of(Arc::new(repositories.clone()))));
        };
        Ok(if few.is_empty() { None } else { Some(Images::Few(Arc::new(few))) })
    }

    /// Returns the images of repositories, tagged or not, each with those that hold it so; nothing when there are more than `most` rows of them.
    pub(crate) async fn few_images(
        &self,
        repositories: &BTreeSet<RepositoryId>,
        tagged: Tagged,
        most: usize,
    ) -> Result<Option<FewImages>, Error> {
        let list: Vec<Value> = repositories.iter().map(|id| id.number().into()).collect();
        let limit = i64::try_from(most + 1).unwrap_or(i64::MAX);
        let [least, greatest] = tagged.placement_bounds();
        let parameters = [limit.into(), least, greatest];
        let rows = self
            .inner
            .index
            .read(move |tx| Box::pin(async move { tx.query_list(&LIST_IMAGES_OF, &parameters, &list).await }));
        let rows = rows.await?;
        if rows.len() > most {
            return Ok(None);
        }
        let mut few = FewImages::new();
        for row in rows {
            few.entry(row.get(0)?).or_default().insert(RepositoryId::from_number(row.get(1)?), row.get(2)?);
        }
        Ok(Some(few))
    }

    /// Leaves out what is decided not to count, and, where nothing is decided, what its publisher denies and what the distribution
    /// answers for, which is told with the distribution's own package.
    async fn unanswered(
        &self,
        vulnerability: Option<i64>,
        mut candidates: Vec<Candidate>,
    ) -> Result<Vec<Candidate>, Error> {
        let Some(vulnerability) = vulnerability else { return Ok(candidates) };
        let pairs = candidates.iter().map(|candidate| (candidate.image, candidate.component.id)).collect();
        let answered = self.answered_for(vulnerability, &pairs).await?;
        let images = candidates.iter().map(|candidate| candidate.image).collect();
        let decided = self.decided_in(vulnerability, &images).await?;
        candidates.retain(|Candidate { repository, image, component, .. }| {
            let by_publishers = !component.is_denied && !answered.contains(&(*image, component.id));
            decided.get(&(repository.number(), *image, component.id)).copied().unwrap_or(by_publishers)
        });
        Ok(candidates)
    }

    /// Describes what a repository holds now of the candidates, tagged or not, each with the row that it was found by.
    async fn describe(
        &self,
        candidates: Vec<Candidate>,
        tagged: Tagged,
    ) -> Result<Vec<(Found, Arc<Component>)>, Error> {
        let mut components: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for Candidate { image, component, .. } in &candidates {
            components.entry(*image).or_default().insert(component.id);
        }
        let list: Vec<Value> = components.keys().map(|image| (*image).into()).collect();
        let rows = self.inner.index.read(|tx| Box::pin(async move { tx.query_list(&LIST_IMAGES, &[], &list).await }));
        let mut images = BTreeMap::new();
        let mut unpacker = Unpacker::new();
        for row in rows.await? {
            let id = row.get(0)?;
            let Some(components) = components.get(&id) else { continue };
            if let Some(image) = image_row(&row, components, unpacker.as_mut())? {
                images.insert(id, image);
            }
        }
        let wanted: BTreeSet<(RepositoryId, Digest)> = candidates
            .iter()
            .filter_map(|candidate| Some((candidate.repository, images.get(&candidate.image)?.digest)))
            .collect();
        let wanted: Vec<_> = wanted.into_iter().collect();
        let held = self.inner.registry.find_held_manifests(&wanted).await?;
        let mut described = Vec::with_capacity(candidates.len());
        for Candidate { component, image, repository, placed_at_us } in candidates {
            let Some(image) = images.get(&image) else { continue };
            let Some(manifest) = held.get(&(repository, image.digest)) else { continue };
            if !tagged.means(manifest.tags_total > 0) {
                continue;
            }
            // Nobody is told since when images of others have it.
            let placed_at_us = if placed_at_us == 0 { manifest.pushed_at_us } else { placed_at_us };
            let finding = component.finding.clone();
            let finding = finding.map(|one| Affected { since_us: one.since_us.max(placed_at_us), ..one });
            let (places, places_total) = image.places.get(&component.id).cloned().unwrap_or_default();
            let found = Found {
                identity: shown(&component.identity).to_owned(),
                package_type: component.package_type.clone(),
                name: component.name.clone(),
                version: component.version.clone(),
                in_range: component.in_range,
                repository: manifest.repository.clone(),
                image: image.digest,
                platform: image.platform.clone(),
                tags: manifest.tags.clone(),
                tags_total: manifest.tags_total,
                pushed_at_us: manifest.pushed_at_us,
                pushed_by: manifest.pushed_by.clone(),
                places,
                places_total,
                finding,
            };
            described.push((found, component));
        }
        Ok(described)
    }
}

/// Reads what is told of an image, with the places of some of its components.
fn image_row(
    row: &Row,
    components: &BTreeSet<i64>,
    unpacker: Option<&mut Unpacker>,
) -> Result<Option<ImageRow>, Error> {
    let Ok(digest) = Digest::from_bytes(&row.get::<Vec<u8>>(1)?) else { return Ok(None) };
    let packed: Vec<u8> = row.get(3)?;
    let places = unpacker.and_then(|unpacker| Places::unpack(&packed, unpacker));
    // What does not read is of an earlier version, and is being made anew.
    let places_of = |id: &i64| Some((*id, places.as_ref()?.of_component(*id)));
    Ok(Some(ImageRow { digest, platform: row.get(2)?, places: components.iter().filter_map(places_of).collect() }))
}

impl Cursor {
    fn encode(&self) -> String {
        hex::encode(serde_json::to_vec(self).expect("texts have a spelling in JSON"))
    }

    fn decode(text: &str) -> Result<Self, Error> {
        if text.len() > CURSOR_BYTES_MAX {
            return Err(Error::Cursor);
        }
        let bytes = hex::decode(text).map_err(|_| Error::Cursor)?;
        let cursor: Self = serde_json::from_slice(&bytes).map_err(|_| Error::Cursor)?;
        let named = [Some(&cursor.key), Some(&cursor.identity), cursor.vulnerability.as_ref()];
        if named.into_iter().flatten().any(|text| text.contains('\0')) {
            return Err(Error::Cursor);
        }
        Ok(cursor)
    }
}

/// Where a step begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// At what goes by what is looked for, whoever holds it.
    Named,
    /// At what the caller's repositories hold.
    Held,
    /// At the one of both that is less.
    Cheaper,
}

/// What a step came to.
struct Step {
    candidates: Vec<Candidate>,
    /// Where to go on; nowhere at the end.
    next: Option<Position>,
    /// Whether it began at what the caller's repositories hold.
    is_from_held: bool,
}

/// One step over the index, within one read.
struct Walk<'w> {
    tx: &'w mut Tx,
    query: &'w Query,
    /// The number of the vulnerability that is looked for.
    vulnerability: Option<i64>,
    images: &'w Images,
    tagged: Tagged,
    wanted: usize,
    /// How many components are looked at.
    components: u32,
    start: Start,
}

impl Walk<'_> {
    /// Returns the next candidates and where to go on.
    async fn step(mut self, from: Position) -> Result<Step, Error> {
        let is_from_held = match self.start {
            Start::Named => false,
            Start::Held => true,
            Start::Cheaper => self.is_cheaper_from_held().await?,
        };
        if is_from_held {
            return self.step_from_held(&from).await;
        }
        let (candidates, next) = self.step_from_names(from).await?;
        Ok(Step { candidates, next, is_from_held })
    }

    /// Returns the next candidates and where to go on, by a look at what goes by what is looked for, whoever holds it.
    async fn step_from_names(&mut self, from: Position) -> Result<(Vec<Candidate>, Option<Position>), Error> {
        let (least, greatest) = self.query.bounds.clone();
        let (key, identity) = (Value::from(&from.key), Value::from(&from.identity));
        let limit = Value::from(self.components);
        let [from_tagged, to_tagged, _, _] = self.tagged.bounds();
        let rows = match (self.query.key, self.vulnerability) {
            (Key::Vulnerability, Some(id)) => {
                let parameters = [id.into(), key, identity, limit, from_tagged, to_tagged];
                self.tx.query(&LIST_BY_VULNERABILITY, &parameters).await?
            }
            (by, _) => {
                let statement = if by == Key::Package { &LIST_BY_PACKAGE } else { &LIST_BY_NAME };
                let parameters = [least.into(), greatest.into(), key, identity, limit, from_tagged, to_tagged];
                self.tx.query(statement, &parameters).await?
            }
        };
        let components = rows.iter().map(|row| self.component(row)).collect::<Result<Vec<_>, Error>>()?;
        let Some((final_component, _)) = components.last() else { return Ok((Vec::new(), None)) };
        let is_last_step = components.len() < self.components as usize;
        // Nothing sorts between a text and the same text with the least character after it.
        let after_all = Position {
            key: final_component.key.clone(),
            identity: format!("{}\u{1}", final_component.identity),
            behind: (i64::MIN, 0),
        };
        let end = (final_component.key.clone(), final_component.identity.clone());
        let matching: Vec<Arc<Component>> = components
            .into_iter()
            .filter(|(_, verdict)| *verdict != Verdict::No)
            .map(|(component, _)| component)
            .collect();
        let next = (!is_last_step).then_some(after_all);
        match self.images {
            Images::Few(few) => {
                let few = Arc::clone(few);
                self.in_few(&few, &matching, &from, &end, next).await
            }
            Images::Of(repositories) => {
                let repositories = Arc::clone(repositories);
                self.in_many(&|id| repositories.contains(&id), &matching, &from, next).await
            }
            Images::All => self.in_many(&|_| true, &matching, &from, next).await,
        }
    }

    fn component(&self, row: &Row) -> Result<(Arc<Component>, Verdict), Error> {
        let (identity, package_type): (String, String) = (row.get(1)?, row.get(3)?);
        let (name, version): (String, String) = (row.get(4)?, row.get(5)?);
        let verdict = self.query.verdict(&package_type, (&name, shown(&identity)), &version);
        let component = Component {
            id: row.get(0)?,
            identity,
            key: row.get(2)?,
            package_type,
            name,
            version,
            in_range: (verdict != Verdict::Unordered).then_some(true),
            is_denied: self.vulnerability.map_or(Ok(0), |_| row.get::<i64>(10))? != COUNTS,
            finding: match self.vulnerability {
                None => None,
                Some(_) => Some(Affected {
                    vulnerability: row.get(6)?,
                    level: level_of_number(row.get(7)?),
                    fixed: row.get(8)?,
                    since_us: row.get(9)?,
                }),
            },
        };
        Ok((Arc::new(component), verdict))
    }
}

impl Position {
    fn behind(component: &Component, behind: (i64, i64)) -> Self {
        Self { key: component.key.clone(), identity: component.identity.clone(), behind }
    }

    fn is_at(&self, component: &Component) -> bool {
        self.key == component.key && self.identity == component.identity
    }
}

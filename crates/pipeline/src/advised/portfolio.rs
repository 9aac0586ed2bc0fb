//! What is wrong across all images: lists of vulnerabilities, worst first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use db::{Row, Statement, Value};
use registry::RepositoryId;
use serde::{Deserialize, Serialize};
use vulndb::Level;

use super::keep::{COUNTS, number_of_level};
use crate::Readable;
use crate::decided::COUNTED;
use crate::find::{FewImages, IMAGES_FEW_MAX};
use crate::pipeline::{Error, Pipeline};
use crate::tagged::Tagged;

/// Images of a caller whose components are read at once to know what it may be told of. With more, each component's images are
/// walked until one is found that it may read.
const IMAGES_READ_MAX: usize = 256;

/// Vulnerabilities that are looked at at once: few at first, and twice as many each time.
const VULNERABILITIES_IN_FIRST_STEP: u32 = 64;
const VULNERABILITIES_IN_STEP_MAX: u32 = 1024;

/// Images that are counted of a vulnerability, each in each repository that holds it; "more" is said beyond.
pub(crate) const IMAGES_COUNTED_MAX: u64 = 1_000;

/// Rows that are walked to count images.
const ROWS_COUNTED_MAX: i64 = 4_000;

/// Rows of one component that are walked at once.
const ROWS_IN_STEP: u32 = 512;

/// Versions of packages that are named with a vulnerability.
const COMPONENTS_NAMED_MAX: usize = 3;

/// Components among which those are looked for: several may have one name and version, and differ by architecture or distribution.
const COMPONENTS_READ_MAX: usize = 24;

/// The longest cursor: a name, in hexadecimal.
const CURSOR_BYTES_MAX: usize = 16 << 10;

db::statements! {
    /// Vulnerabilities, worst first, after one.
    LIST_BY_WORST = "SELECT id, name, worst, score_tenths, probability_millionths, exploited, since_us FROM finding_vulnerabilities \
        WHERE worst >= 0 AND (worst, id) < ($1, $2) AND worst_level >= $3 AND exploited >= $4 AND mendable_findings >= $5 \
        AND probability_millionths >= $6 AND since_us >= $7 AND since_us < $8 ORDER BY worst DESC, id DESC LIMIT $9";
    /// Vulnerabilities, the most probably used first.
    LIST_BY_PROBABILITY = "SELECT id, name, probability_millionths, score_tenths, probability_millionths, exploited, since_us \
        FROM finding_vulnerabilities WHERE (probability_millionths, id) < ($1, $2) AND worst >= 0 AND worst_level >= $3 \
        AND exploited >= $4 AND mendable_findings >= $5 AND probability_millionths >= $6 AND since_us >= $7 AND since_us < $8 \
        ORDER BY probability_millionths DESC, id DESC LIMIT $9";
    /// Vulnerabilities, the newest here first.
    LIST_BY_AGE = "SELECT id, name, since_us, score_tenths, probability_millionths, exploited, since_us \
        FROM finding_vulnerabilities WHERE (since_us, id) < ($1, $2) AND worst >= 0 AND worst_level >= $3 \
        AND exploited >= $4 AND mendable_findings >= $5 AND probability_millionths >= $6 AND since_us >= $7 AND since_us < $8 \
        ORDER BY since_us DESC, id DESC LIMIT $9";
    /// Some vulnerabilities.
    LIST_SOME = "SELECT id, name, since_us, score_tenths, probability_millionths, exploited, since_us FROM finding_vulnerabilities \
        WHERE worst >= 0 AND worst_level >= $1 AND exploited >= $2 AND mendable_findings >= $3 AND probability_millionths >= $4 \
        AND id IN {list}";
    /// Where a vulnerability stands in the orders.
    FIND_PLACE = "SELECT id, since_us FROM finding_vulnerabilities WHERE name = $1";
    /// The components that have vulnerabilities, by their publishers or, somewhere, by the word of VEX.
    LIST_COMPONENTS_OF = "SELECT f.vulnerability_id, f.component_id, f.level, f.fixed, f.suppressed, f.since_us FROM findings f \
        WHERE (f.suppressed = 0 OR EXISTS (SELECT 1 FROM finding_decisions d WHERE d.component_id = f.component_id \
        AND d.vulnerability_id = f.vulnerability_id AND d.verdict = 3)) AND f.vulnerability_id IN {list}";
    /// What components have, by their publishers or, somewhere, by the word of VEX.
    LIST_OF_COMPONENTS = "SELECT f.vulnerability_id, f.component_id, f.level, f.fixed, f.suppressed, f.since_us FROM findings f \
        WHERE (f.suppressed = 0 OR EXISTS (SELECT 1 FROM finding_decisions d WHERE d.component_id = f.component_id \
        AND d.vulnerability_id = f.vulnerability_id AND d.verdict = 3)) AND f.component_id IN {list}";
    /// The components of images.
    LIST_HELD = "SELECT component_id, image_id FROM inventory_image_components WHERE image_id IN {list}";
    /// Of some components, those that any image holds which is tagged or not.
    LIST_HELD_BY_ANY = "SELECT c.id FROM inventory_components c WHERE EXISTS (SELECT 1 FROM inventory_image_components h \
        JOIN inventory_placements p ON p.image_id = h.image_id WHERE h.component_id = c.id AND h.tagged BETWEEN $1 AND $2 \
        AND p.tagged BETWEEN $3 AND $4) AND c.id IN {list}";
    /// Images that hold a component, before one, with their repositories in which they are tagged or not and were by a time: the tagged and the
    /// newest first, of which a caller's is likely one.
    LIST_HOLDERS_OF_ONE = "SELECT h.tagged, h.image_id, p.repository_id, p.placed_at_us FROM inventory_image_components h \
        CROSS JOIN inventory_placements p WHERE p.image_id = h.image_id AND h.component_id = $1 \
        AND (h.tagged, h.image_id, p.repository_id) < ($2, $3, $4) AND h.tagged BETWEEN $6 AND $7 AND p.tagged BETWEEN $8 AND $9 \
        AND p.placed_at_us <= $10 ORDER BY h.tagged DESC, h.image_id DESC, p.repository_id DESC LIMIT $5";
    /// Images, tagged or not, that hold components in which it counts that they have a vulnerability, up to a number.
    LIST_HOLDERS_OF_SOME = "SELECT h.image_id, p.repository_id, h.component_id, p.placed_at_us FROM inventory_image_components h \
        CROSS JOIN inventory_placements p WHERE p.image_id = h.image_id AND h.tagged BETWEEN $3 AND $4 \
        AND p.tagged BETWEEN $5 AND $6 AND NOT EXISTS (SELECT 1 FROM finding_decisions d \
        WHERE d.vulnerability_id = $2 AND d.component_id = h.component_id AND d.image_id = h.image_id \
        AND d.repository_id = p.repository_id AND d.verdict < 3) AND h.component_id IN {list} LIMIT $1";
    /// Components of which somewhere is decided that vulnerabilities of theirs do not count.
    LIST_DECIDED = "SELECT f.vulnerability_id, f.component_id FROM findings f WHERE EXISTS (SELECT 1 FROM finding_decisions d \
        WHERE d.vulnerability_id = f.vulnerability_id AND d.component_id = f.component_id AND d.verdict < 3) \
        AND f.vulnerability_id IN {list}";
    /// What is decided in images.
    LIST_DECIDED_IN = "SELECT repository_id, image_id, component_id, vulnerability_id, verdict FROM finding_decisions \
        WHERE image_id IN {list}";
    /// Images, tagged or not, in which it counts by the word of VEX that components have vulnerabilities, with their repositories.
    LIST_COUNTED = "SELECT d.component_id, d.vulnerability_id, d.image_id, d.repository_id, p.placed_at_us FROM finding_decisions d \
        JOIN inventory_placements p ON p.repository_id = d.repository_id AND p.image_id = d.image_id \
        WHERE d.verdict = 3 AND p.tagged BETWEEN $1 AND $2 AND d.component_id IN {list}";
    /// The same images, of those that hold a component in which it counts that it has a vulnerability.
    LIST_UNDECIDED_HOLDERS = "SELECT h.tagged, h.image_id, p.repository_id, p.placed_at_us FROM inventory_image_components h \
        CROSS JOIN inventory_placements p WHERE p.image_id = h.image_id AND h.component_id = $1 \
        AND (h.tagged, h.image_id, p.repository_id) < ($2, $3, $4) AND h.tagged BETWEEN $6 AND $7 AND p.tagged BETWEEN $8 AND $9 \
        AND p.placed_at_us <= $10 \
        AND NOT EXISTS (SELECT 1 FROM finding_decisions d WHERE d.vulnerability_id = $11 AND d.component_id = $1 \
        AND d.image_id = h.image_id AND d.repository_id = p.repository_id AND d.verdict < 3) \
        ORDER BY h.tagged DESC, h.image_id DESC, p.repository_id DESC LIMIT $5";
    /// What components are called.
    LIST_NAMED = "SELECT id, name, version FROM inventory_components WHERE id IN {list}";
}

/// Which vulnerabilities are listed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Filter {
    /// Only those at least so severe.
    pub level: Option<Level>,
    /// Only those that are known to be used in attacks.
    pub exploited: bool,
    /// Only those of which an upgrade mends something.
    pub mendable: bool,
    /// Only those at least so probably used within thirty days, from 0 to 1.
    pub probability: f32,
    /// Only those that are known of the caller's images since then or later, in microseconds since 1970-01-01 UTC.
    pub known_from_us: Option<i64>,
    /// Only those that were known of them before.
    pub known_before_us: Option<i64>,
    /// Only those of such images.
    pub tagged: Tagged,
}

impl Filter {
    /// Returns the least of what is listed, as parameters: how severe, exploited, mendable and probable.
    fn bounds(self) -> [Value; 4] {
        #[expect(clippy::cast_possible_truncation, reason = "a probability is at most one")]
        let probability = (f64::from(self.probability.clamp(0.0, 1.0)) * 1e6).round() as i64;
        [
            number_of_level(self.level).into(),
            i64::from(self.exploited).into(),
            i64::from(self.mendable).into(),
            probability.into(),
        ]
    }

    /// Returns between which times what is listed is known to the hub, as parameters. It knows of the images of each caller no later than the caller does;
    /// whether an image of its own had it earlier, the hub's time does not tell.
    fn known_bounds(self, reach: &Reach) -> [Value; 2] {
        let from_us = self.known_from_us.filter(|_| matches!(reach, Reach::All(_)));
        [from_us.unwrap_or(i64::MIN).into(), self.known_before_us.unwrap_or(i64::MAX).into()]
    }

    /// Tells whether what is known since a time is asked for.
    fn has_known_since(self, since_us: i64) -> bool {
        self.known_from_us.is_none_or(|from_us| since_us >= from_us)
            && self.known_before_us.is_none_or(|before_us| since_us < before_us)
    }
}

/// In which order they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Known use in attacks first, then by severity, then by the probability of use.
    #[default]
    Worst,
    /// The most probably used first.
    Probability,
    /// The newest first: by since when it is known of the caller's images where these are few, else of all images of the hub.
    Age,
}

/// A vulnerability that images have which the caller may read.
#[derive(Debug, Clone, PartialEq)]
pub struct Affecting {
    /// Its name.
    pub name: String,
    /// The worst severity that it has in them.
    pub level: Option<Level>,
    /// The highest score that a vector comes to, from 0 to 10.
    pub score: Option<f32>,
    /// The probability of use within thirty days, from 0 to 1; none when nobody computed one.
    pub probability: Option<f32>,
    /// Whether it is known to be used in attacks.
    pub exploited: bool,
    /// Whether an upgrade mends it somewhere.
    pub mendable: bool,
    /// How many versions of packages have it.
    pub components: u64,
    /// The names and versions of the first of them, each once.
    pub named: Vec<String>,
    /// How many of them are called otherwise.
    pub unnamed: u64,
    /// How many images have it, each counted in each repository that holds it.
    pub images: u64,
    /// Whether there are more than were counted.
    pub has_more_images: bool,
    /// Since when that is known of them, in microseconds since 1970-01-01 UTC: since the advisory came, or since the first of them did where that was
    /// later. Of very many images the first may be older than those that are counted.
    pub since_us: i64,
}

/// A page of vulnerabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct VulnerabilityPage {
    /// In the order that was asked for.
    pub items: Vec<Affecting>,
    /// Whether that is the order in which the hub came to know of them, by images that others may read too: the caller has too many of its own to go by
    /// since when each of them has what.
    pub is_hubs_order: bool,
    /// From where the next page goes on; none on the last one.
    pub next: Option<String>,
}

/// What a caller may be told of.
pub(super) enum Reach {
    All(Tagged),
    Few(Few),
    Of(Arc<BTreeSet<RepositoryId>>, Tagged),
}

impl Reach {
    /// Returns the repositories, where they are not all.
    fn repositories(&self) -> Option<&Arc<BTreeSet<RepositoryId>>> {
        match self {
            Self::Of(repositories, _) => Some(repositories),
            Self::All(_) | Self::Few(_) => None,
        }
    }

    /// Tells whether since when images of the hub have something is not the caller's to know, and its own images are too many to go by.
    fn hides_age(&self) -> bool {
        matches!(self, Self::Of(..))
    }

    /// Returns of which images it is, of those that are not few.
    fn tagged(&self) -> Tagged {
        match self {
            Self::All(tagged) | Self::Of(_, tagged) => *tagged,
            Self::Few(_) => Tagged::Any,
        }
    }
}

/// Pairs of a component and a vulnerability.
pub(super) type Pairs = BTreeSet<(i64, i64)>;

/// Images, each with a repository that holds it, and since when it is there, or has what is told of it.
type Placed = BTreeMap<(i64, RepositoryId), i64>;

/// Few images that a caller may be told of.
pub(super) struct Few {
    /// Which of them hold each component.
    held: HashMap<i64, Vec<i64>>,
    /// The repositories of each that the caller may read.
    repositories: FewImages,
    /// By repository, image, component and vulnerability, whether it is decided to count.
    decided: HashMap<(i64, i64, i64, i64), bool>,
}

impl Few {
    /// Returns the images that hold a component in which it counts that it has a vulnerability, which its publisher denies or not, in each
    /// repository in which it does, and since when they are there.
    fn images(
        &self,
        component: i64,
        vulnerability: i64,
        is_denied: bool,
    ) -> impl Iterator<Item = ((i64, RepositoryId), i64)> {
        self.holding(component).filter(move |((image, repository), _)| {
            let decided = self.decided.get(&(repository.number(), *image, component, vulnerability));
            decided.copied().unwrap_or(!is_denied)
        })
    }

    /// Returns the images that hold a component, in each repository, and since when they are there.
    fn holding(&self, component: i64) -> impl Iterator<Item = ((i64, RepositoryId), i64)> {
        let holding = self.held.get(&component).into_iter().flatten().copied();
        holding.flat_map(|image| {
            let repositories = self.repositories.get(&image).into_iter().flatten();
            repositories.map(move |(repository, placed_at_us)| ((image, *repository), *placed_at_us))
        })
    }

    /// Tells whether any of them held a component by a time.
    pub(super) fn held_by(&self, component: i64, at_us: i64) -> bool {
        self.holding(component).any(|(_, placed_at_us)| placed_at_us <= at_us)
    }

    /// Returns those of them in which a vulnerability counts, each with since when it is known of it.
    fn counted(&self, vulnerability: i64, held: &Held) -> Placed {
        let mut counted = held.counted_by_vex();
        for (component, since_us) in held.open() {
            for (place, placed_at_us) in self.images(component, vulnerability, false) {
                note(&mut counted, place, since_us.max(placed_at_us));
            }
        }
        counted
    }
}

/// What was found, by its place in the order.
type FoundInOrder = BTreeMap<Reverse<(i64, i64)>, (Listed, Held)>;

struct Listed {
    id: i64,
    key: i64,
    name: String,
    score_tenths: i64,
    probability_millionths: i64,
    exploited: i64,
    since_us: i64,
}

#[derive(Default)]
struct Held {
    /// Each with since when it is known of it, whoever holds it.
    components: Vec<(i64, i64)>,
    /// Those of which the publisher denies it, with the images in which it counts, and since when it is known of these.
    denied: BTreeMap<i64, Placed>,
    level: i64,
    mendable: bool,
}

impl Held {
    /// Returns the components of which no publisher denies it, with since when it is known of them.
    fn open(&self) -> impl Iterator<Item = (i64, i64)> {
        self.components.iter().copied().filter(|(component, _)| !self.denied.contains_key(component))
    }

    /// Returns the images in which it counts by the word of VEX.
    fn counted_by_vex(&self) -> Placed {
        let mut counted = Placed::new();
        for (place, since_us) in self.denied.values().flatten() {
            note(&mut counted, *place, *since_us);
        }
        counted
    }
}

/// Since when a vulnerability is known of what has it.
struct Dated {
    /// By component, whoever holds it.
    components: Vec<(i64, i64)>,
    /// Of the first image in which it counts by the word of VEX.
    by_vex_us: Option<i64>,
}

impl Dated {
    fn of(held: &Held) -> Self {
        Self { components: held.open().collect(), by_vex_us: held.counted_by_vex().into_values().min() }
    }

    /// Tells whether it was known by a time of an image of some repositories.
    async fn is_known_by(
        &self,
        tx: &mut db::Tx,
        vulnerability: i64,
        by_us: i64,
        (repositories, tagged): (&BTreeSet<RepositoryId>, Tagged),
    ) -> Result<bool, db::Error> {
        if self.by_vex_us.is_some_and(|since_us| since_us <= by_us) {
            return Ok(true);
        }
        for (component, since_us) in &self.components {
            let asked = Asked { component: *component, vulnerability: Some(vulnerability), by_us };
            if *since_us <= by_us && find_holder(tx, asked, (Some(repositories), tagged)).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Notes since when an image has something, which may be noted already by something else in it.
fn note(noted: &mut Placed, place: (i64, RepositoryId), since_us: i64) {
    noted.entry(place).and_modify(|earlier| *earlier = since_us.min(*earlier)).or_insert(since_us);
}

/// In how many images a vulnerability counts.
struct Counted {
    images: u64,
    has_more: bool,
    since_us: i64,
}

impl Pipeline {
    /// Returns up to `limit` vulnerabilities of images that the caller may read, after a cursor that an earlier page gave.
    ///
    /// # Errors
    /// [`Error::Cursor`] for one that is none; when a database fails.
    pub async fn list_vulnerabilities(
        &self,
        filter: Filter,
        order: Order,
        readable: &Readable,
        after: Option<&str>,
        limit: usize,
    ) -> Result<VulnerabilityPage, Error> {
        let reach = self.reach(readable, filter.tagged).await?;
        let is_key_hidden = order == Order::Age && reach.hides_age();
        let after = match after {
            None => (i64::MAX, i64::MAX),
            Some(text) => self.place_behind(Cursor::decode(text)?, is_key_hidden).await?,
        };
        let found = match (order, &reach) {
            (Order::Age, Reach::Few(few)) => self.found_in_few(&reach, few, filter, after).await?,
            _ => self.found_in_order(&reach, (filter, order), after, limit).await?,
        };
        let next = found.keys().nth(limit.saturating_sub(1)).filter(|_| found.len() > limit);
        let cursor = |place: &Reverse<(i64, i64)>| {
            let name = found.get(place).map(|(one, _)| one.name.clone()).unwrap_or_default();
            Cursor { key: (!is_key_hidden).then_some(place.0.0), name }.encode()
        };
        let next = next.map(cursor);
        let items = self.described(&reach, found.into_values().take(limit).collect()).await?;
        Ok(VulnerabilityPage { items, is_hubs_order: is_key_hidden, next })
    }

    /// Returns what the caller's images have behind a place in an order of the hub, at least one more than a page holds if there is one.
    async fn found_in_order(
        &self,
        reach: &Reach,
        (filter, order): (Filter, Order),
        after: (i64, i64),
        limit: usize,
    ) -> Result<FoundInOrder, Error> {
        // How severe one is differs by what has it. The hub's order is by the worst of all, also of what the caller may not read, and of what is decided not
        // to count: it is walked from its beginning until nothing that follows can stand before what was found.
        let is_own_order = order == Order::Worst;
        let mut position = if is_own_order { (i64::MAX, i64::MAX) } else { after };
        let mut found = FoundInOrder::new();
        let mut step = VULNERABILITIES_IN_FIRST_STEP;
        loop {
            let listed = self.list_step(reach, (filter, order), position, step).await?;
            let is_last = listed.len() < step as usize;
            position = listed.last().map_or(position, |last| (last.key, last.id));
            step = VULNERABILITIES_IN_STEP_MAX.min(step * 2);
            let ids = listed.iter().map(|one| one.id.into()).collect();
            let mut held = self.held(reach, (&LIST_COMPONENTS_OF, ids), filter).await?;
            for one in listed {
                let Some(held) = held.remove(&one.id) else { continue };
                let key = if is_own_order { worst_of(&one, held.level) } else { one.key };
                if (key, one.id) < after {
                    found.insert(Reverse((key, one.id)), (one, held));
                }
            }
            if is_last || found.keys().nth(limit).is_some_and(|Reverse(place)| *place >= position) {
                return Ok(found);
            }
        }
    }

    /// Returns what few images have behind a place in the order of since when they have it. The hub's order says nothing of that: all of it is looked at,
    /// which costs what they hold.
    async fn found_in_few(
        &self,
        reach: &Reach,
        few: &Few,
        filter: Filter,
        after: (i64, i64),
    ) -> Result<FoundInOrder, Error> {
        let components = few.held.keys().map(|component| (*component).into()).collect();
        let mut held = self.held(reach, (&LIST_OF_COMPONENTS, components), filter).await?;
        let ids: Vec<Value> = held.keys().map(|id| (*id).into()).collect();
        let rows = self
            .inner
            .index
            .read(move |tx| Box::pin(async move { tx.query_list(&LIST_SOME, &filter.bounds(), &ids).await }));
        let mut found = FoundInOrder::new();
        for row in rows.await? {
            let one = listed(&row)?;
            let Some(held) = held.remove(&one.id) else { continue };
            let since_us = few.counted(one.id, &held).into_values().min().unwrap_or(one.since_us);
            if (since_us, one.id) < after {
                found.insert(Reverse((since_us, one.id)), (one, held));
            }
        }
        Ok(found)
    }

    /// Returns the place in the order at which a page ended; by when the hub first had the vulnerability where that is not told.
    async fn place_behind(&self, Cursor { key, name }: Cursor, is_key_hidden: bool) -> Result<(i64, i64), Error> {
        let found = self.inner.index.read(move |tx| {
            let name = Value::from(&name);
            Box::pin(async move { tx.find(&FIND_PLACE, &[name]).await })
        });
        let row = found.await?.ok_or(Error::Cursor)?;
        let key = if is_key_hidden { row.get(1)? } else { key.ok_or(Error::Cursor)? };
        Ok((key, row.get(0)?))
    }

    async fn list_step(
        &self,
        reach: &Reach,
        (filter, order): (Filter, Order),
        (key, id): (i64, i64),
        limit: u32,
    ) -> Result<Vec<Listed>, Error> {
        let statement = match order {
            Order::Worst => &LIST_BY_WORST,
            Order::Probability => &LIST_BY_PROBABILITY,
            Order::Age => &LIST_BY_AGE,
        };
        let [level, exploited, mendable, probability] = filter.bounds();
        let [from, before] = filter.known_bounds(reach);
        let parameters = [key.into(), id.into(), level, exploited, mendable, probability, from, before, limit.into()];
        let rows = self.inner.index.read(move |tx| Box::pin(async move { tx.query(statement, &parameters).await }));
        rows.await?.iter().map(listed).collect()
    }

    /// Returns what the caller may be told of some vulnerabilities: the components that it may know of.
    async fn held(
        &self,
        reach: &Reach,
        (statement, ids): (&'static Statement, Vec<Value>),
        filter: Filter,
    ) -> Result<BTreeMap<i64, Held>, Error> {
        let rows =
            self.inner.index.read(move |tx| Box::pin(async move { tx.query_list(statement, &[], &ids).await })).await?;
        let mut found = Vec::with_capacity(rows.len());
        let (mut open, mut denied) = (Pairs::new(), Pairs::new());
        for row in &rows {
            let (vulnerability, component) = (row.get::<i64>(0)?, row.get::<i64>(1)?);
            let of = if row.get::<i64>(4)? == COUNTS { &mut open } else { &mut denied };
            of.insert((component, vulnerability));
            let told = (row.get::<i64>(2)?, row.get::<Option<String>>(3)?, row.get::<i64>(5)?);
            found.push(((component, vulnerability), told));
        }
        let reached = self.reached_pairs(reach, open).await?;
        let mut counted = self.counted_pairs(reach, denied).await?;
        let mut held: BTreeMap<i64, Held> = BTreeMap::new();
        for (pair, (level, fixed, since_us)) in found {
            let (component, vulnerability) = pair;
            let images = counted.remove(&pair);
            if images.is_some() || reached.contains(&pair) {
                let one = held.entry(vulnerability).or_default();
                one.components.push((component, since_us));
                let known = |images: Placed| -> Placed {
                    images.into_iter().map(|(place, placed_at_us)| (place, since_us.max(placed_at_us))).collect()
                };
                one.denied.extend(images.map(|images| (component, known(images))));
                one.level = one.level.max(level);
                one.mendable |= fixed.is_some();
            }
        }
        // What holds of all images need not hold of those that the caller may read.
        held.retain(|_, one| one.level >= number_of_level(filter.level) && (one.mendable || !filter.mendable));
        self.known_between(reach, filter, held).await
    }

    /// Of what is held of vulnerabilities, returns what is known of the caller's images since a time that is asked for.
    async fn known_between(
        &self,
        reach: &Reach,
        filter: Filter,
        mut held: BTreeMap<i64, Held>,
    ) -> Result<BTreeMap<i64, Held>, Error> {
        if filter.known_from_us.is_none() && filter.known_before_us.is_none() {
            return Ok(held);
        }
        let (repositories, tagged) = match reach {
            // By the hub's time they were listed.
            Reach::All(_) => return Ok(held),
            Reach::Few(few) => {
                held.retain(|id, one| {
                    few.counted(*id, one).into_values().min().is_none_or(|since_us| filter.has_known_since(since_us))
                });
                return Ok(held);
            }
            Reach::Of(repositories, tagged) => (Arc::clone(repositories), *tagged),
        };
        let asked: BTreeMap<i64, Dated> = held.iter().map(|(id, one)| (*id, Dated::of(one))).collect();
        let left_out = self.inner.index.read(move |tx| {
            Box::pin(async move {
                let mut left_out = BTreeSet::new();
                for (id, dated) in asked {
                    let whose = (&*repositories, tagged);
                    let is_old_enough = match filter.known_before_us {
                        Some(before_us) => dated.is_known_by(tx, id, before_us.saturating_sub(1), whose).await?,
                        None => true,
                    };
                    let is_too_old = match filter.known_from_us.filter(|_| is_old_enough) {
                        Some(from_us) => dated.is_known_by(tx, id, from_us.saturating_sub(1), whose).await?,
                        None => false,
                    };
                    if is_too_old || !is_old_enough {
                        left_out.insert(id);
                    }
                }
                Ok::<_, db::Error>(left_out)
            })
        });
        let left_out = left_out.await?;
        held.retain(|id, _| !left_out.contains(id));
        Ok(held)
    }

    /// Counts the images of vulnerabilities and names their components.
    async fn described(&self, reach: &Reach, listed: Vec<(Listed, Held)>) -> Result<Vec<Affecting>, Error> {
        let first =
            |held: &Held| held.components.iter().take(COMPONENTS_READ_MAX).map(|(id, _)| *id).collect::<Vec<_>>();
        let list: Vec<Value> = listed.iter().flat_map(|(_, held)| first(held)).map(Value::from).collect();
        let rows =
            self.inner.index.read(move |tx| Box::pin(async move { tx.query_list(&LIST_NAMED, &[], &list).await }));
        let mut names: BTreeMap<i64, String> = BTreeMap::new();
        for row in rows.await? {
            names.insert(row.get(0)?, format!("{} {}", row.get::<String>(1)?, row.get::<String>(2)?));
        }
        let mut items = Vec::with_capacity(listed.len());
        for (one, held) in listed {
            let Counted { images, has_more, since_us } = self.count_images(reach, &one, &held).await?;
            let (told, covered) = once(first(&held).iter().filter_map(|id| names.get(id)));
            let components = held.components.len() as u64;
            items.push(Affecting {
                level: level_of_number(held.level),
                score: (one.score_tenths > 0).then(|| as_float(one.score_tenths) / 10.0),
                probability: (one.probability_millionths > 0).then(|| as_float(one.probability_millionths) / 1e6),
                exploited: one.exploited != 0,
                mendable: held.mendable,
                components,
                named: told,
                unnamed: components.saturating_sub(covered),
                images,
                has_more_images: has_more,
                since_us,
                name: one.name,
            });
        }
        Ok(items)
    }

    /// Counts the images that hold any of some components in which a vulnerability of theirs counts, up to [`IMAGES_COUNTED_MAX`];
    /// whether there are more, and since when it is known of any.
    async fn count_images(&self, reach: &Reach, one: &Listed, held: &Held) -> Result<Counted, Error> {
        if let Reach::Few(few) = reach {
            let images = few.counted(one.id, held);
            let since_us = images.values().copied().min().unwrap_or(one.since_us);
            return Ok(Counted { images: images.len() as u64, has_more: false, since_us });
        }
        let mut images = held.counted_by_vex();
        let open: BTreeMap<i64, i64> = held.open().collect();
        let list: Vec<Value> = open.keys().map(|id| (*id).into()).collect();
        let limit = ROWS_COUNTED_MAX;
        let mut parameters: Vec<Value> = vec![limit.into(), one.id.into()];
        parameters.extend(reach.tagged().bounds());
        let rows = self
            .inner
            .index
            .read(move |tx| Box::pin(async move { tx.query_list(&LIST_HOLDERS_OF_SOME, &parameters, &list).await }));
        let rows = rows.await?;
        let has_more = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= limit;
        let repositories = reach.repositories();
        for row in rows {
            let repository = RepositoryId::from_number(row.get(1)?);
            if repositories.is_none_or(|repositories| repositories.contains(&repository)) {
                let since_us = open.get(&row.get::<i64>(2)?).copied().unwrap_or(one.since_us);
                note(&mut images, (row.get(0)?, repository), since_us.max(row.get(3)?));
            }
        }
        let counted = images.len() as u64;
        let since_us = match (repositories, images.into_values().min()) {
            // All is told to who may read all.
            (None, _) => one.since_us,
            (Some(_), Some(since_us)) => since_us,
            (Some(repositories), None) => self.known_since(&open, one, (repositories, reach.tagged())).await?,
        };
        let has_more = has_more || counted > IMAGES_COUNTED_MAX;
        Ok(Counted { images: counted.min(IMAGES_COUNTED_MAX), has_more, since_us })
    }

    /// Returns since when a vulnerability is known of an image of some repositories that holds one of some components, where more images of others hold
    /// them than are walked to count the caller's.
    async fn known_since(
        &self,
        components: &BTreeMap<i64, i64>,
        one: &Listed,
        (repositories, tagged): (&Arc<BTreeSet<RepositoryId>>, Tagged),
    ) -> Result<i64, Error> {
        let (components, repositories, vulnerability) = (components.clone(), Arc::clone(repositories), one.id);
        let found = self.inner.index.read(move |tx| {
            Box::pin(async move {
                for (component, since_us) in components {
                    let asked = Asked { component, vulnerability: Some(vulnerability), by_us: i64::MAX };
                    if let Some(placed_at_us) = find_holder(tx, asked, (Some(&repositories), tagged)).await? {
                        return Ok(Some(since_us.max(placed_at_us)));
                    }
                }
                Ok::<_, db::Error>(None)
            })
        });
        Ok(found.await?.unwrap_or_else(|| self.inner.registry.now_us()))
    }

    /// Returns what a caller may be told of.
    pub(super) async fn reach(&self, readable: &Readable, tagged: Tagged) -> Result<Reach, Error> {
        let Readable::Repositories(repositories) = readable else { return Ok(Reach::All(tagged)) };
        let images = self.few_images(repositories, tagged, IMAGES_READ_MAX.min(IMAGES_FEW_MAX)).await?;
        let Some(images) = images else { return Ok(Reach::Of(Arc::new(repositories.clone()), tagged)) };
        let list: Vec<Value> = images.keys().map(|image| (*image).into()).collect();
        let found = self.inner.index.read(move |tx| {
            Box::pin(async move {
                let held = tx.query_list(&LIST_HELD, &[], &list).await?;
                Ok::<_, db::Error>((held, tx.query_list(&LIST_DECIDED_IN, &[], &list).await?))
            })
        });
        let (rows, decided_rows) = found.await?;
        let mut held: HashMap<i64, Vec<i64>> = HashMap::new();
        for row in rows {
            held.entry(row.get(0)?).or_default().push(row.get(1)?);
        }
        let mut decided = HashMap::new();
        for row in decided_rows {
            decided.insert((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?), row.get::<i64>(4)? == COUNTED);
        }
        Ok(Reach::Few(Few { held, repositories: images, decided }))
    }

    /// Of pairs of a component and a vulnerability, returns those that count in an image that the caller may read.
    pub(super) async fn reached_pairs(&self, reach: &Reach, pairs: Pairs) -> Result<Pairs, Error> {
        if let Reach::Few(few) = reach {
            let counts = |(component, vulnerability): &(i64, i64)| {
                few.images(*component, *vulnerability, false).next().is_some()
            };
            return Ok(pairs.into_iter().filter(counts).collect());
        }
        let components = pairs.iter().map(|(component, _)| *component).collect();
        let vulnerabilities: BTreeSet<i64> = pairs.iter().map(|(_, vulnerability)| *vulnerability).collect();
        let reached = self.reached(reach, components).await?;
        let list: Vec<Value> = vulnerabilities.into_iter().map(Value::from).collect();
        let rows =
            self.inner.index.read(move |tx| Box::pin(async move { tx.query_list(&LIST_DECIDED, &[], &list).await }));
        let mut decided = BTreeSet::new();
        for row in rows.await? {
            decided.insert((row.get::<i64>(1)?, row.get::<i64>(0)?));
        }
        let (repositories, tagged) = (reach.repositories().cloned(), reach.tagged());
        let (asked, counting): (Pairs, Pairs) = pairs
            .into_iter()
            .filter(|(component, _)| reached.contains(component))
            .partition(|pair| decided.contains(pair));
        let found = self.inner.index.read(move |tx| {
            let (asked, repositories, mut counting) = (asked.clone(), repositories.clone(), counting.clone());
            Box::pin(async move {
                for (component, vulnerability) in asked {
                    let asked = Asked { component, vulnerability: Some(vulnerability), by_us: i64::MAX };
                    if find_holder(tx, asked, (repositories.as_deref(), tagged)).await?.is_some() {
                        counting.insert((component, vulnerability));
                    }
                }
                Ok::<_, db::Error>(counting)
            })
        });
        Ok(found.await?)
    }

    /// Of pairs of a component and a time, returns those that an image held then which the caller may read.
    pub(super) async fn held_by(&self, reach: &Reach, asked: Pairs) -> Result<Pairs, Error> {
        match reach {
            Reach::All(_) => Ok(asked),
            Reach::Few(few) => {
                Ok(asked.into_iter().filter(|(component, at_us)| few.held_by(*component, *at_us)).collect())
            }
            Reach::Of(repositories, tagged) => {
                let (repositories, tagged) = (Arc::clone(repositories), *tagged);
                let found = self.inner.index.read(move |tx| {
                    Box::pin(async move {
                        let mut held = Pairs::new();
                        for (component, at_us) in asked {
                            let one = Asked { component, vulnerability: None, by_us: at_us };
                            if find_holder(tx, one, (Some(&repositories), tagged)).await?.is_some() {
                                held.insert((component, at_us));
                            }
                        }
                        Ok::<_, db::Error>(held)
                    })
                });
                Ok(found.await?)
            }
        }
    }

    /// Of pairs of a component and a vulnerability that its publisher denies, returns those that count by the word of VEX, with the
    /// images that the caller may read in which they do.
    async fn counted_pairs(&self, reach: &Reach, pairs: Pairs) -> Result<BTreeMap<(i64, i64), Placed>, Error> {
        let mut counted: BTreeMap<(i64, i64), Placed> = BTreeMap::new();
        if let Reach::Few(few) = reach {
            for (component, vulnerability) in pairs {
                let images: Placed = few.images(component, vulnerability, true).collect();
                if !images.is_empty() {
                    counted.insert((component, vulnerability), images);
                }
            }
            return Ok(counted);
        }
        let components: BTreeSet<i64> = pairs.iter().map(|(component, _)| *component).collect();
        let list: Vec<Value> = components.into_iter().map(Value::from).collect();
        let bounds = reach.tagged().placement_bounds();
        let rows = self
            .inner
            .index
            .read(move |tx| Box::pin(async move { tx.query_list(&LIST_COUNTED, &bounds, &list).await }));
        let repositories = reach.repositories();
        for row in rows.await? {
            let pair = (row.get(0)?, row.get(1)?);
            let repository = RepositoryId::from_number(row.get(3)?);
            let is_readable = repositories.is_none_or(|repositories| repositories.contains(&repository));
            if is_readable && pairs.contains(&pair) {
                counted.entry(pair).or_default().insert((row.get(2)?, repository), row.get(4)?);
            }
        }
        Ok(counted)
    }

    /// Returns which of some components are held by images that the caller may read.
    pub(super) async fn reached(&self, reach: &Reach, components: BTreeSet<i64>) -> Result<BTreeSet<i64>, Error> {
        match reach {
            Reach::Few(few) => Ok(components.into_iter().filter(|id| few.held.contains_key(id)).collect()),
            Reach::All(tagged) => {
                let list: Vec<Value> = components.into_iter().map(Value::from).collect();
                let bounds = tagged.bounds();
                let rows = self
                    .inner
                    .index
                    .read(move |tx| Box::pin(async move { tx.query_list(&LIST_HELD_BY_ANY, &bounds, &list).await }));
                Ok(rows.await?.iter().map(|row| row.get(0)).collect::<Result<_, db::Error>>()?)
            }
            Reach::Of(repositories, tagged) => {
                let (repositories, tagged) = (Arc::clone(repositories), *tagged);
                let found = self.inner.index.read(move |tx| {
                    Box::pin(async move {
                        let mut reached = BTreeSet::new();
                        for component in components {
                            let asked = Asked { component, vulnerability: None, by_us: i64::MAX };
                            if find_holder(tx, asked, (Some(&repositories), tagged)).await?.is_some() {
                                reached.insert(component);
                            }
                        }
                        Ok::<_, db::Error>(reached)
                    })
                });
                Ok(found.await?)
            }
        }
    }
}

/// Returns the first of some names, each once, and how many are so called.
fn once<'a>(names: impl Iterator<Item = &'a String>) -> (Vec<String>, u64) {
    let (mut told, mut covered) = (Vec::new(), 0);
    for name in names {
        if told.len() < COMPONENTS_NAMED_MAX && !told.contains(name) {
            told.push(name.clone());
        }
        covered += u64::from(told.contains(name));
    }
    (told, covered)
}

/// Returns the place in the order of what is worst that a vulnerability has where it is of a severity: known use, then severity, then
/// probability of use.
fn worst_of(one: &Listed, level: i64) -> i64 {
    one.exploited * 100_000_000 + level * 10_000_000 + one.probability_millionths
}

fn listed(row: &Row) -> Result<Listed, Error> {
    Ok(Listed {
        id: row.get(0)?,
        name: row.get(1)?,
        key: row.get(2)?,
        score_tenths: row.get(3)?,
        probability_millionths: row.get(4)?,
        exploited: row.get(5)?,
        since_us: row.get(6)?,
    })
}

/// Returns the severity of a number of the index.
pub(crate) fn level_of_number(number: i64) -> Option<Level> {
    match number {
        1 => Some(Level::Negligible),
        2 => Some(Level::Low),
        3 => Some(Level::Medium),
        4 => Some(Level::High),
        5 => Some(Level::Critical),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most a million")]
fn as_float(number: i64) -> f32 {
    number as f32
}

/// Where a page begins: behind what the caller saw last, named by nothing that it did not see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    /// Its place in the order, where that is the caller's to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<i64>,
    name: String,
}

impl Cursor {
    fn encode(&self) -> String {
        hex::encode(serde_json::to_vec(self).expect("a number and a text have a spelling in JSON"))
    }

    fn decode(text: &str) -> Result<Self, Error> {
        if text.len() > CURSOR_BYTES_MAX {
            return Err(Error::Cursor);
        }
        let bytes = hex::decode(text).map_err(|_| Error::Cursor)?;
        let cursor: Self = serde_json::from_slice(&bytes).map_err(|_| Error::Cursor)?;
        if cursor.name.contains('\0') { Err(Error::Cursor) } else { Ok(cursor) }
    }
}

/// Which images are asked for: those that hold a component.
struct Asked {
    component: i64,
    /// Of those, where one is named, those in which it counts that the component has it.
    vulnerability: Option<i64>,
    /// Of those, the ones that were where they are by then.
    by_us: i64,
}

/// Finds such an image in some repositories, or in any, that is tagged there or not; returns since when it is there.
async fn find_holder(
    tx: &mut db::Tx,
    Asked { component, vulnerability, by_us }: Asked,
    (repositories, tagged): (Option<&BTreeSet<RepositoryId>>, Tagged),
) -> Result<Option<i64>, db::Error> {
    let mut before = (*tagged.images().end(), i64::MAX, i64::MAX);
    loop {
        let mut parameters: Vec<Value> =
            vec![component.into(), before.0.into(), before.1.into(), before.2.into(), ROWS_IN_STEP.into()];
        parameters.extend(tagged.bounds());
        parameters.push(by_us.into());
        let statement = match vulnerability {
            Some(vulnerability) => {
                parameters.push(vulnerability.into());
                &LIST_UNDECIDED_HOLDERS
            }
            None => &LIST_HOLDERS_OF_ONE,
        };
        let rows = tx.query(statement, &parameters).await?;
        for row in &rows {
            before = (row.get(0)?, row.get(1)?, row.get(2)?);
            if repositories.is_none_or(|repositories| repositories.contains(&RepositoryId::from_number(before.2))) {
                return Ok(Some(row.get(3)?));
            }
        }
        if rows.len() < ROWS_IN_STEP as usize {
            return Ok(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_called_alike_is_told_once() {
        for (names, expected, covered) in [
            (&[][..], "", 0),
            (&["lodash 4.17.20", "lodash 4.17.20"], "lodash 4.17.20", 2),
            (&["a 1", "b 1", "a 1", "c 1", "d 1", "b 1", "d 1"], "a 1, b 1, c 1", 5),
        ] {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let (told, count) = once(names.iter());
            assert_eq!((told.join(", ").as_str(), count), (expected, covered));
        }
    }

    #[test]
    fn a_cursor_is_what_the_caller_saw() {
        for (key, expected) in
            [(Some(150_000_000), r#"{"key":150000000,"name":"CVE-2026-0001"}"#), (None, r#"{"name":"CVE-2026-0001"}"#)]
        {
            let cursor = Cursor { key, name: "CVE-2026-0001".to_owned() };
            let text = cursor.encode();
            assert_eq!(String::from_utf8(hex::decode(&text).unwrap()).unwrap(), expected);
            assert_eq!(Cursor::decode(&text).unwrap(), cursor);
        }
        let nul = hex::encode(br#"{"key":1,"name":"\u0000"}"#);
        for wrong in ["", "x", "150000000.4", "7b7d", &nul, &"0".repeat(CURSOR_BYTES_MAX + 2)] {
            assert!(Cursor::decode(wrong).is_err(), "{wrong}");
        }
    }
}

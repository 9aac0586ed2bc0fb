//! How many findings an image has in a repository.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use db::{Row, Tx, Value};
use ledger::jobs::{Context, JobError, Kind, NewJob, Outcome, enqueue};
use oci::Digest;
use serde::{Deserialize, Serialize};

use super::advisories::Advisories;
use super::decisions::{self, Decisions};
use super::keep::COUNTS;
use super::{scans, state};
use crate::Readable;
use crate::decided::{self, ANSWERED, COUNTED, Composed, Deciding, LIST_BESIDE_OF, LIST_BESIDE_OF_IMAGE, Verdicts};
use crate::pack::unpack;
use crate::pipeline::{Error, Pipeline};
use crate::tagged::Tagged;
use ledger::aside::aside;

/// Counts the findings of the images that are to be counted.
pub(crate) const COUNT: Kind = Kind::new("findings.count");

/// How long the database is waited for that everything is matched by.
const WAIT: Duration = Duration::from_secs(10);

/// Images that are counted at once.
const COUNTED_IN_STEP: i64 = 16;

db::statements! {
    /// Images to count.
    LIST_STALE = "SELECT repository_id, image_id FROM finding_totals WHERE fresh = 0 ORDER BY repository_id, image_id LIMIT $1";
    /// Where an image is to be counted.
    LIST_STALE_OF_IMAGE = "SELECT repository_id, image_id FROM finding_totals WHERE image_id = $1 AND fresh = 0";
    /// What images have.
    LIST_FINDINGS_OF_IMAGES = "SELECT f.component_id, f.vulnerability_id, f.level, f.fixed, f.suppressed, v.exploited, h.image_id \
        FROM inventory_image_components h JOIN findings f ON f.component_id = h.component_id \
        JOIN finding_vulnerabilities v ON v.id = f.vulnerability_id WHERE h.image_id IN {list}";
    /// What an image has, with what it is called.
    LIST_NAMED_FINDINGS_OF_IMAGE = "SELECT f.component_id, f.vulnerability_id, f.level, f.fixed, f.suppressed, v.exploited, \
        c.identity, v.name FROM inventory_image_components h JOIN findings f ON f.component_id = h.component_id \
        JOIN finding_vulnerabilities v ON v.id = f.vulnerability_id JOIN inventory_components c ON c.id = f.component_id \
        WHERE h.image_id = $1";
    /// The inventory of an image.
    FIND_BODY = "SELECT body FROM inventories WHERE image_id = $1";
    /// When the inventory of an image was made, which tells whether it is another one.
    FIND_MADE = "SELECT made_at_us FROM inventory_images WHERE id = $1";
    /// What the distribution answers for in images, by component, owner and vulnerability.
    LIST_OWNED_IN_IMAGES = "SELECT w.image_id, w.component_id, w.owner_id, o.vulnerability_id FROM inventory_owners w \
        LEFT JOIN finding_owned o ON o.component_id = w.component_id AND o.owner_id = w.owner_id WHERE w.image_id IN {list}";
    /// Keeps what was counted.
    SET_TOTALS = "UPDATE finding_totals SET fresh = 1, critical = $3, high = $4, medium = $5, low = $6, negligible = $7, \
        unknown = $8, exploited = $9, mendable = $10, suppressed = $11 WHERE repository_id = $1 AND image_id = $2";
    /// What an image has in a repository.
    FIND_TOTALS = "SELECT t.critical, t.high, t.medium, t.low, t.negligible, t.unknown, t.exploited, t.mendable, t.suppressed \
        FROM finding_totals t JOIN inventory_images i ON i.id = t.image_id WHERE t.repository_id = $1 AND i.digest = $2 \
        AND t.fresh = 1";
    /// What everything has.
    SUM_TOTALS = "SELECT CAST(COALESCE(SUM(critical), 0) AS BIGINT), CAST(COALESCE(SUM(high), 0) AS BIGINT), \
        CAST(COALESCE(SUM(medium), 0) AS BIGINT), CAST(COALESCE(SUM(low), 0) AS BIGINT), \
        CAST(COALESCE(SUM(negligible), 0) AS BIGINT), CAST(COALESCE(SUM(unknown), 0) AS BIGINT), \
        CAST(COALESCE(SUM(exploited), 0) AS BIGINT), CAST(COALESCE(SUM(mendable), 0) AS BIGINT), \
        CAST(COALESCE(SUM(suppressed), 0) AS BIGINT) FROM finding_totals WHERE tagged BETWEEN $1 AND $2";
    /// What some repositories have.
    SUM_TOTALS_OF = "SELECT CAST(COALESCE(SUM(critical), 0) AS BIGINT), CAST(COALESCE(SUM(high), 0) AS BIGINT), \
        CAST(COALESCE(SUM(medium), 0) AS BIGINT), CAST(COALESCE(SUM(low), 0) AS BIGINT), \
        CAST(COALESCE(SUM(negligible), 0) AS BIGINT), CAST(COALESCE(SUM(unknown), 0) AS BIGINT), \
        CAST(COALESCE(SUM(exploited), 0) AS BIGINT), CAST(COALESCE(SUM(mendable), 0) AS BIGINT), \
        CAST(COALESCE(SUM(suppressed), 0) AS BIGINT) FROM finding_totals WHERE tagged BETWEEN $1 AND $2 \
        AND repository_id IN {list}";
}

/// How many findings count, by severity, and how many do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Critical ones.
    pub critical: u64,
    /// High ones.
    pub high: u64,
    /// Medium ones.
    pub medium: u64,
    /// Low ones.
    pub low: u64,
    /// Those of no consequence.
    pub negligible: u64,
    /// Those whose severity nobody states.
    pub unknown: u64,
    /// Of all of these, those that are known to be used in attacks.
    pub exploited: u64,
    /// Of all of these, those that an upgrade mends.
    pub mendable: u64,
    /// Those that do not count.
    pub suppressed: u64,
}

impl Totals {
    /// Returns how many count.
    pub fn open(&self) -> u64 {
        self.critical + self.high + self.medium + self.low + self.negligible + self.unknown
    }

    fn add(&mut self, other: Self) {
        for (sum, part) in self.parts_mut().into_iter().zip(other.parts()) {
            *sum += part;
        }
    }

    fn parts(self) -> [u64; 9] {
        let Self { critical, high, medium, low, negligible, unknown, exploited, mendable, suppressed } = self;
        [critical, high, medium, low, negligible, unknown, exploited, mendable, suppressed]
    }

    fn parts_mut(&mut self) -> [&mut u64; 9] {
        let Self { critical, high, medium, low, negligible, unknown, exploited, mendable, suppressed } = self;
        [critical, high, medium, low, negligible, unknown, exploited, mendable, suppressed]
    }

    fn of_row(row: &Row) -> Result<Self, db::Error> {
        let mut totals = Self::default();
        for (at, part) in totals.parts_mut().into_iter().enumerate() {
            *part = u64::try_from(row.get::<i64>(at)?).unwrap_or(0);
        }
        Ok(totals)
    }
}

/// Orders the job that counts what is to be counted. It is one for all who order it: several would count the same images and be in each
/// other's way.
pub(crate) async fn order_counting(pipeline: &Pipeline) -> Result<(), db::Error> {
    let hub = pipeline.inner.registry.database();
    hub.write(|tx| Box::pin(async move { enqueue(tx, &NewJob::single(COUNT)).await.map(drop) })).await
}

impl Pipeline {
    /// Counts every image that is to be counted.
    pub(crate) async fn run_count(&self, context: &Context) -> Result<Outcome, JobError> {
        let (mut counted, mut kept) = (0, Kept::Yes);
        while !context.is_canceled() && kept != Kept::Not {
            let _not_matching = self.inner.matching.read().await;
            let rows = self
                .inner
                .index
                .read(|tx| Box::pin(async move { tx.query(&LIST_STALE, &[COUNTED_IN_STEP.into()]).await }))
                .await?;
            if rows.is_empty() {
                break;
            }
            kept = count_rows(self, &rows).await?;
            counted += rows.len();
            context.progress(&format!("{counted} images counted"));
        }
        scans::state_facts(self).await?;
        // Another hub of this installation has the database already; this one takes it soon.
        let is_matched = self.match_state().await.map_err(|error| JobError::retry(&error))?.is_some();
        Ok(if kept == Kept::Not && is_matched { Outcome::Again(WAIT) } else { Outcome::Done })
    }
}

/// Counts one image, wherever it is to be counted.
pub(super) async fn count_image(pipeline: &Pipeline, image: i64) -> Result<(), JobError> {
    loop {
        let rows = pipeline
            .inner
            .index
            .read(move |tx| Box::pin(async move { tx.query(&LIST_STALE_OF_IMAGE, &[image.into()]).await }))
            .await?;
        if rows.is_empty() || count_rows(pipeline, &rows).await? == Kept::Not {
            return scans::state_facts(pipeline).await;
        }
    }
}

/// Whether what was counted is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Yes,
    /// What it was counted by took another's place meanwhile; it is counted again at once.
    Again,
    /// Another database of advisories took over, and whoever has that counts.
    Not,
}

/// An image in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Counted {
    repository: i64,
    image: i64,
}

async fn count_rows(pipeline: &Pipeline, rows: &[Row]) -> Result<Kept, JobError> {
    let mut all = BTreeSet::new();
    for row in rows {
        all.insert(Counted { repository: row.get(0)?, image: row.get(1)? });
    }
    let repositories = all.iter().map(|counted| counted.repository).collect();
    let mut beside = list_beside(pipeline, &all).await?;
    let deciding = pipeline.deciding(&repositories).await.map_err(|error| JobError::retry(&error))?;
    let deciding = Arc::new(deciding);
    let is_decided = |counted: &Counted| {
        let (of_all, of_it) = (deciding.repositories.get(&counted.repository), beside.contains_key(counted));
        of_all.is_some_and(|(_, composed)| of_it || composed.is_some())
    };
    let (decided, plain): (Vec<Counted>, Vec<Counted>) = all.into_iter().partition(is_decided);
    let kept = count_plain(pipeline, &deciding, plain).await?;
    if kept != Kept::Yes || decided.is_empty() {
        return Ok(kept);
    }
    let Some(advisories) = pipeline.advisories() else { return Ok(Kept::Not) };
    for counted in decided {
        let beside = beside.remove(&counted).unwrap_or_default();
        let kept = count_decided(pipeline, &advisories, &deciding, (counted, beside)).await?;
        if kept != Kept::Yes {
            return Ok(kept);
        }
    }
    Ok(Kept::Yes)
}

/// Returns the documents that lie beside images and count for them, by the numbers of their rows.
async fn list_beside(pipeline: &Pipeline, all: &BTreeSet<Counted>) -> Result<BTreeMap<Counted, Vec<i64>>, db::Error> {
    let images: BTreeSet<i64> = all.iter().map(|counted| counted.image).collect();
    let list: Vec<Value> = images.into_iter().map(Value::from).collect();
    let rows = pipeline
        .inner
        .index
        .read(move |tx| Box::pin(async move { tx.query_list(&LIST_BESIDE_OF, &[], &list).await }))
        .await?;
    let mut beside: BTreeMap<Counted, Vec<i64>> = BTreeMap::new();
    for row in rows {
        beside.entry(Counted { repository: row.get(0)?, image: row.get(1)? }).or_default().push(row.get(2)?);
    }
    Ok(beside)
}

/// Tells whether an image is to be counted by these documents beside it, and no others.
async fn is_by(tx: &mut Tx, Counted { repository, image }: Counted, beside: &[i64]) -> Result<bool, db::Error> {
    let rows = tx.query(&LIST_BESIDE_OF_IMAGE, &[repository.into(), image.into()]).await?;
    let now = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<i64>, _>>()?;
    Ok(now == beside)
}

/// Counts images about which nobody decides anything.
async fn count_plain(pipeline: &Pipeline, deciding: &Arc<Deciding>, plain: Vec<Counted>) -> Result<Kept, JobError> {
    let (deciding, plain) = (Arc::clone(deciding), Arc::new(plain));
    let kept = pipeline.inner.index.write(move |tx| {
        let (deciding, plain) = (Arc::clone(&deciding), Arc::clone(&plain));
        Box::pin(async move {
            if !deciding.stamp.holds(tx).await? {
                return Ok(Kept::Again);
            }
            for counted in plain.iter() {
                if deciding.repositories.contains_key(&counted.repository) && !is_by(tx, *counted, &[]).await? {
                    return Ok(Kept::Again);
                }
            }
            keep_plain(tx, &plain).await?;
            Ok::<_, db::Error>(Kept::Yes)
        })
    });
    Ok(kept.await?)
}

async fn keep_plain(tx: &mut Tx, plain: &[Counted]) -> Result<(), db::Error> {
    let mut images: BTreeMap<i64, Vec<Had>> = plain.iter().map(|counted| (counted.image, Vec::new())).collect();
    let list = images.keys().map(|image| (*image).into()).collect::<Vec<Value>>();
    for row in tx.query_list(&LIST_FINDINGS_OF_IMAGES, &[], &list).await? {
        images.entry(row.get(6)?).or_default().push(Had::of_row(&row)?);
    }
    let owned = owned_in_images(tx, &list).await?;
    let (mut by_themselves, mut decided) = (BTreeMap::new(), BTreeMap::new());
    for (image, had) in images {
        let (totals, decisions) = count(&had, owned.get(&image), &Decisions::new());
        by_themselves.insert(image, (had, totals));
        decided.insert(image, decisions);
    }
    scans::note(tx, &by_themselves).await?;
    let mut repositories: BTreeMap<i64, BTreeMap<i64, &Decisions>> = BTreeMap::new();
    for counted in plain {
        let Some((_, totals)) = by_themselves.get(&counted.image) else { continue };
        if set_totals(tx, *counted, *totals).await? {
            let of_repository = repositories.entry(counted.repository).or_default();
            of_repository.extend(decided.get(&counted.image).map(|decisions| (counted.image, decisions)));
        }
    }
    for (repository, decided) in &repositories {
        decisions::replace(tx, *repository, decided).await?;
    }
    Ok(())
}

/// Decides about the findings of an image aside, and keeps that with what it comes to.
async fn count_decided(
    pipeline: &Pipeline,
    advisories: &Arc<Advisories>,
    deciding: &Arc<Deciding>,
    (counted, beside): (Counted, Vec<i64>),
) -> Result<Kept, JobError> {
    let image = counted.image;
    let loaded =
        pipeline.load_beside(&beside, deciding.trust.clone()).await.map_err(|error| JobError::retry(&error))?;
    let found = pipeline.inner.index.read(move |tx| {
        Box::pin(async move {
            let made: Option<i64> = tx.find(&FIND_MADE, &[image.into()]).await?.map(|row| row.get(0)).transpose()?;
            let body: Option<Vec<u8>> =
                tx.find(&FIND_BODY, &[image.into()]).await?.map(|row| row.get(0)).transpose()?;
            Ok::<_, db::Error>((made, body))
        })
    });
    let (made, body) = found.await?;
    let (shared, by) = (Arc::clone(advisories), Arc::clone(deciding));
    let verdicts = aside(move || {
        let inventory = body.and_then(|body| unpack(&body));
        match (inventory, by.repositories.get(&counted.repository)) {
            (Some(inventory), Some((name, composed))) => {
                let none = Composed::default();
                let deciders = (composed.as_deref().unwrap_or(&none), loaded.as_ref());
                decided::verdicts(&shared.database, &inventory, deciders, name, by.stamp.now_us)
            }
            _ => Ok(Verdicts::new()),
        }
    });
    let verdicts = Arc::new(verdicts.await?.map_err(|error| JobError::retry(&error))?);
    let (deciding, sha256) = (Arc::clone(deciding), advisories.sha256.clone());
    let kept = pipeline.inner.index.write(move |tx| {
        let (deciding, sha256, verdicts) = (Arc::clone(&deciding), sha256.clone(), Arc::clone(&verdicts));
        let beside = beside.clone();
        Box::pin(async move {
            if !state::find(tx).await?.is_some_and(|state| state.is_by(&sha256)) {
                return Ok(Kept::Not);
            }
            let made_now: Option<i64> =
                tx.find(&FIND_MADE, &[image.into()]).await?.map(|row| row.get(0)).transpose()?;
            if made_now != made || !deciding.stamp.holds(tx).await? || !is_by(tx, counted, &beside).await? {
                return Ok(Kept::Again);
            }
            keep_decided(tx, counted, &verdicts).await?;
            Ok::<_, db::Error>(Kept::Yes)
        })
    });
    Ok(kept.await?)
}

async fn keep_decided(tx: &mut Tx, counted: Counted, verdicts: &Verdicts) -> Result<(), db::Error> {
    let Counted { repository, image } = counted;
    let (mut had, mut by_number) = (Vec::new(), Decisions::new());
    for row in tx.query(&LIST_NAMED_FINDINGS_OF_IMAGE, &[image.into()]).await? {
        let one = Had::of_row(&row)?;
        if let Some(verdict) = verdicts.get(&(row.get::<String>(6)?, row.get::<String>(7)?)) {
            by_number.insert((one.component, one.vulnerability), *verdict);
        }
        had.push(one);
    }
    let owned = owned_in_images(tx, &[image.into()]).await?;
    let (totals, decisions) = count(&had, owned.get(&image), &by_number);
    let (by_itself, _) = count(&had, owned.get(&image), &Decisions::new());
    scans::note(tx, &BTreeMap::from([(image, (had, by_itself))])).await?;
    if set_totals(tx, counted, totals).await? {
        decisions::replace(tx, repository, &BTreeMap::from([(image, &decisions)])).await?;
    }
    Ok(())
}

/// Keeps what was counted. Tells whether the repository still has the image: nothing is decided about what went meanwhile.
async fn set_totals(tx: &mut Tx, counted: Counted, totals: Totals) -> Result<bool, db::Error> {
    let mut parameters: Vec<Value> = vec![counted.repository.into(), counted.image.into()];
    parameters.extend(totals.parts().map(|part| Value::from(i64::try_from(part).unwrap_or(i64::MAX))));
    Ok(tx.execute(&SET_TOTALS, &parameters).await? > 0)
}

/// A finding of an image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Had {
    pub(super) component: i64,
    pub(super) vulnerability: i64,
    /// Whether it counts by itself, as a number.
    pub(super) suppressed: i64,
    level: i64,
    is_mendable: bool,
    is_exploited: bool,
}

impl Had {
    /// Reads a row that begins with component, vulnerability, level, version that mends it, whether it counts and whether it is exploited.
    fn of_row(row: &Row) -> Result<Self, db::Error> {
        Ok(Self {
            component: row.get(0)?,
            vulnerability: row.get(1)?,
            level: row.get(2)?,
            is_mendable: row.get::<Option<String>>(3)?.is_some(),
            suppressed: row.get(4)?,
            is_exploited: row.get::<i64>(5)? != 0,
        })
    }
}

/// Counts the findings of an image by what is decided about them, and returns that with what its distribution answers for.
fn count(had: &[Had], owned: Option<&BTreeSet<(i64, i64)>>, decided: &Decisions) -> (Totals, Decisions) {
    let (mut totals, mut decisions) = (Totals::default(), Decisions::new());
    for one in had {
        let pair = (one.component, one.vulnerability);
        let is_denied = one.suppressed != COUNTS;
        let answered = (!is_denied && owned.is_some_and(|owned| owned.contains(&pair))).then_some(ANSWERED);
        let verdict = decided.get(&pair).copied().or(answered);
        decisions.extend(verdict.map(|verdict| (pair, verdict)));
        if verdict.map_or(is_denied, |verdict| verdict != COUNTED) {
            totals.suppressed += 1;
            continue;
        }
        let of_level = match one.level {
            5 => &mut totals.critical,
            4 => &mut totals.high,
            3 => &mut totals.medium,
            2 => &mut totals.low,
            1 => &mut totals.negligible,
            _ => &mut totals.unknown,
        };
        *of_level += 1;
        totals.mendable += u64::from(one.is_mendable);
        totals.exploited += u64::from(one.is_exploited);
    }
    (totals, decisions)
}

/// Returns the findings of images that their distribution answers for: by everything that installed the component there.
async fn owned_in_images(tx: &mut Tx, images: &[Value]) -> Result<BTreeMap<i64, BTreeSet<(i64, i64)>>, db::Error> {
    let mut owners: BTreeMap<(i64, i64), BTreeSet<i64>> = BTreeMap::new();
    let mut spoken: BTreeMap<(i64, i64, i64), BTreeSet<i64>> = BTreeMap::new();
    for row in tx.query_list(&LIST_OWNED_IN_IMAGES, &[], images).await? {
        let (image, component, owner): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        owners.entry((image, component)).or_default().insert(owner);
        if let Some(vulnerability) = row.get::<Option<i64>>(3)? {
            spoken.entry((image, component, vulnerability)).or_default().insert(owner);
        }
    }
    let mut owned: BTreeMap<i64, BTreeSet<(i64, i64)>> = BTreeMap::new();
    for ((image, component, vulnerability), by) in spoken {
        if owners.get(&(image, component)) == Some(&by) {
            owned.entry(image).or_default().insert((component, vulnerability));
        }
    }
    Ok(owned)
}

impl Pipeline {
    /// Returns what an image has in a repository; none while it is being counted, or matched for the first time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn totals_of(&self, repository: registry::RepositoryId, image: Digest) -> Result<Option<Totals>, Error> {
        let found = self.inner.index.read(move |tx| {
            Box::pin(async move { tx.find(&FIND_TOTALS, &[repository.number().into(), image.to_bytes().into()]).await })
        });
        Ok(found.await?.map(|row| Totals::of_row(&row)).transpose()?)
    }

    /// Returns what all images have that the caller may read, tagged or not, each as often as a repository holds it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn totals(&self, readable: &Readable, tagged: Tagged) -> Result<Totals, Error> {
        let list: Option<Vec<Value>> = match readable {
            Readable::All => None,
            Readable::Repositories(repositories) => Some(repositories.iter().map(|id| id.number().into()).collect()),
        };
        let bounds = tagged.placement_bounds();
        let rows = self.inner.index.read(move |tx| {
            Box::pin(async move {
                match list {
                    None => tx.query(&SUM_TOTALS, &bounds).await,
                    Some(list) => tx.query_list(&SUM_TOTALS_OF, &bounds, &list).await,
                }
            })
        });
        let mut totals = Totals::default();
        for row in rows.await? {
            totals.add(Totals::of_row(&row)?);
        }
        Ok(totals)
    }
}

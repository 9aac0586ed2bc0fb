//! How many findings an image has in a repository.

use std::collections::{BTreeMap, BTreeSet};

use db::{Row, Tx, Value};
use ledger::jobs::{Context, JobError};
use oci::Digest;
use serde::{Deserialize, Serialize};

use super::keep::COUNTS;
use crate::Readable;
use crate::pipeline::{Error, Pipeline};

/// Images that are counted by one write.
const COUNTED_IN_WRITE: i64 = 16;

db::statements! {
    /// Images to count.
    LIST_STALE = "SELECT repository_id, image_id FROM finding_totals WHERE fresh = 0 ORDER BY repository_id, image_id LIMIT $1";
    /// Where an image is to be counted.
    LIST_STALE_OF_IMAGE = "SELECT repository_id, image_id FROM finding_totals WHERE image_id = $1 AND fresh = 0";
    /// What an image has.
    LIST_FINDINGS_OF_IMAGE = "SELECT f.component_id, f.vulnerability_id, f.level, f.fixed, f.suppressed, v.exploited, f.nature \
        FROM inventory_image_components h JOIN findings f ON f.component_id = h.component_id \
        JOIN finding_vulnerabilities v ON v.id = f.vulnerability_id WHERE h.image_id = $1";
    /// What the distribution answers for in an image, by component, owner and vulnerability.
    LIST_OWNED_IN_IMAGE = "SELECT w.component_id, w.owner_id, o.vulnerability_id FROM inventory_owners w \
        LEFT JOIN finding_owned o ON o.component_id = w.component_id AND o.owner_id = w.owner_id WHERE w.image_id = $1";
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
        CAST(COALESCE(SUM(suppressed), 0) AS BIGINT) FROM finding_totals";
    /// What some repositories have.
    SUM_TOTALS_OF = "SELECT CAST(COALESCE(SUM(critical), 0) AS BIGINT), CAST(COALESCE(SUM(high), 0) AS BIGINT), \
        CAST(COALESCE(SUM(medium), 0) AS BIGINT), CAST(COALESCE(SUM(low), 0) AS BIGINT), \
        CAST(COALESCE(SUM(negligible), 0) AS BIGINT), CAST(COALESCE(SUM(unknown), 0) AS BIGINT), \
        CAST(COALESCE(SUM(exploited), 0) AS BIGINT), CAST(COALESCE(SUM(mendable), 0) AS BIGINT), \
        CAST(COALESCE(SUM(suppressed), 0) AS BIGINT) FROM finding_totals WHERE repository_id IN {list}";
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

/// Counts every image that is to be counted.
pub(super) async fn count_stale(pipeline: &Pipeline, context: &Context) -> Result<(), JobError> {
    let mut counted = 0;
    while !context.is_canceled() {
        let some = pipeline.inner.index.write(|tx| {
            Box::pin(async move {
                let rows = tx.query(&LIST_STALE, &[COUNTED_IN_WRITE.into()]).await?;
                count_rows(tx, &rows).await
            })
        });
        let some = some.await?;
        if some == 0 {
            break;
        }
        counted += some;
        context.progress(&format!("{counted} images counted"));
    }
    Ok(())
}

/// Counts one image, wherever it is to be counted.
pub(super) async fn count_image(pipeline: &Pipeline, image: i64) -> Result<(), JobError> {
    let counted = pipeline.inner.index.write(move |tx| {
        Box::pin(async move {
            let rows = tx.query(&LIST_STALE_OF_IMAGE, &[image.into()]).await?;
            count_rows(tx, &rows).await
        })
    });
    counted.await?;
    Ok(())
}

async fn count_rows(tx: &mut Tx, rows: &[Row]) -> Result<usize, db::Error> {
    let mut counted: BTreeMap<i64, Totals> = BTreeMap::new();
    for row in rows {
        let (repository, image): (i64, i64) = (row.get(0)?, row.get(1)?);
        let totals = match counted.get(&image) {
            Some(totals) => *totals,
            None => count(tx, image).await?,
        };
        counted.insert(image, totals);
        let mut parameters: Vec<Value> = vec![repository.into(), image.into()];
        parameters.extend(totals.parts().map(|part| Value::from(i64::try_from(part).unwrap_or(i64::MAX))));
        tx.execute(&SET_TOTALS, &parameters).await?;
    }
    Ok(rows.len())
}

async fn count(tx: &mut Tx, image: i64) -> Result<Totals, db::Error> {
    let owned = owned_in_image(tx, image).await?;
    let mut totals = Totals::default();
    for row in tx.query(&LIST_FINDINGS_OF_IMAGE, &[image.into()]).await? {
        let (component, vulnerability): (i64, i64) = (row.get(0)?, row.get(1)?);
        let is_suppressed = row.get::<i64>(4)? != COUNTS || owned.contains(&(component, vulnerability));
        if is_suppressed {
            totals.suppressed += 1;
            continue;
        }
        let of_level = match row.get::<i64>(2)? {
            5 => &mut totals.critical,
            4 => &mut totals.high,
            3 => &mut totals.medium,
            2 => &mut totals.low,
            1 => &mut totals.negligible,
            _ => &mut totals.unknown,
        };
        *of_level += 1;
        totals.mendable += u64::from(row.get::<Option<String>>(3)?.is_some());
        totals.exploited += u64::from(row.get::<i64>(5)? != 0);
    }
    Ok(totals)
}

/// Returns the findings of an image that its distribution answers for: by everything that installed the component there.
async fn owned_in_image(tx: &mut Tx, image: i64) -> Result<BTreeSet<(i64, i64)>, db::Error> {
    let mut owners: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    let mut spoken: BTreeMap<(i64, i64), BTreeSet<i64>> = BTreeMap::new();
    for row in tx.query(&LIST_OWNED_IN_IMAGE, &[image.into()]).await? {
        let (component, owner): (i64, i64) = (row.get(0)?, row.get(1)?);
        owners.entry(component).or_default().insert(owner);
        if let Some(vulnerability) = row.get::<Option<i64>>(2)? {
            spoken.entry((component, vulnerability)).or_default().insert(owner);
        }
    }
    spoken.retain(|(component, _), by| owners.get(component) == Some(by));
    Ok(spoken.into_keys().collect())
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

    /// Returns what all images have that the caller may read, each as often as a repository holds it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn totals(&self, readable: &Readable) -> Result<Totals, Error> {
        let list: Option<Vec<Value>> = match readable {
            Readable::All => None,
            Readable::Repositories(repositories) => Some(repositories.iter().map(|id| id.number().into()).collect()),
        };
        let rows = self.inner.index.read(move |tx| {
            Box::pin(async move {
                match list {
                    None => tx.query(&SUM_TOTALS, &[]).await,
                    Some(list) => tx.query_list(&SUM_TOTALS_OF, &[], &list).await,
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

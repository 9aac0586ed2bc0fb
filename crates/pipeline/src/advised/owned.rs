//! Of a package of a language that a package of the distribution installed, the distribution speaks: what it says anything of is told
//! with its own package.

use std::collections::BTreeSet;
use std::sync::Arc;

use db::{Row, Value};
use ledger::jobs::{Context, JobError};
use vulndb::matching;

use super::advisories::Advisories;
use super::state;
use super::subject::Subject;
use crate::pipeline::Pipeline;
use ledger::aside::aside;

/// Pairs that are looked at at once.
const PAIRS_IN_STEP: i64 = 64;

db::statements! {
    /// Pairs to look at, after one.
    LIST_PAIRS = "SELECT p.component_id, p.owner_id, c.subject, o.subject FROM finding_pairs p \
        JOIN inventory_components c ON c.id = p.component_id JOIN inventory_components o ON o.id = p.owner_id \
        WHERE p.fresh = 0 ORDER BY p.component_id LIMIT $1";
    /// Pairs of an image to look at.
    LIST_PAIRS_OF_IMAGE = "SELECT p.component_id, p.owner_id, c.subject, o.subject FROM inventory_owners w \
        JOIN finding_pairs p ON p.component_id = w.component_id AND p.owner_id = w.owner_id \
        JOIN inventory_components c ON c.id = p.component_id JOIN inventory_components o ON o.id = p.owner_id \
        WHERE w.image_id = $1 AND p.fresh = 0 LIMIT $2";
    /// What a component has.
    LIST_NAMES = "SELECT f.vulnerability_id, v.name FROM findings f JOIN finding_vulnerabilities v ON v.id = f.vulnerability_id \
        WHERE f.component_id = $1";
    /// What the distribution answers for.
    LIST_OWNED = "SELECT vulnerability_id FROM finding_owned WHERE component_id = $1 AND owner_id = $2";
    /// Forgets what the distribution answers for.
    DELETE_OWNED = "DELETE FROM finding_owned WHERE component_id = $1 AND owner_id = $2";
    /// Says what the distribution answers for.
    INSERT_OWNED = "INSERT INTO finding_owned (component_id, owner_id, vulnerability_id) VALUES {rows:3} \
        ON CONFLICT (component_id, owner_id, vulnerability_id) DO NOTHING";
    /// Notes that a pair was looked at, unless it is gone.
    SET_PAIR_FRESH = "UPDATE finding_pairs SET fresh = 1 WHERE component_id = $1 AND owner_id = $2";
    /// Has the images counted again that hold a pair.
    STALE_TOTALS_OF_PAIR = "UPDATE finding_totals SET fresh = 0 WHERE fresh = 1 AND image_id IN \
        (SELECT image_id FROM inventory_owners WHERE component_id = $1 AND owner_id = $2)";
}

/// A pair with the vulnerabilities that the distribution speaks of for its second.
struct Spoken {
    component: i64,
    owner: i64,
    names: BTreeSet<String>,
}

/// Looks at every pair that is to be looked at.
pub(super) async fn match_pairs(
    pipeline: &Pipeline,
    advisories: &Arc<Advisories>,
    context: &Context,
) -> Result<(), JobError> {
    while !context.is_canceled() {
        let rows = pipeline
            .inner
            .index
            .read(|tx| Box::pin(async move { tx.query(&LIST_PAIRS, &[PAIRS_IN_STEP.into()]).await }))
            .await?;
        if rows.is_empty() || !keep(pipeline, advisories, &rows).await? {
            break;
        }
    }
    Ok(())
}

/// Looks at the pairs of an image that are to be looked at.
pub(super) async fn match_pairs_of_image(
    pipeline: &Pipeline,
    advisories: &Arc<Advisories>,
    image: i64,
) -> Result<(), JobError> {
    loop {
        let rows = pipeline
            .inner
            .index
            .read(move |tx| {
                Box::pin(async move { tx.query(&LIST_PAIRS_OF_IMAGE, &[image.into(), PAIRS_IN_STEP.into()]).await })
            })
            .await?;
        if rows.is_empty() || !keep(pipeline, advisories, &rows).await? {
            return Ok(());
        }
    }
}

/// Finds out what the distribution answers for and keeps it; nothing, once another database took over.
async fn keep(pipeline: &Pipeline, advisories: &Arc<Advisories>, rows: &[Row]) -> Result<bool, JobError> {
    let mut pairs = Vec::with_capacity(rows.len());
    for row in rows {
        let subject =
            |at| Ok::<_, db::Error>(row.get::<Option<Vec<u8>>>(at)?.and_then(|bytes| Subject::from_bytes(&bytes)));
        pairs.push((row.get::<i64>(0)?, row.get::<i64>(1)?, subject(3)?));
    }
    let shared = Arc::clone(advisories);
    let spoken = aside(move || {
        let mut all = Vec::with_capacity(pairs.len());
        for (component, owner, subject) in pairs {
            let mut names = BTreeSet::new();
            if let Some(subject) = subject {
                let distribution = subject.distribution.as_ref();
                for index in matching::spoken_of(&shared.database, &subject.component, distribution)? {
                    names.insert(shared.database.vulnerability(index)?.name.to_owned());
                }
            }
            all.push(Spoken { component, owner, names });
        }
        Ok::<_, vulndb::file::Corrupt>(all)
    });
    let spoken = Arc::new(spoken.await?.map_err(|error| JobError::retry(&error))?);
    let sha256 = advisories.sha256.clone();
    let kept = pipeline.inner.index.write(move |tx| {
        let (spoken, sha256) = (Arc::clone(&spoken), sha256.clone());
        Box::pin(async move {
            if !state::find(tx).await?.is_some_and(|state| state.is_by(&sha256)) {
                return Ok(false);
            }
            for pair in spoken.iter() {
                keep_pair(tx, pair).await?;
            }
            Ok::<_, db::Error>(true)
        })
    });
    Ok(kept.await?)
}

async fn keep_pair(tx: &mut db::Tx, Spoken { component, owner, names }: &Spoken) -> Result<(), db::Error> {
    let pair: [Value; 2] = [(*component).into(), (*owner).into()];
    if tx.execute(&SET_PAIR_FRESH, &pair).await? == 0 {
        return Ok(());
    }
    let mut owned = BTreeSet::new();
    for row in tx.query(&LIST_NAMES, &[(*component).into()]).await? {
        if names.contains(&row.get::<String>(1)?) {
            owned.insert(row.get::<i64>(0)?);
        }
    }
    let mut before = BTreeSet::new();
    for row in tx.query(&LIST_OWNED, &pair).await? {
        before.insert(row.get::<i64>(0)?);
    }
    if owned != before {
        tx.execute(&DELETE_OWNED, &pair).await?;
        let rows: Vec<Vec<Value>> =
            owned.iter().map(|id| vec![(*component).into(), (*owner).into(), (*id).into()]).collect();
        tx.execute_rows(&INSERT_OWNED, &[], &rows).await?;
        tx.execute(&STALE_TOTALS_OF_PAIR, &pair).await?;
    }
    Ok(())
}

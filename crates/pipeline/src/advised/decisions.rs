//! What is decided about the findings of an image in a repository, as rows: only where that is not what holds of a component everywhere.

use std::collections::{BTreeMap, BTreeSet};

use db::{Tx, Value};

use super::keep::recount_all;
use crate::decided::COUNTED;

db::statements! {
    /// What counts in images by the word of VEX.
    LIST_COUNTED_IN = "SELECT image_id, component_id, vulnerability_id FROM finding_decisions WHERE repository_id = $1 \
        AND image_id IN {list} AND verdict = 3";
    /// Forgets what was decided about images in a repository.
    DELETE_DECISIONS = "DELETE FROM finding_decisions WHERE repository_id = $1 AND image_id IN {list}";
    /// Keeps what is decided.
    INSERT_DECISIONS = "INSERT INTO finding_decisions (repository_id, image_id, component_id, vulnerability_id, verdict) \
        VALUES {rows:5}";
}

/// Verdicts by component and vulnerability.
pub(super) type Decisions = BTreeMap<(i64, i64), i64>;

/// Keeps what is decided about images in a repository, in the place of what was. What counts by the word of VEX alone is in the sums of
/// its vulnerability, so these are brought up to date.
pub(super) async fn replace(
    tx: &mut Tx,
    repository: i64,
    decided: &BTreeMap<i64, &Decisions>,
) -> Result<(), db::Error> {
    let images: Vec<Value> = decided.keys().map(|image| (*image).into()).collect();
    let mut changed: BTreeSet<(i64, (i64, i64))> = BTreeSet::new();
    for row in tx.query_list(&LIST_COUNTED_IN, &[repository.into()], &images).await? {
        changed.insert((row.get(0)?, (row.get(1)?, row.get(2)?)));
    }
    let mut rows = Vec::new();
    for (image, decisions) in decided {
        for (pair, verdict) in *decisions {
            if *verdict == COUNTED && !changed.remove(&(*image, *pair)) {
                changed.insert((*image, *pair));
            }
            let (component, vulnerability) = *pair;
            let row: [i64; 5] = [repository, *image, component, vulnerability, *verdict];
            rows.push(row.map(Value::from).to_vec());
        }
    }
    tx.execute_list(&DELETE_DECISIONS, &[repository.into()], &images).await?;
    tx.execute_rows(&INSERT_DECISIONS, &[], &rows).await?;
    recount_all(tx, changed.into_iter().map(|(_, (_, vulnerability))| vulnerability).collect()).await
}

/// Forgets what was decided about an image that a repository no longer holds.
pub(crate) async fn forget_decisions(tx: &mut Tx, repository: i64, image: i64) -> Result<(), db::Error> {
    replace(tx, repository, &BTreeMap::from([(image, &Decisions::new())])).await
}

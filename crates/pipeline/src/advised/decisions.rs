//! What is decided about the findings of an image in a repository, as rows: only where that is not what holds of a component everywhere.

use std::collections::{BTreeMap, BTreeSet};

use db::{Tx, Value};

use super::keep::recount_all;
use crate::decided::COUNTED;

db::statements! {
    /// What counts in an image by the word of VEX.
    LIST_COUNTED_IN = "SELECT component_id, vulnerability_id FROM finding_decisions WHERE repository_id = $1 AND image_id = $2 \
        AND verdict = 3";
    /// Forgets what was decided about an image in a repository.
    DELETE_DECISIONS = "DELETE FROM finding_decisions WHERE repository_id = $1 AND image_id = $2";
    /// Keeps what is decided.
    INSERT_DECISIONS = "INSERT INTO finding_decisions (repository_id, image_id, component_id, vulnerability_id, verdict) \
        VALUES {rows:5}";
}

/// Verdicts by component and vulnerability.
pub(super) type Decisions = BTreeMap<(i64, i64), i64>;

/// Keeps what is decided about an image in a repository, in the place of what was. What counts by the word of VEX alone is in the sums of
/// its vulnerability, so these are brought up to date.
pub(super) async fn replace(
    tx: &mut Tx,
    (repository, image): (i64, i64),
    decisions: &Decisions,
) -> Result<(), db::Error> {
    let mut changed = BTreeSet::new();
    for row in tx.query(&LIST_COUNTED_IN, &[repository.into(), image.into()]).await? {
        changed.insert((row.get::<i64>(0)?, row.get::<i64>(1)?));
    }
    for (pair, verdict) in decisions {
        if *verdict == COUNTED && !changed.remove(pair) {
            changed.insert(*pair);
        }
    }
    tx.execute(&DELETE_DECISIONS, &[repository.into(), image.into()]).await?;
    let row = |((component, vulnerability), verdict): (&(i64, i64), &i64)| {
        vec![repository.into(), image.into(), (*component).into(), (*vulnerability).into(), (*verdict).into()]
    };
    let rows: Vec<Vec<Value>> = decisions.iter().map(row).collect();
    tx.execute_rows(&INSERT_DECISIONS, &[], &rows).await?;
    recount_all(tx, changed.into_iter().map(|(_, vulnerability)| vulnerability).collect()).await
}

/// Forgets what was decided about an image that a repository no longer holds.
pub(crate) async fn forget_decisions(tx: &mut Tx, repository: i64, image: i64) -> Result<(), db::Error> {
    replace(tx, (repository, image), &Decisions::new()).await
}

//! Versions of packages that no image holds any more, and what is known to be wrong with them.
//!
//! They are dropped by the sweep, so that neither the index nor the work of matching grows with everything that was ever pushed. A
//! process remembers numbers of components; that it never places one that is gone is what the epoch is for: each write that drops some
//! begins a new one, and each that places some reads it. On PostgreSQL, where both run at once, one of the two is tried again.

use std::collections::BTreeSet;
use std::sync::Arc;

use db::{Db, Tx, Value};

use crate::advised;

/// Components that are looked at by one read, and dropped by one write: each has some ten rows.
const ORPHANS_IN_STEP: i64 = 64;

db::statements! {
    /// The epoch.
    FIND_EPOCH = "SELECT epoch FROM inventory_epoch WHERE id = 1";
    /// Begins another.
    UPSERT_EPOCH = "INSERT INTO inventory_epoch (id, epoch) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET epoch = inventory_epoch.epoch + 1";
    /// Components that no image holds, after one.
    LIST_ORPHANS = "SELECT c.id FROM inventory_components c WHERE c.id > $1 AND NOT EXISTS \
        (SELECT 1 FROM inventory_image_components h WHERE h.component_id = c.id) ORDER BY c.id LIMIT $2";
    /// Of some components, those that an image holds.
    LIST_HELD_OF = "SELECT DISTINCT component_id FROM inventory_image_components WHERE component_id IN {list}";
    /// Vulnerabilities whose findings go.
    LIST_VULNERABILITIES_OF = "SELECT DISTINCT vulnerability_id FROM findings WHERE component_id IN {list}";
    /// What a distribution answered for, by pair.
    LIST_PAIRS_OF_OWNERS = "SELECT component_id, owner_id FROM finding_pairs WHERE owner_id IN {list}";
    /// Forgets what the distribution answered for.
    DELETE_OWNED_BY = "DELETE FROM finding_owned WHERE component_id = $1 AND owner_id = $2";
    /// Forgets what the distribution answered for of components.
    DELETE_OWNED_OF = "DELETE FROM finding_owned WHERE component_id IN {list}";
    /// Forgets pairs.
    DELETE_PAIRS_OF = "DELETE FROM finding_pairs WHERE component_id IN {list}";
    /// Forgets pairs.
    DELETE_PAIRS_OF_OWNERS = "DELETE FROM finding_pairs WHERE owner_id IN {list}";
    /// Forgets findings.
    DELETE_FINDINGS_OF = "DELETE FROM findings WHERE component_id IN {list}";
    /// Forgets by what packages components go.
    DELETE_PACKAGES_OF = "DELETE FROM finding_packages WHERE component_id IN {list}";
    /// Drops components.
    DELETE_COMPONENTS = "DELETE FROM inventory_components WHERE id IN {list}";
}

/// Returns in which epoch a transaction is.
pub(crate) async fn epoch(tx: &mut Tx) -> Result<i64, db::Error> {
    tx.find(&FIND_EPOCH, &[]).await?.map_or(Ok(0), |row| row.get(0))
}

/// Drops the next components after one that no image holds. Returns after which it goes on; none at the end.
pub(crate) async fn drop_some(index: &Db, after: i64) -> Result<Option<i64>, db::Error> {
    // Finding them may walk the whole index: not in a write, which holds up others.
    let rows = index.read(move |tx| {
        Box::pin(async move { tx.query(&LIST_ORPHANS, &[after.into(), ORPHANS_IN_STEP.into()]).await })
    });
    let rows = rows.await?;
    let found: Arc<BTreeSet<i64>> = Arc::new(rows.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?);
    let Some(last) = found.last().copied() else { return Ok(None) };
    index
        .write(move |tx| {
            let found = Arc::clone(&found);
            Box::pin(async move { drop_those(tx, &found).await })
        })
        .await?;
    Ok(Some(last))
}

/// Drops those of some components that no image holds.
async fn drop_those(tx: &mut Tx, found: &BTreeSet<i64>) -> Result<(), db::Error> {
    let list = |ids: &BTreeSet<i64>| -> Vec<Value> { ids.iter().copied().map(Value::from).collect() };
    let mut orphans = found.clone();
    for row in tx.query_list(&LIST_HELD_OF, &[], &list(found)).await? {
        orphans.remove(&row.get(0)?);
    }
    if orphans.is_empty() {
        return Ok(());
    }
    let orphans = list(&orphans);
    let mut vulnerabilities = BTreeSet::new();
    for row in tx.query_list(&LIST_VULNERABILITIES_OF, &[], &orphans).await? {
        vulnerabilities.insert(row.get(0)?);
    }
    for row in tx.query_list(&LIST_PAIRS_OF_OWNERS, &[], &orphans).await? {
        let pair: [Value; 2] = [row.get::<i64>(0)?.into(), row.get::<i64>(1)?.into()];
        tx.execute(&DELETE_OWNED_BY, &pair).await?;
    }
    for statement in [
        &DELETE_OWNED_OF,
        &DELETE_PAIRS_OF,
        &DELETE_PAIRS_OF_OWNERS,
        &DELETE_FINDINGS_OF,
        &DELETE_PACKAGES_OF,
        &DELETE_COMPONENTS,
    ] {
        tx.execute_list(statement, &[], &orphans).await?;
    }
    advised::recount_all(tx, vulnerabilities).await?;
    tx.execute(&UPSERT_EPOCH, &[]).await?;
    Ok(())
}

//! What an image has as a fact about its digest: one for each change of that, none because a score moved.
//!
//! What was counted is noted in the transaction that counts, and stated in the hub's tables by a step of its own: whatever stops that, what
//! is noted is stated later, once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use db::{Row, Tx, Value};
use evidence::{Claim, Fact, Scan, Scope};
use ledger::jobs::JobError;
use oci::Digest;

use super::state;
use super::totals::{Had, Totals};
use crate::facts;
use crate::index::shown;
use crate::pipeline::Pipeline;

/// Who states it, and by which tool.
const PRODUCER: &str = "hub";
const TOOL: &str = "garrison";

/// Facts that one write states.
const STATED_IN_WRITE: i64 = 100;

db::statements! {
    /// What was noted of images.
    LIST_SCANS = "SELECT image_id, findings_sha256, numbers_hash FROM finding_scans WHERE image_id IN {list}";
    /// Images with a component that waits to be matched.
    LIST_WAITING_IMAGES = "SELECT DISTINCT h.image_id FROM inventory_image_components h \
        JOIN inventory_components c ON c.id = h.component_id WHERE h.image_id IN {list} AND c.matched <> 1";
    /// What images have, by names.
    LIST_NAMES_OF_IMAGES = "SELECT h.image_id, c.identity, v.name, f.suppressed FROM inventory_image_components h \
        JOIN findings f ON f.component_id = h.component_id JOIN finding_vulnerabilities v ON v.id = f.vulnerability_id \
        JOIN inventory_components c ON c.id = f.component_id WHERE h.image_id IN {list}";
    /// Notes by which numbers the same is found.
    SET_NUMBERS = "UPDATE finding_scans SET numbers_hash = $2 WHERE image_id = $1";
    /// Notes what images have.
    UPSERT_SCANS = "INSERT INTO finding_scans (image_id, findings_sha256, database_sha256, matcher, critical, high, medium, low, \
        negligible, unknown, suppressed, at_us, numbers_hash, stated) \
        VALUES {rows:14} ON CONFLICT (image_id) DO UPDATE SET numbers_hash = excluded.numbers_hash, findings_sha256 = excluded.findings_sha256, \
        database_sha256 = excluded.database_sha256, matcher = excluded.matcher, critical = excluded.critical, \
        high = excluded.high, medium = excluded.medium, low = excluded.low, negligible = excluded.negligible, \
        unknown = excluded.unknown, suppressed = excluded.suppressed, at_us = excluded.at_us, stated = 0";
    /// What is noted and not stated.
    LIST_UNSTATED = "SELECT s.image_id, i.digest, s.findings_sha256, s.database_sha256, s.matcher, s.critical, s.high, s.medium, s.low, \
        s.negligible, s.unknown, s.suppressed, s.at_us FROM finding_scans s JOIN inventory_images i ON i.id = s.image_id \
        WHERE s.stated = 0 ORDER BY s.image_id LIMIT $1";
    /// Says that it is stated.
    SET_STATED = "UPDATE finding_scans SET stated = 1 WHERE image_id = $1 AND findings_sha256 = $2 AND at_us = $3";
}

/// Notes what images have by themselves, whatever is decided about it, where that is not what was noted before.
pub(super) async fn note(tx: &mut Tx, images: &BTreeMap<i64, (Vec<Had>, Totals)>) -> Result<(), db::Error> {
    let list: Vec<Value> = images.keys().map(|image| (*image).into()).collect();
    let mut before: BTreeMap<i64, (String, i64)> = BTreeMap::new();
    for row in tx.query_list(&LIST_SCANS, &[], &list).await? {
        before.insert(row.get(0)?, (row.get(1)?, row.get(2)?));
    }
    let mut changed = BTreeMap::new();
    for (image, (had, totals)) in images {
        let numbers_hash = hash_of_numbers(had);
        if before.get(image).is_none_or(|(_, noted)| *noted != numbers_hash) {
            changed.insert(*image, (numbers_hash, *totals));
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    let Some(state) = state::find(tx).await? else { return Ok(()) };
    // What waits is matched soon; what that changes has the image counted again.
    if state::is_waiting(tx).await? {
        let list: Vec<Value> = changed.keys().map(|image| (*image).into()).collect();
        for row in tx.query_list(&LIST_WAITING_IMAGES, &[], &list).await? {
            changed.remove(&row.get::<i64>(0)?);
        }
    }
    let list: Vec<Value> = changed.keys().map(|image| (*image).into()).collect();
    let mut lines: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    for row in tx.query_list(&LIST_NAMES_OF_IMAGES, &[], &list).await? {
        let (identity, name): (String, String) = (row.get(1)?, row.get(2)?);
        let line = format!("{} {name} {}\n", shown(&identity), row.get::<i64>(3)?);
        lines.entry(row.get(0)?).or_default().insert(line);
    }
    let now_us = tx.now_us().await?;
    let mut noted = Vec::new();
    for (image, (numbers_hash, totals)) in changed {
        let lines: String = lines.remove(&image).unwrap_or_default().into_iter().collect();
        let sha256 = hex::encode(digest(&SHA256, lines.as_bytes()));
        if before.get(&image).is_some_and(|(known, _)| *known == sha256) {
            tx.execute(&SET_NUMBERS, &[image.into(), numbers_hash.into()]).await?;
            continue;
        }
        let Totals { critical, high, medium, low, negligible, unknown, suppressed, .. } = totals;
        let mut row: Vec<Value> =
            vec![image.into(), sha256.into(), (&state.database_sha256).into(), i64::from(state.matcher).into()];
        let counts = [critical, high, medium, low, negligible, unknown, suppressed];
        row.extend(counts.map(|count| Value::from(i64::try_from(count).unwrap_or(i64::MAX))));
        row.extend([now_us.into(), numbers_hash.into(), 0_i64.into()]);
        noted.push(row);
    }
    tx.execute_rows(&UPSERT_SCANS, &[], &noted).await?;
    Ok(())
}

/// Returns a hash of what is found by the numbers that it has here, which is had without a name being read.
fn hash_of_numbers(had: &[Had]) -> i64 {
    let numbers: BTreeSet<[i64; 3]> =
        had.iter().map(|one| [one.component, one.vulnerability, one.suppressed]).collect();
    let bytes: Vec<u8> = numbers.into_iter().flatten().flat_map(i64::to_le_bytes).collect();
    digest(&SHA256, &bytes).as_ref().first_chunk::<8>().map_or(0, |first| i64::from_be_bytes(*first))
}

/// States as facts what is noted.
pub(super) async fn state_facts(pipeline: &Pipeline) -> Result<(), JobError> {
    loop {
        let rows = pipeline
            .inner
            .index
            .read(|tx| Box::pin(async move { tx.query(&LIST_UNSTATED, &[STATED_IN_WRITE.into()]).await }))
            .await?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut facts = Vec::with_capacity(rows.len());
        let mut stated: Vec<[Value; 3]> = Vec::with_capacity(rows.len());
        for row in &rows {
            let (image, sha256, at_us): (i64, String, i64) = (row.get(0)?, row.get(2)?, row.get(12)?);
            stated.push([image.into(), (&sha256).into(), at_us.into()]);
            if let Ok(subject) = Digest::from_bytes(&row.get::<Vec<u8>>(1)?) {
                facts.push(fact(row, subject)?);
            }
        }
        let facts = Arc::new(facts);
        let hub = pipeline.inner.registry.database();
        hub.write(move |tx| {
            let facts = Arc::clone(&facts);
            Box::pin(async move { facts::insert_all(tx, &facts).await })
        })
        .await?;
        let stated = Arc::new(stated);
        pipeline
            .inner
            .index
            .write(move |tx| {
                let stated = Arc::clone(&stated);
                Box::pin(async move {
                    for parameters in stated.iter() {
                        tx.execute(&SET_STATED, parameters).await?;
                    }
                    Ok::<_, db::Error>(())
                })
            })
            .await?;
    }
}

fn fact(row: &Row, subject: Digest) -> Result<Fact, db::Error> {
    Ok(Fact {
        scope: Scope::Content,
        subject,
        claim: Claim::Scan(Scan {
            critical: row.get(5)?,
            database_sha256: row.get(3)?,
            findings_sha256: row.get(2)?,
            high: row.get(6)?,
            low: row.get(8)?,
            matcher: row.get(4)?,
            medium: row.get(7)?,
            negligible: row.get(9)?,
            suppressed: row.get(11)?,
            tool: TOOL.to_owned(),
            unknown: row.get(10)?,
        }),
        producer: PRODUCER.to_owned(),
        observed_at_us: row.get(12)?,
        expires_at_us: None,
        source: None,
        withdraws: None,
    })
}

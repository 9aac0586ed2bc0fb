//! What an image has as a fact about its digest: one for each change of that, none because a score moved.
//!
//! What was counted is noted in the transaction that counts, and stated in the hub's tables by a step of its own: whatever stops that, what
//! is noted is stated later, once.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use db::{Row, Tx, Value};
use evidence::{Claim, Fact, Scan, Scope};
use ledger::jobs::JobError;
use oci::Digest;

use super::state::{self, FIND_WAITING_OF_IMAGE};
use super::totals::Totals;
use crate::facts;
use crate::index::shown;
use crate::pipeline::Pipeline;

/// Who states it, and by which tool.
const PRODUCER: &str = "hub";
const TOOL: &str = "garrison";

/// Facts that one write states.
const STATED_IN_WRITE: i64 = 100;

db::statements! {
    /// What was noted of an image.
    FIND_SCAN = "SELECT findings_sha256, numbers_hash FROM finding_scans WHERE image_id = $1";
    /// What an image has, by names.
    LIST_NAMES_OF_IMAGE = "SELECT c.identity, v.name, f.suppressed FROM inventory_image_components h \
        JOIN findings f ON f.component_id = h.component_id JOIN finding_vulnerabilities v ON v.id = f.vulnerability_id \
        JOIN inventory_components c ON c.id = f.component_id WHERE h.image_id = $1";
    /// Notes by which numbers the same is found.
    SET_NUMBERS = "UPDATE finding_scans SET numbers_hash = $2 WHERE image_id = $1";
    /// Notes what an image has.
    UPSERT_SCAN = "INSERT INTO finding_scans (image_id, findings_sha256, database_sha256, matcher, critical, high, medium, low, \
        negligible, unknown, suppressed, at_us, numbers_hash, stated) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0) \
        ON CONFLICT (image_id) DO UPDATE SET numbers_hash = excluded.numbers_hash, findings_sha256 = excluded.findings_sha256, \
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

/// Notes what an image has by itself, whatever is decided about it, where that is not what was noted before. `rows` begin with the numbers of
/// component and vulnerability, and have in their fifth column whether it counts.
pub(super) async fn note(tx: &mut Tx, image: i64, rows: &[Row], totals: Totals) -> Result<(), db::Error> {
    let before = tx.find(&FIND_SCAN, &[image.into()]).await?;
    let numbers_hash = hash_of_numbers(rows)?;
    if let Some(before) = &before
        && before.get::<i64>(1)? == numbers_hash
    {
        return Ok(());
    }
    let Some(state) = state::find(tx).await? else { return Ok(()) };
    // What waits is matched soon; what that changes has the image counted again.
    if tx.find(&FIND_WAITING_OF_IMAGE, &[image.into()]).await?.is_some() {
        return Ok(());
    }
    let mut lines = BTreeSet::new();
    for row in tx.query(&LIST_NAMES_OF_IMAGE, &[image.into()]).await? {
        let (identity, name): (String, String) = (row.get(0)?, row.get(1)?);
        lines.insert(format!("{} {name} {}\n", shown(&identity), row.get::<i64>(2)?));
    }
    let lines: String = lines.into_iter().collect();
    let sha256 = hex::encode(digest(&SHA256, lines.as_bytes()));
    let before: Option<String> = before.map(|row| row.get(0)).transpose()?;
    if before.as_ref() == Some(&sha256) {
        tx.execute(&SET_NUMBERS, &[image.into(), numbers_hash.into()]).await?;
        return Ok(());
    }
    let Totals { critical, high, medium, low, negligible, unknown, suppressed, .. } = totals;
    let mut parameters: Vec<Value> =
        vec![image.into(), sha256.into(), state.database_sha256.into(), i64::from(state.matcher).into()];
    let counts = [critical, high, medium, low, negligible, unknown, suppressed];
    parameters.extend(counts.map(|count| Value::from(i64::try_from(count).unwrap_or(i64::MAX))));
    parameters.extend([tx.now_us().await?.into(), numbers_hash.into()]);
    tx.execute(&UPSERT_SCAN, &parameters).await?;
    Ok(())
}

/// Returns a hash of what is found by the numbers that it has here, which is had without a name being read.
fn hash_of_numbers(rows: &[Row]) -> Result<i64, db::Error> {
    let mut numbers = BTreeSet::new();
    for row in rows {
        numbers.insert([row.get::<i64>(0)?, row.get::<i64>(1)?, row.get::<i64>(4)?]);
    }
    let bytes: Vec<u8> = numbers.into_iter().flatten().flat_map(i64::to_le_bytes).collect();
    Ok(digest(&SHA256, &bytes).as_ref().first_chunk::<8>().map_or(0, |first| i64::from_be_bytes(*first)))
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
            Box::pin(async move {
                for fact in facts.iter() {
                    facts::insert(tx, fact).await?;
                }
                Ok::<_, db::Error>(())
            })
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

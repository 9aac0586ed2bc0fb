//! A hub that holds a great many manifests, without the hours that pushing them takes: the rows of one manifest that was
//! pushed are made again for others, with their own bytes and digests.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use rusqlite::{Connection, Transaction};

/// The tag of the manifest whose rows are made again.
pub(crate) const PATTERN: &str = "pattern";

/// The hub's mark of a SHA-256 before its bytes.
const SHA256_MARK: u8 = 1;

/// Rows of one transaction.
const BATCH: usize = 50_000;

/// Adds `count` tagged manifests, the bodies of which `body` makes, to the database of a hub that does not run.
pub(crate) fn fill(data: &Path, count: usize, body: impl Fn(&str) -> String) -> Result<()> {
    let path = data.join("garrison.db");
    let mut database = Connection::open(&path).with_context(|| format!("failed to open `{}`", path.display()))?;
    // The hub sets its own; a fill that a power cut spoils is begun again.
    database.pragma_update(None, "synchronous", "OFF")?;
    // Digests are inserted all over the tables: they stay in memory while they grow. Negative: KiB.
    database.pragma_update(None, "cache_size", -(1 << 20))?;
    let pattern: (i64, Vec<u8>) = database
        .query_row("SELECT repository_id, digest FROM tags WHERE name = ?1", [PATTERN], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .context("the manifest to make others of was not pushed")?;
    for first in (0..count).step_by(BATCH) {
        let transaction = database.transaction()?;
        for number in first..count.min(first + BATCH) {
            let mark = format!("full-{number}");
            add(&transaction, &pattern, &mark, body(&mark).as_bytes())?;
        }
        transaction.commit()?;
    }
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    database.close().map_err(|(_, error)| error)?;
    std::fs::File::open(&path)?.sync_all()?;
    Ok(())
}

fn add(transaction: &Transaction<'_>, (repository, like): &(i64, Vec<u8>), tag: &str, body: &[u8]) -> Result<()> {
    let mut own = vec![SHA256_MARK];
    own.extend_from_slice(digest(&SHA256, body).as_ref());
    let insert = |text: &str, parameters: &[&dyn rusqlite::ToSql]| -> Result<()> {
        let rows = transaction.prepare_cached(text)?.execute(parameters)?;
        ensure!(rows > 0, "the pattern has no such row: {text}");
        Ok(())
    };
    insert("INSERT INTO manifests (digest, body) VALUES (?1, ?2)", &[&own, &body])?;
    insert(
        "INSERT INTO repository_manifests (repository_id, digest, media_type, artifact_type, subject, annotations, size_bytes, \
         pushed_at_us, pushed_by) SELECT repository_id, ?3, media_type, artifact_type, subject, annotations, ?4, \
         pushed_at_us, pushed_by FROM repository_manifests WHERE repository_id = ?1 AND digest = ?2",
        &[repository, like, &own, &i64::try_from(body.len())?],
    )?;
    insert(
        "INSERT INTO manifest_references (repository_id, manifest, target, kind) SELECT repository_id, ?3, target, kind \
         FROM manifest_references WHERE repository_id = ?1 AND manifest = ?2",
        &[repository, like, &own],
    )?;
    insert(
        "INSERT INTO tags (repository_id, name, digest, created_at_us, updated_at_us) SELECT repository_id, ?3, ?4, \
         created_at_us, updated_at_us FROM tags WHERE repository_id = ?1 AND name = ?2",
        &[repository, &PATTERN, &tag, &own],
    )
}

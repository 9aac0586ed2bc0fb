//! From one database to the next: the records that differ, and what changed of scores.
//!
//! ```text
//! magic "garrdlt\n", format version u16, SHA-256 of the old file, SHA-256 of the new one, the changes in postcard, CRC-32 of all that
//! ```
//!
//! A record that changed is taken out and put in again whole. Scores, of which nearly all change a little each day, are differences of
//! those that both have, in their order. What comes of applying it is believed only if it is the new file, byte for byte: the same
//! records give the same bytes.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::file::{Builder, Corrupt, Database, Feed, ScoreRow, TooLarge};
use crate::{Advisory, Exploited};

/// The largest delta that is read, in bytes: a whole database of all publishers takes less.
pub const DELTA_BYTES_MAX: usize = 512 << 20;

/// The version of the form. Raised with each change of it or of a record's; a reader takes its own version alone.
pub const DELTA_VERSION: u16 = 1;

const MAGIC: &[u8; 8] = b"garrdlt\n";
const DIGEST_BYTES: usize = 32;
const HEAD_BYTES: usize = 8 + 2 + 2 * DIGEST_BYTES;
const SUM_BYTES: usize = 4;

/// Why a delta is not made or not applied.
#[derive(Debug, thiserror::Error)]
pub enum DeltaError {
    /// It is something else.
    #[error("it is no delta between two databases of Garrison")]
    NotADelta,
    /// It was written by another version of this program.
    #[error("it has format {found}, this program reads {DELTA_VERSION}")]
    Version {
        /// The version that it says.
        found: u16,
    },
    /// It is longer than any that is read.
    #[error("it is larger than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// Bytes in it were changed.
    #[error("its bytes are not those that were written")]
    Sum,
    /// What its bytes say has no meaning.
    #[error("it says something impossible")]
    Form,
    /// It begins at another database.
    #[error("it begins at another database than the one in use")]
    Base,
    /// It leads to another database than it says.
    #[error("it leads to another database than it says")]
    Result,
    /// A database cannot be read.
    #[error("a database is damaged")]
    Corrupt(#[from] Corrupt),
    /// What comes of it does not fit into a database.
    #[error("what comes of it does not fit into a database")]
    TooLarge(#[from] TooLarge),
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Changes {
    /// All feeds of the new database.
    feeds: Vec<Feed>,
    /// The places in the old one of records that the new one does not have; each but the first from the one before it.
    removed: Vec<u32>,
    /// Records that the old one does not have, with the place of their feed.
    added: Vec<(u16, Advisory)>,
    scores: ScoreChanges,
    exploited_removed: Vec<String>,
    exploited_changed: Vec<Exploited>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct ScoreChanges {
    removed: Vec<(u16, u32)>,
    added: Vec<ScoreRow>,
    /// How much each differs that both have, in order; nothing when none does.
    probabilities: Vec<i32>,
    /// The same of percentiles.
    percentiles: Vec<i32>,
}

/// Returns what leads from one database to another.
///
/// This reads both whole.
pub fn make_delta<A: AsRef<[u8]>, B: AsRef<[u8]>>(old: &Database<A>, new: &Database<B>) -> Result<Vec<u8>, DeltaError> {
    let (old_feeds, new_feeds) = (old.feeds()?, new.feeds()?);
    let mut before: BTreeMap<&str, Vec<(u32, Advisory)>> = BTreeMap::new();
    for (index, (feed, advisory)) in (0..).zip(old.advisories()?) {
        let feed = old_feeds.get(usize::from(feed.0)).ok_or(DeltaError::Form)?;
        before.entry(&feed.name).or_default().push((index, advisory));
    }
    let mut after: Vec<Vec<Advisory>> = new_feeds.iter().map(|_| Vec::new()).collect();
    for (feed, advisory) in new.advisories()? {
        after.get_mut(usize::from(feed.0)).ok_or(DeltaError::Form)?.push(advisory);
    }
    let mut changes = Changes { scores: score_changes(&old.score_rows()?, &new.score_rows()?), ..Changes::default() };
    let mut removed = Vec::new();
    for ((place, feed), advisories) in (0..).zip(&new_feeds).zip(after) {
        let known = before.remove(feed.name.as_str()).unwrap_or_default();
        merge(known, advisories, |gone| removed.push(gone), |new| changes.added.push((place, new)));
    }
    // Of feeds that are gone all records are, without being named.
    removed.sort_unstable();
    changes.removed = gaps(&removed);
    let (old_exploited, new_exploited) = (old.exploited()?, new.exploited()?);
    let names: BTreeSet<&str> = new_exploited.iter().map(|entry| entry.id.as_str()).collect();
    changes.exploited_removed =
        old_exploited.iter().filter(|entry| !names.contains(entry.id.as_str())).map(|entry| entry.id.clone()).collect();
    let known: BTreeSet<_> = old_exploited.iter().map(key).collect();
    changes.exploited_changed = new_exploited.iter().filter(|entry| !known.contains(&key(entry))).cloned().collect();
    changes.feeds = new_feeds;

    let mut bytes = [&MAGIC[..], &DELTA_VERSION.to_le_bytes()].concat();
    bytes.extend_from_slice(digest(&SHA256, old.file_bytes()).as_ref());
    bytes.extend_from_slice(digest(&SHA256, new.file_bytes()).as_ref());
    let mut bytes = postcard::to_extend(&changes, bytes).map_err(|_| DeltaError::Form)?;
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    Ok(bytes)
}

fn key(entry: &Exploited) -> (&str, Option<i64>, Option<i64>, bool) {
    (&entry.id, entry.added, entry.due, entry.is_in_ransomware)
}

/// Walks two sorted lists side by side.
fn merge(old: Vec<(u32, Advisory)>, new: Vec<Advisory>, mut gone: impl FnMut(u32), mut added: impl FnMut(Advisory)) {
    let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((_, old)), Some(new)) => old.cmp(new),
        };
        let before = if order.is_le() { old.next() } else { None };
        let after = if order.is_ge() { new.next() } else { None };
        match (before, after) {
            (Some((index, _)), None) => gone(index),
            (None, Some(advisory)) => added(advisory),
            _ => {}
        }
    }
}

fn gaps(sorted: &[u32]) -> Vec<u32> {
    let mut before = 0;
    sorted.iter().map(|index| index - std::mem::replace(&mut before, *index)).collect()
}

fn score_changes(old: &[ScoreRow], new: &[ScoreRow]) -> ScoreChanges {
    let name = |row: &ScoreRow| (row.year, row.number);
    let before: BTreeMap<_, _> = old.iter().map(|row| (name(row), row)).collect();
    let names: BTreeSet<_> = new.iter().map(name).collect();
    let mut changes = ScoreChanges {
        removed: old.iter().map(name).filter(|name| !names.contains(name)).collect(),
        ..ScoreChanges::default()
    };
    for row in new {
        match before.get(&name(row)) {
            Some(old) => {
                changes.probabilities.push(difference(old.probability, row.probability));
                changes.percentiles.push(difference(old.percentile, row.percentile));
            }
            None => changes.added.push(*row),
        }
    }
    for list in [&mut changes.probabilities, &mut changes.percentiles] {
        if list.iter().all(|difference| *difference == 0) {
            list.clear();
        }
    }
    changes
}

/// Both have 24 bits.
fn difference(old: u32, new: u32) -> i32 {
    new.wrapping_sub(old).cast_signed()
}

/// A delta that was read and not applied.
#[derive(Debug)]
pub struct Delta {
    old: [u8; DIGEST_BYTES],
    new: [u8; DIGEST_BYTES],
    changes: Changes,
}

impl Delta {
    /// Reads a delta; nothing of it is believed yet.
    pub fn parse(bytes: &[u8]) -> Result<Self, DeltaError> {
        parse(bytes, DELTA_BYTES_MAX)
    }

    /// Returns the SHA-256 of the file at which it begins.
    pub fn begins_at(&self) -> &[u8; DIGEST_BYTES] {
        &self.old
    }

    /// Returns the SHA-256 of the file to which it leads.
    pub fn leads_to(&self) -> &[u8; DIGEST_BYTES] {
        &self.new
    }
}

fn parse(bytes: &[u8], bytes_max: usize) -> Result<Delta, DeltaError> {
    if bytes.len() > bytes_max {
        return Err(DeltaError::TooLong { limit: bytes_max });
    }
    if !bytes.starts_with(MAGIC) {
        return Err(DeltaError::NotADelta);
    }
    let version = bytes.get(8..10).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    if version != DELTA_VERSION {
        return Err(DeltaError::Version { found: version });
    }
    let end = bytes.len().checked_sub(SUM_BYTES).filter(|end| *end >= HEAD_BYTES).ok_or(DeltaError::Sum)?;
    let (body, sum) = bytes.split_at(end);
    if crc32fast::hash(body).to_le_bytes() != sum {
        return Err(DeltaError::Sum);
    }
    let (mut old, mut new) = ([0; DIGEST_BYTES], [0; DIGEST_BYTES]);
    old.copy_from_slice(&body[10..10 + DIGEST_BYTES]);
    new.copy_from_slice(&body[10 + DIGEST_BYTES..HEAD_BYTES]);
    match postcard::take_from_bytes(&body[HEAD_BYTES..]) {
        Ok((changes, [])) => Ok(Delta { old, new, changes }),
        _ => Err(DeltaError::Form),
    }
}

/// Returns the database to which a delta leads: exactly that, or an error.
///
/// This reads the old one whole, and makes the new one.
pub fn apply_delta<B: AsRef<[u8]>>(old: &Database<B>, delta: Delta) -> Result<Vec<u8>, DeltaError> {
    if digest(&SHA256, old.file_bytes()).as_ref() != delta.old {
        return Err(DeltaError::Base);
    }
    let Changes { feeds, removed, added, scores, exploited_removed, exploited_changed } = delta.changes;
    let removed = indices(&removed)?;
    let old_feeds = old.feeds()?;
    let mut kept: BTreeMap<&str, Vec<Advisory>> = feeds.iter().map(|feed| (feed.name.as_str(), Vec::new())).collect();
    for (index, (feed, advisory)) in (0..).zip(old.advisories()?) {
        let name = old_feeds.get(usize::from(feed.0)).map(|feed| feed.name.as_str());
        let place = name.and_then(|name| kept.get_mut(name)).filter(|_| !removed.contains(&index));
        if let Some(place) = place {
            place.push(advisory);
        }
    }
    for (feed, advisory) in added {
        let place = feeds.get(usize::from(feed)).and_then(|feed| kept.get_mut(feed.name.as_str()));
        place.ok_or(DeltaError::Form)?.push(advisory);
    }
    let mut builder = Builder::new();
    let mut exploited: BTreeMap<String, Exploited> =
        old.exploited()?.into_iter().map(|entry| (entry.id.clone(), entry)).collect();
    for id in exploited_removed {
        exploited.remove(&id).ok_or(DeltaError::Form)?;
    }
    exploited.extend(exploited_changed.into_iter().map(|entry| (entry.id.clone(), entry)));
    builder.keep_scores(Vec::new(), exploited.into_values().collect());
    builder.keep_score_rows(changed_scores(&old.score_rows()?, &scores)?);
    let mut kept: BTreeMap<String, Vec<Advisory>> =
        kept.into_iter().map(|(name, advisories)| (name.to_owned(), advisories)).collect();
    for feed in feeds {
        let mut advisories = kept.remove(&feed.name).ok_or(DeltaError::Form)?;
        advisories.sort_unstable();
        builder.keep(feed, advisories);
    }
    let file = builder.finish()?;
    if digest(&SHA256, &file).as_ref() == delta.new { Ok(file) } else { Err(DeltaError::Result) }
}

fn indices(gaps: &[u32]) -> Result<BTreeSet<u32>, DeltaError> {
    let mut at = 0_u32;
    let mut all = BTreeSet::new();
    for gap in gaps {
        at = at.checked_add(*gap).ok_or(DeltaError::Form)?;
        all.insert(at);
    }
    Ok(all)
}

fn changed_scores(old: &[ScoreRow], changes: &ScoreChanges) -> Result<Vec<ScoreRow>, DeltaError> {
    let removed: BTreeSet<_> = changes.removed.iter().copied().collect();
    let mut rows: Vec<ScoreRow> =
        old.iter().filter(|row| !removed.contains(&(row.year, row.number))).copied().collect();
    let count = rows.len();
    for (list, field) in [
        (&changes.probabilities, (|row| &mut row.probability) as fn(&mut ScoreRow) -> &mut u32),
        (&changes.percentiles, |row| &mut row.percentile),
    ] {
        if !list.is_empty() && list.len() != count {
            return Err(DeltaError::Form);
        }
        for (row, difference) in rows.iter_mut().zip(list) {
            let value = field(row);
            *value = value.checked_add_signed(*difference).ok_or(DeltaError::Form)?;
        }
    }
    rows.extend(&changes.added);
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_longest() {
        let bytes = [&MAGIC[..], &[0; 2]].concat();
        assert!(matches!(parse(&bytes, bytes.len() - 1), Err(DeltaError::TooLong { .. })));
        assert!(matches!(parse(&bytes, bytes.len()), Err(DeltaError::Version { found: 0 })));
    }

    #[test]
    fn places_are_gaps() {
        assert_eq!(gaps(&[0, 3, 4, 9]), [0, 3, 1, 5]);
        assert_eq!(indices(&[0, 3, 1, 5]).unwrap().into_iter().collect::<Vec<_>>(), [0, 3, 4, 9]);
        assert!(matches!(indices(&[u32::MAX, 1]), Err(DeltaError::Form)));
    }
}

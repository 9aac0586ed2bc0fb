//! Reading the log, newest first.

use db::{Row, Tx};

/// Most records of a page.
pub const LIST_MAX: u32 = 1000;
/// Ids looked at by one statement: a filter that matches little must not hold a reader for long.
const WINDOW_IDS: i64 = 50_000;
/// Windows of one page: at a million ids the caller is given what was found and where to go on.
const WINDOWS_MAX: u32 = 20;
/// Sorts after every continuation of a prefix.
const PREFIX_END: char = char::MAX;

db::statements! {
    /// Records of a window of ids, newest first. An empty text filters nothing.
    LIST_RECORDS = "SELECT id, sequence, recorded_at_us, actor, action, resource, outcome, count, detail \
        FROM audit_records WHERE id < $1 AND id >= $2 \
        AND (actor = $3 OR $3 = '') AND (resource = $4 OR $4 = '') AND (outcome = $5 OR $5 = '') \
        AND action >= $6 AND action < $7 AND recorded_at_us >= $8 AND recorded_at_us < $9 \
        ORDER BY id DESC LIMIT $10";
    /// The newest id.
    NEWEST_RECORD = "SELECT id FROM audit_records ORDER BY id DESC LIMIT 1";
}

/// A record as it is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Order of writing, with gaps; pages go by it.
    pub id: i64,
    /// Its number in the sealed log, once it has one.
    pub sequence: Option<u64>,
    /// Time in microseconds since 1970-01-01 UTC.
    pub recorded_at_us: i64,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To which resource.
    pub resource: String,
    /// `allowed`, `denied` or `failed`.
    pub outcome: String,
    /// How many times.
    pub count: i64,
    /// A JSON object.
    pub detail: String,
}

/// Which records to list. The default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only by this actor.
    pub actor: Option<String>,
    /// Only actions that begin so: `manifest.` for all that concern manifests.
    pub action_prefix: Option<String>,
    /// Only on this resource.
    pub resource: Option<String>,
    /// Only with this outcome.
    pub outcome: Option<super::Outcome>,
    /// Only recorded at this time or later.
    pub from_us: Option<i64>,
    /// Only recorded before this time.
    pub until_us: Option<i64>,
}

/// A page of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Newest first. May be short, and even empty, while `next` is there.
    pub entries: Vec<Entry>,
    /// What to pass as `before` for the next page.
    pub next: Option<i64>,
}

impl Entry {
    /// Reads the nine columns that every statement on records selects first.
    pub(super) fn from_row(row: &Row) -> Result<Self, db::Error> {
        Ok(Self {
            id: row.get(0)?,
            sequence: row.get(1)?,
            recorded_at_us: row.get(2)?,
            actor: row.get(3)?,
            action: row.get(4)?,
            resource: row.get(5)?,
            outcome: row.get(6)?,
            count: row.get(7)?,
            detail: row.get(8)?,
        })
    }
}

/// Lists at most `limit` records (itself at most [`LIST_MAX`]) with ids below `before`.
pub async fn list(tx: &mut Tx, filter: &Filter, before: Option<i64>, limit: u32) -> Result<Page, db::Error> {
    let limit = limit.clamp(1, LIST_MAX);
    let newest = tx.find(&NEWEST_RECORD, &[]).await?.map(|row| row.get::<i64>(0)).transpose()?.unwrap_or(0);
    let mut before = before.unwrap_or(i64::MAX).min(newest.saturating_add(1));
    let mut entries = Vec::new();
    let prefix = filter.action_prefix.as_deref().unwrap_or_default();
    for _ in 0..WINDOWS_MAX {
        let from = before.saturating_sub(WINDOW_IDS).max(0);
        let missing = i64::from(limit) - i64::try_from(entries.len()).unwrap_or(i64::MAX);
        let params = [
            before.into(),
            from.into(),
            filter.actor.as_deref().unwrap_or_default().into(),
            filter.resource.as_deref().unwrap_or_default().into(),
            filter.outcome.map_or("", super::Outcome::as_str).into(),
            prefix.into(),
            format!("{prefix}{PREFIX_END}").into(),
            filter.from_us.unwrap_or(i64::MIN).into(),
            filter.until_us.unwrap_or(i64::MAX).into(),
            missing.into(),
        ];
        for row in tx.query(&LIST_RECORDS, &params).await? {
            entries.push(Entry::from_row(&row)?);
        }
        if entries.len() >= limit as usize {
            before = entries.last().map_or(from, |entry| entry.id);
            break;
        }
        before = from;
        if before <= 0 {
            break;
        }
    }
    Ok(Page { entries, next: (before > 1).then_some(before) })
}

//! What changed when a database took the place of another.

use std::collections::{BTreeMap, BTreeSet};

use db::{Tx, Value};

use super::keep::LIST_VULNERABILITY_IDS;
use super::portfolio::{Reach, level_of_number};
use crate::pipeline::{Error, Pipeline};
use crate::tagged::Tagged;

/// Events that are kept, the oldest going first: a year of large days.
const EVENTS_KEPT: i64 = 1_000_000;

db::statements! {
    /// Notes events.
    INSERT_EVENTS = "INSERT INTO finding_events (kind, component_id, component, vulnerability, level, fixed, database_sha256, at_us) \
        VALUES {rows:8}";
    /// The newest events before one.
    LIST_EVENTS = "SELECT id, kind, component_id, component, vulnerability, level, fixed, database_sha256, at_us \
        FROM finding_events WHERE id < $1 ORDER BY id DESC LIMIT $2";
    /// Forgets old events.
    DELETE_OLD_EVENTS = "DELETE FROM finding_events WHERE id <= (SELECT COALESCE(MAX(id), 0) FROM finding_events) - $1";
}

/// How a finding changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// It is new: `finding.new`.
    New,
    /// It is no more: `finding.fixed`.
    Fixed,
    /// Its severity, its fix or its certainty is another: `finding.changed`.
    Changed,
}

/// Why a finding is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// Records speak of the package still, and not of this version, or not so that it counts: `not-affected`.
    NotAffected,
    /// No record that stands speaks of it any more: it was withdrawn, or is in the database no more: `withdrawn`.
    Withdrawn,
    /// It is found under another name: `renamed`.
    Renamed,
}

/// A change of what a version of a package has, for all images that hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number; later ones are greater.
    pub id: i64,
    /// How it changed.
    pub kind: EventKind,
    /// Why it is no more, where it is so and was noted: earlier versions did not.
    pub gone: Option<Gone>,
    pub(crate) component_id: i64,
    /// The component: a purl, or kind, name and version.
    pub component: String,
    /// The vulnerability.
    pub vulnerability: String,
    /// How severe it is there, after the change.
    pub level: Option<vulndb::Level>,
    /// The first version that mends it.
    pub fixed: Option<String>,
    /// The SHA-256 of the database that made the difference, in hexadecimal.
    pub database_sha256: String,
    /// When, in microseconds since 1970-01-01 UTC.
    pub at_us: i64,
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// The newest first.
    pub items: Vec<Event>,
    /// Before which the next page goes on; none on the last one.
    pub next: Option<i64>,
}

impl EventKind {
    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "finding.new",
            Self::Fixed => "finding.fixed",
            Self::Changed => "finding.changed",
        }
    }

    /// Returns what a change from counting or not to counting or not is; nothing when it counts neither time.
    pub(super) fn between(before: bool, after: bool) -> Option<Self> {
        match (before, after) {
            (false, true) => Some(Self::New),
            (true, false) => Some(Self::Fixed),
            (true, true) => Some(Self::Changed),
            (false, false) => None,
        }
    }

    /// Returns the number that it has in the database, with why a finding is no more.
    pub(super) fn number(self, gone: Option<Gone>) -> i64 {
        match (self, gone) {
            (Self::New, _) => 1,
            (Self::Fixed, None) => 2,
            (Self::Changed, _) => 3,
            (Self::Fixed, Some(Gone::Withdrawn)) => 4,
            (Self::Fixed, Some(Gone::NotAffected)) => 5,
            (Self::Fixed, Some(Gone::Renamed)) => 6,
        }
    }

    fn of_number(number: i64) -> (Self, Option<Gone>) {
        match number {
            1 => (Self::New, None),
            2 => (Self::Fixed, None),
            4 => (Self::Fixed, Some(Gone::Withdrawn)),
            5 => (Self::Fixed, Some(Gone::NotAffected)),
            6 => (Self::Fixed, Some(Gone::Renamed)),
            _ => (Self::Changed, None),
        }
    }
}

impl Gone {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAffected => "not-affected",
            Self::Withdrawn => "withdrawn",
            Self::Renamed => "renamed",
        }
    }
}

impl Event {
    /// Tells whether another says the same of what is called the same: several builds of a version of a package have one purl, and differ by what
    /// matching asks of them.
    fn is_alike(&self, other: &Self) -> bool {
        let Self { kind, gone, component, vulnerability, level, fixed, database_sha256, .. } = self;
        (kind, gone, level) == (&other.kind, &other.gone, &other.level)
            && (component, vulnerability) == (&other.component, &other.vulnerability)
            && (fixed, database_sha256) == (&other.fixed, &other.database_sha256)
    }
}

pub(super) async fn insert(tx: &mut Tx, events: &[Vec<Value>]) -> Result<(), db::Error> {
    tx.execute_rows(&INSERT_EVENTS, &[], events).await?;
    Ok(())
}

pub(super) async fn forget_old(index: &db::Db) -> Result<(), db::Error> {
    let forgotten = index
        .write(|tx| Box::pin(async move { tx.execute(&DELETE_OLD_EVENTS, &[EVENTS_KEPT.into()]).await.map(drop) }));
    forgotten.await
}

impl Pipeline {
    /// Returns up to `limit` events before one, the newest first, of components that the caller may read. Those of a page that say the same of what is
    /// called the same are one.
    ///
    /// # Errors
    /// When a database fails.
    pub async fn list_events(
        &self,
        readable: &crate::Readable,
        before: Option<i64>,
        limit: usize,
    ) -> Result<EventPage, Error> {
        let reach = self.reach(readable, Tagged::Any).await?;
        let mut before = before.unwrap_or(i64::MAX);
        let (mut items, mut last): (Vec<Event>, Option<i64>) = (Vec::new(), None);
        loop {
            let step = STEP_ROWS;
            let rows = self
                .inner
                .index
                .read(move |tx| Box::pin(async move { tx.query(&LIST_EVENTS, &[before.into(), step.into()]).await }));
            let rows = rows.await?;
            let mut events = Vec::with_capacity(rows.len());
            for row in &rows {
                let (kind, gone) = EventKind::of_number(row.get(1)?);
                events.push(Event {
                    id: row.get(0)?,
                    kind,
                    gone,
                    component_id: row.get(2)?,
                    component: row.get(3)?,
                    vulnerability: row.get(4)?,
                    level: level_of_number(row.get(5)?),
                    fixed: row.get(6)?,
                    database_sha256: row.get(7)?,
                    at_us: row.get(8)?,
                });
            }
            let is_last = events.len() < usize::try_from(step).unwrap_or(usize::MAX);
            before = events.last().map_or(before, |event| event.id);
            let told = self.told(&reach, &events).await?;
            for event in events.into_iter().filter(|event| told.contains(&event.id)) {
                if items.iter().any(|told| told.is_alike(&event)) {
                    last = Some(event.id);
                    continue;
                }
                if items.len() == limit {
                    return Ok(EventPage { items, next: last });
                }
                last = Some(event.id);
                items.push(event);
            }
            if is_last {
                return Ok(EventPage { items, next: None });
            }
        }
    }
}

impl Pipeline {
    /// Returns the numbers of those of some events that a caller may be told of: of components that it may read and that its images held then, and not of
    /// what is decided not to count wherever it may read them.
    async fn told(&self, reach: &Reach, events: &[Event]) -> Result<BTreeSet<i64>, Error> {
        let names: BTreeSet<&str> = events.iter().map(|event| event.vulnerability.as_str()).collect();
        let list: Vec<Value> = names.into_iter().map(Value::from).collect();
        let rows = self
            .inner
            .index
            .read(move |tx| Box::pin(async move { tx.query_list(&LIST_VULNERABILITY_IDS, &[], &list).await }));
        let mut numbers: BTreeMap<String, i64> = BTreeMap::new();
        for row in rows.await? {
            numbers.insert(row.get(0)?, row.get(1)?);
        }
        // Nothing is decided about what is had no more.
        let pair = |event: &Event| (event.component_id, numbers.get(&event.vulnerability).copied().unwrap_or_default());
        let reached = self.reached_pairs(reach, events.iter().map(pair).collect()).await?;
        let reached: Vec<&Event> = events.iter().filter(|event| reached.contains(&pair(event))).collect();
        // What changed before the caller's images came changed for others'.
        let moment = |event: &Event| (event.component_id, event.at_us);
        let held = self.held_by(reach, reached.iter().map(|event| moment(event)).collect()).await?;
        Ok(reached.into_iter().filter(|event| held.contains(&moment(event))).map(|event| event.id).collect())
    }
}

/// Events that are looked at at once.
const STEP_ROWS: i64 = 256;

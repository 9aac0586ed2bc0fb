//! One audit record and how it is written.

use std::{collections::BTreeMap, fmt, str::FromStr};

use db::Tx;
use serde_json::Value;

/// Longest actor: a kind and a user's or robot's name.
pub const ACTOR_BYTES_MAX: usize = 320;
/// Longest audit name.
pub const ACTION_BYTES_MAX: usize = 64;
/// Longest resource: a repository name (255) with a tag (128) or a sha512 digest (135), and room.
pub const RESOURCE_BYTES_MAX: usize = 640;
/// Longest detail as JSON: what was changed, never contents.
pub const DETAIL_BYTES_MAX: usize = 4096;

db::statements! {
    /// Adds a record that the sealer has yet to number.
    INSERT_RECORD = "INSERT INTO audit_records \
        (recorded_at_us, actor, action, resource, outcome, count, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)";
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// It was permitted and done.
    Allowed,
    /// It was refused for want of permission.
    Denied,
    /// It was permitted and did not succeed.
    Failed,
}

/// Who did what to which resource, and how it ended.
///
/// A record always fits: text beyond its limit is cut with an ellipsis, control characters are replaced, and detail that
/// is too large becomes `{"omitted_bytes": N}`. The record of a change is worth more than its last byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub(super) actor: String,
    pub(super) action: String,
    pub(super) resource: String,
    pub(super) outcome: Outcome,
    pub(super) count: u64,
    detail: BTreeMap<String, Value>,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Allowed, Self::Denied, Self::Failed];

    /// Returns its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no [`Outcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an outcome is allowed, denied or failed")]
pub struct UnknownOutcome;

impl FromStr for Outcome {
    type Err = UnknownOutcome;

    fn from_str(text: &str) -> Result<Self, UnknownOutcome> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text).ok_or(UnknownOutcome)
    }
}

impl Record {
    /// Returns the record that `actor` (`user:ann`, `robot:ci-web`, `anonymous`, `system`) was allowed and did `action`
    /// (`manifest.push`) to `resource` (`team/web:1.0`).
    pub fn allowed(actor: &str, action: &str, resource: &str) -> Self {
        Self::new(actor, action, resource, Outcome::Allowed)
    }

    /// Returns the record of something that was refused.
    pub fn denied(actor: &str, action: &str, resource: &str) -> Self {
        Self::new(actor, action, resource, Outcome::Denied)
    }

    /// Returns the record of something that was permitted and did not succeed.
    pub fn failed(actor: &str, action: &str, resource: &str) -> Self {
        Self::new(actor, action, resource, Outcome::Failed)
    }

    /// Returns the record with this outcome.
    pub fn new(actor: &str, action: &str, resource: &str, outcome: Outcome) -> Self {
        Self {
            actor: bounded(actor, ACTOR_BYTES_MAX),
            action: bounded(action, ACTION_BYTES_MAX),
            resource: bounded(resource, RESOURCE_BYTES_MAX),
            outcome,
            count: 1,
            detail: BTreeMap::new(),
        }
    }

    /// Adds a member to the detail, or replaces it. Never a secret.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }

    /// Says how many times it happened.
    #[must_use]
    pub fn count(mut self, count: u64) -> Self {
        self.count = count;
        self
    }

    /// Returns the detail as stored: a JSON object with sorted names.
    pub fn detail_json(&self) -> String {
        let json = Value::Object(self.detail.clone().into_iter().collect()).to_string();
        if json.len() <= DETAIL_BYTES_MAX { json } else { format!("{{\"omitted_bytes\":{}}}", json.len()) }
    }

    /// Returns the columns from `actor` to `detail`.
    pub(super) fn columns(&self) -> [db::Value; 6] {
        [
            (&self.actor).into(),
            (&self.action).into(),
            (&self.resource).into(),
            self.outcome.as_str().into(),
            i64::try_from(self.count).unwrap_or(i64::MAX).into(),
            self.detail_json().into(),
        ]
    }
}

/// Writes a record in the transaction of the change that it tells of.
pub async fn record(tx: &mut Tx, record: Record) -> Result<(), db::Error> {
    let now_us = tx.now_us().await?;
    let [actor, action, resource, outcome, count, detail] = record.columns();
    tx.execute(&INSERT_RECORD, &[now_us.into(), actor, action, resource, outcome, count, detail]).await.map(drop)
}

/// Control characters could mislead whoever reads the log in a terminal, and PostgreSQL cannot hold NUL.
fn bounded(text: &str, bytes_max: usize) -> String {
    const ELLIPSIS: char = '\u{2026}';
    let clean = text.replace(char::is_control, "\u{fffd}");
    if clean.len() <= bytes_max {
        return clean;
    }
    let mut cut = clean;
    cut.truncate(cut.floor_char_boundary(bytes_max - ELLIPSIS.len_utf8()));
    cut.push(ELLIPSIS);
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_its_limit() {
        let cases = [(9, "x".repeat(9)), (10, "x".repeat(10)), (11, format!("{}\u{2026}", "x".repeat(7)))];
        for (length, expected) in cases {
            assert_eq!(bounded(&"x".repeat(length), 10), expected);
        }
        assert_eq!(bounded("ää\u{1b}[2J\0", 30), "ää\u{fffd}[2J\u{fffd}");
        assert_eq!(bounded(&"ä".repeat(9), 10), "äää\u{2026}");
    }

    #[test]
    fn detail_is_sorted_and_bounded() {
        let record = Record::allowed("system", "a", "r").detail("b", 1).detail("a", "x").detail("b", 2);
        assert_eq!(record.detail_json(), r#"{"a":"x","b":2}"#);
        let overhead = r#"{"d":""}"#.len();
        for (bytes, whole) in [(DETAIL_BYTES_MAX - 1, true), (DETAIL_BYTES_MAX, true), (DETAIL_BYTES_MAX + 1, false)] {
            let record = Record::allowed("system", "a", "r").detail("d", "x".repeat(bytes - overhead));
            assert_eq!(record.detail_json().len() == bytes, whole);
        }
        let record = Record::allowed("system", "a", "r").detail("d", "x".repeat(DETAIL_BYTES_MAX));
        assert_eq!(record.detail_json(), r#"{"omitted_bytes":4104}"#);
    }
}

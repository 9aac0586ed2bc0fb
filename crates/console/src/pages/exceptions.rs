//! The exceptions of a project, or of all: a part of other pages.

use api::{Call, Failure};
use pipeline::Whose;

use crate::words::{Moment, count, foreign, plural};

/// Exceptions that are shown; the command lists all.
const ROWS_MAX: usize = 100;
const NAME_BYTES_MAX: usize = 120;
const LINE_BYTES_MAX: usize = 300;

/// The exceptions that were set.
pub(crate) struct Exceptions {
    pub(crate) sentence: String,
    pub(crate) by: String,
    pub(crate) at: Moment,
    pub(crate) rows: Vec<Row>,
    pub(crate) more: bool,
    pub(crate) command: String,
}

pub(crate) struct Row {
    pub(crate) id: String,
    /// Why it does not count; nothing when it does.
    pub(crate) state: Option<&'static str>,
    pub(crate) expires: Moment,
    pub(crate) owner: String,
    pub(crate) reason: String,
    pub(crate) covers: String,
}

/// Returns the exceptions of a project, or of all; none while none was set.
pub(crate) async fn part(call: &Call, whose: &Whose) -> Result<Option<Exceptions>, Failure> {
    let Some(document) = call.app.pipeline().exceptions(whose).await? else { return Ok(None) };
    let now_us = call.app.now_us();
    let now = now_us.div_euclid(1_000_000);
    let entries = document.exceptions.entries();
    let counting = entries.iter().filter(|entry| entry.counts(now)).count();
    let expired = document.exceptions.expired(now).count();
    let over = if expired > 0 { format!(", {expired} expired") } else { String::new() };
    let row = |entry: &_| row(entry, now, now_us);
    Ok(Some(Exceptions {
        sentence: match entries.len() {
            1 => format!("{counting} of 1 exception counts{over}."),
            of => format!("{counting} of {} count{over}.", plural(count(of), "exception")),
        },
        by: document.actor,
        at: Moment::new(document.set_at_us, now_us),
        rows: entries.iter().take(ROWS_MAX).map(row).collect(),
        more: entries.len() > ROWS_MAX,
        command: match whose {
            Whose::Hub => "garrison exceptions show".to_owned(),
            Whose::Project(name) => format!("garrison exceptions show --project {name}"),
        },
    }))
}

fn row(entry: &policy::Exception, now: i64, now_us: i64) -> Row {
    let purls = entry.purls.iter().map(component::PurlPattern::written);
    let patterns = entry.vulnerabilities.iter().chain(purls).chain(&entry.paths).chain(&entry.scope);
    let covers: Vec<&str> = patterns.map(component::Pattern::as_str).collect();
    Row {
        id: foreign(&entry.id, NAME_BYTES_MAX),
        state: match () {
            () if entry.expires <= now => Some("expired"),
            () if entry.created > now => Some("not begun"),
            () => None,
        },
        expires: Moment::new(entry.expires.saturating_mul(1_000_000), now_us),
        owner: foreign(&entry.owner, NAME_BYTES_MAX),
        reason: foreign(&entry.reason, LINE_BYTES_MAX),
        covers: foreign(&covers.join(" "), LINE_BYTES_MAX),
    }
}

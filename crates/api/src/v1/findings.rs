//! What is known to be wrong with what images hold.

use access::Action;
use axum::response::Response;
use findings::Explanation;
use http::StatusCode;
use oci::{Digest, RepositoryName};
use pipeline::{Affecting, Asked, Filter, Order, Progress, Tagged, Totals, VexTold};
use schemars::JsonSchema;
use serde::Serialize;
use vulndb::Level;

use super::components::ImageCount;
use super::time;
use crate::endpoint::Call;
use crate::failure::Failure;
use crate::page::{Envelope, PageParameters};

/// A vulnerability that images have.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FoundVulnerability {
    /// Its name.
    vulnerability: String,
    /// The worst severity that it has in them: `negligible`, `low`, `medium`, `high`, `critical`; null when nobody says.
    severity: Option<&'static str>,
    /// The highest CVSS score that a vector of it comes to.
    score: Option<f32>,
    /// The probability that it is exploited within thirty days (EPSS), from 0 to 1.
    epss: Option<f32>,
    /// Whether it is known to be exploited (KEV).
    exploited: bool,
    /// Whether an upgrade mends it somewhere.
    fixable: bool,
    /// How many versions of packages have it.
    components: u64,
    /// The names and versions of the first of them, each once.
    examples: Vec<String>,
    /// How many images have it, of those that the caller may pull, each counted in each repository that holds it.
    images: u64,
    /// Whether there are more than were counted.
    more_images: bool,
    /// Since when that is known of an image that the caller may pull: since the advisory came, or since the image did where that was later.
    since: String,
}

/// A page of vulnerabilities.
#[derive(Serialize, JsonSchema)]
pub(crate) struct VulnerabilityPage {
    /// The items, in order.
    items: Vec<FoundVulnerability>,
    /// With `order=age`, whether that is the order in which the hub came to know of them, also of images that the caller may not pull: who may pull
    /// very many does not get them by when each of its own had them.
    order_of_hub: bool,
    /// What to pass as `after` for the next page; null on the last one.
    next: Option<String>,
    /// How many images are not inventoried, so that anything may be in each of them; null where there is none, and on all pages but the first.
    not_looked_into: Option<ImageCount>,
}

/// How many findings images have, and by what they were matched.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FindingTotals {
    /// Critical ones.
    critical: u64,
    /// High ones.
    high: u64,
    /// Medium ones.
    medium: u64,
    /// Low ones.
    low: u64,
    /// Those of no consequence.
    negligible: u64,
    /// Those whose severity nobody states.
    unknown: u64,
    /// Of all of these, those known to be exploited.
    exploited: u64,
    /// Of all of these, those that an upgrade mends.
    fixable: u64,
    /// Those that do not count: by an exception, by their publisher's word, or since nothing of it runs.
    suppressed: u64,
    /// Of which images that is: `yes` those that a tag holds, `no` the others, `any` all.
    tagged: &'static str,
    /// How many findings count in the images that this leaves out.
    apart: u64,
    /// How many images are not inventoried, so that anything may be in each of them; null where there is none.
    not_looked_into: Option<ImageCount>,
    /// By what they were matched; null before the first time.
    matched: Option<Matched>,
}

/// By which database of advisories everything is matched.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Matched {
    /// The database's digest.
    database: String,
    /// Version of the matcher.
    matcher: u32,
    /// `marking`, `matching` or `done`.
    progress: &'static str,
    /// Since when.
    since: String,
}

/// A change of what a version of a package has, for all images that hold it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FindingEvent {
    /// What it is told from others by; it says nothing else.
    id: String,
    /// `finding.new`, `finding.fixed` or `finding.changed`.
    event: &'static str,
    /// Why it is no more: `not-affected` where records speak of the package still and not of this version, `withdrawn` where no record that stands does,
    /// `renamed` where it is found under another name. Null otherwise, and of events of earlier versions.
    reason: Option<&'static str>,
    /// The component: package URL, or kind, name and version.
    component: String,
    /// The vulnerability.
    vulnerability: String,
    /// Its severity there after the change.
    severity: Option<&'static str>,
    /// The first version that mends it.
    fixed: Option<String>,
    /// Digest of the database of advisories that made the difference.
    database: String,
    /// When.
    at: String,
}

/// A page of changes.
pub(crate) type FindingEventPage = Envelope<FindingEvent>;

/// The purpose for which numbers of changes are hidden: gaps between them tell how much others have.
const EVENT: &str = "finding event";

/// Returns a severity as it is written.
pub(crate) fn severity(level: Option<Level>) -> Option<&'static str> {
    level.map(|level| match level {
        Level::Negligible => "negligible",
        Level::Low => "low",
        Level::Medium => "medium",
        Level::High => "high",
        Level::Critical => "critical",
    })
}

impl Call {
    /// Reads which vulnerabilities are asked for, and in which order.
    ///
    /// # Errors
    /// `PARAMETER_INVALID` for what is not understood.
    pub fn vulnerability_filter(&self) -> Result<(Filter, Order), Failure> {
        let text = |name: &str| self.target.query(name).filter(|text| !text.is_empty());
        let level = match text("severity") {
            None => None,
            Some("negligible") => Some(Level::Negligible),
            Some("low") => Some(Level::Low),
            Some("medium") => Some(Level::Medium),
            Some("high") => Some(Level::High),
            Some("critical") => Some(Level::Critical),
            Some(other) => {
                return Err(invalid("severity", other, "`negligible`, `low`, `medium`, `high` or `critical`"));
            }
        };
        let probability = match text("epss") {
            None => 0.0,
            Some(number) => number
                .parse::<f32>()
                .ok()
                .filter(|probability| (0.0..=1.0).contains(probability))
                .ok_or_else(|| invalid("epss", number, "a probability from 0 to 1"))?,
        };
        let order = match text("order") {
            None | Some("worst") => Order::Worst,
            Some("epss") => Order::Probability,
            Some("age") => Order::Age,
            Some(other) => return Err(invalid("order", other, "`worst`, `epss` or `age`")),
        };
        let (exploited, mendable) = (self.flag("exploited")?, self.flag("fixable")?);
        let now_us = self.app.now_us();
        let moment = |name: &str| {
            let told = |asked| {
                moment_us(asked, now_us)
                    .ok_or_else(|| invalid(name, asked, "a time, a day or how long ago: `2026-11-29` or `30d`"))
            };
            text(name).map(told).transpose()
        };
        let (known_from_us, known_before_us) = (moment("since")?, moment("older_than")?);
        let tagged = self.listed_tagged()?;
        Ok((Filter { level, exploited, mendable, probability, known_from_us, known_before_us, tagged }, order))
    }

    /// Reads of which images a list or a total is asked for. What no tag holds was built again or is forgotten: it is told apart.
    ///
    /// # Errors
    /// `PARAMETER_INVALID` for what is not understood.
    pub fn listed_tagged(&self) -> Result<Tagged, Failure> {
        self.tagged(Tagged::Yes)
    }

    /// Reads in which images something is looked for. What no tag holds may run all the same, by its digest or since it was pulled before.
    ///
    /// # Errors
    /// `PARAMETER_INVALID` for what is not understood.
    pub fn found_tagged(&self) -> Result<Tagged, Failure> {
        self.tagged(Tagged::Any)
    }

    fn tagged(&self, unless_said: Tagged) -> Result<Tagged, Failure> {
        match self.target.query("tagged") {
            None | Some("") => Ok(unless_said),
            Some("yes") => Ok(Tagged::Yes),
            Some("no") => Ok(Tagged::No),
            Some("any") => Ok(Tagged::Any),
            Some(other) => Err(invalid("tagged", other, "`yes`, `no` or `any`")),
        }
    }

    pub(crate) fn flag(&self, name: &'static str) -> Result<bool, Failure> {
        match self.target.query(name) {
            None | Some("" | "false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(invalid(name, other, "`true` or `false`")),
        }
    }

    /// Returns what is wrong with the image that the query names, by the database in use.
    ///
    /// # Errors
    /// `INVENTORY_UNKNOWN` without an inventory, `NO_ROOT_FILE_SYSTEM` where there can be none, `ADVISORIES_UNKNOWN` without a database.
    pub async fn named_report(&self) -> Result<findings::Report, Failure> {
        let only_fixed = self.flag("fixable")?;
        let (name, image) = self.named_image().await?;
        match self.app.pipeline.report(&name, image, (only_fixed, self.vex_told())).await? {
            Some(mut report) => {
                self.check_advisories(&mut report.advisories).await?;
                Ok(report)
            }
            None => Err(self.nothing_to_match(&name, image).await?),
        }
    }

    /// Says why the vulnerability that the query names is found in the image that it names, or why not.
    ///
    /// # Errors
    /// `PARAMETER_INVALID` without a vulnerability, and as for the report.
    pub async fn named_explanation(&self) -> Result<Explanation, Failure> {
        let text = |name: &str| self.target.query(name).filter(|text| !text.is_empty());
        let vulnerability = text("vulnerability").ok_or_else(|| {
            Failure::bad_request("PARAMETER_INVALID", "no vulnerability is named")
                .hint("`vulnerability` is a name of it, as CVE-2023-4911")
        })?;
        let (name, image) = self.named_image().await?;
        let asked = Asked { vulnerability: vulnerability.to_owned(), component: text("component").map(str::to_owned) };
        match self.app.pipeline.explanation(&name, image, (asked, self.vex_told())).await? {
            Some(explanation) => Ok(explanation),
            None => Err(self.nothing_to_match(&name, image).await?),
        }
    }

    /// Administrators see which of the documents that they gave say nothing of an image; what others there are is nothing to who may pull it.
    fn vex_told(&self) -> VexTold {
        if self.may(Action::SystemRead) { VexTold::All } else { VexTold::OfImage }
    }

    async fn nothing_to_match(&self, name: &RepositoryName, image: Digest) -> Result<Failure, Failure> {
        let is_database_missing = self.app.pipeline.advisories().is_none();
        if is_database_missing && self.nothing_to_inventory(name, image).await?.is_none() {
            return Ok(no_advisories());
        }
        self.no_inventory(name, image).await
    }
}

fn invalid(name: &str, text: &str, expected: &str) -> Failure {
    Failure::bad_request("PARAMETER_INVALID", format!("`{name}={text}` is not understood"))
        .hint(format!("it is {expected}"))
}

/// Returns what is answered where there is no database of advisories.
fn no_advisories() -> Failure {
    Failure::not_found("ADVISORIES_UNKNOWN", "this hub has no database of advisories yet")
        .hint("an administrator gives it one: `garrison help ADVISORIES_UNKNOWN` says how")
}

pub(crate) async fn report(call: Call) -> Result<Response, Failure> {
    Failure::json(StatusCode::OK, &call.named_report().await?)
}

pub(crate) async fn explanation(call: Call) -> Result<Response, Failure> {
    Failure::json(StatusCode::OK, &call.named_explanation().await?)
}

pub(crate) async fn decisions(call: Call) -> Result<Response, Failure> {
    let (name, image) = call.named_image().await?;
    Failure::json(StatusCode::OK, &call.app.pipeline.decisions(&name, image, call.vex_told()).await?)
}

pub(crate) async fn vulnerabilities(call: Call) -> Result<Response, Failure> {
    let page = PageParameters::of(&call.target)?;
    let (filter, order) = call.vulnerability_filter()?;
    let readable = call.readable_of(call.target.query("project").filter(|project| !project.is_empty())).await?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let pipeline = &call.app.pipeline;
    // First: an image whose inventory lands meanwhile is in the list, told of here, or both.
    let not_looked_into = match page.after {
        None => pipeline.not_looked_into((&readable, filter.tagged)).await?.map(ImageCount::from),
        Some(_) => None,
    };
    let found = pipeline.list_vulnerabilities(filter, order, &readable, page.after.as_deref(), limit).await?;
    let (items, order_of_hub) = (found.items.into_iter().map(vulnerability).collect(), found.is_hubs_order);
    let next = found.next.map(|next| page.told(next));
    Failure::json(StatusCode::OK, &VulnerabilityPage { items, order_of_hub, next, not_looked_into })
}

fn vulnerability(one: Affecting) -> FoundVulnerability {
    FoundVulnerability {
        vulnerability: one.name,
        severity: severity(one.level),
        score: one.score,
        epss: one.probability,
        exploited: one.exploited,
        fixable: one.mendable,
        components: one.components,
        examples: one.named,
        images: one.images,
        more_images: one.has_more_images,
        since: time(one.since_us),
    }
}

/// Returns a moment in microseconds since 1970-01-01 UTC: a time (RFC 3339), a day (UTC, from its begin), or so many hours, days or weeks ago.
fn moment_us(text: &str, now_us: i64) -> Option<i64> {
    const HOUR_US: i64 = 3_600_000_000;
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_microsecond());
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        let midnight = jiff::tz::TimeZone::UTC.to_timestamp(day.into()).ok()?;
        return Some(midnight.as_microsecond());
    }
    let (number, hours) = [("h", 1), ("d", 24), ("w", 7 * 24)]
        .into_iter()
        .find_map(|(unit, hours)| Some((text.strip_suffix(unit)?, hours)))?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let ago_us = number.parse::<i64>().ok().filter(|_| is_number)?.checked_mul(hours * HOUR_US)?;
    now_us.checked_sub(ago_us)
}

/// Returns the word for a choice of images.
fn word(tagged: Tagged) -> &'static str {
    match tagged {
        Tagged::Yes => "yes",
        Tagged::No => "no",
        Tagged::Any => "any",
    }
}

pub(crate) async fn totals(call: Call) -> Result<Response, Failure> {
    let tagged = call.listed_tagged()?;
    let readable = call.readable_of(call.target.query("project").filter(|project| !project.is_empty())).await?;
    let pipeline = &call.app.pipeline;
    let not_looked_into = pipeline.not_looked_into((&readable, tagged)).await?.map(ImageCount::from);
    let told = pipeline.totals(&readable, tagged).await?;
    let apart = match tagged {
        Tagged::Any => 0,
        Tagged::Yes => pipeline.totals(&readable, Tagged::No).await?.open(),
        Tagged::No => pipeline.totals(&readable, Tagged::Yes).await?.open(),
    };
    let Totals { critical, high, medium, low, negligible, unknown, exploited, mendable, suppressed } = told;
    let matched = pipeline.match_state().await?.map(|state| Matched {
        database: format!("sha256:{}", state.database_sha256),
        matcher: state.matcher,
        progress: match state.progress {
            Progress::Marking => "marking",
            Progress::Matching => "matching",
            Progress::Done => "done",
        },
        since: time(state.changed_at_us),
    });
    let totals = FindingTotals {
        critical,
        high,
        medium,
        low,
        negligible,
        unknown,
        exploited,
        fixable: mendable,
        suppressed,
        tagged: word(tagged),
        apart,
        not_looked_into,
        matched,
    };
    Failure::json(StatusCode::OK, &totals)
}

pub(crate) async fn events(call: Call) -> Result<Response, Failure> {
    let page = PageParameters::of(&call.target)?;
    let tenancy = &call.app.tenancy;
    let before = match &page.after {
        None => None,
        Some(text) => Some(tenancy.reveal(EVENT, text).ok_or_else(|| PageParameters::invalid(text))?),
    };
    let readable = call.readable().await?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let found = call.app.pipeline.list_events(&readable, before, limit).await?;
    let item = |event: pipeline::Event| {
        Ok(FindingEvent {
            id: tenancy.hide(EVENT, event.id)?,
            event: event.kind.as_str(),
            reason: event.gone.map(pipeline::Gone::as_str),
            component: event.component,
            vulnerability: event.vulnerability,
            severity: severity(event.level),
            fixed: event.fixed,
            database: format!("sha256:{}", event.database_sha256),
            at: time(event.at_us),
        })
    };
    let items = found.items.into_iter().map(item).collect::<Result<_, tenancy::Error>>()?;
    Envelope::answer(&page, items, found.next.map(|id| tenancy.hide(EVENT, id)).transpose()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_a_day_or_how_long_ago() {
        const NOW_US: i64 = 1_800_000_000_000_000;
        const HOUR_US: i64 = 3_600_000_000;
        for (text, expected) in [
            ("2026-11-29", Some(1_795_910_400_000_000)),
            ("2026-11-29T00:00:00Z", Some(1_795_910_400_000_000)),
            ("2026-11-29T01:00:00.000001+01:00", Some(1_795_910_400_000_001)),
            ("0h", Some(NOW_US)),
            ("36h", Some(NOW_US - 36 * HOUR_US)),
            ("7d", Some(NOW_US - 7 * 24 * HOUR_US)),
            ("4w", Some(NOW_US - 28 * 24 * HOUR_US)),
            ("", None),
            ("d", None),
            ("7", None),
            ("-7d", None),
            ("+7d", None),
            ("7.5d", None),
            ("7 d", None),
            ("7m", None),
            ("9999999999999999999d", None),
            ("9223372036854775807w", None),
            ("2026-13-01", None),
            ("yesterday", None),
        ] {
            assert_eq!(moment_us(text, NOW_US), expected, "{text}");
        }
    }
}

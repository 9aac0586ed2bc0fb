//! What is wrong with an image: a part of its page, and a page of its own.

use api::{Call, Failure, PageParameters};
use askama::Template;
use axum::response::Response;
use findings::{ExceptionState, ExceptionUse, Finding, Matched, MatchedState, Report, Suppression};
use http::StatusCode;
use oci::{Digest, RepositoryName};
use pipeline::VexTold;

use crate::component_row::{NAME_BYTES_MAX, PLACE_BYTES_MAX, VERSION_BYTES_MAX};
use crate::frame::{Frame, Section, Viewer, answer};
use crate::href;
use crate::pages::explanation::Asked;
use crate::pages::findings::{Freshness, freshness, sentence_of};
use crate::severity::Severity;
use crate::words::{count, foreign, plural, shell_word};

/// Findings on the image's own page: what is worst.
const ROWS_ON_IMAGE_MAX: usize = 8;
/// Findings on a page of their own.
const ROWS_MAX: usize = 30;
/// Steps of a path through the tree that are drawn out.
const STEPS_MAX: usize = 6;
const LINE_BYTES_MAX: usize = 300;
/// Of a database's digest, as elsewhere.
const DATABASE_LETTERS: usize = 12;

/// What is shown of an image's findings.
pub(crate) enum Part {
    /// There is no inventory to match, or nothing to match it by.
    Nothing,
    Made(Box<Made>),
}

pub(crate) struct Made {
    pub(crate) sentence: Sentence,
    /// What was not looked at.
    pub(crate) unchecked: Vec<String>,
    /// That its distribution is past its end.
    pub(crate) ended: Vec<String>,
    /// By what it is matched.
    pub(crate) matched: Option<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) all: String,
    pub(crate) more: usize,
}

/// What is to be done, in words.
pub(crate) struct Sentence {
    pub(crate) words: String,
    /// What does not count, in words, and where it is listed with who says so and why.
    pub(crate) suppressed: Option<(String, String)>,
}

pub(crate) struct Row {
    pub(crate) href: String,
    pub(crate) why_href: String,
    pub(crate) name: String,
    pub(crate) severity: Severity,
    pub(crate) exploited: bool,
    pub(crate) epss: Option<String>,
    pub(crate) component: String,
    pub(crate) version: String,
    pub(crate) fixed: Option<String>,
    pub(crate) upgrade: Option<String>,
    pub(crate) layer: Option<usize>,
    pub(crate) place: String,
    /// From what was asked for down to the component.
    pub(crate) path: Vec<String>,
    pub(crate) why: String,
    /// Why it does not count.
    pub(crate) suppressed: Option<String>,
}

#[derive(Template)]
#[template(path = "image-findings.html")]
struct ImageFindingsPage {
    frame: Frame,
    name: String,
    reference: String,
    image_href: String,
    asked: Asked,
    sentence: Sentence,
    unchecked: Vec<String>,
    ended: Vec<String>,
    matched: Option<String>,
    freshness: Option<Freshness>,
    /// Where all are listed, of a list of those that do not count.
    only_suppressed: Option<String>,
    rows: Vec<Row>,
    first: String,
    is_first_page: bool,
    next: Option<String>,
    /// Exceptions that cover nothing here.
    idle: Vec<String>,
}

/// Returns the worst findings of an image.
pub(crate) async fn part(call: &Call, name: &RepositoryName, image: Digest) -> Result<Part, Failure> {
    let Some(mut report) = call.app.pipeline().report(name, image, (false, VexTold::OfImage)).await? else {
        return Ok(Part::Nothing);
    };
    call.check_advisories(&mut report.advisories).await?;
    let open: Vec<&Finding> = report.findings.iter().filter(|finding| finding.counts()).collect();
    let rows: Vec<Row> =
        open.iter().take(ROWS_ON_IMAGE_MAX).map(|finding| row(name, image, &report, finding)).collect();
    Ok(Part::Made(Box::new(Made {
        sentence: sentence(&report, name, image),
        unchecked: unchecked(&report),
        ended: ended(call, &report),
        matched: matched(&report),
        all: href::image_findings(name, image),
        more: report.findings.len().saturating_sub(rows.len()),
        rows,
    })))
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let (name, image) = call.named_image().await?;
    let page = PageParameters::of(&call.target)?;
    let invalid = |_| Failure::bad_request("CURSOR_INVALID", "`after` is not a cursor of this list");
    let after: usize = page.after.as_deref().map(str::parse).transpose().map_err(invalid)?.unwrap_or(0);
    let only_suppressed = match call.target.query("suppressed") {
        None => false,
        Some("yes") => true,
        Some(_) => return Err(Failure::bad_request("INPUT_INVALID", "`suppressed` is `yes` or not there")),
    };
    let report = call.named_report().await?;
    let listed: Vec<&Finding> =
        report.findings.iter().filter(|finding| !only_suppressed || !finding.counts()).collect();
    let rows = listed.iter().skip(after).take(ROWS_MAX).map(|finding| row(&name, image, &report, finding)).collect();
    let end = after.saturating_add(ROWS_MAX);
    let all = href::image_findings(&name, image);
    let first = if only_suppressed { href::suppressed_findings(&name, image) } else { all.clone() };
    let (host, _) = super::image::host(&call);
    let command = format!("garrison scan {}", shell_word(&format!("{host}/{name}@{image}")));
    let page = ImageFindingsPage {
        frame: Frame::new(&call, Section::Images, format!("Findings of {name}")).command(command),
        sentence: sentence(&report, &name, image),
        only_suppressed: only_suppressed.then_some(all),
        unchecked: unchecked(&report),
        ended: ended(&call, &report),
        matched: matched(&report),
        freshness: freshness(&call).await?,
        rows,
        next: (end < listed.len()).then(|| format!("{first}&after={end}")),
        is_first_page: after == 0,
        idle: idle(&report),
        first,
        image_href: href::image(&name, image),
        asked: Asked::of(&name, image, ""),
        reference: crate::words::Hash(image).short(),
        name: name.to_string(),
    };
    answer(StatusCode::OK, &page)
}

/// Says in words by what the lists have it matched.
fn matched(report: &Report) -> Option<String> {
    let Matched { database, matcher, state, .. } = report.matched.as_ref()?;
    let database = database.trim_start_matches("sha256:").chars().take(DATABASE_LETTERS).collect::<String>();
    let by = format!("database {database} and matcher {matcher}");
    Some(match state {
        MatchedState::Done => format!("Matched by {by}."),
        MatchedState::Pending => format!("Lists and totals are still to match it by {by}."),
    })
}

/// Says in words what has come to its end, and of which ecosystems the advisories are old while others are not.
fn ended(call: &Call, report: &Report) -> Vec<String> {
    let Ok(now) = jiff::Timestamp::from_microsecond(call.app.now_us()) else { return Vec::new() };
    let is_all_old = ::findings::are_old(report.advisories.newest, now).is_some();
    let old = report.advisories.old_feeds(now).into_iter().filter(|_| !is_all_old);
    let old = old.map(|old| sentence_of(&old.in_words()));
    report.past_its_end(now).into_iter().chain(old).map(|told| plain_line(&told)).collect()
}

/// Says in words what was not looked at.
fn unchecked(report: &Report) -> Vec<String> {
    report.warnings().iter().map(|told| plain_line(told)).collect()
}

/// Returns a line as a page has it, on which names need no marks.
fn plain_line(told: &str) -> String {
    foreign(&told.replace('`', ""), LINE_BYTES_MAX)
}

/// Says in words which exceptions cover nothing here.
fn idle(report: &Report) -> Vec<String> {
    let why = |exception: &ExceptionUse| match exception.state {
        ExceptionState::Expired => Some("has expired and covers nothing any more"),
        ExceptionState::NotBegun => Some("has not begun"),
        ExceptionState::Current if exception.findings == 0 => Some("matches nothing here"),
        ExceptionState::Current => None,
    };
    let told = report.exceptions.iter().filter_map(|exception| Some((exception, why(exception)?)));
    told.take(ROWS_MAX)
        .map(|(exception, why)| foreign(&format!("{} of {} {why}.", exception.id, exception.owner), LINE_BYTES_MAX))
        .collect()
}

/// Says in words what is to be done.
fn sentence(report: &Report, name: &RepositoryName, image: Digest) -> Sentence {
    let open: Vec<&Finding> = report.findings.iter().filter(|finding| finding.counts()).collect();
    let mendable = open.iter().filter(|finding| finding.fix.version.is_some()).count();
    let (others, suppressed) = (open.len() - mendable, report.findings.len() - open.len());
    if open.is_empty() && suppressed == 0 {
        let words = match report.blind() {
            Some(_) => "Nothing was found, and not all of it could be checked.".to_owned(),
            None => "Nothing is known to be wrong with it.".to_owned(),
        };
        return Sentence { words, suppressed: None };
    }
    let words = format!("{} to act on, {others} without a fix", plural(count(mendable), "finding"));
    if suppressed == 0 {
        return Sentence { words: format!("{words}, 0 that do not count."), suppressed: None };
    }
    let told = format!("{suppressed} that {} not count", if suppressed == 1 { "does" } else { "do" });
    Sentence { words: format!("{words},"), suppressed: Some((told, href::suppressed_findings(name, image))) }
}

fn row(repository: &RepositoryName, image: Digest, report: &Report, finding: &Finding) -> Row {
    let component = report.component(finding);
    let location = component.and_then(|component| component.locations.first());
    let named = |name: &str, version: Option<&str>| {
        format!("{} {}", foreign(name, NAME_BYTES_MAX), foreign(version.unwrap_or_default(), VERSION_BYTES_MAX))
    };
    let path = component.map(|component| component.path.as_slice()).unwrap_or_default();
    let said = finding.advisories.first();
    let suppressed = finding.suppressions.first();
    Row {
        href: href::vulnerability(&finding.vulnerability),
        why_href: href::explanation(repository, image, &finding.vulnerability),
        name: foreign(&finding.vulnerability, NAME_BYTES_MAX),
        severity: Severity::of(finding.severity),
        exploited: finding.kev.is_some(),
        epss: finding.epss.map(|epss| format!("{:.1} %", epss.probability * 100.0)),
        component: foreign(&finding.component.name, NAME_BYTES_MAX),
        version: foreign(finding.component.version.as_deref().unwrap_or_default(), VERSION_BYTES_MAX),
        fixed: finding.fix.version.as_deref().map(|version| foreign(version, VERSION_BYTES_MAX)),
        upgrade: component
            .and_then(|component| component.upgrade.as_ref())
            .filter(|upgrade| finding.fix.version.as_ref() != Some(&upgrade.version))
            .map(|upgrade| foreign(&upgrade.version, VERSION_BYTES_MAX)),
        layer: location.and_then(|location| location.layer).map(|layer| usize::from(layer) + 1),
        place: location.map(|location| foreign(&location.to_string(), PLACE_BYTES_MAX)).unwrap_or_default(),
        path: drawn(path.iter().map(|step| named(&step.name, step.version.as_deref())).collect()),
        why: said
            .map(|said| foreign(&format!("{} ({}): {}", said.id, said.feed, said.range), LINE_BYTES_MAX))
            .unwrap_or_default(),
        suppressed: suppressed.map(suppressed_in_words),
    }
}

/// Returns the steps of a way that are drawn out: of a long one both ends.
fn drawn(mut steps: Vec<String>) -> Vec<String> {
    let left_out = steps.len().saturating_sub(STEPS_MAX);
    if left_out > 0 {
        let first = STEPS_MAX / 2;
        steps.splice(first..first + left_out, [format!("… {} …", plural(count(left_out), "step"))]);
    }
    steps
}

/// Says why a finding does not count, and of an exception until when.
fn suppressed_in_words(by: &Suppression) -> String {
    let until = by.expires.map(|expires| format!(" (until {})", expires.strftime("%Y-%m-%d"))).unwrap_or_default();
    // What is cut of a long reason is not its end.
    foreign(&format!("{}{until}: {}", by.who, by.why), LINE_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_way_both_ends_are_drawn() {
        let check = |length: usize, expected: &str| {
            assert_eq!(drawn((1..=length).map(|step| step.to_string()).collect()).join(" "), expected);
        };
        check(0, "");
        check(6, "1 2 3 4 5 6");
        check(7, "1 2 3 … 1 step … 5 6 7");
        check(300, "1 2 3 … 294 steps … 298 299 300");
    }
}

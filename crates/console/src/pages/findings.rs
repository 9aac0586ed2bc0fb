//! What is wrong across all images that the caller may pull.

use access::Action;
use api::{Call, Failure, PageParameters};
use askama::Template;
use axum::response::Response;
use http::StatusCode;
use pipeline::{Affecting, Progress, Tagged, Totals, Whose};

use crate::frame::{Frame, ROWS_MAX, Section, Viewer, answer};
use crate::href;
use crate::pages::exceptions::{self, Exceptions};
use crate::pages::vex::{self, Vex};
use crate::severity::Severity;
use crate::tagged::{self, TaggedChoice};
use crate::words::{Moment, foreign, grouped, plural, shell_word};

/// The longest name of a project in a filter, and of a component in a row.
const NAME_BYTES_MAX: usize = 120;

#[derive(Template)]
#[template(path = "findings.html")]
struct FindingsPage {
    frame: Frame,
    sentence: String,
    apart: Option<Apart>,
    /// How many images are not inventoried, in words.
    not_inventoried: Option<String>,
    freshness: Option<Freshness>,
    bars: Vec<Bar>,
    tagged: Vec<TaggedChoice>,
    choices: Vec<Choice>,
    project: String,
    rows: Vec<Row>,
    first: String,
    is_first_page: bool,
    /// Whether the order is the hub's, of whatever images, though by age of the caller's is asked for.
    is_hubs_order: bool,
    next: Option<String>,
    /// Those of all projects, for who may know the hub's settings.
    exceptions: Option<Exceptions>,
    vex: Option<Vex>,
}

/// By what everything is matched.
pub(crate) struct Freshness {
    pub(crate) newest: Option<Moment>,
    pub(crate) digest: String,
    /// That it is old, in words.
    pub(crate) old: Option<String>,
    /// What is still to be matched, in words.
    pub(crate) progress: Option<&'static str>,
}

/// A part of all findings.
pub(crate) struct Bar {
    pub(crate) href: String,
    pub(crate) severity: Severity,
    pub(crate) number: String,
}

/// What the list leaves out.
struct Apart {
    href: String,
    text: String,
}

struct Choice {
    href: String,
    text: &'static str,
    is_chosen: bool,
}

struct Row {
    href: String,
    name: String,
    severity: Severity,
    exploited: bool,
    epss: Option<String>,
    score: Option<String>,
    images: String,
    examples: String,
    fixable: bool,
    since: Moment,
}

/// Returns by what everything is matched; nothing before the first time.
pub(crate) async fn freshness(call: &Call) -> Result<Option<Freshness>, Failure> {
    let pipeline = call.app.pipeline();
    let Some(state) = pipeline.match_state().await? else { return Ok(None) };
    let now = jiff::Timestamp::from_microsecond(call.app.now_us()).ok();
    let newest = pipeline.advisories().and_then(|advisories| {
        let feeds = advisories.database.feeds().ok()?;
        vulndb::newest(&feeds, now?.as_second())
    });
    let newest_at = newest.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    Ok(Some(Freshness {
        old: now.and_then(|now| ::findings::are_old(newest_at, now)).map(|told| sentence_of(&told)),
        newest: newest.map(|seconds| Moment::new(seconds.saturating_mul(1_000_000), call.app.now_us())),
        digest: state.database_sha256.chars().take(12).collect(),
        progress: match state.progress {
            Progress::Marking => Some("what it says differently is being found out"),
            Progress::Matching => Some("images are being matched by it"),
            Progress::Done => None,
        },
    }))
}

/// Begins a text as a sentence does.
pub(crate) fn sentence_of(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Returns the numbers of findings by severity, which add up to all that count, each with the list of those that are at least so severe.
pub(crate) fn bars(totals: Totals, href: impl Fn(Severity) -> String) -> Vec<Bar> {
    let bar = |severity: Severity, number: u64| Bar { href: href(severity), severity, number: grouped(number) };
    [
        (Severity::Critical, totals.critical),
        (Severity::High, totals.high),
        (Severity::Medium, totals.medium),
        (Severity::Low, totals.low),
        (Severity::Negligible, totals.negligible),
        (Severity::Unknown, totals.unknown),
    ]
    .into_iter()
    .filter(|(_, number)| *number > 0)
    .map(|(severity, number)| bar(severity, number))
    .collect()
}

/// Returns the address of the list of what the overview counts.
pub(crate) fn list_of(severity: Severity) -> String {
    match at_least(severity) {
        "" => "/findings".to_owned(),
        word => format!("/findings?severity={word}"),
    }
}

/// Returns the least severity that a list is asked for; what nobody states is in no list but that of all.
fn at_least(severity: Severity) -> &'static str {
    if severity == Severity::Unknown { "" } else { severity.word() }
}

/// Says in words how many findings images have, tagged or not.
pub(crate) fn sentence(totals: Totals, tagged: Tagged) -> String {
    let images = tagged::images(tagged);
    if totals.open() == 0 {
        return match tagged {
            Tagged::Any => "Nothing that you may pull has a finding that counts.".to_owned(),
            Tagged::Yes | Tagged::No => format!("None of the {images} that you may pull has a finding that counts."),
        };
    }
    let known = match totals.exploited {
        0 => String::new(),
        exploited => format!(" {} known to be exploited.", grouped(exploited)),
    };
    let fixable = grouped(totals.mendable);
    let findings = plural(totals.open(), "finding");
    format!("{findings} in the {images} that you may pull; an upgrade mends {fixable}.{known}")
}

/// Says how many findings the images have that are left out; nothing where none is.
fn apart(totals: Totals, left_out: Tagged) -> Option<String> {
    let images = tagged::images(left_out);
    match totals.open() {
        0 => None,
        1 => Some(format!("1 more is in {images}.")),
        open => Some(format!("{} more are in {images}.", grouped(open))),
    }
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let page = PageParameters::of(&call.target)?;
    let (filter, order) = call.vulnerability_filter()?;
    let project = call.target.query("project").unwrap_or_default().trim().to_owned();
    let readable = call.readable_of(Some(project.as_str()).filter(|project| !project.is_empty())).await?;
    let pipeline = call.app.pipeline();
    let limit = usize::try_from(ROWS_MAX).unwrap_or(usize::MAX);
    // First: an image whose inventory lands meanwhile is in the list and the totals, told of here, or both.
    let not_inventoried = pipeline.not_looked_into((&readable, filter.tagged)).await?;
    let not_inventoried =
        not_inventoried.map(|count| sentence_of(&::findings::not_inventoried_in_words(count.images, count.more)));
    let listed = pipeline.list_vulnerabilities(filter, order, &readable, page.after.as_deref(), limit).await?;
    let tagged = filter.tagged;
    let totals = pipeline.totals(&readable, tagged).await?;
    let left_out = match tagged {
        Tagged::Any => None,
        Tagged::Yes => Some(Tagged::No),
        Tagged::No => Some(Tagged::Yes),
    };
    let apart = match left_out {
        None => None,
        Some(left_out) => apart(pipeline.totals(&readable, left_out).await?, left_out)
            .map(|text| Apart { href: address(&call, &[("tagged", word(left_out))]), text }),
    };
    let now_us = call.app.now_us();
    let (first, choices) = (address(&call, &[]), choices(&call));
    let (exceptions, vex) = if call.may(Action::SystemRead) {
        (exceptions::part(&call, &Whose::Hub).await?, vex::part(&call, &Whose::Hub).await?)
    } else {
        (None, None)
    };
    let page = FindingsPage {
        frame: Frame::new(&call, Section::Findings, "Findings").command(command(&call)),
        sentence: sentence(totals, tagged),
        apart,
        not_inventoried,
        tagged: tagged::choices(tagged, |tagged| address(&call, &[("tagged", word(tagged))])),
        freshness: freshness(&call).await?,
        bars: bars(totals, |severity| counted(&call, severity)),
        choices,
        rows: listed.items.iter().map(|one| row(one, tagged, now_us)).collect(),
        is_hubs_order: listed.is_hubs_order,
        next: listed.next.map(|next| join(&first, &format!("after={next}"))),
        is_first_page: page.after.is_none(),
        exceptions,
        vex,
        first,
        project: foreign(&project, NAME_BYTES_MAX),
    };
    answer(StatusCode::OK, &page)
}

fn row(one: &Affecting, tagged: Tagged, now_us: i64) -> Row {
    let named = foreign(&one.named.join(", "), NAME_BYTES_MAX);
    Row {
        href: href::vulnerability_in(&one.name, tagged),
        severity: Severity::of(one.level),
        exploited: one.exploited,
        epss: one.probability.map(|probability| format!("{:.1} %", probability * 100.0)),
        score: one.score.map(|score| format!("{score:.1}")),
        images: if one.has_more_images { format!("{}+", grouped(one.images)) } else { grouped(one.images) },
        examples: if one.unnamed > 0 { format!("{named} and {} more", grouped(one.unnamed)) } else { named },
        fixable: one.mendable,
        since: Moment::new(one.since_us, now_us),
        name: foreign(&one.name, NAME_BYTES_MAX),
    }
}

/// Returns the command that gives the same list.
fn command(call: &Call) -> String {
    let flag = |name: &str, flag: &str| {
        let value = call.target.query(name).filter(|value| !value.is_empty())?;
        Some(match (flag, value) {
            ("--kev" | "--fixable", "true") => format!(" {flag}"),
            ("--kev" | "--fixable", _) => return None,
            _ => format!(" {flag} {}", shell_word(value)),
        })
    };
    let flags = [
        flag("severity", "--severity"),
        flag("epss", "--epss"),
        flag("exploited", "--kev"),
        flag("fixable", "--fixable"),
        flag("since", "--since"),
        flag("older_than", "--older-than"),
        flag("tagged", "--tagged"),
        flag("order", "--order"),
        flag("project", "--project"),
    ];
    flags.into_iter().flatten().fold("garrison findings list".to_owned(), |command, flag| command + &flag)
}

const PARAMETERS: [&str; 9] =
    ["severity", "epss", "exploited", "fixable", "since", "older_than", "tagged", "order", "project"];

/// Returns the value of the parameter for a choice of images: tagged ones are shown unless another is made.
fn word(tagged: Tagged) -> &'static str {
    match tagged {
        Tagged::Yes => "",
        Tagged::No => "no",
        Tagged::Any => "any",
    }
}

/// Returns the address of the list with some parameters changed; an empty value leaves one out.
fn address(call: &Call, changed: &[(&str, &str)]) -> String {
    PARAMETERS.iter().fold("/findings".to_owned(), |address, name| {
        let given = changed.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
        match given.or_else(|| call.target.query(name)).filter(|value| !value.is_empty()) {
            Some(value) => join(&address, &format!("{name}={}", href::escaped(value))),
            None => address,
        }
    })
}

/// Returns the address of the list of what is counted of a severity: totals are of images, whatever else the list leaves out.
fn counted(call: &Call, severity: Severity) -> String {
    let none = ["epss", "exploited", "fixable", "since", "older_than", "order"].map(|name| (name, ""));
    address(call, &[&none[..], &[("severity", at_least(severity))]].concat())
}

fn join(address: &str, parameter: &str) -> String {
    let mark = if address.contains('?') { '&' } else { '?' };
    format!("{address}{mark}{parameter}")
}

fn choices(call: &Call) -> Vec<Choice> {
    let is = |name: &str, value: &str| call.target.query(name).unwrap_or_default() == value;
    let switch = |text, name: &'static str, value: &'static str| {
        let is_chosen = is(name, value);
        let target = if is_chosen { "" } else { value };
        Choice { href: address(call, &[(name, target)]), text, is_chosen }
    };
    vec![
        switch("known to be exploited", "exploited", "true"),
        switch("an upgrade mends it", "fixable", "true"),
        switch("critical", "severity", "critical"),
        switch("high and above", "severity", "high"),
        switch("here for less than a week", "since", "7d"),
        switch("here for more than a month", "older_than", "30d"),
        switch("likely to be exploited first", "order", "epss"),
        switch("newest here first", "order", "age"),
    ]
}

//! How fresh each feed of advisories is.

use std::collections::{BTreeMap, BTreeSet};

use access::Action;
use api::{Call, Failure};
use askama::Template;
use axum::response::Response;
use http::StatusCode;

use crate::frame::{Frame, Section, Viewer, answer};
use crate::pages::findings::{Freshness, freshness};
use crate::words::{Moment, count, foreign, grouped, plural};

/// Feeds that are listed; there are some forty.
const ROWS_MAX: usize = 200;
const NAME_BYTES_MAX: usize = 120;
const ERROR_BYTES_MAX: usize = 300;

#[derive(Template)]
#[template(path = "advisories.html")]
struct AdvisoriesPage {
    frame: Frame,
    sentence: String,
    freshness: Option<Freshness>,
    rows: Vec<Row>,
    more: usize,
    /// Whether what this hub asked for is told: of a hub's settings, for who may know them.
    with_asked: bool,
}

struct Row {
    name: String,
    records: String,
    newest: Option<Moment>,
    /// Whether what is known of some ecosystem is old by it.
    is_old: bool,
    fetched: Option<Moment>,
    error: Option<String>,
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let now_us = call.app.now_us();
    let moment = |seconds: Option<i64>| seconds.map(|seconds| Moment::new(seconds.saturating_mul(1_000_000), now_us));
    let with_asked = call.may(Action::SystemRead);
    let mut states = BTreeMap::new();
    if with_asked {
        states = call.advisories_status().await?.states;
    }
    let mut known = Vec::new();
    if let Some(advisories) = call.app.pipeline().advisories() {
        for feed in advisories.database.feeds().map_err(Failure::internal)? {
            let records = advisories.database.records_of(&feed).map_err(Failure::internal)?;
            known.push((feed, records));
        }
    }
    let whole = call.advisories_known().await?;
    let now = jiff::Timestamp::from_microsecond(now_us).map_err(Failure::internal)?;
    let old: BTreeSet<&str> =
        whole.iter().flat_map(|whole| whole.old_feeds(now)).map(|old| old.feed.name.as_str()).collect();
    let mut rows = Vec::with_capacity(known.len());
    for (feed, records) in known {
        let state = states.remove(&feed.name).unwrap_or_default();
        rows.push(Row {
            name: foreign(&feed.name, NAME_BYTES_MAX),
            records: grouped(records),
            newest: moment(vulndb::believed(feed.fetched, now.as_second())),
            is_old: old.contains(feed.name.as_str()),
            fetched: moment(state.good),
            error: state.error.map(|error| foreign(&error, ERROR_BYTES_MAX)),
        });
    }
    // Those that were asked for and gave nothing.
    rows.extend(states.into_iter().map(|(name, state)| Row {
        name: foreign(&name, NAME_BYTES_MAX),
        records: "0".to_owned(),
        newest: None,
        is_old: false,
        fetched: moment(state.good),
        error: state.error.map(|error| foreign(&error, ERROR_BYTES_MAX)),
    }));
    let page = AdvisoriesPage {
        frame: Frame::new(&call, Section::Findings, "Advisories").command("garrison db status --hub"),
        sentence: sentence(&rows),
        freshness: freshness(&call).await?,
        more: rows.len().saturating_sub(ROWS_MAX),
        rows: rows.into_iter().take(ROWS_MAX).collect(),
        with_asked,
    };
    answer(StatusCode::OK, &page)
}

fn sentence(rows: &[Row]) -> String {
    let failing = rows.iter().filter(|row| row.error.is_some()).count();
    let feeds = plural(count(rows.len()), "feed");
    match (rows.len(), failing) {
        (0, _) => "There are no advisories here yet.".to_owned(),
        (_, 0) => format!("Images are matched against the records of {feeds}."),
        (_, failing) => {
            format!("Images are matched against the records of {feeds}, of which {failing} could not be had lately.")
        }
    }
}

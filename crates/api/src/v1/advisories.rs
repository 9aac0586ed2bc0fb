//! The hub's database of advisories.

use std::collections::BTreeMap;

use access::Action;
use advisories::{Acceptance, Fewer};
use axum::response::Response;
use http::StatusCode;
use ledger::audit::Record;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use vulndb::lifecycle;

use super::{jobs, time};
use crate::endpoint::Call;
use crate::failure::{Failure, chain};

/// What the hub knows to be wrong with software.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Advisories {
    /// Digest of the database, or nothing while there is none.
    digest: Option<String>,
    /// When its newest record was made or changed.
    newest_at: Option<String>,
    /// Whether that is so long ago that what was published since is not found. Single feeds may be so while others are not.
    old: bool,
    /// Its bytes.
    size_bytes: u64,
    /// Packages of which something is said.
    packages: u32,
    /// Its feeds and, for administrators, those that were asked for and gave nothing.
    feeds: Vec<Feed>,
    /// For administrators, distributions that images of this hub are of and that nobody mends any more for everybody: what is not known against them
    /// says nothing for them.
    ended: Vec<Ended>,
}

/// A release of a distribution that is past its end.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Ended {
    /// The release, as in `Debian:10`.
    release: String,
    /// The last day on which everybody got what mends it.
    until: String,
    /// The last day on which those get it who pay for it.
    extended_until: Option<String>,
}

/// A publisher's feed.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Feed {
    /// Its name.
    name: String,
    /// Records of it in the database.
    advisories: u64,
    /// When the newest of them was made or changed.
    newest_at: Option<String>,
    /// The ecosystems of which what is known is old: this is the newest of the feeds that say most of them.
    old_ecosystems: Vec<String>,
    /// When this hub last found it good; nothing on a replica that does not fetch, and nothing but for administrators.
    fetched_at: Option<String>,
    /// When this hub last asked for it; nothing but for administrators.
    asked_at: Option<String>,
    /// Why what came then was not taken; nothing but for administrators.
    error: Option<String>,
}

/// An update to begin.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Update {
    /// Whether feeds are taken that are older than what was taken before, or have lost most of their records.
    #[serde(default)]
    accept_older: bool,
}

/// A database that was brought.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Imported {
    /// Its digest.
    digest: String,
}

impl Call {
    /// Returns what is known of the hub's database of advisories and its feeds.
    ///
    /// # Errors
    /// When the database is damaged.
    pub async fn advisories_status(&self) -> Result<advisories::Status, Failure> {
        let advisories = self.app.advisories.clone();
        // It reads a small file for each feed.
        let status = spawn_blocking(move || advisories.status()).await.map_err(Failure::internal)?;
        status.map_err(Failure::internal)
    }

    /// Returns what is known of the database that images are matched by, with who speaks of each ecosystem in it and how old that is; nothing while
    /// there is none.
    ///
    /// # Errors
    /// When the database is damaged.
    pub async fn advisories_known(&self) -> Result<Option<findings::Advisories>, Failure> {
        let Some(advisories) = self.app.pipeline.advisories() else { return Ok(None) };
        let now = self.now()?;
        let known = spawn_blocking(move || {
            findings::Advisories::of(&advisories.database, advisories.database.ecosystems(), Some(now))
        });
        let mut known = known.await.map_err(Failure::internal)?.map_err(Failure::internal)?;
        self.check_advisories(&mut known).await?;
        Ok(Some(known))
    }

    /// Takes what this hub knows of when feeds were last found to have nothing newer.
    ///
    /// # Errors
    /// When the database is damaged.
    pub async fn check_advisories(&self, known: &mut findings::Advisories) -> Result<(), Failure> {
        let now = self.now()?;
        if !known.is_to_check(now) {
            return Ok(());
        }
        let states = self.advisories_status().await?.states;
        known.check(now, |feed| {
            let seen = states.get(&feed.name)?.seen_with(feed.newest.map(jiff::Timestamp::as_second))?;
            jiff::Timestamp::from_second(seen).ok()
        });
        Ok(())
    }

    fn now(&self) -> Result<jiff::Timestamp, Failure> {
        jiff::Timestamp::from_microsecond(self.app.now_us()).map_err(Failure::internal)
    }
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let mut status = call.advisories_status().await?;
    let moment = |seconds: Option<i64>| seconds.map(|seconds| time(seconds.saturating_mul(1_000_000)));
    let newest_at = moment(status.newest());
    let newest = status.newest().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let now = call.now()?;
    let old = findings::are_old(newest, now).is_some();
    let known = call.advisories_known().await?;
    let by_feed = known.iter().flat_map(|known| known.old_feeds(now));
    let mut old_ecosystems: BTreeMap<&str, Vec<String>> =
        by_feed.map(|old| (old.feed.name.as_str(), old.ecosystems.into_iter().map(str::to_owned).collect())).collect();
    // What the hub asks for, where, and of what its images are is not for everybody to know.
    let is_told_all = call.may(Action::SystemRead);
    if !is_told_all {
        status.states.clear();
    }
    let mut feeds = Vec::new();
    for feed in status.feeds {
        let state = status.states.remove(&feed.name).unwrap_or_default();
        feeds.push(Feed {
            old_ecosystems: old_ecosystems.remove(feed.name.as_str()).unwrap_or_default(),
            name: feed.name,
            advisories: feed.advisories,
            newest_at: moment(feed.fetched),
            fetched_at: moment(state.good),
            asked_at: moment(state.asked),
            error: state.error,
        });
    }
    feeds.extend(status.states.into_iter().map(|(name, state)| Feed {
        name,
        advisories: 0,
        newest_at: None,
        old_ecosystems: Vec::new(),
        fetched_at: moment(state.good),
        asked_at: moment(state.asked),
        error: state.error,
    }));
    let answer = Advisories {
        digest: status.digest.map(|digest| format!("sha256:{digest}")),
        newest_at,
        old,
        size_bytes: status.size_bytes,
        packages: status.packages,
        feeds,
        ended: if is_told_all { ended(&call).await? } else { Vec::new() },
    };
    Failure::json(StatusCode::OK, &answer)
}

async fn ended(call: &Call) -> Result<Vec<Ended>, Failure> {
    let now = call.now()?;
    let today = jiff::tz::Offset::UTC.to_datetime(now).date();
    let ended = |release: String| {
        let lifecycle::Support { until, extended_until } = lifecycle::support(&release)?;
        let extended_until = extended_until.map(|day| day.to_string());
        (until < today).then(|| Ended { release, until: until.to_string(), extended_until })
    };
    Ok(call.app.pipeline.releases().await?.into_iter().filter_map(ended).collect())
}

pub(crate) async fn update(mut call: Call) -> Result<Response, Failure> {
    let request: Update = call.json().await?;
    let ordered = call.app.advisories.order_update(&call.app.db, request.accept_older, &call.actor()).await;
    let job = ordered.map_err(Failure::internal)?;
    call.app.jobs.notify();
    jobs::answer(&call, StatusCode::ACCEPTED, job).await
}

pub(crate) async fn import(mut call: Call) -> Result<Response, Failure> {
    let acceptance = if call.flag("accept_older")? { Acceptance::Any } else { Acceptance::Newer };
    let fewer = if call.flag("accept_fewer_feeds")? { Fewer::Any } else { Fewer::NONE };
    // Once it is all here it is taken to its end, though whoever brought it no longer waits for that: it is in use before it is published.
    let taken = tokio::spawn(async move {
        let body = call.body();
        let digest = call.app.advisories.take(body, acceptance, fewer).await.map_err(refused)?;
        let (actor, detail) = (call.actor(), format!("sha256:{digest}"));
        call.app
            .db
            .write(move |tx| {
                let record = Record::allowed(&actor, "advisories.import", "system")
                    .detail("digest", detail.clone())
                    .detail("accept_older", acceptance == Acceptance::Any)
                    .detail("accept_fewer_feeds", fewer == Fewer::Any);
                Box::pin(async move { ledger::audit::record(tx, record).await })
            })
            .await?;
        Failure::json(StatusCode::OK, &Imported { digest: format!("sha256:{digest}") })
    });
    taken.await.map_err(Failure::internal)?
}

fn refused(error: advisories::Error) -> Failure {
    match error {
        advisories::Error::Refused(_) => Failure::bad_request("DOCUMENT_INVALID", chain(&error))
            .hint("`garrison db export FILE` writes one; both sides must have the same version"),
        advisories::Error::Empty => Failure::bad_request("ADVISORIES_EMPTY", error.to_string())
            .hint("what the hub has stays in use; `garrison db status --database FILE` says what is in a file"),
        advisories::Error::Older(_) => Failure::new(StatusCode::CONFLICT, "ADVISORIES_OLDER", chain(&error))
            .hint("what the hub has stays in use; `--accept-older` takes it all the same, once you know why"),
        advisories::Error::Lacking(_) => Failure::new(StatusCode::CONFLICT, "ADVISORIES_LACKING", chain(&error))
            .hint("what the hub has stays in use; `--accept-fewer-feeds` takes it all the same, once you know why"),
        advisories::Error::TooLarge { .. } => {
            Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "DOCUMENT_INVALID", error.to_string())
        }
        error => Failure::internal(error),
    }
}

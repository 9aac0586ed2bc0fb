//! The hub's database of advisories, from the command line.

use std::io::{Read as _, Seek as _, Write as _};
use std::pin::pin;
use std::time::{Duration, Instant};

use ::advisories::{Artifact, BROUGHT_BYTES_MAX, REPOSITORY, TAG};
use feeds::{Acceptance, Fewer, FormError, StoreError, compress_packed, unpack_any};
use oci::{Reference, RepositoryName};
use outbound::{Endpoint, Method, RegistryClient, RegistryCredentials, RegistryError, RegistryOptions};
use serde_json::{Value, json};
use vulndb::file::Database;
use vulndb::{DELTA_BYTES_MAX, Delta, apply_delta};

use super::update::PAUSE;
use crate::advisories;
use crate::commands::fsck;
use crate::contexts::Context;
use crate::error::{CommandError, Kind};
use crate::output::{self, Align, Column, Format, Progress, Table};
use crate::session::{self, Session, block_on};

/// How long a hub may take to pack and publish a database.
const IMPORT_TIME_MAX: Duration = Duration::from_mins(15);

/// Has the hub fetch what is new, and waits for it.
pub(super) fn order(session: &Session, accept_older: bool) -> Result<(), CommandError> {
    block_on(async {
        let hub = session.hub()?;
        let body = json!({ "accept_older": accept_older });
        let job: Value = hub.send(Method::Post, &Endpoint::api(["advisories", "update"]), Some(&body)).await?;
        let id = job["id"].to_string();
        let job = fsck::follow(&hub, id.trim_matches('"'), "advisories").await?;
        if job["state"] != "done" {
            let reason = job["error"].as_str().unwrap_or("the job did not come to its end").to_owned();
            return Err(CommandError::new(Kind::Environment, "the hub has no newer advisories").hint(reason));
        }
        tell(session, &hub, Feeds::Counted).await
    })
}

/// Brings the hub a database, packed for the way.
pub(super) fn bring(
    session: &Session,
    file: &str,
    (acceptance, fewer): (Acceptance, Fewer<'_>),
    is_quiet: bool,
) -> Result<(), CommandError> {
    let mut bytes = Vec::new();
    let unpacked = if file == "-" {
        unpack_any(std::io::stdin().lock(), &mut bytes, BROUGHT_BYTES_MAX)
    } else {
        let opened = std::fs::File::open(file).map_err(FormError::Io);
        opened.and_then(|opened| unpack_any(opened, &mut bytes, BROUGHT_BYTES_MAX))
    };
    unpacked.map_err(|source| CommandError::new(Kind::Environment, source))?;
    // A mistake in a name should not cost an upload.
    let database = Database::open(&bytes).map_err(advisories::damaged)?;
    let packed = compress_packed(&database, PACK_LEVEL)
        .map_err(|source| CommandError::environment("failed to pack the database", source))?;
    block_on(async {
        let hub = session.hub()?;
        let endpoint = Endpoint::api(["advisories", "database"])
            .with("accept_older", acceptance == Acceptance::Any)
            .with("accept_fewer_feeds", fewer == Fewer::Any);
        let doing = format!(
            "advisories  {} for the hub, which takes them into use and then packs them for its clients",
            session::size(&packed.len().into())
        );
        let progress = (!is_quiet).then(Progress::passing);
        let imported: Result<Value, outbound::Error> =
            waited_for(hub.upload(&endpoint, packed, IMPORT_TIME_MAX), progress, &doing).await;
        imported.map_err(|error| {
            let is_cut_short =
                matches!(error, outbound::Error::Timeout { .. } | outbound::Error::NotAHub { status: 502 | 504, .. });
            let error = CommandError::from(error);
            if is_cut_short { error.hint(CARRIES_ON) } else { error }
        })?;
        tell(session, &hub, if is_quiet { Feeds::Unwarned } else { Feeds::Counted }).await
    })
}

/// What is told where the answer did not come.
const CARRIES_ON: &str =
    "the hub carries on with what came whole, though nobody waits: `garrison db status --hub` says what it has";

/// Waits, and shows for how long.
async fn waited_for<T>(work: impl Future<Output = T>, mut progress: Option<Progress>, doing: &str) -> T {
    const EVERY: Duration = Duration::from_secs(1);
    let (mut work, started) = (pin!(work), Instant::now());
    loop {
        if let Some(progress) = &mut progress {
            progress.update(format!("{doing}  {} s", started.elapsed().as_secs()));
        }
        if let Ok(done) = tokio::time::timeout(EVERY, &mut work).await {
            if let Some(progress) = progress {
                progress.clear();
            }
            return done;
        }
    }
}

/// Says what the hub has.
pub(super) fn status(session: &Session) -> Result<(), CommandError> {
    block_on(async { tell(session, &session.hub()?, Feeds::Listed).await })
}

/// A level that packs as fast as a disk writes.
const PACK_LEVEL: i32 = 3;

/// How much is told of the feeds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Feeds {
    /// And nobody is warned of anything.
    Unwarned,
    Counted,
    Listed,
}

async fn tell(session: &Session, hub: &outbound::HubClient, feeds: Feeds) -> Result<(), CommandError> {
    let state: Value = hub.get(&Endpoint::api(["advisories"])).await?;
    if session.format() == Format::Json {
        return output::print_json(&state);
    }
    if state["digest"].is_null() {
        output::print_line("The hub has no advisories yet.")?;
        output::note("An administrator brings them: `garrison db update --hub`, or `garrison db import --hub FILE`.");
        return Ok(());
    }
    let newest = second(&state["newest_at"]);
    let told = advisories::moment(newest);
    output::print_line(&format!("The hub has advisories of {told}, {}", session::size(&state["size_bytes"])))?;
    if feeds == Feeds::Unwarned {
        return Ok(());
    }
    if feeds == Feeds::Listed {
        output::print_line(table(&state).render(output::width()).trim_end())?;
        let newest = newest.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        if let Some(old) = findings::are_old(newest, jiff::Timestamp::now()) {
            output::note(&format!("warning: {old}; `garrison db update --hub` has the hub fetch it"));
        } else {
            for old in old_feeds(&state) {
                output::note(&output::printable(&format!("warning: {old}")));
            }
        }
    }
    for warning in failing(&state) {
        output::note(&output::printable(&warning));
    }
    for ended in state["ended"].as_array().into_iter().flatten() {
        if let (Some(release), Some(until)) = (ended["release"].as_str(), ended["until"].as_str()) {
            let text = format!("warning: images of the hub are of {release}, which was mended until {until}");
            output::note(&output::printable(&text));
        }
    }
    Ok(())
}

fn second(moment: &Value) -> Option<i64> {
    moment.as_str()?.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

/// Returns the hub's feeds: what is of each in its database, and when it was found good last, as far as that is told.
fn table(state: &Value) -> Table {
    let column = |title, align, rank| Column { title, align, rank };
    let mut table = Table::new(vec![
        column("FEED", Align::Left, 0),
        column("RECORDS", Align::Right, 0),
        column("NEWEST", Align::Left, 1),
        column("FETCHED", Align::Left, 2),
    ]);
    for feed in state["feeds"].as_array().into_iter().flatten() {
        table.row(&[
            feed["name"].as_str().unwrap_or_default().to_owned(),
            feed["advisories"].to_string(),
            advisories::dated(second(&feed["newest_at"]), !ecosystems_old_by(feed).is_empty()),
            advisories::moment(second(&feed["fetched_at"])),
        ]);
    }
    table
}

/// Returns the ecosystems of which what is known is old by a feed.
fn ecosystems_old_by(feed: &Value) -> Vec<&str> {
    feed["old_ecosystems"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Returns a word on each feed by which what is known of ecosystems is old.
fn old_feeds(state: &Value) -> Vec<String> {
    /// More are counted.
    const NAMED_MAX: usize = 4;
    let feeds = state["feeds"].as_array().into_iter().flatten();
    let word = |feed: &Value| {
        let ecosystems = ecosystems_old_by(feed);
        let named = ecosystems.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
        let more = ecosystems.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let name = feed["name"].as_str()?;
        (!named.is_empty())
            .then(|| format!("what `{name}` says of {named}{more} is old: what was published since is not found"))
    };
    feeds.filter_map(word).collect()
}

/// Returns a word on the feeds of which what came was not taken: one for those of which there is something, and one for those of which there is nothing.
fn failing(state: &Value) -> Vec<String> {
    /// More are counted.
    const NAMED_MAX: usize = 4;
    let feeds = state["feeds"].as_array().into_iter().flatten();
    let failed = feeds.filter_map(|feed| {
        let has_records = feed["advisories"].as_u64().is_some_and(|records| records > 0);
        Some((has_records, feed["name"].as_str()?, feed["error"].as_str()?))
    });
    let (kept, missing): (Vec<_>, Vec<_>) = failed.partition(|(has_records, ..)| *has_records);
    let word = |failed: &[(bool, &str, &str)], [one, many]: [&str; 2]| match failed {
        [] => None,
        [(_, name, error)] => Some(format!("warning: {name}: {error}; {one}")),
        [(_, first, error), ..] => {
            let names = failed.iter().take(NAMED_MAX).map(|(_, name, _)| *name).collect::<Vec<_>>().join(", ");
            let rest = failed.len().saturating_sub(NAMED_MAX);
            let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            let count = failed.len();
            Some(format!("warning: {count} feeds were not had, {many}: {names}{more}; {first}: {error}"))
        }
    };
    let kept = word(&kept, ["its last good state stays in use", "and their last good states stay in use"]);
    let missing = word(&missing, ["there is nothing of it", "and there is nothing of them"]);
    kept.into_iter().chain(missing).collect()
}

/// Returns whether a hub is chosen.
pub(super) fn is_chosen(session: &Session) -> Result<bool, CommandError> {
    let contexts = session.contexts()?;
    Ok(session.find_current(&contexts)?.is_some())
}

/// Takes the database of the current hub; false when no hub is chosen.
pub(super) fn take(session: &Session, acceptance: Acceptance, is_quiet: bool) -> Result<bool, CommandError> {
    let contexts = session.contexts()?;
    let Some((_, context)) = session.find_current(&contexts)? else { return Ok(false) };
    let options = options(context)?;
    block_on(async {
        let client = RegistryClient::new(options).map_err(failed)?;
        let repository: RepositoryName = REPOSITORY.parse().map_err(|error| CommandError::new(Kind::Bug, error))?;
        let tag: Reference = TAG.parse().map_err(|error| CommandError::new(Kind::Bug, error))?;
        let manifest = match client.fetch_manifest(&repository, &tag).await {
            Err(RegistryError::Refused { status: 404, .. }) => {
                return Err(CommandError::new(Kind::Environment, "the hub has no advisories yet")
                    .hint(
                        "an administrator brings them: `garrison db update --hub`, or `garrison db import --hub FILE`",
                    )
                    .hint("`garrison db update --from-feeds` asks the publishers instead"));
            }
            found => found.map_err(failed)?,
        };
        let artifact = Artifact::parse(&manifest.bytes)
            .map_err(|error| CommandError::environment("failed to understand what the hub has", error))?;
        let progress = (!is_quiet).then(Progress::passing);
        let mut taking = Taking { client, repository, acceptance, progress, bytes: 0, fetched: 0 };
        let how = taking.run(&artifact).await?;
        if let Some(progress) = taking.progress.take() {
            progress.clear();
        }
        report(session, &artifact, how, taking.fetched)
    })?;
    Ok(true)
}

/// How a database came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Had,
    Changes,
    Whole,
}

struct Taking {
    client: RegistryClient,
    repository: RepositoryName,
    acceptance: Acceptance,
    progress: Option<Progress>,
    /// Of the blob that comes.
    bytes: u64,
    fetched: u64,
}

impl Taking {
    async fn run(&mut self, artifact: &Artifact) -> Result<How, CommandError> {
        let store = advisories::store()?;
        let wanted = &artifact.database.digest;
        let current = match store.open_current() {
            Ok((digest, _)) if digest == *wanted => return Ok(How::Had),
            Ok(current) => Some(current),
            Err(StoreError::Missing { .. } | StoreError::Corrupt { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        if let Some((digest, database)) = current
            && let Some(way) = artifact.way_from(&digest)
        {
            match self.changed(database.file_bytes().to_vec(), &way).await {
                Ok(file) => {
                    store.import(file.as_slice(), Some(wanted), self.acceptance, Fewer::Any)?;
                    return Ok(How::Changes);
                }
                // The whole of it is right, whatever became of its changes.
                Err(reason) => output::note(&output::printable(&format!("Taking the whole database: {reason}"))),
            }
        }
        let blob = &artifact.database;
        let file = self.fetch(&blob.blob, blob.packed_bytes).await?;
        store.import(file, Some(wanted), self.acceptance, Fewer::Any)?;
        Ok(How::Whole)
    }

    /// Applies one change after another; a failure is told in words.
    async fn changed(&mut self, mut file: Vec<u8>, way: &[&::advisories::PackedDelta]) -> Result<Vec<u8>, String> {
        for step in way {
            let packed = self.fetch(&step.blob, step.packed_bytes).await.map_err(|_| "a change cannot be fetched")?;
            let mut delta = Vec::new();
            let decoder = zstd::Decoder::new(packed).map_err(|error| error.to_string())?;
            let limit = DELTA_BYTES_MAX as u64 + 1;
            decoder.take(limit).read_to_end(&mut delta).map_err(|error| error.to_string())?;
            let delta = Delta::parse(&delta).map_err(|error| error.to_string())?;
            let database = Database::open(&file).map_err(|error| error.to_string())?;
            file = apply_delta(&database, delta).map_err(|error| error.to_string())?;
        }
        Ok(file)
    }

    /// Fetches a blob into a file that has no name.
    async fn fetch(&mut self, digest: &oci::Digest, size_bytes: u64) -> Result<std::fs::File, CommandError> {
        let kept = |source| CommandError::environment("failed to keep what the hub sends", source);
        let mut file = tempfile::tempfile().map_err(kept)?;
        let mut blob = self.client.fetch_blob(&self.repository, digest, size_bytes).await.map_err(failed)?;
        self.bytes = 0;
        while let Some(bytes) = blob.chunk().await.map_err(failed)? {
            file.write_all(&bytes).map_err(kept)?;
            self.bytes += bytes.len() as u64;
            if let Some(progress) = &mut self.progress {
                let of = session::size(&size_bytes.into());
                progress.update(format!("advisories  {} of {of}", session::size(&self.bytes.into())));
            }
        }
        self.fetched += self.bytes;
        file.rewind().map_err(kept)?;
        Ok(file)
    }
}

fn report(session: &Session, artifact: &Artifact, how: How, fetched: u64) -> Result<(), CommandError> {
    let digest = format!("sha256:{}", artifact.database.digest);
    if session.format() == Format::Json {
        let how = match how {
            How::Had => "had",
            How::Changes => "changes",
            How::Whole => "whole",
        };
        return output::print_json(&json!({ "digest": digest, "how": how, "fetched_bytes": fetched }));
    }
    let database = advisories::store()?.open()?;
    let newest = advisories::moment(advisories::newest(&database)?);
    let fetched = session::size(&fetched.into());
    output::print_line(&match how {
        How::Had => format!("Advisories of {newest} are in use, which are the hub's newest"),
        How::Changes => format!("Advisories of {newest} are in use; {fetched} of changes came from the hub"),
        How::Whole => format!("Advisories of {newest} are in use; {fetched} came from the hub"),
    })
}

fn options(context: &Context) -> Result<RegistryOptions, CommandError> {
    let credentials = match (&context.user, &context.secret) {
        (Some(user), Some(secret)) => Some(RegistryCredentials::Basic { user: user.clone(), secret: secret.clone() }),
        _ => None,
    };
    Ok(RegistryOptions {
        address: session::address(&context.hub)?,
        credentials,
        ca_file: context.ca_file.clone(),
        plain_http: context.plain_http,
        pause: PAUSE,
    })
}

fn failed(error: RegistryError) -> CommandError {
    let hints = error.hints();
    CommandError::new(Kind::Environment, error).with_hints(hints)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feeds_by_which_something_is_old_are_a_line_each() {
        let check = |old: &[&str], expected: &[&str]| {
            let feeds =
                [json!({ "name": "new", "old_ecosystems": [] }), json!({ "name": "pypa", "old_ecosystems": old })];
            assert_eq!(old_feeds(&json!({ "feeds": feeds })), expected);
        };
        check(&[], &[]);
        check(&["PyPI"], &["what `pypa` says of PyPI is old: what was published since is not found"]);
        check(
            &["a", "b", "c", "d", "e"],
            &["what `pypa` says of a, b, c, d and 1 more is old: what was published since is not found"],
        );
    }

    #[test]
    fn feeds_that_fail_are_a_line() {
        let check = |feeds: &[(&str, u64, Option<&str>)], expected: &[&str]| {
            let feeds: Vec<Value> = feeds
                .iter()
                .map(|(name, records, error)| json!({ "name": name, "advisories": records, "error": error }))
                .collect();
            assert_eq!(failing(&json!({ "feeds": feeds })), expected);
        };
        check(&[], &[]);
        check(&[("a", 7, None), ("b", 0, None)], &[]);
        check(
            &[("a", 7, Some("gone")), ("b", 0, Some("far"))],
            &["warning: a: gone; its last good state stays in use", "warning: b: far; there is nothing of it"],
        );
        let failed = |name: &'static str, records| (name, records, Some("far"));
        check(
            &[failed("a", 0), failed("b", 0), failed("c", 0), failed("d", 0)],
            &["warning: 4 feeds were not had, and there is nothing of them: a, b, c, d; a: far"],
        );
        check(
            &[failed("a", 1), failed("b", 1), failed("c", 1), failed("d", 1), failed("e", 1)],
            &["warning: 5 feeds were not had, and their last good states stay in use: a, b, c, d and 1 more; a: far"],
        );
    }
}

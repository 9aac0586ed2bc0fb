//! The audit log.

use axum::response::Response;
use http::StatusCode;
use ledger::audit::{self, Filter, KeptHead, Verification as Against};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use translog::VerifierKey;

use super::{refused, time};
use crate::endpoint::Call;
use crate::failure::Failure;
use crate::page::{Envelope, PageParameters};

/// A record.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Record {
    /// Row.
    id: i64,
    /// Number in the sealed log, once it has one.
    sequence: Option<u64>,
    /// When.
    at: String,
    /// Who.
    actor: String,
    /// What.
    action: String,
    /// To what.
    resource: String,
    /// `allowed`, `denied` or `failed`.
    outcome: String,
    /// How many times, for denials within a minute.
    count: i64,
    /// More about it.
    detail: Value,
}

/// A page of records.
pub(crate) type RecordPage = Envelope<Record>;

/// The newest signed head.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Head {
    /// A C2SP checkpoint: keep it, and verify later that the log continues it. Null before the first record is sealed.
    head: Option<String>,
}

/// What to verify against.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyRequest {
    /// A head that was kept.
    since: Option<String>,
}

/// What verification found.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Verification {
    /// Whether nothing is wrong.
    ok: bool,
    /// Sealed records.
    size: u64,
    /// Heads in the database, and heads kept elsewhere, that were checked.
    heads: u64,
    kept_heads: u64,
    /// Records that are not sealed yet.
    unsealed: u64,
    /// What is wrong, in the order of the log.
    problems: Vec<String>,
    /// How many more problems there are.
    more_problems: u64,
}

pub(crate) async fn list(call: Call) -> Result<Response, Failure> {
    let page = PageParameters::of(&call.target)?;
    let before = page.before_id()?;
    let outcome = call
        .target
        .query("outcome")
        .map(str::parse)
        .transpose()
        .map_err(|error: audit::UnknownOutcome| refused("outcome", &error))?;
    let text = |name: &str| call.target.query(name).map(ToOwned::to_owned);
    let filter = Filter { actor: text("actor"), action_prefix: text("action"), outcome, ..Filter::default() };
    let limit = u32::try_from(page.limit).unwrap_or(u32::MAX);
    let found = call.app.db.read(move |tx| Box::pin(async move { audit::list(tx, &filter, before, limit).await }));
    let found: audit::Page = found.await?;
    // A page of one project's records may be short, or empty, while there is a next one.
    let project = call.target.query("project");
    let is_wanted = |entry: &audit::Entry| project.is_none_or(|project| is_of(project, &entry.resource));
    let record = |entry: audit::Entry| Record {
        id: entry.id,
        sequence: entry.sequence,
        at: time(entry.recorded_at_us),
        actor: entry.actor,
        action: entry.action,
        resource: entry.resource,
        outcome: entry.outcome,
        count: entry.count,
        detail: serde_json::from_str(&entry.detail).unwrap_or(Value::Null),
    };
    Envelope::answer(
        &page,
        found.entries.into_iter().filter(is_wanted).map(record).collect(),
        found.next.map(|next| next.to_string()),
    )
}

pub(crate) async fn head(call: Call) -> Result<Response, Failure> {
    let head = call.app.db.read(move |tx| Box::pin(async move { audit::latest_head(tx).await })).await?;
    Failure::json(StatusCode::OK, &Head { head })
}

pub(crate) async fn verify(mut call: Call) -> Result<Response, Failure> {
    let request: VerifyRequest = call.json().await?;
    let app = &call.app;
    let origin = app.audit_origin().await?;
    let keys = app.tenancy.audit_keys().await?.verifying;
    let keys = keys.into_iter().map(|public| VerifierKey::new(&origin, public)).collect::<Result<Vec<_>, _>>();
    let mut kept: Vec<KeptHead> =
        request.since.into_iter().map(|note| KeptHead { source: "since".to_owned(), note }).collect();
    if let Some(path) = app.heads_file.clone() {
        let read = tokio::task::spawn_blocking(move || audit::read_heads_file(&path)).await;
        let notes = read.map_err(Failure::internal)?.map_err(Failure::internal)?;
        kept.extend(notes.into_iter().map(|note| KeptHead { source: "heads file".to_owned(), note }));
    }
    let against = Against { origin, keys: keys.map_err(Failure::internal)?, kept };
    let report = audit::verify(&app.db, &against).await?;
    let verification = Verification {
        ok: report.is_ok(),
        size: report.size,
        heads: report.heads,
        kept_heads: report.kept_heads,
        unsealed: report.unsealed,
        problems: report.problems.iter().map(ToString::to_string).collect(),
        more_problems: report.more_problems,
    };
    Failure::json(StatusCode::OK, &verification)
}

/// Returns whether a record's resource is a project or something in it: `team`, `team/api@sha256:…`, `robot:team/ci`.
fn is_of(project: &str, resource: &str) -> bool {
    let (path, is_whole) = match resource.split_once(':') {
        Some(("project" | "repository", rest)) => (rest, true),
        // Without a slash it is a robot of the hub, which may be called as the project is.
        Some(("robot", rest)) => (rest, false),
        _ => (resource, false),
    };
    path.strip_prefix(project).is_some_and(|rest| (is_whole && rest.is_empty()) || rest.starts_with('/'))
}

//! Owners' decisions that findings do not count.

use axum::response::Response;
use http::StatusCode;
use oci::Digest;
use pipeline::{EXCEPTIONS_BYTES_MAX, ExceptionDocument, SetError, Whose};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{refused, time};
use crate::endpoint::Call;
use crate::failure::{Failure, chain};

/// The exceptions that count for a project, or for all.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ExceptionSet {
    /// The document's digest, by which whoever replaces it says which one that is; null while none was set.
    digest: Option<String>,
    /// Who set it.
    set_by: Option<String>,
    /// When.
    set_at: Option<String>,
    /// The document as it was written; empty while none was set.
    document: String,
    /// What it says, in its order.
    exceptions: Vec<Exception>,
}

/// An owner's decision that some findings do not count.
#[derive(Serialize, JsonSchema)]
struct Exception {
    /// Its name in the document.
    id: String,
    /// `current`, `not-begun` or `expired`.
    state: &'static str,
    /// Who decided.
    owner: String,
    /// Why.
    reason: String,
    /// From when on it counts.
    created: String,
    /// From when on it counts no more.
    expires: String,
    /// Patterns of the vulnerabilities, by any of their names.
    vulnerabilities: Vec<String>,
    /// Patterns of the packages; empty for all.
    purls: Vec<String>,
    /// Patterns of where the component is; empty for anywhere.
    paths: Vec<String>,
    /// Patterns of the repositories; empty for all.
    scope: Vec<String>,
    /// What must be so besides: `only-without-fix`.
    condition: Option<&'static str>,
    /// Whether anything that is held in its scope has what it speaks of, whatever the path; null when it does not count now, and where that is
    /// not known.
    matches: Option<bool>,
}

impl ExceptionSet {
    fn of(document: Option<ExceptionDocument>, reach: &[Option<bool>], now_us: i64) -> Self {
        let Some(document) = document else {
            return Self { digest: None, set_by: None, set_at: None, document: String::new(), exceptions: Vec::new() };
        };
        let now = now_us.div_euclid(1_000_000);
        let entry_time = |seconds: i64| time(seconds.saturating_mul(1_000_000));
        let reach = reach.iter().copied().chain(std::iter::repeat(None));
        let exceptions = document.exceptions.entries().iter().zip(reach).map(|(entry, matches)| Exception {
            id: entry.id.clone(),
            state: match () {
                () if entry.expires <= now => "expired",
                () if entry.created > now => "not-begun",
                () => "current",
            },
            owner: entry.owner.clone(),
            reason: entry.reason.clone(),
            created: entry_time(entry.created),
            expires: entry_time(entry.expires),
            vulnerabilities: entry.vulnerabilities.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
            purls: entry.purls.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
            paths: entry.paths.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
            scope: entry.scope.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
            condition: entry.condition.map(policy::Condition::name),
            matches,
        });
        Self {
            digest: Some(document.digest.to_string()),
            set_by: Some(document.actor),
            set_at: Some(time(document.set_at_us)),
            exceptions: exceptions.collect(),
            document: document.text,
        }
    }
}

impl Call {
    /// Returns for whom the document is that the path names: for a project, or for all.
    pub(super) async fn whose(&self) -> Result<Whose, Failure> {
        match self.target.parameter("project") {
            "" => Ok(Whose::Hub),
            // An administrator may name a project that there is not.
            project => Ok(Whose::Project(self.app.tenancy.get_project(project).await?.name)),
        }
    }

    /// Returns the digest of the document that this one is to take the place of.
    pub(super) fn replaces(&self) -> Result<Option<Digest>, Failure> {
        let replaces = self.target.query("replaces").filter(|text| !text.is_empty());
        replaces.map(str::parse::<Digest>).transpose().map_err(|error| refused("replaces", &error))
    }

    async fn exceptions_document(&mut self) -> Result<String, Failure> {
        let bytes = self.bytes(EXCEPTIONS_BYTES_MAX, too_large).await?;
        String::from_utf8(bytes).map_err(|_| Failure::bad_request("EXCEPTIONS_INVALID", "the document is not UTF-8"))
    }
}

fn too_large() -> Failure {
    let message = format!("the document is larger than the limit of {EXCEPTIONS_BYTES_MAX} bytes");
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "EXCEPTIONS_INVALID", message)
        .hint("leave out what has expired, or let projects have exceptions of their own")
}

impl From<SetError> for Failure {
    fn from(error: SetError) -> Self {
        match error {
            SetError::ProjectUnknown(_) => Self::not_found("PROJECT_UNKNOWN", error.to_string()),
            SetError::TooLarge { .. } => too_large(),
            SetError::Refused(ref source) => {
                let failure = misread("EXCEPTIONS_INVALID", chain(&error), source);
                match source.nearest() {
                    Some(_) => failure,
                    None => failure.hint("`garrison exceptions check FILE` reads it as the hub does"),
                }
            }
            SetError::Changed { current, .. } => changed("EXCEPTIONS_CHANGED", error.to_string(), current),
            SetError::Failed(error) => error.into(),
        }
    }
}

/// Tells where a document is wrong, and what was meant perhaps.
pub(super) fn misread(code: &'static str, text: String, source: &policy::ReadError) -> Failure {
    let mut failure = Failure::bad_request(code, text);
    failure.detail = Box::new(match source.place() {
        Some((line, column)) => json!({ "line": line, "column": column }),
        None => serde_json::Value::Null,
    });
    match source.nearest() {
        Some(nearest) => failure.hint(format!("did you mean `{nearest}`?")),
        None => failure,
    }
}

/// Tells that another document counts than the one that was read.
pub(super) fn changed(code: &'static str, text: String, current: Digest) -> Failure {
    let mut failure = Failure::new(StatusCode::PRECONDITION_FAILED, code, text);
    failure.detail = Box::new(json!({ "current": current.to_string() }));
    failure.hint("read it again, make the change there, and set it with `replaces` as the digest that was read")
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let whose = call.whose().await?;
    let document = call.app.pipeline.exceptions(&whose).await?;
    let reach = match &document {
        Some(document) => call.app.pipeline.effects(&whose, &document.exceptions).await?,
        None => Vec::new(),
    };
    Failure::json(StatusCode::OK, &ExceptionSet::of(document, &reach, call.app.now_us()))
}

pub(crate) async fn set(mut call: Call) -> Result<Response, Failure> {
    let replaces = call.replaces()?;
    let (whose, actor) = (call.whose().await?, call.actor());
    let text = call.exceptions_document().await?;
    let document = call.app.pipeline.set_exceptions(&whose, &actor, text, replaces).await?;
    call.app.jobs.notify();
    Failure::json(StatusCode::OK, &ExceptionSet::of(Some(document), &[], call.app.now_us()))
}

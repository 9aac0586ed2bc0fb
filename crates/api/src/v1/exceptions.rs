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
use crate::page::{PageParameters, decode_cursor, encode_cursor};

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
    /// What to pass as `after` for the exceptions that follow; null on the last page.
    next: Option<String>,
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
    /// Whether it covers anything that is held in its scope; null when it does not count now, and where that is not known.
    matches: Option<bool>,
}

/// Exceptions of a document that are told, in its order.
struct Shown<'a> {
    entries: &'a [policy::Exception],
    reach: Vec<Option<bool>>,
    next: Option<String>,
}

impl ExceptionSet {
    fn none() -> Self {
        let (document, exceptions) = (String::new(), Vec::new());
        Self { digest: None, set_by: None, set_at: None, document, exceptions, next: None }
    }

    fn of(document: &ExceptionDocument, shown: Shown<'_>, now_us: i64) -> Self {
        let now = now_us.div_euclid(1_000_000);
        let entry_time = |seconds: i64| time(seconds.saturating_mul(1_000_000));
        let words = |patterns: &[component::Pattern]| patterns.iter().map(|one| one.as_str().to_owned()).collect();
        let exceptions = shown.entries.iter().zip(shown.reach).map(|(entry, matches)| Exception {
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
            vulnerabilities: words(&entry.vulnerabilities),
            purls: entry.purls.iter().map(|one| one.written().to_string()).collect(),
            paths: words(&entry.paths),
            scope: words(&entry.scope),
            condition: entry.condition.map(policy::Condition::name),
            matches,
        });
        Self {
            digest: Some(document.digest.to_string()),
            set_by: Some(document.actor.clone()),
            set_at: Some(time(document.set_at_us)),
            exceptions: exceptions.collect(),
            document: document.text.clone(),
            next: shown.next,
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

    /// The same for who reads it: what is decided for a project names its repositories, and tells what is in them.
    pub(super) async fn whose_to_read(&self) -> Result<Whose, Failure> {
        let whose = self.whose().await?;
        if let Whose::Project(project) = &whose
            && !self.pulls_from_all(project).await?
        {
            let message =
                format!("this speaks of all repositories of project `{project}`, and you may pull from some alone");
            return Err(Failure::new(StatusCode::FORBIDDEN, "DENIED", message)
                .hint("`garrison scan IMAGE` tells what is decided about an image that you may pull"));
        }
        Ok(whose)
    }

    /// Returns the digest of the document that this one is to take the place of.
    pub(super) fn replaces(&self) -> Result<Option<Digest>, Failure> {
        let replaces = self.target.query("replaces").filter(|text| !text.is_empty());
        replaces.map(str::parse::<Digest>).transpose().map_err(|error| refused("replaces", &error))
    }

    /// Returns the digest of the document that is asked for, which may have counted before.
    pub(super) fn asked_document(&self) -> Result<Option<Digest>, Failure> {
        let digest = self.target.query("digest").filter(|text| !text.is_empty());
        digest.map(str::parse::<Digest>).transpose().map_err(|error| refused("digest", &error))
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

/// Tells that no document was set that has such a digest.
pub(super) fn never_set(digest: Digest) -> Failure {
    Failure::not_found("DOCUMENT_UNKNOWN", format!("no document {digest} was set here"))
        .hint("without `digest` it is the one that counts")
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let whose = call.whose_to_read().await?;
    let page = PageParameters::of(&call.target)?;
    let pipeline = &call.app.pipeline;
    let found = match call.asked_document()? {
        Some(digest) => match pipeline.exceptions_by_digest(&whose, digest).await? {
            None => return Err(never_set(digest)),
            document => document,
        },
        None => pipeline.exceptions(&whose).await?,
    };
    let Some(document) = found else { return Failure::json(StatusCode::OK, &ExceptionSet::none()) };
    let entries = document.exceptions.entries();
    let from = match page.after.as_deref().map(decode_cursor).transpose()? {
        Some((_, digest)) if digest != document.digest => {
            let message = "the exceptions were changed since the page before";
            return Err(Failure::bad_request("CURSOR_INVALID", message).hint("ask for all of them again"));
        }
        after => after.map_or(0, |(from, _)| usize::try_from(from).unwrap_or(usize::MAX).min(entries.len())),
    };
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let to = from.saturating_add(limit).min(entries.len());
    let next = i64::try_from(to).ok().filter(|_| to < entries.len());
    let entries = &entries[from..to];
    let reach = call.app.pipeline.effects(&whose, entries).await?;
    let next = next.map(|to| page.told(encode_cursor(to, &document.digest)));
    let shown = Shown { entries, reach, next };
    Failure::json(StatusCode::OK, &ExceptionSet::of(&document, shown, call.app.now_us()))
}

pub(crate) async fn set(mut call: Call) -> Result<Response, Failure> {
    let replaces = call.replaces()?;
    let (whose, actor) = (call.whose().await?, call.actor());
    let text = call.exceptions_document().await?;
    let document = call.app.pipeline.set_exceptions(&whose, &actor, text, replaces).await?;
    call.app.jobs.notify();
    let entries = document.exceptions.entries();
    let shown = Shown { entries, reach: vec![None; entries.len()], next: None };
    Failure::json(StatusCode::OK, &ExceptionSet::of(&document, shown, call.app.now_us()))
}

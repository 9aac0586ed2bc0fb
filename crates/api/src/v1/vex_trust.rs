//! Whose VEX counts in the hub.

use axum::response::Response;
use component::Pattern;
use http::StatusCode;
use pipeline::{SetError, VexTrustDocument};
use policy::TRUST_BYTES_MAX;
use schemars::JsonSchema;
use serde::Serialize;

use super::exceptions::{changed, misread, never_set};
use super::time;
use crate::endpoint::Call;
use crate::failure::{Failure, chain};

/// Whose VEX counts: authors of documents, and who may push them beside images.
#[derive(Serialize, JsonSchema)]
pub(crate) struct VexTrust {
    /// The document's digest, by which whoever replaces it says which one that is; null while none was set.
    digest: Option<String>,
    /// Who set it.
    set_by: Option<String>,
    /// When.
    set_at: Option<String>,
    /// The document as it was written; empty while none was set.
    document: String,
    /// Patterns of authors, level by level, the most trusted first.
    authors: Vec<Vec<String>>,
    /// Whether the word of authors that no pattern names counts, after that of all who are named.
    others_count: bool,
    /// Patterns of who may have VEX count by pushing it beside an image, as `user:ann` or `robot:ci-web`.
    pushers: Vec<String>,
}

impl VexTrust {
    fn of(set: Option<VexTrustDocument>) -> Self {
        let words = |patterns: &[Pattern]| patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect();
        let trust = set.as_ref().map(|set| (*set.trust).clone()).unwrap_or_default();
        Self {
            digest: set.as_ref().map(|set| set.digest.to_string()),
            set_by: set.as_ref().map(|set| set.actor.clone()),
            set_at: set.as_ref().map(|set| time(set.set_at_us)),
            document: set.map(|set| set.text).unwrap_or_default(),
            authors: trust.authors.iter().map(|level| words(level)).collect(),
            others_count: trust.others_count,
            pushers: words(&trust.pushers),
        }
    }
}

fn too_large() -> Failure {
    let message = format!("the document is larger than the limit of {TRUST_BYTES_MAX} bytes");
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "VEX_TRUST_INVALID", message)
        .hint("one pattern with `*` says what many names do")
}

fn failure(error: SetError) -> Failure {
    match error {
        SetError::TooLarge { .. } => too_large(),
        SetError::Refused(ref source) => misread("VEX_TRUST_INVALID", chain(&error), source),
        SetError::Changed { current, .. } => changed("VEX_TRUST_CHANGED", error.to_string(), current),
        SetError::ProjectUnknown(_) | SetError::Failed(_) => error.into(),
    }
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let pipeline = &call.app.pipeline;
    let set = match call.asked_document()? {
        Some(digest) => match pipeline.vex_trust_by_digest(digest).await? {
            None => return Err(never_set(digest)),
            set => set,
        },
        None => pipeline.vex_trust().await?,
    };
    Failure::json(StatusCode::OK, &VexTrust::of(set))
}

pub(crate) async fn set(mut call: Call) -> Result<Response, Failure> {
    let (replaces, actor) = (call.replaces()?, call.actor());
    let bytes = call.bytes(TRUST_BYTES_MAX, too_large).await?;
    let text =
        String::from_utf8(bytes).map_err(|_| Failure::bad_request("VEX_TRUST_INVALID", "the document is not UTF-8"))?;
    let set = call.app.pipeline.set_vex_trust(&actor, text, replaces).await.map_err(failure)?;
    call.app.jobs.notify();
    Failure::json(StatusCode::OK, &VexTrust::of(Some(set)))
}

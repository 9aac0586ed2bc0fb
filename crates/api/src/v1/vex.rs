//! What authors of software say about vulnerabilities in it, given to the hub.

use axum::response::Response;
use http::StatusCode;
use oci::Digest;
use pipeline::{VEX_BYTES_MAX, VexDocument, VexError, VexListed};
use schemars::JsonSchema;
use serde::Serialize;

use super::{refused, time};
use crate::endpoint::Call;
use crate::failure::{Failure, chain, respond};
use crate::page::{Envelope, PageParameters};

/// A VEX document that counts for the images of a project, or of all.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Vex {
    /// Digest of the document.
    digest: String,
    /// The name that its author gave it.
    name: String,
    /// Who makes the statements, as the document says; nothing proves it.
    author: String,
    /// `openvex`, `csaf` or `cyclonedx`.
    format: String,
    /// How many statements it makes.
    statements: u64,
    /// Size of the document.
    size_bytes: u64,
    /// Who gave it to the hub.
    given_by: String,
    /// When.
    given_at: String,
    /// Whether it counts; it does unless there is a newer version of it, or its author is not trusted.
    counts: bool,
    /// Why it does not.
    why_not: Option<&'static str>,
}

/// What lies beside an image and is VEX, or may be.
#[derive(Serialize, JsonSchema)]
pub(crate) struct VexBeside {
    /// Digest of the manifest that refers to the image, or to an index that lists it.
    digest: String,
    /// What it refers to.
    subject: String,
    /// Its artifact type.
    artifact_type: String,
    /// Who pushed it.
    pushed_by: String,
    /// When it was pushed last.
    pushed_at: String,
    /// Whether it counts for the image.
    counts: bool,
    /// Why it does not.
    why_not: Option<String>,
    /// The name that its author gave the document; null where it is not read or not understood, as what follows.
    name: Option<String>,
    /// Who makes the statements, as the document says; nothing proves it.
    author: Option<String>,
    /// `openvex`, `csaf` or `cyclonedx`.
    format: Option<String>,
    /// How many statements it makes.
    statements: Option<u64>,
}

/// What lies beside an image and is VEX, or may be.
pub(crate) type VexBesidePage = Envelope<VexBeside>;

impl From<pipeline::VexBeside> for VexBeside {
    fn from(beside: pipeline::VexBeside) -> Self {
        let said = beside.document;
        Self {
            digest: beside.manifest.to_string(),
            subject: beside.subject.to_string(),
            artifact_type: beside.artifact_type,
            pushed_by: beside.pusher,
            pushed_at: time(beside.pushed_at_us),
            counts: beside.why_not.is_none(),
            why_not: beside.why_not,
            name: said.as_ref().map(|said| said.name.clone()),
            author: said.as_ref().map(|said| said.author.clone()),
            format: said.as_ref().map(|said| said.format.clone()),
            statements: said.map(|said| said.statements),
        }
    }
}

/// VEX documents that count.
pub(crate) type VexPage = Envelope<Vex>;

impl From<VexListed> for Vex {
    fn from(VexListed { document, why_not }: VexListed) -> Self {
        let VexDocument { digest, name, author, format, statements, size_bytes, actor, set_at_us } = document;
        Self {
            digest: digest.to_string(),
            name,
            author,
            format,
            statements,
            size_bytes,
            given_by: actor,
            given_at: time(set_at_us),
            counts: why_not.is_none(),
            why_not,
        }
    }
}

impl From<VexError> for Failure {
    fn from(error: VexError) -> Self {
        match error {
            VexError::ProjectUnknown(_) => Self::not_found("PROJECT_UNKNOWN", error.to_string()),
            VexError::TooLarge { .. } => too_large(),
            VexError::TooMany { .. } => Self::new(StatusCode::CONFLICT, "VEX_INVALID", error.to_string())
                .hint("`garrison vex remove` takes away what counts no more"),
            VexError::Digest { .. } => Self::bad_request("DIGEST_INVALID", error.to_string()),
            VexError::Refused(_) => Self::bad_request("VEX_INVALID", chain(&error))
                .hint("`garrison vex check FILE` reads it as the hub does"),
            VexError::Unknown(_) => Self::not_found("VEX_UNKNOWN", error.to_string()),
            VexError::Failed(error) => error.into(),
        }
    }
}

fn too_large() -> Failure {
    let message = format!("the document is larger than the limit of {VEX_BYTES_MAX} bytes");
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "VEX_INVALID", message).hint(
        "give the hub the statements about what it holds; vendors' whole files are for `garrison scan . --vex FILE`",
    )
}

fn digest(call: &Call) -> Result<Digest, Failure> {
    call.target.parameter("digest").parse::<Digest>().map_err(|error| refused("digest", &error))
}

pub(crate) async fn list(call: Call) -> Result<Response, Failure> {
    let page = PageParameters::of(&call.target)?;
    let documents = call.app.pipeline.list_vex(&call.whose_to_read().await?).await?;
    page.answer_of(documents.into_iter().map(Vex::from).collect(), |document| document.digest.clone())
}

pub(crate) async fn beside(call: Call) -> Result<Response, Failure> {
    let page = PageParameters::of(&call.target)?;
    let (name, image) = call.named_image().await?;
    let beside = call.app.pipeline.vex_beside(&name, image).await?;
    page.answer_of(beside.into_iter().map(VexBeside::from).collect(), |beside| beside.digest.clone())
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let digest = digest(&call)?;
    match call.app.pipeline.vex_document(&call.whose_to_read().await?, digest).await? {
        Some(body) => respond(StatusCode::OK, "application/octet-stream", body),
        None => Err(VexError::Unknown(digest).into()),
    }
}

pub(crate) async fn add(mut call: Call) -> Result<Response, Failure> {
    let (digest, whose, actor) = (digest(&call)?, call.whose().await?, call.actor());
    let bytes = call.bytes(VEX_BYTES_MAX, too_large).await?;
    let added = call.app.pipeline.add_vex(&whose, &actor, bytes, digest).await?;
    call.app.jobs.notify();
    let listed = call.app.pipeline.list_vex(&whose).await?.into_iter().find(|one| one.document.digest == added.digest);
    // Another may have removed it meanwhile.
    let told = listed.unwrap_or(VexListed { document: added, why_not: None });
    Failure::json(StatusCode::OK, &Vex::from(told))
}

pub(crate) async fn remove(call: Call) -> Result<Response, Failure> {
    let (digest, whose) = (digest(&call)?, call.whose().await?);
    call.app.pipeline.remove_vex(&whose, &call.actor(), digest).await?;
    call.app.jobs.notify();
    Failure::empty(StatusCode::NO_CONTENT)
}

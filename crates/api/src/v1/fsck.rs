//! Checks of everything that is stored.

use axum::response::Response;
use http::StatusCode;
use registry::FsckOrder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::jobs;
use crate::endpoint::Call;
use crate::failure::Failure;

/// A check to start.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FsckRequest {
    /// Whether to repair what can be repaired.
    #[serde(default)]
    repair: bool,
}

/// What a check has looked at and found.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FsckReport {
    /// The job that made it.
    job: i64,
    /// Whether it has come to its end.
    finished: bool,
    /// Blobs read and hashed.
    blobs: u64,
    /// Their bytes.
    bytes: u64,
    /// Manifests hashed and followed.
    manifests: u64,
    /// References followed.
    references: u64,
    /// Tags followed.
    tags: u64,
    /// Files compared with the rows.
    files: u64,
    /// Files that nothing names.
    orphans: u64,
    /// Their bytes.
    orphan_bytes: u64,
    /// How much was wrong in all.
    findings_total: u64,
    /// What was wrong, up to a thousand findings.
    findings: Vec<Finding>,
}

/// Something that does not agree.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Finding {
    /// `missing`, `corrupt`, `dangling-tag`, `dangling-reference`, `orphan`, `foreign` or `usage`.
    kind: String,
    /// What it is about.
    subject: String,
    /// What was found.
    detail: String,
    /// Whether it was repaired.
    repaired: bool,
}

pub(crate) async fn start(mut call: Call) -> Result<Response, Failure> {
    let request: FsckRequest = call.json().await?;
    let job = call.app.registry.order_fsck(FsckOrder { repair: request.repair }, &call.actor()).await?;
    call.app.jobs.notify();
    jobs::answer(&call, StatusCode::ACCEPTED, job).await
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let job = jobs::id(&call)?;
    let found = call.app.registry.fsck_report().await?.filter(|report| report.job == job);
    let found = found.ok_or_else(|| jobs::unknown(&job.to_string()))?;
    let finding = |finding: registry::Finding| Finding {
        kind: finding.kind,
        subject: finding.subject,
        detail: finding.detail,
        repaired: finding.repaired,
    };
    let report = found.report;
    let report = FsckReport {
        job: found.job,
        finished: found.finished,
        blobs: report.blobs,
        bytes: report.bytes,
        manifests: report.manifests,
        references: report.references,
        tags: report.tags,
        files: report.files,
        orphans: report.orphans.0,
        orphan_bytes: report.orphans.1,
        findings_total: report.findings_total,
        findings: report.findings.into_iter().map(finding).collect(),
    };
    Failure::json(StatusCode::OK, &report)
}

//! Failures and how each surface tells them.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};
use oci::ErrorCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::endpoint::Surface;

/// Every code that a user can meet, each with a page in `docs/errors`.
pub const ERROR_CODES: &[&str] = &[
    "ACCOUNT_EXISTS",
    "ACCOUNT_UNKNOWN",
    "ADVISORIES_EMPTY",
    "ADVISORIES_LACKING",
    "ADVISORIES_OLDER",
    "ADVISORIES_UNKNOWN",
    "BLOB_TOO_LARGE",
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "BODY_INVALID",
    "CONFLICT",
    "CSRF_REFUSED",
    "CURSOR_INVALID",
    "DENIED",
    "DIGEST_INVALID",
    "DOCUMENT_INVALID",
    "DOCUMENT_UNKNOWN",
    "ENDPOINT_UNKNOWN",
    "EXCEPTIONS_CHANGED",
    "EXCEPTIONS_INVALID",
    "INPUT_INVALID",
    "INVENTORY_UNKNOWN",
    "JOB_UNKNOWN",
    "LAST_ADMINISTRATOR",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_TOO_LARGE",
    "MANIFEST_UNKNOWN",
    "METHOD_NOT_ALLOWED",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "NO_ROOT_FILE_SYSTEM",
    "PAGINATION_NUMBER_INVALID",
    "PARAMETER_INVALID",
    "PROJECT_EXISTS",
    "PROJECT_NOT_EMPTY",
    "PROJECT_UNKNOWN",
    "RANGE_INVALID",
    "SIZE_INVALID",
    "STORAGE_FULL",
    "TAGS_TOO_MANY",
    "TAG_INVALID",
    "TOOMANYREQUESTS",
    "UNAUTHORIZED",
    "UNAVAILABLE",
    "UNKNOWN",
    "UNSUPPORTED",
    "VERSION_RANGE_INVALID",
    "VEX_INVALID",
    "VEX_TRUST_CHANGED",
    "VEX_TRUST_INVALID",
    "VEX_UNKNOWN",
];

/// Why a request failed: what the caller is told, and what the log is told.
#[derive(Debug)]
pub struct Failure {
    /// Status.
    pub status: StatusCode,
    /// Stable code, one of [`ERROR_CODES`].
    pub code: &'static str,
    /// What was refused and why, in one line.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// Facts for programs; boxed, so that an answer that may fail stays small.
    pub detail: Box<Value>,
    /// Headers of the answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What went wrong inside, for the log alone.
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Failure {
    /// A failure with a status and code.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        debug_assert!(ERROR_CODES.contains(&code), "`{code}` has no page");
        Self {
            status,
            code,
            message: message.into(),
            hint: None,
            detail: Box::new(Value::Null),
            headers: Vec::new(),
            cause: None,
        }
    }

    /// A failure with a code of the OCI specification or of its kind.
    pub fn registry(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(status(code), code.as_str(), message)
    }

    /// A request that is not well formed.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// What is not there, or not for this caller.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// A fault of ours or of what we stand on; the caller is told no more than that. Where it is that the database cannot be reached or its disk is full,
    /// whatever was being done, it is told as such.
    pub fn internal(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        let failure = match of_database(&cause) {
            Some(db::Error::Full { .. }) => storage_full(),
            Some(error) if error.is_retryable() => unavailable(),
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", "the hub failed to answer; its log says why"),
        };
        failure.caused_by(cause)
    }

    /// Adds what went wrong inside, for the log alone.
    #[must_use]
    pub(crate) fn caused_by(mut self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds facts for programs.
    #[must_use]
    pub fn detail(mut self, detail: Value) -> Self {
        self.detail = Box::new(detail);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// Answers with JSON.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Result<Response, Self> {
        let body = serde_json::to_vec(value).map_err(Self::internal)?;
        respond(status, "application/json", body)
    }

    /// Answers with a status alone.
    ///
    /// # Errors
    /// Never in practice.
    pub fn empty(status: StatusCode) -> Result<Response, Self> {
        let mut builder = Response::builder().status(status);
        // RFC 9110, section 8.6: a 204 has no `Content-Length`.
        if status != StatusCode::NO_CONTENT {
            builder = builder.header(header::CONTENT_LENGTH, 0);
        }
        builder.body(Body::empty()).map_err(Self::internal)
    }

    /// Renders the failure for a surface. A page is rendered by the console, which falls back to this for what it
    /// cannot show.
    pub fn render(&self, surface: Surface) -> Response {
        let (media_type, body) = match surface {
            Surface::Registry => {
                let message = match &self.hint {
                    Some(hint) => format!("{}; {hint}", self.message),
                    None => self.message.clone(),
                };
                let error = json!({ "code": self.code, "message": message, "detail": self.detail });
                ("application/json", json!({ "errors": [error] }))
            }
            Surface::Api | Surface::Page => {
                let mut problem = json!({
                    "type": format!("/errors/{}", self.code),
                    "title": self.status.canonical_reason().unwrap_or("Error"),
                    "status": self.status.as_u16(),
                    "code": self.code,
                    "detail": self.message,
                });
                if let Some(hint) = &self.hint {
                    problem["hint"] = json!(hint);
                }
                if !self.detail.is_null() {
                    problem["facts"] = Value::clone(&self.detail);
                }
                ("application/problem+json", problem)
            }
        };
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        for (name, value) in &self.headers {
            response.headers_mut().append(name, value.clone());
        }
        response
    }
}

pub(crate) fn respond(status: StatusCode, media_type: &str, body: Vec<u8>) -> Result<Response, Failure> {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, media_type)
        .header(header::CONTENT_LENGTH, body.len())
        .body(Body::from(body))
        .map_err(Failure::internal)
}

/// Finds the database's error among what an error came of.
fn of_database<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e db::Error> {
    std::iter::successors(Some(error), |error| error.source()).find_map(|error| error.downcast_ref())
}

fn status(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Writes an error with its sources on one line, for messages whose sources belong to the caller's own input.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl From<registry::Error> for Failure {
    fn from(error: registry::Error) -> Self {
        use registry::Error;
        let message = error.to_string();
        match error {
            Error::NameUnknown(_) => Self::registry(ErrorCode::NameUnknown, message),
            Error::ProjectUnknown(project) => Self::registry(ErrorCode::NameUnknown, message)
                .hint(format!("create it: garrison project create {project}")),
            Error::ManifestUnknown { .. } => Self::registry(ErrorCode::ManifestUnknown, message),
            Error::BlobUnknown { .. } => Self::registry(ErrorCode::BlobUnknown, message),
            Error::BlobDamaged(digest) => Self::registry(ErrorCode::BlobUnknown, message)
                .hint("push it again; that heals it in every repository")
                .detail(json!({ "digest": digest.to_string() })),
            Error::OwnDocument(_) | Error::OwnBlob(_) => Self::registry(ErrorCode::Denied, message)
                .hint("a project can do without: garrison project set PROJECT sbom-documents false"),
            Error::UploadUnknown => Self::registry(ErrorCode::BlobUploadUnknown, message).hint("begin a new upload"),
            Error::UploadBusy => Self::registry(ErrorCode::BlobUploadInvalid, message)
                .hint("wait for it, then ask where the upload stands"),
            Error::UploadRange { offset, .. } => {
                Self::registry(ErrorCode::RangeInvalid, message).detail(json!({ "offset": offset }))
            }
            Error::SizeMismatch { .. } => Self::registry(ErrorCode::SizeInvalid, message),
            Error::BodyInterrupted { .. } => Self::registry(ErrorCode::BlobUploadInvalid, message),
            Error::TooManyUploads { .. } => Self::registry(ErrorCode::TooManyRequests, message)
                .hint("finish or cancel some; unfinished uploads expire by themselves")
                .header(header::RETRY_AFTER, "60"),
            Error::BlobTooLarge { limit } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "BLOB_TOO_LARGE", message).detail(json!({ "limit": limit }))
            }
            Error::DigestMismatch { .. } => Self::registry(ErrorCode::DigestInvalid, message),
            Error::ManifestInvalid(source) => {
                Self::registry(source.code(), format!("manifest refused: {}", chain(&source)))
            }
            Error::BlobsMissing(missing) => {
                let detail: Vec<Value> = missing.iter().take(100).map(|digest| json!(digest.to_string())).collect();
                Self::registry(ErrorCode::ManifestBlobUnknown, message)
                    .hint("push the blobs first; clients do this by themselves unless a proxy drops the upload")
                    .detail(json!({ "missing": detail }))
            }
            Error::DescriptorSize { .. } => Self::registry(ErrorCode::ManifestInvalid, message)
                .hint("clients would refuse to pull it; make the manifest again from what was pushed"),
            Error::MediaTypeDiffers { ref stored, .. } => {
                let hint = format!("push it as `{stored}`, or delete it first; its tags would change with it");
                Self::registry(ErrorCode::ManifestInvalid, message).hint(hint)
            }
            Error::TagExists { .. } => Self::registry(ErrorCode::Denied, message)
                .hint("moving a tag needs a role that may (`writer`); push under a new tag"),
            Error::TooManyTags { .. } => Self::registry(ErrorCode::TagsTooMany, message),
            Error::Blobs(blobs::Error::StorageFull { .. }) | Error::Database(db::Error::Full { .. }) => {
                storage_full().caused_by(error)
            }
            Error::Database(ref source) if source.is_retryable() => unavailable().caused_by(error),
            Error::Stopping => unavailable().caused_by(error),
            other => Self::internal(other),
        }
    }
}

/// What is expected to work again in a moment.
pub(crate) fn unavailable() -> Failure {
    Failure::registry(ErrorCode::Unavailable, "the hub cannot answer right now; try again")
        .header(header::RETRY_AFTER, "2")
}

/// What works again when somebody makes space.
pub(crate) fn storage_full() -> Failure {
    Failure::new(StatusCode::INSUFFICIENT_STORAGE, "STORAGE_FULL", "the hub's disk is full")
        .hint("free space on the data directory's disk, or delete what is not needed")
}

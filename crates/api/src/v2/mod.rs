//! OCI distribution: the handlers behind `/v2`.

pub(crate) mod base;
pub(crate) mod blobs;
pub(crate) mod lists;
pub(crate) mod manifests;
pub(crate) mod uploads;

use oci::RepositoryName;

use crate::endpoint::{Call, Target};
use crate::failure::{Failure, chain};

impl Call {
    /// Returns the repository of a `/v2` route.
    pub(crate) fn repository(&self) -> Result<&RepositoryName, Failure> {
        self.target
            .route
            .as_ref()
            .and_then(oci::Route::name)
            .ok_or_else(|| Failure::registry(oci::ErrorCode::NameInvalid, "the path names no repository"))
    }
}

pub(crate) fn query_failure(error: oci::QueryError) -> Failure {
    Failure::registry(error.code(), chain(&error))
}

/// Returns the location of something in a repository, relative to this host: no proxy can get it wrong.
pub(crate) fn location(name: &RepositoryName, rest: &str) -> String {
    format!("/v2/{name}/{rest}")
}

pub(crate) fn next_link(path: &str, parameters: &[(&str, &str)]) -> String {
    let query: Vec<String> = parameters
        .iter()
        .map(|(key, value)| {
            let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
            format!("{key}={value}")
        })
        .collect();
    format!("<{path}?{}>; rel=\"next\"", query.join("&"))
}

/// Returns the repository that a mount names as its source, as the client wrote it.
pub(crate) fn mounts_source(target: &Target) -> Option<&str> {
    target.mount_source.as_ref().map(RepositoryName::as_str)
}

//! The hub's own API, version 1.

pub(crate) mod advisories;
pub(crate) mod audit;
pub(crate) mod collection;
pub(crate) mod components;
pub(crate) mod documents;
pub(crate) mod exceptions;
pub(crate) mod explain;
pub(crate) mod findings;
pub(crate) mod fsck;
pub(crate) mod jobs;
pub(crate) mod me;
pub(crate) mod projects;
pub(crate) mod refused;
pub(crate) mod repositories;
pub(crate) mod robots;
pub(crate) mod system;
pub(crate) mod users;
pub(crate) mod vex;
pub(crate) mod vex_trust;

use futures_util::StreamExt;
use http::StatusCode;
use serde::de::DeserializeOwned;
use tenancy::AuthError;

use crate::auth::postponed;
use crate::endpoint::Call;
use crate::failure::{Failure, chain, storage_full, unavailable};

/// Bytes of a JSON body: the largest is a robot with all its grants.
const JSON_BYTES_MAX: usize = 64 << 10;

impl Call {
    /// Reads the request's JSON. Fields that the type does not name are refused, so that nobody believes to have set
    /// what was ignored.
    pub(crate) async fn json<T: DeserializeOwned>(&mut self) -> Result<T, Failure> {
        let bytes = self.bytes(JSON_BYTES_MAX, || {
            let message = format!("the body is larger than the limit of {JSON_BYTES_MAX} bytes");
            Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_INVALID", message)
        });
        let bytes = bytes.await?;
        // A type with named fields would take an array of their values in order, too.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(Failure::bad_request("BODY_INVALID", "the body is refused: it is no JSON object"));
        }
        serde_json::from_slice(&bytes)
            .map_err(|error| Failure::bad_request("BODY_INVALID", format!("the body is refused: {error}")))
    }

    /// Reads the request's body of up to `bytes_max` bytes.
    pub(crate) async fn bytes(
        &mut self,
        bytes_max: usize,
        too_large: impl FnOnce() -> Failure,
    ) -> Result<Vec<u8>, Failure> {
        let (mut stream, mut bytes) = (self.body(), Vec::new());
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|_| Failure::bad_request("BODY_INVALID", "the body was cut off"))?;
            if bytes.len() + chunk.len() > bytes_max {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// Returns a time as RFC 3339.
pub(crate) fn time(at_us: i64) -> String {
    jiff::Timestamp::from_microsecond(at_us).map_or_else(|_| at_us.to_string(), |time| time.to_string())
}

/// Reads a time as RFC 3339.
pub(crate) fn parse_time(field: &str, text: &str) -> Result<i64, Failure> {
    text.parse::<jiff::Timestamp>()
        .map(jiff::Timestamp::as_microsecond)
        .map_err(|error| Failure::bad_request("INPUT_INVALID", format!("`{field}` is no time: {error}")))
}

pub(crate) fn refused(field: &str, error: &dyn std::error::Error) -> Failure {
    Failure::bad_request("INPUT_INVALID", format!("`{field}` is refused: {}", chain(error)))
}

impl From<tenancy::Error> for Failure {
    fn from(error: tenancy::Error) -> Self {
        use tenancy::{Error, Thing};
        if let Error::OldPassword(cause) = error {
            return match *cause {
                cause @ (AuthError::Throttled { .. } | AuthError::Busy | AuthError::Unavailable(_)) => postponed(cause),
                _ => Self::registry(oci::ErrorCode::Denied, "old password was not accepted"),
            };
        }
        let hint = error.hint();
        let message = chain_of_input(&error);
        let failure = match &error {
            Error::NotFound { thing: Thing::Project, .. } => Self::not_found("PROJECT_UNKNOWN", message),
            Error::NotFound { .. } => Self::not_found("ACCOUNT_UNKNOWN", message),
            Error::Exists { thing: Thing::Project, .. } => Self::new(StatusCode::CONFLICT, "PROJECT_EXISTS", message),
            Error::Exists { .. } => Self::new(StatusCode::CONFLICT, "ACCOUNT_EXISTS", message),
            Error::LastAdministrator => Self::new(StatusCode::CONFLICT, "LAST_ADMINISTRATOR", message),
            Error::ProjectNotEmpty { .. } => Self::new(StatusCode::CONFLICT, "PROJECT_NOT_EMPTY", message),
            Error::AccountChanged | Error::RobotExpired { .. } => Self::new(StatusCode::CONFLICT, "CONFLICT", message),
            Error::ProjectName(_)
            | Error::AccountName(_)
            | Error::Password(_)
            | Error::NoPassword
            | Error::OutsideProject { .. }
            | Error::GrantTwice { .. }
            | Error::TooManyGrants { .. }
            | Error::RobotLifetime { .. }
            | Error::Overlap { .. } => Self::bad_request("INPUT_INVALID", message),
            Error::Stopping => return unavailable().caused_by(error),
            Error::Database(db::Error::Full { .. }) => return storage_full().caused_by(error),
            Error::Database(source) if source.is_retryable() => return unavailable().caused_by(error),
            _ => return Self::internal(error),
        };
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

fn chain_of_input(error: &tenancy::Error) -> String {
    match error {
        tenancy::Error::ProjectName(_) | tenancy::Error::AccountName(_) | tenancy::Error::Password(_) => chain(error),
        other => other.to_string(),
    }
}

impl From<db::Error> for Failure {
    fn from(error: db::Error) -> Self {
        match error {
            db::Error::Full { .. } => storage_full().caused_by(error),
            _ if error.is_retryable() => unavailable().caused_by(error),
            _ => Self::internal(error),
        }
    }
}

//! Pages of lists under `/api/v1`: `limit`, `after`, and an envelope with `items` and `next`.

use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use crate::endpoint::Target;
use crate::failure::Failure;

/// Items in a page unless the caller asks for another number.
const LIMIT_DEFAULT: u64 = 100;
/// Items in the largest page: some hundred kilobytes of JSON.
const LIMIT_MAX: u64 = 1_000;

/// `limit` and `after` of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageParameters {
    /// How many items, at most [`LIMIT_MAX`].
    pub limit: u64,
    /// The cursor that the page before gave.
    pub after: Option<String>,
}

impl PageParameters {
    /// Returns the id before which the page begins, in a list that is ordered by id, newest first.
    ///
    /// # Errors
    /// `CURSOR_INVALID` for an `after` that is no id.
    pub fn before_id(&self) -> Result<Option<i64>, Failure> {
        let parsed = |text: &str| text.parse().map_err(|_| Self::invalid(text));
        self.after.as_deref().map(parsed).transpose()
    }

    /// Returns what is answered to an `after` that no page gave.
    pub(crate) fn invalid(after: &str) -> Failure {
        Failure::bad_request("CURSOR_INVALID", format!("`after={after}` is not a cursor of this list"))
    }

    /// Reads them.
    ///
    /// # Errors
    /// `PAGINATION_NUMBER_INVALID` for a limit that is no positive number.
    pub fn of(target: &Target) -> Result<Self, Failure> {
        let limit = match target.query("limit") {
            None => LIMIT_DEFAULT,
            Some(text) => match text.parse::<u64>() {
                Ok(limit) if limit > 0 => limit.min(LIMIT_MAX),
                _ => {
                    return Err(Failure::bad_request(
                        "PAGINATION_NUMBER_INVALID",
                        format!("`limit={text}` is not a positive number"),
                    ));
                }
            },
        };
        Ok(Self { limit, after: target.query("after").filter(|after| !after.is_empty()).map(ToOwned::to_owned) })
    }

    /// Returns them as the accounts' lists take them.
    pub fn for_tenancy(&self) -> tenancy::PageRequest {
        tenancy::PageRequest { after: self.after.clone(), limit: u32::try_from(self.limit).ok() }
    }
}

/// A page of a list.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Envelope<T> {
    /// The items, in order.
    pub(crate) items: Vec<T>,
    /// What to pass as `after` for the next page; null on the last one.
    pub(crate) next: Option<String>,
}

impl<T: Serialize> Envelope<T> {
    pub(crate) fn answer(items: Vec<T>, next: Option<String>) -> Result<Response, Failure> {
        Failure::json(http::StatusCode::OK, &Self { items, next })
    }
}

/// Returns a cursor for a list that is ordered by a time and a digest.
pub fn encode_cursor(at_us: i64, digest: &oci::Digest) -> String {
    format!("{at_us}.{digest}")
}

/// Reads a cursor that [`encode_cursor`] made.
///
/// # Errors
/// `CURSOR_INVALID` for anything else.
pub fn decode_cursor(text: &str) -> Result<(i64, oci::Digest), Failure> {
    text.split_once('.')
        .and_then(|(at_us, digest)| Some((at_us.parse().ok()?, digest.parse().ok()?)))
        .ok_or_else(|| PageParameters::invalid(text))
}

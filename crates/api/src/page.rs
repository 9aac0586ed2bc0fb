//! Pages of lists under `/api/v1`: `limit`, `after`, and an envelope with `items` and `next`.

use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use crate::endpoint::{Surface, Target};
use crate::failure::Failure;

/// Items in a page unless the caller asks for another number.
const LIMIT_DEFAULT: u64 = 100;
/// Items in the largest page: some hundred kilobytes of JSON.
const LIMIT_MAX: u64 = 1_000;

/// Between a cursor and the [`Selection`] that it is of; no name, digest or number holds it.
const OF: char = '~';

/// `limit` and `after` of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageParameters {
    /// How many items, at most [`LIMIT_MAX`].
    pub limit: u64,
    /// The cursor that the page before gave.
    pub after: Option<String>,
    selection: Option<Selection>,
}

/// Which items a list is asked for and in which order, in short. A cursor is a place among those alone: among others it would leave some out and
/// say nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Selection(String);

impl Selection {
    /// Returns what a request selects; nothing where it asks for all there is. Pages are linked by themselves.
    fn of(target: &Target) -> Option<Self> {
        if target.endpoint.surface != Surface::Api {
            return None;
        }
        let is_of_page = |name: &str| matches!(name, "limit" | "after");
        let mut said: Vec<_> =
            target.query.iter().filter(|(name, text)| !is_of_page(name) && !text.is_empty()).collect();
        said.sort();
        let text = serde_json::to_vec(&said).expect("texts have a spelling in JSON");
        let digest = blobs::digest(oci::Algorithm::Sha256, &text).to_string();
        (!said.is_empty()).then(|| Self(digest["sha256:".len()..][..8].to_owned()))
    }
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

    /// Returns the cursor of a page's end as it is told: of this selection, and of no other.
    pub(crate) fn told(&self, cursor: String) -> String {
        match &self.selection {
            Some(Selection(selection)) => format!("{cursor}{OF}{selection}"),
            None => cursor,
        }
    }

    /// Answers with the page of a list that is had whole, each item under a key of its own.
    pub(crate) fn answer_of<T: Serialize>(
        &self,
        mut items: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<Response, Failure> {
        if let Some(after) = &self.after {
            let last = items.iter().position(|item| key(item) == *after).ok_or_else(|| Self::invalid(after))?;
            items.drain(..=last);
        }
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(key);
        Envelope::answer(self, items, next)
    }

    /// Returns what is answered to an `after` that no page gave.
    pub(crate) fn invalid(after: &str) -> Failure {
        Failure::bad_request("CURSOR_INVALID", format!("`after={after}` is not a cursor of this list"))
    }

    /// Reads them.
    ///
    /// # Errors
    /// `PAGINATION_NUMBER_INVALID` for a limit that is no positive number; `CURSOR_INVALID` for a cursor of the list in another order or with
    /// another filter.
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
        let selection = Selection::of(target);
        let after = match target.query("after").filter(|after| !after.is_empty()) {
            None => None,
            Some(told) => match (told.rsplit_once(OF), &selection) {
                (Some((cursor, of)), Some(Selection(selection))) if of == selection => Some(cursor.to_owned()),
                (None, None) => Some(told.to_owned()),
                _ => {
                    let message =
                        "`after` is no cursor of this list as it is asked for: each holds for one order and one filter";
                    let hint = "leave `after` out to begin with the first page, and change nothing else between pages";
                    return Err(Failure::bad_request("CURSOR_INVALID", message).hint(hint));
                }
            },
        };
        Ok(Self { limit, after, selection })
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
    pub(crate) fn answer(page: &PageParameters, items: Vec<T>, next: Option<String>) -> Result<Response, Failure> {
        Failure::json(http::StatusCode::OK, &Self { items, next: next.map(|next| page.told(next)) })
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

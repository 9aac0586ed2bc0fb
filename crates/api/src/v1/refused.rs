//! Images that are not inventoried.

use axum::response::Response;
use http::StatusCode;
use pipeline::{RefusedImage, Why};
use schemars::JsonSchema;
use serde::Serialize;

use super::time;
use crate::endpoint::Call;
use crate::failure::Failure;

/// An image of which the hub has no inventory.
#[derive(Serialize, JsonSchema)]
struct Image {
    /// Repository.
    repository: String,
    /// Digest of the image's manifest.
    digest: String,
    /// First tags of it, and of the indexes that list it.
    tags: Vec<String>,
    /// `refused` where it was looked at, so that there is none before it is pushed again; `waiting` where its inventory waits or failed; `off` where
    /// this hub makes none.
    state: &'static str,
    /// Why there is none.
    reason: String,
    /// When it was looked at; null where it was not.
    refused_at: Option<String>,
}

/// Images of which there is no inventory.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RefusedImages {
    /// The first two hundred: those that nobody looked at, then the others, the last first.
    items: Vec<Image>,
    /// Whether there are more.
    may_be_more: bool,
}

pub(crate) async fn list(call: Call) -> Result<Response, Failure> {
    let refused = call.app.pipeline.refused(&call.readable().await?).await?;
    let item = |image: RefusedImage| Image {
        repository: image.repository.to_string(),
        digest: image.image.to_string(),
        tags: image.tags.iter().map(ToString::to_string).collect(),
        state: match image.why {
            Why::Refused => "refused",
            Why::Waiting => "waiting",
            Why::Off => "off",
        },
        reason: image.reason,
        refused_at: image.refused_at_us.map(time),
    };
    let items = refused.images.into_iter().map(item).collect();
    Failure::json(StatusCode::OK, &RefusedImages { items, may_be_more: refused.is_cut })
}

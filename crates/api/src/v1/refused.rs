//! Images that could not be inventoried.

use axum::response::Response;
use http::StatusCode;
use pipeline::RefusedImage;
use schemars::JsonSchema;
use serde::Serialize;

use super::time;
use crate::endpoint::Call;
use crate::failure::Failure;

/// An image of which the hub has no inventory, and will have none before it is pushed again.
#[derive(Serialize, JsonSchema)]
struct Image {
    /// Repository.
    repository: String,
    /// Digest of the image's manifest.
    digest: String,
    /// First tags of it, and of the indexes that list it.
    tags: Vec<String>,
    /// Why there is none.
    reason: String,
    /// When it was looked at.
    refused_at: String,
}

/// Images of which there is no inventory.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RefusedImages {
    /// The last two hundred that were looked at, the last first.
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
        reason: image.reason,
        refused_at: time(image.refused_at_us),
    };
    let items = refused.images.into_iter().map(item).collect();
    Failure::json(StatusCode::OK, &RefusedImages { items, may_be_more: refused.is_cut })
}

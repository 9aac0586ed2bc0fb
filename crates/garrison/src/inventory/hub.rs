use component::{Inventory, Subject};
use images::{Image, ImageReference};
use outbound::Endpoint;
use sbom::formats::{Format, Limits, read};

use crate::session::{self, block_on, client, contexts};

/// Asks the hub of a reference for the inventory that it has of an image. None where the user is logged in to no such hub; a
/// reason in words where the hub has none to give.
pub(super) fn find(reference: &ImageReference, image: &Image) -> Result<Option<Inventory>, String> {
    // Who has no home has no contexts, and a file that cannot be read was told of when the registry was asked.
    let Ok(contexts) = session::contexts_path().and_then(|_| contexts()) else { return Ok(None) };
    let Some((_, context)) = contexts.find_by_host(&reference.host) else { return Ok(None) };
    // The one format that keeps everything.
    let endpoint = Endpoint::api(["repository", "sbom"])
        .with("name", &reference.repository)
        .with("reference", image.digest)
        .with("format", Format::Syft);
    // What keeps these from working was told of when the image was fetched, or is when its layers are.
    let Ok(hub) = client(context) else { return Ok(None) };
    let Ok(answer) = block_on(async move { Ok(hub.download(&endpoint, Limits::DOCUMENT_BYTES_MAX).await) }) else {
        return Ok(None);
    };
    let document = answer.map_err(|error| error.to_string())?;
    let inventory =
        read(&document).map_err(|error| format!("the hub's inventory is not understood: {error}"))?.inventory;
    let digest = image.digest.to_string();
    match &inventory.subject {
        Subject::Image { digest: found, .. } if *found == digest => Ok(Some(inventory)),
        subject => Err(format!("the hub's inventory is of `{}`, not of {digest}", subject.name())),
    }
}

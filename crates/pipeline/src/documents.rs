//! The hub's own documents beside an image: OCI artifacts whose subject is the image (OCI image specification,
//! "Guidelines for Artifact Usage").

use bytes::Bytes;
use component::Inventory;
use oci::{Digest, media_type};
use registry::{ManifestEntry, OwnDocument};
use sbom::formats::{CycloneDxVersion, Format, WriteOptions, write};
use serde_json::{Value, json};

/// The formats, the one that a fact cites first.
const FORMATS: [Format; 2] = [Format::CycloneDx(CycloneDxVersion::V1_6), Format::Spdx];

/// Says in a manifest who made the document, for people; the hub itself goes by who stored it.
const PRODUCER: &str = "garrison.producer";

/// Writes the documents about an image of a repository.
pub(crate) fn documents(
    repository: &oci::RepositoryName,
    image: &ManifestEntry,
    inventory: &Inventory,
) -> Vec<OwnDocument> {
    let document = |format: Format| {
        let body = Bytes::from(write(inventory, &WriteOptions::new(format)));
        let manifest = manifest(image, format, &body, inventory.created.as_deref());
        OwnDocument {
            repository: repository.clone(),
            subject: image.digest,
            media_type: format.media_type(),
            manifest: Bytes::from(manifest.to_string()),
            body,
        }
    };
    FORMATS.into_iter().map(document).collect()
}

fn manifest(image: &ManifestEntry, format: Format, body: &[u8], created: Option<&str>) -> Value {
    let descriptor = |media_type: &str, digest: Digest, size: usize| json!({ "mediaType": media_type, "digest": digest, "size": size });
    let sha256 = |bytes: &[u8]| blobs::digest(oci::Algorithm::Sha256, bytes);
    let mut annotations = json!({ PRODUCER: "hub" });
    if let Some(created) = created {
        annotations["org.opencontainers.image.created"] = json!(created);
    }
    json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "artifactType": format.media_type(),
        "config": descriptor(media_type::OCI_EMPTY, sha256(b"{}"), 2),
        "layers": [descriptor(format.media_type(), sha256(body), body.len())],
        "subject": descriptor(&image.media_type, image.digest, image.body.len()),
        "annotations": annotations,
    })
}

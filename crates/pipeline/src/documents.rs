//! The hub's own documents beside an image: OCI artifacts whose subject is the image (OCI image specification,
//! "Guidelines for Artifact Usage").

use bytes::Bytes;
use component::Inventory;
use oci::{Digest, media_type};
use registry::{ManifestEntry, OwnDocument, PRODUCER_ANNOTATION};
use sbom::formats::{CycloneDxVersion, Format, WriteOptions, write};
use serde_json::{Value, json};

/// The formats, the one that a fact cites first.
const FORMATS: [Format; 2] = [Format::CycloneDx(CycloneDxVersion::V1_6), Format::Spdx];

/// How many documents lie beside each image.
pub(crate) const DOCUMENTS: usize = FORMATS.len();

/// Writes the documents about an image of a repository.
pub(crate) fn documents(
    repository: &oci::RepositoryName,
    image: &ManifestEntry,
    inventory: &Inventory,
) -> Vec<OwnDocument> {
    let document = |format: Format| {
        let body = Bytes::from(write(inventory, &WriteOptions::new(format)));
        let digest = blobs::digest(oci::Algorithm::Sha256, &body);
        let manifest = manifest(image, format, (digest, body.len()), inventory.created.as_deref());
        OwnDocument {
            repository: repository.clone(),
            subject: image.digest,
            media_type: format.media_type(),
            manifest: Bytes::from(manifest.to_string()),
            digest,
            body,
        }
    };
    FORMATS.into_iter().map(document).collect()
}

fn manifest(image: &ManifestEntry, format: Format, body: (Digest, usize), created: Option<&str>) -> Value {
    let descriptor = |media_type: &str, digest: Digest, size: usize| json!({ "mediaType": media_type, "digest": digest, "size": size });
    let nothing: &[u8] = b"{}";
    // For people and clients; the hub itself goes by who stored it.
    let mut annotations = json!({ PRODUCER_ANNOTATION: "hub" });
    if let Some(created) = created {
        annotations["org.opencontainers.image.created"] = json!(created);
    }
    json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "artifactType": format.media_type(),
        "config": descriptor(media_type::OCI_EMPTY, blobs::digest(oci::Algorithm::Sha256, nothing), nothing.len()),
        "layers": [descriptor(format.media_type(), body.0, body.1)],
        "subject": descriptor(&image.media_type, image.digest, image.body.len()),
        "annotations": annotations,
    })
}

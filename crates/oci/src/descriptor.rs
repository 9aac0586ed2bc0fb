//! Descriptors, as in the OCI image specification, "OCI Content Descriptors".

use std::collections::BTreeMap;

use serde::Serialize;

use crate::digest::Digest;
use crate::media_type;

/// The annotation by which an index says what kind of attestation an entry is.
const ATTESTATION: &str = "vnd.docker.reference.type";

/// Its value for a manifest whose layers are statements.
const ATTESTATION_MANIFEST: &str = "attestation-manifest";

/// The annotation by which an index says of which of its entries one is an attestation.
const ATTESTED: &str = "vnd.docker.reference.digest";

/// The type, digest and size of some content, and what a manifest says about it.
///
/// It is serialised as the descriptor of a referrers answer or an index. It is read only as part of a
/// [`Manifest`](crate::Manifest), so that no descriptor escapes the checks made there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The type of the content.
    pub media_type: String,
    /// The digest of the content.
    pub digest: Digest,
    /// The size of the content in bytes; at most `i64::MAX`.
    pub size: u64,
    /// Where else the content may be had. Never fetched by the registry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// What the manifest's author wrote about the content.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The content itself in base64, as the author gave it; not verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The platform that the content is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The type of artifact, where the content is a manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// Returns whether the content is expected elsewhere, so that a manifest is complete without it.
    pub fn is_foreign(&self) -> bool {
        !self.urls.is_empty()
            || self.media_type == media_type::DOCKER_FOREIGN_LAYER
            || self.media_type.starts_with(media_type::OCI_FOREIGN_LAYER_PREFIX)
    }

    /// Returns whether the author of an index says that this entry is an attestation of another one, as `BuildKit` does ("Image attestation
    /// storage"). Whoever may push an index may say so of any.
    pub fn is_attestation(&self) -> bool {
        self.annotations.contains_key(ATTESTATION)
    }

    /// Returns of which entry of its index this one is an attestation, if its author says so.
    pub fn attests(&self) -> Option<Digest> {
        let is_manifest = self.annotations.get(ATTESTATION).is_some_and(|kind| kind == ATTESTATION_MANIFEST);
        self.annotations.get(ATTESTED).filter(|_| is_manifest)?.parse().ok()
    }

    /// Returns whether the content is a manifest of a known type, not a blob.
    pub fn is_manifest(&self) -> bool {
        media_type::is_manifest(&self.media_type)
    }
}

/// The machine and system that an image runs on; whatever the author left out is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Platform {
    /// The processor, such as `amd64`.
    pub architecture: String,
    /// The system, such as `linux`.
    pub os: String,
    /// The version of the system.
    #[serde(rename = "os.version", skip_serializing_if = "String::is_empty")]
    pub os_version: String,
    /// What the system must be able to do.
    #[serde(rename = "os.features", skip_serializing_if = "Vec::is_empty")]
    pub os_features: Vec<String>,
    /// The variant of the processor, such as `v8`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub variant: String,
}

impl Platform {
    /// Returns whether it says what it must: the system and the processor.
    pub fn is_stated(&self) -> bool {
        !self.os.is_empty() && !self.architecture.is_empty()
    }
}

impl std::fmt::Display for Platform {
    /// Writes `os/architecture` or `os/architecture/variant`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        if !self.variant.is_empty() {
            write!(formatter, "/{}", self.variant)?;
        }
        Ok(())
    }
}

//! The media types that the registry knows, and the grammar of all others (RFC 6838, section 4.2).

/// An OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The manifest type that a release candidate of OCI 1.1 had for artifacts; some stored artifacts still use it.
pub const OCI_ARTIFACT_MANIFEST: &str = "application/vnd.oci.artifact.manifest.v1+json";
/// The configuration of an OCI image.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The two bytes `{}`, which stand where there is nothing to say.
pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// What every OCI layer type that is not to be distributed begins with.
pub const OCI_FOREIGN_LAYER_PREFIX: &str = "application/vnd.oci.image.layer.nondistributable.";
/// A Docker image manifest, version 2 schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// A Docker manifest list.
pub const DOCKER_MANIFEST_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// The configuration of a Docker image.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// What every OCI layer type that may be distributed begins with.
const OCI_LAYER_PREFIX: &str = "application/vnd.oci.image.layer.v1.";
/// What every Docker layer type that may be distributed begins with.
const DOCKER_LAYER_PREFIX: &str = "application/vnd.docker.image.rootfs.diff.";
/// A Docker layer that is had from elsewhere.
pub const DOCKER_FOREIGN_LAYER: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
/// A Docker manifest of schema 1, which is refused.
pub const DOCKER_SCHEMA_1: &str = "application/vnd.docker.distribution.manifest.v1+json";
/// A signed Docker manifest of schema 1, which is refused.
pub const DOCKER_SCHEMA_1_SIGNED: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

/// The artifact types under which VEX lies beside images: as itself, in an in-toto statement, in an envelope or a bundle around one.
pub const VEX_ARTIFACTS: [&str; 9] = [
    "application/vnd.openvex+json",
    "application/openvex+json",
    "application/vnd.csaf+json",
    "application/csaf+json",
    "application/vnd.cyclonedx+json",
    "application/vnd.in-toto+json",
    "application/vnd.dsse.envelope.v1+json",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
];

/// The longest media type or artifact type, in bytes: RFC 6838 allows 127 on each side of the slash.
pub const MEDIA_TYPE_LENGTH_MAX: usize = 255;

const SIDE_LENGTH_MAX: usize = 127;

/// Returns whether a descriptor of this type names a manifest, not a blob.
///
/// The entries of an index may be layers too (build caches are kept so), and manifests of types unknown here.
pub fn is_manifest(media_type: &str) -> bool {
    [OCI_MANIFEST, OCI_INDEX, OCI_ARTIFACT_MANIFEST, DOCKER_MANIFEST, DOCKER_MANIFEST_LIST]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(media_type))
}

/// Returns whether a manifest of this type lists others.
pub fn is_index(media_type: &str) -> bool {
    [OCI_INDEX, DOCKER_MANIFEST_LIST].iter().any(|known| known.eq_ignore_ascii_case(media_type))
}

/// Returns whether what has this type may be VEX. Most of what is in a statement, an envelope or a bundle is not.
pub fn is_vex_artifact(media_type: &str) -> bool {
    VEX_ARTIFACTS.iter().any(|known| known.eq_ignore_ascii_case(media_type))
}

/// Returns whether a configuration of this type is one of a container image.
pub fn is_container_config(media_type: &str) -> bool {
    [OCI_CONFIG, DOCKER_CONFIG].iter().any(|known| known.eq_ignore_ascii_case(media_type))
}

/// Returns whether a layer of this type is part of a root file system: a tar, compressed in whatever way.
pub fn is_root_file_system_layer(media_type: &str) -> bool {
    let media_type = media_type.to_ascii_lowercase();
    [OCI_LAYER_PREFIX, DOCKER_LAYER_PREFIX, OCI_FOREIGN_LAYER_PREFIX]
        .iter()
        .any(|prefix| media_type.strip_prefix(prefix).is_some_and(|rest| rest.contains("tar")))
        || media_type == DOCKER_FOREIGN_LAYER
}

/// Returns the type of a `Content-Type` header without its parameters, which say nothing about a manifest.
pub fn without_parameters(content_type: &str) -> &str {
    content_type.split_once(';').map_or(content_type, |(media_type, _)| media_type).trim_ascii()
}

/// Returns whether a text has the form of a media type, such as `application/example+json`.
pub fn is_well_formed(text: &str) -> bool {
    text.split_once('/').is_some_and(|(kind, subtype)| [kind, subtype].into_iter().all(is_restricted_name))
}

fn is_restricted_name(text: &str) -> bool {
    text.len() <= SIDE_LENGTH_MAX
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
}

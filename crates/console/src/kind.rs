//! What manifests and blobs are, told by the telling part of their types.

use oci::media_type;

use crate::words::foreign;

/// The longest word for a type.
const WORD_BYTES_MAX: usize = 60;
/// The longest type: two of the longest that the registry takes are cut.
const WHOLE_BYTES_MAX: usize = 160;

/// What a manifest or blob is: in a word where it has one, the whole type as its title.
pub(crate) struct Kind {
    pub(crate) word: String,
    pub(crate) whole: String,
}

impl Kind {
    /// Returns what a manifest is.
    pub(crate) fn of_manifest(media_type: &str, artifact_type: Option<&str>, has_subject: bool) -> Self {
        let media_type = media_type.to_ascii_lowercase();
        let is_plain = artifact_type.is_none_or(media_type::is_container_config) && !has_subject;
        let word = match media_type.as_str() {
            media_type::OCI_INDEX | media_type::DOCKER_MANIFEST_LIST if is_plain => "index".to_owned(),
            media_type::OCI_MANIFEST | media_type::DOCKER_MANIFEST if is_plain => "image".to_owned(),
            _ => short(artifact_type.unwrap_or(&media_type)),
        };
        let whole = match artifact_type {
            Some(artifact_type) => format!("{artifact_type} in {media_type}"),
            None => media_type,
        };
        Self::new(&word, &whole)
    }

    /// Returns what a layer is.
    pub(crate) fn of_layer(media_type: &str) -> Self {
        let lower = media_type.to_ascii_lowercase();
        let is_layer = lower.contains(".image.layer.") || lower.contains(".image.rootfs.");
        let word = match lower.rsplit(['.', '+', '/']).next() {
            Some("gzip") if is_layer => "tar, gzip".to_owned(),
            Some("zstd") if is_layer => "tar, zstd".to_owned(),
            Some("tar") if is_layer => "tar".to_owned(),
            _ => short(media_type),
        };
        Self::new(&word, media_type)
    }

    /// Returns what an artifact is.
    pub(crate) fn of_artifact(artifact_type: &str) -> Self {
        Self::new(&short(artifact_type), artifact_type)
    }

    /// Returns what holds SBOMs of an image and is not in the first page of what refers to it.
    pub(crate) fn of_other_sboms() -> Self {
        Self::new(
            "other SBOMs",
            "listed beside the image in an index, under the tag of its attestations, or later among its referrers",
        )
    }

    fn new(word: &str, whole: &str) -> Self {
        Self { word: foreign(word, WORD_BYTES_MAX), whole: foreign(whole, WHOLE_BYTES_MAX) }
    }
}

/// Returns the telling part of a media type.
fn short(text: &str) -> String {
    let text = text.strip_prefix("application/").unwrap_or(text);
    text.strip_prefix("vnd.").unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_told_by_their_packing() {
        for (text, expected) in [
            ("application/vnd.oci.image.layer.v1.tar+gzip", "tar, gzip"),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", "tar, gzip"),
            ("application/vnd.oci.image.layer.v1.tar+zstd", "tar, zstd"),
            ("application/vnd.oci.image.layer.v1.tar", "tar"),
            ("application/vnd.cncf.helm.chart.content.v1.tar+gzip", "cncf.helm.chart.content.v1.tar+gzip"),
            ("text/plain", "text/plain"),
        ] {
            assert_eq!(Kind::of_layer(text).word, expected);
        }
    }

    #[test]
    fn manifests_are_images_indexes_or_artifacts() {
        for (media_type, artifact_type, has_subject, expected) in [
            (media_type::OCI_MANIFEST, Some(media_type::OCI_CONFIG), false, "image"),
            (media_type::DOCKER_MANIFEST, Some("application/vnd.docker.container.image.v1+json"), false, "image"),
            (media_type::OCI_INDEX, None, false, "index"),
            (media_type::OCI_MANIFEST, Some("application/vnd.cyclonedx+json"), true, "cyclonedx+json"),
            (
                media_type::OCI_MANIFEST,
                Some("application/vnd.cncf.helm.config.v1+json"),
                false,
                "cncf.helm.config.v1+json",
            ),
        ] {
            assert_eq!(Kind::of_manifest(media_type, artifact_type, has_subject).word, expected);
        }
    }
}

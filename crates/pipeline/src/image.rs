//! What a manifest and its configuration say of an image together.

use component::Layer;
use oci::{Digest, ImageConfig, ImageConfigError, Manifest, Platform};

/// An image as it describes itself.
#[derive(Debug)]
pub(crate) struct Image {
    /// Its layers, the lowest first.
    pub(crate) layers: Vec<Layer>,
    /// The digests of the layers' blobs and tars, in the same order.
    pub(crate) digests: Vec<(Digest, Digest)>,
    /// `os/architecture[/variant]`.
    pub(crate) platform: Option<String>,
    /// When it was made, in RFC 3339.
    pub(crate) created: Option<String>,
}

/// Why an image cannot be understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    #[error("its configuration is refused")]
    Config(#[from] ImageConfigError),
    #[error("its manifest lists {layers} layers and its configuration {diff_ids}")]
    Count { layers: usize, diff_ids: usize },
}

impl Image {
    /// Reads what the manifest and the bytes of its configuration say.
    pub(crate) fn parse(manifest: &Manifest, config: &[u8]) -> Result<Self, ImageError> {
        let config = ImageConfig::parse(config)?;
        if config.layers.len() != manifest.layers.len() {
            return Err(ImageError::Count { layers: manifest.layers.len(), diff_ids: config.layers.len() });
        }
        let described = manifest.layers.iter().zip(config.layers);
        let (digests, layers) = described
            .map(|(descriptor, layer)| {
                let (digest, diff_id) = (descriptor.digest.to_string(), layer.diff_id.to_string());
                let told = Layer { digest, diff_id, size_bytes: descriptor.size, created_by: layer.created_by };
                ((descriptor.digest, layer.diff_id), told)
            })
            .unzip();
        let platform = Some(config.platform).filter(Platform::is_stated).map(|platform| platform.to_string());
        Ok(Self { layers, digests, platform, created: config.created })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::make::told;

    fn digest(byte: &str) -> String {
        format!("sha256:{}", byte.repeat(32))
    }

    fn manifest(layers: usize) -> Manifest {
        let layer = json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest("aa"), "size": 3});
        let document = json!({
            "schemaVersion": 2, "mediaType": oci::media_type::OCI_MANIFEST,
            "config": {"mediaType": oci::media_type::OCI_CONFIG, "digest": digest("cc"), "size": 2},
            "layers": vec![layer; layers],
        });
        Manifest::parse(None, document.to_string().as_bytes()).unwrap()
    }

    #[track_caller]
    fn check(layers: usize, config: &str, expected: &str) {
        let found = match Image::parse(&manifest(layers), config.as_bytes()) {
            Ok(image) => {
                let commands: Vec<_> = image.layers.iter().map(|layer| layer.created_by.as_deref()).collect();
                format!("{:?} {:?} {commands:?}", image.platform, image.created)
            }
            Err(error) => told(&error),
        };
        assert_eq!(found, expected, "{config}");
    }

    #[test]
    fn an_image_is_what_manifest_and_configuration_agree_on() {
        let d = digest("dd");
        check(
            1,
            "",
            "its configuration is refused: the configuration is not JSON: EOF while parsing a value at line 1 column 0",
        );
        check(1, "{}", "its configuration is refused: the configuration's `rootfs` is missing");
        check(
            2,
            &json!({"rootfs": {"diff_ids": [d]}}).to_string(),
            "its manifest lists 2 layers and its configuration 1",
        );
        check(1, &json!({"rootfs": {"diff_ids": [d]}}).to_string(), "None None [None]");
        check(
            1,
            &json!({"rootfs": {"diff_ids": [d]}, "history": null, "created": "yesterday", "os": "linux"}).to_string(),
            "None None [None]",
        );
        let history = json!([
            {"created_by": "ENV A=1", "empty_layer": true},
            {"created_by": "COPY app /app"},
        ]);
        let full = json!({
            "os": "linux", "architecture": "arm", "variant": "v7", "created": "2026-01-02T03:04:05.678Z",
            "rootfs": {"type": "layers", "diff_ids": [d]}, "history": history,
        });
        check(1, &full.to_string(), r#"Some("linux/arm/v7") Some("2026-01-02T03:04:05.678Z") [Some("COPY app /app")]"#);
    }
}

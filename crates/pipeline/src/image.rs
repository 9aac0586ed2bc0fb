//! What a manifest and its configuration say of an image (OCI image specification, "Image Configuration").

use component::Layer;
use oci::{Digest, Manifest};
use serde::Deserialize;

/// The largest configuration that is read: a history of a thousand long commands has half a mebibyte.
pub(crate) const CONFIG_BYTES_MAX: u64 = 4 << 20;

/// The longest text that is taken over from a configuration; a longer command is cut.
const TEXT_BYTES_MAX: usize = 4096;

/// An image as it describes itself.
#[derive(Debug, PartialEq, Eq)]
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
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ImageError {
    #[error("its configuration is no JSON of an image configuration: {0}")]
    Syntax(String),
    #[error("its manifest lists {layers} layers and its configuration {diff_ids}")]
    Count { layers: usize, diff_ids: usize },
    #[error("its configuration names `{0}` as a layer's digest")]
    DiffId(String),
}

#[derive(Deserialize)]
struct Config {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
    created: Option<String>,
    rootfs: RootFileSystem,
    #[serde(default)]
    history: Option<Vec<History>>,
}

#[derive(Deserialize)]
struct RootFileSystem {
    diff_ids: Vec<String>,
}

#[derive(Deserialize)]
struct History {
    created_by: Option<String>,
    #[serde(default)]
    empty_layer: Option<bool>,
}

impl Image {
    /// Reads what the manifest and the bytes of its configuration say.
    pub(crate) fn parse(manifest: &Manifest, config: &[u8]) -> Result<Self, ImageError> {
        let config: Config =
            serde_json::from_slice(config).map_err(|error| ImageError::Syntax(cut(error.to_string())))?;
        let diff_ids = config.rootfs.diff_ids;
        if diff_ids.len() != manifest.layers.len() {
            return Err(ImageError::Count { layers: manifest.layers.len(), diff_ids: diff_ids.len() });
        }
        let commands = config.history.unwrap_or_default();
        let mut commands = commands.into_iter().filter(|step| step.empty_layer != Some(true));
        let (mut layers, mut digests) = (Vec::with_capacity(diff_ids.len()), Vec::with_capacity(diff_ids.len()));
        for (descriptor, diff_id) in manifest.layers.iter().zip(diff_ids) {
            let parsed: Digest = diff_id.parse().map_err(|_| ImageError::DiffId(cut(diff_id)))?;
            let created_by = commands.next().and_then(|step| step.created_by).map(cut);
            let (digest, diff_id) = (descriptor.digest.to_string(), parsed.to_string());
            layers.push(Layer { digest, diff_id, size_bytes: descriptor.size, created_by });
            digests.push((descriptor.digest, parsed));
        }
        let platform = config.os.zip(config.architecture).map(|(os, architecture)| {
            let variant = config.variant.filter(|variant| !variant.is_empty());
            let variant = variant.map(|variant| format!("/{variant}")).unwrap_or_default();
            cut(format!("{os}/{architecture}{variant}"))
        });
        Ok(Self { layers, digests, platform, created: config.created.filter(|text| is_time(text)) })
    }
}

/// Whether a text has the form of an RFC 3339 time; documents carry it as it is.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits =
        |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    let is = |at: usize, expected: u8| bytes.get(at) == Some(&expected);
    let date = digits(0..4) && is(4, b'-') && digits(5..7) && is(7, b'-') && digits(8..10) && is(10, b'T');
    let time = digits(11..13) && is(13, b':') && digits(14..16) && is(16, b':') && digits(17..19);
    let Some(rest) = text.get(19..) else { return false };
    let rest = rest.strip_prefix('.').map_or(rest, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    let is_offset = rest.len() == 6
        && rest.starts_with(['+', '-'])
        && rest[1..].bytes().enumerate().all(|(at, byte)| if at == 2 { byte == b':' } else { byte.is_ascii_digit() });
    date && time && text.len() <= 40 && (rest == "Z" || is_offset)
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{config}");
    }

    #[test]
    fn an_image_is_what_manifest_and_configuration_agree_on() {
        let d = digest("dd");
        check(
            1,
            "",
            "its configuration is no JSON of an image configuration: EOF while parsing a value at line 1 column 0",
        );
        check(
            1,
            "{}",
            "its configuration is no JSON of an image configuration: missing field `rootfs` at line 1 column 2",
        );
        check(
            2,
            &json!({"rootfs": {"diff_ids": [d]}}).to_string(),
            "its manifest lists 2 layers and its configuration 1",
        );
        check(1, r#"{"rootfs":{"diff_ids":["md5:0"]}}"#, "its configuration names `md5:0` as a layer's digest");
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

    #[test]
    fn times_are_of_rfc_3339() {
        for text in ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123456789+01:00", "1970-01-01T00:00:00-00:00"] {
            assert!(is_time(text), "{text}");
        }
        for text in [
            "",
            "2026-01-02",
            "2026-01-02 03:04:05Z",
            "2026-01-02T03:04:05",
            "2026-01-02T03:04:05Zx",
            "2026-01-02T03:04:05+1:000",
        ] {
            assert!(!is_time(text), "{text}");
        }
    }

    #[test]
    fn long_commands_are_cut() {
        let config = |bytes: usize| {
            json!({"rootfs": {"diff_ids": [digest("dd")]}, "history": [{"created_by": "x".repeat(bytes)}]}).to_string()
        };
        for (bytes, kept) in [
            (TEXT_BYTES_MAX - 1, TEXT_BYTES_MAX - 1),
            (TEXT_BYTES_MAX, TEXT_BYTES_MAX),
            (TEXT_BYTES_MAX + 1, TEXT_BYTES_MAX),
        ] {
            let image = Image::parse(&manifest(1), config(bytes).as_bytes()).unwrap();
            assert_eq!(image.layers[0].created_by.as_ref().unwrap().len(), kept);
        }
    }
}

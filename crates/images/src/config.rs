//! An image's configuration (OCI image specification, "Image Configuration"; Docker's has the same members).

use oci::{Digest, Platform, media_type};
use serde::Deserialize;

/// The largest configuration that is read: what containerd takes. Real ones hold labels and a history of some kilobytes.
pub const CONFIG_BYTES_MAX: u64 = 8 << 20;

/// The most layers of an image. Docker makes 127 at most, and no kernel mounts over 500.
pub const LAYERS_MAX: usize = 1_024;

/// What a Docker image's configuration is called.
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// What a configuration says that an inventory needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) platform: Platform,
    pub(crate) created: Option<String>,
    pub(crate) diff_ids: Vec<Digest>,
    /// The command that made each layer, where the history tells.
    pub(crate) created_by: Vec<Option<String>>,
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not JSON, or a member is of the wrong type.
    #[error("it is not an image's configuration")]
    Json(#[source] serde_json::Error),
    /// More layers than [`LAYERS_MAX`].
    #[error("it lists {actual} layers, the limit is {LAYERS_MAX}")]
    TooManyLayers {
        /// How many.
        actual: usize,
    },
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    os: Option<String>,
    #[serde(default)]
    architecture: Option<String>,
    #[serde(default)]
    variant: Option<String>,
    #[serde(default)]
    created: Option<String>,
    rootfs: RootFs,
    #[serde(default)]
    history: Option<Vec<Step>>,
}

#[derive(Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Option<Vec<Digest>>,
}

#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    created_by: Option<String>,
    #[serde(default)]
    empty_layer: bool,
}

/// The time that Go writes for none.
const GO_ZERO_TIME: &str = "0001-01-01T00:00:00Z";

impl Config {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        let document: Document = serde_json::from_slice(bytes).map_err(ConfigError::Json)?;
        let diff_ids = document.rootfs.diff_ids.unwrap_or_default();
        if diff_ids.len() > LAYERS_MAX {
            return Err(ConfigError::TooManyLayers { actual: diff_ids.len() });
        }
        let steps = document.history.unwrap_or_default().into_iter().filter(|step| !step.empty_layer);
        let mut created_by: Vec<Option<String>> = steps.map(|step| step.created_by).collect();
        // A history that does not count the layers says nothing about any of them.
        if created_by.len() != diff_ids.len() {
            created_by = vec![None; diff_ids.len()];
        }
        let platform = Platform {
            os: document.os.unwrap_or_default(),
            architecture: document.architecture.unwrap_or_default(),
            variant: document.variant.unwrap_or_default(),
            ..Platform::default()
        };
        let created = document.created.filter(|created| !created.is_empty() && created != GO_ZERO_TIME);
        Ok(Self { platform: crate::platform::normal(&platform), created, diff_ids, created_by })
    }
}

/// Returns whether a configuration of this type is an image's.
pub(crate) fn is_config(media_type: &str) -> bool {
    [media_type::OCI_CONFIG, DOCKER_CONFIG].iter().any(|known| known.eq_ignore_ascii_case(media_type))
}

/// Returns whether a layer of this type is a part of the root file system. Attestations have an image's configuration too, and other layers.
pub(crate) fn is_file_system(media_type: &str) -> bool {
    let lower = media_type.to_ascii_lowercase();
    let oci = ["application/vnd.oci.image.layer.v1.", media_type::OCI_FOREIGN_LAYER_PREFIX];
    lower == media_type::DOCKER_FOREIGN_LAYER
        || lower.starts_with("application/vnd.docker.image.rootfs.diff.tar")
        || oci.iter().any(|prefix| lower.strip_prefix(prefix).is_some_and(|rest| rest.contains("tar")))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn with_layers(count: usize) -> String {
        let mut ids = String::new();
        for index in 0..count {
            let _ = write!(ids, "{}\"sha256:{index:064x}\"", if index == 0 { "" } else { "," });
        }
        format!(r#"{{"os":"linux","architecture":"x86_64","rootfs":{{"type":"layers","diff_ids":[{ids}]}}}}"#)
    }

    #[test]
    fn layers_are_limited() {
        for (count, is_taken) in [(LAYERS_MAX - 1, true), (LAYERS_MAX, true), (LAYERS_MAX + 1, false)] {
            assert_eq!(Config::parse(with_layers(count).as_bytes()).is_ok(), is_taken, "{count}");
        }
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        for text in ["", "[]", "{}", r#"{"rootfs":{"diff_ids":["sha256:00"]}}"#, r#"{"rootfs":1}"#] {
            assert!(Config::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Config::parse(br#"{"rootfs":{"diff_ids":null},"history":null,"os":null}"#).is_ok());
    }

    #[test]
    fn a_history_counts_only_if_it_counts_the_layers() {
        let with = |history: &str| {
            let text = with_layers(2).replacen('{', &format!(r#"{{"history":[{history}],"#), 1);
            Config::parse(text.as_bytes()).unwrap().created_by
        };
        let empty = r#"{"created_by":"ENV","empty_layer":true}"#;
        let (one, two) = (r#"{"created_by":"COPY a"}"#, "{}");
        assert_eq!(with(&format!("{one},{empty},{two}")), [Some("COPY a".to_owned()), None]);
        assert_eq!(with(&format!("{one},{empty}")), [None, None]);
        assert_eq!(with(&format!("{one},{two},{two}")), [None, None]);
    }

    #[test]
    fn the_zero_time_is_none() {
        let created = |time: &str| {
            let text = format!(r#"{{"created":"{time}","rootfs":{{}}}}"#);
            Config::parse(text.as_bytes()).unwrap().created
        };
        assert_eq!(created("0001-01-01T00:00:00Z"), None);
        assert_eq!(created(""), None);
        assert_eq!(created("2024-01-02T03:04:05.6Z").as_deref(), Some("2024-01-02T03:04:05.6Z"));
    }

    #[test]
    fn file_systems_are_told_from_attestations() {
        let table = [
            ("application/vnd.oci.image.layer.v1.tar", true),
            ("application/vnd.oci.image.layer.v1.tar+gzip", true),
            ("application/vnd.oci.image.layer.v1.tar+zstd", true),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", true),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", true),
            ("application/vnd.docker.image.rootfs.diff.tar", true),
            ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", true),
            ("application/vnd.in-toto+json", false),
            ("application/vnd.cncf.helm.chart.content.v1.tar+gzip", false),
            ("application/octet-stream", false),
        ];
        for (media_type, expected) in table {
            assert_eq!(is_file_system(media_type), expected, "{media_type}");
        }
    }
}

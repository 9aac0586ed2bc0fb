//! How a database lies in a registry: an OCI artifact (OCI image specification, "Guidelines for Artifact Usage") whose first layer is
//! the whole database, [packed](vulndb::file::pack), and whose others lead from earlier ones to it, each compressed by zstd.

use std::collections::BTreeSet;

use oci::{Digest, media_type};
use serde::Deserialize;
use serde_json::{Value, json};

/// The repository of the hub's own database.
pub const REPOSITORY: &str = "garrison/advisories";

/// The tag that names the newest.
pub const TAG: &str = "latest";

/// What the artifact is.
pub const ARTIFACT_TYPE: &str = "application/vnd.garrison.vulndb.v6";

/// A layer that is the whole database.
pub const DATABASE_TYPE: &str = "application/vnd.garrison.vulndb.v6+zstd";

/// A layer that leads from one database to the next.
pub const DELTA_TYPE: &str = "application/vnd.garrison.vulndb.delta.v1+zstd";

/// The most deltas of an artifact: clients that come once a week find their way.
pub const DELTAS_MAX: usize = 7;

const DIGEST: &str = "garrison.vulndb.digest";
const BYTES: &str = "garrison.vulndb.bytes";
const FROM: &str = "garrison.vulndb.from";

/// A database in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The whole of it.
    pub database: PackedDatabase,
    /// What leads to it from earlier ones, the newest first.
    pub deltas: Vec<PackedDelta>,
}

/// A packed database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedDatabase {
    /// The blob.
    pub blob: Digest,
    /// Its bytes.
    pub packed_bytes: u64,
    /// The SHA-256 of the database, in hexadecimal.
    pub digest: String,
    /// The database's bytes.
    pub bytes: u64,
}

/// A packed delta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedDelta {
    /// The blob.
    pub blob: Digest,
    /// Its bytes.
    pub packed_bytes: u64,
    /// The SHA-256 of the database at which it begins, in hexadecimal.
    pub from: String,
    /// The SHA-256 of the database to which it leads, in hexadecimal.
    pub to: String,
}

/// Why a manifest is none of a database.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// It is not JSON, or not a manifest.
    #[error("the manifest is not understood")]
    Form(#[from] serde_json::Error),
    /// It is one of something else, or of another version of this program.
    #[error("the manifest is of `{found}`, not of a database of advisories that this program reads")]
    Other {
        /// What it says that it is of.
        found: String,
    },
    /// It lacks something.
    #[error("the manifest says nothing of {0}")]
    Lacks(&'static str),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    #[serde(default)]
    artifact_type: String,
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: Digest,
    size: u64,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

impl Layer {
    /// Returns an annotation that is a digest, in hexadecimal.
    fn digest_of(&self, key: &str) -> Option<String> {
        let hex = self.annotations.get(key)?.strip_prefix("sha256:")?;
        let is_digest =
            hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        is_digest.then(|| hex.to_owned())
    }
}

impl Artifact {
    /// Reads a manifest. Deltas that say too little are passed over: the whole database is there.
    pub fn parse(manifest: &[u8]) -> Result<Self, ArtifactError> {
        let Manifest { artifact_type, layers } = serde_json::from_slice(manifest)?;
        if artifact_type != ARTIFACT_TYPE {
            return Err(ArtifactError::Other { found: artifact_type.chars().take(100).collect() });
        }
        let whole = layers.iter().find(|layer| layer.media_type == DATABASE_TYPE);
        let whole = whole.ok_or(ArtifactError::Lacks("a database"))?;
        let bytes = whole.annotations.get(BYTES).and_then(|bytes| bytes.parse().ok());
        let database = PackedDatabase {
            blob: whole.digest,
            packed_bytes: whole.size,
            digest: whole.digest_of(DIGEST).ok_or(ArtifactError::Lacks("the database's digest"))?,
            bytes: bytes.ok_or(ArtifactError::Lacks("the database's length"))?,
        };
        let delta = |layer: &Layer| {
            let (from, to) = (layer.digest_of(FROM)?, layer.digest_of(DIGEST)?);
            Some(PackedDelta { blob: layer.digest, packed_bytes: layer.size, from, to })
        };
        let deltas = layers.iter().filter(|layer| layer.media_type == DELTA_TYPE).filter_map(delta);
        Ok(Self { database, deltas: deltas.take(DELTAS_MAX).collect() })
    }

    /// Writes a manifest.
    pub fn to_manifest(&self, empty: &Digest, created: Option<&str>) -> Vec<u8> {
        let PackedDatabase { blob, packed_bytes, digest, bytes } = &self.database;
        let mut layers = vec![json!({
            "mediaType": DATABASE_TYPE,
            "digest": blob,
            "size": packed_bytes,
            "annotations": { DIGEST: format!("sha256:{digest}"), BYTES: bytes.to_string() },
        })];
        layers.extend(self.deltas.iter().map(|delta| {
            json!({
                "mediaType": DELTA_TYPE,
                "digest": delta.blob,
                "size": delta.packed_bytes,
                "annotations": { FROM: format!("sha256:{}", delta.from), DIGEST: format!("sha256:{}", delta.to) },
            })
        }));
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "artifactType": ARTIFACT_TYPE,
            "config": { "mediaType": media_type::OCI_EMPTY, "digest": empty, "size": 2 },
            "layers": layers,
        });
        if let Some(created) = created {
            manifest["annotations"] = Value::from(serde_json::Map::from_iter([(
                "org.opencontainers.image.created".to_owned(),
                Value::from(created),
            )]));
        }
        manifest.to_string().into_bytes()
    }

    /// Returns the deltas that lead from a database to this one, in order, if there are some and they are smaller than the whole.
    pub fn way_from(&self, digest: &str) -> Option<Vec<&PackedDelta>> {
        let (mut way, mut at, mut seen) = (Vec::new(), digest, BTreeSet::new());
        while at != self.database.digest {
            // A ring would have no end.
            let next = self.deltas.iter().find(|delta| delta.from == at).filter(|_| seen.insert(at))?;
            way.push(next);
            at = &next.to;
        }
        let bytes: u64 = way.iter().map(|delta| delta.packed_bytes).sum();
        (!way.is_empty() && bytes < self.database.packed_bytes).then_some(way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: usize) -> Digest {
        format!("sha256:{number:064}").parse().expect("it has the form of one")
    }

    fn artifact(deltas: &[(usize, usize, u64)]) -> Artifact {
        let delta = |(from, to, packed_bytes): &(usize, usize, u64)| PackedDelta {
            blob: digest(100 + from),
            packed_bytes: *packed_bytes,
            from: format!("{from:064}"),
            to: format!("{to:064}"),
        };
        let database = PackedDatabase { blob: digest(50), packed_bytes: 100, digest: format!("{:064}", 9), bytes: 500 };
        Artifact { database, deltas: deltas.iter().map(delta).collect() }
    }

    #[test]
    fn what_is_written_is_read() {
        let artifact = artifact(&[(8, 9, 10), (7, 8, 20)]);
        let manifest = artifact.to_manifest(&digest(1), Some("2026-11-29T00:00:00Z"));
        assert_eq!(Artifact::parse(&manifest).expect("it was written here"), artifact);
        oci::Manifest::parse(None, &manifest).expect("it is a manifest");
    }

    #[test]
    fn the_cheaper_way_is_taken() {
        let check = |deltas: &[(usize, usize, u64)], have: usize, expected: Option<&[usize]>| {
            let artifact = artifact(deltas);
            let way = artifact.way_from(&format!("{have:064}"));
            let way =
                way.map(|way| way.iter().map(|delta| delta.from.parse().expect("a number")).collect::<Vec<usize>>());
            assert_eq!(way.as_deref(), expected, "{deltas:?} from {have}");
        };
        check(&[(8, 9, 10)], 8, Some(&[8]));
        check(&[(8, 9, 10)], 7, None);
        check(&[(8, 9, 10)], 9, None);
        check(&[(8, 9, 10), (7, 8, 20)], 7, Some(&[7, 8]));
        check(&[(8, 9, 99)], 8, Some(&[8]));
        check(&[(8, 9, 100)], 8, None);
        check(&[(8, 9, 50), (7, 8, 50)], 7, None);
        check(&[(8, 7, 1), (7, 8, 1)], 8, None);
        check(&[], 8, None);
    }

    #[test]
    fn what_is_something_else_is_refused() {
        let good = artifact(&[]).to_manifest(&digest(1), None);
        let mut changed: Value = serde_json::from_slice(&good).expect("it is JSON");
        let refused =
            |value: &Value| Artifact::parse(value.to_string().as_bytes()).expect_err("it is refused").to_string();
        assert!(Artifact::parse(b"<html>").is_err());
        changed["layers"][0]["annotations"][BYTES] = "many".into();
        assert_eq!(refused(&changed), "the manifest says nothing of the database's length");
        changed["layers"][0]["annotations"][DIGEST] = "sha256:AA".into();
        assert_eq!(refused(&changed), "the manifest says nothing of the database's digest");
        changed["layers"] = json!([]);
        assert_eq!(refused(&changed), "the manifest says nothing of a database");
        changed["artifactType"] = "application/vnd.garrison.vulndb.v3".into();
        assert!(refused(&changed).starts_with("the manifest is of `application/vnd.garrison.vulndb.v3`"));
    }
}

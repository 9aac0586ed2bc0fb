//! Writes images as tools write them, in every form; and breaks them.

use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};

/// One entry of a layer.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    File(&'static str, Vec<u8>),
    Symlink(&'static str, &'static str),
}

pub(crate) fn file(path: &'static str, bytes: impl Into<Vec<u8>>) -> Entry {
    Entry::File(path, bytes.into())
}

/// Returns a tar of entries.
pub(crate) fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        match entry {
            Entry::File(path, body) => add(&mut bytes, path, b'0', body, ""),
            Entry::Symlink(path, target) => add(&mut bytes, path, b'2', &[], target),
        }
    }
    bytes.extend([0; 1024]);
    bytes
}

/// Adds an entry to a tar that has no end yet.
pub(crate) fn add(bytes: &mut Vec<u8>, path: &str, kind: u8, body: &[u8], link: &str) {
    if path.len() > 100 {
        add(bytes, "././@LongLink", b'L', path.as_bytes(), "");
    }
    let mut block = [0_u8; 512];
    let short = &path.as_bytes()[..path.len().min(100)];
    block[..short.len()].copy_from_slice(short);
    block[100..107].copy_from_slice(b"0000755");
    block[124..135].copy_from_slice(format!("{:011o}", body.len()).as_bytes());
    block[156] = kind;
    block[157..157 + link.len()].copy_from_slice(link.as_bytes());
    block[257..265].copy_from_slice(b"ustar\x0000");
    seal(&mut block);
    bytes.extend(block);
    bytes.extend_from_slice(body);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
}

/// Writes a header's checksum.
pub(crate) fn seal(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let hash = oci::Digest::new(oci::Algorithm::Sha256, digest.as_ref()).unwrap();
    hash.to_string()
}

pub(crate) fn sha512(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, bytes);
    let hash = oci::Digest::new(oci::Algorithm::Sha512, digest.as_ref()).unwrap();
    hash.to_string()
}

/// How layers are compressed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// An image as documents and blobs.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    /// Each blob, the manifest and configuration among them, in an order of its own.
    pub(crate) blobs: Vec<(String, Vec<u8>)>,
    pub(crate) manifest: Value,
    pub(crate) config: Vec<u8>,
    pub(crate) tars: Vec<Vec<u8>>,
    /// The descriptor of the manifest.
    pub(crate) descriptor: Value,
}

/// Makes an image for a platform.
pub(crate) fn image(layers: &[Vec<Entry>], packing: Packing, platform: &str) -> Built {
    let tars: Vec<Vec<u8>> = layers.iter().map(|entries| tar(entries)).collect();
    let (os, architecture) = platform.split_once('/').unwrap();
    let (architecture, variant) = architecture.split_once('/').unwrap_or((architecture, ""));
    let config = json!({
        "os": os, "architecture": architecture, "variant": variant, "created": "2024-05-06T07:08:09Z",
        "rootfs": {"type": "layers", "diff_ids": tars.iter().map(|tar| sha256(tar)).collect::<Vec<_>>()},
        "history": tars.iter().map(|_| json!({"created_by": "COPY . /"})).collect::<Vec<_>>(),
    });
    let config = serde_json::to_vec(&config).unwrap();
    let mut blobs = vec![(sha256(&config), config.clone())];
    let described: Vec<Value> = tars
        .iter()
        .map(|tar| {
            let (suffix, blob) = match packing {
                Packing::Plain => ("", tar.clone()),
                Packing::Gzip => ("+gzip", gzip(tar)),
                Packing::Zstd => ("+zstd", zstd(tar)),
            };
            let media_type = format!("application/vnd.oci.image.layer.v1.tar{suffix}");
            let descriptor = descriptor(&media_type, &blob);
            blobs.push((sha256(&blob), blob));
            descriptor
        })
        .collect();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor(OCI_CONFIG, &config), "layers": described,
    });
    Built { blobs, manifest, config, tars, descriptor: Value::Null }.sealed(platform)
}

pub(crate) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": sha256(bytes), "size": bytes.len()})
}

impl Built {
    /// Adds the manifest to the blobs, and says where it is.
    pub(crate) fn sealed(mut self, platform: &str) -> Self {
        let bytes = serde_json::to_vec(&self.manifest).unwrap();
        self.descriptor = descriptor(OCI_MANIFEST, &bytes);
        let (os, architecture) = platform.split_once('/').unwrap();
        let (architecture, variant) = architecture.split_once('/').unwrap_or((architecture, ""));
        self.descriptor["platform"] = json!({"os": os, "architecture": architecture});
        if !variant.is_empty() {
            self.descriptor["platform"]["variant"] = variant.into();
        }
        self.blobs.push((sha256(&bytes), bytes));
        self
    }

    pub(crate) fn digest(&self) -> &str {
        self.descriptor["digest"].as_str().unwrap()
    }
}

/// Files of an archive or a layout.
pub(crate) type Files = Vec<(String, Vec<u8>)>;

/// Returns the files of a layout with these entries in its index.
pub(crate) fn layout(entries: &[Value], blobs: &[(String, Vec<u8>)]) -> Files {
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries});
    let mut files: Files = vec![("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec())];
    for (digest, bytes) in blobs {
        files.push((format!("blobs/{}", digest.replace(':', "/")), bytes.clone()));
    }
    files.push(("index.json".to_owned(), serde_json::to_vec(&index).unwrap()));
    files
}

/// Returns the files of an archive as `docker save` wrote them before it held a layout.
pub(crate) fn docker(images: &[(&Built, &[&str])]) -> Files {
    let mut files = Files::new();
    let mut listed = Vec::new();
    for (built, tags) in images {
        let hex = |bytes: &[u8]| sha256(bytes).split_off("sha256:".len());
        let config = format!("{}.json", hex(&built.config));
        let layers: Vec<String> = built.tars.iter().map(|tar| format!("{}/layer.tar", hex(tar))).collect();
        for (name, tar) in layers.iter().zip(&built.tars) {
            files.push((name.clone(), tar.clone()));
        }
        files.push((config.clone(), built.config.clone()));
        listed.push(json!({"Config": config, "RepoTags": tags, "Layers": layers}));
    }
    files.push(("manifest.json".to_owned(), serde_json::to_vec(&listed).unwrap()));
    files
}

/// Writes files into a directory.
pub(crate) fn write_directory(root: &Path, files: &Files) {
    for (name, bytes) in files {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// Returns files as an archive.
pub(crate) fn archive(files: &Files) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, body) in files {
        add(&mut bytes, name, b'0', body, "");
    }
    bytes.extend([0; 1024]);
    bytes
}

//! Writes an image as an OCI layout (OCI image specification, "Image Layout").

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aws_lc_rs::digest::{Context, SHA256};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A layout that grows by layers.
pub(super) struct Layout {
    root: PathBuf,
    layers: Vec<Value>,
    diff_ids: Vec<String>,
}

/// Bytes on their way to somewhere, hashed and counted.
pub(super) struct Hashing<W> {
    inner: W,
    context: Context,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.context.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn hashing<W: Write>(inner: W) -> Hashing<W> {
    Hashing { inner, context: Context::new(&SHA256), bytes: 0 }
}

fn digest(context: Context) -> String {
    context.finish().as_ref().iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

/// Where a layer's tar goes.
pub(super) type Tar<'t> = &'t mut dyn Write;

impl Layout {
    pub(super) fn new(root: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(root.join("blobs/sha256"))?;
        fs::write(root.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(Self { root: root.to_owned(), layers: Vec::new(), diff_ids: Vec::new() })
    }

    /// Adds a layer whose tar `write` writes.
    pub(super) fn layer(&mut self, write: impl FnOnce(Tar<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let draft = self.root.join("blobs/draft");
        let blob = hashing(BufWriter::new(File::create(&draft)?));
        // As registries have them: gzip, of a level that does not take minutes.
        let mut tar = hashing(GzEncoder::new(blob, Compression::fast()));
        write(&mut tar)?;
        let mut blob = tar.inner.finish()?;
        blob.flush()?;
        let (digest, diff_id) = (self::digest(blob.context), self::digest(tar.context));
        fs::rename(draft, self.path(&digest))?;
        self.layers.push(json!({"mediaType": LAYER, "digest": digest, "size": blob.bytes}));
        self.diff_ids.push(diff_id);
        Ok(())
    }

    /// Adds a directory as a layer, by the machine's own tar.
    pub(super) fn directory(&mut self, directory: &Path) -> anyhow::Result<()> {
        let order = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--format=pax"];
        let mut command = std::process::Command::new("tar");
        command.args(order).arg("--pax-option=delete=atime,delete=ctime").arg("-C").arg(directory).args(["-c", "."]);
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().context("failed to start `tar`")?;
        let mut tar = child.stdout.take().context("a pipe was asked for")?;
        self.layer(|layer| {
            let mut buffer = vec![0; 1 << 20];
            loop {
                match tar.read(&mut buffer)? {
                    0 => return Ok(()),
                    count => layer.write_all(&buffer[..count])?,
                }
            }
        })?;
        anyhow::ensure!(child.wait()?.success(), "`tar` failed");
        Ok(())
    }

    /// Writes configuration, manifest and index.
    pub(super) fn finish(self, architecture: &str) -> anyhow::Result<()> {
        let config = json!({
            "os": "linux", "architecture": architecture, "created": "2024-01-01T00:00:00Z",
            "rootfs": {"type": "layers", "diff_ids": self.diff_ids},
        });
        let config = self.document(CONFIG, &config)?;
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": self.layers});
        let mut manifest = self.document(MANIFEST, &manifest)?;
        manifest["annotations"] = json!({"org.opencontainers.image.ref.name": "latest"});
        let index = json!({"schemaVersion": 2, "manifests": [manifest]});
        fs::write(self.root.join("index.json"), serde_json::to_vec(&index)?)?;
        Ok(())
    }

    fn document(&self, media_type: &str, document: &Value) -> anyhow::Result<Value> {
        let bytes = serde_json::to_vec(document)?;
        let mut hash = hashing(io::sink());
        hash.write_all(&bytes)?;
        let digest = digest(hash.context);
        fs::write(self.path(&digest), &bytes)?;
        Ok(json!({"mediaType": media_type, "digest": digest, "size": bytes.len()}))
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.root.join("blobs").join(digest.replace(':', "/"))
    }
}

/// Returns this machine's architecture as images name it.
pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Writes an entry of a tar.
pub(super) fn entry(tar: Tar<'_>, path: &str, mode: u32, body: &[u8]) -> anyhow::Result<()> {
    header(tar, path, if path.ends_with('/') { b'5' } else { b'0' }, mode, body.len())?;
    tar.write_all(body)?;
    let padding = body.len().next_multiple_of(512) - body.len();
    tar.write_all(&[0; 512][..padding])?;
    Ok(())
}

/// Writes the two empty blocks at the end of a tar.
pub(super) fn end(tar: Tar<'_>) -> anyhow::Result<()> {
    Ok(tar.write_all(&[0; 1024])?)
}

/// A ustar header; paths are shorter than its field.
fn header(tar: Tar<'_>, path: &str, kind: u8, mode: u32, size: usize) -> anyhow::Result<()> {
    let mut block = [0_u8; 512];
    anyhow::ensure!(path.len() <= 100, "the path `{path}` is too long for what writes it");
    block[..path.len()].copy_from_slice(path.as_bytes());
    block[100..107].copy_from_slice(format!("{mode:07o}").as_bytes());
    block[108..115].copy_from_slice(b"0000000");
    block[116..123].copy_from_slice(b"0000000");
    block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    block[136..147].copy_from_slice(b"00000000000");
    block[148..156].fill(b' ');
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.write_all(&block)?;
    Ok(())
}

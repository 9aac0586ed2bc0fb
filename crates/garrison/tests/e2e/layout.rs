//! An image, and an index of two, as OCI image layouts on disk: what clients push.

use std::path::{Path, PathBuf};
use std::process::Command;

use oci::Digest;
use serde_json::{Value, json};

use crate::content::{self, IMAGE_MANIFEST, sha256};
use crate::process::run;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// The name in the layouts' own index.
pub(crate) const NAME: &str = "made";

/// Two layouts: one of an image for this machine, one of an index for two platforms.
pub(crate) struct Layouts {
    directory: PathBuf,
    pub(crate) image: Digest,
    pub(crate) index: Digest,
    /// The bytes of the image's only layer.
    pub(crate) layer: Vec<u8>,
}

impl Layouts {
    pub(crate) fn make(directory: &Path) -> Self {
        let layer = layer(directory);
        let image_layout = Layout::make(&directory.join("image"));
        let index_layout = Layout::make(&directory.join("index"));
        let mut images = Vec::new();
        for architecture in ["amd64", "arm64"] {
            let config = json!({
                "architecture": architecture, "os": "linux", "config": {"Cmd": ["/hello"]},
                "rootfs": {"type": "layers", "diff_ids": [layer.uncompressed.to_string()]},
                "history": [{"created_by": "a test"}],
            });
            for layout in [&image_layout, &index_layout] {
                let manifest = layout.write_image(&config, &layer.compressed);
                images.push(manifest);
            }
        }
        let [image, amd64, _, arm64] = images.as_slice() else { unreachable!("two images in two layouts") };
        image_layout.name(image);
        let platform = |descriptor: &Value, architecture: &str| {
            let mut descriptor = descriptor.clone();
            descriptor["platform"] = json!({"architecture": architecture, "os": "linux"});
            descriptor
        };
        let index = json!({
            "schemaVersion": 2, "mediaType": INDEX,
            "manifests": [platform(amd64, "amd64"), platform(arm64, "arm64")],
        });
        let index = index_layout.write(INDEX, index.to_string().as_bytes());
        index_layout.name(&index);
        Self {
            directory: directory.to_owned(),
            image: digest_of(image),
            index: digest_of(&index),
            layer: layer.compressed,
        }
    }

    pub(crate) fn image_directory(&self) -> String {
        self.directory.join("image").display().to_string()
    }

    pub(crate) fn index_directory(&self) -> String {
        self.directory.join("index").display().to_string()
    }
}

struct Layer {
    compressed: Vec<u8>,
    uncompressed: Digest,
}

/// Makes a layer with the system's `tar`: a file with content that does not compress, a directory, a link.
fn layer(directory: &Path) -> Layer {
    let root = directory.join("root");
    std::fs::create_dir_all(root.join("etc")).unwrap();
    std::fs::write(root.join("hello"), content::bytes(42, 300_000)).unwrap();
    std::fs::write(root.join("etc/motd"), "hello\n").unwrap();
    std::os::unix::fs::symlink("etc/motd", root.join("motd")).unwrap();
    let archive = directory.join("layer.tar");
    let mut tar = Command::new("tar");
    tar.args(["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"]);
    run(tar.arg("--file").arg(&archive).arg("--directory").arg(&root).arg(".")).succeeded();
    let uncompressed = sha256(&std::fs::read(&archive).unwrap());
    run(Command::new("gzip").arg("--no-name").arg(&archive)).succeeded();
    Layer { compressed: std::fs::read(archive.with_extension("tar.gz")).unwrap(), uncompressed }
}

struct Layout(PathBuf);

impl Layout {
    fn make(directory: &Path) -> Self {
        std::fs::create_dir_all(directory.join("blobs/sha256")).unwrap();
        std::fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        Self(directory.to_owned())
    }

    /// Writes a blob and returns its descriptor.
    fn write(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = sha256(bytes);
        std::fs::write(self.0.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
        json!({"mediaType": media_type, "digest": digest.to_string(), "size": bytes.len()})
    }

    fn write_image(&self, config: &Value, layer: &[u8]) -> Value {
        let manifest = json!({
            "schemaVersion": 2, "mediaType": IMAGE_MANIFEST,
            "config": self.write(CONFIG, config.to_string().as_bytes()),
            "layers": [self.write(LAYER, layer)],
        });
        self.write(IMAGE_MANIFEST, manifest.to_string().as_bytes())
    }

    /// Makes a manifest the one that the layout is about.
    fn name(&self, descriptor: &Value) {
        let mut descriptor = descriptor.clone();
        descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": NAME});
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor]});
        std::fs::write(self.0.join("index.json"), index.to_string()).unwrap();
    }
}

fn digest_of(descriptor: &Value) -> Digest {
    descriptor["digest"].as_str().unwrap().parse().unwrap()
}

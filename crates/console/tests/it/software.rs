//! Images with software in them, made of small layers.

use std::fmt::Write as _;

use oci::{Digest, Reference};
use serde_json::{Value, json};

use crate::world::{World, config};

const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Files of a layer.
pub(crate) type Files = Vec<(String, String)>;

/// A package of Debian: name, version, licence, what it depends on.
type Deb<'a> = (&'a str, &'a str, &'a str, &'a str);
/// A package of npm: name, version, licence, what it depends on.
type Npm<'a> = (&'a str, &'a str, &'a str, &'a [&'a str]);

const DEBS: &[Deb<'_>] = &[
    ("base-files", "12.4+deb12u5", "GPL-2.0-or-later", ""),
    ("bash", "5.2.15-2+b2", "GPL-3.0-or-later", "base-files, libtinfo6"),
    ("ca-certificates", "20230311", "MPL-2.0", "openssl"),
    ("coreutils", "9.1-1", "GPL-3.0-or-later", "libc6"),
    ("gcc-12-base", "12.2.0-14", "GPL-3.0-or-later WITH GCC-exception-3.1", ""),
    ("libc6", "2.36-9+deb12u4", "LGPL-2.1-or-later", "libgcc-s1"),
    ("libgcc-s1", "12.2.0-14", "GPL-3.0-or-later WITH GCC-exception-3.1", "gcc-12-base, libc6"),
    ("libssl3", "3.0.11-1~deb12u2", "Apache-2.0", "libc6"),
    ("libtinfo6", "6.4-4", "MIT", "libc6"),
    ("nodejs", "18.19.0+dfsg-6~deb12u1", "", "libc6, libssl3, zlib1g"),
    ("openssl", "3.0.11-1~deb12u2", "Apache-2.0", "libc6, libssl3"),
    ("tzdata", "2024a-0+deb12u1", "public-domain", ""),
    ("zlib1g", "1:1.2.13.dfsg-1", "Zlib", "libc6"),
];

const NPMS: &[Npm<'_>] = &[
    ("@fastify/error", "3.4.1", "MIT", &[]),
    ("accepts", "1.3.8", "MIT", &["mime-types", "negotiator"]),
    ("body-parser", "1.20.1", "MIT", &["bytes", "debug", "iconv-lite", "qs"]),
    ("bytes", "3.1.2", "MIT", &[]),
    ("debug", "2.6.9", "MIT", &["ms"]),
    ("es-abstract", "1.22.3", "MIT", &["es-to-primitive"]),
    ("es-to-primitive", "1.2.1", "MIT", &["es-abstract"]),
    ("express", "4.18.2", "MIT", &["accepts", "body-parser", "debug", "qs", "send"]),
    ("iconv-lite", "0.4.24", "MIT", &["safer-buffer"]),
    ("lodash", "4.17.20", "MIT", &[]),
    ("mime-db", "1.52.0", "MIT", &[]),
    ("mime-types", "2.1.35", "MIT", &["mime-db"]),
    ("ms", "2.0.0", "MIT", &[]),
    ("negotiator", "0.6.3", "MIT", &[]),
    ("qs", "6.11.0", "BSD-3-Clause", &["side-channel"]),
    ("safer-buffer", "2.1.2", "MIT", &[]),
    ("send", "0.18.0", "MIT", &["debug", "ms"]),
    ("side-channel", "1.0.4", "MIT", &["es-abstract"]),
];

impl World {
    /// Pushes an image whose layers hold these files, and waits for its inventory.
    pub(crate) async fn software(&self, repository: &str, tags: &[&str], layers: &[Files]) -> Digest {
        let image = self.unsettled(repository, tags, layers).await;
        self.settle(&[image]).await;
        image
    }

    /// Pushes an image whose layers hold these files.
    pub(crate) async fn unsettled(&self, repository: &str, tags: &[&str], layers: &[Files]) -> Digest {
        let (mut descriptors, mut diff_ids, mut history) = (Vec::new(), Vec::new(), Vec::new());
        for files in layers {
            let tar = testkit::layer(files.iter().map(|(path, content)| (path.as_str(), content.as_str())));
            let digest = self.blob(repository, &tar).await.to_string();
            diff_ids.push(digest.clone());
            history.push(json!({ "created_by": format!("COPY {} / # buildkit", files[0].0) }));
            descriptors.push(json!({ "mediaType": OCI_LAYER, "digest": digest, "size": tar.len() }));
        }
        let mut config = config("amd64");
        config["rootfs"] = json!({ "type": "layers", "diff_ids": diff_ids });
        config["history"] = Value::from(history);
        let config = config.to_string();
        let digest = self.blob(repository, config.as_bytes()).await;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_IMAGE,
            "config": { "mediaType": OCI_CONFIG, "digest": digest.to_string(), "size": config.len() },
            "layers": descriptors,
        });
        self.manifest(repository, tags, &manifest).await
    }

    /// Pushes the image of a shop: a distribution, a program in JavaScript, and its packages.
    pub(crate) async fn shop(&self, repository: &str, tags: &[&str]) -> Digest {
        let application =
            vec![package_json("app", ("shop", "2.1.0", "UNLICENSED", &["express", "lodash", "@fastify/error"]))];
        self.software(repository, tags, &[debian(DEBS), node_modules(NPMS), application]).await
    }

    /// Pushes an index of images, whether or not they are there.
    pub(crate) async fn index_of(&self, repository: &str, tag: &str, images: &[(Digest, &str)]) -> Digest {
        let mut entries = Vec::new();
        for (digest, architecture) in images {
            let held = self.registry.find_manifest(&repository.parse().unwrap(), &Reference::Digest(*digest)).await;
            let size = held.map_or(1234, |entry| entry.body.len());
            entries.push(json!({ "mediaType": OCI_IMAGE, "digest": digest.to_string(), "size": size,
                "platform": { "os": "linux", "architecture": architecture } }));
        }
        let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries });
        self.manifest(repository, &[tag], &index).await
    }
}

/// Returns the layer of a distribution with packages.
pub(crate) fn debian(packages: &[Deb<'_>]) -> Files {
    let mut status = String::new();
    let os_release = "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
    let mut files = vec![("etc/os-release".to_owned(), os_release.to_owned())];
    for (name, version, license, depends) in packages {
        let depends = if depends.is_empty() { String::new() } else { format!("Depends: {depends}\n") };
        let _infallible = write!(
            status,
            "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\
             Maintainer: Debian <debian@example.org>\n{depends}\n"
        );
        if !license.is_empty() {
            let copyright = format!(
                "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nCopyright: A\nLicense: {license}\n"
            );
            files.push((format!("usr/share/doc/{name}/copyright"), copyright));
        }
    }
    files.push(("var/lib/dpkg/status".to_owned(), status));
    files
}

/// Returns the layer of a program's packages.
pub(crate) fn node_modules(packages: &[Npm<'_>]) -> Files {
    packages.iter().map(|package| package_json(&format!("app/node_modules/{}", package.0), *package)).collect()
}

/// Returns the file that a package of npm is known by.
pub(crate) fn package_json(folder: &str, (name, version, license, needs): Npm<'_>) -> (String, String) {
    let needs: serde_json::Map<String, Value> =
        needs.iter().map(|name| ((*name).to_owned(), Value::from("*"))).collect();
    let document = json!({ "name": name, "version": version, "license": license, "dependencies": needs });
    (format!("{folder}/package.json"), document.to_string())
}

/// Returns an SBOM of the shop as another tool may write it: it overlooks some components, and knows one by another
/// version.
pub(crate) fn other_sbom() -> String {
    let debs = DEBS.iter().skip(2).map(|package| {
        (format!("pkg:deb/debian/{}@{}?arch=amd64&distro=debian-12", package.0, package.1), package.0, package.1)
    });
    let npms = NPMS
        .iter()
        .map(|package| (format!("pkg:npm/{}@{}", package.0.replace('@', "%40"), package.1), package.0, package.1));
    let mut found: Vec<_> = debs.chain(npms).collect();
    found.push(("pkg:npm/left-pad@1.3.0".to_owned(), "left-pad", "1.3.0"));
    let component = |(purl, name, version): &(String, &str, &str)| {
        let version = if *name == "lodash" { "4.17.21" } else { version };
        json!({ "type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl.replace("4.17.20", version) })
    };
    let components: Vec<Value> = found.iter().map(component).collect();
    let tools = json!([{ "vendor": "someone", "name": "their-tool", "version": "1.2" }]);
    json!({ "bomFormat": "CycloneDX", "specVersion": "1.5", "metadata": { "tools": tools }, "components": components })
        .to_string()
}

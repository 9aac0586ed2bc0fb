use std::io;
use std::path::PathBuf;

use oci::{ImageConfigError, ManifestError, Platform};

/// Why a source could not be opened, or something in it not read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory could not be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something could not be put aside.
    #[error("failed to copy `{}` into a temporary file", path.display())]
    Spool {
        /// What was to be put aside.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The directory is no OCI layout.
    #[error("`{}` is no OCI layout: it has no file `oci-layout` that says so", path.display())]
    NoLayout {
        /// The directory.
        path: PathBuf,
    },
    /// The file is no archive of images.
    #[error("`{}` is no archive of an image: {reason}", path.display())]
    NoArchive {
        /// The file.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// The archive cannot be walked.
    #[error("failed to walk the archive `{}`", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: sbom::tar::Error,
    },
    /// The archive asks for too much, or ends too early.
    #[error("the archive `{}` {reason}", path.display())]
    ArchiveDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A stream holds a document instead of an archive.
    #[error("`{}` holds a document, not an image", path.display())]
    Document {
        /// The file or stream.
        path: PathBuf,
    },
    /// What a document or layer names is not there.
    #[error("{what} is not in {place}")]
    Missing {
        /// The digest or name.
        what: String,
        /// Where it was looked for.
        place: String,
    },
    /// A document is not what it is named by.
    #[error("{place} has {} in the place of {}", mismatch.actual, mismatch.expected)]
    Digest {
        /// Where it is from.
        place: String,
        /// What was asked for, and what is there.
        mismatch: Box<sbom::Mismatch>,
    },
    /// A document is larger than is read.
    #[error("{what} is {actual} bytes, the limit is {limit}")]
    TooLarge {
        /// What it is.
        what: String,
        /// Its size.
        actual: u64,
        /// The limit.
        limit: u64,
    },
    /// A registry did not give what was asked for.
    #[error("failed to fetch {what}")]
    Fetch {
        /// The image, or the digest of a part of it.
        what: String,
        /// Why.
        #[source]
        source: Box<outbound::RegistryError>,
    },
    /// The runtime for the network could not be started.
    #[error("failed to start what speaks to the network")]
    Runtime(#[source] io::Error),
    /// A manifest or index cannot be understood.
    #[error("failed to understand the manifest {what}")]
    Manifest {
        /// Its digest or name.
        what: String,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// A configuration cannot be understood.
    #[error("failed to understand the configuration {what}")]
    Config {
        /// Its digest or name.
        what: String,
        /// Why.
        #[source]
        source: ImageConfigError,
    },
    /// An archive's list of images cannot be understood.
    #[error("failed to understand `manifest.json` in `{}`", path.display())]
    DockerManifest {
        /// The archive.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Manifest and configuration disagree.
    #[error("the manifest {what} lists {layers} layers and its configuration {diff_ids}")]
    LayerCount {
        /// The manifest's digest or name.
        what: String,
        /// Layers of the manifest.
        layers: usize,
        /// Layers of the configuration.
        diff_ids: usize,
    },
    /// Indexes in indexes, or too many manifests without a platform.
    #[error("{what} {reason}")]
    TooMuch {
        /// The index.
        what: String,
        /// Of what there is too much.
        reason: String,
    },
    /// The manifest is of something else than an image.
    #[error("{what} is no image but {kind}")]
    NoImage {
        /// The manifest's digest or name.
        what: String,
        /// What it is.
        kind: String,
    },
    /// There is nothing in it.
    #[error("{place} holds no image")]
    Empty {
        /// The layout or archive.
        place: String,
    },
    /// The name is not there.
    #[error("{place} holds no image `{wanted}`")]
    NameAbsent {
        /// The layout or archive.
        place: String,
        /// What was asked for.
        wanted: String,
        /// The names that are there.
        available: Vec<String>,
    },
    /// Several images are there, and nobody said which.
    #[error("{place} holds {} images", available.len())]
    Ambiguous {
        /// The layout or archive.
        place: String,
        /// The names that are there.
        available: Vec<String>,
    },
    /// The platform is not there.
    #[error("{what} is not for {wanted}")]
    PlatformAbsent {
        /// The image.
        what: String,
        /// What was asked for, or this machine's.
        wanted: Box<Platform>,
        /// What is there.
        available: Vec<Platform>,
    },
}

impl Error {
    /// Returns what the user can do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Fetch { source, .. } => source.hints(),
            Self::Archive { path, .. } | Self::NoArchive { path, .. }
                if path.as_os_str() == "-" || crate::is_pipe(path) =>
            {
                vec!["archives of images and SBOMs come through pipes; any other file is read by its path".to_owned()]
            }
            Self::NoImage { .. } => {
                vec!["it holds no root file system, so that there is nothing to look into; what an artifact holds is listed once it lies here as files".to_owned()]
            }
            Self::NoLayout { path } => vec![format!("`dir:{}` takes it as a plain directory", path.display())],
            Self::Document { path } => {
                let path = path.display();
                vec![format!("`garrison sbom convert {path}` reads it, and `garrison scan {path}` scans what it lists")]
            }
            Self::NameAbsent { available, .. } if available.is_empty() => {
                vec!["no image in it has a name; leave the name out, or give `@DIGEST`".to_owned()]
            }
            Self::NameAbsent { available, .. } => vec![format!("there: {}", listed(available))],
            Self::Ambiguous { available, .. } => {
                let spelled = "`oci:PATH:NAME`, `oci-archive:PATH:NAME`, `docker-archive:PATH:NAME` or `stdin:NAME`";
                vec![format!("say which, as {spelled}, or with `@DIGEST` for the name; there: {}", listed(available))]
            }
            Self::PlatformAbsent { available, .. } => {
                let available: Vec<String> = available.iter().map(ToString::to_string).collect();
                vec![format!("`--platform` takes one of: {}", listed(&available))]
            }
            _ => Vec::new(),
        }
    }
}

/// Names for a hint: the first of them, and how many more there are.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.dedup();
    match names.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{} and {more} more", names[..SHOWN].join(", ")),
        _ => names.join(", "),
    }
}

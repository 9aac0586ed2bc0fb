//! From a source to what is in it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use oci::manifest::MANIFEST_BYTES_MAX;
use oci::{Descriptor, Digest, Manifest, Platform, media_type};

use crate::archive::Archive;
use crate::directory::Directory;
use crate::docker::{self, is_named};
use crate::file::SingleFile;
use crate::image::Image;
use crate::layout::{self, Layout};
use crate::select::{self, Root};
use crate::source::{Local, Select};
use crate::spool::Compression;
use crate::store::Store;
use crate::{Error, beneath};

/// The name that an index gives an image (OCI image specification, "Pre-Defined Annotation Keys").
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The full name that containerd, docker and `BuildKit` give it.
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// What a source holds.
#[derive(Debug)]
pub enum Opened {
    /// An image.
    Image(Box<Image>),
    /// A directory.
    Directory(Directory),
    /// A file.
    File(SingleFile),
}

impl Opened {
    fn image(image: Image) -> Self {
        Self::Image(Box::new(image))
    }

    /// Returns the scheme that says exactly what it was taken as.
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Image(image) => image.scheme,
            Self::Directory(_) => "dir",
            Self::File(_) => "file",
        }
    }
}

impl Local {
    /// Opens what is there: of an image, the one for the platform, this machine's unless another is given.
    pub fn open(&self, platform: Option<&Platform>) -> Result<Opened, Error> {
        match self {
            Self::OciLayout(path, select) => layout_image(path, select, platform).map(Opened::image),
            Self::OciArchive(path, select) => {
                let archive = Archive::open(path)?;
                archive_image(archive, "oci-archive", select, platform).map(Opened::image)
            }
            Self::DockerArchive(path, select) => {
                docker_image(Archive::open(path)?, select, platform).map(Opened::image)
            }
            Self::Directory(path) => Directory::open(path).map(Opened::Directory),
            Self::File(path) => SingleFile::open(path).map(Opened::File),
            Self::Path(path) => open_path(path, platform),
            Self::Stream(select) => {
                let path = Path::new("-");
                let stream = io::stdin().as_fd().try_clone_to_owned();
                let stream = stream.map_err(|source| Error::Read { path: path.to_owned(), source })?;
                open_stream(File::from(stream), path, select, platform).map(Opened::image)
            }
        }
    }
}

/// Opens a path as what it is: a layout, an archive, else a directory or file. What comes through a pipe is an archive.
fn open_path(path: &Path, platform: Option<&Platform>) -> Result<Opened, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    if path.metadata().map_err(failed)?.is_dir() {
        return match layout_image(path, &Select::Any, platform) {
            Err(Error::NoLayout { .. }) => Directory::open(path).map(Opened::Directory),
            opened => opened.map(Opened::image),
        };
    }
    if beneath::is_pipe(path) {
        return any_image(Archive::open(path)?, &Select::Any, platform).map(Opened::image);
    }
    if holds_tar(path).map_err(failed)? {
        match any_image(Archive::open(path)?, &Select::Any, platform) {
            Err(Error::NoArchive { .. }) => {}
            opened => return opened.map(Opened::image),
        }
    }
    SingleFile::open(path).map(Opened::File)
}

/// Returns whether a file is a tar, compressed or not, by its first bytes.
fn holds_tar(path: &Path) -> io::Result<bool> {
    const MAGIC: std::ops::Range<usize> = 257..262;
    let file = beneath::open_file(path)?;
    let mut magic = [0; 4];
    let count = file.read_at(&mut magic, 0)?;
    let mut head = Vec::new();
    let file = BufReader::new(file);
    let bytes = MAGIC.end as u64;
    let read = match Compression::of(&magic[..count]) {
        Compression::None => file.take(bytes).read_to_end(&mut head),
        Compression::Gzip => MultiGzDecoder::new(file).take(bytes).read_to_end(&mut head),
        Compression::Zstd => zstd::stream::read::Decoder::with_buffer(file)?.take(bytes).read_to_end(&mut head),
    };
    // What only looks compressed is a file like any other.
    Ok(read.is_ok() && head.get(MAGIC) == Some(b"ustar"))
}

/// Opens the archive that a stream holds, of either kind, compressed or not: of its images, the one that is selected, for the platform, this machine's unless
/// another is given. `path` is what errors and the image are called by.
pub fn open_stream(
    stream: impl Read,
    path: &Path,
    select: &Select,
    platform: Option<&Platform>,
) -> Result<Image, Error> {
    any_image(Archive::from_stream(stream, path)?, select, platform)
}

/// Opens an archive of whichever kind. One that is of both is read as the OCI layout, whose digests are those of a registry.
fn any_image(archive: Archive, select: &Select, platform: Option<&Platform>) -> Result<Image, Error> {
    let path = archive.path().to_owned();
    if archive.find(layout::INDEX).is_some() {
        let scheme = if archive.find(docker::MANIFEST).is_some() { "docker-archive" } else { "oci-archive" };
        return archive_image(archive, scheme, select, platform);
    }
    if archive.find(docker::MANIFEST).is_some() {
        return docker::open(archive, path.display().to_string(), select, platform);
    }
    let reason = format!("it has neither `{}` nor `{}`", layout::INDEX, docker::MANIFEST);
    Err(Error::NoArchive { path, reason })
}

fn docker_image(archive: Archive, select: &Select, platform: Option<&Platform>) -> Result<Image, Error> {
    if archive.find(layout::INDEX).is_some() {
        return archive_image(archive, "docker-archive", select, platform);
    }
    let name = archive.path().display().to_string();
    docker::open(archive, name, select, platform)
}

fn layout_image(path: &Path, select: &Select, platform: Option<&Platform>) -> Result<Image, Error> {
    let layout = Layout::open(path)?;
    let index = layout.read(layout::INDEX, MANIFEST_BYTES_MAX as u64)?;
    AnyLayout { name: path.display().to_string(), scheme: "oci", store: Store::Layout(layout) }
        .image(index, select, platform)
}

fn archive_image(
    archive: Archive,
    scheme: &'static str,
    select: &Select,
    platform: Option<&Platform>,
) -> Result<Image, Error> {
    let mark = archive.read(layout::MARK, layout::MARK_BYTES_MAX)?;
    if !mark.is_some_and(|mark| layout::is_mark(&mark)) {
        let reason = format!("it has no file `{}` that says so", layout::MARK);
        return Err(Error::NoArchive { path: archive.path().to_owned(), reason });
    }
    let index = archive.read(layout::INDEX, MANIFEST_BYTES_MAX as u64)?;
    let name = archive.path().display().to_string();
    AnyLayout { name, scheme, store: Store::Archive(archive) }.image(index, select, platform)
}

/// A layout, wherever it is.
struct AnyLayout {
    name: String,
    scheme: &'static str,
    store: Store,
}

impl AnyLayout {
    fn image(self, index: Option<Vec<u8>>, select: &Select, platform: Option<&Platform>) -> Result<Image, Error> {
        let Self { name, scheme, store } = self;
        let what = format!("`{}`", layout::INDEX);
        let Some(index) = index else { return Err(Error::Missing { what, place: store.place() }) };
        let index = Manifest::parse(Some(media_type::OCI_INDEX), &index);
        let index = index.map_err(|source| Error::Manifest { what, source })?;
        let roots = selected(&store, index.manifests, select)?;
        let chosen = select::choose(&store, &roots, platform)?;
        Ok(Image::new(name, scheme, store, chosen))
    }
}

/// Returns the entries of a layout's index that someone means.
fn selected(store: &Store, entries: Vec<Descriptor>, select: &Select) -> Result<Vec<Root>, Error> {
    let roots: Vec<Root> = entries.into_iter().map(|descriptor| Root { name: name(&descriptor), descriptor }).collect();
    let chosen: Vec<Root> = match select {
        Select::Any => return Ok(roots),
        Select::Name(wanted) => roots.iter().filter(|root| has_name(&root.descriptor, wanted)).cloned().collect(),
        Select::Digest(digest) => named_by_digest(store, digest)?.into_iter().collect(),
    };
    if chosen.is_empty() {
        let names = roots.iter().filter_map(|root| root.name.clone()).collect();
        return Err(Error::NameAbsent { place: store.place(), wanted: select.to_string(), available: names });
    }
    Ok(chosen)
}

/// Returns a manifest or index by its digest, whether the layout's index lists it or another index in it does.
fn named_by_digest(store: &Store, digest: &Digest) -> Result<Option<Root>, Error> {
    let bytes = match store.manifest(digest) {
        Ok(bytes) => bytes,
        Err(Error::Missing { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let understood = Manifest::parse(None, &bytes);
    let media_type = understood.map_err(|source| Error::Manifest { what: digest.to_string(), source })?.media_type;
    Ok(Some(Root { descriptor: bare_descriptor(media_type, *digest, bytes.len()), name: None }))
}

/// Returns the descriptor of a manifest of which nothing else is known.
pub(crate) fn bare_descriptor(media_type: String, digest: Digest, size_bytes: usize) -> Descriptor {
    Descriptor {
        media_type,
        digest,
        size: size_bytes as u64,
        urls: Vec::new(),
        annotations: BTreeMap::new(),
        data: None,
        platform: None,
        artifact_type: None,
    }
}

fn name(descriptor: &Descriptor) -> Option<String> {
    let annotation = |key| descriptor.annotations.get(key).cloned();
    annotation(CONTAINERD_NAME).or_else(|| annotation(REF_NAME))
}

fn has_name(descriptor: &Descriptor, wanted: &str) -> bool {
    let annotation = |key| descriptor.annotations.get(key);
    [REF_NAME, CONTAINERD_NAME].into_iter().filter_map(annotation).any(|full| is_named(full, wanted))
}

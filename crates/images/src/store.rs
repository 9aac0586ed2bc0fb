use std::fs::File;
use std::io::{self, Read};

use oci::manifest::MANIFEST_BYTES_MAX;
use oci::{Descriptor, Digest};

use crate::archive::{Archive, Section};
use crate::layout::{Layout, blob_path};
use crate::registry::{Registry, Stream};
use crate::{Error, digest};

/// What holds documents and layers by their digests.
#[derive(Debug)]
pub(crate) enum Store {
    Layout(Layout),
    Archive(Archive),
    Registry(Registry),
}

/// The bytes of a layer's blob, as its source has them: compressed or not, and unchecked.
#[derive(Debug)]
pub struct LayerReader(pub(crate) Bytes);

#[derive(Debug)]
pub(crate) enum Bytes {
    File(File),
    Section(Section),
    Stream(Stream),
}

impl Read for LayerReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Bytes::File(file) => file.read(buffer),
            Bytes::Section(section) => section.read(buffer),
            Bytes::Stream(stream) => stream.read(buffer),
        }
    }
}

impl Store {
    /// Returns what it is called in messages.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Layout(layout) => format!("`{}`", layout.path().display()),
            Self::Archive(archive) => format!("`{}`", archive.path().display()),
            Self::Registry(registry) => format!("`{}`", registry.name()),
        }
    }

    /// Reads a manifest or index, which has the digest or is refused.
    pub(crate) fn manifest(&self, digest: &Digest) -> Result<Vec<u8>, Error> {
        let limit = MANIFEST_BYTES_MAX as u64;
        let bytes = match self {
            Self::Layout(layout) => layout.read(&blob_path(digest), limit)?,
            Self::Archive(archive) => archive.read(&blob_path(digest), limit)?,
            Self::Registry(registry) => Some(registry.manifest(digest)?),
        };
        self.verified(digest, bytes)
    }

    /// Reads a document that is a blob, which has the digest or is refused.
    pub(crate) fn document(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, Error> {
        let digest = &descriptor.digest;
        if descriptor.size > limit {
            return Err(Error::TooLarge { what: digest.to_string(), actual: descriptor.size, limit });
        }
        let bytes = match self {
            Self::Layout(layout) => layout.read(&blob_path(digest), limit)?,
            Self::Archive(archive) => archive.read(&blob_path(digest), limit)?,
            Self::Registry(registry) => Some(registry.document(descriptor)?),
        };
        self.verified(digest, bytes)
    }

    fn verified(&self, digest: &Digest, bytes: Option<Vec<u8>>) -> Result<Vec<u8>, Error> {
        let bytes = bytes.ok_or_else(|| self.missing(digest))?;
        let actual = digest::of(digest.algorithm(), &bytes);
        if actual != *digest {
            let mismatch = Box::new(sbom::Mismatch { expected: *digest, actual });
            return Err(Error::Digest { place: self.place(), mismatch });
        }
        Ok(bytes)
    }

    /// Opens a layer's blob. Its bytes are not checked.
    pub(crate) fn blob(&self, descriptor: &Descriptor) -> Result<LayerReader, Error> {
        let (digest, path) = (&descriptor.digest, blob_path(&descriptor.digest));
        let bytes = match self {
            Self::Layout(layout) => layout.find(&path)?.map(Bytes::File),
            Self::Archive(archive) => archive.find(&path).map(Bytes::Section),
            Self::Registry(registry) => Some(Bytes::Stream(registry.blob(descriptor)?)),
        };
        bytes.map(LayerReader).ok_or_else(|| self.missing(digest))
    }

    fn missing(&self, digest: &Digest) -> Error {
        Error::Missing { what: digest.to_string(), place: self.place() }
    }
}

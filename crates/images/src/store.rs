use std::fs::File;
use std::io::{self, Read};

use oci::{Descriptor, Digest};

use crate::archive::{Archive, Section};
use crate::layout::{Layout, blob_path};
use crate::{Error, digest};

/// What holds documents and layers by their digests.
#[derive(Debug)]
pub(crate) enum Store {
    Layout(Layout),
    Archive(Archive),
}

/// The bytes of a layer's blob, as its source has them: compressed or not, and unchecked.
#[derive(Debug)]
pub struct LayerReader(pub(crate) Bytes);

#[derive(Debug)]
pub(crate) enum Bytes {
    File(File),
    Section(Section),
}

impl Read for LayerReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Bytes::File(file) => file.read(buffer),
            Bytes::Section(section) => section.read(buffer),
        }
    }
}

impl Store {
    /// Returns what it is called in messages.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Layout(layout) => format!("`{}`", layout.path().display()),
            Self::Archive(archive) => format!("`{}`", archive.path().display()),
        }
    }

    /// Reads a file that is named in the format itself, such as the index.
    pub(crate) fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Layout(layout) => layout.read(name, limit),
            Self::Archive(archive) => archive.read(name, limit),
        }
    }

    /// Reads a document, which has the digest or is refused.
    pub(crate) fn document(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, Error> {
        let bytes = self.read(&blob_path(digest), limit)?.ok_or_else(|| self.missing(digest))?;
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
        };
        bytes.map(LayerReader).ok_or_else(|| self.missing(digest))
    }

    fn missing(&self, digest: &Digest) -> Error {
        Error::Missing { what: digest.to_string(), place: self.place() }
    }
}

//! Images in registries.

use std::io::{self, Read};

use bytes::{Buf as _, Bytes};
use oci::{Algorithm, Descriptor, Digest, Manifest, Platform, Reference, RepositoryName};
use outbound::{Blob, RegistryClient, RegistryError, RegistryOptions};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use crate::image::Image;
use crate::open::bare_descriptor;
use crate::select::{self, Root};
use crate::source::ImageReference;
use crate::store::Store;
use crate::{Error, digest};

/// How many pieces of a blob may wait for their reader. A piece has some ten kilobytes.
const PIECES_MAX: usize = 32;

/// Threads for the network. Layers are decompressed elsewhere; one could be busy with TLS alone.
const THREADS: usize = 2;

/// One repository of a registry.
#[derive(Debug)]
pub(crate) struct Registry {
    name: String,
    client: RegistryClient,
    repository: RepositoryName,
    /// What was asked for first, so that it is asked for once.
    first: Option<(Digest, Vec<u8>)>,
    runtime: Runtime,
}

impl Image {
    /// Fetches the image that a reference names, for a platform, this machine's unless another is given. Its layers are fetched when they are opened.
    ///
    /// Blocks; not for a thread of an asynchronous runtime.
    pub fn fetch(
        reference: &ImageReference,
        options: RegistryOptions,
        platform: Option<&Platform>,
    ) -> Result<Self, Error> {
        let name = reference.name();
        let failed = |source| Error::Fetch { what: format!("`{reference}`"), source: Box::new(source) };
        let client = RegistryClient::new(options).map_err(failed)?;
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(THREADS).enable_all().build().map_err(Error::Runtime)?;
        let asked = reference.reference();
        let fetched = runtime.block_on(client.fetch_manifest(&reference.repository, &asked)).map_err(failed)?;
        let digest = match (asked, fetched.digest) {
            (Reference::Digest(digest), _) => digest,
            // What was pushed under a digest of another algorithm is not there under any other. It is checked when the manifest is read, as one that is
            // asked for.
            (Reference::Tag(_), Some(digest)) if digest.algorithm() != Algorithm::Sha256 => digest,
            (Reference::Tag(_), _) => digest::of(Algorithm::Sha256, &fetched.bytes),
        };
        let understood = Manifest::parse(fetched.media_type.as_deref(), &fetched.bytes);
        let manifest = understood.map_err(|source| Error::Manifest { what: format!("of `{reference}`"), source })?;
        let descriptor = bare_descriptor(manifest.media_type, digest, fetched.bytes.len());
        let store = Store::Registry(Registry {
            name: name.clone(),
            client,
            repository: reference.repository.clone(),
            first: Some((digest, fetched.bytes.into())),
            runtime,
        });
        let chosen = select::choose(&store, &[Root { descriptor, name: None }], platform)?;
        Ok(Self::new(name, "registry", store, chosen))
    }
}

impl Registry {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Fetches a manifest or index. Its bytes are not checked.
    pub(crate) fn manifest(&self, digest: &Digest) -> Result<Vec<u8>, Error> {
        if let Some((_, bytes)) = self.first.as_ref().filter(|(first, _)| first == digest) {
            return Ok(bytes.clone());
        }
        let reference = Reference::Digest(*digest);
        let fetched = self.client.fetch_manifest(&self.repository, &reference);
        let fetched = self.runtime.block_on(fetched).map_err(|source| failed(digest, source))?;
        Ok(fetched.bytes.into())
    }

    /// Fetches the list of what refers to a manifest, page by page. The bytes are not checked.
    pub(crate) fn referrers(&self, digest: &Digest) -> Result<Vec<Vec<u8>>, Error> {
        let fetched = self.runtime.block_on(self.client.fetch_referrers(&self.repository, digest));
        Ok(fetched.map_err(|source| failed(digest, source))?.into_iter().map(|page| page.bytes.into()).collect())
    }

    /// The digest of what was asked for: of the index, where that is one.
    pub(crate) fn first(&self) -> Option<Digest> {
        self.first.as_ref().map(|(digest, _)| *digest)
    }

    /// Fetches a blob as a whole. Its bytes are not checked; there are as many as the descriptor says.
    pub(crate) fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        let fetched = async {
            let mut blob = self.client.fetch_blob(&self.repository, &descriptor.digest, descriptor.size).await?;
            let mut bytes = Vec::new();
            while let Some(chunk) = blob.chunk().await? {
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes)
        };
        self.runtime.block_on(fetched).map_err(|source| failed(&descriptor.digest, source))
    }

    /// Starts to fetch a blob. Its bytes are not checked; there are as many as the descriptor says.
    pub(crate) fn blob(&self, descriptor: &Descriptor) -> Result<Stream, Error> {
        let blob = self.client.fetch_blob(&self.repository, &descriptor.digest, descriptor.size);
        let blob = self.runtime.block_on(blob).map_err(|source| failed(&descriptor.digest, source))?;
        let (sender, pieces) = mpsc::channel(PIECES_MAX);
        // Ends with the blob, or when nobody reads it any more; at the latest with the runtime.
        self.runtime.spawn(forward(blob, sender));
        Ok(Stream { pieces, piece: Bytes::new() })
    }
}

fn failed(digest: &Digest, source: RegistryError) -> Error {
    Error::Fetch { what: digest.to_string(), source: Box::new(source) }
}

async fn forward(mut blob: Blob, sender: mpsc::Sender<Result<Bytes, RegistryError>>) {
    while let Some(piece) = blob.chunk().await.transpose() {
        let is_last = piece.is_err();
        if sender.send(piece).await.is_err() || is_last {
            return;
        }
    }
}

/// A blob on its way, read while it arrives.
#[derive(Debug)]
pub(crate) struct Stream {
    pieces: mpsc::Receiver<Result<Bytes, RegistryError>>,
    piece: Bytes,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece.map_err(io::Error::other)?,
                // A blob that was cut off has another digest than its reader expects.
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

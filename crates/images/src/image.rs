use oci::{Descriptor, Digest, Platform, media_type};

use crate::Error;
use crate::select::Chosen;
use crate::store::{Bytes, LayerReader, Store};

/// One image of one platform, whose layers can be read.
#[derive(Debug)]
pub struct Image {
    /// What it is called: the reference without a digest, or the path.
    pub name: String,
    /// The digest of its manifest; of its configuration where there is no manifest.
    pub digest: Digest,
    /// What it is for, as its configuration says.
    pub platform: Platform,
    /// When it was made, as its configuration says.
    pub created: Option<String>,
    /// The layers of its root file system, lowest first.
    pub layers: Vec<ImageLayer>,
    /// The scheme of its source: `oci`, `oci-archive`, `docker-archive`.
    pub scheme: &'static str,
    pub(crate) store: Store,
}

/// One layer, as manifest and configuration describe it.
#[derive(Debug)]
pub struct ImageLayer {
    /// The digest of the blob; `None` where the source has only a tar, whose digest is `diff_id`.
    pub digest: Option<Digest>,
    /// The digest of the tar.
    pub diff_id: Digest,
    /// The size of what is read.
    pub size_bytes: u64,
    /// The command that made it.
    pub created_by: Option<String>,
    pub(crate) place: Place,
}

/// Where a layer's bytes are.
#[derive(Debug)]
pub(crate) enum Place {
    Blob(Box<Descriptor>),
    Entry(String),
}

impl Image {
    pub(crate) fn new(name: String, scheme: &'static str, store: Store, chosen: Chosen) -> Self {
        let Chosen { digest, manifest, config } = chosen;
        // Attestations have an image's configuration too, and other layers.
        let is_file_system =
            |(descriptor, _): &(Descriptor, _)| media_type::is_root_file_system_layer(&descriptor.media_type);
        let described = manifest.layers.into_iter().zip(config.layers).filter(is_file_system);
        let layers = described.map(|(descriptor, layer)| ImageLayer {
            digest: Some(descriptor.digest),
            diff_id: layer.diff_id,
            size_bytes: descriptor.size,
            created_by: layer.created_by,
            place: Place::Blob(Box::new(descriptor)),
        });
        let layers = layers.collect();
        Self { name, digest, platform: config.platform, created: config.created, layers, scheme, store }
    }

    /// Opens the bytes of a layer, which the caller compares with its digests.
    pub fn open_layer(&self, layer: &ImageLayer) -> Result<LayerReader, Error> {
        match (&layer.place, &self.store) {
            (Place::Blob(descriptor), store) => store.blob(descriptor),
            (Place::Entry(name), Store::Archive(archive)) => {
                let missing = || Error::Missing { what: format!("`{name}`"), place: self.store.place() };
                archive.find(name).map(|section| LayerReader(Bytes::Section(section))).ok_or_else(missing)
            }
            (Place::Entry(name), store) => Err(Error::Missing { what: format!("`{name}`"), place: store.place() }),
        }
    }
}

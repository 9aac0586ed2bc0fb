//! What lies beside an image in its registry: artifacts that name it as their subject (OCI distribution 1.1, "Listing Referrers").

use std::collections::BTreeSet;

use oci::{Digest, Manifest, media_type};

use crate::Error;
use crate::image::Image;
use crate::store::Store;

/// The most artifacts that are fetched of one image. Anyone who may push can put more there.
pub const BESIDE_MAX: usize = 256;

/// An artifact that lies beside an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// The digest of its manifest.
    pub digest: Digest,
    /// What it says that it is.
    pub artifact_type: String,
    /// Its first blob, which is all of a document.
    pub bytes: Vec<u8>,
}

impl Image {
    /// Fetches what lies beside the image, or beside the index that lists it, and is of a type that is wanted. Nothing, for an image
    /// that is not in a registry.
    ///
    /// Blocks; not for a thread of an asynchronous runtime.
    ///
    /// # Errors
    /// When the registry does not answer, or gives something else than it names; when a document is larger than `bytes_max`.
    pub fn fetch_beside(&self, wants: impl Fn(&str) -> bool, bytes_max: u64) -> Result<Vec<Beside>, Error> {
        let Store::Registry(registry) = &self.store else { return Ok(Vec::new()) };
        let subjects: BTreeSet<Digest> = [Some(self.digest), registry.first()].into_iter().flatten().collect();
        let mut beside: Vec<Beside> = Vec::new();
        for subject in subjects {
            let parse = |media_type: &str, bytes: &[u8]| {
                Manifest::parse(Some(media_type), bytes)
                    .map_err(|source| Error::Manifest { what: format!("beside {subject}"), source })
            };
            let mut listed = Vec::new();
            for page in registry.referrers(&subject)? {
                listed.extend(parse(media_type::OCI_INDEX, &page)?.manifests);
            }
            let wanted = |descriptor: &&oci::Descriptor| descriptor.artifact_type.as_deref().is_some_and(&wants);
            for descriptor in listed.iter().filter(wanted) {
                let is_known = beside.iter().any(|known| known.digest == descriptor.digest);
                if is_known || beside.len() >= BESIDE_MAX {
                    continue;
                }
                let manifest = parse(&descriptor.media_type, &self.store.manifest(&descriptor.digest)?)?;
                let Some(blob) = manifest.layers.first() else { continue };
                beside.push(Beside {
                    digest: descriptor.digest,
                    artifact_type: descriptor.artifact_type.clone().unwrap_or_default(),
                    bytes: self.store.document(blob, bytes_max)?,
                });
            }
        }
        Ok(beside)
    }
}

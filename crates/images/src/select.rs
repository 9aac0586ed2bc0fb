//! Which of several images is meant.

use std::collections::{BTreeSet, HashSet};

use oci::image_config::IMAGE_CONFIG_BYTES_MAX;
use oci::manifest::DESCRIPTORS_MAX;
use oci::{Descriptor, Digest, ImageConfig, Manifest, ManifestKind, Platform, media_type};

use crate::store::Store;
use crate::{Error, host_platform, platform};

/// How deep indexes may be inside each other. The specification allows any depth; tools make two levels.
pub const INDEX_DEPTH_MAX: usize = 4;

/// The most documents that are read to find an image: one that is for every platform there is has some twenty.
pub const DOCUMENTS_MAX: usize = 256;

/// The most images that are chosen among, as many as one index may list.
pub const CANDIDATES_MAX: usize = DESCRIPTORS_MAX;

/// The image that was meant.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) digest: Digest,
    pub(crate) manifest: Manifest,
    /// Its platform is spelled as all others.
    pub(crate) config: ImageConfig,
}

/// What a search begins with: an image or an index, and what it is called.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    pub(crate) descriptor: Descriptor,
    pub(crate) name: Option<String>,
}

#[derive(Debug)]
struct Candidate {
    descriptor: Descriptor,
    platform: Option<Platform>,
    root: usize,
}

/// Finds the one image for a platform, this machine's unless another is wanted.
pub(crate) fn choose(store: &Store, roots: &[Root], wanted: Option<&Platform>) -> Result<Chosen, Error> {
    refuse_several_names(store, roots)?;
    let mut search = Search { store, candidates: Vec::new(), known: HashSet::new(), documents: 0 };
    for (at, root) in roots.iter().enumerate() {
        search.expand(&root.descriptor, at, 0)?;
    }
    // A single manifest is taken as what it is, so that one that is no image is refused for that reason.
    if wanted.is_some() || search.candidates.len() > 1 {
        search.find_platforms()?;
    }
    let candidates = search.candidates;
    let platforms: Vec<Platform> = candidates.iter().filter_map(|candidate| candidate.platform.clone()).collect();
    let places = match (wanted, candidates.len()) {
        (_, 0) => return Err(Error::Empty { place: store.place() }),
        (None, 1) => vec![0],
        (Some(wanted), _) => platform::matching(&platforms, wanted),
        (None, _) => platform::matching(&platforms, &host_platform()),
    };
    let roots_of_places: BTreeSet<usize> = places.iter().map(|place| candidates[*place].root).collect();
    if roots_of_places.len() > 1 {
        let name = |root: &usize| roots[*root].descriptor.digest.to_string();
        return Err(Error::Ambiguous { place: store.place(), available: roots_of_places.iter().map(name).collect() });
    }
    let Some(place) = places.first() else {
        return Err(Error::PlatformAbsent {
            what: store.place(),
            wanted: Box::new(wanted.cloned().unwrap_or_else(host_platform)),
            available: platforms,
        });
    };
    load(store, &candidates[*place].descriptor)
}

/// Images with different names are different images, whatever they are for.
fn refuse_several_names(store: &Store, roots: &[Root]) -> Result<(), Error> {
    let names: BTreeSet<&String> = roots.iter().filter_map(|root| root.name.as_ref()).collect();
    let digests: BTreeSet<&Digest> = roots.iter().map(|root| &root.descriptor.digest).collect();
    if names.len() > 1 && digests.len() > 1 {
        return Err(Error::Ambiguous { place: store.place(), available: names.into_iter().cloned().collect() });
    }
    Ok(())
}

struct Search<'s> {
    store: &'s Store,
    candidates: Vec<Candidate>,
    known: HashSet<Digest>,
    documents: usize,
}

impl Search<'_> {
    fn expand(&mut self, descriptor: &Descriptor, root: usize, depth: usize) -> Result<(), Error> {
        let is_unknown = descriptor.platform.as_ref().is_some_and(|platform| platform.os == "unknown");
        if is_unknown || descriptor.is_attestation() {
            return Ok(());
        }
        let is = |known: &str| known.eq_ignore_ascii_case(&descriptor.media_type);
        if is(media_type::OCI_INDEX) || is(media_type::DOCKER_MANIFEST_LIST) {
            if depth >= INDEX_DEPTH_MAX {
                let reason = format!("holds indexes more than {INDEX_DEPTH_MAX} deep");
                return Err(Error::TooMuch { what: self.store.place(), reason });
            }
            self.count()?;
            let index = load_manifest(self.store, descriptor)?;
            for entry in &index.manifests {
                self.expand(entry, root, depth + 1)?;
            }
        } else if is(media_type::OCI_MANIFEST) || is(media_type::DOCKER_MANIFEST) {
            if !self.known.insert(descriptor.digest) {
                return Ok(());
            }
            if self.candidates.len() >= CANDIDATES_MAX {
                let reason = format!("lists more than {CANDIDATES_MAX} images");
                return Err(Error::TooMuch { what: self.store.place(), reason });
            }
            let platform = descriptor.platform.clone().filter(|platform| !platform.os.is_empty());
            let platform = platform.map(|platform| platform::normal(&platform));
            self.candidates.push(Candidate { descriptor: descriptor.clone(), platform, root });
        }
        Ok(())
    }

    /// Asks the configurations of those of which no index tells the platform. What is no image is no candidate.
    fn find_platforms(&mut self) -> Result<(), Error> {
        let mut known = Vec::new();
        for mut candidate in std::mem::take(&mut self.candidates) {
            if candidate.platform.is_none() {
                self.count()?;
                match load(self.store, &candidate.descriptor) {
                    Ok(chosen) => candidate.platform = Some(chosen.config.platform),
                    Err(Error::NoImage { .. }) => continue,
                    Err(error) => return Err(error),
                }
            }
            known.push(candidate);
        }
        self.candidates = known;
        Ok(())
    }

    fn count(&mut self) -> Result<(), Error> {
        self.documents += 1;
        if self.documents > DOCUMENTS_MAX {
            let reason = format!("takes more than {DOCUMENTS_MAX} documents to find an image in");
            return Err(Error::TooMuch { what: self.store.place(), reason });
        }
        Ok(())
    }
}

fn load_manifest(store: &Store, descriptor: &Descriptor) -> Result<Manifest, Error> {
    let bytes = store.manifest(&descriptor.digest)?;
    let what = || descriptor.digest.to_string();
    Manifest::parse(Some(&descriptor.media_type), &bytes).map_err(|source| Error::Manifest { what: what(), source })
}

fn load(store: &Store, descriptor: &Descriptor) -> Result<Chosen, Error> {
    let what = descriptor.digest.to_string();
    let manifest = load_manifest(store, descriptor)?;
    let config = match (&manifest.config, manifest.kind) {
        (Some(config), ManifestKind::Image) if media_type::is_container_config(&config.media_type) => config,
        _ => {
            let kind = manifest.artifact_type.as_deref().unwrap_or(&manifest.media_type);
            return Err(Error::NoImage { what, kind: format!("an artifact of type `{kind}`") });
        }
    };
    let has_file_system = manifest.layers.iter().any(|layer| media_type::is_root_file_system_layer(&layer.media_type));
    if let Some(first) = manifest.layers.first()
        && !has_file_system
    {
        return Err(Error::NoImage { what, kind: format!("a list of blobs of type `{}`", first.media_type) });
    }
    let bytes = store.document(config, IMAGE_CONFIG_BYTES_MAX as u64)?;
    let named = || config.digest.to_string();
    let mut config = ImageConfig::parse(&bytes).map_err(|source| Error::Config { what: named(), source })?;
    config.platform = platform::normal(&config.platform);
    let (layers, diff_ids) = (manifest.layers.len(), config.layers.len());
    if layers != diff_ids {
        return Err(Error::LayerCount { what, layers, diff_ids });
    }
    Ok(Chosen { digest: descriptor.digest, manifest, config })
}

//! Archives as `docker save` writes them: `manifest.json` lists images, each with a configuration and the tars of its layers.
//! Newer ones hold an OCI layout as well, which is read instead, because its digests are those of a registry.

use oci::image_config::IMAGE_CONFIG_BYTES_MAX;
use oci::{Algorithm, Digest, ImageConfig, Platform};
use serde::Deserialize;

use crate::archive::Archive;
use crate::image::{Image, ImageLayer, Place};
use crate::source::Select;
use crate::store::Store;
use crate::{Error, digest, platform};

/// The file with the list of images.
pub(crate) const MANIFEST: &str = "manifest.json";

/// The largest list of images: an image takes some kilobytes.
pub const DOCKER_MANIFEST_BYTES_MAX: u64 = 8 << 20;

#[derive(Debug, Deserialize)]
struct Listed {
    #[serde(rename = "Config")]
    config: String,
    #[serde(rename = "RepoTags", default)]
    tags: Option<Vec<String>>,
    #[serde(rename = "Layers", default)]
    layers: Option<Vec<String>>,
}

impl Listed {
    fn tags(&self) -> &[String] {
        self.tags.as_deref().unwrap_or_default()
    }

    /// The digest that the configuration's name states.
    fn stated_digest(&self) -> Option<Digest> {
        let name = self.config.rsplit('/').next().unwrap_or(&self.config);
        let hex = name.strip_suffix(".json").unwrap_or(name);
        format!("sha256:{hex}").parse().ok()
    }
}

pub(crate) fn open(archive: Archive, name: String, select: &Select, wanted: Option<&Platform>) -> Result<Image, Error> {
    let path = || archive.path().to_owned();
    let place = format!("`{}`", archive.path().display());
    let Some(bytes) = archive.read(MANIFEST, DOCKER_MANIFEST_BYTES_MAX)? else {
        return Err(Error::NoArchive { path: path(), reason: format!("it has no `{MANIFEST}`") });
    };
    let listed: Vec<Listed> =
        serde_json::from_slice(&bytes).map_err(|source| Error::DockerManifest { path: path(), source })?;
    let is_selected = |image: &&Listed| match select {
        Select::Any => true,
        Select::Name(name) => image.tags().iter().any(|tag| is_named(tag, name)),
        Select::Digest(digest) => image.stated_digest() == Some(*digest),
    };
    let available = || listed.iter().flat_map(|image| image.tags().iter().cloned());
    let selected: Vec<&Listed> = listed.iter().filter(is_selected).collect();
    let image = match (selected.as_slice(), select) {
        ([image], _) => image,
        ([], Select::Any) => return Err(Error::Empty { place }),
        ([], _) => {
            return Err(Error::NameAbsent { place, wanted: select.to_string(), available: available().collect() });
        }
        (several, _) => {
            let names = several.iter().flat_map(|image| match image.tags() {
                [] => image.stated_digest().iter().map(ToString::to_string).collect(),
                tags => tags.to_vec(),
            });
            return Err(Error::Ambiguous { place, available: names.collect() });
        }
    };
    build(archive, name, image, wanted)
}

fn build(archive: Archive, name: String, image: &Listed, wanted: Option<&Platform>) -> Result<Image, Error> {
    let place = format!("`{}`", archive.path().display());
    let Some(bytes) = archive.read(&image.config, IMAGE_CONFIG_BYTES_MAX as u64)? else {
        return Err(Error::Missing { what: format!("`{}`", image.config), place });
    };
    let actual = digest::of(Algorithm::Sha256, &bytes);
    if let Some(expected) = image.stated_digest().filter(|expected| *expected != actual) {
        let mismatch = Box::new(sbom::Mismatch { expected, actual });
        return Err(Error::Digest { place: format!("`{}` in {place}", image.config), mismatch });
    }
    let config =
        ImageConfig::parse(&bytes).map_err(|source| Error::Config { what: format!("`{}`", image.config), source })?;
    let platform = platform::normal(&config.platform);
    if let Some(wanted) = wanted
        && platform::matching(std::slice::from_ref(&platform), wanted).is_empty()
    {
        return Err(Error::PlatformAbsent { what: place, wanted: Box::new(wanted.clone()), available: vec![platform] });
    }
    let entries = image.layers.as_deref().unwrap_or_default();
    if entries.len() != config.layers.len() {
        let (layers, diff_ids) = (entries.len(), config.layers.len());
        return Err(Error::LayerCount { what: format!("`{MANIFEST}`"), layers, diff_ids });
    }
    let layers = entries.iter().zip(config.layers).map(|(entry, layer)| {
        let missing = || Error::Missing { what: format!("`{entry}`"), place: place.clone() };
        let size_bytes = archive.find(entry).ok_or_else(missing)?.len();
        let place = Place::Entry(entry.clone());
        Ok(ImageLayer { digest: None, diff_id: layer.diff_id, size_bytes, created_by: layer.created_by, place })
    });
    let layers = layers.collect::<Result<_, Error>>()?;
    Ok(Image {
        name,
        digest: actual,
        platform,
        created: config.created,
        layers,
        scheme: "docker-archive",
        store: Store::Archive(archive),
    })
}

/// Returns whether a full name is what someone calls by a shorter one: `api:1` for `registry.example/team/api:1`, `1` for any.
pub(crate) fn is_named(full: &str, name: &str) -> bool {
    full.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with(['/', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_may_be_called_by_the_end_of_its_name() {
        let full = "registry.example/team/api:1.4";
        let table = [
            (full, true),
            ("team/api:1.4", true),
            ("api:1.4", true),
            ("1.4", true),
            (".4", false),
            ("pi:1.4", false),
            ("api", false),
            ("other/team/api:1.4", false),
        ];
        for (name, expected) in table {
            assert_eq!(is_named(full, name), expected, "{name}");
        }
    }
}

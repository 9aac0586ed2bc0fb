use std::collections::HashMap;

use component::{Component, Distribution, Inventory, Purl};

use crate::image::parse_digest;
use crate::matching::is_image;
use crate::{Cpe, Element, ImageName};

/// What is asked about as a whole: an image, a directory, what a document describes; by all names that products may have for it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Subject {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) images: Vec<ImageName>,
    pub(crate) digests: Vec<String>,
    pub(crate) platform: Option<String>,
    pub(crate) purls: Vec<Purl>,
    pub(crate) serials: Vec<String>,
    /// What elements of the documents that describe it stand for: a component, or the subject itself.
    pub(crate) elements: HashMap<Element, Option<Component>>,
    pub(crate) distribution: Option<Distribution>,
    pub(crate) distribution_cpe: Option<Cpe>,
}

impl Subject {
    /// Returns what an inventory is of.
    pub fn of(inventory: &Inventory) -> Self {
        use component::Subject as Source;
        let subject = Self { name: inventory.subject.name().to_owned(), ..Self::default() };
        let subject = match &inventory.subject {
            Source::Image { name, digest, platform } => {
                Self { platform: platform.clone(), ..subject.with_image(name).with_digest(digest) }
            }
            Source::File { sha256: Some(hex), .. } => subject.with_digest(&format!("sha256:{hex}")),
            // Other tools' documents have an image's digest as its version.
            Source::Document { name, version: Some(version), .. } if parse_digest(version).is_some() => {
                subject.with_image(name).with_digest(version)
            }
            Source::Document { version, .. } => Self { version: version.clone(), ..subject },
            Source::Directory { .. } | Source::File { .. } => subject,
        };
        let subject = match &inventory.subject {
            Source::Document { version, purl: Some(purl), .. } => {
                subject.with_purl(purl_of_version(purl, version.as_deref()))
            }
            _ => subject,
        };
        match &inventory.distribution {
            Some(distribution) => subject.with_distribution(distribution),
            None => subject,
        }
    }

    /// Adds a name of the image, with or without tag and digest; what is no name of an image is left out.
    #[must_use]
    pub fn with_image(mut self, name: &str) -> Self {
        if let Some(image) = ImageName::parse(name) {
            self.digests.extend(image.digest.clone());
            self.images.push(image);
        }
        self
    }

    /// Adds a digest: of the manifest, of the index that lists it, of the configuration. What is no digest is left out.
    #[must_use]
    pub fn with_digest(mut self, digest: &str) -> Self {
        self.digests.extend(parse_digest(digest));
        self
    }

    /// Adds a purl.
    #[must_use]
    pub fn with_purl(mut self, purl: Purl) -> Self {
        self.purls.push(purl);
        self
    }

    /// Adds the serial number of the CycloneDX document that describes it: `urn:uuid:…`.
    #[must_use]
    pub fn with_serial(mut self, serial: &str) -> Self {
        self.serials.push(serial.to_ascii_lowercase());
        self
    }

    /// Adds an element of a document that describes it: a component in it, or with none it itself.
    #[must_use]
    pub fn with_element(mut self, element: Element, component: Option<Component>) -> Self {
        self.elements.insert(element, component);
        self
    }

    /// Sets the distribution.
    #[must_use]
    pub fn with_distribution(mut self, distribution: &Distribution) -> Self {
        self.distribution_cpe = distribution.cpe.as_deref().and_then(|cpe| Cpe::parse(cpe).ok());
        self.distribution = Some(distribution.clone());
        self
    }
}

/// Returns a purl with the version that is stated beside it, where it has none itself. That of an image is its tag or its digest, which its purl has
/// elsewhere.
pub(crate) fn purl_of_version(purl: &Purl, stated: Option<&str>) -> Purl {
    let stated = stated.map(str::trim).filter(|version| !version.is_empty() && !is_image(purl));
    let version = stated.filter(|_| purl.version().is_none());
    version.and_then(|version| purl.with_version(version).ok()).unwrap_or_else(|| purl.clone())
}

/// A component where it is.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// What it is in.
    pub subject: &'a Subject,
    /// The component.
    pub component: &'a Component,
    /// The components whose files hold it, as a jar holds another, the nearest first, and the project in a directory for which alone it is there. Empty when
    /// there are none, or when nobody knows.
    pub containers: &'a [&'a Component],
}

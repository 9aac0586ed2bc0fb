use std::time::{Duration, Instant};

use component::{Inventory, Subject};
use findings::{Decisions, Explanation, Report};
use images::{Image, ImageReference};
use oci::Digest;
use outbound::{Endpoint, HubClient};
use sbom::formats::{Format, Limits, read};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::session::{self, block_on, client};

/// How long an inventory is waited for: it is made within a second or two of a push, and a burst of a hundred pushes takes ten.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// From one look for it to the next.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// What a hub tells of the inventories of a manifest.
#[derive(Debug, Deserialize)]
struct Inventories {
    images: Vec<State>,
}

#[derive(Debug, Deserialize)]
struct State {
    state: String,
}

/// An image of a hub that the user is logged in to, and what the hub knows of it. Where it does not answer, the reason is in words.
#[derive(Debug)]
pub(crate) struct InHub {
    hub: HubClient,
    repository: String,
    digest: Digest,
}

impl InHub {
    /// Returns an image, if the registry that it is in is a hub that the user is logged in to.
    pub(super) fn find(reference: &ImageReference, context: Option<&str>, image: &Image) -> Option<Self> {
        // A file that cannot be read was told of when the registry was asked.
        let contexts = session::contexts_with(context).ok()?;
        let (_, context) = contexts.find_by_host(&reference.host)?;
        // What keeps this from working was told of when the image was fetched, or is when its layers are.
        let hub = client(context).ok()?;
        Some(Self { hub, repository: reference.repository.to_string(), digest: image.digest })
    }

    /// Returns the inventory that the hub made.
    pub(super) fn inventory(&self) -> Result<Inventory, String> {
        // The one format that keeps everything.
        let document = self.download(&self.endpoint("sbom").with("format", Format::Syft))?;
        let inventory =
            read(&document).map_err(|error| format!("the hub's inventory is not understood: {error}"))?.inventory;
        match &inventory.subject {
            Subject::Image { digest, .. } if *digest == self.digest.to_string() => Ok(inventory),
            subject => Err(format!("the hub's inventory is of `{}`, not of {}", subject.name(), self.digest)),
        }
    }

    /// Waits until the hub has made the inventory of the image, has refused it, or takes too long; says so first if it waits. Returns whether it has
    /// made it.
    pub(super) fn makes_inventory(&self, waits: impl FnOnce()) -> bool {
        let (begun, mut waits) = (Instant::now(), Some(waits));
        loop {
            let Ok(known) = self.get::<Inventories>(&self.endpoint("inventory")) else { return false };
            let is = |state: &str| known.images.iter().any(|image| image.state == state);
            if !is("waiting") || begun.elapsed() >= WAIT_MAX {
                return is("made");
            }
            if let Some(waits) = waits.take() {
                waits();
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }

    /// Returns what the hub knows to be wrong with the image, by its advisories and what is decided there.
    pub(crate) fn report(&self, only_fixed: bool) -> Result<Report, String> {
        self.get(&self.endpoint("findings").with("fixable", only_fixed))
    }

    /// Returns why the hub finds a vulnerability in the image, or why not.
    pub(crate) fn explanation(&self, vulnerability: &str, component: Option<&str>) -> Result<Explanation, String> {
        let endpoint = self.endpoint("explanation").with("vulnerability", vulnerability);
        self.get(&endpoint.with_some("component", component))
    }

    /// Returns the image's repository, without the hub.
    pub(crate) fn repository(&self) -> &str {
        &self.repository
    }

    /// Returns what decides about the image in the hub.
    pub(crate) fn decisions(&self) -> Result<Decisions, String> {
        self.get(&self.endpoint("decisions"))
    }

    fn endpoint(&self, last: &str) -> Endpoint {
        Endpoint::api(["repository", last]).with("name", &self.repository).with("reference", self.digest)
    }

    fn get<T: DeserializeOwned>(&self, endpoint: &Endpoint) -> Result<T, String> {
        let answer = self.download(endpoint)?;
        serde_json::from_slice(&answer).map_err(|error| format!("the hub's answer is not understood: {error}"))
    }

    fn download(&self, endpoint: &Endpoint) -> Result<Vec<u8>, String> {
        let answer = block_on(async { Ok(self.hub.download(endpoint, Limits::DOCUMENT_BYTES_MAX).await) });
        let answer = answer.map_err(|_| "the hub cannot be asked".to_owned())?;
        answer.map_err(|error| error.to_string())
    }
}

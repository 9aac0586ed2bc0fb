use component::{Inventory, Subject};
use findings::{Explanation, Report};
use images::{Image, ImageReference};
use oci::Digest;
use outbound::{Endpoint, HubClient, Page};
use policy::{Exception, Exceptions};
use sbom::formats::{Format, Limits, read};
use serde::de::DeserializeOwned;
use serde_json::Value;
use vex::Document;

use crate::session::{self, block_on, client, contexts};

/// What counts for an image in its hub.
#[derive(Debug, Default)]
pub(crate) struct HubDecisions {
    /// The exceptions, each with the project before its name, or `hub` where it is for all.
    pub(crate) exceptions: Vec<Exception>,
    /// The VEX documents.
    pub(crate) vex: Vec<Document>,
    /// What of it cannot be had, and why.
    pub(crate) missing: Vec<String>,
}

fn digest_in(row: &Value) -> Option<String> {
    row["digest"].as_str().map(str::to_owned)
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
    pub(super) fn find(reference: &ImageReference, image: &Image) -> Option<Self> {
        // Who has no home has no contexts, and a file that cannot be read was told of when the registry was asked.
        let contexts = session::contexts_path().and_then(|_| contexts()).ok()?;
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

    /// Returns the exceptions and VEX documents that count for the image in the hub.
    pub(crate) fn decisions(&self) -> HubDecisions {
        let project = self.repository.split('/').next().unwrap_or_default();
        let mut decisions = HubDecisions::default();
        for (whose, path) in [("the project", vec!["projects", project]), ("all projects", Vec::new())] {
            let endpoint = |rest: &[&str]| Endpoint::api(path.iter().chain(rest).copied());
            match self.exceptions(&endpoint(&["exceptions"])) {
                // What is given here may have the same names.
                Ok(entries) => decisions.exceptions.extend(entries.into_iter().map(|entry| {
                    let mark = path.last().unwrap_or(&"hub");
                    Exception { id: format!("{mark}:{}", entry.id), ..entry }
                })),
                Err(reason) => decisions.missing.push(format!("exceptions for {whose}: {reason}")),
            }
            let listed = self.get::<Page<Value>>(&endpoint(&["vex"]));
            let digests = listed.map(|listed| listed.items.iter().filter_map(digest_in).collect::<Vec<_>>());
            let documents = digests.and_then(|digests| {
                let read = |digest: &String| self.vex(&endpoint(&["vex", digest]));
                digests.iter().map(read).collect::<Result<Vec<_>, _>>()
            });
            match documents {
                Ok(documents) => decisions.vex.extend(documents),
                Err(reason) => decisions.missing.push(format!("VEX for {whose}: {reason}")),
            }
        }
        decisions
    }

    fn exceptions(&self, endpoint: &Endpoint) -> Result<Vec<Exception>, String> {
        let set: Value = self.get(endpoint)?;
        let document = set["document"].as_str().unwrap_or_default();
        if document.trim().is_empty() {
            return Ok(Vec::new());
        }
        let exceptions = Exceptions::read(document.as_bytes());
        Ok(exceptions.map_err(|error| format!("they are not understood: {error}"))?.entries().to_vec())
    }

    fn vex(&self, endpoint: &Endpoint) -> Result<Document, String> {
        let document = self.download(endpoint)?;
        vex::read(&document).map_err(|error| format!("a document is not understood: {error}"))
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

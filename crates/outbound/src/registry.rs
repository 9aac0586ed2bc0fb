use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use oci::manifest::MANIFEST_BYTES_MAX;
use oci::{Digest, Reference, RepositoryName, media_type};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, LINK, LOCATION, RANGE, RETRY_AFTER,
};
use reqwest::{Response, StatusCode};
use url::Url;

use crate::client;
use crate::{HubAddress, Problem};

mod blob;
mod challenge;
mod error;
mod reach;
mod token;

pub use blob::Blob;
pub use challenge::Challenge;
pub use error::RegistryError;
pub use token::{TokenError, parse_token};

use reach::Reach;

/// The longest token or error document that is read.
const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// The most redirects on the way to a blob. Registries of clouds need one, their caches two.
const REDIRECTS_MAX: usize = 5;

/// The most pages of a list of referrers that are read. Anyone who may push can make it longer.
pub const REFERRER_PAGES_MAX: usize = 64;

/// How often a request is sent before its failure counts.
const ATTEMPTS_MAX: u32 = 4;

/// The longest pause that a registry's `Retry-After` gets.
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// The time without a byte after which a connection counts as broken.
const SILENCE_MAX: Duration = Duration::from_mins(1);

/// The digest by which a registry has what it answers with (OCI distribution 1.1).
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// What a manifest request accepts: an image or an index, of OCI or Docker.
const MANIFEST_TYPES: [&str; 4] =
    [media_type::OCI_MANIFEST, media_type::OCI_INDEX, media_type::DOCKER_MANIFEST, media_type::DOCKER_MANIFEST_LIST];

/// Who asks a registry.
#[derive(Clone)]
pub enum RegistryCredentials {
    /// A user with a password or an access token.
    Basic {
        /// The name.
        user: String,
        /// The password or token.
        secret: String,
    },
    /// A refresh token, which is exchanged for an access token: what `docker login` keeps for some clouds.
    Identity(String),
    /// An access token that is sent as it is.
    Bearer(String),
}

impl fmt::Debug for RegistryCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { user, .. } => write!(formatter, "Basic({user}, redacted)"),
            Self::Identity(_) => formatter.write_str("Identity(redacted)"),
            Self::Bearer(_) => formatter.write_str("Bearer(redacted)"),
        }
    }
}

/// How to reach a registry.
#[derive(Clone, Debug)]
pub struct RegistryOptions {
    /// Where it listens.
    pub address: HubAddress,
    /// Who asks; `None` for nobody.
    pub credentials: Option<RegistryCredentials>,
    /// PEM certificates to trust besides the platform's.
    pub ca_file: Option<PathBuf>,
    /// Whether a registry on another machine may be asked without encryption.
    pub plain_http: bool,
    /// The pause before a request is sent again; it doubles each time.
    pub pause: Duration,
}

/// A manifest as a registry sent it. The bytes are not verified.
#[derive(Clone, Debug)]
pub struct FetchedManifest {
    /// The `Content-Type`.
    pub media_type: Option<String>,
    /// The digest by which the registry has it, as it says (`Docker-Content-Digest`). Nothing proves it but the bytes.
    pub digest: Option<Digest>,
    /// The bytes.
    pub bytes: Bytes,
}

/// A reader of one registry: manifests and blobs, by the OCI distribution specification 1.1 and Docker's token protocol.
///
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct RegistryClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: RegistryOptions,
    /// Of the registry itself.
    http: reqwest::Client,
    /// Of other hosts that it points to. Never given credentials of a request; those for a token are given by name.
    elsewhere: reqwest::Client,
    reach: Reach,
    /// The `Authorization` that was last accepted, by repository.
    authorizations: Mutex<HashMap<RepositoryName, HeaderValue>>,
}

impl RegistryClient {
    /// Returns a client; nothing is sent yet.
    ///
    /// # Errors
    /// When the certificates cannot be read, or when a registry on another machine would be asked without encryption.
    pub fn new(options: RegistryOptions) -> Result<Self, RegistryError> {
        let registry = options.address.authority();
        if !options.address.is_encrypted() && !options.address.is_loopback() && !options.plain_http {
            return Err(RegistryError::PlainHttp { registry });
        }
        let setup = |source| RegistryError::Setup { registry: registry.clone(), source };
        let builder = || client::builder(&options.address, options.ca_file.as_deref()).map_err(setup);
        let finish = |builder: reqwest::ClientBuilder| {
            let built = builder.read_timeout(SILENCE_MAX).build();
            built.map_err(|source| setup(crate::Error::Setup { hub: registry.clone(), source: Box::new(source) }))
        };
        let reach = Reach::new(&options.address);
        let http = finish(builder()?)?;
        let elsewhere = finish(reach.guard(builder()?))?;
        Ok(Self(Arc::new(Inner { options, http, elsewhere, reach, authorizations: Mutex::default() })))
    }

    /// Returns `host[:port]`.
    pub fn registry(&self) -> String {
        self.0.options.address.authority()
    }

    /// Asks whether a registry is there. One that wants to know who asks is.
    pub async fn ping(&self) -> Result<(), RegistryError> {
        let response = self.send(&Request { url: self.url(&["v2", ""])?, accept: None, range_from: 0 }, None).await?;
        match response.status() {
            status if status.is_success() || status == StatusCode::UNAUTHORIZED => Ok(()),
            _ => Err(self.refusal(response).await),
        }
    }

    /// Fetches a manifest.
    pub async fn fetch_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<FetchedManifest, RegistryError> {
        let reference = reference.to_string();
        let url = self.repository_url(repository, &["manifests", &reference])?;
        let request = Request { url, accept: Some(MANIFEST_TYPES.join(", ")), range_from: 0 };
        let response = self.get(repository, request).await?;
        let media_type = text(&response, &CONTENT_TYPE).map(|text| media_type::without_parameters(text).to_owned());
        let digest = text(&response, &CONTENT_DIGEST).and_then(|text| text.parse().ok());
        // One byte more, so that the parser sees that it is too large.
        let bytes = self.read(response, MANIFEST_BYTES_MAX + 1).await?;
        Ok(FetchedManifest { media_type, digest, bytes: bytes.into() })
    }

    /// Fetches the list of what refers to a manifest, page by page (OCI distribution 1.1, "Listing Referrers"), else what the referrers
    /// tag lists in a registry that is older. Nothing, where there is neither. At most [`REFERRER_PAGES_MAX`] pages; the bytes are not
    /// verified.
    pub async fn fetch_referrers(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Vec<FetchedManifest>, RegistryError> {
        let listed = self.repository_url(repository, &["referrers", &digest.to_string()])?;
        let tag = digest.to_string().replacen(':', "-", 1);
        let tagged = self.repository_url(repository, &["manifests", &tag])?;
        for url in [listed, tagged] {
            match self.fetch_index(repository, url).await {
                Ok((first, mut next)) => {
                    let mut pages = vec![first];
                    while let Some(url) = next.take().filter(|_| pages.len() < REFERRER_PAGES_MAX) {
                        let (page, after) = self.fetch_index(repository, url).await?;
                        pages.push(page);
                        next = after;
                    }
                    return Ok(pages);
                }
                // What a registry answers that has no such endpoint, or no such tag.
                Err(RegistryError::Refused { status: 400 | 404 | 405, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Vec::new())
    }

    /// Fetches an index, and where it goes on.
    async fn fetch_index(
        &self,
        repository: &RepositoryName,
        url: Url,
    ) -> Result<(FetchedManifest, Option<Url>), RegistryError> {
        let request = Request { url: url.clone(), accept: Some(media_type::OCI_INDEX.to_owned()), range_from: 0 };
        let response = self.get(repository, request).await?;
        let next = response.headers().get(LINK).and_then(|link| next_page(&url, link.to_str().ok()?));
        let media_type = Some(media_type::OCI_INDEX.to_owned());
        let bytes = self.read(response, MANIFEST_BYTES_MAX + 1).await?;
        Ok((FetchedManifest { media_type, digest: None, bytes: bytes.into() }, next))
    }

    /// Starts to fetch a blob of a known size. Its bytes are not verified.
    pub async fn fetch_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        size_bytes: u64,
    ) -> Result<Blob, RegistryError> {
        let blob = Blob::new(self.clone(), repository.clone(), *digest, size_bytes);
        blob.start().await
    }

    async fn open_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        range_from: u64,
    ) -> Result<Response, RegistryError> {
        let url = self.repository_url(repository, &["blobs", &digest.to_string()])?;
        self.get(repository, Request { url, accept: None, range_from }).await
    }

    fn repository_url(&self, repository: &RepositoryName, rest: &[&str]) -> Result<Url, RegistryError> {
        let segments: Vec<&str> =
            ["v2"].into_iter().chain(repository.as_str().split('/')).chain(rest.iter().copied()).collect();
        self.url(&segments)
    }

    fn url(&self, segments: &[&str]) -> Result<Url, RegistryError> {
        let mut url = self.0.options.address.url().clone();
        url.path_segments_mut().map_err(|()| self.answer("an address without a path"))?.clear().extend(segments);
        Ok(url)
    }

    /// Sends a request until it is answered with success, or with a refusal that counts.
    async fn get(&self, repository: &RepositoryName, request: Request) -> Result<Response, RegistryError> {
        let mut authorization = self.known_authorization(repository);
        let mut was_challenged = false;
        for attempt in 1..=ATTEMPTS_MAX {
            let pause = self.0.options.pause.saturating_mul(1 << (attempt - 1));
            let response = match self.send(&request, authorization.as_ref()).await {
                Ok(response) => response,
                Err(error) if error.is_passing() && attempt < ATTEMPTS_MAX => {
                    tokio::time::sleep(pause.min(PAUSE_MAX)).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            if status == StatusCode::UNAUTHORIZED && !was_challenged {
                was_challenged = true;
                let fresh = self.answer_challenge(repository, response).await?;
                self.authorizations().insert(repository.clone(), fresh.clone());
                authorization = Some(fresh);
                continue;
            }
            if is_passing(status) && attempt < ATTEMPTS_MAX {
                tokio::time::sleep(retry_after(&response).unwrap_or(pause).min(PAUSE_MAX)).await;
                continue;
            }
            return Err(self.refusal(response).await);
        }
        Err(self.answer("too many attempts"))
    }

    /// Sends a request once and follows its redirects.
    async fn send(&self, request: &Request, authorization: Option<&HeaderValue>) -> Result<Response, RegistryError> {
        let mut url = request.url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let is_here = url.origin() == self.0.options.address.url().origin();
            let http = if is_here { &self.0.http } else { &self.0.elsewhere };
            let mut sent = http.get(url.clone());
            if let Some(accept) = &request.accept {
                sent = sent.header(ACCEPT, accept);
            }
            if request.range_from > 0 {
                sent = sent.header(RANGE, format!("bytes={}-", request.range_from));
            }
            // Credentials are the registry's own: whoever it points to gets none.
            if let Some(authorization) = authorization.filter(|_| is_here) {
                sent = sent.header(AUTHORIZATION, authorization);
            }
            let response = sent.send().await.map_err(|source| self.unreachable(source))?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let next = text(&response, &LOCATION).and_then(|location| url.join(location).ok());
            url = next.ok_or_else(|| self.answer("a redirect to nowhere"))?;
            self.may_be_sent_to(&url)?;
        }
        Err(self.answer("too many redirects"))
    }

    /// A registry that is reached with encryption points nowhere without it, and none to a network nearer than its own.
    fn may_be_sent_to(&self, url: &Url) -> Result<(), RegistryError> {
        let address = &self.0.options.address;
        let is_open = match url.scheme() {
            "https" => true,
            "http" => !address.is_encrypted(),
            _ => false,
        };
        if is_open && self.0.reach.allows_host_of(url) {
            return Ok(());
        }
        let target = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
        Err(RegistryError::Redirect { registry: self.registry(), target })
    }

    async fn answer_challenge(
        &self,
        repository: &RepositoryName,
        response: Response,
    ) -> Result<HeaderValue, RegistryError> {
        let headers = response.headers().get_all("www-authenticate");
        let challenges: Vec<Challenge> =
            headers.iter().filter_map(|value| value.to_str().ok()).flat_map(Challenge::parse_all).collect();
        let bearer = challenges.iter().find_map(|challenge| match challenge {
            Challenge::Bearer { realm, service } => Some((realm, service.as_deref())),
            Challenge::Basic => None,
        });
        let credentials = self.0.options.credentials.as_ref();
        if let Some(RegistryCredentials::Bearer(token)) = credentials {
            return self.header(&format!("Bearer {token}"));
        }
        if let Some((realm, service)) = bearer {
            let token = self.fetch_token(repository, realm, service).await?;
            return self.header(&format!("Bearer {token}"));
        }
        match credentials {
            Some(RegistryCredentials::Basic { user, secret }) if challenges.contains(&Challenge::Basic) => {
                self.header(&challenge::basic(user, secret))
            }
            _ => Err(self.refusal(response).await),
        }
    }

    /// Docker registry v2 authentication: "Token Authentication Specification" and "`OAuth2` Token Authentication".
    async fn fetch_token(
        &self,
        repository: &RepositoryName,
        realm: &str,
        service: Option<&str>,
    ) -> Result<String, RegistryError> {
        let mut url = Url::parse(realm).map_err(|_| self.answer("a token realm that is no address"))?;
        self.may_be_sent_to(&url)?;
        let scope = format!("repository:{repository}:pull");
        let is_here = url.origin() == self.0.options.address.url().origin();
        let http = if is_here { &self.0.http } else { &self.0.elsewhere };
        let request = match &self.0.options.credentials {
            Some(RegistryCredentials::Identity(token)) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", token);
                form.append_pair("client_id", "garrison").append_pair("scope", &scope);
                form.extend_pairs(service.map(|service| ("service", service)));
                http.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.finish())
            }
            credentials => {
                url.query_pairs_mut()
                    .extend_pairs(service.map(|service| ("service", service)))
                    .append_pair("scope", &scope);
                match credentials {
                    Some(RegistryCredentials::Basic { user, secret }) => {
                        url.query_pairs_mut().append_pair("account", user);
                        http.get(url).basic_auth(user, Some(secret))
                    }
                    _ => http.get(url),
                }
            }
        };
        let response = request.send().await.map_err(|source| self.unreachable(source))?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        let bytes = self.read(response, DOCUMENT_BYTES_MAX).await?;
        parse_token(&bytes).map_err(|error| match error {
            TokenError::Form => self.answer("a token of an unknown form"),
            TokenError::Absent => self.answer("no token"),
        })
    }

    fn header(&self, text: &str) -> Result<HeaderValue, RegistryError> {
        let mut value = HeaderValue::from_str(text).map_err(|_| self.answer("a token that cannot be sent back"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn known_authorization(&self, repository: &RepositoryName) -> Option<HeaderValue> {
        self.authorizations().get(repository).cloned()
    }

    fn authorizations(&self) -> std::sync::MutexGuard<'_, HashMap<RepositoryName, HeaderValue>> {
        // A map of tokens is whole whatever panicked beside it.
        self.0.authorizations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads at most `limit` bytes of a body; what is longer is cut.
    async fn read(&self, mut response: Response, limit: usize) -> Result<Vec<u8>, RegistryError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|source| self.unreachable(source))? {
            let room = limit - bytes.len();
            bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if bytes.len() >= limit {
                break;
            }
        }
        Ok(bytes)
    }

    async fn refusal(&self, response: Response) -> RegistryError {
        let status = response.status().as_u16();
        let registry = self.registry();
        let is_anonymous = self.0.options.credentials.is_none();
        let body = self.read(response, DOCUMENT_BYTES_MAX).await.unwrap_or_default();
        let problem = Problem::parse(status, &body);
        // OCI distribution 1.1, "Error codes".
        let is_of_name = problem.as_ref().is_some_and(|problem| problem.code.as_deref() == Some("NAME_UNKNOWN"));
        let message = problem.map(|problem| problem.message);
        RegistryError::Refused { registry, status, message, is_anonymous, is_of_name }
    }

    fn unreachable(&self, source: reqwest::Error) -> RegistryError {
        // Without the URL: that of a redirect is a secret for as long as it lasts.
        RegistryError::Unreachable { registry: self.registry(), source: Box::new(source.without_url()) }
    }

    fn answer(&self, what: &'static str) -> RegistryError {
        RegistryError::Answer { registry: self.registry(), what }
    }
}

/// A request that may be sent again.
struct Request {
    url: Url,
    accept: Option<String>,
    /// The first byte that is wanted.
    range_from: u64,
}

fn is_passing(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT || status.is_server_error()
}

/// The pause that an answer asks for, in seconds; a date is too rare to be read.
fn retry_after(response: &Response) -> Option<Duration> {
    text(response, &RETRY_AFTER)?.parse().ok().map(Duration::from_secs)
}

fn text<'a>(response: &'a Response, name: &HeaderName) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// Returns where a list goes on (RFC 8288): at the same registry, whatever the link says.
fn next_page(page: &Url, link: &str) -> Option<Url> {
    let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = parameters.split(';').any(|parameter| matches!(parameter.trim(), "rel=\"next\"" | "rel=next"));
    page.join(address).ok().filter(|next| is_next && next.origin() == page.origin())
}

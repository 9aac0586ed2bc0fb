//! Documents of publishers: large, public, the same for everybody, fetched again and again.

mod address;
mod error;
mod transfer;

pub use address::{FeedAddress, FeedAddressError, PrivateHost};
pub use error::FeedError;
pub use transfer::{FeedTransfer, Sum, Validators};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LOCATION, RANGE,
    RETRY_AFTER,
};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use crate::client;
use crate::distance::{Distance, distance, is_proxied};
use address::Leave;

/// The most redirects on the way to a document. GitHub's archives need one.
const REDIRECTS_MAX: usize = 5;

/// How often a request is sent before its failure counts.
const ATTEMPTS_MAX: u32 = 3;

/// The longest pause that a publisher's `Retry-After` gets.
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// The time without a byte after which a connection counts as broken.
const SILENCE_MAX: Duration = Duration::from_mins(1);

/// How documents are fetched.
#[derive(Clone, Debug)]
pub struct FeedOptions {
    /// Hosts that may be in a private network or on this machine, and may be asked without encryption.
    pub private_hosts: Vec<PrivateHost>,
    /// PEM certificates to trust besides the platform's.
    pub ca_file: Option<PathBuf>,
    /// The pause before a request is sent again; it doubles each time.
    pub pause: Duration,
    /// The longest document that is taken, in bytes.
    pub bytes_max: u64,
    /// How long one transfer may take.
    pub time_max: Duration,
    /// The time without a byte after which a connection counts as broken; one minute at most.
    pub silence_max: Duration,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct FeedRequest<'a> {
    /// Where it is.
    pub address: &'a FeedAddress,
    /// What is had already: nothing comes if it is the same.
    pub known: Option<&'a Validators>,
    /// A part that is kept, by its length and what it is a part of.
    pub kept: Option<(u64, &'a Validators)>,
}

/// What fetching would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// Nothing: it is what is had already.
    NotModified,
    /// So many bytes.
    Bytes(u64),
    /// The publisher does not say.
    Unknown,
}

/// A client of publishers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FeedClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: FeedOptions,
    /// Of hosts that were named. No proxy is asked about them.
    named: reqwest::Client,
    /// Of the internet; it finds no name that leads elsewhere.
    public: reqwest::Client,
}

impl FeedClient {
    /// Returns a client; nothing is sent yet.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub fn new(options: FeedOptions) -> Result<Self, FeedError> {
        let builder = || client::any_host(options.ca_file.as_deref()).map_err(FeedError::Setup);
        let finish = |builder: reqwest::ClientBuilder| {
            let built = builder.read_timeout(options.silence_max.min(SILENCE_MAX)).build();
            let setup = |source| crate::Error::Setup { hub: "publishers".to_owned(), source: Box::new(source) };
            built.map_err(|source| FeedError::Setup(setup(source)))
        };
        let named = finish(builder()?.no_proxy())?;
        let public = builder()?;
        let public = finish(if is_proxied() { public } else { public.dns_resolver(Arc::new(PublicNames)) })?;
        Ok(Self(Arc::new(Inner { options, named, public })))
    }

    /// Asks how much fetching a document would take.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn measure(&self, request: &FeedRequest<'_>) -> Result<Measured, FeedError> {
        let response = self.send_patiently(Method::HEAD, request).await?;
        // Not every server knows `HEAD`, and those that make documents as they go know no length.
        let length = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        match (response.status(), length) {
            (StatusCode::NOT_MODIFIED, _) => Ok(Measured::NotModified),
            (status, Some(bytes)) if status.is_success() => Ok(Measured::Bytes(bytes)),
            (status, None) if status.is_success() => Ok(Measured::Unknown),
            (StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED, _) => Ok(Measured::Unknown),
            (status, _) => Err(FeedError::Refused { host: request.address.authority(), status: status.as_u16() }),
        }
    }

    /// Starts to fetch a document, or the rest of one; none when it is what is had already.
    ///
    /// # Errors
    /// When it cannot be had, or must not be.
    pub async fn open(&self, request: &FeedRequest<'_>) -> Result<Option<FeedTransfer>, FeedError> {
        let host = request.address.authority();
        let mut response = self.send_patiently(Method::GET, request).await?;
        let mut from = request.kept.map_or(0, |(bytes, _)| bytes);
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE && from > 0 {
            // What is kept is of no use.
            response = self.send_patiently(Method::GET, &FeedRequest { kept: None, ..*request }).await?;
            from = 0;
        }
        match response.status() {
            StatusCode::NOT_MODIFIED if request.known.is_some() => Ok(None),
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {
                let FeedOptions { bytes_max, time_max, .. } = self.0.options;
                FeedTransfer::new(host, response, from, bytes_max, time_max).map(Some)
            }
            status => Err(FeedError::Refused { host, status: status.as_u16() }),
        }
    }

    /// Sends a request, and again when it failed for a reason that passes.
    async fn send_patiently(&self, method: Method, request: &FeedRequest<'_>) -> Result<Response, FeedError> {
        let mut pause = self.0.options.pause;
        for _ in 1..ATTEMPTS_MAX {
            match self.send(&method, request).await {
                Ok(response) if is_passing(response.status()) => {
                    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                    let asked = asked.map_or(Duration::ZERO, Duration::from_secs);
                    tokio::time::sleep(pause.max(asked).min(PAUSE_MAX)).await;
                }
                Err(FeedError::Unreachable { .. }) => tokio::time::sleep(pause.min(PAUSE_MAX)).await,
                other => return other,
            }
            pause *= 2;
        }
        self.send(&method, request).await
    }

    async fn send(&self, method: &Method, request: &FeedRequest<'_>) -> Result<Response, FeedError> {
        let first = request.address.url();
        let mut url = first.clone();
        let mut from = address::authority(first);
        for _ in 0..=REDIRECTS_MAX {
            let http = self.may_be_asked(&url).map_err(|source| {
                if url == *first {
                    return source;
                }
                let target = format!("{}://{}", url.scheme(), address::authority(&url));
                FeedError::Redirect { host: from.clone(), target, source: Box::new(source) }
            })?;
            let host = address::authority(&url);
            let sent = headers(http.request(method.clone(), url.clone()), &url, request).send().await;
            let response = sent.map_err(|source| unreachable(&host, source))?;
            let is_elsewhere = response.status().is_redirection() && response.status() != StatusCode::NOT_MODIFIED;
            if !is_elsewhere {
                return Ok(response);
            }
            let next = transfer::text(response.headers(), &LOCATION).and_then(|location| url.join(location).ok());
            url = next.ok_or_else(|| FeedError::Answer { host: host.clone(), what: "a redirect to nowhere" })?;
            from = host;
        }
        Err(FeedError::Answer { host: from, what: "too many redirects" })
    }

    fn may_be_asked(&self, url: &Url) -> Result<&reqwest::Client, FeedError> {
        let host = || address::authority(url);
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FeedError::Answer { host: host(), what: "an address that is not of the web" });
        }
        match address::leave(url, &self.0.options.private_hosts) {
            Leave::Named => Ok(&self.0.named),
            Leave::Public => Ok(&self.0.public),
            Leave::Near => Err(FeedError::Near { host: host() }),
            Leave::Unencrypted => Err(FeedError::PlainHttp { host: host() }),
        }
    }
}

fn headers(mut sent: reqwest::RequestBuilder, url: &Url, request: &FeedRequest<'_>) -> reqwest::RequestBuilder {
    // What is packed already is not packed again; what comes packed is kept so.
    let is_packed = [".gz", ".zip", ".zst", ".xz", ".bz2"].iter().any(|suffix| url.path().ends_with(suffix));
    sent = sent.header(ACCEPT_ENCODING, if is_packed { "identity" } else { "gzip, identity;q=0.5" });
    if let Some((bytes, kept)) = request.kept
        && let Some(Ok(validator)) = kept.strong().map(HeaderValue::from_str)
        && bytes > 0
    {
        return sent.header(RANGE, format!("bytes={bytes}-")).header(IF_RANGE, validator);
    }
    let Some(known) = request.known else { return sent };
    let value = |text: &Option<String>| text.as_deref().and_then(|text| HeaderValue::from_str(text).ok());
    if let Some(etag) = value(&known.etag) {
        sent = sent.header(IF_NONE_MATCH, etag);
    }
    if let Some(moment) = value(&known.last_modified) {
        sent = sent.header(IF_MODIFIED_SINCE, moment);
    }
    sent
}

fn is_passing(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT || status.is_server_error()
}

fn unreachable(host: &str, source: reqwest::Error) -> FeedError {
    let mut cause: &dyn std::error::Error = &source;
    while let Some(next) = cause.source() {
        if next.is::<NearName>() {
            return FeedError::Near { host: host.to_owned() };
        }
        cause = next;
    }
    // Without the URL: that of a redirect may be a secret for as long as it lasts.
    FeedError::Unreachable { host: host.to_owned(), source: Box::new(source.without_url()) }
}

/// Finds names of the internet alone.
#[derive(Debug)]
struct PublicNames;

/// A name that leads to a private network or to this machine.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to a private network or to this machine")]
struct NearName;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| distance(address.ip()) == Distance::Public).collect();
            if allowed.is_empty() {
                return Err(NearName.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

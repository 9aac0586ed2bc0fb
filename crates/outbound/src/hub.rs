use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::client;
use crate::{Endpoint, Error, HubAddress, Method, Problem};

/// The longest answer that is read. A page of a list has at most some hundred rows, far below this; a peer that is no
/// hub must not fill the memory.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// The rows asked for at once.
const PAGE_ROWS: usize = 200;

/// The pages after which a list is taken for endless: two million rows.
const LIST_PAGES_MAX: usize = 10_000;

/// The whole request. Long work is a job on the hub that is asked about again, so no answer takes long.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// Who asks.
#[derive(Clone)]
pub enum Credentials {
    /// A user or a robot with its password or secret.
    Basic {
        /// The name.
        user: String,
        /// The password or secret.
        secret: String,
    },
    /// A token made by the hub.
    Bearer(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { user, .. } => write!(formatter, "Basic({user}, redacted)"),
            Self::Bearer(_) => formatter.write_str("Bearer(redacted)"),
        }
    }
}

/// How to reach a hub.
#[derive(Clone, Debug)]
pub struct HubOptions {
    /// Where it listens.
    pub address: HubAddress,
    /// Who asks; `None` for nobody.
    pub credentials: Option<Credentials>,
    /// PEM certificates to trust besides the platform's.
    pub ca_file: Option<PathBuf>,
    /// Whether credentials may cross the network unencrypted.
    pub plain_http: bool,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<String>,
}

/// The rows of a list, with what its first page tells beside them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Told<T, B> {
    /// The rows.
    #[serde(flatten)]
    pub page: Page<T>,
    /// What is told beside them.
    #[serde(flatten)]
    pub beside: B,
}

/// A client of one hub.
#[derive(Clone, Debug)]
pub struct HubClient {
    address: HubAddress,
    credentials: Option<Credentials>,
    http: reqwest::Client,
}

impl HubClient {
    /// Returns a client; nothing is sent yet.
    ///
    /// # Errors
    /// When the certificates cannot be read, or when credentials would cross a network in the clear.
    pub fn new(options: HubOptions) -> Result<Self, Error> {
        let HubOptions { address, credentials, ca_file, plain_http } = options;
        let in_the_clear = !address.is_encrypted() && !address.is_loopback();
        if in_the_clear && credentials.is_some() && !plain_http {
            return Err(Error::PlainHttp { hub: address.to_string() });
        }
        let builder = client::builder(&address, ca_file.as_deref())?.timeout(REQUEST_TIMEOUT);
        let http =
            builder.build().map_err(|source| Error::Setup { hub: address.to_string(), source: Box::new(source) })?;
        Ok(Self { address, credentials, http })
    }

    /// Returns where the hub listens.
    pub fn address(&self) -> &HubAddress {
        &self.address
    }

    /// Reads one thing.
    pub async fn get<T: DeserializeOwned>(&self, endpoint: &Endpoint) -> Result<T, Error> {
        self.send(Method::Get, endpoint, None::<&()>).await
    }

    /// Reads a document of up to `bytes_max` bytes as it is.
    pub async fn download(&self, endpoint: &Endpoint, bytes_max: usize) -> Result<Vec<u8>, Error> {
        Ok(self.exchange(Method::Get, endpoint, None::<&()>, bytes_max).await?.1)
    }

    /// Sends bytes as they are, and waits as long as `time_max` for the answer.
    pub async fn upload<T: DeserializeOwned>(
        &self,
        endpoint: &Endpoint,
        bytes: Vec<u8>,
        time_max: Duration,
    ) -> Result<T, Error> {
        let (status, answer) = self.put(endpoint, "application/octet-stream", bytes, time_max).await?;
        serde_json::from_slice(&answer).map_err(|_| Error::NotAHub { hub: self.address.to_string(), status })
    }

    /// Stores a manifest under the tag or digest that the endpoint names.
    pub async fn push_manifest(&self, endpoint: &Endpoint, media_type: &str, bytes: Vec<u8>) -> Result<(), Error> {
        self.put(endpoint, media_type, bytes, REQUEST_TIMEOUT).await.map(drop)
    }

    async fn put(
        &self,
        endpoint: &Endpoint,
        media_type: &str,
        bytes: Vec<u8>,
        time_max: Duration,
    ) -> Result<(u16, Vec<u8>), Error> {
        let request = self.http.put(endpoint.resolve(&self.address)?).timeout(time_max);
        let request = request.header("content-type", media_type).body(bytes);
        self.answer(request, ANSWER_BYTES_MAX, time_max).await
    }

    /// Sends one request. An empty answer reads as JSON's `null`.
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        endpoint: &Endpoint,
        body: Option<&impl Serialize>,
    ) -> Result<T, Error> {
        let (status, answer) = self.exchange(method, endpoint, body, ANSWER_BYTES_MAX).await?;
        let answer: &[u8] = if answer.is_empty() { b"null" } else { &answer };
        serde_json::from_slice(answer).map_err(|source| match source.classify() {
            serde_json::error::Category::Data => Error::Answer { hub: self.address.to_string(), source },
            _ => Error::NotAHub { hub: self.address.to_string(), status },
        })
    }

    /// Reads a list page by page, up to `rows_max` rows. `next` of the result is set when there were more.
    pub async fn list<T: DeserializeOwned>(
        &self,
        endpoint: &Endpoint,
        rows_max: Option<usize>,
    ) -> Result<Page<T>, Error> {
        self.list_on(endpoint, Page { items: Vec::new(), next: None }, rows_max).await
    }

    /// Reads a list as [`Self::list`] does, with what its first page tells beside the rows.
    pub async fn list_with<T: DeserializeOwned, B: DeserializeOwned>(
        &self,
        endpoint: &Endpoint,
        rows_max: usize,
    ) -> Result<Told<T, B>, Error> {
        let first = endpoint.clone().with("limit", rows_max.min(PAGE_ROWS));
        let Told { mut page, beside } = self.get(&first).await?;
        if page.next.is_some() && page.items.len() < rows_max {
            page = self.list_on(endpoint, page, Some(rows_max)).await?;
        }
        Ok(Told { page, beside })
    }

    /// Reads on where rows of a list end.
    async fn list_on<T: DeserializeOwned>(
        &self,
        endpoint: &Endpoint,
        mut rows: Page<T>,
        rows_max: Option<usize>,
    ) -> Result<Page<T>, Error> {
        for _ in 0..LIST_PAGES_MAX {
            let wanted = rows_max.map_or(PAGE_ROWS, |max| (max - rows.items.len()).min(PAGE_ROWS));
            let page = endpoint.clone().with("limit", wanted).with_some("after", rows.next.take());
            let page: Page<T> = self.get(&page).await?;
            rows.items.extend(page.items);
            rows.next = page.next;
            if rows.next.is_none() || rows_max.is_some_and(|max| rows.items.len() >= max) {
                return Ok(rows);
            }
        }
        Err(Error::EndlessList { hub: self.address.to_string(), limit: LIST_PAGES_MAX })
    }

    async fn exchange(
        &self,
        method: Method,
        endpoint: &Endpoint,
        body: Option<&impl Serialize>,
        bytes_max: usize,
    ) -> Result<(u16, Vec<u8>), Error> {
        let method = match method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = self.http.request(method, endpoint.resolve(&self.address)?);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.answer(request, bytes_max, REQUEST_TIMEOUT).await
    }

    async fn answer(
        &self,
        request: reqwest::RequestBuilder,
        bytes_max: usize,
        time_max: Duration,
    ) -> Result<(u16, Vec<u8>), Error> {
        let hub = || self.address.to_string();
        let failed = |source: reqwest::Error| {
            if source.is_timeout() && !source.is_connect() {
                Error::Timeout { hub: hub(), seconds: time_max.as_secs() }
            } else {
                // Without the URL: its query may hold what the user looked for.
                Error::Unreachable { hub: hub(), source: Box::new(source.without_url()) }
            }
        };
        let mut request = request.header("accept", "application/json");
        match &self.credentials {
            Some(Credentials::Basic { user, secret }) => request = request.basic_auth(user, Some(secret)),
            Some(Credentials::Bearer(token)) => request = request.bearer_auth(token),
            None => {}
        }
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        if status.is_redirection() {
            let location = response.headers().get("location").and_then(|value| value.to_str().ok()).unwrap_or("");
            return Err(Error::Redirect { hub: hub(), location: location.to_owned() });
        }
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if answer.len() + chunk.len() > bytes_max {
                return Err(Error::AnswerTooLong { hub: hub(), limit: bytes_max });
            }
            answer.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok((status.as_u16(), answer));
        }
        Err(match Problem::parse(status.as_u16(), &answer) {
            Some(problem) => Error::Refused(problem),
            None => Error::NotAHub { hub: hub(), status: status.as_u16() },
        })
    }
}

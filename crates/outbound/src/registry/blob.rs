use bytes::Bytes;
use oci::{Digest, RepositoryName};
use reqwest::{Response, StatusCode};

use super::{RegistryClient, RegistryError};

/// How often a broken transfer is taken up again without having brought anything.
const RESUMES_MAX: u32 = 5;

/// A blob on its way. A transfer that breaks is taken up where it broke.
#[derive(Debug)]
pub struct Blob {
    client: RegistryClient,
    repository: RepositoryName,
    digest: Digest,
    size_bytes: u64,
    offset_bytes: u64,
    /// What a server that knows no ranges sends once more.
    repeated_bytes: u64,
    response: Option<Response>,
    resumes: u32,
}

impl Blob {
    pub(super) fn new(client: RegistryClient, repository: RepositoryName, digest: Digest, size_bytes: u64) -> Self {
        Self { client, repository, digest, size_bytes, offset_bytes: 0, repeated_bytes: 0, response: None, resumes: 0 }
    }

    pub(super) async fn start(mut self) -> Result<Self, RegistryError> {
        self.open().await?;
        Ok(self)
    }

    /// Returns the next bytes, or `None` once all that the descriptor promises were returned.
    ///
    /// # Errors
    /// When the registry sends fewer or more, or the transfer breaks too often.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, RegistryError> {
        loop {
            let response = match &mut self.response {
                Some(response) => response,
                None => self.open().await?,
            };
            let arrived = response.chunk().await;
            match arrived {
                Ok(Some(mut bytes)) => {
                    let repeated =
                        usize::try_from(self.repeated_bytes).map_or(bytes.len(), |left| left.min(bytes.len()));
                    self.repeated_bytes -= repeated as u64;
                    let _repeated = bytes.split_to(repeated);
                    if bytes.is_empty() {
                        continue;
                    }
                    self.offset_bytes += bytes.len() as u64;
                    if self.offset_bytes > self.size_bytes {
                        return Err(self.wrong_size());
                    }
                    self.resumes = 0;
                    return Ok(Some(bytes));
                }
                Ok(None) if self.offset_bytes == self.size_bytes => return Ok(None),
                Ok(None) if self.resumes >= RESUMES_MAX => return Err(self.wrong_size()),
                Err(source) if self.resumes >= RESUMES_MAX => return Err(self.client.unreachable(source)),
                Ok(None) | Err(_) => {
                    self.resumes += 1;
                    self.response = None;
                }
            }
        }
    }

    async fn open(&mut self) -> Result<&mut Response, RegistryError> {
        let response = self.client.open_blob(&self.repository, &self.digest, self.offset_bytes).await?;
        self.repeated_bytes = if response.status() == StatusCode::PARTIAL_CONTENT { 0 } else { self.offset_bytes };
        Ok(self.response.insert(response))
    }

    fn wrong_size(&self) -> RegistryError {
        RegistryError::Size { registry: self.client.registry(), actual: self.offset_bytes, expected: self.size_bytes }
    }
}

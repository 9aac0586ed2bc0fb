use std::path::Path;
use std::time::Duration;

use crate::{Error, HubAddress};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Returns what every client of one host has in common. It follows no redirect.
pub(crate) fn builder(address: &HubAddress, ca_file: Option<&Path>) -> Result<reqwest::ClientBuilder, Error> {
    let builder = any_host(ca_file)?;
    // A proxy for the outside cannot reach this machine's loopback.
    Ok(if address.is_loopback() { builder.no_proxy() } else { builder })
}

/// Returns what all clients have in common.
pub(crate) fn any_host(ca_file: Option<&Path>) -> Result<reqwest::ClientBuilder, Error> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("garrison/", env!("CARGO_PKG_VERSION")));
    if let Some(path) = ca_file {
        let pem = std::fs::read(path).map_err(|source| Error::CaFile { path: path.to_owned(), source })?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem)
            .ok()
            .filter(|certificates| !certificates.is_empty())
            .ok_or_else(|| Error::CaCertificate { path: path.to_owned() })?;
        builder = builder.tls_certs_merge(certificates);
    }
    Ok(builder)
}

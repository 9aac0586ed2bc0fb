use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

/// Where a hub listens: a scheme, a host and a port, nothing else.
///
/// Parsed from `host`, `host:port` or a URL. Without a scheme it is `http` for this machine and `https` for any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubAddress(Url);

/// Why a text does not name a hub.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The text does not have the form of an address.
    #[error("`{0}` is not the address of a hub")]
    Malformed(String),
    /// The scheme is neither `http` nor `https`.
    #[error("a hub speaks http or https, not `{0}`")]
    Scheme(String),
    /// There is more than scheme, host and port.
    #[error("the address of a hub has no {0}")]
    Surplus(&'static str),
}

impl HubAddress {
    /// Returns whether the host is this machine's loopback by its name.
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(domain)) => domain == "localhost" || domain.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
            None => false,
        }
    }

    /// Returns whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Returns `host:port`, the port left out where it is the scheme's own: how references name this hub.
    pub fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for HubAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let malformed = || AddressError::Malformed(text.to_owned());
        let url = if text.contains("://") {
            Url::parse(text).map_err(|_| malformed())?
        } else {
            let plain = Self(Url::parse(&format!("http://{text}")).map_err(|_| malformed())?);
            if plain.is_loopback() {
                plain.0
            } else {
                Url::parse(&format!("https://{text}")).map_err(|_| malformed())?
            }
        };
        if !matches!(url.scheme(), "http" | "https") {
            return Err(AddressError::Scheme(url.scheme().to_owned()));
        }
        let surplus = [
            (!url.username().is_empty() || url.password().is_some(), "user or password"),
            (!matches!(url.path(), "" | "/"), "path"),
            (url.query().is_some(), "query"),
            (url.fragment().is_some(), "fragment"),
        ];
        if let Some((_, part)) = surplus.into_iter().find(|(present, _)| *present) {
            return Err(AddressError::Surplus(part));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for HubAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.0.scheme(), self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_strictly() {
        let table = [
            ("127.0.0.1:5000", Ok("http://127.0.0.1:5000")),
            ("localhost", Ok("http://localhost")),
            ("[::1]:5000", Ok("http://[::1]:5000")),
            ("hub.example.org", Ok("https://hub.example.org")),
            ("hub.example.org:8443", Ok("https://hub.example.org:8443")),
            ("10.0.0.1:5000", Ok("https://10.0.0.1:5000")),
            ("http://10.0.0.1:5000/", Ok("http://10.0.0.1:5000")),
            ("https://hub:443", Ok("https://hub")),
            ("", Err("`` is not the address of a hub")),
            ("http://", Err("`http://` is not the address of a hub")),
            ("hub:port", Err("`hub:port` is not the address of a hub")),
            ("ftp://hub", Err("a hub speaks http or https, not `ftp`")),
            ("https://me:secret@hub", Err("the address of a hub has no user or password")),
            ("https://hub/v2/", Err("the address of a hub has no path")),
            ("https://hub?x", Err("the address of a hub has no query")),
            ("https://hub#x", Err("the address of a hub has no fragment")),
        ];
        for (text, expected) in table {
            let actual = text.parse::<HubAddress>().map(|address| address.to_string()).map_err(|e| e.to_string());
            assert_eq!(actual.as_deref().map_err(String::as_str), expected, "{text}");
        }
    }

    #[test]
    fn loopback_goes_by_the_name() {
        let table = [
            ("localhost:5000", true),
            ("hub.localhost", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("localhost.example.org", false),
            ("128.0.0.1", false),
            ("[::2]", false),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<HubAddress>().unwrap().is_loopback(), expected, "{text}");
        }
    }
}

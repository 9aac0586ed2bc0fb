use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

use crate::distance::{Distance, distance};

/// The longest address that is taken; those of publishers have some hundred bytes.
const ADDRESS_BYTES_MAX: usize = 4096;

/// Where a publisher has a document: a URL of `http` or `https` without a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedAddress(Url);

/// Why a text is no address of a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedAddressError {
    /// The text does not have the form of an address.
    #[error("`{0}` is not the address of a document")]
    Malformed(String),
    /// The scheme is neither `http` nor `https`.
    #[error("a document is fetched by http or https, not by `{0}`")]
    Scheme(String),
    /// It has a user, a password or a fragment.
    #[error("the address of a document has no {0}")]
    Surplus(&'static str),
}

impl FeedAddress {
    /// Returns the last part of the path, without what could lead out of a directory; empty if there is none.
    pub fn file_name(&self) -> &str {
        let last = self.0.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
        if matches!(last, "." | "..") { "" } else { last }
    }

    /// Returns `host[:port]`.
    pub fn authority(&self) -> String {
        authority(&self.0)
    }

    pub(super) fn url(&self) -> &Url {
        &self.0
    }
}

pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

impl FromStr for FeedAddress {
    type Err = FeedAddressError;

    fn from_str(text: &str) -> Result<Self, FeedAddressError> {
        let malformed = || FeedAddressError::Malformed(text.chars().take(80).collect());
        if text.len() > ADDRESS_BYTES_MAX {
            return Err(malformed());
        }
        let url = Url::parse(text).map_err(|_| malformed())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FeedAddressError::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FeedAddressError::Surplus("user or password"));
        }
        if url.fragment().is_some() {
            return Err(FeedAddressError::Surplus("fragment"));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for FeedAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A host that may be in a private network or on this machine, and may be asked without encryption: a name or an IP address, with a
/// port or for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateHost {
    host: String,
    port: Option<u16>,
}

impl PrivateHost {
    fn is_host_of(&self, url: &Url) -> bool {
        let is_port = self.port.is_none_or(|port| Some(port) == url.port_or_known_default());
        is_port && url.host_str().is_some_and(|host| host == self.host)
    }
}

impl FromStr for PrivateHost {
    type Err = FeedAddressError;

    fn from_str(text: &str) -> Result<Self, FeedAddressError> {
        let malformed = || FeedAddressError::Malformed(text.chars().take(80).collect());
        // Parsed as what it will be compared with, so that every spelling of a host is one.
        let url = Url::parse(&format!("http://{text}/")).map_err(|_| malformed())?;
        let is_bare = url.path() == "/" && url.query().is_none() && url.username().is_empty() && !text.contains('#');
        let host = url.host_str().filter(|host| is_bare && !host.is_empty()).ok_or_else(malformed)?;
        // The URL leaves out what is the scheme's own port.
        let is_default_port = url.port().is_none() && text.ends_with(":80");
        Ok(Self { host: host.to_owned(), port: url.port().or(is_default_port.then_some(80)) })
    }
}

impl fmt::Display for PrivateHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(formatter, "{}:{port}", self.host),
            None => formatter.write_str(&self.host),
        }
    }
}

/// How a host may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// It was named: wherever it is, and without encryption too.
    Named,
    /// With encryption, and only where the internet is.
    Public,
    /// Not at all: it is in a private network or on this machine.
    Near,
    /// Not without encryption.
    Unencrypted,
}

/// Says how the host of an address may be asked. A name that leads to a private network is found out when it is resolved.
pub(super) fn leave(url: &Url, named: &[PrivateHost]) -> Leave {
    if named.iter().any(|host| host.is_host_of(url)) {
        return Leave::Named;
    }
    let is_near = match url.host() {
        Some(Host::Ipv4(address)) => distance(IpAddr::V4(address)) != Distance::Public,
        Some(Host::Ipv6(address)) => distance(IpAddr::V6(address)) != Distance::Public,
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => true,
    };
    match (is_near, url.scheme()) {
        (true, _) => Leave::Near,
        (false, "https") => Leave::Public,
        (false, _) => Leave::Unencrypted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_strictly() {
        let table = [
            ("https://a.example/x/all.zip", Ok("all.zip")),
            ("http://a.example/x/?year=2026", Ok("")),
            ("https://a.example", Ok("")),
            ("https://a.example/%2e%2e", Ok("")),
            ("a.example/x", Err("`a.example/x` is not the address of a document")),
            ("file:///etc/passwd", Err("a document is fetched by http or https, not by `file`")),
            ("https://me:secret@a.example/x", Err("the address of a document has no user or password")),
            ("https://a.example/x#y", Err("the address of a document has no fragment")),
        ];
        for (text, expected) in table {
            let parsed = text.parse::<FeedAddress>();
            let actual = parsed.as_ref().map(FeedAddress::file_name).map_err(ToString::to_string);
            assert_eq!(actual.as_deref().map_err(String::as_str), expected, "{text}");
        }
        let long = |bytes: usize| format!("https://a.example/{}", "x".repeat(bytes - 18)).parse::<FeedAddress>();
        assert!(long(ADDRESS_BYTES_MAX).is_ok());
        assert!(long(ADDRESS_BYTES_MAX + 1).is_err());
    }

    #[test]
    fn near_hosts_and_plain_http_must_be_named() {
        let named: Vec<PrivateHost> =
            ["127.0.0.1:8000", "mirror.corp", "10.1.2.3", "h.example:80"].map(|host| host.parse().unwrap()).into();
        let table = [
            ("https://a.example/x", Leave::Public),
            ("https://1.1.1.1/x", Leave::Public),
            ("http://a.example/x", Leave::Unencrypted),
            ("https://127.0.0.1/x", Leave::Near),
            ("http://127.0.0.1:8000/x", Leave::Named),
            ("http://127.0.0.1:8001/x", Leave::Near),
            ("http://127.1:8000/x", Leave::Named),
            ("http://localhost:8000/x", Leave::Near),
            ("https://a.localhost/x", Leave::Near),
            ("https://169.254.169.254/x", Leave::Near),
            ("https://[::ffff:127.0.0.1]/x", Leave::Near),
            ("https://[::1]/x", Leave::Near),
            ("https://10.1.2.3:9000/x", Leave::Named),
            ("https://10.1.2.4/x", Leave::Near),
            ("https://MIRROR.corp/x", Leave::Named),
            ("https://mirror.corp.example/x", Leave::Public),
            ("http://h.example/x", Leave::Named),
            ("http://h.example:81/x", Leave::Unencrypted),
        ];
        for (address, expected) in table {
            assert_eq!(leave(&address.parse().unwrap(), &named), expected, "{address}");
        }
    }

    #[test]
    fn a_host_is_a_host_and_nothing_else() {
        for text in ["", "http://a", "a/b", "a?b", "a#b", "me@a", "a:b", "a b"] {
            assert!(text.parse::<PrivateHost>().is_err(), "{text}");
        }
        for (text, expected) in [("A.Example", "a.example"), ("a:80", "a:80"), ("[::1]:8000", "[::1]:8000")] {
            assert_eq!(text.parse::<PrivateHost>().unwrap().to_string(), expected);
        }
    }
}

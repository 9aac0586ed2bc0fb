//! Whose word on a client's address is taken: proxies in front of the hub, and `X-Forwarded-For`.

use std::net::IpAddr;
use std::str::FromStr;

use http::{HeaderMap, HeaderName};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Networks of proxies: several times what load balancers, their health checks and a service mesh have together.
const NETWORKS_MAX: usize = 64;

/// Proxies that one request passes. Each entry is looked at in turn, and clients write as many as they like.
const HOPS_MAX: usize = 16;

/// The longest address with a port, `[…]:65535` around 45 characters.
const ENTRY_BYTES_MAX: usize = 53;

/// The addresses from a base on that share its first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    base: IpAddr,
    prefix_bits: u32,
}

/// Proxies that are believed when they say where a request comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

/// Why a text does not name proxies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustedProxiesError {
    /// A part is neither an address nor a network.
    #[error("`{0}` is not an IP address or a network as `10.0.0.0/8`")]
    NotANetwork(String),
    /// A network has bits behind its prefix, so that it is not clear what was meant.
    #[error("`{0}` has bits set behind its prefix")]
    BitsBehindPrefix(String),
    /// There are too many.
    #[error("there are more than {NETWORKS_MAX} networks")]
    TooMany,
}

impl FromStr for TrustedProxies {
    type Err = TrustedProxiesError;

    /// Reads networks and addresses with commas between them; nothing stands for none.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut networks = Vec::new();
        if text.trim().is_empty() {
            return Ok(Self(networks));
        }
        for part in text.split(',') {
            if networks.len() == NETWORKS_MAX {
                return Err(TrustedProxiesError::TooMany);
            }
            networks.push(Network::parse(part.trim())?);
        }
        Ok(Self(networks))
    }
}

impl TrustedProxies {
    /// Returns where a request comes from: the peer, or, if that is one of these proxies, the last address in
    /// `X-Forwarded-For` that is not. What stands before it was written by who knows whom. An entry that is no address
    /// ends the search at the proxy that wrote it.
    pub fn source(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut source = peer.to_canonical();
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let mut entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')).take(HOPS_MAX);
        while self.contains(source) {
            match entries.next().and_then(parse_entry) {
                Some(address) => source = address,
                None => break,
            }
        }
        source
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

impl Network {
    fn parse(text: &str) -> Result<Self, TrustedProxiesError> {
        let not_a_network = || TrustedProxiesError::NotANetwork(text.to_owned());
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let base: IpAddr = address.parse().map_err(|_| not_a_network())?;
        let bits = width(base);
        let prefix_bits = match prefix {
            None => bits,
            Some(prefix) => prefix.parse().ok().filter(|prefix| *prefix <= bits).ok_or_else(not_a_network)?,
        };
        let network = Self { base, prefix_bits };
        if number(base) != network.masked(base) {
            return Err(TrustedProxiesError::BitsBehindPrefix(text.to_owned()));
        }
        Ok(network)
    }

    fn contains(self, address: IpAddr) -> bool {
        width(self.base) == width(address) && self.masked(address) == number(self.base)
    }

    fn masked(self, address: IpAddr) -> u128 {
        let behind = width(address).saturating_sub(self.prefix_bits);
        // A shift by all 128 bits is none.
        number(address) & u128::MAX.checked_shl(behind).unwrap_or(0)
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Reads an address as proxies write it: bare, with a port, an IPv6 address with or without brackets.
fn parse_entry(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry.trim_ascii()).ok().filter(|text| text.len() <= ENTRY_BYTES_MAX)?;
    let address = text
        .parse()
        .or_else(|_| text.parse().map(|address: std::net::SocketAddr| address.ip()))
        .ok()
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn networks_are_read_strictly() {
        let not_a_network = |text: &str| Err(TrustedProxiesError::NotANetwork(text.to_owned()));
        let behind = |text: &str| Err(TrustedProxiesError::BitsBehindPrefix(text.to_owned()));
        let many = |count: usize| vec!["10.0.0.1"; count].join(",");
        let table = [
            ("", Ok(0)),
            (" ", Ok(0)),
            ("10.0.0.1", Ok(1)),
            ("10.0.0.0/8, fd00::/8,::1", Ok(3)),
            ("0.0.0.0/0,::/0", Ok(2)),
            ("10.0.0.0/32,fd00::/128", Ok(2)),
            ("10.0.0.0/33", not_a_network("10.0.0.0/33")),
            ("::/129", not_a_network("::/129")),
            ("10.0.0.0/", not_a_network("10.0.0.0/")),
            ("10.0.0.0/-1", not_a_network("10.0.0.0/-1")),
            ("10.0.0/8", not_a_network("10.0.0/8")),
            ("proxy.example", not_a_network("proxy.example")),
            ("10.0.0.1,", not_a_network("")),
            ("10.0.0.1/8", behind("10.0.0.1/8")),
            ("fd00::1/64", behind("fd00::1/64")),
            (&many(NETWORKS_MAX - 1), Ok(NETWORKS_MAX - 1)),
            (&many(NETWORKS_MAX), Ok(NETWORKS_MAX)),
            (&many(NETWORKS_MAX + 1), Err(TrustedProxiesError::TooMany)),
        ];
        for (text, expected) in table {
            let actual = text.parse::<TrustedProxies>().map(|proxies| proxies.0.len());
            assert_eq!(actual, expected, "{text}");
        }
    }

    #[test]
    fn only_trusted_proxies_say_where_a_request_comes_from() {
        /// Peer, lines of the header, source.
        type Case<'a> = (&'a str, &'a [&'a str], &'a str);
        const PROXIES: &str = "10.0.0.0/8,fd00::/8,192.0.2.7";
        let hops = |count: usize| format!("203.0.113.1{}", ", 10.0.0.2".repeat(count));
        let (enough, too_many) = (hops(HOPS_MAX - 1), hops(HOPS_MAX));
        let long = format!("{},198.51.100.1", "x".repeat(16 << 10));
        let wide = format!("{}[2001:0db8:0000:0000:0000:0000:0000:0001]:65535", " ".repeat(99));
        let table: [Case<'_>; 22] = [
            // Nobody is believed who is not a proxy of ours.
            ("203.0.113.9", &[], "203.0.113.9"),
            ("203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            ("11.0.0.1", &["198.51.100.1"], "11.0.0.1"),
            ("192.0.2.8", &["198.51.100.1"], "192.0.2.8"),
            // A proxy is, for the last entry, whatever the client wrote before.
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("192.0.2.7", &["198.51.100.1"], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("fd00::1", &["2001:db8::1"], "2001:db8::1"),
            ("10.0.0.1", &["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["10.0.0.9, 1.1.1.1,198.51.100.1 "], "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &[&long], "198.51.100.1"),
            // Through several proxies.
            ("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2,192.0.2.7"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1", "10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &[&enough], "203.0.113.1"),
            ("10.0.0.1", &[&too_many], "10.0.0.2"),
            // Forms of an address.
            ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &[&wide], "2001:db8::1"),
            // What is no address leaves it at the proxy that wrote it.
            ("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1,,10.0.0.2"], "10.0.0.2"),
        ];
        let proxies: TrustedProxies = PROXIES.parse().unwrap();
        for (peer, lines, expected) in table {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
            }
            let source = proxies.source(peer.parse().unwrap(), &headers);
            assert_eq!(source.to_string(), expected, "{peer} {lines:?}");
        }
        let headers = HeaderMap::from_iter([(FORWARDED_FOR, HeaderValue::from_static("198.51.100.1"))]);
        let source = TrustedProxies::default().source("10.0.0.1".parse().unwrap(), &headers);
        assert_eq!(source.to_string(), "10.0.0.1", "no proxy is trusted unless it is named");
    }
}

//! How near to this machine a host is. A registry may point to other hosts, but to none in a network nearer than its own: one on the
//! internet cannot make this machine ask its own services or those of its network.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::HubAddress;

/// From the nearest to the farthest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Distance {
    /// This machine, or what answers on its link alone, such as the metadata service of a cloud.
    Machine,
    /// A network that the internet does not reach.
    Private,
    /// Everything else.
    Public,
}

fn distance(address: IpAddr) -> Distance {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let is_shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
            if v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || v4.is_broadcast() || v4.is_multicast() {
                Distance::Machine
            } else if v4.is_private() || is_shared {
                Distance::Private
            } else {
                Distance::Public
            }
        }
        IpAddr::V6(v6) => {
            if v6.is_loopback() || v6.is_unspecified() || v6.is_unicast_link_local() || v6.is_multicast() {
                Distance::Machine
            } else if v6.is_unique_local() {
                Distance::Private
            } else {
                Distance::Public
            }
        }
    }
}

/// What a registry may point to.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    registry: (String, u16),
    /// Whether the registry's name alone says that it is on this machine.
    is_loopback: bool,
}

impl Reach {
    pub(super) fn new(address: &HubAddress) -> Self {
        let url = address.url();
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        Self { registry: (host, url.port_or_known_default().unwrap_or(443)), is_loopback: address.is_loopback() }
    }

    /// Whether an address that stands in a URL itself may be asked; names are decided when they are resolved.
    pub(super) fn allows_host_of(&self, url: &Url) -> bool {
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) => return true,
            None => return false,
        };
        let own = self.registry.0.parse().map_or(Distance::Public, distance);
        self.is_loopback || distance(literal) >= own.min(Distance::Private)
    }

    /// Makes a client resolve only names that it may ask.
    pub(super) fn guard(&self, builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        const PROXIES: [&str; 6] = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
        // Behind a proxy only the proxy's name is resolved here, and the proxy decides where one may go.
        let is_proxied = PROXIES.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        if self.is_loopback || is_proxied { builder } else { builder.dns_resolver(Arc::new(self.clone())) }
    }
}

impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let registry = self.registry.clone();
        Box::pin(async move {
            let own = match tokio::net::lookup_host(registry).await {
                Ok(addresses) => addresses.map(|address| distance(address.ip())).min().unwrap_or(Distance::Public),
                Err(_) => Distance::Public,
            };
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| distance(address.ip()) >= own).collect();
            if allowed.is_empty() {
                return Err("the name leads to a network nearer to this machine than the registry's".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_distance() {
        let table = [
            ("127.0.0.1", Distance::Machine),
            ("0.0.0.0", Distance::Machine),
            ("169.254.169.254", Distance::Machine),
            ("255.255.255.255", Distance::Machine),
            ("224.0.0.1", Distance::Machine),
            ("::1", Distance::Machine),
            ("::", Distance::Machine),
            ("fe80::1", Distance::Machine),
            ("::ffff:127.0.0.1", Distance::Machine),
            ("10.0.0.1", Distance::Private),
            ("172.16.0.1", Distance::Private),
            ("192.168.1.1", Distance::Private),
            ("100.64.0.1", Distance::Private),
            ("fd00::1", Distance::Private),
            ("100.128.0.1", Distance::Public),
            ("172.32.0.1", Distance::Public),
            ("1.1.1.1", Distance::Public),
            ("2606:4700::1111", Distance::Public),
        ];
        for (address, expected) in table {
            assert_eq!(distance(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn nobody_is_sent_to_a_nearer_network_by_address() {
        let table = [
            ("r.example", "https://1.1.1.1/x", true),
            ("r.example", "https://cdn.example/x", true),
            ("r.example", "https://127.0.0.1/x", false),
            ("r.example", "https://169.254.169.254/x", false),
            ("r.example", "https://[::1]/x", false),
            ("r.example", "https://10.0.0.1/x", true),
            ("10.0.0.1", "https://10.0.0.2/x", true),
            ("10.0.0.1", "https://127.0.0.1/x", false),
            ("127.0.0.1:5000", "http://127.0.0.1:9000/x", true),
            ("localhost:5000", "http://10.0.0.1/x", true),
        ];
        for (registry, target, expected) in table {
            let reach = Reach::new(&registry.parse().unwrap());
            assert_eq!(reach.allows_host_of(&target.parse().unwrap()), expected, "{registry} -> {target}");
        }
    }
}

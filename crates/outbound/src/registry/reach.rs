//! A registry may point to other hosts, but to none in a network nearer than its own: one on the internet cannot make this machine ask
//! its own services or those of its network.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::HubAddress;
use crate::distance::{Distance, distance, is_proxied};

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
        if self.is_loopback || is_proxied() { builder } else { builder.dns_resolver(Arc::new(self.clone())) }
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

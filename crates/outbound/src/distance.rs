//! How near to this machine a host is.

use std::net::IpAddr;

/// How near, from the nearest to the farthest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Distance {
    /// This machine, or what answers on its link alone, such as the metadata service of a cloud.
    Machine,
    /// A network that the internet does not reach.
    Private,
    /// Everything else.
    Public,
}

pub(crate) fn distance(address: IpAddr) -> Distance {
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

/// Whether requests leave by a proxy. Behind one only the proxy's name is resolved here, and the proxy decides where one may go.
pub(crate) fn is_proxied() -> bool {
    const PROXIES: [&str; 6] = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
    PROXIES.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
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
}

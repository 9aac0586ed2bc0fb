use std::fmt::Write as _;

use vulndb::Family;

/// Returns where people read a record: of a distribution's on a CVE its own page, else [`address`].
pub(crate) fn record_address(family: Family, id: &str) -> String {
    let cve = id.to_ascii_uppercase();
    match family {
        _ if !cve.starts_with("CVE-") => address(id),
        Family::Debian => format!("https://security-tracker.debian.org/tracker/{}", escaped(&cve)),
        Family::Ubuntu => format!("https://ubuntu.com/security/{}", escaped(&cve)),
        Family::Alpine => format!("https://security.alpinelinux.org/vuln/{}", escaped(&cve)),
        Family::RedHat => format!("https://access.redhat.com/security/cve/{}", escaped(&cve)),
        _ => address(id),
    }
}

/// Returns where people read about a vulnerability or an advisory: its publisher's page, else OSV's, which has every name that
/// it knows.
pub fn address(name: &str) -> String {
    let upper = escaped(&name.to_ascii_uppercase());
    let prefix = upper.split(['-', ':']).next().unwrap_or_default();
    match prefix {
        "CVE" => format!("https://nvd.nist.gov/vuln/detail/{upper}"),
        "GHSA" => format!("https://github.com/advisories/{}", escaped(name)),
        "RUSTSEC" => format!("https://rustsec.org/advisories/{upper}.html"),
        "GO" => format!("https://pkg.go.dev/vuln/{upper}"),
        "DSA" | "DLA" => format!("https://security-tracker.debian.org/tracker/{upper}"),
        "USN" => format!("https://ubuntu.com/security/notices/{upper}"),
        "RHSA" | "RHBA" | "RHEA" => format!("https://access.redhat.com/errata/{upper}"),
        _ => format!("https://osv.dev/vulnerability/{}", escaped(name)),
    }
}

/// Names come from others; an address holds none of their characters that mean something in it.
fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _infallible = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distributions_record_has_its_own_page() {
        for (family, id, expected) in [
            (Family::Npm, "CVE-2024-0001", "https://nvd.nist.gov/vuln/detail/CVE-2024-0001"),
            (Family::Debian, "DSA-1-1", "https://security-tracker.debian.org/tracker/DSA-1-1"),
            (Family::Debian, "cve-2024-0001", "https://security-tracker.debian.org/tracker/CVE-2024-0001"),
            (Family::Ubuntu, "CVE-2024-0001", "https://ubuntu.com/security/CVE-2024-0001"),
            (Family::Alpine, "CVE-2024-0001", "https://security.alpinelinux.org/vuln/CVE-2024-0001"),
            (Family::RedHat, "CVE-2024-0001", "https://access.redhat.com/security/cve/CVE-2024-0001"),
        ] {
            assert_eq!(record_address(family, id), expected);
        }
    }

    #[test]
    fn a_name_has_its_publishers_page() {
        for (name, expected) in [
            ("a b/../\u{e9}?#", "https://osv.dev/vulnerability/a%20b%2F..%2F%C3%A9%3F%23"),
            ("MAL-2024-1", "https://osv.dev/vulnerability/MAL-2024-1"),
            ("cve-2024-0001", "https://nvd.nist.gov/vuln/detail/CVE-2024-0001"),
            ("GHSA-jfh8-c2jp-5v3q", "https://github.com/advisories/GHSA-jfh8-c2jp-5v3q"),
            ("RUSTSEC-2021-0001", "https://rustsec.org/advisories/RUSTSEC-2021-0001.html"),
            ("GO-2022-0969", "https://pkg.go.dev/vuln/GO-2022-0969"),
            ("DSA-5678-1", "https://security-tracker.debian.org/tracker/DSA-5678-1"),
            ("USN-1-1", "https://ubuntu.com/security/notices/USN-1-1"),
            ("RHSA-2024:0001", "https://access.redhat.com/errata/RHSA-2024:0001"),
        ] {
            assert_eq!(address(name), expected);
        }
    }
}

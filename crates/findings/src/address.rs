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

/// Returns where people read about a vulnerability or an advisory: its publisher's page, that publisher's file where it gives names to files
/// alone, else OSV's, which has every name that it knows.
pub fn address(name: &str) -> String {
    if let Some(files) = Files::of(name) {
        return files.address(name);
    }
    let upper = escaped(&name.to_ascii_uppercase());
    let prefix = upper.split(['-', ':']).next().unwrap_or_default();
    match prefix {
        "CVE" => format!("https://nvd.nist.gov/vuln/detail/{upper}"),
        "GHSA" => format!("https://github.com/advisories/{}", escaped(name)),
        "RUSTSEC" => format!("https://rustsec.org/advisories/{upper}.html"),
        "GO" => format!("https://pkg.go.dev/vuln/{upper}"),
        "DSA" | "DLA" | "TEMP" => format!("https://security-tracker.debian.org/tracker/{upper}"),
        "USN" => format!("https://ubuntu.com/security/notices/{upper}"),
        "RHSA" | "RHBA" | "RHEA" => format!("https://access.redhat.com/errata/{upper}"),
        _ => format!("https://osv.dev/vulnerability/{}", escaped(name)),
    }
}

/// A publisher whose records are called by where their files lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Files {
    /// `zlib/CVE-2026-27820`: a gem, and the file in its folder.
    RubyAdvisoryDb,
    /// `symfony/http-kernel/CVE-2022-24894`: a package, which has two parts, and the file in its folder.
    FriendsOfPhp,
}

impl Files {
    /// Returns whose file a name is of, if it is of one.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let is_part = |part: &str| !matches!(part, "" | "." | "..");
        match name.split('/').count() {
            _ if !name.split('/').all(is_part) => None,
            2 => Some(Self::RubyAdvisoryDb),
            3 => Some(Self::FriendsOfPhp),
            _ => None,
        }
    }

    /// Returns what the publisher is called.
    pub(crate) fn publisher(self) -> &'static str {
        match self {
            Self::RubyAdvisoryDb => "ruby-advisory-db",
            Self::FriendsOfPhp => "FriendsOfPHP",
        }
    }

    fn address(self, name: &str) -> String {
        let path = name.split('/').map(escaped).collect::<Vec<_>>().join("/");
        match self {
            Self::RubyAdvisoryDb => {
                format!("https://github.com/rubysec/ruby-advisory-db/blob/master/gems/{path}.yml")
            }
            Self::FriendsOfPhp => {
                format!("https://github.com/FriendsOfPHP/security-advisories/blob/master/{path}.yaml")
            }
        }
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
            ("a/", "https://osv.dev/vulnerability/a%2F"),
            ("./a", "https://osv.dev/vulnerability/.%2Fa"),
            ("a/b/c/d", "https://osv.dev/vulnerability/a%2Fb%2Fc%2Fd"),
            (
                "zlib/CVE-2026-27820",
                "https://github.com/rubysec/ruby-advisory-db/blob/master/gems/zlib/CVE-2026-27820.yml",
            ),
            ("a b/?#", "https://github.com/rubysec/ruby-advisory-db/blob/master/gems/a%20b/%3F%23.yml"),
            (
                "symfony/http-kernel/CVE-2022-24894",
                "https://github.com/FriendsOfPHP/security-advisories/blob/master/symfony/http-kernel/CVE-2022-24894.yaml",
            ),
            ("TEMP-0000000-4FB12F", "https://security-tracker.debian.org/tracker/TEMP-0000000-4FB12F"),
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

//! Licences as Maven projects and `OSGi` bundles state them: by a name, or by the address of the text.

use component::License;

/// Beginnings of addresses that stand for a licence, in lower case, without scheme and `www.`. A longer one comes before its own beginning.
const ADDRESSES: &[(&str, &str)] = &[
    ("apache.org/licenses/license-2.0", "Apache-2.0"),
    ("eclipse.org/legal/epl-2.0", "EPL-2.0"),
    ("eclipse.org/legal/epl-v10", "EPL-1.0"),
    ("eclipse.org/legal/epl-v20", "EPL-2.0"),
    ("eclipse.org/org/documents/edl-v10", "BSD-3-Clause"),
    ("eclipse.org/org/documents/epl-2.0", "EPL-2.0"),
    ("eclipse.org/org/documents/epl-v10", "EPL-1.0"),
    ("mozilla.org/mpl/2.0", "MPL-2.0"),
];

/// Where the Open Source Initiative has the texts; what follows is an identifier of the SPDX licence list, in any case.
const OPEN_SOURCE_INITIATIVE: [&str; 2] = ["opensource.org/licenses/", "opensource.org/license/"];

/// Reads a licence; of the addresses that stand for one, the well-known ones become it.
pub(crate) fn license(text: &str) -> Option<License> {
    let address = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let known = address.and_then(|address| {
        let address = address.to_ascii_lowercase();
        let address = address.strip_prefix("www.").unwrap_or(&address);
        if let Some((_, license)) = ADDRESSES.iter().find(|(known, _)| address.starts_with(known)) {
            return License::parse(license);
        }
        let name = OPEN_SOURCE_INITIATIVE.iter().find_map(|place| address.strip_prefix(place))?;
        let name = name.split(['/', '?', '#']).next().unwrap_or_default();
        let name = name.strip_suffix(".php").unwrap_or(name);
        let name = name.strip_suffix("-license").unwrap_or(name);
        License::parse(name).filter(|license| matches!(license, License::Expression(_)))
    });
    known.or_else(|| License::parse(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stand_for_licences() {
        for (text, expected) in [
            ("", None),
            ("https://example.org/MIT", Some("https://example.org/MIT")),
            ("https://opensource.org/licenses/", Some("https://opensource.org/licenses/")),
            ("https://opensource.org/licenses/bsd-license", Some("https://opensource.org/licenses/bsd-license")),
            ("Apache License, Version 2.0", Some("Apache-2.0")),
            ("http://www.apache.org/licenses/LICENSE-2.0.txt", Some("Apache-2.0")),
            ("https://opensource.org/licenses/MIT", Some("MIT")),
            ("http://www.opensource.org/licenses/mit-license.php", Some("MIT")),
            ("https://opensource.org/license/unlicense/", Some("Unlicense")),
            ("https://opensource.org/licenses/BSD-3-Clause", Some("BSD-3-Clause")),
            ("https://www.eclipse.org/legal/epl-v20.html", Some("EPL-2.0")),
            ("https://www.mozilla.org/en-US/MPL/2.0/", Some("https://www.mozilla.org/en-US/MPL/2.0/")),
        ] {
            assert_eq!(license(text).as_ref().map(License::text), expected, "{text}");
        }
    }
}

//! The main section of a `META-INF/MANIFEST.MF`. Format: "JAR File Specification", section "JAR Manifest".

use std::collections::BTreeMap;

/// The most of a manifest that is looked at: its main section, of which bundles' lists of packages are the largest part.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 1 << 20;

/// The longest value that is kept; Jenkins plugins list their dependencies in one.
const VALUE_BYTES_MAX: usize = 16 << 10;

/// The attributes that say what an archive is; the others are not kept.
const KEPT: &[&str] = &[
    "automatic-module-name",
    "bundle-license",
    "bundle-name",
    "bundle-symbolicname",
    "bundle-vendor",
    "bundle-version",
    "extension-name",
    "group-id",
    "implementation-title",
    "implementation-vendor",
    "implementation-vendor-id",
    "implementation-version",
    "long-name",
    "plugin-dependencies",
    "plugin-license-name",
    "plugin-version",
    "short-name",
    "specification-title",
    "specification-version",
];

/// Returns the attributes of the main section that say what an archive is, their names in lower case.
pub(crate) fn parse(bytes: &[u8]) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    let mut current: Option<(&'static str, Vec<u8>)> = None;
    let mut has_begun = false;
    let mut finish = |current: &mut Option<(&'static str, Vec<u8>)>| {
        let Some((name, value)) = current.take() else { return };
        let value = String::from_utf8_lossy(&value);
        let value = value.trim();
        if !value.is_empty() && value.len() <= VALUE_BYTES_MAX {
            attributes.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
    };
    for line in lines(bytes) {
        if line.is_empty() {
            // Empty lines before the first attribute are forgiven.
            if has_begun {
                break;
            }
            continue;
        }
        has_begun = true;
        if let Some(continued) = line.strip_prefix(b" ") {
            if let Some((_, value)) = &mut current
                && value.len() <= VALUE_BYTES_MAX
            {
                value.extend(continued);
            }
            continue;
        }
        finish(&mut current);
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let kept = KEPT.iter().find(|name| line[..colon].trim_ascii().eq_ignore_ascii_case(name.as_bytes()));
        current = kept.map(|name| (*name, line[colon + 1..].to_vec()));
    }
    finish(&mut current);
    attributes
}

/// Lines that end in CR LF, LF or CR.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let Some(end) = bytes.iter().position(|&byte| byte == b'\n' || byte == b'\r') else {
            rest = None;
            return Some(bytes);
        };
        let after = if bytes[end..].starts_with(b"\r\n") { end + 2 } else { end + 1 };
        rest = Some(&bytes[after..]);
        Some(&bytes[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn main_sections() {
        let cases: [(&str, &str); 8] = [
            ("", "{}"),
            ("no colon", "{}"),
            (" continued: nothing", "{}"),
            ("Bundle-Name: a\r\n b\r\n  c\r\nBuilt-By: x\r\n y", r#"{"bundle-name": "ab c"}"#),
            ("\n\nbundle-NAME:a\n\nName: x\nBundle-Version: 1", r#"{"bundle-name": "a"}"#),
            ("Bundle-Name: a\rBundle-Name: b", r#"{"bundle-name": "a"}"#),
            ("Bundle-Name:\nBundle-Version:  ", "{}"),
            ("Bundle-Name: \u{fc}\n", "{\"bundle-name\": \"\u{fc}\"}"),
        ];
        for (text, expected) in cases {
            assert_eq!(format!("{:?}", parse(text.as_bytes())), expected, "{text:?}");
        }
    }

    #[test]
    fn values_around_the_limit() {
        let kept = |len: usize| parse(format!("Bundle-Name:{}", "v".repeat(len)).as_bytes()).len();
        assert_eq!([VALUE_BYTES_MAX - 1, VALUE_BYTES_MAX, VALUE_BYTES_MAX + 1].map(kept), [1, 1, 0]);
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            parse(&bytes);
        }
    }
}

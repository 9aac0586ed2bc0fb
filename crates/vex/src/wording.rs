//! Moments and texts that documents of all formats write in the same way.

use component::{Hash, HashAlgorithm};

use crate::Time;

/// The most bytes of a name that are kept. Red Hat's longest product ids have about 300.
pub const NAME_BYTES_MAX: usize = 2048;

/// The most bytes of a text that are kept: more is not read by anyone in an answer.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;

/// Returns a moment of RFC 3339.
pub(crate) fn time(text: &str) -> Option<Time> {
    text.trim().parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

/// Returns a text without the space around it and no longer than [`TEXT_BYTES_MAX`]; none for nothing.
pub(crate) fn text(text: &str) -> Option<String> {
    let text = text.trim();
    let text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
    (!text.is_empty()).then(|| text.to_owned())
}

/// Returns a name without the space around it; none for nothing, and for what is longer than [`NAME_BYTES_MAX`].
pub(crate) fn name(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty() && text.len() <= NAME_BYTES_MAX).then_some(text)
}

/// Returns the beginning of a text: enough to find it again.
pub(crate) fn shown(text: &str) -> String {
    text[..text.floor_char_boundary(crate::Problem::EXAMPLE_BYTES_MAX)].to_owned()
}

/// Returns a hash; none for an algorithm that components have no hashes of, and for what is no hash. Its names are those of the IANA registry
/// (OpenVEX), of OpenSSL (CSAF) and of CycloneDX.
pub(crate) fn hash(algorithm: &str, hex: &str) -> Option<Hash> {
    let (algorithm, digits) = match algorithm.to_ascii_lowercase().as_str() {
        "md5" => (HashAlgorithm::Md5, 32),
        "sha1" | "sha-1" => (HashAlgorithm::Sha1, 40),
        "sha256" | "sha-256" => (HashAlgorithm::Sha256, 64),
        "sha384" | "sha-384" => (HashAlgorithm::Sha384, 96),
        "sha512" | "sha-512" => (HashAlgorithm::Sha512, 128),
        _ => return None,
    };
    let hex = hex.trim();
    let is_hash = hex.len() == digits && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| Hash { algorithm, hex: hex.to_ascii_lowercase() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_seconds() {
        for (text, expected) in [
            ("", None),
            ("2024-01-01", None),
            ("2024-02-30T00:00:00Z", None),
            ("1970-01-01T00:00:01.9Z", Some(1)),
            ("1970-01-01T01:00:00+01:00", Some(0)),
        ] {
            assert_eq!(time(text), expected, "{text}");
        }
    }

    #[test]
    fn names_and_texts_have_limits() {
        assert_eq!(name(" a "), Some("a"));
        assert_eq!(name(" "), None);
        assert_eq!(name(&"a".repeat(NAME_BYTES_MAX)).map(str::len), Some(NAME_BYTES_MAX));
        assert_eq!(name(&"a".repeat(NAME_BYTES_MAX + 1)), None);
        assert_eq!(text(" \n"), None);
        assert_eq!(text(&"a".repeat(TEXT_BYTES_MAX)).map(|text| text.len()), Some(TEXT_BYTES_MAX));
        assert_eq!(
            text(&format!("{}é", "a".repeat(TEXT_BYTES_MAX - 1))).map(|text| text.len()),
            Some(TEXT_BYTES_MAX - 1)
        );
    }

    #[test]
    fn hashes_have_the_length_of_their_algorithm() {
        let sha1 = "A".repeat(40);
        let table = [
            ("sha-1", &sha1[..], true),
            ("SHA1", &sha1, true),
            ("sha256", &sha1, false),
            ("blake3", &sha1, false),
            ("sha1", "x", false),
        ];
        for (algorithm, hex, expected) in table {
            let found = hash(algorithm, hex);
            assert_eq!(found.is_some(), expected, "{algorithm}");
            assert!(found.is_none_or(|hash| hash.hex == sha1.to_lowercase()));
        }
    }
}

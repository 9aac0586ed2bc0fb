//! Digests as lockfiles write them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use component::{Hash, HashAlgorithm};

/// The most digests that one component keeps; a package with a build for every platform has about a hundred.
const HASHES_MAX: usize = 256;

fn algorithm(name: &str) -> Option<(HashAlgorithm, usize)> {
    Some(match name {
        "md5" => (HashAlgorithm::Md5, 16),
        "sha1" => (HashAlgorithm::Sha1, 20),
        "sha256" => (HashAlgorithm::Sha256, 32),
        "sha384" => (HashAlgorithm::Sha384, 48),
        "sha512" => (HashAlgorithm::Sha512, 64),
        _ => return None,
    })
}

/// Makes a hash of hexadecimal digits, if there are as many as the algorithm gives.
pub(crate) fn from_hex(name: &str, digits: &str) -> Option<Hash> {
    let (algorithm, len) = algorithm(name)?;
    let is_hex = digits.len() == len * 2 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| Hash { algorithm, hex: digits.to_ascii_lowercase() })
}

/// Makes a hash of base64, of the standard or the URL's alphabet, padded or not.
pub(crate) fn from_base64(name: &str, text: &str) -> Option<Hash> {
    let (algorithm, len) = algorithm(name)?;
    if text.len() > 128 {
        return None;
    }
    let bytes = STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')))
        .or_else(|_| STANDARD_NO_PAD.decode(text))
        .ok()?;
    (bytes.len() == len).then(|| Hash { algorithm, hex: hex::encode(bytes) })
}

/// Reads `sha256:<hex>`.
pub(crate) fn parse_prefixed(text: &str) -> Option<Hash> {
    let (name, digits) = text.split_once(':')?;
    from_hex(name, digits)
}

/// Reads Subresource Integrity metadata: digests such as `sha512-<base64>`, separated by white space (W3C SRI, section 3.5).
pub(crate) fn parse_integrity(text: &str) -> Vec<Hash> {
    let digests = text.split_ascii_whitespace().filter_map(|word| {
        let (name, value) = word.split_once('-')?;
        from_base64(name, value.split_once('?').map_or(value, |(value, _)| value))
    });
    bounded(digests)
}

/// Sorts the digests and keeps each once.
pub(crate) fn bounded(hashes: impl Iterator<Item = Hash>) -> Vec<Hash> {
    let mut hashes: Vec<Hash> = hashes.take(HASHES_MAX).collect();
    hashes.sort();
    hashes.dedup();
    hashes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_end_at_the_limit() {
        for (written, kept) in [(HASHES_MAX - 1, 255), (HASHES_MAX, 256), (HASHES_MAX + 1, 256)] {
            let found = bounded((0..written).filter_map(|index| from_hex("sha1", &format!("{index:040x}"))));
            assert_eq!(found.len(), kept, "{written}");
        }
    }

    #[test]
    fn only_whole_digests_are_hashes() {
        let sha1 = "aea74d5e61c1f899613bf64bda66d4c78f2fd17d";
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<String> = parse_integrity(text).into_iter().map(|hash| hash.hex).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("sha1-rqdNXmHB+JlhO/ZL2mbUx48v0X0=", &[sha1]);
        check("  sha1-rqdNXmHB-JlhO_ZL2mbUx48v0X0 sha1-rqdNXmHB+JlhO/ZL2mbUx48v0X0=?opt", &[sha1]);
        check("sha512-shared", &[]);
        check("sha1-rqdNXmHB", &[]);
        check("crc-rqdNXmHB+JlhO/ZL2mbUx48v0X0=", &[]);
        check("", &[]);
        assert_eq!(from_hex("sha1", sha1).map(|hash| hash.hex).as_deref(), Some(sha1));
        assert_eq!(from_hex("sha1", &sha1[1..]), None);
        assert_eq!(parse_prefixed("sha1"), None);
    }
}

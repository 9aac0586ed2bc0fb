use oci::digest::DigestError::{BadBytes, NoAlgorithm, NotLowerHex, UnknownAlgorithm, WrongLength};
use oci::{Algorithm, Digest, DigestError, Tag};
use proptest::prelude::*;

use crate::{EMPTY_SHA256, sha256, sha512};

#[track_caller]
fn check(text: &str, expected: Result<Algorithm, DigestError>) {
    let parsed: Result<Digest, _> = text.parse();
    assert_eq!(parsed.map(|digest| digest.algorithm()), expected, "{text}");
    if let Ok(digest) = parsed {
        assert_eq!(digest.to_string(), text);
    }
}

fn too(algorithm: Algorithm, actual: usize) -> Result<Algorithm, DigestError> {
    Err(WrongLength { algorithm, expected: algorithm.hash_length() * 2, actual })
}

#[test]
fn digest_confusion_is_refused() {
    use Algorithm::{Sha256, Sha512};
    let hex = "a".repeat(64);
    check("", Err(NoAlgorithm));
    check(&hex, Err(NoAlgorithm));
    check("sha256", Err(NoAlgorithm));
    check(&format!("sha256-{hex}"), Err(NoAlgorithm));
    check(":", Err(UnknownAlgorithm));
    check(&format!(":{hex}"), Err(UnknownAlgorithm));
    check(&format!("SHA256:{hex}"), Err(UnknownAlgorithm));
    check(&format!(" sha256:{hex}"), Err(UnknownAlgorithm));
    check(&format!("sha256+b64:{hex}"), Err(UnknownAlgorithm));
    check(&format!("sha384:{}", "a".repeat(96)), Err(UnknownAlgorithm));
    check(&format!("md5:{}", "a".repeat(32)), Err(UnknownAlgorithm));
    check("sha256:", too(Sha256, 0));
    check("sha256:../", too(Sha256, 3));
    check(&format!("sha256:{}", "a".repeat(63)), too(Sha256, 63));
    check(&format!("sha256:{}", "a".repeat(65)), too(Sha256, 65));
    check(&format!("sha256:{}", "a".repeat(128)), too(Sha256, 128));
    check(&format!("sha512:{hex}"), too(Sha512, 64));
    check(&format!("sha512:{}", "a".repeat(127)), too(Sha512, 127));
    check(&format!("sha512:{}", "a".repeat(129)), too(Sha512, 129));
    check(&format!("sha256:{}A", "a".repeat(63)), Err(NotLowerHex));
    check(&format!("sha256:{}g", "a".repeat(63)), Err(NotLowerHex));
    check(&format!("sha256:{}\0", "a".repeat(63)), Err(NotLowerHex));
    check(&format!("sha256:{} ", "a".repeat(63)), Err(NotLowerHex));
    check(&format!("sha256:{}/", "../".repeat(21)), Err(NotLowerHex));
    // Two bytes of one character must not split.
    check(&format!("sha256:é{}", "a".repeat(62)), Err(NotLowerHex));
    check(&format!("sha256:aé{}", "a".repeat(61)), Err(NotLowerHex));
    check(EMPTY_SHA256, Ok(Sha256));
    check(&sha256('0'), Ok(Sha256));
    check(&sha512('f'), Ok(Sha512));
}

#[test]
fn stored_bytes_that_are_no_digest_are_refused() {
    for bytes in [vec![], vec![1], vec![0; 33], vec![3; 33], vec![1; 32], vec![1; 34], vec![1; 65], vec![2; 33]] {
        assert_eq!(Digest::from_bytes(&bytes), Err(BadBytes), "{bytes:?}");
    }
}

#[test]
fn stored_bytes_begin_with_the_algorithm() {
    let digest: Digest = EMPTY_SHA256.parse().unwrap();
    assert_eq!(digest.to_bytes()[..5], [1, 0xe3, 0xb0, 0xc4, 0x42]);
    let digest: Digest = sha512('1').parse().unwrap();
    assert_eq!(digest.to_bytes()[..3], [2, 0x11, 0x11]);
}

#[test]
fn a_hash_of_the_wrong_length_makes_no_digest() {
    for (algorithm, lengths) in [(Algorithm::Sha256, [31, 33, 64]), (Algorithm::Sha512, [63, 65, 32])] {
        for length in lengths {
            assert_eq!(Digest::new(algorithm, &vec![0; length]), None);
        }
    }
}

#[test]
fn a_digest_is_small_and_has_a_short_form() {
    assert_eq!(size_of::<Digest>(), 65);
    let digest: Digest = EMPTY_SHA256.parse().unwrap();
    assert_eq!(digest.short(), "e3b0c44298fc");
    assert_eq!(format!("{digest:?}"), EMPTY_SHA256);
}

#[test]
fn json_is_the_text() {
    let digest: Digest = serde_json::from_str(&format!("{EMPTY_SHA256:?}")).unwrap();
    assert_eq!(serde_json::to_string(&digest).unwrap(), format!("{EMPTY_SHA256:?}"));
    let error = serde_json::from_str::<Digest>("\"sha256:AB\"").unwrap_err().to_string();
    assert_eq!(error, "a sha256 hash is 64 characters, this one is 2 at line 1 column 11");
    assert!(serde_json::from_str::<Digest>("1").is_err());
}

// The example table of OCI distribution 1.1, "Referrers Tag Schema".
#[test]
fn the_referrers_tag_is_truncated_to_64_digits() {
    for digest in [sha256('a'), sha512('a')] {
        let (algorithm, _) = digest.split_once(':').unwrap();
        let tag = digest.parse::<Digest>().unwrap().referrers_tag();
        assert_eq!(tag.as_str(), format!("{algorithm}-{}", "a".repeat(64)));
        assert_eq!(tag.as_str().parse::<Tag>().as_ref(), Ok(&tag));
    }
}

pub(crate) fn any_digest() -> impl Strategy<Value = Digest> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(|hash| Digest::new(Algorithm::Sha256, &hash).unwrap()),
        (any::<[u8; 32]>(), any::<[u8; 32]>()).prop_map(|(left, right)| Digest::new(
            Algorithm::Sha512,
            &[left, right].concat()
        )
        .unwrap()),
    ]
}

proptest! {
    #[test]
    fn text_and_bytes_round_trip(digest in any_digest()) {
        prop_assert_eq!(digest.to_string().parse(), Ok(digest));
        prop_assert_eq!(Digest::from_bytes(&digest.to_bytes()), Ok(digest));
        prop_assert_eq!(digest.to_string(), format!("{}:{}", digest.algorithm(), digest.hex()));
    }

    #[test]
    fn order_is_that_of_text_and_of_bytes(left in any_digest(), right in any_digest()) {
        prop_assert_eq!(left.cmp(&right), left.to_string().cmp(&right.to_string()));
        prop_assert_eq!(left.cmp(&right), left.to_bytes().cmp(&right.to_bytes()));
    }

    #[test]
    fn what_parses_is_canonical(text in "(sha256|sha512|SHA256)?:?[0-9a-fA-F]{60,130}") {
        if let Ok(digest) = text.parse::<Digest>() {
            prop_assert_eq!(digest.to_string(), text);
        }
    }
}

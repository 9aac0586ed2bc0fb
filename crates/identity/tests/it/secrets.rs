//! Random secrets.

use identity::{Secret, SecretKind, sha256};
use proptest::prelude::*;

#[test]
fn a_secret_is_recognised_by_its_kind_alone() {
    for kind in SecretKind::ALL {
        let secret = kind.generate().unwrap();
        let text = secret.expose();
        assert_eq!(text.len(), 76);
        assert!(text.starts_with(kind.prefix()));
        assert!(text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'));
        for other in SecretKind::ALL {
            assert_eq!(other.digest(text).is_some(), other == kind);
        }
        assert_ne!(kind.generate().unwrap().expose(), text);
    }
}

#[test]
fn a_slip_of_the_pen_is_refused() {
    let secret = SecretKind::Robot.generate().unwrap();
    let text = secret.expose();
    let digest = SecretKind::Robot.digest(text).unwrap();
    assert_eq!(digest.as_bytes(), &sha256(text.as_bytes()));
    for position in 0..text.len() {
        let mut bytes = text.as_bytes().to_vec();
        bytes[position] = if bytes[position] == b'0' { b'1' } else { b'0' };
        assert!(SecretKind::Robot.digest(std::str::from_utf8(&bytes).unwrap()).is_none(), "{position}");
    }
    for wrong in [
        String::new(),
        "grt_".to_owned(),
        text[1..].to_owned(),
        text[..75].to_owned(),
        format!("{text}0"),
        format!(" {text}"),
        format!("{text}\n"),
        text.to_uppercase(),
    ] {
        assert!(SecretKind::Robot.digest(&wrong).is_none(), "{wrong}");
    }
}

#[test]
fn digests_match_themselves_alone() {
    let digest = SecretKind::Refresh.digest(SecretKind::Refresh.generate().unwrap().expose()).unwrap();
    assert!(digest.matches(digest.as_bytes()));
    let mut other = *digest.as_bytes();
    other[31] ^= 1;
    assert!(!digest.matches(&other));
    assert!(!digest.matches(&digest.as_bytes()[..31]));
    assert!(!digest.matches(b""));
}

#[test]
fn a_secret_is_not_printed() {
    let secret = Secret::new("hunter2 and more".to_owned());
    assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "Secret(..) Some(Secret(..))");
    let read: Secret = serde_json::from_str("\"hunter2\"").unwrap();
    assert_eq!(read.expose(), "hunter2");
}

#[test]
fn sha256_is_sha256() {
    insta::assert_snapshot!(hex::encode(sha256(b"abc")), @"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

proptest! {
    #[test]
    fn no_other_text_is_a_secret(text in ".{0,90}|gr[trs]_[0-9a-f]{72}") {
        for kind in SecretKind::ALL {
            prop_assert!(kind.digest(&text).is_none());
        }
    }
}

//! The master key and its file.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use identity::{MASTER_KEY_BYTES, MasterKey, MasterKeyError};
use proptest::prelude::*;

fn key(byte: u8) -> MasterKey {
    let mut bytes = [byte; MASTER_KEY_BYTES];
    bytes[0] ^= 0xff;
    MasterKey::from_bytes(&bytes).unwrap()
}

fn write(directory: &Path, content: &[u8], mode: u32) -> PathBuf {
    let path = directory.join("key");
    let _ = fs::remove_file(&path);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn a_key_is_made_once_and_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    // What a crash in the middle of making one leaves.
    fs::write(directory.path().join("master.key.new"), b"half").unwrap();
    assert!(matches!(MasterKey::open(&path), Err(MasterKeyError::Read { .. })));
    let made = MasterKey::open_or_create(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
    let content = fs::read(&path).unwrap();
    for found in [MasterKey::open_or_create(&path).unwrap(), MasterKey::open(&path).unwrap()] {
        assert_eq!(found.id(), made.id());
    }
    assert_eq!(fs::read(&path).unwrap(), content);
    assert_eq!(format!("{made:?}").len(), format!("MasterKey {{ id: \"{}\", .. }}", made.id()).len());
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let digits = "0123456789abcdef".repeat(4);
    for mode in [0o640, 0o604, 0o660, 0o644, 0o777, 0o610, 0o602] {
        let path = write(directory.path(), digits.as_bytes(), mode);
        for result in [MasterKey::open(&path), MasterKey::open_or_create(&path)] {
            assert!(matches!(result, Err(MasterKeyError::Permissions { mode: told, .. }) if told == mode), "{mode:o}");
        }
    }
    for mode in [0o600, 0o400] {
        MasterKey::open(&write(directory.path(), digits.as_bytes(), mode)).unwrap();
    }
    // A mounted secret is a link; what it leads to is judged.
    let link = directory.path().join("link");
    symlink(directory.path().join("key"), &link).unwrap();
    MasterKey::open(&link).unwrap();
    write(directory.path(), digits.as_bytes(), 0o644);
    assert!(matches!(MasterKey::open(&link), Err(MasterKeyError::Permissions { .. })));
}

#[test]
fn what_is_no_key_is_refused_and_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let digits = "0123456789abcdef".repeat(4);
    for content in [
        Vec::new(),
        vec![7; 31],
        vec![7; 33],
        digits.as_bytes()[..63].to_vec(),
        format!("{digits}0").into_bytes(),
        format!("{digits}\n\n\n").into_bytes(),
        format!("g{}", &digits[1..]).into_bytes(),
        vec![0; 32],
        vec![b'a'; 32],
        "0".repeat(64).into_bytes(),
        vec![b'1'; 4096],
    ] {
        let path = write(directory.path(), &content, 0o600);
        for result in [MasterKey::open(&path), MasterKey::open_or_create(&path)] {
            assert!(matches!(result, Err(MasterKeyError::Malformed { .. })), "{content:?}");
        }
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    assert!(MasterKey::open(directory.path()).is_err());
    let raw: Vec<u8> = (0..32).collect();
    let from_raw = MasterKey::open(&write(directory.path(), &raw, 0o600)).unwrap();
    for ending in ["", "\n", "\r\n"] {
        let digits = hex::encode(&raw);
        let from_digits = MasterKey::open(&write(directory.path(), format!("{digits}{ending}").as_bytes(), 0o600));
        assert_eq!(from_digits.unwrap().id(), from_raw.id());
    }
}

#[test]
fn a_number_is_hidden_in_one_way_and_found_by_its_key_and_purpose_alone() {
    let (one, other) = (key(1), key(2));
    for number in [i64::MIN, -1, 0, 1, 2, 732_740, i64::MAX] {
        let hidden = one.hide("event", number).unwrap();
        assert_eq!((hidden.len(), one.hide("event", number).unwrap()), (48, hidden.clone()));
        assert_eq!(one.reveal("event", &hidden), Some(number));
        assert_eq!((one.reveal("other", &hidden), other.reveal("event", &hidden)), (None, None));
        assert_ne!(one.hide("other", number).unwrap(), hidden);
        for wrong in [
            String::new(),
            number.to_string(),
            hidden[2..].to_owned(),
            format!("{hidden}00"),
            hidden.replace(&hidden[..1], "g"),
        ] {
            assert_eq!(one.reveal("event", &wrong), None, "{wrong}");
        }
    }
    // Of neighbours nothing is alike.
    let hidden: Vec<String> = (0..100).map(|number| one.hide("event", number).unwrap()).collect();
    assert!(!hidden.is_sorted() && hidden.windows(2).all(|pair| pair[0][..8] != pair[1][..8]));
}

#[test]
fn sealed_values_open_with_their_key_purpose_and_name_alone() {
    let key = key(1);
    let sealed = key.seal("token", "ab", b"private").unwrap();
    assert!(!sealed.windows(7).any(|window| window == b"private"));
    assert_ne!(key.seal("token", "ab", b"private").unwrap(), sealed);
    assert_eq!(key.unseal("token", "ab", &sealed).unwrap().as_slice(), b"private");
    for (key, purpose, id) in [
        (&self::key(2), "token", "ab"),
        (&key, "audit", "ab"),
        (&key, "token", "ac"),
        // Where purpose ends and name begins is part of it.
        (&key, "tokena", "b"),
        (&key, "toke", "nab"),
        (&key, "", "tokenab"),
    ] {
        let error = key.unseal(purpose, id, &sealed).unwrap_err();
        assert!(matches!(error, MasterKeyError::Open { .. }), "{purpose} {id}");
    }
    for position in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[position] ^= 1;
        assert!(key.unseal("token", "ab", &altered).is_err(), "byte {position}");
        assert!(key.unseal("token", "ab", &sealed[..position]).is_err(), "cut at {position}");
    }
    assert_eq!(key.unseal("token", "ab", &key.seal("token", "ab", b"").unwrap()).unwrap().as_slice(), b"");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_open(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert!(key(1).unseal("token", "ab", &bytes).is_err());
    }
}

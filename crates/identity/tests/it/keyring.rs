//! Keys, their names and their times.

use identity::{
    KEY_SIGNS_SECONDS, KEY_VERIFIES_AFTER_SECONDS, Keyring, KeyringKey, SigningKey, TOKEN_LIFETIME_SECONDS,
};

const NOW: u64 = 1_800_000_000;

#[test]
fn keys_read_back_and_are_named_by_their_public_half() {
    let key = SigningKey::generate().unwrap();
    let same = SigningKey::from_pkcs8(key.to_pkcs8()).unwrap();
    assert_eq!((same.id(), same.public()), (key.id(), key.public()));
    assert_eq!(same.sign(b"text"), key.sign(b"text"));
    assert_ne!(key.sign(b"text"), key.sign(b"texu"));
    let other = SigningKey::generate().unwrap();
    assert_ne!(other.id(), key.id());
    assert_eq!(key.id().as_str().len(), 16);
}

#[test]
fn what_is_no_key_is_refused() {
    let key = SigningKey::generate().unwrap();
    let whole = key.to_pkcs8();
    for length in 0..whole.len() {
        assert!(SigningKey::from_pkcs8(&whole[..length]).is_err(), "{length} bytes");
    }
    assert!(SigningKey::from_pkcs8(&[0; 32]).is_err());
}

#[test]
fn nothing_of_a_private_key_is_printed() {
    let key = SigningKey::generate().unwrap();
    let printed =
        format!("{key:?} {:?}", Keyring::new(vec![KeyringKey::starting(SigningKey::generate().unwrap(), NOW)]));
    assert!(printed.contains(key.id().as_str()) && !printed.contains("pkcs8") && printed.len() < 400, "{printed}");
}

#[test]
fn the_newest_key_signs_and_the_previous_one_still_verifies() {
    let first = KeyringKey::starting(SigningKey::generate().unwrap(), NOW);
    let first_id = first.key.id().clone();
    let alone = Keyring::new(vec![first]);
    assert!(!alone.is_rotation_due(NOW));
    assert!(!alone.is_rotation_due(NOW + KEY_SIGNS_SECONDS / 2 - 1));
    assert!(alone.is_rotation_due(NOW + KEY_SIGNS_SECONDS / 2));

    let first = KeyringKey::starting(SigningKey::from_pkcs8(alone.keys()[0].key.to_pkcs8()).unwrap(), NOW);
    let second = KeyringKey::starting(SigningKey::generate().unwrap(), NOW + 10);
    let second_id = second.key.id().clone();
    let both = Keyring::new(vec![first, second]);
    assert_eq!(both.signing(NOW + 10).unwrap().id(), &second_id);

    let retires = NOW + KEY_SIGNS_SECONDS;
    let expires = retires + KEY_VERIFIES_AFTER_SECONDS;
    assert_eq!(alone.signing(retires - 1).unwrap().id(), &first_id);
    assert!(alone.signing(retires).is_none());
    assert!(alone.is_rotation_due(retires));
    assert!(alone.verifying(first_id.as_str(), expires - 1).is_some());
    assert!(alone.verifying(first_id.as_str(), expires).is_none());
    assert!(both.verifying("", NOW).is_none() && both.verifying(&first_id.as_str()[..15], NOW).is_none());
    // A token signed in the last second of its key is verified to its end.
    assert!(retires - 1 + TOKEN_LIFETIME_SECONDS < expires);
}

#[test]
fn an_empty_keyring_signs_nothing() {
    let empty = Keyring::default();
    assert!(empty.signing(NOW).is_none() && empty.is_rotation_due(NOW));
}

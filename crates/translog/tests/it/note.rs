use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use insta::assert_snapshot;
use proptest::prelude::*;
use translog::{
    Checkpoint, CheckpointError, NAME_BYTES_MAX, NOTE_BYTES_MAX, Note, NoteError, ORIGIN_BYTES_MAX, SIGNATURES_MAX,
    Signer, VerifierKey, VerifierKeyError, leaf_hash,
};

fn signer(name: &str, seed: u8) -> Signer {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let key = VerifierKey::new(name, pair.public_key().as_ref().try_into().unwrap()).unwrap();
    Signer::new(key, move |message| pair.sign(message).as_ref().try_into().unwrap())
}

#[test]
fn signed_checkpoint_has_the_c2sp_form() {
    let signer = signer("hub.example/audit", 7);
    let checkpoint = Checkpoint::new("hub.example/audit", 3, leaf_hash(b"")).unwrap();
    let note = Note::sign(&checkpoint.body(), &signer).unwrap();
    assert_snapshot!(note, @"
    hub.example/audit
    3
    bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=

    — hub.example/audit 8lNF2tdxro8qKrEaLTglKSsUNEe58gd42syGhrwzTAplU+PEUJ4CSxIMiN9N7k4U6REfuJv7MHKpvnrMoVvOShN20wo=
    ");
    assert_snapshot!(signer.key(), @"hub.example/audit+f25345da+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs");
    let parsed = Note::parse(&note.to_string()).unwrap();
    assert_eq!(parsed, note);
    assert_eq!(parsed.verify(&[signer.key().clone()]), Ok(vec![signer.key()]));
    assert_eq!(Checkpoint::parse(parsed.text()), Ok(checkpoint));
}

#[test]
fn pkcs8_key_signs() {
    let document = Ed25519KeyPair::generate_pkcs8(&aws_lc_rs::rand::SystemRandom::new()).unwrap();
    let signer = Signer::from_pkcs8("hub", document.as_ref()).unwrap();
    let note = Note::sign("text\n", &signer).unwrap();
    assert!(note.verify(&[signer.key().clone()]).is_ok());
    assert_eq!(Signer::from_pkcs8("hub", b"no key").unwrap_err(), VerifierKeyError::Algorithm);
    assert_eq!(Signer::from_pkcs8("a hub", document.as_ref()).unwrap_err(), VerifierKeyError::Name);
}

#[test]
fn verification_trusts_only_the_given_keys() {
    let (ours, other) = (signer("hub", 1), signer("hub", 2));
    let note = Note::sign("one\n\ntwo\n", &ours).unwrap();
    let keys = [ours.key().clone()];
    assert!(note.verify(&keys).is_ok());
    assert_snapshot!(note.verify(&[other.key().clone()]).unwrap_err(), @"note is signed by none of the trusted keys, but by `hub` (77654c28)");
    assert_snapshot!(note.verify(&[]).unwrap_err(), @"note is signed by none of the trusted keys, but by `hub` (77654c28)");
    let edited = Note::parse(&note.to_string().replace("one", "eno")).unwrap();
    assert_eq!(edited.verify(&keys), Err(NoteError::BadSignature { name: "hub".into() }));
    // A cosignature by an unknown key changes nothing.
    let line = Note::sign("one\n\ntwo\n", &other).unwrap().signatures()[0].to_string();
    let cosigned = Note::parse(&format!("{note}{line}\n")).unwrap();
    assert_eq!(cosigned.verify(&keys), Ok(vec![ours.key()]));
    assert_eq!(cosigned.verify(&[ours.key().clone(), other.key().clone()]).map(|keys| keys.len()), Ok(2));
}

#[test]
fn malformed_notes_are_refused() {
    let good = Note::sign("text\n", &signer("hub", 1)).unwrap().to_string();
    let line = good.lines().last().unwrap().to_owned();
    let with_lines = |count: usize| format!("text\n\n{}", format!("{line}\n").repeat(count));
    let bad_line = NoteError::SignatureLine { line: 1 };
    let cases = [
        (String::new(), NoteError::Unsigned),
        ("text\n".into(), NoteError::Unsigned),
        ("text\n\n".into(), NoteError::Unsigned),
        (good.trim_end().into(), NoteError::Unsigned),
        (format!("\n\n{line}\n"), NoteError::Text),
        (good.replace("text", "te\rxt"), NoteError::Text),
        (good.replace("text", "te\0xt"), NoteError::Text),
        (good.replace('\u{2014}', "-"), bad_line.clone()),
        (good.replace(" hub ", " h+ub "), bad_line.clone()),
        (good.replace(" hub ", "  "), bad_line.clone()),
        (good.replace(" hub ", " hub  "), bad_line.clone()),
        ("text\n\n\u{2014} hub AAAAAA==\n".into(), bad_line.clone()),
        (format!("{good}junk\n"), NoteError::SignatureLine { line: 2 }),
        (with_lines(SIGNATURES_MAX + 1), NoteError::TooManySignatures),
        (format!("{}{good}", "x".repeat(NOTE_BYTES_MAX)), NoteError::TooLong { actual: NOTE_BYTES_MAX + good.len() }),
    ];
    for (note, expected) in cases {
        assert_eq!(Note::parse(&note), Err(expected), "{note:.60}");
    }
    for count in [1, SIGNATURES_MAX] {
        assert!(Note::parse(&with_lines(count)).is_ok());
    }
    for length in [NOTE_BYTES_MAX - 1, NOTE_BYTES_MAX] {
        assert!(Note::parse(&format!("{}{good}", "x".repeat(length - good.len()))).is_ok());
    }
    assert_eq!(Note::sign("no end", &signer("hub", 1)), Err(NoteError::Text));
    let text = format!("{}\n", "x".repeat(NOTE_BYTES_MAX));
    assert!(matches!(Note::sign(&text, &signer("hub", 1)), Err(NoteError::TooLong { .. })));
}

#[test]
fn malformed_checkpoints_are_refused() {
    let root = leaf_hash(b"");
    let cases = [
        (String::new(), CheckpointError::Lines),
        ("\n".into(), CheckpointError::Origin),
        ("hub\n".into(), CheckpointError::Size),
        (format!("hub\n1\n{root}"), CheckpointError::Lines),
        ("hub\n1\n".into(), CheckpointError::Root),
        (format!("hub\n01\n{root}\n"), CheckpointError::Size),
        (format!("hub\n+1\n{root}\n"), CheckpointError::Size),
        (format!("hub\n-1\n{root}\n"), CheckpointError::Size),
        (format!("hub\n18446744073709551616\n{root}\n"), CheckpointError::Size),
        ("hub\n1\nAAAA\n".into(), CheckpointError::Root),
        (format!("hub\n1\n{root}\n\n"), CheckpointError::Lines),
        (format!("{}\n1\n{root}\n", "o".repeat(ORIGIN_BYTES_MAX + 1)), CheckpointError::Origin),
    ];
    for (text, expected) in cases {
        assert_eq!(Checkpoint::parse(&text), Err(expected), "{text:?}");
    }
    for text in [
        format!("hub\n0\n{root}\n"),
        format!("hub\n18446744073709551615\n{root}\nextension\n"),
        format!("{}\n1\n{root}\n", "o".repeat(ORIGIN_BYTES_MAX)),
    ] {
        assert_eq!(Checkpoint::parse(&text).unwrap().body(), text);
    }
    assert_eq!(Checkpoint::new("two\nlines", 0, root), Err(CheckpointError::Origin));
}

#[test]
fn malformed_keys_are_refused() {
    let good = signer("hub", 1).key().to_string();
    assert_eq!(good.parse::<VerifierKey>().unwrap().to_string(), good);
    let cases = [
        ("", VerifierKeyError::Form),
        ("hub", VerifierKeyError::Form),
        ("hub+00000000+!", VerifierKeyError::Form),
        ("hub+00000000+", VerifierKeyError::Algorithm),
        ("hub+00000000+AQ==", VerifierKeyError::Algorithm),
        (&good.replacen("hub", "bub", 1), VerifierKeyError::KeyId),
        (&good.replacen("hub", "h b", 1), VerifierKeyError::Name),
    ];
    for (text, expected) in cases {
        assert_eq!(text.parse::<VerifierKey>(), Err(expected), "{text}");
    }
    for (length, fits) in [(0, false), (1, true), (NAME_BYTES_MAX, true), (NAME_BYTES_MAX + 1, false)] {
        assert_eq!(VerifierKey::new(&"n".repeat(length), [0; 32]).is_ok(), fits, "{length}");
    }
}

proptest! {
    #[test]
    fn what_parses_prints_the_same(text in "\\PC{0,40}\n\n?\\PC{0,20}\n(— [a-z]{1,4} [A-Za-z0-9/+]{8,12}={0,2}\n){0,3}") {
        if let Ok(note) = Note::parse(&text) {
            prop_assert_eq!(note.to_string(), text.clone());
        }
        if let Ok(checkpoint) = Checkpoint::parse(&text) {
            prop_assert_eq!(checkpoint.body(), text);
        }
    }
}

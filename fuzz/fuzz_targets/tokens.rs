//! Tokens and their scopes come from whoever sends them. Arbitrary bytes are never accepted; claims that are signed but odd are
//! refused or mean what they say; scopes read back from what they are written as.
#![no_main]

use std::sync::OnceLock;

use access::Scopes;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::{Keyring, KeyringKey, SecretKind, SigningKey, TOKEN_LIFETIME_SECONDS, TokenIssuer};
use libfuzzer_sys::fuzz_target;

const NOW: u64 = 1_800_000_000;

// The same key in every run, so that a finding is found again. It is nobody's key: its seed is a run of sevens.
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

fn key() -> SigningKey {
    let pkcs8: Vec<u8> = PKCS8_HEAD.into_iter().chain([7; 32]).collect();
    SigningKey::from_pkcs8(&pkcs8).expect("a PKCS#8 head and a seed are a key")
}

fn hub() -> &'static (TokenIssuer, Keyring) {
    static HUB: OnceLock<(TokenIssuer, Keyring)> = OnceLock::new();
    HUB.get_or_init(|| (TokenIssuer::new("hub", "registry"), Keyring::new(vec![KeyringKey::starting(key(), NOW)])))
}

fn signed(header: &[u8], claims: &[u8]) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = hub().1.keys()[0].key.sign(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fuzz_target!(|data: &[u8]| {
    let (issuer, keyring) = hub();
    // As a fuzzer does not sign, whatever is accepted here is a forgery.
    assert!(issuer.verify(keyring, data, NOW).is_err());

    let (header, claims) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let known = format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{}"}}"#, keyring.keys()[0].key.id());
    for token in [signed(header, claims), signed(known.as_bytes(), data)] {
        if let Ok(verified) = issuer.verify(keyring, token.as_bytes(), NOW) {
            assert!(verified.expires_at_s > NOW);
            assert!(verified.expires_at_s - verified.issued_at_s <= TOKEN_LIFETIME_SECONDS);
        }
    }

    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for kind in SecretKind::ALL {
        let _ = kind.digest(text);
    }
    if let Ok(scopes) = Scopes::parse(text.lines()) {
        let written = scopes.to_string();
        assert_eq!(Scopes::parse([written.as_str()]).as_ref(), Ok(&scopes));
        assert_eq!(scopes.intersect(&scopes), scopes);
        let token = issuer.issue(keyring, &identity::Subject::Anonymous, scopes.clone(), NOW).expect("any scopes fit");
        let verified = issuer.verify(keyring, token.text.expose().as_bytes(), NOW).expect("our own token");
        assert_eq!(verified.scopes, scopes);
    }
});

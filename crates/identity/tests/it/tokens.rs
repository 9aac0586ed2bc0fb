//! Tokens, and attacks on them.

use access::{SCOPES_MAX, Scopes};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::{
    CLOCK_SKEW_SECONDS, Keyring, KeyringKey, SUBJECT_BYTES_MAX, SigningKey, Subject, TOKEN_BYTES_MAX,
    TOKEN_LIFETIME_SECONDS, TokenError, TokenFingerprint, TokenIssuer, VerifiedToken,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_000;

struct Hub {
    issuer: TokenIssuer,
    keyring: Keyring,
}

fn hub() -> Hub {
    let key = SigningKey::generate().unwrap();
    Hub { issuer: TokenIssuer::new("hub-1", "registry"), keyring: Keyring::new(vec![KeyringKey::starting(key, NOW)]) }
}

impl Hub {
    fn key(&self) -> &SigningKey {
        self.keyring.signing(NOW).unwrap()
    }

    fn issue(&self, subject: &Subject, scopes: &str) -> String {
        let scopes = Scopes::parse([scopes]).unwrap();
        self.issuer.issue(&self.keyring, subject, scopes, NOW).unwrap().text.expose().to_owned()
    }

    fn verify(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        self.issuer.verify(&self.keyring, token.as_bytes(), NOW)
    }

    fn header(&self) -> Value {
        json!({ "alg": "EdDSA", "typ": "JWT", "kid": self.key().id().as_str() })
    }

    /// A token with any header and claims, signed by the hub's own key: what is refused then is refused for what it says.
    fn forge(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(self.key().sign(message.as_bytes())))
    }

    #[track_caller]
    fn check(&self, token: &str, expected: &str) {
        let actual = match self.verify(token) {
            Ok(token) => format!("accepted for {}", token.subject),
            Err(error) => error.to_string(),
        };
        assert_eq!(actual, expected, "{token}");
    }
}

fn encode(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(json)
}

fn claims() -> Value {
    json!({
        "iss": "hub-1", "sub": "alice", "aud": "registry", "exp": NOW + 300, "nbf": NOW, "iat": NOW,
        "jti": "00", "kind": "user", "access": [{ "type": "repository", "name": "team/api", "actions": ["pull"] }],
    })
}

fn with(mut object: Value, name: &str, value: Value) -> String {
    object[name] = value;
    object.to_string()
}

fn without(mut object: Value, name: &str) -> String {
    object.as_object_mut().unwrap().remove(name);
    object.to_string()
}

#[test]
fn a_token_says_what_it_was_made_for() {
    let hub = hub();
    for subject in [Subject::Anonymous, Subject::User("alice".to_owned()), Subject::Robot("ci-web".to_owned())] {
        for scopes in ["", "repository:team/api:pull,push repository:a/b:* registry:catalog:*"] {
            let scopes = Scopes::parse([scopes]).unwrap();
            let token = hub.issuer.issue(&hub.keyring, &subject, scopes.clone(), NOW).unwrap();
            assert_eq!((token.issued_at_s, token.expires_in_s), (NOW, TOKEN_LIFETIME_SECONDS));
            let verified = hub.verify(token.text.expose()).unwrap();
            assert_eq!((&verified.subject, &verified.scopes), (&subject, &scopes));
            assert_eq!((verified.issued_at_s, verified.expires_at_s), (NOW, NOW + TOKEN_LIFETIME_SECONDS));
            assert_eq!(verified.id.len(), 32);
        }
    }
    // What the attacks below alter is accepted unaltered.
    hub.check(&hub.forge(&hub.header().to_string(), &claims().to_string()), "accepted for user:alice");
}

#[test]
fn the_form_on_the_wire() {
    let hub = hub();
    let token = hub.issue(&Subject::Robot("ci".to_owned()), "repository:team/api:pull,push");
    let parts: Vec<_> = token.split('.').collect();
    let decode = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let header = decode(parts[0]).replace(hub.key().id().as_str(), "KEY");
    insta::assert_snapshot!(header, @r#"{"typ":"JWT","alg":"EdDSA","kid":"KEY"}"#);
    let mut claims: Value = serde_json::from_str(&decode(parts[1])).unwrap();
    claims["jti"] = json!("ID");
    insta::assert_snapshot!(claims.to_string(), @r#"{"access":[{"actions":["pull","push"],"name":"team/api","type":"repository"}],"aud":"registry","exp":1800000300,"iat":1800000000,"iss":"hub-1","jti":"ID","kind":"robot","nbf":1800000000,"sub":"ci"}"#);
}

#[test]
fn no_other_algorithm_is_accepted() {
    let hub = hub();
    let claims = claims().to_string();
    for algorithm in
        ["none", "None", "NONE", "nOnE", "", "HS256", "HS512", "RS256", "ES256", "PS256", "eddsa", "Ed25519"]
    {
        let header = with(hub.header(), "alg", json!(algorithm));
        hub.check(&hub.forge(&header, &claims), "the token is malformed: header");
        hub.check(&format!("{}.{}.", encode(&header), encode(&claims)), "the token is malformed: header");
    }
}

#[test]
fn the_public_key_is_no_shared_secret() {
    let hub = hub();
    let public = hub.key().public();
    for secret in [public.to_vec(), hex::encode(public).into_bytes(), URL_SAFE_NO_PAD.encode(public).into_bytes()] {
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        header.kid = Some(hub.key().id().to_string());
        let key = jsonwebtoken::EncodingKey::from_secret(&secret);
        let token = jsonwebtoken::encode(&header, &claims(), &key).unwrap();
        hub.check(&token, "the token is malformed: header");
        // The same code under the right algorithm's name is no signature.
        let [_, claims, code] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
        hub.check(&format!("{}.{claims}.{code}", encode(&hub.header().to_string())), "the token's signature is wrong");
    }
}

#[test]
fn a_token_brings_no_key_along() {
    let hub = hub();
    let attacker = SigningKey::generate().unwrap();
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(attacker.public()) });
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!("https://attacker.example/keys")),
        ("x5u", json!("https://attacker.example/certificate")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AA")),
        ("x5t#S256", json!("AA")),
        ("crit", json!(["exp"])),
        ("cty", json!("JWT")),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("b64", json!(false)),
        ("anything", json!(1)),
    ] {
        let header = with(hub.header(), name, value);
        // Signed by the attacker's key, and even by ours.
        let message = format!("{}.{}", encode(&header), encode(&claims().to_string()));
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(attacker.sign(message.as_bytes())));
        hub.check(&token, "the token is malformed: header");
        hub.check(&hub.forge(&header, &claims().to_string()), "the token is malformed: header");
    }
}

#[test]
fn only_known_keys_verify() {
    let hub = hub();
    let claims = claims().to_string();
    for id in ["", "0000000000000000", "../../dev/null", "' OR 1=1", "\0"] {
        hub.check(&hub.forge(&with(hub.header(), "kid", json!(id)), &claims), "the token names an unknown key");
    }
    // Another hub's token, and another hub's token that claims to be of our key.
    let other = self::hub();
    hub.check(&other.issue(&Subject::User("admin".to_owned()), ""), "the token names an unknown key");
    hub.check(&other.forge(&hub.header().to_string(), &claims), "the token's signature is wrong");
    // A key that no longer verifies.
    let key = SigningKey::from_pkcs8(hub.key().to_pkcs8()).unwrap();
    let expired = KeyringKey { key, created_at_s: 0, retires_at_s: NOW - 1, expires_at_s: NOW };
    let token = hub.issue(&Subject::User("alice".to_owned()), "");
    let result = hub.issuer.verify(&Keyring::new(vec![expired]), token.as_bytes(), NOW);
    assert!(matches!(result, Err(TokenError::UnknownKey)));
    let result = hub.issuer.issue(&Keyring::default(), &Subject::Anonymous, Scopes::default(), NOW);
    assert!(matches!(result, Err(TokenError::NoSigningKey)));
}

#[test]
fn a_token_outlives_the_rotation_of_its_key() {
    let hub = hub();
    let token = hub.issue(&Subject::User("alice".to_owned()), "");
    let previous = KeyringKey::starting(SigningKey::from_pkcs8(hub.key().to_pkcs8()).unwrap(), NOW);
    let next = KeyringKey::starting(SigningKey::generate().unwrap(), NOW + 1);
    let rotated = Keyring::new(vec![previous, next]);
    assert!(hub.issuer.verify(&rotated, token.as_bytes(), NOW + 1).is_ok());
    assert_ne!(rotated.signing(NOW + 1).unwrap().id(), hub.key().id());
}

#[test]
fn issuer_and_audience_are_pinned() {
    let hub = hub();
    let header = hub.header().to_string();
    for name in ["iss", "aud"] {
        for value in ["", "other", "hub-", "hub-1 ", "Registry", "registry,admin"] {
            hub.check(&hub.forge(&header, &with(claims(), name, json!(value))), "the token is not of this hub");
        }
        for value in [
            json!(["registry", "admin"]),
            json!(["hub-1"]),
            json!(["registry"]),
            json!([]),
            json!(1),
            json!({}),
            Value::Null,
        ] {
            let token = hub.forge(&header, &with(claims(), name, value));
            assert!(hub.verify(&token).is_err(), "{name}");
        }
        assert!(hub.verify(&hub.forge(&header, &without(claims(), name))).is_err());
    }
}

#[test]
fn time_is_kept_to_the_second() {
    let hub = hub();
    let token = hub.issue(&Subject::User("alice".to_owned()), "");
    let at =
        |now_s: u64| hub.issuer.verify(&hub.keyring, token.as_bytes(), now_s).map(|_| ()).map_err(|e| e.to_string());
    let expired = Err("the token has expired".to_owned());
    assert_eq!(at(NOW + TOKEN_LIFETIME_SECONDS - 1), Ok(()));
    assert_eq!(at(NOW + TOKEN_LIFETIME_SECONDS), expired);
    assert_eq!(at(NOW + TOKEN_LIFETIME_SECONDS + 1), expired);
    assert_eq!(at(NOW - CLOCK_SKEW_SECONDS), Ok(()));
    assert_eq!(at(NOW - CLOCK_SKEW_SECONDS - 1), Err("the token is not valid yet".to_owned()));

    let header = hub.header().to_string();
    for (name, value) in [
        ("exp", json!(NOW + 301)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("exp", json!("1900000000")),
        ("exp", json!(1_800_000_100.5)),
        ("exp", Value::Null),
        ("nbf", json!("0")),
        ("iat", json!(NOW + 301)),
        ("iat", json!(0)),
    ] {
        let token = hub.forge(&header, &with(claims(), name, value));
        hub.check(&token, "the token is malformed: claims");
    }
}

#[test]
fn claims_are_exactly_ours() {
    let hub = hub();
    let header = hub.header().to_string();
    let whole = claims();
    for name in whole.as_object().unwrap().keys() {
        hub.check(&hub.forge(&header, &without(whole.clone(), name)), "the token is malformed: claims");
    }
    hub.check(&hub.forge(&header, &with(whole.clone(), "admin", json!(true))), "the token is malformed: claims");
    hub.check(
        &hub.forge(&header, &with(whole.clone(), "kind", json!("administrator"))),
        "the token is malformed: claims",
    );
    for access in [json!({}), json!([{}]), json!([{ "type": "repository", "name": "a/b", "actions": ["root"] }])] {
        hub.check(&hub.forge(&header, &with(whole.clone(), "access", access)), "the token is malformed: claims");
    }
    for json in ["", "{", "null", "[]", "\"\"", "{}{}", "\u{feff}{}"] {
        assert!(hub.verify(&hub.forge(&header, json)).is_err(), "{json}");
    }
}

#[test]
fn nothing_is_said_twice() {
    let hub = hub();
    let (header, claims) = (hub.header().to_string(), claims().to_string());
    for name in ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "kind", "access"] {
        let value = &self::claims()[name];
        let twice = format!("{{\"{name}\":{value},{}", &claims[1..]);
        hub.check(&hub.forge(&header, &twice), "the token is malformed: claims");
    }
    for name in ["alg", "typ", "kid"] {
        let value = &hub.header()[name];
        let twice = format!("{{\"{name}\":{value},{}", &header[1..]);
        hub.check(&hub.forge(&twice, &claims), "the token is malformed: header");
    }
}

#[test]
fn other_types_of_tokens_are_refused() {
    let hub = hub();
    for value in [json!("jwt"), json!("at+jwt"), json!("JWE"), json!(""), json!(1), Value::Null] {
        hub.check(
            &hub.forge(&with(hub.header(), "typ", value), &claims().to_string()),
            "the token is malformed: header",
        );
    }
    for name in ["alg", "typ", "kid"] {
        hub.check(&hub.forge(&without(hub.header(), name), &claims().to_string()), "the token is malformed: header");
    }
}

#[test]
fn subjects_fit_their_kind() {
    let hub = hub();
    let header = hub.header().to_string();
    let check = |kind: &str, name: &str, expected: &str| {
        let mut claims = claims();
        claims["kind"] = json!(kind);
        claims["sub"] = json!(name);
        hub.check(&hub.forge(&header, &claims.to_string()), expected);
    };
    check("anonymous", "admin", "the token is malformed: subject");
    check("user", "", "the token is malformed: subject");
    check("robot", "", "the token is malformed: subject");
    let longest = "a".repeat(SUBJECT_BYTES_MAX);
    check("user", &longest[1..], &format!("accepted for user:{}", &longest[1..]));
    check("user", &longest, &format!("accepted for user:{longest}"));
    check("user", &format!("{longest}a"), "the token is malformed: subject");
}

#[test]
fn every_altered_character_is_noticed() {
    let hub = hub();
    let token = hub.issue(&Subject::User("alice".to_owned()), "repository:team/api:pull");
    for position in 0..token.len() {
        for replacement in [b'A', b'Q', b'.', b'=', b' ', 0xff] {
            let mut altered = token.as_bytes().to_vec();
            if altered[position] == replacement {
                continue;
            }
            altered[position] = replacement;
            assert!(hub.issuer.verify(&hub.keyring, &altered, NOW).is_err(), "{position} {replacement}");
        }
        assert!(hub.verify(&token[..position]).is_err(), "cut at {position}");
    }
    for token in [
        format!("{token} "),
        format!(" {token}"),
        format!("{token}="),
        format!("{token}."),
        format!("{token}\n"),
        format!("Bearer {token}"),
        format!(".{token}"),
    ] {
        assert!(hub.verify(&token).is_err(), "{token}");
    }
}

#[test]
fn size_limit() {
    let hub = hub();
    let check = |bytes: usize, expected: &str| hub.check(&"a".repeat(bytes), expected);
    check(TOKEN_BYTES_MAX - 1, "the token is malformed: header");
    check(TOKEN_BYTES_MAX, "the token is malformed: header");
    check(TOKEN_BYTES_MAX + 1, "a token has at most 8192 bytes, not 8193");
}

#[test]
fn the_most_and_longest_scopes_fit_into_a_token() {
    let hub = hub();
    let name = |index: usize| format!("{index:02}/{}", "a".repeat(252));
    let scopes: Vec<_> = (0..SCOPES_MAX).map(|index| format!("repository:{}:delete,pull,push", name(index))).collect();
    let subject = Subject::Robot("a".repeat(SUBJECT_BYTES_MAX));
    let token = hub.issue(&subject, &scopes.join(" "));
    assert_eq!(hub.verify(&token).unwrap().scopes.as_slice().len(), SCOPES_MAX);
}

#[test]
fn fingerprints_tell_tokens_apart_and_hold_none() {
    let hub = hub();
    let (first, second) = (hub.issue(&Subject::Anonymous, ""), hub.issue(&Subject::Anonymous, ""));
    assert_ne!(first, second, "each token has a name of its own");
    assert_eq!(TokenFingerprint::of(&first), TokenFingerprint::of(&first));
    assert_ne!(TokenFingerprint::of(&first), TokenFingerprint::of(&second));
    assert_eq!(TokenFingerprint::of(&first).as_bytes(), &identity::sha256(first.as_bytes()));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_never_accepted(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[A-Za-z0-9_.-]{0,200}") {
        let hub = hub();
        prop_assert!(hub.issuer.verify(&hub.keyring, &bytes, NOW).is_err());
        prop_assert!(hub.verify(&text).is_err());
        prop_assert!(hub.verify(&hub.forge(&String::from_utf8_lossy(&bytes), &text)).is_err());
        prop_assert!(hub.verify(&hub.forge(&hub.header().to_string(), &text)).is_err());
    }
}

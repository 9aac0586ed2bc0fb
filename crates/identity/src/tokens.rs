//! Registry tokens: JSON Web Tokens (RFC 7519) signed with Ed25519 (RFC 8037), with the `access` claim of the Docker token
//! authentication specification.
//!
//! A token says who and what for; it grants nothing by itself, as grants are looked up anew for each request. The header of a token
//! comes from whoever sent it, so it is read strictly: exactly `alg`, `typ` and `kid`. A token that brings its own key (`jwk`,
//! `jku`, `x5u`, `x5c`) or wants another algorithm is malformed, whatever its signature.

use std::fmt;

use access::Scopes;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::keyring::Keyring;
use crate::random::{self, RandomnessError};
use crate::secrets::{Secret, sha256};

/// How long a token lives. Grants are looked up for each request, so this bounds only how long a stolen token is useful. Clients
/// fetch a new one by themselves, and five minutes keep that rare within one push.
pub const TOKEN_LIFETIME_SECONDS: u64 = 300;

const _: () = assert!(TOKEN_LIFETIME_SECONDS >= 60, "the token specification has clients assume at least 60 seconds");

/// How far the clocks of two hubs may differ before a fresh token of one is not yet valid for the other.
pub const CLOCK_SKEW_SECONDS: u64 = 30;

/// The longest token. Sixteen scopes of the longest names fit; proxies let 8 KiB through as one header.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// The longest name in a subject: that of an account.
pub const SUBJECT_BYTES_MAX: usize = access::ACCOUNT_NAME_CHARS_MAX;

const TYPE: &str = "JWT";
const ALGORITHM: &str = "EdDSA";
const ID_BYTES: usize = 16;

/// Whom a token was made for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A caller without credentials, who may pull what is public.
    Anonymous,
    /// The user of that login name.
    User(String),
    /// The robot of that login name.
    Robot(String),
}

/// A token, made for one caller.
#[derive(Debug)]
pub struct Token {
    /// The signed text.
    pub text: Secret,
    /// When it was made, in seconds since 1970: `issued_at`.
    pub issued_at_s: u64,
    /// How long it lives: `expires_in`.
    pub expires_in_s: u64,
}

/// What a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken {
    /// Whom it was made for.
    pub subject: Subject,
    /// What it was made for.
    pub scopes: Scopes,
    /// When it was made, in seconds since 1970. An account whose credentials changed later refuses it.
    pub issued_at_s: u64,
    /// When it ends. A cache of verified tokens keeps it no longer than that.
    pub expires_at_s: u64,
    /// Its own name, for logs.
    pub id: String,
}

/// Why a token is not made or not accepted.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It is longer than [`TOKEN_BYTES_MAX`].
    #[error("a token has at most {TOKEN_BYTES_MAX} bytes, not {actual}")]
    TooLong {
        /// Its length.
        actual: usize,
    },
    /// It is not three parts of base64url, or its header or claims are not exactly those that this hub writes.
    #[error("the token is malformed: {part}")]
    Malformed {
        /// Which part.
        part: &'static str,
    },
    /// It names a key that this hub does not have, or no longer trusts.
    #[error("the token names an unknown key")]
    UnknownKey,
    /// The signature is not of the key that it names.
    #[error("the token's signature is wrong")]
    Signature,
    /// It was made by or for someone else.
    #[error("the token is not of this hub")]
    NotOurs,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// No key signs now.
    #[error("there is no signing key")]
    NoSigningKey,
    /// Signing failed.
    #[error("failed to sign a token")]
    Sign,
    /// No random bytes were to be had.
    #[error("failed to name a token")]
    Randomness(#[from] RandomnessError),
}

/// The SHA-256 of a token's text: the key of a cache of verified tokens, which then holds no usable token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenFingerprint([u8; 32]);

impl TokenFingerprint {
    /// Returns the fingerprint of a token.
    pub fn of(token: &str) -> Self {
        Self(sha256(token.as_bytes()))
    }

    /// Returns the hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Makes and verifies the tokens of one hub, which are pinned to its issuer and audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenIssuer {
    issuer: String,
    audience: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenHeader {
    alg: String,
    typ: String,
    kid: String,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SubjectKind {
    Anonymous,
    User,
    Robot,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: u64,
    nbf: u64,
    iat: u64,
    jti: String,
    kind: SubjectKind,
    access: Scopes,
}

impl TokenIssuer {
    /// Pins issuer and audience: an identifier of this hub, and the `service` that its challenge names.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self { issuer: issuer.into(), audience: audience.into() }
    }

    /// Returns the `service` of challenges.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Makes a token.
    pub fn issue(&self, keyring: &Keyring, subject: &Subject, scopes: Scopes, now_s: u64) -> Result<Token, TokenError> {
        let key = keyring.signing(now_s).ok_or(TokenError::NoSigningKey)?;
        let (kind, sub) = match subject {
            Subject::Anonymous => (SubjectKind::Anonymous, ""),
            Subject::User(name) => (SubjectKind::User, name.as_str()),
            Subject::Robot(name) => (SubjectKind::Robot, name.as_str()),
        };
        let claims = Claims {
            iss: self.issuer.clone(),
            sub: sub.to_owned(),
            aud: self.audience.clone(),
            exp: now_s.saturating_add(TOKEN_LIFETIME_SECONDS),
            nbf: now_s,
            iat: now_s,
            jti: hex::encode(random::bytes::<ID_BYTES>()?),
            kind,
            access: scopes,
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(key.id().to_string());
        let text = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ed_der(key.to_pkcs8()))
            .map_err(|_| TokenError::Sign)?;
        if text.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLong { actual: text.len() });
        }
        Ok(Token { text: Secret::new(text), issued_at_s: now_s, expires_in_s: TOKEN_LIFETIME_SECONDS })
    }

    /// Verifies a token: form, key, signature, issuer, audience and time, in that order.
    pub fn verify(&self, keyring: &Keyring, token: &[u8], now_s: u64) -> Result<VerifiedToken, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLong { actual: token.len() });
        }
        let header = read_header(token)?;
        let key = keyring.verifying(&header.kid, now_s).ok_or(TokenError::UnknownKey)?;

        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // The library reads the system's clock. Times are compared below, with the clock that the caller gives.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_ed_der(key.public()), &validation)
            .map_err(|error| refusal(&error))?
            .claims;

        if claims.iss != self.issuer || claims.aud != self.audience {
            return Err(TokenError::NotOurs);
        }
        if now_s >= claims.exp {
            return Err(TokenError::Expired);
        }
        if claims.nbf > now_s.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(TokenError::NotYetValid);
        }
        // A signed token of ours cannot fail these; one that does was made by a faulty hub with our key.
        let lives_as_ours = claims.iat <= claims.exp && claims.exp - claims.iat <= TOKEN_LIFETIME_SECONDS;
        if !lives_as_ours {
            return Err(TokenError::Malformed { part: "claims" });
        }
        Ok(VerifiedToken {
            subject: subject(claims.kind, claims.sub)?,
            scopes: claims.access,
            issued_at_s: claims.iat,
            expires_at_s: claims.exp,
            id: claims.jti,
        })
    }
}

fn read_header(token: &[u8]) -> Result<TokenHeader, TokenError> {
    const MALFORMED: TokenError = TokenError::Malformed { part: "header" };
    let encoded = token.split(|byte| *byte == b'.').next().ok_or(MALFORMED)?;
    let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| MALFORMED)?;
    let header: TokenHeader = serde_json::from_slice(&json).map_err(|_| MALFORMED)?;
    if header.alg == ALGORITHM && header.typ == TYPE { Ok(header) } else { Err(MALFORMED) }
}

fn subject(kind: SubjectKind, name: String) -> Result<Subject, TokenError> {
    let is_named = (1..=SUBJECT_BYTES_MAX).contains(&name.len());
    match kind {
        SubjectKind::Anonymous if name.is_empty() => Ok(Subject::Anonymous),
        SubjectKind::User if is_named => Ok(Subject::User(name)),
        SubjectKind::Robot if is_named => Ok(Subject::Robot(name)),
        _ => Err(TokenError::Malformed { part: "subject" }),
    }
}

fn refusal(error: &jsonwebtoken::errors::Error) -> TokenError {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidSignature => TokenError::Signature,
        ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience => TokenError::NotOurs,
        ErrorKind::InvalidToken | ErrorKind::Base64(_) => TokenError::Malformed { part: "encoding" },
        _ => TokenError::Malformed { part: "claims" },
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User(name) => write!(f, "user:{name}"),
            Self::Robot(name) => write!(f, "robot:{name}"),
        }
    }
}

//! What a registry's token service answers (Docker registry v2 authentication, "Token Authentication Specification" and
//! "`OAuth2` Token Authentication").

use serde::Deserialize;

/// Why an answer gives no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not JSON, or a token is no text.
    #[error("a token of an unknown form")]
    Form,
    /// There is none in it.
    #[error("no token")]
    Absent,
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
}

/// Returns the token of an answer; it is not empty.
pub fn parse_token(bytes: &[u8]) -> Result<String, TokenError> {
    let answer: Answer = serde_json::from_slice(bytes).map_err(|_| TokenError::Form)?;
    // Services write both for clients of either kind, some of them one as an empty text.
    let given = [answer.token, answer.access_token].into_iter().flatten().find(|token| !token.is_empty());
    given.ok_or(TokenError::Absent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_called_by_either_name() {
        for (answer, expected) in [
            ("", Err(TokenError::Form)),
            ("[]", Err(TokenError::Form)),
            (r#"{"token":1}"#, Err(TokenError::Form)),
            ("{}", Err(TokenError::Absent)),
            (r#"{"token":null,"access_token":""}"#, Err(TokenError::Absent)),
            (r#"{"token":"a","expires_in":300,"issued_at":"2026-01-02T03:04:05Z"}"#, Ok("a")),
            (r#"{"access_token":"b","scope":"x"}"#, Ok("b")),
            (r#"{"token":"","access_token":"b"}"#, Ok("b")),
            (r#"{"token":"a","access_token":"b"}"#, Ok("a")),
        ] {
            assert_eq!(parse_token(answer.as_bytes()), expected.map(str::to_owned), "{answer}");
        }
    }
}

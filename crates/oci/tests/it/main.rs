//! The crate's contract, as tables: what is refused first, then what is taken.

#![expect(clippy::unwrap_used, reason = "a test's functions fail the test")]

mod digest;
mod error_code;
mod image_config;
mod manifest;
mod media_type;
mod name;
mod query;
mod range;
mod route;

/// The digest of nothing.
const EMPTY_SHA256: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn sha256(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

fn sha512(digit: char) -> String {
    format!("sha512:{}", digit.to_string().repeat(128))
}

/// Renders an error and its sources as people read them.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

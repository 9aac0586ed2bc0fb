//! Documents that are set in a hub, each in the place of the one that was read: exceptions, and whose VEX counts.

use std::time::Duration;

use oci::Digest;
use outbound::Endpoint;
use serde_json::Value;

use crate::commands::bounded;
use crate::error::CommandError;
use crate::output;
use crate::session::Session;

/// The first line of a document that was read from a hub, which names what it is to replace; YAML alone has comments.
const READ_AS: &str = "# read from the hub as ";

/// How long the hub may take to read a document.
pub(super) const ANSWER_TIME_MAX: Duration = Duration::from_mins(1);

/// What a hub says when another document counts than the one that was read.
const CHANGED: [&str; 2] = ["EXCEPTIONS_CHANGED", "VEX_TRUST_CHANGED"];

pub(super) fn text<'a>(answer: &'a Value, field: &str) -> Option<&'a str> {
    answer.get(field).and_then(Value::as_str)
}

/// Prints a document as it was written, for editing.
pub(super) fn print(answer: &Value) -> Result<(), CommandError> {
    let document = text(answer, "document").unwrap_or_default();
    let is_yaml = !document.trim_start().starts_with('{');
    if let Some(digest) = text(answer, "digest").filter(|_| is_yaml) {
        output::print_line(&format!("{READ_AS}{digest}"))?;
    }
    output::print_line(document.trim_end())
}

/// A document that was set.
pub(super) struct Pushed {
    /// What the hub says of it.
    pub(super) answer: Value,
    /// The digest of the one in whose place it is, where there was one.
    before: Option<String>,
}

impl Pushed {
    /// Says how what was done is undone: by the document that counted before, which the hub keeps.
    pub(super) fn undo(&self, push: &str, flags: &str) -> String {
        let nothing = blobs::digest(oci::Algorithm::Sha256, b"").to_string();
        match &self.before {
            Some(before) if Some(before.as_str()) == text(&self.answer, "digest") => {
                "It counted already; nothing was changed.".to_owned()
            }
            Some(before) if *before != nothing => format!("Undo: {push} {before} --overwrite{flags}"),
            _ => format!("Undo: {push} /dev/null --overwrite{flags}"),
        }
    }
}

/// Reads a document from a file, or one that counted before from the hub, by its digest.
pub(super) async fn read(
    session: &Session,
    endpoint: &Endpoint,
    file: &str,
    bytes_max: usize,
) -> Result<Vec<u8>, CommandError> {
    if file.parse::<Digest>().is_err() {
        return bounded::read(file, bytes_max);
    }
    let answer: Value = session.hub()?.get(&endpoint.clone().with("digest", file)).await?;
    Ok(text(&answer, "document").unwrap_or_default().as_bytes().to_vec())
}

/// Sets a document in the place of the one that it was read as, or of whatever counts.
pub(super) async fn push(
    session: &Session,
    endpoint: &Endpoint,
    bytes: &[u8],
    overwrite: bool,
) -> Result<Pushed, CommandError> {
    let (read_as, document) = split(bytes);
    let hub = session.hub()?;
    let before = match read_as {
        Some(read_as) if !overwrite => Some(read_as.to_owned()),
        _ => {
            let counts: Value = hub.get(endpoint).await?;
            text(&counts, "digest").map(str::to_owned)
        }
    };
    let replaces = before.as_ref().filter(|_| overwrite || read_as.is_some());
    let endpoint = endpoint.clone().with_some("replaces", replaces);
    let sent = hub.upload(&endpoint, document.to_vec(), ANSWER_TIME_MAX).await;
    let answer = sent.map_err(|error| match &error {
        outbound::Error::Refused(problem) if problem.code.as_deref().is_some_and(|code| CHANGED.contains(&code)) => {
            CommandError::from(error).hint("`--overwrite` replaces whatever counts now")
        }
        _ => CommandError::from(error),
    })?;
    Ok(Pushed { answer, before })
}

/// Parts what a document was read as from the document.
fn split(bytes: &[u8]) -> (Option<&str>, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (first, rest) = bytes.split_at(end);
    match std::str::from_utf8(first).ok().and_then(|first| first.trim_end().strip_prefix(READ_AS)) {
        Some(digest) => (Some(digest), rest.strip_prefix(b"\n").unwrap_or(rest)),
        None => (None, bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counted_before_comes_back() {
        let nothing = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for (before, expected) in [
            (None, "Undo: push /dev/null --overwrite --project team"),
            (Some(nothing), "Undo: push /dev/null --overwrite --project team"),
            (Some("sha256:ab"), "Undo: push sha256:ab --overwrite --project team"),
            (Some("sha256:cd"), "It counted already; nothing was changed."),
        ] {
            let answer = serde_json::json!({ "digest": "sha256:cd" });
            let pushed = Pushed { answer, before: before.map(str::to_owned) };
            assert_eq!(pushed.undo("push", " --project team"), expected);
        }
    }

    #[test]
    fn a_document_says_what_it_was_read_as() {
        for (text, expected) in [
            ("", (None, "")),
            ("kind: Exceptions\n", (None, "kind: Exceptions\n")),
            ("# read from the hub as sha256:ab\nkind: Exceptions\n", (Some("sha256:ab"), "kind: Exceptions\n")),
            ("# read from the hub as sha256:ab\r\nkind: x", (Some("sha256:ab"), "kind: x")),
            ("# read from the hub as sha256:ab", (Some("sha256:ab"), "")),
            ("a: 1\n# read from the hub as sha256:ab\n", (None, "a: 1\n# read from the hub as sha256:ab\n")),
        ] {
            let (digest, rest) = split(text.as_bytes());
            assert_eq!((digest, std::str::from_utf8(rest).unwrap()), expected, "{text}");
        }
    }
}

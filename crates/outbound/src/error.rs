use std::path::PathBuf;

use serde::Deserialize;

/// A failed request to a hub.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The certificates to trust could not be read.
    #[error("failed to read the certificates in `{}`", path.display())]
    CaFile {
        /// The file given.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: std::io::Error,
    },
    /// The certificates to trust could not be understood.
    #[error("`{}` holds no usable PEM certificate", path.display())]
    CaCertificate {
        /// The file given.
        path: PathBuf,
    },
    /// The client could not be made.
    #[error("failed to set up the connection to {hub}")]
    Setup {
        /// The hub asked.
        hub: String,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Credentials would have crossed the network in the clear.
    #[error("credentials are not sent to {hub} over plain HTTP")]
    PlainHttp {
        /// The hub asked.
        hub: String,
    },
    /// A name that cannot stand in a path.
    #[error("`{segment}` cannot be part of a path")]
    Segment {
        /// The name refused.
        segment: String,
    },
    /// The hub could not be reached, or the connection broke.
    #[error("failed to reach {hub}")]
    Unreachable {
        /// The hub asked.
        hub: String,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The hub did not answer in time.
    #[error("{hub} did not answer within {seconds} s")]
    Timeout {
        /// The hub asked.
        hub: String,
        /// The limit.
        seconds: u64,
    },
    /// The hub answered with a redirect, which is never followed.
    #[error("{hub} answered with a redirect to `{location}`; redirects are not followed")]
    Redirect {
        /// The hub asked.
        hub: String,
        /// Where it pointed.
        location: String,
    },
    /// The hub refused, in its own words.
    #[error("{0}")]
    Refused(Problem),
    /// Something answered that is not a hub, or a hub that speaks another version.
    #[error("{hub} answered with status {status}, but not as a hub does")]
    NotAHub {
        /// The hub asked.
        hub: String,
        /// The status of the answer.
        status: u16,
    },
    /// The answer was too long.
    #[error("the answer of {hub} is longer than {limit} bytes")]
    AnswerTooLong {
        /// The hub asked.
        hub: String,
        /// The limit.
        limit: usize,
    },
    /// The answer was not of the form expected.
    #[error("the answer of {hub} is not of the form expected")]
    Answer {
        /// The hub asked.
        hub: String,
        /// What went wrong.
        #[source]
        source: serde_json::Error,
    },
    /// A list did not end.
    #[error("the list from {hub} did not end after {limit} pages")]
    EndlessList {
        /// The hub asked.
        hub: String,
        /// The limit.
        limit: usize,
    },
}

impl Error {
    /// Returns what the user can do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Refused(problem) => problem.all_hints(),
            Self::PlainHttp { .. } => {
                vec!["use an https:// address, or `garrison login --plain-http` if the network is trusted".to_owned()]
            }
            Self::Unreachable { hub, .. } => {
                vec![format!(
                    "is the hub running, and is {hub} its address? `garrison context list` shows the contexts"
                )]
            }
            Self::Redirect { .. } => vec!["log in at the address that the hub has now".to_owned()],
            Self::NotAHub { .. } | Self::Answer { .. } => {
                vec!["compare `garrison version` here with the version of the hub".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}

/// What a hub says when it refuses: RFC 9457, "Problem Details for HTTP APIs", or the error body of the OCI
/// distribution specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The status of the answer.
    pub status: u16,
    /// The stable code, which has a page (`garrison help CODE`).
    pub code: Option<String>,
    /// What was refused and why, in a line.
    pub message: String,
    /// What to do.
    pub hints: Vec<String>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Problem {
    /// Understands the body of a refusal, of either form; `None` if it is of none.
    pub fn parse(status: u16, body: &[u8]) -> Option<Self> {
        match serde_json::from_slice(body).ok()? {
            Document::Problem { title, code, detail, hint } => {
                // The title is the same for every problem of a kind; the detail is about this one.
                Some(Self { status, code, message: detail.unwrap_or(title), hints: hint.into_iter().collect() })
            }
            Document::Oci { errors } => {
                let first = errors.into_iter().next()?;
                let message = if first.message.is_empty() { first.code.clone() } else { first.message };
                Some(Self { status, code: Some(first.code), message, hints: Vec::new() })
            }
        }
    }

    fn all_hints(&self) -> Vec<String> {
        match &self.code {
            _ if !self.hints.is_empty() => self.hints.clone(),
            _ if self.status == 401 => vec!["`garrison login` stores new credentials".to_owned()],
            Some(code) => vec![format!("`garrison help {code}` says more")],
            None => Vec::new(),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    Oci { errors: Vec<OciError> },
    Problem { title: String, code: Option<String>, detail: Option<String>, hint: Option<String> },
}

#[derive(Deserialize)]
struct OciError {
    code: String,
    #[serde(default)]
    message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_refusal_are_understood() {
        let table = [
            (
                r#"{"title":"no such project","status":404,"code":"PROJECT_UNKNOWN"}"#,
                Some(("no such project", Some("PROJECT_UNKNOWN"))),
            ),
            (r#"{"title":"Not Found","detail":"no such tag"}"#, Some(("no such tag", None))),
            (r#"{"title":"no"}"#, Some(("no", None))),
            (r#"{"errors":[{"code":"DENIED","message":"no access"}]}"#, Some(("no access", Some("DENIED")))),
            (r#"{"errors":[{"code":"DENIED"}]}"#, Some(("DENIED", Some("DENIED")))),
            (r#"{"errors":[]}"#, None),
            ("<html>", None),
        ];
        for (body, expected) in table {
            let problem = Problem::parse(400, body.as_bytes());
            let actual = problem.as_ref().map(|problem| (problem.message.as_str(), problem.code.as_deref()));
            assert_eq!(actual, expected, "{body}");
        }
    }

    #[test]
    fn the_hubs_own_hint_comes_before_the_page() {
        let problem = |body: &str| Problem::parse(403, body.as_bytes()).unwrap().all_hints();
        assert_eq!(problem(r#"{"title":"no","code":"DENIED","hint":"ask"}"#), ["ask"]);
        assert_eq!(problem(r#"{"title":"no","code":"DENIED"}"#), ["`garrison help DENIED` says more"]);
    }
}

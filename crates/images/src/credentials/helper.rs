//! Credential helpers: programs that keep secrets in a key store (github.com/docker/docker-credential-helpers).

use std::io;
use std::process::Stdio;
use std::time::Duration;

use outbound::RegistryCredentials;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::{CredentialError, basic_or_token};

/// How long a helper may take. One may ask the user to unlock a key store.
pub const HELPER_TIME_MAX: Duration = Duration::from_mins(1);

/// The longest answer of a helper: a name and a token.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// What helpers say when they know nothing, as the protocol fixes it.
const UNKNOWN: &str = "credentials not found in native keychain";

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username", default)]
    user: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

/// Asks a helper for the credentials of a server.
pub(super) fn ask(name: &str, server: &str) -> Result<Option<RegistryCredentials>, CredentialError> {
    // A name, not a path: what is run is a program of the user's PATH.
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !name.bytes().all(is_word) {
        return Err(failed(name, "has no name that a program can have"));
    }
    let mut command = Command::new(format!("docker-credential-{name}"));
    command.arg("get");
    ask_within(HELPER_TIME_MAX, name, command, server)
}

fn failed(name: &str, reason: impl Into<String>) -> CredentialError {
    CredentialError::Helper { name: name.to_owned(), reason: reason.into() }
}

fn ask_within(
    time_max: Duration,
    name: &str,
    command: Command,
    server: &str,
) -> Result<Option<RegistryCredentials>, CredentialError> {
    let failed = |reason: String| failed(name, reason);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let answer = runtime
        .map_err(|error| failed(format!("could not be waited for: {error}")))?
        .block_on(async { tokio::time::timeout(time_max, run(command, server)).await });
    let (is_done, output) = match answer {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Err(failed("is not on this machine".to_owned()));
        }
        Ok(Err(error)) => return Err(failed(format!("could not be run: {error}"))),
        Err(_) => return Err(failed(format!("did not answer within {} s", time_max.as_secs_f32()))),
    };
    if !is_done {
        let is_unknown = String::from_utf8_lossy(&output).trim() == UNKNOWN;
        return if is_unknown { Ok(None) } else { Err(failed("failed".to_owned())) };
    }
    parse_helper_answer(&output).map_err(|_| failed("answered in a form that is not understood".to_owned()))
}

/// Returns the credentials that a helper answers with; `None` where the secret is empty.
pub fn parse_helper_answer(output: &[u8]) -> Result<Option<RegistryCredentials>, serde_json::Error> {
    let answer: Answer = serde_json::from_slice(output)?;
    Ok((!answer.secret.is_empty()).then(|| basic_or_token(&answer.user, &answer.secret)))
}

/// Runs a helper; returns whether it succeeded, and what it wrote.
async fn run(mut command: Command, server: &str) -> io::Result<(bool, Vec<u8>)> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read has its answer anyway.
        let _unread = stdin.write_all(server.as_bytes()).await;
    }
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(ANSWER_BYTES_MAX).read_to_end(&mut output).await?;
    }
    Ok((child.wait().await?.success(), output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(script: &str, expected: &str) {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let said = match ask_within(Duration::from_secs(20), "x", command, "hub.example") {
            Ok(Some(RegistryCredentials::Basic { user, secret })) => format!("{user}:{secret}"),
            Ok(Some(other)) => format!("{other:?}"),
            Ok(None) => "nobody".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(said, expected, "{script}");
    }

    #[test]
    fn helpers_answer_or_are_told_of() {
        check(r#"read server; echo "{\"Username\":\"ada\",\"Secret\":\"of $server\"}""#, "ada:of hub.example");
        check(r#"echo '{"Username":"<token>","Secret":"x"}'"#, "Identity(redacted)");
        check(r#"echo '{"Username":"ada","Secret":""}'"#, "nobody");
        check("echo credentials not found in native keychain; exit 1", "nobody");
        check("echo locked; exit 1", "the credential helper `docker-credential-x` failed");
        check("echo locked", "the credential helper `docker-credential-x` answered in a form that is not understood");
    }

    #[test]
    fn one_that_is_silent_is_stopped() {
        let mut command = Command::new("sh");
        command.args(["-c", "exec sleep 1000"]);
        let error = ask_within(Duration::from_millis(50), "x", command, "hub.example").unwrap_err();
        assert_eq!(error.to_string(), "the credential helper `docker-credential-x` did not answer within 0.05 s");
    }

    #[test]
    fn what_is_run_is_a_program_of_the_path() {
        for (name, told) in
            [("../x", "has no name that a program can have"), ("no-such-helper", "is not on this machine")]
        {
            let error = ask(name, "hub.example").unwrap_err();
            assert_eq!(error.to_string(), format!("the credential helper `docker-credential-{name}` {told}"));
        }
    }
}

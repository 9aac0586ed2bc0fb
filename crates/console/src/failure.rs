//! Failures as pages.

use api::{Failure, Surface};
use askama::Template;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

use crate::frame::{Frame, Section, Viewer, answer, redirect};
use crate::href;
use crate::words::foreign;

/// The longest message on a page; the API has it whole.
const MESSAGE_BYTES_MAX: usize = 1_000;

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage {
    frame: Frame,
    heading: &'static str,
    message: String,
    hint: Option<String>,
    /// The command that helps.
    command: Option<String>,
    code: &'static str,
    status: u16,
}

/// Renders a failure of a page, in the words of the API and with no more than it tells. Who is not logged in is sent to the
/// login page.
pub fn render_failure(failure: &Failure) -> Response {
    if failure.status == StatusCode::UNAUTHORIZED && !is_credential_refused(failure) {
        let next = failure.detail.get("next").and_then(|next| next.as_str()).unwrap_or("/");
        return redirect(&href::login(next)).unwrap_or_else(|_| failure.render(Surface::Page));
    }
    let heading = heading(failure);
    let message = foreign(&failure.message, MESSAGE_BYTES_MAX);
    let hint = failure.hint.as_deref().map(|hint| foreign(hint, MESSAGE_BYTES_MAX));
    // The API's line ends with the command; on a page it stands by itself.
    let (message, from_message) = split_command(&message);
    let (hint, from_hint) = hint.as_deref().map_or((None, None), |hint| {
        let (hint, command) = split_command(hint);
        (Some(hint), command)
    });
    let command = from_message.or(from_hint).map(ToOwned::to_owned);
    let page = FailurePage {
        frame: Frame::bare(heading),
        heading,
        message: sentence(message),
        hint: hint.map(sentence),
        command,
        code: failure.code,
        status: failure.status.as_u16(),
    };
    let Ok(mut response) = answer(failure.status, &page) else { return failure.render(Surface::Page) };
    for (name, value) in &failure.headers {
        // A challenge would make the browser ask for a password in a window of its own.
        if *name != header::WWW_AUTHENTICATE {
            response.headers_mut().append(name, HeaderValue::clone(value));
        }
    }
    response
}

/// Credentials in a header were wrong: no page asked for them, so no login page helps.
fn is_credential_refused(failure: &Failure) -> bool {
    failure.headers.iter().any(|(name, value)| {
        *name == header::WWW_AUTHENTICATE && value.to_str().is_ok_and(|text| text.contains("error="))
    })
}

fn heading(failure: &Failure) -> &'static str {
    match failure.status.as_u16() {
        400 => "The request is not understood",
        401 => "The credentials are refused",
        403 => "Not allowed",
        404 => "Not found",
        429 => "Too many attempts",
        503 => "Not available right now",
        _ => "The hub failed to answer",
    }
}

/// Takes the command off the end of a line.
fn split_command(line: &str) -> (&str, Option<&str>) {
    match line.find(": garrison ") {
        Some(at) => (line[..at].trim_end_matches("; grant it"), Some(&line[at + 2..])),
        None => (line, None),
    }
}

/// Makes a sentence of a message. What begins with a name keeps its letters.
pub(crate) fn sentence(message: &str) -> String {
    let word = message.split(' ').next().unwrap_or_default();
    let is_word = word.bytes().all(|byte| byte.is_ascii_alphabetic());
    let mut characters = message.chars();
    let first: String = characters.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if message.ends_with('.') { "" } else { "." };
    if is_word { format!("{first}{}{end}", characters.as_str()) } else { format!("{message}{end}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_sentence_and_a_command() {
        for (line, message, command) in [
            ("no such tag", "No such tag.", None),
            ("team/api is not here", "team/api is not here.", None),
            ("`team/api` is not here", "`team/api` is not here.", None),
            (
                "no role here; grant it: garrison project grant a b c",
                "No role here.",
                Some("garrison project grant a b c"),
            ),
            ("", ".", None),
        ] {
            let (text, found) = split_command(line);
            assert_eq!((sentence(text).as_str(), found), (message, command));
        }
    }
}

//! What all pages share: the rail, the search field, and the headers.

use api::{Call, Failure};
use askama::Template;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

use crate::assets::{ICON, SCRIPT, STYLE};

/// What a page may load and do: its own style sheet, script and icon, pages of this hub while one types, and forms to it.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Bytes of the largest page: on a slow line still there in a second.
pub const PAGE_BYTES_MAX: usize = 150_000;

/// Rows of the longest table of a page. With the longest names and digests a row is two kilobytes.
pub(crate) const ROWS_MAX: u64 = 40;

/// The part of the rail that a page belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Overview,
    Images,
    Components,
    Findings,
    Elsewhere,
}

/// Who looks at a page.
pub(crate) enum Viewer {
    /// Somebody with an account.
    Account { name: String, by_session: bool },
    /// Somebody without.
    Nobody,
    /// A page about a failure, which does not know.
    Unknown,
}

/// What the frame shows around a page.
pub(crate) struct Frame {
    pub(crate) title: String,
    pub(crate) section: Section,
    pub(crate) viewer: Viewer,
    /// Commands that give the same answer.
    pub(crate) commands: Vec<String>,
    /// What is in the search field.
    pub(crate) query: String,
    /// Where a login goes on to.
    pub(crate) login: String,
    pub(crate) style: String,
    pub(crate) script: String,
    pub(crate) icon: String,
}

impl Frame {
    /// Makes the frame of a page that nobody in particular looks at.
    pub(crate) fn bare(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            section: Section::Elsewhere,
            viewer: Viewer::Unknown,
            commands: Vec::new(),
            query: String::new(),
            login: "/login".to_owned(),
            style: STYLE.href(),
            script: SCRIPT.href(),
            icon: ICON.href(),
        }
    }

    /// Makes the frame of a page for the caller.
    pub(crate) fn new(call: &Call, section: Section, title: impl Into<String>) -> Self {
        let viewer = match call.caller.subject().name() {
            Some(name) => Viewer::Account { name: name.to_owned(), by_session: call.caller.is_by_cookie() },
            None => Viewer::Nobody,
        };
        let here = call.head.uri.path_and_query().map_or("/", |path| path.as_str());
        Self { section, viewer, login: crate::href::login(here), ..Self::bare(title) }
    }

    /// Adds a command that gives the same answer.
    pub(crate) fn command(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }

    pub(crate) fn is(&self, section: Section) -> bool {
        self.section == section
    }
}

/// Renders a page.
pub(crate) fn answer(status: StatusCode, page: &impl Template) -> Result<Response, Failure> {
    let text = page.render().map_err(Failure::internal)?;
    debug_assert!(text.len() <= PAGE_BYTES_MAX, "a page has {} bytes", text.len());
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Not `no-referrer`: with it a browser's form says that it comes from nowhere.
        (header::REFERRER_POLICY, "same-origin"),
        // What one account saw must not be shown to the next one at the same browser.
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    Ok(response)
}

/// Sends the browser on with a `GET`.
pub(crate) fn redirect(target: &str) -> Result<Response, Failure> {
    Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(header::LOCATION, target)
        .header(header::CACHE_CONTROL, "no-store")
        .body(Body::empty())
        .map_err(Failure::internal)
}

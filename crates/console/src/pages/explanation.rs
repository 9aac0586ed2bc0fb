//! Why a vulnerability is found in an image, or why not.

use api::{Call, Failure};
use askama::Template;
use axum::response::Response;
use findings::{Answer, ExplanationWords, explanation_words};
use http::StatusCode;
use oci::{Digest, RepositoryName};

use crate::frame::{Frame, Section, Viewer, answer};
use crate::href;
use crate::words::{Hash, Piece, foreign, pieces, shell_word};

const LINE_BYTES_MAX: usize = 400;
/// The longest name of a vulnerability that is shown.
const NAME_BYTES_MAX: usize = 100;
/// Parts that are shown: one a record and version that is here.
const PARTS_MAX: usize = 24;

/// What the form asks for.
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) reference: String,
    pub(crate) vulnerability: String,
}

impl Asked {
    pub(crate) fn of(name: &RepositoryName, image: Digest, vulnerability: &str) -> Self {
        Self {
            name: name.to_string(),
            reference: image.to_string(),
            vulnerability: foreign(vulnerability, NAME_BYTES_MAX),
        }
    }
}

#[derive(Template)]
#[template(path = "explanation.html")]
struct ExplanationPage {
    frame: Frame,
    name: String,
    reference: String,
    image_href: String,
    findings_href: String,
    vulnerability: String,
    vulnerability_href: Option<String>,
    answer: Vec<Piece>,
    parts: Vec<Vec<(String, Vec<Piece>)>>,
    more: usize,
    asked: Asked,
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let explanation = call.named_explanation().await?;
    let (name, image) = call.named_image().await?;
    let (host, _) = super::image::host(&call);
    let vulnerability = foreign(&explanation.asked, NAME_BYTES_MAX);
    let source = shell_word(&format!("{host}/{name}@{image}"));
    let command = format!("garrison scan --explain {} {source}", shell_word(&vulnerability));
    let ExplanationWords { answer: sentence, parts } = explanation_words(&explanation);
    let line = |(title, words): (&str, String)| (title.to_owned(), pieces(&foreign(&words, LINE_BYTES_MAX)));
    let is_known = explanation.answer != Answer::Unknown;
    let page = ExplanationPage {
        frame: Frame::new(&call, Section::Images, format!("{vulnerability} in {name}")).command(command),
        reference: Hash(image).short(),
        image_href: href::image(&name, image),
        findings_href: href::image_findings(&name, image),
        vulnerability_href: explanation.vulnerabilities.first().map(|name| href::vulnerability(name)),
        asked: Asked::of(&name, image, &vulnerability),
        answer: pieces(&foreign(&sentence, LINE_BYTES_MAX)),
        more: parts.len().saturating_sub(PARTS_MAX),
        parts: parts.into_iter().take(PARTS_MAX).map(|part| part.into_iter().map(line).collect()).collect(),
        name: name.to_string(),
        vulnerability,
    };
    answer(if is_known { StatusCode::OK } else { StatusCode::NOT_FOUND }, &page)
}

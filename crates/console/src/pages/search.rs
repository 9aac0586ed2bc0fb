//! Search among what the caller may see: repositories by a part of their name, tags and digests exactly.

use api::{Call, Failure};
use askama::Template;
use axum::response::Response;
use http::StatusCode;
use oci::{Digest, Reference, RepositoryName, Tag};
use registry::Registry;

use crate::frame::{Frame, Section, Viewer, answer};
use crate::words::{Hash, foreign, plural};
use crate::{href, reach};

/// The longest question: a whole name with a SHA-512 digest, and some room.
const QUERY_CHARS_MAX: usize = 512;
/// Repositories whose names are looked at.
const NAMES_MAX: usize = 500;
/// Repositories that are asked for a tag or digest: each is one look into the database.
const ASKED_MAX: usize = 100;
/// Answers on the page.
const HITS_MAX: usize = 40;

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    frame: Frame,
    query: String,
    counted: String,
    hits: Vec<Hit>,
    /// What was not looked at.
    limits: Option<String>,
}

struct Hit {
    href: String,
    what: &'static str,
    name: String,
    digest: Option<Hash>,
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Question<'a> {
    /// A part of a repository's name.
    name: Option<&'a str>,
    /// A tag or digest in a repository of that whole name, or in any.
    reference: Option<Reference>,
    is_whole_name: bool,
}

impl<'a> Question<'a> {
    fn parse(text: &'a str) -> Self {
        // A pasted address begins with a scheme, a reference with the hub's own host.
        let text = text.trim();
        let text =
            ["https://", "http://", "docker://"].iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text);
        let text = match text.split_once('/') {
            Some((host, rest)) if host.contains(':') && !rest.is_empty() => rest,
            _ => text,
        };
        if let Ok(digest) = text.parse::<Digest>() {
            return Self { name: None, reference: Some(Reference::Digest(digest)), is_whole_name: false };
        }
        if let Some((name, digest)) = text.split_once('@')
            && let Ok(digest) = digest.parse::<Digest>()
        {
            let name = name.split(':').next();
            return Self { name, reference: Some(Reference::Digest(digest)), is_whole_name: true };
        }
        if let Some((name, tag)) = text.rsplit_once(':')
            && let Ok(tag) = tag.parse::<Tag>()
            && !name.is_empty()
        {
            return Self { name: Some(name), reference: Some(Reference::Tag(tag)), is_whole_name: true };
        }
        if let Ok(digest) = format!("sha256:{text}").parse::<Digest>() {
            return Self { name: None, reference: Some(Reference::Digest(digest)), is_whole_name: false };
        }
        Self { name: Some(text), reference: text.parse::<Tag>().ok().map(Reference::Tag), is_whole_name: false }
    }
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let query = call.target.query("q").unwrap_or_default().trim();
    if query.chars().count() > QUERY_CHARS_MAX {
        let message = format!("the question is longer than the limit of {QUERY_CHARS_MAX} characters");
        return Err(Failure::bad_request("PARAMETER_INVALID", message));
    }
    let (hits, limits) =
        if query.is_empty() { (Vec::new(), None) } else { find(&call, &query.to_ascii_lowercase(), query).await? };
    let mut frame = Frame::new(
        &call,
        Section::Elsewhere,
        if query.is_empty() { "Search".to_owned() } else { format!("Search: {}", foreign(query, 60)) },
    );
    frame.query = foreign(query, QUERY_CHARS_MAX);
    let page = SearchPage {
        frame: match hits.first() {
            Some(Hit { what: "repository", .. }) | None => frame.command("garrison repo list"),
            Some(hit) => frame.command(format!("garrison repo show {}", hit.name)),
        },
        counted: plural(crate::words::count(hits.len()), "answer"),
        query: foreign(query, 100),
        hits,
        limits,
    };
    answer(StatusCode::OK, &page)
}

async fn find(call: &Call, lower: &str, query: &str) -> Result<(Vec<Hit>, Option<String>), Failure> {
    // Names are of lower case; tags are not.
    let question = Question::parse(query);
    let reach = reach::visible(call, NAMES_MAX).await?;
    let names = reach.repositories.iter().map(|repository| &repository.name);
    let registry = call.app.registry();
    let mut hits = Vec::new();
    let mut is_cut = reach.is_cut;
    if let (false, Some(_)) = (question.is_whole_name, question.name) {
        let wanted = Question::parse(lower).name.unwrap_or_default().to_owned();
        let mut found: Vec<&RepositoryName> = names.clone().filter(|name| name.as_str().contains(&wanted)).collect();
        // A name that ends with the word is more likely meant than one that holds it somewhere.
        found.sort_by_key(|name| (!name.as_str().ends_with(&wanted), name.as_str().len()));
        hits.extend(found.into_iter().take(HITS_MAX).map(|name| Hit {
            href: href::repository(name),
            what: "repository",
            name: name.to_string(),
            digest: None,
        }));
    }
    if let Some(reference) = &question.reference {
        let asked: Vec<RepositoryName> = match question.name.filter(|_| question.is_whole_name) {
            Some(wanted) => named(call, wanted).await?.into_iter().collect(),
            None => names.cloned().collect(),
        };
        is_cut |= asked.len() > ASKED_MAX;
        for name in asked.iter().take(ASKED_MAX) {
            if hits.len() == HITS_MAX {
                break;
            }
            hits.extend(find_in(registry, name, reference).await?);
        }
    }
    let limits = is_cut.then(|| {
        format!(
            "Searched: the names of the first {NAMES_MAX} repositories in order, and the tags and digests of the first {ASKED_MAX}. \
             `NAME:TAG` and a project's page reach the others."
        )
    });
    Ok((hits, limits))
}

/// Returns the repository of exactly this name, if the caller may see it.
async fn named(call: &Call, text: &str) -> Result<Option<RepositoryName>, Failure> {
    let Ok(name) = text.to_ascii_lowercase().parse::<RepositoryName>().and_then(RepositoryName::qualified) else {
        return Ok(None);
    };
    let (found, _) = call.visible_repositories(Some(name.project()), &just_before(name.as_str()), 1).await?;
    Ok(found.into_iter().map(|repository| repository.name).find(|found| *found == name))
}

/// Returns a text with no name between it and `name`: names hold no character as high as the one at its end.
fn just_before(name: &str) -> String {
    let mut characters: Vec<char> = name.chars().collect();
    let last = characters.pop().and_then(|last| char::from_u32(u32::from(last).saturating_sub(1)));
    characters.extend(last);
    characters.push('\u{7f}');
    characters.into_iter().collect()
}

async fn find_in(registry: &Registry, name: &RepositoryName, reference: &Reference) -> Result<Option<Hit>, Failure> {
    let entry = match registry.find_manifest(name, reference).await {
        Ok(entry) => entry,
        Err(registry::Error::ManifestUnknown { .. } | registry::Error::NameUnknown(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let (what, separator) = match reference {
        Reference::Tag(_) => ("tag", ':'),
        Reference::Digest(_) => ("digest", '@'),
    };
    Ok(Some(Hit {
        href: href::image(name, reference),
        what,
        name: format!("{name}{separator}{reference}"),
        digest: Some(Hash(entry.digest)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_after_just_before_a_name_begins_with_it() {
        for (before, name, after) in
            [("team/aph", "team/api", "team/api-2"), ("a/-", "a/0", "a/00"), ("a/z9", "a/za", "a/zb")]
        {
            let just = just_before(name);
            assert!(before < just.as_str() && just.as_str() < name && name < after, "{name}");
        }
    }

    #[test]
    fn a_question_is_a_part_of_a_name_a_tag_or_a_digest() {
        let hex = "9f".repeat(32);
        let digest =
            || Some(Reference::Digest(format!("sha256:{hex}").parse().unwrap_or_else(|error| panic!("{error}"))));
        let tag = |text: &str| Some(Reference::Tag(text.parse().unwrap_or_else(|error| panic!("{error}"))));
        for (text, name, reference, is_whole_name) in [
            ("api".to_owned(), Some("api"), tag("api"), false),
            (" team/api ".to_owned(), Some("team/api"), None, false),
            ("team/api:1.4".to_owned(), Some("team/api"), tag("1.4"), true),
            ("hub:5000/team/api:1.4".to_owned(), Some("team/api"), tag("1.4"), true),
            ("docker://hub:5000/team/api".to_owned(), Some("team/api"), None, false),
            (format!("sha256:{hex}"), None, digest(), false),
            (hex.clone(), None, digest(), false),
            (format!("team/api@sha256:{hex}"), Some("team/api"), digest(), true),
            (format!("team/api:1.4@sha256:{hex}"), Some("team/api"), digest(), true),
            ("<script>".to_owned(), Some("<script>"), None, false),
        ] {
            assert_eq!(Question::parse(&text), Question { name, reference, is_whole_name }, "{text}");
        }
    }
}

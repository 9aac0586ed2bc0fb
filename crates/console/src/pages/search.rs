//! Search among what the caller may see: repositories by a part of their name, tags and digests exactly. Each page looks at
//! so many repositories and says where the next one goes on, so that a question costs the same on a hub of any size.

use api::{Call, Failure, PageParameters};
use askama::Template;
use axum::response::Response;
use http::StatusCode;
use oci::{Digest, Reference, RepositoryName, Tag};
use pipeline::{Recorded, Tagged};
use registry::Registry;

use crate::frame::{Frame, Section, Viewer, answer};
use crate::href;
use crate::pages::vulnerability::unheard_of;
use crate::words::{Hash, foreign, plural, shell_word};

/// The longest question: a whole name with a SHA-512 digest, and some room.
const QUERY_CHARS_MAX: usize = 512;
/// Repositories whose names are looked at for one page: a few milliseconds of the database.
const NAMES_MAX: u64 = 5_000;
/// Repositories that are asked for a tag or digest for one page: each is one look into the database.
const ASKED_MAX: u64 = 100;
/// The longest name of a component and its version.
const NAME_CHARS_MAX: usize = 200;
/// Answers on a page.
const HITS_MAX: usize = 40;
/// Components of the name that are told; all images that hold one are on a page of their own.
const COMPONENTS_MAX: usize = 8;
/// Places that are looked at for them.
const PLACES_MAX: usize = 64;
/// Names that begin with the question and lie behind what was looked at.
const BEGINNINGS_MAX: u64 = 8;

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    frame: Frame,
    query: String,
    counted: String,
    hits: Vec<Hit>,
    first: String,
    is_first_page: bool,
    next: Option<String>,
    /// What was not looked at.
    limits: Option<String>,
    /// All images that hold a component of this name, where there is one.
    components: Option<String>,
    /// What is told of a vulnerability that nobody here knows.
    unheard_of: Option<String>,
}

struct Hit {
    href: String,
    what: &'static str,
    name: String,
    digest: Option<Hash>,
}

/// What was found for a page.
#[derive(Default)]
struct Found {
    hits: Vec<Hit>,
    /// The name after which the next page begins.
    next: Option<String>,
    limits: Option<String>,
    /// Whether components are among the hits.
    has_components: bool,
    unheard_of: Option<String>,
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
    let after = PageParameters::of(&call.target)?.after.unwrap_or_default();
    let found = if query.is_empty() { Found::default() } else { find(&call, query, &after).await? };
    let mut frame = Frame::new(
        &call,
        Section::Elsewhere,
        if query.is_empty() { "Search".to_owned() } else { format!("Search: {}", foreign(query, 60)) },
    );
    frame.query = foreign(query, QUERY_CHARS_MAX);
    let first = format!("/search?q={}", href::escaped(query));
    let page = SearchPage {
        frame: match found.hits.first() {
            Some(Hit { what: "vulnerability" | "component", .. }) => {
                frame.command(format!("garrison find {}", shell_word(&foreign(query, QUERY_CHARS_MAX))))
            }
            None if found.unheard_of.is_some() => {
                frame.command(format!("garrison find {}", shell_word(&foreign(query, QUERY_CHARS_MAX))))
            }
            Some(Hit { what: "repository", .. }) | None => frame.command("garrison repo list"),
            Some(hit) => frame.command(format!("garrison repo show {}", hit.name)),
        },
        counted: plural(crate::words::count(found.hits.len()), "answer"),
        query: foreign(query, 100),
        hits: found.hits,
        next: found.next.map(|next| format!("{first}&after={}", href::escaped(&next))),
        first,
        is_first_page: after.is_empty(),
        limits: found.limits,
        components: found.has_components.then(|| href::places(query, "")),
        unheard_of: found.unheard_of,
    };
    answer(StatusCode::OK, &page)
}

async fn find(call: &Call, query: &str, after: &str) -> Result<Found, Failure> {
    if call.app.pipeline().is_vulnerability(query).await? {
        return vulnerability(call, query).await;
    }
    let components = if after.is_empty() { components(call, query).await? } else { Vec::new() };
    let mut found = find_named(call, query, after).await?;
    found.has_components = !components.is_empty();
    found.hits.extend(components);
    Ok(found)
}

/// Finds a vulnerability that an advisory speaks of, or an image is known to have.
async fn vulnerability(call: &Call, query: &str) -> Result<Found, Failure> {
    let (asked, readable) = (pipeline::Query::vulnerability(query)?, call.readable().await?);
    let found = call.app.pipeline().find(&asked, (&readable, Tagged::Any), None, 1).await?;
    let is_known = found.recorded == Some(Recorded::Present) || !found.items.is_empty() || found.not_counted.is_some();
    if !is_known {
        let unheard_of = Some(unheard_of(found.recorded).to_owned());
        return Ok(Found { unheard_of, ..Found::default() });
    }
    let hit = Hit { href: href::vulnerability(query), what: "vulnerability", name: foreign(query, 200), digest: None };
    Ok(Found { hits: vec![hit], ..Found::default() })
}

/// Finds the first components of a name or purl in images that the caller may pull.
async fn components(call: &Call, query: &str) -> Result<Vec<Hit>, Failure> {
    let Ok(asked) = pipeline::Query::parse(query, None) else { return Ok(Vec::new()) };
    let readable = call.readable().await?;
    let found = call.app.pipeline().find(&asked, (&readable, Tagged::Any), None, PLACES_MAX).await?;
    let mut hits: Vec<Hit> = Vec::new();
    for one in found.items {
        let name = foreign(format!("{} {}", one.name, one.version).trim_end(), NAME_CHARS_MAX);
        // They come by component.
        if hits.last().is_none_or(|last| last.name != name) {
            let href = href::places(&one.identity, "");
            hits.push(Hit { href, what: "component", name, digest: None });
        }
    }
    hits.truncate(COMPONENTS_MAX);
    Ok(hits)
}

/// Finds repositories, tags and digests.
async fn find_named(call: &Call, query: &str, after: &str) -> Result<Found, Failure> {
    let question = Question::parse(query);
    match (question.name, question.reference) {
        (Some(name), Some(reference)) if question.is_whole_name => {
            let named = named(call, name).await?;
            let hits = find_in(call.app.registry(), named.as_slice(), &reference).await?;
            Ok(Found { hits, ..Found::default() })
        }
        (Some(name), tag) => find_names(call, name, tag.as_ref(), after).await,
        (None, Some(reference)) => find_everywhere(call, &reference, after).await,
        (None, None) => Ok(Found::default()),
    }
}

/// Finds repositories by a part of their name, a page after another; on the first page also the tag in the first of them.
async fn find_names(call: &Call, part: &str, tag: Option<&Reference>, after: &str) -> Result<Found, Failure> {
    // Names are of lower case; tags are not.
    let part = part.to_ascii_lowercase();
    let (repositories, more) = call.visible_repositories(None, after, NAMES_MAX).await?;
    let names: Vec<RepositoryName> = repositories.into_iter().map(|repository| repository.name).collect();
    let mut matching = names.iter().filter(|name| name.as_str().contains(&part));
    let mut hits: Vec<Hit> = matching.by_ref().take(HITS_MAX).map(repository).collect();
    let next = match (hits.last(), matching.next()) {
        (Some(last), Some(_)) => Some(last.name.clone()),
        _ => names.last().filter(|_| more).map(ToString::to_string),
    };
    let mut limits = None;
    if after.is_empty() {
        if let Some(last) = names.last().filter(|_| more && hits.len() < HITS_MAX) {
            let (beginning, _) = call.visible_repositories(None, &just_before(&part), BEGINNINGS_MAX).await?;
            let beginning = beginning.into_iter().map(|repository| repository.name);
            hits.extend(
                beginning
                    .filter(|name| name.as_str() > last.as_str() && name.as_str().starts_with(&part))
                    .map(|name| repository(&name)),
            );
        }
        if let Some(tag) = tag {
            let asked = names.len().min(usize::try_from(ASKED_MAX).unwrap_or(usize::MAX));
            hits.extend(find_in(call.app.registry(), &names[..asked], tag).await?);
            limits = (names.len() > asked)
                .then(|| format!("The tag was looked for in the first {ASKED_MAX} repositories; `NAME:TAG` asks one."));
        }
        hits.truncate(HITS_MAX);
    }
    Ok(Found { hits, next, limits, ..Found::default() })
}

/// Finds the repositories that hold a digest, a page after another.
async fn find_everywhere(call: &Call, reference: &Reference, after: &str) -> Result<Found, Failure> {
    let (repositories, more) = call.visible_repositories(None, after, ASKED_MAX).await?;
    let names: Vec<RepositoryName> = repositories.into_iter().map(|repository| repository.name).collect();
    let hits = find_in(call.app.registry(), &names, reference).await?;
    let next = names.last().filter(|_| more).map(ToString::to_string);
    let limits = next.as_ref().map(|next| {
        format!("Each page asks {ASKED_MAX} repositories; this one ends with {next}. `NAME@DIGEST` asks one.")
    });
    Ok(Found { hits, next, limits, ..Found::default() })
}

fn repository(name: &RepositoryName) -> Hit {
    Hit { href: href::repository(name), what: "repository", name: name.to_string(), digest: None }
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

/// Asks repositories for a tag or digest, until there are enough answers.
async fn find_in(registry: &Registry, names: &[RepositoryName], reference: &Reference) -> Result<Vec<Hit>, Failure> {
    let (what, separator) = match reference {
        Reference::Tag(_) => ("tag", ':'),
        Reference::Digest(_) => ("digest", '@'),
    };
    let mut hits = Vec::new();
    for name in names {
        match registry.find_manifest(name, reference).await {
            Ok(entry) => hits.push(Hit {
                href: href::image(name, reference),
                what,
                name: format!("{name}{separator}{reference}"),
                digest: Some(Hash(entry.digest)),
            }),
            Err(registry::Error::ManifestUnknown { .. } | registry::Error::NameUnknown(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(hits)
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

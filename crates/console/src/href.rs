//! Addresses of pages. Names, tags and digests hold no character that an address must escape.

use oci::{Digest, RepositoryName};
use pipeline::{Beside, Tagged};
use url::form_urlencoded::byte_serialize;

/// The longest address to go on to after a login: what browsers send with ease.
const NEXT_BYTES_MAX: usize = 2048;

/// Returns the address of a project's page.
pub(crate) fn project(name: &str) -> String {
    format!("/projects/{name}")
}

/// Returns the address of a repository's page.
pub(crate) fn repository(name: &RepositoryName) -> String {
    format!("/repositories?name={name}")
}

/// Returns the address of an image's page, by tag or digest.
pub(crate) fn image(name: &RepositoryName, reference: impl std::fmt::Display) -> String {
    format!("/image?name={name}&reference={reference}")
}

/// Returns the address of a component's page within an image.
pub(crate) fn component(name: &RepositoryName, image: Digest, key: &str) -> String {
    format!("/image/component?name={name}&reference={image}&component={key}")
}

/// Returns the address of the tree of an image's components.
pub(crate) fn dependencies(name: &RepositoryName, image: Digest) -> String {
    format!("/image/dependencies?name={name}&reference={image}")
}

/// Returns the address of what an SBOM beside an image says otherwise than the hub.
pub(crate) fn differences(name: &RepositoryName, image: Digest, document: &Beside) -> String {
    let Beside { manifest, blob, .. } = document;
    format!("/image/sbom?name={name}&reference={image}&document={manifest}&blob={blob}")
}

/// Returns the address of what is wrong with an image.
pub(crate) fn image_findings(name: &RepositoryName, image: Digest) -> String {
    format!("/image/findings?name={name}&reference={image}")
}

/// Returns the address of what does not count of that, with who says so and why.
pub(crate) fn suppressed_findings(name: &RepositoryName, image: Digest) -> String {
    format!("{}&suppressed=yes", image_findings(name, image))
}

/// Returns the address of why a vulnerability is found in an image, or why not.
pub(crate) fn explanation(name: &RepositoryName, image: Digest, vulnerability: &str) -> String {
    format!("/image/explanation?name={name}&reference={image}&vulnerability={}", escaped(vulnerability))
}

/// Returns the address of a vulnerability's page.
pub(crate) fn vulnerability(name: &str) -> String {
    format!("/vulnerability?id={}", escaped(name))
}

/// Returns the address of a vulnerability's page with the images that are tagged or not.
pub(crate) fn vulnerability_in(name: &str, tagged: Tagged) -> String {
    vulnerability(name) + of_tagged(tagged)
}

/// Returns the address of a list of all places where a component is.
pub(crate) fn places(pattern: &str, range: &str) -> String {
    places_in(pattern, range, Tagged::Any)
}

/// Returns the address of a list of places where a component is, in images that are tagged or not.
pub(crate) fn places_in(pattern: &str, range: &str, tagged: Tagged) -> String {
    let range = if range.is_empty() { String::new() } else { format!("&range={}", escaped(range)) };
    format!("/components?query={}{range}{}", escaped(pattern), of_tagged(tagged))
}

/// Returns the parameter by which pages that look in all images otherwise look in those that are tagged, or in the others.
fn of_tagged(tagged: Tagged) -> &'static str {
    match tagged {
        Tagged::Any => "",
        Tagged::Yes => "&tagged=yes",
        Tagged::No => "&tagged=no",
    }
}

/// Returns the address of the login page that goes on to `next`.
pub(crate) fn login(next: &str) -> String {
    match local(next) {
        "/" => "/login".to_owned(),
        next => format!("/login?next={}", escaped(next)),
    }
}

/// Escapes a value for a query.
pub(crate) fn escaped(value: &str) -> String {
    byte_serialize(value.as_bytes()).collect()
}

/// Returns `next` if it is a path of this hub and of no other, else `/`. Browsers take `//host`, and `\` for `/`.
pub(crate) fn local(next: &str) -> &str {
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let is_path = next.starts_with('/') && !next.starts_with("//");
    let is_session = ["/login", "/logout"].iter().any(|path| next.split(['?', '#']).next() == Some(path));
    if is_plain && is_path && !is_session && next.len() <= NEXT_BYTES_MAX { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_this_hub_is_gone_on_to() {
        for refused in [
            "",
            "team",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/a\nb",
            "/a b",
            "/\t/evil.example",
            "/é",
            "/login",
            "/login?next=/",
            "/logout",
            " /",
        ] {
            assert_eq!(local(refused), "/", "{refused:?}");
        }
        for taken in
            ["/", "/repositories?name=team/api", "/image?name=team/api&reference=sha256:00", "/projects/team#members"]
        {
            assert_eq!(local(taken), taken);
        }
    }

    #[test]
    fn an_address_to_go_on_to_has_a_longest() {
        let of = |length: usize| format!("/{}", "a".repeat(length - 1));
        for (length, is_taken) in [(NEXT_BYTES_MAX - 1, true), (NEXT_BYTES_MAX, true), (NEXT_BYTES_MAX + 1, false)] {
            assert_eq!(local(&of(length)) == of(length), is_taken, "{length}");
        }
    }

    #[test]
    fn the_next_page_survives_the_login_page() {
        assert_eq!(login("/image?name=a/b&reference=1"), "/login?next=%2Fimage%3Fname%3Da%2Fb%26reference%3D1");
        assert_eq!(login("//evil.example"), "/login");
    }
}

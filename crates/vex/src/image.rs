/// The name of an image, as registries understand it: `alpine:3.20` is `docker.io/library/alpine` with the tag `3.20`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageName {
    /// Registry and path: `docker.io/library/alpine`.
    pub repository: String,
    /// The tag.
    pub tag: Option<String>,
    /// The digest.
    pub digest: Option<String>,
}

/// The names that Docker's own registry goes by.
const DOCKER_HUB: [&str; 4] = ["index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com"];

impl ImageName {
    /// Reads a name; none for what is no name of an image.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(parse_digest(digest)?)),
            None => (text, None),
        };
        let last = name.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match name[last..].find(':') {
            Some(colon) => (&name[..last + colon], Some(&name[last + colon + 1..])),
            None => (name, None),
        };
        let repository = repository(name)?;
        let is_tag = |tag: &str| {
            !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return None;
        }
        Some(Self { repository, tag: tag.map(str::to_owned), digest })
    }

    /// Returns the last part of the repository: `alpine`.
    pub fn last_segment(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }
}

/// Returns registry and path of a repository, written in full; none for what is none.
pub(crate) fn repository(name: &str) -> Option<String> {
    let name = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://")).unwrap_or(name);
    let name = name.trim_end_matches('/').to_ascii_lowercase();
    let is_segment = |segment: &str| {
        !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte))
    };
    if !name.split('/').all(is_segment) {
        return None;
    }
    let (registry, path) = match name.split_once('/') {
        Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => (first, path),
        _ => ("docker.io", &*name),
    };
    let registry = if DOCKER_HUB.contains(&registry) { "docker.io" } else { registry };
    let library = if registry == "docker.io" && !path.contains('/') { "library/" } else { "" };
    Some(format!("{registry}/{library}{path}"))
}

/// Returns a digest of SHA-256 or SHA-512, in lower case; none for what is none.
pub(crate) fn parse_digest(text: &str) -> Option<String> {
    let (algorithm, hex) = text.split_once(':')?;
    let digits = match algorithm {
        "sha256" => 64,
        "sha512" => 128,
        _ => return None,
    };
    (hex.len() == digits && hex.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_in_full() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let table = [
            ("", None),
            ("a b", None),
            ("a@sha256:1", None),
            ("a:b:c", None),
            ("/a", None),
            ("alpine", Some(("docker.io/library/alpine", None))),
            ("alpine:3.20", Some(("docker.io/library/alpine", Some("3.20")))),
            ("index.docker.io/library/alpine", Some(("docker.io/library/alpine", None))),
            ("team/api:1", Some(("docker.io/team/api", Some("1")))),
            ("127.0.0.1:5000/team/api:1.4", Some(("127.0.0.1:5000/team/api", Some("1.4")))),
            ("localhost/api", Some(("localhost/api", None))),
        ];
        for (text, expected) in table {
            let found = ImageName::parse(text);
            let found = found.as_ref().map(|name| (&*name.repository, name.tag.as_deref()));
            assert_eq!(found, expected, "{text}");
        }
        let whole = ImageName::parse(&format!("r.example/a/b:1@{digest}")).unwrap();
        assert_eq!((whole.last_segment(), whole.digest.clone()), ("b", Some(digest)));
    }
}

//! What a word on the command line says of where something is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use oci::{Digest, Reference, RepositoryName, Tag};

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In a registry.
    Registry(ImageReference),
    /// On this machine.
    Local(Local),
}

/// Where on this machine something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Local {
    /// In a directory that is an OCI layout.
    OciLayout(PathBuf, Select),
    /// In a tar of an OCI layout.
    OciArchive(PathBuf, Select),
    /// In a tar as `docker save` writes it.
    DockerArchive(PathBuf, Select),
    /// A directory.
    Directory(PathBuf),
    /// A file.
    File(PathBuf),
    /// A path of which nobody said what is there.
    Path(PathBuf),
    /// Standard input.
    Stream(Select),
}

/// Which image of several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Select {
    /// The only one.
    #[default]
    Any,
    /// The one with this name, or with a name that ends so.
    Name(String),
    /// The one with this digest.
    Digest(Digest),
}

/// An image in a registry: `host[:port]/name[:tag][@digest]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReference {
    /// The registry.
    pub host: String,
    /// The repository.
    pub repository: RepositoryName,
    /// The tag; `latest` where neither a tag nor a digest is given.
    pub tag: Option<Tag>,
    /// The digest, which counts where there is one.
    pub digest: Option<Digest>,
}

/// Why a text names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// There is nothing behind the scheme.
    #[error("`{0}` names nothing")]
    Empty(String),
    /// It is a source that is not read.
    #[error("`{0}` is not read")]
    Unsupported(&'static str),
    /// A reference has no host.
    #[error("`{0}` does not say in which registry")]
    NoHost(String),
    /// A reference is malformed.
    #[error("`{text}` is no reference of an image: {reason}")]
    Reference {
        /// The text.
        text: String,
        /// Why.
        reason: String,
    },
    /// What follows the `@` is no digest.
    #[error("`{text}` is no digest: {reason}")]
    Digest {
        /// The text.
        text: String,
        /// Why.
        reason: String,
    },
}

impl SourceError {
    /// Returns what the user can do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Unsupported("docker:" | "docker-daemon:") => {
                vec!["`docker save IMAGE | garrison sbom -` reads an image of a docker daemon".to_owned()]
            }
            Self::Unsupported("podman:" | "containers-storage:") => {
                vec!["`podman save IMAGE | garrison sbom -` reads an image of podman".to_owned()]
            }
            Self::Unsupported("containerd:") => {
                vec!["`ctr image export - IMAGE | garrison sbom -` reads an image of containerd".to_owned()]
            }
            Self::NoHost(text) => vec![format!("as `docker.io/library/alpine:3.20` or `127.0.0.1:5000/{text}`")],
            _ => Vec::new(),
        }
    }
}

/// The schemes, with what they are for.
const SCHEMES: [(&str, Scheme); 10] = [
    ("registry:", Scheme::Registry),
    ("docker://", Scheme::Registry),
    ("oci:", Scheme::OciLayout),
    ("oci-dir:", Scheme::OciLayout),
    ("oci-archive:", Scheme::OciArchive),
    ("docker-archive:", Scheme::DockerArchive),
    ("dir:", Scheme::Directory),
    ("file:", Scheme::File),
    ("path:", Scheme::Path),
    ("stdin:", Scheme::Stream),
];

const UNSUPPORTED: [&str; 5] = ["docker:", "docker-daemon:", "podman:", "containers-storage:", "containerd:"];

#[derive(Clone, Copy)]
enum Scheme {
    Registry,
    OciLayout,
    OciArchive,
    DockerArchive,
    Directory,
    File,
    Path,
    Stream,
}

impl Source {
    /// Parses a text that says itself what it is, by its scheme or as `-`; `None` for any other, of which the caller has to guess.
    ///
    /// `exists` says whether there is such a path: a path may hold the character behind which an image's name stands.
    pub fn parse(text: &str, exists: impl Fn(&str) -> bool) -> Result<Option<Self>, SourceError> {
        if text == "-" {
            return Ok(Some(Self::Local(Local::Stream(Select::Any))));
        }
        let Some((scheme, rest)) = SCHEMES.iter().find_map(|(name, scheme)| Some((*scheme, text.strip_prefix(name)?)))
        else {
            return match UNSUPPORTED.into_iter().find(|scheme| text.starts_with(scheme)) {
                Some(scheme) => Err(SourceError::Unsupported(scheme)),
                None => Ok(None),
            };
        };
        if rest.is_empty() && !matches!(scheme, Scheme::Stream) {
            return Err(SourceError::Empty(text.to_owned()));
        }
        let selected = || split(rest, &exists);
        Ok(Some(Self::Local(match scheme {
            Scheme::Registry => return Ok(Some(Self::Registry(rest.parse()?))),
            Scheme::OciLayout => selected().map(|(path, select)| Local::OciLayout(path, select))?,
            Scheme::OciArchive => selected().map(|(path, select)| Local::OciArchive(path, select))?,
            Scheme::DockerArchive => selected().map(|(path, select)| Local::DockerArchive(path, select))?,
            Scheme::Directory => Local::Directory(rest.into()),
            Scheme::File => Local::File(rest.into()),
            Scheme::Path => Local::Path(rest.into()),
            Scheme::Stream => Local::Stream(Select::parse(rest)?),
        })))
    }
}

/// Parts a path from the name or digest of an image behind it.
fn split(text: &str, exists: impl Fn(&str) -> bool) -> Result<(PathBuf, Select), SourceError> {
    if exists(text) {
        return Ok((text.into(), Select::Any));
    }
    if let Some(at) = text.find('@') {
        return Ok((text[..at].into(), Select::parse(&text[at..])?));
    }
    let colons = || text.match_indices(':').map(|(at, _)| at);
    let colon = colons().find(|at| exists(&text[..*at])).or_else(|| colons().next());
    Ok(match colon {
        Some(at) if at + 1 < text.len() => (text[..at].into(), Select::Name(text[at + 1..].to_owned())),
        _ => (text.into(), Select::Any),
    })
}

impl Select {
    /// Reads what names an image of several: `NAME`, `:NAME`, `@DIGEST`, or nothing.
    fn parse(text: &str) -> Result<Self, SourceError> {
        if let Some(digest) = text.strip_prefix('@') {
            let wrong =
                |error: oci::DigestError| SourceError::Digest { text: digest.to_owned(), reason: error.to_string() };
            return Ok(Self::Digest(digest.parse().map_err(wrong)?));
        }
        let name = text.strip_prefix(':').unwrap_or(text);
        Ok(if name.is_empty() { Self::Any } else { Self::Name(name.to_owned()) })
    }
}

impl fmt::Display for Select {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::Name(name) => formatter.write_str(name),
            Self::Digest(digest) => digest.fmt(formatter),
        }
    }
}

impl FromStr for ImageReference {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let wrong = |reason: String| SourceError::Reference { text: text.to_owned(), reason };
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                (name, Some(digest.parse().map_err(|error: oci::DigestError| wrong(error.to_string()))?))
            }
            None => (text, None),
        };
        let Some((host, path)) = name.split_once('/') else { return Err(SourceError::NoHost(text.to_owned())) };
        if !(host.contains(['.', ':']) || host == "localhost") {
            return Err(SourceError::NoHost(text.to_owned()));
        }
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag.parse().map_err(|error: oci::TagError| wrong(error.to_string()))?)),
            None => (path, None),
        };
        let repository: RepositoryName = path.parse().map_err(|error: oci::NameError| wrong(error.to_string()))?;
        let mut reference = Self { host: host.to_owned(), repository, tag, digest };
        if matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io") {
            "docker.io".clone_into(&mut reference.host);
            // Docker's own registry keeps names of one segment there.
            let repository = reference.repository.qualified();
            reference.repository = repository.map_err(|error| wrong(error.to_string()))?;
        }
        Ok(reference)
    }
}

impl ImageReference {
    /// Returns what is asked of the registry.
    pub fn reference(&self) -> Reference {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Reference::Digest(*digest),
            (None, Some(tag)) => Reference::Tag(tag.clone()),
            (None, None) => Reference::Tag("latest".parse().expect("the word is a tag")),
        }
    }

    /// Returns the name without a digest.
    pub fn name(&self) -> String {
        match &self.tag {
            Some(tag) => format!("{}/{}:{tag}", self.host, self.repository),
            None => format!("{}/{}", self.host, self.repository),
        }
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name())?;
        self.digest.map_or(Ok(()), |digest| write!(formatter, "@{digest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let exists = |path: &str| path.starts_with("there") && !path.contains(":1") && !path.contains('@');
        let found = match Source::parse(text, exists) {
            Ok(Some(Source::Local(source))) => format!("{source:?}"),
            Ok(Some(Source::Registry(reference))) => format!("Registry({reference})"),
            Ok(None) => "guess".to_owned(),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_scheme_says_what_is_there() {
        check("-", "Stream(Any)");
        check("stdin:", "Stream(Any)");
        check("stdin:team/rs:2", "Stream(Name(\"team/rs:2\"))");
        check("stdin::2", "Stream(Name(\"2\"))");
        check(&format!("stdin:@sha256:{}", "a".repeat(64)), &format!("Stream(Digest(sha256:{}))", "a".repeat(64)));
        check("stdin:@sha256:00", "error: `sha256:00` is no digest: a sha256 hash is 64 characters, this one is 2");
        check("dir:/a:b", "Directory(\"/a:b\")");
        check("file:a", "File(\"a\")");
        check("oci:there", "OciLayout(\"there\", Any)");
        check("oci:there:1", "OciLayout(\"there\", Name(\"1\"))");
        check("oci:there:b:1", "OciLayout(\"there\", Name(\"b:1\"))");
        check("oci-archive:absent:b:1", "OciArchive(\"absent\", Name(\"b:1\"))");
        check("docker-archive:there.tar:api:1", "DockerArchive(\"there.tar\", Name(\"api:1\"))");
        let digest = format!("sha256:{}", "a".repeat(64));
        check(&format!("oci:there@{digest}"), &format!("OciLayout(\"there\", Digest({digest}))"));
        check("oci:there@sha256:00", "error: `sha256:00` is no digest: a sha256 hash is 64 characters, this one is 2");
    }

    #[test]
    fn what_has_no_scheme_is_guessed() {
        for text in ["", "alpine:3.20", "docker.io/library/alpine", "./dir:x", "ocix:y", "/"] {
            check(text, "guess");
        }
    }

    #[test]
    fn what_is_not_read_says_so() {
        check("docker:alpine", "error: `docker:` is not read");
        check("docker-daemon:alpine", "error: `docker-daemon:` is not read");
        check("podman:alpine", "error: `podman:` is not read");
        check("containerd:alpine", "error: `containerd:` is not read");
        check("dir:", "error: `dir:` names nothing");
        check("registry:alpine", "error: `alpine` does not say in which registry");
        for scheme in UNSUPPORTED {
            assert!(!SourceError::Unsupported(scheme).hints().is_empty(), "{scheme}");
        }
    }

    #[test]
    fn references_are_of_a_registry() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let table = [
            ("hub.example/team/api:1.4", "hub.example/team/api:1.4 asks 1.4"),
            ("hub.example/team/api", "hub.example/team/api asks latest"),
            ("localhost:5000/api:1", "localhost:5000/api:1 asks 1"),
            ("docker.io/alpine:3", "docker.io/library/alpine:3 asks 3"),
            ("index.docker.io/a/b:3", "docker.io/a/b:3 asks 3"),
            ("team/api:1", "error: `team/api:1` does not say in which registry"),
            ("alpine", "error: `alpine` does not say in which registry"),
            (
                "hub.example/Team/api",
                "error: `hub.example/Team/api` is no reference of an image: a repository name holds only `a-z`, `0-9`, `.`, `_`, `-` and `/`",
            ),
            (
                "hub.example/api:-",
                "error: `hub.example/api:-` is no reference of an image: a tag begins with a letter, a digit or `_`",
            ),
        ];
        for (text, expected) in table {
            let found = match text.parse::<ImageReference>() {
                Ok(reference) => format!("{reference} asks {}", reference.reference()),
                Err(error) => format!("error: {error}"),
            };
            assert_eq!(found, expected, "{text}");
        }
        let both: ImageReference = format!("hub.example/api:1@{digest}").parse().unwrap();
        assert_eq!((both.name().as_str(), both.reference().to_string()), ("hub.example/api:1", digest));
    }
}

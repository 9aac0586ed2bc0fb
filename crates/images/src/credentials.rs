//! Who the user is to a registry, as `docker login` and `podman login` keep it.
//!
//! Formats: Docker's `config.json`, and containers-auth.json(5).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci::RepositoryName;
use outbound::RegistryCredentials;
use serde::Deserialize;

use crate::beneath;

mod helper;

pub use helper::{HELPER_TIME_MAX, parse_helper_answer};

/// The largest file of credentials: an entry takes some hundred bytes.
pub const CREDENTIAL_FILE_BYTES_MAX: u64 = 4 << 20;

/// What Docker's own registry is called by those who keep credentials for it.
const DOCKER_HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/// The key under which Docker keeps them.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// The user that stands where the secret is a token.
const TOKEN_USER: &str = "<token>";

/// Why credentials that are there could not be had.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// A file could not be read.
    #[error("failed to read the credentials in `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is larger than [`CREDENTIAL_FILE_BYTES_MAX`].
    #[error("`{}` is larger than {CREDENTIAL_FILE_BYTES_MAX} bytes, the limit for credentials", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A file is not of its form. What stands there is not repeated: it may be a secret.
    #[error("`{}` does not hold credentials: it is not understood at line {line}, column {column}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
    /// An entry is not of its form.
    #[error("the credentials for `{key}` in `{}` are not a name and a password in base64", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// The registry.
        key: String,
    },
    /// A helper failed.
    #[error("the credential helper `docker-credential-{name}` {reason}")]
    Helper {
        /// The helper's name.
        name: String,
        /// What happened.
        reason: String,
    },
}

/// Who a user is to a registry, as a file of credentials says.
#[derive(Debug, Clone)]
pub enum Known {
    /// It says nothing.
    Nobody,
    /// It holds the credentials.
    Credentials(RegistryCredentials),
    /// A program knows them.
    Helper {
        /// The name behind `docker-credential-`; as the file has it, so perhaps none that a program can have.
        name: String,
        /// What the program is asked for.
        server: String,
    },
}

/// Why a file's text is none of credentials. What stands there is not repeated: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialTextError {
    /// It is not of its form.
    #[error("it is not understood at line {line}, column {column}")]
    Malformed {
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
    /// An entry is not of its form.
    #[error("the entry for `{key}` is not a name and a password in base64")]
    Entry {
        /// The registry.
        key: String,
    },
}

/// The text of a file of credentials, understood.
#[derive(Default, Deserialize)]
pub struct CredentialText {
    #[serde(default)]
    auths: Option<BTreeMap<String, Entry>>,
    #[serde(rename = "credsStore", default)]
    store: Option<String>,
    #[serde(rename = "credHelpers", default)]
    helpers: Option<BTreeMap<String, String>>,
}

/// Where a user's credentials are looked for, in order. The first file that knows a registry counts.
#[derive(Debug, Clone)]
pub struct CredentialFiles(Vec<PathBuf>);

#[derive(Default, Deserialize)]
struct Entry {
    #[serde(default)]
    auth: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(rename = "identitytoken", default)]
    identity_token: Option<String>,
    #[serde(rename = "registrytoken", default)]
    registry_token: Option<String>,
}

impl CredentialFiles {
    /// Returns the files that the environment names: `REGISTRY_AUTH_FILE` alone where it is set; else `config.json` in `DOCKER_CONFIG`,
    /// podman's for this session, podman's in the user's configuration, and `~/.docker/config.json`.
    pub fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(file) = path("REGISTRY_AUTH_FILE") {
            return Self(vec![file]);
        }
        let home = path("HOME");
        let configuration = path("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")));
        let candidates = [
            path("DOCKER_CONFIG").map(|directory| directory.join("config.json")),
            path("XDG_RUNTIME_DIR").map(|directory| directory.join("containers/auth.json")),
            configuration.map(|directory| directory.join("containers/auth.json")),
            home.map(|home| home.join(".docker/config.json")),
        ];
        Self(candidates.into_iter().flatten().collect())
    }

    /// Returns who the user is to a repository of a registry; `None` for nobody.
    ///
    /// May run the credential helper that a file names, for [`HELPER_TIME_MAX`] at most.
    pub fn find(
        &self,
        host: &str,
        repository: &RepositoryName,
    ) -> Result<Option<RegistryCredentials>, CredentialError> {
        for path in &self.0 {
            let Some(bytes) = read(path)? else { continue };
            let known = CredentialText::parse(&bytes).and_then(|text| text.find(host, repository));
            let found = match known.map_err(|error| CredentialError::of_text(path, error))? {
                Known::Nobody => None,
                Known::Credentials(credentials) => Some(credentials),
                Known::Helper { name, server } => helper::ask(&name, &server)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, CredentialError> {
    let failed = |source| CredentialError::Read { path: path.to_owned(), source };
    let file = match beneath::open_file(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    file.take(CREDENTIAL_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > CREDENTIAL_FILE_BYTES_MAX {
        return Err(CredentialError::TooLarge { path: path.to_owned() });
    }
    Ok(Some(bytes))
}

impl CredentialError {
    fn of_text(path: &Path, error: CredentialTextError) -> Self {
        let path = path.to_owned();
        match error {
            CredentialTextError::Malformed { line, column } => Self::Malformed { path, line, column },
            CredentialTextError::Entry { key } => Self::Entry { path, key },
        }
    }
}

impl CredentialText {
    /// Understands the bytes of a file; an empty one says nothing.
    pub fn parse(bytes: &[u8]) -> Result<Self, CredentialTextError> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(bytes)
            .map_err(|error| CredentialTextError::Malformed { line: error.line(), column: error.column() })
    }

    /// Returns who the user is to a repository of a registry.
    pub fn find(&self, host: &str, repository: &RepositoryName) -> Result<Known, CredentialTextError> {
        let host = if DOCKER_HUB.contains(&host) { DOCKER_HUB[0] } else { host };
        let server = if host == DOCKER_HUB[0] { DOCKER_HUB_KEY } else { host };
        let helper = |name: &String| Known::Helper { name: name.clone(), server: server.to_owned() };
        if let Some((_, name)) = self.helpers.iter().flatten().find(|(key, _)| place(key) == host) {
            return Ok(helper(name));
        }
        let entries: Vec<_> = self.auths.iter().flatten().map(|(key, entry)| (place(key), key, entry)).collect();
        for wanted in places(host, repository) {
            // Of several spellings of a place, the first that says something.
            for (_, key, entry) in entries.iter().filter(|(place, _, _)| *place == wanted) {
                let found = credentials(entry);
                let found = found.map_err(|NotAnEntry| CredentialTextError::Entry { key: (*key).clone() })?;
                if let Some(credentials) = found {
                    return Ok(Known::Credentials(credentials));
                }
            }
        }
        let store = self.store.as_ref().filter(|name| !name.is_empty());
        Ok(store.map_or(Known::Nobody, helper))
    }
}

/// Returns what a key means: a host, perhaps with the beginning of a repository's name.
fn place(key: &str) -> String {
    let bare = key.split_once("://").map_or(key, |(_, rest)| rest).trim_end_matches('/');
    let bare = ["/v1", "/v2"].into_iter().find_map(|version| bare.strip_suffix(version)).unwrap_or(bare);
    match bare.split_once('/') {
        Some((host, path)) if DOCKER_HUB.contains(&host) => format!("{}/{path}", DOCKER_HUB[0]),
        None if DOCKER_HUB.contains(&bare) => DOCKER_HUB[0].to_owned(),
        _ => bare.to_owned(),
    }
}

/// Returns the places whose credentials are good for a repository, the most exact one first.
fn places(host: &str, repository: &RepositoryName) -> Vec<String> {
    let whole = format!("{host}/{repository}");
    let ends = whole.match_indices('/').map(|(at, _)| at).skip_while(|at| *at < host.len());
    let mut places: Vec<String> = ends.map(|at| whole[..at].to_owned()).collect();
    places.push(whole);
    places.reverse();
    places
}

struct NotAnEntry;

fn credentials(entry: &Entry) -> Result<Option<RegistryCredentials>, NotAnEntry> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if let Some(token) = given(&entry.registry_token) {
        return Ok(Some(RegistryCredentials::Bearer(token)));
    }
    if let Some(token) = given(&entry.identity_token) {
        return Ok(Some(RegistryCredentials::Identity(token)));
    }
    if let Some(auth) = given(&entry.auth) {
        let bytes = STANDARD.decode(auth).map_err(|_| NotAnEntry)?;
        let text = String::from_utf8(bytes).map_err(|_| NotAnEntry)?;
        // Some tools filled the field up.
        let (user, secret) = text.trim_end_matches('\0').split_once(':').ok_or(NotAnEntry)?;
        return Ok(Some(basic_or_token(user, secret)));
    }
    match (given(&entry.username), given(&entry.password)) {
        (Some(user), Some(secret)) => Ok(Some(basic_or_token(&user, &secret))),
        _ => Ok(None),
    }
}

fn basic_or_token(user: &str, secret: &str) -> RegistryCredentials {
    if user == TOKEN_USER {
        return RegistryCredentials::Identity(secret.to_owned());
    }
    RegistryCredentials::Basic { user: user.to_owned(), secret: secret.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::fs::write;

    use super::*;

    fn shown(credentials: Option<RegistryCredentials>) -> String {
        match credentials {
            None => "nobody".to_owned(),
            Some(RegistryCredentials::Basic { user, secret }) => format!("{user}:{secret}"),
            Some(RegistryCredentials::Identity(token)) => format!("identity {token}"),
            Some(RegistryCredentials::Bearer(token)) => format!("bearer {token}"),
        }
    }

    #[track_caller]
    fn check(document: &str, host: &str, repository: &str, expected: &str) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("config.json");
        write(&path, document).unwrap();
        let found = CredentialFiles(vec![path]).find(host, &repository.parse().unwrap());
        let said = match found {
            Ok(found) => shown(found),
            Err(error) => format!("error: {error}").replace(&*place.path().to_string_lossy(), "~"),
        };
        assert_eq!(said, expected, "{document}");
    }

    fn auth(user: &str, secret: &str) -> String {
        format!(r#"{{"auth":"{}"}}"#, STANDARD.encode(format!("{user}:{secret}")))
    }

    #[test]
    fn entries_are_those_of_docker_and_podman() {
        let with = |entry: &str| format!(r#"{{"auths":{{"hub.example":{entry}}}}}"#);
        check("", "hub.example", "a", "nobody");
        check("{}", "hub.example", "a", "nobody");
        check(r#"{"auths":null,"credHelpers":null}"#, "hub.example", "a", "nobody");
        check(&with("{}"), "hub.example", "a", "nobody");
        check(&with(&auth("ada", "x:y")), "hub.example", "a", "ada:x:y");
        check(&with(&auth("ada", "x")), "other.example", "a", "nobody");
        check(&with(&auth("<token>", "x")), "hub.example", "a", "identity x");
        check(&with(r#"{"username":"ada","password":"x"}"#), "hub.example", "a", "ada:x");
        check(&with(r#"{"auth":"","identitytoken":"x"}"#), "hub.example", "a", "identity x");
        check(&with(r#"{"registrytoken":"x"}"#), "hub.example", "a", "bearer x");
    }

    #[test]
    fn keys_are_spelled_in_many_ways_and_the_most_exact_counts() {
        for key in
            ["hub.example:5000", "https://hub.example:5000", "http://hub.example:5000/v2/", "hub.example:5000/v1/"]
        {
            let document = format!(r#"{{"auths":{{"{key}":{}}}}}"#, auth("ada", "x"));
            check(&document, "hub.example:5000", "team/api", "ada:x");
        }
        for key in ["docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"] {
            let document = format!(r#"{{"auths":{{"{key}":{}}}}}"#, auth("ada", "x"));
            check(&document, "docker.io", "library/alpine", "ada:x");
        }
        let entries = [("hub.example", "host"), ("hub.example/team", "team"), ("hub.example/team/api", "api")];
        let entries = entries.map(|(key, user)| format!(r#""{key}":{}"#, auth(user, "x"))).join(",");
        let document = format!(r#"{{"auths":{{{entries}}}}}"#);
        for (repository, expected) in
            [("team/api", "api:x"), ("team/web", "team:x"), ("other", "host:x"), ("teams", "host:x")]
        {
            check(&document, "hub.example", repository, expected);
        }
    }

    #[test]
    fn what_is_malformed_is_told_without_its_contents() {
        check(
            "{\n\"auths\": \"s3cret\"}",
            "h.example",
            "a",
            "error: `~/config.json` does not hold credentials: it is not understood at line 2, column 17",
        );
        for entry in ["s3cret!", "czNjcmV0"] {
            let document = format!(r#"{{"auths":{{"h.example":{{"auth":"{entry}"}}}}}}"#);
            check(
                &document,
                "h.example",
                "a",
                "error: the credentials for `h.example` in `~/config.json` are not a name and a password in base64",
            );
        }
    }

    #[test]
    fn files_are_looked_at_in_order() {
        let files = |variables: &[(&str, &str)]| {
            let variable = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
            CredentialFiles::from_environment(variable)
                .0
                .iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(files(&[]), Vec::<String>::new());
        assert_eq!(files(&[("REGISTRY_AUTH_FILE", "/f"), ("HOME", "/h")]), ["/f"]);
        assert_eq!(files(&[("HOME", "/h")]), ["/h/.config/containers/auth.json", "/h/.docker/config.json"]);
        assert_eq!(
            files(&[("HOME", "/h"), ("DOCKER_CONFIG", "/d"), ("XDG_RUNTIME_DIR", "/r"), ("XDG_CONFIG_HOME", "/c")]),
            ["/d/config.json", "/r/containers/auth.json", "/c/containers/auth.json", "/h/.docker/config.json"]
        );
    }

    #[test]
    fn a_file_is_limited() {
        let limit = usize::try_from(CREDENTIAL_FILE_BYTES_MAX).unwrap();
        for (len, expected) in [(limit - 1, "nobody"), (limit, "nobody")] {
            check(&format!("{{}}{}", " ".repeat(len - 2)), "h.example", "a", expected);
        }
        let told = "error: `~/config.json` is larger than 4194304 bytes, the limit for credentials";
        check(&" ".repeat(limit + 1), "h.example", "a", told);
    }
}

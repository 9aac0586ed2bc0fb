//! Named contexts: which hub, and who asks. One file, 0600, because it holds secrets.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use outbound::HubAddress;
use serde::{Deserialize, Serialize};

/// The contexts of a person.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contexts {
    /// The name of the current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    #[serde(default)]
    pub(crate) contexts: BTreeMap<String, Context>,
}

/// A hub and who asks it.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    /// The address of the hub.
    pub(crate) hub: String,
    /// The user or robot; none asks as nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// The password or secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<String>,
    /// Certificates to trust besides the platform's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Whether the secret may cross a network unencrypted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) plain_http: bool,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Context({} as {:?})", self.hub, self.user)
    }
}

/// Why contexts cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("neither XDG_CONFIG_HOME nor HOME says where contexts are kept")]
    NoPlace,
    #[error("failed to read the contexts in `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{}` may be read by others (mode {mode:o}), and it holds secrets", path.display())]
    Open { path: PathBuf, mode: u32 },
    #[error("`{}` does not hold contexts: {message}", path.display())]
    Malformed { path: PathBuf, message: String },
    #[error("failed to write the contexts to `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// Returns what the user can do about it.
    pub(crate) fn hints(&self) -> Vec<String> {
        match self {
            Self::Open { path, .. } => vec![format!("chmod 600 {}", path.display())],
            _ => Vec::new(),
        }
    }
}

impl Contexts {
    /// Reads the file; a missing one holds none.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let mode = match path.metadata() {
            Ok(metadata) => metadata.permissions().mode() & 0o777,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(failed(source)),
        };
        if mode & 0o077 != 0 {
            return Err(Error::Open { path: path.to_owned(), mode });
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        // The message alone: the rendered error quotes the line, and a line may be a secret.
        toml::from_str(&text)
            .map_err(|error| Error::Malformed { path: path.to_owned(), message: error.message().to_owned() })
    }

    /// Writes the file; a reader sees the old one or the new one.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        let failed = |source| Error::Write { path: path.to_owned(), source };
        let text = toml::to_string(self).map_err(|error| failed(io::Error::other(error)))?;
        let directory = path.parent().unwrap_or(Path::new("."));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let draft = path.with_extension(format!("{}.tmp", std::process::id()));
        let written = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| std::fs::rename(&draft, path));
        written.map_err(|source| {
            let _absent = std::fs::remove_file(&draft);
            failed(source)
        })
    }

    /// Returns the context of a hub that a reference names by its host. The current context comes first.
    pub(crate) fn find_by_host(&self, host: &str) -> Option<(&str, &Context)> {
        let current = self.current.iter().filter_map(|name| self.contexts.get_key_value(name));
        current
            .chain(&self.contexts)
            .find(|(_, context)| context.hub.parse::<HubAddress>().is_ok_and(|hub| hub.authority() == host))
            .map(|(name, context)| (name.as_str(), context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(hub: &str) -> Context {
        let (user, secret) = (Some("ada".to_owned()), Some("s3cret".to_owned()));
        Context { hub: hub.to_owned(), user, secret, ca_file: None, plain_http: false }
    }

    #[test]
    fn contexts_are_kept_for_their_owner_alone() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("garrison/contexts.toml");
        assert!(Contexts::read(&path).unwrap().contexts.is_empty());

        let contexts = Contexts {
            current: Some("home".to_owned()),
            contexts: [("home".to_owned(), context("http://127.0.0.1:5000"))].into(),
        };
        contexts.write(&path).unwrap();
        contexts.write(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(path.parent().unwrap().read_dir().unwrap().count(), 1);
        insta::assert_snapshot!(std::fs::read_to_string(&path).unwrap(), @r#"
        current = "home"

        [contexts.home]
        hub = "http://127.0.0.1:5000"
        user = "ada"
        secret = "s3cret"
        "#);
        let read = Contexts::read(&path).unwrap();
        assert_eq!(read.contexts["home"].secret.as_deref(), Some("s3cret"));
        assert!(!format!("{read:?}").contains("s3cret"));

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Contexts::read(&path), Err(Error::Open { mode: 0o640, .. })));
    }

    #[test]
    fn a_broken_file_does_not_show_its_secrets() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("contexts.toml");
        Contexts::default().write(&path).unwrap();
        std::fs::write(&path, "[contexts.home]\nhub = \"x\"\nsecret = \"s3cret\" oops\n").unwrap();
        let error = Contexts::read(&path).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("s3cret"), "{error:?}");
    }

    #[test]
    fn a_host_finds_its_context_the_current_one_first() {
        let contexts = Contexts {
            current: Some("b".to_owned()),
            contexts: [("a", "https://hub"), ("b", "https://hub:443"), ("c", "hub:8443"), ("d", "not a hub")]
                .map(|(name, hub)| (name.to_owned(), context(hub)))
                .into(),
        };
        let table = [("hub", Some("b")), ("hub:8443", Some("c")), ("hub:443", None), ("not a hub", None)];
        for (host, expected) in table {
            assert_eq!(contexts.find_by_host(host).map(|(name, _)| name), expected, "{host}");
        }
    }
}

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::{Parsed, SETTINGS, Setting};

/// The largest configuration file that is read: thousands of times what every key takes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Variables that are none of a setting, and what reads them.
const OTHER_VARIABLES: &[&str] = &[
    "GARRISON_CONFIG",
    "GARRISON_CONTEXT",
    // Read by the tests and benchmarks, which start this program.
    "GARRISON_COMPOSER_SEMVER",
    "GARRISON_MAVEN_ARTIFACT",
    "GARRISON_PEERS",
    "GARRISON_REFEREES",
    "GARRISON_TEST_DATA",
    "GARRISON_TEST_POSTGRES",
    "GARRISON_TEST_QUICK",
    "GARRISON_TEST_SKIPPED",
    "GARRISON_VERSION_PAIRS",
];

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody said anything.
    Default,
    /// A line of the configuration file.
    File { path: PathBuf, line: usize },
    /// A variable of the environment.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File { path, line } => write!(formatter, "{}:{line}", path.display()),
            Self::Environment(variable) => formatter.write_str(variable),
            Self::Flag(flag) => write!(formatter, "--{flag}"),
        }
    }
}

/// A value with its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) text: String,
    pub(crate) origin: Origin,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to read the configuration file `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("configuration file `{}` is longer than {limit} bytes", path.display())]
    TooLong { path: PathBuf, limit: u64 },
    #[error("{}:{line}: the file is not TOML: {message}", path.display())]
    Syntax { path: PathBuf, line: usize, message: String },
    #[error("{origin}: unknown key `{name}`")]
    UnknownKey { origin: Origin, name: String, nearest: Option<String> },
    #[error("unknown variable `{name}` in the environment")]
    UnknownVariable { name: String, nearest: Option<String> },
    #[error("{origin}: variable is not UTF-8")]
    NotText { origin: Origin },
    #[error("{origin}: not a value of `{key}`: {reason}")]
    Value { origin: Origin, key: &'static str, reason: String },
}

impl Error {
    /// Returns what the user can do about it.
    pub(crate) fn hints(&self) -> Vec<String> {
        match self {
            Self::UnknownKey { nearest: Some(nearest), .. } | Self::UnknownVariable { nearest: Some(nearest), .. } => {
                vec![format!("did you mean `{nearest}`?")]
            }
            Self::UnknownKey { .. } | Self::UnknownVariable { .. } => {
                vec!["`garrison config show` lists every key; all else is set through the API".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}

/// What flags, environment and file say, by key; the strongest wins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers(BTreeMap<&'static str, Located>);

impl Layers {
    /// Collects the layers: flag > environment > file > default.
    ///
    /// `flags` are pairs of key and text. `environment` may hold variables of anyone.
    pub(crate) fn collect(
        flags: impl IntoIterator<Item = (&'static str, String)>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        file: Option<(&Path, &str)>,
    ) -> Result<Self, Error> {
        let mut layers = Self::default();
        if let Some((path, text)) = file {
            layers.add_file(path, text)?;
        }
        layers.add_environment(environment)?;
        for (key, text) in flags {
            if let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) {
                layers.add(setting, Located { text, origin: Origin::Flag(setting.flag()) })?;
            }
        }
        Ok(layers)
    }

    /// Returns the value of a setting and where it comes from.
    pub(crate) fn value(&self, setting: &Setting) -> Located {
        self.0
            .get(setting.key)
            .cloned()
            .unwrap_or_else(|| Located { text: setting.default.to_owned(), origin: Origin::Default })
    }

    pub(super) fn parse<T: Parsed>(&self, key: &'static str) -> Result<T, Error> {
        let located = SETTINGS.iter().find(|setting| setting.key == key).map(|setting| self.value(setting));
        let Located { text, origin } = located.unwrap_or(Located { text: String::new(), origin: Origin::Default });
        T::parse(&text).map_err(|reason| Error::Value { origin, key, reason })
    }

    fn add(&mut self, setting: &Setting, located: Located) -> Result<(), Error> {
        match setting.shown(&located.text) {
            Ok(_) => {
                self.0.insert(setting.key, located);
                Ok(())
            }
            Err(reason) => Err(Error::Value { origin: located.origin, key: setting.key, reason }),
        }
    }

    fn add_file(&mut self, path: &Path, text: &str) -> Result<(), Error> {
        let line = |offset: usize| text.get(..offset).unwrap_or(text).matches('\n').count() + 1;
        let table = DeTable::parse(text).map_err(|error| Error::Syntax {
            path: path.to_owned(),
            line: error.span().map_or(1, |span| line(span.start)),
            message: error.message().to_owned(),
        })?;
        for (key, value) in table.get_ref() {
            let origin = Origin::File { path: path.to_owned(), line: line(key.span().start) };
            let name = key.get_ref().as_ref();
            let Some(setting) = SETTINGS.iter().find(|setting| setting.key == name) else {
                let nearest = nearest(name, SETTINGS.iter().map(|setting| setting.key.to_owned()));
                return Err(Error::UnknownKey { origin, name: name.to_owned(), nearest });
            };
            let text = match value.get_ref() {
                DeValue::String(text) => text.to_string(),
                DeValue::Integer(number) => number.to_string(),
                DeValue::Boolean(switch) => switch.to_string(),
                other => {
                    let reason = format!("it is a text, a number or a boolean, not {}", other.type_str());
                    return Err(Error::Value { origin, key: setting.key, reason });
                }
            };
            self.add(setting, Located { text, origin })?;
        }
        Ok(())
    }

    fn add_environment(&mut self, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Result<(), Error> {
        // In order, so that the first of several mistakes is always the same one.
        let environment: BTreeMap<OsString, OsString> = environment.into_iter().collect();
        for (name, value) in environment {
            let Some(name) = name.to_str().filter(|name| name.starts_with("GARRISON_")) else { continue };
            if OTHER_VARIABLES.contains(&name) || is_service_link(name) {
                continue;
            }
            let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == name) else {
                let nearest = nearest(name, SETTINGS.iter().map(Setting::variable));
                return Err(Error::UnknownVariable { name: name.to_owned(), nearest });
            };
            let origin = Origin::Environment(name.to_owned());
            match value.into_string() {
                Ok(text) => self.add(setting, Located { text, origin })?,
                Err(_) => return Err(Error::NotText { origin }),
            }
        }
        Ok(())
    }
}

/// Reads a configuration file.
pub(crate) fn read_file(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > FILE_BYTES_MAX {
        return Err(Error::TooLong { path: path.to_owned(), limit: FILE_BYTES_MAX });
    }
    std::fs::read_to_string(path).map_err(failed)
}

/// Returns whether Kubernetes sets the variable in every pod beside a Service called `garrison` or `garrison-…`.
fn is_service_link(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.split("_PORT_").skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Returns the candidate that the name was probably meant to be.
pub(crate) fn nearest(name: &str, candidates: impl IntoIterator<Item = String>) -> Option<String> {
    const SIMILAR: f64 = 0.8;
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, &candidate), candidate))
        .filter(|(similarity, _)| *similarity > SIMILAR)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(
        flags: &[(&'static str, &str)],
        environment: &[(&str, &str)],
        file: Option<&str>,
    ) -> Result<Layers, Error> {
        Layers::collect(
            flags.iter().map(|(key, text)| (*key, (*text).to_owned())),
            environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))),
            file.map(|text| (Path::new("hub.toml"), text)),
        )
    }

    #[test]
    fn the_strongest_layer_wins() {
        let file = "\n# mine\nlisten = \"127.0.0.1:1\"\n";
        let flags = [("listen", "127.0.0.1:3")];
        let environment = [("GARRISON_LISTEN", "127.0.0.1:2"), ("PATH", "/bin")];
        let table = [
            (collect(&[], &[], None), "127.0.0.1:5000 default"),
            (collect(&[], &[], Some(file)), "127.0.0.1:1 hub.toml:3"),
            (collect(&[], &environment, Some(file)), "127.0.0.1:2 GARRISON_LISTEN"),
            (collect(&flags, &environment, Some(file)), "127.0.0.1:3 --listen"),
        ];
        let listen = SETTINGS.iter().find(|setting| setting.key == "listen").unwrap();
        for (layers, expected) in table {
            let Located { text, origin } = layers.unwrap().value(listen);
            assert_eq!(format!("{text} {origin}"), expected);
        }
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let table = [
            (collect(&[], &[], Some("lisen = 1")), "hub.toml:1: unknown key `lisen`; did you mean `listen`?"),
            (
                collect(&[], &[], Some("\nzzz = 1")),
                "hub.toml:2: unknown key `zzz`; `garrison config show` lists every key; all else is set through the API",
            ),
            (collect(&[], &[], Some("http2 = 1")), "hub.toml:1: not a value of `http2`: it is `true` or `false`"),
            (
                collect(&[], &[], Some("[listen]\nport = 1")),
                "hub.toml:1: not a value of `listen`: it is a text, a number or a boolean, not table",
            ),
            (
                collect(&[], &[("GARRISON_DATADIR", "x")], None),
                "unknown variable `GARRISON_DATADIR` in the environment; did you mean `GARRISON_DATA_DIR`?",
            ),
            (
                collect(&[], &[("GARRISON_LISTEN", "here")], None),
                "GARRISON_LISTEN: not a value of `listen`: it is an IP address and a port as `127.0.0.1:5000` or `[::]:5000`",
            ),
            (
                collect(&[("idle_timeout", "1")], &[], None),
                "--idle-timeout: not a value of `idle_timeout`: it is a whole number with a unit: ms, s, m, h or d, as `90s`",
            ),
        ];
        for (result, expected) in table {
            let error = result.unwrap_err();
            let actual: Vec<_> = [error.to_string()].into_iter().chain(error.hints()).collect();
            assert_eq!(actual.join("; "), expected);
        }
        let error = collect(&[], &[], Some("ok = 1\nlisten = [")).unwrap_err().to_string();
        assert!(error.starts_with("hub.toml:2: the file is not TOML: "), "{error}");
    }

    #[test]
    fn variables_of_others_are_left_alone() {
        let environment = [
            ("GARRISON_CONTEXT", "x"),
            ("GARRISON_PORT", "tcp://10.0.0.1:5000"),
            ("GARRISON_PORT_5000_TCP", "tcp://10.0.0.1:5000"),
            ("GARRISON_PORT_5000_TCP_ADDR", "10.0.0.1"),
            ("GARRISON_SERVICE_HOST", "10.0.0.1"),
            ("GARRISON_SERVICE_PORT", "5000"),
            ("GARRISON_SERVICE_PORT_HTTP", "5000"),
            ("GARRISON_METRICS_SERVICE_HOST", "10.0.0.1"),
            ("GARRISON_METRICS_PORT_9090_TCP", "tcp://10.0.0.1:9090"),
        ];
        assert!(collect(&[], &environment, None).is_ok());
    }

    #[test]
    fn a_configuration_file_is_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hub.toml");
        let limit = usize::try_from(FILE_BYTES_MAX).unwrap();
        for (length, accepted) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
            std::fs::write(&path, "#".repeat(length)).unwrap();
            assert_eq!(read_file(&path).is_ok(), accepted, "{length}");
        }
    }
}

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use api::TrustedProxies;
use outbound::HubAddress;
use url::Url;

/// A type that a setting may have.
pub(crate) trait Parsed: Sized {
    /// What a value looks like, for `--help` and the reference.
    const FORM: &'static str;
    /// Whether the flag alone means "yes".
    const SWITCH: bool = false;
    /// Whether values have parts that are not shown.
    const SECRET: bool = false;

    /// Parses a value; the error completes the sentence "…is not a value of `key`: …".
    fn parse(text: &str) -> Result<Self, String>;

    /// Returns the value as it may be shown to anyone.
    fn shown(&self, text: &str) -> String {
        text.to_owned()
    }
}

pub(super) fn check<T: Parsed>(text: &str) -> Result<String, String> {
    T::parse(text).map(|value| value.shown(text))
}

impl Parsed for bool {
    const FORM: &'static str = "true|false";
    const SWITCH: Self = true;

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "it is `true` or `false`".to_owned())
    }
}

impl Parsed for u32 {
    const FORM: &'static str = "COUNT";

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().ok().filter(|count| *count > 0).ok_or_else(|| format!("it is a number from 1 to {}", Self::MAX))
    }
}

impl Parsed for String {
    const FORM: &'static str = "FILTER";

    fn parse(text: &str) -> Result<Self, String> {
        tracing_subscriber::EnvFilter::try_new(text)
            .map(|_| text.to_owned())
            .map_err(|_| "it is a level, or levels per target as `info,registry=debug`".to_owned())
    }
}

impl Parsed for SocketAddr {
    const FORM: &'static str = "ADDRESS:PORT";

    fn parse(text: &str) -> Result<Self, String> {
        let local = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
        local
            .as_deref()
            .unwrap_or(text)
            .parse()
            .map_err(|_| "it is an IP address and a port as `127.0.0.1:5000` or `[::]:5000`".to_owned())
    }
}

impl Parsed for PathBuf {
    const FORM: &'static str = "FILE";

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("it is the path of a file".to_owned()) } else { Ok(Self::from(text)) }
    }
}

impl Parsed for HubAddress {
    const FORM: &'static str = "URL";

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: outbound::AddressError| error.to_string())
    }
}

impl Parsed for TrustedProxies {
    const FORM: &'static str = "NETWORKS";

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: api::TrustedProxiesError| error.to_string())
    }
}

/// An empty text means that there is none.
impl<T: Parsed> Parsed for Option<T> {
    const FORM: &'static str = T::FORM;
    const SECRET: bool = T::SECRET;

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { T::parse(text).map(Some) }
    }

    fn shown(&self, text: &str) -> String {
        self.as_ref().map_or_else(String::new, |value| value.shown(text))
    }
}

const DURATION_UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// The longest duration, far beyond any use, that can be added to any clock.
const DURATION_MAX: Duration = Duration::from_hours(100 * 365 * 24);

impl Parsed for Duration {
    const FORM: &'static str = "DURATION";

    fn parse(text: &str) -> Result<Self, String> {
        quantity(text, &DURATION_UNITS)
            .map(Self::from_millis)
            .filter(|duration| *duration <= DURATION_MAX)
            .ok_or_else(|| "it is a whole number with a unit: ms, s, m, h or d, as `90s`".to_owned())
    }
}

/// A size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) u64);

const BYTES_UNITS: [(&str, u64); 5] =
    [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

impl Parsed for Bytes {
    const FORM: &'static str = "SIZE";

    fn parse(text: &str) -> Result<Self, String> {
        quantity(text, &BYTES_UNITS)
            // Sizes are signed in the database and in JSON readers.
            .filter(|bytes| *bytes > 0 && i64::try_from(*bytes).is_ok())
            .map(Self)
            .ok_or_else(|| "it is a whole number with a unit: B, KiB, MiB, GiB or TiB, as `4MiB`".to_owned())
    }
}

/// A size, or `off` for what is not to be done at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BytesOrOff(pub(crate) Option<u64>);

impl Parsed for BytesOrOff {
    const FORM: &'static str = "SIZE|off";

    fn parse(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        Bytes::parse(text).map(|Bytes(bytes)| Self(Some(bytes))).map_err(|form| format!("{form}, or `off`"))
    }
}

fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// A directory; empty for the platform's own place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directory(pub(crate) Option<PathBuf>);

impl Parsed for Directory {
    const FORM: &'static str = "DIRECTORY";

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self((!text.is_empty()).then(|| PathBuf::from(text))))
    }
}

/// Which database.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Database {
    /// SQLite in the data directory.
    Embedded,
    /// PostgreSQL at this URL, which may hold a password.
    Postgres(Url),
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => formatter.write_str("Embedded"),
            Self::Postgres(url) => write!(formatter, "Postgres({})", without_password(url)),
        }
    }
}

impl Parsed for Database {
    const FORM: &'static str = "URL";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::Embedded);
        }
        match Url::parse(&with_user_in_query(text)) {
            Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") => Ok(Self::Postgres(url)),
            _ => Err("it is empty, or a `postgres://` URL".to_owned()),
        }
    }

    fn shown(&self, _text: &str) -> String {
        match self {
            Self::Embedded => String::new(),
            Self::Postgres(url) => without_password(url),
        }
    }
}

/// Returns a URL that names a user but no host, as for a socket that the query names, in the form of the URL standard,
/// which takes a user only with a host.
fn with_user_in_query(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else { return text.into() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let Some(user) = authority.strip_suffix('@').filter(|user| !user.is_empty()) else { return text.into() };
    // In a query these mean something else.
    let literal = |text: &str| text.replace('&', "%26").replace('+', "%2B").replace('=', "%3D");
    let (user, password) = match user.split_once(':') {
        Some((user, password)) => (literal(user), format!("&password={}", literal(password))),
        None => (literal(user), String::new()),
    };
    let separator = if path.contains('?') { '&' } else { '?' };
    format!("{scheme}://{path}{separator}user={user}{password}").into()
}

fn without_password(url: &Url) -> String {
    let mut url = url.clone();
    if url.password().is_some() && url.set_password(Some("redacted")).is_err() {
        return "redacted".to_owned();
    }
    // libpq's parameters may stand in the query, the password among them.
    let pairs: Vec<(String, String)> = url
        .query_pairs()
        .map(|(key, value)| {
            let secret = key.to_ascii_lowercase().contains("pass");
            (key.into_owned(), if secret { "redacted".to_owned() } else { value.into_owned() })
        })
        .collect();
    if !pairs.is_empty() {
        url.query_pairs_mut().clear().extend_pairs(pairs);
    }
    url.to_string()
}

/// How often the hub fetches advisories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Often {
    /// Every day.
    Daily,
    /// Never.
    Off,
}

impl Parsed for Often {
    const FORM: &'static str = "daily|off";

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "daily" => Ok(Self::Daily),
            "off" => Ok(Self::Off),
            _ => Err("it is `daily` or `off`".to_owned()),
        }
    }
}

/// Which feeds are wanted otherwise than by default.
#[derive(Clone, Debug)]
pub(crate) struct Choices(pub(crate) Vec<feeds::Choice>);

impl Parsed for Choices {
    const FORM: &'static str = "FEEDS";

    fn parse(text: &str) -> Result<Self, String> {
        text.split_whitespace().map(choice).collect::<Result<_, _>>().map(Self)
    }
}

/// Parses a choice of a feed; the error says what was meant.
pub(crate) fn choice(text: &str) -> Result<feeds::Choice, String> {
    text.parse().map_err(|error: feeds::ChoiceError| match &error {
        feeds::ChoiceError::Unknown { nearest: Some(nearest), .. } => format!("{error}, but there is `{nearest}`"),
        feeds::ChoiceError::Address { source, .. } => source.to_string(),
        _ => error.to_string(),
    })
}

/// Hosts that may be near and unencrypted.
#[derive(Clone, Debug)]
pub(crate) struct PrivateHosts(pub(crate) Vec<outbound::PrivateHost>);

impl Parsed for PrivateHosts {
    const FORM: &'static str = "HOSTS";

    fn parse(text: &str) -> Result<Self, String> {
        let hosts = text.split_whitespace().map(|host| host.parse().map_err(|_| format!("`{host}` is no host")));
        hosts.collect::<Result<_, _>>().map(Self)
    }
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Human,
    /// A JSON object a line.
    Json,
}

impl Parsed for LogFormat {
    const FORM: &'static str = "human|json";

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err("it is `human` or `json`".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let table = [
            ("0s", Some(0)),
            ("1500ms", Some(1_500)),
            ("90 s", Some(90_000)),
            ("1h", Some(3_600_000)),
            ("36500d", Some(3_153_600_000_000)),
            ("36501d", None),
            ("", None),
            ("1", None),
            ("h", None),
            ("-1s", None),
            ("1.5h", None),
            ("1h30m", None),
            ("99999999999999999999d", None),
            ("18446744073709551615d", None),
        ];
        for (text, expected) in table {
            assert_eq!(Duration::parse(text).ok(), expected.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn sizes() {
        let table = [
            ("1B", Some(1)),
            ("4MiB", Some(4 << 20)),
            ("8388607TiB", Some(8_388_607 << 40)),
            ("8388608TiB", None),
            ("0B", None),
            ("4", None),
            ("4MB", None),
            ("4mib", None),
        ];
        for (text, expected) in table {
            assert_eq!(Bytes::parse(text).ok(), expected.map(Bytes), "{text}");
        }
    }

    #[test]
    fn feeds_and_their_hosts() {
        let choices = |text: &str| Choices::parse(text).map(|Choices(all)| all.len());
        assert_eq!(choices(""), Ok(0));
        assert_eq!(choices(" -epss  ours=osv:/srv/x "), Ok(2));
        assert_eq!(choices("-debain"), Err("there is no feed `debain`, but there is `debian`".to_owned()));
        assert_eq!(choices("debian=ftp://a/x"), Err("a document is fetched by http or https, not by `ftp`".to_owned()));
        let hosts = |text: &str| PrivateHosts::parse(text).map(|PrivateHosts(all)| all.len());
        assert_eq!(hosts("mirror.corp 10.0.0.7:8080"), Ok(2));
        assert_eq!(hosts("a/b"), Err("`a/b` is no host".to_owned()));
        assert!(Often::parse("hourly").is_err());
    }

    #[test]
    fn counts() {
        let table = [("0", None), ("1", Some(1)), ("4294967295", Some(u32::MAX)), ("4294967296", None), ("x", None)];
        for (text, expected) in table {
            assert_eq!(u32::parse(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_database_behind_a_socket_may_name_its_user_first() {
        let table = [
            ("postgres://me@/hub?host=/run/postgresql", "postgres:///hub?host=/run/postgresql&user=me"),
            ("postgresql://me@/hub", "postgresql:///hub?user=me"),
            ("postgres://me@?host=/run", "postgres://?host=/run&user=me"),
            ("postgres://m%40e+1:p&w=d@/hub?host=/run", "postgres:///hub?host=/run&user=m%40e%2B1&password=p%26w%3Dd"),
            ("postgres://me:pw@/hub?host=/run&port=5433", "postgres:///hub?host=/run&port=5433&user=me&password=pw"),
            // A host takes its user as it is.
            ("postgres://me:pw@db/hub", "postgres://me:pw@db/hub"),
            ("postgres://me@db?x=@/", "postgres://me@db?x=@/"),
            ("postgres:///hub?user=me", "postgres:///hub?user=me"),
        ];
        for (text, expected) in table {
            match Database::parse(text) {
                Ok(Database::Postgres(url)) => assert_eq!(url.as_str(), expected, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let table = [
            ("postgres://me:secret@db/hub?sslmode=verify-full", "postgres://me:redacted@db/hub?sslmode=verify-full"),
            ("postgresql://me@db/hub?password=secret&x=1", "postgresql://me@db/hub?password=redacted&x=1"),
            ("postgres://me@db/hub?sslpassword=secret", "postgres://me@db/hub?sslpassword=redacted"),
            ("postgres:///hub", "postgres:///hub"),
            ("postgres://me@/hub?host=%2Frun", "postgres:///hub?host=%2Frun&user=me"),
            ("postgres://me:secret@/hub?host=%2Frun", "postgres:///hub?host=%2Frun&user=me&password=redacted"),
            ("postgres://me:secret@?host=%2Frun", "postgres://?host=%2Frun&user=me&password=redacted"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(check::<Database>(text).as_deref(), Ok(expected));
            let debug = format!("{:?}", Database::parse(text).unwrap());
            assert!(!debug.contains("secret"), "{debug}");
        }
        assert!(check::<Database>("mysql://me:secret@db").is_err_and(|error| !error.contains("secret")));
    }
}

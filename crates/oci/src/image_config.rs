//! Image configurations, as in the OCI image specification, "OCI Image Configuration" (`config.md`); Docker's has the same members.
//!
//! Strict in what an image is: its platform and its layers. There a document must mean the same to every client, as a
//! [`Manifest`](crate::Manifest) does. Lenient in what it only tells, which anyone may write as they like: what of it has
//! not the form that it should have is left out.

use std::collections::BTreeMap;

use crate::descriptor::Platform;
use crate::digest::{Digest, DigestError};
use crate::json::{self, JsonError, Object, Value};

/// The largest configuration, in bytes: what containerd takes. Usual ones hold labels and a history of some kilobytes.
pub const IMAGE_CONFIG_BYTES_MAX: usize = 8 << 20;

/// The most layers of an image. Docker makes 127 at most, and no kernel mounts over 500.
pub const LAYERS_MAX: usize = 1_024;

/// The longest command of a layer that is kept, in bytes; a longer one, mostly a script, is cut.
pub const CREATED_BY_BYTES_MAX: usize = 4_096;

/// The longest word of a platform, in bytes: the longest of Go's, `loongarch64` and such, have a tenth.
pub const PLATFORM_WORD_BYTES_MAX: usize = 128;

/// What an image says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// What it is for, as it is written; whatever the author left out is empty.
    pub platform: Platform,
    /// When it was made, in RFC 3339.
    pub created: Option<String>,
    /// The layers of its root file system, the lowest first.
    pub layers: Vec<ImageConfigLayer>,
    /// How it is to be run.
    pub execution: Execution,
}

/// A layer, as a configuration knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageConfigLayer {
    /// The digest of its tar, not compressed.
    pub diff_id: Digest,
    /// The command that made it, where the history tells; at most [`CREATED_BY_BYTES_MAX`] of it.
    pub created_by: Option<String>,
}

/// How an image is to be run; whatever the author left out is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Execution {
    /// The user, and perhaps its group.
    pub user: String,
    /// The ports that it listens on, such as `8080/tcp`.
    pub exposed_ports: Vec<String>,
    /// The environment, as `NAME=value`.
    pub environment: Vec<String>,
    /// The program and its first arguments.
    pub entrypoint: Vec<String>,
    /// The arguments that stand where none are given, or the program too if there is no entrypoint.
    pub command: Vec<String>,
    /// The directories that outlive a container.
    pub volumes: Vec<String>,
    /// Where the program starts.
    pub working_directory: String,
    /// What the author wrote about it.
    pub labels: BTreeMap<String, String>,
    /// The signal that stops it.
    pub stop_signal: String,
}

/// Why a document is refused as an image's configuration.
#[derive(Debug, thiserror::Error)]
pub enum ImageConfigError {
    /// It is larger than [`IMAGE_CONFIG_BYTES_MAX`].
    #[error("the configuration is {actual} bytes, the limit is {IMAGE_CONFIG_BYTES_MAX}")]
    TooLarge {
        /// The size of the document, in bytes.
        actual: usize,
    },
    /// It is not JSON.
    #[error("the configuration is not JSON")]
    Syntax(#[source] serde_json::Error),
    /// An object has a key twice.
    #[error("the configuration has the key `{key}` twice in one object, which ends at line {line} column {column}")]
    DuplicateKey {
        /// The key, shortened.
        key: String,
        /// The line on which the object ends, from 1.
        line: usize,
        /// The column at which the object ends, from 1.
        column: usize,
    },
    /// It has a key that clients which ignore case take for a known one.
    #[error("the configuration has the key `{key}`, which some clients read as `{known}`")]
    AmbiguousKey {
        /// The key, shortened.
        key: String,
        /// The known key that it resembles.
        known: &'static str,
    },
    /// Objects and lists are nested deeper than [`DEPTH_MAX`](crate::manifest::DEPTH_MAX).
    #[error("the configuration is nested deeper than {} levels", json::DEPTH_MAX)]
    TooDeep,
    /// It has more values and keys than [`VALUES_MAX`](crate::manifest::VALUES_MAX).
    #[error("the configuration has more than {} values", json::VALUES_MAX)]
    TooManyValues,
    /// A field is not of the type that it must be.
    #[error("the configuration's `{at}` must be {expected}")]
    WrongType {
        /// Where the field is.
        at: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// It does not say which layers it is of.
    #[error("the configuration's `rootfs` is missing")]
    NoRootFileSystem,
    /// It lists more layers than [`LAYERS_MAX`].
    #[error("the configuration lists {actual} layers, the limit is {LAYERS_MAX}")]
    TooManyLayers {
        /// How many it lists.
        actual: usize,
    },
    /// A layer's digest is malformed.
    #[error("the configuration's `rootfs.diff_ids[{index}]` is not a digest")]
    DiffId {
        /// Which layer, from 0.
        index: usize,
        /// What is wrong.
        #[source]
        source: DigestError,
    },
}

impl From<JsonError> for ImageConfigError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Syntax(source) => Self::Syntax(source),
            JsonError::DuplicateKey { key, line, column } => Self::DuplicateKey { key, line, column },
            JsonError::TooDeep => Self::TooDeep,
            JsonError::TooManyValues => Self::TooManyValues,
        }
    }
}

const CONFIG_KEYS: &[&str] =
    &["created", "author", "architecture", "os", "os.version", "os.features", "variant", "config", "rootfs", "history"];
const ROOT_FILE_SYSTEM_KEYS: &[&str] = &["type", "diff_ids"];

/// The only kind of root file system that there is.
const LAYERS: &str = "layers";

/// The time that Go writes for none.
const GO_ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// The longest time that is taken for one: its parts, and more digits of a second than any clock has.
const TIME_BYTES_MAX: usize = 40;

impl ImageConfig {
    /// Understands a configuration.
    pub fn parse(bytes: &[u8]) -> Result<Self, ImageConfigError> {
        if bytes.len() > IMAGE_CONFIG_BYTES_MAX {
            return Err(ImageConfigError::TooLarge { actual: bytes.len() });
        }
        let document = json::parse(bytes)?;
        let Value::Object(document) = &document else {
            return Err(ImageConfigError::WrongType { at: "document", expected: "an object" });
        };
        refuse_ambiguous_keys(document, CONFIG_KEYS)?;
        let created = told(document, "created").filter(|time| is_time(time) && *time != GO_ZERO_TIME);
        let execution = match document.get("config") {
            Some(Value::Object(config)) => execution(config),
            _ => Execution::default(),
        };
        Ok(Self {
            platform: platform(document)?,
            created: created.map(str::to_owned),
            layers: layers(document)?,
            execution,
        })
    }
}

fn refuse_ambiguous_keys(object: &Object<'_>, known: &[&'static str]) -> Result<(), ImageConfigError> {
    match object.ambiguous_key(known) {
        Some((key, known)) => Err(ImageConfigError::AmbiguousKey { key: json::excerpt(key), known }),
        None => Ok(()),
    }
}

fn platform(document: &Object<'_>) -> Result<Platform, ImageConfigError> {
    let word = |at| document.present(at).map_or(Ok(String::new()), |value| platform_word(at, value));
    let os_features = match document.present("os.features") {
        None => Vec::new(),
        Some(Value::List(words)) => {
            words.iter().map(|value| platform_word("os.features", value)).collect::<Result<_, _>>()?
        }
        Some(_) => return Err(ImageConfigError::WrongType { at: "os.features", expected: "a list of words" }),
    };
    Ok(Platform {
        architecture: word("architecture")?,
        os: word("os")?,
        os_version: word("os.version")?,
        os_features,
        variant: word("variant")?,
    })
}

fn platform_word(at: &'static str, value: &Value<'_>) -> Result<String, ImageConfigError> {
    match value {
        Value::Text(text) if text.len() <= PLATFORM_WORD_BYTES_MAX && !text.chars().any(char::is_control) => {
            Ok(text.as_ref().to_owned())
        }
        _ => Err(ImageConfigError::WrongType { at, expected: "a short word" }),
    }
}

fn layers(document: &Object<'_>) -> Result<Vec<ImageConfigLayer>, ImageConfigError> {
    let wrong = |at, expected| ImageConfigError::WrongType { at, expected };
    let root = match document.present("rootfs") {
        Some(Value::Object(root)) => root,
        Some(_) => return Err(wrong("rootfs", "an object")),
        None => return Err(ImageConfigError::NoRootFileSystem),
    };
    refuse_ambiguous_keys(root, ROOT_FILE_SYSTEM_KEYS)?;
    match root.present("type") {
        None => {}
        // An empty one is what a Go program writes for none.
        Some(Value::Text(text)) if text.is_empty() || text == LAYERS => {}
        Some(_) => return Err(wrong("rootfs.type", "`layers`")),
    }
    let diff_ids = match root.present("diff_ids") {
        None => &[],
        Some(Value::List(diff_ids)) => diff_ids.as_slice(),
        Some(_) => return Err(wrong("rootfs.diff_ids", "a list")),
    };
    if diff_ids.len() > LAYERS_MAX {
        return Err(ImageConfigError::TooManyLayers { actual: diff_ids.len() });
    }
    // A history that does not count the layers says nothing about any of them.
    let steps = steps(document).filter(|steps| steps.len() == diff_ids.len()).unwrap_or_default();
    let layer = |(index, value): (usize, &Value<'_>)| {
        let Value::Text(text) = value else { return Err(wrong("rootfs.diff_ids", "a list of digests")) };
        let diff_id = text.parse().map_err(|source| ImageConfigError::DiffId { index, source })?;
        Ok(ImageConfigLayer { diff_id, created_by: steps.get(index).copied().flatten().map(cut) })
    };
    diff_ids.iter().enumerate().map(layer).collect()
}

/// Returns the commands of the steps that made a layer.
fn steps<'o>(document: &'o Object<'_>) -> Option<Vec<Option<&'o str>>> {
    let Some(Value::List(history)) = document.get("history") else { return None };
    let mut steps = Vec::new();
    for step in history {
        let Value::Object(step) = step else { return None };
        if !matches!(step.get("empty_layer"), Some(Value::Bool(true))) {
            steps.push(told(step, "created_by"));
        }
    }
    Some(steps)
}

// Databases and C programs end a text at a NUL.
fn cut(text: &str) -> String {
    let mut text = text[..text.floor_char_boundary(CREATED_BY_BYTES_MAX)].replace('\0', "\u{fffd}");
    text.truncate(text.floor_char_boundary(CREATED_BY_BYTES_MAX));
    text
}

fn execution(config: &Object<'_>) -> Execution {
    let text = |key| told(config, key).unwrap_or_default().to_owned();
    let keys = |key| match config.get(key) {
        Some(Value::Object(entries)) => entries.iter().map(|(key, _)| key.to_owned()).collect(),
        _ => Vec::new(),
    };
    let labels = match config.get("Labels") {
        Some(Value::Object(entries)) => entries.iter().filter_map(label).collect(),
        _ => BTreeMap::new(),
    };
    Execution {
        user: text("User"),
        exposed_ports: keys("ExposedPorts"),
        environment: words(config, "Env"),
        entrypoint: words(config, "Entrypoint"),
        command: words(config, "Cmd"),
        volumes: keys("Volumes"),
        working_directory: text("WorkingDir"),
        labels,
        stop_signal: text("StopSignal"),
    }
}

fn label((key, value): (&str, &Value<'_>)) -> Option<(String, String)> {
    let Value::Text(value) = value else { return None };
    Some((key.to_owned(), value.as_ref().to_owned()))
}

// A list of which a part is no text is none of what it should be: a command without one of its words is another.
fn words(config: &Object<'_>, key: &str) -> Vec<String> {
    let Some(Value::List(words)) = config.get(key) else { return Vec::new() };
    let word = |value: &Value<'_>| if let Value::Text(text) = value { Some(text.as_ref().to_owned()) } else { None };
    words.iter().map(word).collect::<Option<_>>().unwrap_or_default()
}

fn told<'o>(object: &'o Object<'_>, key: &str) -> Option<&'o str> {
    match object.get(key) {
        Some(Value::Text(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// Returns whether a text is a time of RFC 3339, with what every month and day may have; documents carry it as it is.
fn is_time(text: &str) -> bool {
    let within = |at: usize, digits: usize, range: std::ops::RangeInclusive<u32>| {
        let digits = text.get(at..at + digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|digits| digits.parse().ok()).is_some_and(|number| range.contains(&number))
    };
    let is = |at: usize, expected: u8| text.as_bytes().get(at) == Some(&expected);
    let date = within(0, 4, 0..=9999) && is(4, b'-') && within(5, 2, 1..=12) && is(7, b'-') && within(8, 2, 1..=31);
    let time = is(10, b'T') && within(11, 2, 0..=23) && is(13, b':') && within(14, 2, 0..=59) && is(16, b':');
    let Some(rest) = text.get(19..).filter(|_| date && time && within(17, 2, 0..=60)) else { return false };
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|character: char| character.is_ascii_digit()),
        None => rest,
    };
    let zone_at = text.len() - zone.len();
    let is_offset = zone.len() == 6
        && zone.starts_with(['+', '-'])
        && within(zone_at + 1, 2, 0..=23)
        && is(zone_at + 3, b':')
        && within(zone_at + 4, 2, 0..=59);
    // At least one digit behind a point.
    !text[..zone_at].ends_with('.') && text.len() <= TIME_BYTES_MAX && (zone == "Z" || is_offset)
}

//! What an image's config says, as far as a page shows it (OCI image specification, "Image Configuration"). A config is
//! whatever somebody pushed: what has not the form that it should have is left out.

use oci::{Descriptor, RepositoryName};
use registry::Registry;
use serde_json::Value;

use crate::words::{Stated, foreign};

/// Bytes of the largest config that is read for a page; usual ones have some ten thousand.
const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Labels and the like that a page shows.
const ENTRIES_MAX: usize = 40;
const KEY_BYTES_MAX: usize = 100;
const VALUE_BYTES_MAX: usize = 200;
/// Words of a command line.
const WORDS_MAX: usize = 16;

/// A config.
#[derive(Debug)]
pub(crate) struct ImageConfig {
    pub(crate) platform: Option<String>,
    pub(crate) created: Stated,
    /// Names and values, in the order of a page.
    pub(crate) settings: Vec<(&'static str, String)>,
    pub(crate) labels: Entries,
    /// The step that made each layer, the lowest first.
    pub(crate) steps: Vec<String>,
}

/// Names and values that somebody wrote.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Entries {
    pub(crate) shown: Vec<(String, String)>,
    /// How many more there are.
    pub(crate) more: usize,
}

impl Entries {
    pub(crate) fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut entries = Self::default();
        for (key, value) in pairs {
            if entries.shown.len() == ENTRIES_MAX {
                entries.more += 1;
            } else {
                entries.shown.push((foreign(key, KEY_BYTES_MAX), foreign(value, VALUE_BYTES_MAX)));
            }
        }
        entries
    }
}

/// Why there is no config to show.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoConfig {
    TooLarge,
    Unreadable,
}

/// Reads the config of an image.
pub(crate) async fn read(
    registry: &Registry,
    name: &RepositoryName,
    config: &Descriptor,
    now_us: i64,
) -> Result<ImageConfig, NoConfig> {
    use futures_util::StreamExt as _;
    let entry = registry.find_blob(name, &config.digest).await.map_err(|_| NoConfig::Unreadable)?;
    if entry.size_bytes > CONFIG_BYTES_MAX {
        return Err(NoConfig::TooLarge);
    }
    let blob = registry.open_blob(name, &entry).await.map_err(|_| NoConfig::Unreadable)?;
    let mut stream = blob.stream(0..entry.size_bytes);
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|cause| {
            tracing::error!(digest = %entry.digest, %cause, "config could not be read to its end");
            NoConfig::Unreadable
        })?;
        bytes.extend_from_slice(&chunk);
    }
    parse(&bytes, now_us).ok_or(NoConfig::Unreadable)
}

/// Understands a config; `None` if it is no JSON object.
pub(crate) fn parse(bytes: &[u8], now_us: i64) -> Option<ImageConfig> {
    let document: Value = serde_json::from_slice(bytes).ok()?;
    let document = document.as_object()?;
    let text = |key: &str| document.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let platform = text("os").zip(text("architecture")).map(|(os, architecture)| {
        let variant = text("variant").map(|variant| format!("/{variant}")).unwrap_or_default();
        foreign(&format!("{os}/{architecture}{variant}"), KEY_BYTES_MAX)
    });
    let config = document.get("config").cloned().unwrap_or_default();
    let labels = config.get("Labels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
    Some(ImageConfig {
        platform,
        created: Stated::new(text("created").unwrap_or_default(), now_us),
        settings: settings(&config),
        labels: Entries::new(labels),
        steps: steps(document.get("history")),
    })
}

fn settings(config: &Value) -> Vec<(&'static str, String)> {
    let text = |key: &str| config.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let keys = |key: &str| {
        let keys = config.get(key).and_then(Value::as_object)?;
        let words: Vec<&str> = keys.keys().take(WORDS_MAX).map(String::as_str).collect();
        (!words.is_empty()).then(|| words.join(", "))
    };
    let environment = config.get("Env").and_then(Value::as_array).map_or(0, Vec::len);
    let found = [
        ("Entrypoint", command_line(config.get("Entrypoint"))),
        ("Command", command_line(config.get("Cmd"))),
        ("Directory", text("WorkingDir").map(ToOwned::to_owned)),
        ("User", Some(text("User").map_or_else(|| "root, as none is set".to_owned(), ToOwned::to_owned))),
        ("Ports", keys("ExposedPorts")),
        ("Volumes", keys("Volumes")),
        ("Environment", (environment > 0).then(|| crate::words::plural(crate::words::count(environment), "variable"))),
        ("Stop signal", text("StopSignal").map(ToOwned::to_owned)),
    ];
    found.into_iter().filter_map(|(key, value)| Some((key, foreign(&value?, VALUE_BYTES_MAX)))).collect()
}

/// Writes a list of words as a shell reads it.
fn command_line(words: Option<&Value>) -> Option<String> {
    let words = words?.as_array().filter(|words| !words.is_empty())?;
    let is_plain =
        |word: &str| !word.is_empty() && !word.contains(|character: char| " \t\n\"'\\$`|&;<>()*?".contains(character));
    let mut shown: Vec<String> = words
        .iter()
        .take(WORDS_MAX)
        .map(|word| word.as_str().unwrap_or_default())
        .map(|word| if is_plain(word) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) })
        .collect();
    if words.len() > WORDS_MAX {
        shown.push("…".to_owned());
    }
    Some(shown.join(" "))
}

/// Returns the steps that made layers; those that made none belong to no layer.
fn steps(history: Option<&Value>) -> Vec<String> {
    let Some(history) = history.and_then(Value::as_array) else { return Vec::new() };
    let makes_layer = |step: &&Value| step.get("empty_layer").and_then(Value::as_bool) != Some(true);
    history
        .iter()
        .filter(makes_layer)
        .map(|step| instruction(step.get("created_by").and_then(Value::as_str).unwrap_or_default()))
        .collect()
}

/// Returns a step as the build file had it.
fn instruction(created_by: &str) -> String {
    let text = created_by.trim();
    let text = text.strip_suffix("# buildkit").map_or(text, str::trim_end);
    let shown = match text.strip_prefix("/bin/sh -c ") {
        Some(shell) => match shell.trim_start().strip_prefix("#(nop)") {
            Some(instruction) => instruction.trim_start().to_owned(),
            None => format!("RUN {shell}"),
        },
        None => text.replacen("RUN /bin/sh -c ", "RUN ", 1),
    };
    foreign(&shown, VALUE_BYTES_MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_shown_as_the_build_file_had_them() {
        for (created_by, expected) in [
            ("/bin/sh -c #(nop) ADD file:77af in / ", "ADD file:77af in /"),
            ("/bin/sh -c apk add curl", "RUN apk add curl"),
            ("RUN /bin/sh -c apk add curl # buildkit", "RUN apk add curl"),
            ("COPY app.jar /app/ # buildkit", "COPY app.jar /app/"),
            ("", ""),
        ] {
            assert_eq!(instruction(created_by), expected, "{created_by}");
        }
    }

    #[test]
    fn what_has_the_wrong_form_is_left_out() {
        for bytes in [&b""[..], b"[]", b"null", b"{", b"\"text\""] {
            assert!(parse(bytes, 0).is_none());
        }
        let odd = br#"{"os":7,"architecture":["a"],"config":{"Labels":["x"],"Env":{},"Entrypoint":"sh","Cmd":[1,"a b"],"User":5},"history":{"a":1}}"#;
        insta::assert_debug_snapshot!(parse(odd, 0), @r#"
        Some(
            ImageConfig {
                platform: None,
                created: Nothing,
                settings: [
                    (
                        "Command",
                        "'' 'a b'",
                    ),
                    (
                        "User",
                        "root, as none is set",
                    ),
                ],
                labels: Entries {
                    shown: [],
                    more: 0,
                },
                steps: [],
            },
        )
        "#);
    }

    #[test]
    fn a_page_shows_so_many_labels_and_counts_the_rest() {
        let pairs: Vec<(String, String)> = (0..=ENTRIES_MAX).map(|index| (index.to_string(), String::new())).collect();
        for (wanted, shown, more) in
            [(ENTRIES_MAX - 1, ENTRIES_MAX - 1, 0), (ENTRIES_MAX, ENTRIES_MAX, 0), (ENTRIES_MAX + 1, ENTRIES_MAX, 1)]
        {
            let entries = Entries::new(pairs.iter().take(wanted).map(|(key, value)| (key.as_str(), value.as_str())));
            assert_eq!((entries.shown.len(), entries.more), (shown, more));
        }
    }
}

//! What an image's config says, as far as a page shows it.

use oci::{Descriptor, Execution, Platform, RepositoryName};
use registry::Registry;

use crate::words::{Stated, foreign};

/// Bytes of the largest config that is read for a page; usual ones have some ten thousand.
const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Labels and the like that a page shows.
const ENTRIES_MAX: usize = 40;
const KEY_BYTES_MAX: usize = 100;
const VALUE_BYTES_MAX: usize = 200;
/// Words of a command line.
const WORDS_MAX: usize = 16;

/// A config as a page shows it.
#[derive(Debug)]
pub(crate) struct ImageConfig {
    pub(crate) platform: Option<String>,
    pub(crate) created: Stated,
    /// Names and values, in the order of a page.
    pub(crate) settings: Vec<(&'static str, String)>,
    pub(crate) labels: Entries,
    /// The step that made each layer, the lowest first; empty where the history does not tell.
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

/// Understands a config; `None` if it is none of an image.
pub(crate) fn parse(bytes: &[u8], now_us: i64) -> Option<ImageConfig> {
    let config = oci::ImageConfig::parse(bytes).ok()?;
    let labels = config.execution.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let platform = Some(config.platform).filter(Platform::is_stated);
    let step = |layer: &oci::ImageConfigLayer| instruction(layer.created_by.as_deref().unwrap_or_default());
    Some(ImageConfig {
        platform: platform.map(|platform| foreign(&platform.to_string(), KEY_BYTES_MAX)),
        created: Stated::new(config.created.as_deref().unwrap_or_default(), now_us),
        settings: settings(&config.execution),
        labels: Entries::new(labels),
        steps: config.layers.iter().map(step).collect(),
    })
}

fn settings(execution: &Execution) -> Vec<(&'static str, String)> {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let list = |words: &[String]| {
        let words: Vec<&str> = words.iter().take(WORDS_MAX).map(String::as_str).collect();
        (!words.is_empty()).then(|| words.join(", "))
    };
    let environment = execution.environment.len();
    let found = [
        ("Entrypoint", command_line(&execution.entrypoint)),
        ("Command", command_line(&execution.command)),
        ("Directory", text(&execution.working_directory)),
        ("User", text(&execution.user).or_else(|| Some("root, as none is set".to_owned()))),
        ("Ports", list(&execution.exposed_ports)),
        ("Volumes", list(&execution.volumes)),
        ("Environment", (environment > 0).then(|| crate::words::plural(crate::words::count(environment), "variable"))),
        ("Stop signal", text(&execution.stop_signal)),
    ];
    found.into_iter().filter_map(|(key, value)| Some((key, foreign(&value?, VALUE_BYTES_MAX)))).collect()
}

/// Writes a list of words as a shell reads it.
fn command_line(words: &[String]) -> Option<String> {
    if words.is_empty() {
        return None;
    }
    let is_plain =
        |word: &str| !word.is_empty() && !word.contains(|character: char| " \t\n\"'\\$`|&;<>()*?".contains(character));
    let mut shown: Vec<String> = words
        .iter()
        .take(WORDS_MAX)
        .map(|word| if is_plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) })
        .collect();
    if words.len() > WORDS_MAX {
        shown.push("…".to_owned());
    }
    Some(shown.join(" "))
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
    fn what_is_no_config_of_an_image_is_not_shown() {
        for bytes in [&b""[..], b"[]", b"null", b"{", b"{}", b"\"text\""] {
            assert!(parse(bytes, 0).is_none());
        }
    }

    #[test]
    fn a_config_is_shown_as_it_stands() {
        let config = br#"{"os":"linux","architecture":"arm","variant":"v7","rootfs":{},
            "config":{"Labels":{"a":"<b>"},"Env":["A=1"],"Entrypoint":["sh","-c"],"Cmd":["","a b","it's"],
            "ExposedPorts":{"80/tcp":{},"443/tcp":{}}}}"#;
        insta::assert_debug_snapshot!(parse(config, 0), @r#"
        Some(
            ImageConfig {
                platform: Some(
                    "linux/arm/v7",
                ),
                created: Nothing,
                settings: [
                    (
                        "Entrypoint",
                        "sh -c",
                    ),
                    (
                        "Command",
                        "'' 'a b' 'it'\\''s'",
                    ),
                    (
                        "User",
                        "root, as none is set",
                    ),
                    (
                        "Ports",
                        "443/tcp, 80/tcp",
                    ),
                    (
                        "Environment",
                        "1 variable",
                    ),
                ],
                labels: Entries {
                    shown: [
                        (
                            "a",
                            "<b>",
                        ),
                    ],
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

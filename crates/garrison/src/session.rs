//! What a command for a hub works with: which hub, who asks, how answers are printed.

use std::fmt::Write as _;
use std::path::PathBuf;

use outbound::{Credentials, Endpoint, HubAddress, HubClient, HubOptions, Page};
use serde_json::Value;

use crate::cli::Global;
use crate::contexts::{Context, Contexts};
use crate::error::{CommandError, Kind};
use crate::output::{self, Align, Column, Format, Table};
use crate::platform::Platform;
use crate::target::{self, Target};

/// The surroundings of one command.
#[derive(Debug)]
pub(crate) struct Session {
    global: Global,
}

/// A column of a listing: a field of the API's answer and how it is shown.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    column: Column,
    name: &'static str,
    show: fn(&Value) -> String,
}

impl Field {
    /// Returns a field that is never dropped.
    pub(crate) const fn key(title: &'static str, name: &'static str) -> Self {
        Self { column: Column { title, align: Align::Left, rank: 0 }, name, show: text }
    }

    /// Returns a text; of all fields, that with the highest rank is dropped first.
    pub(crate) const fn text(title: &'static str, name: &'static str, rank: u8) -> Self {
        Self { column: Column { title, align: Align::Left, rank }, name, show: text }
    }

    /// Returns a number.
    pub(crate) const fn count(title: &'static str, name: &'static str, rank: u8) -> Self {
        Self { column: Column { title, align: Align::Right, rank }, name, show: text }
    }

    /// Returns a number of bytes.
    pub(crate) const fn size(title: &'static str, name: &'static str, rank: u8) -> Self {
        Self { column: Column { title, align: Align::Right, rank }, name, show: size }
    }

    /// Returns a moment.
    pub(crate) const fn time(title: &'static str, name: &'static str, rank: u8) -> Self {
        Self { column: Column { title, align: Align::Left, rank }, name, show: time }
    }

    /// Returns grants of a robot, as they are given on the command line.
    pub(crate) const fn grants(title: &'static str, name: &'static str, rank: u8) -> Self {
        Self { column: Column { title, align: Align::Left, rank }, name, show: grants }
    }

    /// Returns a text that may end with a digest, which is shortened.
    pub(crate) const fn resource(title: &'static str, name: &'static str, rank: u8) -> Self {
        Self { column: Column { title, align: Align::Left, rank }, name, show: resource }
    }

    /// Returns a digest, shortened.
    pub(crate) const fn digest(title: &'static str, name: &'static str, rank: u8) -> Self {
        Self { column: Column { title, align: Align::Left, rank }, name, show: digest }
    }
}

impl Session {
    pub(crate) fn new(global: Global) -> Self {
        Self { global }
    }

    pub(crate) fn format(&self) -> Format {
        self.global.format()
    }

    /// Returns the name of the context that `--context` names.
    pub(crate) fn chosen(&self) -> Option<&str> {
        self.global.context.as_deref()
    }

    /// Returns the contexts, of which the one that `--context` names is the current one.
    pub(crate) fn contexts(&self) -> Result<Contexts, CommandError> {
        contexts_with(self.chosen())
    }

    /// Returns a client of the current hub.
    pub(crate) fn hub(&self) -> Result<HubClient, CommandError> {
        let contexts = contexts()?;
        let (_, context) = self.current(&contexts)?;
        client(context)
    }

    /// Returns the context that `--context` names, else the current one.
    pub(crate) fn current<'a>(&self, contexts: &'a Contexts) -> Result<(&'a str, &'a Context), CommandError> {
        let Some(name) = self.global.context.as_deref().or(contexts.current.as_deref()) else {
            return Err(CommandError::new(Kind::Usage, "no hub is chosen")
                .hint("`garrison login HUB` makes a context, `garrison context use NAME` chooses one"));
        };
        match contexts.contexts.get_key_value(name) {
            Some((name, context)) => Ok((name, context)),
            None => Err(no_context(name)),
        }
    }

    /// Returns the current context, if one is chosen; one that is named must be there.
    pub(crate) fn find_current<'a>(
        &self,
        contexts: &'a Contexts,
    ) -> Result<Option<(&'a str, &'a Context)>, CommandError> {
        let is_chosen = self.global.context.is_some() || contexts.current.is_some();
        if is_chosen { self.current(contexts).map(Some) } else { Ok(None) }
    }

    /// Returns the hub that a reference is of, and the reference without the host.
    pub(crate) fn hub_of<'a>(&self, text: &'a str) -> Result<(HubClient, &'a str), CommandError> {
        match target::resolve(text, |path| std::path::Path::new(path).exists()) {
            Target::Path(path) => Err(CommandError::new(Kind::Usage, format!("`{path}` is a path on this machine"))
                .hint("this command takes a repository of a hub; write HOST/REPOSITORY to be exact")),
            Target::Current { reference } => Ok((self.hub()?, reference)),
            Target::Host { host, reference } => {
                let contexts = self.contexts()?;
                let hub = match contexts.find_by_host(host) {
                    Some((_, context)) => client(context)?,
                    None => HubClient::new(HubOptions {
                        address: address(host)?,
                        credentials: None,
                        ca_file: None,
                        plain_http: false,
                    })?,
                };
                Ok((hub, reference))
            }
        }
    }

    /// Reads a list and prints it.
    pub(crate) async fn print_list(
        &self,
        hub: &HubClient,
        endpoint: &Endpoint,
        rows_max: Option<usize>,
        fields: &[Field],
        when_empty: &str,
    ) -> Result<(), CommandError> {
        let page: Page<Value> = hub.list(endpoint, rows_max).await?;
        match self.format() {
            Format::Json => output::print_json(&page),
            Format::Table => print_rows(&page, fields, when_empty),
        }
    }

    /// Prints one thing: its fields one below the other.
    pub(crate) fn print_one(&self, value: &Value) -> Result<(), CommandError> {
        if self.format() == Format::Json {
            return output::print_json(value);
        }
        output::print_line(lines(value).trim_end())
    }

    /// Prints an answer in words, or as JSON what the hub said.
    pub(crate) fn print_done(&self, value: &Value, words: &str) -> Result<(), CommandError> {
        match self.format() {
            Format::Json => output::print_json(value),
            Format::Table => output::print_line(&output::printable(words)),
        }
    }
}

/// Prints rows of a list as a table.
pub(crate) fn print_rows(page: &Page<Value>, fields: &[Field], when_empty: &str) -> Result<(), CommandError> {
    if page.items.is_empty() {
        output::note(when_empty);
        return Ok(());
    }
    let mut table = Table::new(fields.iter().map(|field| field.column).collect());
    for item in &page.items {
        table.row(&fields.iter().map(|field| (field.show)(&item[field.name])).collect::<Vec<_>>());
    }
    output::print_line(table.render(output::width()).trim_end())?;
    if page.next.is_some() {
        output::note("There are more; `--limit` takes a larger number.");
    }
    Ok(())
}

/// Runs what talks to a hub, on this thread.
pub(crate) fn block_on<T>(command: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| CommandError::environment("failed to start the runtime", source))?
        .block_on(command)
}

/// Returns the file of the contexts.
pub(crate) fn contexts_path() -> Result<PathBuf, CommandError> {
    let directory = Platform::current().config_directory();
    directory.map(|directory| directory.join("contexts.toml")).ok_or_else(|| crate::contexts::Error::NoPlace.into())
}

/// Reads the contexts.
pub(crate) fn contexts() -> Result<Contexts, CommandError> {
    Ok(Contexts::read(&contexts_path()?)?)
}

/// Reads the contexts, of which one that is named is the current one; it must be there. Who has no home has none.
pub(crate) fn contexts_with(chosen: Option<&str>) -> Result<Contexts, CommandError> {
    let mut contexts = if contexts_path().is_ok() { contexts()? } else { Contexts::default() };
    if let Some(name) = chosen {
        if !contexts.contexts.contains_key(name) {
            return Err(no_context(name));
        }
        contexts.current = Some(name.to_owned());
    }
    Ok(contexts)
}

fn no_context(name: &str) -> CommandError {
    CommandError::new(Kind::Usage, format!("there is no context `{name}`")).hint("`garrison context list` shows them")
}

/// Returns a client for a context.
pub(crate) fn client(context: &Context) -> Result<HubClient, CommandError> {
    let credentials = match (&context.user, &context.secret) {
        (Some(user), Some(secret)) => Some(Credentials::Basic { user: user.clone(), secret: secret.clone() }),
        _ => None,
    };
    Ok(HubClient::new(HubOptions {
        address: address(&context.hub)?,
        credentials,
        ca_file: context.ca_file.clone(),
        plain_http: context.plain_http,
    })?)
}

/// Parses the address of a hub.
pub(crate) fn address(text: &str) -> Result<HubAddress, CommandError> {
    text.parse().map_err(|error: outbound::AddressError| {
        CommandError::new(Kind::Usage, error)
            .hint("as `hub.example.org`, `127.0.0.1:5000` or `https://hub.example.org:8443`")
    })
}

impl From<crate::contexts::Error> for CommandError {
    fn from(error: crate::contexts::Error) -> Self {
        let hints = error.hints();
        Self::new(Kind::Environment, error).with_hints(hints)
    }
}

fn lines(value: &Value) -> String {
    let Value::Object(fields) = value else { return text(value) };
    let width = fields.keys().map(|key| key.chars().count()).max().unwrap_or(0);
    let mut lines = String::new();
    // What it is called comes first, whatever the alphabet says.
    let is_name = |key: &str| matches!(key, "id" | "name");
    let named = fields.iter().filter(|(key, _)| is_name(key));
    for (key, value) in named.chain(fields.iter().filter(|(key, _)| !is_name(key))) {
        let parts = match value {
            Value::Array(parts) if parts.iter().any(Value::is_object) => parts.iter().map(part).collect(),
            value => vec![field(key, value)],
        };
        for (position, shown) in parts.iter().enumerate() {
            let key = if position == 0 { key.replace('_', " ") } else { String::new() };
            let shown = output::printable(shown).replace('\n', " ");
            let _infallible = writeln!(lines, "{key:<width$}  {shown}");
        }
    }
    lines
}

/// Returns one of several things in a line: what it has, without the names of its fields.
fn part(value: &Value) -> String {
    let Value::Object(fields) = value else { return text(value) };
    let present = fields.iter().filter(|(_, value)| !value.is_null());
    present.map(|(key, value)| field(key, value)).collect::<Vec<_>>().join("  ")
}

/// Returns a field by what its name says that it is.
fn field(key: &str, value: &Value) -> String {
    match value {
        Value::String(_) if key.ends_with("_at") => time(value),
        Value::Number(_) if key.ends_with("bytes") => size(value),
        value => text(value),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let named = |(key, value): (&String, &Value)| format!("{} {}", key.replace('_', " "), field(key, value));
            fields.iter().filter(|(_, value)| !value.is_null()).map(named).collect::<Vec<_>>().join("  ")
        }
        Value::Number(number) => number.to_string(),
    }
}

/// Returns a text in which digests are shortened: what tells them apart is at their beginning.
fn resource(value: &Value) -> String {
    const SHOWN: usize = 12;
    let text = text(value);
    match text.rsplit_once(':') {
        Some((before, hash)) if hash.len() >= 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            format!("{before}:{}", &hash[..SHOWN])
        }
        _ => text,
    }
}

/// Returns a number of bytes as people write it.
pub(crate) fn size(value: &Value) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let Some(bytes) = value.as_u64() else { return text(value) };
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // In tenths of a unit, rounded, so that no floating point is needed.
    let mut tenths = u128::from(bytes) * 10;
    let mut unit = "B";
    for name in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths = (tenths + 512) / 1024;
        unit = name;
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

fn time(value: &Value) -> String {
    match value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()) {
        Some(moment) => moment.strftime("%Y-%m-%d %H:%M").to_string(),
        None => text(value),
    }
}

fn grants(value: &Value) -> String {
    let grant = |grant: &Value| format!("{}={}", text(&grant["repositories"]), text(&grant["role"]));
    match value.as_array() {
        Some(grants) if !grants.is_empty() => grants.iter().map(grant).collect::<Vec<_>>().join(" "),
        _ => "-".to_owned(),
    }
}

fn digest(value: &Value) -> String {
    match value.as_str().and_then(|text| text.parse::<oci::Digest>().ok()) {
        Some(digest) => digest.short(),
        None => text(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_shown_for_people() {
        let table = [
            (size as fn(&Value) -> String, json!(0), "0 B"),
            (size, json!(1023), "1023 B"),
            (size, json!(1024), "1.0 KiB"),
            (size, json!(1536), "1.5 KiB"),
            (size, json!((1 << 20) - 1), "1.0 MiB"),
            (size, json!(1 << 20), "1.0 MiB"),
            (size, json!(u64::MAX), "16384.0 PiB"),
            (size, json!(null), "-"),
            (time, json!("2026-11-02T10:04:05.123456Z"), "2026-11-02 10:04"),
            (time, json!("soon"), "soon"),
            (time, json!(null), "-"),
            (text, json!(true), "yes"),
            (text, json!([]), "-"),
            (text, json!(["a", 2]), "a, 2"),
            (text, json!({"role": "writer"}), "role writer"),
            (grants, json!([{"repositories": "team/*", "role": "writer"}]), "team/*=writer"),
            (grants, json!([]), "-"),
            (resource, json!(format!("team/api@sha256:{}", "a".repeat(64))), "team/api@sha256:aaaaaaaaaaaa"),
            (resource, json!("team/api:1.4"), "team/api:1.4"),
            (part, json!({"digest": "x", "platform": null, "size_bytes": 1024}), "x  1.0 KiB"),
        ];
        for (show, value, expected) in table {
            assert_eq!(show(&value), expected, "{value}");
        }
    }

    #[test]
    fn a_thing_is_shown_line_by_line() {
        insta::assert_snapshot!(lines(&json!({
            "name": "team", "public": false, "size_bytes": 2048, "created_at": "2026-11-02T10:04:05Z", "evil": "a\n\u{1b}b",
            "layers": [{"digest": "x", "size_bytes": 1}, {"digest": "y", "size_bytes": 2}], "stored": {"bytes": 5, "count": 1},
        })), @"
        name        team
        created at  2026-11-02 10:04
        evil        a �b
        layers      x  1 B
                    y  2 B
        public      no
        size bytes  2.0 KiB
        stored      bytes 5 B  count 1
        ");
    }
}

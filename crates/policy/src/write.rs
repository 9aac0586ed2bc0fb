use std::fmt::Write as _;

use component::{Pattern, PurlPattern};
use serde_json::{Value, json};

use crate::document::{API_VERSION, KIND};
use crate::{Exception, Exceptions, write_moment};

impl Exceptions {
    /// Writes the document as YAML: one way to write each, fields in one order.
    pub fn to_yaml(&self) -> String {
        let mut text = format!("apiVersion: {API_VERSION}\nkind: {KIND}\n");
        if self.is_empty() {
            text.push_str("exceptions: []\n");
            return text;
        }
        text.push_str("exceptions:\n");
        for entry in self.entries() {
            write_entry(entry, &mut text);
        }
        text
    }

    /// Returns the document as a value of JSON, which reads as the same.
    pub fn to_json(&self) -> Value {
        let entries: Vec<Value> = self.entries().iter().map(entry_value).collect();
        json!({ "apiVersion": API_VERSION, "kind": KIND, "exceptions": entries })
    }
}

fn entry_value(entry: &Exception) -> Value {
    let mut value = json!({
        "id": entry.id,
        "vulnerabilities": entry.vulnerabilities,
        "owner": entry.owner,
        "reason": entry.reason,
        "created": write_moment(entry.created),
        "expires": write_moment(entry.expires),
    });
    for (name, patterns) in [("purls", &written(&entry.purls)), ("paths", &entry.paths), ("scope", &entry.scope)] {
        if !patterns.is_empty() {
            value[name] = json!(patterns);
        }
    }
    if let Some(versions) = &entry.versions {
        value["versions"] = json!(versions.to_string());
    }
    if let Some(condition) = entry.condition {
        value["condition"] = json!(condition.name());
    }
    value
}

fn write_entry(entry: &Exception, text: &mut String) {
    let mut lead = "  - ";
    let mut field = |name: &str, value: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{lead}{name}: {value}");
        lead = "    ";
    };
    field("id", &scalar(&entry.id));
    let lists = [
        ("vulnerabilities", &entry.vulnerabilities),
        ("purls", &written(&entry.purls)),
        ("paths", &entry.paths),
        ("scope", &entry.scope),
    ];
    for (name, patterns) in lists {
        if !patterns.is_empty() {
            field(name, &list(patterns));
        }
        if name == "purls"
            && let Some(versions) = &entry.versions
        {
            field("versions", &scalar(&versions.to_string()));
        }
    }
    field("owner", &scalar(&entry.owner));
    field("reason", &scalar(&entry.reason));
    field("created", &scalar(&write_moment(entry.created)));
    field("expires", &scalar(&write_moment(entry.expires)));
    if let Some(condition) = entry.condition {
        field("condition", condition.name());
    }
}

fn written(purls: &[PurlPattern]) -> Vec<Pattern> {
    purls.iter().map(|purl| purl.written().clone()).collect()
}

fn list(patterns: &[Pattern]) -> String {
    let items: Vec<String> = patterns.iter().map(|pattern| scalar(pattern.as_str())).collect();
    format!("[{}]", items.join(", "))
}

/// Writes a text as it is where YAML reads it as that text, else between double quotes, as JSON does.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let is_plain_character = |character: char| character.is_ascii_alphanumeric() || " ._/@+-".contains(character);
    let begins_plain = text.starts_with(|first: char| first.is_ascii_alphabetic()) || is_date(text);
    let is_plain = begins_plain
        && !text.ends_with(' ')
        && text.chars().all(is_plain_character)
        && !WORDS.contains(&&*text.to_ascii_lowercase());
    if is_plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            // Whatever does not print, in the escapes that YAML and JSON share; beyond the sixteen bits of those, as it is.
            character
                if character.is_control() || matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}') =>
            {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// No scalar of YAML 1.2 but a text has this form.
fn is_date(text: &str) -> bool {
    text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() })
}

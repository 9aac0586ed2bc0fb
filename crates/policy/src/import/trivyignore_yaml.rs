//! Trivy's `.trivyignore.yaml` (Trivy's documentation, "Filtering", "By Finding IDs").

use component::Purl;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{Importer, Rule, paths};
use crate::{ReadError, parse_moment, yaml};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stated {
    #[serde(default)]
    vulnerabilities: Vec<Spanned<Entry>>,
    #[serde(default)]
    misconfigurations: Vec<Spanned<Entry>>,
    #[serde(default)]
    secrets: Vec<Spanned<Entry>>,
    #[serde(default)]
    licenses: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    purls: Vec<String>,
    #[serde(default)]
    expired_at: Option<String>,
    #[serde(default)]
    statement: String,
}

pub(super) fn read(text: &str, importer: &mut Importer<'_>) -> Result<(), ReadError> {
    let stated: Stated = yaml::read(text)?;
    for entry in &stated.vulnerabilities {
        read_entry(&entry.value, entry.referenced.line(), importer)?;
    }
    let others = [
        (&stated.misconfigurations, "misconfigurations"),
        (&stated.secrets, "secrets"),
        (&stated.licenses, "licences"),
    ];
    for (entries, what) in others {
        for entry in entries {
            let why = format!("exceptions are for vulnerabilities, not for {what}");
            importer.left_out(entry.referenced.line(), &entry.value.id, why);
        }
    }
    Ok(())
}

fn read_entry(entry: &Entry, line: u64, importer: &mut Importer<'_>) -> Result<(), ReadError> {
    let Entry { id, paths, purls, expired_at, statement } = entry;
    let id = id.trim();
    if id.is_empty() || id.contains(['*', '?']) {
        importer.left_out(line, id, "it is no name of a vulnerability");
        return Ok(());
    }
    let mut rule = Rule { line, vulnerability: id.to_owned(), reason: statement.clone(), ..Rule::default() };
    for path in paths {
        let Some(patterns) = paths::translate(path) else {
            importer.left_out(line, id, format!("the path `{path}` has no counterpart"));
            return Ok(());
        };
        rule.paths.extend(patterns);
    }
    for purl in purls {
        match purl.trim().parse::<Purl>() {
            Ok(purl) => rule.purls.push(purl.to_string()),
            Err(error) => {
                importer.left_out(line, id, format!("`{purl}` is no purl: {error}"));
                return Ok(());
            }
        }
    }
    if let Some(text) = expired_at {
        rule.expires = parse_moment(text);
        if rule.expires.is_none() {
            importer.left_out(line, id, format!("`{text}` is no date"));
            return Ok(());
        }
    }
    importer.add(&rule)
}
